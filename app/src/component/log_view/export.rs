//! Log lines as files: JSON and CSV of what is shown.

use std::sync::Arc;

use chrono::SecondsFormat;

use crate::model::LogRecord;

/// The records as a JSON array, one record a line.
pub fn to_json<'a>(records: impl Iterator<Item = &'a Arc<LogRecord>>) -> String {
    let mut out = String::from("[");
    for (at, record) in records.enumerate() {
        out.push_str(if at == 0 { "\n" } else { ",\n" });
        out.push_str(&serde_json::to_string(record.as_ref()).unwrap_or_default());
    }
    out.push_str("\n]\n");
    out
}

/// The records as CSV (RFC 4180), with a header.
pub fn to_csv<'a>(records: impl Iterator<Item = &'a Arc<LogRecord>>) -> String {
    let mut out = String::from("timestamp,level,service,message,trace_id,span_id,attributes\r\n");
    for record in records {
        let attributes = if record.attributes.is_empty() {
            String::new()
        } else {
            serde_json::to_string(&record.attributes).unwrap_or_default()
        };
        let cells = [
            record.timestamp.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true),
            record.level.to_string(),
            record.service.clone(),
            record.message.clone(),
            record.trace_id.map(|id| id.to_string()).unwrap_or_default(),
            record.span_id.map(|id| id.to_string()).unwrap_or_default(),
            attributes,
        ];
        out.push_str(&cells.map(|cell| csv_cell(&cell)).join(","));
        out.push_str("\r\n");
    }
    out
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
    use crate::model::{Level, LogId, UnixNanos};

    fn record(message: &str) -> Arc<LogRecord> {
        Arc::new(LogRecord {
            id: LogId(1),
            timestamp: UnixNanos(1_500_000_000_123_000_000),
            level: Level::Error,
            service: "orders".into(),
            message: message.into(),
            trace_id: None,
            span_id: None,
            attributes: serde_json::Map::new(),
        })
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
        let rows = [record("a"), record("b,c")];
        let csv = to_csv(rows.iter());
        let lines: Vec<&str> = csv.split_terminator("\r\n").collect();
        assert_eq!(lines[0], "timestamp,level,service,message,trace_id,span_id,attributes");
        assert_eq!(lines[1], "2017-07-14T02:40:00.123Z,error,orders,a,,,");
        assert_eq!(lines[2], "2017-07-14T02:40:00.123Z,error,orders,\"b,c\",,,");
    }

    #[test]
    fn a_json_file_is_read_back() {
        let rows = [record("a"), record("b")];
        let read: Vec<LogRecord> = serde_json::from_str(&to_json(rows.iter())).unwrap();
        assert_eq!(read, rows.map(|row| row.as_ref().clone()));
        assert_eq!(serde_json::from_str::<Vec<LogRecord>>(&to_json([].iter())).unwrap(), []);
    }
}
