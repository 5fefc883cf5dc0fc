//! The cookie that carries a session's token.

use axum::http::{HeaderMap, HeaderValue, header};
use chrono::{DateTime, Utc};
use cookie::{Cookie, Expiration, SameSite, time::OffsetDateTime};

/// Over TLS the name itself makes browsers insist that the cookie is secure, of this host, and for all of it.
const SECURE_NAME: &str = "__Host-console_session";
const PLAIN_NAME: &str = "console_session";

/// The token in a request's cookies. Over TLS only the cookie that the name protects counts: another one may have been
/// planted by a neighbouring host. None looks at either.
pub fn session(headers: &HeaderMap, is_secure: Option<bool>) -> Option<String> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies = values.flat_map(Cookie::split_parse).filter_map(Result::ok);
    let mut plain = None;
    for cookie in cookies {
        match cookie.name() {
            SECURE_NAME if is_secure != Some(false) => return Some(cookie.value().to_owned()),
            PLAIN_NAME if is_secure != Some(true) => plain = Some(cookie.value().to_owned()),
            _ => {}
        }
    }
    plain
}

fn build(value: &str, is_secure: bool, expires: OffsetDateTime) -> Option<HeaderValue> {
    let name = if is_secure { SECURE_NAME } else { PLAIN_NAME };
    let cookie = Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .secure(is_secure)
        .same_site(SameSite::Lax)
        .expires(Expiration::DateTime(expires));
    HeaderValue::from_str(&cookie.build().to_string()).ok()
}

/// Lets the browser keep a session.
pub fn keep(token: &str, is_secure: bool, expires_at: DateTime<Utc>) -> Option<HeaderValue> {
    build(token, is_secure, OffsetDateTime::from_unix_timestamp(expires_at.timestamp()).ok()?)
}

/// Lets the browser forget its session.
pub fn forget(is_secure: bool) -> Option<HeaderValue> {
    build("", is_secure, OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_for_this_server_alone() {
        let expires = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let plain = keep("abc", false, expires).unwrap();
        let plain = plain.to_str().unwrap();
        for part in ["console_session=abc", "HttpOnly", "SameSite=Lax", "Path=/", "Expires="] {
            assert!(plain.contains(part), "{plain}");
        }
        assert!(!plain.contains("Secure"));
        let secure = keep("abc", true, expires).unwrap();
        assert!(secure.to_str().unwrap().starts_with("__Host-") && secure.to_str().unwrap().contains("Secure"));
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        assert_eq!(session(&headers, None), None);
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; console_session=abc; b=2"));
        assert_eq!(session(&headers, Some(false)).as_deref(), Some("abc"));
        assert_eq!(session(&headers, Some(true)), None);
        headers.append(header::COOKIE, HeaderValue::from_static("__Host-console_session=def"));
        assert_eq!(session(&headers, Some(true)).as_deref(), Some("def"));
        assert_eq!(session(&headers, Some(false)).as_deref(), Some("abc"));
    }
}
