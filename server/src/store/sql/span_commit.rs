//! Spans' part of the group commit, on either engine: each span counts once, however often it is sent.

use std::collections::{BTreeMap, HashMap, HashSet};

use app::model::{SpanId, SpanStatus, TenantId, TraceId, UnixNanos};
use chrono::{DateTime, Utc};

use super::{Db, SqlStore, ingest::write_endpoints};
use crate::store::{
    EndpointDelta, EndpointKey, Rollup, RollupResolution, StoreResult,
    sketch::Sketch,
    span::{Block, NewSpan, TraceRow, decode, encode, group_by_trace, may_hold_span, may_hold_trace},
};

type Connection = <Db as sqlx::Database>::Connection;

/// A block of one commit holds at most so many spans.
const MAX_BLOCK_SPANS: usize = 8192;
/// Operations that a tenant may have; spans of further ones are counted together.
const MAX_OPERATIONS: usize = 20_000;
/// The name of the further operations of a service.
const OTHER: &str = "(other)";
/// Traces that are looked up at once.
const TRACES_A_LOOKUP: usize = 10_000;

/// Spans of a tenant, ready to be written, provided that nobody else has written meanwhile.
pub(super) struct PreparedSpans {
    tenant: TenantId,
    /// The next free number when this was prepared.
    head: i64,
    /// The spans that are new, in the order of the blocks.
    spans: Vec<NewSpan>,
    blocks: Vec<Block>,
    /// Rows of their traces that are there already.
    rows: HashMap<TraceId, TraceRow>,
}

impl SqlStore {
    /// Takes out what is there already, and packs the rest.
    pub(super) async fn prepare_spans(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        spans: &[NewSpan],
    ) -> StoreResult<PreparedSpans> {
        let head = next_seq(connection, tenant).await?;
        let mut seen = HashSet::with_capacity(spans.len());
        let mut spans: Vec<NewSpan> =
            spans.iter().filter(|span| seen.insert((span.trace_id, span.span_id))).cloned().collect();
        let ids: Vec<TraceId> = group_by_trace(&spans).into_iter().map(|group| group.trace_id).collect();
        let mut rows = HashMap::new();
        for ids in ids.chunks(TRACES_A_LOOKUP) {
            for columns in Self::find_traces(connection, tenant, ids).await? {
                let row = columns.row()?;
                rows.insert(row.trace_id, row);
            }
        }
        let known = self.known_among(connection, tenant, &spans, &rows).await?;
        spans.retain(|span| !known.contains(&(span.trace_id, span.span_id)));
        let (spans, blocks) = tokio::task::spawn_blocking(move || {
            let blocks = spans.chunks(MAX_BLOCK_SPANS).map(encode).collect::<StoreResult<Vec<_>>>();
            blocks.map(|blocks| (spans, blocks))
        })
        .await??;
        Ok(PreparedSpans { tenant, head, spans, blocks, rows })
    }

    /// Which of the spans the store has already. Filters rule out nearly all blocks; what is left is looked up.
    async fn known_among(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        spans: &[NewSpan],
        rows: &HashMap<TraceId, TraceRow>,
    ) -> StoreResult<HashSet<(TraceId, SpanId)>> {
        let mut known = HashSet::new();
        let Some(first) = rows.values().map(|row| row.first_seq).min() else { return Ok(known) };
        let last = rows.values().map(|row| row.last_seq).max().unwrap_or(first);
        let blocks: Vec<(i64, i64, i64)> = sqlx::query_as(
            "SELECT id, first_seq, last_seq FROM span_blocks WHERE tenant = $1 AND last_seq >= $2 AND first_seq <= $3",
        )
        .bind(tenant.0)
        .bind(first)
        .bind(last)
        .fetch_all(&mut *connection)
        .await?;
        let again: Vec<(&NewSpan, &TraceRow)> =
            spans.iter().filter_map(|span| rows.get(&span.trace_id).map(|row| (span, row))).collect();
        for (id, first, last) in blocks {
            if !again.iter().any(|(_, row)| row.last_seq >= first && row.first_seq <= last) {
                continue;
            }
            let filter = self.span_filter(connection, id).await?;
            let suspects = again.iter().filter(|(span, row)| {
                row.last_seq >= first
                    && row.first_seq <= last
                    && may_hold_trace(&filter, span.trace_id)
                    && may_hold_span(&filter, span.trace_id, span.span_id)
            });
            let suspects: HashSet<(TraceId, SpanId)> =
                suspects.map(|(span, _)| (span.trace_id, span.span_id)).collect();
            if suspects.is_empty() {
                continue;
            }
            let payload = span_payload(connection, id).await?;
            let found = tokio::task::spawn_blocking(move || {
                let block = decode(&payload)?;
                let all = (0..block.span_count()).map(|at| (block.trace_id(at), block.span_id(at)));
                StoreResult::Ok(all.filter(|key| suspects.contains(key)).collect::<Vec<_>>())
            });
            known.extend(found.await??);
        }
        Ok(known)
    }

    /// Writes what was prepared, inside the commit's transaction. What is learned of names is for when it has succeeded.
    pub(super) async fn write_spans(
        &self,
        connection: &mut Connection,
        prepared: PreparedSpans,
        now: DateTime<Utc>,
    ) -> StoreResult<Names> {
        let PreparedSpans { tenant, head, spans, blocks, mut rows } = prepared;
        let mut names = self.names.of(connection, tenant).await?;
        if spans.is_empty() {
            return Ok(names);
        }
        for span in &spans {
            names.learn(connection, span).await?;
        }
        let mut next = head;
        let mut left = spans.as_slice();
        let mut changed: Vec<TraceId> = Vec::new();
        for block in &blocks {
            insert_span_block(connection, tenant, next, block).await?;
            let seqs = (next, next + block.spans as i64 - 1);
            let (here, after) = left.split_at(block.spans);
            (left, next) = (after, seqs.1 + 1);
            for group in group_by_trace(here) {
                let of_trace: Vec<&NewSpan> = group.spans.iter().map(|at| &here[*at]).collect();
                let delta = TraceRow::of(&of_trace, seqs, |span| names.operation(span), |span| names.service(span));
                let Some(delta) = delta else { continue };
                changed.push(delta.trace_id);
                match rows.get_mut(&delta.trace_id) {
                    Some(row) => row.merge(&delta),
                    None => {
                        rows.insert(delta.trace_id, delta);
                    }
                }
            }
        }
        sqlx::query(
            "INSERT INTO span_heads (tenant, next_seq) VALUES ($1, $2)
             ON CONFLICT (tenant) DO UPDATE SET next_seq = excluded.next_seq",
        )
        .bind(tenant.0)
        .bind(next)
        .execute(&mut *connection)
        .await?;
        changed.sort_unstable();
        changed.dedup();
        let changed: Vec<&TraceRow> = changed.iter().filter_map(|id| rows.get(id)).collect();
        Self::put_traces(connection, tenant, &changed).await?;
        write_operations(connection, tenant, &spans, &names).await?;
        write_endpoints(connection, &calls(tenant, &spans, UnixNanos::from(now))).await?;
        Ok(names)
    }

    /// The filter of a block, remembered: those of the last blocks are asked at each commit.
    async fn span_filter(&self, connection: &mut Connection, block: i64) -> StoreResult<std::sync::Arc<[u8]>> {
        if let Some(filter) = self.span_filters.get(&block) {
            return Ok(filter);
        }
        let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT filter FROM span_blocks WHERE id = $1")
            .bind(block)
            .fetch_optional(connection)
            .await?;
        let filter: std::sync::Arc<[u8]> = row.map(|row| row.0).unwrap_or_default().into();
        self.span_filters.insert(block, filter.clone());
        Ok(filter)
    }
}

/// Whether the prepared numbers are still free.
pub(super) async fn is_current(connection: &mut Connection, prepared: &PreparedSpans) -> StoreResult<bool> {
    Ok(next_seq(connection, prepared.tenant).await? == prepared.head)
}

async fn next_seq(connection: &mut Connection, tenant: TenantId) -> StoreResult<i64> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT next_seq FROM span_heads WHERE tenant = $1")
        .bind(tenant.0)
        .fetch_optional(connection)
        .await?;
    Ok(row.map_or(1, |row| row.0))
}

/// The payload of a block.
pub(super) async fn span_payload(connection: &mut Connection, block: i64) -> StoreResult<Vec<u8>> {
    let row: (Vec<u8>,) =
        sqlx::query_as("SELECT payload FROM span_blocks WHERE id = $1").bind(block).fetch_one(connection).await?;
    Ok(row.0)
}

/// Stores a block whose first span has this number.
pub(super) async fn insert_span_block(
    connection: &mut Connection,
    tenant: TenantId,
    first_seq: i64,
    block: &Block,
) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO span_blocks (tenant, first_seq, last_seq, spans, min_time, max_time, summary, filter, payload)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(tenant.0)
    .bind(first_seq)
    .bind(first_seq + block.spans as i64 - 1)
    .bind(block.spans as i64)
    .bind(block.min_time.0)
    .bind(block.max_time.0)
    .bind(block.summary.to_bytes()?)
    .bind(&block.filter)
    .bind(&block.payload)
    .execute(connection)
    .await?;
    Ok(())
}

/// Answered requests, for the figures of endpoints, by endpoint and minute. A clock that is off must not make figures of
/// the future: such a request counts now.
fn calls(tenant: TenantId, spans: &[NewSpan], now: UnixNanos) -> Vec<EndpointDelta> {
    let mut deltas: BTreeMap<(EndpointKey, UnixNanos), Rollup> = BTreeMap::new();
    for span in spans {
        let Some(call) = &span.http else { continue };
        let endpoint =
            EndpointKey { service: span.service.to_string(), method: call.method.clone(), route: call.route.clone() };
        let minute = RollupResolution::Minute.floor(span.end().min(now));
        deltas.entry((endpoint, minute)).or_default().add(call.status, span.duration_ns as f64 / 1e6);
    }
    let delta = |((endpoint, time), rollup)| EndpointDelta { tenant, endpoint, time, rollup };
    deltas.into_iter().map(delta).collect()
}

/// How many spans of an operation there were in a slice, how many failed, how long they took.
#[derive(Default)]
struct OperationSlice {
    spans: i64,
    errors: i64,
    sketch: Sketch,
}

/// Adds spans to the roll-ups of their operations.
async fn write_operations(
    connection: &mut Connection,
    tenant: TenantId,
    spans: &[NewSpan],
    names: &Names,
) -> StoreResult<()> {
    let mut slices: BTreeMap<(i64, i64, i64), OperationSlice> = BTreeMap::new();
    for span in spans {
        let operation = names.operation(span);
        for resolution in RollupResolution::ALL {
            let key = (resolution.seconds(), operation, resolution.floor(span.start).0);
            let slice = slices.entry(key).or_default();
            slice.spans += 1;
            slice.errors += i64::from(span.status == SpanStatus::Error);
            slice.sketch.add(span.duration_ns as f64 / 1e6);
        }
    }
    for ((resolution, operation, bucket), mut slice) in slices {
        let stored: Option<(i64, i64, Vec<u8>)> = sqlx::query_as(
            "SELECT spans, errors, sketch FROM operation_rollups
             WHERE tenant = $1 AND resolution = $2 AND operation = $3 AND bucket = $4",
        )
        .bind(tenant.0)
        .bind(resolution)
        .bind(operation)
        .bind(bucket)
        .fetch_optional(&mut *connection)
        .await?;
        if let Some((spans, errors, sketch)) = stored {
            slice.spans += spans;
            slice.errors += errors;
            slice.sketch.merge(&Sketch::from_bytes(&sketch)?);
        }
        sqlx::query(
            "INSERT INTO operation_rollups (tenant, resolution, operation, bucket, spans, errors, sketch)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (tenant, resolution, operation, bucket) DO UPDATE SET
                spans = excluded.spans, errors = excluded.errors, sketch = excluded.sketch",
        )
        .bind(tenant.0)
        .bind(resolution)
        .bind(operation)
        .bind(bucket)
        .bind(slice.spans)
        .bind(slice.errors)
        .bind(slice.sketch.to_bytes()?)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Numbers of a tenant's services and operations.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    tenant: i64,
    services: HashMap<String, i64>,
    operations: HashMap<i64, HashMap<String, i64>>,
    operation_count: usize,
    /// Whether something was added since it was read.
    has_grown: bool,
}

impl Names {
    async fn read(connection: &mut Connection, tenant: TenantId) -> StoreResult<Self> {
        let services: Vec<(String, i64)> = sqlx::query_as("SELECT name, id FROM services WHERE tenant = $1")
            .bind(tenant.0)
            .fetch_all(&mut *connection)
            .await?;
        let operations: Vec<(i64, String, i64)> =
            sqlx::query_as("SELECT service, name, id FROM operations WHERE tenant = $1")
                .bind(tenant.0)
                .fetch_all(connection)
                .await?;
        let mut names = Self { tenant: tenant.0, services: services.into_iter().collect(), ..Self::default() };
        names.operation_count = operations.len();
        for (service, name, id) in operations {
            names.operations.entry(service).or_default().insert(name, id);
        }
        Ok(names)
    }

    /// Number of a span's service, once it was learned.
    fn service(&self, span: &NewSpan) -> i64 {
        self.services.get(&*span.service).copied().unwrap_or_default()
    }

    /// Number of a span's operation, once it was learned.
    fn operation(&self, span: &NewSpan) -> i64 {
        let of_service = self.operations.get(&self.service(span));
        let number = of_service.and_then(|names| names.get(&span.name).or_else(|| names.get(OTHER)));
        number.copied().unwrap_or_default()
    }

    async fn learn(&mut self, connection: &mut Connection, span: &NewSpan) -> StoreResult<()> {
        let known = self.services.get(&*span.service).copied();
        let service = if let Some(service) = known {
            service
        } else {
            let (id,): (i64,) = sqlx::query_as(
                "INSERT INTO services (tenant, name) VALUES ($1, $2)
                 ON CONFLICT (tenant, name) DO UPDATE SET name = excluded.name RETURNING id",
            )
            .bind(self.tenant)
            .bind(&*span.service)
            .fetch_one(&mut *connection)
            .await?;
            self.services.insert(span.service.to_string(), id);
            self.has_grown = true;
            id
        };
        let is_known = |names: &HashMap<String, i64>, name: &str| names.contains_key(name);
        let of_service = self.operations.entry(service).or_default();
        if is_known(of_service, &span.name) {
            return Ok(());
        }
        let name = if self.operation_count < MAX_OPERATIONS { span.name.as_str() } else { OTHER };
        if is_known(of_service, name) {
            return Ok(());
        }
        let (id,): (i64,) = sqlx::query_as(
            "INSERT INTO operations (tenant, service, name) VALUES ($1, $2, $3)
             ON CONFLICT (tenant, service, name) DO UPDATE SET name = excluded.name RETURNING id",
        )
        .bind(self.tenant)
        .bind(service)
        .bind(name)
        .fetch_one(connection)
        .await?;
        of_service.insert(name.to_owned(), id);
        self.operation_count += 1;
        self.has_grown = true;
        Ok(())
    }
}

/// Names of all tenants, as far as they were committed.
#[derive(Default)]
pub(super) struct NameCache(std::sync::Mutex<HashMap<TenantId, std::sync::Arc<Names>>>);

impl NameCache {
    async fn of(&self, connection: &mut Connection, tenant: TenantId) -> StoreResult<Names> {
        let known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(&tenant).cloned();
        match known {
            Some(names) => Ok(Names::clone(&names)),
            None => Names::read(connection, tenant).await,
        }
    }

    /// Remembers what a commit wrote.
    pub(super) fn keep(&self, mut names: Names) {
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let tenant = TenantId(names.tenant);
        if names.has_grown || !known.contains_key(&tenant) {
            names.has_grown = false;
            known.insert(tenant, std::sync::Arc::new(names));
        }
    }
}
