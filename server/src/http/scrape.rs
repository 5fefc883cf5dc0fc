//! Targets that are scraped, over REST and as Prometheus shows its own.

use std::sync::Arc;

use app::{
    api::{ApiError, ScrapePort},
    model::{ScrapeRequest, ScrapeState, ScrapeTarget, ScrapeTargets, ScrapeTrial},
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    auth::Body,
    error::{BodyErrors, ErrorBody, Failure},
    guard::{By, InScope},
    promql::{Answer, Answered, Refusal},
    query::Params,
};
use crate::service::Services;

type Shared = State<Arc<Services>>;

fn id_of(text: &str) -> Result<Uuid, ApiError> {
    text.parse().map_err(|_| ApiError::not_found("target"))
}

/// Targets that are scraped
///
/// All of the tenant by job and instance, with how they fare. Secrets are never shown.
#[utoipa::path(get, path = "/api/v1/scrape-targets", tag = "targets", responses(
    (status = 200, description = "The targets.", body = ScrapeTargets),
))]
pub async fn list(State(services): Shared, InScope(scope): InScope) -> Result<Json<ScrapeTargets>, Failure> {
    Ok(Json(services.targets(scope).await?))
}

/// One target that is scraped
///
/// With how it fares.
#[utoipa::path(get, path = "/api/v1/scrape-targets/{id}", tag = "targets", params(
    ("id" = String, Path, description = "The target.", example = "7f1c1c9e-3f0a-4c57-9a55-0d3a5f7f0b11"),
), responses(
    (status = 200, description = "The target.", body = ScrapeTarget),
    (status = 404, description = "No such target.", body = ErrorBody),
))]
pub async fn one(
    State(services): Shared,
    InScope(scope): InScope,
    Path(id): Path<String>,
) -> Result<Json<ScrapeTarget>, Failure> {
    Ok(Json(services.target(scope, id_of(&id)?).await?))
}

/// Add a target
///
/// It is asked within its interval.
#[utoipa::path(post, path = "/api/v1/scrape-targets", tag = "targets", request_body = ScrapeRequest, responses(
    (status = 201, description = "It is stored.", body = ScrapeTarget),
    BodyErrors,
    (status = 409, description = "There is one with this job and address (`details.existing_id`), or there are too many.", body = ErrorBody),
))]
pub async fn add(
    State(services): Shared,
    By(actor): By,
    Body(request): Body<ScrapeRequest>,
) -> Result<(StatusCode, Json<ScrapeTarget>), Failure> {
    Ok((StatusCode::CREATED, Json(services.add_target(&actor, request).await?)))
}

/// Change a target
///
/// All of it but secrets that are left out: these stay as they are. Its series end, those of the changed one begin.
#[utoipa::path(put, path = "/api/v1/scrape-targets/{id}", tag = "targets", request_body = ScrapeRequest, params(
    ("id" = String, Path, description = "The target.", example = "7f1c1c9e-3f0a-4c57-9a55-0d3a5f7f0b11"),
), responses(
    (status = 200, description = "It is stored.", body = ScrapeTarget),
    BodyErrors,
    (status = 404, description = "No such target.", body = ErrorBody),
    (status = 409, description = "There is another one with this job and address, or it stands in the configuration.", body = ErrorBody),
))]
pub async fn change(
    State(services): Shared,
    By(actor): By,
    Path(id): Path<String>,
    Body(request): Body<ScrapeRequest>,
) -> Result<Json<ScrapeTarget>, Failure> {
    Ok(Json(services.change_target(&actor, id_of(&id)?, request).await?))
}

/// Remove a target
///
/// It is not asked any more and its series end; what was stored of them stays.
#[utoipa::path(delete, path = "/api/v1/scrape-targets/{id}", tag = "targets", params(
    ("id" = String, Path, description = "The target.", example = "7f1c1c9e-3f0a-4c57-9a55-0d3a5f7f0b11"),
), responses(
    (status = 204, description = "It is removed."),
    (status = 404, description = "No such target.", body = ErrorBody),
    (status = 409, description = "It stands in the configuration.", body = ErrorBody),
))]
pub async fn remove(State(services): Shared, By(actor): By, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    services.remove_target(&actor, id_of(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Try a target out
///
/// Asks it once and stores nothing.
#[utoipa::path(post, path = "/api/v1/scrape-targets/try", tag = "targets", request_body = ScrapeRequest, responses(
    (status = 200, description = "What it answers, or why it does not.", body = ScrapeTrial),
    BodyErrors,
))]
pub async fn try_out(
    State(services): Shared,
    By(actor): By,
    Body(request): Body<ScrapeRequest>,
) -> Result<Json<ScrapeTrial>, Failure> {
    Ok(Json(services.try_target(actor.scope, None, request).await?))
}

/// Targets (Prometheus)
///
/// As Prometheus shows its own. No target is dropped: what is not to be asked is not there.
#[utoipa::path(get, path = "/prometheus/api/v1/targets", tag = "promql", params(
    ("state" = Option<String>, Query, description = "`active`, `dropped` or `any`.", example = "active"),
    ("scrapePool" = Option<String>, Query, description = "Only those of this job."),
), responses(
    (status = 200, description = "The targets.", body = Value),
))]
pub async fn as_prometheus(State(services): Shared, InScope(scope): InScope, params: Params) -> Answered {
    let unavailable = |error: ApiError| Refusal::unavailable(error.message);
    let (state, pool) = (params.text("state"), params.text("scrapePool"));
    let all = services.targets(scope).await.map_err(unavailable)?;
    let is_shown = |target: &ScrapeTarget| {
        target.settings.is_enabled
            && state.as_deref() != Some("dropped")
            && pool.as_ref().is_none_or(|pool| *pool == target.job)
    };
    let active: Vec<Value> = all.targets.iter().filter(|target| is_shown(target)).map(active).collect();
    Ok(Answer::of(&json!({ "activeTargets": active, "droppedTargets": [], "droppedTargetCounts": {} })))
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn active(target: &ScrapeTarget) -> Value {
    let ScrapeTarget { job, url, instance, settings, state, .. } = target;
    let ScrapeState { health, scraped_at, duration_ms, error, .. } = state;
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let (address, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let mut labels: Map<String, Value> =
        settings.labels.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    labels.entry("job").or_insert_with(|| json!(job));
    labels.entry("instance").or_insert_with(|| json!(instance));
    let (interval, timeout) = (format!("{}s", settings.interval_seconds), format!("{}s", settings.timeout_seconds));
    // As Go writes a time that never was.
    let scraped_at = scraped_at.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), rfc3339);
    json!({
        "discoveredLabels": {
            "__address__": address, "__metrics_path__": path, "__scheme__": scheme, "job": job,
            "__scrape_interval__": interval, "__scrape_timeout__": timeout,
        },
        "labels": labels,
        "scrapePool": job,
        "scrapeUrl": url,
        "globalUrl": url,
        "lastError": error.as_deref().unwrap_or_default(),
        "lastScrape": scraped_at,
        "lastScrapeDuration": duration_ms / 1000.0,
        "health": health.key(),
        "scrapeInterval": interval,
        "scrapeTimeout": timeout,
    })
}
