//! What protects people in browsers: response headers, and no state changes from foreign pages.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    extract::Request,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use app::api::{ApiError, ErrorCode};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::{client::Client, error::Failure};
use crate::config::Config;

/// Headers of every answer.
const HEADERS: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// Where telemetry is sent to.
const OTLP_PATHS: [&str; 3] = ["/v1/traces", "/v1/logs", "/v1/metrics"];

/// For a year browsers use nothing but TLS with this name.
const HSTS: &str = "max-age=31536000";

/// Adds the headers that every answer carries.
pub async fn add_headers(State(config): State<Arc<Config>>, request: Request, next: Next) -> Response {
    let is_secure = config.server.tls().is_some() || config.server.behind_proxy;
    // Browsers would refuse everything else that this machine serves on the same name.
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let is_local = host.is_some_and(|host| is_own_host(host, &[]));
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if is_secure && !is_local {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// A browser says with `Origin` which page sends a request: only Console's own pages may change anything.
pub async fn refuse_foreign_origins(State(config): State<Arc<Config>>, request: Request, next: Next) -> Response {
    let changes_state = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let own = request.uri().authority().map(Authority::as_str);
    let is_secure = request.extensions().get::<Client>().is_some_and(|client| client.is_secure);
    let may_send = request.headers().get(header::ORIGIN).is_some_and(|origin| may_send(&config, origin, request.uri()));
    if changes_state && !may_send && is_foreign(request.headers(), own, is_secure) {
        let error = ApiError::new(ErrorCode::Forbidden, "requests from other sites' pages are refused");
        return Failure(error).into_response();
    }
    next.run(request).await
}

/// Whether scripts of a page with this origin may send telemetry, which is all that they may.
fn may_send(config: &Config, origin: &HeaderValue, uri: &Uri) -> bool {
    OTLP_PATHS.contains(&uri.path())
        && config.otlp.cors_origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())
}

/// Answers browsers that ask whether a page's scripts may send; none when no page's may.
pub fn cross_origin(config: &Arc<Config>) -> Option<CorsLayer> {
    if config.otlp.cors_origins.is_empty() {
        return None;
    }
    let config = config.clone();
    let allowed = AllowOrigin::predicate(move |origin, parts| may_send(&config, origin, &parts.uri));
    let layer = CorsLayer::new().allow_origin(allowed).allow_methods([Method::POST]);
    Some(layer.allow_headers(AllowHeaders::mirror_request()).max_age(Duration::from_hours(1)))
}

/// A page of another site can make its own name point at this machine and would then be of the same origin. So the name
/// in the address has to be one of this machine's, or one that is allowed by configuration.
pub async fn refuse_foreign_hosts(State(config): State<Arc<Config>>, request: Request, next: Next) -> Response {
    let named = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let named = named.or_else(|| request.uri().authority().map(Authority::as_str));
    // Webhooks come to whatever name the forge knows, and prove who they are.
    let is_proven = request.uri().path().starts_with("/webhooks/");
    let allowed = config.server.known_hosts();
    if is_proven || named.is_none_or(|host| is_own_host(host, &allowed)) {
        return next.run(request).await;
    }
    let message = "this name is not one of Console's (`server.allowed_hosts`)";
    Failure(ApiError::new(ErrorCode::Forbidden, message)).into_response()
}

fn is_own_host(host: &str, allowed: &[String]) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(&name))
}

/// `own` is the authority of the request itself, where there is no `Host` (HTTP/2).
fn is_foreign(headers: &HeaderMap, own: Option<&str>, is_secure: bool) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else { return false };
    let Ok(origin) = origin.parse::<Uri>() else { return true };
    let is_downgrade = is_secure && origin.scheme_str() != Some("https");
    is_downgrade || origin.authority().map(Authority::as_str) != text(header::HOST).or(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(origin: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:3000"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        headers
    }

    #[test]
    fn only_names_of_this_machine_and_allowed_ones_are_answered() {
        let allowed = ["console.example.com".to_owned()];
        for own in ["localhost:3000", "LOCALHOST", "a.localhost", "127.0.0.1:3000", "[::1]:3000", "Console.Example.com"]
        {
            assert!(is_own_host(own, &allowed), "{own}");
        }
        for foreign in ["evil.example:3000", "10.0.0.1", "localhost.evil.example", "127.0.0.1.evil.example", "@", ""] {
            assert!(!is_own_host(foreign, &allowed), "{foreign}");
        }
    }

    #[test]
    fn only_own_pages_and_programs_pass() {
        assert!(!is_foreign(&headers(None), None, true));
        assert!(!is_foreign(&headers(Some("http://127.0.0.1:3000")), None, false));
        assert!(is_foreign(&headers(Some("http://127.0.0.1:3000")), None, true), "somebody on the line");
        assert!(!is_foreign(&headers(Some("https://127.0.0.1:3000")), None, true));
        for origin in ["http://evil.example", "null", "http://127.0.0.1:3001"] {
            assert!(is_foreign(&headers(Some(origin)), None, false), "{origin}");
        }
    }
}
