//! Searching log blocks for a page of records, on either engine.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap},
    sync::Arc,
};

use app::model::{Level, LogId, LogRecord, TenantId, UnixNanos};
use sqlx::Acquire;
use tokio::task::JoinHandle;

use super::{
    Db, SqlStore,
    blob::{self, LOG_PAYLOADS},
    filters::{BlockPlace, FILTERS_A_READ, Filters},
    log::{BLOCKS_A_GROUP, BLOCKS_A_READ, BlockRow, RECORDS_A_BLOCK_COSTS, RECORDS_A_GROUP},
};
use crate::store::{
    LogSelection, LogSlice, StoreResult,
    bloom::BloomView,
    log::{BlockSummary, BlockTexts, LogBlock, LogMatcher},
    merge::FULL_BLOCK_RECORDS,
    threads,
};

/// Blocks that hold so many records together are worth a thread.
const RECORDS_A_THREAD: u64 = FULL_BLOCK_RECORDS as u64;
/// What a record takes unpacked besides its texts, in bytes.
const NARROW_BYTES: u64 = 24;
/// Once a page is full, so many more records are unpacked to count what else matches; then the count is partial.
const RECORDS_UNPACKED_TO_COUNT: u64 = 24 * FULL_BLOCK_RECORDS as u64;

type Connection = <Db as sqlx::Database>::Connection;

/// A record found, ordered by (time, id).
pub(super) struct Found(pub LogRecord);

impl Found {
    pub(super) fn key(&self) -> (UnixNanos, LogId) {
        (self.0.timestamp, self.0.id)
    }
}

impl PartialEq for Found {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Found {}

impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Found {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// Collects the newest `limit + 1` records and counts all that match.
struct Search {
    selection: Arc<LogSelection>,
    newest: BinaryHeap<Reverse<Found>>,
    /// What is before it is not taken: a search that this one is a part of has newer ones enough.
    floor: Option<(UnixNanos, LogId)>,
    matched: u64,
    partial: bool,
    services: BTreeSet<String>,
    unpacked_to_count: u64,
    /// Bytes that may still be unpacked for the page.
    effort_bytes: u64,
    ended_at: Option<UnixNanos>,
}

impl Search {
    fn new(selection: Arc<LogSelection>, effort_bytes: u64) -> Self {
        Self {
            newest: BinaryHeap::new(),
            floor: None,
            matched: 0,
            partial: selection.count_bound == 0,
            services: BTreeSet::new(),
            unpacked_to_count: 0,
            effort_bytes,
            ended_at: None,
            selection,
        }
    }

    /// A search of some blocks, beside others of the same search.
    fn part(&self) -> Self {
        let is_full = self.newest.len() > self.selection.limit;
        let floor = self.newest.peek().filter(|_| is_full).map(|oldest| oldest.0.key());
        Self { floor, ..Self::new(self.selection.clone(), u64::MAX) }
    }

    /// Takes what a part of it has found.
    fn absorb(&mut self, part: Self) {
        self.count(part.matched);
        self.effort_bytes = self.effort_bytes.saturating_sub(u64::MAX - part.effort_bytes);
        for found in part.newest {
            if self.takes(found.0.key()) {
                self.keep(found.0);
            }
        }
    }

    /// Keeps a record among the newest.
    fn keep(&mut self, found: Found) {
        self.newest.push(Reverse(found));
        if self.newest.len() > self.selection.limit + 1 {
            self.newest.pop();
        }
    }

    /// Whether nothing but the page is asked for, and the page has all that it takes from blocks like this and older.
    fn is_done(&self, block: &BlockRow) -> bool {
        let is_behind = self.newest.len() > self.selection.limit
            && self.newest.peek().is_some_and(|oldest| block.max_time < oldest.0.0.timestamp.0);
        self.selection.count_bound == 0 && (is_behind || self.ended_at.is_some())
    }

    /// Whether the search that goes on where an earlier one ended has not looked at this block before.
    fn is_fresh(&self, block: &BlockRow) -> bool {
        self.selection.before.is_none_or(|(time, _)| block.max_time < time.0)
    }

    /// Whether a block whose latest record is at `max_time` may still change the page.
    fn page_wants(&self, block: &BlockRow) -> bool {
        if self.ended_at.is_some() || self.selection.before.is_some_and(|(time, _)| block.min_time > time.0) {
            return false;
        }
        self.newest.len() <= self.selection.limit
            || self.newest.peek().is_some_and(|oldest| block.max_time >= oldest.0.0.timestamp.0)
    }

    /// Whether the page takes a record with this key, should it match.
    fn takes(&self, key: (UnixNanos, LogId)) -> bool {
        if self.selection.before.is_some_and(|before| key >= before) || self.floor.is_some_and(|floor| key < floor) {
            return false;
        }
        self.newest.len() <= self.selection.limit || self.newest.peek().is_some_and(|oldest| key >= oldest.0.key())
    }

    fn is_inside_range(&self, block: &BlockRow) -> bool {
        block.min_time >= self.selection.from.0 && block.max_time < self.selection.to.0
    }

    fn count(&mut self, matched: u64) {
        self.matched += matched;
        if self.matched >= self.selection.count_bound {
            self.matched = self.selection.count_bound;
            self.partial = true;
        }
    }

    /// Unpacks a block and takes what matches.
    fn take(&mut self, row: &BlockRow, payload: &[u8], count: bool) -> StoreResult<()> {
        let selection = self.selection.clone();
        let matcher = &selection.matcher;
        let block = LogBlock::read(payload)?;
        let first_id = LogId(row.first_id);
        let mut rows = matcher.rows(&block, (selection.from, selection.to))?;
        let mut texts = BlockTexts::new(&block);
        let key = |index: usize| (block.times[index], LogId(first_id.0 + index as i64));
        // The newest first: once the page is full of them, those before need not be built, and not even be looked at
        // unless they count.
        if count {
            matcher.retain(&mut texts, &mut rows)?;
            self.count(rows.len() as u64);
            rows.reverse();
        } else {
            rows.retain(|index| self.takes(key(*index)));
            rows.sort_unstable_by_key(|index| Reverse(key(*index)));
            matcher.retain_first(&mut texts, &mut rows, selection.limit + 1)?;
        }
        for index in rows {
            if self.takes(key(index)) {
                self.keep(Found(texts.record(index, first_id)?));
            }
        }
        if self.is_fresh(row) {
            let unpacked_bytes = block.records() as u64 * NARROW_BYTES + texts.effort() as u64;
            self.effort_bytes = self.effort_bytes.saturating_sub(unpacked_bytes);
        }
        Ok(())
    }

    fn finish(self) -> LogSlice {
        let mut records: Vec<LogRecord> = self.newest.into_sorted_vec().into_iter().map(|found| found.0.0).collect();
        // Blocks overlap: of what happened at the end or before, there may be more in those that were not looked at.
        if let Some(ended_at) = self.ended_at {
            records.retain(|record| record.timestamp > ended_at);
        }
        let has_more = records.len() > self.selection.limit;
        records.truncate(self.selection.limit);
        LogSlice {
            records,
            has_more: has_more || self.ended_at.is_some(),
            matched: self.matched,
            matched_is_partial: self.partial || self.ended_at.is_some(),
            services: self.services.into_iter().collect(),
            ended_at: self.ended_at.filter(|_| !has_more),
        }
    }
}

/// What the filters of blocks say, asked for many at once.
struct Verdicts<'a> {
    filters: &'a Filters,
    tenant: TenantId,
    known: HashMap<i64, bool>,
}

impl Verdicts<'_> {
    /// Whether the first of these blocks may hold a match.
    async fn of_first(
        &mut self,
        connection: &mut Connection,
        blocks: &[(BlockRow, BlockSummary)],
        matcher: &LogMatcher,
    ) -> StoreResult<bool> {
        let Some((first, _)) = blocks.first().filter(|_| matcher.has_keys()) else { return Ok(true) };
        if let Some(verdict) = self.known.get(&first.id) {
            return Ok(*verdict);
        }
        let is_asked = |(block, summary): &&(BlockRow, BlockSummary)| {
            matcher.wants_levels(block.levels) && matcher.count_in(summary) > 0
        };
        let asked = blocks.iter().filter(is_asked).take(FILTERS_A_READ);
        let asked: Vec<BlockPlace> = asked.map(|(block, summary)| block.place(summary)).collect();
        let filters = self.filters.of(connection, self.tenant, &asked).await?;
        self.known.extend(filters.iter().map(|(block, filter)| (*block, matcher.may_match(BloomView(filter)))));
        self.known.get(&first.id).copied().ok_or_else(|| blob::missing(first.id))
    }
}

/// Blocks that are read together, and unpacked side by side.
struct Group {
    /// With whether their matches are counted.
    blocks: Vec<(BlockRow, bool)>,
    records: u64,
    /// Records that it takes. It begins with few, which often fill a page.
    most_records: u64,
    is_first: bool,
    /// Parts of the search that unpack the group before.
    unpacking: Vec<JoinHandle<StoreResult<Search>>>,
}

impl Default for Group {
    fn default() -> Self {
        Self { blocks: Vec::new(), records: 0, most_records: RECORDS_A_GROUP, is_first: true, unpacking: Vec::new() }
    }
}

impl Group {
    fn is_full(&self) -> bool {
        self.records >= self.most_records || self.blocks.len() >= BLOCKS_A_GROUP
    }

    /// Has all of them unpacked into a search, and is empty then. While they are, the next ones can be read; only after
    /// the first it waits, as most pages end there.
    async fn flush(&mut self, connection: &mut Connection, search: &mut Search) -> StoreResult<()> {
        let blocks = std::mem::take(&mut self.blocks);
        let records = std::mem::take(&mut self.records);
        if blocks.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = blocks.iter().map(|(block, _)| block.id).collect();
        let mut payloads = blob::read(connection, LOG_PAYLOADS, &ids).await?;
        self.wait(search).await?;
        let parts = (records.div_ceil(RECORDS_A_THREAD) as usize).clamp(1, threads()).min(blocks.len());
        let mut shares: Vec<Vec<(BlockRow, bool, Vec<u8>)>> = std::iter::repeat_with(Vec::new).take(parts).collect();
        for (at, (block, count)) in blocks.into_iter().enumerate() {
            let payload = payloads.remove(&block.id).ok_or_else(|| blob::missing(block.id))?;
            shares[at % parts].push((block, count, payload));
        }
        let unpacking = shares.into_iter().map(|share| {
            let mut part = search.part();
            // Unpacking takes milliseconds: not on a thread that serves sockets.
            tokio::task::spawn_blocking(move || {
                for (block, count, payload) in &share {
                    part.take(block, payload, *count)?;
                }
                Ok(part)
            })
        });
        self.unpacking = unpacking.collect();
        if std::mem::take(&mut self.is_first) {
            self.wait(search).await?;
        }
        Ok(())
    }

    /// Waits for what is being unpacked.
    async fn wait(&mut self, search: &mut Search) -> StoreResult<()> {
        if self.unpacking.is_empty() {
            return Ok(());
        }
        let effort = search.effort_bytes;
        for part in futures::future::join_all(std::mem::take(&mut self.unpacking)).await {
            search.absorb(part??);
        }
        // Records may be large: how many the next group takes goes by what these took of what is left.
        let is_light = (effort - search.effort_bytes).saturating_mul(4) < effort;
        let most = if is_light { self.most_records * 2 } else { RECORDS_A_GROUP };
        self.most_records = most.min(RECORDS_A_THREAD * threads() as u64);
        Ok(())
    }
}

impl SqlStore {
    /// A page of records, see [`crate::store::LogStore::search_within`].
    pub(super) async fn search_logs(
        &self,
        tenant: TenantId,
        selection: LogSelection,
        effort_bytes: u64,
    ) -> StoreResult<LogSlice> {
        // One snapshot for the whole search: a block merged away meanwhile is still there.
        let mut tx = self.begin_read().await?;
        let connection = tx.acquire().await?;
        // What is later than the page before is not even described again, unless it is counted.
        let page_end = selection.before.filter(|_| selection.count_bound == 0);
        let to = page_end.map_or(selection.to.0, |(time, _)| selection.to.0.min(time.0.saturating_add(1)));
        let mut search = Search::new(Arc::new(selection), effort_bytes);
        let mut group = Group::default();
        let mut at = (i64::MAX, i64::MAX);
        'blocks: loop {
            let blocks: Vec<BlockRow> = sqlx::query_as(
                "SELECT id, first_id, min_time, max_time, levels, summary FROM log_blocks
                 WHERE tenant = $1 AND max_time >= $2 AND min_time < $3 AND (max_time, id) < ($4, $5)
                 ORDER BY max_time DESC, id DESC LIMIT $6",
            )
            .bind(tenant.0)
            .bind(search.selection.from.0)
            .bind(to)
            .bind(at.0)
            .bind(at.1)
            .bind(BLOCKS_A_READ)
            .fetch_all(&mut *connection)
            .await?;
            let Some(last) = blocks.last() else { break };
            at = (last.max_time, last.id);
            let is_last_read = (blocks.len() as i64) < BLOCKS_A_READ;
            let mut described = Vec::with_capacity(blocks.len());
            for block in blocks {
                let summary = BlockSummary::from_bytes(&block.summary)?;
                described.push((block, summary));
            }
            let mut verdicts = Verdicts { filters: &self.log_filters, tenant, known: HashMap::new() };
            for index in 0..described.len() {
                let (block, summary) = &described[index];
                if search.is_done(block) {
                    break 'blocks;
                }
                search.services.extend(summary.0.iter().map(|(service, _)| service.clone()));
                let matcher = &search.selection.matcher;
                if !matcher.wants_levels(block.levels) || matcher.count_in(summary) == 0 {
                    continue;
                }
                let counted = matcher.is_countable_from_summary() && search.is_inside_range(block);
                if counted {
                    let matched = matcher.count_in(summary);
                    search.count(matched);
                }
                let for_page = search.page_wants(block);
                let for_count = !counted && !search.partial;
                if !for_page && !for_count {
                    continue;
                }
                let matcher = &search.selection.matcher;
                if !verdicts.of_first(&mut *connection, &described[index..], matcher).await? {
                    continue;
                }
                let records = summary.count(None, Level::Trace);
                if !for_page {
                    search.unpacked_to_count += records + RECORDS_A_BLOCK_COSTS;
                    if search.unpacked_to_count > RECORDS_UNPACKED_TO_COUNT {
                        search.partial = true;
                        continue;
                    }
                }
                if for_page && search.effort_bytes == 0 && search.is_fresh(block) {
                    search.ended_at = Some(UnixNanos(block.max_time));
                    continue;
                }
                group.records += records;
                group.blocks.push((block.clone(), !counted));
                if group.is_full() {
                    group.flush(&mut *connection, &mut search).await?;
                }
            }
            group.flush(&mut *connection, &mut search).await?;
            if is_last_read {
                break;
            }
        }
        group.flush(&mut *connection, &mut search).await?;
        group.wait(&mut search).await?;
        Ok(search.finish())
    }
}
