//! Storage: one object-safe trait a domain, implemented on SQLite and on PostgreSQL.
//!
//! `sql/` holds what both engines run: ordinary modules that are compiled once under [`sqlite`] and once under
//! [`postgres`], each of which defines the names `Db` and `SqlStore` for its engine. An engine's own module holds
//! only what really differs: connecting, beginning a transaction, appending in bulk, sizes, retention of partitions.
//!
//! To add a domain: a table with a `tenant` column in a new migration on both sides, a trait here, its
//! implementation in `sql/`, a field in [`Stores`], and cases in `tests/it/conformance.rs`.
//!
//! Every method takes the tenant but those that keep house for all of them.

pub mod attributes;
pub mod bloom;
mod bulk;
pub mod column;
pub mod identity;
pub mod log;
pub mod merge;
pub mod postgres;
pub mod sketch;
pub mod span;
pub mod sqlite;
pub mod texts;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use app::model::{
    LogId, LogRecord, PipelineFilter, PipelineTrace, SpanId, TenantId, TimeRange, TraceId, UnixNanos,
    health::StoreSummary, pipeline::PipelineStats,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::{
    identity::IdentityStore,
    log::{LogMatcher, LogScan, NewLogRecord, ScanCoverage},
    sketch::Sketch,
    span::{NewSpan, SpanStore},
};
use crate::config::{Fsync, Secret, StoreConfig};

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine said no, or could not be reached.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A migration failed.
    #[error("the schema could not be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The database was written by a newer Console.
    #[error(
        "the database has schema version {found}, this binary knows up to {known}: it was written by a newer Console; \
         start that one, or restore a copy from before the upgrade"
    )]
    TooNew {
        /// Version found in the database.
        found: i64,
        /// Newest version that this binary knows.
        known: i64,
    },
    /// Stored bytes that cannot be read.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// The address of the store is not understood.
    #[error("`store.url` must begin with sqlite: or postgres://, got {0}")]
    UnknownEngine(String),
    /// The directory of the store cannot be used.
    #[error("the data directory {path} cannot be used: {source}")]
    DataDir {
        /// The directory.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A background task of the store died.
    #[error("a task of the store ended early: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Result of a store method.
pub type StoreResult<T> = Result<T, StoreError>;

/// Where a page of pipeline traces begins: after this row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PipelineCursor {
    /// `created_at` of the last row seen.
    pub created_at: DateTime<Utc>,
    /// Its id.
    pub id: Uuid,
}

/// Names one delivery of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryKey<'a> {
    /// Who delivers, e.g. `gitlab`.
    pub source: &'a str,
    /// What the sender calls this delivery; the same again when it tries again.
    pub key: &'a str,
}

/// What came of claiming a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is ours to process; its trace is stored.
    New,
    /// It was processed before, or is being processed now; this is its trace.
    Duplicate(Uuid),
}

/// A pipeline trace with what the store keeps beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPipeline {
    /// The trace.
    pub trace: PipelineTrace,
    /// Where its project lives on the web.
    pub project_url: Option<String>,
}

/// Values that occur in a tenant's pipeline traces, each sorted, at most 200.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PipelineChoices {
    /// Environments.
    pub environments: Vec<String>,
    /// Target tenants.
    pub tenants: Vec<String>,
    /// Trigger types.
    pub trigger_types: Vec<String>,
}

/// Pipeline traces and the deliveries that made them.
#[async_trait]
pub trait PipelineStore: Send + Sync {
    /// Stores a new trace, and with it the claim on its delivery: both or neither.
    ///
    /// A delivery that failed, or whose processing began before `stale_before` and never ended, is claimed anew.
    async fn begin(
        &self,
        tenant: TenantId,
        pipeline: &StoredPipeline,
        delivery: Option<DeliveryKey<'_>>,
        stale_before: DateTime<Utc>,
    ) -> StoreResult<Claim>;
    /// Stores the trace as it is now. With a delivery, its processing ends: well, or so that it may be tried again.
    async fn save(
        &self,
        tenant: TenantId,
        pipeline: &StoredPipeline,
        delivery: Option<(DeliveryKey<'_>, bool)>,
    ) -> StoreResult<()>;
    /// Ends what began before `stale_before` and was never saved again, in every tenant: those traces fail, and their
    /// deliveries may be tried again. Says how many traces there were.
    async fn end_interrupted(&self, stale_before: DateTime<Utc>, now: DateTime<Utc>) -> StoreResult<u64>;
    /// Stores finished traces, all or none.
    async fn insert(&self, tenant: TenantId, pipelines: &[StoredPipeline]) -> StoreResult<()>;
    /// Rows that match, newest first.
    async fn list(
        &self,
        tenant: TenantId,
        filter: &PipelineFilter,
        range: Option<TimeRange>,
        after: Option<PipelineCursor>,
        limit: u32,
    ) -> StoreResult<Vec<PipelineTrace>>;
    /// Counts over the rows that match.
    async fn stats(
        &self,
        tenant: TenantId,
        filter: &PipelineFilter,
        range: Option<TimeRange>,
    ) -> StoreResult<PipelineStats>;
    /// One trace.
    async fn get(&self, tenant: TenantId, id: Uuid) -> StoreResult<Option<StoredPipeline>>;
    /// The traces right before and right after this one: (newer, older).
    async fn neighbours(&self, tenant: TenantId, trace: &PipelineTrace) -> StoreResult<(Option<Uuid>, Option<Uuid>)>;
    /// What there is to choose from in filters.
    async fn choices(&self, tenant: TenantId) -> StoreResult<PipelineChoices>;
    /// How many traces came from this source.
    async fn count_source(&self, tenant: TenantId, trigger_source: &str) -> StoreResult<u64>;
    /// Removes the traces that came from this source and says how many.
    async fn remove_source(&self, tenant: TenantId, trigger_source: &str) -> StoreResult<u64>;
}

/// Which part of a tenant's log is wanted.
#[derive(Debug, Clone)]
pub struct LogSelection {
    /// Which records.
    pub matcher: LogMatcher,
    /// From this instant on.
    pub from: UnixNanos,
    /// Up to before this instant.
    pub to: UnixNanos,
    /// Only records before this one in the order (time, id).
    pub before: Option<(UnixNanos, LogId)>,
    /// At most so many records.
    pub limit: usize,
    /// Counting what matches may stop at so many; 0 counts nothing.
    pub count_bound: u64,
}

/// What was found of a [`LogSelection`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogSlice {
    /// Newest first by (time, id).
    pub records: Vec<LogRecord>,
    /// There are older ones.
    pub has_more: bool,
    /// How many match in the range, whatever `before` says.
    pub matched: u64,
    /// Counting stopped at the bound.
    pub matched_is_partial: bool,
    /// Services with records in the range, sorted.
    pub services: Vec<String>,
    /// The search ended before the page was full, as it had taken all the effort that it was given: what happened at
    /// this time or before has not been looked at. Then there may be older ones.
    pub ended_at: Option<UnixNanos>,
}

/// Log records.
#[async_trait]
pub trait LogStore: Send + Sync {
    /// Searches by time, newest first, however long it takes.
    async fn search(&self, tenant: TenantId, selection: LogSelection) -> StoreResult<LogSlice> {
        self.search_within(tenant, selection, u64::MAX).await
    }
    /// Searches by time, newest first, until about so many bytes have been unpacked. Each call makes some way: who goes
    /// on where the call before has ended comes to the end.
    async fn search_within(
        &self,
        tenant: TenantId,
        selection: LogSelection,
        effort_bytes: u64,
    ) -> StoreResult<LogSlice>;
    /// Records after this place in the order (time, id) that match, oldest first, at most `limit`.
    async fn following(
        &self,
        tenant: TenantId,
        matcher: &LogMatcher,
        place: (UnixNanos, LogId),
        limit: usize,
    ) -> StoreResult<Vec<LogRecord>>;
    /// One record.
    async fn record(&self, tenant: TenantId, id: LogId) -> StoreResult<Option<LogRecord>>;
    /// Shows the blocks of a range to a scan. Where the scan wants to see more records than `most_records`, it sees an
    /// evenly spread part of the blocks.
    async fn scan(
        &self,
        tenant: TenantId,
        from: UnixNanos,
        to: UnixNanos,
        most_records: u64,
        scan: Arc<Mutex<dyn LogScan>>,
    ) -> StoreResult<ScanCoverage>;
    /// Records after `after` that match, in the order of ids, until `limit` are found; also the last id looked at.
    async fn after(
        &self,
        tenant: TenantId,
        after: LogId,
        matcher: &LogMatcher,
        limit: usize,
    ) -> StoreResult<(Vec<LogRecord>, LogId)>;
    /// The newest id given out; 0 when the log is empty.
    async fn head(&self, tenant: TenantId) -> StoreResult<LogId>;
    /// Merges small neighbouring blocks into larger ones, at most so many merges; says how many were made.
    async fn compact(&self, merges: usize) -> StoreResult<usize>;
}

/// How fine stored figures are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleResolution {
    /// Every sample.
    Raw,
    /// Five-minute summaries.
    FiveMinutes,
    /// Summaries by hour.
    Hour,
}

impl SampleResolution {
    /// All that are summaries.
    pub const SUMMARIES: [Self; 2] = [Self::FiveMinutes, Self::Hour];

    /// Length of a slice; nothing for samples themselves.
    pub fn seconds(self) -> Option<i64> {
        match self {
            Self::Raw => None,
            Self::FiveMinutes => Some(300),
            Self::Hour => Some(3600),
        }
    }
}

/// A series of the Prometheus data model.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SeriesKey {
    /// Metric name.
    pub name: String,
    /// Labels, sorted by name.
    pub labels: std::collections::BTreeMap<String, String>,
}

impl SeriesKey {
    /// A series with these labels.
    pub fn new(name: &str, labels: &[(&str, &str)]) -> Self {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Self { name: name.to_owned(), labels }
    }
}

/// A sample, or the summary of five minutes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When; the start of the slice for a summary.
    pub time: UnixNanos,
    /// The value; the mean for a summary.
    pub value: f64,
    /// The value; the last one for a summary. Rates of counters need it.
    pub last: f64,
    /// By how much a summary's values differ: what a counter that did not begin anew has grown by. Zero for a sample.
    pub spread: f64,
}

/// A series with its points, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesPoints {
    /// Which series.
    pub key: SeriesKey,
    /// Its points.
    pub points: Vec<Point>,
}

/// Series and samples.
#[async_trait]
pub trait MetricStore: Send + Sync {
    /// Points of all series with one of these names.
    async fn points(
        &self,
        tenant: TenantId,
        names: &[&str],
        from: UnixNanos,
        to: UnixNanos,
        resolution: SampleResolution,
    ) -> StoreResult<Vec<SeriesPoints>>;
    /// Samples of all series with one of these names, summed up by slices of `step_nanos` that begin at `from`: a point
    /// is at the time of the newest sample of its slice.
    async fn slices(
        &self,
        tenant: TenantId,
        names: &[&str],
        from: UnixNanos,
        to: UnixNanos,
        step_nanos: i64,
    ) -> StoreResult<Vec<SeriesPoints>>;
    /// The newest point of each series with one of these names, not older than `from`.
    async fn latest(&self, tenant: TenantId, names: &[&str], from: UnixNanos) -> StoreResult<Vec<SeriesPoints>>;
    /// Exemplars of all series with this name, at most the newest `limit` of each; series without any are left out.
    async fn exemplars(
        &self,
        tenant: TenantId,
        name: &str,
        from: UnixNanos,
        to: UnixNanos,
        limit: usize,
    ) -> StoreResult<Vec<SeriesExemplars>>;
}

/// Slices in which endpoint figures are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RollupResolution {
    /// One minute.
    Minute,
    /// One hour.
    Hour,
    /// One day.
    Day,
}

impl RollupResolution {
    /// All, finest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// Length in seconds: what the column `resolution` holds.
    pub fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }

    /// Length in nanoseconds.
    pub fn nanos(self) -> i64 {
        self.seconds() * 1_000_000_000
    }

    /// Start of the slice that holds this instant.
    pub fn floor(self, time: UnixNanos) -> UnixNanos {
        UnixNanos(time.0.div_euclid(self.nanos()) * self.nanos())
    }
}

/// Names an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointKey {
    /// What serves it.
    pub service: String,
    /// HTTP method.
    pub method: String,
    /// Normalised route.
    pub route: String,
}

/// Requests of one endpoint in one slice.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rollup {
    /// All requests.
    pub requests: u64,
    /// By class of status: 2xx, 3xx, 4xx, 5xx.
    pub by_class: [u64; 4],
    /// Durations in milliseconds.
    pub sketch: Sketch,
}

impl Rollup {
    /// Counts one request.
    pub fn add(&mut self, status: u16, duration_ms: f64) {
        self.requests += 1;
        if let Some(class) = usize::from(status / 100).checked_sub(2).filter(|class| *class < 4) {
            self.by_class[class] += 1;
        }
        self.sketch.add(duration_ms);
    }

    /// Adds what another slice or endpoint counted.
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        for (sum, count) in self.by_class.iter_mut().zip(other.by_class) {
            *sum += count;
        }
        self.sketch.merge(&other.sketch);
    }

    /// Answers with status 5xx.
    pub fn errors(&self) -> u64 {
        self.by_class[3]
    }

    /// Share of answers with status 5xx, in percent.
    pub fn error_percent(&self) -> f64 {
        if self.requests == 0 { 0.0 } else { self.errors() as f64 * 100.0 / self.requests as f64 }
    }
}

/// Which roll-ups are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollupRange {
    /// How fine.
    pub resolution: RollupResolution,
    /// Slices that begin at or after this instant.
    pub from: UnixNanos,
    /// Slices that begin before this instant.
    pub to: UnixNanos,
}

/// Endpoint roll-ups.
#[async_trait]
pub trait EndpointStore: Send + Sync {
    /// All endpoints together, a row a slice, oldest first.
    async fn totals(&self, tenant: TenantId, range: RollupRange) -> StoreResult<Vec<(UnixNanos, Rollup)>>;
    /// Each endpoint, its slices in the ranges merged.
    async fn by_endpoint(&self, tenant: TenantId, ranges: &[RollupRange]) -> StoreResult<Vec<(EndpointKey, Rollup)>>;
    /// Requests of each endpoint, the range cut into so many slices: (endpoint, first roll-up of the slice, requests).
    /// A slice without requests has no row.
    async fn counts(
        &self,
        tenant: TenantId,
        range: RollupRange,
        slices: u32,
    ) -> StoreResult<Vec<(EndpointKey, UnixNanos, u64)>>;
}

/// A sample on its way in.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSample {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which series.
    pub series: SeriesKey,
    /// When.
    pub time: UnixNanos,
    /// The value.
    pub value: f64,
    /// A measurement that stands for those that the sample counts.
    pub exemplar: Option<Box<Exemplar>>,
}

impl NewSample {
    /// Bytes that it keeps in memory, about.
    pub fn size(&self) -> usize {
        let exemplar = self.exemplar.as_ref().map_or(0, |exemplar| 128 + label_bytes(&exemplar.labels));
        192 + self.series.name.len() + label_bytes(&self.series.labels) + exemplar
    }
}

fn label_bytes(labels: &BTreeMap<String, String>) -> usize {
    labels.iter().map(|(name, value)| 64 + name.len() + value.len()).sum()
}

/// One of the measurements that a sample counts, most often with the trace it was taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// When it was measured.
    pub time: UnixNanos,
    /// What was measured.
    pub value: f64,
    /// The trace.
    pub trace_id: Option<TraceId>,
    /// The span of that trace.
    pub span_id: Option<SpanId>,
    /// What the series of the sample does not say.
    pub labels: BTreeMap<String, String>,
}

/// The exemplars of a series, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesExemplars {
    /// Which series.
    pub key: SeriesKey,
    /// What stands for its samples.
    pub exemplars: Vec<Exemplar>,
}

/// What happened at an endpoint within a minute, on its way in.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointDelta {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which endpoint.
    pub endpoint: EndpointKey,
    /// An instant inside the minute.
    pub time: UnixNanos,
    /// What to add.
    pub rollup: Rollup,
}

/// Everything that one group commit writes.
#[derive(Debug, Default)]
pub struct CommitBatch {
    /// Which writer process, and its how-manieth commit: a commit is made once, however often it is asked for.
    pub writer: Uuid,
    /// Number of this commit, growing.
    pub sequence: i64,
    /// Log records by tenant, each tenant once.
    pub logs: Vec<(TenantId, Vec<NewLogRecord>)>,
    /// Spans by tenant, each tenant once. Shared: they are packed on another thread.
    pub spans: Vec<(TenantId, Arc<Vec<NewSpan>>)>,
    /// Samples.
    pub samples: Vec<NewSample>,
    /// Endpoint figures.
    pub endpoints: Vec<EndpointDelta>,
}

/// What a commit gave out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CommitReceipt {
    /// The first id of each tenant's log records; the others follow without a gap.
    pub first_log_ids: Vec<(TenantId, LogId)>,
}

/// The group-commit writer's side of the store.
#[async_trait]
pub trait IngestStore: Send + Sync {
    /// Writes the batch in one transaction. Asked again after an error it finds out whether the first time succeeded.
    async fn commit(&self, batch: &CommitBatch, now: DateTime<Utc>) -> StoreResult<CommitReceipt>;
}

/// What retention removed of one signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removed {
    /// Rows (for logs: records).
    pub rows: u64,
    /// Whether older data remains: another call goes on.
    pub more: bool,
}

/// Signals with a retention of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Pipeline traces and webhook deliveries.
    Pipelines,
    /// Log records.
    Logs,
    /// Traces, their spans, and the figures of their operations.
    Traces,
    /// Samples and their summaries.
    Samples,
    /// Endpoint roll-ups.
    Endpoints,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pipelines, Self::Logs, Self::Traces, Self::Samples, Self::Endpoints];

    /// Name in logs and figures.
    pub fn key(self) -> &'static str {
        match self {
            Self::Pipelines => "pipelines",
            Self::Logs => "logs",
            Self::Traces => "traces",
            Self::Samples => "samples",
            Self::Endpoints => "endpoints",
        }
    }
}

/// The store as a whole.
#[async_trait]
pub trait AdminStore: Send + Sync {
    /// Answers when the store answers.
    async fn ping(&self) -> StoreResult<()>;
    /// Engine, size and connections.
    async fn summary(&self) -> StoreResult<StoreSummary>;
    /// Removes a small batch of what is older than `before`, so that writers never wait long.
    async fn remove_before(&self, signal: Signal, before: UnixNanos) -> StoreResult<Removed>;
    /// Every tenant.
    async fn tenants(&self) -> StoreResult<Vec<TenantId>>;
    /// Finishes what is written and closes the connections.
    async fn close(&self);
}

/// All stores of the chosen engine.
#[derive(Clone)]
pub struct Stores {
    /// Pipeline traces.
    pub pipelines: Arc<dyn PipelineStore>,
    /// Log records.
    pub logs: Arc<dyn LogStore>,
    /// Traces and spans.
    pub spans: Arc<dyn SpanStore>,
    /// Series and samples.
    pub metrics: Arc<dyn MetricStore>,
    /// Endpoint roll-ups.
    pub endpoints: Arc<dyn EndpointStore>,
    /// People, sessions, keys, audit.
    pub identity: Arc<dyn IdentityStore>,
    /// Group commit.
    pub ingest: Arc<dyn IngestStore>,
    /// The whole.
    pub admin: Arc<dyn AdminStore>,
}

impl Stores {
    /// Opens the configured store, creates it if it is missing, and brings its schema up to date.
    pub async fn open(config: &StoreConfig) -> StoreResult<Self> {
        match config.url.as_ref().map(Secret::expose) {
            None => {
                std::fs::create_dir_all(&config.data_dir)
                    .map_err(|source| StoreError::DataDir { path: config.data_dir.display().to_string(), source })?;
                let file = config.data_dir.join("console.db");
                Ok(Self::all(sqlite::SqlStore::open(&file, config.fsync == Fsync::Full, config.readers).await?))
            }
            Some(url) if url.starts_with("sqlite:") => {
                let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
                Ok(Self::all(sqlite::SqlStore::open(path.as_ref(), config.fsync == Fsync::Full, config.readers).await?))
            }
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Self::all(postgres::SqlStore::open(url, config.readers + 2).await?))
            }
            Some(url) => {
                let scheme = url.split(':').next().unwrap_or_default();
                Err(StoreError::UnknownEngine(format!("{scheme}:…")))
            }
        }
    }

    fn all<S>(store: S) -> Self
    where
        S: PipelineStore
            + LogStore
            + SpanStore
            + MetricStore
            + EndpointStore
            + IngestStore
            + IdentityStore
            + AdminStore
            + 'static,
    {
        let store = Arc::new(store);
        Self {
            pipelines: store.clone(),
            logs: store.clone(),
            spans: store.clone(),
            metrics: store.clone(),
            endpoints: store.clone(),
            identity: store.clone(),
            ingest: store.clone(),
            admin: store,
        }
    }
}

/// Refuses a database that was written by a newer binary.
fn refuse_newer(applied: Option<i64>, migrator: &sqlx::migrate::Migrator) -> StoreResult<()> {
    let known = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
    match applied {
        Some(found) if found > known => Err(StoreError::TooNew { found, known }),
        _ => Ok(()),
    }
}

/// How long a caller waits for a connection before the store counts as unreachable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Filters of blocks by the block's row, within 32 MiB.
type FilterCache = moka::sync::Cache<i64, Arc<[u8]>>;

fn filter_cache() -> FilterCache {
    let size = |_: &i64, filter: &Arc<[u8]>| u32::try_from(filter.len()).unwrap_or(u32::MAX);
    moka::sync::Cache::builder().weigher(size).max_capacity(32 << 20).build()
}

/// Threads that one search unpacks blocks with.
fn threads() -> usize {
    /// Of machines that have more.
    const MOST: usize = 8;
    static THREADS: OnceLock<usize> = OnceLock::new();
    *THREADS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from).min(MOST))
}
