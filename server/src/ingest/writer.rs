//! The one writer: groups what waits, commits, acknowledges, publishes.

use std::{
    sync::{Arc, OnceLock, atomic::Ordering},
    time::Duration,
};

use app::model::{LogId, LogRecord, TenantId};
use tokio::{
    sync::{Mutex, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{IngestError, IngestQueue, QueueEnd, Queued};
use crate::{
    clock::SharedClock,
    live::{Hub, LiveBatch, LiveRecord},
    store::{CommitBatch, CommitReceipt, IngestStore, StoreError, log::NewLogRecord},
};

/// Pause before a failed commit is tried again; doubled each time up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Records in one message to the readers of the live stream: what a slow one holds on to is a multiple of this.
const PUBLISHED_AT_ONCE: usize = 256;
/// A commit that the store refuses for good is tried so often, in case it was a race.
const ATTEMPTS_AT_A_REFUSED_COMMIT: u32 = 3;
/// At shutdown, how long a failing store is tried.
const FAREWELL: Duration = Duration::from_secs(3);

/// Writes what the queue holds.
pub struct Writer {
    queue: IngestQueue,
    end: Arc<Mutex<QueueEnd>>,
    store: Arc<dyn IngestStore>,
    hub: Arc<Hub>,
    clock: SharedClock,
    commit_records: usize,
    /// Until when a failing store is tried after the server was asked to end.
    farewell: OnceLock<Instant>,
}

/// The acknowledgements of one commit.
type Acks = Vec<oneshot::Sender<Result<(), IngestError>>>;

impl Writer {
    /// A writer for this queue; it begins to work with [`run`](Self::run).
    pub fn new(
        queue: IngestQueue,
        end: QueueEnd,
        store: Arc<dyn IngestStore>,
        hub: Arc<Hub>,
        clock: SharedClock,
        commit_records: usize,
    ) -> Self {
        Self { queue, end: Arc::new(Mutex::new(end)), store, hub, clock, commit_records, farewell: OnceLock::new() }
    }

    /// Works until the token is cancelled and the queue is empty.
    pub async fn run(&self, token: CancellationToken) {
        let mut end = self.end.lock().await;
        // A new name for each run: numbers of commits begin anew.
        let writer = Uuid::new_v4();
        let mut sequence = 0;
        loop {
            let first = tokio::select! {
                biased;
                first = end.0.recv() => first,
                () = token.cancelled() => end.0.try_recv().ok(),
            };
            let Some(first) = first else { return };
            let mut waiting = vec![first];
            let mut records = waiting[0].submission.records();
            while records < self.commit_records {
                let Ok(next) = end.0.try_recv() else { break };
                records += next.submission.records();
                waiting.push(next);
            }
            sequence += 1;
            self.write(waiting, writer, sequence, &token).await;
        }
    }

    async fn write(&self, waiting: Vec<Queued>, writer: Uuid, sequence: i64, token: &CancellationToken) {
        let mut batch = CommitBatch { writer, sequence, ..CommitBatch::default() };
        let mut spans = Vec::new();
        let mut acks: Acks = Vec::new();
        let mut permits = Vec::with_capacity(waiting.len());
        let mut records = 0;
        for Queued { submission, _permit: permit, ack } in waiting {
            records += submission.records() as u64;
            by_tenant(&mut batch.logs, submission.logs);
            by_tenant(&mut spans, submission.spans);
            batch.samples.extend(submission.samples);
            batch.endpoints.extend(submission.endpoints);
            acks.extend(ack);
            permits.push(permit);
        }
        batch.spans = spans.into_iter().map(|(tenant, spans)| (tenant, Arc::new(spans))).collect();
        let figures = self.queue.figures();
        match self.commit(&batch, token).await {
            Ok(receipt) => {
                figures.committed.fetch_add(records, Ordering::Relaxed);
                figures.commits.fetch_add(1, Ordering::Relaxed);
                drop(permits);
                answer(acks, Ok(()));
                self.publish(batch, &receipt);
            }
            Err(error) => {
                figures.refused_store.fetch_add(records, Ordering::Relaxed);
                tracing::error!(%error, records, "records could not be stored and were given up");
                answer(acks, Err(IngestError::Unavailable));
            }
        }
    }

    /// Commits, trying again for as long as the store is only out of reach.
    async fn commit(&self, batch: &CommitBatch, token: &CancellationToken) -> Result<CommitReceipt, StoreError> {
        let figures = self.queue.figures();
        let mut pause = FIRST_PAUSE;
        let mut refusals = 0;
        loop {
            let error = match self.store.commit(batch, self.clock.now_utc()).await {
                Ok(receipt) => {
                    if figures.is_failing.swap(false, Ordering::Relaxed) {
                        tracing::warn!("the store accepts commits again");
                    }
                    return Ok(receipt);
                }
                Err(error) => error,
            };
            if !figures.is_failing.swap(true, Ordering::Relaxed) {
                tracing::error!(%error, "a commit failed; it is tried again until the store answers");
            }
            figures.retries.fetch_add(1, Ordering::Relaxed);
            refusals += u32::from(is_refusal(&error));
            if token.is_cancelled() && *self.farewell.get_or_init(|| Instant::now() + FAREWELL) <= Instant::now() {
                return Err(error);
            }
            if refusals >= ATTEMPTS_AT_A_REFUSED_COMMIT {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn publish(&self, batch: CommitBatch, receipt: &CommitReceipt) {
        for (tenant, spans) in &batch.spans {
            let begun = spans.iter().filter(|span| span.parent.is_none()).count();
            if begun > 0 {
                self.hub.count_traces(*tenant, begun as u64);
            }
        }
        for (tenant, records) in batch.logs {
            let first_id = receipt.first_log_ids.iter().find(|(of, _)| *of == tenant).map(|(_, id)| *id);
            let Some(first_id) = first_id.filter(|_| self.hub.has_readers(tenant)) else { continue };
            self.publish_tenant(tenant, first_id, records);
        }
    }

    fn publish_tenant(&self, tenant: TenantId, first_id: LogId, records: Vec<NewLogRecord>) {
        let live = |(index, record): (usize, NewLogRecord)| {
            let attributes = record.attributes;
            let record = LogRecord {
                id: LogId(first_id.0 + index as i64),
                timestamp: record.timestamp,
                level: record.level,
                service: record.service,
                message: record.message,
                trace_id: record.trace_id,
                span_id: record.span_id,
                attributes: serde_json::from_str(&attributes).unwrap_or_default(),
            };
            let json = serde_json::to_string(&record).unwrap_or_default();
            LiveRecord { record, attributes, json }
        };
        let mut live = records.into_iter().enumerate().map(live).peekable();
        while live.peek().is_some() {
            let records: Vec<LiveRecord> = live.by_ref().take(PUBLISHED_AT_ONCE).collect();
            let (Some(first), Some(last)) = (records.first(), records.last()) else { return };
            let (first_id, last_id) = (first.record.id, last.record.id);
            self.hub.publish_logs(tenant, LiveBatch { first_id, last_id, records });
        }
    }
}

/// Sorts what is whose.
fn by_tenant<T>(sorted: &mut Vec<(TenantId, Vec<T>)>, items: Vec<(TenantId, T)>) {
    for (tenant, item) in items {
        match sorted.iter_mut().find(|(known, _)| *known == tenant) {
            Some((_, of_tenant)) => of_tenant.push(item),
            None => sorted.push((tenant, vec![item])),
        }
    }
}

fn answer(acks: Acks, outcome: Result<(), IngestError>) {
    for ack in acks {
        // The caller may have given up waiting.
        let _gone = ack.send(outcome);
    }
}

/// Whether trying again with the same data cannot help.
fn is_refusal(error: &StoreError) -> bool {
    match error {
        StoreError::Database(sqlx::Error::Database(error)) => {
            error.is_unique_violation()
                || error.is_foreign_key_violation()
                || error.is_check_violation()
                || error.kind() == sqlx::error::ErrorKind::NotNullViolation
        }
        StoreError::Damaged(_) => true,
        _ => false,
    }
}
