//! Requests that endpoints answered, looked for among spans, on either engine.

use app::model::TenantId;
use sqlx::Acquire;

use super::{
    SqlStore,
    blob::{self, SPAN_PAYLOADS},
};
use crate::store::{
    StoreResult,
    merge::FULL_BLOCK_RECORDS,
    span::{BlockSummary, CallSelection, FoundCall},
    threads,
};

/// Blocks whose descriptions are read at once.
const BLOCKS_A_READ: i64 = 64;
/// Blocks whose descriptions are read at most.
const BLOCKS_LOOKED_AT: usize = 4096;
/// Spans that are unpacked at most; then what is told is partial.
const SPANS_UNPACKED: usize = 24 * FULL_BLOCK_RECORDS as usize;

/// Blocks know when their spans began: requests that ended in a range may have begun so long before it, in nanoseconds,
/// where nothing is said of how long they took; and at most.
const BEGUN_BEFORE: i64 = 600_000_000_000;
const BEGUN_AT_MOST_BEFORE: i64 = 86_400_000_000_000;

impl SqlStore {
    /// See [`crate::store::span::SpanStore::calls`].
    pub(super) async fn found_calls(
        &self,
        tenant: TenantId,
        selection: CallSelection,
    ) -> StoreResult<(Vec<FoundCall>, bool)> {
        let mut tx = self.begin_read().await?;
        let connection = tx.acquire().await?;
        let before = selection.max_ns.unwrap_or(BEGUN_BEFORE).clamp(0, BEGUN_AT_MOST_BEFORE);
        let begun_from = selection.from.0.saturating_sub(before);
        let mut found: Vec<FoundCall> = Vec::new();
        let mut at = (i64::MAX, i64::MAX);
        let (mut unpacked, mut looked_at) = (0, 0);
        let mut is_partial = false;
        'all: loop {
            let blocks: Vec<(i64, i64, i64, Vec<u8>)> = sqlx::query_as(
                "SELECT id, max_time, spans, summary FROM span_blocks
                 WHERE tenant = $1 AND max_time >= $2 AND min_time < $3 AND (max_time, id) < ($4, $5)
                 ORDER BY max_time DESC, id DESC LIMIT $6",
            )
            .bind(tenant.0)
            .bind(begun_from)
            .bind(selection.to.0)
            .bind(at.0)
            .bind(at.1)
            .bind(BLOCKS_A_READ)
            .fetch_all(&mut *connection)
            .await?;
            let Some(last) = blocks.last() else { break };
            at = (last.1, last.0);
            looked_at += blocks.len();
            let mut wanted = Vec::new();
            for (id, _, spans, summary) in blocks {
                if selection.may_match(&BlockSummary::from_bytes(&summary)?) {
                    wanted.push((id, spans as usize));
                }
            }
            for wanted in wanted.chunks(threads()) {
                unpacked += wanted.iter().map(|(_, spans)| spans).sum::<usize>();
                if unpacked > SPANS_UNPACKED || found.len() >= selection.limit {
                    is_partial = true;
                    break 'all;
                }
                let ids: Vec<i64> = wanted.iter().map(|(id, _)| *id).collect();
                let payloads = blob::read(&mut *connection, SPAN_PAYLOADS, &ids).await?;
                let searching = payloads.into_values().map(|payload| {
                    let selection = selection.clone();
                    tokio::task::spawn_blocking(move || selection.calls_in(&payload))
                });
                for calls in futures::future::join_all(searching).await {
                    found.extend(calls??);
                }
            }
            if looked_at >= BLOCKS_LOOKED_AT {
                is_partial = true;
                break;
            }
        }
        found.sort_by_key(|call| std::cmp::Reverse((call.start, call.span_id)));
        is_partial |= found.len() > selection.limit;
        found.truncate(selection.limit);
        Ok((found, is_partial))
    }
}
