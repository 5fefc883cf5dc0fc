//! Operators that change the values of one series at a time.

use super::{BoxOperator, Operator, Row, Run, select::without_name};
use crate::{
    promql::{
        arithmetic::Operation,
        error::Error,
        functions::{
            Steps,
            instant::{InstantFunction, greatest, least, round},
        },
        grid::Grid,
    },
    store::sample::{Labels, STALE, is_stale},
};

/// Yields what a function makes of values.
pub struct InstantMap<'p> {
    function: InstantFunction,
    of: BoxOperator<'p>,
    numbers: Vec<Steps>,
    grid: Grid,
}

impl<'p> InstantMap<'p> {
    /// For a function and its numbers.
    pub fn new(function: InstantFunction, of: BoxOperator<'p>, numbers: Vec<Steps>, grid: Grid) -> Self {
        Self { function, of, numbers, grid }
    }

    fn number(&self, which: usize, index: usize, default: f64) -> f64 {
        self.numbers.get(which).map_or(default, |steps| steps.at(index))
    }

    fn apply(&self, values: &mut [f64]) {
        match self.function {
            InstantFunction::Same => {}
            InstantFunction::Simple(function) => each(values, |_, value| Some(function(value))),
            InstantFunction::Negative => each(values, |_, value| Some(-value)),
            InstantFunction::Date(part) => each(values, |_, value| Some(part.of(value))),
            InstantFunction::Timestamp => each(values, |index, _| Some(self.grid.time(index) as f64 / 1000.0)),
            InstantFunction::Round => each(values, |index, value| Some(round(value, self.number(0, index, 1.0)))),
            InstantFunction::ClampMax => {
                each(values, |index, value| Some(least(self.number(0, index, f64::NAN), value)));
            }
            InstantFunction::ClampMin => {
                each(values, |index, value| Some(greatest(self.number(0, index, f64::NAN), value)));
            }
            InstantFunction::Clamp => each(values, |index, value| {
                let (min, max) = (self.number(0, index, f64::NAN), self.number(1, index, f64::NAN));
                // Nothing lies between limits the wrong way round; NaN is no limit of that kind.
                if max < min { None } else { Some(greatest(min, least(max, value))) }
            }),
        }
    }
}

/// Puts what a function makes of each value in its place.
#[inline]
fn each(values: &mut [f64], function: impl Fn(usize, f64) -> Option<f64>) {
    for (index, value) in values.iter_mut().enumerate() {
        if !is_stale(*value) {
            *value = function(index, *value).unwrap_or(STALE);
        }
    }
}

impl Operator for InstantMap<'_> {
    fn next(&mut self, run: &mut Run<'_>) -> Result<Option<Row>, Error> {
        while let Some(Row { labels, mut values }) = self.of.next(run)? {
            self.apply(&mut values);
            let row = Row { labels: without_name(labels), values };
            if !matches!(self.function, InstantFunction::Clamp) || !row.is_empty() {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }
}

/// Yields what an operator makes of values and a number.
pub struct WithScalar<'p> {
    operation: Operation,
    of: BoxOperator<'p>,
    scalar: Steps,
    is_scalar_left: bool,
}

impl<'p> WithScalar<'p> {
    /// For an operator and its number.
    pub fn new(operation: Operation, of: BoxOperator<'p>, scalar: Steps, is_scalar_left: bool) -> Self {
        Self { operation, of, scalar, is_scalar_left }
    }
}

impl Operator for WithScalar<'_> {
    fn next(&mut self, run: &mut Run<'_>) -> Result<Option<Row>, Error> {
        while let Some(Row { labels, mut values }) = self.of.next(run)? {
            each(&mut values, |index, value| {
                let number = self.scalar.at(index);
                let (left, right) = if self.is_scalar_left { (number, value) } else { (value, number) };
                self.operation.apply(left, right, value)
            });
            let labels = if self.operation.keeps_name() { labels } else { without_name(labels) };
            let row = Row { labels, values };
            if !row.is_empty() {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }
}

/// Yields one series without labels.
pub struct Single(Option<Vec<f64>>);

impl Single {
    /// With these values.
    pub fn new(values: &Steps, grid: Grid) -> Self {
        Self(Some(values.all(grid.count).into_owned()).filter(|values| !values.is_empty()))
    }
}

impl Operator for Single {
    fn next(&mut self, _: &mut Run<'_>) -> Result<Option<Row>, Error> {
        Ok(self.0.take().map(|values| Row { labels: Labels::default(), values }))
    }
}

/// Yields series with the same value at each instant.
pub struct Repeat<'p> {
    of: BoxOperator<'p>,
    grid: Grid,
}

impl<'p> Repeat<'p> {
    /// Of series with one value.
    pub fn new(of: BoxOperator<'p>, grid: Grid) -> Self {
        Self { of, grid }
    }
}

impl Operator for Repeat<'_> {
    fn next(&mut self, run: &mut Run<'_>) -> Result<Option<Row>, Error> {
        let Some(Row { labels, values }) = self.of.next(run)? else { return Ok(None) };
        let mut repeated = run.blank(self.grid.count)?;
        repeated.fill(values.first().copied().unwrap_or(STALE));
        Ok(Some(Row { labels, values: repeated }))
    }
}
