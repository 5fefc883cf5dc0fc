//! Traces looked for by what their spans say, and compared by it, on either engine: blocks are unpacked for it.

use std::collections::{HashMap, HashSet};

use app::model::{TenantId, TraceContrast, TraceId, TraceSort};
use sqlx::Acquire;
use tokio::task::JoinHandle;

use super::{
    Db, SqlStore,
    blob::{self, SPAN_PAYLOADS},
    filters::BlockPlace,
    span::{SAMPLED_FROM, TraceColumns, whole},
};
use crate::store::{
    StoreResult,
    merge::FULL_BLOCK_RECORDS,
    span::{BlockSummary, Contrast, SpanMatcher, TraceSelection, decode, may_hold_trace},
    threads,
};

type Connection = <Db as sqlx::Database>::Connection;

/// Blocks whose descriptions are read at once.
const BLOCKS_A_READ: i64 = 64;
/// Spans that a search unpacks at most; then what it tells is partial.
const SPANS_UNPACKED: usize = 64 * FULL_BLOCK_RECORDS as usize;
/// Traces that a search among spans finds at most.
const TRACES_FOUND: usize = 5000;

/// What is known of a block without unpacking it.
#[derive(sqlx::FromRow)]
struct BlockRow {
    #[sqlx(flatten)]
    place: BlockPlace,
    max_time: i64,
    spans: i64,
    summary: Vec<u8>,
}

/// At most [`TraceContrast::SAMPLE`] of the rows, evenly.
fn sample(rows: &[TraceColumns]) -> Vec<&TraceColumns> {
    rows.iter().step_by(rows.len().div_ceil(TraceContrast::SAMPLE).max(1)).collect()
}

impl SqlStore {
    /// Rows of traces one of whose spans matches, in order, and whether there may be more.
    pub(super) async fn matching_rows(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        selection: &TraceSelection,
        service: Option<i64>,
        matcher: &SpanMatcher,
    ) -> StoreResult<(Vec<TraceColumns>, bool)> {
        let (ids, is_partial) = self.search_spans(connection, tenant, selection, matcher).await?;
        let mut rows = Self::find_traces(connection, tenant, &ids).await?;
        let of_service = service.map(|service| format!(" {service}."));
        rows.retain(|row| {
            row.start >= selection.from.0
                && row.start < selection.to.0
                && selection.min_ns.is_none_or(|min| row.duration >= min)
                && selection.max_ns.is_none_or(|max| row.duration <= max)
                && selection.has_errors.is_none_or(|has| has == (row.errors > 0))
                && of_service.as_ref().is_none_or(|part| row.services.contains(part.as_str()))
        });
        rows.sort_by_key(|row| std::cmp::Reverse(row.key(selection.sort)));
        Ok((rows, is_partial))
    }

    /// Traces with a span that matches, newest blocks first, and whether the search ended before all were looked at.
    async fn search_spans(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        selection: &TraceSelection,
        matcher: &SpanMatcher,
    ) -> StoreResult<(Vec<TraceId>, bool)> {
        let mut found: HashSet<TraceId> = HashSet::new();
        let mut searching: Vec<JoinHandle<StoreResult<Vec<TraceId>>>> = Vec::new();
        let mut at = (i64::MAX, i64::MAX);
        let mut unpacked = 0;
        let mut is_partial = false;
        'all: loop {
            // A trace that begins in the range may have spans after it, so only the range's beginning is a limit here.
            let blocks: Vec<BlockRow> = sqlx::query_as(
                "SELECT id, first_seq AS first, last_seq AS last, max_time, spans, summary FROM span_blocks
                 WHERE tenant = $1 AND max_time >= $2 AND (max_time, id) < ($3, $4)
                 ORDER BY max_time DESC, id DESC LIMIT $5",
            )
            .bind(tenant.0)
            .bind(selection.from.0)
            .bind(at.0)
            .bind(at.1)
            .bind(BLOCKS_A_READ)
            .fetch_all(&mut *connection)
            .await?;
            let Some(last) = blocks.last() else { break };
            at = (last.max_time, last.place.id);
            let places: Vec<BlockPlace> = blocks.iter().map(|block| block.place).collect();
            let filters = self.span_filters.of(&mut *connection, tenant, &places).await?;
            let mut wanted = Vec::new();
            for BlockRow { place, spans, summary, .. } in blocks {
                let filter = filters.get(&place.id).ok_or_else(|| blob::missing(place.id))?;
                if matcher.may_match(&BlockSummary::from_bytes(&summary)?, filter) {
                    wanted.push((place.id, spans as usize));
                }
            }
            for wanted in wanted.chunks(threads()) {
                unpacked += wanted.iter().map(|(_, spans)| spans).sum::<usize>();
                if unpacked > SPANS_UNPACKED || found.len() >= TRACES_FOUND {
                    is_partial = true;
                    break 'all;
                }
                let ids: Vec<i64> = wanted.iter().map(|(id, _)| *id).collect();
                // Those before are searched while these are read.
                let payloads = blob::read(&mut *connection, SPAN_PAYLOADS, &ids).await?;
                take(&mut searching, &mut found).await?;
                searching.extend(payloads.into_values().map(|payload| {
                    let matcher = matcher.clone();
                    tokio::task::spawn_blocking(move || matcher.traces_in(&payload))
                }));
            }
        }
        take(&mut searching, &mut found).await?;
        Ok((found.into_iter().collect(), is_partial))
    }

    /// The newest traces that match, enough to take a sample of them.
    async fn sampled_rows(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        services: &HashMap<i64, String>,
        selection: &TraceSelection,
    ) -> StoreResult<Vec<TraceColumns>> {
        let service = selection.service.as_ref().map(|wanted| {
            let found = services.iter().find(|(_, name)| *name == wanted);
            // Of a service that is not there are no traces.
            found.map_or(-1, |(id, _)| *id)
        });
        if let Some(matcher) = &selection.matcher {
            return Ok(self.matching_rows(connection, tenant, selection, service, matcher).await?.0);
        }
        Self::trace_rows(connection, tenant, selection, service, TraceSort::Newest, None, SAMPLED_FROM).await
    }

    /// What sets traces apart from others: see [`SpanStore::contrast`].
    pub(super) async fn contrast_of(
        &self,
        tenant: TenantId,
        selected: TraceSelection,
        rest: TraceSelection,
    ) -> StoreResult<TraceContrast> {
        let mut tx = self.begin_read().await?;
        let connection = tx.acquire().await?;
        let services = Self::service_names(connection, tenant).await?;
        let selected = self.sampled_rows(connection, tenant, &services, &selected).await?;
        let rest = self.sampled_rows(connection, tenant, &services, &rest).await?;
        let is_selected: HashSet<i64> = selected.iter().map(|row| row.id).collect();
        let rest: Vec<TraceColumns> = rest.into_iter().filter(|row| !is_selected.contains(&row.id)).collect();
        let (selected, rest) = (sample(&selected), sample(&rest));
        let id = |row: &&TraceColumns| whole(row.trace_hi, row.trace_lo);
        let ids: [Vec<TraceId>; 2] = [selected.iter().map(id).collect(), rest.iter().map(id).collect()];
        let mut contrast = Contrast::new(&ids[0], &ids[1]);
        let rows: Vec<&TraceColumns> = selected.into_iter().chain(rest).collect();
        let Some(first) = rows.iter().map(|row| row.first_seq).min() else { return Ok(contrast.finish()) };
        let last = rows.iter().map(|row| row.last_seq).max().unwrap_or(first);
        let blocks: Vec<BlockPlace> = sqlx::query_as(
            "SELECT id, first_seq AS first, last_seq AS last FROM span_blocks
             WHERE tenant = $1 AND last_seq >= $2 AND first_seq <= $3
             ORDER BY first_seq DESC",
        )
        .bind(tenant.0)
        .bind(first)
        .bind(last)
        .fetch_all(&mut *connection)
        .await?;
        let mut unpacked = 0;
        for block in blocks {
            let filter = self.span_filters.of_one(connection, tenant, block).await?;
            let is_wanted = |row: &&TraceColumns| {
                row.last_seq >= block.first
                    && row.first_seq <= block.last
                    && may_hold_trace(&filter, whole(row.trace_hi, row.trace_lo))
            };
            if !rows.iter().any(is_wanted) {
                continue;
            }
            unpacked += (block.last - block.first + 1) as usize;
            if unpacked > SPANS_UNPACKED {
                break;
            }
            let payload = blob::read_one(connection, SPAN_PAYLOADS, block.id).await?;
            let counting = tokio::task::spawn_blocking(move || {
                contrast.add(&decode(&payload)?)?;
                StoreResult::Ok(contrast)
            });
            contrast = counting.await??;
        }
        Ok(contrast.finish())
    }
}

/// Waits for what is searched, and takes what was found.
async fn take(
    searching: &mut Vec<JoinHandle<StoreResult<Vec<TraceId>>>>,
    found: &mut HashSet<TraceId>,
) -> StoreResult<()> {
    for traces in futures::future::join_all(std::mem::take(searching)).await {
        found.extend(traces??);
    }
    Ok(())
}
