//! Errors as traces: snapshots that programs send who trace nothing, and Console's own failures.

use app::{
    api::{ApiError, ErrorCode},
    model::{SpanId, SpanKind, SpanStatus, TenantId, TraceId, UnixNanos},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use xxhash_rust::xxh3::xxh3_64;

use super::Services;
use crate::{
    clock::new_trace_id,
    ingest::{IngestError, Submission},
    otlp::attributes::{self, Cut},
    store::span::{HttpCall, NewSpan},
    telemetry::{SERVICE, TraceContext, normalize_route},
};

/// Longest text of a name, in bytes.
const MAX_NAME_BYTES: usize = 256;
/// Headers of a request that are kept.
const MAX_HEADERS: usize = 64;
/// Excerpt of a body that is kept, in bytes.
const MAX_BODY_BYTES: usize = 4096;

/// A failed request, as the program saw it that failed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorSnapshot {
    /// What failed.
    #[schema(example = "gateway")]
    pub service: String,
    /// HTTP method.
    #[schema(example = "POST")]
    pub method: String,
    /// Path, with or without a query, which is left out.
    #[schema(example = "/v1/orders/42")]
    pub path: String,
    /// HTTP status.
    #[schema(example = 500)]
    pub status: u16,
    /// What went wrong, in a sentence.
    #[schema(example = "connection to orders timed out")]
    pub error: String,
    /// The stack.
    #[serde(default)]
    pub stack: Option<String>,
    /// Headers of the request; secrets are taken out.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub headers: Map<String, Value>,
    /// The beginning of the request's body; secrets are taken out.
    #[serde(default)]
    pub body: Option<String>,
    /// The trace it belongs to: 32 hexadecimal digits. Without one it begins a trace.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    pub trace_id: Option<TraceId>,
    /// When it failed; now, when nothing is said.
    #[serde(default)]
    pub occurred_at: Option<DateTime<Utc>>,
    /// How long the request took, in milliseconds.
    #[serde(default)]
    pub duration_ms: Option<f64>,
}

/// Where a snapshot is found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StoredSnapshot {
    /// Its trace.
    #[schema(value_type = String, example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    pub trace_id: TraceId,
    /// Its span.
    #[schema(value_type = String, example = "00f067aa0ba902b7")]
    pub span_id: SpanId,
}

impl Services {
    /// Stores a snapshot as a span with an exception; it is on disk when this answers with `Ok`. The same one sent again,
    /// with its trace and its time, counts once.
    pub async fn take_snapshot(&self, tenant: TenantId, snapshot: ErrorSnapshot) -> Result<StoredSnapshot, ApiError> {
        check(&snapshot)?;
        let span = self.span_of(snapshot);
        let stored = StoredSnapshot { trace_id: span.trace_id, span_id: span.span_id };
        let submitted = self.ingest.submit(Submission { spans: vec![(tenant, span)], ..Submission::default() }).await;
        submitted.map_err(|error| {
            let code = match error {
                IngestError::TooLarge => ErrorCode::PayloadTooLarge,
                IngestError::Full | IngestError::Unavailable => ErrorCode::Unavailable,
            };
            ApiError::new(code, error.to_string())
        })?;
        Ok(stored)
    }

    fn span_of(&self, snapshot: ErrorSnapshot) -> NewSpan {
        let redactor = self.self_log.redactor();
        // The content names the span, so that a second delivery is recognised.
        let content = serde_json::to_vec(&snapshot).unwrap_or_default();
        let ErrorSnapshot { service, method, path, status, error, stack, headers, body, .. } = snapshot;
        let path = path.split('?').next().unwrap_or_default().to_owned();
        let mut cut = Cut::default();
        let mut fields = Map::new();
        fields.insert("http.request.method".to_owned(), json!(method));
        fields.insert("url.path".to_owned(), json!(path));
        fields.insert("http.response.status_code".to_owned(), json!(status));
        if let Some(mut body) = body {
            body.truncate(body.floor_char_boundary(MAX_BODY_BYTES));
            fields.insert("http.request.body.excerpt".to_owned(), Value::String(redactor.text(&body).into_owned()));
        }
        let mut headers: Map<String, Value> = headers.into_iter().take(MAX_HEADERS).collect();
        redactor.attributes(&mut headers);
        let headers = headers.into_iter();
        fields.extend(headers.map(|(key, value)| (format!("http.request.header.{}", key.to_lowercase()), value)));
        attributes::limit(&mut fields, &mut cut);
        let ended = snapshot.occurred_at.map_or_else(|| self.clock.now(), UnixNanos::from);
        let duration_ns = (snapshot.duration_ms.unwrap_or_default() * 1e6) as i64;
        let mut stack = stack.unwrap_or_default();
        attributes::limit_text(&mut stack, &mut cut);
        let route = normalize_route(&path);
        let error = redactor.text(&error).into_owned();
        NewSpan {
            name: format!("{method} {route}"),
            service: service.into(),
            duration_ns,
            attributes: attributes::write(fields, redactor),
            events: exception(ended, &error, &redactor.text(&stack)),
            http: Some(HttpCall { method, route, status }),
            ..failed(
                snapshot.trace_id.unwrap_or_else(new_trace_id),
                SpanId((xxh3_64(&content) | 1).to_be_bytes()),
                UnixNanos(ended.0.saturating_sub(duration_ns)),
                error,
            )
        }
    }

    /// Notes that Console itself failed to answer a request. When the store is what fails this is lost, too; the log
    /// has it all the same.
    pub fn note_own_failure(&self, context: TraceContext, method: &str, route: &str, status: u16, duration_ms: f64) {
        let ended = self.clock.now();
        let duration_ns = (duration_ms * 1e6) as i64;
        let message = format!("answered {status}; the log lines of this trace say why");
        let fields = json!({
            "http.request.method": method, "http.route": route, "http.response.status_code": status,
        });
        let span = NewSpan {
            name: format!("{method} {route}"),
            parent: context.parent,
            service: SERVICE.into(),
            duration_ns,
            attributes: fields.to_string(),
            events: exception(ended, &message, ""),
            // Figures of Console's own endpoints are kept apart, of all requests.
            http: None,
            peer: None,
            ..failed(context.trace_id, context.span_id, UnixNanos(ended.0.saturating_sub(duration_ns)), message)
        };
        let spans = vec![(TenantId::DEFAULT, span)];
        let _full = self.ingest.offer(Submission { spans, ..Submission::default() });
    }
}

/// A span that failed, without what differs.
fn failed(trace_id: TraceId, span_id: SpanId, start: UnixNanos, status_message: String) -> NewSpan {
    NewSpan {
        trace_id,
        span_id,
        parent: None,
        name: String::new(),
        kind: SpanKind::Server,
        service: "".into(),
        start,
        duration_ns: 0,
        status: SpanStatus::Error,
        status_message,
        attributes: String::new(),
        resource: "".into(),
        scope: "".into(),
        events: String::new(),
        links: String::new(),
        http: None,
        peer: None,
    }
}

/// The event by which the semantic conventions tell an exception
/// (<https://opentelemetry.io/docs/specs/semconv/exceptions/>).
fn exception(time: UnixNanos, message: &str, stack: &str) -> String {
    let mut fields = json!({ "exception.message": message });
    if !stack.is_empty() {
        fields["exception.stacktrace"] = json!(stack);
    }
    json!([{ "time": time, "name": "exception", "attributes": fields }]).to_string()
}

fn check(snapshot: &ErrorSnapshot) -> Result<(), ApiError> {
    let ErrorSnapshot { service, method, path, status, error, .. } = snapshot;
    for (field, text) in [("service", service), ("method", method), ("path", path), ("error", error)] {
        if text.trim().is_empty() {
            return Err(ApiError::invalid(field, "it must not be empty"));
        }
        if field != "error" && text.len() > MAX_NAME_BYTES {
            return Err(ApiError::invalid(field, format!("at most {MAX_NAME_BYTES} bytes")));
        }
    }
    if !(100..600).contains(status) {
        return Err(ApiError::invalid("status", "expected an HTTP status, 100 to 599"));
    }
    if snapshot.duration_ms.is_some_and(|ms| !(0.0..=1e9).contains(&ms)) {
        return Err(ApiError::invalid("duration_ms", "expected milliseconds, not negative"));
    }
    Ok(())
}
