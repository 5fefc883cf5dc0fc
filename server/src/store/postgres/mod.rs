//! PostgreSQL 15 or later.

use std::{collections::HashSet, str::FromStr, sync::Mutex, time::Duration};

use app::model::{TenantId, UnixNanos, health::StoreSummary};
use async_trait::async_trait;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Pool, Postgres, Transaction,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{ACQUIRE_TIMEOUT, AdminStore, NewSample, Removed, RollupResolution, Signal, StoreResult, refuse_newer};

// The same files as in the other engine's module, compiled for this engine: see the module above.
#[expect(clippy::duplicate_mod, reason = "SQL that both engines take is written once")]
#[path = "../sql/blob.rs"]
mod blob;
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
#[path = "../sql/span.rs"]
mod span;
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

static MIGRATOR: Migrator = sqlx::migrate!("../migrations/postgres");

/// Key of the advisory lock that orders group commits of several replicas.
const COMMIT_LOCK: i64 = 0x0043_6f6e_736f_6c65;

/// The store on PostgreSQL.
pub struct SqlStore {
    writer: Pool<Db>,
    reader: Pool<Db>,
    series: metric::SeriesCache,
    names: span_commit::NameCache,
    pairings: super::span::Pairings,
    log_filters: filters::Filters,
    span_filters: filters::Filters,
    unreadable_logs: super::merge::Unreadable,
    unreadable_spans: super::merge::Unreadable,
    /// Days that have a partition of `samples`.
    days: Mutex<HashSet<i64>>,
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
            series: metric::SeriesCache::default(),
            names: span_commit::NameCache::default(),
            pairings: super::span::Pairings::default(),
            log_filters: filters::Filters::new(blob::LOG_FILTERS),
            span_filters: filters::Filters::new(blob::SPAN_FILTERS),
            unreadable_logs: super::merge::Unreadable::default(),
            unreadable_spans: super::merge::Unreadable::default(),
            days: Mutex::new(HashSet::new()),
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

    /// Makes the partitions of the days in which the samples lie.
    async fn prepare_samples(&self, samples: &[NewSample]) -> StoreResult<()> {
        let day_nanos = RollupResolution::Day.nanos();
        let wanted: HashSet<i64> = samples.iter().map(|sample| sample.time.0.div_euclid(day_nanos)).collect();
        let missing: Vec<i64> = {
            let known = self.days.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            wanted.into_iter().filter(|day| !known.contains(day)).collect()
        };
        for day in missing {
            // Numbers only: nothing in this statement comes from outside.
            let sql = format!(
                "CREATE TABLE IF NOT EXISTS samples_{} PARTITION OF samples FOR VALUES FROM ({}) TO ({})",
                partition_suffix(day),
                day * day_nanos,
                (day + 1) * day_nanos
            );
            sqlx::query(AssertSqlSafe(sql)).execute(&self.writer).await?;
            self.days.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(day);
        }
        Ok(())
    }

    /// Appends (tenant, series, time, value) rows in one statement; a sample that is there already stays.
    async fn append_samples(connection: &mut sqlx::PgConnection, rows: &[(i64, i64, i64, f64)]) -> StoreResult<()> {
        if rows.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO samples (tenant, series_id, time, value)
             SELECT * FROM UNNEST($1::BIGINT[], $2::BIGINT[], $3::BIGINT[], $4::DOUBLE PRECISION[])
             ON CONFLICT DO NOTHING",
        )
        .bind(rows.iter().map(|row| row.0).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.1).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.2).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.3).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Drops the partitions that end before the instant.
    async fn drop_sample_partitions(&self, before: UnixNanos) -> StoreResult<Removed> {
        let last_day = before.0.div_euclid(RollupResolution::Day.nanos()) - 1;
        let tables: Vec<(String,)> = sqlx::query_as(
            "SELECT c.relname::TEXT FROM pg_inherits i
             JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = 'samples'::regclass",
        )
        .fetch_all(&self.reader)
        .await?;
        let mut removed = self.remove_rows(Signal::Samples, before).await?;
        for (table,) in tables {
            let Some(day) = table.strip_prefix("samples_d").and_then(|day| day.parse::<i64>().ok()) else { continue };
            if day > last_day {
                continue;
            }
            let sql = format!("DROP TABLE IF EXISTS samples_{}", partition_suffix(day));
            sqlx::query(AssertSqlSafe(sql)).execute(&self.writer).await?;
            self.days.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&day);
            removed.rows += 1;
        }
        Ok(removed)
    }
}

/// Names the partition of a day, counted from the Unix epoch.
fn partition_suffix(day: i64) -> String {
    format!("d{day}")
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
        match signal {
            Signal::Samples => self.drop_sample_partitions(before).await,
            other => self.remove_rows(other, before).await,
        }
    }

    async fn tenants(&self) -> StoreResult<Vec<TenantId>> {
        self.all_tenants().await
    }

    async fn close(&self) {
        self.writer.close().await;
    }
}
