//! Spans on their way in, and traces looked at.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use app::model::{SpanId, SpanKind, SpanStatus, TenantId, TraceId, UnixNanos};
use serde_json::{Value, json};
use server::{
    clock::{Clock, SystemClock},
    config::StoreConfig,
    ingest::{IngestQueue, Submission, Writer},
    live::Hub,
    store::{Stores, span::NewSpan},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Outcome, milliseconds,
    process::Server,
    report::{Report, quantile},
    requests::{self, Ask},
};

/// Spans of the month.
pub const SPANS: usize = 2_000_000;
/// Spans of an ordinary trace.
const SPANS_A_TRACE: usize = 10;
/// Spans that one client sends at once, in traces that are whole.
const BATCH: usize = 1000;
const CLIENTS: usize = 8;
const QUEUE_BYTES: usize = 32 * 1024 * 1024;
const COMMIT_RECORDS: usize = 16_384;
const DAYS: i64 = 30;
const DAY_NS: i64 = 86_400_000_000_000;
/// A large trace and a very large one.
const LARGE: [(u8, usize); 2] = [(0xa1, 1000), (0xa2, 100_000)];

/// Fills a store and reports how fast spans went in.
pub async fn fill(report: &mut Report, dir: &Path) -> Outcome<()> {
    let stores = Stores::open(&StoreConfig { data_dir: dir.to_owned(), ..StoreConfig::default() }).await?;
    let (queue, end) = IngestQueue::new(QUEUE_BYTES);
    let hub = Arc::new(Hub::new(16, 16));
    let writer = Writer::new(queue.clone(), end, stores.ingest.clone(), hub, Arc::new(SystemClock), COMMIT_RECORDS);
    let token = CancellationToken::new();
    let running = tokio::spawn({
        let token = token.clone();
        async move { writer.run(token).await }
    });
    let before = stores.admin.summary().await?.size_bytes;
    let now = SystemClock.now();
    ordinary(report, &queue, now).await?;
    for (id, spans) in LARGE {
        let trace = TraceId([id; 16]);
        let all: Vec<_> = (0..spans).map(|at| span(trace, at, spans, now.0 - 60_000_000_000)).collect();
        for part in all.chunks(5000) {
            let spans = part.iter().map(|span| (TenantId::DEFAULT, span.clone())).collect();
            queue.submit(Submission { spans, ..Submission::default() }).await?;
        }
    }
    while stores.spans.compact_spans(64).await? > 0 {}
    let grown = stores.admin.summary().await?.size_bytes.saturating_sub(before);
    report.below("on disk, a span with its indexes", grown as f64 / SPANS as f64, 40.0, "bytes");
    token.cancel();
    running.await?;
    stores.admin.close().await;
    Ok(())
}

async fn ordinary(report: &mut Report, queue: &IngestQueue, now: UnixNanos) -> Outcome<()> {
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let client = |_| {
        let (queue, next) = (queue.clone(), next.clone());
        tokio::spawn(async move {
            let mut times = Vec::new();
            loop {
                let first = next.fetch_add(BATCH, Ordering::Relaxed);
                if first >= SPANS {
                    return Ok::<_, server::ingest::IngestError>(times);
                }
                let spans = (first..first + BATCH).map(|at| (TenantId::DEFAULT, ordinary_span(at, now))).collect();
                let sent = Instant::now();
                queue.submit(Submission { spans, ..Submission::default() }).await?;
                times.push(milliseconds(sent.elapsed()));
            }
        })
    };
    let mut times = Vec::new();
    for client in (0..CLIENTS).map(client).collect::<Vec<_>>() {
        times.extend(client.await??);
    }
    let rate = SPANS as f64 / begun.elapsed().as_secs_f64();
    report.at_least("spans ingested durably, a second", rate, 50_000.0, "/s");
    report.below("acknowledgement of 1,000 spans, p99", quantile(&times, 0.99), 100.0, "ms");
    Ok(())
}

/// A number that looks random and is the same in every run.
fn noise(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Span number `at` of the month, oldest first.
fn ordinary_span(at: usize, now: UnixNanos) -> NewSpan {
    let (trace, place) = (at / SPANS_A_TRACE, at % SPANS_A_TRACE);
    let traces = SPANS / SPANS_A_TRACE;
    let start = now.0 - DAYS * DAY_NS / traces as i64 * (traces - trace) as i64;
    let id = (u128::from(noise(trace as u64)) << 64) | u128::from(noise(trace as u64 ^ 0xffff));
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
    Ok(())
}
