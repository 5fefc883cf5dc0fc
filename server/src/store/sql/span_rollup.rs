//! Roll-ups of spans by operation and of calls by who calls whom, on either engine.

use std::collections::BTreeMap;

use app::model::{NodeKind, TenantId};
use sqlx::{AssertSqlSafe, QueryBuilder};

use super::{Db, SqlStore};
use crate::store::{
    Rollup, RollupRange, RollupResolution, StoreResult, bulk,
    sketch::Sketch,
    span::{EdgeKey, SpanSlice},
};

type Connection = <Db as sqlx::Database>::Connection;

/// Rows that one statement removes at most.
const BATCH: i64 = 2000;

/// A table of roll-ups: what its slices are of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    name: &'static str,
    column: &'static str,
    /// The table that names what they are of.
    names: &'static str,
}

pub(super) const OPERATIONS: Table = Table { name: "operation_rollups", column: "operation", names: "operations" };
pub(super) const EDGES: Table = Table { name: "edge_rollups", column: "edge", names: "service_edges" };

/// Resolution in seconds, what it is of, begin.
pub(super) type SliceKey = (i64, i64, i64);

/// Adds slices to a table, in few statements.
pub(super) async fn add(
    connection: &mut Connection,
    Table { name, column, .. }: Table,
    tenant: TenantId,
    mut slices: BTreeMap<SliceKey, SpanSlice>,
) -> StoreResult<()> {
    let keys: Vec<SliceKey> = slices.keys().copied().collect();
    for keys in bulk::parts(&keys) {
        let mut query = QueryBuilder::<Db>::new(format!(
            "SELECT r.resolution, r.{column}, r.bucket, r.spans, r.errors, r.sketch FROM ("
        ));
        query.push_values(keys, |mut row, (resolution, of, bucket)| {
            row.push_bind(resolution).push_bind(of).push_bind(bucket);
        });
        // A cross join: SQLite must go from the keys to the rows, not through all rows.
        query.push(format!(
            ") AS k CROSS JOIN {name} r
             WHERE r.resolution = k.column1 AND r.{column} = k.column2 AND r.bucket = k.column3 AND r.tenant = "
        ));
        let stored: Vec<(i64, i64, i64, i64, i64, Vec<u8>)> =
            query.push_bind(tenant.0).build_query_as().fetch_all(&mut *connection).await?;
        for (resolution, of, bucket, spans, errors, sketch) in stored {
            if let Some(slice) = slices.get_mut(&(resolution, of, bucket)) {
                slice.spans += spans;
                slice.errors += errors;
                slice.sketch.merge(&Sketch::from_bytes(&sketch)?);
            }
        }
    }
    let rows = slices.into_iter().map(|(key, slice)| Ok((key, slice.sketch.to_bytes()?, slice)));
    let rows = rows.collect::<StoreResult<Vec<_>>>()?;
    for rows in bulk::parts(&rows) {
        let mut query = QueryBuilder::<Db>::new(format!(
            "INSERT INTO {name} (tenant, resolution, {column}, bucket, spans, errors, sketch) "
        ));
        query.push_values(rows, |mut row, ((resolution, of, bucket), sketch, slice)| {
            row.push_bind(tenant.0).push_bind(resolution).push_bind(of).push_bind(bucket);
            row.push_bind(slice.spans).push_bind(slice.errors).push_bind(sketch);
        });
        query.push(format!(
            " ON CONFLICT (tenant, resolution, {column}, bucket) DO UPDATE SET
                spans = excluded.spans, errors = excluded.errors, sketch = excluded.sketch"
        ));
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// A stored slice as figures of the kind that all roll-ups have.
fn rollup(spans: i64, errors: i64, sketch: &[u8]) -> StoreResult<Rollup> {
    let by_class = [0, 0, 0, errors as u64];
    Ok(Rollup { requests: spans as u64, by_class, sketch: Sketch::from_bytes(sketch)? })
}

impl SqlStore {
    /// How spans of one service and name went.
    pub(super) async fn operation_rollup(
        &self,
        tenant: TenantId,
        service: &str,
        name: &str,
        ranges: &[RollupRange],
    ) -> StoreResult<Rollup> {
        let mut merged = Rollup::default();
        for range in ranges {
            let rows: Vec<(i64, i64, Vec<u8>)> = sqlx::query_as(
                "SELECT r.spans, r.errors, r.sketch FROM operation_rollups r
                 JOIN operations o ON o.id = r.operation AND o.tenant = r.tenant
                 JOIN services s ON s.id = o.service
                 WHERE r.tenant = $1 AND r.resolution = $2 AND r.bucket >= $3 AND r.bucket < $4
                   AND s.name = $5 AND o.name = $6",
            )
            .bind(tenant.0)
            .bind(range.resolution.seconds())
            .bind(range.from.0)
            .bind(range.to.0)
            .bind(service)
            .bind(name)
            .fetch_all(&self.reader)
            .await?;
            for (spans, errors, sketch) in rows {
                merged.merge(&rollup(spans, errors, &sketch)?);
            }
        }
        Ok(merged)
    }

    /// Calls between services and from services to what they use, and whether there ever were any.
    pub(super) async fn edge_rollups(
        &self,
        tenant: TenantId,
        ranges: &[RollupRange],
    ) -> StoreResult<(Vec<(EdgeKey, Rollup)>, bool)> {
        let edges: Vec<(i64, String, String, i64)> =
            sqlx::query_as("SELECT id, caller, callee, kind FROM service_edges WHERE tenant = $1")
                .bind(tenant.0)
                .fetch_all(&self.reader)
                .await?;
        let any_stored = !edges.is_empty();
        let mut merged: BTreeMap<i64, Rollup> = BTreeMap::new();
        for range in ranges {
            let rows: Vec<(i64, i64, i64, Vec<u8>)> = sqlx::query_as(
                "SELECT r.edge, r.spans, r.errors, r.sketch FROM service_edges e CROSS JOIN edge_rollups r
                 WHERE e.tenant = $1 AND r.tenant = $1 AND r.resolution = $2 AND r.edge = e.id AND r.bucket >= $3
                   AND r.bucket < $4",
            )
            .bind(tenant.0)
            .bind(range.resolution.seconds())
            .bind(range.from.0)
            .bind(range.to.0)
            .fetch_all(&self.reader)
            .await?;
            for (edge, spans, errors, sketch) in rows {
                merged.entry(edge).or_default().merge(&rollup(spans, errors, &sketch)?);
            }
        }
        let named = edges.into_iter().filter_map(|(id, caller, callee, kind)| {
            let kind = usize::try_from(kind).ok().and_then(|kind| NodeKind::ALL.get(kind)).copied();
            let edge =
                EdgeKey { caller: caller.into(), callee: callee.into(), kind: kind.unwrap_or(NodeKind::External) };
            Some((edge, merged.remove(&id)?))
        });
        Ok((named.collect(), any_stored))
    }

    /// Removes a small batch of what is older than the instant; says whether there is more.
    pub(super) async fn remove_slices(
        &self,
        Table { name, column, names }: Table,
        before: app::model::UnixNanos,
    ) -> StoreResult<bool> {
        let mut more = false;
        let all = format!("SELECT tenant, id FROM {names} ORDER BY id");
        let all: Vec<(i64, i64)> = sqlx::query_as(AssertSqlSafe(all)).fetch_all(&self.reader).await?;
        for (tenant, of) in all {
            for resolution in RollupResolution::ALL {
                let sql = format!(
                    "DELETE FROM {name}
                     WHERE tenant = $1 AND resolution = $2 AND {column} = $3 AND bucket < $4 AND bucket <= COALESCE(
                        (SELECT bucket FROM {name} WHERE tenant = $1 AND resolution = $2 AND {column} = $3
                         ORDER BY bucket LIMIT 1 OFFSET $5), $4)"
                );
                let done = sqlx::query(AssertSqlSafe(sql))
                    .bind(tenant)
                    .bind(resolution.seconds())
                    .bind(of)
                    .bind(resolution.floor(before).0)
                    .bind(BATCH - 1)
                    .execute(&self.writer)
                    .await?;
                more |= done.rows_affected() >= BATCH as u64;
            }
        }
        Ok(more)
    }
}
