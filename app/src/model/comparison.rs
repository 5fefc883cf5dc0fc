//! A trace beside another one.

use serde::{Deserialize, Serialize};

use super::TraceSummary;

/// Why a trace is offered to be compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerChoice {
    /// As long as half of those like it.
    Typical,
    /// The shortest of those like it.
    Shortest,
    /// The longest of those like it.
    Longest,
    /// The latest of those like it without errors.
    Good,
    /// The latest of those like it with errors.
    Failed,
}

impl PeerChoice {
    /// What people read.
    pub fn label(self) -> &'static str {
        match self {
            Self::Typical => "typical",
            Self::Shortest => "shortest",
            Self::Longest => "longest",
            Self::Good => "latest without errors",
            Self::Failed => "latest with errors",
        }
    }
}

/// Spans of one service and name in one trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OperationSum {
    /// How many there are.
    pub spans: u32,
    /// How many of them failed.
    pub errors: u32,
    /// How long they took in all, in nanoseconds.
    pub total_ns: i64,
    /// How much of that none of those under them was busy.
    pub self_ns: i64,
}

/// An operation in both traces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedOperation {
    /// Its service.
    pub service: String,
    /// Its name.
    pub name: String,
    /// In this trace.
    pub here: OperationSum,
    /// In the other one.
    pub there: OperationSum,
}

impl ComparedOperation {
    /// How much longer it was busy here, in nanoseconds; negative when it was busy for less.
    pub fn difference_ns(&self) -> i64 {
        self.here.self_ns.saturating_sub(self.there.self_ns)
    }
}

/// The other trace and what differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparedTrace {
    /// What the other one is.
    pub summary: TraceSummary,
    /// Operations of both, those that differ most first, at most [`TraceComparison::MAX_OPERATIONS`].
    pub operations: Vec<ComparedOperation>,
    /// Operations that are not among them.
    pub left_out: u32,
}

/// What a trace can be compared with, and how it compares.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TraceComparison {
    /// Traces of the same operation around the same time that are worth a comparison.
    pub peers: Vec<(PeerChoice, TraceSummary)>,
    /// Traces of the same operation that these were chosen from.
    pub peer_count: u32,
    /// The other trace, if one was named and is there.
    pub other: Option<ComparedTrace>,
}

impl TraceComparison {
    /// Operations that are told at most.
    pub const MAX_OPERATIONS: usize = 300;
}
