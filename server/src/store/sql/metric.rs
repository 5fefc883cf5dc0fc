//! Questions about series and samples, on either engine.

use std::collections::BTreeMap;

use app::model::{SpanId, TenantId, TraceId, UnixMillis, UnixNanos};
use async_trait::async_trait;
use sqlx::QueryBuilder;
use uuid::Uuid;

use super::{Db, SqlStore, series::day_of};
use crate::store::{
    Exemplar, Metadata, MetricStore, Receipt, SeriesBatches, SeriesExemplars, StoreError, StoreResult, bulk,
    sample::{Labels, Matcher, Selection},
};

/// Exemplars that one query reads at most.
const MOST_EXEMPLARS: usize = 20_000;
const DAY_MILLIS: i64 = 86_400_000;
/// How long a report that is sent again is known.
const RECEIPT_MILLIS: i64 = 7 * DAY_MILLIS;

#[async_trait]
impl MetricStore for SqlStore {
    async fn select(&self, tenant: TenantId, selection: &Selection) -> StoreResult<Box<dyn SeriesBatches>> {
        self.open_selection(tenant, selection).await
    }

    async fn series(&self, tenant: TenantId, matchers: &[Matcher], since: i64) -> StoreResult<Vec<Labels>> {
        let found = self.find_series(tenant, matchers, since.div_euclid(DAY_MILLIS)).await?;
        Ok(found.into_iter().map(|(_, labels)| labels).collect())
    }

    async fn series_names(&self, tenant: TenantId, since: i64) -> StoreResult<Vec<(String, u64)>> {
        let since_day = since.div_euclid(DAY_MILLIS);
        loop {
            let metrics = self.read_series(tenant, None, since_day).await?;
            // Nothing if some were forgotten just now.
            if let Some(names) = self.series.names(tenant, metrics, since_day) {
                return Ok(names);
            }
        }
    }

    fn known_series(&self, tenant: TenantId, series: &[&Labels], since: i64) -> Vec<bool> {
        let all = series.iter().map(|labels| (tenant, *labels));
        let known = self.series.numbers(all, since.div_euclid(DAY_MILLIS));
        known.into_iter().map(|known| known.is_some()).collect()
    }

    fn active_series(&self, tenant: TenantId, since: i64) -> usize {
        self.series.active(tenant, since.div_euclid(DAY_MILLIS))
    }

    async fn describe(&self, tenant: TenantId, metadata: &[Metadata]) -> StoreResult<()> {
        // The same name twice in one statement is an error.
        let newest: BTreeMap<&str, &Metadata> = metadata.iter().map(|one| (one.name.as_str(), one)).collect();
        let newest: Vec<&Metadata> = newest.into_values().collect();
        for metadata in bulk::parts(&newest) {
            let mut query = QueryBuilder::<Db>::new("INSERT INTO metric_metadata (tenant, name, type, help, unit) ");
            query.push_values(metadata, |mut row, one| {
                row.push_bind(tenant.0).push_bind(&one.name).push_bind(&one.kind);
                row.push_bind(&one.help).push_bind(&one.unit);
            });
            query.push(
                " ON CONFLICT (tenant, name) DO UPDATE SET type = excluded.type, help = excluded.help,
                    unit = excluded.unit",
            );
            query.build().execute(&self.writer).await?;
        }
        Ok(())
    }

    async fn metadata(&self, tenant: TenantId, name: Option<&str>, limit: usize) -> StoreResult<Vec<Metadata>> {
        let rows = if let Some(name) = name {
            let one = "SELECT name, type, help, unit FROM metric_metadata WHERE tenant = $1 AND name = $2";
            sqlx::query_as(one).bind(tenant.0).bind(name).fetch_all(&self.reader).await?
        } else {
            let all = "SELECT name, type, help, unit FROM metric_metadata WHERE tenant = $1 ORDER BY name LIMIT $2";
            sqlx::query_as(all).bind(tenant.0).bind(limit as i64).fetch_all(&self.reader).await?
        };
        Ok(rows)
    }

    async fn exemplars(
        &self,
        tenant: TenantId,
        matchers: &[Matcher],
        from: UnixNanos,
        to: UnixNanos,
        limit: usize,
    ) -> StoreResult<Vec<SeriesExemplars>> {
        let series = self.find_series(tenant, matchers, day_of(from) - 1).await?;
        let mut found: BTreeMap<i64, Vec<Exemplar>> = BTreeMap::new();
        let mut count = 0;
        for series in bulk::parts(&series) {
            let mut query = QueryBuilder::<Db>::new(
                "SELECT series_id, time, value, trace_id, span_id, labels FROM (
                    SELECT x.*, ROW_NUMBER() OVER (PARTITION BY x.series_id ORDER BY x.time DESC) AS age FROM (",
            );
            query.push_values(series, |mut row, (id, _)| {
                row.push_bind(*id);
            });
            // A cross join: SQLite must go from the series to their exemplars, not through all of them.
            query.push(") AS k CROSS JOIN exemplars x WHERE x.series_id = k.column1 AND x.tenant = ");
            query.push_bind(tenant.0).push(" AND x.time >= ").push_bind(from.0);
            query.push(" AND x.time < ").push_bind(to.0).push(") AS of_series WHERE age <= ").push_bind(limit as i64);
            query.push(" ORDER BY series_id, time");
            let rows: Vec<ExemplarRow> = query.build_query_as().fetch_all(&self.reader).await?;
            count += rows.len();
            if count > MOST_EXEMPLARS {
                return Err(StoreError::TooMuch(MOST_EXEMPLARS));
            }
            for row in rows {
                found.entry(row.series_id).or_default().push(row.exemplar()?);
            }
        }
        let with_exemplars = |(id, series)| found.remove(&id).map(|exemplars| SeriesExemplars { series, exemplars });
        Ok(series.into_iter().filter_map(with_exemplars).collect())
    }

    async fn claim_receipt(&self, tenant: TenantId, id: Uuid, now: UnixMillis) -> StoreResult<Receipt> {
        let mut tx = self.begin_write().await?;
        sqlx::query("DELETE FROM ingest_receipts WHERE taken_at < $1")
            .bind(now.0 - RECEIPT_MILLIS)
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO ingest_receipts (tenant, id, taken_at, is_stored) VALUES ($1, $2, $3, FALSE)
             ON CONFLICT (tenant, id) DO NOTHING",
        )
        .bind(tenant.0)
        .bind(id)
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        let (taken_at, is_stored): (i64, bool) =
            sqlx::query_as("SELECT taken_at, is_stored FROM ingest_receipts WHERE tenant = $1 AND id = $2")
                .bind(tenant.0)
                .bind(id)
                .fetch_one(&mut *tx)
                .await?;
        tx.commit().await?;
        Ok(Receipt { taken_at: UnixMillis(taken_at), is_stored })
    }

    async fn keep_receipt(&self, tenant: TenantId, id: Uuid) -> StoreResult<()> {
        sqlx::query("UPDATE ingest_receipts SET is_stored = TRUE WHERE tenant = $1 AND id = $2")
            .bind(tenant.0)
            .bind(id)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    async fn tidy_samples(&self, now: UnixNanos) -> StoreResult<bool> {
        self.tidy_once(now).await
    }
}

#[derive(sqlx::FromRow)]
struct ExemplarRow {
    series_id: i64,
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
