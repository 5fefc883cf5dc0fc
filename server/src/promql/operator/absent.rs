//! `absent` and `absent_over_time`.

use super::{BoxOperator, MatrixReader, Operator, Row, Run};
use crate::{
    promql::{
        error::Error,
        functions::range::{RangeCall, RangeFunction},
        grid::Grid,
        plan::{Matrix, Rollup},
    },
    store::sample::{Data, Labels, STALE, is_stale},
};

/// Yields 1 for instants at which no series has a value.
pub struct Absent<'p> {
    of: Option<BoxOperator<'p>>,
    labels: &'p Labels,
    grid: Grid,
}

impl<'p> Absent<'p> {
    /// With these labels.
    pub fn new(of: BoxOperator<'p>, labels: &'p Labels, grid: Grid) -> Self {
        Self { of: Some(of), labels, grid }
    }
}

impl Operator for Absent<'_> {
    fn next(&mut self, run: &mut Run<'_>) -> Result<Option<Row>, Error> {
        let Some(mut of) = self.of.take() else { return Ok(None) };
        let mut values = run.blank(self.grid.count)?;
        values.fill(1.0);
        while let Some(row) = of.next(run)? {
            mark_present(&row.values, &mut values);
        }
        Ok(Some(Row { labels: self.labels.clone(), values }).filter(|row| !row.is_empty()))
    }
}

fn mark_present(present: &[f64], absent: &mut [f64]) {
    for (present, absent) in present.iter().zip(absent) {
        if !is_stale(*present) {
            *absent = STALE;
        }
    }
}

/// Yields 1 for instants that see no sample of any series.
pub struct AbsentOverTime<'p> {
    reader: Option<MatrixReader<'p>>,
    of: &'p Matrix,
    labels: &'p Labels,
}

impl<'p> AbsentOverTime<'p> {
    /// With these labels.
    pub fn new(reader: MatrixReader<'p>, of: &'p Matrix, labels: &'p Labels) -> Self {
        Self { reader: Some(reader), of, labels }
    }
}

impl Operator for AbsentOverTime<'_> {
    fn next(&mut self, run: &mut Run<'_>) -> Result<Option<Row>, Error> {
        let Some(mut reader) = self.reader.take() else { return Ok(None) };
        let windows = self.of.windows();
        let mut values = run.blank(windows.grid.count)?;
        values.fill(1.0);
        let length = match self.of {
            Matrix::Selector { rollup, .. } => Rollup::length(*rollup),
            Matrix::Subquery { .. } => 1,
        };
        while let Some((_, data)) = reader.next(run)? {
            let mut present = run.blank(windows.grid.count)?;
            let call = RangeCall { function: RangeFunction::Present, windows, numbers: &[], interrupt: run.interrupt };
            match data {
                Data::Samples(samples) => call.of_samples(&samples, &mut present)?,
                Data::Buckets(buckets) => call.of_buckets(&buckets, length, &mut present)?,
            }
            mark_present(&present, &mut values);
        }
        Ok(Some(Row { labels: self.labels.clone(), values }).filter(|row| !row.is_empty()))
    }
}
