//! The embedded engine: SQLite in WAL mode with one writing connection and a pool of readers.

use std::{path::Path, sync::atomic::AtomicBool, time::Duration};

use app::model::{TenantId, UnixNanos, health::StoreSummary};
use async_trait::async_trait;
use sqlx::{
    ConnectOptions as _, Pool, Sqlite, Transaction,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{ACQUIRE_TIMEOUT, AdminStore, Removed, Signal, StoreResult, refuse_newer};

mod checkpoint;

#[path = "../sql/blob.rs"]
mod blob;
#[path = "../sql/dashboard.rs"]
mod dashboard;
#[path = "../sql/endpoint.rs"]
mod endpoint;
#[path = "../sql/filters.rs"]
mod filters;
#[path = "../sql/house.rs"]
mod house;
#[path = "../sql/identity.rs"]
mod identity;
#[path = "../sql/ingest.rs"]
mod ingest;
#[path = "../sql/log.rs"]
mod log;
#[path = "../sql/log_scan.rs"]
mod log_scan;
#[path = "../sql/log_search.rs"]
mod log_search;
#[path = "../sql/metric.rs"]
mod metric;
#[path = "../sql/pipeline.rs"]
mod pipeline;
#[path = "../sql/sample.rs"]
mod sample;
#[path = "../sql/sample_read.rs"]
mod sample_read;
#[path = "../sql/sample_tidy.rs"]
mod sample_tidy;
#[path = "../sql/scrape.rs"]
mod scrape;
#[path = "../sql/series.rs"]
mod series;
#[path = "../sql/span.rs"]
mod span;
#[path = "../sql/span_calls.rs"]
mod span_calls;
#[path = "../sql/span_commit.rs"]
mod span_commit;
#[path = "../sql/span_rollup.rs"]
mod span_rollup;
#[path = "../sql/span_search.rs"]
mod span_search;

/// Rows that a statement may be ahead of whoever reads them: each wait for the other costs a change of threads.
const ROW_BUFFER: usize = 1024;

/// The engine that the modules of `sql/` are compiled for here.
type Db = Sqlite;

/// What stands before and after the labels of a series where they are looked up: the labels themselves.
const LABELS_KEY: (&str, &str) = ("", "");

static MIGRATOR: Migrator = sqlx::migrate!("../migrations/sqlite");

/// The store on SQLite.
pub struct SqlStore {
    writer: Pool<Db>,
    reader: Pool<Db>,
    series: super::sample::index::SeriesIndex,
    head: Mutex<super::sample::head::Head>,
    has_no_old_rows: AtomicBool,
    unreadable_windows: sample_tidy::UnreadableWindows,
    names: span_commit::NameCache,
    pairings: super::span::Pairings,
    log_filters: filters::Filters,
    span_filters: filters::Filters,
    unreadable_logs: super::merge::Unreadable,
    unreadable_spans: super::merge::Unreadable,
    checkpointer: checkpoint::Checkpointer,
}

impl SqlStore {
    /// Opens or creates the database file and brings its schema up to date.
    ///
    /// `full_fsync` makes a commit survive a power cut; without it a commit survives the death of the process.
    pub async fn open(file: &Path, full_fsync: bool, readers: u32) -> StoreResult<Self> {
        let synchronous = if full_fsync { SqliteSynchronous::Full } else { SqliteSynchronous::Normal };
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .foreign_keys(true)
            .busy_timeout(ACQUIRE_TIMEOUT)
            .pragma("temp_store", "memory")
            .optimize_on_close(true, 400)
            // A slow commit of log records must not become a log record.
            .row_buffer_size(ROW_BUFFER)
            .disable_statement_logging();
        let pool = || SqlitePoolOptions::new().acquire_timeout(ACQUIRE_TIMEOUT).idle_timeout(Duration::from_mins(10));
        // What one commit changes, far apart as the ids of traces are, should fit.
        let writer =
            options.clone().pragma("cache_size", "-32000").pragma("wal_autocheckpoint", checkpoint::MOST_PAGES);
        let writer = pool().max_connections(1).connect_with(writer).await?;
        let applied = applied_version(&writer).await?;
        refuse_newer(applied, &MIGRATOR)?;
        MIGRATOR.run(&writer).await?;
        let checkpointer = checkpoint::Checkpointer::start(options.clone()).await?;
        // What a reader keeps is worth nothing after the next commit.
        let reader = options.pragma("cache_size", "-2000").read_only(true);
        let reader = pool().max_connections(readers).connect_with(reader).await?;
        Ok(Self {
            writer,
            reader,
            series: super::sample::index::SeriesIndex::default(),
            head: Mutex::default(),
            has_no_old_rows: AtomicBool::default(),
            unreadable_windows: sample_tidy::UnreadableWindows::default(),
            names: span_commit::NameCache::default(),
            pairings: super::span::Pairings::default(),
            log_filters: filters::Filters::new(blob::LOG_FILTERS),
            span_filters: filters::Filters::new(blob::SPAN_FILTERS),
            unreadable_logs: super::merge::Unreadable::default(),
            unreadable_spans: super::merge::Unreadable::default(),
            checkpointer,
        })
    }

    /// Begins a transaction that will write: it waits for its turn now, not in the middle.
    async fn begin_write(&self) -> sqlx::Result<Transaction<'static, Db>> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    /// Begins the group commit.
    async fn begin_commit(&self) -> sqlx::Result<Transaction<'static, Db>> {
        self.begin_write().await
    }

    /// What follows a group commit that has written about so many bytes.
    fn committed(&self, bytes: usize) {
        self.checkpointer.wrote(bytes);
    }

    /// Begins a transaction that sees one state of the database throughout.
    async fn begin_read(&self) -> sqlx::Result<Transaction<'static, Db>> {
        self.reader.begin().await
    }
}

async fn applied_version(pool: &Pool<Db>) -> StoreResult<Option<i64>> {
    let table: Option<(i64,)> =
        sqlx::query_as("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'")
            .fetch_optional(pool)
            .await?;
    if table.is_none() {
        return Ok(None);
    }
    let (version,): (Option<i64>,) =
        sqlx::query_as("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(pool).await?;
    Ok(version)
}

#[async_trait]
impl AdminStore for SqlStore {
    async fn ping(&self) -> StoreResult<()> {
        sqlx::query("SELECT next_id FROM log_heads LIMIT 1").execute(&self.reader).await?;
        Ok(())
    }

    async fn summary(&self) -> StoreResult<StoreSummary> {
        let (version,): (String,) = sqlx::query_as("SELECT sqlite_version()").fetch_one(&self.reader).await?;
        let (pages, page_bytes): (i64, i64) =
            sqlx::query_as("SELECT page_count, page_size FROM pragma_page_count(), pragma_page_size()")
                .fetch_one(&self.reader)
                .await?;
        let open = self.writer.size() + self.reader.size();
        let idle = self.writer.num_idle() + self.reader.num_idle();
        Ok(StoreSummary {
            engine: "sqlite".into(),
            version,
            size_bytes: (pages * page_bytes) as u64,
            connections: open,
            connections_active: open.saturating_sub(idle as u32),
            connections_max: self.writer.options().get_max_connections() + self.reader.options().get_max_connections(),
        })
    }

    async fn remove_before(&self, signal: Signal, before: UnixNanos) -> StoreResult<Removed> {
        self.remove_rows(signal, before).await
    }

    async fn hold_duty(&self, name: &str, holder: Uuid, seconds: u32) -> StoreResult<bool> {
        let done = sqlx::query(
            "INSERT INTO duties (name, holder, held_to) VALUES ($1, $2, unixepoch() + $3)
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_to = excluded.held_to
             WHERE duties.holder = excluded.holder OR duties.held_to < unixepoch()
                -- Nobody says so far ahead: the clock was set back.
                OR duties.held_to > unixepoch() + $3",
        )
        .bind(name)
        .bind(holder)
        .bind(i64::from(seconds))
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn leave_duty(&self, name: &str, holder: Uuid) -> StoreResult<()> {
        let leave = sqlx::query("DELETE FROM duties WHERE name = $1 AND holder = $2");
        leave.bind(name).bind(holder).execute(&self.writer).await?;
        Ok(())
    }

    async fn tenants(&self) -> StoreResult<Vec<TenantId>> {
        self.all_tenants().await
    }

    async fn close(&self) {
        self.checkpointer.close().await;
        self.reader.close().await;
        self.writer.close().await;
    }
}
