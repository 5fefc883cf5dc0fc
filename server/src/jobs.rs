//! Background work: sampling the host, committing endpoint figures, compacting, sorting samples, retention.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use app::model::{TenantId, Tick, UnixNanos};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Steadiness,
    collect::{HostSample, HostSampler, names},
    ingest::{IngestError, Submission},
    scrape::{own, scraper},
    service::Services,
    store::{NewSample, Signal, sample::Labels},
    telemetry::JobRun,
};

/// How often small log blocks are looked at.
const COMPACTION_INTERVAL: Duration = Duration::from_secs(10);
/// Pauses between merges are so many times as long as the merge before while records stream in or somebody asks: merges
/// take a quarter of a core at most then.
const MERGE_PAUSE: u32 = 3;
/// Records stream in when so many are committed a second.
const STREAM_RECORDS: f64 = 1000.0;
/// How long a round of merges waits for questions to end. Somebody who asks all the time must not keep blocks small.
const MERGE_PATIENCE: Duration = Duration::from_secs(5);
/// Merges in one go, of log records and of spans each.
const MERGES_A_ROUND: usize = 64;
/// How often the store is looked after.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_mins(1);
/// Retention runs every so many times.
const RETENTION_EVERY: u32 = 10;
/// Pause between two batches of retention, in which writers get their turn.
const BATCH_PAUSE: Duration = Duration::from_millis(20);
/// The size of the store is looked up every so many samples of the host.
const SIZE_EVERY: u32 = 3;
/// The phase of samples that are collected while nothing is being deployed.
const NO_DEPLOYMENT: &str = "steady";
const DAY_NANOS: i64 = 86_400 * 1_000_000_000;

/// Starts all of them.
pub fn start(services: &Arc<Services>) {
    let supervisor = services.supervisor.clone();
    let this = services.clone();
    supervisor.spawn("sampler", move |token| sample(this.clone(), token));
    let this = services.clone();
    supervisor.spawn("compaction", move |token| compact(this.clone(), token));
    let this = services.clone();
    supervisor.spawn("samples", move |token| tidy_samples(this.clone(), token));
    let this = services.clone();
    supervisor.spawn("scraper", move |token| scraper::run(this.clone(), token));
    let this = services.clone();
    supervisor.spawn("own_metrics", move |token| own::run(this.clone(), token));
    let this = services.clone();
    supervisor.spawn("retention", move |token| retain(this.clone(), token));
}

/// Every few seconds: the host's samples and the endpoints' figures are committed, then the tick is published, so
/// that a page that asks again because of the tick finds the new points.
async fn sample(services: Arc<Services>, token: CancellationToken) {
    let period = Duration::from_secs(services.config.ingest.host_interval_seconds);
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let sampler = Arc::new(Mutex::new(None::<HostSampler>));
    let mut last = Instant::now();
    let mut round = 0_u32;
    let mut store_bytes = None;
    loop {
        tokio::select! {
            () = token.cancelled() => {
                let _last = commit_endpoints(&services, Vec::new()).await;
                return;
            }
            _ = ticks.tick() => {}
        }
        let run = services.metrics.job("sampler", services.clock.now_utc().into());
        let sampler = sampler.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let mut sampler = sampler.lock().unwrap_or_else(PoisonError::into_inner);
            sampler.get_or_insert_with(HostSampler::default).sample()
        });
        let Ok(host) = looked.await else {
            run.fails();
            continue;
        };
        if round.is_multiple_of(SIZE_EVERY) {
            store_bytes = services.stores.admin.summary().await.ok().map(|summary| summary.size_bytes as f64);
        }
        round = round.wrapping_add(1);
        let elapsed_s = last.elapsed().as_secs_f64().max(0.001);
        last = Instant::now();
        let (cpu_percent, memory_percent) = (host.cpu_percent, host.memory_percent);
        let now = services.clock.now();
        let samples = samples_of(host, store_bytes, now);
        services.metrics.collected(NO_DEPLOYMENT, samples.len() as u64);
        let (requests, is_committed) = commit_endpoints(&services, samples).await;
        if !is_committed {
            run.fails();
        }
        services.hub.publish_tick(Tick {
            at: now.to_millis(),
            rps: requests as f64 / elapsed_s,
            cpu_percent,
            memory_percent,
        });
    }
}

fn samples_of(host: HostSample, store_bytes: Option<f64>, now: UnixNanos) -> Vec<NewSample> {
    let mut samples = host.into_samples(TenantId::DEFAULT, now);
    samples.extend(store_bytes.map(|value| NewSample {
        tenant: TenantId::DEFAULT,
        series: Labels::named(names::STORE_BYTES, &[]),
        time: now,
        value,
    }));
    samples
}

/// Commits samples and what was counted of endpoints; returns how many requests that were, and whether it succeeded.
async fn commit_endpoints(services: &Services, samples: Vec<NewSample>) -> (u64, bool) {
    let endpoints = services.recorder.take(TenantId::DEFAULT);
    let requests = endpoints.iter().map(|delta| delta.rollup.requests).sum();
    let submission = Submission { metrics: samples.into(), endpoints: endpoints.clone(), ..Submission::default() };
    // A refused queue keeps the figures for the next round. When only the answer is late they are in the queue.
    let submitted = services.ingest.submit(submission).await;
    if let Err(IngestError::Full | IngestError::TooLarge) = submitted {
        services.recorder.put_back(endpoints);
    }
    (requests, submitted.is_ok())
}

async fn compact(services: Arc<Services>, token: CancellationToken) {
    let mut ticks = interval(COMPACTION_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = token.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let run = services.metrics.job("compaction", services.clock.now_utc().into());
        let committed = || services.ingest.figures().committed.load(Ordering::Relaxed);
        // Merging is never in a hurry; whoever waits for an answer or for an acknowledgement is.
        if token.run_until_cancelled(services.activity.quiet(MERGE_PATIENCE)).await.is_none() {
            return;
        }
        for _ in 0..MERGES_A_ROUND {
            let (begun, before) = (Instant::now(), committed());
            if merge_once(&services, &run).await == 0 {
                break;
            }
            let took = begun.elapsed();
            let streams_in = (committed() - before) as f64 > STREAM_RECORDS * took.as_secs_f64();
            let is_alone = !streams_in && services.activity.is_quiet();
            let pause = if is_alone { Duration::ZERO } else { took * MERGE_PAUSE };
            if token.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
        }
    }
}

/// Sorts committed samples into blocks, merges and rolls up, one piece of work after the other.
async fn tidy_samples(services: Arc<Services>, token: CancellationToken) {
    let mut ticks = interval(COMPACTION_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = token.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let run = services.metrics.job("samples", services.clock.now_utc().into());
        loop {
            let begun = Instant::now();
            match services.stores.metrics.tidy_samples(services.clock.now()).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    run.fails();
                    tracing::warn!(%error, "samples could not be sorted or merged; it is tried again later");
                    break;
                }
            }
            // Whoever waits for an answer or for an acknowledgement comes first.
            if token.run_until_cancelled(tokio::time::sleep(begun.elapsed())).await.is_none() {
                return;
            }
        }
    }
}

/// Merges a run of blocks of each kind, where there is one; says how many.
async fn merge_once(services: &Services, run: &JobRun) -> usize {
    let logs = services.stores.logs.compact(1).await.unwrap_or_else(|error| {
        run.fails();
        tracing::warn!(%error, "log blocks could not be merged; it is tried again later");
        0
    });
    let spans = services.stores.spans.compact_spans(1).await.unwrap_or_else(|error| {
        run.fails();
        tracing::warn!(%error, "blocks of spans could not be merged; it is tried again later");
        0
    });
    logs + spans
}

async fn retain(services: Arc<Services>, token: CancellationToken) {
    let mut ticks = interval(HOUSEKEEPING_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut round = 0_u32;
    let mut watch = Steadiness::new(&*services.clock);
    loop {
        tokio::select! {
            () = token.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let run = services.metrics.job("retention", services.clock.now_utc().into());
        services.end_interrupted_pipelines().await;
        if let Err(error) = services.tidy_identity().await {
            run.fails();
            tracing::warn!(%error, "ended sessions could not be removed; it is tried again later");
        }
        round = round.wrapping_add(1);
        if round % RETENTION_EVERY != 1 {
            continue;
        }
        for signal in Signal::ALL {
            if !watch.is_steady(&*services.clock) {
                break;
            }
            remove_old(&services, signal, &run, &token).await;
        }
    }
}

/// Removes what is older than the signal's retention, in small batches.
async fn remove_old(services: &Services, signal: Signal, run: &JobRun, token: &CancellationToken) {
    let retention = &services.config.retention;
    let days = match signal {
        Signal::Pipelines => retention.pipelines_days,
        Signal::Logs => retention.logs_days,
        Signal::Traces => retention.traces_days,
        Signal::Samples => retention.samples_days,
        Signal::RollUps => retention.rollups_days,
        Signal::Series => retention.samples_days.max(retention.rollups_days),
        Signal::Endpoints => retention.endpoints_days,
    };
    let before = UnixNanos(services.clock.now().0 - i64::from(days) * DAY_NANOS);
    let mut rows = 0;
    while !token.is_cancelled() {
        match services.stores.admin.remove_before(signal, before).await {
            Ok(removed) => {
                rows += removed.rows;
                if !removed.more {
                    break;
                }
            }
            Err(error) => {
                run.fails();
                tracing::warn!(signal = signal.key(), %error, "old data could not be removed; it is tried again later");
                break;
            }
        }
        tokio::time::sleep(BATCH_PAUSE).await;
    }
    if rows > 0 {
        tracing::info!(signal = signal.key(), rows, days, "old data removed");
    }
}
