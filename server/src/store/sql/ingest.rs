//! The group commit, on either engine.

use std::collections::{BTreeMap, HashMap};

use app::model::{LogId, TenantId, UnixNanos};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{QueryBuilder, types::Json};

use super::{
    Db, SqlStore,
    endpoint::{ALL_ENDPOINTS, RollupRow},
    log::insert_block,
};
use crate::store::{
    CommitReceipt, EndpointDelta, EndpointKey, IngestStore, PackedBatch, Rollup, RollupResolution, StoreResult, bulk,
};

type Connection = <Db as sqlx::Database>::Connection;

#[async_trait]
impl IngestStore for SqlStore {
    async fn commit(&self, batch: &PackedBatch, now: DateTime<Utc>) -> StoreResult<CommitReceipt> {
        self.prepare_metrics(&batch.metrics, now).await?;
        let mut tx = self.begin_commit().await?;
        if let Some(receipt) = receipt_of(&mut tx, batch).await? {
            return Ok(receipt);
        }
        let mut receipt = CommitReceipt::default();
        for ((tenant, records), blocks) in batch.logs.iter().zip(&batch.log_blocks) {
            let mut next = take_log_ids(&mut tx, *tenant, records.len()).await?;
            receipt.first_log_ids.push((*tenant, next));
            for block in blocks {
                insert_block(&mut tx, *tenant, next, block).await?;
                next = LogId(next.0 + block.records as i64);
            }
        }
        let mut learned = Vec::with_capacity(batch.spans.len());
        for spans in &batch.spans {
            learned.push(self.write_spans(&mut tx, spans, now).await?);
        }
        let series = self.write_metrics(&mut tx, &batch.metrics, now).await?;
        write_endpoints(&mut tx, &batch.endpoints).await?;
        sqlx::query(
            "INSERT INTO ingest_writers (id, last_commit, receipt, updated_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (id) DO UPDATE
                SET last_commit = excluded.last_commit, receipt = excluded.receipt, updated_at = excluded.updated_at",
        )
        .bind(batch.writer)
        .bind(batch.sequence)
        .bind(Json(&receipt))
        .bind(now)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        self.committed(batch.bytes());
        self.learn_series(series);
        for learned in learned {
            self.learn_spans(learned);
        }
        Ok(receipt)
    }
}

/// The receipt of this very commit, if it was made before and only the answer was lost.
async fn receipt_of(connection: &mut Connection, batch: &PackedBatch) -> StoreResult<Option<CommitReceipt>> {
    let row: Option<(i64, Json<CommitReceipt>)> =
        sqlx::query_as("SELECT last_commit, receipt FROM ingest_writers WHERE id = $1")
            .bind(batch.writer)
            .fetch_optional(connection)
            .await?;
    Ok(row.filter(|(last, _)| *last == batch.sequence).map(|(_, receipt)| receipt.0))
}

/// Takes consecutive ids; the row stays locked until the commit, so ids grow in the order of commits.
async fn take_log_ids(connection: &mut Connection, tenant: TenantId, records: usize) -> StoreResult<LogId> {
    let (next,): (i64,) = sqlx::query_as(
        "INSERT INTO log_heads (tenant, next_id) VALUES ($1, $2 + 1)
         ON CONFLICT (tenant) DO UPDATE SET next_id = log_heads.next_id + $2 RETURNING next_id",
    )
    .bind(tenant.0)
    .bind(records as i64)
    .fetch_one(connection)
    .await?;
    Ok(LogId(next - records as i64))
}

async fn endpoint_id(connection: &mut Connection, tenant: TenantId, key: &EndpointKey) -> StoreResult<i64> {
    let (id,): (i64,) = sqlx::query_as(
        "INSERT INTO endpoints (tenant, service, method, route) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant, service, method, route) DO UPDATE SET route = excluded.route RETURNING id",
    )
    .bind(tenant.0)
    .bind(&key.service)
    .bind(&key.method)
    .bind(&key.route)
    .fetch_one(connection)
    .await?;
    Ok(id)
}

/// Adds deltas to minutes, hours and days, each for the endpoint and for all endpoints together.
pub(super) async fn write_endpoints(connection: &mut Connection, deltas: &[EndpointDelta]) -> StoreResult<()> {
    let mut ids: HashMap<(TenantId, &EndpointKey), i64> = HashMap::new();
    let mut rows: BTreeMap<(i64, i64, i64, i64), Rollup> = BTreeMap::new();
    for delta in deltas {
        let id = if let Some(id) = ids.get(&(delta.tenant, &delta.endpoint)) {
            *id
        } else {
            let id = endpoint_id(connection, delta.tenant, &delta.endpoint).await?;
            ids.insert((delta.tenant, &delta.endpoint), id);
            id
        };
        for resolution in RollupResolution::ALL {
            let UnixNanos(bucket) = resolution.floor(delta.time);
            for endpoint in [id, ALL_ENDPOINTS] {
                let key = (delta.tenant.0, resolution.seconds(), endpoint, bucket);
                rows.entry(key).or_default().merge(&delta.rollup);
            }
        }
    }
    let keys: Vec<(i64, i64, i64, i64)> = rows.keys().copied().collect();
    for keys in bulk::parts(&keys) {
        let mut query = QueryBuilder::<Db>::new(
            "SELECT r.tenant, r.resolution, r.endpoint_id, r.bucket, r.requests, r.status_2xx, r.status_3xx, r.status_4xx,
                    r.status_5xx, r.sketch FROM (",
        );
        query.push_values(keys, |mut row, (tenant, resolution, endpoint, bucket)| {
            row.push_bind(tenant).push_bind(resolution).push_bind(endpoint).push_bind(bucket);
        });
        query.push(
            ") AS k CROSS JOIN endpoint_rollups r
             WHERE r.tenant = k.column1 AND r.resolution = k.column2 AND r.endpoint_id = k.column3
               AND r.bucket = k.column4",
        );
        let stored: Vec<StoredRollup> = query.build_query_as().fetch_all(&mut *connection).await?;
        for StoredRollup { tenant, resolution, row } in stored {
            if let Some(rollup) = rows.get_mut(&(tenant, resolution, row.endpoint_id, row.bucket)) {
                rollup.merge(&row.rollup()?);
            }
        }
    }
    let rows = rows.into_iter().map(|(key, rollup)| Ok((key, rollup.sketch.to_bytes()?, rollup)));
    let rows = rows.collect::<StoreResult<Vec<_>>>()?;
    for rows in bulk::parts(&rows) {
        let mut query = QueryBuilder::<Db>::new(
            "INSERT INTO endpoint_rollups (tenant, resolution, endpoint_id, bucket, requests, status_2xx, status_3xx,
                                           status_4xx, status_5xx, sketch) ",
        );
        query.push_values(rows, |mut row, ((tenant, resolution, endpoint, bucket), sketch, rollup)| {
            row.push_bind(tenant).push_bind(resolution).push_bind(endpoint).push_bind(bucket);
            row.push_bind(rollup.requests as i64);
            for count in rollup.by_class {
                row.push_bind(count as i64);
            }
            row.push_bind(sketch);
        });
        query.push(
            " ON CONFLICT (tenant, resolution, endpoint_id, bucket) DO UPDATE SET
                requests = excluded.requests, status_2xx = excluded.status_2xx, status_3xx = excluded.status_3xx,
                status_4xx = excluded.status_4xx, status_5xx = excluded.status_5xx, sketch = excluded.sketch",
        );
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// A row of roll-ups with the whole of its key.
#[derive(sqlx::FromRow)]
struct StoredRollup {
    tenant: i64,
    resolution: i64,
    #[sqlx(flatten)]
    row: RollupRow,
}
