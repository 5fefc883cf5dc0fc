//! Traces: lists, and one trace for its page.

use std::{collections::HashMap, sync::Arc, time::Duration};

use app::{
    api::{ApiError, ErrorCode, Scope, TracePort},
    model::{
        ContrastQuery, Level, LogFilter, Span, SpanDetail, SpanId, TenantId, TimeRange, TraceComparison, TraceContrast,
        TraceDetail, TraceFilter, TraceId, TraceOutline, TracePage, TraceQuery, TraceSummary, UnixMillis, UnixNanos,
        comparison::ComparedTrace,
        span::{HeatCell, Heatmap, PeerStats, ServiceCount},
    },
};
use async_trait::async_trait;

use super::{Services, comparison, outline::Outline, pipeline_spans, read_cursor, store_failed, write_cursor};
use crate::store::{
    LogSelection, Rollup, RollupRange, RollupResolution,
    log::LogMatcher,
    span::{SpanCondition, SpanMatcher, TraceCursor, TraceFigures, TraceSelection},
};

/// Matching traces are looked at up to here to describe all of them.
const COUNT_BOUND: usize = 5000;
/// Spans of a trace that are shown at most.
const MAX_SPANS: usize = 200_000;
/// Longest text of a condition, in bytes.
const MAX_TEXT_BYTES: usize = 512;
/// Columns of the heatmap.
const HEAT_COLUMNS: u16 = 72;
/// Clocks of those who log and those who trace may differ by so much.
const LOGS_AROUND_NANOS: i64 = 3_600_000_000_000;
/// Traces like one are looked for so long before and after it, and so many are looked at.
const PEERS_WITHIN_NANOS: i64 = 12 * 3_600_000_000_000;
const MAX_PEERS: usize = 500;
/// Spans like one are looked for in so many hours before it.
const PEER_HOURS: i64 = 24;

/// Outlines that were asked for lately: a large one is asked for window by window.
pub type OutlineCache = moka::sync::Cache<(TenantId, TraceId), (TraceSummary, Arc<Outline>)>;

/// A cache of outlines within 64 MiB. A trace that still grows is seen anew after a few seconds.
pub fn outline_cache() -> OutlineCache {
    let size = |_: &(TenantId, TraceId), (_, outline): &(TraceSummary, Arc<Outline>)| {
        u32::try_from(outline.size()).unwrap_or(u32::MAX)
    };
    moka::sync::Cache::builder().weigher(size).max_capacity(64 << 20).time_to_live(Duration::from_secs(20)).build()
}

#[async_trait]
impl TracePort for Services {
    async fn list(&self, scope: Scope, query: TraceQuery) -> Result<TracePage, ApiError> {
        if query.limit > TraceQuery::MAX_LIMIT {
            return Err(ApiError::invalid("limit", format!("1 to {}", TraceQuery::MAX_LIMIT)));
        }
        let range = query.range.resolve(self.clock.now_millis());
        let selection = selection(query, range)?;
        let begun = self.hub.traces_begun(scope.tenant);
        let slice = self.stores.spans.traces(scope.tenant, selection).await.map_err(store_failed)?;
        Ok(TracePage {
            next_cursor: slice.next.map(|next| write_cursor(next.value, next.row as u128)),
            range_ms: (range.from.0, range.to.0),
            matched: slice.figures.len() as u64,
            matched_errors: slice.figures.iter().filter(|trace| trace.errors > 0).count() as u64,
            matched_is_partial: slice.is_partial,
            services: count_services(&slice.figures, &slice.services),
            heatmap: heatmap(&slice.figures, range),
            any_stored: slice.any_stored,
            begun,
            traces: slice.traces,
        })
    }

    async fn contrast(&self, scope: Scope, query: ContrastQuery) -> Result<TraceContrast, ApiError> {
        let now = self.clock.now_millis();
        let rest = TraceQuery {
            filter: TraceFilter { service: query.query.filter.service.clone(), ..TraceFilter::default() },
            range: query.within,
            ..TraceQuery::default()
        };
        let (within, range) = (query.within.resolve(now), query.query.range.resolve(now));
        let (selected, rest) = (selection(query.query, range)?, selection(rest, within)?);
        self.stores.spans.contrast(scope.tenant, selected, rest).await.map_err(store_failed)
    }

    async fn detail(&self, scope: Scope, id: TraceId) -> Result<TraceDetail, ApiError> {
        // Anew, for a trace that still grows.
        self.outlines.invalidate(&(scope.tenant, id));
        let (summary, outline) = self.outline(scope.tenant, id).await?;
        let (logs, has_more_logs) = self.logs_of(scope.tenant, &summary).await?;
        let window = outline.window(0, TraceDetail::WINDOW_ROWS);
        Ok(TraceDetail { summary, outline: window, faults: outline.faults, logs, has_more_logs })
    }

    async fn rows(&self, scope: Scope, id: TraceId, offset: u32) -> Result<TraceOutline, ApiError> {
        let (_, outline) = self.outline(scope.tenant, id).await?;
        Ok(outline.window(offset, TraceDetail::WINDOW_ROWS))
    }

    async fn compare(&self, scope: Scope, id: TraceId, other: Option<TraceId>) -> Result<TraceComparison, ApiError> {
        let peers = self.stores.spans.like(scope.tenant, id, PEERS_WITHIN_NANOS, MAX_PEERS).await;
        let peers = peers.map_err(store_failed)?;
        let peer_count = peers.len() as u32;
        let other = match other {
            None => None,
            Some(other) => {
                let ((_, here), (summary, there)) =
                    (self.outline(scope.tenant, id).await?, self.outline(scope.tenant, other).await?);
                let compared = tokio::task::spawn_blocking(move || comparison::operations(&here, &there));
                let (operations, left_out) = compared.await.map_err(|_| ApiError::internal())?;
                Some(ComparedTrace { summary, operations, left_out })
            }
        };
        Ok(TraceComparison { peers: comparison::choose(id, peers), peer_count, other })
    }

    async fn span(&self, scope: Scope, trace: TraceId, wanted: SpanId) -> Result<SpanDetail, ApiError> {
        let span = self.stores.spans.span(scope.tenant, trace, wanted).await.map_err(store_failed)?;
        let span = match span {
            Some(span) => Some(span),
            None => self.pipeline_spans(scope.tenant, trace).await?.into_iter().find(|step| step.span_id == wanted),
        };
        let span = span.ok_or_else(|| ApiError::new(ErrorCode::NotFound, "no such span in this trace"))?;
        let peers = self.peers_of(scope.tenant, &span).await?;
        Ok(SpanDetail { span, peers })
    }
}

impl Services {
    /// Spans of the pipeline with this id; none when there is none.
    async fn pipeline_spans(&self, tenant: TenantId, id: TraceId) -> Result<Vec<Span>, ApiError> {
        let pipeline = self.stores.pipelines.get(tenant, id.as_uuid()).await.map_err(store_failed)?;
        Ok(pipeline.map(|stored| pipeline_spans::spans(&stored.trace, self.clock.now_utc())).unwrap_or_default())
    }

    /// A trace's summary and its outline, remembered for a while.
    async fn outline(&self, tenant: TenantId, id: TraceId) -> Result<(TraceSummary, Arc<Outline>), ApiError> {
        if let Some(known) = self.outlines.get(&(tenant, id)) {
            return Ok(known);
        }
        let found = self.stores.spans.trace(tenant, id, MAX_SPANS).await.map_err(store_failed)?;
        let (duplicates, left_out) = found.as_ref().map_or((0, 0), |found| (found.duplicates, found.left_out));
        let steps = self.pipeline_spans(tenant, id).await?;
        let found = pipeline_spans::join(found.map(|found| (found.summary, found.spans)), steps);
        let (summary, spans) = found.ok_or_else(unknown_trace)?;
        let outline = tokio::task::spawn_blocking(move || {
            let mut outline = Outline::of(&spans, summary.start);
            (outline.faults.duplicates, outline.faults.left_out) = (duplicates as u32, left_out as u32);
            (summary, Arc::new(outline))
        });
        let outline = outline.await.map_err(|_| ApiError::internal())?;
        self.outlines.insert((tenant, id), outline.clone());
        Ok(outline)
    }

    /// Log lines that name the trace, oldest first, and whether there are more.
    async fn logs_of(
        &self,
        tenant: TenantId,
        trace: &TraceSummary,
    ) -> Result<(Vec<app::model::LogRecord>, bool), ApiError> {
        let filter = LogFilter { trace_id: Some(trace.trace_id), level: Some(Level::Trace), ..LogFilter::default() };
        let matcher = LogMatcher::new(&filter).map_err(|_| ApiError::internal())?;
        let selection = LogSelection {
            matcher,
            from: UnixNanos(trace.start.0.saturating_sub(LOGS_AROUND_NANOS)),
            to: UnixNanos(trace.start.0.saturating_add(trace.duration_ns).saturating_add(LOGS_AROUND_NANOS)),
            before: None,
            limit: TraceDetail::MAX_LOGS as usize,
            count_bound: 1,
        };
        let slice = self.stores.logs.search(tenant, selection).await.map_err(store_failed)?;
        Ok((slice.records.into_iter().rev().collect(), slice.has_more))
    }

    async fn peers_of(&self, tenant: TenantId, span: &Span) -> Result<Option<PeerStats>, ApiError> {
        let hour = RollupResolution::Hour;
        let to = UnixNanos(hour.floor(span.start).0.saturating_add(hour.nanos()));
        let from = UnixNanos(to.0.saturating_sub(PEER_HOURS * hour.nanos()));
        let range = RollupRange { resolution: hour, from, to };
        let rollup = self.stores.spans.operation(tenant, &span.service, &span.name, &[range]).await;
        Ok(peers(&rollup.map_err(store_failed)?, span.duration_ns as f64 / 1e6, range))
    }
}

fn peers(rollup: &Rollup, duration_ms: f64, range: RollupRange) -> Option<PeerStats> {
    // With itself alone there is nothing to compare.
    if rollup.requests < 2 {
        return None;
    }
    let quantile = |q| rollup.sketch.quantile(q).unwrap_or_default();
    // The share that is shorter: where the sketch's quantiles, which grow, reach the duration.
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..20 {
        let middle = f64::midpoint(low, high);
        if quantile(middle) < duration_ms { low = middle } else { high = middle }
    }
    Some(PeerStats {
        count: rollup.requests,
        percentile: low * 100.0,
        p50_ms: quantile(0.5),
        p95_ms: quantile(0.95),
        p99_ms: quantile(0.99),
        range: TimeRange { from: range.from.to_millis(), to: range.to.to_millis() },
    })
}

/// What the store is asked.
fn selection(query: TraceQuery, range: TimeRange) -> Result<TraceSelection, ApiError> {
    check(&query.filter)?;
    let after = query.cursor.as_deref().map(read_cursor).transpose()?;
    let limit = if query.limit == 0 { TraceQuery::DEFAULT_LIMIT } else { query.limit };
    let nanos = |ms: Option<f64>| ms.map(|ms| (ms * 1e6) as i64);
    Ok(TraceSelection {
        from: range.from.to_nanos(),
        // A relative range is open to the future: emitters' clocks may run ahead of ours.
        to: if query.range.is_relative() { UnixNanos(i64::MAX) } else { range.to.to_nanos() },
        matcher: matcher_of(&query.filter),
        service: query.filter.service,
        has_errors: query.filter.has_errors,
        min_ns: nanos(query.filter.min_ms),
        max_ns: nanos(query.filter.max_ms),
        sort: query.sort,
        after: after.map(|(value, row)| TraceCursor { value, row: row as i64 }),
        limit: limit as usize,
        count_bound: COUNT_BOUND,
    })
}

fn unknown_trace() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "no such trace; it may be older than what is kept")
}

fn check(filter: &TraceFilter) -> Result<(), ApiError> {
    let texts = [("service", &filter.service), ("operation", &filter.operation), ("search", &filter.search)];
    for (field, text) in texts {
        if text.as_ref().is_some_and(|text| text.len() > MAX_TEXT_BYTES) {
            return Err(ApiError::invalid(field, format!("at most {MAX_TEXT_BYTES} bytes")));
        }
    }
    for (field, ms) in [("min_ms", filter.min_ms), ("max_ms", filter.max_ms)] {
        if ms.is_some_and(|ms| !(0.0..=1e12).contains(&ms)) {
            return Err(ApiError::invalid(field, "expected milliseconds, not negative"));
        }
    }
    if filter.attributes.len() > TraceFilter::MAX_ATTRIBUTES {
        let message = format!("at most {} conditions", TraceFilter::MAX_ATTRIBUTES);
        return Err(ApiError::invalid("attributes", message));
    }
    if filter.attributes.iter().any(|filter| filter.key.len() + filter.value.len() > MAX_TEXT_BYTES) {
        return Err(ApiError::invalid("attributes", format!("at most {MAX_TEXT_BYTES} bytes each")));
    }
    Ok(())
}

/// The conditions on single spans; none when there is none but the service, which rows know.
fn matcher_of(filter: &TraceFilter) -> Option<SpanMatcher> {
    let TraceFilter { service, operation, attributes, search, .. } = filter;
    let search = search.as_ref().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let is_needed = operation.is_some() || !attributes.is_empty() || search.is_some();
    is_needed.then(|| {
        SpanMatcher::new(SpanCondition {
            service: service.clone(),
            operation: operation.clone(),
            attributes: attributes.clone(),
            search,
        })
    })
}

fn count_services(traces: &[TraceFigures], names: &HashMap<i64, String>) -> Vec<ServiceCount> {
    let mut counts: HashMap<i64, (u64, u64)> = HashMap::new();
    for part in traces.iter().flat_map(|trace| &trace.services) {
        let count = counts.entry(part.service).or_default();
        count.0 += 1;
        count.1 += u64::from(part.errors > 0);
    }
    let named = counts.into_iter().filter_map(|(service, (traces, errors))| {
        Some(ServiceCount { service: names.get(&service)?.clone(), traces, errors })
    });
    let mut services: Vec<ServiceCount> = named.collect();
    services.sort_by(|a, b| b.traces.cmp(&a.traces).then_with(|| a.service.cmp(&b.service)));
    services
}

/// Durations on steps of 1, 2 and 5 times powers of ten, over equal parts of the range.
fn heatmap(traces: &[TraceFigures], range: TimeRange) -> Heatmap {
    let ms = |trace: &TraceFigures| (trace.duration_ns as f64 / 1e6).max(0.001);
    let (mut shortest, mut longest) = (f64::MAX, 0.0_f64);
    for trace in traces {
        shortest = shortest.min(ms(trace));
        longest = longest.max(ms(trace));
    }
    if traces.is_empty() {
        return Heatmap { columns: HEAT_COLUMNS, ..Heatmap::default() };
    }
    let steps = (-3..=12).flat_map(|power| [1.0, 2.0, 5.0].map(|factor| factor * 10_f64.powi(power)));
    let steps: Vec<f64> = steps.collect();
    let first = steps.partition_point(|step| *step <= shortest).saturating_sub(1);
    let last = steps.partition_point(|step| *step <= longest).min(steps.len() - 1);
    let row_ms = steps[first..=last].to_vec();
    let column_of = |start: UnixNanos| {
        let UnixMillis(at) = start.to_millis();
        let share = (at - range.from.0) as f64 / range.duration_ms() as f64;
        (share * f64::from(HEAT_COLUMNS)).clamp(0.0, f64::from(HEAT_COLUMNS - 1)) as u16
    };
    let mut cells: HashMap<(u16, u16), (u32, u32)> = HashMap::new();
    for trace in traces {
        let row = row_ms.partition_point(|limit| *limit <= ms(trace)).clamp(1, row_ms.len().max(2) - 1) - 1;
        let cell = cells.entry((column_of(trace.start), row as u16)).or_default();
        cell.0 += 1;
        cell.1 += u32::from(trace.errors > 0);
    }
    let cell = |((column, row), (traces, errors))| HeatCell { column, row, traces, errors };
    let mut cells: Vec<HeatCell> = cells.into_iter().map(cell).collect();
    cells.sort_by_key(|cell| (cell.column, cell.row));
    Heatmap { columns: HEAT_COLUMNS, row_ms, cells }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(start_ms: i64, ms: f64, errors: i64) -> TraceFigures {
        let start = UnixMillis(start_ms).to_nanos();
        TraceFigures { start, duration_ns: (ms * 1e6) as i64, errors, services: Vec::new() }
    }

    #[test]
    fn the_heatmap_has_a_cell_for_each_place_that_is_taken() {
        let range = TimeRange { from: UnixMillis(0), to: UnixMillis(72_000) };
        let traces = [trace(500, 3.0, 0), trace(700, 3.5, 1), trace(71_999, 80.0, 0), trace(90_000, 80.0, 0)];
        let map = heatmap(&traces, range);
        assert_eq!(map.row_ms, [2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        let cell = |column, row, traces, errors| HeatCell { column, row, traces, errors };
        assert_eq!(map.cells, [cell(0, 0, 2, 1), cell(71, 4, 2, 0)]);
        assert!(heatmap(&[], range).cells.is_empty());
        let extremes = heatmap(&[trace(0, 0.0, 0), trace(0, 1e14, 0)], range);
        assert!(extremes.cells.iter().all(|cell| usize::from(cell.row) + 1 < extremes.row_ms.len()));
    }

    #[test]
    fn a_span_is_compared_with_those_like_it() {
        let mut rollup = Rollup::default();
        (1..=100).for_each(|ms| rollup.add(200, f64::from(ms)));
        let range =
            RollupRange { resolution: RollupResolution::Hour, from: UnixNanos(0), to: UnixNanos(1_000_000_000) };
        let peers = peers(&rollup, 95.0, range).unwrap();
        assert!((90.0..97.0).contains(&peers.percentile), "{peers:?}");
        assert!(super::peers(&Rollup::default(), 1.0, range).is_none());
    }

    #[test]
    fn conditions_have_limits() {
        let long = TraceFilter { search: Some("x".repeat(600)), ..TraceFilter::default() };
        assert!(check(&long).is_err());
        assert!(check(&TraceFilter { min_ms: Some(f64::NAN), ..TraceFilter::default() }).is_err());
        assert!(check(&TraceFilter { min_ms: Some(0.5), ..TraceFilter::default() }).is_ok());
        let many = TraceFilter { attributes: vec!["a exists".parse().unwrap(); 9], ..TraceFilter::default() };
        assert!(check(&many).is_err());
    }
}
