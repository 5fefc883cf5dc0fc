//! Metrics of machines: what an agent sends in one JSON document.

use std::sync::Arc;

use app::api::ApiError;
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use uuid::Uuid;

use super::{
    auth::Body,
    error::{BodyErrors, Failure},
    guard::InScope,
};
use crate::service::{MachineReport, Services, TakenReport, TakenStatus};

/// The header that names a report.
const INGEST_ID: &str = "X-Ingest-Id";

/// Send the metrics of a machine
///
/// Numbers, truths and texts. With `X-Ingest-Id`, a UUID of the sender's own, a report is stored once, however often it is
/// sent within a week. What is acknowledged is on disk.
#[utoipa::path(post, path = "/api/v1/ingest/metrics", tag = "ingest", request_body = MachineReport, params(
    ("X-Ingest-Id" = Option<Uuid>, Header, description = "Names the report.", example = "11111111-1111-1111-1111-111111111111"),
), responses(
    (status = 201, description = "It is stored.", body = TakenReport),
    (status = 200, description = "It was stored before.", body = TakenReport),
    BodyErrors,
))]
pub async fn take(
    State(services): State<Arc<Services>>,
    InScope(scope): InScope,
    headers: HeaderMap,
    Body(report): Body<MachineReport>,
) -> Result<(StatusCode, Json<TakenReport>), Failure> {
    let id = match headers.get(INGEST_ID) {
        None => None,
        Some(id) => {
            let id = id.to_str().ok().and_then(|id| id.trim().parse::<Uuid>().ok());
            Some(id.ok_or_else(|| ApiError::invalid(INGEST_ID, "it is no UUID"))?)
        }
    };
    let taken = services.take_report(scope.tenant, id, report).await?;
    let status = if taken.status == TakenStatus::Stored { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(taken)))
}
