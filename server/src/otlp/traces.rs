//! Spans.

use std::sync::Arc;

use app::model::{NodeKind, SpanId, SpanKind, SpanStatus, TraceId, UnixNanos};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    trace::v1::{ResourceSpans, Span, span::Event, span::Link},
};
use serde_json::{Map, Value, json};

use super::{
    TooMuch,
    attributes::{self, Cut},
};
use crate::{
    store::span::{HttpCall, NewSpan, Peer},
    telemetry::Redactor,
};

/// Events and links of a span that are kept each.
const MAX_EVENTS: usize = 128;
/// Longest name of a span, in bytes.
const MAX_NAME_BYTES: usize = 512;

/// Spans that were read, and what was not.
#[derive(Debug, Default)]
pub struct ReadSpans {
    /// To be stored.
    pub spans: Vec<NewSpan>,
    /// Spans that cannot be: without a valid id.
    pub rejected: u64,
    /// What was too much.
    pub cut: Cut,
}

/// Turns a request into spans, without their secrets. A span without a start began when it arrived. No more than
/// `max_bytes` come of it, in memory.
pub fn read_spans(
    request: ExportTraceServiceRequest,
    arrived: UnixNanos,
    redactor: &Redactor,
    max_bytes: usize,
) -> Result<ReadSpans, TooMuch> {
    let (mut read, mut bytes) = (ReadSpans::default(), 0);
    for ResourceSpans { resource, scope_spans, .. } in request.resource_spans {
        let attributes = resource.map(|resource| resource.attributes).unwrap_or_default();
        let (service, resource) = attributes::resource(attributes, &mut read.cut);
        let (service, resource): (Arc<str>, Arc<str>) = (service.into(), attributes::write(resource, redactor).into());
        for scope in scope_spans {
            let name: Arc<str> = attributes::scope_name(scope.scope).unwrap_or_default().into();
            for span in scope.spans {
                match read_span(span, arrived, redactor, &mut read.cut) {
                    Some(span) => {
                        bytes += span.size();
                        if bytes > max_bytes {
                            return Err(TooMuch);
                        }
                        let (service, resource, scope) = (service.clone(), resource.clone(), name.clone());
                        read.spans.push(NewSpan { service, resource, scope, ..span });
                    }
                    None => read.rejected += 1,
                }
            }
        }
    }
    Ok(read)
}

fn read_span(span: Span, arrived: UnixNanos, redactor: &Redactor, cut: &mut Cut) -> Option<NewSpan> {
    let trace_id = TraceId(attributes::id(&span.trace_id)?);
    let span_id = SpanId(attributes::id(&span.span_id)?);
    let start = time(span.start_time_unix_nano).unwrap_or(arrived);
    let end = time(span.end_time_unix_nano).unwrap_or(start);
    let kind = kind_of(span.kind);
    cut.attributes += u64::from(span.dropped_attributes_count);
    let fields = attributes::read(span.attributes, cut);
    let status = span.status.unwrap_or_default();
    let mut status_message = status.message;
    attributes::limit_text(&mut status_message, cut);
    let mut name = span.name;
    if name.len() > MAX_NAME_BYTES {
        name.truncate(name.floor_char_boundary(MAX_NAME_BYTES));
        cut.values += 1;
    }
    Some(NewSpan {
        trace_id,
        span_id,
        parent: attributes::id(&span.parent_span_id).map(SpanId).filter(|parent| *parent != span_id),
        http: (kind == SpanKind::Server).then(|| HttpCall::of(&fields, &name)).flatten(),
        peer: matches!(kind, SpanKind::Client | SpanKind::Producer).then(|| peer(&fields, redactor)).flatten(),
        name: redactor.text(&name).into_owned(),
        kind,
        service: Arc::default(),
        start,
        duration_ns: end.0.saturating_sub(start.0).max(0),
        status: match status.code {
            1 => SpanStatus::Ok,
            2 => SpanStatus::Error,
            _ => SpanStatus::Unset,
        },
        status_message: redactor.text(&status_message).into_owned(),
        attributes: attributes::write(fields, redactor),
        resource: Arc::default(),
        scope: Arc::default(),
        events: events(span.events, start, redactor, cut),
        links: links(span.links, redactor, cut),
    })
}

fn events(events: Vec<Event>, start: UnixNanos, redactor: &Redactor, cut: &mut Cut) -> String {
    if events.is_empty() {
        return String::new();
    }
    cut.attributes += events.len().saturating_sub(MAX_EVENTS) as u64;
    let event = |event: Event| {
        let mut fields = attributes::read(event.attributes, cut);
        redactor.attributes(&mut fields);
        json!({
            "time": time(event.time_unix_nano).unwrap_or(start),
            "name": redactor.text(&event.name),
            "attributes": fields,
        })
    };
    Value::Array(events.into_iter().take(MAX_EVENTS).map(event).collect()).to_string()
}

/// Links whose ids are valid.
fn links(links: Vec<Link>, redactor: &Redactor, cut: &mut Cut) -> String {
    cut.attributes += links.len().saturating_sub(MAX_EVENTS) as u64;
    let link = |link: Link| {
        let (trace, span) = (attributes::id(&link.trace_id)?, attributes::id(&link.span_id)?);
        let mut fields = attributes::read(link.attributes, cut);
        redactor.attributes(&mut fields);
        Some(json!({ "trace_id": TraceId(trace), "span_id": SpanId(span), "attributes": fields }))
    };
    let links: Vec<Value> = links.into_iter().take(MAX_EVENTS).filter_map(link).collect();
    if links.is_empty() { String::new() } else { Value::Array(links).to_string() }
}

/// A time that is set, and that the store's clock can count to.
fn time(nanos: u64) -> Option<UnixNanos> {
    i64::try_from(nanos).ok().filter(|nanos| *nanos > 0).map(UnixNanos)
}

fn kind_of(kind: i32) -> SpanKind {
    match kind {
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

/// What a caller's span says of the one that it calls, by the semantic conventions for databases, messaging and peers
/// (<https://opentelemetry.io/docs/specs/semconv/>), of now and of before.
fn peer(fields: &Map<String, Value>, redactor: &Redactor) -> Option<Peer> {
    const CACHES: [&str; 4] = ["redis", "memcached", "valkey", "hazelcast"];
    let text = |keys: &[&str]| keys.iter().find_map(|key| fields.get(*key)).and_then(Value::as_str);
    let address = || text(&["server.address", "net.peer.name", "peer.service", "net.sock.peer.addr"]);
    let named = |system: &str, place: Option<&str>| match place {
        Some(place) => format!("{system} {place}"),
        None => system.to_owned(),
    };
    let (kind, name) = if let Some(system) = text(&["db.system.name", "db.system"]) {
        let kind = if CACHES.contains(&system) { NodeKind::Cache } else { NodeKind::Database };
        (kind, named(system, address().or_else(|| text(&["db.namespace", "db.name"]))))
    } else if let Some(system) = text(&["messaging.system"]) {
        (NodeKind::Queue, named(system, text(&["messaging.destination.name", "messaging.destination"])))
    } else {
        (NodeKind::External, text(&["peer.service"]).or_else(address)?.to_owned())
    };
    let mut name = redactor.text(&name).into_owned();
    name.truncate(name.floor_char_boundary(MAX_NAME_BYTES));
    Some(Peer { kind, name: name.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::{Encoding, decode};

    const ARRIVED: UnixNanos = UnixNanos(1_790_000_000_000_000_000);

    fn read(spans: &str) -> ReadSpans {
        let json = format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[
                {{"key":"service.name","value":{{"stringValue":"checkout"}}}},
                {{"key":"host.name","value":{{"stringValue":"web-1"}}}}]}},
                "scopeSpans":[{{"scope":{{"name":"express","version":"5"}},"spans":[{spans}]}}]}}]}}"#
        );
        let request = decode(json.as_bytes(), Encoding::Json).unwrap();
        read_spans(request, ARRIVED, &Redactor::default(), usize::MAX).unwrap()
    }

    #[test]
    fn a_span_is_read_with_all_that_belongs_to_it() {
        let read = read(
            r#"{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174",
                "parentSpanId":"EEE19B7EC3C1B173","name":"GET /orders/42","kind":2,
                "startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000",
                "attributes":[{"key":"http.request.method","value":{"stringValue":"GET"}},
                    {"key":"url.path","value":{"stringValue":"/orders/42"}},
                    {"key":"http.response.status_code","value":{"intValue":"503"}},
                    {"key":"password","value":{"stringValue":"hunter2"}}],
                "events":[{"timeUnixNano":"1544712660500000000","name":"exception","attributes":[
                    {"key":"exception.message","value":{"stringValue":"token=abc failed"}}]}],
                "links":[{"traceId":"5b8efff798038103d269b633813fc60d","spanId":"eee19b7ec3c1b175"},
                    {"traceId":"","spanId":""}],
                "status":{"code":2,"message":"no stock"}}"#,
        );
        let span = &read.spans[0];
        assert_eq!(span.trace_id.to_string(), "5b8efff798038103d269b633813fc60c");
        assert_eq!(span.parent.unwrap().to_string(), "eee19b7ec3c1b173");
        assert_eq!(
            (&*span.service, &*span.scope, &*span.resource),
            ("checkout", "express", r#"{"host.name":"web-1"}"#)
        );
        assert_eq!((span.kind, span.status, span.duration_ns), (SpanKind::Server, SpanStatus::Error, 1_000_000_000));
        let call = HttpCall { method: "GET".into(), route: "/orders/:id".into(), status: 503 };
        assert_eq!(span.http, Some(call));
        assert!(!span.attributes.contains("hunter2") && !span.events.contains("abc"), "{span:?}");
        let events: Vec<app::model::span::SpanEvent> = serde_json::from_str(&span.events).unwrap();
        assert_eq!((events[0].name.as_str(), events[0].time), ("exception", UnixNanos(1_544_712_660_500_000_000)));
        let links: Vec<app::model::span::SpanLink> = serde_json::from_str(&span.links).unwrap();
        assert_eq!(links.len(), 1);
        assert_eq!((read.rejected, read.cut), (0, Cut::default()));
    }

    #[test]
    fn what_has_no_valid_id_is_rejected_and_odd_times_are_made_good() {
        let read = read(
            r#"{"traceId":"00000000000000000000000000000000","spanId":"eee19b7ec3c1b174"},
               {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee1"},
               {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174",
                "parentSpanId":"eee19b7ec3c1b174","startTimeUnixNano":"20","endTimeUnixNano":"10"},
               {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b175"}"#,
        );
        assert_eq!((read.rejected, read.spans.len()), (2, 2));
        assert_eq!((read.spans[0].start, read.spans[0].duration_ns, read.spans[0].parent), (UnixNanos(20), 0, None));
        assert_eq!((read.spans[1].start, read.spans[1].http.as_ref()), (ARRIVED, None));
    }
}
