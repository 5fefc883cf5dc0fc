//! How endpoints do: read from roll-ups, so that the cost grows with endpoints and not with requests. Single requests
//! are looked for among spans, a bounded number of them.

mod figures;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use app::{
    api::{ApiError, PerformancePort, Scope},
    model::{
        CallQuery, CallSample, EndpointDetail, EndpointName, EndpointQuery, EndpointRow, EndpointStats, ErrorQuery,
        Hotspot, Hotspots, PerformancePage, PerformanceQuery, TenantId, TimeRange, UnixMillis, overview::Grid,
        performance::EndpointSlice, threshold::TARGET_MS,
    },
};
use async_trait::async_trait;

use self::figures::{before, charts, durations, key_of, name_of, sample, slice, stats, top_errors};
use super::{
    Services,
    figures::{by_slice, cover, few, grid, resolution, rows_of},
    store_failed,
};
use crate::store::{EndpointId, EndpointKey, Rollup, RollupRange, StoreResult, span::CallSelection};

/// Longest text of a condition, in bytes.
const MAX_TEXT_BYTES: usize = 512;
/// From this length of a range on the heatmap's slices are whole hours.
const HOURS_FROM_MS: i64 = 6 * HOUR_MS;
const HOUR_MS: i64 = 3_600_000;
/// Traced requests that are looked at for one cell, and for errors.
const CALLS_LOOKED_AT: usize = 2000;
const ERRORS_LOOKED_AT: usize = 5000;

/// Figures of longer ranges than this are remembered, and for so long.
const REMEMBERED_FROM_MS: i64 = 48 * HOUR_MS;
const REMEMBERED_FOR: Duration = Duration::from_secs(30);
/// Endpoints whose figures are remembered, in all tenants and ranges.
const MOST_REMEMBERED: u64 = 200_000;

/// Figures of long ranges that were asked for lately, by tenant, length of the range and roll-ups.
pub type FiguresCache = moka::sync::Cache<(TenantId, i64, Vec<RollupRange>), Arc<Vec<(EndpointId, EndpointStats)>>>;

/// A cache of figures within some tens of megabytes.
pub fn figures_cache() -> FiguresCache {
    let size = |_: &(TenantId, i64, Vec<RollupRange>), all: &Arc<Vec<(EndpointId, EndpointStats)>>| {
        u32::try_from(all.len()).unwrap_or(u32::MAX).max(1)
    };
    moka::sync::Cache::builder().weigher(size).max_capacity(MOST_REMEMBERED).time_to_live(REMEMBERED_FOR).build()
}

/// Conditions on endpoints.
#[derive(Debug, Default)]
struct Wanted<'a> {
    service: Option<&'a str>,
    method: Option<&'a str>,
    /// In lower case.
    search: Option<String>,
}

impl<'a> Wanted<'a> {
    fn new(service: Option<&'a str>, method: Option<&'a str>, search: Option<&'a str>) -> Result<Self, ApiError> {
        for (field, text) in [("service", service), ("method", method), ("search", search)] {
            if text.is_some_and(|text| text.len() > MAX_TEXT_BYTES) {
                return Err(ApiError::invalid(field, format!("at most {MAX_TEXT_BYTES} bytes")));
            }
        }
        Ok(Self { service, method, search: search.map(|text| text.trim().to_lowercase()) })
    }

    fn has(&self, key: &EndpointKey) -> bool {
        self.service.is_none_or(|service| key.service == service)
            && self.method.is_none_or(|method| key.method.eq_ignore_ascii_case(method))
            && self
                .search
                .as_ref()
                .is_none_or(|text| format!("{} {}", key.method, key.route).to_lowercase().contains(text.as_str()))
    }
}

/// An endpoint with what was counted of it.
struct Counted {
    id: EndpointId,
    key: EndpointKey,
    rollup: Rollup,
}

impl Services {
    /// Endpoints with requests in the range, out of these.
    async fn counted(
        &self,
        scope: Scope,
        names: Vec<(EndpointId, EndpointKey)>,
        ranges: &[RollupRange],
    ) -> StoreResult<Vec<Counted>> {
        let ids: Vec<EndpointId> = names.iter().map(|(id, _)| *id).collect();
        let mut names: HashMap<EndpointId, EndpointKey> = names.into_iter().collect();
        let figures = self.stores.endpoints.figures(scope.tenant, &ids, ranges).await?;
        let counted = figures.into_iter().filter(|(_, rollup)| rollup.requests > 0);
        Ok(counted.filter_map(|(id, rollup)| Some(Counted { id, key: names.remove(&id)?, rollup })).collect())
    }

    /// Figures of those of the endpoints that are wanted and had requests, judged by no target yet. Those of a long
    /// range hardly change while somebody sorts and filters them, and are remembered for a while: of all endpoints.
    async fn figures_of(
        &self,
        scope: Scope,
        mut names: Vec<(EndpointId, EndpointKey)>,
        wanted: &Wanted<'_>,
        range: TimeRange,
        now: UnixMillis,
    ) -> StoreResult<Vec<(EndpointId, EndpointStats)>> {
        let ranges = cover(range, now);
        let told = |one: Counted| (one.id, stats(name_of(one.key), &one.rollup, range, 0.0));
        if range.duration_ms() <= REMEMBERED_FROM_MS {
            names.retain(|(_, key)| wanted.has(key));
            return Ok(self.counted(scope, names, &ranges).await?.into_iter().map(told).collect());
        }
        let place = (scope.tenant, range.duration_ms(), ranges.clone());
        let known = self.endpoint_figures.get(&place);
        let all = if let Some(known) = known {
            known
        } else {
            let all = self.counted(scope, names, &ranges).await?.into_iter().map(told);
            let all: Arc<Vec<(EndpointId, EndpointStats)>> = Arc::new(all.collect());
            self.endpoint_figures.insert(place, all.clone());
            all
        };
        Ok(all.iter().filter(|(_, stats)| wanted.has(&key_of(EndpointName::of(stats)))).cloned().collect())
    }

    /// Endpoints in an order, at most so many, each with its small chart. For the overview.
    pub(super) async fn first_endpoints(
        &self,
        scope: Scope,
        range: TimeRange,
        now: UnixMillis,
        limit: usize,
    ) -> StoreResult<Vec<EndpointStats>> {
        let names = self.stores.endpoints.endpoints(scope.tenant).await?;
        let query = PerformanceQuery::default();
        let mut found = self.ranked(scope, names, range, now, &query, &Wanted::default()).await?;
        found.truncate(limit);
        let grid = heat_grid(range);
        let lines = self.sparklines(scope, &found, grid).await?;
        Ok(found.into_iter().zip(lines).map(|((_, stats), sparkline)| EndpointStats { sparkline, ..stats }).collect())
    }

    /// The endpoints of the query's view in its order.
    async fn ranked(
        &self,
        scope: Scope,
        names: Vec<(EndpointId, EndpointKey)>,
        range: TimeRange,
        now: UnixMillis,
        query: &PerformanceQuery,
        wanted: &Wanted<'_>,
    ) -> StoreResult<Vec<(EndpointId, EndpointStats)>> {
        let target_ms = query.target();
        let judged = |(id, stats): (EndpointId, EndpointStats)| {
            let an_hour = stats.rps * 3600.0;
            let time_lost_s_per_h = EndpointStats::time_lost_s(an_hour, stats.mean_ms, target_ms);
            (id, EndpointStats { time_lost_s_per_h, ..stats })
        };
        let figures = self.figures_of(scope, names, wanted, range, now).await?;
        let mut found: Vec<(EndpointId, EndpointStats)> =
            figures.into_iter().map(judged).filter(|(_, stats)| query.view.has(stats, target_ms)).collect();
        let column = query.column();
        found.sort_by(|(_, a), (_, b)| column.order(a, b, query.is_reversed));
        Ok(found)
    }

    /// Requests of each endpoint by slice of the grid.
    async fn sparklines(
        &self,
        scope: Scope,
        endpoints: &[(EndpointId, EndpointStats)],
        grid: Grid,
    ) -> StoreResult<Vec<Vec<f64>>> {
        let ids: Vec<EndpointId> = endpoints.iter().map(|(id, _)| *id).collect();
        let counts = self.stores.endpoints.counts(scope.tenant, &ids, rows_of(grid), grid.len as u32).await?;
        let mut lines: HashMap<EndpointId, Vec<f64>> = HashMap::new();
        for (id, time, requests) in counts {
            let Some(index) = grid.index_of(UnixMillis(time.to_millis().0.max(grid.from.0))) else { continue };
            lines.entry(id).or_insert_with(|| vec![0.0; grid.len])[index] += requests as f64;
        }
        Ok(ids.iter().map(|id| lines.remove(id).unwrap_or_default()).collect())
    }

    /// Each endpoint by slice of the grid.
    async fn slices(
        &self,
        scope: Scope,
        endpoints: &[EndpointId],
        grid: Grid,
    ) -> StoreResult<HashMap<EndpointId, Vec<Option<Rollup>>>> {
        let mut courses: HashMap<EndpointId, Vec<_>> = HashMap::new();
        for (id, time, rollup) in self.stores.endpoints.courses(scope.tenant, endpoints, rows_of(grid)).await? {
            courses.entry(id).or_default().push((time, rollup));
        }
        let resolution = resolution(grid);
        Ok(courses.into_iter().map(|(id, rows)| (id, by_slice(grid, resolution, &rows))).collect())
    }

    async fn page(
        &self,
        scope: Scope,
        query: &PerformanceQuery,
        wanted: &Wanted<'_>,
        now: UnixMillis,
    ) -> StoreResult<PerformancePage> {
        let range = query.range.resolve(now);
        let compared = query.compare.of(range);
        let names = self.stores.endpoints.endpoints(scope.tenant).await?;
        let any_stored = !names.is_empty();
        let unique = |of: fn(&EndpointKey) -> &String| {
            let all: BTreeSet<&String> = names.iter().map(|(_, key)| of(key)).collect();
            all.into_iter().cloned().collect::<Vec<String>>()
        };
        let (services, methods) = (unique(|key| &key.service), unique(|key| &key.method));
        let mut found = self.ranked(scope, names, range, now, query, wanted).await?;
        let matched = found.len() as u64;
        let limit = if query.limit == 0 { PerformanceQuery::DEFAULT_LIMIT } else { query.limit };
        found.truncate(limit as usize);
        let grid = heat_grid(range);
        let ids: Vec<EndpointId> = found.iter().map(|(id, _)| *id).collect();
        let earlier = cover(compared, now);
        let (lines, earlier, slices) = tokio::try_join!(
            self.sparklines(scope, &found, grid),
            self.stores.endpoints.figures(scope.tenant, &ids, &earlier),
            self.slices(scope, &ids[..ids.len().min(PerformancePage::HEAT_ROWS)], grid),
        )?;
        let earlier: HashMap<EndpointId, Rollup> = earlier.into_iter().collect();
        let row = |((id, stats), sparkline): ((EndpointId, EndpointStats), Vec<f64>)| EndpointRow {
            before: earlier.get(&id).and_then(|rollup| before(rollup, compared)),
            slices: slices.get(&id).map(|slices| shown(slices)).unwrap_or_default(),
            stats: EndpointStats { sparkline, ..stats },
        };
        let rows = found.into_iter().zip(lines).map(row).collect();
        Ok(PerformancePage { range, compared, rows, matched, any_stored, services, methods, grid })
    }

    async fn detail(&self, scope: Scope, query: EndpointQuery, now: UnixMillis) -> StoreResult<Option<EndpointDetail>> {
        let range = query.range.resolve(now);
        let compared = query.compare.of(range);
        let key = key_of(query.endpoint.clone());
        let names = self.stores.endpoints.endpoints(scope.tenant).await?;
        let Some((id, _)) = names.into_iter().find(|(_, known)| *known == key) else { return Ok(None) };
        let ids = [id];
        let (fine, coarse, past) = (grid(range), few(range, 0), grid(compared));
        let (whole, earlier) = (cover(range, now), cover(compared, now));
        let endpoints = &self.stores.endpoints;
        let none = async { StoreResult::Ok(HashMap::new()) };
        let (total, earlier, slices, columns, drawn) = tokio::try_join!(
            endpoints.figures(scope.tenant, &ids, &whole),
            endpoints.figures(scope.tenant, &ids, &earlier),
            self.slices(scope, &ids, fine),
            self.slices(scope, &ids, coarse),
            async { if query.overlay { self.slices(scope, &ids, past).await } else { none.await } },
        )?;
        let of = |mut slices: HashMap<EndpointId, Vec<Option<Rollup>>>| slices.remove(&id).unwrap_or_default();
        let total = total.into_iter().next().map(|(_, rollup)| rollup).filter(|rollup| rollup.requests > 0);
        let target_ms = f64::from(if query.target_ms == 0 { TARGET_MS } else { query.target_ms });
        Ok(Some(EndpointDetail {
            stats: total.as_ref().map(|rollup| stats(query.endpoint.clone(), rollup, range, target_ms)),
            before: earlier.first().and_then(|(_, rollup)| before(rollup, compared)),
            by_class: total.as_ref().map(|rollup| rollup.by_class).unwrap_or_default(),
            grid: fine,
            charts: charts(fine, resolution(fine), &of(slices), &of(drawn), now),
            durations: durations(coarse, &of(columns)),
            endpoint: query.endpoint,
        }))
    }

    async fn failing(
        &self,
        scope: Scope,
        query: &ErrorQuery,
        wanted: &Wanted<'_>,
        now: UnixMillis,
    ) -> StoreResult<Hotspots> {
        let range = query.range.resolve(now);
        let mut names = self.stores.endpoints.endpoints(scope.tenant).await?;
        let only = query.endpoint.clone().map(key_of);
        names.retain(|(_, key)| wanted.has(key) && only.as_ref().is_none_or(|only| only == key));
        let mut counted = self.counted(scope, names, &cover(range, now)).await?;
        counted.retain(|one| one.rollup.errors() > 0);
        counted.sort_by(|a, b| b.rollup.errors().cmp(&a.rollup.errors()).then_with(|| a.key.cmp(&b.key)));
        let matched = counted.len() as u64;
        let limit = if query.limit == 0 { ErrorQuery::DEFAULT_LIMIT } else { query.limit };
        counted.truncate(limit as usize);
        if counted.is_empty() {
            return Ok(Hotspots::default());
        }
        let selection = CallSelection {
            endpoints: counted.iter().map(|one| one.key.clone()).collect(),
            is_failed: true,
            limit: ERRORS_LOOKED_AT,
            ..everything(range)
        };
        let (found, is_sample) = self.stores.spans.calls(scope.tenant, selection).await?;
        let mut errors = top_errors(found);
        let hotspot = |one: Counted| Hotspot {
            requests: one.rollup.requests,
            refused: one.rollup.by_class[2],
            errors: one.rollup.errors(),
            error_rate: one.rollup.error_percent(),
            top_errors: errors.remove(&one.key).unwrap_or_default(),
            endpoint: name_of(one.key),
        };
        Ok(Hotspots { hotspots: counted.into_iter().map(hotspot).collect(), matched, is_sample })
    }
}

/// The slices of the heatmap and of the small charts: hours, unless the range is short.
fn heat_grid(range: TimeRange) -> Grid {
    few(range, if range.duration_ms() >= HOURS_FROM_MS { HOUR_MS } else { 0 })
}

fn shown(slices: &[Option<Rollup>]) -> Vec<Option<EndpointSlice>> {
    slices.iter().map(|rollup| rollup.as_ref().map(slice)).collect()
}

/// All traced requests of a range.
fn everything(range: TimeRange) -> CallSelection {
    CallSelection {
        from: range.from.to_nanos(),
        to: range.to.to_nanos(),
        endpoints: Vec::new(),
        is_failed: false,
        min_ns: None,
        max_ns: None,
        limit: CALLS_LOOKED_AT,
    }
}

fn check_target(target_ms: u32) -> Result<(), ApiError> {
    if target_ms > PerformanceQuery::MAX_TARGET_MS {
        let most = PerformanceQuery::MAX_TARGET_MS;
        return Err(ApiError::invalid("target_ms", format!("1 to {most}")));
    }
    Ok(())
}

fn check_endpoint(endpoint: &EndpointName) -> Result<(), ApiError> {
    let is_long = [&endpoint.service, &endpoint.method, &endpoint.route].iter().any(|text| text.len() > MAX_TEXT_BYTES);
    if is_long { Err(ApiError::invalid("endpoint", format!("at most {MAX_TEXT_BYTES} bytes each"))) } else { Ok(()) }
}

fn check_limit(limit: u32, most: u32) -> Result<(), ApiError> {
    if limit > most { Err(ApiError::invalid("limit", format!("1 to {most}"))) } else { Ok(()) }
}

#[async_trait]
impl PerformancePort for Services {
    async fn performance(&self, scope: Scope, query: PerformanceQuery) -> Result<PerformancePage, ApiError> {
        check_limit(query.limit, PerformanceQuery::MAX_LIMIT)?;
        check_target(query.target_ms)?;
        let wanted = Wanted::new(query.service.as_deref(), query.method.as_deref(), query.search.as_deref())?;
        self.page(scope, &query, &wanted, self.clock.now_millis()).await.map_err(store_failed)
    }

    async fn endpoint(&self, scope: Scope, query: EndpointQuery) -> Result<EndpointDetail, ApiError> {
        check_endpoint(&query.endpoint)?;
        check_target(query.target_ms)?;
        let found = self.detail(scope, query, self.clock.now_millis()).await.map_err(store_failed)?;
        found.ok_or_else(|| ApiError::not_found("endpoint"))
    }

    async fn calls(&self, scope: Scope, query: CallQuery) -> Result<CallSample, ApiError> {
        check_endpoint(&query.endpoint)?;
        for (field, ms) in [("min_ms", query.min_ms), ("max_ms", query.max_ms)] {
            if ms.is_some_and(|ms| !(0.0..=1e12).contains(&ms)) {
                return Err(ApiError::invalid(field, "expected milliseconds, not negative"));
            }
        }
        let nanos = |ms: Option<f64>| ms.map(|ms| (ms * 1e6) as i64);
        let selection = CallSelection {
            endpoints: vec![key_of(query.endpoint)],
            min_ns: nanos(query.min_ms),
            max_ns: nanos(query.max_ms),
            ..everything(query.range.resolve(self.clock.now_millis()))
        };
        let (found, is_partial) = self.stores.spans.calls(scope.tenant, selection).await.map_err(store_failed)?;
        Ok(sample(found, is_partial))
    }

    async fn hotspots(&self, scope: Scope, query: ErrorQuery) -> Result<Hotspots, ApiError> {
        check_limit(query.limit, ErrorQuery::MAX_LIMIT)?;
        if let Some(endpoint) = &query.endpoint {
            check_endpoint(endpoint)?;
        }
        let wanted = Wanted::new(query.service.as_deref(), query.method.as_deref(), query.search.as_deref())?;
        self.failing(scope, &query, &wanted, self.clock.now_millis()).await.map_err(store_failed)
    }
}
