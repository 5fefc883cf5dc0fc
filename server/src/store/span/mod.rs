//! How spans lie in the store: compressed column blocks with a filter each, a row for each trace, and what the rows of
//! a trace say once more spans of it arrive.

mod block;
mod call;
mod contrast;
mod edges;
mod matcher;
mod summary;

use std::sync::Arc;

use app::model::{
    AttributeFilter, Span, SpanId, SpanKind, SpanStatus, TenantId, TraceContrast, TraceId, TraceSort, TraceSummary,
    UnixNanos,
};
use async_trait::async_trait;

pub use block::{Block, BlockSummary, NarrowBlock, decode, decode_new, encode, may_hold_span, may_hold_trace};
pub use call::{CallSelection, FoundCall, HttpCall};
pub use contrast::Contrast;
pub use edges::{Call, EdgeKey, Paired, Pairing, Pairings, Peer, SpanSlice};
pub use matcher::SpanMatcher;
pub use summary::{ServicePart, TraceDelta, TraceRow, group_by_trace};

use super::{Rollup, RollupRange, StoreResult};

/// A span on its way in: its fields as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSpan {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// Its parent.
    pub parent: Option<SpanId>,
    /// The operation.
    pub name: String,
    /// Its part between services.
    pub kind: SpanKind,
    /// What emitted it.
    pub service: Arc<str>,
    /// When it began.
    pub start: UnixNanos,
    /// How long it took; never negative.
    pub duration_ns: i64,
    /// How it ended.
    pub status: SpanStatus,
    /// What is said of that.
    pub status_message: String,
    /// A JSON object; empty for none.
    pub attributes: String,
    /// A JSON object; empty for none. Spans of one sender share it.
    pub resource: Arc<str>,
    /// The library that made it.
    pub scope: Arc<str>,
    /// A JSON array; empty for none.
    pub events: String,
    /// A JSON array; empty for none.
    pub links: String,
    /// For the figures of endpoints; not stored.
    pub http: Option<HttpCall>,
    /// What a caller's span says of the one that it calls; not stored.
    pub peer: Option<Peer>,
}

impl NewSpan {
    /// When it ended.
    pub fn end(&self) -> UnixNanos {
        UnixNanos(self.start.0.saturating_add(self.duration_ns))
    }

    /// Bytes that it keeps in memory, about.
    pub fn size(&self) -> usize {
        256 + self.name.len() + self.status_message.len() + self.attributes.len() + self.events.len() + self.links.len()
    }
}

/// Where a page of traces begins: after this one. The first number is what the list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceCursor {
    /// Start, duration or number of failed spans of the last trace seen.
    pub value: i64,
    /// Its row.
    pub row: i64,
}

/// Which traces are wanted.
#[derive(Debug, Clone)]
pub struct TraceSelection {
    /// That began from this instant on.
    pub from: UnixNanos,
    /// And before this one.
    pub to: UnixNanos,
    /// In which this service took part.
    pub service: Option<String>,
    /// With failed spans, or without.
    pub has_errors: Option<bool>,
    /// At least so long, in nanoseconds.
    pub min_ns: Option<i64>,
    /// At most so long, in nanoseconds.
    pub max_ns: Option<i64>,
    /// One of whose spans matches; none when every trace does.
    pub matcher: Option<SpanMatcher>,
    /// In which order.
    pub sort: TraceSort,
    /// After this one.
    pub after: Option<TraceCursor>,
    /// At most so many.
    pub limit: usize,
    /// So many of those that match are looked at to describe them all.
    pub count_bound: usize,
}

/// What the description of all matching traces is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceFigures {
    /// When it began.
    pub start: UnixNanos,
    /// How long it took, in nanoseconds.
    pub duration_ns: i64,
    /// Its failed spans.
    pub errors: i64,
    /// Its services.
    pub services: Vec<ServicePart>,
}

/// What was found of a [`TraceSelection`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TraceSlice {
    /// The page, in order.
    pub traces: Vec<TraceSummary>,
    /// Where the page after begins.
    pub next: Option<TraceCursor>,
    /// All that match, up to the bound, the newest first.
    pub figures: Vec<TraceFigures>,
    /// There are more than the bound.
    pub is_partial: bool,
    /// Names of the services in `figures`.
    pub services: std::collections::HashMap<i64, String>,
    /// Whether the tenant has any trace.
    pub any_stored: bool,
}

/// The spans of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTrace {
    /// What its row says.
    pub summary: TraceSummary,
    /// Its spans in order of their start, each once: without attributes, events, links and messages.
    pub spans: Vec<Span>,
    /// Copies that were left out.
    pub duplicates: usize,
    /// Spans beyond the limit.
    pub left_out: usize,
}

/// Traces and their spans.
#[async_trait]
pub trait SpanStore: Send + Sync {
    /// Lists traces.
    async fn traces(&self, tenant: TenantId, selection: TraceSelection) -> StoreResult<TraceSlice>;
    /// What sets some traces apart from others; those that are among both count as the former.
    async fn contrast(
        &self,
        tenant: TenantId,
        selected: TraceSelection,
        rest: TraceSelection,
    ) -> StoreResult<TraceContrast>;
    /// What is known of a trace.
    async fn trace_summary(&self, tenant: TenantId, trace: TraceId) -> StoreResult<Option<TraceSummary>>;
    /// Traces of the same operation that began within a time of a trace, the newest first, at most so many.
    async fn like(
        &self,
        tenant: TenantId,
        trace: TraceId,
        within_ns: i64,
        limit: usize,
    ) -> StoreResult<Vec<TraceSummary>>;
    /// A trace with at most so many of its spans.
    async fn trace(&self, tenant: TenantId, trace: TraceId, limit: usize) -> StoreResult<Option<StoredTrace>>;
    /// One span.
    async fn span(&self, tenant: TenantId, trace: TraceId, span: SpanId) -> StoreResult<Option<Span>>;
    /// How long spans of one service and name took.
    async fn operation(
        &self,
        tenant: TenantId,
        service: &str,
        name: &str,
        ranges: &[RollupRange],
    ) -> StoreResult<Rollup>;
    /// Calls between services and from services to what they use, and whether there ever were any.
    async fn edges(&self, tenant: TenantId, ranges: &[RollupRange]) -> StoreResult<(Vec<(EdgeKey, Rollup)>, bool)>;
    /// Requests that endpoints answered, the newest first, and whether the search ended before all were looked at.
    async fn calls(&self, tenant: TenantId, selection: CallSelection) -> StoreResult<(Vec<FoundCall>, bool)>;
    /// Merges small neighbouring blocks into larger ones, at most so many merges; says how many were made.
    async fn compact_spans(&self, merges: usize) -> StoreResult<usize>;
}

/// The part of a filter that is about single spans.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpanCondition {
    /// Of this service.
    pub service: Option<String>,
    /// With this name.
    pub operation: Option<String>,
    /// Whose attributes fulfil all of these.
    pub attributes: Vec<AttributeFilter>,
    /// In which this text occurs, in any case.
    pub search: Option<String>,
}
