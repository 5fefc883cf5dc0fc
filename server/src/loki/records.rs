//! Lines as log records.

use app::model::{Level, SpanId, TenantId, TraceId, UnixNanos};
use serde_json::{Map, Value};

use super::wire::{Entry, Push, Stream};
use crate::{
    otlp::attributes::{self, Cut, UNKNOWN_SERVICE},
    store::log::NewLogRecord,
    telemetry::{Redactor, without_colours},
};

/// Labels that may name the service, best first.
const SERVICE: [&str; 5] = ["service_name", "service", "app", "job", "container"];
/// What may name the level, best first.
const LEVEL: [&str; 3] = ["level", "detected_level", "severity"];
/// What may name the trace, and the span inside it.
const TRACE: [&str; 4] = ["trace_id", "traceID", "traceId", "traceid"];
const SPAN: [&str; 4] = ["span_id", "spanID", "spanId", "spanid"];

/// On what terms a push is read.
pub struct PushTerms {
    /// Whose it is.
    pub tenant: TenantId,
    /// When it arrived: the time of lines without one.
    pub arrived: UnixNanos,
    /// Takes secrets out.
    pub redactor: Redactor,
    /// Records together are not larger than so many bytes: every line carries the labels of its stream.
    pub max_bytes: usize,
}

/// The records of a push are larger than is taken at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lines with their labels are larger than {0} bytes (`ingest.otlp_unpacked_bytes`): push fewer at once")]
pub struct TooMuch(pub usize);

/// What was read.
#[derive(Debug, Default)]
pub struct ReadPush {
    /// To be stored.
    pub records: Vec<(TenantId, NewLogRecord)>,
    /// What was too much.
    pub cut: Cut,
}

/// Turns lines into records, without their secrets.
pub fn read_push(push: Push, terms: &PushTerms) -> Result<ReadPush, TooMuch> {
    let mut read = ReadPush::default();
    let mut bytes = 0;
    for Stream { mut labels, entries } in push.streams {
        let service = SERVICE.iter().find_map(|name| take(&mut labels, name, is_name));
        let service = service.unwrap_or_else(|| UNKNOWN_SERVICE.to_owned());
        let common = Details::take(&mut labels);
        attributes::limit(&mut labels, &mut read.cut);
        terms.redactor.attributes(&mut labels);
        let written = write(&labels);
        for Entry { time, mut line, mut metadata } in entries {
            attributes::limit_text(&mut line, &mut read.cut);
            let own = Details::take(&mut metadata);
            let attributes = if metadata.is_empty() {
                written.clone()
            } else {
                attributes::limit(&mut metadata, &mut read.cut);
                terms.redactor.attributes(&mut metadata);
                // What is said of the line itself counts for more.
                let mut all = labels.clone();
                all.append(&mut metadata);
                attributes::limit(&mut all, &mut read.cut);
                write(&all)
            };
            let record = NewLogRecord {
                timestamp: time.unwrap_or(terms.arrived),
                level: own.level.or(common.level).unwrap_or_default(),
                service: service.clone(),
                message: terms.redactor.text(&without_colours(&line)).into_owned(),
                trace_id: own.trace_id.or(common.trace_id),
                span_id: own.span_id.or(common.span_id),
                attributes,
            };
            bytes += record.size();
            if bytes > terms.max_bytes {
                return Err(TooMuch(terms.max_bytes));
            }
            read.records.push((terms.tenant, record));
        }
    }
    Ok(read)
}

/// What has a place of its own in a record.
#[derive(Default)]
struct Details {
    level: Option<Level>,
    trace_id: Option<TraceId>,
    span_id: Option<SpanId>,
}

impl Details {
    /// Takes out what is understood; the rest stays an attribute.
    fn take(from: &mut Map<String, Value>) -> Self {
        if from.is_empty() {
            return Self::default();
        }
        Self {
            level: LEVEL.iter().find_map(|name| take(from, name, level)),
            trace_id: TRACE.iter().find_map(|name| take(from, name, trace_id)),
            span_id: SPAN.iter().find_map(|name| take(from, name, span_id)),
        }
    }
}

/// Takes out the value of this name, if it is a text that is understood.
fn take<T>(from: &mut Map<String, Value>, name: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    let found = from.get(name).and_then(Value::as_str).and_then(read)?;
    from.remove(name);
    Some(found)
}

fn is_name(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}

fn trace_id(text: &str) -> Option<TraceId> {
    text.parse().ok().filter(|id: &TraceId| id.0 != [0; 16])
}

fn span_id(text: &str) -> Option<SpanId> {
    text.parse().ok().filter(|id: &SpanId| id.0 != [0; 8])
}

/// The names that Grafana knows
/// (<https://grafana.com/docs/grafana/latest/explore/logs-integration/#log-level>), and what else is common.
fn level(text: &str) -> Option<Level> {
    Some(match text.trim().to_ascii_lowercase().as_str() {
        "fatal" | "critical" | "crit" | "alert" | "emerg" | "emergency" | "panic" => Level::Fatal,
        "error" | "err" | "eror" | "severe" => Level::Error,
        "warn" | "warning" | "wrn" => Level::Warn,
        "info" | "inf" | "information" | "informational" | "notice" => Level::Info,
        "debug" | "dbug" | "dbg" | "fine" => Level::Debug,
        "trace" | "trc" | "verbose" | "finer" | "finest" => Level::Trace,
        _ => return None,
    })
}

fn write(attributes: &Map<String, Value>) -> String {
    if attributes.is_empty() { String::new() } else { serde_json::to_string(attributes).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        loki::{Form, decode},
        otlp::MAX_ATTRIBUTES,
    };

    const ARRIVED: UnixNanos = UnixNanos(1_790_000_000_000_000_000);

    fn terms() -> PushTerms {
        let redactor = Redactor::default();
        PushTerms { tenant: TenantId::DEFAULT, arrived: ARRIVED, redactor, max_bytes: 1_000_000 }
    }

    fn read(labels: &str, entry: &str) -> ReadPush {
        let json = format!(r#"{{"streams":[{{"stream":{labels},"values":[{entry}]}}]}}"#);
        read_push(decode(json.as_bytes(), Form::Json).unwrap(), &terms()).unwrap()
    }

    fn one(labels: &str, entry: &str) -> NewLogRecord {
        read(labels, entry).records.remove(0).1
    }

    #[test]
    fn a_line_becomes_a_record_with_its_service_its_level_and_its_trace() {
        let record = one(
            r#"{"app":"checkout","job":"shop/checkout","level":"warning","host":"web-1"}"#,
            r#"["1789999999000000000","order failed",{"level":"ERROR","traceID":"5b8efff798038103d269b633813fc60c",
                "span_id":"eee19b7ec3c1b174","order":"42","host":"web-2"}]"#,
        );
        assert_eq!(record.timestamp, UnixNanos(1_789_999_999_000_000_000));
        assert_eq!((record.service.as_str(), record.level), ("checkout", Level::Error));
        assert_eq!(record.trace_id.unwrap().to_string(), "5b8efff798038103d269b633813fc60c");
        assert_eq!(record.span_id.unwrap().to_string(), "eee19b7ec3c1b174");
        let attributes: Value = serde_json::from_str(&record.attributes).unwrap();
        assert_eq!(attributes, serde_json::json!({ "job": "shop/checkout", "host": "web-2", "order": "42" }));
    }

    #[test]
    fn what_is_missing_is_filled_in_and_what_is_not_understood_is_kept() {
        let record = one(r#"{"level":"loud"}"#, r#"["0","hello",{"trace_id":"short"}]"#);
        assert_eq!((record.timestamp, record.service.as_str(), record.level), (ARRIVED, UNKNOWN_SERVICE, Level::Info));
        assert_eq!((record.trace_id, record.attributes.as_str()), (None, r#"{"level":"loud","trace_id":"short"}"#));
        let record = one(r#"{"container":"db","detected_level":"crit"}"#, r#"["1","x"]"#);
        assert_eq!((record.service.as_str(), record.level, record.attributes.as_str()), ("db", Level::Fatal, ""));
        let record = one(r#"{"service_name":" ","service":"api"}"#, r#"["1","x"]"#);
        assert_eq!(record.service, "api");
    }

    #[test]
    fn levels_have_many_names() {
        for (text, expected) in [
            ("WARN", Level::Warn),
            ("Warning", Level::Warn),
            ("err", Level::Error),
            ("critical", Level::Fatal),
            ("notice", Level::Info),
            ("dbug", Level::Debug),
            ("trace", Level::Trace),
        ] {
            assert_eq!(level(text), Some(expected), "{text}");
        }
        assert_eq!(level("loud"), None);
    }

    #[test]
    fn secrets_are_taken_out_of_lines_labels_and_metadata() {
        let record = one(r#"{"app":"x","api_key":"hunter2"}"#, r#"["1","login password=hunter2",{"token":"hunter2"}]"#);
        assert!(!format!("{record:?}").contains("hunter2"), "{record:?}");
        let record = one(r#"{"app":"x","api_key":"hunter2"}"#, r#"["1","fine"]"#);
        assert!(!format!("{record:?}").contains("hunter2"), "{record:?}");
    }

    #[test]
    fn too_many_attributes_are_counted_and_left_out() {
        let many = |prefix: &str, count| {
            let pairs: Vec<String> = (0..count).map(|n| format!(r#""{prefix}{n:03}":"v""#)).collect();
            format!("{{{}}}", pairs.join(","))
        };
        let read = read(&many("a", 100), &format!(r#"["1","x",{}]"#, many("b", 200)));
        let kept: Map<String, Value> = serde_json::from_str(&read.records[0].1.attributes).unwrap();
        assert_eq!((kept.len(), read.cut.attributes), (MAX_ATTRIBUTES, 172));
    }

    #[test]
    fn labels_that_every_line_repeats_are_bounded() {
        let label = "x".repeat(10_000);
        let entries = vec![r#"["1",""]"#; 1000].join(",");
        let json = format!(r#"{{"streams":[{{"stream":{{"big":"{label}"}},"values":[{entries}]}}]}}"#);
        let push = decode(json.as_bytes(), Form::Json).unwrap();
        assert_eq!(read_push(push, &terms()).unwrap_err(), TooMuch(1_000_000));
    }
}
