//! A log record as structured text, and what each of its fields filters by.

use serde_json::{Value, json};

use crate::model::{Comparison, LogCondition, LogFilter, LogRecord, LogSearch, LogTerm, TraceId};

/// A filter that one field offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldFilter {
    /// Only this service.
    Service(String),
    /// Only this trace.
    Trace(TraceId),
    /// This term as well.
    Term(LogTerm),
}

impl FieldFilter {
    /// Narrows a filter by this one.
    pub fn apply(&self, filter: &mut LogFilter) {
        match self {
            Self::Service(service) => filter.service = Some(service.clone()),
            Self::Trace(trace_id) => filter.trace_id = Some(*trace_id),
            Self::Term(term) => {
                filter.search = Some(LogSearch::with_term(filter.search.as_deref().unwrap_or_default(), term.clone()));
            }
        }
    }

    /// The filter that leaves out what this one leaves in.
    #[must_use]
    pub fn opposite(&self) -> Self {
        Self::Term(match self {
            Self::Service(service) => LogTerm::rejects(LogCondition::Service(service.clone())),
            Self::Trace(trace_id) => LogTerm::rejects(LogCondition::Trace(Some(*trace_id))),
            Self::Term(term) => LogTerm { is_negated: !term.is_negated, condition: term.condition.clone() },
        })
    }
}

/// How a value is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// True, false or null.
    Word,
    /// An object or a list, over several lines, or a bracket.
    Structure,
}

impl ValueKind {
    fn of(value: &Value) -> Self {
        match value {
            Value::String(_) => Self::Text,
            Value::Number(_) => Self::Number,
            Value::Null | Value::Bool(_) => Self::Word,
            Value::Array(_) | Value::Object(_) => Self::Structure,
        }
    }

    /// The name used in style sheets.
    pub fn key(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Word => "word",
            Self::Structure => "structure",
        }
    }
}

/// One field of the pretty-printed record; only a structure's text has several lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Depth: 1 for the record's own fields, 2 for attributes, 0 for the outer brackets.
    pub depth: usize,
    /// Name; none for brackets.
    pub name: Option<String>,
    /// The value as JSON.
    pub text: String,
    /// How it is coloured.
    pub kind: ValueKind,
    /// What it filters by.
    pub filter: Option<FieldFilter>,
}

/// The record as pretty-printed JSON, as it is copied.
pub fn pretty(record: &LogRecord) -> String {
    serde_json::to_string_pretty(record).unwrap_or_default()
}

/// The first plain fields in one short line: ` status=200 duration_ms=1.4`.
pub fn preview(record: &LogRecord) -> String {
    const ENOUGH: usize = 160;
    let mut line = String::new();
    for (name, value) in record.attributes.iter().filter(|(name, _)| !is_about_emitter(name)) {
        let shown = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => continue,
        };
        if line.len() + shown.len() > ENOUGH {
            break;
        }
        line = format!("{line} {name}={shown}");
    }
    line
}

/// Whether an attribute says where a record was written and not what happened: that is the last thing that a reader needs.
pub fn is_about_emitter(name: &str) -> bool {
    name == "target" || name.starts_with("resource.") || name.starts_with("otel.")
}

/// Whether the record was written while a pipeline's trace was made: then its trace is a pipeline's.
pub fn is_of_pipeline(record: &LogRecord) -> bool {
    let text = |name: &str| record.attributes.get(name).and_then(Value::as_str).unwrap_or_default();
    text("target").ends_with("::webhook") || (text("http.route").starts_with("/webhooks/") && is_success(record))
}

fn is_success(record: &LogRecord) -> bool {
    record.attributes.get("status").and_then(Value::as_u64) == Some(200)
}

/// The record as lines of pretty-printed JSON: together they are [`pretty`], but for the record's place in the log.
pub fn fields(record: &LogRecord) -> Vec<Field> {
    let of = |condition| FieldFilter::Term(LogTerm::wants(condition));
    let mut own: Vec<(&str, Value, Option<FieldFilter>)> = vec![
        ("timestamp", json!(record.timestamp), None),
        ("level", json!(record.level), Some(of(LogCondition::Level(Comparison::Same, record.level)))),
        ("service", json!(record.service), Some(FieldFilter::Service(record.service.clone()))),
        ("message", json!(record.message), None),
    ];
    if let Some(trace_id) = record.trace_id {
        own.push(("trace_id", json!(trace_id), Some(FieldFilter::Trace(trace_id))));
    }
    if let Some(span_id) = record.span_id {
        own.push(("span_id", json!(span_id), Some(of(LogCondition::Span(Some(span_id))))));
    }
    let has_attributes = !record.attributes.is_empty();

    let mut lines = vec![bracket(0, None, "{")];
    let count = own.len();
    for (at, (name, value, filter)) in own.into_iter().enumerate() {
        let is_last = at + 1 == count && !has_attributes;
        lines.push(line(1, name, &value, filter, is_last));
    }
    if has_attributes {
        lines.push(bracket(1, Some("attributes"), "{"));
        let count = record.attributes.len();
        for (at, (name, value)) in record.attributes.iter().enumerate() {
            lines.push(line(2, name, value, search_for(name, value), at + 1 == count));
        }
        lines.push(bracket(1, None, "}"));
    }
    lines.push(bracket(0, None, "}"));
    lines
}

fn line(depth: usize, name: &str, value: &Value, filter: Option<FieldFilter>, is_last: bool) -> Field {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    if !is_last {
        text.push(',');
    }
    Field { depth, name: Some(name.to_owned()), text, kind: ValueKind::of(value), filter }
}

fn bracket(depth: usize, name: Option<&str>, text: &str) -> Field {
    Field { depth, name: name.map(str::to_owned), text: text.to_owned(), kind: ValueKind::Structure, filter: None }
}

/// The term that finds a value: the attribute, or its text where its name cannot be written.
fn search_for(name: &str, value: &Value) -> Option<FieldFilter> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    let phrase = || (!text.trim().is_empty()).then(|| LogTerm::wants(LogCondition::Phrase(text.clone())));
    LogTerm::attribute(name, &text).or_else(phrase).map(FieldFilter::Term)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Level, LogId, UnixNanos};

    fn record() -> LogRecord {
        let attributes = json!({ "route": "/v1/orders", "latency_ms": 1931, "cached": false, "tags": ["a", "b"] });
        LogRecord {
            id: LogId(1),
            timestamp: UnixNanos(1_500_000_000_000_000_000),
            level: Level::Warn,
            service: "orders".into(),
            message: "slow".into(),
            trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".parse().ok(),
            span_id: None,
            attributes: attributes.as_object().cloned().unwrap(),
        }
    }

    #[test]
    fn the_lines_together_are_valid_json() {
        for record in [record(), LogRecord { attributes: serde_json::Map::new(), trace_id: None, ..record() }] {
            let lines = fields(&record);
            let text: Vec<String> = lines
                .iter()
                .map(|line| match &line.name {
                    Some(name) => format!("{}: {}", json!(name), line.text),
                    None => line.text.clone(),
                })
                .collect();
            let mut value: Value = serde_json::from_str(&text.join("\n")).unwrap();
            value["id"] = json!(1);
            assert_eq!(serde_json::from_value::<LogRecord>(value).unwrap(), record);
        }
    }

    #[test]
    fn a_line_previews_its_plain_fields() {
        assert_eq!(preview(&record()), " cached=false latency_ms=1931 route=/v1/orders");
        let long = json!({ "a": "x".repeat(500), "b": 1 });
        assert_eq!(preview(&LogRecord { attributes: long.as_object().cloned().unwrap(), ..record() }), "");
    }

    #[test]
    fn fields_offer_what_the_filter_knows() {
        let of = |name: &str| fields(&record()).into_iter().find(|f| f.name.as_deref() == Some(name)).unwrap().filter;
        assert_eq!(of("service"), Some(FieldFilter::Service("orders".into())));
        assert!(matches!(of("trace_id"), Some(FieldFilter::Trace(_))));
        let term = |name: &str| match of(name) {
            Some(FieldFilter::Term(term)) => term.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(term("level"), "level:warn");
        assert_eq!(term("route"), "route:\"/v1/orders\"");
        assert_eq!(term("latency_ms"), "latency_ms:1931");
        assert_eq!(term("cached"), "cached:false");
        assert_eq!(of("tags"), None);
    }

    #[test]
    fn a_search_is_added_once() {
        let mut filter = LogFilter { search: Some("timeout".into()), ..LogFilter::default() };
        let more = FieldFilter::Term(LogTerm::attribute("job", "x").unwrap());
        more.apply(&mut filter);
        more.apply(&mut filter);
        assert_eq!(filter.search.as_deref(), Some("timeout job:x"));
        more.opposite().apply(&mut filter);
        assert_eq!(filter.search.as_deref(), Some("timeout -job:x"));
        FieldFilter::Service("a".into()).opposite().apply(&mut filter);
        assert_eq!(filter.search.as_deref(), Some("timeout -job:x -service:a"));
    }
}
