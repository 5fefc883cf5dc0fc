//! Aggregations that need all of their series at once.

use std::{cmp::Ordering, sync::Arc, vec::IntoIter};

use foldhash::HashMap;

use super::Aggregation;
use crate::{
    promql::{
        error::Error,
        functions::{
            Steps,
            number::{nan_first, quantile},
        },
        grid::Grid,
        limits::Interrupt,
        operator::{BoxOperator, Operator, Row, Run},
        plan::Grouping,
    },
    store::sample::{Labels, STALE, is_stale},
};

/// Yields series of a group, or one a group that takes all of its series to compute.
pub struct Select<'p> {
    aggregation: &'p Aggregation,
    of: BoxOperator<'p>,
    grouping: &'p Grouping,
    parameter: Steps,
    grid: Grid,
    rows: Option<IntoIter<Row>>,
}

impl<'p> Select<'p> {
    /// Of series, by these labels, with the number of the aggregation.
    pub fn new(
        aggregation: &'p Aggregation,
        of: BoxOperator<'p>,
        grouping: &'p Grouping,
        parameter: Steps,
        grid: Grid,
    ) -> Self {
        Self { aggregation, of, grouping, parameter, grid, rows: None }
    }

    fn rows(&mut self, run: &mut Run<'_>) -> Result<Vec<Row>, Error> {
        if let Aggregation::CountValues(label) = self.aggregation {
            return self.count_values(label, run);
        }
        if let Aggregation::Quantile(_) = self.aggregation {
            run.check_quantiles(&self.parameter);
        } else {
            check_count(&self.parameter)?;
        }
        let mut all = Vec::new();
        for (labels, mut rows) in self.groups(run)? {
            match self.aggregation {
                Aggregation::Topk(_) => all.extend(self.rank(rows, run, |one, other| nan_first(other, one))?),
                Aggregation::Bottomk(_) => all.extend(self.rank(rows, run, nan_last)?),
                _ => {
                    all.push(Row { labels, values: self.quantiles(&mut rows, run)? });
                    run.release(rows.drain(..).map(|row| row.values.len()).sum());
                }
            }
        }
        Ok(all)
    }

    /// The series of each group, by labels so that of equal values always the same are taken.
    fn groups(&mut self, run: &mut Run<'_>) -> Result<Vec<(Labels, Vec<Row>)>, Error> {
        let mut groups: Vec<(Labels, Vec<Row>)> = Vec::new();
        let mut places: HashMap<Labels, usize> = HashMap::default();
        for row in run.collect(&mut *self.of)? {
            let place = *places.entry(self.grouping.key(&row.labels)).or_insert_with_key(|labels| {
                groups.push((labels.clone(), Vec::new()));
                groups.len() - 1
            });
            groups[place].1.push(row);
        }
        for (_, rows) in &mut groups {
            rows.sort_by(|one, other| one.labels.cmp(&other.labels));
        }
        Ok(groups)
    }

    fn quantiles(&self, rows: &mut [Row], run: &mut Run<'_>) -> Result<Vec<f64>, Error> {
        let mut out = run.blank(self.grid.count)?;
        let mut sorted = Vec::with_capacity(rows.len());
        take_columns(rows, self.grid.count, run.interrupt, |_, index, column| {
            sorted.clear();
            sorted.extend(column.iter().map(|(value, _)| *value));
            if !sorted.is_empty() {
                out[index] = quantile(self.parameter.at(index), &mut sorted);
            }
            Ok(())
        })?;
        Ok(out)
    }

    /// Leaves the values that come first, at each instant; the first series first if there is but one instant.
    fn rank(
        &self,
        mut rows: Vec<Row>,
        run: &mut Run<'_>,
        compare: impl Fn(f64, f64) -> Ordering,
    ) -> Result<Vec<Row>, Error> {
        let compare =
            |one: &(f64, usize), other: &(f64, usize)| compare(one.0, other.0).then_with(|| one.1.cmp(&other.1));
        let mut order = Vec::new();
        take_columns(&mut rows, self.grid.count, run.interrupt, |rows, index, column| {
            let wanted = self.parameter.at(index).max(0.0) as usize;
            if wanted < column.len() {
                column.select_nth_unstable_by(wanted, compare);
                column.truncate(wanted);
            }
            for (value, place) in column.iter() {
                rows[*place].values[index] = *value;
            }
            if self.grid.count == 1 {
                column.sort_by(compare);
                order.extend(column.iter().map(|(_, place)| *place));
            }
            Ok(())
        })?;
        let count = rows.len();
        if self.grid.count == 1 {
            rows = order.into_iter().map(|place| rows[place].clone()).collect();
        } else {
            rows.retain(|row| !row.is_empty());
        }
        run.release((count - rows.len()) * self.grid.count);
        Ok(rows)
    }

    fn count_values(&mut self, label: &Arc<str>, run: &mut Run<'_>) -> Result<Vec<Row>, Error> {
        let mut rows: Vec<Row> = Vec::new();
        let mut places: HashMap<Labels, usize> = HashMap::default();
        let mut groups: HashMap<Labels, usize> = HashMap::default();
        // The row of a value in a group, so that labels are made once a value and not once an instant.
        let mut known: HashMap<(usize, u64), usize> = HashMap::default();
        while let Some(row) = self.of.next(run)? {
            let key = self.grouping.key(&row.labels);
            let count = groups.len();
            let group = *groups.entry(key.clone()).or_insert(count);
            // Values stay the same most of the time.
            let mut last = None;
            for (index, value) in row.values.iter().enumerate().filter(|(_, value)| !is_stale(**value)) {
                let bits = value.to_bits();
                let found = last.filter(|(last, _)| *last == bits).map(|(_, place)| place);
                let place = if let Some(place) = found.or_else(|| known.get(&(group, bits)).copied()) {
                    place
                } else {
                    let labels = key.with(label, &written(*value));
                    let place = *places.entry(labels).or_insert_with_key(|labels| {
                        rows.push(Row { labels: labels.clone(), values: Vec::new() });
                        rows.len() - 1
                    });
                    if rows[place].values.is_empty() {
                        run.hold(self.grid.count)?;
                        rows[place].values.resize(self.grid.count, STALE);
                    }
                    known.insert((group, bits), place);
                    place
                };
                last = Some((bits, place));
                let count = &mut rows[place].values[index];
                *count = if is_stale(*count) { 1.0 } else { *count + 1.0 };
            }
        }
        Ok(rows)
    }
}

/// Instants that are looked at together. Series lie in memory one after the other: to read one value of each would be
/// to wait for memory each time.
const TILE: usize = 32;

/// Calls for each instant with the values that series have there, each with the place of its series. They are taken
/// out of the series.
fn take_columns(
    rows: &mut [Row],
    count: usize,
    interrupt: &Interrupt,
    mut each: impl FnMut(&mut [Row], usize, &mut Vec<(f64, usize)>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut columns: Vec<Vec<(f64, usize)>> = vec![Vec::with_capacity(rows.len()); TILE.min(count)];
    for begin in (0..count).step_by(TILE) {
        interrupt.check()?;
        let end = count.min(begin + TILE);
        columns.iter_mut().for_each(Vec::clear);
        for (place, row) in rows.iter_mut().enumerate() {
            for (value, column) in row.values[begin..end].iter_mut().zip(&mut columns) {
                if !is_stale(*value) {
                    column.push((*value, place));
                    *value = STALE;
                }
            }
        }
        for (index, column) in (begin..end).zip(&mut columns) {
            each(rows, index, column)?;
        }
    }
    Ok(())
}

impl Operator for Select<'_> {
    fn next(&mut self, run: &mut Run<'_>) -> Result<Option<Row>, Error> {
        if self.rows.is_none() {
            self.rows = Some(self.rows(run)?.into_iter());
        }
        let next = self.rows.as_mut().and_then(Iterator::next);
        Ok(next.inspect(|row| run.release(row.values.len())))
    }
}

/// The least first, NaN last.
fn nan_last(one: f64, other: f64) -> Ordering {
    one.partial_cmp(&other).unwrap_or_else(|| one.is_nan().cmp(&other.is_nan()))
}

/// Whether numbers say how many series are wanted. Those below 1 say that none is.
fn check_count(numbers: &Steps) -> Result<(), Error> {
    if numbers.find(f64::is_nan).is_some() {
        return Err(Error::Execution("Parameter value is NaN".to_owned()));
    }
    match numbers.find(|number| number.abs() >= i64::MAX as f64) {
        Some(number) => Err(Error::Execution(format!("Scalar value {number} overflows int64"))),
        None => Ok(()),
    }
}

/// A value as a label has it.
fn written(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    value.to_string()
}
