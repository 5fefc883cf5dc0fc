//! Log blocks, on either engine.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap},
    sync::{Arc, Mutex},
};

use app::model::{Level, LogId, LogRecord, TenantId, UnixNanos};
use async_trait::async_trait;
use sqlx::Acquire;
use tokio::task::JoinHandle;

use super::{
    Db, SqlStore,
    blob::{self, LOG_FILTERS, LOG_PAYLOADS},
};
use crate::store::{
    AdminStore, LogSelection, LogSlice, LogStore, StoreError, StoreResult,
    bloom::BloomView,
    log::{BlockSummary, BlockTexts, LogBlock, LogMatcher, LogScan, NewLogRecord, ScanCoverage, decode_new, encode},
    merge::{COMPACTION_WINDOW, FULL_BLOCK_RECORDS, SmallBlock, choose_run},
    threads,
};

/// Blocks whose description is read at once.
pub(super) const BLOCKS_A_READ: i64 = 256;
/// Filters that are read at once, each some ten kilobytes.
pub(super) const FILTERS_A_READ: usize = 32;
/// Blocks are read together until they hold so many records,
pub(super) const RECORDS_A_GROUP: u64 = 2048;
/// or are so many.
pub(super) const BLOCKS_A_GROUP: usize = 32;
/// Blocks that hold so many records together are worth a thread.
const RECORDS_A_THREAD: u64 = FULL_BLOCK_RECORDS as u64;
/// What a record takes unpacked besides its texts, in bytes.
const NARROW_BYTES: u64 = 24;
/// Blocks that a resuming reader has looked through at once.
const BLOCKS_A_RESUMPTION: usize = 256;
/// Once a page is full, so many more records are unpacked to count what else matches; then the count is partial.
const RECORDS_UNPACKED_TO_COUNT: u64 = 24 * FULL_BLOCK_RECORDS as u64;
/// What reading a block costs, however small it is, in records that could be unpacked meanwhile.
pub(super) const RECORDS_A_BLOCK_COSTS: u64 = 256;

/// What is known of a block without unpacking it.
#[derive(Clone, sqlx::FromRow)]
pub(super) struct BlockRow {
    pub id: i64,
    pub first_id: i64,
    pub min_time: i64,
    pub max_time: i64,
    pub levels: i64,
    pub summary: Vec<u8>,
}

/// Records of any time.
pub(super) const ALL_TIMES: (UnixNanos, UnixNanos) = (UnixNanos(i64::MIN), UnixNanos(i64::MAX));

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
        matcher.retain(&mut texts, &mut rows)?;
        if count {
            self.count(rows.len() as u64);
        }
        // Mostly the last are the newest: once the page is full of them, those before need not be built.
        for index in rows.into_iter().rev() {
            let key = (block.times[index], LogId(first_id.0 + index as i64));
            if self.takes(key) {
                self.keep(Found(texts.record(index, first_id)?));
            }
        }
        if self.is_fresh(row) {
            let unpacked_bytes = block.records() as u64 * NARROW_BYTES + texts.size() as u64;
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

/// Whether a block may hold a match, by its summary and then by its filter.
pub(super) async fn may_match(
    connection: &mut Connection,
    block: &BlockRow,
    summary: &BlockSummary,
    matcher: &LogMatcher,
) -> StoreResult<bool> {
    if matcher.count_in(summary) == 0 {
        return Ok(false);
    }
    if !matcher.has_keys() {
        return Ok(true);
    }
    let filter = blob::read_one(connection, LOG_FILTERS, block.id).await?;
    Ok(matcher.may_match(BloomView(&filter)))
}

/// What the filters of blocks say, asked for many at once.
#[derive(Default)]
struct Verdicts(HashMap<i64, bool>);

impl Verdicts {
    /// Whether the first of these blocks may hold a match.
    async fn of_first(
        &mut self,
        connection: &mut Connection,
        blocks: &[(BlockRow, BlockSummary)],
        matcher: &LogMatcher,
    ) -> StoreResult<bool> {
        let Some((first, _)) = blocks.first().filter(|_| matcher.has_keys()) else { return Ok(true) };
        if let Some(verdict) = self.0.get(&first.id) {
            return Ok(*verdict);
        }
        let is_asked = |(block, summary): &&(BlockRow, BlockSummary)| {
            matcher.wants_levels(block.levels) && matcher.count_in(summary) > 0
        };
        let asked: Vec<i64> = blocks.iter().filter(is_asked).take(FILTERS_A_READ).map(|(block, _)| block.id).collect();
        let filters = blob::read(connection, LOG_FILTERS, &asked).await?;
        self.0.extend(filters.iter().map(|(block, filter)| (*block, matcher.may_match(BloomView(filter)))));
        self.0.get(&first.id).copied().ok_or_else(|| blob::missing(first.id))
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

#[async_trait]
impl LogStore for SqlStore {
    async fn search_within(
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
            let mut verdicts = Verdicts::default();
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

    async fn after(
        &self,
        tenant: TenantId,
        after: LogId,
        matcher: &LogMatcher,
        limit: usize,
    ) -> StoreResult<(Vec<LogRecord>, LogId)> {
        let mut tx = self.begin_read().await?;
        let connection = tx.acquire().await?;
        let mut found: Vec<LogRecord> = Vec::new();
        let mut at = after.0;
        let mut looked_at = 0;
        loop {
            let blocks: Vec<BlockRow> = sqlx::query_as(
                "SELECT id, first_id, min_time, max_time, levels, summary FROM log_blocks
                 WHERE tenant = $1 AND last_id > $2 ORDER BY last_id LIMIT 32",
            )
            .bind(tenant.0)
            .bind(at)
            .fetch_all(&mut *connection)
            .await?;
            looked_at += blocks.len();
            if blocks.is_empty() || looked_at > BLOCKS_A_RESUMPTION {
                return Ok((found, LogId(at)));
            }
            for block in blocks {
                let summary = BlockSummary::from_bytes(&block.summary)?;
                let last_id = block.first_id + summary.count(None, Level::Trace) as i64 - 1;
                if may_match(&mut *connection, &block, &summary, matcher).await? {
                    let payload = blob::read_one(&mut *connection, LOG_PAYLOADS, block.id).await?;
                    let (matcher, after, space) = (matcher.clone(), LogId(at), limit - found.len());
                    let (records, full_at) = tokio::task::spawn_blocking(move || {
                        records_after(LogId(block.first_id), &payload, &matcher, after, space)
                    })
                    .await??;
                    found.extend(records);
                    if let Some(full_at) = full_at {
                        return Ok((found, full_at));
                    }
                }
                at = last_id.max(at);
            }
        }
    }

    async fn following(
        &self,
        tenant: TenantId,
        matcher: &LogMatcher,
        place: (UnixNanos, LogId),
        limit: usize,
    ) -> StoreResult<Vec<LogRecord>> {
        self.logs_following(tenant, matcher, place, limit).await
    }

    async fn record(&self, tenant: TenantId, id: LogId) -> StoreResult<Option<LogRecord>> {
        self.log_record(tenant, id).await
    }

    async fn scan(
        &self,
        tenant: TenantId,
        from: UnixNanos,
        to: UnixNanos,
        most_records: u64,
        scan: Arc<Mutex<dyn LogScan>>,
    ) -> StoreResult<ScanCoverage> {
        self.scan_logs(tenant, (from, to), most_records, scan).await
    }

    async fn head(&self, tenant: TenantId) -> StoreResult<LogId> {
        let row: Option<(i64,)> = sqlx::query_as("SELECT next_id FROM log_heads WHERE tenant = $1")
            .bind(tenant.0)
            .fetch_optional(&self.reader)
            .await?;
        Ok(LogId(row.map_or(0, |row| row.0 - 1)))
    }

    async fn compact(&self, merges: usize) -> StoreResult<usize> {
        let mut made = 0;
        for tenant in self.tenants().await? {
            while made < merges && self.merge_one_run(tenant).await? {
                made += 1;
            }
        }
        Ok(made)
    }
}

/// Matching records of a block after an id, at most `space`; and, when that ended the search, the id it ended at.
fn records_after(
    first_id: LogId,
    payload: &[u8],
    matcher: &LogMatcher,
    after: LogId,
    space: usize,
) -> StoreResult<(Vec<LogRecord>, Option<LogId>)> {
    let block = LogBlock::read(payload)?;
    let mut rows = matcher.rows(&block, ALL_TIMES)?;
    rows.retain(|index| first_id.0 + *index as i64 > after.0);
    let mut texts = BlockTexts::new(&block);
    matcher.retain(&mut texts, &mut rows)?;
    rows.truncate(space);
    let records = rows.into_iter().map(|index| texts.record(index, first_id)).collect::<StoreResult<Vec<_>>>()?;
    let full_at = records.last().filter(|_| records.len() == space).map(|record| record.id);
    Ok((records, full_at))
}

impl SqlStore {
    /// Merges one run of a tenant's small blocks; says whether there was one.
    async fn merge_one_run(&self, tenant: TenantId) -> StoreResult<bool> {
        let small: Vec<SmallBlock> = sqlx::query_as(
            "SELECT id, first_id, last_id, records, min_time, max_time FROM log_blocks WHERE tenant = $1 AND records <= $2
             ORDER BY first_id DESC LIMIT $3",
        )
        .bind(tenant.0)
        .bind(FULL_BLOCK_RECORDS / 2)
        .bind(COMPACTION_WINDOW)
        .fetch_all(&self.reader)
        .await?;
        let mut small: Vec<SmallBlock> = small.into_iter().rev().collect();
        self.unreadable_logs.leave_out(&mut small);
        let Some(run) = choose_run(&small) else { return Ok(false) };
        let (first_id, last_id, count) = (run[0].first_id, run[run.len() - 1].last_id, run.len() as u64);
        let mut payloads = Vec::with_capacity(run.len());
        let mut connection = self.reader.acquire().await?;
        for block in run {
            payloads.push((block.id, blob::read_one(&mut connection, LOG_PAYLOADS, block.id).await?));
        }
        drop(connection);
        let merged = tokio::task::spawn_blocking(move || {
            let mut records: Vec<NewLogRecord> = Vec::new();
            for (block, payload) in payloads {
                records.extend(decode_new(&payload).map_err(|error| (block, error))?);
            }
            encode(&records).map_err(|error| (i64::MIN, error))
        })
        .await?
        .map_err(|unread| self.unreadable_logs.learn(unread))?;

        let mut tx = self.begin_write().await?;
        let removed = sqlx::query("DELETE FROM log_blocks WHERE tenant = $1 AND first_id >= $2 AND last_id <= $3")
            .bind(tenant.0)
            .bind(first_id)
            .bind(last_id)
            .execute(&mut *tx)
            .await?;
        if removed.rows_affected() != count {
            // Another runner, or retention, was here meanwhile.
            tx.rollback().await?;
            return Ok(false);
        }
        insert_block(&mut tx, tenant, LogId(first_id), &merged).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// Stores a block whose first record has this id.
pub(super) async fn insert_block(
    connection: &mut Connection,
    tenant: TenantId,
    first_id: LogId,
    block: &crate::store::log::Block,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO log_blocks
            (tenant, first_id, last_id, records, min_time, max_time, levels, summary, filter, payload)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(tenant.0)
    .bind(first_id.0)
    .bind(first_id.0 + block.records as i64 - 1)
    .bind(block.records as i64)
    .bind(block.min_time.0)
    .bind(block.max_time.0)
    .bind(block.levels)
    .bind(block.summary.to_bytes()?)
    .bind(&block.filter)
    .bind(&block.payload)
    .execute(connection)
    .await?;
    Ok(())
}
