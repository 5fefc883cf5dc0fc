//! Spans' part of the group commit, on either engine: each span counts once, however often it is sent.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use app::model::{NodeKind, SpanId, SpanStatus, TenantId, TraceId, UnixNanos};
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use super::{
    Db, SqlStore,
    blob::{self, SPAN_PAYLOADS},
    filters::BlockPlace,
    ingest::write_endpoints,
    span::TraceColumns,
    span_rollup::{self, EDGES, OPERATIONS, SliceKey},
};
use crate::store::{
    EndpointDelta, EndpointKey, PackedSpans, Rollup, RollupResolution, StoreResult, bulk,
    span::{
        Block, Call, EdgeKey, NewSpan, Paired, SpanSlice, TraceDelta, TraceRow, decode, group_by_trace, may_hold_span,
        may_hold_trace,
    },
};

type Connection = <Db as sqlx::Database>::Connection;

/// Operations that a tenant may have; spans of further ones are counted together.
const MAX_OPERATIONS: usize = 20_000;
/// Pairs of caller and callee that a tenant may have; calls of further ones are not counted.
const MAX_EDGES: usize = 10_000;
/// The name of the further operations of a service.
const OTHER: &str = "(other)";

impl SqlStore {
    /// Which of the spans the store has already. Filters rule out nearly all blocks; what is left is looked up.
    async fn known_among(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        spans: &[NewSpan],
        groups: &[TraceDelta],
        rows: &HashMap<TraceId, TraceRow>,
    ) -> StoreResult<HashSet<(TraceId, SpanId)>> {
        let mut known = HashSet::new();
        let Some(first) = rows.values().map(|row| row.first_seq).min() else { return Ok(known) };
        let last = rows.values().map(|row| row.last_seq).max().unwrap_or(first);
        let blocks: Vec<BlockPlace> = sqlx::query_as(
            "SELECT id, first_seq AS first, last_seq AS last FROM span_blocks
             WHERE tenant = $1 AND last_seq >= $2 AND first_seq <= $3
             ORDER BY first_seq",
        )
        .bind(tenant.0)
        .bind(first)
        .bind(last)
        .fetch_all(&mut *connection)
        .await?;
        // Which traces each block is asked for: blocks follow each other, so a trace's are a stretch of them.
        let mut asked: BTreeMap<usize, Vec<&TraceDelta>> = BTreeMap::new();
        for group in groups {
            let Some(row) = rows.get(&group.trace_id) else { continue };
            let from = blocks.partition_point(|block| block.last < row.first_seq);
            let to = blocks.partition_point(|block| block.first <= row.last_seq);
            for block in from..to {
                asked.entry(block).or_default().push(group);
            }
        }
        let places: Vec<BlockPlace> = asked.keys().map(|block| blocks[*block]).collect();
        let filters = self.span_filters.of(connection, tenant, &places).await?;
        for (block, groups) in asked {
            let block = blocks[block];
            let filter = filters.get(&block.id).ok_or_else(|| blob::missing(block.id))?;
            let mut suspects: HashSet<(TraceId, SpanId)> = HashSet::new();
            for group in groups.into_iter().filter(|group| may_hold_trace(filter, group.trace_id)) {
                let ids = group.spans.iter().map(|at| spans[*at].span_id);
                let held = ids.filter(|id| may_hold_span(filter, group.trace_id, *id));
                suspects.extend(held.map(|id| (group.trace_id, id)));
            }
            if suspects.is_empty() {
                continue;
            }
            let payload = blob::read_one(connection, SPAN_PAYLOADS, block.id).await?;
            let found = tokio::task::spawn_blocking(move || {
                let block = decode(&payload)?;
                let all = (0..block.span_count()).map(|at| (block.trace_id(at), block.span_id(at)));
                StoreResult::Ok(all.filter(|key| suspects.contains(key)).collect::<Vec<_>>())
            });
            known.extend(found.await??);
        }
        Ok(known)
    }

    /// Writes spans inside the commit's transaction: one that is there already is left out. What is learned of names is
    /// for when the commit has succeeded.
    pub(super) async fn write_spans(
        &self,
        connection: &mut Connection,
        packed: &PackedSpans,
        now: DateTime<Utc>,
    ) -> StoreResult<Learned> {
        let tenant = packed.tenant;
        let groups = group_by_trace(&packed.spans);
        let ids: Vec<TraceId> = groups.iter().map(|group| group.trace_id).collect();
        let mut rows = HashMap::with_capacity(ids.len());
        for columns in Self::find_traces(connection, tenant, &ids).await? {
            let row = columns.row()?;
            rows.insert(row.trace_id, row);
        }
        let known = self.known_among(connection, tenant, &packed.spans, &groups, &rows).await?;
        let left;
        let packed = if known.is_empty() {
            packed
        } else {
            left = packed.without(known).await?;
            &left
        };
        let spans = packed.spans.as_slice();
        let now = UnixNanos::from(now);
        let mut names = self.names.of(connection, tenant).await?;
        let paired = self.pairings.pair(tenant, spans, now);
        // The names are copied only when there is one more.
        for span in spans {
            if names.unknown_operation(span).is_some() {
                Arc::make_mut(&mut names).learn(connection, tenant, span).await?;
            }
        }
        for call in &paired.calls {
            if !names.edges.contains_key(&call.edge) && names.edges.len() < MAX_EDGES {
                Arc::make_mut(&mut names).learn_edge(connection, tenant, &call.edge).await?;
            }
        }
        span_rollup::add(connection, EDGES, tenant, by_edge(&paired.calls, &names, now)).await?;
        if spans.is_empty() {
            return Ok(Learned { tenant, names, paired, now });
        }
        let mut next = next_seq(connection, tenant).await?;
        let mut left = spans;
        let mut changed: Vec<TraceId> = Vec::new();
        for block in &packed.blocks {
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
        put_traces(connection, tenant, &changed).await?;
        span_rollup::add(connection, OPERATIONS, tenant, by_operation(spans, &names)).await?;
        write_endpoints(connection, &calls(tenant, spans, now)).await?;
        Ok(Learned { tenant, names, paired, now })
    }
}

async fn next_seq(connection: &mut Connection, tenant: TenantId) -> StoreResult<i64> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT next_seq FROM span_heads WHERE tenant = $1")
        .bind(tenant.0)
        .fetch_optional(connection)
        .await?;
    Ok(row.map_or(1, |row| row.0))
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

/// Adds or replaces rows of traces.
async fn put_traces(connection: &mut Connection, tenant: TenantId, rows: &[&TraceRow]) -> StoreResult<()> {
    let rows: Vec<TraceColumns> = rows.iter().map(|row| TraceColumns::of(row)).collect();
    for rows in bulk::parts(&rows) {
        let mut query = QueryBuilder::<Db>::new(
            "INSERT INTO traces (tenant, trace_lo, trace_hi, first_seq, last_seq, start, duration, operation, has_root,
                                 spans, errors, services) ",
        );
        query.push_values(rows, |mut columns, row| {
            columns.push_bind(tenant.0).push_bind(row.trace_lo).push_bind(row.trace_hi);
            columns.push_bind(row.first_seq).push_bind(row.last_seq).push_bind(row.start).push_bind(row.duration);
            columns.push_bind(row.operation).push_bind(row.has_root).push_bind(row.spans).push_bind(row.errors);
            columns.push_bind(&row.services);
        });
        query.push(
            " ON CONFLICT (tenant, trace_lo, trace_hi) DO UPDATE SET
                first_seq = excluded.first_seq, last_seq = excluded.last_seq, start = excluded.start,
                duration = excluded.duration, operation = excluded.operation, has_root = excluded.has_root,
                spans = excluded.spans, errors = excluded.errors, services = excluded.services",
        );
        query.build().execute(&mut *connection).await?;
    }
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

/// Roll-ups of spans by operation, by hour only: nothing asks for less, and an operation's minutes hold few spans each.
fn by_operation(spans: &[NewSpan], names: &Names) -> BTreeMap<SliceKey, SpanSlice> {
    let mut slices: BTreeMap<SliceKey, SpanSlice> = BTreeMap::new();
    for span in spans {
        let hour = RollupResolution::Hour;
        let key = (hour.seconds(), names.operation(span), hour.floor(span.start).0);
        slices.entry(key).or_default().add(span.duration_ns, span.status == SpanStatus::Error);
    }
    slices
}

/// Roll-ups of calls by edge. A clock that is off must not make figures of the future.
fn by_edge(calls: &[Call], names: &Names, now: UnixNanos) -> BTreeMap<SliceKey, SpanSlice> {
    let mut slices: BTreeMap<SliceKey, SpanSlice> = BTreeMap::new();
    for call in calls {
        let Some(edge) = names.edges.get(&call.edge).copied() else { continue };
        for resolution in RollupResolution::ALL {
            let key = (resolution.seconds(), edge, resolution.floor(call.start.min(now)).0);
            slices.entry(key).or_default().add(call.duration_ns, call.is_error);
        }
    }
    slices
}

/// What a commit of spans teaches, for when it has succeeded.
pub(super) struct Learned {
    tenant: TenantId,
    names: Arc<Names>,
    paired: Paired,
    now: UnixNanos,
}

impl SqlStore {
    /// Remembers what a commit wrote.
    pub(super) fn learn_spans(&self, Learned { tenant, names, paired, now }: Learned) {
        self.names.keep(tenant, names);
        self.pairings.remember(tenant, paired, now);
    }
}

/// Numbers of a tenant's services, operations and edges.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    services: HashMap<String, i64>,
    operations: HashMap<i64, HashMap<String, i64>>,
    operation_count: usize,
    edges: HashMap<EdgeKey, i64>,
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
                .fetch_all(&mut *connection)
                .await?;
        let edges: Vec<(String, String, i64, i64)> =
            sqlx::query_as("SELECT caller, callee, kind, id FROM service_edges WHERE tenant = $1")
                .bind(tenant.0)
                .fetch_all(connection)
                .await?;
        let mut names = Self { services: services.into_iter().collect(), ..Self::default() };
        names.operation_count = operations.len();
        for (service, name, id) in operations {
            names.operations.entry(service).or_default().insert(name, id);
        }
        names.edges = edges
            .into_iter()
            .filter_map(|(caller, callee, kind, id)| {
                let kind = *NodeKind::ALL.get(usize::try_from(kind).ok()?)?;
                Some((EdgeKey { caller: caller.into(), callee: callee.into(), kind }, id))
            })
            .collect();
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

    /// What the operation of a span is called; none when it has its number already.
    fn unknown_operation<'a>(&self, span: &'a NewSpan) -> Option<&'a str> {
        let of_service = self.services.get(&*span.service).and_then(|service| self.operations.get(service));
        let is_known = |name: &str| of_service.is_some_and(|names| names.contains_key(name));
        let name = if self.operation_count < MAX_OPERATIONS { span.name.as_str() } else { OTHER };
        (!is_known(&span.name) && !is_known(name)).then_some(name)
    }

    async fn learn(&mut self, connection: &mut Connection, tenant: TenantId, span: &NewSpan) -> StoreResult<()> {
        let Some(name) = self.unknown_operation(span) else { return Ok(()) };
        let service = if let Some(service) = self.services.get(&*span.service).copied() {
            service
        } else {
            let (id,): (i64,) = sqlx::query_as(
                "INSERT INTO services (tenant, name) VALUES ($1, $2)
                 ON CONFLICT (tenant, name) DO UPDATE SET name = excluded.name RETURNING id",
            )
            .bind(tenant.0)
            .bind(&*span.service)
            .fetch_one(&mut *connection)
            .await?;
            self.services.insert(span.service.to_string(), id);
            id
        };
        let (id,): (i64,) = sqlx::query_as(
            "INSERT INTO operations (tenant, service, name) VALUES ($1, $2, $3)
             ON CONFLICT (tenant, service, name) DO UPDATE SET name = excluded.name RETURNING id",
        )
        .bind(tenant.0)
        .bind(service)
        .bind(name)
        .fetch_one(connection)
        .await?;
        self.operations.entry(service).or_default().insert(name.to_owned(), id);
        self.operation_count += 1;
        Ok(())
    }

    async fn learn_edge(&mut self, connection: &mut Connection, tenant: TenantId, edge: &EdgeKey) -> StoreResult<()> {
        let (id,): (i64,) = sqlx::query_as(
            "INSERT INTO service_edges (tenant, caller, callee, kind) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant, caller, callee, kind) DO UPDATE SET kind = excluded.kind RETURNING id",
        )
        .bind(tenant.0)
        .bind(&*edge.caller)
        .bind(&*edge.callee)
        .bind(edge.kind as i64)
        .fetch_one(connection)
        .await?;
        self.edges.insert(edge.clone(), id);
        Ok(())
    }
}

/// Names of all tenants, as far as they were committed.
#[derive(Default)]
pub(super) struct NameCache(Mutex<HashMap<TenantId, Arc<Names>>>);

impl NameCache {
    async fn of(&self, connection: &mut Connection, tenant: TenantId) -> StoreResult<Arc<Names>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned();
        match known {
            Some(names) => Ok(names),
            None => Names::read(connection, tenant).await.map(Arc::new),
        }
    }

    fn keep(&self, tenant: TenantId, names: Arc<Names>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant, names);
    }
}
