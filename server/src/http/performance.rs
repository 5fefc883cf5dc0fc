//! Endpoints and how they do, for programs.

use app::{
    api::{ApiError, PerformancePort},
    model::{
        EndpointColumn, EndpointStats, EndpointView, ErrorQuery, Hotspots, PerformanceQuery, RangeSpec,
        threshold::TARGET_MS,
    },
};
use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    error::{ErrorBody, Failure},
    guard::InScope,
    query::Params,
    rest::Shared,
};

/// Longest period, in hours: 30 days.
const MAX_PERIOD_HOURS: u32 = 720;
/// Endpoints when nothing is said.
const LIMIT: u32 = 50;

/// Endpoints, in the order that was asked for.
#[derive(Serialize, ToSchema)]
pub struct EndpointList {
    /// Of the last so many hours.
    #[schema(example = 1)]
    period_hours: u32,
    /// What a request may take, in milliseconds: the rest is lost.
    #[schema(example = 500)]
    threshold_ms: u32,
    /// How many match; the list may be shorter.
    matched: u64,
    /// The endpoints.
    endpoints: Vec<EndpointStats>,
}

fn period(params: &Params) -> Result<(u32, RangeSpec), Failure> {
    let hours = params.number::<u32>("period_hours")?.unwrap_or(1);
    if hours == 0 || hours > MAX_PERIOD_HOURS {
        return Err(ApiError::invalid("period_hours", format!("1 to {MAX_PERIOD_HOURS}")).into());
    }
    Ok((hours, RangeSpec::Last(hours * 3600)))
}

fn limit(params: &Params, otherwise: u32) -> Result<u32, Failure> {
    Ok(match params.limit()? {
        0 => otherwise,
        limit => limit,
    })
}

fn threshold(params: &Params) -> Result<u32, Failure> {
    match params.number::<u32>("threshold_ms")? {
        Some(0) => Err(ApiError::invalid("threshold_ms", "at least 1").into()),
        threshold if threshold > Some(PerformanceQuery::MAX_TARGET_MS) => {
            Err(ApiError::invalid("threshold_ms", format!("1 to {}", PerformanceQuery::MAX_TARGET_MS)).into())
        }
        threshold => Ok(threshold.unwrap_or(TARGET_MS)),
    }
}

async fn list(
    State(services): Shared,
    scope: app::api::Scope,
    query: PerformanceQuery,
    period_hours: u32,
) -> Result<Json<EndpointList>, Failure> {
    let threshold_ms = query.target_ms;
    let page = services.performance(scope, query).await?;
    let endpoints = page.rows.into_iter().map(|row| row.stats).collect();
    Ok(Json(EndpointList { period_hours, threshold_ms, matched: page.matched, endpoints }))
}

/// Endpoints
///
/// Every endpoint with requests in the last hours: how many, how fast, how many failed, and the time that callers lose:
/// requests an hour × (mean − threshold).
#[utoipa::path(get, path = "/api/monitoring/advanced/performance/endpoints", tag = "monitoring", params(
    ("period_hours" = Option<u32>, Query, description = "1 by default.", minimum = 1, maximum = 720),
    ("limit" = Option<u32>, Query, description = "50 by default.", minimum = 1, maximum = 1000),
    ("service" = Option<String>, Query, description = "Of this service."),
    ("method" = Option<String>, Query, description = "With this HTTP method."),
    ("search" = Option<String>, Query, description = "This text in method and route."),
    ("sort" = Option<EndpointColumn>, Query, description = "`impact` by default: the largest first, names from A to Z."),
    ("threshold_ms" = Option<u32>, Query, description = "What a request may take; 500 by default.", minimum = 1),
), responses(
    (status = 200, description = "The endpoints.", body = EndpointList),
    (status = 422, description = "A parameter is wrong; `details.field` says which.", body = ErrorBody),
))]
pub async fn endpoints(
    services: Shared,
    InScope(scope): InScope,
    params: Params,
) -> Result<Json<EndpointList>, Failure> {
    let known = ["period_hours", "limit", "service", "method", "search", "sort", "threshold_ms"];
    let params = params.only(&known)?;
    let (period_hours, range) = period(&params)?;
    let query = PerformanceQuery {
        range,
        service: params.text("service"),
        method: params.text("method"),
        search: params.text("search"),
        sort: params.parse("sort")?,
        target_ms: threshold(&params)?,
        limit: limit(&params, LIMIT)?,
        ..PerformanceQuery::default()
    };
    list(services, scope, query, period_hours).await
}

/// Slow endpoints
///
/// Those whose 95th percentile lies above the threshold, with the most time lost first.
#[utoipa::path(get, path = "/api/monitoring/advanced/performance/slow-endpoints", tag = "monitoring", params(
    ("period_hours" = Option<u32>, Query, description = "1 by default.", minimum = 1, maximum = 720),
    ("limit" = Option<u32>, Query, description = "50 by default.", minimum = 1, maximum = 1000),
    ("service" = Option<String>, Query, description = "Of this service."),
    ("threshold_ms" = Option<u32>, Query, description = "What a request may take; 500 by default.", minimum = 1),
), responses(
    (status = 200, description = "The endpoints.", body = EndpointList),
    (status = 422, description = "A parameter is wrong; `details.field` says which.", body = ErrorBody),
))]
pub async fn slow_endpoints(
    services: Shared,
    InScope(scope): InScope,
    params: Params,
) -> Result<Json<EndpointList>, Failure> {
    let params = params.only(&["period_hours", "limit", "service", "threshold_ms"])?;
    let (period_hours, range) = period(&params)?;
    let query = PerformanceQuery {
        range,
        service: params.text("service"),
        view: EndpointView::Slow,
        target_ms: threshold(&params)?,
        limit: limit(&params, LIMIT)?,
        ..PerformanceQuery::default()
    };
    list(services, scope, query, period_hours).await
}

/// Error hotspots
///
/// Endpoints with answers of status 5xx, those with the most first, and what went wrong there most often as far as the
/// requests were traced.
#[utoipa::path(get, path = "/api/monitoring/advanced/performance/error-hotspots", tag = "monitoring", params(
    ("period_hours" = Option<u32>, Query, description = "1 by default.", minimum = 1, maximum = 720),
    ("limit" = Option<u32>, Query, description = "10 by default.", minimum = 1, maximum = 100),
    ("service" = Option<String>, Query, description = "Of this service."),
), responses(
    (status = 200, description = "The endpoints.", body = Hotspots),
    (status = 422, description = "A parameter is wrong; `details.field` says which.", body = ErrorBody),
))]
pub async fn error_hotspots(
    State(services): Shared,
    InScope(scope): InScope,
    params: Params,
) -> Result<Json<Hotspots>, Failure> {
    let params = params.only(&["period_hours", "limit", "service"])?;
    let (_, range) = period(&params)?;
    let query = ErrorQuery {
        range,
        service: params.text("service"),
        limit: limit(&params, ErrorQuery::DEFAULT_LIMIT)?,
        ..ErrorQuery::default()
    };
    Ok(Json(services.hotspots(scope, query).await?))
}
