//! What becomes of series that have the same labels once they have lost their names.

use foldhash::{HashMap, HashSet};

use super::{BoxOperator, Operator, Row, Run};
use crate::{
    promql::error::Error,
    store::sample::{Labels, is_stale},
};

/// Two series with the same labels at the same time.
pub fn same_labels() -> Error {
    Error::Execution("vector cannot contain metrics with the same labelset".to_owned())
}

/// Refuses a second series with the labels of one before.
pub struct Unique<'p> {
    of: BoxOperator<'p>,
    seen: HashSet<Labels>,
}

impl<'p> Unique<'p> {
    /// Of these series.
    pub fn new(of: BoxOperator<'p>) -> Self {
        Self { of, seen: HashSet::default() }
    }
}

impl Operator for Unique<'_> {
    fn next(&mut self, run: &mut Run<'_>) -> Result<Option<Row>, Error> {
        match self.of.next(run)? {
            Some(row) if !self.seen.insert(row.labels.clone()) => Err(same_labels()),
            next => Ok(next),
        }
    }
}

/// Series by labels, in the order in which they came. Of two with the same labels one is made, unless both have a value
/// at the same instant.
#[derive(Debug, Default)]
pub struct Merged {
    rows: Vec<Row>,
    places: HashMap<Labels, usize>,
}

impl Merged {
    /// Adds a series, and says whether that went well: it does not if there is a value for the same labels at the same
    /// instant.
    pub fn add(&mut self, row: Row, run: &mut Run<'_>) -> Result<bool, Error> {
        let Some(place) = self.places.get(&row.labels) else {
            run.hold(row.values.len())?;
            self.places.insert(row.labels.clone(), self.rows.len());
            self.rows.push(row);
            return Ok(true);
        };
        for (known, new) in self.rows[*place].values.iter_mut().zip(row.values) {
            if !is_stale(new) {
                if !is_stale(*known) {
                    return Ok(false);
                }
                *known = new;
            }
        }
        Ok(true)
    }

    /// All of them.
    pub fn into_rows(self) -> std::vec::IntoIter<Row> {
        self.rows.into_iter()
    }
}

/// Yields rows that were held until now.
pub fn release_next(rows: &mut std::vec::IntoIter<Row>, run: &mut Run<'_>) -> Option<Row> {
    let row = rows.next()?;
    run.release(row.values.len());
    Some(row)
}

/// Makes one of series with the same labels.
pub struct Merge<'p> {
    of: BoxOperator<'p>,
    rows: Option<std::vec::IntoIter<Row>>,
}

impl<'p> Merge<'p> {
    /// Of these series.
    pub fn new(of: BoxOperator<'p>) -> Self {
        Self { of, rows: None }
    }
}

impl Operator for Merge<'_> {
    fn next(&mut self, run: &mut Run<'_>) -> Result<Option<Row>, Error> {
        if self.rows.is_none() {
            let mut merged = Merged::default();
            while let Some(row) = self.of.next(run)? {
                if !merged.add(row, run)? {
                    return Err(same_labels());
                }
            }
            self.rows = Some(merged.into_rows());
        }
        Ok(self.rows.as_mut().and_then(|rows| release_next(rows, run)))
    }
}
