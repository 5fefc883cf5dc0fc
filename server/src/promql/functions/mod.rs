//! The functions of PromQL.

pub mod date;
pub mod histogram;
pub mod instant;
pub mod number;
pub mod range;
pub mod rate;
pub mod regression;
pub mod rolled;
pub mod window;

use std::borrow::Cow;

/// A number an instant.
#[derive(Debug, Clone)]
pub enum Steps {
    /// Always the same.
    Same(f64),
    /// One an instant.
    Each(Vec<f64>),
}

impl Steps {
    /// The number of an instant.
    pub fn at(&self, index: usize) -> f64 {
        match self {
            Self::Same(value) => *value,
            Self::Each(values) => values.get(index).copied().unwrap_or(f64::NAN),
        }
    }

    /// A number for which something holds.
    pub fn find(&self, holds: impl Fn(f64) -> bool) -> Option<f64> {
        match self {
            Self::Same(value) => Some(*value).filter(|value| holds(*value)),
            Self::Each(values) => values.iter().copied().find(|value| holds(*value)),
        }
    }

    /// One number for each of so many instants.
    pub fn all(&self, count: usize) -> Cow<'_, [f64]> {
        match self {
            Self::Same(value) => Cow::Owned(vec![*value; count]),
            Self::Each(values) => Cow::Borrowed(values),
        }
    }

    /// What a function makes of each.
    #[must_use]
    pub fn map(self, function: impl Fn(f64) -> f64) -> Self {
        match self {
            Self::Same(value) => Self::Same(function(value)),
            Self::Each(mut values) => {
                for value in &mut values {
                    *value = function(*value);
                }
                Self::Each(values)
            }
        }
    }

    /// What a function makes of each pair.
    #[must_use]
    pub fn zip(self, other: &Self, function: impl Fn(f64, f64) -> f64) -> Self {
        match (self, other) {
            (Self::Same(value), Self::Same(other)) => Self::Same(function(value, *other)),
            (Self::Same(value), Self::Each(others)) => {
                Self::Each(others.iter().map(|other| function(value, *other)).collect())
            }
            (Self::Each(mut values), other) => {
                for (index, value) in values.iter_mut().enumerate() {
                    *value = function(*value, other.at(index));
                }
                Self::Each(values)
            }
        }
    }
}
