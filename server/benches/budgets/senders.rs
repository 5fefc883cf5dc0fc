//! Spans and log records over real sockets, as exporters send them.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use axum::http::uri::PathAndQuery;
use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value as Any},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    resource::v1::Resource,
    trace::{
        self,
        v1::{ResourceSpans, ScopeSpans, Span},
    },
};
use prost::Message;
use serde_json::Value;
use server::{
    clock::{Clock, SystemClock},
    store::span::NewSpan,
};
use tokio_util::bytes::{Buf as _, BufMut as _, Bytes};
use tonic::{
    Request, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};

use crate::{
    Outcome,
    fill::log_record,
    library::{BATCH, CLIENTS, paced},
    process::Server,
    report::{Report, quantile},
    requests::settle,
    spans::{RATE, ordinary_span},
};

/// Spans, and log records, for each protocol.
const ITEMS: usize = 500_000;
/// In how much time spans happened.
const LENGTH_NS: i64 = 10_000_000_000;
/// Log records a second that must be taken.
const RECORD_RATE: f64 = 100_000.0;

/// Sends half a million spans over each protocol and reports how that went, and what memory the server takes then.
pub async fn spans(report: &mut Report, dir: &Path) -> Outcome<()> {
    let server = Server::start(dir).await?;
    let http = Http::new(&server, "/v1/traces");
    let make = |salt| requests_of_spans(ITEMS / 2, salt);
    figures(report, ("spans", "OTLP/HTTP", RATE), [make(1 << 41), make(1 << 42)], async |body| http.send(body).await)
        .await?;
    let grpc = Grpc::connect(&server, "/opentelemetry.proto.collector.trace.v1.TraceService/Export").await?;
    figures(report, ("spans", "OTLP/gRPC", RATE), [make(1 << 43), make(1 << 44)], async |body| grpc.send(body).await)
        .await?;
    settle().await;
    report.below("resident memory after 1,000,000 spans", server.resident_mb(), 200.0, "MB");
    server.stop().await
}

/// The same with log records.
pub async fn log_records(report: &mut Report, dir: &Path) -> Outcome<()> {
    let server = Server::start(dir).await?;
    let http = Http::new(&server, "/v1/logs");
    let make = || requests_of_records(ITEMS / 2);
    figures(report, ("log records", "OTLP/HTTP", RECORD_RATE), [make(), make()], async |body| http.send(body).await)
        .await?;
    let grpc = Grpc::connect(&server, "/opentelemetry.proto.collector.logs.v1.LogsService/Export").await?;
    figures(report, ("log records", "OTLP/gRPC", RECORD_RATE), [make(), make()], async |body| grpc.send(body).await)
        .await?;
    server.stop().await
}

/// Sends over OTLP/HTTP, without a session: what people may do with one is not to send data.
struct Http {
    client: reqwest::Client,
    url: String,
}

impl Http {
    fn new(server: &Server, path: &str) -> Self {
        Self { client: reqwest::Client::new(), url: server.url(path) }
    }

    async fn send(&self, message: Bytes) -> Outcome<()> {
        let request = self.client.post(&self.url).header("content-type", "application/x-protobuf");
        request.body(message).send().await?.error_for_status()?.bytes().await?;
        Ok(())
    }
}

/// Sends over OTLP/gRPC.
struct Grpc {
    channel: Channel,
    method: PathAndQuery,
}

impl Grpc {
    async fn connect(server: &Server, method: &'static str) -> Outcome<Self> {
        let channel = Channel::from_shared(server.grpc.clone())?.connect().await?;
        Ok(Self { channel, method: PathAndQuery::from_static(method) })
    }

    async fn send(&self, message: Bytes) -> Outcome<()> {
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await?;
        client.unary(Request::new(message), self.method.clone(), Encoded).await?;
        Ok(())
    }
}

/// Messages that are encoded already: whoever sends shares the machine with the server here, and should take little of it.
struct Encoded;

impl Codec for Encoded {
    type Encode = Bytes;
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Encoded {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        buffer.advance(buffer.remaining());
        Ok(Some(()))
    }
}

/// As fast as the server takes them, then at the rate that it must take. What is sent is made before.
async fn figures(
    report: &mut Report,
    (what, protocol, rate): (&str, &str, f64),
    [fast, in_time]: [Vec<Bytes>; 2],
    send: impl AsyncFn(Bytes) -> Outcome<()>,
) -> Outcome<()> {
    let items = fast.len() * BATCH;
    let seconds = all(fast, &send).await?;
    report.at_least(&format!("{what} over {protocol}, a second"), items as f64 / seconds, rate, "/s");
    let times = paced(in_time, rate / BATCH as f64, send).await?;
    for (name, q) in [("p50", 0.5), ("p99", 0.99)] {
        let what = format!("acknowledgement over {protocol} at {rate} {what} a second, {name}");
        report.below(&what, quantile(&times, q), 100.0, "ms");
    }
    Ok(())
}

fn requests_of_spans(spans: usize, salt: u64) -> Vec<Bytes> {
    let now = SystemClock.now();
    let span = |at| ordinary_span(at, (spans, LENGTH_NS), now, salt);
    (0..spans).step_by(BATCH).map(|first| encoded(&request((first..first + BATCH).map(span)))).collect()
}

fn requests_of_records(records: usize) -> Vec<Bytes> {
    let now = SystemClock.now();
    let record = |at| {
        let record = log_record(at, records, now);
        LogRecord {
            // Just now, as exporters do.
            time_unix_nano: (now.0 - (records - at) as i64 * 1_000) as u64,
            severity_number: record.level as i32 * 4 + 1,
            body: Some(AnyValue { value: Some(Any::StringValue(record.message)) }),
            attributes: attributes(&record.attributes),
            trace_id: record.trace_id.map(|id| id.0.to_vec()).unwrap_or_default(),
            ..LogRecord::default()
        }
    };
    let request = |first: usize| {
        let resource =
            Resource { attributes: vec![attribute("service.name", &Value::from("orders"))], ..Resource::default() };
        let scope_logs =
            ScopeLogs { log_records: (first..first + BATCH).map(record).collect(), ..ScopeLogs::default() };
        let resource_logs =
            ResourceLogs { resource: Some(resource), scope_logs: vec![scope_logs], ..ResourceLogs::default() };
        encoded(&ExportLogsServiceRequest { resource_logs: vec![resource_logs] })
    };
    (0..records).step_by(BATCH).map(request).collect()
}

fn encoded(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}

/// Sends all requests from several clients, each of which waits for its answer; seconds in all.
async fn all(requests: Vec<Bytes>, send: &impl AsyncFn(Bytes) -> Outcome<()>) -> Outcome<f64> {
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
            status: (!span.status_message.is_empty())
                .then(|| trace::v1::Status { code: 2, message: span.status_message.clone() }),
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
