//! The use cases: what REST handlers and server functions both call. Implements the port of the `app` crate.

mod comparison;
mod dashboards;
mod errors;
mod explorer;
mod figures;
pub mod identity;
pub mod logs;
mod machine_metrics;
mod metrics;
mod monitoring;
mod otlp;
mod outline;
mod overview;
mod own_metrics;
mod performance;
mod pipeline_spans;
mod pipelines;
pub mod promql;
mod scrape;
mod service_map;
mod settings;
mod status;
mod traces;
mod webhook;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use app::{
    api::{ApiError, ErrorCode},
    model::{StatusLevel, TenantId, TraceId, UnixMillis},
};
use chrono::{DateTime, Utc};
pub use errors::{ErrorSnapshot, StoredSnapshot};
pub use machine_metrics::{MachineReport, TakenReport, TakenStatus};
pub use pipelines::parse_pipeline_cursor;
use tokio::sync::Semaphore;
use uuid::Uuid;
pub use webhook::{WebhookAnswer, WebhookDelivery, WebhookError, WebhookOutcome};

use self::metrics::{Described, SeriesRoom};
use crate::{
    activity::Activity,
    clock::SharedClock,
    config::Config,
    ingest::IngestQueue,
    lifecycle::Supervisor,
    live::Hub,
    otlp::DeltaStreams,
    pipeline::target::PathPattern,
    remote_write::KnownSeries,
    scrape::Scraper,
    store::{StoreError, Stores},
    telemetry::{EndpointRecorder, OwnMetrics, SelfLog},
};

/// Bodies that are unpacked at once.
const UNPACKED_AT_ONCE: usize = 4;

/// Everything that the use cases need; shared by all requests.
pub struct Services {
    /// The store.
    pub stores: Stores,
    /// The way in.
    pub ingest: IngestQueue,
    /// The live hub.
    pub hub: Arc<Hub>,
    /// The time.
    pub clock: SharedClock,
    /// The settings.
    pub config: Arc<Config>,
    /// Console's own metrics.
    pub metrics: OwnMetrics,
    /// Figures of Console's own endpoints.
    pub recorder: Arc<EndpointRecorder>,
    /// Console's own log.
    pub self_log: Arc<SelfLog>,
    /// Background tasks.
    pub supervisor: Supervisor,
    /// When the server started.
    pub started_at: DateTime<Utc>,
    /// Turns to unpack what programs send: each may take a hundred megabytes.
    pub unpacking: Arc<Semaphore>,
    /// Sums of the metrics that come as deltas.
    pub deltas: Arc<DeltaStreams>,
    /// Series that remote write has brought before.
    pub known_series: Arc<KnownSeries>,
    /// Room for series, by tenant.
    pub series_room: SeriesRoom,
    /// What scrapes share.
    pub scraper: Arc<Scraper>,
    /// Dashboards that are files.
    dashboard_files: dashboards::DashboardFiles,
    /// Texts that machines reported last.
    last_texts: machine_metrics::LastTexts,
    /// What is said of metrics.
    described: Described,
    /// Turns to answer a `PromQL` query: each keeps a thread, and a connection to the store, busy.
    querying: Arc<Semaphore>,
    /// Whether somebody is asking.
    pub activity: Activity,
    /// Sessions, keys and their limits.
    pub identity: Arc<identity::Identity>,
    /// Outlines of traces that are being looked at.
    outlines: traces::OutlineCache,
    /// Figures of endpoints over long ranges.
    endpoint_figures: performance::FiguresCache,
    pattern: PathPattern,
    /// Since when the banner says what it says; only for show.
    status_since: Mutex<HashMap<TenantId, (StatusLevel, Option<UnixMillis>)>>,
}

/// The parts that [`Services`] is made of.
pub struct Parts {
    /// The store.
    pub stores: Stores,
    /// The way in.
    pub ingest: IngestQueue,
    /// The live hub.
    pub hub: Arc<Hub>,
    /// The time.
    pub clock: SharedClock,
    /// The settings.
    pub config: Arc<Config>,
    /// Console's own log.
    pub self_log: Arc<SelfLog>,
    /// Background tasks.
    pub supervisor: Supervisor,
}

impl Services {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { stores, ingest, hub, clock, config, self_log, supervisor } = parts;
        Arc::new(Self {
            started_at: clock.now_utc(),
            pattern: PathPattern::new(&config.webhooks.path_pattern),
            metrics: OwnMetrics::default(),
            recorder: Arc::new(EndpointRecorder::default()),
            outlines: traces::outline_cache(),
            endpoint_figures: performance::figures_cache(),
            status_since: Mutex::default(),
            unpacking: Arc::new(Semaphore::new(UNPACKED_AT_ONCE)),
            deltas: Arc::default(),
            known_series: Arc::default(),
            series_room: SeriesRoom::default(),
            scraper: Arc::new(Scraper::new(&config)),
            dashboard_files: dashboards::DashboardFiles::new(config.dashboards.directory.clone()),
            last_texts: machine_metrics::LastTexts::default(),
            described: Described::default(),
            querying: Arc::new(Semaphore::new((config.store.readers as usize / 2).max(1))),
            activity: Activity::default(),
            identity: Arc::new(identity::Identity::new(stores.identity.clone(), clock.clone(), config.auth.clone())),
            stores,
            ingest,
            hub,
            clock,
            config,
            self_log,
            supervisor,
        })
    }

    /// The port that server functions call.
    pub fn port(self: &Arc<Self>, docs: app::api::Docs) -> app::api::Console {
        app::api::Console {
            pipelines: self.clone(),
            logs: self.clone(),
            traces: self.clone(),
            map: self.clone(),
            metrics: self.clone(),
            overview: self.clone(),
            performance: self.clone(),
            identity: self.identity.clone(),
            scrapes: self.clone(),
            dashboards: self.clone(),
            settings: self.clone(),
            docs,
        }
    }

    /// Seconds since the server started.
    pub fn uptime_seconds(&self) -> u64 {
        (self.clock.now_utc() - self.started_at).num_seconds().max(0).unsigned_abs()
    }
}

/// Logs a failure of the store once, and says what the caller may know.
fn store_failed(error: StoreError) -> ApiError {
    tracing::error!(%error, "the store failed");
    match error {
        StoreError::Database(
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Tls(_),
        ) => ApiError::new(ErrorCode::Unavailable, "the store cannot be reached right now; try again in a few seconds"),
        _ => ApiError::internal(),
    }
}

/// A cursor: an instant and an id, opaque to callers.
fn write_cursor(micros_or_nanos: i64, id: u128) -> String {
    format!("{micros_or_nanos:x}.{id:x}")
}

fn read_cursor(text: &str) -> Result<(i64, u128), ApiError> {
    let parse = || {
        let (time, id) = text.split_once('.')?;
        let negative = time.starts_with('-');
        let time = i64::from_str_radix(time.trim_start_matches('-'), 16).ok()?;
        Some((if negative { -time } else { time }, u128::from_str_radix(id, 16).ok()?))
    };
    parse().ok_or_else(|| ApiError::invalid("cursor", "not a cursor that this server gave out"))
}

/// A trace id as the pipeline model has it.
fn pipeline_id(trace: TraceId) -> Uuid {
    trace.as_uuid()
}
