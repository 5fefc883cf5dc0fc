//! Series and the commit of their samples, on either engine.

use std::collections::{BTreeMap, HashMap, HashSet};

use app::model::TenantId;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use super::{Db, SqlStore};
use crate::store::{
    NewExemplar, NewMetrics, NewSample, StoreError, StoreResult, bulk,
    sample::{
        Labels, NAME, Samples, block,
        index::{KnownMetric, SERIES_A_METRIC, StoredSeries},
    },
};

type Connection = <Db as sqlx::Database>::Connection;

/// Series that are read in one go.
const SERIES_AT_ONCE: i64 = 5000;

/// Series that a commit has added, to be remembered once it is made.
pub(super) struct AddedSeries {
    tenant: TenantId,
    name: String,
    metric: KnownMetric,
    series: Vec<StoredSeries>,
}

impl SqlStore {
    /// Remembers series that were committed.
    pub(super) fn learn_series(&self, added: Vec<AddedSeries>) {
        for AddedSeries { tenant, name, metric, series } in added {
            self.series.learn(tenant, &name, metric, series);
        }
    }

    /// Learns the series of a metric, or of all, that others have added.
    pub(super) async fn load_series(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        name: Option<&str>,
    ) -> StoreResult<()> {
        let metrics: Vec<(i64, String, i64)> = if let Some(name) = name {
            let one = "SELECT id, name, next_series FROM metric_names WHERE tenant = $1 AND name = $2";
            sqlx::query_as(one).bind(tenant.0).bind(name).fetch_all(&mut *connection).await?
        } else {
            let all = "SELECT id, name, next_series FROM metric_names WHERE tenant = $1";
            sqlx::query_as(all).bind(tenant.0).fetch_all(&mut *connection).await?
        };
        for (id, name, next_series) in metrics {
            self.load_metric(connection, tenant, &name, KnownMetric { id, next_series }).await?;
        }
        Ok(())
    }

    /// Learns the series of a metric before its `next_series`.
    async fn load_metric(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        name: &str,
        metric: KnownMetric,
    ) -> StoreResult<()> {
        let known = self.series.metric(tenant, name).map_or(0, |metric| metric.next_series);
        let mut series = Vec::new();
        let mut next = metric.id * SERIES_A_METRIC + known;
        let end = metric.id * SERIES_A_METRIC + metric.next_series;
        while next < end {
            let rows: Vec<(i64, String, i64)> = sqlx::query_as(
                "SELECT id, labels, last_day FROM metric_series WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3",
            )
            .bind(next)
            .bind(end)
            .bind(SERIES_AT_ONCE)
            .fetch_all(&mut *connection)
            .await?;
            let Some((last, ..)) = rows.last() else { break };
            next = last + 1;
            for (id, labels, last_day) in rows {
                series.push(StoredSeries { id, labels: read_labels(id, name, &labels)?, last_day });
            }
        }
        self.series.learn(tenant, name, metric, series);
        Ok(())
    }

    /// Learns the series of metrics that a commit will ask for, before it holds up others.
    pub(super) async fn prepare_metrics(&self, metrics: &NewMetrics) -> StoreResult<()> {
        let of_samples = metrics.samples.iter().map(|sample| (sample.tenant, &sample.series));
        let of_exemplars = metrics.exemplars.iter().map(|exemplar| (exemplar.tenant, &exemplar.series));
        let all = of_samples.chain(of_exemplars);
        let known = self.series.numbers(all.clone());
        let unknown = all.zip(known).filter(|(_, number)| number.is_none());
        let names: HashSet<(TenantId, &str)> = unknown.map(|((tenant, series), _)| (tenant, series.name())).collect();
        if names.is_empty() {
            return Ok(());
        }
        let mut connection = self.reader.acquire().await?;
        for (tenant, name) in names {
            self.load_series(&mut connection, tenant, Some(name)).await?;
        }
        Ok(())
    }

    /// Writes samples as a block a tenant, and exemplars as rows; returns the series that were added.
    pub(super) async fn write_metrics(
        &self,
        connection: &mut Connection,
        metrics: &NewMetrics,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<AddedSeries>> {
        let of_samples = metrics.samples.iter().map(|sample| (sample.tenant, &sample.series));
        let of_exemplars = metrics.exemplars.iter().map(|exemplar| (exemplar.tenant, &exemplar.series));
        let all = of_samples.chain(of_exemplars);
        let known = self.series.numbers(all.clone());
        let unknown = all.clone().zip(&known).filter(|(_, number)| number.is_none()).map(|(series, _)| series);
        let added = self.number_series(connection, unknown, now).await?;
        let numbers = if known.contains(&None) {
            let new =
                added.iter().flat_map(|added| added.series.iter().map(|one| ((added.tenant, &one.labels), one.id)));
            let new: HashMap<(TenantId, &Labels), i64> = new.collect();
            // Others may have added some: what was unknown is looked up once more.
            let known = self.series.numbers(all.clone());
            let number = |(series, known): (_, Option<i64>)| known.or_else(|| new.get(&series).copied());
            all.zip(known).map(number).collect()
        } else {
            known
        };
        if numbers.contains(&None) {
            tracing::error!(most = SERIES_A_METRIC, "a metric has no room for more series: their samples are left out");
        }
        let (of_samples, of_exemplars) = numbers.split_at(metrics.samples.len());
        write_samples(connection, &metrics.samples, of_samples, now).await?;
        write_exemplars(connection, &metrics.exemplars, of_exemplars).await?;
        Ok(added)
    }

    /// Gives numbers to series that have none.
    async fn number_series(
        &self,
        connection: &mut Connection,
        series: impl Iterator<Item = (TenantId, &Labels)>,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<AddedSeries>> {
        let mut by_metric: BTreeMap<(TenantId, &str), HashSet<&Labels>> = BTreeMap::new();
        for (tenant, series) in series {
            by_metric.entry((tenant, series.name())).or_default().insert(series);
        }
        let mut added = Vec::new();
        for ((tenant, name), wanted) in by_metric {
            let (id, next_series): (i64, i64) = sqlx::query_as(
                "INSERT INTO metric_names (tenant, name, next_series) VALUES ($1, $2, 0)
                 ON CONFLICT (tenant, name) DO UPDATE SET name = excluded.name RETURNING id, next_series",
            )
            .bind(tenant.0)
            .bind(name)
            .fetch_one(&mut *connection)
            .await?;
            if next_series > 0 {
                self.load_metric(connection, tenant, name, KnownMetric { id, next_series }).await?;
            }
            let mut wanted: Vec<&Labels> = wanted.into_iter().collect();
            wanted.sort_unstable();
            let known = self.series.numbers(wanted.iter().map(|labels| (tenant, *labels)));
            let new = wanted.into_iter().zip(known).filter(|(_, number)| number.is_none());
            let last_day = now.timestamp().div_euclid(86_400);
            let first = id * SERIES_A_METRIC + next_series;
            // Its numbers end where those of the next metric begin.
            let room = (SERIES_A_METRIC - next_series).max(0) as usize;
            let series: Vec<StoredSeries> = (first..)
                .zip(new.take(room))
                .map(|(id, (labels, _))| StoredSeries { id, labels: labels.clone(), last_day })
                .collect();
            if series.is_empty() {
                continue;
            }
            let next_series = next_series + series.len() as i64;
            sqlx::query("UPDATE metric_names SET next_series = $2 WHERE id = $1")
                .bind(id)
                .bind(next_series)
                .execute(&mut *connection)
                .await?;
            insert_series(connection, tenant, &series).await?;
            added.push(AddedSeries { tenant, name: name.to_owned(), metric: KnownMetric { id, next_series }, series });
        }
        Ok(added)
    }
}

/// Writes samples of series with these numbers as a block a tenant.
async fn write_samples(
    connection: &mut Connection,
    samples: &[NewSample],
    numbers: &[Option<i64>],
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let mut rows: Vec<(TenantId, i64, i64, f64)> = samples
        .iter()
        .zip(numbers)
        .filter_map(|(sample, number)| Some((sample.tenant, (*number)?, sample.time.to_millis().0, sample.value)))
        .collect();
    // Stable: of two samples at one time the first stays.
    rows.sort_by_key(|(tenant, number, time, _)| (*tenant, *number, *time));
    for of_tenant in rows.chunk_by(|one, other| one.0 == other.0) {
        let mut series: Vec<(i64, Samples)> = Vec::new();
        for (_, number, time, value) in of_tenant {
            match series.last_mut() {
                Some((last, samples)) if last == number => {
                    if samples.times.last() != Some(time) {
                        samples.push(*time, *value);
                    }
                }
                _ => series.push((*number, [(*time, *value)].into_iter().collect())),
            }
        }
        write_commit(connection, of_tenant[0].0, &series, now.timestamp_millis()).await?;
    }
    Ok(())
}

/// Writes exemplars of series with these numbers. One that is sent again stays as it was.
async fn write_exemplars(
    connection: &mut Connection,
    exemplars: &[NewExemplar],
    numbers: &[Option<i64>],
) -> StoreResult<()> {
    let numbered = exemplars.iter().zip(numbers).filter_map(|(exemplar, number)| Some((exemplar, (*number)?)));
    let exemplars: Vec<(&NewExemplar, i64)> = numbered.collect();
    for exemplars in bulk::parts(&exemplars) {
        let mut query = QueryBuilder::<Db>::new(
            "INSERT INTO exemplars (tenant, series_id, time, value, trace_id, span_id, labels) ",
        );
        query.push_values(exemplars, |mut row, (NewExemplar { tenant, exemplar, .. }, series)| {
            row.push_bind(tenant.0).push_bind(*series).push_bind(exemplar.time.0).push_bind(exemplar.value);
            row.push_bind(exemplar.trace_id.map(|id| id.0.to_vec()));
            row.push_bind(exemplar.span_id.map(|id| id.0.to_vec()));
            row.push_bind(serde_json::to_string(&exemplar.labels).unwrap_or_default());
        });
        query.push(" ON CONFLICT (tenant, series_id, time) DO NOTHING");
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Writes the samples of a tenant's series, by ascending number, as a block.
pub(super) async fn write_commit(
    connection: &mut Connection,
    tenant: TenantId,
    series: &[(i64, Samples)],
    created_at: i64,
) -> StoreResult<()> {
    let samples: usize = series.iter().map(|(_, samples)| samples.len()).sum();
    sqlx::query("INSERT INTO sample_commits (tenant, samples, created_at, payload) VALUES ($1, $2, $3, $4)")
        .bind(tenant.0)
        .bind(samples as i64)
        .bind(created_at)
        .bind(block::encode(series.iter().map(|(id, samples)| (*id, samples)))?)
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert_series(connection: &mut Connection, tenant: TenantId, series: &[StoredSeries]) -> StoreResult<()> {
    for series in bulk::parts(series) {
        let mut query = QueryBuilder::<Db>::new("INSERT INTO metric_series (id, tenant, labels, last_day) ");
        query.push_values(series, |mut row, StoredSeries { id, labels, last_day }| {
            row.push_bind(*id).push_bind(tenant.0).push_bind(write_labels(labels)).push_bind(*last_day);
        });
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Labels without the name, as they are stored.
fn write_labels(labels: &Labels) -> String {
    let others: BTreeMap<&str, &str> = labels.iter().filter(|(name, _)| *name != NAME).collect();
    serde_json::to_string(&others).unwrap_or_default()
}

fn read_labels(id: i64, name: &str, stored: &str) -> StoreResult<Labels> {
    let others: BTreeMap<String, String> =
        serde_json::from_str(stored).map_err(|error| StoreError::Damaged(format!("labels of series {id}: {error}")))?;
    Ok(Labels::new(others.into_iter().chain([(NAME.to_owned(), name.to_owned())])))
}
