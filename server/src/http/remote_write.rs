//! Remote write of Prometheus. Senders send again after 5xx, and drop what is answered with 4xx: with 429, too, unless they
//! are told otherwise (`retry_on_http_429`).

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    body::{self, header_text},
    guard::InScope,
    refusal::Refusal,
};
use crate::{
    loki::unsnap,
    remote_write::{self, ReadWrite, Version, Written},
    service::Services,
};

const SAMPLES_WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-samples-written");
const HISTOGRAMS_WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-histograms-written");
const EXEMPLARS_WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-exemplars-written");

/// Write samples (Prometheus remote write)
///
/// Remote write 1.0 (`prometheus.WriteRequest`) and 2.0 (`io.prometheus.write.v2.Request`), in raw snappy. Samples may come
/// in any order, late ones too, as far back as samples are kept; of two at the same time the first stays. Native histograms
/// become classic ones. What is acknowledged is on disk. Answers to 2.0 say in `X-Prometheus-Remote-Write-Samples-Written`,
/// `-Histograms-Written` and `-Exemplars-Written` what that is.
#[utoipa::path(post, path = "/prometheus/api/v1/write", tag = "ingest", request_body(
    content = Vec<u8>, content_type = "application/x-protobuf",
    description = "`prometheus.WriteRequest` or, with `;proto=io.prometheus.write.v2.Request`, that message; snappy",
), responses(
    (status = 204, description = "All is stored."),
    (status = 400, description = "Not understood; or some samples are refused, and the others are stored.",
     body = String, content_type = "text/plain"),
    (status = 413, description = "Too large.", body = String, content_type = "text/plain"),
    (status = 415, description = "Another message, or compressed in another way.", body = String,
     content_type = "text/plain"),
    (status = 429, description = "The key asks too often; `Retry-After` says when to send again.",
     body = String, content_type = "text/plain"),
    (status = 503, description = "The queue is full, or the store does not accept samples right now; `Retry-After` says\
     when to send again.",
     body = String, content_type = "text/plain"),
))]
pub async fn write(
    State(services): State<Arc<Services>>,
    InScope(scope): InScope,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let unsupported = |message: &str| (StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("{message}\n")).into_response();
    let Some(version) = Version::of(header_text(&headers, header::CONTENT_TYPE)) else {
        return unsupported(
            "the body must be application/x-protobuf, of prometheus.WriteRequest or io.prometheus.write.v2.Request",
        );
    };
    if !matches!(header_text(&headers, header::CONTENT_ENCODING), "" | "snappy") {
        return unsupported("the body must be compressed with snappy");
    }
    let terms = services.write_terms(scope.tenant);
    let read = body::unpack(&services, body, move |bytes, limit| {
        let bytes = unsnap(&bytes, limit)?;
        remote_write::read(bytes.into(), version, &terms)
    });
    let taken = async {
        let read: ReadWrite = read.await??;
        let taken = services.take_remote_write(scope.tenant, read).await;
        // Prometheus drops what is answered with 429, unless it is told otherwise.
        taken.map_err(|error| Refusal::of_ingest(error, StatusCode::SERVICE_UNAVAILABLE))
    };
    match taken.await {
        Ok((written, None)) => answer(StatusCode::NO_CONTENT, written, version),
        Ok((written, Some(message))) => answer(Refusal(StatusCode::BAD_REQUEST, message), written, version),
        Err(refusal) => answer(refusal, Written::default(), version),
    }
}

/// The same, where Prometheus itself takes it
///
/// See `/prometheus/api/v1/write`.
#[utoipa::path(post, path = "/api/v1/write", tag = "ingest", request_body(
    content = Vec<u8>, content_type = "application/x-protobuf", description = "As there",
), responses((status = 204, description = "All is stored.")))]
pub async fn write_at_root(services: State<Arc<Services>>, scope: InScope, headers: HeaderMap, body: Body) -> Response {
    write(services, scope, headers, body).await
}

/// An answer; to version 2 with what was written.
fn answer(answer: impl IntoResponse, written: Written, version: Version) -> Response {
    let mut response = answer.into_response();
    if version == Version::Two {
        let counts = [
            (SAMPLES_WRITTEN, written.samples),
            (HISTOGRAMS_WRITTEN, written.histograms),
            (EXEMPLARS_WRITTEN, written.exemplars),
        ];
        response.headers_mut().extend(counts.map(|(name, count)| (name, HeaderValue::from(count))));
    }
    response
}
