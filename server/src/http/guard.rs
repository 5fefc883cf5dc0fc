//! The guards: who asks is found out here and nowhere else, and only those whom the route's class names come through.

use std::{net::IpAddr, sync::Arc};

use app::{
    api::{Actor, ApiError, ErrorCode, Scope},
    model::{Role, TenantId},
};
use axum::{
    Json,
    body::Body,
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{Html, IntoResponse, Redirect, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    AppState,
    class::{self, Class},
    client::Client,
    cookie,
    error::Failure,
};
use crate::{
    config::Config,
    service::identity::{Caller, CallerKind, Credential, hash_secret},
};

/// Longest error of a server function, in bytes.
const LONGEST_ERROR: usize = 64 * 1024;

/// What a request shows: a key in `X-API-Key`, `Authorization: Bearer` or as the password of `Authorization: Basic`, which
/// is all that some senders of log lines can do; else a session in a cookie.
fn credential(headers: &HeaderMap, is_secure: Option<bool>) -> Credential {
    let text = |name: &str| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let bearer = || {
        text("authorization").and_then(|value| {
            let (scheme, secret) = value.split_once(' ')?;
            if scheme.eq_ignore_ascii_case("basic") {
                let pair = String::from_utf8(STANDARD.decode(secret.trim()).ok()?).ok()?;
                return pair.split_once(':').map(|(_, password)| password.to_owned());
            }
            scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim().to_owned())
        })
    };
    if let Some(secret) = text("x-api-key").map(str::to_owned).or_else(bearer) {
        return Credential::Key(hash_secret(&secret));
    }
    cookie::session(headers, is_secure).map_or(Credential::None, |token| Credential::Session(hash_secret(&token)))
}

/// Whether the class lets the caller through; the error says why not.
pub fn admit(class: Class, caller: Option<&Caller>) -> Result<(), ApiError> {
    let unknown = || ApiError::new(ErrorCode::Unauthorized, "sign in, or send a key that is valid");
    if matches!(class, Class::Open | Class::Hook) {
        return Ok(());
    }
    let caller = caller.ok_or_else(unknown)?;
    let why_not = match (class, caller.kind) {
        (Class::User(role), CallerKind::Person) if caller.scope.role < role => format!("this needs the role {role}"),
        (Class::User(Role::Viewer), CallerKind::Key { can_read: false, .. }) => "this key may not read".to_owned(),
        (Class::User(Role::Editor | Role::Admin), CallerKind::Key { .. }) => {
            "this is for people, not for keys".to_owned()
        }
        (Class::User(_), CallerKind::LocalSender)
        | (Class::Session, CallerKind::Key { .. } | CallerKind::LocalSender) => {
            "this needs somebody who is signed in".to_owned()
        }
        (Class::Operator | Class::Scrape, CallerKind::Anybody) => return Ok(()),
        (Class::Operator | Class::Scrape, CallerKind::Person)
            if caller.scope == (Scope { tenant: TenantId::DEFAULT, role: Role::Admin }) =>
        {
            return Ok(());
        }
        (Class::Scrape, CallerKind::Key { can_read: true, .. }) if caller.scope.tenant == TenantId::DEFAULT => {
            return Ok(());
        }
        (Class::Scrape, _) => "this is for keys of the tenant `default` that may read".to_owned(),
        (Class::Operator, _) => "this is for administrators of the tenant `default`".to_owned(),
        (Class::Session, CallerKind::Anybody) => "sign-in is turned off (`auth.enabled`)".to_owned(),
        (Class::Ingest, CallerKind::Key { can_ingest: false, .. }) => "this key may not send".to_owned(),
        (Class::Ingest, CallerKind::Person) => "data is sent with a key, not with a session".to_owned(),
        (Class::Open | Class::Hook | Class::Known | Class::User(_) | Class::Session | Class::Ingest, _) => {
            return Ok(());
        }
    };
    Err(ApiError::new(ErrorCode::Forbidden, why_not))
}

/// Whether a program on this machine may send without a key. A page in a browser on this machine must not: it could
/// only send what needs no permission, so these content types are refused, and none at all.
fn may_send_without_key(config: &Config, client: Client, headers: &HeaderMap) -> bool {
    const SIMPLE: [&str; 3] = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"];
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    config.auth.ingest_from_loopback
        && !config.is_reachable()
        && client.address.is_loopback()
        && client.is_direct
        && kind.is_some_and(|kind| !kind.is_empty() && !SIMPLE.contains(&kind.as_str()))
}

/// Finds out who asks, leaves that for the handler, and checks the class.
pub async fn check(state: &AppState, class: Class, request: &mut Request) -> Result<(), ApiError> {
    let client = client_of(request.extensions())?;
    let shown = credential(request.headers(), Some(client.is_secure));
    let mut caller = match state.services.identity.caller(shown).await {
        // What is open to all is so while the store cannot be asked, too.
        Err(_) if class == Class::Open => None,
        // That is when Console's own metrics are wanted most.
        Err(error) if class == Class::Scrape => match state.services.identity.scraper(&shown) {
            Some(caller) => Some(caller),
            None => return Err(error),
        },
        found => found?,
    };
    let is_local_sender = class == Class::Ingest
        && shown == Credential::None
        && may_send_without_key(&state.services.config, client, request.headers());
    if caller.is_none() && is_local_sender {
        caller = Some(Arc::new(Caller::local_sender()));
    }
    if let Some(caller) = &caller {
        if let CallerKind::Key { id, .. } = caller.kind {
            state.services.identity.limits.key(id)?;
        }
        request.extensions_mut().insert(caller.actor(client.address));
        request.extensions_mut().insert(caller.clone());
    }
    admit(class, caller.as_deref())?;
    if let (Class::Scrape, Some(caller)) = (class, caller) {
        state.services.identity.remember_scraper(caller);
    }
    Ok(())
}

/// The guard of a route of the REST interface.
pub async fn rest(State((state, class)): State<(AppState, Class)>, mut request: Request, next: Next) -> Response {
    if matches!(class, Class::Open | Class::Hook) {
        return next.run(request).await;
    }
    match check(&state, class, &mut request).await {
        // Programs can wait.
        Ok(()) if matches!(class, Class::Ingest | Class::Scrape) => next.run(request).await,
        Ok(()) => {
            let _question = state.services.activity.ask();
            next.run(request).await
        }
        Err(error) => Failure(error).into_response(),
    }
}

/// The guard of pages and server functions. Somebody who is not signed in is led to where they can; a page that is not
/// theirs is drawn as such.
pub async fn site(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let class = matched.as_deref().and_then(class::of_site);
    let is_function = path.starts_with("/fn/");
    // What has no class is no page: a file that everybody may have, or nothing. Functions always have one.
    let class = class.unwrap_or(if is_function { Class::ADMIN } else { Class::Open });
    let is_page = !is_function && *request.method() == Method::GET;
    let checked = check(&state, class, &mut request).await;
    let _question = (checked.is_ok() && class != Class::Open).then(|| state.services.activity.ask());
    match checked {
        Ok(()) if is_function => with_status_of_error(next.run(request).await).await,
        Ok(()) => next.run(request).await,
        Err(error) if is_page && error.code == ErrorCode::Unauthorized => {
            let asked = request.uri().path_and_query().map_or("/", |asked| asked.as_str());
            let cookie_is_stale = cookie::session(request.headers(), None).is_some();
            let problem = if cookie_is_stale { "problem=ended&" } else { "" };
            let next = form_urlencoded(asked);
            Redirect::to(&format!("/login?{problem}next={next}")).into_response()
        }
        // The page is drawn; what it asks for is refused by the class of the function, and it says so.
        Err(error) if is_page && error.code == ErrorCode::Forbidden => next.run(request).await,
        Err(error) if is_page => unavailable_page(&error),
        Err(error) if is_function => function_error(error),
        Err(error) => Failure(error).into_response(),
    }
}

/// The guard of forms that work without scripts: whoever sends one sees the answer.
pub async fn form(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    match check(&state, Class::Session, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(error) if error.code == ErrorCode::Unauthorized => Redirect::to("/login?problem=ended").into_response(),
        Err(error) => unavailable_page(&error),
    }
}

/// A page without scripts, for when Console cannot find out who asks.
fn unavailable_page(error: &ApiError) -> Response {
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text = html_escape::encode_text(&error.message);
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"dark light\">\
         <title>Console</title><h1>Console cannot show this page</h1><p>{text}</p><p><a href=\"\">Try again</a></p>"
    );
    (status, [(header::CACHE_CONTROL, "no-store")], Html(page)).into_response()
}

/// A refusal in the form that server functions' callers read.
fn function_error(error: ApiError) -> Response {
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(error)).into_response()
}

/// A server function whose arguments are not understood answers 500 by itself.
async fn with_status_of_error(response: Response) -> Response {
    if response.status() != StatusCode::INTERNAL_SERVER_ERROR {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, LONGEST_ERROR).await.unwrap_or_default();
    let error = serde_json::from_slice::<ApiError>(&body).ok();
    if let Some(status) = error.and_then(|error| StatusCode::from_u16(error.code.status()).ok()) {
        parts.status = status;
    }
    Response::from_parts(parts, Body::from(body))
}

/// A text as the value of a query.
pub fn form_urlencoded(text: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(byte);
    text.bytes()
        .map(|byte| if is_plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn client_of(extensions: &axum::http::Extensions) -> Result<Client, ApiError> {
    extensions.get::<Client>().copied().ok_or_else(ApiError::internal)
}

/// On whose behalf a request is made. Only behind a guard that lets nobody unknown through.
pub struct InScope(pub Scope);

/// Who makes a request. Only behind a guard that lets nobody unknown through.
pub struct By(pub Actor);

/// Everything about who makes a request. Only behind a guard that lets nobody unknown through.
pub struct Known(pub Arc<Caller>);

/// Where a request comes from.
pub struct From(pub Client);

impl<S: Send + Sync> FromRequestParts<S> for InScope {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        let caller = parts.extensions.get::<Arc<Caller>>();
        caller.map(|caller| Self(caller.scope)).ok_or_else(|| Failure(ApiError::internal()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        parts.extensions.get::<Actor>().cloned().map(Self).ok_or_else(|| Failure(ApiError::internal()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Known {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        parts.extensions.get::<Arc<Caller>>().cloned().map(Self).ok_or_else(|| Failure(ApiError::internal()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for From {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        client_of(&parts.extensions).map(Self).map_err(Failure)
    }
}

impl From {
    /// The address.
    pub fn address(&self) -> IpAddr {
        self.0.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(kind: CallerKind, role: Role) -> Caller {
        let mut caller = Caller::local_sender();
        caller.kind = kind;
        caller.scope.role = role;
        caller
    }

    fn key(can_ingest: bool, can_read: bool) -> Caller {
        caller(CallerKind::Key { id: uuid::Uuid::nil(), can_ingest, can_read }, Role::Viewer)
    }

    #[test]
    fn each_class_lets_its_own_through() {
        let [viewer, editor, admin] = Role::ALL.map(|role| caller(CallerKind::Person, role));
        let (reads, sends) = (key(false, true), key(true, false));
        let local = Caller::local_sender();
        let admitted = |class| {
            let all = [&viewer, &editor, &admin, &reads, &sends, &local];
            all.map(|caller| u8::from(admit(class, Some(caller)).is_ok()))
        };
        assert_eq!(admitted(Class::READ), [1, 1, 1, 1, 0, 0]);
        assert_eq!(admitted(Class::EDIT), [0, 1, 1, 0, 0, 0]);
        assert_eq!(admitted(Class::ADMIN), [0, 0, 1, 0, 0, 0]);
        assert_eq!(admitted(Class::Operator), [0, 0, 1, 0, 0, 0]);
        let mut elsewhere = admin.clone();
        elsewhere.scope.tenant = TenantId(2);
        assert!(admit(Class::Operator, Some(&elsewhere)).is_err());
        assert_eq!(admitted(Class::Scrape), [0, 0, 1, 1, 0, 0]);
        let mut reads_elsewhere = reads.clone();
        reads_elsewhere.scope.tenant = TenantId(2);
        assert!([&elsewhere, &reads_elsewhere].into_iter().all(|caller| admit(Class::Scrape, Some(caller)).is_err()));
        assert_eq!(admitted(Class::Session), [1, 1, 1, 0, 0, 0]);
        assert_eq!(admitted(Class::Known), [1, 1, 1, 1, 1, 1]);
        assert_eq!(admitted(Class::Ingest), [0, 0, 0, 0, 1, 1]);
        for class in
            [Class::READ, Class::EDIT, Class::ADMIN, Class::Session, Class::Known, Class::Ingest, Class::Scrape]
        {
            assert_eq!(admit(class, None).unwrap_err().code, ErrorCode::Unauthorized);
        }
        admit(Class::Open, None).unwrap();
    }

    #[test]
    fn a_key_is_found_in_either_header_and_before_a_cookie() {
        let with = |pairs: &[(&'static str, &str)]| {
            credential(
                &pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect(),
                Some(false),
            )
        };
        let secret = Credential::Key(hash_secret("csl_x"));
        assert_eq!(with(&[("x-api-key", "csl_x")]), secret);
        assert_eq!(with(&[("authorization", "bearer csl_x")]), secret);
        assert_eq!(with(&[("cookie", "console_session=t"), ("x-api-key", "csl_x")]), secret);
        assert_eq!(with(&[("cookie", "console_session=t")]), Credential::Session(hash_secret("t")));
        // x:csl_x
        assert_eq!(with(&[("authorization", "Basic eDpjc2xfeA==")]), secret);
        assert_eq!(with(&[("authorization", "Basic ?")]), Credential::None);
        assert_eq!(with(&[("authorization", "Digest eDp5")]), Credential::None);
    }

    #[test]
    fn programs_on_this_machine_send_without_a_key_and_pages_in_its_browsers_do_not() {
        let local = Client { address: IpAddr::from([127, 0, 0, 1]), is_secure: false, is_direct: true };
        let default = Config::default();
        let may = |config: &Config, client, kind: Option<&'static str>| {
            let kind = kind.map(|kind| (header::CONTENT_TYPE, HeaderValue::from_static(kind)));
            may_send_without_key(config, client, &kind.into_iter().collect())
        };
        for kind in ["application/x-protobuf", "application/json", "Application/JSON; charset=utf-8"] {
            assert!(may(&default, local, Some(kind)), "{kind}");
        }
        for kind in [None, Some(""), Some("text/plain"), Some("Text/Plain; x"), Some("multipart/form-data; boundary=x")]
        {
            assert!(!may(&default, local, kind), "{kind:?}");
        }
        let json = Some("application/json");
        assert!(!may(&default, Client { address: IpAddr::from([192, 0, 2, 1]), ..local }, json));
        assert!(!may(&default, Client { is_direct: false, ..local }, json), "through a proxy");
        let mut config = default.clone();
        config.auth.ingest_from_loopback = false;
        assert!(!may(&config, local, json));
        let mut config = default.clone();
        config.server.addr = "0.0.0.0:3000".parse().unwrap();
        assert!(!may(&config, local, json), "reachable from elsewhere");
    }
}
