//! Traces and spans read, on either engine.

use std::collections::{HashMap, HashSet};

use app::model::{
    Span, SpanId, TenantId, TraceContrast, TraceId, TraceSort, TraceSummary, UnixNanos, span::ServiceShare,
};
use async_trait::async_trait;
use sqlx::{Acquire, QueryBuilder};

use super::{
    Db, SqlStore,
    blob::{self, SPAN_PAYLOADS},
    filters::{BlockPlace, FILTERS_A_READ},
    span_commit::insert_span_block,
};
use crate::store::{
    AdminStore, Rollup, RollupRange, StoreResult, bulk,
    column::damaged,
    merge::{COMPACTION_WINDOW, FULL_BLOCK_RECORDS, SmallBlock, choose_run},
    span::{
        CallSelection, EdgeKey, FoundCall, NewSpan, ServicePart, SpanStore, StoredTrace, TraceCursor, TraceFigures,
        TraceRow, TraceSelection, TraceSlice, decode, decode_new, encode, may_hold_span, may_hold_trace,
    },
};

type Connection = <Db as sqlx::Database>::Connection;

/// The newest traces that a sample is taken of.
pub(super) const SAMPLED_FROM: usize = 10_000;

/// A row of `traces`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct TraceColumns {
    pub(super) id: i64,
    pub(super) trace_lo: i64,
    pub(super) trace_hi: i64,
    pub(super) first_seq: i64,
    pub(super) last_seq: i64,
    pub(super) start: i64,
    pub(super) duration: i64,
    pub(super) operation: i64,
    pub(super) has_root: i64,
    pub(super) spans: i64,
    pub(super) errors: i64,
    pub(super) services: String,
}

/// The halves of a trace id: high, low.
pub(super) fn halves(trace: TraceId) -> (i64, i64) {
    let whole = u128::from_be_bytes(trace.0);
    ((whole >> 64) as u64 as i64, whole as u64 as i64)
}

pub(super) fn whole(high: i64, low: i64) -> TraceId {
    TraceId(((u128::from(high as u64) << 64) | u128::from(low as u64)).to_be_bytes())
}

impl TraceColumns {
    pub(super) fn of(row: &TraceRow) -> Self {
        let (trace_hi, trace_lo) = halves(row.trace_id);
        Self {
            id: 0,
            trace_lo,
            trace_hi,
            first_seq: row.first_seq,
            last_seq: row.last_seq,
            start: row.start.0,
            duration: row.duration_ns(),
            operation: row.operation,
            has_root: i64::from(row.has_root),
            spans: row.spans,
            errors: row.errors,
            services: ServicePart::write(&row.services),
        }
    }

    pub(super) fn row(&self) -> StoreResult<TraceRow> {
        Ok(TraceRow {
            trace_id: whole(self.trace_hi, self.trace_lo),
            first_seq: self.first_seq,
            last_seq: self.last_seq,
            start: UnixNanos(self.start),
            end: UnixNanos(self.start.saturating_add(self.duration)),
            operation: self.operation,
            has_root: self.has_root != 0,
            spans: self.spans,
            errors: self.errors,
            services: ServicePart::read(&self.services)?,
        })
    }

    pub(super) fn key(&self, sort: TraceSort) -> (i64, i64) {
        let value = match sort {
            TraceSort::Newest => self.start,
            TraceSort::Longest => self.duration,
            TraceSort::Errors => self.errors,
        };
        (value, self.id)
    }

    fn figures(&self) -> StoreResult<TraceFigures> {
        Ok(TraceFigures {
            start: UnixNanos(self.start),
            duration_ns: self.duration,
            errors: self.errors,
            services: ServicePart::read(&self.services)?,
        })
    }
}

/// Columns and conditions of every list of traces; the order, the cursor and the limit follow.
macro_rules! traces_where {
    ($rest:literal) => {
        concat!(
            "SELECT id, trace_lo, trace_hi, first_seq, last_seq, start, duration, operation, has_root, spans, errors,
                    services
             FROM traces
             WHERE tenant = $1 AND start >= $2 AND start < $3
               AND ($4 < 0 OR duration >= $4) AND ($5 < 0 OR duration <= $5)
               AND ($6 < 0 OR ($6 = 1) = (errors > 0))
               AND ($7 = '' OR services LIKE $7) ",
            $rest
        )
    };
}

impl SqlStore {
    /// The rows of those of the traces that are there.
    pub(super) async fn find_traces(
        connection: &mut Connection,
        tenant: TenantId,
        traces: &[TraceId],
    ) -> StoreResult<Vec<TraceColumns>> {
        let mut rows = Vec::new();
        for traces in bulk::parts(traces) {
            let mut query = QueryBuilder::<Db>::new(
                "SELECT t.id, t.trace_lo, t.trace_hi, t.first_seq, t.last_seq, t.start, t.duration, t.operation,
                        t.has_root, t.spans, t.errors, t.services FROM (",
            );
            query.push_values(traces, |mut row, trace| {
                let (high, low) = halves(*trace);
                row.push_bind(high).push_bind(low);
            });
            // A cross join: SQLite must go from the ids to the rows, not through all rows.
            query.push(
                ") AS k CROSS JOIN traces t WHERE t.trace_hi = k.column1 AND t.trace_lo = k.column2 AND t.tenant = ",
            );
            let found: Vec<TraceColumns> =
                query.push_bind(tenant.0).build_query_as().fetch_all(&mut *connection).await?;
            rows.extend(found);
        }
        Ok(rows)
    }

    /// Rows that match but for spans, in order.
    pub(super) async fn trace_rows(
        connection: &mut Connection,
        tenant: TenantId,
        selection: &TraceSelection,
        service: Option<i64>,
        sort: TraceSort,
        after: Option<TraceCursor>,
        limit: usize,
    ) -> StoreResult<Vec<TraceColumns>> {
        let sql = match sort {
            TraceSort::Newest => traces_where!("AND (start, id) < ($8, $9) ORDER BY start DESC, id DESC LIMIT $10"),
            TraceSort::Longest => {
                traces_where!("AND (duration, id) < ($8, $9) ORDER BY duration DESC, id DESC LIMIT $10")
            }
            TraceSort::Errors => traces_where!("AND (errors, id) < ($8, $9) ORDER BY errors DESC, id DESC LIMIT $10"),
        };
        let after = after.unwrap_or(TraceCursor { value: i64::MAX, row: i64::MAX });
        let rows = sqlx::query_as(sql)
            .bind(tenant.0)
            .bind(selection.from.0)
            .bind(selection.to.0)
            .bind(selection.min_ns.unwrap_or(-1))
            .bind(selection.max_ns.unwrap_or(-1))
            .bind(selection.has_errors.map_or(-1, i64::from))
            .bind(service.map(|service| format!("% {service}.%")).unwrap_or_default())
            .bind(after.value)
            .bind(after.row)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(connection)
            .await?;
        Ok(rows)
    }

    /// What the newest traces that match are like, and whether there may be more: so many are looked at, and no more.
    async fn newest_figures(
        connection: &mut Connection,
        tenant: TenantId,
        selection: &TraceSelection,
        service: Option<i64>,
    ) -> StoreResult<(Vec<TraceFigures>, bool)> {
        let looked_at = i64::try_from(selection.count_bound.saturating_mul(2)).unwrap_or(i64::MAX);
        // Thousands of short rows: as one text they are read in a fraction of the time.
        let (rows,): (Option<String>,) = sqlx::query_as(
            "SELECT string_agg(
                CAST(start AS TEXT) || ';' || CAST(duration AS TEXT) || ';' || CAST(errors AS TEXT) || ';' || services,
                '/') FROM (
                SELECT start, duration, errors, services FROM (
                    SELECT start, duration, errors, services FROM traces
                    WHERE tenant = $1 AND start >= $2 AND start < $3 ORDER BY start DESC LIMIT $8) AS newest
                WHERE ($4 < 0 OR duration >= $4) AND ($5 < 0 OR duration <= $5)
                  AND ($6 < 0 OR ($6 = 1) = (errors > 0)) AND ($7 = '' OR services LIKE $7)
                ORDER BY start DESC LIMIT $9) AS matching",
        )
        .bind(tenant.0)
        .bind(selection.from.0)
        .bind(selection.to.0)
        .bind(selection.min_ns.unwrap_or(-1))
        .bind(selection.max_ns.unwrap_or(-1))
        .bind(selection.has_errors.map_or(-1, i64::from))
        .bind(service.map(|service| format!("% {service}.%")).unwrap_or_default())
        .bind(looked_at)
        .bind(i64::try_from(selection.count_bound.saturating_add(1)).unwrap_or(i64::MAX))
        .fetch_one(&mut *connection)
        .await?;
        let (in_range,): (i64,) = sqlx::query_as(
            "SELECT COUNT(*) FROM (
                SELECT 1 FROM traces WHERE tenant = $1 AND start >= $2 AND start < $3 LIMIT $4) AS counted",
        )
        .bind(tenant.0)
        .bind(selection.from.0)
        .bind(selection.to.0)
        .bind(looked_at.saturating_add(1))
        .fetch_one(connection)
        .await?;
        let rows = rows.unwrap_or_default();
        let rows: Vec<&str> = rows.split('/').filter(|row| !row.is_empty()).collect();
        let is_partial = in_range > looked_at || rows.len() > selection.count_bound;
        let figures = rows.into_iter().take(selection.count_bound).map(|row| {
            let mut parts = row.splitn(4, ';');
            let mut number = || parts.next().and_then(|part| part.parse().ok()).ok_or_else(|| damaged("a trace's row"));
            let (start, duration_ns, errors) = (UnixNanos(number()?), number()?, number()?);
            Ok(TraceFigures {
                start,
                duration_ns,
                errors,
                services: ServicePart::read(parts.next().unwrap_or_default())?,
            })
        });
        Ok((figures.collect::<StoreResult<_>>()?, is_partial))
    }

    pub(super) async fn service_names(
        connection: &mut Connection,
        tenant: TenantId,
    ) -> StoreResult<HashMap<i64, String>> {
        let rows: Vec<(i64, String)> = sqlx::query_as("SELECT id, name FROM services WHERE tenant = $1")
            .bind(tenant.0)
            .fetch_all(connection)
            .await?;
        Ok(rows.into_iter().collect())
    }

    /// Rows as lists show them.
    async fn summaries(
        connection: &mut Connection,
        tenant: TenantId,
        services: &HashMap<i64, String>,
        rows: &[TraceColumns],
    ) -> StoreResult<Vec<TraceSummary>> {
        let mut wanted: Vec<i64> = rows.iter().map(|row| row.operation).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut operations: HashMap<i64, (i64, String)> = HashMap::new();
        for wanted in bulk::parts(&wanted) {
            let mut query = QueryBuilder::<Db>::new("SELECT o.id, o.service, o.name FROM (");
            query.push_values(wanted, |mut row, id| {
                row.push_bind(id);
            });
            query.push(") AS k CROSS JOIN operations o WHERE o.id = k.column1 AND o.tenant = ").push_bind(tenant.0);
            let named: Vec<(i64, i64, String)> = query.build_query_as().fetch_all(&mut *connection).await?;
            operations.extend(named.into_iter().map(|(id, service, name)| (id, (service, name))));
        }
        let name_of = |service: i64| services.get(&service).cloned().unwrap_or_default();
        rows.iter()
            .map(|row| {
                let (service, operation) = operations.get(&row.operation).cloned().unwrap_or_default();
                let share = |part: ServicePart| ServiceShare {
                    service: name_of(part.service),
                    spans: part.spans as u32,
                    errors: part.errors as u32,
                };
                Ok(TraceSummary {
                    trace_id: whole(row.trace_hi, row.trace_lo),
                    start: UnixNanos(row.start),
                    duration_ns: row.duration,
                    service: name_of(service),
                    operation,
                    has_root: row.has_root != 0,
                    spans: row.spans as u32,
                    errors: row.errors as u32,
                    services: ServicePart::read(&row.services)?.into_iter().map(share).collect(),
                })
            })
            .collect()
    }

    async fn one_trace(
        connection: &mut Connection,
        tenant: TenantId,
        trace: TraceId,
    ) -> StoreResult<Option<(TraceColumns, TraceSummary)>> {
        let Some(row) = Self::find_traces(connection, tenant, &[trace]).await?.pop() else { return Ok(None) };
        let services = Self::service_names(connection, tenant).await?;
        let summary = Self::summaries(connection, tenant, &services, std::slice::from_ref(&row)).await?.pop();
        Ok(summary.map(|summary| (row, summary)))
    }

    /// Payloads of the blocks that may hold what is wanted of a trace.
    async fn blocks_of(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        row: &TraceColumns,
        may_hold: impl Fn(&[u8]) -> bool,
    ) -> StoreResult<Vec<Vec<u8>>> {
        let blocks: Vec<BlockPlace> = sqlx::query_as(
            "SELECT id, first_seq AS first, last_seq AS last FROM span_blocks
             WHERE tenant = $1 AND last_seq >= $2 AND first_seq <= $3 ORDER BY first_seq",
        )
        .bind(tenant.0)
        .bind(row.first_seq)
        .bind(row.last_seq)
        .fetch_all(&mut *connection)
        .await?;
        let mut payloads = Vec::new();
        for blocks in blocks.chunks(FILTERS_A_READ) {
            let filters = self.span_filters.of(&mut *connection, tenant, blocks).await?;
            let ids = blocks.iter().map(|block| block.id);
            let wanted = ids.filter(|block| filters.get(block).is_some_and(|filter| may_hold(filter)));
            let wanted: Vec<i64> = wanted.collect();
            let mut read = blob::read(&mut *connection, SPAN_PAYLOADS, &wanted).await?;
            payloads.extend(wanted.iter().filter_map(|block| read.remove(block)));
        }
        Ok(payloads)
    }

    /// Merges one run of a tenant's small blocks; says whether there was one.
    async fn merge_spans(&self, tenant: TenantId) -> StoreResult<bool> {
        let small: Vec<SmallBlock> = sqlx::query_as(
            "SELECT id, first_seq AS first_id, last_seq AS last_id, spans AS records, min_time, max_time
             FROM span_blocks WHERE tenant = $1 AND spans <= $2 ORDER BY first_seq DESC LIMIT $3",
        )
        .bind(tenant.0)
        .bind(FULL_BLOCK_RECORDS / 2)
        .bind(COMPACTION_WINDOW)
        .fetch_all(&self.reader)
        .await?;
        let mut small: Vec<SmallBlock> = small.into_iter().rev().collect();
        self.unreadable_spans.leave_out(&mut small);
        let Some(run) = choose_run(&small) else { return Ok(false) };
        let (first, last, count) = (run[0].first_id, run[run.len() - 1].last_id, run.len() as u64);
        let mut payloads = Vec::with_capacity(run.len());
        let mut connection = self.reader.acquire().await?;
        for block in run {
            payloads.push((block.id, blob::read_one(&mut connection, SPAN_PAYLOADS, block.id).await?));
        }
        drop(connection);
        let merged = tokio::task::spawn_blocking(move || {
            let mut spans: Vec<NewSpan> = Vec::new();
            for (block, payload) in payloads {
                spans.extend(decode_new(&payload).map_err(|error| (block, error))?);
            }
            encode(&spans).map_err(|error| (i64::MIN, error))
        })
        .await?
        .map_err(|unread| self.unreadable_spans.learn(unread))?;
        let mut tx = self.begin_write().await?;
        let removed = sqlx::query("DELETE FROM span_blocks WHERE tenant = $1 AND first_seq >= $2 AND last_seq <= $3")
            .bind(tenant.0)
            .bind(first)
            .bind(last)
            .execute(&mut *tx)
            .await?;
        if removed.rows_affected() != count {
            // Another runner, or retention, was here meanwhile.
            tx.rollback().await?;
            return Ok(false);
        }
        insert_span_block(&mut tx, tenant, first, &merged).await?;
        tx.commit().await?;
        Ok(true)
    }
}

#[async_trait]
impl SpanStore for SqlStore {
    async fn traces(&self, tenant: TenantId, selection: TraceSelection) -> StoreResult<TraceSlice> {
        let mut tx = self.begin_read().await?;
        let connection = tx.acquire().await?;
        let services = Self::service_names(connection, tenant).await?;
        let any_stored = !services.is_empty();
        let service = match &selection.service {
            None => None,
            Some(wanted) => match services.iter().find(|(_, name)| *name == wanted) {
                Some((id, _)) => Some(*id),
                None => return Ok(TraceSlice { any_stored, ..TraceSlice::default() }),
            },
        };
        let (mut page, figures, is_partial) = if let Some(matcher) = &selection.matcher {
            let (all, is_partial) = self.matching_rows(connection, tenant, &selection, service, matcher).await?;
            let begins = selection
                .after
                .map_or(0, |after| all.partition_point(|row| row.key(selection.sort) >= (after.value, after.row)));
            let page = all[begins..].iter().take(selection.limit + 1).cloned().collect();
            (page, all.iter().map(TraceColumns::figures).collect::<StoreResult<_>>()?, is_partial)
        } else {
            let limit = selection.limit + 1;
            let (sort, after) = (selection.sort, selection.after);
            let page = Self::trace_rows(connection, tenant, &selection, service, sort, after, limit).await?;
            // The pages after the first show the description that came with it.
            let (figures, is_partial) = if after.is_some() {
                (Vec::new(), false)
            } else {
                Self::newest_figures(connection, tenant, &selection, service).await?
            };
            (page, figures, is_partial)
        };
        let has_more = page.len() > selection.limit;
        page.truncate(selection.limit);
        let last = page.last().filter(|_| has_more).map(|row: &TraceColumns| row.key(selection.sort));
        Ok(TraceSlice {
            traces: Self::summaries(connection, tenant, &services, &page).await?,
            next: last.map(|(value, row)| TraceCursor { value, row }),
            figures,
            is_partial,
            services,
            any_stored,
        })
    }

    async fn contrast(
        &self,
        tenant: TenantId,
        selected: TraceSelection,
        rest: TraceSelection,
    ) -> StoreResult<TraceContrast> {
        self.contrast_of(tenant, selected, rest).await
    }

    async fn trace_summary(&self, tenant: TenantId, trace: TraceId) -> StoreResult<Option<TraceSummary>> {
        let mut connection = self.reader.acquire().await?;
        Ok(Self::one_trace(&mut connection, tenant, trace).await?.map(|(_, summary)| summary))
    }

    async fn like(
        &self,
        tenant: TenantId,
        trace: TraceId,
        within_ns: i64,
        limit: usize,
    ) -> StoreResult<Vec<TraceSummary>> {
        let mut tx = self.begin_read().await?;
        let connection = tx.acquire().await?;
        let Some(row) = Self::find_traces(connection, tenant, &[trace]).await?.pop() else { return Ok(Vec::new()) };
        let around = TraceSelection {
            from: UnixNanos(row.start.saturating_sub(within_ns)),
            to: UnixNanos(row.start.saturating_add(within_ns)),
            service: None,
            has_errors: None,
            min_ns: None,
            max_ns: None,
            matcher: None,
            sort: TraceSort::Newest,
            after: None,
            limit,
            count_bound: 0,
        };
        let mut rows = Self::trace_rows(connection, tenant, &around, None, around.sort, None, SAMPLED_FROM).await?;
        rows.retain(|other| other.operation == row.operation);
        rows.truncate(limit);
        let services = Self::service_names(connection, tenant).await?;
        Self::summaries(connection, tenant, &services, &rows).await
    }

    async fn trace(&self, tenant: TenantId, trace: TraceId, limit: usize) -> StoreResult<Option<StoredTrace>> {
        let mut tx = self.begin_read().await?;
        let connection = tx.acquire().await?;
        let Some((row, summary)) = Self::one_trace(connection, tenant, trace).await? else { return Ok(None) };
        let payloads = self.blocks_of(connection, tenant, &row, |filter| may_hold_trace(filter, trace)).await?;
        drop(tx);
        let read = tokio::task::spawn_blocking(move || {
            let (mut spans, mut seen) = (Vec::new(), HashSet::new());
            let (mut duplicates, mut left_out) = (0, 0);
            for payload in payloads {
                let block = decode(&payload)?;
                let places = block.of_trace(trace);
                if places.is_empty() {
                    continue;
                }
                for at in places {
                    if !seen.insert(block.span_id(at)) {
                        duplicates += 1;
                    } else if spans.len() >= limit {
                        left_out += 1;
                    } else {
                        spans.push(block.head(at));
                    }
                }
            }
            spans.sort_by_key(|span: &Span| (span.start, span.span_id));
            StoreResult::Ok(StoredTrace { summary, spans, duplicates, left_out })
        });
        Ok(Some(read.await??))
    }

    async fn span(&self, tenant: TenantId, trace: TraceId, span: SpanId) -> StoreResult<Option<Span>> {
        let mut tx = self.begin_read().await?;
        let connection = tx.acquire().await?;
        let Some(row) = Self::find_traces(connection, tenant, &[trace]).await?.pop() else { return Ok(None) };
        let payloads = self.blocks_of(connection, tenant, &row, |filter| may_hold_span(filter, trace, span)).await?;
        drop(tx);
        let found = tokio::task::spawn_blocking(move || {
            for payload in payloads {
                let block = decode(&payload)?;
                if let Some(at) = block.of_trace(trace).find(|at| block.span_id(*at) == span) {
                    return Ok(block.spans(at..at + 1)?.pop());
                }
            }
            StoreResult::Ok(None)
        });
        found.await?
    }

    async fn operation(
        &self,
        tenant: TenantId,
        service: &str,
        name: &str,
        ranges: &[RollupRange],
    ) -> StoreResult<Rollup> {
        self.operation_rollup(tenant, service, name, ranges).await
    }

    async fn edges(&self, tenant: TenantId, ranges: &[RollupRange]) -> StoreResult<(Vec<(EdgeKey, Rollup)>, bool)> {
        self.edge_rollups(tenant, ranges).await
    }

    async fn calls(&self, tenant: TenantId, selection: CallSelection) -> StoreResult<(Vec<FoundCall>, bool)> {
        self.found_calls(tenant, selection).await
    }

    async fn compact_spans(&self, merges: usize) -> StoreResult<usize> {
        let mut made = 0;
        for tenant in self.tenants().await? {
            while made < merges && self.merge_spans(tenant).await? {
                made += 1;
            }
        }
        Ok(made)
    }
}
