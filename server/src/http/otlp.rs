//! OTLP over HTTP: what services of any language send. Answers are in the encoding of the question, as the specification
//! wants it (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>).

use std::sync::Arc;

use app::api::{ApiError, ErrorCode};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use prost::Message;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    body::{self, header_text},
    guard::InScope,
};
use crate::{
    ingest::IngestError,
    otlp::{self, Compression, Encoding, RpcStatus, Shaped, WireError},
    service::Services,
};

/// A refusal: HTTP status, `google.rpc.Code`, and a sentence for developers.
struct Refusal {
    status: StatusCode,
    code: i32,
    message: String,
}

impl Refusal {
    /// The sender's fault: sending it again does not help.
    fn invalid(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, code: 3, message: message.into() }
    }

    /// Not the sender's fault: sending it again later helps.
    fn unavailable(message: impl Into<String>) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, code: 14, message: message.into() }
    }

    fn into_response(self, encoding: Encoding) -> Response {
        let body = otlp::encode(&RpcStatus { code: self.code, message: self.message }, encoding);
        let mut response = (self.status, [(header::CONTENT_TYPE, encoding.content_type())], body).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE || self.status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<WireError> for Refusal {
    fn from(error: WireError) -> Self {
        let status = match error {
            WireError::TooLarge(_) | WireError::TooManyParts => StatusCode::PAYLOAD_TOO_LARGE,
            WireError::Compression(_) | WireError::Message(_) => StatusCode::BAD_REQUEST,
        };
        Self::invalid(status, error.to_string())
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        match error.code {
            ErrorCode::PayloadTooLarge => Self::invalid(StatusCode::PAYLOAD_TOO_LARGE, error.message),
            ErrorCode::Unavailable => Self::unavailable(error.message),
            _ => Self::invalid(StatusCode::BAD_REQUEST, error.message),
        }
    }
}

impl From<IngestError> for Refusal {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::TooLarge => Self::invalid(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
            IngestError::Full | IngestError::Unavailable => Self::unavailable(error.to_string()),
        }
    }
}

/// Send log records (OTLP)
///
/// `ExportLogsServiceRequest` as protobuf or JSON, plain, gzip or zstd. What is acknowledged is on disk.
#[utoipa::path(post, path = "/v1/logs", tag = "ingest", request_body(
    content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf")),
    description = "`ExportLogsServiceRequest`",
), responses(
    (status = 200, description = "What was taken is stored; `partialSuccess` says what was not.",
        content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
    (status = 400, description = "Not understood.",
        content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
    (status = 413, description = "Too large.",
        content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
    (status = 415, description = "Neither protobuf nor JSON, or compressed in another way.",
        content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
    (status = 503, description = "The store does not accept records right now; `Retry-After` says when to send again.",
        content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
))]
pub async fn logs(
    State(services): State<Arc<Services>>,
    InScope(scope): InScope,
    headers: HeaderMap,
    body: Body,
) -> Response {
    receive(&services, &headers, body, async |services, request| Ok(services.take_logs(scope.tenant, request).await?))
        .await
}

/// Send spans (OTLP)
///
/// `ExportTraceServiceRequest` as protobuf or JSON, plain, gzip or zstd. What is acknowledged is on disk; a span that is
/// sent again counts once.
#[utoipa::path(post, path = "/v1/traces", tag = "ingest", request_body(
    content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf")),
    description = "`ExportTraceServiceRequest`",
), responses(
    (status = 200, description = "What was taken is stored; `partialSuccess` says what was not.",
        content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
    (status = 400, description = "Not understood.",
        content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
    (status = 413, description = "Too large.",
        content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
    (status = 415, description = "Neither protobuf nor JSON, or compressed in another way.",
        content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
    (status = 503, description = "The store does not accept records right now; `Retry-After` says when to send again.",
        content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
))]
pub async fn traces(
    State(services): State<Arc<Services>>,
    InScope(scope): InScope,
    headers: HeaderMap,
    body: Body,
) -> Response {
    receive(&services, &headers, body, async |services, request| Ok(services.take_spans(scope.tenant, request).await?))
        .await
}

/// Send metrics (OTLP)
///
/// `ExportMetricsServiceRequest` as protobuf or JSON, plain, gzip or zstd. Data points become samples as the OpenTelemetry
/// specification has it for Prometheus; exponential histograms become classic ones with at most 64 buckets. Deltas of
/// monotonic sums and of histograms are added up, for as long as Console runs: after its restart they begin anew, which
/// `rate()` takes for the restart of a counter. What is refused is counted and explained in `partialSuccess`. A request
/// that is answered with 503 may be stored in part; sending it again stores the rest.
#[utoipa::path(post, path = "/v1/metrics", tag = "ingest", request_body(
    content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf")),
    description = "`ExportMetricsServiceRequest`",
), responses(
    (status = 200, description = "What was taken is stored; `partialSuccess` says what was not.",
        content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
    (status = 400, description = "Not understood.",
        content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
    (status = 413, description = "Too large.",
        content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
    (status = 415, description = "Neither protobuf nor JSON, or compressed in another way.",
        content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
    (status = 503, description = "The store does not accept samples right now; `Retry-After` says when to send again.",
        content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
))]
pub async fn metrics(
    State(services): State<Arc<Services>>,
    InScope(scope): InScope,
    headers: HeaderMap,
    body: Body,
) -> Response {
    receive(&services, &headers, body, async |services, request| {
        Ok(services.take_metrics(scope.tenant, request).await?)
    })
    .await
}

/// Reads a request, lets it be taken, and answers in its encoding.
async fn receive<T, R>(
    services: &Arc<Services>,
    headers: &HeaderMap,
    body: Body,
    take: impl AsyncFnOnce(&Arc<Services>, T) -> Result<R, Refusal>,
) -> Response
where
    T: Shaped + Default + DeserializeOwned + Send + 'static,
    R: Message + Serialize,
{
    let Some(encoding) = Encoding::of(header_text(headers, header::CONTENT_TYPE)) else {
        let message = "the body must be application/x-protobuf or application/json";
        return Refusal::invalid(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).into_response(Encoding::Json);
    };
    let taken = async {
        let request = unpack::<T>(services, headers, encoding, body).await?;
        take(services, request).await
    };
    match taken.await {
        Ok(answer) => {
            ([(header::CONTENT_TYPE, encoding.content_type())], otlp::encode(&answer, encoding)).into_response()
        }
        Err(refusal) => refusal.into_response(encoding),
    }
}

async fn unpack<T: Shaped + Default + DeserializeOwned + Send + 'static>(
    services: &Arc<Services>,
    headers: &HeaderMap,
    encoding: Encoding,
    body: Body,
) -> Result<T, Refusal> {
    let compression = Compression::of(header_text(headers, header::CONTENT_ENCODING))
        .ok_or_else(|| Refusal::invalid(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be plain, gzip or zstd"))?;
    let unpacked = body::unpack(services, body, move |bytes, limit| {
        let bytes = otlp::decompress(bytes, compression, limit)?;
        otlp::decode::<T>(&bytes, encoding)
    });
    Ok(unpacked.await??)
}
