//! Log records.

use app::model::{Level, SpanId, TraceId, UnixNanos};
use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceRequest,
    logs::v1::{LogRecord, ResourceLogs, SeverityNumber},
};
use serde_json::{Map, Value};

use super::{
    TooMuch, any_value,
    attributes::{self, Cut, id},
};
use crate::{
    store::log::NewLogRecord,
    telemetry::{Redactor, without_colours},
};

/// Records that were read, and what was not.
#[derive(Debug, Default)]
pub struct ReadLogs {
    /// To be stored.
    pub records: Vec<NewLogRecord>,
    /// What was too much.
    pub cut: Cut,
}

/// Turns a request into records, without their secrets. A record without a time happened when it arrived. The attributes
/// of a resource are repeated in its records: no more than `max_bytes` come of it, in memory.
pub fn read_logs(
    request: ExportLogsServiceRequest,
    arrived: UnixNanos,
    redactor: &Redactor,
    max_bytes: usize,
) -> Result<ReadLogs, TooMuch> {
    let (mut read, mut bytes) = (ReadLogs::default(), 0);
    for ResourceLogs { resource, scope_logs, .. } in request.resource_logs {
        let attributes = resource.map(|resource| resource.attributes).unwrap_or_default();
        let (service, resource) = attributes::resource(attributes, &mut read.cut);
        let common = resource.into_iter().map(|(key, value)| (format!("resource.{key}"), value)).collect();
        for scope in scope_logs {
            let name = attributes::scope_name(scope.scope);
            for record in scope.log_records {
                let record = read_record(record, &service, &common, name.as_deref(), arrived, redactor, &mut read);
                bytes += record.size();
                if bytes > max_bytes {
                    return Err(TooMuch);
                }
                read.records.push(record);
            }
        }
    }
    Ok(read)
}

fn read_record(
    record: LogRecord,
    service: &str,
    common: &Map<String, Value>,
    scope: Option<&str>,
    arrived: UnixNanos,
    redactor: &Redactor,
    read: &mut ReadLogs,
) -> NewLogRecord {
    let mut attributes = Map::new();
    any_value::add_attributes(&mut attributes, record.attributes, "");
    if !record.event_name.is_empty() {
        attributes.insert("event.name".to_owned(), Value::String(record.event_name));
    }
    if let Some(scope) = scope {
        attributes.insert("otel.scope.name".to_owned(), Value::String(scope.to_owned()));
    }
    attributes.extend(common.iter().map(|(key, value)| (key.clone(), value.clone())));
    read.cut.attributes += u64::from(record.dropped_attributes_count);
    attributes::limit(&mut attributes, &mut read.cut);
    let mut message = match record.body.map_or(Value::Null, any_value::to_json) {
        Value::String(text) => text,
        Value::Null => String::new(),
        Value::Object(mut members) => {
            redactor.attributes(&mut members);
            Value::Object(members).to_string()
        }
        other => other.to_string(),
    };
    attributes::limit_text(&mut message, &mut read.cut);
    NewLogRecord {
        timestamp: first_time([record.time_unix_nano, record.observed_time_unix_nano]).unwrap_or(arrived),
        level: level(record.severity_number, &record.severity_text),
        service: service.to_owned(),
        message: redactor.text(&without_colours(&message)).into_owned(),
        trace_id: id(&record.trace_id).map(TraceId),
        span_id: id(&record.span_id).map(SpanId),
        attributes: attributes::write(attributes, redactor),
    }
}

/// The first that is set, and that the store's clock can count to.
fn first_time(times: [u64; 2]) -> Option<UnixNanos> {
    times.into_iter().filter(|time| *time > 0).find_map(|time| i64::try_from(time).ok()).map(UnixNanos)
}

/// Four numbers belong to each level; without a number the text may name one.
fn level(number: i32, text: &str) -> Level {
    match number {
        n if n >= SeverityNumber::Fatal as i32 => Level::Fatal,
        n if n >= SeverityNumber::Error as i32 => Level::Error,
        n if n >= SeverityNumber::Warn as i32 => Level::Warn,
        n if n >= SeverityNumber::Info as i32 => Level::Info,
        n if n >= SeverityNumber::Debug as i32 => Level::Debug,
        n if n >= SeverityNumber::Trace as i32 => Level::Trace,
        _ => text.trim().parse().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::{Encoding, MAX_ATTRIBUTES, decode};

    const ARRIVED: UnixNanos = UnixNanos(1_790_000_000_000_000_000);

    fn read(json: &str) -> ReadLogs {
        let request = decode(json.as_bytes(), Encoding::Json).unwrap();
        read_logs(request, ARRIVED, &Redactor::default(), usize::MAX).unwrap()
    }

    fn one(record: &str) -> NewLogRecord {
        let json = format!(
            r#"{{"resourceLogs":[{{"resource":{{"attributes":[
                {{"key":"service.name","value":{{"stringValue":"checkout"}}}},
                {{"key":"host.name","value":{{"stringValue":"web-1"}}}}]}},
                "scopeLogs":[{{"scope":{{"name":"orders"}},"logRecords":[{record}]}}]}}]}}"#
        );
        read(&json).records.remove(0)
    }

    #[test]
    fn a_record_is_read_with_its_service_its_trace_and_its_attributes() {
        let record = one(r#"{"timeUnixNano":"1544712660300000000","severityNumber":9,"severityText":"Information",
                "traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174",
                "body":{"stringValue":"order placed"},"attributes":[
                {"key":"order.id","value":{"intValue":"42"}},{"key":"ok","value":{"boolValue":true}},
                {"key":"tags","value":{"arrayValue":{"values":[{"stringValue":"a"}]}}}]}"#);
        assert_eq!(record.timestamp, UnixNanos(1_544_712_660_300_000_000));
        assert_eq!(
            (record.service.as_str(), record.message.as_str(), record.level),
            ("checkout", "order placed", Level::Info)
        );
        assert_eq!(record.trace_id.unwrap().to_string(), "5b8efff798038103d269b633813fc60c");
        assert_eq!(record.span_id.unwrap().to_string(), "eee19b7ec3c1b174");
        let attributes: Value = serde_json::from_str(&record.attributes).unwrap();
        assert_eq!(attributes["order.id"], 42);
        assert_eq!(attributes["tags"], serde_json::json!(["a"]));
        assert_eq!(
            (&attributes["resource.host.name"], &attributes["otel.scope.name"]),
            (&"web-1".into(), &"orders".into())
        );
        assert!(attributes.get("resource.service.name").is_none());
    }

    #[test]
    fn what_is_missing_is_filled_in() {
        let record = one(r#"{"observedTimeUnixNano":"7","severityText":"WARNING","body":{"kvlistValue":{"values":[
            {"key":"password","value":{"stringValue":"hunter2"}},{"key":"n","value":{"doubleValue":1.5}}]}}}"#);
        assert_eq!((record.timestamp, record.level), (UnixNanos(7), Level::Warn));
        assert!(record.message.contains("\"n\":1.5") && !record.message.contains("hunter2"), "{}", record.message);
        let empty = one(r#"{"traceId":"00000000000000000000000000000000","timeUnixNano":"18446744073709551615"}"#);
        assert_eq!((empty.timestamp, empty.trace_id, empty.message.as_str()), (ARRIVED, None, ""));
        let nobody = read(r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}"#);
        assert_eq!(nobody.records[0].service, "unknown_service");
        assert_eq!(nobody.records[0].level, Level::Info);
    }

    #[test]
    fn what_unfolds_to_too_much_is_refused_before_it_is_all_there() {
        let records = vec!["{}"; 10_000].join(",");
        let json = format!(
            r#"{{"resourceLogs":[{{"resource":{{"attributes":[{{"key":"k","value":{{"stringValue":"{}"}}}}]}},
                "scopeLogs":[{{"logRecords":[{records}]}}]}}]}}"#,
            "x".repeat(16_000)
        );
        let request = decode(json.as_bytes(), Encoding::Json).unwrap();
        assert!(read_logs(request, ARRIVED, &Redactor::default(), 1_000_000).is_err());
    }

    #[test]
    fn levels_have_four_numbers_each() {
        for (number, expected) in [
            (1, Level::Trace),
            (8, Level::Debug),
            (12, Level::Info),
            (13, Level::Warn),
            (20, Level::Error),
            (24, Level::Fatal),
        ] {
            assert_eq!(level(number, ""), expected, "{number}");
        }
    }

    #[test]
    fn too_many_attributes_are_counted_and_left_out() {
        let many: Vec<String> =
            (0..200).map(|n| format!(r#"{{"key":"k{n:03}","value":{{"intValue":"{n}"}}}}"#)).collect();
        let json = format!(
            r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"attributes":[{}]}}]}}]}}]}}"#,
            many.join(",")
        );
        let read = read(&json);
        let kept: Map<String, Value> = serde_json::from_str(&read.records[0].attributes).unwrap();
        assert_eq!((kept.len(), read.cut.attributes), (MAX_ATTRIBUTES, 72));
    }
}
