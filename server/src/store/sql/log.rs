//! Log blocks, on either engine.

use std::sync::{Arc, Mutex};

use app::model::{Level, LogId, LogRecord, TenantId, UnixNanos};
use async_trait::async_trait;
use sqlx::Acquire;

use super::{
    Db, SqlStore,
    blob::{self, LOG_PAYLOADS},
    filters::{BlockPlace, Filters},
};
use crate::store::{
    AdminStore, LogSelection, LogSlice, LogStore, StoreError, StoreResult,
    bloom::BloomView,
    log::{BlockSummary, BlockTexts, LogBlock, LogMatcher, LogScan, NewLogRecord, ScanCoverage, decode_new, encode},
    merge::{COMPACTION_WINDOW, FULL_BLOCK_RECORDS, SmallBlock, choose_run},
};

/// Blocks whose description is read at once.
pub(super) const BLOCKS_A_READ: i64 = 256;
/// Blocks are read together until they hold so many records,
pub(super) const RECORDS_A_GROUP: u64 = 2048;
/// or are so many.
pub(super) const BLOCKS_A_GROUP: usize = 32;
/// Blocks that a resuming reader has looked through at once.
const BLOCKS_A_RESUMPTION: usize = 256;
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

impl BlockRow {
    /// Where it is, and which records it holds; they have neighbouring ids.
    pub fn place(&self, summary: &BlockSummary) -> BlockPlace {
        let records = summary.count(None, Level::Trace) as i64;
        BlockPlace { id: self.id, first: self.first_id, last: self.first_id + records - 1 }
    }
}

/// Records of any time.
pub(super) const ALL_TIMES: (UnixNanos, UnixNanos) = (UnixNanos(i64::MIN), UnixNanos(i64::MAX));

type Connection = <Db as sqlx::Database>::Connection;

/// Whether a block may hold a match, by its summary and then by its filter.
pub(super) async fn may_match(
    filters: &Filters,
    connection: &mut Connection,
    tenant: TenantId,
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
    let filter = filters.of_one(connection, tenant, block.place(summary)).await?;
    Ok(matcher.may_match(BloomView(&filter)))
}

#[async_trait]
impl LogStore for SqlStore {
    async fn search_within(
        &self,
        tenant: TenantId,
        selection: LogSelection,
        effort_bytes: u64,
    ) -> StoreResult<LogSlice> {
        self.search_logs(tenant, selection, effort_bytes).await
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
                let last_id = block.place(&summary).last;
                if may_match(&self.log_filters, &mut *connection, tenant, &block, &summary, matcher).await? {
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
    matcher.retain_first(&mut texts, &mut rows, space)?;
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
