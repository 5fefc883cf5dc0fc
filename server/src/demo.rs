//! A small built-in load for newcomers: a shop of three services with a database and a cache, some of whose payments fail
//! and whose reports are slow. It is sent over OTLP like anybody's data, and marked: the services' names begin with
//! `demo-` and their resources carry `console.demo`.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{ExportLogsServiceRequest, logs_service_client::LogsServiceClient},
        trace::v1::{ExportTraceServiceRequest, trace_service_client::TraceServiceClient},
    },
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value as Any},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::Event},
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use tokio::time::MissedTickBehavior;
use tonic::{Request, metadata::MetadataValue, transport::Channel};

use crate::clock::Clock;

/// The services, in the order of [`Service`].
const SERVICES: [(&str, &str); 3] = [("demo-gateway", "1.8.2"), ("demo-orders", "4.12.0"), ("demo-payments", "2.3.1")];
/// How far back the first traces lie, and how many there are.
const BACKFILL: TimeDelta = TimeDelta::minutes(60);
const BACKFILL_TRACES: u32 = 900;
/// Traces that are sent at once.
const TRACES_A_REQUEST: u32 = 100;

/// Why the load ended.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The address is none.
    #[error("`{0}` is not an address such as http://127.0.0.1:4317")]
    Endpoint(String),
    /// The key has characters that no key has.
    #[error("the key is not one that Console made")]
    Key,
    /// Nobody listens there.
    #[error("nothing takes OTLP at {endpoint}: {source}. Is `console serve` running?")]
    Connect {
        /// The address.
        endpoint: String,
        /// What went wrong.
        source: tonic::transport::Error,
    },
    /// It was not taken.
    #[error("Console did not take the data: {0}")]
    Refused(Box<tonic::Status>),
}

impl From<tonic::Status> for DemoError {
    fn from(status: tonic::Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

/// Where the load goes and how much of it there is.
#[derive(Debug, Clone)]
pub struct Load {
    /// Address of OTLP over gRPC.
    pub endpoint: String,
    /// A key that may send; none on the machine where Console runs.
    pub key: Option<String>,
    /// Traces a second.
    pub rate: u32,
}

/// What one service says.
#[derive(Clone, Copy)]
enum Service {
    Gateway,
    Orders,
    Payments,
}

/// Spans and log records by service.
#[derive(Default)]
struct Batch {
    spans: [Vec<Span>; 3],
    logs: [Vec<LogRecord>; 3],
}

impl Load {
    /// Sends the last hour, then goes on until `stop` resolves.
    pub async fn run(self, clock: &dyn Clock, stop: impl Future<Output = ()>) -> Result<(), DemoError> {
        let channel = Channel::from_shared(self.endpoint.clone());
        let channel = channel.map_err(|_| DemoError::Endpoint(self.endpoint.clone()))?;
        let channel = channel.connect_timeout(Duration::from_secs(5)).timeout(Duration::from_secs(30));
        let channel = channel.connect().await;
        let channel = channel.map_err(|source| DemoError::Connect { endpoint: self.endpoint.clone(), source })?;
        let mut rng = SmallRng::seed_from_u64(clock.now().0 as u64);
        let now = clock.now_utc();
        for first in (0..BACKFILL_TRACES).step_by(TRACES_A_REQUEST as usize) {
            let at = |n: u32| now - BACKFILL + BACKFILL / BACKFILL_TRACES as i32 * (first + n) as i32;
            self.send(&channel, (0..TRACES_A_REQUEST).map(at), &mut rng).await?;
        }
        println!("The last hour is there; now it goes on with {} traces a second. Ctrl-C ends it.", self.rate);
        let mut stop = std::pin::pin!(stop);
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = &mut stop => return Ok(()),
                _ = ticks.tick() => {}
            }
            let now = clock.now_utc();
            let starts: Vec<DateTime<Utc>> =
                (0..self.rate).map(|_| now - TimeDelta::milliseconds(rng.random_range(0..1000))).collect();
            self.send(&channel, starts.into_iter(), &mut rng).await?;
        }
    }

    async fn send(
        &self,
        channel: &Channel,
        starts: impl Iterator<Item = DateTime<Utc>>,
        rng: &mut SmallRng,
    ) -> Result<(), DemoError> {
        let mut batch = Batch::default();
        for start in starts {
            visit(&mut batch, rng, start);
        }
        let (mut resource_spans, mut resource_logs) = (Vec::new(), Vec::new());
        for (service, (spans, log_records)) in SERVICES.iter().zip(batch.spans.into_iter().zip(batch.logs)) {
            let scope = Some(InstrumentationScope { name: "demo".to_owned(), ..InstrumentationScope::default() });
            let resource = Some(resource(service));
            let scope_spans = vec![ScopeSpans { scope: scope.clone(), spans, ..ScopeSpans::default() }];
            resource_spans.push(ResourceSpans { resource: resource.clone(), scope_spans, ..ResourceSpans::default() });
            let scope_logs = vec![ScopeLogs { scope, log_records, ..ScopeLogs::default() }];
            resource_logs.push(ResourceLogs { resource, scope_logs, ..ResourceLogs::default() });
        }
        let spans = self.with_key(ExportTraceServiceRequest { resource_spans })?;
        TraceServiceClient::new(channel.clone()).export(spans).await?;
        let logs = self.with_key(ExportLogsServiceRequest { resource_logs })?;
        LogsServiceClient::new(channel.clone()).export(logs).await?;
        Ok(())
    }

    fn with_key<T>(&self, message: T) -> Result<Request<T>, DemoError> {
        let mut request = Request::new(message);
        if let Some(key) = &self.key {
            let value: MetadataValue<_> = key.parse().map_err(|_| DemoError::Key)?;
            request.metadata_mut().insert("x-api-key", value);
        }
        Ok(request)
    }
}

fn resource((name, version): &(&str, &str)) -> Resource {
    let attributes = vec![
        text("service.name", name),
        text("service.version", version),
        text("host.name", &format!("{name}-1")),
        text("deployment.environment.name", "demo"),
        KeyValue {
            key: "console.demo".to_owned(),
            value: Some(AnyValue { value: Some(Any::BoolValue(true)) }),
            ..KeyValue::default()
        },
    ];
    Resource { attributes, ..Resource::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(Any::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn number(key: &str, value: i64) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(Any::IntValue(value)) }), ..KeyValue::default() }
}

/// A trace while it is told. Times are milliseconds after its start.
struct Story<'a> {
    batch: &'a mut Batch,
    rng: &'a mut SmallRng,
    start: DateTime<Utc>,
    trace_id: Vec<u8>,
}

/// What a span is, but for its times.
struct Told {
    service: Service,
    kind: i32,
    name: String,
    attributes: Vec<KeyValue>,
}

const SERVER: i32 = 2;
const CLIENT: i32 = 3;

impl Story<'_> {
    fn nanos(&self, ms: f64) -> u64 {
        let start = self.start.timestamp_nanos_opt().unwrap_or_default().max(0) as u64;
        start + (ms * 1e6) as u64
    }

    fn id(&mut self) -> Vec<u8> {
        self.rng.random::<u64>().max(1).to_be_bytes().to_vec()
    }

    fn span(&mut self, told: Told, (id, parent): (&[u8], &[u8]), (from, to): (f64, f64), failure: Option<&str>) {
        let Told { service, kind, name, attributes } = told;
        let events = failure.filter(|_| kind == SERVER).map(|message| Event {
            time_unix_nano: self.nanos(to),
            name: "exception".to_owned(),
            attributes: vec![
                text("exception.type", "PaymentRefused"),
                text("exception.message", message),
                text(
                    "exception.stacktrace",
                    "PaymentRefused: the provider refused the card\n    at charge (payments/charge.ts:41:11)\n    \
                     at POST /charges (payments/routes.ts:17:5)",
                ),
            ],
            ..Event::default()
        });
        let span = Span {
            trace_id: self.trace_id.clone(),
            span_id: id.to_vec(),
            parent_span_id: parent.to_vec(),
            name,
            kind,
            start_time_unix_nano: self.nanos(from),
            end_time_unix_nano: self.nanos(to),
            attributes,
            events: events.into_iter().collect(),
            status: failure.map(|message| Status { code: 2, message: message.to_owned() }),
            ..Span::default()
        };
        self.batch.spans[service as usize].push(span);
    }

    fn log(&mut self, service: Service, severity: i32, at: f64, span: &[u8], message: String, fields: Vec<KeyValue>) {
        let record = LogRecord {
            time_unix_nano: self.nanos(at),
            severity_number: severity,
            body: Some(AnyValue { value: Some(Any::StringValue(message)) }),
            attributes: fields,
            trace_id: self.trace_id.clone(),
            span_id: span.to_vec(),
            ..LogRecord::default()
        };
        self.batch.logs[service as usize].push(record);
    }
}

fn http(service: Service, kind: i32, method: &str, route: &str, path: &str, status: i64) -> Told {
    let name = format!("{method} {route}");
    let attributes = vec![
        text("http.request.method", method),
        text("http.route", route),
        text("url.path", path),
        number("http.response.status_code", status),
    ];
    Told { service, kind, name, attributes }
}

fn database(statement: &str) -> Told {
    let attributes = vec![
        text("db.system.name", "postgresql"),
        text("db.namespace", "shop"),
        text("db.query.text", statement),
        text("server.address", "demo-postgres"),
    ];
    let name = statement.split_whitespace().next().unwrap_or_default().to_owned() + " shop";
    Told { service: Service::Orders, kind: CLIENT, name, attributes }
}

fn cache(key: &str) -> Told {
    let attributes = vec![
        text("db.system.name", "redis"),
        text("db.query.text", &format!("GET {key}")),
        text("server.address", "demo-redis"),
    ];
    Told { service: Service::Orders, kind: CLIENT, name: "GET redis".to_owned(), attributes }
}

/// One visit to the shop.
fn visit(batch: &mut Batch, rng: &mut SmallRng, start: DateTime<Utc>) {
    let trace_id = rng.random::<u128>().max(1).to_be_bytes().to_vec();
    let which = rng.random_range(0..100);
    let mut story = Story { batch, rng, start, trace_id };
    match which {
        0..4 => report(&mut story),
        4..40 => order(&mut story),
        _ => browse(&mut story),
    }
}

/// A look at an order: from the cache, or from the database.
fn browse(story: &mut Story<'_>) {
    let order = story.rng.random_range(1..5000);
    let is_cached = story.rng.random_range(0..100) < 80;
    let (root, call, served, looked, read) = (story.id(), story.id(), story.id(), story.id(), story.id());
    let (found, path) = (if is_cached { 2.0 } else { story.rng.random_range(6.0..28.0) }, format!("/orders/{order}"));
    let route = "/orders/{id}";
    story.span(http(Service::Gateway, SERVER, "GET", route, &path, 200), (&root, &[]), (0.0, found + 4.0), None);
    story.span(http(Service::Gateway, CLIENT, "GET", route, &path, 200), (&call, &root), (0.6, found + 3.6), None);
    story.span(http(Service::Orders, SERVER, "GET", route, &path, 200), (&served, &call), (1.0, found + 3.1), None);
    story.span(cache(&format!("order:{order}")), (&looked, &served), (1.2, 1.9), None);
    if is_cached {
        story.log(Service::Orders, 5, 1.9, &served, format!("cache hit for order {order}"), Vec::new());
    } else {
        let statement = "SELECT * FROM orders WHERE id = $1";
        story.span(database(statement), (&read, &served), (2.0, found + 2.5), None);
        let fields = vec![number("order.id", order)];
        story.log(Service::Orders, 9, 2.0, &served, format!("cache miss for order {order}"), fields);
    }
}

/// An order: stored, then paid for, which fails now and then.
fn order(story: &mut Story<'_>) {
    let user = story.rng.random_range(1..400);
    let pays = story.rng.random_range(25.0..140.0);
    let is_refused = story.rng.random_range(0..100) < 6;
    let failure = is_refused.then_some("the provider refused the card");
    let (status, charged) = if is_refused { (502, 402) } else { (201, 200) };
    let ids: Vec<Vec<u8>> = (0..7).map(|_| story.id()).collect();
    let ends = 14.0 + pays;
    let orders = "/orders";
    story.span(
        http(Service::Gateway, SERVER, "POST", orders, orders, status),
        (&ids[0], &[]),
        (0.0, ends + 2.0),
        failure,
    );
    story.span(
        http(Service::Gateway, CLIENT, "POST", orders, orders, status),
        (&ids[1], &ids[0]),
        (0.5, ends + 1.5),
        failure,
    );
    let mut served = http(Service::Orders, SERVER, "POST", orders, orders, status);
    served.attributes.push(text("user.id", &format!("u{user}")));
    story.span(served, (&ids[2], &ids[1]), (0.9, ends + 1.0), failure);
    story.span(database("INSERT INTO orders (user_id, total) VALUES ($1, $2)"), (&ids[3], &ids[2]), (1.4, 7.0), None);
    story.log(
        Service::Orders,
        9,
        7.0,
        &ids[2],
        format!("order of user u{user} stored"),
        vec![text("user.id", &format!("u{user}"))],
    );
    story.span(
        http(Service::Orders, CLIENT, "POST", "/charges", "/charges", charged),
        (&ids[4], &ids[2]),
        (7.4, 8.4 + pays),
        failure,
    );
    story.span(
        http(Service::Payments, SERVER, "POST", "/charges", "/charges", charged),
        (&ids[5], &ids[4]),
        (7.9, 7.9 + pays),
        failure,
    );
    if is_refused {
        let message = "the provider refused the card: insufficient funds".to_owned();
        story.log(Service::Payments, 17, 7.0 + pays, &ids[5], message, vec![text("provider", "demo-pay")]);
        story.log(
            Service::Orders,
            13,
            9.0 + pays,
            &ids[2],
            "order cancelled: payment was refused".to_owned(),
            Vec::new(),
        );
    } else {
        story.span(
            database("UPDATE orders SET paid_at = now() WHERE id = $1"),
            (&ids[6], &ids[2]),
            (9.0 + pays, ends),
            None,
        );
        story.log(Service::Payments, 9, 7.0 + pays, &ids[5], format!("charged after {pays:.0} ms"), Vec::new());
    }
}

/// A report: one query over everything, which is slow.
fn report(story: &mut Story<'_>) {
    let takes = story.rng.random_range(900.0..2600.0);
    let (root, call, served, query) = (story.id(), story.id(), story.id(), story.id());
    let (route, path) = ("/reports/{month}", "/reports/2026-10");
    story.span(http(Service::Gateway, SERVER, "GET", route, path, 200), (&root, &[]), (0.0, takes + 9.0), None);
    story.span(http(Service::Gateway, CLIENT, "GET", route, path, 200), (&call, &root), (0.5, takes + 8.5), None);
    story.span(http(Service::Orders, SERVER, "GET", route, path, 200), (&served, &call), (1.0, takes + 8.0), None);
    let statement = "SELECT date_trunc('day', paid_at), sum(total) FROM orders GROUP BY 1";
    story.span(database(statement), (&query, &served), (2.0, takes + 2.0), None);
    let message = format!("slow query: {takes:.0} ms");
    story.log(Service::Orders, 13, takes + 2.0, &query, message, vec![text("db.query.text", statement)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_visit_is_one_trace_with_one_root() {
        let mut rng = SmallRng::seed_from_u64(7);
        let start = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        for _ in 0..200 {
            let mut batch = Batch::default();
            visit(&mut batch, &mut rng, start);
            let spans: Vec<&Span> = batch.spans.iter().flatten().collect();
            assert_eq!(spans.iter().filter(|span| span.parent_span_id.is_empty()).count(), 1);
            for span in &spans {
                assert_eq!(span.trace_id, spans[0].trace_id);
                assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
                let parent = spans.iter().find(|parent| parent.span_id == span.parent_span_id);
                let is_inside = |parent: &&Span| {
                    parent.start_time_unix_nano <= span.start_time_unix_nano
                        && parent.end_time_unix_nano >= span.end_time_unix_nano
                };
                assert!(span.parent_span_id.is_empty() || parent.is_some_and(is_inside), "{span:?}");
            }
        }
    }
}
