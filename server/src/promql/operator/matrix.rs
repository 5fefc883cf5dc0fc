//! Series with their samples, for functions of ranges.

use super::{
    BoxOperator, Run, build,
    select::{drop_ends, figures},
};
use crate::{
    promql::{error::Error, functions::rolled::samples_of, grid::Grid, plan::Matrix, value::MatrixSeries},
    store::sample::{Data, Labels, Samples, Series, SeriesStream, is_stale},
};

/// Yields series with their samples, without those that say that a series ended.
pub enum MatrixReader<'p> {
    /// Of a selector.
    Selector(usize, Option<SeriesStream>),
    /// Of a subquery.
    Subquery(BoxOperator<'p>, Grid),
}

impl<'p> MatrixReader<'p> {
    /// For a part of a plan.
    pub fn new(matrix: &'p Matrix, run: &mut Run<'_>) -> Result<Self, Error> {
        Ok(match matrix {
            Matrix::Selector { selection, .. } => Self::Selector(*selection, None),
            Matrix::Subquery { of, grid, .. } => Self::Subquery(build(of, run)?, *grid),
        })
    }

    /// The next series.
    pub fn next(&mut self, run: &mut Run<'_>) -> Result<Option<(Labels, Data)>, Error> {
        match self {
            Self::Selector(selection, stream) => {
                let stream = stream.get_or_insert_with(|| run.open(*selection));
                let Some(Series { labels, mut data }) = stream.next().transpose()? else { return Ok(None) };
                run.read(figures(&data))?;
                if let Data::Samples(samples) = &mut data {
                    drop_ends(samples);
                }
                Ok(Some((labels, data)))
            }
            Self::Subquery(of, grid) => {
                let Some(row) = of.next(run)? else { return Ok(None) };
                let mut samples = Samples::default();
                for (time, value) in grid.times().zip(row.values) {
                    if !is_stale(value) {
                        samples.push(time, value);
                    }
                }
                run.read(samples.len())?;
                Ok(Some((row.labels, Data::Samples(samples))))
            }
        }
    }
}

/// The samples that the first instant of a grid sees, by labels.
pub fn read_all(matrix: &Matrix, run: &mut Run<'_>) -> Result<Vec<MatrixSeries>, Error> {
    let mut reader = MatrixReader::new(matrix, run)?;
    let windows = matrix.windows();
    let mut all = Vec::new();
    while let Some((labels, data)) = reader.next(run)? {
        let mut samples = match data {
            Data::Samples(samples) => samples,
            Data::Buckets(buckets) => {
                let mut samples = samples_of(&buckets);
                drop_ends(&mut samples);
                samples
            }
        };
        samples.retain(windows.to(0) - windows.range, windows.to(0));
        if !samples.is_empty() {
            run.hold(2 * samples.len())?;
            all.push(MatrixSeries { labels, points: samples.iter().collect() });
        }
    }
    all.sort_by(|one, other| one.labels.cmp(&other.labels));
    Ok(all)
}
