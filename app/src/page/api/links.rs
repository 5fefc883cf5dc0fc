//! Where an endpoint's traces and log lines are.

use crate::{
    component::{log_view::logs_href as lines_href, query::encode},
    model::{AttributeFilter, AttributeOp, EndpointName, Level, LogFilter, TopError, TraceFilter},
    page::traces::traces_href,
};

/// Longest text of an error that traces are searched for, in bytes.
const MAX_SEARCH_BYTES: usize = 120;

/// What spans of an endpoint have in common. Endpoints have one way of writing parameters, frameworks have many: where a
/// route has some, its beginning is what tells.
pub fn route_condition(route: &str) -> AttributeFilter {
    let (op, value) = match route.find(':') {
        Some(parameter) => (AttributeOp::Contains, &route[..parameter]),
        None => (AttributeOp::Equals, route),
    };
    AttributeFilter { key: "http.route".to_owned(), op, value: value.to_owned() }
}

/// The traces of an endpoint, or those with errors.
pub fn endpoint_traces(endpoint: &EndpointName, has_errors: Option<bool>) -> String {
    traces_href(&TraceFilter {
        service: Some(endpoint.service.clone()),
        has_errors,
        attributes: vec![route_condition(&endpoint.route)],
        ..TraceFilter::default()
    })
}

/// The log lines of an endpoint: of its service, with its route as a phrase.
///
/// None where requests leave no lines: what pages ask by themselves, and paths that are none.
pub fn endpoint_logs(service: &str, route: &str) -> Option<String> {
    let leaves_none = service == "console"
        && (["/fn/", "/pkg/", "/health", "/ready", "("].iter().any(|start| route.starts_with(start))
            || route.ends_with("/stream"));
    if leaves_none {
        return None;
    }
    let fixed_part = route.split("/:").next().filter(|part| !part.is_empty()).unwrap_or("/");
    let search = encode(&format!("\"{fixed_part}\""));
    Some(format!("/monitoring/logs?service={}&search={search}", encode(service)))
}

/// The traces that end with an error.
pub fn error_traces(endpoint: &EndpointName, error: &TopError) -> String {
    traces_href(&TraceFilter {
        service: Some(endpoint.service.clone()),
        operation: Some(error.operation.clone()),
        has_errors: Some(true),
        search: searched(&error.error),
        ..TraceFilter::default()
    })
}

/// The log lines of the newest trace with an error.
pub fn error_logs(error: &TopError) -> String {
    let filter = LogFilter { trace_id: Some(error.trace_id), level: Some(Level::Trace), ..LogFilter::default() };
    lines_href(&filter, None)
}

/// What of an error's text its spans have as it is written: an exception's kind and message are two texts there.
fn searched(error: &str) -> Option<String> {
    let text = error.split_once(": ").map_or(error, |(_, message)| message);
    let text = text.split(['"', '\\']).next().unwrap_or_default();
    let text = text[..text.floor_char_boundary(MAX_SEARCH_BYTES)].trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_leads_to_its_spans_however_parameters_are_written() {
        assert_eq!(route_condition("/orders").to_string(), "http.route = /orders");
        assert_eq!(route_condition("/orders/:id/lines").to_string(), "http.route contains /orders/");
    }

    #[test]
    fn an_endpoint_leads_to_the_log_lines_of_its_route() {
        let logs = endpoint_logs("user api", "/users/:id/orders").unwrap();
        assert_eq!(logs, "/monitoring/logs?service=user%20api&search=%22%2Fusers%22");
        assert!(endpoint_logs("user api", "/:id").unwrap().ends_with("search=%22%2F%22"));
        assert_eq!(endpoint_logs("console", "/fn/overview"), None);
    }

    #[test]
    fn an_error_is_searched_for_by_what_its_spans_say() {
        assert_eq!(searched("TimeoutError: no answer").as_deref(), Some("no answer"));
        assert_eq!(searched("deadlock detected").as_deref(), Some("deadlock detected"));
        assert_eq!(searched("KeyError: say \"hi\"").as_deref(), Some("say"));
        assert_eq!(searched(""), None);
        assert_eq!(searched(&"é".repeat(100)).map(|text| text.len()), Some(120));
    }
}
