//! Dashboards over REST: listed, exported, imported, changed.

use std::sync::Arc;

use app::{
    api::DashboardPort,
    model::{Dashboard, DashboardChange, DashboardEntry, DashboardList},
};
use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::IntoResponse,
};

use super::{
    auth::Body,
    error::{BodyErrors, ErrorBody, Failure},
    guard::{By, InScope},
};
use crate::service::Services;

type Shared = State<Arc<Services>>;

/// Dashboards
///
/// Those that were made here, those of the configuration, and those that come with Console, without what is in them.
#[utoipa::path(get, path = "/api/v1/dashboards", tag = "dashboards", responses(
    (status = 200, description = "The dashboards, by title.", body = DashboardList),
))]
pub async fn list(State(services): Shared, InScope(scope): InScope) -> Result<Json<DashboardList>, Failure> {
    Ok(Json(services.dashboards(scope).await?))
}

/// One dashboard
///
/// With its revision, which changing it asks for.
#[utoipa::path(get, path = "/api/v1/dashboards/{id}", tag = "dashboards", params(
    ("id" = String, Path, description = "The dashboard.", example = "hosts"),
), responses(
    (status = 200, description = "The dashboard.", body = DashboardEntry),
    (status = 404, description = "No such dashboard.", body = ErrorBody),
))]
pub async fn one(
    State(services): Shared,
    InScope(scope): InScope,
    Path(id): Path<String>,
) -> Result<Json<DashboardEntry>, Failure> {
    Ok(Json(services.dashboard(scope, &id).await?))
}

/// A dashboard as a file
///
/// What can be imported by adding it, or put into the folder `dashboards.directory`.
#[utoipa::path(get, path = "/api/v1/dashboards/{id}/export", tag = "dashboards", params(
    ("id" = String, Path, description = "The dashboard.", example = "hosts"),
), responses(
    (status = 200, description = "The dashboard alone.", body = Dashboard),
    (status = 404, description = "No such dashboard.", body = ErrorBody),
))]
pub async fn export(
    State(services): Shared,
    InScope(scope): InScope,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    let found = services.dashboard(scope, &id).await?;
    let text = serde_json::to_string_pretty(&found.dashboard).map_err(|_| app::api::ApiError::internal())?;
    let name = format!("attachment; filename=\"{}.json\"", file_name(&found.dashboard.title));
    Ok(([(header::CONTENT_TYPE, "application/json".to_owned()), (header::CONTENT_DISPOSITION, name)], text))
}

/// A title as a file may be called.
fn file_name(title: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = title.chars().map(plain).collect();
    let words: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "dashboard".to_owned() } else { words.join("-") }
}

/// Add a dashboard
///
/// Also one that was exported.
#[utoipa::path(post, path = "/api/v1/dashboards", tag = "dashboards", request_body = Dashboard, responses(
    (status = 201, description = "It is stored.", body = DashboardEntry),
    BodyErrors,
    (status = 409, description = "There are too many.", body = ErrorBody),
))]
pub async fn add(
    State(services): Shared,
    By(actor): By,
    Body(dashboard): Body<Dashboard>,
) -> Result<(StatusCode, Json<DashboardEntry>), Failure> {
    Ok((StatusCode::CREATED, Json(services.add_dashboard(&actor, dashboard).await?)))
}

/// Change a dashboard
///
/// All of it. `revision` is the one that was changed: nobody writes over what they have not seen.
#[utoipa::path(put, path = "/api/v1/dashboards/{id}", tag = "dashboards", request_body = DashboardChange, params(
    ("id" = String, Path, description = "The dashboard.", example = "7f1c1c9e-3f0a-4c57-9a55-0d3a5f7f0b11"),
), responses(
    (status = 200, description = "It is stored.", body = DashboardEntry),
    BodyErrors,
    (status = 404, description = "No such dashboard.", body = ErrorBody),
    (status = 409, description = "It was changed since (`details.revision`), or it is not changed here.", body = ErrorBody),
))]
pub async fn change(
    State(services): Shared,
    By(actor): By,
    Path(id): Path<String>,
    Body(change): Body<DashboardChange>,
) -> Result<Json<DashboardEntry>, Failure> {
    Ok(Json(services.change_dashboard(&actor, &id, change).await?))
}

/// Remove a dashboard
///
/// What its panels show stays.
#[utoipa::path(delete, path = "/api/v1/dashboards/{id}", tag = "dashboards", params(
    ("id" = String, Path, description = "The dashboard.", example = "7f1c1c9e-3f0a-4c57-9a55-0d3a5f7f0b11"),
), responses(
    (status = 204, description = "It is removed."),
    (status = 404, description = "No such dashboard.", body = ErrorBody),
    (status = 409, description = "It is not changed here.", body = ErrorBody),
))]
pub async fn remove(State(services): Shared, By(actor): By, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    services.remove_dashboard(&actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_title_becomes_the_name_of_a_file() {
        assert_eq!(file_name("API: p95 / day"), "api-p95-day");
        assert_eq!(file_name("Übersicht"), "bersicht");
        assert_eq!(file_name("…"), "dashboard");
    }
}
