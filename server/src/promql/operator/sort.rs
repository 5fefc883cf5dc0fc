//! `sort`, `sort_by_label` and their opposites.

use std::{cmp::Ordering, iter::Peekable, str::Chars};

use super::{BoxOperator, Operator, Row, Run, unique::release_next};
use crate::{promql::error::Error, promql::plan::Order};

/// Yields series in order, at single instants. At several there is none that would hold for all of them.
pub struct Sort<'p> {
    of: BoxOperator<'p>,
    order: &'p Order,
    is_descending: bool,
    rows: Option<std::vec::IntoIter<Row>>,
}

impl<'p> Sort<'p> {
    /// In this order.
    pub fn new(of: BoxOperator<'p>, order: &'p Order, is_descending: bool) -> Self {
        Self { of, order, is_descending, rows: None }
    }

    fn compare(&self, one: &Row, other: &Row) -> Ordering {
        let value = |row: &Row| row.values.first().copied().unwrap_or(f64::NAN);
        match self.order {
            Order::Value => {
                let (one, other) = (value(one), value(other));
                // NaN comes last in either direction.
                one.partial_cmp(&other).map_or_else(
                    || one.is_nan().cmp(&other.is_nan()),
                    |order| if self.is_descending { order.reverse() } else { order },
                )
            }
            Order::Labels(names) => {
                let by_names = names.iter().map(|name| natural(one.labels.get(name), other.labels.get(name)));
                let order = by_names.fold(Ordering::Equal, Ordering::then);
                let order = order.then_with(|| one.labels.cmp(&other.labels));
                if self.is_descending { order.reverse() } else { order }
            }
        }
    }
}

impl Operator for Sort<'_> {
    fn next(&mut self, run: &mut Run<'_>) -> Result<Option<Row>, Error> {
        if self.rows.is_none() {
            let mut rows = Vec::new();
            while let Some(row) = self.of.next(run)? {
                if row.values.len() > 1 {
                    return Ok(Some(row));
                }
                run.hold(1)?;
                rows.push(row);
            }
            rows.sort_by(|one, other| self.compare(one, other));
            self.rows = Some(rows.into_iter());
        }
        Ok(self.rows.as_mut().and_then(|rows| release_next(rows, run)))
    }
}

/// Compares texts with numbers in them as people do: `2` before `10`.
fn natural(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (one.chars().peekable(), other.chars().peekable());
    loop {
        let order = match (left.peek().copied(), right.peek().copied()) {
            (None, None) => return one.cmp(other),
            (Some(c), Some(d)) if c.is_ascii_digit() && d.is_ascii_digit() => {
                let (one, other) = (digits(&mut left), digits(&mut right));
                one.len().cmp(&other.len()).then_with(|| one.cmp(&other))
            }
            (next, other_next) => {
                left.next();
                right.next();
                next.cmp(&other_next)
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// A number's digits without zeros before it.
fn digits(text: &mut Peekable<Chars<'_>>) -> String {
    let mut digits = String::new();
    while let Some(digit) = text.next_if(char::is_ascii_digit) {
        if digit != '0' || !digits.is_empty() {
            digits.push(digit);
        }
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_texts_are_compared_as_numbers() {
        let mut texts = ["b1", "a10", "a2", "a", "a02", ""];
        texts.sort_by(|one, other| natural(one, other));
        assert_eq!(texts, ["", "a", "a02", "a2", "a10", "b1"]);
    }
}
