//! The commit of samples and exemplars, on either engine.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use app::model::{TenantId, UnixNanos};
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use super::{
    Db, SqlStore,
    series::{day_of, note_day},
};
use crate::store::{
    NewExemplar, NewMetrics, NewSample, StoreResult, bulk,
    sample::{
        Labels, Samples, block,
        index::{KNOWN_DAYS, Known, Numbered, SERIES_A_METRIC},
    },
};

type Connection = <Db as sqlx::Database>::Connection;

/// What a commit says of series, to be remembered once it is made.
pub(super) struct LearnedSeries {
    numbered: Vec<Numbered>,
    /// Those for which the day was noted.
    heard: BTreeMap<TenantId, Vec<i64>>,
    day: i64,
}

impl SqlStore {
    /// Remembers what a commit said of series.
    pub(super) fn learn_series(&self, learned: LearnedSeries) {
        for numbered in learned.numbered {
            self.series.committed(numbered);
        }
        for (tenant, series) in learned.heard {
            self.series.had_samples(tenant, &series, learned.day);
        }
    }

    /// Learns the series of metrics that a commit will ask for, before it holds up others.
    pub(super) async fn prepare_metrics(&self, metrics: &NewMetrics, now: DateTime<Utc>) -> StoreResult<()> {
        self.series.is_day(day_of(now.into()));
        let known = self.series.numbers(series_of(metrics), commit_day(metrics, now) - KNOWN_DAYS);
        let unknown = series_of(metrics).zip(known).filter(|(_, known)| known.is_none());
        let names: HashSet<(TenantId, &str)> = unknown.map(|((tenant, series), _)| (tenant, series.name())).collect();
        for (tenant, name) in names {
            self.read_series(tenant, Some(name), i64::MAX).await?;
        }
        Ok(())
    }

    /// Writes samples as a block a tenant, and exemplars as rows; returns what is to be remembered of their series.
    pub(super) async fn write_metrics(
        &self,
        connection: &mut Connection,
        metrics: &NewMetrics,
        now: DateTime<Utc>,
    ) -> StoreResult<LearnedSeries> {
        let day = commit_day(metrics, now);
        let known = self.series.numbers(series_of(metrics), day - KNOWN_DAYS);
        let unknown = series_of(metrics).zip(&known).filter(|(_, known)| known.is_none()).map(|(series, _)| series);
        let numbered = self.number_series(connection, unknown, day).await?;
        let new = numbered.iter().flat_map(|of| of.series.iter().map(|one| ((of.tenant, &one.labels), one.id)));
        let new: HashMap<(TenantId, &Labels), i64> = new.collect();
        let number =
            |(series, known): (_, &Option<Known>)| known.map(|known| known.id).or_else(|| new.get(&series).copied());
        let numbers: Vec<Option<i64>> = series_of(metrics).zip(&known).map(number).collect();
        if numbers.contains(&None) {
            tracing::error!(most = SERIES_A_METRIC, "a metric has no room for more series: their samples are left out");
        }
        let mut heard: BTreeMap<TenantId, BTreeSet<i64>> = BTreeMap::new();
        for ((tenant, _), known) in series_of(metrics).zip(&known) {
            if let Some(known) = known.filter(|known| known.last_day < day) {
                heard.entry(tenant).or_default().insert(known.id);
            }
        }
        let heard: BTreeMap<TenantId, Vec<i64>> =
            heard.into_iter().map(|(tenant, series)| (tenant, series.into_iter().collect())).collect();
        for series in heard.values() {
            note_day(connection, series, day).await?;
        }
        let (of_samples, of_exemplars) = numbers.split_at(metrics.samples.len());
        write_samples(connection, &metrics.samples, of_samples, now).await?;
        write_exemplars(connection, &metrics.exemplars, of_exemplars).await?;
        Ok(LearnedSeries { numbered, heard, day })
    }
}

/// The series of samples, then those of exemplars.
fn series_of(metrics: &NewMetrics) -> impl Iterator<Item = (TenantId, &Labels)> {
    let of_samples = metrics.samples.iter().map(|sample| (sample.tenant, &sample.series));
    of_samples.chain(metrics.exemplars.iter().map(|exemplar| (exemplar.tenant, &exemplar.series)))
}

/// The day that a commit notes for its series: no sample of it is of a later one.
fn commit_day(metrics: &NewMetrics, now: DateTime<Utc>) -> i64 {
    let newest = metrics.samples.iter().map(|sample| sample.time).max();
    day_of(newest.map_or(now.into(), |newest| newest.max(UnixNanos::from(now))))
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
