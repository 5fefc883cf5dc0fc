//! Metrics as they are looked for, narrowed and drawn.

use serde::{Deserialize, Serialize};

use super::{RangeSpec, SpanId, TimeRange, TraceId, UnixMillis, VariableValue, overview::Grid};

/// What a metric counts or measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricKind {
    /// Only ever grows, until its program starts anew.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts measurements by size, in series of their own: `_bucket`, `_sum`, `_count`.
    Histogram,
    /// Tells quantiles, beside `_sum` and `_count`.
    Summary,
    /// Nobody said.
    #[default]
    Unknown,
}

impl MetricKind {
    /// Of what senders say.
    pub fn of(said: &str) -> Self {
        match said {
            "counter" => Self::Counter,
            "gauge" | "info" | "stateset" => Self::Gauge,
            "histogram" => Self::Histogram,
            "summary" => Self::Summary,
            _ => Self::Unknown,
        }
    }

    /// What people read.
    pub fn label(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::Unknown => "metric",
        }
    }
}

/// A metric: for histograms and summaries the family, without the endings of its series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricSummary {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: MetricKind,
    /// What senders say of it; may be empty.
    pub help: String,
    /// The unit that senders say; may be empty.
    pub unit: String,
    /// How many series it has in the range.
    pub series: u64,
}

/// Which metrics are looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MetricListQuery {
    /// Words that name or help have.
    pub search: String,
    /// With samples in this range, by whole days.
    pub range: RangeSpec,
    /// How many, at most [`MetricListQuery::MOST`]; 0 for [`MetricListQuery::SOME`].
    pub limit: u32,
}

impl MetricListQuery {
    /// How many are listed unless more are asked for.
    pub const SOME: u32 = 50;
    /// How many are listed at most.
    pub const MOST: u32 = 1000;
}

/// Metrics that were found, best first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MetricList {
    /// Some of them.
    pub metrics: Vec<MetricSummary>,
    /// How many match.
    pub matching: u64,
    /// How many there are in the range.
    pub in_range: u64,
    /// Whether no metric was ever received.
    pub is_new: bool,
    /// Whether samples were refused within the last hour.
    pub refused: Option<SeriesRefusal>,
}

/// Samples that were refused as their tenant has no room for more series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesRefusal {
    /// How many since Console was started.
    pub samples: u64,
    /// When the last ones were.
    pub at: UnixMillis,
    /// Why, with the label that has the most values.
    pub why: String,
}

/// What the values of a label have to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LabelTest {
    /// The label.
    pub label: String,
    /// Whether it must be none of the values, rather than one of them.
    pub is_not: bool,
    /// The values; at least one.
    pub values: Vec<String>,
}

impl LabelTest {
    /// Whether it holds for a value; a label that is not there is empty.
    pub fn holds(&self, value: &str) -> bool {
        self.values.iter().any(|wanted| wanted == value) != self.is_not
    }
}

/// Whose labels are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MetricLabelsQuery {
    /// The name that its series have.
    pub metric: String,
    /// Which of its series.
    pub tests: Vec<LabelTest>,
    /// With samples in this range, by whole days.
    pub range: RangeSpec,
    /// How many values of each label, at most [`MetricLabelsQuery::MOST_VALUES`]; 0 for
    /// [`MetricLabelsQuery::SOME_VALUES`].
    pub values: u32,
}

impl MetricLabelsQuery {
    /// Values of a label unless more are asked for.
    pub const SOME_VALUES: u32 = 8;
    /// Values of a label at most.
    pub const MOST_VALUES: u32 = 200;
    /// Labels at most.
    pub const MOST_LABELS: usize = 50;
}

/// The labels of a metric.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MetricLabels {
    /// How many series the tests leave.
    pub series: u64,
    /// Labels by name, at most [`MetricLabelsQuery::MOST_LABELS`].
    pub labels: Vec<LabelFacet>,
    /// How many labels there are.
    pub label_count: u64,
}

/// A label with its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelFacet {
    /// The label.
    pub name: String,
    /// How many values it has.
    pub distinct: u64,
    /// Some of them, those of most series first. Counted without what the tests ask of this label itself.
    pub values: Vec<LabelValue>,
}

/// A value of a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelValue {
    /// The value.
    pub value: String,
    /// How many series have it.
    pub series: u64,
}

/// Which values of a label are looked for, to complete what is typed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LabelValuesQuery {
    /// The name that the series have; empty for all series.
    pub metric: String,
    /// The label.
    pub label: String,
    /// What the values have in them.
    pub search: String,
}

impl LabelValuesQuery {
    /// Values at most.
    pub const MOST: usize = 50;
}

/// What is wanted of queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricForm {
    /// Their courses over the range.
    #[default]
    Course,
    /// Their values at the end of the range, so many rows at most.
    Table(u32),
}

/// Queries over one range.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MetricQuery {
    /// In PromQL, at most [`MetricQuery::MOST`]; an empty one is not asked.
    pub texts: Vec<String>,
    /// Over which range.
    pub range: RangeSpec,
    /// How many instants a course may have, about: what the pixels show.
    pub points: u32,
    /// In which form.
    pub form: MetricForm,
    /// What is put in the place of variables.
    pub values: Vec<VariableValue>,
}

impl MetricQuery {
    /// Queries at once at most.
    pub const MOST: usize = 12;
    /// Series of a course at most.
    pub const MOST_SERIES: usize = 100;
    /// Rows of a table unless more are asked for.
    pub const SOME_ROWS: u32 = 100;
    /// Rows of a table at most.
    pub const MOST_ROWS: u32 = 2000;
    /// Exemplars of a query at most.
    pub const MOST_EXEMPLARS: usize = 60;
}

/// The answers of several queries, with one grid of instants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricAnswers {
    /// The range as it was understood.
    pub range: TimeRange,
    /// The instants of all courses.
    pub grid: Grid,
    /// The form that was asked for.
    pub form: MetricForm,
    /// One a query, in their order.
    pub answers: Vec<MetricAnswer>,
}

/// The answer of a query.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MetricAnswer {
    /// The query.
    pub text: String,
    /// Why there is none.
    pub problem: Option<QueryProblem>,
    /// Its series: those with the greatest values when there are too many; in the order of their labels.
    pub series: Vec<MetricSeries>,
    /// How many series there are.
    pub total: u64,
    /// How fine the figures are that were read: `samples`, `5 min`, `1 h`, the finest first.
    pub read: Vec<String>,
    /// What is to be said about it.
    pub notes: Vec<String>,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
    /// Measurements that stand for the samples, those with a trace, oldest first.
    pub exemplars: Vec<MetricExemplar>,
}

/// A series of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricSeries {
    /// Its labels by name, `__name__` among them.
    pub labels: Vec<(String, String)>,
    /// One value an instant of the grid, one alone in a table; none where there is none or no number.
    pub values: Vec<Option<f64>>,
    /// What stands in a table instead of a value: `NaN`, a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryProblem {
    /// One sentence for people.
    pub message: String,
    /// After how many characters of the query, if that is known.
    pub at: Option<u32>,
}

/// A measurement with the trace that it was taken in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricExemplar {
    /// When.
    pub time: UnixMillis,
    /// What was measured.
    pub value: f64,
    /// The trace.
    pub trace_id: TraceId,
    /// The span of that trace.
    pub span_id: Option<SpanId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_for_one_of_its_values_or_for_none_of_them() {
        let mut test = LabelTest { label: "job".into(), is_not: false, values: vec!["a".into(), "b".into()] };
        assert!(test.holds("a") && !test.holds("c") && !test.holds(""));
        test.is_not = true;
        assert!(!test.holds("a") && test.holds("c") && test.holds(""));
    }

    #[test]
    fn what_nobody_knows_is_a_metric() {
        assert_eq!(MetricKind::of("counter"), MetricKind::Counter);
        assert_eq!(MetricKind::of("gaugehistogram"), MetricKind::Unknown);
    }
}
