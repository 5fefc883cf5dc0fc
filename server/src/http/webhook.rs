//! Webhooks of code forges.

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use std::{sync::Arc, time::Duration};
use tracing::Instrument;

use app::api::ApiError;

use super::{
    body,
    error::{ErrorBody, Failure},
};
use crate::{
    pipeline::gitlab::DeliveryHeaders,
    service::{Services, WebhookAnswer, WebhookDelivery, WebhookError},
    telemetry::TraceContext,
};

fn delivery_headers(headers: &HeaderMap) -> DeliveryHeaders {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    DeliveryHeaders {
        event: text("x-gitlab-event"),
        token: text("x-gitlab-token"),
        webhook_id: text("webhook-id"),
        timestamp: text("webhook-timestamp"),
        signature: text("webhook-signature"),
        idempotency_key: text("idempotency-key"),
        webhook_uuid: text("x-gitlab-webhook-uuid"),
    }
}

/// Deliver a GitLab event
///
/// Makes a pipeline trace of it. A delivery proves itself with the secret token or with a signature; one that was delivered
/// before answers `duplicate` with the first one's trace.
#[utoipa::path(post, path = "/webhooks/gitlab", tag = "webhooks", request_body(
    content = serde_json::Value, description = "What GitLab sends.", content_type = "application/json"
), params(
    ("X-Gitlab-Event" = Option<String>, Header, description = "What happened.", example = "Push Hook"),
    ("Idempotency-Key" = Option<String>, Header, description = "Names the delivery."),
    ("X-Gitlab-Webhook-UUID" = Option<String>, Header, description = "Names the delivery, of older versions."),
    ("webhook-id" = Option<String>, Header, description = "Names the delivery, with a signature."),
    ("webhook-timestamp" = Option<String>, Header, description = "Seconds since 1970, with a signature."),
), responses(
    (status = 200, description = "What became of it.", body = WebhookAnswer),
    (status = 400, description = "The body is no JSON, or did not arrive in time.", body = ErrorBody),
    (status = 403, description = "A request from another site's page.", body = ErrorBody),
    (status = 413, description = "The body is larger than `webhooks.max_body_bytes`.", body = ErrorBody),
    (status = 422, description = "The body lacks what the event needs.", body = ErrorBody),
))]
pub async fn gitlab(
    State(services): State<Arc<Services>>,
    Extension(context): Extension<TraceContext>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<WebhookAnswer>), Failure> {
    let received_at = services.clock.now_utc();
    let headers = delivery_headers(&headers);
    services.precheck_gitlab(&headers).map_err(WebhookError::from)?;
    let body =
        body::read(body, services.config.webhooks.max_body_bytes, BODY_PATIENCE, "webhooks.max_body_bytes").await?;
    let delivery = WebhookDelivery { headers, body, received_at, trace_id: context.trace_id };
    // A task of its own: a sender that hangs up must not leave a trace behind that never ends.
    let received = async move { services.receive_gitlab(delivery).await };
    let received = tokio::spawn(received.in_current_span()).await.map_err(|_| ApiError::internal())?;
    Ok((StatusCode::OK, Json(received?)))
}

/// How long a sender may take for its body.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
