//! Ways to look at log records other than line by line: counts, patterns, and the surroundings of one record.

use serde::{Deserialize, Serialize};

use super::{Level, LogFilter, LogId, LogRecord, RangeSpec, UnixMillis, UnixNanos};

/// Counts by level, in the order of [`Level::ALL`].
pub type LevelCounts = [u64; 6];

/// Which records are counted or clustered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LogViewQuery {
    /// Which records.
    pub filter: LogFilter,
    /// In which range; the default is the last hour.
    pub range: RangeSpec,
}

/// Counts over the records of a range: over time, by level, by service, by attribute.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct LogSummary {
    /// Beginning of the first column.
    #[cfg_attr(feature = "ssr", schema(value_type = i64))]
    pub from: UnixMillis,
    /// End of the last column.
    #[cfg_attr(feature = "ssr", schema(value_type = i64))]
    pub to: UnixMillis,
    /// Counts by level for each column of equal length: trace, debug, info, warn, error, fatal.
    #[cfg_attr(feature = "ssr", schema(value_type = Vec<Vec<u64>>))]
    pub columns: Vec<LevelCounts>,
    /// By level, whichever level was asked for.
    #[cfg_attr(feature = "ssr", schema(value_type = Vec<u64>))]
    pub levels: LevelCounts,
    /// By service, whichever service was asked for; those with the most first.
    pub services: Vec<ServiceLines>,
    /// How many services there are beyond those.
    pub more_services: u64,
    /// Not every record was looked at: the counts are estimated from an evenly spread part of them.
    pub is_estimate: bool,
    /// What attributes say in the newest of the records.
    pub attributes: Vec<AttributeFacet>,
    /// How many of the newest records `attributes` is about.
    pub attribute_lines: u64,
}

impl LogSummary {
    /// Columns over a range.
    pub const COLUMNS: usize = 72;
    /// The most services.
    pub const MAX_SERVICES: usize = 100;
    /// The most attributes.
    pub const MAX_ATTRIBUTES: usize = 24;
    /// The most values of an attribute.
    pub const MAX_VALUES: usize = 8;
    /// Records that are looked at for attributes.
    pub const ATTRIBUTE_LINES: u32 = 2000;
}

/// How many records a service has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ServiceLines {
    /// Its name.
    pub service: String,
    /// Its records.
    pub lines: u64,
    /// Those of level error or fatal.
    pub errors: u64,
}

/// What an attribute says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct AttributeFacet {
    /// Its name.
    pub key: String,
    /// Records that have it.
    pub lines: u64,
    /// Values, the most frequent first.
    pub values: Vec<ValueCount>,
    /// How many values there are beyond those.
    pub more_values: u64,
}

/// How often an attribute has a value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ValueCount {
    /// As a search has it.
    pub value: String,
    /// Records that have it.
    pub lines: u64,
}

/// Records of a range by the pattern of their message.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct LogPatterns {
    /// The most frequent first.
    pub patterns: Vec<LogPattern>,
    /// How many there are beyond those.
    pub more_patterns: u64,
    /// Records that were looked at.
    pub lines: u64,
    /// Not every record was looked at: the counts are estimated from an evenly spread part of them.
    pub is_estimate: bool,
    /// A pattern is new when it was first seen after this instant and not in the part of the range before it.
    #[cfg_attr(feature = "ssr", schema(value_type = i64))]
    pub new_after: UnixMillis,
}

impl LogPatterns {
    /// The most patterns.
    pub const MAX_PATTERNS: usize = 200;
}

/// One pattern.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct LogPattern {
    /// With `<*>` where its records differ; searched for with `pattern:"…"`.
    pub pattern: String,
    /// How many records have it.
    pub lines: u64,
    /// The most serious level of a record with it.
    pub level: Level,
    /// The service with the most of them, and how many others there are.
    pub service: String,
    /// Services beyond that one.
    pub more_services: u64,
    /// The first one in the range that was looked at.
    #[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime))]
    pub first_seen: UnixNanos,
    /// The last one.
    #[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime))]
    pub last_seen: UnixNanos,
    /// Whether the range had none before its last part.
    pub is_new: bool,
}

/// One record and what its service wrote before and after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct LogContext {
    /// The record.
    pub record: LogRecord,
    /// What its service wrote before it, oldest first.
    pub before: Vec<LogRecord>,
    /// What its service wrote after it, oldest first.
    pub after: Vec<LogRecord>,
}

impl LogContext {
    /// Records on each side when nothing is said.
    pub const DEFAULT_LINES: u32 = 5;
    /// The most records on each side.
    pub const MAX_LINES: u32 = 200;
}

/// Which record is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogContextQuery {
    /// The record.
    pub id: LogId,
    /// Records on each side, at most [`LogContext::MAX_LINES`].
    pub lines: u32,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// A JSON object a line.
    #[default]
    Ndjson,
    /// One JSON array.
    Json,
    /// Comma-separated values with a header (RFC 4180).
    Csv,
}

impl ExportFormat {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Json, Self::Ndjson, Self::Csv];

    /// Lower-case name, as in addresses and names of files.
    pub fn key(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }

    /// Media type.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }
}

/// A text that names no format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one of json, ndjson, csv")]
pub struct ParseExportFormatError;

impl std::str::FromStr for ExportFormat {
    type Err = ParseExportFormatError;

    fn from_str(text: &str) -> Result<Self, ParseExportFormatError> {
        Self::ALL.into_iter().find(|format| format.key() == text).ok_or(ParseExportFormatError)
    }
}
