//! Spans over real sockets, as exporters send them.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, trace_service_client::TraceServiceClient},
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value as Any},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status},
};
use prost::Message;
use serde_json::Value;
use server::{
    clock::{Clock, SystemClock},
    store::span::NewSpan,
};

use crate::{
    Outcome,
    library::{BATCH, CLIENTS, paced},
    process::Server,
    report::{Report, quantile},
    spans::{RATE, ordinary_span},
};

/// Spans for each protocol.
const SPANS: usize = 500_000;
/// In how much time they happened.
const LENGTH_NS: i64 = 10_000_000_000;

/// Sends half a million spans over each protocol and reports how that went, and what memory the server takes then.
pub async fn send(report: &mut Report, dir: &Path) -> Outcome<()> {
    let server = Server::start(dir).await?;
    let url = server.url("/v1/traces");
    // Without a session: what people may do with one is not to send data.
    let client = reqwest::Client::new();
    let http = async |request: ExportTraceServiceRequest| -> Outcome<()> {
        let request = client.post(&url).header("content-type", "application/x-protobuf").body(request.encode_to_vec());
        request.send().await?.error_for_status()?.bytes().await?;
        Ok(())
    };
    figures(report, "OTLP/HTTP", 1 << 41, http).await?;

    let channel = tonic::transport::Channel::from_shared(server.grpc.clone())?.connect().await?;
    let grpc = async |request: ExportTraceServiceRequest| -> Outcome<()> {
        TraceServiceClient::new(channel.clone()).export(request).await?;
        Ok(())
    };
    figures(report, "OTLP/gRPC", 1 << 42, grpc).await?;
    crate::requests::settle().await;
    report.below("resident memory after 1,000,000 spans", server.resident_mb(), 200.0, "MB");
    server.stop().await
}

/// As fast as the server takes them, then at the rate that it must take. What is sent is made before.
async fn figures(
    report: &mut Report,
    protocol: &str,
    salt: u64,
    send: impl AsyncFn(ExportTraceServiceRequest) -> Outcome<()>,
) -> Outcome<()> {
    let half = SPANS / 2;
    let seconds = all(requests(half, salt), &send).await?;
    report.at_least(&format!("spans over {protocol}, a second"), half as f64 / seconds, RATE, "/s");
    let times = paced(requests(half, salt ^ (1 << 50)), RATE / BATCH as f64, send).await?;
    for (name, q) in [("p50", 0.5), ("p99", 0.99)] {
        let what = format!("acknowledgement over {protocol} at 50,000 spans a second, {name}");
        report.below(&what, quantile(&times, q), 100.0, "ms");
    }
    Ok(())
}

fn requests(spans: usize, salt: u64) -> Vec<ExportTraceServiceRequest> {
    let now = SystemClock.now();
    let span = |at| ordinary_span(at, (spans, LENGTH_NS), now, salt);
    (0..spans).step_by(BATCH).map(|first| request((first..first + BATCH).map(span))).collect()
}

/// Sends all requests from several clients, each of which waits for its answer; seconds in all.
async fn all(
    requests: Vec<ExportTraceServiceRequest>,
    send: &impl AsyncFn(ExportTraceServiceRequest) -> Outcome<()>,
) -> Outcome<f64> {
    let requests = Mutex::new(VecDeque::from(requests));
    let begun = Instant::now();
    let client = async || -> Outcome<()> {
        loop {
            let next = requests.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(next) = next else { return Ok(()) };
            send(next).await?;
        }
    };
    futures::future::try_join_all((0..CLIENTS).map(|_| client())).await?;
    Ok(begun.elapsed().as_secs_f64())
}

fn request(spans: impl Iterator<Item = NewSpan>) -> ExportTraceServiceRequest {
    let mut resource_spans: Vec<ResourceSpans> = Vec::new();
    let mut services: Vec<String> = Vec::new();
    for span in spans {
        let at = services.iter().position(|known| **known == *span.service).unwrap_or_else(|| {
            services.push(span.service.to_string());
            let mut attributes = attributes(&span.resource);
            attributes.push(attribute("service.name", &Value::from(&*span.service)));
            let scope = Some(InstrumentationScope { name: span.scope.to_string(), ..InstrumentationScope::default() });
            resource_spans.push(ResourceSpans {
                resource: Some(Resource { attributes, ..Resource::default() }),
                scope_spans: vec![ScopeSpans { scope, ..ScopeSpans::default() }],
                ..ResourceSpans::default()
            });
            services.len() - 1
        });
        resource_spans[at].scope_spans[0].spans.push(Span {
            trace_id: span.trace_id.0.to_vec(),
            span_id: span.span_id.0.to_vec(),
            parent_span_id: span.parent.map(|parent| parent.0.to_vec()).unwrap_or_default(),
            start_time_unix_nano: span.start.0 as u64,
            end_time_unix_nano: span.end().0 as u64,
            kind: 2,
            attributes: attributes(&span.attributes),
            status: (!span.status_message.is_empty()).then(|| Status { code: 2, message: span.status_message.clone() }),
            name: span.name,
            ..Span::default()
        });
    }
    ExportTraceServiceRequest { resource_spans }
}

fn attributes(json: &str) -> Vec<KeyValue> {
    let fields: serde_json::Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
    fields.iter().map(|(key, value)| attribute(key, value)).collect()
}

fn attribute(key: &str, value: &Value) -> KeyValue {
    let value = match value {
        Value::Number(number) => Any::IntValue(number.as_i64().unwrap_or_default()),
        other => Any::StringValue(other.as_str().unwrap_or_default().to_owned()),
    };
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
