//! The hub: what was committed is published once to every reader of its tenant.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use app::model::{LogId, LogRecord, PipelineSummary, TenantId, Tick, live::TRACES_BEGUN_BITS};
use tokio::sync::broadcast;

/// A committed record with what filters and streams need of it, made once for all readers.
#[derive(Debug)]
pub struct LiveRecord {
    /// The record.
    pub record: LogRecord,
    /// Its attributes as JSON text: what searches look at.
    pub attributes: String,
    /// The record as JSON text: what streams send.
    pub json: String,
}

/// Records of one commit, their ids without a gap.
#[derive(Debug)]
pub struct LiveBatch {
    /// Id of the first record.
    pub first_id: LogId,
    /// Id of the last record.
    pub last_id: LogId,
    /// The records.
    pub records: Vec<LiveRecord>,
}

impl LiveBatch {
    /// Roughly what it takes in memory.
    fn size_bytes(&self) -> usize {
        let of = |live: &LiveRecord| {
            // The parsed record holds its texts a second time.
            2 * (live.json.len() + live.attributes.len()) + size_of::<LiveRecord>()
        };
        self.records.iter().map(of).sum()
    }
}

/// What the hub carries.
#[derive(Debug, Clone)]
pub enum HubEvent {
    /// Log records up to this one were committed. They are gone when a reader comes too late for them.
    Logs {
        /// The last of them.
        last_id: LogId,
        /// The records.
        batch: Weak<LiveBatch>,
    },
    /// A pipeline trace began or changed: its summary as JSON text.
    Pipeline(Arc<str>),
    /// So many traces have begun, as [`Hub::traces_begun`] counts.
    Traces(u64),
    /// Five seconds have passed: the tick as JSON text.
    Tick(Arc<str>),
}

/// Bytes of log records that are kept for the slow readers of a tenant; a reader that lies further behind misses the
/// oldest.
const KEPT_BYTES: usize = 32 * 1024 * 1024;

/// One tenant's readers, and the records that the slow ones among them have not had yet.
#[derive(Debug)]
struct Channel {
    sender: broadcast::Sender<HubEvent>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    batches: VecDeque<(Arc<LiveBatch>, usize)>,
    bytes: usize,
}

impl Kept {
    /// Keeps a batch, and as many before it as there is room for.
    fn push(&mut self, batch: Arc<LiveBatch>, most_batches: usize) {
        let bytes = batch.size_bytes();
        self.batches.push_back((batch, bytes));
        self.bytes += bytes;
        while self.batches.len() > 1 && (self.bytes > KEPT_BYTES || self.batches.len() > most_batches) {
            if let Some((_, bytes)) = self.batches.pop_front() {
                self.bytes -= bytes;
            }
        }
    }
}

/// Publishes to readers, tenant by tenant.
#[derive(Debug)]
pub struct Hub {
    tenants: RwLock<HashMap<TenantId, Channel>>,
    buffer_events: usize,
    max_streams: usize,
    streams: Arc<AtomicUsize>,
    /// How many traces of each tenant have begun.
    begun: Mutex<HashMap<TenantId, u64>>,
    /// Tells this run's count of traces from another's: the upper part of the number.
    run: u64,
}

/// A place among the open streams; given back when dropped.
#[derive(Debug)]
pub struct StreamPermit(Arc<AtomicUsize>);

impl Drop for StreamPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hub {
    /// A hub that keeps so many events for slow readers and so many streams open.
    pub fn new(buffer_events: usize, max_streams: usize) -> Self {
        let run = (u64::from(uuid::Uuid::new_v4().as_fields().1) & 0xfff) << TRACES_BEGUN_BITS;
        Self {
            tenants: RwLock::default(),
            buffer_events,
            max_streams,
            streams: Arc::default(),
            begun: Mutex::default(),
            run,
        }
    }

    /// Takes a place among the open streams; none when all are taken.
    pub fn try_open(&self) -> Option<StreamPermit> {
        let permit = StreamPermit(self.streams.clone());
        let open = self.streams.fetch_add(1, Ordering::Relaxed);
        (open < self.max_streams).then_some(permit)
    }

    /// How many streams are open.
    pub fn open_streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }

    /// What is published to the tenant from now on.
    pub fn subscribe(&self, tenant: TenantId) -> broadcast::Receiver<HubEvent> {
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        let channel = || Channel { sender: broadcast::channel(self.buffer_events).0, kept: Mutex::default() };
        tenants.entry(tenant).or_insert_with(channel).sender.subscribe()
    }

    /// Whether anybody would hear what is published to the tenant.
    pub fn has_readers(&self, tenant: TenantId) -> bool {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        tenants.get(&tenant).is_some_and(|channel| channel.sender.receiver_count() > 0)
    }

    /// Publishes committed records, in the order of commits.
    pub fn publish_logs(&self, tenant: TenantId, batch: LiveBatch) {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        let Some(channel) = tenants.get(&tenant) else { return };
        let batch = Arc::new(batch);
        let event = HubEvent::Logs { last_id: batch.last_id, batch: Arc::downgrade(&batch) };
        channel.kept.lock().unwrap_or_else(PoisonError::into_inner).push(batch, self.buffer_events);
        // An error says that nobody listens, which is fine.
        let _nobody = channel.sender.send(event);
    }

    /// Publishes a pipeline trace as it is now.
    pub fn publish_pipeline(&self, tenant: TenantId, summary: &PipelineSummary) {
        if let Ok(json) = serde_json::to_string(summary) {
            self.send(tenant, HubEvent::Pipeline(json.into()));
        }
    }

    /// Counts traces that began; readers hear of them with the next tick, as thousands may begin in a second.
    pub fn count_traces(&self, tenant: TenantId, traces: u64) {
        // Counted without readers, too: a page may ask before its stream is open.
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner).entry(tenant).or_default() += traces;
    }

    /// A number that grows with each trace of the tenant that begins; [`app::model::live::news`] compares two. Each run of
    /// the server has its own: another one's says nothing.
    pub fn traces_begun(&self, tenant: TenantId) -> u64 {
        self.run | self.begun.lock().unwrap_or_else(PoisonError::into_inner).get(&tenant).copied().unwrap_or_default()
    }

    /// Publishes a tick to every tenant, which holds nothing that belongs to one, and to each how many traces began.
    pub fn publish_tick(&self, tick: Tick) {
        let Ok(json) = serde_json::to_string(&tick) else { return };
        let event = HubEvent::Tick(json.into());
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        for (tenant, channel) in tenants.iter() {
            // An error says that nobody listens, which is fine.
            let _nobody = channel.sender.send(event.clone());
            if let Some(traces) = begun.get(tenant) {
                let _nobody = channel.sender.send(HubEvent::Traces(self.run | traces));
            }
        }
    }

    fn send(&self, tenant: TenantId, event: HubEvent) {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = tenants.get(&tenant) {
            // An error says that nobody listens, which is fine.
            let _nobody = channel.sender.send(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use app::model::live::news;

    use super::*;

    fn tick() -> Tick {
        Tick { at: app::model::UnixMillis(1), rps: 0.0, cpu_percent: 0.0, memory_percent: 0.0 }
    }

    #[tokio::test]
    async fn nothing_crosses_tenants() {
        let hub = Hub::new(8, 8);
        let (mut ours, mut theirs) = (hub.subscribe(TenantId(1)), hub.subscribe(TenantId(2)));
        hub.publish_logs(TenantId(2), LiveBatch { first_id: LogId(1), last_id: LogId(1), records: Vec::new() });
        hub.publish_tick(tick());
        assert!(matches!(ours.recv().await.unwrap(), HubEvent::Tick(_)));
        assert!(matches!(theirs.recv().await.unwrap(), HubEvent::Logs { last_id: LogId(1), .. }));
        assert!(!hub.has_readers(TenantId(3)));
    }

    #[tokio::test]
    async fn traces_are_told_with_the_tick_and_to_their_tenant() {
        let hub = Hub::new(8, 8);
        let (mut ours, mut theirs) = (hub.subscribe(TenantId(1)), hub.subscribe(TenantId(2)));
        let before = hub.traces_begun(TenantId(1));
        hub.count_traces(TenantId(1), 2);
        hub.count_traces(TenantId(1), 3);
        hub.count_traces(TenantId(3), 9);
        hub.publish_tick(tick());
        hub.publish_tick(tick());
        assert!(matches!(ours.recv().await.unwrap(), HubEvent::Tick(_)));
        let HubEvent::Traces(begun) = ours.recv().await.unwrap() else { panic!("the news") };
        assert_eq!((news(before, begun), news(begun, hub.traces_begun(TenantId(1)))), (5, 0));
        assert_eq!(news(Hub::new(1, 1).traces_begun(TenantId(1)) ^ (1 << TRACES_BEGUN_BITS), 7), 0);
        // Who comes later is told as well.
        assert!(matches!(ours.recv().await.unwrap(), HubEvent::Tick(_)));
        assert!(matches!(ours.recv().await.unwrap(), HubEvent::Traces(again) if again == begun));
        assert!(matches!(theirs.recv().await.unwrap(), HubEvent::Tick(_)));
        assert!(matches!(theirs.recv().await.unwrap(), HubEvent::Tick(_)));
        assert!(theirs.try_recv().is_err());
    }

    #[test]
    fn records_that_no_reader_takes_are_let_go() {
        let hub = Hub::new(4, 8);
        let _stalled = hub.subscribe(TenantId(1));
        let batches: Vec<_> = (1..=6)
            .map(|id| {
                let mut watched = hub.subscribe(TenantId(1));
                hub.publish_logs(
                    TenantId(1),
                    LiveBatch { first_id: LogId(id), last_id: LogId(id), records: Vec::new() },
                );
                let Ok(HubEvent::Logs { batch, .. }) = watched.try_recv() else { panic!("the batch of {id}") };
                batch
            })
            .collect();
        let kept: Vec<bool> = batches.iter().map(|batch| batch.upgrade().is_some()).collect();
        assert_eq!(kept, [false, false, true, true, true, true]);
    }

    #[test]
    fn places_are_limited_and_given_back() {
        let hub = Hub::new(8, 2);
        let first = hub.try_open();
        let second = hub.try_open();
        assert!(first.is_some() && second.is_some() && hub.try_open().is_none());
        drop(first);
        assert_eq!(hub.open_streams(), 1);
        assert!(hub.try_open().is_some());
    }
}
