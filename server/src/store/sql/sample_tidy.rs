//! Sorting committed samples into blocks, merging and rolling up, and retention, on either engine.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
};

use app::model::{TenantId, UnixNanos};
use sqlx::{QueryBuilder, Transaction};

use super::{
    Db, SqlStore,
    sample::write_commit,
    sample_read::{payloads, seconds},
    series::{day_of, note_day},
};
use crate::{
    collect::names,
    store::{
        Removed, StoreError, StoreResult, bulk,
        sample::{
            Bucket, Resolution, Samples,
            bucket::{bucket_end, join, roll_up},
            head::Generation,
            index::SERIES_A_METRIC,
            merge::{Figures, NewBlock, pack, together, window_millis},
        },
    },
};

type Connection = <Db as sqlx::Database>::Connection;

/// Samples are sorted into blocks when the first of them has waited so long, in milliseconds.
const FLUSH_AFTER: i64 = 300_000;
/// Or when there are so many: some tens of megabytes.
const FLUSH_SAMPLES: usize = 1_500_000;
/// How long after its end a window is waited for, in milliseconds: for what is late, and for what is rolled up into it.
const WINDOW_GRACE: i64 = 900_000;
/// A window is merged before its end when blocks were added so often.
const MOST_RUNS: i64 = 64;
/// Windows that are looked at for one to merge.
const MOST_DUE: i64 = 256;
/// Figures that are merged at once.
const MERGED_AT_ONCE: i64 = 1_000_000;
/// Rows of the old form that are moved at once.
const MOVED_AT_ONCE: i64 = 20_000;
/// Blocks that one statement removes at most.
const REMOVED_AT_ONCE: i64 = 64;
const DAY_MILLIS: i64 = 86_400_000;
/// How long old samples that are not rolled up yet are still kept, in milliseconds.
const UNMERGED_GRACE: i64 = 2 * DAY_MILLIS;

/// A block that may be merged.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Mergeable {
    id: i64,
    first_series: i64,
    last_series: i64,
    samples: i64,
    is_fresh: bool,
}

/// A window that is to be merged.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
struct WindowRow {
    tenant: i64,
    resolution: i64,
    window_end: i64,
    fresh_runs: i64,
}

impl WindowRow {
    fn place(&self) -> (i64, i64, i64) {
        (self.tenant, self.resolution, self.window_end)
    }
}

/// Windows with blocks that could not be read.
#[derive(Default)]
pub(super) struct UnreadableWindows(Mutex<HashSet<(i64, i64, i64)>>);

impl UnreadableWindows {
    fn lock(&self) -> MutexGuard<'_, HashSet<(i64, i64, i64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Blocks for a window.
struct NewBlocks {
    window: WindowRow,
    blocks: Vec<NewBlock>,
    is_fresh: bool,
    /// How many runs of fresh blocks end with these.
    runs: i64,
}

impl SqlStore {
    pub(super) async fn tidy_once(&self, now: UnixNanos) -> StoreResult<bool> {
        self.series.tidy(day_of(now)).await;
        if self.flush(now).await? || self.move_old_rows(now).await? {
            return Ok(true);
        }
        let due: Vec<WindowRow> = sqlx::query_as(
            "SELECT tenant, resolution, window_end, fresh_runs FROM sample_windows
             WHERE fresh_runs > 0 AND (window_end <= $1 OR fresh_runs >= $2)
             ORDER BY resolution, window_end, tenant LIMIT $3",
        )
        .bind(now.to_millis().0 - WINDOW_GRACE)
        .bind(MOST_RUNS)
        .bind(MOST_DUE)
        .fetch_all(&self.reader)
        .await?;
        let is_readable = |window: &WindowRow| !self.unreadable_windows.lock().contains(&window.place());
        let Some(window) = due.into_iter().find(is_readable) else { return Ok(false) };
        let merged = match window.resolution {
            0 => self.merge_window::<Samples>(window).await,
            _ => self.merge_window::<Vec<Bucket>>(window).await,
        };
        if let Err(StoreError::Damaged(_)) = &merged {
            // It stays as it is, and others are merged.
            self.unreadable_windows.lock().insert(window.place());
        }
        merged.map(|()| true)
    }

    /// Moves some samples that an older Console has stored as rows.
    async fn move_old_rows(&self, now: UnixNanos) -> StoreResult<bool> {
        if self.has_no_old_rows.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let rows: Vec<(i64, i64, i64, f64, i64)> = sqlx::query_as(
            "SELECT s.tenant, s.series_id, s.time, s.value, o.number FROM old_samples s
             JOIN old_series o ON o.id = s.series_id ORDER BY s.tenant, s.series_id, s.time LIMIT $1",
        )
        .bind(MOVED_AT_ONCE)
        .fetch_all(&self.reader)
        .await?;
        let Some(last) = rows.last().copied() else {
            self.has_no_old_rows.store(true, Ordering::Relaxed);
            return Ok(false);
        };
        let mut by_tenant: BTreeMap<i64, BTreeMap<i64, Samples>> = BTreeMap::new();
        for (tenant, _, time, value, number) in rows {
            let series = by_tenant.entry(tenant).or_default().entry(number).or_default();
            let time = UnixNanos(time).to_millis().0;
            if series.times.last() != Some(&time) {
                series.push(time, value);
            }
        }
        let mut tx = self.begin_commit().await?;
        for (tenant, series) in by_tenant {
            let series: Vec<(i64, Samples)> = series.into_iter().collect();
            let numbers: Vec<i64> = series.iter().map(|(number, _)| *number).collect();
            note_day(&mut tx, &numbers, day_of(now)).await?;
            write_commit(&mut tx, TenantId(tenant), &series, now.to_millis().0).await?;
        }
        sqlx::query("DELETE FROM old_samples WHERE (tenant, series_id, time) <= ($1, $2, $3)")
            .bind(last.0)
            .bind(last.1)
            .bind(last.2)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Sorts what is committed into blocks, if that is due.
    async fn flush(&self, now: UnixNanos) -> StoreResult<bool> {
        let now = now.to_millis().0;
        let generations = {
            let mut head = self.head.lock().await;
            // What is more than that waits on disk: memory does not grow with the rate at which samples come in.
            self.refresh_head(&mut head, FLUSH_SAMPLES).await?;
            let (samples, since) = head.size();
            let is_due = since.is_some_and(|since| since <= now - FLUSH_AFTER || since > now + FLUSH_AFTER);
            if !is_due && samples < FLUSH_SAMPLES {
                return Ok(false);
            }
            head.seal()
        };
        let commits: u64 = generations.iter().map(|generation| generation.commits).sum();
        let Some(last) = generations.last().map(|generation| generation.last) else { return Ok(false) };
        let sorted = generations.clone();
        let (blocks, rows) = {
            let own = self.own_metrics().await?;
            tokio::task::spawn_blocking(move || sort_into_blocks(&sorted, &own)).await??
        };
        let mut tx = self.begin_commit().await?;
        let removed = sqlx::query("DELETE FROM sample_commits WHERE id <= $1").bind(last).execute(&mut *tx).await?;
        if removed.rows_affected() != commits {
            // Somebody else has sorted some of them.
            tx.rollback().await?;
            self.head.lock().await.forget();
            return Ok(true);
        }
        let bytes = payload_bytes(&blocks);
        write_blocks(&mut tx, blocks).await?;
        write_rows(&mut tx, &rows).await?;
        tx.commit().await?;
        self.committed(bytes);
        let mut head = self.head.lock().await;
        self.refresh_head(&mut head, 0).await?;
        Ok(true)
    }

    /// Numbers of the metrics that Console collects itself.
    async fn own_metrics(&self) -> StoreResult<HashSet<i64>> {
        let mut query = QueryBuilder::<Db>::new("SELECT id FROM metric_names WHERE tenant = ");
        query.push_bind(TenantId::DEFAULT.0).push(" AND name IN (");
        let mut list = query.separated(", ");
        for name in names::ALL {
            list.push_bind(name);
        }
        query.push(")");
        let rows: Vec<(i64,)> = query.build_query_as().fetch_all(&self.reader).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// Merges the blocks of a window, some series at a time. What is interrupted is begun anew: a sample that is in two
    /// blocks counts once.
    async fn merge_window<F: Rolled>(&self, window: WindowRow) -> StoreResult<()> {
        let mut all: Vec<Mergeable> = sqlx::query_as(
            "SELECT id, first_series, last_series, samples, is_fresh FROM sample_blocks
             WHERE tenant = $1 AND resolution = $2 AND window_end = $3 ORDER BY first_series, id",
        )
        .bind(window.tenant)
        .bind(window.resolution)
        .bind(window.window_end)
        .fetch_all(&self.reader)
        .await?;
        leave_untouched_out(&mut all);
        if all.is_empty() {
            // Somebody else has merged them.
            return Ok(());
        }
        let mut from = i64::MIN;
        let mut begin = 0;
        loop {
            let (mut end, mut figures) = (begin, 0);
            while let Some(next) = all.get(end).filter(|next| figures < MERGED_AT_ONCE || next.first_series <= from) {
                figures += next.samples;
                end += 1;
            }
            // Blocks after it begin later; those of the same first series stay together.
            while end > 0 && all.get(end).is_some_and(|next| next.first_series == all[end - 1].first_series) {
                end += 1;
            }
            let to = all.get(end).map(|next| next.first_series);
            let part: Vec<Mergeable> = all[..end].iter().filter(|block| block.last_series >= from).cloned().collect();
            self.merge_part::<F>(window, from, to, &part).await?;
            let Some(to) = to else { return Ok(()) };
            (from, begin) = (to, end);
        }
    }

    /// Merges what blocks hold of the series from one number up to before another, or of all from it on. Blocks that
    /// reach further stay.
    async fn merge_part<F: Rolled>(
        &self,
        window: WindowRow,
        from: i64,
        to: Option<i64>,
        part: &[Mergeable],
    ) -> StoreResult<()> {
        let ids: Vec<i64> = part.iter().map(|block| block.id).collect();
        let mut blocks = {
            let mut connection = self.reader.acquire().await?;
            payloads(&mut connection, &ids).await?
        };
        blocks.sort_unstable_by_key(|(id, _)| *id);
        let merged = tokio::task::spawn_blocking(move || {
            let blocks: Vec<Vec<u8>> = blocks.into_iter().map(|(_, payload)| payload).collect();
            let is_wanted = |id: i64| id >= from && to.is_none_or(|to| id < to);
            let series: BTreeMap<i64, F> = together(&blocks, is_wanted)?;
            let mut new = F::roll_ups(window, &series, to.is_none())?;
            new.push(NewBlocks { window, blocks: pack(series)?, is_fresh: false, runs: 0 });
            StoreResult::Ok(new)
        });
        let merged = merged.await??;
        let done: Vec<i64> =
            part.iter().filter(|block| to.is_none_or(|to| block.last_series < to)).map(|block| block.id).collect();
        let mut tx = self.begin_commit().await?;
        let mut removed = 0;
        for ids in bulk::parts(&done) {
            let mut query = QueryBuilder::<Db>::new("DELETE FROM sample_blocks WHERE id IN (");
            let mut list = query.separated(", ");
            for id in ids {
                list.push_bind(*id);
            }
            query.push(")");
            removed += query.build().execute(&mut *tx).await?.rows_affected();
        }
        if removed != done.len() as u64 {
            // Somebody else has merged or removed some of them.
            tx.rollback().await?;
            return Err(StoreError::Gone(done.first().copied().unwrap_or_default()));
        }
        let bytes = payload_bytes(&merged);
        write_blocks(&mut tx, merged).await?;
        if to.is_none() {
            sqlx::query(
                "UPDATE sample_windows SET fresh_runs = CASE WHEN fresh_runs > $4 THEN fresh_runs - $4 ELSE 0 END
                 WHERE tenant = $1 AND resolution = $2 AND window_end = $3",
            )
            .bind(window.tenant)
            .bind(window.resolution)
            .bind(window.window_end)
            .bind(window.fresh_runs)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        self.committed(bytes);
        Ok(())
    }

    /// Removes a small batch of blocks of windows that ended before a time: samples, or roll-ups.
    pub(super) async fn remove_blocks(&self, before: UnixNanos, of_roll_ups: bool) -> StoreResult<Removed> {
        let before = before.to_millis().0;
        let rows: Vec<(i64,)> = sqlx::query_as(
            "DELETE FROM sample_blocks WHERE id IN (
                SELECT b.id FROM sample_windows w CROSS JOIN sample_blocks b
                WHERE w.window_end < $1 AND (w.resolution > 0) = $2 AND (w.fresh_runs = 0 OR w.window_end < $4)
                  AND b.tenant = w.tenant AND b.resolution = w.resolution AND b.window_end = w.window_end LIMIT $3)
             RETURNING samples",
        )
        .bind(before)
        .bind(of_roll_ups)
        .bind(REMOVED_AT_ONCE)
        .bind(before - UNMERGED_GRACE)
        .fetch_all(&self.writer)
        .await?;
        let more = rows.len() as i64 >= REMOVED_AT_ONCE;
        if !more {
            sqlx::query(
                "DELETE FROM sample_windows WHERE window_end < $1 AND (resolution > 0) = $2 AND NOT EXISTS (
                    SELECT 1 FROM sample_blocks b WHERE b.tenant = sample_windows.tenant
                       AND b.resolution = sample_windows.resolution AND b.window_end = sample_windows.window_end)",
            )
            .bind(before)
            .bind(of_roll_ups)
            .execute(&self.writer)
            .await?;
        }
        Ok(Removed { rows: rows.iter().map(|row| row.0 as u64).sum(), more })
    }

    /// Removes a small batch of old rows of what Console collects itself.
    pub(super) async fn remove_metric_rows(&self, before: UnixNanos, batch: i64) -> StoreResult<u64> {
        let done = sqlx::query(
            "DELETE FROM metric_rows WHERE (series_id, time) IN
                (SELECT series_id, time FROM metric_rows WHERE time < $1 ORDER BY time LIMIT $2)",
        )
        .bind(before.to_millis().0)
        .bind(batch)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected())
    }
}

/// What a merge leaves behind besides the merged blocks.
trait Rolled: Figures {
    /// The roll-ups of these series, which may be the last of their window.
    fn roll_ups(window: WindowRow, series: &BTreeMap<i64, Self>, are_last: bool) -> StoreResult<Vec<NewBlocks>>;
}

impl Rolled for Samples {
    fn roll_ups(window: WindowRow, series: &BTreeMap<i64, Self>, are_last: bool) -> StoreResult<Vec<NewBlocks>> {
        let five_minutes: Vec<(i64, Vec<Bucket>)> =
            series.iter().map(|(id, samples)| (*id, roll_up(samples, Resolution::FiveMinutes.millis()))).collect();
        let hours: Vec<(i64, Vec<Bucket>)> =
            five_minutes.iter().map(|(id, buckets)| (*id, join(buckets, Resolution::Hour.millis()))).collect();
        let of = |resolution: Resolution, series: Vec<(i64, Vec<Bucket>)>| {
            let window_end = bucket_end(window.window_end, window_millis(resolution));
            let window = WindowRow { resolution: seconds(resolution), window_end, ..window };
            StoreResult::Ok(NewBlocks { window, blocks: pack(series)?, is_fresh: true, runs: i64::from(are_last) })
        };
        Ok(vec![of(Resolution::FiveMinutes, five_minutes)?, of(Resolution::Hour, hours)?])
    }
}

impl Rolled for Vec<Bucket> {
    fn roll_ups(_window: WindowRow, _series: &BTreeMap<i64, Self>, _are_last: bool) -> StoreResult<Vec<NewBlocks>> {
        Ok(Vec::new())
    }
}

/// Leaves out blocks that nothing was added to: no fresh block reaches into them.
fn leave_untouched_out(blocks: &mut Vec<Mergeable>) {
    let fresh: Vec<(i64, i64)> =
        blocks.iter().filter(|block| block.is_fresh).map(|block| (block.first_series, block.last_series)).collect();
    // Fresh blocks by their first series: how far those up to each one reach.
    let reach: Vec<i64> = fresh
        .iter()
        .scan(i64::MIN, |reach, (_, last)| {
            *reach = (*reach).max(*last);
            Some(*reach)
        })
        .collect();
    blocks.retain(|block| {
        let begun = fresh.partition_point(|(first, _)| *first <= block.last_series);
        begun > 0 && reach[begun - 1] >= block.first_series
    });
}

/// Series, time, value.
type Row = (i64, i64, f64);

/// The blocks of these generations, and what of them people's SQL sees.
fn sort_into_blocks(generations: &[Arc<Generation>], own: &HashSet<i64>) -> StoreResult<(Vec<NewBlocks>, Vec<Row>)> {
    let mut windows: BTreeMap<(TenantId, i64), BTreeMap<i64, Vec<Samples>>> = BTreeMap::new();
    let mut rows = Vec::new();
    for (tenant, series) in generations.iter().flat_map(|generation| generation.tenants()) {
        for (id, samples) in series {
            let is_own = tenant == TenantId::DEFAULT && own.contains(&(id / SERIES_A_METRIC));
            if is_own {
                let newest = roll_up(samples, Resolution::FiveMinutes.millis()).into_iter();
                rows.extend(
                    newest.filter(|bucket| bucket.last.is_finite()).map(|last| (*id, last.last_time, last.last)),
                );
            }
            let mut all = samples.clone();
            while let Some(last) = all.times.last() {
                let end = bucket_end(*last, window_millis(Resolution::Raw));
                let begin = all.times.partition_point(|time| *time <= end - window_millis(Resolution::Raw));
                let part = Samples { times: all.times.split_off(begin), values: all.values.split_off(begin) };
                windows.entry((tenant, end)).or_default().entry(*id).or_default().push(part);
            }
        }
    }
    let blocks = windows.into_iter().map(|((tenant, window_end), series)| {
        let series = series.into_iter().map(|(id, parts)| (id, Samples::together(parts)));
        let window = WindowRow { tenant: tenant.0, resolution: 0, window_end, fresh_runs: 0 };
        Ok(NewBlocks { window, blocks: pack(series)?, is_fresh: true, runs: 1 })
    });
    Ok((blocks.collect::<StoreResult<_>>()?, rows))
}

fn payload_bytes(new: &[NewBlocks]) -> usize {
    new.iter().flat_map(|new| &new.blocks).map(|block| block.payload.len()).sum()
}

/// Writes blocks and notes in which windows they are.
async fn write_blocks(tx: &mut Transaction<'static, Db>, new: Vec<NewBlocks>) -> StoreResult<()> {
    for NewBlocks { window, blocks, is_fresh, runs } in new {
        if blocks.is_empty() {
            continue;
        }
        sqlx::query(
            "INSERT INTO sample_windows (tenant, resolution, window_end, fresh_runs) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant, resolution, window_end) DO UPDATE SET fresh_runs = sample_windows.fresh_runs + $4",
        )
        .bind(window.tenant)
        .bind(window.resolution)
        .bind(window.window_end)
        .bind(runs)
        .execute(&mut **tx)
        .await?;
        for blocks in bulk::parts(&blocks) {
            let mut query = QueryBuilder::<Db>::new(
                "INSERT INTO sample_blocks
                    (tenant, resolution, window_end, first_series, last_series, samples, min_time, max_time, is_fresh,
                     payload) ",
            );
            query.push_values(blocks, |mut row, block| {
                row.push_bind(window.tenant).push_bind(window.resolution).push_bind(window.window_end);
                row.push_bind(block.first_series).push_bind(block.last_series).push_bind(block.samples as i64);
                row.push_bind(block.min_time).push_bind(block.max_time);
                row.push_bind(is_fresh).push_bind(block.payload.clone());
            });
            query.build().execute(&mut **tx).await?;
        }
    }
    Ok(())
}

async fn write_rows(connection: &mut Connection, rows: &[Row]) -> StoreResult<()> {
    for rows in bulk::parts(rows) {
        let mut query = QueryBuilder::<Db>::new("INSERT INTO metric_rows (series_id, time, value) ");
        query.push_values(rows, |mut row, (series, time, value)| {
            row.push_bind(*series).push_bind(*time).push_bind(*value);
        });
        query.push(" ON CONFLICT (series_id, time) DO NOTHING");
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fresh_blocks_reach_into_is_merged() {
        let block =
            |id, first_series, last_series, is_fresh| Mergeable { id, first_series, last_series, samples: 1, is_fresh };
        let mut blocks = vec![
            block(1, 0, 9, false),
            block(2, 10, 19, false),
            block(4, 15, 25, true),
            block(3, 20, 29, false),
            block(5, 30, 39, false),
        ];
        leave_untouched_out(&mut blocks);
        assert_eq!(blocks.iter().map(|block| block.id).collect::<Vec<_>>(), [2, 4, 3]);
    }
}
