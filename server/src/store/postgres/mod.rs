//! PostgreSQL 15 or later.

use std::{str::FromStr, sync::atomic::AtomicBool, time::Duration};

use app::model::{TenantId, UnixNanos, health::StoreSummary};
use async_trait::async_trait;
use sqlx::{
    ConnectOptions as _, Pool, Postgres, Transaction,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{ACQUIRE_TIMEOUT, AdminStore, Removed, Signal, StoreResult, refuse_newer};

// The same files as in the other engine's module, compiled for this engine: see the module above.
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/blob.rs"]
mod blob;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/dashboard.rs"]
mod dashboard;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/endpoint.rs"]
mod endpoint;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/filters.rs"]
mod filters;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/house.rs"]
mod house;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/identity.rs"]
mod identity;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/ingest.rs"]
mod ingest;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/log.rs"]
mod log;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/log_scan.rs"]
mod log_scan;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/log_search.rs"]
mod log_search;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/metric.rs"]
mod metric;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/pipeline.rs"]
mod pipeline;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/sample.rs"]
mod sample;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/sample_read.rs"]
mod sample_read;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/sample_tidy.rs"]
mod sample_tidy;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/scrape.rs"]
mod scrape;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/series.rs"]
mod series;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/span.rs"]
mod span;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/span_calls.rs"]
mod span_calls;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/span_commit.rs"]
mod span_commit;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/span_rollup.rs"]
mod span_rollup;
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/span_search.rs"]
mod span_search;

/// The engine that the modules of `sql/` are compiled for here.
type Db = Postgres;

/// What stands before and after the labels of a series where they are looked up: their sum, as a page of the index must have room for them.
const LABELS_KEY: (&str, &str) = ("md5(", ")");

static MIGRATOR: Migrator = sqlx::migrate!("../migrations/postgres");

/// Key of the advisory lock that orders group commits of several replicas.
const COMMIT_LOCK: i64 = 0x0043_6f6e_736f_6c65;

/// The store on PostgreSQL.
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
}

impl SqlStore {
    /// Connects and brings the schema up to date.
    pub async fn open(url: &str, connections: u32) -> StoreResult<Self> {
        // A slow commit of log records must not become a log record.
        let options = PgConnectOptions::from_str(url)?.disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(Duration::from_mins(10))
            .connect_with(options)
            .await?;
        let (exists,): (bool,) =
            sqlx::query_as("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(&pool).await?;
        if exists {
            let (version,): (Option<i64>,) =
                sqlx::query_as("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(&pool).await?;
            refuse_newer(version, &MIGRATOR)?;
        }
        MIGRATOR.run(&pool).await?;
        Ok(Self {
            writer: pool.clone(),
            reader: pool,
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
        })
    }

    async fn begin_write(&self) -> sqlx::Result<Transaction<'static, Db>> {
        self.writer.begin().await
    }

    /// Begins the group commit, one at a time among all replicas: roll-ups are read, merged and written back.
    async fn begin_commit(&self) -> sqlx::Result<Transaction<'static, Db>> {
        let mut tx = self.writer.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(COMMIT_LOCK).execute(&mut *tx).await?;
        Ok(tx)
    }

    /// Nothing follows a group commit.
    #[expect(clippy::unused_self, reason = "the other engine has something to do")]
    fn committed(&self, _bytes: usize) {}

    /// Begins a transaction that sees one state of the database throughout.
    async fn begin_read(&self) -> sqlx::Result<Transaction<'static, Db>> {
        self.reader.begin_with("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await
    }
}

#[async_trait]
impl AdminStore for SqlStore {
    async fn ping(&self) -> StoreResult<()> {
        sqlx::query("SELECT next_id FROM log_heads LIMIT 1").execute(&self.reader).await?;
        Ok(())
    }

    async fn summary(&self) -> StoreResult<StoreSummary> {
        let (version, size_bytes): (String, i64) =
            sqlx::query_as("SELECT current_setting('server_version'), pg_database_size(current_database())")
                .fetch_one(&self.reader)
                .await?;
        Ok(StoreSummary {
            engine: "postgres".into(),
            version,
            size_bytes: size_bytes as u64,
            connections: self.writer.size(),
            connections_active: self.writer.size().saturating_sub(self.writer.num_idle() as u32),
            connections_max: self.writer.options().get_max_connections(),
        })
    }

    async fn remove_before(&self, signal: Signal, before: UnixNanos) -> StoreResult<Removed> {
        self.remove_rows(signal, before).await
    }

    async fn hold_duty(&self, name: &str, holder: Uuid, seconds: u32) -> StoreResult<bool> {
        let done = sqlx::query(
            "INSERT INTO duties (name, holder, held_to) VALUES ($1, $2, extract(epoch FROM clock_timestamp())::bigint + $3)
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_to = excluded.held_to
             WHERE duties.holder = excluded.holder OR duties.held_to < extract(epoch FROM clock_timestamp())::bigint
                -- Nobody says so far ahead: the clock was set back.
                OR duties.held_to > extract(epoch FROM clock_timestamp())::bigint + $3",
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
        self.writer.close().await;
    }
}
