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
mod commit;
mod dashboard;
mod endpoint;
pub mod identity;
pub mod log;
pub mod merge;
mod metric;
mod pipeline;
pub mod postgres;
pub mod sample;
mod scrape;
pub mod sketch;
pub mod span;
pub mod sqlite;
pub mod texts;

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use app::model::{LogId, LogRecord, TenantId, UnixNanos, health::StoreSummary};
use async_trait::async_trait;
use uuid::Uuid;

use self::{
    identity::IdentityStore,
    log::{LogMatcher, LogScan, ScanCoverage},
    span::SpanStore,
};
use crate::config::{Fsync, Secret, StoreConfig};
pub use commit::{CommitBatch, CommitReceipt, IngestStore, PackedBatch, PackedSpans};
pub use dashboard::{DashboardKept, DashboardStore, StoredDashboard};
pub use endpoint::{EndpointDelta, EndpointId, EndpointKey, EndpointStore, Rollup, RollupRange, RollupResolution};
pub use metric::{
    Exemplar, Metadata, MetricStore, NewExemplar, NewMetrics, NewSample, Receipt, SeriesBatches, SeriesExemplars,
    collect,
};
pub use pipeline::{Claim, DeliveryKey, PipelineChoices, PipelineCursor, PipelineStore, StoredPipeline};
pub use scrape::{Kept, NotedState, ScrapeStore, StoredTarget};

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
    /// A block that another runner has merged or removed meanwhile; asked again, its records are found where they are now.
    #[error("block {0} is not there any more")]
    Gone(i64),
    /// A matcher of series is not understood.
    #[error("a regular expression is not understood: {0}")]
    Matcher(String),
    /// More was asked for than one answer may hold.
    #[error("there is more than {0} of it: ask for less")]
    TooMuch(usize),
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
    /// Samples and exemplars.
    Samples,
    /// Roll-ups of samples.
    RollUps,
    /// Series of which nothing is kept any more.
    Series,
    /// Endpoint roll-ups.
    Endpoints,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Pipelines, Self::Logs, Self::Traces, Self::Samples, Self::RollUps, Self::Series, Self::Endpoints];

    /// Name in logs and figures.
    pub fn key(self) -> &'static str {
        match self {
            Self::Pipelines => "pipelines",
            Self::Logs => "logs",
            Self::Traces => "traces",
            Self::Samples => "samples",
            Self::RollUps => "rollups",
            Self::Series => "series",
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
    /// Takes up, for so many seconds, what only one Console of those that share a store does, or goes on with it; false
    /// when another one does it.
    async fn hold_duty(&self, name: &str, holder: Uuid, seconds: u32) -> StoreResult<bool>;
    /// Gives up what it does, so that another one need not wait.
    async fn leave_duty(&self, name: &str, holder: Uuid) -> StoreResult<()>;
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
    /// Targets that are scraped.
    pub scrapes: Arc<dyn ScrapeStore>,
    /// Dashboards that people make.
    pub dashboards: Arc<dyn DashboardStore>,
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
            + ScrapeStore
            + DashboardStore
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
            scrapes: store.clone(),
            dashboards: store.clone(),
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

/// Threads that one search unpacks blocks with.
fn threads() -> usize {
    /// Of machines that have more.
    const MOST: usize = 8;
    static THREADS: OnceLock<usize> = OnceLock::new();
    *THREADS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from).min(MOST))
}
