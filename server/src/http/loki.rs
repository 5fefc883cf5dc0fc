//! Loki's push (<https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs>): what Promtail, Grafana
//! Alloy, Vector and Fluent Bit send. They send again after 429 and 5xx, and drop what is answered with another 4xx.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    body::{self, header_text},
    guard::InScope,
    refusal::Refusal,
};
use crate::{
    ingest::Submission,
    loki::{self, Form, PushTerms, ReadPush, TooMuch},
    otlp::{self, Compression},
    service::Services,
};

impl From<TooMuch> for Refusal {
    fn from(error: TooMuch) -> Self {
        Self(StatusCode::PAYLOAD_TOO_LARGE, error.to_string())
    }
}

/// Push log lines (Loki)
///
/// Streams of lines as Loki takes them: JSON, plain, gzip or zstd, or protobuf in raw snappy. The service is the first of
/// the labels `service_name`, `service`, `app`, `job`, `container`; `level`, `trace_id` and `span_id` are read from
/// structured metadata and labels; what else there is becomes attributes. The key decides about the tenant:
/// `X-Scope-OrgID` is ignored. What is acknowledged is on disk.
#[utoipa::path(post, path = "/loki/api/v1/push", tag = "ingest", request_body(
    content((serde_json::Value = "application/json", example = json!({ "streams": [{
        "stream": { "service_name": "checkout", "level": "error" },
        "values": [["1790000000000000000", "order failed", { "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736" }]]
    }] })), (Vec<u8> = "application/x-protobuf")),
    description = "`logproto.PushRequest`",
), responses(
    (status = 204, description = "All is stored."),
    (status = 400, description = "Not understood. Where only the labels of some streams are not, the others are stored.",
     body = String, content_type = "text/plain"),
    (status = 413, description = "Too large.", body = String, content_type = "text/plain"),
    (status = 415, description = "Neither JSON nor protobuf, or compressed in another way.", body = String,
     content_type = "text/plain"),
    (status = 429, description = "The queue is full, or the key asks too often; `Retry-After` says when to push again.",
     body = String, content_type = "text/plain"),
    (status = 503, description = "The store does not accept records right now; `Retry-After` says when to push again.",
     body = String, content_type = "text/plain"),
))]
pub async fn push(
    State(services): State<Arc<Services>>,
    InScope(scope): InScope,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let terms = PushTerms {
        tenant: scope.tenant,
        arrived: services.clock.now(),
        redactor: services.self_log.redactor().clone(),
        max_bytes: services.config.ingest.otlp_unpacked_bytes,
    };
    match take(&services, terms, &headers, body).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn take(services: &Arc<Services>, terms: PushTerms, headers: &HeaderMap, body: Body) -> Result<(), Refusal> {
    let unsupported = |message: &str| Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, message.to_owned());
    let form = Form::of(header_text(headers, header::CONTENT_TYPE))
        .ok_or_else(|| unsupported("the body must be application/json or application/x-protobuf"))?;
    let compression = match header_text(headers, header::CONTENT_ENCODING) {
        // Protobuf is always in snappy; some clients say so.
        "snappy" if form == Form::Protobuf => Some(Compression::Identity),
        name => Compression::of(name),
    };
    let compression = compression.ok_or_else(|| unsupported("the body must be plain, gzip or zstd"))?;
    let unpacked = body::unpack(services, body, move |bytes, limit| read(bytes, limit, form, compression, &terms));
    let (ReadPush { records, cut }, refused) = unpacked.await??;
    // Loki's answer has no place for it.
    if let Some(warning) = cut.warning() {
        tracing::debug!(warning, "pushed lines were cut");
    }
    let submitted = services.ingest.submit(Submission { logs: records, ..Submission::default() }).await;
    submitted.map_err(|error| Refusal::of_ingest(error, StatusCode::TOO_MANY_REQUESTS))?;
    match refused {
        None => Ok(()),
        Some((count, why)) => {
            let message = format!("{count} streams were refused, the others are stored: {why}");
            Err(Refusal(StatusCode::BAD_REQUEST, message))
        }
    }
}

/// The records of a body, and how many streams are not understood, and why.
type Read = (ReadPush, Option<(usize, String)>);

fn read(
    bytes: Vec<u8>,
    limit: usize,
    form: Form,
    compression: Compression,
    terms: &PushTerms,
) -> Result<Read, Refusal> {
    let bytes = otlp::decompress(bytes, compression, limit)?;
    let bytes = if form == Form::Protobuf { loki::unsnap(&bytes, limit)? } else { bytes };
    let mut push = loki::decode(&bytes, form)?;
    drop(bytes);
    let refused = push.refused.take();
    Ok((loki::read_push(push, terms)?, refused))
}
