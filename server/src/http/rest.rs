//! The REST interface: each handler reads its parameters, calls one use case, and answers.

use app::{
    api::{ApiError, PipelinePort},
    model::{
        PipelineFilter, PipelinePage, PipelineQuery, PipelineStatus, PipelineTrace, TraceId,
        health::{ComponentStatus, HealthReport, MonitoringSummary},
        pipeline::PipelineStats,
    },
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    AppState,
    error::{ErrorBody, Failure},
    guard::InScope,
    query::Params,
};
use crate::service::Services;

pub(super) type Shared = State<Arc<Services>>;

const TRACE_PARAMS: [&str; 9] =
    ["limit", "cursor", "status", "environment", "tenant_id", "trigger_type", "search", "from", "to"];

fn pipeline_query(params: Params, services: &Services) -> Result<PipelineQuery, Failure> {
    let params = params.only(&TRACE_PARAMS)?;
    Ok(PipelineQuery {
        filter: PipelineFilter {
            status: params.parse("status")?,
            environment: params.text("environment"),
            tenant_id: params.text("tenant_id"),
            trigger_type: params.text("trigger_type"),
            search: params.text("search"),
        },
        range: params.range(services.clock.now_millis())?,
        limit: params.limit()?,
        cursor: params.text("cursor"),
    })
}

/// Pipeline traces
///
/// The rows of a list, newest first.
#[utoipa::path(get, path = "/v1/traces", tag = "pipelines", params(
    ("status" = Option<PipelineStatus>, Query, description = "In this state."),
    ("environment" = Option<String>, Query, description = "To this environment."),
    ("tenant_id" = Option<String>, Query, description = "For this target tenant."),
    ("trigger_type" = Option<String>, Query, description = "Set off by this, e.g. `gitlab-push`."),
    ("search" = Option<String>, Query, description = "This text in message, author, branch, project, API, commit or id."),
    ("from" = Option<String>, Query, description = "RFC 3339 or epoch milliseconds.", example = "2026-01-01T00:00:00Z"),
    ("to" = Option<String>, Query, description = "RFC 3339 or epoch milliseconds."),
    ("limit" = Option<u32>, Query, description = "Rows on a page.", minimum = 1),
    ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before."),
), responses(
    (status = 200, description = "A page.", body = PipelinePage),
    (status = 422, description = "A parameter is wrong; `details.field` says which.", body = ErrorBody),
))]
pub async fn list_traces(
    State(services): Shared,
    InScope(scope): InScope,
    params: Params,
) -> Result<Json<PipelinePage>, Failure> {
    let query = pipeline_query(params, &services)?;
    Ok(Json(PipelinePort::list(&*services, scope, query).await?))
}

/// Counts over pipeline traces
///
/// How many match, by status, how long they took, and how many ended well.
#[utoipa::path(get, path = "/v1/traces/stats", tag = "pipelines", params(
    ("status" = Option<PipelineStatus>, Query, description = "In this state."),
    ("environment" = Option<String>, Query, description = "To this environment."),
    ("tenant_id" = Option<String>, Query, description = "For this target tenant."),
    ("trigger_type" = Option<String>, Query, description = "Set off by this, e.g. `gitlab-push`."),
    ("search" = Option<String>, Query, description = "This text in message, author, branch, project, API, commit or id."),
    ("from" = Option<String>, Query, description = "RFC 3339 or epoch milliseconds.", example = "2026-01-01T00:00:00Z"),
    ("to" = Option<String>, Query, description = "RFC 3339 or epoch milliseconds."),
    ("limit" = Option<u32>, Query, description = "Rows on a page.", minimum = 1),
    ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before."),
), responses(
    (status = 200, description = "The counts.", body = PipelineStats),
    (status = 422, description = "A parameter is wrong; `details.field` says which.", body = ErrorBody),
))]
pub async fn trace_stats(
    State(services): Shared,
    InScope(scope): InScope,
    params: Params,
) -> Result<Json<PipelineStats>, Failure> {
    let query = pipeline_query(params, &services)?;
    Ok(Json(services.stats(scope, query).await?))
}

/// One pipeline trace
///
/// With its steps.
#[utoipa::path(get, path = "/v1/traces/{id}", tag = "pipelines", params(
    ("id" = String, Path, description = "Trace id: 32 hexadecimal digits, or a UUID.", example = "4bf92f3577b34da6a3ce929d0e0e4736"),
), responses(
    (status = 200, description = "The trace.", body = PipelineTrace),
    (status = 404, description = "No such trace.", body = ErrorBody),
))]
pub async fn one_trace(
    State(services): Shared,
    InScope(scope): InScope,
    Path(id): Path<String>,
) -> Result<Json<PipelineTrace>, Failure> {
    let id: TraceId = id.parse().map_err(|_| ApiError::not_found("pipeline trace"))?;
    Ok(Json(services.get(scope, id.as_uuid()).await?))
}

/// That the process answers.
#[derive(Serialize, ToSchema)]
pub struct Alive {
    /// `up`.
    status: &'static str,
    /// Of the server.
    version: &'static str,
    /// Since it started.
    uptime_seconds: u64,
}

/// Whether requests can be served.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    /// `ready`, or why not.
    status: &'static str,
}

/// A demonstration trace that was made.
#[derive(Serialize, ToSchema)]
pub struct DemoTrace {
    /// Always `true`.
    created: bool,
    /// Its id.
    trace_id: Uuid,
    /// How it ended.
    status: PipelineStatus,
    /// How long it took, in milliseconds.
    duration_ms: Option<i64>,
}

impl From<&PipelineTrace> for DemoTrace {
    fn from(trace: &PipelineTrace) -> Self {
        Self { created: true, trace_id: trace.id, status: trace.status, duration_ms: trace.total_duration_ms }
    }
}

/// Demonstration traces that were made.
#[derive(Serialize, ToSchema)]
pub struct DemoBatch {
    /// How many.
    created: usize,
    /// Which.
    traces: Vec<DemoTrace>,
}

/// Make a demonstration trace
///
/// Only where `demo.enabled` is set.
#[utoipa::path(post, path = "/v1/traces/demo", tag = "pipelines", responses(
    (status = 201, description = "Made.", body = DemoTrace),
    (status = 403, description = "Demonstration data is turned off, or the role is not enough.", body = ErrorBody),
))]
pub async fn create_demo(
    State(services): Shared,
    InScope(scope): InScope,
) -> Result<(StatusCode, Json<DemoTrace>), Failure> {
    let traces = services.create_demo(scope, 1).await?;
    let trace = traces.first().map(DemoTrace::from).ok_or_else(ApiError::internal)?;
    Ok((StatusCode::CREATED, Json(trace)))
}

/// Make demonstration traces
///
/// Only where `demo.enabled` is set.
#[utoipa::path(post, path = "/v1/traces/demo/batch", tag = "pipelines", params(
    ("count" = Option<u32>, Query, description = "How many, 1 to 50; 10 by default.", minimum = 1, maximum = 50),
), responses(
    (status = 201, description = "Made.", body = DemoBatch),
    (status = 403, description = "Demonstration data is turned off, or the role is not enough.", body = ErrorBody),
    (status = 422, description = "A parameter is wrong; `details.field` says which.", body = ErrorBody),
))]
pub async fn create_demo_batch(
    State(services): Shared,
    InScope(scope): InScope,
    params: Params,
) -> Result<(StatusCode, Json<DemoBatch>), Failure> {
    let count = params.only(&["count"])?.number::<u32>("count")?.unwrap_or(10);
    let traces = services.create_demo(scope, count).await?;
    let traces: Vec<DemoTrace> = traces.iter().map(DemoTrace::from).collect();
    Ok((StatusCode::CREATED, Json(DemoBatch { created: traces.len(), traces })))
}

/// Requests, store and host
///
/// Over the last hours.
#[utoipa::path(get, path = "/api/monitoring/advanced/summary", tag = "monitoring", params(
    ("period_hours" = Option<u32>, Query, description = "1 by default.", minimum = 1),
), responses(
    (status = 200, description = "The summary.", body = MonitoringSummary),
    (status = 422, description = "A parameter is wrong; `details.field` says which.", body = ErrorBody),
))]
pub async fn monitoring_summary(
    State(services): Shared,
    InScope(scope): InScope,
    params: Params,
) -> Result<Json<MonitoringSummary>, Failure> {
    let hours = params.only(&["period_hours"])?.number::<u32>("period_hours")?.unwrap_or(1);
    Ok(Json(services.monitoring_summary(scope, hours).await?))
}

/// The process answers
///
/// For whoever restarts it when it does not.
#[utoipa::path(get, path = "/health", tag = "health", responses(
    (status = 200, description = "It does.", body = Alive),
))]
pub async fn health(State(services): Shared) -> Json<Alive> {
    Json(Alive { status: "up", version: env!("CARGO_PKG_VERSION"), uptime_seconds: services.uptime_seconds() })
}

/// The process answers
///
/// The same as `/health`, where the monitoring server's clients look for it.
#[utoipa::path(get, path = "/api/v1/health", tag = "health", responses(
    (status = 200, description = "It does.", body = Alive),
))]
pub async fn health_of_the_monitoring_server(services: Shared) -> Json<Alive> {
    health(services).await
}

/// Every part of Console and how it is
///
/// Store, queues, background tasks.
#[utoipa::path(get, path = "/health/detailed", tag = "health", responses(
    (status = 200, description = "Nothing is down.", body = HealthReport),
    (status = 503, description = "Something is down.", body = HealthReport),
))]
pub async fn health_detailed(State(services): Shared) -> (StatusCode, Json<HealthReport>) {
    let report = services.health().await;
    let is_down = report.status == ComponentStatus::Down;
    let status = if is_down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, Json(report))
}

/// Requests can be served
///
/// For load balancers.
#[utoipa::path(get, path = "/ready", tag = "health", responses(
    (status = 200, description = "They can.", body = Readiness),
    (status = 503, description = "The store does not answer.", body = Readiness),
))]
pub async fn ready(State(services): Shared) -> impl IntoResponse {
    if services.is_ready().await {
        (StatusCode::OK, Json(Readiness { status: "ready" }))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(Readiness { status: "the store does not answer" }))
    }
}

/// This document
///
/// The REST interface, as `OpenAPI` 3.1 describes it.
#[utoipa::path(get, path = "/openapi.json", tag = "health", responses(
    (status = 200, description = "The document.", body = serde_json::Value),
))]
pub async fn openapi(State(state): State<AppState>) -> impl IntoResponse {
    ([("content-type", "application/json")], state.document)
}
