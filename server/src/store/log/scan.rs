//! Looking at a part of a log without listing it: what counts, draws and clusters it.

use app::model::{LogId, UnixNanos};

use super::{BlockSummary, LogMatcher};
use crate::store::StoreResult;

/// Sees the blocks of a range, first their descriptions, then what it wants of them unpacked.
pub trait LogScan: Send {
    /// What a block must hold to be worth unpacking.
    fn matcher(&self) -> &LogMatcher;
    /// Sees the description of a block; says whether it has to be unpacked.
    fn offer(&mut self, block: &BlockFacts<'_>) -> bool;
    /// Sees the records of a block.
    fn take(&mut self, first_id: LogId, payload: &[u8]) -> StoreResult<()>;
}

/// The description of a block.
#[derive(Debug, Clone, Copy)]
pub struct BlockFacts<'a> {
    /// Earliest time.
    pub min_time: UnixNanos,
    /// Latest time.
    pub max_time: UnixNanos,
    /// A bit for each level that occurs.
    pub levels: i64,
    /// Counts by service and level.
    pub summary: &'a BlockSummary,
}

/// How much of what a scan wanted to see unpacked it saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScanCoverage {
    /// Records of the blocks that it wanted.
    pub wanted: u64,
    /// Records of those that it saw, and of those that a filter ruled out.
    pub seen: u64,
}

impl ScanCoverage {
    /// How many records one that was seen stands for.
    pub fn weight(self) -> f64 {
        if self.seen == 0 { 1.0 } else { self.wanted as f64 / self.seen as f64 }
    }

    /// Whether everything was seen.
    pub fn is_complete(self) -> bool {
        self.wanted == self.seen
    }
}
