//! The REST interface: each handler reads its parameters, calls one use case, and answers.

use app::{
    api::{ApiError, LogPort, PipelinePort},
    model::{
        LogPage, LogQuery, PipelineFilter, PipelinePage, PipelineQuery, PipelineTrace, TraceId,
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
use serde_json::{Value, json};
use std::sync::Arc;

use super::{Caller, error::Failure, query::Params};
use crate::service::Services;

type Shared = State<Arc<Services>>;

const TRACE_PARAMS: [&str; 9] =
    ["limit", "cursor", "status", "environment", "tenant_id", "trigger_type", "search", "from", "to"];
const LOG_PARAMS: [&str; 8] = ["level", "service", "search", "trace_id", "from", "to", "limit", "cursor"];

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

/// `GET /v1/traces`
pub async fn list_traces(
    State(services): Shared,
    Caller(scope): Caller,
    params: Params,
) -> Result<Json<PipelinePage>, Failure> {
    let query = pipeline_query(params, &services)?;
    Ok(Json(PipelinePort::list(&*services, scope, query).await?))
}

/// `GET /v1/traces/stats`
pub async fn trace_stats(
    State(services): Shared,
    Caller(scope): Caller,
    params: Params,
) -> Result<Json<PipelineStats>, Failure> {
    let query = pipeline_query(params, &services)?;
    Ok(Json(services.stats(scope, query).await?))
}

/// `GET /v1/traces/{id}`
pub async fn one_trace(
    State(services): Shared,
    Caller(scope): Caller,
    Path(id): Path<String>,
) -> Result<Json<PipelineTrace>, Failure> {
    let id: TraceId = id.parse().map_err(|_| ApiError::not_found("pipeline trace"))?;
    Ok(Json(services.get(scope, id.as_uuid()).await?))
}

fn made(traces: &[PipelineTrace]) -> Vec<Value> {
    let one = |trace: &PipelineTrace| {
        json!({
            "created": true, "trace_id": trace.id, "status": trace.status, "duration_ms": trace.total_duration_ms
        })
    };
    traces.iter().map(one).collect()
}

/// `POST /v1/traces/demo`
pub async fn create_demo(State(services): Shared, Caller(scope): Caller) -> Result<(StatusCode, Json<Value>), Failure> {
    let traces = services.create_demo(scope, 1).await?;
    Ok((StatusCode::CREATED, Json(made(&traces).into_iter().next().unwrap_or_default())))
}

/// `POST /v1/traces/demo/batch?count=`
pub async fn create_demo_batch(
    State(services): Shared,
    Caller(scope): Caller,
    params: Params,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let count = params.only(&["count"])?.number::<u32>("count")?.unwrap_or(10);
    let traces = services.create_demo(scope, count).await?;
    Ok((StatusCode::CREATED, Json(json!({ "created": traces.len(), "traces": made(&traces) }))))
}

/// `GET /api/monitoring/logs`
pub async fn list_logs(
    State(services): Shared,
    Caller(scope): Caller,
    params: Params,
) -> Result<Json<LogPage>, Failure> {
    let params = params.only(&LOG_PARAMS)?;
    let query = LogQuery {
        filter: params.log_filter()?,
        range: params.range(services.clock.now_millis())?.unwrap_or_default(),
        limit: params.limit()?,
        cursor: params.text("cursor"),
    };
    Ok(Json(LogPort::list(&*services, scope, query).await?))
}

/// `GET /api/monitoring/advanced/summary?period_hours=`
pub async fn monitoring_summary(
    State(services): Shared,
    Caller(scope): Caller,
    params: Params,
) -> Result<Json<MonitoringSummary>, Failure> {
    let hours = params.only(&["period_hours"])?.number::<u32>("period_hours")?.unwrap_or(1);
    Ok(Json(services.monitoring_summary(scope, hours).await?))
}

/// `GET /health`: the process answers.
pub async fn health(State(services): Shared) -> Json<Value> {
    Json(json!({
        "status": "up", "version": env!("CARGO_PKG_VERSION"), "uptime_seconds": services.uptime_seconds()
    }))
}

/// `GET /health/detailed`: every part.
pub async fn health_detailed(State(services): Shared) -> (StatusCode, Json<HealthReport>) {
    let report = services.health().await;
    let is_down = report.status == ComponentStatus::Down;
    let status = if is_down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, Json(report))
}

/// `GET /ready`: requests can be served.
pub async fn ready(State(services): Shared) -> impl IntoResponse {
    if services.is_ready().await {
        (StatusCode::OK, Json(json!({ "status": "ready" })))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "the store does not answer" })))
    }
}

/// `GET /openapi.json`: this interface, described.
pub async fn openapi() -> impl IntoResponse {
    ([("content-type", "application/json")], include_str!("openapi.json"))
}
