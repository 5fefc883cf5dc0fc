//! Series and samples, on either engine.

use std::collections::HashMap;

use app::model::{SpanId, TenantId, TraceId, UnixNanos};
use async_trait::async_trait;

use super::SqlStore;
use crate::store::{
    Exemplar, MetricStore, Point, SampleResolution, SeriesExemplars, SeriesKey, SeriesPoints, StoreError, StoreResult,
};

/// Series with one name that are read at most: what one page can show.
const MAX_SERIES_A_NAME: i64 = 1000;
/// Samples that one query reads at most.
const MAX_POINTS: i64 = 2_000_000;

impl SqlStore {
    async fn series_named(&self, tenant: TenantId, name: &str) -> StoreResult<Vec<(i64, SeriesKey)>> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, labels FROM series WHERE tenant = $1 AND name = $2 ORDER BY labels LIMIT $3")
                .bind(tenant.0)
                .bind(name)
                .bind(MAX_SERIES_A_NAME)
                .fetch_all(&self.reader)
                .await?;
        rows.into_iter()
            .map(|(id, labels)| {
                let labels = serde_json::from_str(&labels)
                    .map_err(|error| StoreError::Damaged(format!("labels of series {id}: {error}")))?;
                Ok((id, SeriesKey { name: name.to_owned(), labels }))
            })
            .collect()
    }
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
        let seconds = resolution.seconds();
        let sql = match seconds {
            None => {
                "SELECT time, value, value, CAST(0 AS DOUBLE PRECISION) FROM samples
                 WHERE tenant = $1 AND series_id = $2 AND time >= $3 AND time < $4 ORDER BY time LIMIT $5"
            }
            Some(_) => {
                "SELECT bucket, sum / count, last, max - min FROM sample_rollups
                 WHERE tenant = $1 AND series_id = $2 AND bucket >= $3 AND bucket < $4 AND resolution = $6
                 ORDER BY bucket LIMIT $5"
            }
        };
        let mut all = Vec::new();
        for name in names {
            for (id, key) in self.series_named(tenant, name).await? {
                let query = sqlx::query_as(sql).bind(tenant.0).bind(id).bind(from.0).bind(to.0).bind(MAX_POINTS);
                let query = if let Some(seconds) = seconds { query.bind(seconds) } else { query };
                let rows: Vec<(i64, f64, f64, f64)> = query.fetch_all(&self.reader).await?;
                let points = rows
                    .into_iter()
                    .map(|(time, value, last, spread)| Point { time: UnixNanos(time), value, last, spread })
                    .collect();
                all.push(SeriesPoints { key, points });
            }
        }
        Ok(all)
    }

    async fn latest(&self, tenant: TenantId, names: &[&str], from: UnixNanos) -> StoreResult<Vec<SeriesPoints>> {
        let mut all = Vec::new();
        for name in names {
            for (id, key) in self.series_named(tenant, name).await? {
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
                    all.push(SeriesPoints {
                        key,
                        points: vec![Point { time: UnixNanos(time), value, last: value, spread: 0.0 }],
                    });
                }
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
        for (id, key) in self.series_named(tenant, name).await? {
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
