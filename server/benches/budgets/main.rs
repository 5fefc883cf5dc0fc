//! `make bench`: measures what has a budget and prints each figure beside it.
//!
//! Two sides: the library for what has no interface of its own yet (log records on their way in), and the release
//! binary for everything that people and exporters meet, over real sockets, on a store that holds a month.
//!
//! `BENCH_PARTS=spans` (or `empty`, `logs`, `metrics`; several with commas) measures a part; `BENCH_SPANS` and `BENCH_LOG_RECORDS`
//! make the month smaller. `BENCH_SERIES`, `BENCH_HOURS` and `BENCH_STEP` (seconds) say which samples, instead of a day of
//! 10,000 series and a month of 100,000.

mod browser;
mod fill;
mod library;
mod metrics;
mod process;
mod report;
mod requests;
mod senders;
mod spans;

use std::{path::Path, time::Duration};

use library::Library;
use process::Server;
use report::Report;

/// What a bench may fail with: it is only printed.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut report = Report::default();
    let empty = tempfile::tempdir()?;
    let month = tempfile::tempdir()?;
    let (parts, dir) = (std::env::var("BENCH_PARTS").ok(), month.path());
    let is_wanted = |part: &str| parts.as_ref().is_none_or(|parts| parts.split(',').any(|wanted| wanted == part));

    if is_wanted("empty") {
        println!("An empty store");
        empty_store(&mut report, empty.path()).await?;
    }
    if is_wanted("logs") {
        println!("Filling a store with {} log records and {} days of figures", fill::log_records(), fill::DAYS);
        fill::month(&mut report, dir).await?;
        println!("Log records over sockets");
        senders::log_records(&mut report, dir).await?;
    }
    if is_wanted("spans") {
        println!("Filling a store with {} spans", spans::spans());
        spans::fill(&mut report, dir).await?;
        println!("Spans over sockets");
        senders::spans(&mut report, dir).await?;
    }
    if is_wanted("metrics") {
        println!("Samples by remote write, and PromQL");
        metrics::compare(&mut report).await?;
    }
    if !is_wanted("logs") && !is_wanted("spans") {
        report.print();
        return Ok(());
    }
    println!("A store that holds a month");
    // It would have been merged while the month went by.
    let library = Library::open(dir).await?;
    println!("  merging what was brought in within minutes: {:.1} s", library.merge().await?);
    library.close().await?;
    let server = start_full(&mut report, dir).await?;
    if is_wanted("logs") {
        for (name, ask, budget_ms) in requests::questions() {
            let times = requests::time(&server, &ask, 60).await?;
            report.below(&format!("{name}, p95"), report::quantile(&times, 0.95), budget_ms, "ms");
        }
    }
    if is_wanted("spans") {
        spans::ask(&mut report, &server).await?;
    }
    report.below("resident memory after those questions", server.resident_mb(), 200.0, "MB");
    server.stop().await?;

    println!();
    report.print();
    Ok(())
}

async fn empty_store(report: &mut Report, dir: &Path) -> Outcome<()> {
    // The first start also creates the store and brings the program into the page cache.
    Server::start(dir).await?.stop().await?;
    let starts = start_times(dir, 7).await?;
    report.below("start to ready, empty store", report::median(&starts), 300.0, "ms");

    let server = Server::start(dir).await?;
    requests::settle().await;
    report.below("resident memory, idle", server.resident_mb(), 60.0, "MB");
    let overhead_us = requests::overhead_us(&server).await?;
    report.below("self-observation, a request", overhead_us, 50.0, "µs");
    let visible = requests::accepted_to_visible_ms(&server, 200).await?;
    report.below("log line: request sent → in the live stream, p95", report::quantile(&visible, 0.95), 150.0, "ms");
    let transferred = requests::first_visit_bytes(&server).await?;
    report.below("transferred on first visit, compressed", transferred as f64 / 1000.0, 350.0, "kB");
    server.stop().await
}

async fn start_full(report: &mut Report, dir: &Path) -> Outcome<Server> {
    let starts = start_times(dir, 5).await?;
    report.below("start to ready, a month stored", report::median(&starts), 1000.0, "ms");
    Server::start(dir).await
}

async fn start_times(dir: &Path, times: usize) -> Outcome<Vec<f64>> {
    let mut measured = Vec::with_capacity(times);
    for _ in 0..times {
        let server = Server::start(dir).await?;
        measured.push(milliseconds(server.ready_after));
        server.stop().await?;
    }
    Ok(measured)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
