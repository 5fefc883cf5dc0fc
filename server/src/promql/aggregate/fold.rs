//! Aggregations that take series as they come and hold nothing but groups.

use foldhash::HashMap;

use super::Aggregation;
use crate::{
    promql::{
        error::Error,
        functions::number::{SCALE, total, two_sum},
        grid::Grid,
        operator::{BoxOperator, Operator, Row, Run},
        plan::Grouping,
    },
    store::sample::{Labels, STALE, is_stale},
};

/// Yields a series a group.
pub struct Fold<'p> {
    aggregation: &'p Aggregation,
    of: BoxOperator<'p>,
    grouping: &'p Grouping,
    grid: Grid,
    groups: Option<std::vec::IntoIter<Group>>,
}

/// What is known of a group, for each instant.
struct Group {
    labels: Labels,
    /// Sums, means or peaks.
    main: Vec<f64>,
    /// What sums lost, or squares of distances from means.
    extra: Vec<f64>,
    /// How many values.
    counts: Vec<u32>,
}

impl<'p> Fold<'p> {
    /// Of series, by these labels.
    pub fn new(aggregation: &'p Aggregation, of: BoxOperator<'p>, grouping: &'p Grouping, grid: Grid) -> Self {
        Self { aggregation, of, grouping, grid, groups: None }
    }

    /// How many of the vectors of a group are used.
    fn vectors(&self) -> usize {
        match self.aggregation {
            Aggregation::Min | Aggregation::Max | Aggregation::Count | Aggregation::Group => 1,
            _ => 3,
        }
    }

    fn new_group(&self, labels: Labels) -> Group {
        let count = self.grid.count;
        let (main, extra, counts) = match self.aggregation {
            Aggregation::Min | Aggregation::Max => (vec![STALE; count], Vec::new(), Vec::new()),
            Aggregation::Count | Aggregation::Group => (Vec::new(), Vec::new(), vec![0; count]),
            _ => (vec![0.0; count], vec![0.0; count], vec![0; count]),
        };
        Group { labels, main, extra, counts }
    }

    fn read(&mut self, run: &mut Run<'_>) -> Result<Vec<Group>, Error> {
        let mut groups: Vec<Group> = Vec::new();
        let mut places: HashMap<Labels, usize> = HashMap::default();
        while let Some(row) = self.of.next(run)? {
            let key = self.grouping.key(&row.labels);
            let place = if let Some(place) = places.get(&key) {
                *place
            } else {
                run.hold(self.vectors() * self.grid.count)?;
                groups.push(self.new_group(key.clone()));
                places.insert(key, groups.len() - 1);
                groups.len() - 1
            };
            groups[place].add(self.aggregation, &row.values);
        }
        Ok(groups)
    }
}

impl Operator for Fold<'_> {
    fn next(&mut self, run: &mut Run<'_>) -> Result<Option<Row>, Error> {
        if self.groups.is_none() {
            self.groups = Some(self.read(run)?.into_iter());
        }
        let Some(group) = self.groups.as_mut().and_then(Iterator::next) else { return Ok(None) };
        run.release(self.vectors() * self.grid.count);
        Ok(Some(group.finish(self.aggregation)))
    }
}

impl Group {
    fn add(&mut self, aggregation: &Aggregation, values: &[f64]) {
        match aggregation {
            Aggregation::Sum => self.add_sums(values, 1.0),
            Aggregation::Avg => self.add_sums(values, SCALE),
            Aggregation::Min => self.peaks(values, |value, peak| value < peak),
            Aggregation::Max => self.peaks(values, |value, peak| value > peak),
            Aggregation::Stddev | Aggregation::Stdvar => self.distances(values),
            _ => {
                for (count, value) in self.counts.iter_mut().zip(values) {
                    *count += u32::from(!is_stale(*value));
                }
            }
        }
    }

    /// Adds scaled values. Without branches, as this is done for every value of every series.
    fn add_sums(&mut self, values: &[f64], scale: f64) {
        let sums = self.main.iter_mut().zip(&mut self.extra).zip(&mut self.counts);
        for (((sum, lost), count), value) in sums.zip(values) {
            let is_value = !is_stale(*value);
            let added = if is_value { *value * scale } else { 0.0 };
            let (next, more) = two_sum(*sum, added);
            *sum = next;
            *lost += more;
            *count += u32::from(is_value);
        }
    }

    fn peaks(&mut self, values: &[f64], is_beyond: impl Fn(f64, f64) -> bool) {
        for (peak, value) in self.main.iter_mut().zip(values) {
            // Any number is beyond NaN, which is also what is there before the first.
            if !is_stale(*value) && (is_beyond(*value, *peak) || peak.is_nan()) {
                *peak = *value;
            }
        }
    }

    /// Means and squares of distances from them, after Welford.
    fn distances(&mut self, values: &[f64]) {
        let states = self.main.iter_mut().zip(&mut self.extra).zip(&mut self.counts);
        for (((mean, squares), count), value) in states.zip(values) {
            if !is_stale(*value) {
                *count += 1;
                let distance = value - *mean;
                *mean += distance / f64::from(*count);
                *squares += distance * (value - *mean);
            }
        }
    }

    fn finish(mut self, aggregation: &Aggregation) -> Row {
        let states = self.main.iter_mut().zip(&self.extra).zip(&self.counts);
        match aggregation {
            Aggregation::Sum => states.for_each(|((sum, lost), _)| *sum = total(*sum, *lost)),
            Aggregation::Avg => {
                states.for_each(|((sum, lost), count)| *sum = total(*sum, *lost) / f64::from(*count) / SCALE);
            }
            Aggregation::Stdvar => states.for_each(|((mean, squares), count)| *mean = *squares / f64::from(*count)),
            Aggregation::Stddev => {
                states.for_each(|((mean, squares), count)| *mean = (*squares / f64::from(*count)).sqrt());
            }
            Aggregation::Count => self.main = self.counts.iter().map(|count| f64::from(*count)).collect(),
            Aggregation::Group => self.main = vec![1.0; self.counts.len()],
            _ => {}
        }
        for (value, count) in self.main.iter_mut().zip(&self.counts) {
            if *count == 0 {
                *value = STALE;
            }
        }
        Row { labels: self.labels, values: self.main }
    }
}
