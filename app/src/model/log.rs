//! Log records, after the OpenTelemetry log data model
//! (<https://opentelemetry.io/docs/specs/otel/logs/data-model/>).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{LogId, SpanId, TraceId, UnixNanos};

/// How serious a record is. Ordered: `Trace < Debug < … < Fatal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Finest detail.
    Trace,
    /// For developers.
    Debug,
    /// Normal operation.
    #[default]
    Info,
    /// Unexpected, handled.
    Warn,
    /// An operation failed.
    Error,
    /// The process cannot go on.
    Fatal,
}

impl Level {
    /// Every level, finest first.
    pub const ALL: [Self; 6] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// Lower-case name, as in JSON and addresses.
    pub fn key(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// A text that names no level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one of trace, debug, info, warn, error, fatal")]
pub struct ParseLevelError;

impl FromStr for Level {
    type Err = ParseLevelError;

    fn from_str(text: &str) -> Result<Self, ParseLevelError> {
        let text = text.to_ascii_lowercase();
        let text = if text == "warning" { "warn" } else { &text };
        Self::ALL.into_iter().find(|level| level.key() == text).ok_or(ParseLevelError)
    }
}

/// One stored log record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct LogRecord {
    /// Place in the tenant's log.
    pub id: LogId,
    /// When it happened, by the emitter's clock.
    #[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime))]
    pub timestamp: UnixNanos,
    /// How serious it is.
    pub level: Level,
    /// What emitted it.
    pub service: String,
    /// The line that people read.
    pub message: String,
    /// The trace it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(value_type = Option<String>, example = "4bf92f3577b34da6a3ce929d0e0e4736"))]
    pub trace_id: Option<TraceId>,
    /// The span inside that trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(value_type = Option<String>, example = "00f067aa0ba902b7"))]
    pub span_id: Option<SpanId>,
    /// Structured fields.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    #[cfg_attr(feature = "ssr", schema(value_type = Object))]
    pub attributes: serde_json::Map<String, serde_json::Value>,
}

/// Which records are wanted. Empty means all. `search` is a [`LogSearch`](super::LogSearch) as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LogFilter {
    /// The least serious level that is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// One service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Words, quoted phrases, fields, regular expressions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// One trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

impl LogFilter {
    /// Whether every record passes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A page of history: newest first, or after a position oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LogQuery {
    /// Which records.
    pub filter: LogFilter,
    /// In which range; the default is the last hour.
    pub range: super::RangeSpec,
    /// How many at most, 1 to [`LogQuery::MAX_LIMIT`]; 0 means [`LogQuery::DEFAULT_LIMIT`].
    pub limit: u32,
    /// Where the page before ended: its `next_cursor`.
    pub cursor: Option<String>,
}

impl LogQuery {
    /// Records in a page when nothing is said.
    pub const DEFAULT_LIMIT: u32 = 200;
    /// The most records in a page.
    pub const MAX_LIMIT: u32 = 10_000;
}

/// A page of history, newest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct LogPage {
    /// The records, newest first.
    pub logs: Vec<LogRecord>,
    /// Give it back as `cursor` for the page after; absent on the last page.
    pub next_cursor: Option<String>,
    /// The search ended before the page was full, as it had looked at very many records: what happened at this time or
    /// before was not looked at. `next_cursor` goes on from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(value_type = Option<String>, format = DateTime))]
    pub searched_to: Option<UnixNanos>,
    /// The newest position of the tenant's log when the page was read: a live stream that starts after it
    /// continues this page without a gap and without a repeat.
    pub last_id: LogId,
    /// How many records match in the whole range, counted up to a bound.
    pub matched: u64,
    /// `matched` stopped at its bound: there are more.
    pub matched_is_partial: bool,
    /// Services seen in the range, sorted: the choices of the service filter.
    pub services: Vec<String>,
    /// Whether the tenant has any log record at all, in this range or not.
    pub any_stored: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_and_read_in_any_case() {
        assert!(Level::Trace < Level::Debug && Level::Error < Level::Fatal);
        assert_eq!("WARNING".parse(), Ok(Level::Warn));
        assert_eq!("Error".parse(), Ok(Level::Error));
        assert_eq!("loud".parse::<Level>(), Err(ParseLevelError));
    }

    #[test]
    fn a_record_without_trace_and_fields_is_short_in_json() {
        let record = LogRecord {
            id: LogId(7),
            timestamp: UnixNanos(1_500_000_000_000_000_001),
            level: Level::Info,
            service: "console".into(),
            message: "started".into(),
            trace_id: None,
            span_id: None,
            attributes: serde_json::Map::new(),
        };
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(
            json,
            r#"{"id":7,"timestamp":"2017-07-14T02:40:00.000000001Z","level":"info","service":"console","message":"started"}"#
        );
        assert_eq!(serde_json::from_str::<LogRecord>(&json).unwrap(), record);
    }
}
