//! What is asked of stored series, and what comes back.

use super::{Bucket, Labels, Resolution, Samples};
use crate::store::StoreResult;

/// How a label's value is compared. A label that a series does not have is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, of the whole value.
    Like,
    /// `!~`, of the whole value.
    NotLike,
}

/// What a label must be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Matcher {
    /// The label; [`super::NAME`] for the metric's name.
    pub label: String,
    /// How.
    pub comparison: Comparison,
    /// With what; a regular expression for the last two.
    pub value: String,
}

/// Which samples are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selection {
    /// Of series for which all of these hold.
    pub matchers: Vec<Matcher>,
    /// Samples later than this, in milliseconds.
    pub after: i64,
    /// And not later than this.
    pub to: i64,
    /// How fine.
    pub resolution: Resolution,
}

/// A series with what was asked of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Which.
    pub labels: Labels,
    /// Its figures, oldest first.
    pub data: Data,
}

/// Figures of a series.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Every sample, those that end the series among them.
    Samples(Samples),
    /// Roll-ups of five minutes or an hour.
    Buckets(Vec<Bucket>),
}

impl Data {
    /// How many figures.
    pub fn len(&self) -> usize {
        match self {
            Self::Samples(samples) => samples.len(),
            Self::Buckets(buckets) => buckets.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Series one after the other, in no order, each once and with its whole range; series without a sample are left out.
/// Samples are unpacked as they are asked for, which takes processor time and nothing else.
pub type SeriesStream = Box<dyn Iterator<Item = StoreResult<Series>> + Send>;
