//! What queries answer, in the form in which it is drawn.

use app::model::{
    Filling, MetricAnswer, MetricAnswers, MetricExemplar, MetricForm, MetricQuery, MetricSeries, QueryProblem,
    TenantId, TimeRange, UnixMillis, overview::Grid,
};
use futures::future::join_all;

use super::{instants::grid, problem};
use crate::{
    promql::{Params, Query, Value},
    service::{
        Services,
        promql::{Answered, Question},
    },
    store::sample::{Labels, Resolution},
};

/// Exemplars of one series that are looked at: the newest.
const EXEMPLARS_OF_A_SERIES: usize = 10;

impl Services {
    /// The answers, all over the same range.
    pub(in crate::service) async fn answer_queries(&self, tenant: TenantId, query: MetricQuery) -> MetricAnswers {
        let range = query.range.resolve(self.clock.now_millis());
        let grid = grid(range, query.points);
        let filling = Filling { values: &query.values, step_ms: grid.step_ms, range_ms: range.duration_ms() };
        let answers = query.texts.into_iter().map(|text| {
            let filled = filling.fill(&text);
            self.answer_one(tenant, text, filled, range, grid, query.form)
        });
        MetricAnswers { range, grid, form: query.form, answers: join_all(answers).await }
    }

    async fn answer_one(
        &self,
        tenant: TenantId,
        text: String,
        filled: String,
        range: TimeRange,
        grid: Grid,
        form: MetricForm,
    ) -> MetricAnswer {
        if text.trim().is_empty() {
            return MetricAnswer { text, ..MetricAnswer::default() };
        }
        let (start, end, step) = match form {
            MetricForm::Course => (grid.from.0, grid.at(grid.len - 1).0, grid.step_ms),
            MetricForm::Table(_) => (range.to.0, range.to.0, 0),
        };
        let question = Question { text: filled.clone(), start, end, step, lookback: None, timeout: None };
        let answered = match self.query(tenant, question).await {
            Ok(answered) => answered,
            Err(error) => {
                let problem = problem::of(&filled, error);
                // A place in what was asked is none in what was written.
                let at = problem.at.filter(|_| filled == text);
                let problem = Some(QueryProblem { at, ..problem });
                return MetricAnswer { text, problem, ..MetricAnswer::default() };
            }
        };
        let exemplars = match form {
            MetricForm::Course => self.exemplars_of(tenant, &filled, range).await,
            MetricForm::Table(_) => Vec::new(),
        };
        MetricAnswer { text, exemplars, ..shown(answered, grid, form) }
    }

    /// The newest measurements of what a query selects, those with a trace.
    async fn exemplars_of(&self, tenant: TenantId, text: &str, range: TimeRange) -> Vec<MetricExemplar> {
        let Ok(query) = Query::parse(text, Params::instant(0)) else { return Vec::new() };
        let mut all = Vec::new();
        for selection in query.selections() {
            let (from, to) = (range.from.to_nanos(), range.to.to_nanos());
            let found = self.stores.metrics.exemplars(tenant, &selection.matchers, from, to, EXEMPLARS_OF_A_SERIES);
            // Where there are too many to be read, or none can be, the courses are still worth showing.
            let Ok(found) = found.await else { continue };
            let told = found.into_iter().flat_map(|series| series.exemplars).filter_map(|one| {
                let time = one.time.to_millis();
                one.value.is_finite().then_some(())?;
                Some(MetricExemplar { time, value: one.value, trace_id: one.trace_id?, span_id: one.span_id })
            });
            all.extend(told);
        }
        all.sort_by_key(|one: &MetricExemplar| one.time);
        all.dedup_by_key(|one| (one.time, one.trace_id, one.span_id));
        all.split_off(all.len().saturating_sub(MetricQuery::MOST_EXEMPLARS))
    }
}

/// An answer as it is drawn.
fn shown(answered: Answered, grid: Grid, form: MetricForm) -> MetricAnswer {
    let Answered { answer, resolutions, took } = answered;
    let (total, series) = match form {
        MetricForm::Course => courses(answer.value, grid),
        MetricForm::Table(rows) => {
            let most = if rows == 0 { MetricQuery::SOME_ROWS } else { rows.min(MetricQuery::MOST_ROWS) };
            table(answer.value, most as usize)
        }
    };
    let read = resolutions.into_iter().map(|resolution| match resolution {
        Resolution::Raw => "samples".to_owned(),
        Resolution::FiveMinutes => "5 min".to_owned(),
        Resolution::Hour => "1 h".to_owned(),
    });
    MetricAnswer {
        series,
        total: total as u64,
        read: read.collect(),
        notes: answer.warnings.into_iter().chain(answer.infos).collect(),
        took_ms: took.as_secs_f64() * 1000.0,
        ..MetricAnswer::default()
    }
}

/// How many series there are, and their courses: those with the greatest values where there are too many.
fn courses(value: Value, grid: Grid) -> (usize, Vec<MetricSeries>) {
    let Value::Matrix(mut all) = value else { return (0, Vec::new()) };
    let total = all.len();
    if total > MetricQuery::MOST_SERIES {
        let greatest = |points: &[(i64, f64)]| {
            points.iter().map(|(_, value)| *value).filter(|value| value.is_finite()).fold(f64::NEG_INFINITY, f64::max)
        };
        all.sort_by(|one, other| greatest(&other.points).total_cmp(&greatest(&one.points)));
        all.truncate(MetricQuery::MOST_SERIES);
        all.sort_by(|one, other| one.labels.cmp(&other.labels));
    }
    let course = |points: Vec<(i64, f64)>| {
        let mut values = vec![None; grid.len];
        for (time, value) in points {
            let place = grid.index_of(UnixMillis(time)).and_then(|index| values.get_mut(index));
            if let Some(place) = place.filter(|_| value.is_finite()) {
                *place = Some(value);
            }
        }
        values
    };
    let series = all.into_iter().map(|series| MetricSeries {
        labels: pairs(&series.labels),
        values: course(series.points),
        text: None,
    });
    (total, series.collect())
}

/// How many rows there are, and the first of them.
fn table(value: Value, most: usize) -> (usize, Vec<MetricSeries>) {
    match value {
        Value::Scalar(_, value) => (1, vec![row(&Labels::default(), value)]),
        Value::String(_, text) => (1, vec![MetricSeries { labels: Vec::new(), values: vec![None], text: Some(text) }]),
        Value::Vector(all) => {
            (all.len(), all.into_iter().take(most).map(|series| row(&series.labels, series.value)).collect())
        }
        Value::Matrix(all) => {
            let last = all.iter().filter_map(|series| Some((series, series.points.last()?.1)));
            (all.len(), last.take(most).map(|(series, value)| row(&series.labels, value)).collect())
        }
    }
}

fn row(labels: &Labels, value: f64) -> MetricSeries {
    let text = match value {
        value if value.is_nan() => Some("NaN".to_owned()),
        value if value.is_infinite() => Some(if value > 0.0 { "+Inf" } else { "−Inf" }.to_owned()),
        _ => None,
    };
    MetricSeries { labels: pairs(labels), values: vec![Some(value).filter(|value| value.is_finite())], text }
}

fn pairs(labels: &Labels) -> Vec<(String, String)> {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::{MatrixSeries, VectorSeries};

    #[test]
    fn a_course_has_gaps_where_there_is_nothing() {
        let grid = Grid { from: UnixMillis(1000), step_ms: 1000, len: 4 };
        let labels = Labels::named("up", &[("job", "a")]);
        let points = vec![(1000, 1.0), (3000, f64::NAN), (4000, 2.0)];
        let (total, series) = courses(Value::Matrix(vec![MatrixSeries { labels, points }]), grid);
        assert_eq!(total, 1);
        assert_eq!(series[0].values, [Some(1.0), None, None, Some(2.0)]);
        assert_eq!(series[0].labels[0], ("__name__".to_owned(), "up".to_owned()));
    }

    #[test]
    fn of_many_series_the_greatest_are_drawn_in_the_order_of_their_labels() {
        let grid = Grid { from: UnixMillis(0), step_ms: 1000, len: 1 };
        let series = |n: usize| MatrixSeries {
            labels: Labels::named("x", &[("n", &format!("{n:04}"))]),
            points: vec![(0, n as f64)],
        };
        let (total, series) = courses(Value::Matrix((0..250).map(series).collect()), grid);
        assert_eq!((total, series.len()), (250, MetricQuery::MOST_SERIES));
        assert_eq!((series[0].values[0], series[99].values[0]), (Some(150.0), Some(249.0)));
    }

    #[test]
    fn a_table_says_what_is_no_number() {
        let vector = |value| VectorSeries { labels: Labels::default(), time: 0, value };
        let all = Value::Vector([1.0, f64::NAN, f64::INFINITY].map(vector).into());
        let (total, rows) = table(all, 2);
        assert_eq!((total, rows.len()), (3, 2));
        assert_eq!((rows[0].values[0], rows[1].text.as_deref()), (Some(1.0), Some("NaN")));
    }
}
