//! Webhooks of code forges.

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::sync::Arc;

use app::api::{ApiError, ErrorCode};

use super::error::Failure;
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

/// `POST /webhooks/gitlab`
pub async fn gitlab(
    State(services): State<Arc<Services>>,
    Extension(context): Extension<TraceContext>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<WebhookAnswer>), Failure> {
    let received_at = services.clock.now_utc();
    let headers = delivery_headers(&headers);
    services.precheck_gitlab(&headers).map_err(WebhookError::from)?;
    let body = read(body, services.config.webhooks.max_body_bytes).await?;
    let delivery = WebhookDelivery { headers, body, received_at, trace_id: context.trace_id };
    Ok((StatusCode::OK, Json(services.receive_gitlab(delivery).await?)))
}

async fn read(body: Body, max_bytes: usize) -> Result<Vec<u8>, ApiError> {
    match Limited::new(body, max_bytes).collect().await {
        Ok(collected) => Ok(collected.to_bytes().to_vec()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
            tracing::warn!(max_bytes, "a webhook's body was larger than `webhooks.max_body_bytes` and was refused");
            let message = format!("the body is larger than {max_bytes} bytes (`webhooks.max_body_bytes`)");
            Err(ApiError::new(ErrorCode::PayloadTooLarge, message))
        }
        Err(_) => Err(ApiError::new(ErrorCode::BadRequest, "the body ended early")),
    }
}
