//! How log records lie in the store: compressed column blocks, each with a filter that tells which words it cannot
//! hold, and the matcher that decides whether a record is wanted.

mod attributes;
mod block;
mod counts;
mod matcher;
mod messages;
mod patterns;
mod scan;
mod texts;
mod words;

use app::model::{Level, SpanId, TraceId, UnixNanos};
pub use block::{Block, BlockSummary, LogBlock, decode_new, encode};
pub use counts::{CountScan, LogCounts};
pub use matcher::{LogMatcher, SearchError};
pub use patterns::{Clusters, PatternScan};
pub use scan::{BlockFacts, LogScan, ScanCoverage};
pub use texts::BlockTexts;

/// A log record on its way in: without an id, its fields as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLogRecord {
    /// When it happened.
    pub timestamp: UnixNanos,
    /// How serious it is.
    pub level: Level,
    /// What emitted it.
    pub service: String,
    /// The line that people read.
    pub message: String,
    /// Its trace.
    pub trace_id: Option<TraceId>,
    /// Its span.
    pub span_id: Option<SpanId>,
    /// Structured fields as a JSON object; empty for none.
    pub attributes: String,
}

impl NewLogRecord {
    /// Bytes that it keeps in memory, about.
    pub fn size(&self) -> usize {
        96 + self.service.len() + self.message.len() + self.attributes.len()
    }
}
