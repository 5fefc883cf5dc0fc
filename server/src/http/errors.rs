//! Error snapshots: failed requests of programs that trace nothing.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};

use super::{
    auth::Body,
    error::{BodyErrors, Failure},
    guard::InScope,
};
use crate::service::{ErrorSnapshot, Services, StoredSnapshot};

/// Send a failed request
///
/// It becomes a span with an exception: in the trace that it names, or in one of its own. What is acknowledged is on disk.
#[utoipa::path(post, path = "/api/v1/ingest/errors", tag = "ingest", request_body = ErrorSnapshot, responses(
    (status = 201, description = "It is stored.", body = StoredSnapshot),
    BodyErrors,
))]
pub async fn take(
    State(services): State<Arc<Services>>,
    InScope(scope): InScope,
    Body(snapshot): Body<ErrorSnapshot>,
) -> Result<(StatusCode, Json<StoredSnapshot>), Failure> {
    Ok((StatusCode::CREATED, Json(services.take_snapshot(scope.tenant, snapshot).await?)))
}
