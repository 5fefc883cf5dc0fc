//! Console's own metrics, for Prometheus and what reads its formats.

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};

use super::{error::Failure, rest::Shared};
use crate::telemetry::plain_text;
use app::api::ApiError;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Console's own metrics
///
/// Requests, background jobs, the way in, the store, live streams and the process: as `OpenMetrics` 1.0, with traces of
/// failures as exemplars, for who accepts that, else in Prometheus' older text format. They are of the whole Console: a
/// key must be of the tenant `default`, unless none is needed (`metrics.open`).
#[utoipa::path(get, path = "/metrics", tag = "health", responses(
    (status = 200, description = "The metrics.", content(
        (String = "application/openmetrics-text"), (String = "text/plain")
    )),
))]
pub async fn own(State(services): Shared, headers: HeaderMap) -> Response {
    let Ok(text) = services.own_metrics().await else { return Failure(ApiError::internal()).into_response() };
    let (kind, text) =
        if prefers_open_metrics(&headers) { (OPEN_METRICS, text) } else { (PLAIN_TEXT, plain_text(&text)) };
    ([(header::CONTENT_TYPE, kind), (header::VARY, "accept")], text).into_response()
}

/// Whether `OpenMetrics` is accepted, and no less than plain text.
fn prefers_open_metrics(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    let (mut open, mut plain) = (0.0, 0.0);
    for kind in accepted.flat_map(|accept| accept.split(',')) {
        let mut parts = kind.split(';').map(|part| part.trim().to_ascii_lowercase());
        let weight = match parts.next().as_deref() {
            Some("application/openmetrics-text") => &mut open,
            Some("text/plain") => &mut plain,
            _ => continue,
        };
        let q = parts.find_map(|part| part.strip_prefix("q=").and_then(|q| q.parse().ok()));
        *weight = q.map_or(1.0, |q: f32| q.max(*weight));
    }
    open > 0.0 && open >= plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_the_one_that_is_liked_more() {
        let prefers =
            |accept: &str| prefers_open_metrics(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]));
        assert!(prefers("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1"));
        assert!(prefers("Application/OpenMetrics-Text"));
        assert!(!prefers("text/plain;version=0.0.4;q=0.6,application/openmetrics-text;q=0.5"));
        assert!(!prefers("application/openmetrics-text;q=0, */*") && !prefers("text/html") && !prefers("*/*"));
    }
}
