//! Log records as files: everything that matches, written page after page as the reader takes it.

use std::sync::Arc;

use app::{
    api::{ApiError, Scope},
    model::{ExportFormat, Level, LogId, LogRecord, UnixNanos},
};
use axum::{
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use chrono::SecondsFormat;
use futures::{Stream, stream};

use super::{
    error::{ErrorBody, Failure},
    guard::InScope,
    query::Params,
};
use crate::{
    service::{Services, logs::matcher_of},
    store::log::LogMatcher,
};

const PARAMS: [&str; 8] = ["level", "service", "search", "trace_id", "from", "to", "range", "format"];
/// Records that are read at once: what an export keeps in memory.
const PAGE: usize = 4096;
const CSV_HEADER: &str = "id,timestamp,level,service,message,trace_id,span_id,attributes\r\n";

/// Log records as a file
///
/// All that match, newest first, without a limit. A file that was cut off ends without its last line or bracket.
#[utoipa::path(get, path = "/api/monitoring/logs/export", tag = "logs", params(
    ("format" = Option<ExportFormat>, Query, description = "`ndjson` by default."),
    ("level" = Option<Level>, Query, description = "This level or a more serious one."),
    ("service" = Option<String>, Query, description = "From this service."),
    ("search" = Option<String>, Query, description = "What the records must say, in the language of the list."),
    ("trace_id" = Option<String>, Query, description = "Of this trace: 32 hexadecimal digits."),
    ("range" = Option<String>, Query, description = "A range as addresses of pages have it, instead of `from` and `to`.", example = "6h"),
    ("from" = Option<String>, Query, description = "RFC 3339 or epoch milliseconds.", example = "2026-01-01T00:00:00Z"),
    ("to" = Option<String>, Query, description = "RFC 3339 or epoch milliseconds."),
), responses(
    (status = 200, description = "The file.", content(
        (String = "application/x-ndjson"), (String = "application/json"), (String = "text/csv"))),
    (status = 422, description = "A parameter is wrong; `details.field` says which.", body = ErrorBody),
))]
pub async fn export(
    State(services): State<Arc<Services>>,
    InScope(scope): InScope,
    params: Params,
) -> Result<Response, Failure> {
    let params = params.only(&PARAMS)?;
    let format = params.parse::<ExportFormat>("format")?.unwrap_or_default();
    let matcher = matcher_of(&params.log_filter()?)?;
    let named = params.parse("range")?;
    let range = named.or(params.range(services.clock.now_millis())?).unwrap_or_default();
    // Fixed here: a file has an end, also while records go on to come.
    let (from, to) = services.log_bounds(range);
    let export = Export { services, scope, matcher, range: (from, to), format, written: 0, place: Place::Begin };
    // The first page is read before the answer begins, so that a failure still has a status.
    let (first, export) = export.next().await?.ok_or_else(ApiError::internal)?;
    let body = Body::from_stream(chunks(first, export));
    let headers = [
        (header::CONTENT_TYPE, format.mime().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"console-logs.{}\"", format.key())),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, body).into_response())
}

/// An export under way.
struct Export {
    services: Arc<Services>,
    scope: Scope,
    matcher: LogMatcher,
    range: (UnixNanos, UnixNanos),
    format: ExportFormat,
    written: u64,
    place: Place,
}

/// How far an export has come.
#[derive(Debug, Clone, Copy)]
enum Place {
    Begin,
    Before((UnixNanos, LogId)),
    End,
}

impl Export {
    /// The next part of the file; none after the last.
    async fn next(mut self) -> Result<Option<(String, Self)>, ApiError> {
        let before = match self.place {
            Place::Begin => None,
            Place::Before(place) => Some(place),
            Place::End => return Ok(None),
        };
        let read = self.services.log_slice(self.scope, self.matcher.clone(), self.range, before, PAGE);
        let (records, next) = read.await?;
        let mut text = String::new();
        if matches!(self.place, Place::Begin) {
            begin(self.format, &mut text);
        }
        for record in &records {
            write(self.format, record, self.written == 0, &mut text);
            self.written += 1;
        }
        self.place = next.map_or(Place::End, Place::Before);
        if matches!(self.place, Place::End) {
            end(self.format, &mut text);
        }
        Ok(Some((text, self)))
    }
}

/// Part after part, each read when the reader takes it.
fn chunks(first: String, export: Export) -> impl Stream<Item = Result<String, std::io::Error>> {
    stream::try_unfold((Some(first), Some(export)), |(ready, export)| async move {
        if let Some(text) = ready {
            return Ok(Some((text, (None, export))));
        }
        let Some(export) = export else { return Ok(None) };
        // The reader sees that the file is cut off: the connection ends before the body does.
        let next = export.next().await.map_err(std::io::Error::other)?;
        Ok(next.map(|(text, export)| (text, (None, Some(export)))))
    })
}

fn begin(format: ExportFormat, text: &mut String) {
    match format {
        ExportFormat::Ndjson => {}
        ExportFormat::Json => text.push('['),
        ExportFormat::Csv => text.push_str(CSV_HEADER),
    }
}

fn end(format: ExportFormat, text: &mut String) {
    if format == ExportFormat::Json {
        text.push_str("\n]\n");
    }
}

fn write(format: ExportFormat, record: &LogRecord, is_first: bool, text: &mut String) {
    match format {
        ExportFormat::Ndjson => {
            text.push_str(&serde_json::to_string(record).unwrap_or_default());
            text.push('\n');
        }
        ExportFormat::Json => {
            text.push_str(if is_first { "\n" } else { ",\n" });
            text.push_str(&serde_json::to_string(record).unwrap_or_default());
        }
        ExportFormat::Csv => write_csv(record, text),
    }
}

fn write_csv(record: &LogRecord, text: &mut String) {
    let attributes = if record.attributes.is_empty() {
        String::new()
    } else {
        serde_json::to_string(&record.attributes).unwrap_or_default()
    };
    let cells = [
        record.id.to_string(),
        record.timestamp.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true),
        record.level.to_string(),
        record.service.clone(),
        record.message.clone(),
        record.trace_id.map(|id| id.to_string()).unwrap_or_default(),
        record.span_id.map(|id| id.to_string()).unwrap_or_default(),
        attributes,
    ];
    text.push_str(&cells.map(|cell| csv_cell(&cell)).join(","));
    text.push_str("\r\n");
}

/// One cell, quoted where needed. Text that a spreadsheet would run as a formula is made plain by an apostrophe
/// (<https://owasp.org/www-community/attacks/CSV_Injection>): log lines carry what strangers sent.
fn csv_cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let guarded = if is_formula { format!("'{text}") } else { text.to_owned() };
    if guarded.contains([',', '"', '\r', '\n']) { format!("\"{}\"", guarded.replace('"', "\"\"")) } else { guarded }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(format: ExportFormat, messages: &[&str]) -> String {
        let mut text = String::new();
        begin(format, &mut text);
        for (at, message) in messages.iter().enumerate() {
            let record = LogRecord {
                id: LogId(at as i64 + 1),
                timestamp: UnixNanos(1_500_000_000_123_000_000),
                level: Level::Error,
                service: "orders".into(),
                message: (*message).into(),
                trace_id: None,
                span_id: None,
                attributes: serde_json::Map::new(),
            };
            write(format, &record, at == 0, &mut text);
        }
        end(format, &mut text);
        text
    }

    #[test]
    fn cells_are_quoted_where_needed_and_never_formulas() {
        assert_eq!(csv_cell("plain text"), "plain text");
        assert_eq!(csv_cell("a, \"b\"\nc"), "\"a, \"\"b\"\"\nc\"");
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"] {
            assert!(csv_cell(formula).trim_start_matches('"').starts_with('\''), "{formula}");
        }
        assert_eq!(csv_cell("=HYPERLINK(\"x\",\"y\")"), "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"");
    }

    #[test]
    fn a_csv_file_has_a_header_and_a_line_a_record() {
        let csv = file(ExportFormat::Csv, &["a", "b,c"]);
        let lines: Vec<&str> = csv.split_terminator("\r\n").collect();
        assert_eq!(lines[0], "id,timestamp,level,service,message,trace_id,span_id,attributes");
        assert_eq!(lines[1], "1,2017-07-14T02:40:00.123Z,error,orders,a,,,");
        assert_eq!(lines[2], "2,2017-07-14T02:40:00.123Z,error,orders,\"b,c\",,,");
    }

    #[test]
    fn json_files_are_read_back() {
        for messages in [vec![], vec!["a"], vec!["a", "b\n\"c\""]] {
            let array: Vec<LogRecord> = serde_json::from_str(&file(ExportFormat::Json, &messages)).unwrap();
            let lines = file(ExportFormat::Ndjson, &messages);
            let lines: Vec<LogRecord> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(array, lines);
            assert_eq!(array.iter().map(|record| record.message.as_str()).collect::<Vec<_>>(), messages);
        }
    }
}
