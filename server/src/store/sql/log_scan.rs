//! Reading log blocks other than by pages: scans, single records, what follows a record.

use std::{
    collections::BinaryHeap,
    sync::{Arc, Mutex, PoisonError},
};

use app::model::{Level, LogId, LogRecord, TenantId, UnixNanos};
use sqlx::Acquire;
use tokio::task::JoinHandle;

use super::{
    Db, SqlStore,
    blob::{self, LOG_PAYLOADS},
    filters::{BlockPlace, FILTERS_A_READ, Filters},
    log::{ALL_TIMES, BLOCKS_A_GROUP, BLOCKS_A_READ, BlockRow, RECORDS_A_BLOCK_COSTS, RECORDS_A_GROUP, may_match},
    log_search::Found,
};
use crate::store::{
    StoreResult,
    bloom::BloomView,
    log::{BlockFacts, BlockSummary, BlockTexts, LogBlock, LogMatcher, LogScan, ScanCoverage},
};

/// Filters that are looked at in one scan, each some ten kilobytes.
const MOST_FILTERS: usize = 4096;
/// Blocks that one scan keeps in mind; what is older is left out, and counted as not seen.
const MOST_CANDIDATES: usize = 200_000;

type Connection = <Db as sqlx::Database>::Connection;

/// A block that a scan wants to see.
#[derive(Clone, Copy)]
struct Candidate {
    place: BlockPlace,
    records: u64,
}

/// Those of the blocks that may hold a match, of very many an evenly spread part; and how many records are in the others
/// that were asked. These count as seen: there is nothing in them.
async fn ask_filters(
    filters: &Filters,
    connection: &mut Connection,
    tenant: TenantId,
    candidates: Vec<Candidate>,
    matcher: &LogMatcher,
) -> StoreResult<(Vec<Candidate>, u64)> {
    if !matcher.has_keys() {
        return Ok((candidates, 0));
    }
    let step = candidates.len().div_ceil(MOST_FILTERS).max(1);
    let (mut kept, mut ruled_out) = (Vec::new(), 0);
    let asked: Vec<Candidate> = candidates.into_iter().step_by(step).collect();
    for asked in asked.chunks(FILTERS_A_READ) {
        let places: Vec<BlockPlace> = asked.iter().map(|candidate| candidate.place).collect();
        let filters = filters.of(&mut *connection, tenant, &places).await?;
        for candidate in asked {
            // What is not there has nothing to show.
            if filters.get(&candidate.place.id).is_some_and(|filter| matcher.may_match(BloomView(filter))) {
                kept.push(*candidate);
            } else {
                ruled_out += candidate.records;
            }
        }
    }
    Ok((kept, ruled_out))
}

impl SqlStore {
    /// Shows the blocks of a range to a scan, see [`crate::store::LogStore::scan`].
    pub(super) async fn scan_logs(
        &self,
        tenant: TenantId,
        (from, to): (UnixNanos, UnixNanos),
        most_records: u64,
        scan: Arc<Mutex<dyn LogScan>>,
    ) -> StoreResult<ScanCoverage> {
        let mut tx = self.begin_read().await?;
        let connection = tx.acquire().await?;
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut coverage = ScanCoverage::default();
        let mut at = (i64::MAX, i64::MAX);
        loop {
            let blocks: Vec<BlockRow> = sqlx::query_as(
                "SELECT id, first_id, min_time, max_time, levels, summary FROM log_blocks
                 WHERE tenant = $1 AND max_time >= $2 AND min_time < $3 AND (max_time, id) < ($4, $5)
                 ORDER BY max_time DESC, id DESC LIMIT $6",
            )
            .bind(tenant.0)
            .bind(from.0)
            .bind(to.0)
            .bind(at.0)
            .bind(at.1)
            .bind(BLOCKS_A_READ)
            .fetch_all(&mut *connection)
            .await?;
            let Some(last) = blocks.last() else { break };
            at = (last.max_time, last.id);
            let is_last_read = (blocks.len() as i64) < BLOCKS_A_READ;
            let mut scan = scan.lock().unwrap_or_else(PoisonError::into_inner);
            for block in blocks {
                let summary = BlockSummary::from_bytes(&block.summary)?;
                let facts = BlockFacts {
                    min_time: UnixNanos(block.min_time),
                    max_time: UnixNanos(block.max_time),
                    levels: block.levels,
                    summary: &summary,
                };
                if scan.offer(&facts) {
                    let records = summary.count(None, Level::Trace);
                    coverage.wanted += records;
                    if candidates.len() < MOST_CANDIDATES {
                        candidates.push(Candidate { place: block.place(&summary), records });
                    }
                }
            }
            if is_last_read {
                break;
            }
        }

        let matcher = scan.lock().unwrap_or_else(PoisonError::into_inner).matcher().clone();
        let (candidates, ruled_out) = ask_filters(&self.log_filters, connection, tenant, candidates, &matcher).await?;
        let cost: u64 = candidates.iter().map(|candidate| candidate.records + RECORDS_A_BLOCK_COSTS).sum();
        let step = cost.div_ceil(most_records.max(1)).max(1) as usize;
        let kept: u64 = candidates.iter().map(|candidate| candidate.records).sum();
        let mut unpacked = 0;
        let mut looking: Option<JoinHandle<StoreResult<()>>> = None;
        let mut chosen = candidates.into_iter().step_by(step).peekable();
        while chosen.peek().is_some() {
            let (mut group, mut records) = (Vec::new(), 0);
            while records < RECORDS_A_GROUP && group.len() < BLOCKS_A_GROUP {
                let Some(candidate) = chosen.next() else { break };
                records += candidate.records;
                group.push(candidate);
            }
            let ids: Vec<i64> = group.iter().map(|candidate| candidate.place.id).collect();
            // Those before are looked at while these are read.
            let payloads = blob::read(&mut *connection, LOG_PAYLOADS, &ids).await?;
            if let Some(looking) = looking.take() {
                looking.await??;
            }
            let scan = scan.clone();
            // Unpacking takes milliseconds: not on a thread that serves sockets.
            looking = Some(tokio::task::spawn_blocking(move || {
                let mut scan = scan.lock().unwrap_or_else(PoisonError::into_inner);
                for candidate in group {
                    if let Some(payload) = payloads.get(&candidate.place.id) {
                        scan.take(LogId(candidate.place.first), payload)?;
                    }
                }
                StoreResult::Ok(())
            }));
            unpacked += records;
        }
        if let Some(looking) = looking {
            looking.await??;
        }
        // What was unpacked stands for all that was kept, and both together with what was ruled out for the whole.
        let share = if kept == 0 { 1.0 } else { unpacked as f64 / kept as f64 };
        let seen = unpacked as f64 + ruled_out as f64 * share;
        coverage.seen = if unpacked == kept && kept + ruled_out == coverage.wanted {
            coverage.wanted
        } else {
            (seen.round() as u64).clamp(1, coverage.wanted)
        };
        Ok(coverage)
    }

    /// One record, see [`crate::store::LogStore::record`].
    pub(super) async fn log_record(&self, tenant: TenantId, id: LogId) -> StoreResult<Option<LogRecord>> {
        let row: Option<(i64, Vec<u8>)> = sqlx::query_as(
            "SELECT first_id, payload FROM log_blocks WHERE tenant = $1 AND first_id <= $2 AND last_id >= $2
             ORDER BY first_id DESC LIMIT 1",
        )
        .bind(tenant.0)
        .bind(id.0)
        .fetch_optional(&self.reader)
        .await?;
        let Some((first_id, payload)) = row else { return Ok(None) };
        let record = tokio::task::spawn_blocking(move || {
            let block = LogBlock::read(&payload)?;
            let index = (id.0 - first_id) as usize;
            if index >= block.records() {
                return Ok(None);
            }
            BlockTexts::new(&block).record(index, LogId(first_id)).map(Some)
        });
        record.await?
    }

    /// What follows a place, see [`crate::store::LogStore::following`].
    pub(super) async fn logs_following(
        &self,
        tenant: TenantId,
        matcher: &LogMatcher,
        place: (UnixNanos, LogId),
        limit: usize,
    ) -> StoreResult<Vec<LogRecord>> {
        let mut tx = self.begin_read().await?;
        let connection = tx.acquire().await?;
        let mut nearest: BinaryHeap<Found> = BinaryHeap::new();
        let mut at = (i64::MIN, i64::MIN);
        loop {
            let blocks: Vec<BlockRow> = sqlx::query_as(
                "SELECT id, first_id, min_time, max_time, levels, summary FROM log_blocks
                 WHERE tenant = $1 AND max_time >= $2 AND (min_time, id) > ($3, $4)
                 ORDER BY min_time, id LIMIT 64",
            )
            .bind(tenant.0)
            .bind(place.0.0)
            .bind(at.0)
            .bind(at.1)
            .fetch_all(&mut *connection)
            .await?;
            let Some(last) = blocks.last() else { break };
            at = (last.min_time, last.id);
            for block in blocks {
                // Blocks come by their earliest time: none that follows has anything nearer.
                let is_done = nearest.len() == limit
                    && nearest.peek().is_none_or(|furthest| block.min_time > furthest.0.timestamp.0);
                if is_done {
                    return Ok(sorted(nearest));
                }
                let summary = BlockSummary::from_bytes(&block.summary)?;
                if !matcher.wants_levels(block.levels)
                    || !may_match(&self.log_filters, &mut *connection, tenant, &block, &summary, matcher).await?
                {
                    continue;
                }
                let payload = blob::read_one(&mut *connection, LOG_PAYLOADS, block.id).await?;
                let matcher = matcher.clone();
                nearest = tokio::task::spawn_blocking(move || {
                    take_nearest(LogId(block.first_id), &payload, &matcher, place, limit, nearest)
                })
                .await??;
            }
        }
        Ok(sorted(nearest))
    }
}

fn sorted(nearest: BinaryHeap<Found>) -> Vec<LogRecord> {
    nearest.into_sorted_vec().into_iter().map(|found| found.0).collect()
}

/// Keeps the records nearest after a place.
fn take_nearest(
    first_id: LogId,
    payload: &[u8],
    matcher: &LogMatcher,
    place: (UnixNanos, LogId),
    limit: usize,
    mut nearest: BinaryHeap<Found>,
) -> StoreResult<BinaryHeap<Found>> {
    let block = LogBlock::read(payload)?;
    let key = |index: usize| (block.times[index], LogId(first_id.0 + index as i64));
    let mut rows = matcher.rows(&block, ALL_TIMES)?;
    rows.retain(|index| key(*index) > place);
    rows.sort_unstable_by_key(|index| key(*index));
    let mut texts = BlockTexts::new(&block);
    matcher.retain_first(&mut texts, &mut rows, limit)?;
    for index in rows {
        let is_further = nearest.len() == limit && nearest.peek().is_none_or(|furthest| key(index) > furthest.key());
        if is_further {
            continue;
        }
        nearest.push(Found(texts.record(index, first_id)?));
        if nearest.len() > limit {
            nearest.pop();
        }
    }
    Ok(nearest)
}
