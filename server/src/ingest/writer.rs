//! The one writer: groups what waits, commits, acknowledges, publishes.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use app::model::{LogId, LogRecord, TenantId};
use tokio::{
    sync::{Mutex, Notify, OwnedSemaphorePermit, mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{IngestError, IngestQueue, QueueEnd, Queued};
use crate::{
    clock::SharedClock,
    live::{Hub, LiveBatch, LiveRecord},
    store::{CommitBatch, CommitReceipt, IngestStore, PackedBatch, PackedSpans, StoreError, log::NewLogRecord},
};

/// Pause before a failed commit is tried again; doubled each time up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Records in one message to the readers of the live stream: what a slow one holds on to is a multiple of this.
const PUBLISHED_AT_ONCE: usize = 256;
/// So many records are worth packing while others are written.
const PACKED_AHEAD: usize = 512;
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

/// Whether a group is being written.
#[derive(Default)]
struct Busy {
    is_writing: AtomicBool,
    written: Notify,
}

/// What one commit writes, and what it owes.
struct Group<B> {
    batch: B,
    records: u64,
    acks: Acks,
    /// The room of the queue that it takes, until it is written.
    permits: Vec<OwnedSemaphorePermit>,
}

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

    /// Works until the token is cancelled and the queue is empty. While one group is written the next is packed.
    pub async fn run(&self, token: CancellationToken) {
        let mut end = self.end.lock().await;
        let (packed, mut to_write) = mpsc::channel(1);
        let busy = Busy::default();
        let write = async {
            while let Some(group) = to_write.recv().await {
                busy.is_writing.store(true, Ordering::Relaxed);
                self.write(group, &token).await;
                busy.is_writing.store(false, Ordering::Relaxed);
                busy.written.notify_one();
            }
        };
        tokio::join!(self.pack(&mut end, packed, &busy, &token), write);
    }

    /// Packs one group after the other, each once the one before it is being written: what arrives meanwhile is the next
    /// group. It is packed ahead only when that is much; else it waits for what still comes.
    async fn pack(
        &self,
        end: &mut QueueEnd,
        packed: mpsc::Sender<Group<PackedBatch>>,
        busy: &Busy,
        token: &CancellationToken,
    ) {
        // A new name for each run: numbers of commits begin anew.
        let writer = Uuid::new_v4();
        let mut sequence = 0;
        while let Ok(place) = packed.reserve().await {
            let first = tokio::select! {
                biased;
                first = end.0.recv() => first,
                () = token.cancelled() => end.0.try_recv().ok(),
            };
            let Some(first) = first else { return };
            let mut waiting = vec![first];
            let mut records = waiting[0].submission.records();
            while records < self.commit_records {
                let next = match end.0.try_recv() {
                    Ok(next) => next,
                    Err(_) if records >= PACKED_AHEAD || !busy.is_writing.load(Ordering::Relaxed) => break,
                    Err(_) => tokio::select! {
                        Some(next) = end.0.recv() => next,
                        () = busy.written.notified() => continue,
                    },
                };
                records += next.submission.records();
                waiting.push(next);
            }
            sequence += 1;
            let Group { batch, records, acks, permits } = group(waiting);
            match (CommitBatch { writer, sequence, ..batch }).pack().await {
                Ok(batch) => place.send(Group { batch, records, acks, permits }),
                Err(error) => self.give_up(&error, records, acks),
            }
        }
    }

    async fn write(&self, group: Group<PackedBatch>, token: &CancellationToken) {
        let Group { batch, records, acks, permits } = group;
        let figures = self.queue.figures();
        match self.commit(&batch, token).await {
            Ok(receipt) => {
                figures.committed.fetch_add(records, Ordering::Relaxed);
                figures.commits.fetch_add(1, Ordering::Relaxed);
                drop(permits);
                answer(acks, Ok(()));
                self.publish(batch, &receipt);
            }
            Err(error) => self.give_up(&error, records, acks),
        }
    }

    fn give_up(&self, error: &StoreError, records: u64, acks: Acks) {
        self.queue.figures().refused_store.fetch_add(records, Ordering::Relaxed);
        tracing::error!(%error, records, "records could not be stored and were given up");
        answer(acks, Err(IngestError::Unavailable));
    }

    /// Commits, trying again for as long as the store is only out of reach.
    async fn commit(&self, batch: &PackedBatch, token: &CancellationToken) -> Result<CommitReceipt, StoreError> {
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

    fn publish(&self, batch: PackedBatch, receipt: &CommitReceipt) {
        for PackedSpans { tenant, spans, .. } in &batch.spans {
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

/// Puts together what waits.
fn group(waiting: Vec<Queued>) -> Group<CommitBatch> {
    let mut group = Group { batch: CommitBatch::default(), records: 0, acks: Vec::new(), permits: Vec::new() };
    for Queued { submission, _permit: permit, ack } in waiting {
        group.records += submission.records() as u64;
        by_tenant(&mut group.batch.logs, submission.logs);
        by_tenant(&mut group.batch.spans, submission.spans);
        group.batch.metrics.extend(submission.metrics);
        group.batch.endpoints.extend(submission.endpoints);
        group.acks.extend(ack);
        group.permits.push(permit);
    }
    group
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
