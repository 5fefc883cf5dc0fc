//! Series: their numbers, and what of them is kept in memory, on either engine.
//!
//! In memory are series that had samples within days, and others for a while when somebody has asked for them. Every
//! commit notes the day for the series whose samples it brings, so that nobody else needs to find out when a series was
//! heard of last.

use std::collections::{BTreeMap, HashMap, HashSet};

use app::model::{TenantId, UnixNanos};
use sqlx::QueryBuilder;

use super::{Db, LABELS_KEY, SqlStore};
use crate::store::{
    Removed, StoreError, StoreResult, bulk,
    sample::{
        Labels, Matcher, NAME,
        index::{Extent, Found, KNOWN_DAYS, Numbered, SERIES_A_METRIC, StoredMetric, StoredSeries},
        matching::name_of,
    },
};

type Connection = <Db as sqlx::Database>::Connection;

/// Series that are read in one go.
const SERIES_AT_ONCE: i64 = 5000;
/// Series that one transaction removes at most.
const REMOVED_AT_ONCE: i64 = 2000;
/// Series are kept for so many days after their last sample was removed, so that nobody holds the number of one that is no
/// more: clocks differ, and work may wait.
const SPARE_DAYS: i64 = 2;

impl SqlStore {
    /// The series for which all matchers hold and which had samples on a day or later.
    pub(super) async fn find_series(
        &self,
        tenant: TenantId,
        matchers: &[Matcher],
        since_day: i64,
    ) -> StoreResult<Found> {
        loop {
            let metrics = self.read_series(tenant, name_of(matchers), since_day).await?;
            // Nothing if some were forgotten just now.
            if let Some(found) = self.series.matching(tenant, &metrics, matchers, since_day)? {
                return Ok(found);
            }
        }
    }

    /// Learns the series of a metric, or of all, which had samples on a day or later. Returns the metrics that there are.
    pub(super) async fn read_series(
        &self,
        tenant: TenantId,
        name: Option<&str>,
        since_day: i64,
    ) -> StoreResult<Vec<String>> {
        let mut connection = self.reader.acquire().await?;
        let rows: Vec<(String, i64, i64, i64)> = if let Some(name) = name {
            let one = "SELECT name, id, next_series, revision FROM metric_names WHERE tenant = $1 AND name = $2";
            sqlx::query_as(one).bind(tenant.0).bind(name).fetch_all(&mut *connection).await?
        } else {
            let all = "SELECT name, id, next_series, revision FROM metric_names WHERE tenant = $1";
            sqlx::query_as(all).bind(tenant.0).fetch_all(&mut *connection).await?
        };
        let since_day = since_day.min(self.series.warm_day());
        let mut names = Vec::with_capacity(rows.len());
        for (name, id, next_series, revision) in rows {
            let metric = StoredMetric { id, next_series, revision };
            self.read_metric(&mut connection, tenant, &name, Extent { metric, since_day }).await?;
            names.push(name);
        }
        Ok(names)
    }

    /// Learns the series of a metric as far as they are not known.
    async fn read_metric(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        name: &str,
        wanted: Extent,
    ) -> StoreResult<()> {
        if self.series.extent(tenant, name).is_some_and(|known| known.includes(wanted)) {
            return Ok(());
        }
        let _alone = self.series.change().await;
        let known = self.series.extent(tenant, name).filter(|known| known.metric.id == wanted.metric.id);
        let since_day = known.map_or(wanted.since_day, |known| known.since_day.min(wanted.since_day));
        let all = wanted.metric.next_series;
        // From a series up to before another, with their last day from one up to before another.
        let parts = match known {
            Some(Extent { metric, since_day: known_since }) if metric.revision >= wanted.metric.revision => {
                vec![(metric.next_series, all, since_day, i64::MAX), (0, metric.next_series, since_day, known_since)]
            }
            _ => vec![(0, all, since_day, i64::MAX)],
        };
        let first = wanted.metric.id * SERIES_A_METRIC;
        let mut series = Vec::new();
        for (from, to, since_day, before_day) in parts {
            let (mut from, to) = (first + from, first + to);
            while from < to && since_day < before_day {
                let rows: Vec<(i64, String, i64)> = sqlx::query_as(
                    "SELECT id, labels, last_day FROM metric_series
                     WHERE id >= $1 AND id < $2 AND last_day >= $3 AND last_day < $4 ORDER BY id LIMIT $5",
                )
                .bind(from)
                .bind(to)
                .bind(since_day)
                .bind(before_day)
                .bind(SERIES_AT_ONCE)
                .fetch_all(&mut *connection)
                .await?;
                let Some((last, ..)) = rows.last() else { break };
                from = last + 1;
                for row in rows {
                    series.push(stored_series(name, row)?);
                }
            }
        }
        self.series.learn(tenant, name, Extent { since_day, ..wanted }, series);
        Ok(())
    }

    /// Gives numbers to series that nobody here has heard of lately: the ones that they have, or new ones.
    pub(super) async fn number_series(
        &self,
        connection: &mut Connection,
        series: impl Iterator<Item = (TenantId, &Labels)>,
        day: i64,
    ) -> StoreResult<Vec<Numbered>> {
        let mut by_metric: BTreeMap<(TenantId, &str), HashSet<&Labels>> = BTreeMap::new();
        for (tenant, series) in series {
            by_metric.entry((tenant, series.name())).or_default().insert(series);
        }
        let mut numbered = Vec::new();
        for ((tenant, name), wanted) in by_metric {
            let (id, next_series, revision): (i64, i64, i64) = sqlx::query_as(
                "INSERT INTO metric_names (tenant, name, next_series) VALUES ($1, $2, 0)
                 ON CONFLICT (tenant, name) DO UPDATE SET name = excluded.name RETURNING id, next_series, revision",
            )
            .bind(tenant.0)
            .bind(name)
            .fetch_one(&mut *connection)
            .await?;
            let before = StoredMetric { id, next_series, revision };
            let mut wanted: Vec<&Labels> = wanted.into_iter().collect();
            wanted.sort_unstable();
            let mut series = Vec::new();
            if self.series.may_be_stored(tenant, name, before, &wanted) {
                series = stored_with_labels(connection, name, before, &wanted).await?;
                let stored: HashSet<&Labels> = series.iter().map(|series| &series.labels).collect();
                wanted.retain(|labels| !stored.contains(labels));
            }
            let silent: Vec<i64> = series.iter().filter(|one| one.last_day < day).map(|one| one.id).collect();
            note_day(connection, &silent, day).await?;
            let is_news = series.iter().any(|one| one.last_day < day - KNOWN_DAYS);
            for one in &mut series {
                one.last_day = one.last_day.max(day);
            }
            // Its numbers end where those of the next metric begin.
            let room = (SERIES_A_METRIC - next_series).max(0) as usize;
            let new: Vec<StoredSeries> = (id * SERIES_A_METRIC + next_series..)
                .zip(wanted.into_iter().take(room))
                .map(|(id, labels)| StoredSeries { id, labels: labels.clone(), last_day: day })
                .collect();
            let after = StoredMetric {
                next_series: next_series + new.len() as i64,
                revision: revision + i64::from(is_news),
                ..before
            };
            if after != before {
                sqlx::query("UPDATE metric_names SET next_series = $2, revision = $3 WHERE id = $1")
                    .bind(id)
                    .bind(after.next_series)
                    .bind(after.revision)
                    .execute(&mut *connection)
                    .await?;
            }
            insert_series(connection, tenant, &new).await?;
            series.extend(new);
            if !series.is_empty() {
                numbered.push(Numbered { tenant, name: name.to_owned(), before, after, series });
            }
        }
        Ok(numbered)
    }

    /// Removes a small batch of the series that had no samples since days before a time, and the metrics that have none
    /// left with what was said of them.
    pub(super) async fn remove_series(&self, before: UnixNanos) -> StoreResult<Removed> {
        let before_day = day_of(before) - SPARE_DAYS;
        let rows: Vec<(i64,)> = sqlx::query_as("SELECT id FROM metric_series WHERE last_day < $1 LIMIT $2")
            .bind(before_day)
            .bind(REMOVED_AT_ONCE)
            .fetch_all(&self.reader)
            .await?;
        if rows.is_empty() {
            return Ok(Removed::default());
        }
        let ids: Vec<i64> = rows.iter().map(|row| row.0).collect();
        let metrics: HashSet<i64> = ids.iter().map(|id| id / SERIES_A_METRIC).collect();
        // Nobody else commits meanwhile: one that is heard of again is either noted before or numbered anew.
        let mut tx = self.begin_commit().await?;
        let mut removed = 0;
        for ids in bulk::parts(&ids) {
            let mut query = QueryBuilder::<Db>::new("DELETE FROM metric_series WHERE last_day < ");
            query.push_bind(before_day).push(" AND id IN (");
            let mut list = query.separated(", ");
            for id in ids {
                list.push_bind(*id);
            }
            query.push(")");
            removed += query.build().execute(&mut *tx).await?.rows_affected();
        }
        let mut gone: Vec<(i64, String)> = Vec::new();
        for metric in metrics {
            let removed = sqlx::query_as(
                "DELETE FROM metric_names WHERE id = $1
                 AND NOT EXISTS (SELECT 1 FROM metric_series WHERE id >= $2 AND id < $3) RETURNING tenant, name",
            )
            .bind(metric)
            .bind(metric * SERIES_A_METRIC)
            .bind((metric + 1) * SERIES_A_METRIC)
            .fetch_optional(&mut *tx)
            .await?;
            gone.extend(removed);
        }
        remove_metadata(&mut tx, &gone).await?;
        tx.commit().await?;
        for (tenant, name) in gone {
            self.series.remove(TenantId(tenant), &name).await;
        }
        Ok(Removed { rows: removed, more: ids.len() as i64 == REMOVED_AT_ONCE })
    }
}

/// The day of a time, counted from the Unix epoch.
pub(super) fn day_of(time: UnixNanos) -> i64 {
    time.0.div_euclid(86_400_000_000_000)
}

/// Notes that series had samples on a day.
pub(super) async fn note_day(connection: &mut Connection, series: &[i64], day: i64) -> StoreResult<()> {
    for ids in bulk::parts(series) {
        let mut query = QueryBuilder::<Db>::new("UPDATE metric_series SET last_day = ");
        query.push_bind(day).push(" WHERE last_day < ").push_bind(day).push(" AND id IN (");
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(*id);
        }
        query.push(")");
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// The series of a metric that are stored with these labels.
async fn stored_with_labels(
    connection: &mut Connection,
    name: &str,
    metric: StoredMetric,
    wanted: &[&Labels],
) -> StoreResult<Vec<StoredSeries>> {
    let (open, close) = LABELS_KEY;
    let mut found = Vec::new();
    for wanted in bulk::parts(wanted) {
        let mut query = QueryBuilder::<Db>::new("SELECT id, labels, last_day FROM metric_series WHERE id >= ");
        query.push_bind(metric.id * SERIES_A_METRIC).push(" AND id < ").push_bind((metric.id + 1) * SERIES_A_METRIC);
        query.push(" AND ").push(open).push("labels").push(close).push(" IN (");
        let mut list = query.separated(", ");
        for labels in wanted {
            list.push(open).push_bind_unseparated(write_labels(labels)).push_unseparated(close);
        }
        query.push(")");
        for row in query.build_query_as::<(i64, String, i64)>().fetch_all(&mut *connection).await? {
            found.push(stored_series(name, row)?);
        }
    }
    Ok(found)
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

/// What a metric's name may end with beyond that of its family, which is what senders describe.
const PARTS: [&str; 5] = ["_bucket", "_sum", "_count", "_total", "_created"];

/// Removes what was said of metrics that are no more, given with their tenants.
async fn remove_metadata(connection: &mut Connection, gone: &[(i64, String)]) -> StoreResult<()> {
    let families = gone.iter().flat_map(|(tenant, name)| {
        let whole = PARTS.iter().filter_map(|part| name.strip_suffix(part));
        std::iter::once(name.as_str()).chain(whole).map(|family| (*tenant, family))
    });
    let families: Vec<(i64, &str)> = families.collect();
    let others: Vec<String> = PARTS.iter().map(|part| format!("metric_metadata.name || '{part}'")).collect();
    let others = others.join(", ");
    for families in bulk::parts(&families) {
        let mut query = QueryBuilder::<Db>::new("DELETE FROM metric_metadata WHERE (tenant, name) IN (");
        query.push_values(families, |mut row, (tenant, family)| {
            row.push_bind(*tenant).push_bind(*family);
        });
        query.push(format!(
            ") AND NOT EXISTS (SELECT 1 FROM metric_names n WHERE n.tenant = metric_metadata.tenant
                 AND n.name IN (metric_metadata.name, {others}))"
        ));
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Labels without the name, as they are stored.
fn write_labels(labels: &Labels) -> String {
    let others: BTreeMap<&str, &str> = labels.iter().filter(|(name, _)| *name != NAME).collect();
    serde_json::to_string(&others).unwrap_or_default()
}

/// A series from its row: number, labels, last day.
fn stored_series(name: &str, (id, labels, last_day): (i64, String, i64)) -> StoreResult<StoredSeries> {
    let others: HashMap<String, String> = serde_json::from_str(&labels)
        .map_err(|error| StoreError::Damaged(format!("labels of series {id}: {error}")))?;
    let labels = Labels::new(others.into_iter().chain([(NAME.to_owned(), name.to_owned())]));
    Ok(StoredSeries { id, labels, last_day })
}
