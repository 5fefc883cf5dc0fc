//! A month of data, through the same queue and writer that everything takes.

use std::{ops::Range, path::Path};

use app::model::{Level, TenantId, TraceId, UnixNanos};
use server::{
    clock::{Clock, SystemClock},
    collect::names,
    ingest::{IngestQueue, Submission},
    store::{EndpointDelta, EndpointKey, NewSample, Rollup, log::NewLogRecord, sample::Labels},
};

use crate::{
    Outcome,
    library::{Library, count},
    report::{Report, quantile},
};

/// Log records of the month, unless `BENCH_LOG_RECORDS` says otherwise.
const LOG_RECORDS: usize = 10_000_000;
/// Length of the month.
pub const DAYS: i64 = 30;
/// A trace whose lines are looked for.
pub const KNOWN_TRACE: TraceId = TraceId([0xab; 16]);

const MINUTE_NS: i64 = 60_000_000_000;
const DAY_NS: i64 = 1440 * MINUTE_NS;
const ROUTES: [&str; 10] = [
    "/v1/traces",
    "/v1/traces/:id",
    "/v1/traces/stats",
    "/webhooks/gitlab",
    "/monitoring",
    "/monitoring/logs",
    "/api/monitoring/logs",
    "/api/monitoring/logs/stream",
    "/health",
    "/fn/overview",
];

/// Numbers that look random and are the same in every run (xorshift, Marsaglia 2003).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// How many log records the month has.
pub fn log_records() -> usize {
    count("BENCH_LOG_RECORDS", LOG_RECORDS)
}

/// Fills a store and reports how fast log records went in.
pub async fn month(report: &mut Report, dir: &Path) -> Outcome<()> {
    let library = Library::open(dir).await?;
    let before = library.size_bytes().await?;
    let now = SystemClock.now();
    let records = log_records();
    let submission = move |at: Range<usize>| {
        let logs = at.map(|at| (TenantId::DEFAULT, log_record(at, records, now))).collect();
        Submission { logs, ..Submission::default() }
    };
    let sent = library.send(records, submission).await?;
    report.at_least("log records ingested durably, a second", sent.rate, 100_000.0, "/s");
    report.below("acknowledgement of 1,000 log records, p99", quantile(&sent.times, 0.99), 100.0, "ms");
    library.merge().await?;
    let grown = library.size_bytes().await?.saturating_sub(before);
    report.below("on disk, a log record with its indexes", grown as f64 / records as f64, 30.0, "bytes");
    endpoint_figures(&library.queue, now).await?;
    samples(&library.queue, now).await?;
    library.close().await
}

/// Record number `at` of the month, oldest first.
pub fn log_record(at: usize, records: usize, now: UnixNanos) -> NewLogRecord {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15 ^ (at as u64 + 1).wrapping_mul(0x2545_f491_4f6c_dd1d));
    let age = DAYS * DAY_NS / records as i64 * (records - at) as i64;
    let service = ["orders", "payments", "gateway", "users", "inventory"][numbers.below(5) as usize];
    let (user, took_ms) = (numbers.below(50_000), numbers.below(2000));
    let (level, message) = match numbers.below(100) {
        0 => (Level::Error, format!("charge refused by the provider after {took_ms} ms")),
        1..5 => (Level::Warn, format!("slow query {took_ms} ms INSERT INTO order_lines")),
        5..30 => (Level::Debug, format!("cache hit for key user:{user}")),
        30..60 => (Level::Info, format!("POST /v1/orders 201 in {took_ms} ms")),
        _ => (Level::Info, format!("GET /v1/users/{user} 200 in {took_ms} ms")),
    };
    let route = ROUTES[numbers.below(ROUTES.len() as u64) as usize];
    let attributes = format!(
        r#"{{"http.route":"{route}","latency_ms":{took_ms},"user.id":"u{user}","region":"eu-{}","attempt":{}}}"#,
        numbers.below(3),
        numbers.below(4)
    );
    let trace_id = if at % 200_000 == 77 {
        KNOWN_TRACE
    } else {
        TraceId((u128::from(numbers.below(u64::MAX)) << 64 | u128::from(numbers.below(u64::MAX) | 1)).to_be_bytes())
    };
    NewLogRecord {
        timestamp: UnixNanos(now.0 - age),
        level,
        service: service.to_owned(),
        message,
        trace_id: Some(trace_id),
        span_id: None,
        attributes,
    }
}

/// Ten endpoints, every minute of the month.
async fn endpoint_figures(queue: &IngestQueue, now: UnixNanos) -> Outcome<()> {
    let mut numbers = Numbers(7);
    let begin = now.0 - DAYS * DAY_NS;
    for hour in 0..DAYS * 24 {
        let mut endpoints = Vec::with_capacity(600);
        for minute in 0..60 {
            let time = UnixNanos(begin + (hour * 60 + minute) * MINUTE_NS);
            for (at, route) in ROUTES.iter().enumerate() {
                let mut rollup = Rollup::default();
                for _ in 0..5 + numbers.below(10) {
                    let status = if numbers.below(100) == 0 { 500 } else { 200 };
                    rollup.add(status, 1.0 + at as f64 + numbers.below(400) as f64 / 10.0);
                }
                let endpoint = EndpointKey { service: "console".into(), method: "GET".into(), route: (*route).into() };
                endpoints.push(EndpointDelta { tenant: TenantId::DEFAULT, endpoint, time, rollup });
            }
        }
        queue.submit(Submission { endpoints, ..Submission::default() }).await?;
    }
    Ok(())
}

/// What the charts read: every five minutes of the month, every five seconds of the last six hours.
async fn samples(queue: &IngestQueue, now: UnixNanos) -> Outcome<()> {
    let series = [
        Labels::named(names::CPU, &[]),
        Labels::named(names::MEMORY, &[]),
        Labels::named(names::STORE_BYTES, &[]),
        Labels::named(names::NETWORK_IO, &[("device", "eth0"), ("direction", "receive")]),
        Labels::named(names::NETWORK_IO, &[("device", "eth0"), ("direction", "transmit")]),
        Labels::named(names::DISK_IO, &[("direction", "read")]),
        Labels::named(names::DISK_IO, &[("direction", "write")]),
    ];
    let mut numbers = Numbers(11);
    let recent = now.0 - DAY_NS / 4;
    let mut time = now.0 - DAYS * DAY_NS;
    let mut samples = Vec::new();
    while time < now.0 {
        for (at, series) in series.iter().enumerate() {
            let value = if at < 2 { numbers.below(100) as f64 / 100.0 } else { (time / 1_000_000) as f64 };
            samples.push(NewSample { tenant: TenantId::DEFAULT, series: series.clone(), time: UnixNanos(time), value });
        }
        if samples.len() > 2000 {
            queue.submit(Submission { metrics: std::mem::take(&mut samples).into(), ..Submission::default() }).await?;
        }
        time += if time < recent { 5 * MINUTE_NS } else { MINUTE_NS / 12 };
    }
    queue.submit(Submission { metrics: samples.into(), ..Submission::default() }).await?;
    Ok(())
}
