//! Every request: a trace, an id on the answer, a line in the log, a place in the endpoint figures.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method},
    middleware::Next,
    response::Response,
};
use tonic::Code;
use tracing::Instrument;

use crate::{
    service::Services,
    telemetry::{TraceContext, route_label},
};

/// Name of the header that carries the trace id of an answer.
const TRACE_HEADER: &str = "x-trace-id";

/// Wraps every request.
pub async fn observe(State(services): State<Arc<Services>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let header = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    let context = TraceContext::from_traceparent(header);
    let route = request.extensions().get::<MatchedPath>().map_or_else(
        || "(unmatched)".to_owned(),
        |matched| route_label(&called(matched.as_str(), request.uri().path())),
    );
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    request.extensions_mut().insert(context);
    let span = tracing::info_span!(
        "http.request", trace_id = %context.trace_id, span_id = %context.span_id, http.route = route
    );

    let mut response = next.run(request).instrument(span.clone()).await;

    let took = started.elapsed();
    let duration_ms = took.as_secs_f64() * 1000.0;
    let status = outcome(&response);
    // A failure of Console's own is a trace; other requests have none that could be opened.
    let trace = (status >= 500).then_some(context.trace_id);
    services.metrics.request((method_label(&method), &route, status), took, trace, services.clock.now_utc().into());
    services.recorder.record(method_label(&method), &route, status, duration_ms, services.clock.now());
    if let Ok(id) = HeaderValue::from_str(&context.trace_id.to_string()) {
        response.headers_mut().insert(TRACE_HEADER, id);
    }
    let duration_ms = (duration_ms * 1000.0).round() / 1000.0;
    let took = if duration_ms < 10.0 { format!("{duration_ms:.1} ms") } else { format!("{duration_ms:.0} ms") };
    if status >= 500 {
        services.note_own_failure(context, method_label(&method), &route, status, duration_ms);
    }
    span.in_scope(|| {
        if status >= 500 {
            tracing::error!(http.route = route, status, duration_ms, "{method} {path} {status} {took}");
        } else if is_chatter(&route) {
            tracing::debug!(http.route = route, status, duration_ms, "{method} {path} {status} {took}");
        } else {
            tracing::info!(http.route = route, status, duration_ms, "{method} {path} {status} {took}");
        }
    });
    response
}

/// The route that was called: of a gRPC service, which is matched as a whole, the method.
fn called(matched: &str, path: &str) -> String {
    match matched.strip_suffix("{*rest}") {
        Some(service) if path == format!("{service}Export") => path.to_owned(),
        _ => matched.to_owned(),
    }
}

/// The status of an answer. gRPC answers every call with 200 and says in a header how it ended.
fn outcome(response: &Response) -> u16 {
    let Some(told) = tonic::Status::from_header_map(response.headers()) else { return response.status().as_u16() };
    match told.code() {
        Code::Ok => response.status().as_u16(),
        Code::InvalidArgument | Code::OutOfRange | Code::FailedPrecondition => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound => 404,
        Code::ResourceExhausted => 429,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        _ => 500,
    }
}

/// Anybody may invent methods; figures are kept of those that there are.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}

/// Requests that the pages themselves make all the time: in the figures, but not in the log unless asked for.
fn is_chatter(route: &str) -> bool {
    ["/fn/", "/pkg/", "/health", "/ready", "/metrics", "/api/v1/health", "/favicon", "(unmatched)"]
        .iter()
        .any(|prefix| route.starts_with(prefix))
        || route.ends_with("/logs/stream")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grpc_call_counts_as_what_it_came_to() {
        let refused = tonic::Status::unauthenticated("no key").into_http::<axum::body::Body>();
        assert_eq!((refused.status().as_u16(), outcome(&refused)), (200, 401));
        assert_eq!(outcome(&Response::default()), 200);
    }

    #[test]
    fn a_grpc_method_is_its_own_route() {
        let matched = "/opentelemetry.proto.collector.trace.v1.TraceService/{*rest}";
        let export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        assert_eq!(called(matched, export), export);
        assert_eq!(called(matched, "/opentelemetry.proto.collector.trace.v1.TraceService/x"), matched);
        assert_eq!(called("/v1/traces", "/v1/traces"), "/v1/traces");
    }
}
