//! Spans and traces, after the OpenTelemetry trace data model
//! (<https://opentelemetry.io/docs/specs/otel/trace/api/>).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{LogRecord, RangeSpec, SpanId, TimeRange, TraceId, UnixNanos};

/// What part a span plays between services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SpanKind {
    /// Work inside a service.
    #[default]
    Internal,
    /// Answers a request.
    Server,
    /// Waits for an answer of another service.
    Client,
    /// Hands a message to a queue.
    Producer,
    /// Takes a message from a queue.
    Consumer,
}

impl SpanKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Internal, Self::Server, Self::Client, Self::Producer, Self::Consumer];

    /// Lower-case name.
    pub fn key(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    /// Whether work enters a service with such a span.
    pub fn is_entry(self) -> bool {
        matches!(self, Self::Server | Self::Consumer)
    }
}

/// How a span ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SpanStatus {
    /// Nothing was said: well, as far as is known.
    #[default]
    Unset,
    /// Well, as its author says.
    Ok,
    /// It failed.
    Error,
}

impl SpanStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Unset, Self::Ok, Self::Error];

    /// Lower-case name.
    pub fn key(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }
}

/// Something that happened during a span, such as an exception.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct SpanEvent {
    /// When.
    #[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime))]
    pub time: UnixNanos,
    /// What, e.g. `exception`.
    pub name: String,
    /// Its fields.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[cfg_attr(feature = "ssr", schema(value_type = Object))]
    pub attributes: Map<String, Value>,
}

/// Another span that this one has to do with, often in another trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct SpanLink {
    /// Its trace.
    #[cfg_attr(feature = "ssr", schema(value_type = String, example = "4bf92f3577b34da6a3ce929d0e0e4736"))]
    pub trace_id: TraceId,
    /// The span.
    #[cfg_attr(feature = "ssr", schema(value_type = String, example = "00f067aa0ba902b7"))]
    pub span_id: SpanId,
    /// What is said of the connection.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[cfg_attr(feature = "ssr", schema(value_type = Object))]
    pub attributes: Map<String, Value>,
}

/// One stored span, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Span {
    /// Its trace.
    #[cfg_attr(feature = "ssr", schema(value_type = String, example = "4bf92f3577b34da6a3ce929d0e0e4736"))]
    pub trace_id: TraceId,
    /// Its own id.
    #[cfg_attr(feature = "ssr", schema(value_type = String, example = "00f067aa0ba902b7"))]
    pub span_id: SpanId,
    /// The span that it is part of; none for a root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(value_type = Option<String>, example = "b7ad6b7169203331"))]
    pub parent_span_id: Option<SpanId>,
    /// The operation.
    pub name: String,
    /// Its part between services.
    pub kind: SpanKind,
    /// What emitted it.
    pub service: String,
    /// When it began, by its emitter's clock.
    #[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime))]
    pub start: UnixNanos,
    /// How long it took, in nanoseconds; never negative.
    pub duration_ns: i64,
    /// How it ended.
    pub status: SpanStatus,
    /// What its author says about that.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status_message: String,
    /// Its fields.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(value_type = Object))]
    pub attributes: Map<String, Value>,
    /// Fields of what emitted it, but for the service's name.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(value_type = Object))]
    pub resource: Map<String, Value>,
    /// Name of the library that made it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// What happened meanwhile, in order of time.
    #[serde(default)]
    pub events: Vec<SpanEvent>,
    /// What it has to do with.
    #[serde(default)]
    pub links: Vec<SpanLink>,
}

impl Span {
    /// When it ended.
    pub fn end(&self) -> UnixNanos {
        UnixNanos(self.start.0.saturating_add(self.duration_ns))
    }
}

/// A service's part in a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ServiceShare {
    /// The service.
    pub service: String,
    /// Its spans.
    pub spans: u32,
    /// Those of them that failed.
    pub errors: u32,
}

/// A trace in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct TraceSummary {
    /// The trace.
    #[cfg_attr(feature = "ssr", schema(value_type = String, example = "4bf92f3577b34da6a3ce929d0e0e4736"))]
    pub trace_id: TraceId,
    /// When its earliest span began.
    #[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime))]
    pub start: UnixNanos,
    /// From the start of its earliest to the end of its latest span, in nanoseconds.
    pub duration_ns: i64,
    /// Service of its root span; of its earliest span while there is no root.
    pub service: String,
    /// Operation of that span.
    pub operation: String,
    /// Whether its root span has arrived.
    pub has_root: bool,
    /// Spans that have arrived, each counted once.
    pub spans: u32,
    /// Those of them that failed.
    pub errors: u32,
    /// The services that took part, the first to arrive first.
    pub services: Vec<ServiceShare>,
}

impl TraceSummary {
    /// Its length in milliseconds.
    pub fn duration_ms(&self) -> f64 {
        self.duration_ns as f64 / 1e6
    }
}

/// How an attribute is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeOp {
    /// Is this value.
    #[default]
    Equals,
    /// Is there and is another value.
    Differs,
    /// Its text contains this one, in any case.
    Contains,
    /// Is there.
    Exists,
}

/// A condition on an attribute of a span or of its resource.
///
/// Text form: `http.route = /orders`, `http.route != /orders`, `http.route contains ord`, `http.route exists`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct AttributeFilter {
    /// Name of the attribute.
    pub key: String,
    /// How it is compared.
    pub op: AttributeOp,
    /// With what; empty for [`AttributeOp::Exists`].
    #[serde(default)]
    pub value: String,
}

impl fmt::Display for AttributeFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, op, value } = self;
        match op {
            AttributeOp::Equals => write!(f, "{key} = {value}"),
            AttributeOp::Differs => write!(f, "{key} != {value}"),
            AttributeOp::Contains => write!(f, "{key} contains {value}"),
            AttributeOp::Exists => write!(f, "{key} exists"),
        }
    }
}

/// A text that is no condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `key = value`, `key != value`, `key contains text` or `key exists`")]
pub struct ParseAttributeFilterError;

impl FromStr for AttributeFilter {
    type Err = ParseAttributeFilterError;

    fn from_str(text: &str) -> Result<Self, ParseAttributeFilterError> {
        let text = text.trim();
        let filter = |key: &str, op, value: &str| {
            let (key, value) = (key.trim(), value.trim());
            let is_complete = !key.is_empty() && (op == AttributeOp::Exists || !value.is_empty());
            let filter = Self { key: key.to_owned(), op, value: value.to_owned() };
            if is_complete && !key.contains(char::is_whitespace) { Ok(filter) } else { Err(ParseAttributeFilterError) }
        };
        if let Some(key) = text.strip_suffix(" exists") {
            return filter(key, AttributeOp::Exists, "");
        }
        if let Some((key, value)) = text.split_once(" contains ") {
            return filter(key, AttributeOp::Contains, value);
        }
        let (key, value) = text.split_once('=').ok_or(ParseAttributeFilterError)?;
        match key.strip_suffix('!') {
            Some(key) => filter(key, AttributeOp::Differs, value),
            None => filter(key, AttributeOp::Equals, value),
        }
    }
}

/// In which order traces are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TraceSort {
    /// The latest first.
    #[default]
    Newest,
    /// The longest first.
    Longest,
    /// Those with the most failed spans first.
    Errors,
}

impl TraceSort {
    /// Every order.
    pub const ALL: [Self; 3] = [Self::Newest, Self::Longest, Self::Errors];

    /// Name in addresses.
    pub fn key(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Longest => "longest",
            Self::Errors => "errors",
        }
    }
}

/// Which traces are wanted. Empty means all.
///
/// `service`, `operation`, `attributes` and `search` are conditions on spans: a trace is wanted when one of its spans
/// fulfils all of them. The others are conditions on the trace.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TraceFilter {
    /// A span of this service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// A span with this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// With failed spans (`true`) or without (`false`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_errors: Option<bool>,
    /// At least so long, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_ms: Option<f64>,
    /// At most so long, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_ms: Option<f64>,
    /// A span whose attributes fulfil all of these, at most [`TraceFilter::MAX_ATTRIBUTES`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AttributeFilter>,
    /// A span in whose name, status, attributes or events this text occurs, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
}

impl TraceFilter {
    /// The most conditions on attributes.
    pub const MAX_ATTRIBUTES: usize = 8;

    /// Whether every trace passes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TraceQuery {
    /// Which traces.
    pub filter: TraceFilter,
    /// That began in this range; the default is the last hour.
    pub range: RangeSpec,
    /// In this order.
    pub sort: TraceSort,
    /// How many at most, 1 to [`TraceQuery::MAX_LIMIT`]; 0 means [`TraceQuery::DEFAULT_LIMIT`].
    pub limit: u32,
    /// Where the page before ended: its `next_cursor`.
    pub cursor: Option<String>,
}

impl TraceQuery {
    /// Traces in a page when nothing is said.
    pub const DEFAULT_LIMIT: u32 = 50;
    /// The most traces in a page.
    pub const MAX_LIMIT: u32 = 1000;
}

/// How many of the matching traces a service took part in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ServiceCount {
    /// The service.
    pub service: String,
    /// Traces.
    pub traces: u64,
    /// Those of them in which it has failed spans.
    pub errors: u64,
}

/// Traces of a cell of the heatmap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct HeatCell {
    /// Which column of time.
    pub column: u16,
    /// Which row of duration; row 0 holds the shortest.
    pub row: u16,
    /// Traces.
    pub traces: u32,
    /// Those of them with failed spans.
    pub errors: u32,
}

/// How long the matching traces took over time. A row spans durations from `row_ms[row]` up to `row_ms[row + 1]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Heatmap {
    /// Columns of equal width that the range is cut into.
    pub columns: u16,
    /// Limits of the rows in milliseconds, one more than there are rows, ascending.
    pub row_ms: Vec<f64>,
    /// Cells in which there is something.
    pub cells: Vec<HeatCell>,
}

/// A page of traces, with what they have in common.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct TracePage {
    /// The traces.
    pub traces: Vec<TraceSummary>,
    /// Give it back as `cursor` for the page after; absent on the last page.
    pub next_cursor: Option<String>,
    /// The range that was asked, in milliseconds since the epoch: from, to.
    #[serde(default)]
    pub range_ms: (i64, i64),
    /// How many traces match in the range, counted up to a bound.
    pub matched: u64,
    /// Those of them with failed spans.
    pub matched_errors: u64,
    /// Counting stopped at its bound: there are more, older ones.
    pub matched_is_partial: bool,
    /// Services of the matching traces, those with the most first.
    pub services: Vec<ServiceCount>,
    /// Their durations over time.
    pub heatmap: Heatmap,
    /// Whether the tenant has any trace at all, in this range or not.
    pub any_stored: bool,
    /// How many traces had begun then: [`news`](crate::model::live::news) compares it with what the live stream tells.
    #[serde(default)]
    pub begun: u64,
}

/// A row of a trace's outline: a span, without what is only looked at when it is selected.
///
/// In JSON an array, in the order of the fields: a large trace has very many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "OutlineTuple", into = "OutlineTuple")]
#[expect(clippy::struct_excessive_bools, reason = "each is a mark of its own")]
pub struct OutlineRow {
    /// The span.
    pub span_id: SpanId,
    /// How many spans are above it.
    pub depth: u16,
    /// How many spans lie under it: they follow it.
    pub descendants: u32,
    /// Its service, an index into [`TraceOutline::services`].
    pub service: u16,
    /// Its name, an index into [`TraceOutline::names`].
    pub name: u32,
    /// Nanoseconds from the start of the trace.
    pub offset_ns: i64,
    /// How long it took, in nanoseconds.
    pub duration_ns: i64,
    /// How much of that none of its children was busy, in nanoseconds.
    pub self_ns: i64,
    /// Its part between services.
    pub kind: SpanKind,
    /// Whether it failed.
    pub is_error: bool,
    /// Whether the trace would have been shorter had it been.
    pub is_critical: bool,
    /// Its parent is named and has not arrived.
    pub is_orphan: bool,
    /// It lies outside its parent in time: a clock is off, or it was not waited for.
    pub is_skewed: bool,
}

/// As JSON has it: flags are a sum of 1 (error), 2 (critical), 4 (orphan), 8 (skewed).
type OutlineTuple = (SpanId, u16, u32, u16, u32, i64, i64, i64, u8, u8);

impl From<OutlineTuple> for OutlineRow {
    fn from(tuple: OutlineTuple) -> Self {
        let (span_id, depth, descendants, service, name, offset_ns, duration_ns, self_ns, kind, flags) = tuple;
        Self {
            span_id,
            depth,
            descendants,
            service,
            name,
            offset_ns,
            duration_ns,
            self_ns,
            kind: SpanKind::ALL.get(usize::from(kind)).copied().unwrap_or_default(),
            is_error: flags & 1 != 0,
            is_critical: flags & 2 != 0,
            is_orphan: flags & 4 != 0,
            is_skewed: flags & 8 != 0,
        }
    }
}

impl From<OutlineRow> for OutlineTuple {
    fn from(row: OutlineRow) -> Self {
        let flag = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        let flags = flag(row.is_error, 1) | flag(row.is_critical, 2) | flag(row.is_orphan, 4) | flag(row.is_skewed, 8);
        let OutlineRow { span_id, depth, descendants, service, name, offset_ns, duration_ns, self_ns, kind, .. } = row;
        (span_id, depth, descendants, service, name, offset_ns, duration_ns, self_ns, kind as u8, flags)
    }
}

/// A trace's spans as a tree, laid flat: each row is followed by those under it, siblings in order of time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TraceOutline {
    /// Names of services.
    pub services: Vec<String>,
    /// Names of spans.
    pub names: Vec<String>,
    /// The rows from [`offset`](Self::offset) on.
    pub rows: Vec<OutlineRow>,
    /// Number of the first row here.
    pub offset: u32,
    /// All rows of the trace.
    pub total: u32,
}

/// What may be wrong with how a trace was recorded, for people to know when they read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TraceFaults {
    /// Spans that were sent more than once, beyond the first.
    pub duplicates: u32,
    /// Spans whose parent has not arrived.
    pub orphans: u32,
    /// Spans that lie outside their parent in time.
    pub skewed: u32,
    /// Spans beyond the largest number that a page shows.
    pub left_out: u32,
}

/// One trace for its page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceDetail {
    /// What the list says of it.
    pub summary: TraceSummary,
    /// Its beginning; the rest is loaded in windows.
    pub outline: TraceOutline,
    /// What to know when reading it.
    pub faults: TraceFaults,
    /// Log lines that name the trace, oldest first, at most [`TraceDetail::MAX_LOGS`].
    pub logs: Vec<LogRecord>,
    /// There are more log lines.
    pub has_more_logs: bool,
}

impl TraceDetail {
    /// Rows in a window of the outline.
    pub const WINDOW_ROWS: u32 = 5000;
    /// The most log lines.
    pub const MAX_LOGS: u32 = 1000;
}

/// How long spans like this one take: of the same service and name, in the hours before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PeerStats {
    /// How many there were.
    pub count: u64,
    /// Share of them that were shorter, in percent.
    pub percentile: f64,
    /// Median in milliseconds.
    pub p50_ms: f64,
    /// 95th percentile in milliseconds.
    pub p95_ms: f64,
    /// 99th percentile in milliseconds.
    pub p99_ms: f64,
    /// The range that was looked at.
    pub range: TimeRange,
}

/// One span for the panel beside the trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpanDetail {
    /// The span.
    pub span: Span,
    /// How it compares; none when there is nothing to compare with.
    pub peers: Option<PeerStats>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_as_they_are_written() {
        for text in ["http.route = /x?a=b", "http.route != /x", "db.statement contains select 1", "user.id exists"] {
            let filter: AttributeFilter = text.parse().unwrap();
            assert_eq!(filter.to_string(), text);
        }
        let tight: AttributeFilter = "http.status_code=500".parse().unwrap();
        assert_eq!((tight.key.as_str(), tight.value.as_str()), ("http.status_code", "500"));
        for text in ["", "route", "= x", "a b = c", "a =", "exists"] {
            assert!(text.parse::<AttributeFilter>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_outline_row_is_short_in_json() {
        let row = OutlineRow {
            span_id: SpanId([1; 8]),
            depth: 2,
            descendants: 3,
            service: 0,
            name: 7,
            offset_ns: 1000,
            duration_ns: 500,
            self_ns: 20,
            kind: SpanKind::Client,
            is_error: true,
            is_critical: false,
            is_orphan: true,
            is_skewed: false,
        };
        let json = serde_json::to_string(&row).unwrap();
        assert_eq!(json, r#"["0101010101010101",2,3,0,7,1000,500,20,2,5]"#);
        assert_eq!(serde_json::from_str::<OutlineRow>(&json).unwrap(), row);
    }
}
