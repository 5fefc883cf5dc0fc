//! The queue, the writer and the store of one process, without what is around them.

use std::{
    ops::Range,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{StreamExt, stream::FuturesUnordered};
use server::{
    clock::{Clock, SystemClock},
    config::StoreConfig,
    ingest::{IngestError, IngestQueue, Submission, Writer},
    live::Hub,
    store::Stores,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Outcome, milliseconds};

/// Items that one client sends at once.
pub const BATCH: usize = 1000;
/// Clients that send at the same time.
pub const CLIENTS: usize = 8;
const QUEUE_BYTES: usize = 32 * 1024 * 1024;
const COMMIT_RECORDS: usize = 16_384;

/// An open store with its writer.
pub struct Library {
    /// The store.
    pub stores: Stores,
    /// What the writer works through.
    pub queue: IngestQueue,
    token: CancellationToken,
    writer: JoinHandle<()>,
}

/// How sending went.
pub struct Sent {
    /// Items acknowledged a second.
    pub rate: f64,
    /// How long each acknowledgement took, in milliseconds.
    pub times: Vec<f64>,
}

impl Library {
    /// Opens the store in a directory.
    pub async fn open(dir: &Path) -> Outcome<Self> {
        let stores = Stores::open(&StoreConfig { data_dir: dir.to_owned(), ..StoreConfig::default() }).await?;
        let (queue, end) = IngestQueue::new(QUEUE_BYTES);
        let (hub, clock) = (Arc::new(Hub::new(16, 16)), Arc::new(SystemClock));
        let writer = Writer::new(queue.clone(), end, stores.ingest.clone(), hub, clock, COMMIT_RECORDS);
        let token = CancellationToken::new();
        let stop = token.clone();
        let writer = tokio::spawn(async move { writer.run(stop).await });
        Ok(Self { stores, queue, token, writer })
    }

    /// Merges blocks until there is nothing left to merge; says how long that took, in seconds.
    pub async fn merge(&self) -> Outcome<f64> {
        let begun = Instant::now();
        while self.stores.logs.compact(64).await? + self.stores.spans.compact_spans(64).await? > 0 {}
        Ok(begun.elapsed().as_secs_f64())
    }

    /// Sorts, merges and rolls up samples until there is nothing left to do.
    pub async fn tidy_samples(&self) -> Outcome<()> {
        while self.stores.metrics.tidy_samples(SystemClock.now()).await? {}
        Ok(())
    }

    /// Bytes of the store.
    pub async fn size_bytes(&self) -> Outcome<u64> {
        Ok(self.stores.admin.summary().await?.size_bytes)
    }

    /// Sends so many items, a thousand at once, from clients that each wait for the acknowledgement.
    pub async fn send<F>(&self, items: usize, submission: F) -> Outcome<Sent>
    where
        F: Fn(Range<usize>) -> Submission + Clone + Send + 'static,
    {
        let next = Arc::new(AtomicUsize::new(0));
        let begun = Instant::now();
        let client = |_| {
            let (queue, next, submission) = (self.queue.clone(), next.clone(), submission.clone());
            tokio::spawn(async move {
                let mut times = Vec::new();
                loop {
                    let first = next.fetch_add(BATCH, Ordering::Relaxed);
                    if first >= items {
                        return Ok::<_, IngestError>(times);
                    }
                    let submission = submission(first..items.min(first + BATCH));
                    let sent = Instant::now();
                    queue.submit(submission).await?;
                    times.push(milliseconds(sent.elapsed()));
                }
            })
        };
        let mut times = Vec::new();
        for client in (0..CLIENTS).map(client).collect::<Vec<_>>() {
            times.extend(client.await??);
        }
        Ok(Sent { rate: items as f64 / begun.elapsed().as_secs_f64(), times })
    }

    /// Sends so many items, a thousand at once, at this rate, whether or not what was sent before is acknowledged. Times count
    /// from when each was due.
    pub async fn send_paced<F>(&self, items: usize, a_second: f64, submission: F) -> Outcome<Vec<f64>>
    where
        F: Fn(Range<usize>) -> Submission,
    {
        let submissions: Vec<Submission> =
            (0..items).step_by(BATCH).map(|first| submission(first..items.min(first + BATCH))).collect();
        paced(submissions, a_second / BATCH as f64, async |submission| Ok(self.queue.submit(submission).await?)).await
    }

    /// Ends the writer and closes the store.
    pub async fn close(self) -> Outcome<()> {
        self.token.cancel();
        self.writer.await?;
        self.stores.admin.close().await;
        Ok(())
    }
}

/// Sends each item when it is due, so many a second; milliseconds from then until it is done. One that has to wait because
/// others take long waits here as it would for real: a client that only sends when it has an answer would hide that.
pub async fn paced<T>(items: Vec<T>, a_second: f64, send: impl AsyncFn(T) -> Outcome<()>) -> Outcome<Vec<f64>> {
    let mut times = Vec::with_capacity(items.len());
    let mut running = FuturesUnordered::new();
    let mut due = tokio::time::interval(Duration::from_secs_f64(1.0 / a_second));
    let mut items = items.into_iter();
    let mut is_open = true;
    while is_open || !running.is_empty() {
        tokio::select! {
            instant = due.tick(), if is_open => match items.next() {
                Some(item) => {
                    let send = &send;
                    running.push(async move {
                        send(item).await?;
                        Outcome::Ok(milliseconds(instant.elapsed()))
                    });
                }
                None => is_open = false,
            },
            Some(time) = running.next() => times.push(time?),
        }
    }
    Ok(times)
}

/// A number from the environment, for a quicker look.
pub fn count(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
