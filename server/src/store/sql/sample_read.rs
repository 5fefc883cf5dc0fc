//! Reading samples and roll-ups, on either engine.

use std::collections::{BTreeMap, HashSet, VecDeque};

use app::model::TenantId;
use async_trait::async_trait;
use foldhash::HashMap;
use sqlx::{QueryBuilder, Transaction};

use super::{Db, SqlStore};
use crate::store::{
    SeriesBatches, StoreResult, bulk,
    sample::{
        Bucket, Data, Labels, Resolution, Samples, Selection, Series,
        bucket::{bucket_end, roll_up},
        head::StoredCommit,
        index::SERIES_A_METRIC,
        merge::{Figures, REACH, window_millis},
    },
};

/// Blocks that are read at once: some hundred kilobytes.
const BLOCKS_AT_ONCE: usize = 32;
/// Commits that are read at once.
const COMMITS_AT_ONCE: i64 = 64;
const DAY_MILLIS: i64 = 86_400_000;
/// Some hundred thousand years.
const MOST_MILLIS: i64 = 1 << 53;
/// Metrics that are looked for one by one; of more the blocks of all between the first and the last are looked at.
const MOST_RANGES: usize = 16;

/// Seconds, as stored.
pub(super) fn seconds(resolution: Resolution) -> i64 {
    match resolution {
        Resolution::Raw => 0,
        other => other.millis() / 1000,
    }
}

/// Where a block is.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Place {
    id: i64,
    resolution: i64,
    window_end: i64,
    first_series: i64,
    last_series: i64,
}

/// What is known of a series so far.
#[derive(Default)]
struct Pieces {
    /// By window and block.
    samples: Vec<((i64, i64), Samples)>,
    /// By block.
    buckets: Vec<(i64, Vec<Bucket>)>,
}

/// The series of a selection, read as they are asked for, from one state of the database.
struct Selected {
    tx: Option<Transaction<'static, Db>>,
    selection: Selection,
    wanted: HashMap<i64, Labels>,
    places: VecDeque<Place>,
    pending: BTreeMap<i64, Pieces>,
}

impl SqlStore {
    pub(super) async fn open_selection(
        &self,
        tenant: TenantId,
        selection: &Selection,
    ) -> StoreResult<Box<dyn SeriesBatches>> {
        // Times that are not of this world are too large to be counted with.
        let selection = &Selection {
            after: selection.after.clamp(-MOST_MILLIS, MOST_MILLIS),
            to: selection.to.clamp(-MOST_MILLIS, MOST_MILLIS),
            ..selection.clone()
        };
        // A day earlier, too: what is on its way into the store from an older Console may not be noted yet.
        let since_day = raw_range(selection).0.div_euclid(DAY_MILLIS) - 1;
        let wanted = self.find_series(tenant, &selection.matchers, since_day).await?;
        let numbers: Vec<i64> = wanted.iter().map(|(id, _)| *id).collect();
        let mut selected = Selected {
            tx: None,
            selection: selection.clone(),
            wanted: wanted.into_iter().collect(),
            places: VecDeque::new(),
            pending: BTreeMap::new(),
        };
        if numbers.is_empty() || selection.after >= selection.to {
            return Ok(Box::new(selected));
        }
        // First what is newest: should it be sorted into blocks now, it is found twice, not missed.
        let (after, to) = raw_range(selection);
        let newest = {
            let mut head = self.head.lock().await;
            self.refresh_head(&mut head, usize::MAX).await?;
            head.samples(tenant, numbers.iter().copied(), after, to)
        };
        let raw_window = window_millis(Resolution::Raw);
        let first_newest = newest.iter().filter_map(|(_, samples)| samples.times.first()).min();
        let first_newest = first_newest.map_or(i64::MAX, |time| bucket_end(*time, raw_window));
        let mut tx = self.begin_read().await?;
        let mut places = self.places(&mut tx, tenant, selection, &numbers, first_newest).await?;
        places.sort_unstable_by_key(|place| (place.first_series, place.id));
        for (id, samples) in newest {
            // After all blocks: in the order in which things were stored.
            selected.pending.entry(id).or_default().samples.push(((i64::MAX, i64::MAX), samples));
        }
        selected.places = places.into();
        selected.tx = Some(tx);
        Ok(Box::new(selected))
    }

    /// Where the blocks of some series are. Where roll-ups are wanted, samples are, too, of windows that have changed
    /// since they were rolled up, and of those from `first_newest` on.
    async fn places(
        &self,
        tx: &mut Transaction<'static, Db>,
        tenant: TenantId,
        selection: &Selection,
        numbers: &[i64],
        first_newest: i64,
    ) -> StoreResult<Vec<Place>> {
        let mut ranges: Vec<(i64, i64)> = numbers
            .chunk_by(|one, next| one / SERIES_A_METRIC == next / SERIES_A_METRIC)
            .filter_map(|of_metric| Some((*of_metric.first()?, *of_metric.last()?)))
            .collect();
        if ranges.len() > MOST_RANGES {
            ranges = vec![(ranges[0].0, ranges[ranges.len() - 1].1)];
        }
        let (after, to) = raw_range(selection);
        let mut wanted = vec![(Resolution::Raw, after, to, selection.resolution == Resolution::Raw)];
        if selection.resolution != Resolution::Raw {
            wanted.push((selection.resolution, selection.after, selection.to + selection.resolution.millis(), true));
        }
        let mut found = HashSet::new();
        let mut places = Vec::new();
        for (resolution, after, to, is_all) in wanted {
            let window = window_millis(resolution);
            for (first, last) in &ranges {
                let rows: Vec<Place> = sqlx::query_as(
                    "SELECT b.id, b.resolution, b.window_end, b.first_series, b.last_series
                     FROM sample_windows w CROSS JOIN sample_blocks b
                     WHERE w.tenant = $1 AND w.resolution = $2 AND w.window_end >= $3 AND w.window_end <= $4
                       AND ($5 OR w.fresh_runs > 0 OR w.window_end >= $6)
                       AND b.tenant = $1 AND b.resolution = $2 AND b.window_end = w.window_end
                       AND b.first_series > $7 AND b.first_series <= $8 AND b.last_series >= $9
                       AND b.max_time > $10 AND b.min_time <= $11",
                )
                .bind(tenant.0)
                .bind(seconds(resolution))
                .bind(bucket_end(after + 1, window))
                .bind(bucket_end(to, window))
                .bind(is_all)
                .bind(first_newest)
                .bind(first - REACH)
                .bind(last)
                .bind(first)
                .bind(after)
                .bind(to)
                .fetch_all(&mut **tx)
                .await?;
                let has_wanted = |place: &Place| {
                    let next = numbers.partition_point(|number| *number < place.first_series);
                    numbers.get(next).is_some_and(|number| *number <= place.last_series)
                };
                places.extend(rows.into_iter().filter(|place| has_wanted(place) && found.insert(place.id)));
            }
        }
        Ok(places)
    }

    /// Learns what has been sorted into blocks since the head was looked at last, and what has been committed, until there
    /// are so many samples.
    pub(super) async fn refresh_head(
        &self,
        head: &mut crate::store::sample::head::Head,
        enough: usize,
    ) -> StoreResult<()> {
        let (first,): (Option<i64>,) =
            sqlx::query_as("SELECT MIN(id) FROM sample_commits").fetch_one(&self.reader).await?;
        head.begins_with(first);
        while head.size().0 < enough {
            let commits: Vec<StoredCommit> = sqlx::query_as(
                "SELECT id, tenant, created_at, payload FROM sample_commits WHERE id > $1 ORDER BY id LIMIT $2",
            )
            .bind(head.last())
            .bind(COMMITS_AT_ONCE)
            .fetch_all(&self.reader)
            .await?;
            head.add(&commits);
            if commits.len() < COMMITS_AT_ONCE as usize {
                break;
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

/// Samples after when and up to when are needed: whole buckets where roll-ups are wanted.
fn raw_range(selection: &Selection) -> (i64, i64) {
    let length = selection.resolution.millis();
    (bucket_end(selection.after + 1, length) - length, bucket_end(selection.to, length))
}

/// Reads blocks, in any order.
pub(super) async fn payloads(
    connection: &mut <Db as sqlx::Database>::Connection,
    ids: &[i64],
) -> StoreResult<Vec<(i64, Vec<u8>)>> {
    let mut all = Vec::with_capacity(ids.len());
    for ids in bulk::parts(ids) {
        let mut query = QueryBuilder::<Db>::new("SELECT id, payload FROM sample_blocks WHERE id IN (");
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(*id);
        }
        query.push(")");
        all.extend(query.build_query_as::<(i64, Vec<u8>)>().fetch_all(&mut *connection).await?);
    }
    Ok(all)
}

impl Selected {
    /// Takes what the wanted series have in a block.
    fn take(&mut self, place: &Place, payload: &[u8]) -> StoreResult<()> {
        let is_wanted = |id: i64| self.wanted.contains_key(&id);
        if place.resolution == 0 {
            for (id, samples) in Samples::decode(payload, is_wanted)? {
                self.pending.entry(id).or_default().samples.push(((place.window_end, place.id), samples));
            }
        } else {
            for (id, buckets) in Vec::decode(payload, is_wanted)? {
                self.pending.entry(id).or_default().buckets.push((place.id, buckets));
            }
        }
        Ok(())
    }

    /// A series of which everything is known.
    fn finish(&self, id: i64, pieces: Pieces) -> Option<Series> {
        let Pieces { mut samples, mut buckets } = pieces;
        let Selection { after, to, resolution, .. } = self.selection;
        samples.sort_by_key(|(place, _)| *place);
        let mut samples = Samples::together(samples.into_iter().map(|(_, samples)| samples).collect());
        let (raw_after, raw_to) = raw_range(&self.selection);
        samples.retain(raw_after, raw_to);
        let data = if resolution == Resolution::Raw {
            Data::Samples(samples)
        } else {
            buckets.sort_by_key(|(block, _)| *block);
            let mut parts: Vec<Vec<Bucket>> = buckets.into_iter().map(|(_, buckets)| buckets).collect();
            parts.push(roll_up(&samples, resolution.millis()));
            let mut all = Vec::together(parts);
            all.retain(|bucket: &Bucket| bucket.end > after && bucket.end - resolution.millis() < to);
            Data::Buckets(all)
        };
        let labels = self.wanted.get(&id)?.clone();
        (!data.is_empty()).then_some(Series { labels, data })
    }
}

#[async_trait]
impl SeriesBatches for Selected {
    async fn next(&mut self) -> StoreResult<Option<Vec<Series>>> {
        loop {
            let count = self.places.len().min(BLOCKS_AT_ONCE);
            let places: Vec<Place> = self.places.drain(..count).collect();
            if let Some(tx) = self.tx.as_mut().filter(|_| !places.is_empty()) {
                let ids: Vec<i64> = places.iter().map(|place| place.id).collect();
                let payloads: HashMap<i64, Vec<u8>> = payloads(tx, &ids).await?.into_iter().collect();
                for place in &places {
                    let payload = payloads.get(&place.id).map(Vec::as_slice);
                    self.take(place, payload.ok_or(crate::store::StoreError::Gone(place.id))?)?;
                }
            }
            // Blocks come by their first series: of those before it nothing more comes.
            let rest = self.places.front().map(|next| self.pending.split_off(&next.first_series));
            if rest.is_none() {
                self.tx = None;
            }
            let ready = std::mem::replace(&mut self.pending, rest.unwrap_or_default());
            let series: Vec<Series> = ready.into_iter().filter_map(|(id, pieces)| self.finish(id, pieces)).collect();
            if !series.is_empty() {
                return Ok(Some(series));
            }
            if self.places.is_empty() {
                return Ok(None);
            }
        }
    }
}
