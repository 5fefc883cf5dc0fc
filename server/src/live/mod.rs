//! The hub: what was committed is published once to every reader of its tenant.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use app::model::{LogId, LogRecord, PipelineSummary, TenantId, Tick};
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

/// What the hub carries.
#[derive(Debug, Clone)]
pub enum HubEvent {
    /// Log records were committed.
    Logs(Arc<LiveBatch>),
    /// A pipeline trace began or changed: its summary as JSON text.
    Pipeline(Arc<str>),
    /// Five seconds have passed: the tick as JSON text.
    Tick(Arc<str>),
}

/// Publishes to readers, tenant by tenant.
#[derive(Debug)]
pub struct Hub {
    tenants: RwLock<HashMap<TenantId, broadcast::Sender<HubEvent>>>,
    buffer_events: usize,
    max_streams: usize,
    streams: Arc<AtomicUsize>,
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
        Self { tenants: RwLock::default(), buffer_events, max_streams, streams: Arc::default() }
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
        tenants.entry(tenant).or_insert_with(|| broadcast::channel(self.buffer_events).0).subscribe()
    }

    /// Whether anybody would hear what is published to the tenant.
    pub fn has_readers(&self, tenant: TenantId) -> bool {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        tenants.get(&tenant).is_some_and(|sender| sender.receiver_count() > 0)
    }

    /// Publishes committed records, in the order of commits.
    pub fn publish_logs(&self, tenant: TenantId, batch: LiveBatch) {
        self.send(tenant, HubEvent::Logs(Arc::new(batch)));
    }

    /// Publishes a pipeline trace as it is now.
    pub fn publish_pipeline(&self, tenant: TenantId, summary: &PipelineSummary) {
        if let Ok(json) = serde_json::to_string(summary) {
            self.send(tenant, HubEvent::Pipeline(json.into()));
        }
    }

    /// Publishes a tick to every tenant: it holds nothing that belongs to one.
    pub fn publish_tick(&self, tick: Tick) {
        let Ok(json) = serde_json::to_string(&tick) else { return };
        let event = HubEvent::Tick(json.into());
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        for sender in tenants.values() {
            // An error says that nobody listens, which is fine.
            let _nobody = sender.send(event.clone());
        }
    }

    fn send(&self, tenant: TenantId, event: HubEvent) {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = tenants.get(&tenant) {
            // An error says that nobody listens, which is fine.
            let _nobody = sender.send(event);
        }
    }
}

#[cfg(test)]
mod tests {
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
        assert!(matches!(theirs.recv().await.unwrap(), HubEvent::Logs(_)));
        assert!(!hub.has_readers(TenantId(3)));
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
