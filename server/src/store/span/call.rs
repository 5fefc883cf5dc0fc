//! Requests that servers answered, told from their spans: of which endpoint they are, and what went wrong.

use app::model::{SpanEvent, SpanId, SpanKind, SpanStatus, TraceId, UnixNanos};
use serde_json::{Map, Value};

use super::{
    NarrowBlock,
    block::{BlockSummary, decode},
};
use crate::{
    store::{
        EndpointKey, StoreResult,
        attributes::{Attributes, Column},
    },
    telemetry::normalize_route,
};

/// The route of requests for which there is none.
const NOT_FOUND: &str = "(not found)";
/// Longest text of an error, in bytes.
const MAX_ERROR_BYTES: usize = 300;
/// What names the endpoint and its answer, by the semantic conventions for HTTP, of now and of before.
const KEYS: [&str; 7] = [
    "http.request.method",
    "http.method",
    "http.response.status_code",
    "http.status_code",
    "http.route",
    "url.path",
    "http.target",
];

/// An answered HTTP request, as an endpoint's figures count it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpCall {
    /// Method.
    pub method: String,
    /// Normalised route.
    pub route: String,
    /// Status; 0 when it is not known.
    pub status: u16,
}

impl HttpCall {
    /// The request that a server's span answered, from its attributes and its name, by the semantic conventions for
    /// HTTP, of now and of before (<https://opentelemetry.io/docs/specs/semconv/http/http-spans/>).
    pub fn of(fields: &Map<String, Value>, name: &str) -> Option<Self> {
        let text = |keys: &[&str]| keys.iter().find_map(|key| fields.get(*key)).and_then(Value::as_str);
        let method = text(&["http.request.method", "http.method"])?;
        let status = ["http.response.status_code", "http.status_code"].iter().find_map(|key| fields.get(*key));
        let status =
            status.and_then(|status| status.as_u64().or_else(|| status.as_str().and_then(|text| text.parse().ok())));
        let status = status.and_then(|status| u16::try_from(status).ok()).unwrap_or_default();
        // Without a route, a name such as `GET /orders/:id` holds one. What was not found may have any path at all.
        let named = || name.strip_prefix(method).map(str::trim).filter(|rest| rest.starts_with('/'));
        let path = || text(&["url.path", "http.target"]).map(|path| path.split('?').next().unwrap_or_default());
        let route =
            text(&["http.route"]).or_else(|| if status == 404 { Some(NOT_FOUND) } else { named().or_else(path) })?;
        Some(Self { method: method.chars().take(16).collect(), route: normalize_route(route), status })
    }
}

/// Which requests are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct CallSelection {
    /// That ended at or after this instant: figures count a request when it ends.
    pub from: UnixNanos,
    /// That ended before this instant.
    pub to: UnixNanos,
    /// Of these endpoints; empty for all.
    pub endpoints: Vec<EndpointKey>,
    /// Only failed ones: with status 5xx, or without a status and said to have failed.
    pub is_failed: bool,
    /// That took at least so long, in nanoseconds.
    pub min_ns: Option<i64>,
    /// That took less than so long, in nanoseconds.
    pub max_ns: Option<i64>,
    /// How many are told at most.
    pub limit: usize,
}

/// A request that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundCall {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its span.
    pub span_id: SpanId,
    /// The span's name.
    pub name: String,
    /// Which endpoint answered it.
    pub endpoint: EndpointKey,
    /// When it began.
    pub start: UnixNanos,
    /// How long it took.
    pub duration_ns: i64,
    /// Its HTTP status; 0 when it is not known.
    pub status: u16,
    /// Whether it failed.
    pub is_error: bool,
    /// What went wrong: the exception, or what the span says of its status; empty when nothing is said.
    pub error: String,
}

impl CallSelection {
    /// Whether a block with this summary may hold such a request.
    pub fn may_match(&self, summary: &BlockSummary) -> bool {
        summary.0.iter().any(|(service, _, errors)| {
            let is_of = self.endpoints.is_empty() || self.endpoints.iter().any(|wanted| wanted.service == *service);
            // Spans with status 5xx are failed ones, by the conventions; those who forget to say so are few.
            is_of && (!self.is_failed || *errors > 0)
        })
    }

    /// The requests among a block's spans.
    pub fn calls_in(&self, payload: &[u8]) -> StoreResult<Vec<FoundCall>> {
        let block = decode(payload)?;
        let places: Vec<usize> = (0..block.span_count()).filter(|at| self.is_narrowly_wanted(&block, *at)).collect();
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let section = block.attributes()?;
        let attributes = Attributes::read(&section, block.span_count())?;
        let columns = KEYS.map(|key| attributes.column(key).map(|column| (key, column)));
        let columns: Vec<(&str, Option<Column>)> = columns.into_iter().collect::<StoreResult<_>>()?;
        let texts = block.texts()?;
        let mut found = Vec::new();
        for at in places {
            let fields = fields_at(&columns, texts.odd_attributes(at), at);
            let Some(call) = HttpCall::of(&fields, block.name(at)) else { continue };
            let (_, status) = block.kind_and_status(at);
            let is_error = call.status >= 500 || (call.status == 0 && status == SpanStatus::Error);
            let service = block.service(at);
            let is_of = |wanted: &EndpointKey| {
                wanted.service == service && wanted.method == call.method && wanted.route == call.route
            };
            if (self.is_failed && !is_error) || !(self.endpoints.is_empty() || self.endpoints.iter().any(is_of)) {
                continue;
            }
            let error = if is_error { error_text(texts.events(at), texts.status_message(at)) } else { String::new() };
            found.push(FoundCall {
                trace_id: block.trace_id(at),
                span_id: block.span_id(at),
                name: block.name(at).to_owned(),
                endpoint: EndpointKey { service: service.to_owned(), method: call.method, route: call.route },
                start: block.start(at),
                duration_ns: block.duration_ns(at),
                status: call.status,
                is_error,
                error,
            });
        }
        Ok(found)
    }

    /// What is told without unpacking texts and attributes.
    fn is_narrowly_wanted(&self, block: &NarrowBlock, at: usize) -> bool {
        let (kind, _) = block.kind_and_status(at);
        let duration = block.duration_ns(at);
        let end = UnixNanos(block.start(at).0.saturating_add(duration));
        kind == SpanKind::Server
            && end >= self.from
            && end < self.to
            && self.min_ns.is_none_or(|min| duration >= min)
            && self.max_ns.is_none_or(|max| duration < max)
            && (self.endpoints.is_empty() || self.endpoints.iter().any(|wanted| wanted.service == block.service(at)))
    }
}

fn fields_at(columns: &[(&str, Option<Column>)], odd: &str, at: usize) -> Map<String, Value> {
    let told = columns.iter().filter_map(|(key, column)| {
        let value = column.as_ref()?.get(at)?;
        Some(((*key).to_owned(), value.parse()))
    });
    let mut fields: Map<String, Value> = told.collect();
    if !odd.is_empty() {
        let odd: Map<String, Value> = serde_json::from_str(odd).unwrap_or_default();
        fields.extend(odd.into_iter().filter(|(key, _)| KEYS.contains(&key.as_str())));
    }
    fields
}

/// `Timeout: no answer within 5 s` of an exception; else what is said of the status.
fn error_text(events: &str, message: &str) -> String {
    let events: Vec<SpanEvent> = serde_json::from_str(events).unwrap_or_default();
    let exception = events.iter().rev().find(|event| event.name == "exception").and_then(|event| {
        let text = |key: &str| event.attributes.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        match (text("exception.type"), text("exception.message")) {
            (Some(kind), Some(message)) => Some(format!("{kind}: {message}")),
            (kind, message) => kind.or(message).map(str::to_owned),
        }
    });
    let mut text = exception.unwrap_or_else(|| message.to_owned());
    if let Some(end) = text.find(['\r', '\n']) {
        text.truncate(end);
    }
    text.truncate(text.floor_char_boundary(MAX_ERROR_BYTES));
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::span::{
        NewSpan,
        block::{encode, tests::span},
    };

    fn request(id: u8, route: &str, status: u16) -> NewSpan {
        let fields = json!({ "http.request.method": "GET", "http.route": route, "http.response.status_code": status });
        NewSpan {
            kind: SpanKind::Server,
            service: "shop".into(),
            attributes: fields.to_string(),
            status: if status >= 500 { SpanStatus::Error } else { SpanStatus::Unset },
            status_message: "deadlock\nat line 3".into(),
            duration_ns: i64::from(id) * 1_000_000,
            ..span(1, id)
        }
    }

    fn all() -> CallSelection {
        CallSelection {
            from: UnixNanos(i64::MIN),
            to: UnixNanos(i64::MAX),
            endpoints: Vec::new(),
            is_failed: false,
            min_ns: None,
            max_ns: None,
            limit: 100,
        }
    }

    #[test]
    fn requests_are_found_by_endpoint_outcome_and_duration() {
        let exception = json!([{ "time": "2026-01-01T00:00:00Z", "name": "exception", "attributes": {
            "exception.type": "Timeout", "exception.message": "no answer" } }]);
        let spans = [
            request(1, "/orders/{id}", 200),
            request(2, "/orders/{id}", 503),
            NewSpan { events: exception.to_string(), ..request(3, "/carts", 500) },
            span(1, 4),
        ];
        let block = encode(&spans).unwrap();
        let found = |selection: &CallSelection| -> Vec<u8> {
            assert!(selection.may_match(&block.summary));
            selection.calls_in(&block.payload).unwrap().iter().map(|call| call.span_id.0[7]).collect()
        };
        let orders = EndpointKey { service: "shop".into(), method: "GET".into(), route: "/orders/:id".into() };
        assert_eq!(found(&all()), [1, 2, 3]);
        assert_eq!(found(&CallSelection { is_failed: true, ..all() }), [2, 3]);
        assert_eq!(found(&CallSelection { endpoints: vec![orders.clone()], ..all() }), [1, 2]);
        assert_eq!(found(&CallSelection { min_ns: Some(2_000_000), max_ns: Some(3_000_000), ..all() }), [2]);
        let other = EndpointKey { service: "stock".into(), ..orders };
        assert!(!CallSelection { endpoints: vec![other], ..all() }.may_match(&block.summary));
        let errors: Vec<String> = all().calls_in(&block.payload).unwrap().into_iter().map(|call| call.error).collect();
        assert_eq!(errors, ["", "deadlock", "Timeout: no answer"]);
    }
}
