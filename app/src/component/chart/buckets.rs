//! The buckets of a histogram over time: plain data.

use crate::model::{MetricSeries, overview::Grid};

/// How much lies in each bucket at each instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Buckets {
    /// The instants.
    pub grid: Grid,
    /// Above what, and up to what, each bucket holds; the smallest first. The last one may go up to infinity.
    pub bounds: Vec<(f64, f64)>,
    /// What is in them: place among the instants, place among the buckets, how much. Empty ones are left out.
    pub cells: Vec<(usize, usize, f64)>,
    most: f64,
}

impl Buckets {
    /// Of series that count up to their label `le`; none if they do not, or if there is more than one series for a bound.
    pub fn of(series: &[MetricSeries], grid: Grid) -> Option<Self> {
        let mut counted: Vec<(f64, &[Option<f64>])> =
            series.iter().map(|series| Some((bound(series)?, series.values.as_slice()))).collect::<Option<_>>()?;
        counted.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let has_twins = counted.windows(2).any(|pair| pair[0].0.total_cmp(&pair[1].0).is_eq());
        if counted.is_empty() || has_twins {
            return None;
        }
        let lower = std::iter::once(f64::NEG_INFINITY).chain(counted.iter().map(|(bound, _)| *bound));
        let bounds: Vec<(f64, f64)> = lower.zip(&counted).map(|(low, (high, _))| (low, *high)).collect();
        let mut cells = Vec::new();
        for column in 0..grid.len {
            let mut below = 0.0;
            for (row, (_, values)) in counted.iter().enumerate() {
                let Some(up_to) = values.get(column).copied().flatten() else { continue };
                // Buckets are read one after the other: a later one may know a little less.
                let inside = up_to - below;
                if inside > 0.0 {
                    cells.push((column, row, inside));
                    below = up_to;
                }
            }
        }
        let most = cells.iter().map(|(_, _, inside)| *inside).fold(0.0, f64::max);
        Some(Self { grid, bounds, cells, most })
    }

    /// How strongly a cell is coloured, from 1 to 5, by its share of the fullest one.
    pub fn level(&self, inside: f64) -> u8 {
        if self.most <= 0.0 {
            return 1;
        }
        1 + ((inside / self.most).sqrt() * 4.0).round() as u8
    }

    /// What is in a bucket at an instant.
    pub fn at(&self, column: usize, row: usize) -> f64 {
        let found = self.cells.iter().find(|cell| (cell.0, cell.1) == (column, row));
        found.map_or(0.0, |(_, _, inside)| *inside)
    }
}

fn bound(series: &MetricSeries) -> Option<f64> {
    let (_, text) = series.labels.iter().find(|(name, _)| name == "le")?;
    match text.as_str() {
        "+Inf" | "Inf" | "inf" => Some(f64::INFINITY),
        text => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UnixMillis;

    fn series(le: &str, values: &[f64]) -> MetricSeries {
        let values = values.iter().copied().map(Some).collect();
        MetricSeries { labels: vec![("le".into(), le.into())], values, text: None }
    }

    fn grid(len: usize) -> Grid {
        Grid { from: UnixMillis(0), step_ms: 1000, len }
    }

    #[test]
    fn what_is_counted_up_to_a_bound_is_taken_apart() {
        let all = [series("+Inf", &[10.0, 4.0]), series("0.1", &[2.0, 4.0]), series("1", &[9.0, 4.0])];
        let buckets = Buckets::of(&all, grid(2)).unwrap();
        assert_eq!(buckets.bounds, [(f64::NEG_INFINITY, 0.1), (0.1, 1.0), (1.0, f64::INFINITY)]);
        assert_eq!(buckets.cells, [(0, 0, 2.0), (0, 1, 7.0), (0, 2, 1.0), (1, 0, 4.0)]);
        assert_eq!((buckets.level(7.0), buckets.level(0.1)), (5, 1));
        assert!(buckets.at(0, 1) > 6.9 && buckets.at(1, 1) < 0.1);
    }

    #[test]
    fn other_series_are_no_buckets() {
        let other = MetricSeries { labels: vec![("job".into(), "x".into())], values: Vec::new(), text: None };
        assert_eq!(Buckets::of(&[other], grid(1)), None);
        assert_eq!(Buckets::of(&[series("1", &[1.0]), series("1.0", &[1.0])], grid(1)), None);
        assert_eq!(Buckets::of(&[], grid(1)), None);
    }
}
