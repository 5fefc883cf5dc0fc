//! What sets the traces of a selection apart from the rest.

use serde::{Deserialize, Serialize};

use super::{RangeSpec, TraceQuery};

/// Which traces are compared with which.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ContrastQuery {
    /// The selection; its order, limit and cursor do not matter.
    pub query: TraceQuery,
    /// The rest is what began in this range, of the same service, and is not in the selection.
    pub within: RangeSpec,
}

/// A value and how often it occurs on either side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContrastValue {
    /// Name of the attribute; `service` and `operation` stand for the span's own.
    pub key: String,
    /// Its value as text.
    pub value: String,
    /// Traces of the selection with a span that has it.
    pub selected: u32,
    /// Traces of the rest with a span that has it.
    pub rest: u32,
}

/// What was found. Both sides are samples of at most [`TraceContrast::SAMPLE`] traces.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TraceContrast {
    /// Traces of the selection that were looked at.
    pub selected: u32,
    /// Traces of the rest that were looked at.
    pub rest: u32,
    /// Values that the selection has more often, those with the largest difference first.
    pub values: Vec<ContrastValue>,
}

impl TraceContrast {
    /// Traces of a side that are looked at, at most.
    pub const SAMPLE: usize = 1000;
    /// Values that are told, at most.
    pub const MAX_VALUES: usize = 40;

    /// Shares of the two sides that have the value, 0 to 1.
    pub fn shares(&self, value: &ContrastValue) -> (f64, f64) {
        let share = |count: u32, all: u32| if all == 0 { 0.0 } else { f64::from(count) / f64::from(all) };
        (share(value.selected, self.selected), share(value.rest, self.rest))
    }
}
