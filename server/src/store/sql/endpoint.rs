//! Endpoint roll-ups, on either engine.

use std::collections::HashMap;

use app::model::{TenantId, UnixNanos};
use async_trait::async_trait;
use futures::TryStreamExt;
use sqlx::QueryBuilder;

use super::{Db, SqlStore};
use crate::store::{EndpointId, EndpointKey, EndpointStore, Rollup, RollupRange, StoreResult, bulk, sketch::Sketch};

/// Endpoint 0 stands for all endpoints of a tenant.
pub(super) const ALL_ENDPOINTS: i64 = 0;

#[derive(sqlx::FromRow)]
pub(super) struct RollupRow {
    pub(super) endpoint_id: i64,
    pub(super) bucket: i64,
    requests: i64,
    status_2xx: i64,
    status_3xx: i64,
    status_4xx: i64,
    status_5xx: i64,
    sketch: Vec<u8>,
}

impl RollupRow {
    pub(super) fn rollup(&self) -> StoreResult<Rollup> {
        let by_class = [self.status_2xx, self.status_3xx, self.status_4xx, self.status_5xx].map(|count| count as u64);
        Ok(Rollup { requests: self.requests as u64, by_class, sketch: Sketch::from_bytes(&self.sketch)? })
    }
}

impl SqlStore {
    async fn endpoint_names(&self, tenant: TenantId) -> StoreResult<HashMap<i64, EndpointKey>> {
        let rows: Vec<(i64, String, String, String)> =
            sqlx::query_as("SELECT id, service, method, route FROM endpoints WHERE tenant = $1")
                .bind(tenant.0)
                .fetch_all(&self.reader)
                .await?;
        Ok(rows.into_iter().map(|(id, service, method, route)| (id, EndpointKey { service, method, route })).collect())
    }
}

#[async_trait]
impl EndpointStore for SqlStore {
    async fn totals(&self, tenant: TenantId, range: RollupRange) -> StoreResult<Vec<(UnixNanos, Rollup)>> {
        let rows: Vec<RollupRow> = sqlx::query_as(
            "SELECT endpoint_id, bucket, requests, status_2xx, status_3xx, status_4xx, status_5xx, sketch
             FROM endpoint_rollups
             WHERE tenant = $1 AND resolution = $2 AND endpoint_id = $3 AND bucket >= $4 AND bucket < $5
             ORDER BY bucket",
        )
        .bind(tenant.0)
        .bind(range.resolution.seconds())
        .bind(ALL_ENDPOINTS)
        .bind(range.from.0)
        .bind(range.to.0)
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(|row| Ok((UnixNanos(row.bucket), row.rollup()?))).collect()
    }

    async fn by_endpoint(&self, tenant: TenantId, ranges: &[RollupRange]) -> StoreResult<Vec<(EndpointKey, Rollup)>> {
        let names = self.endpoint_names(tenant).await?;
        let mut merged: HashMap<i64, Rollup> = HashMap::new();
        for range in ranges {
            // A cross join: SQLite must go from the endpoints to their slices, not through all slices.
            let mut rows = sqlx::query_as::<_, RollupRow>(
                "SELECT r.endpoint_id, r.bucket, r.requests, r.status_2xx, r.status_3xx, r.status_4xx, r.status_5xx,
                        r.sketch
                 FROM endpoints e CROSS JOIN endpoint_rollups r
                 WHERE e.tenant = $1 AND r.tenant = $1 AND r.resolution = $2 AND r.endpoint_id = e.id
                   AND r.bucket >= $3 AND r.bucket < $4",
            )
            .bind(tenant.0)
            .bind(range.resolution.seconds())
            .bind(range.from.0)
            .bind(range.to.0)
            .fetch(&self.reader);
            // One by one: together, the sketches of a thousand endpoints are tens of megabytes.
            while let Some(row) = rows.try_next().await? {
                merged.entry(row.endpoint_id).or_default().merge(&row.rollup()?);
            }
        }
        Ok(merged.into_iter().filter_map(|(id, rollup)| Some((names.get(&id)?.clone(), rollup))).collect())
    }

    async fn endpoints(&self, tenant: TenantId) -> StoreResult<Vec<(EndpointId, EndpointKey)>> {
        let names = self.endpoint_names(tenant).await?;
        Ok(names.into_iter().map(|(id, key)| (EndpointId(id), key)).collect())
    }

    async fn figures(
        &self,
        tenant: TenantId,
        endpoints: &[EndpointId],
        ranges: &[RollupRange],
    ) -> StoreResult<Vec<(EndpointId, Rollup)>> {
        let mut merged: HashMap<i64, Rollup> = HashMap::with_capacity(endpoints.len());
        for range in ranges {
            for part in bulk::parts(endpoints) {
                let mut query = rollups_of(tenant, part, *range);
                let mut rows = query.build_query_as::<RollupRow>().fetch(&self.reader);
                while let Some(row) = rows.try_next().await? {
                    merged.entry(row.endpoint_id).or_default().merge(&row.rollup()?);
                }
            }
        }
        Ok(merged.into_iter().map(|(id, rollup)| (EndpointId(id), rollup)).collect())
    }

    async fn courses(
        &self,
        tenant: TenantId,
        endpoints: &[EndpointId],
        range: RollupRange,
    ) -> StoreResult<Vec<(EndpointId, UnixNanos, Rollup)>> {
        let mut courses = Vec::new();
        for part in bulk::parts(endpoints) {
            let mut query = rollups_of(tenant, part, range);
            query.push(" ORDER BY r.endpoint_id, r.bucket");
            let mut rows = query.build_query_as::<RollupRow>().fetch(&self.reader);
            while let Some(row) = rows.try_next().await? {
                courses.push((EndpointId(row.endpoint_id), UnixNanos(row.bucket), row.rollup()?));
            }
        }
        Ok(courses)
    }

    async fn counts(
        &self,
        tenant: TenantId,
        endpoints: &[EndpointId],
        range: RollupRange,
        slices: u32,
    ) -> StoreResult<Vec<(EndpointId, UnixNanos, u64)>> {
        let slice_nanos = ((range.to.0 - range.from.0) / i64::from(slices.max(1))).max(1);
        let mut counts = Vec::new();
        for part in bulk::parts(endpoints) {
            let mut query =
                QueryBuilder::<Db>::new("SELECT r.endpoint_id, MIN(r.bucket), CAST(SUM(r.requests) AS BIGINT) FROM (");
            push_slices_of(&mut query, tenant, part, range);
            query.push(" GROUP BY r.endpoint_id, (r.bucket - ").push_bind(range.from.0);
            query.push(") / ").push_bind(slice_nanos);
            let rows: Vec<(i64, i64, i64)> = query.build_query_as().fetch_all(&self.reader).await?;
            let count = |(id, bucket, requests)| (EndpointId(id), UnixNanos(bucket), requests as u64);
            counts.extend(rows.into_iter().map(count));
        }
        Ok(counts)
    }
}

/// Asks for the roll-ups of these endpoints.
fn rollups_of(tenant: TenantId, endpoints: &[EndpointId], range: RollupRange) -> QueryBuilder<Db> {
    let mut query = QueryBuilder::<Db>::new(
        "SELECT r.endpoint_id, r.bucket, r.requests, r.status_2xx, r.status_3xx, r.status_4xx, r.status_5xx, r.sketch
         FROM (",
    );
    push_slices_of(&mut query, tenant, endpoints, range);
    query
}

/// The endpoints as a table, joined with their slices.
fn push_slices_of(query: &mut QueryBuilder<Db>, tenant: TenantId, endpoints: &[EndpointId], range: RollupRange) {
    query.push_values(endpoints, |mut row, endpoint| {
        row.push_bind(endpoint.0);
    });
    // A cross join: SQLite must go from the endpoints to their slices, not through all slices.
    query.push(") AS k CROSS JOIN endpoint_rollups r WHERE r.tenant = ").push_bind(tenant.0);
    query.push(" AND r.resolution = ").push_bind(range.resolution.seconds());
    query.push(" AND r.endpoint_id = k.column1 AND r.bucket >= ").push_bind(range.from.0);
    query.push(" AND r.bucket < ").push_bind(range.to.0);
}
