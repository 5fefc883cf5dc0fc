//! OTLP over gRPC (<https://opentelemetry.io/docs/specs/otlp/#otlpgrpc>).

use std::{sync::Arc, time::Duration};

use app::{
    api::{ApiError, ErrorCode},
    model::TenantId,
};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::HeaderName,
    middleware::{self, Next},
    response::Response,
};
use opentelemetry_proto::tonic::collector::{
    logs::v1::{
        ExportLogsServiceRequest, ExportLogsServiceResponse,
        logs_service_server::{LogsService, LogsServiceServer},
    },
    metrics::v1::{
        ExportMetricsServiceRequest, ExportMetricsServiceResponse,
        metrics_service_server::{MetricsService, MetricsServiceServer},
    },
    trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
};
use tokio::sync::OwnedSemaphorePermit;
use tonic::{Code, Status, codec::CompressionEncoding, server::NamedService, service::Routes};
use tonic_types::{ErrorDetails, StatusExt};

use super::{AppState, body, class::Class, guard};
use crate::{
    ingest::IngestError,
    otlp::{self, Compression, Shape, Shaped, WireError},
    service::{Services, identity::Caller},
};

/// What stands before a message: whether it is compressed, and its length.
const FRAME_BYTES: usize = 5;
/// How a message is compressed.
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
/// When a sender that was turned away may come again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The services, guarded.
pub fn router(state: &AppState) -> Router {
    let limits = &state.services.config.ingest;
    let collector = Collector(state.services.clone());
    macro_rules! limited {
        ($server:ident) => {
            $server::new(collector.clone())
                .accept_compressed(CompressionEncoding::Gzip)
                .accept_compressed(CompressionEncoding::Zstd)
                .max_decoding_message_size(limits.otlp_unpacked_bytes)
        };
    }
    Routes::new(limited!(LogsServiceServer))
        .add_service(limited!(TraceServiceServer))
        .add_service(limited!(MetricsServiceServer))
        .prepare()
        .into_axum_router()
        .layer(middleware::from_fn_with_state(state.clone(), admit))
}

/// Lets in who may send, and takes the message within limits of size, time and number at once.
async fn admit(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    if let Err(error) = guard::check(&state, Class::Ingest, &mut request).await {
        return status_of(&error).into_http();
    }
    let services = state.services;
    let (mut parts, body) = request.into_parts();
    let limit = services.config.ingest.otlp_body_bytes;
    let bytes = match body::read(body, limit, body::BODY_PATIENCE, "ingest.otlp_body_bytes").await {
        Ok(bytes) => bytes,
        Err(error) => return status_of(&error).into_http(),
    };
    let turn = tokio::time::timeout(body::TURN_PATIENCE, services.unpacking.clone().acquire_owned()).await;
    let Ok(Ok(turn)) = turn else {
        return unavailable("too much is being unpacked already; send it again in a second").into_http();
    };
    let (path, encoding) = (parts.uri.path().to_owned(), body::header_text(&parts.headers, ENCODING).to_owned());
    let limit = services.config.ingest.otlp_unpacked_bytes;
    let message = tokio::task::spawn_blocking(move || unpack(&bytes, &path, &encoding, limit)).await;
    let bytes = match message {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => return Status::invalid_argument(error.to_string()).into_http(),
        Err(_) => return unavailable("the message could not be read").into_http(),
    };
    parts.extensions.insert(Turn(Arc::new(turn)));
    next.run(Request::from_parts(parts, Body::from(bytes))).await
}

/// The one message of a call without its compression, framed again, if it is not too large or too heavy. What is framed
/// wrongly is refused: past this, the decoder would read as much of it as it can.
fn unpack(bytes: &[u8], path: &str, encoding: &str, limit: usize) -> Result<Vec<u8>, WireError> {
    let framed = |message: &[u8]| {
        let mut framed = Vec::with_capacity(message.len() + FRAME_BYTES);
        framed.push(0);
        framed.extend((message.len() as u32).to_be_bytes());
        framed.extend(message);
        framed
    };
    let misframed = || WireError::Message("the call has not one whole message".to_owned());
    let (head, message) = bytes.split_at_checked(FRAME_BYTES).ok_or_else(misframed)?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    let compression = if head[0] == 0 { Some(Compression::Identity) } else { Compression::of(encoding) };
    let compression = compression.filter(|_| length == message.len()).ok_or_else(misframed)?;
    let message = otlp::decompress(message.to_vec(), compression, limit)?;
    let shapes: [(&str, &Shape); 3] = [
        (LogsServiceServer::<Collector>::NAME, ExportLogsServiceRequest::shape()),
        (TraceServiceServer::<Collector>::NAME, ExportTraceServiceRequest::shape()),
        (MetricsServiceServer::<Collector>::NAME, ExportMetricsServiceRequest::shape()),
    ];
    let called = path.split('/').nth(1).unwrap_or_default();
    if let Some((_, shape)) = shapes.into_iter().find(|(name, _)| *name == called) {
        otlp::check_protobuf(&message, shape)?;
    }
    Ok(framed(&message))
}

/// Held while a message is unpacked; the handler lets go of it.
#[derive(Clone)]
struct Turn(#[expect(dead_code, reason = "it is held, not used")] Arc<OwnedSemaphorePermit>);

fn status_of(error: &ApiError) -> Status {
    let code = match error.code {
        ErrorCode::Unauthorized => Code::Unauthenticated,
        ErrorCode::Forbidden => Code::PermissionDenied,
        ErrorCode::TooManyRequests => return retry(Code::ResourceExhausted, &error.message),
        ErrorCode::Unavailable => return retry(Code::Unavailable, &error.message),
        // The code that senders take for: not again.
        ErrorCode::BadRequest | ErrorCode::Invalid | ErrorCode::PayloadTooLarge => Code::InvalidArgument,
        _ => Code::Internal,
    };
    Status::new(code, error.message.clone())
}

fn unavailable(message: &str) -> Status {
    retry(Code::Unavailable, message)
}

/// A status that says when to come again (`google.rpc.RetryInfo`).
fn retry(code: Code, message: &str) -> Status {
    let details = ErrorDetails::with_retry_info(Some(RETRY_AFTER));
    Status::with_error_details(code, message, details)
}

impl From<IngestError> for Status {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::TooLarge => Self::invalid_argument(error.to_string()),
            IngestError::Full | IngestError::Unavailable => unavailable(&error.to_string()),
        }
    }
}

#[derive(Clone)]
struct Collector(Arc<Services>);

/// Whose data a message brings; its turn at being unpacked is over.
fn open<T>(request: tonic::Request<T>) -> Result<(TenantId, T), Status> {
    let (_, mut extensions, message) = request.into_parts();
    drop(extensions.remove::<Turn>());
    let caller = extensions.get::<Arc<Caller>>().ok_or_else(|| Status::internal("the message came past the guard"))?;
    Ok((caller.scope.tenant, message))
}

#[tonic::async_trait]
impl LogsService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportLogsServiceRequest>,
    ) -> Result<tonic::Response<ExportLogsServiceResponse>, Status> {
        let (tenant, message) = open(request)?;
        Ok(tonic::Response::new(self.0.take_logs(tenant, message).await?))
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, Status> {
        let (tenant, message) = open(request)?;
        Ok(tonic::Response::new(self.0.take_spans(tenant, message).await?))
    }
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, Status> {
        let (tenant, message) = open(request)?;
        Ok(tonic::Response::new(self.0.take_metrics(tenant, message).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_past_the_scales_by_its_frame() {
        let path = format!("/{}/Export", TraceServiceServer::<Collector>::NAME);
        let whole = [0, 0, 0, 0, 2, 0x0a, 0x00];
        assert_eq!(unpack(&whole, &path, "", 100), Ok(whole.to_vec()));
        let more = [&whole[..], &[0]].concat();
        let unknown = [&[1], &whole[1..]].concat();
        for wrong in [&[][..], &whole[..4], &whole[..6], &more] {
            assert!(matches!(unpack(wrong, &path, "", 100), Err(WireError::Message(_))), "{wrong:?}");
        }
        assert!(matches!(unpack(&unknown, &path, "snappy", 100), Err(WireError::Message(_))));
    }
}
