//! Series and samples, on either engine.

use std::collections::HashMap;

use app::model::{SpanId, TenantId, TraceId, UnixNanos};
use async_trait::async_trait;
use sqlx::QueryBuilder;

use super::{Db, SqlStore};
use crate::store::{
    Exemplar, MetricStore, Point, SampleResolution, SeriesExemplars, SeriesKey, SeriesPoints, StoreError, StoreResult,
    bulk,
};

/// Series with one name that are read at most: what one page can show.
const MAX_SERIES_A_NAME: i64 = 1000;
/// Samples that one query reads at most.
const MAX_POINTS: i64 = 2_000_000;

impl SqlStore {
    /// All series with one of these names.
    async fn series_named(&self, tenant: TenantId, names: &[&str]) -> StoreResult<Vec<(i64, SeriesKey)>> {
        let mut all = Vec::new();
        for names in bulk::parts(names) {
            let mut query = QueryBuilder::<Db>::new("SELECT s.id, s.name, s.labels FROM (");
            query.push_values(names, |mut row, name| {
                row.push_bind(*name);
            });
            query.push(") AS k CROSS JOIN series s WHERE s.name = k.column1 AND s.tenant = ").push_bind(tenant.0);
            query.push(" ORDER BY s.name, s.labels LIMIT ").push_bind(MAX_SERIES_A_NAME * names.len() as i64);
            let rows: Vec<(i64, String, String)> = query.build_query_as().fetch_all(&self.reader).await?;
            for (id, name, labels) in rows {
                let labels = serde_json::from_str(&labels)
                    .map_err(|error| StoreError::Damaged(format!("labels of series {id}: {error}")))?;
                all.push((id, SeriesKey { name, labels }));
            }
        }
        Ok(all)
    }

    /// Points of all series with one of these names. `select` writes a query for the rows (series, time, value, last,
    /// spread) of some series.
    async fn points_of(
        &self,
        tenant: TenantId,
        names: &[&str],
        select: impl Fn(&mut QueryBuilder<Db>, &[(i64, SeriesKey)]) + Send + Sync,
    ) -> StoreResult<Vec<SeriesPoints>> {
        let series = self.series_named(tenant, names).await?;
        let mut points: HashMap<i64, Vec<Point>> = HashMap::new();
        for series in bulk::parts(&series) {
            let mut query = QueryBuilder::<Db>::default();
            select(&mut query, series);
            query.push(" LIMIT ").push_bind(MAX_POINTS);
            let rows: Vec<(i64, i64, f64, f64, f64)> = query.build_query_as().fetch_all(&self.reader).await?;
            for (id, time, value, last, spread) in rows {
                points.entry(id).or_default().push(Point { time: UnixNanos(time), value, last, spread });
            }
        }
        let with_points = |(id, key)| {
            let mut points = points.remove(&id).unwrap_or_default();
            points.sort_unstable_by_key(|point| point.time);
            SeriesPoints { key, points }
        };
        Ok(series.into_iter().map(with_points).collect())
    }
}

fn push_ids(query: &mut QueryBuilder<Db>, series: &[(i64, SeriesKey)]) {
    query.push_values(series, |mut row, (id, _)| {
        row.push_bind(*id);
    });
}

#[async_trait]
impl MetricStore for SqlStore {
    async fn points(
        &self,
        tenant: TenantId,
        names: &[&str],
        from: UnixNanos,
        to: UnixNanos,
        resolution: SampleResolution,
    ) -> StoreResult<Vec<SeriesPoints>> {
        let (table, time, columns) = match resolution.seconds() {
            None => ("samples", "time", "x.time, x.value, x.value, CAST(0 AS DOUBLE PRECISION)"),
            Some(_) => ("sample_rollups", "bucket", "x.bucket, x.sum / x.count, x.last, x.max - x.min"),
        };
        self.points_of(tenant, names, |query, ids| {
            query.push(format!("SELECT x.series_id, {columns} FROM ("));
            push_ids(query, ids);
            // A cross join: SQLite must go from the series to their samples, not through all samples.
            query.push(format!(") AS k CROSS JOIN {table} x WHERE x.series_id = k.column1 AND x.tenant = "));
            query.push_bind(tenant.0).push(format!(" AND x.{time} >= ")).push_bind(from.0);
            query.push(format!(" AND x.{time} < ")).push_bind(to.0);
            if let Some(seconds) = resolution.seconds() {
                query.push(" AND x.resolution = ").push_bind(seconds);
            }
        })
        .await
    }

    async fn slices(
        &self,
        tenant: TenantId,
        names: &[&str],
        from: UnixNanos,
        to: UnixNanos,
        step_nanos: i64,
    ) -> StoreResult<Vec<SeriesPoints>> {
        self.points_of(tenant, names, |query, ids| {
            query.push(
                "SELECT s.series_id, s.time, s.mean, l.value, s.spread FROM (
                    SELECT x.series_id, MAX(x.time) AS time, AVG(x.value) AS mean, MAX(x.value) - MIN(x.value) AS spread
                    FROM (",
            );
            push_ids(query, ids);
            query.push(") AS k CROSS JOIN samples x WHERE x.series_id = k.column1 AND x.tenant = ").push_bind(tenant.0);
            query.push(" AND x.time >= ").push_bind(from.0).push(" AND x.time < ").push_bind(to.0);
            query.push(" GROUP BY x.series_id, (x.time - ").push_bind(from.0);
            query.push(") / ").push_bind(step_nanos.max(1));
            query.push(
                ") AS s CROSS JOIN samples l WHERE l.series_id = s.series_id AND l.time = s.time AND l.tenant = ",
            );
            query.push_bind(tenant.0);
            // What the times above are within, said again: PostgreSQL would read every partition for them.
            query.push(" AND l.time >= ").push_bind(from.0).push(" AND l.time < ").push_bind(to.0);
        })
        .await
    }

    async fn latest(&self, tenant: TenantId, names: &[&str], from: UnixNanos) -> StoreResult<Vec<SeriesPoints>> {
        let mut all = Vec::new();
        for (id, key) in self.series_named(tenant, names).await? {
            let row: Option<(i64, f64)> = sqlx::query_as(
                "SELECT time, value FROM samples WHERE tenant = $1 AND series_id = $2 AND time >= $3
                 ORDER BY time DESC LIMIT 1",
            )
            .bind(tenant.0)
            .bind(id)
            .bind(from.0)
            .fetch_optional(&self.reader)
            .await?;
            if let Some((time, value)) = row {
                let point = Point { time: UnixNanos(time), value, last: value, spread: 0.0 };
                all.push(SeriesPoints { key, points: vec![point] });
            }
        }
        Ok(all)
    }

    async fn exemplars(
        &self,
        tenant: TenantId,
        name: &str,
        from: UnixNanos,
        to: UnixNanos,
        limit: usize,
    ) -> StoreResult<Vec<SeriesExemplars>> {
        let mut all = Vec::new();
        for (id, key) in self.series_named(tenant, &[name]).await? {
            let rows: Vec<ExemplarRow> = sqlx::query_as(
                "SELECT time, value, trace_id, span_id, labels FROM exemplars
                 WHERE tenant = $1 AND series_id = $2 AND time >= $3 AND time < $4 ORDER BY time DESC LIMIT $5",
            )
            .bind(tenant.0)
            .bind(id)
            .bind(from.0)
            .bind(to.0)
            .bind(limit as i64)
            .fetch_all(&self.reader)
            .await?;
            let exemplars = rows.into_iter().rev().map(ExemplarRow::exemplar).collect::<StoreResult<Vec<_>>>()?;
            if !exemplars.is_empty() {
                all.push(SeriesExemplars { key, exemplars });
            }
        }
        Ok(all)
    }
}

#[derive(sqlx::FromRow)]
struct ExemplarRow {
    time: i64,
    value: f64,
    trace_id: Option<Vec<u8>>,
    span_id: Option<Vec<u8>>,
    labels: String,
}

impl ExemplarRow {
    fn exemplar(self) -> StoreResult<Exemplar> {
        let damaged = |what: &str| StoreError::Damaged(format!("{what} of an exemplar at {}", self.time));
        let trace_id = self.trace_id.map(<[u8; 16]>::try_from).transpose().map_err(|_| damaged("trace id"))?;
        let span_id = self.span_id.map(<[u8; 8]>::try_from).transpose().map_err(|_| damaged("span id"))?;
        Ok(Exemplar {
            time: UnixNanos(self.time),
            value: self.value,
            trace_id: trace_id.map(TraceId),
            span_id: span_id.map(SpanId),
            labels: serde_json::from_str(&self.labels).map_err(|_| damaged("labels"))?,
        })
    }
}

/// Ids of series that are known to be committed.
#[derive(Debug, Default)]
pub(super) struct SeriesCache(std::sync::Mutex<HashMap<(TenantId, SeriesKey), i64>>);

/// Series kept in memory; beyond it the cache begins anew.
const MAX_CACHED_SERIES: usize = 200_000;

impl SeriesCache {
    pub(super) fn get(&self, tenant: TenantId, key: &SeriesKey) -> Option<i64> {
        self.lock().get(&(tenant, key.clone())).copied()
    }

    pub(super) fn learn(&self, known: HashMap<(TenantId, SeriesKey), i64>) {
        let mut cache = self.lock();
        if cache.len() + known.len() > MAX_CACHED_SERIES {
            cache.clear();
        }
        cache.extend(known);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(TenantId, SeriesKey), i64>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
