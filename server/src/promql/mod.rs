//! PromQL, the query language of Prometheus (<https://prometheus.io/docs/prometheus/latest/querying/basics/>), over stored
//! series.
//!
//! [`Query::parse`] checks a query and says which samples it needs, [`Query::evaluate`] answers it from them. Between the
//! two the caller fetches them however it likes; nothing here knows of a store or of the time of day.
//!
//! An expression becomes a tree of operators (`operator/`) that yield one series at a time, with its values at all instants
//! at once. What aggregates does not hold series but groups, so that memory does not grow with what is read. Values that
//! are not there are marked by the bits that mark the end of a series, which no result ever has.
//!
//! The meaning is that of Prometheus 3, where ranges do not hold the instant at which they begin. What differs:
//!
//! - Native histograms and functions that Prometheus calls experimental are refused, unless the parser knows them.
//! - Of equal values `topk` and `bottomk` take those whose labels come first.
//! - Parts of a date that is none are NaN.
//! - Hints about counters that do not look like one are not given.

mod aggregate;
mod arithmetic;
mod binary;
mod error;
mod functions;
mod grid;
mod limits;
mod operator;
mod plan;
mod selector;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
mod value;

pub use self::{
    error::{Error, ErrorKind},
    limits::{Interrupt, Limits},
    selector::selector,
    value::{Answer, MatrixSeries, Value, VectorSeries},
};
use self::{
    grid::Grid,
    operator::{Row, Run, build, read_all, steps},
    plan::{Plan, Planner, Vector, parse_text},
};
use crate::store::sample::{Labels, Resolution, Selection, SeriesStream, is_stale};

/// Most instants that a query may ask for, as Prometheus has it.
const MOST_STEPS: i64 = 11_000;
/// How far back the last sample of a series counts, in milliseconds, as Prometheus has it.
pub const LOOKBACK: i64 = 300_000;
/// The step of subqueries that tell none, in milliseconds, as Prometheus has it.
const SUBQUERY_STEP: i64 = 60_000;

/// When and how a query is evaluated. Times are milliseconds since the Unix epoch, durations milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// The first instant.
    pub start: i64,
    /// The last; the same for an instant query.
    pub end: i64,
    /// From one instant to the next; 0 for an instant query.
    pub step: i64,
    /// How far back the last sample of a series counts.
    pub lookback: i64,
    /// The step of subqueries that tell none.
    pub subquery_step: i64,
    /// The coarsest figures that may be read. Roll-ups are read only where they answer as samples would.
    pub coarsest: Resolution,
    /// The finest figures that there still are. With roll-ups, everything is answered from them as well as it goes.
    pub finest: Resolution,
    /// Selectors that reach over less time than this read samples even where roll-ups would do.
    pub rollups_from: i64,
}

impl Params {
    /// A query for one instant, of samples only.
    pub fn instant(time: i64) -> Self {
        Self {
            start: time,
            end: time,
            step: 0,
            lookback: LOOKBACK,
            subquery_step: SUBQUERY_STEP,
            coarsest: Resolution::Raw,
            finest: Resolution::Raw,
            rollups_from: 0,
        }
    }

    /// A query for several instants, of samples only.
    pub fn range(start: i64, end: i64, step: i64) -> Self {
        Self { start, end, step, ..Self::instant(start) }
    }

    /// Whether a matrix is wanted.
    fn is_range(&self) -> bool {
        self.step > 0
    }

    fn grid(&self) -> Result<Grid, Error> {
        let bad = |message: &str| Err(Error::Bad(message.to_owned()));
        let is_far = |time: i64| time.unsigned_abs() > 1 << 55;
        if [self.start, self.end, self.step, self.lookback, self.subquery_step].into_iter().any(is_far) {
            return bad("a time is out of range");
        }
        if self.lookback <= 0 || self.subquery_step <= 0 {
            return bad("the look-back and the step of subqueries must be positive durations");
        }
        if self.end < self.start {
            return bad("end timestamp must not be before start time");
        }
        if !self.is_range() {
            if self.step < 0 || self.start != self.end {
                return bad("zero or negative query resolution step widths are not accepted; try a positive one");
            }
            return Ok(Grid::instant(self.start));
        }
        if (self.end - self.start) / self.step >= MOST_STEPS {
            return bad(
                "exceeded maximum resolution of 11,000 points per timeseries; try a greater step or a shorter range",
            );
        }
        Ok(Grid::between(self.start, self.end, self.step))
    }
}

/// Opens the series of selections.
pub trait Source {
    /// The series of one of [`Query::selections`], by its place there. It may be asked for several times.
    fn open(&self, selection: usize) -> SeriesStream;
}

impl<F: Fn(usize) -> SeriesStream> Source for F {
    fn open(&self, selection: usize) -> SeriesStream {
        self(selection)
    }
}

/// A query that was checked.
#[derive(Debug)]
pub struct Query {
    params: Params,
    grid: Grid,
    plan: Plan,
    selections: Vec<Selection>,
    warnings: Vec<String>,
    infos: Vec<String>,
}

impl Query {
    /// Parses and checks a query.
    pub fn parse(text: &str, params: Params) -> Result<Self, Error> {
        let grid = params.grid()?;
        let expression = parse_text(text)?;
        let mut planner = Planner::new(&params);
        let plan = planner.plan(&expression, grid)?;
        let Planner { selections, warnings, infos, .. } = planner;
        let (warnings, infos) = (warnings.into_iter().collect(), infos.into_iter().collect());
        Ok(Self { params, grid, plan, selections, warnings, infos })
    }

    /// The samples that it needs. Selectors that need the same share one.
    pub fn selections(&self) -> &[Selection] {
        &self.selections
    }

    /// How fine the figures are that it reads, each resolution once, the finest first.
    pub fn resolutions(&self) -> Vec<Resolution> {
        let mut all: Vec<Resolution> = self.selections.iter().map(|selection| selection.resolution).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Answers it. This takes processor time: it belongs on a thread that may be blocked.
    pub fn evaluate(&self, source: &dyn Source, limits: Limits, interrupt: &Interrupt) -> Result<Answer, Error> {
        let mut run = Run::new(source, limits, interrupt);
        run.warnings.extend(self.warnings.iter().cloned());
        run.infos.extend(self.infos.iter().cloned());
        let value = self.value(&mut run)?;
        Ok(Answer {
            value,
            warnings: run.warnings.into_iter().collect(),
            infos: run.infos.into_iter().collect(),
            samples_read: run.samples_read,
        })
    }

    fn value(&self, run: &mut Run<'_>) -> Result<Value, Error> {
        let time = self.params.start;
        match &self.plan {
            Plan::String(text) => Ok(Value::String(time, text.clone())),
            Plan::Matrix(matrix) => Ok(Value::Matrix(read_all(matrix, run)?)),
            Plan::Scalar(scalar) => {
                let steps = steps(scalar, run)?;
                if self.params.is_range() {
                    let values = steps.all(self.grid.count).into_owned();
                    return Ok(Value::Matrix(vec![self.matrix_series(Row { labels: Labels::default(), values })]));
                }
                Ok(Value::Scalar(time, steps.at(0)))
            }
            Plan::Vector(vector) if self.params.is_range() => self.matrix(vector, run),
            Plan::Vector(vector) => self.vector(vector, run),
        }
    }

    fn matrix(&self, vector: &Vector, run: &mut Run<'_>) -> Result<Value, Error> {
        let mut operator = build(vector, run)?;
        let mut all = Vec::new();
        while let Some(row) = operator.next(run)? {
            let series = self.matrix_series(row);
            run.hold(2 * series.points.len())?;
            if !series.points.is_empty() {
                all.push(series);
            }
        }
        all.sort_by(|one, other| one.labels.cmp(&other.labels));
        refuse_twins(all.windows(2).map(|pair| (&pair[0].labels, &pair[1].labels)))?;
        Ok(Value::Matrix(all))
    }

    fn matrix_series(&self, row: Row) -> MatrixSeries {
        let points = self.grid.times().zip(row.values).filter(|(_, value)| !is_stale(*value)).collect();
        MatrixSeries { labels: row.labels, points }
    }

    fn vector(&self, vector: &Vector, run: &mut Run<'_>) -> Result<Value, Error> {
        let mut operator = build(vector, run)?;
        let mut all = Vec::new();
        while let Some(row) = operator.next(run)? {
            run.hold(1)?;
            let value = row.values.first().copied().filter(|value| !is_stale(*value));
            all.extend(value.map(|value| VectorSeries { labels: row.labels, time: self.params.start, value }));
        }
        if !vector.is_ordered() {
            all.sort_by(|one, other| one.labels.cmp(&other.labels));
            refuse_twins(all.windows(2).map(|pair| (&pair[0].labels, &pair[1].labels)))?;
        }
        Ok(Value::Vector(all))
    }
}

/// A last look at neighbours among sorted series: no two may have the same labels.
fn refuse_twins<'a>(mut pairs: impl Iterator<Item = (&'a Labels, &'a Labels)>) -> Result<(), Error> {
    if pairs.any(|(one, other)| one == other) { Err(operator::same_labels()) } else { Ok(()) }
}
