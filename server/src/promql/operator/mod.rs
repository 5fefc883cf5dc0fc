//! Operators: each yields series one at a time, each series with its values at all instants at once.

mod absent;
mod labels;
mod map;
mod matrix;
mod select;
mod sort;
mod unique;

use std::collections::BTreeSet;

pub use self::{
    matrix::{MatrixReader, read_all},
    select::without_name,
    unique::{Merged, release_next, same_labels},
};
use super::{
    Source,
    aggregate::{Aggregation, Fold, Select},
    binary::{MatchOperator, SetOperator},
    error::Error,
    functions::{Steps, histogram::HistogramOperator},
    grid::Grid,
    limits::{Interrupt, Limits},
    plan::{Scalar, Vector},
};
use crate::store::sample::{Labels, STALE, SeriesStream, is_stale};

/// Most warnings that are kept.
const MOST_WARNINGS: usize = 10;

/// A series with a value an instant; [`STALE`] where it has none.
#[derive(Debug, Clone)]
pub struct Row {
    /// Which.
    pub labels: Labels,
    /// Its values.
    pub values: Vec<f64>,
}

impl Row {
    /// Whether it has no value at all.
    pub fn is_empty(&self) -> bool {
        self.values.iter().all(|value| is_stale(*value))
    }
}

/// A query that is being answered.
pub struct Run<'a> {
    source: &'a dyn Source,
    limits: Limits,
    /// Ends it early.
    pub interrupt: &'a Interrupt,
    /// Samples and roll-ups that were read.
    pub samples_read: u64,
    points_held: u64,
    /// What is probably wrong.
    pub warnings: BTreeSet<String>,
    /// What is good to know.
    pub infos: BTreeSet<String>,
}

impl<'a> Run<'a> {
    /// Over these samples.
    pub fn new(source: &'a dyn Source, limits: Limits, interrupt: &'a Interrupt) -> Self {
        let (warnings, infos) = (BTreeSet::new(), BTreeSet::new());
        Self { source, limits, interrupt, samples_read: 0, points_held: 0, warnings, infos }
    }

    /// The series of a selection.
    pub fn open(&self, selection: usize) -> SeriesStream {
        self.source.open(selection)
    }

    /// Counts samples that were read, and looks whether to go on.
    pub fn read(&mut self, samples: usize) -> Result<(), Error> {
        self.interrupt.check()?;
        self.samples_read += samples as u64;
        if self.samples_read > self.limits.samples {
            return Err(Error::Execution(format!(
                "query processing would load too many samples: more than {}",
                self.limits.samples
            )));
        }
        Ok(())
    }

    /// Counts values that are held from now on.
    pub fn hold(&mut self, points: usize) -> Result<(), Error> {
        self.points_held += points as u64;
        if self.points_held > self.limits.points {
            return Err(Error::Execution(format!(
                "query processing would hold too many values in memory at once: more than {}",
                self.limits.points
            )));
        }
        Ok(())
    }

    /// Counts values that are held no more.
    pub fn release(&mut self, points: usize) {
        self.points_held = self.points_held.saturating_sub(points as u64);
    }

    /// Notes what is probably wrong; not more of it than anybody reads.
    pub fn warn(&mut self, warning: String) {
        if self.warnings.len() < MOST_WARNINGS {
            self.warnings.insert(warning);
        }
    }

    /// Warns of quantiles that are no shares.
    pub fn check_quantiles(&mut self, quantiles: &Steps) {
        if let Some(quantile) = quantiles.find(|quantile| !(0.0..=1.0).contains(&quantile)) {
            self.warn(format!("quantile value should be between 0 and 1, got {quantile}"));
        }
    }

    /// A row without values.
    pub fn blank(&mut self, count: usize) -> Result<Vec<f64>, Error> {
        // A single one is never kept twice, but it must fit.
        self.hold(count)?;
        self.release(count);
        Ok(vec![STALE; count])
    }

    /// All that an operator yields, counted as held.
    pub fn collect(&mut self, of: &mut dyn Operator) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        while let Some(row) = of.next(self)? {
            self.hold(row.values.len())?;
            rows.push(row);
        }
        Ok(rows)
    }
}

/// Yields series, none of them without a value, and no two with the same labels.
pub trait Operator {
    /// The next series.
    fn next(&mut self, run: &mut Run<'_>) -> Result<Option<Row>, Error>;
}

/// An operator that belongs to a plan.
pub type BoxOperator<'p> = Box<dyn Operator + 'p>;

/// The number of each instant.
pub fn steps(scalar: &Scalar, run: &mut Run<'_>) -> Result<Steps, Error> {
    Ok(match scalar {
        Scalar::Number(value) => Steps::Same(*value),
        Scalar::Time(grid) => {
            run.hold(grid.count)?;
            Steps::Each(grid.times().map(|time| time as f64 / 1000.0).collect())
        }
        Scalar::Negative(of) => steps(of, run)?.map(|value| -value),
        Scalar::Binary(operation, left, right) => {
            let left = steps(left, run)?;
            let right = steps(right, run)?;
            // Filters do not occur between numbers.
            left.zip(&right, |left, right| operation.apply(left, right, left).unwrap_or(f64::NAN))
        }
        Scalar::Only(of, grid) => Steps::Each(only(of, *grid, run)?),
    })
}

/// The value of the only series that has one, for each instant; NaN where there is none, or several.
fn only(of: &Vector, grid: Grid, run: &mut Run<'_>) -> Result<Vec<f64>, Error> {
    run.hold(2 * grid.count)?;
    let mut values = vec![f64::NAN; grid.count];
    let mut counts = vec![0_u32; grid.count];
    let mut of = build(of, run)?;
    while let Some(row) = of.next(run)? {
        for (index, value) in row.values.iter().enumerate() {
            if !is_stale(*value) {
                counts[index] += 1;
                values[index] = if counts[index] == 1 { *value } else { f64::NAN };
            }
        }
    }
    run.release(grid.count);
    Ok(values)
}

fn all_steps(scalars: &[Scalar], run: &mut Run<'_>) -> Result<Vec<Steps>, Error> {
    scalars.iter().map(|scalar| steps(scalar, run)).collect()
}

/// Makes the operator of a part of a plan. Numbers are computed at once.
pub fn build<'p>(vector: &'p Vector, run: &mut Run<'_>) -> Result<BoxOperator<'p>, Error> {
    Ok(match vector {
        Vector::Instants(instants) => Box::new(select::InstantOperator::new(instants)),
        Vector::Range(function, of, numbers) => {
            let numbers = all_steps(numbers, run)?;
            let reader = MatrixReader::new(of, run)?;
            let operator = Box::new(select::RangeOperator::new(*function, of, reader, numbers, run)?);
            if vector.loses_names() { Box::new(unique::Unique::new(operator)) } else { operator }
        }
        Vector::AbsentOverTime(of, labels) => {
            Box::new(absent::AbsentOverTime::new(MatrixReader::new(of, run)?, of, labels))
        }
        Vector::Absent(of, labels, grid) => Box::new(absent::Absent::new(build(of, run)?, labels, *grid)),
        Vector::Instant(function, of, numbers, grid) => {
            let numbers = all_steps(numbers, run)?;
            let operator = Box::new(map::InstantMap::new(*function, build(of, run)?, numbers, *grid));
            if vector.loses_names() { Box::new(unique::Merge::new(operator)) } else { operator }
        }
        Vector::Single(scalar, grid) => {
            let steps = steps(scalar, run)?;
            run.hold(grid.count)?;
            Box::new(map::Single::new(&steps, *grid))
        }
        Vector::LabelReplace { of, target, replacement, source, pattern } => {
            let replace = labels::Replace { target, replacement, source, pattern };
            Box::new(labels::LabelOperator::new(build(of, run)?, replace))
        }
        Vector::LabelJoin { of, target, separator, sources } => {
            let join = labels::Join { target, separator, sources };
            Box::new(labels::LabelOperator::new(build(of, run)?, join))
        }
        Vector::Sort { of, order, is_descending } => Box::new(sort::Sort::new(build(of, run)?, order, *is_descending)),
        Vector::Histogram(function, of, numbers, grid) => {
            let numbers = all_steps(numbers, run)?;
            let operator = Box::new(HistogramOperator::new(*function, build(of, run)?, numbers, *grid));
            if vector.loses_names() { Box::new(unique::Merge::new(operator)) } else { operator }
        }
        Vector::Aggregate(aggregation, of, grouping, grid) => {
            let parameter = match aggregation {
                Aggregation::Topk(number) | Aggregation::Bottomk(number) | Aggregation::Quantile(number) => {
                    steps(number, run)?
                }
                _ => Steps::Same(f64::NAN),
            };
            let of = build(of, run)?;
            if aggregation.holds_series() {
                Box::new(Select::new(aggregation, of, grouping, parameter, *grid))
            } else {
                Box::new(Fold::new(aggregation, of, grouping, *grid))
            }
        }
        Vector::WithScalar { operation, vector: of, scalar, is_scalar_left } => {
            let scalar = steps(scalar, run)?;
            let operator = Box::new(map::WithScalar::new(*operation, build(of, run)?, scalar, *is_scalar_left));
            if vector.loses_names() { Box::new(unique::Merge::new(operator)) } else { operator }
        }
        Vector::Match { operation, left, right, matching, grid } => {
            let is_unique = vector.is_unique_match();
            let (left, right) = (build(left, run)?, build(right, run)?);
            Box::new(MatchOperator::new(*operation, left, right, matching, *grid, is_unique))
        }
        Vector::Set { operation, left, right, grouping, grid } => {
            let (left, right) = (build(left, run)?, build(right, run)?);
            Box::new(SetOperator::new(*operation, left, right, grouping, *grid))
        }
        Vector::Repeat(of, grid) => Box::new(map::Repeat::new(build(of, run)?, *grid)),
    })
}
