//! Spans on their way in, and traces looked at.

use std::path::Path;

use app::model::{SpanId, SpanKind, SpanStatus, TenantId, TraceId, UnixNanos};
use serde_json::{Value, json};
use server::{
    clock::{Clock, SystemClock},
    ingest::Submission,
    store::span::NewSpan,
};

use crate::{
    Outcome, browser,
    library::{Library, count},
    process::Server,
    report::{Report, quantile},
    requests::{self, Ask},
};

/// Spans of the month, unless `BENCH_SPANS` says otherwise.
const SPANS: usize = 10_000_000;
/// Spans that are sent as they happen, in how much time they happened.
const LIVE: usize = 500_000;
const LIVE_NS: i64 = 10_000_000_000;
/// Spans a second that must be taken, and acknowledged in time.
pub const RATE: f64 = 50_000.0;
/// Spans of an ordinary trace.
const SPANS_A_TRACE: usize = 10;
const DAYS: i64 = 30;
const DAY_NS: i64 = 86_400_000_000_000;
/// A large trace and a very large one.
const LARGE: [(u8, usize); 2] = [(0xa1, 1000), (0xa2, 100_000)];

/// How many spans the month has.
pub fn spans() -> usize {
    count("BENCH_SPANS", SPANS)
}

/// Fills a store and reports how fast spans went in.
pub async fn fill(report: &mut Report, dir: &Path) -> Outcome<()> {
    let library = Library::open(dir).await?;
    let before = library.size_bytes().await?;
    let now = SystemClock.now();
    let month = spans();
    let sent = library.send(month, submission(month, DAYS * DAY_NS, now, 0)).await?;
    report.at_least("spans of the past month, brought in later, a second", sent.rate, 20_000.0, "/s");
    for (id, spans) in LARGE {
        let trace = TraceId([id; 16]);
        let all: Vec<_> = (0..spans).map(|at| span(trace, at, spans, now.0 - 60_000_000_000)).collect();
        for part in all.chunks(5000) {
            let spans = part.iter().map(|span| (TenantId::DEFAULT, span.clone())).collect();
            library.queue.submit(Submission { spans, ..Submission::default() }).await?;
        }
    }
    library.merge().await?;
    let grown = library.size_bytes().await?.saturating_sub(before);
    report.below("on disk, a span with its indexes", grown as f64 / month as f64, 40.0, "bytes");
    let sent = library.send(LIVE, submission(LIVE, LIVE_NS, now, 1 << 40)).await?;
    report.at_least("spans as they happen, ingested durably, a second", sent.rate, 50_000.0, "/s");
    let times = library.send_paced(LIVE, RATE, submission(LIVE, LIVE_NS, now, 1 << 39)).await?;
    report.below("acknowledgement at 50,000 spans a second, p50", quantile(&times, 0.5), 100.0, "ms");
    report.below("acknowledgement at 50,000 spans a second, p99", quantile(&times, 0.99), 100.0, "ms");
    library.close().await
}

/// Makes submissions of so many spans that end now and began so long ago; `salt` tells traces of one fill from another's.
fn submission(
    all: usize,
    length_ns: i64,
    now: UnixNanos,
    salt: u64,
) -> impl Fn(std::ops::Range<usize>) -> Submission + Clone + Send + 'static {
    move |range| {
        let spans = range.map(|at| (TenantId::DEFAULT, ordinary_span(at, (all, length_ns), now, salt))).collect();
        Submission { spans, ..Submission::default() }
    }
}

/// A number that looks random and is the same in every run.
fn noise(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Span number `at` of so many within a time, oldest first.
pub fn ordinary_span(at: usize, (all, length_ns): (usize, i64), now: UnixNanos, salt: u64) -> NewSpan {
    let (trace, place) = (at / SPANS_A_TRACE, at % SPANS_A_TRACE);
    let traces = all.div_ceil(SPANS_A_TRACE);
    let start = now.0 - length_ns / traces as i64 * (traces - trace) as i64;
    let seed = trace as u64 + salt;
    let id = (u128::from(noise(seed)) << 64) | u128::from(noise(seed ^ 0xffff_0000_0000));
    span(TraceId(id.to_be_bytes()), place, SPANS_A_TRACE, start)
}

/// Span number `at` of so many of a trace.
fn span(trace: TraceId, at: usize, of: usize, start: i64) -> NewSpan {
    let seed = noise(noise(seed_of(trace)) ^ at as u64);
    let id = |at: usize| SpanId(noise(seed_of(trace) ^ ((at as u64) << 1)).to_be_bytes());
    let service = ["gateway", "orders", "payments", "inventory", "mail"][(at * 5 / of.max(1)).min(4)];
    let route = ["/orders", "/orders/:id", "/carts/:id", "/charges", "/stock/:id"][seed as usize % 5];
    let length = 20_000_000 + (seed % 200_000_000) as i64;
    let fails = seed.is_multiple_of(200);
    NewSpan {
        trace_id: trace,
        span_id: id(at),
        parent: (at > 0).then(|| id((at - 1) / 3)),
        name: format!("GET {route}"),
        kind: [SpanKind::Server, SpanKind::Internal, SpanKind::Client][at % 3],
        service: service.into(),
        start: UnixNanos(start + at as i64 * 700_000),
        duration_ns: length / (1 + at as i64),
        status: if fails { SpanStatus::Error } else { SpanStatus::Unset },
        status_message: if fails { "timed out".to_owned() } else { String::new() },
        attributes: format!(
            r#"{{"http.request.method":"GET","http.route":"{route}","http.response.status_code":{},"user.id":"u{}","server.address":"{service}.internal","thread.id":{}}}"#,
            if fails { 504 } else { 200 },
            seed % 50_000,
            seed % 16
        ),
        resource: format!(r#"{{"service.version":"1.4.2","host.name":"{service}-1"}}"#).into(),
        scope: "io.opentelemetry.http".into(),
        events: String::new(),
        links: String::new(),
        http: None,
        peer: None,
    }
}

fn seed_of(trace: TraceId) -> u64 {
    (u128::from_be_bytes(trace.0) >> 64) as u64
}

/// Asks what people ask of traces.
pub async fn ask(report: &mut Report, server: &Server) -> Outcome<()> {
    let list =
        |filter: Value, range: &str| Ask::Post("/fn/traces", json!({ "query": { "range": range, "filter": filter } }));
    let attribute = json!([{ "key": "user.id", "op": "equals", "value": "u4242" }]);
    let questions = [
        ("trace list, an hour", list(json!({}), "1h")),
        ("trace list, 30 days", list(json!({}), "30d")),
        (
            "trace list, 30 days, of a service, failed, long",
            list(json!({ "service": "payments", "has_errors": true, "min_ms": 100.0 }), "30d"),
        ),
        ("trace list, 30 days, by an attribute", list(json!({ "attributes": attribute }), "30d")),
    ];
    for (name, ask) in questions {
        let times = requests::time(server, &ask, 20).await?;
        report.below(&format!("{name}, p95"), quantile(&times, 0.95), 50.0, "ms");
    }
    for ((id, spans), budget) in LARGE.into_iter().zip([30.0, 1000.0]) {
        let ask = Ask::Post("/fn/trace", json!({ "id": TraceId([id; 16]) }));
        let times = requests::time(server, &ask, 10).await?;
        report.below(&format!("one trace of {spans} spans, p95"), quantile(&times, 0.95), budget, "ms");
    }
    let [_, (id, spans)] = LARGE;
    browser::open_trace(report, server, (TraceId([id; 16]), spans)).await
}
