//! Aggregations: many series become one a group.

mod fold;
mod hold;

use std::sync::Arc;

pub use self::{fold::Fold, hold::Select};
use super::plan::Scalar;

/// An aggregation.
#[derive(Debug)]
pub enum Aggregation {
    /// `sum`
    Sum,
    /// `avg`
    Avg,
    /// `min`
    Min,
    /// `max`
    Max,
    /// `count`
    Count,
    /// `group`, which is always 1
    Group,
    /// `stddev`
    Stddev,
    /// `stdvar`
    Stdvar,
    /// `topk`, of so many
    Topk(Scalar),
    /// `bottomk`, of so many
    Bottomk(Scalar),
    /// `quantile`, of this share
    Quantile(Scalar),
    /// `count_values`, which become values of this label
    CountValues(Arc<str>),
}

impl Aggregation {
    /// Whether it answers some of its series as they are.
    pub fn selects(&self) -> bool {
        matches!(self, Self::Topk(_) | Self::Bottomk(_))
    }

    /// Whether all of its series are needed at once.
    pub fn holds_series(&self) -> bool {
        self.selects() || matches!(self, Self::Quantile(_) | Self::CountValues(_))
    }
}
