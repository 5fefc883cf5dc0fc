//! Keeping house: tenants and retention, on either engine.

use app::model::{TenantId, UnixNanos};

use super::{SqlStore, span_rollup};
use crate::store::{Removed, Signal, StoreResult};

/// Rows that one statement removes at most: a few milliseconds of the writer's time.
const BATCH: i64 = 2000;
/// Blocks that one statement removes at most: each is some hundred kilobytes.
const BATCH_BLOCKS: i64 = 32;

impl SqlStore {
    pub(super) async fn all_tenants(&self) -> StoreResult<Vec<TenantId>> {
        let rows: Vec<(i64,)> = sqlx::query_as("SELECT id FROM tenants ORDER BY id").fetch_all(&self.reader).await?;
        Ok(rows.into_iter().map(|row| TenantId(row.0)).collect())
    }

    /// Removes a small batch of old rows of a signal; of samples all old exemplars, too.
    pub(super) async fn remove_rows(&self, signal: Signal, before: UnixNanos) -> StoreResult<Removed> {
        match signal {
            Signal::Pipelines => self.remove_pipelines(before).await,
            Signal::Logs => self.remove_log_blocks(before).await,
            Signal::Traces => self.remove_traces(before).await,
            Signal::Samples => {
                let mut removed = self.remove_blocks(before, false).await?;
                let rows = self.remove_metric_rows(before, BATCH).await?;
                removed.more |= rows == BATCH as u64;
                removed.rows += rows + self.remove_exemplars(before).await?;
                Ok(removed)
            }
            Signal::RollUps => self.remove_blocks(before, true).await,
            Signal::Series => self.remove_series(before).await,
            Signal::Endpoints => self.remove_endpoint_rollups(before).await,
        }
    }

    async fn remove_pipelines(&self, before: UnixNanos) -> StoreResult<Removed> {
        let mut rows = 0;
        let mut more = false;
        for tenant in self.all_tenants().await? {
            let done = sqlx::query(
                "DELETE FROM pipeline_traces WHERE id IN
                    (SELECT id FROM pipeline_traces WHERE tenant = $1 AND created_at < $2 ORDER BY created_at LIMIT $3)",
            )
            .bind(tenant.0)
            .bind(before.to_utc())
            .bind(BATCH)
            .execute(&self.writer)
            .await?;
            rows += done.rows_affected();
            more |= done.rows_affected() == BATCH as u64;
        }
        let deliveries = sqlx::query(
            "DELETE FROM webhook_deliveries WHERE trace_id IN
                (SELECT trace_id FROM webhook_deliveries WHERE received_at < $1 ORDER BY received_at LIMIT $2)",
        )
        .bind(before.to_utc())
        .bind(BATCH)
        .execute(&self.writer)
        .await?;
        more |= deliveries.rows_affected() >= BATCH as u64;
        Ok(Removed { rows, more })
    }

    async fn remove_log_blocks(&self, before: UnixNanos) -> StoreResult<Removed> {
        let rows: Vec<(i64,)> = sqlx::query_as(
            "DELETE FROM log_blocks WHERE id IN
                (SELECT id FROM log_blocks WHERE max_time < $1 ORDER BY id LIMIT $2) RETURNING records",
        )
        .bind(before.0)
        .bind(BATCH_BLOCKS)
        .fetch_all(&self.writer)
        .await?;
        let records: i64 = rows.iter().map(|row| row.0).sum();
        Ok(Removed { rows: records as u64, more: rows.len() as i64 == BATCH_BLOCKS })
    }

    /// Traces go as a whole, by their start; blocks when the last of their spans is old.
    async fn remove_traces(&self, before: UnixNanos) -> StoreResult<Removed> {
        let blocks: Vec<(i64,)> = sqlx::query_as(
            "DELETE FROM span_blocks WHERE id IN
                (SELECT id FROM span_blocks WHERE max_time < $1 ORDER BY id LIMIT $2) RETURNING spans",
        )
        .bind(before.0)
        .bind(BATCH_BLOCKS)
        .fetch_all(&self.writer)
        .await?;
        let spans: i64 = blocks.iter().map(|row| row.0).sum();
        let mut more = blocks.len() as i64 == BATCH_BLOCKS;
        for tenant in self.all_tenants().await? {
            let traces = sqlx::query(
                "DELETE FROM traces WHERE id IN
                    (SELECT id FROM traces WHERE tenant = $1 AND start < $2 ORDER BY start LIMIT $3)",
            )
            .bind(tenant.0)
            .bind(before.0)
            .bind(BATCH)
            .execute(&self.writer)
            .await?;
            more |= traces.rows_affected() == BATCH as u64;
        }
        for table in [span_rollup::OPERATIONS, span_rollup::EDGES] {
            more |= self.remove_slices(table, before).await?;
        }
        Ok(Removed { rows: spans as u64, more })
    }

    /// Removes all old exemplars, few at once: others write in between. Returns how many there were.
    async fn remove_exemplars(&self, before: UnixNanos) -> StoreResult<u64> {
        let mut rows = 0;
        loop {
            let removed = self.remove_some_exemplars(before).await?;
            rows += removed;
            if removed < BATCH as u64 {
                return Ok(rows);
            }
        }
    }

    async fn remove_some_exemplars(&self, before: UnixNanos) -> StoreResult<u64> {
        let done = sqlx::query(
            "DELETE FROM exemplars WHERE (tenant, series_id, time) IN
                (SELECT tenant, series_id, time FROM exemplars WHERE time < $1 ORDER BY time LIMIT $2)",
        )
        .bind(before.0)
        .bind(BATCH)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected())
    }

    async fn remove_endpoint_rollups(&self, before: UnixNanos) -> StoreResult<Removed> {
        let endpoints: Vec<(i64, i64)> =
            sqlx::query_as("SELECT tenant, id FROM endpoints UNION ALL SELECT id, 0 FROM tenants")
                .fetch_all(&self.reader)
                .await?;
        let mut removed = Removed::default();
        for (tenant, id) in endpoints {
            for resolution in crate::store::RollupResolution::ALL {
                let done = sqlx::query(
                    "DELETE FROM endpoint_rollups
                     WHERE tenant = $1 AND resolution = $2 AND endpoint_id = $3 AND bucket < $4 AND bucket <= COALESCE(
                        (SELECT bucket FROM endpoint_rollups WHERE tenant = $1 AND resolution = $2 AND endpoint_id = $3
                         ORDER BY bucket LIMIT 1 OFFSET $5), $4)",
                )
                .bind(tenant)
                .bind(resolution.seconds())
                .bind(id)
                .bind(resolution.floor(before).0)
                .bind(BATCH - 1)
                .execute(&self.writer)
                .await?;
                removed.rows += done.rows_affected();
                removed.more |= done.rows_affected() >= BATCH as u64;
            }
        }
        Ok(removed)
    }
}
