//! Signing in and out, and who one is.

use app::{
    api::{ApiError, ErrorCode},
    model::{Me, Person, TenantId},
};
use axum::{
    Form, Json,
    extract::{FromRequest, Request, State, rejection::JsonRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::sync::Arc;
use utoipa::ToSchema;

use super::{
    cookie,
    error::{ErrorBody, Failure},
    guard::{By, From, Known, form_urlencoded},
};
use crate::service::{
    Services,
    identity::{Introduction, OpenedSession},
};

type Shared = State<Arc<Services>>;

/// Where people arrive who did not say where they wanted to go.
const HOME: &str = "/monitoring";

/// JSON that is not understood is the caller's mistake, and says where.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(JsonRejection::JsonDataError(error)) => Err(ApiError::invalid("body", error.body_text()).into()),
            Err(error) => {
                let code = match error.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::PayloadTooLarge,
                    StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::UnsupportedMediaType,
                    _ => ErrorCode::BadRequest,
                };
                Err(ApiError::new(code, error.body_text()).into())
            }
        }
    }
}

/// Who signs in.
#[derive(Deserialize, ToSchema)]
pub struct Login {
    /// E-mail address.
    #[schema(example = "ines@example.com")]
    email: String,
    /// Password.
    #[schema(example = "correct horse battery")]
    password: String,
    /// Where to go then; for the form.
    #[serde(default)]
    #[schema(ignore)]
    next: String,
}

/// Who introduces themselves with a sign-in link.
#[derive(Deserialize, ToSchema)]
pub struct WelcomeRequest {
    /// The link's token.
    token: String,
    /// E-mail address; only the first administrator says it.
    #[serde(default)]
    email: String,
    /// Name.
    #[schema(example = "Ines Lindqvist")]
    name: String,
    /// A password of at least 12 characters.
    #[schema(example = "correct horse battery")]
    password: String,
}

impl WelcomeRequest {
    fn introduction(&self) -> Introduction {
        Introduction { email: self.email.clone(), name: self.name.clone(), password: self.password.clone() }
    }
}

/// Who is signed in now. The session is in the cookie.
#[derive(Serialize, ToSchema)]
pub struct SignedIn {
    /// The person.
    person: Person,
}

/// Where a form leads.
#[derive(Deserialize)]
pub struct TenantChoice {
    tenant: i64,
    #[serde(default)]
    next: String,
}

fn agent(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn let_in(response: Response, session: &OpenedSession, client: &From) -> Response {
    with_cookie(response, cookie::keep(session.token.expose(), client.0.is_secure, session.expires_at))
}

/// A path on this server: nothing that a browser could take for another one's.
fn own_path(next: &str) -> &str {
    let is_own = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.chars().any(char::is_control)
        && !next.starts_with("/login");
    if is_own { next } else { HOME }
}

/// Sign in
///
/// Opens a session and sets its cookie. Tries are limited per address and per account.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "auth", request_body = Login, responses(
    (status = 200, description = "Signed in; `Set-Cookie` carries the session.", body = SignedIn),
    (status = 400, description = "The body is no JSON.", body = ErrorBody),
    (status = 401, description = "Address and password do not go together.", body = ErrorBody),
    (status = 413, description = "The body is too large.", body = ErrorBody),
    (status = 415, description = "The body is not `application/json`.", body = ErrorBody),
    (status = 422, description = "A field is missing.", body = ErrorBody),
    (status = 429, description = "Too many tries; `Retry-After` says when to try again.", body = ErrorBody),
))]
pub async fn login(
    State(services): Shared,
    client: From,
    headers: HeaderMap,
    Body(body): Body<Login>,
) -> Result<Response, Failure> {
    let address = client.address();
    let session = services.identity.sign_in(&body.email, body.password, address, agent(&headers)).await?;
    let answer = Json(SignedIn { person: session.person.clone() }).into_response();
    Ok(let_in(answer, &session, &client))
}

/// `POST /login`: the form.
pub async fn login_form(
    State(services): Shared,
    client: From,
    headers: HeaderMap,
    Form(body): Form<Login>,
) -> Response {
    let signed_in = services.identity.sign_in(&body.email, body.password, client.address(), agent(&headers)).await;
    let next = own_path(&body.next);
    match signed_in {
        Ok(session) => let_in(Redirect::to(next).into_response(), &session, &client),
        Err(error) => {
            let problem = match error.code {
                ErrorCode::Unauthorized => "wrong",
                ErrorCode::TooManyRequests => "limited",
                _ => "unavailable",
            };
            Redirect::to(&format!("/login?problem={problem}&next={}", form_urlencoded(next))).into_response()
        }
    }
}

/// Sign in with a link
///
/// Uses a sign-in link up, sets name and password, opens a session and sets its cookie.
#[utoipa::path(post, path = "/api/v1/auth/welcome", tag = "auth", request_body = WelcomeRequest, responses(
    (status = 200, description = "Signed in; `Set-Cookie` carries the session.", body = SignedIn),
    (status = 400, description = "The body is no JSON.", body = ErrorBody),
    (status = 404, description = "The link was used already, or has ended.", body = ErrorBody),
    (status = 413, description = "The body is too large.", body = ErrorBody),
    (status = 415, description = "The body is not `application/json`.", body = ErrorBody),
    (status = 422, description = "Address, name or password is not accepted.", body = ErrorBody),
    (status = 429, description = "Too many tries; `Retry-After` says when to try again.", body = ErrorBody),
))]
pub async fn welcome(
    State(services): Shared,
    client: From,
    headers: HeaderMap,
    Body(body): Body<WelcomeRequest>,
) -> Result<Response, Failure> {
    let identity = &services.identity;
    let session = identity.use_link(&body.token, body.introduction(), client.address(), agent(&headers)).await?;
    let answer = Json(SignedIn { person: session.person.clone() }).into_response();
    Ok(let_in(answer, &session, &client))
}

/// `POST /welcome`: the form.
pub async fn welcome_form(
    State(services): Shared,
    client: From,
    headers: HeaderMap,
    Form(body): Form<WelcomeRequest>,
) -> Response {
    let identity = &services.identity;
    match identity.use_link(&body.token, body.introduction(), client.address(), agent(&headers)).await {
        Ok(session) => let_in(Redirect::to(HOME).into_response(), &session, &client),
        Err(error) => {
            let (token, problem) = (form_urlencoded(&body.token), form_urlencoded(&error.message));
            Redirect::to(&format!("/welcome?token={token}&problem={problem}")).into_response()
        }
    }
}

/// Sign out
///
/// Ends the session that asks.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "auth", responses(
    (status = 204, description = "Signed out."),
))]
pub async fn logout(State(services): Shared, client: From, By(actor): By) -> Result<Response, Failure> {
    services.identity.sign_out(&actor).await?;
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), cookie::forget(client.0.is_secure)))
}

/// `POST /logout`: the form.
pub async fn logout_form(State(services): Shared, client: From, By(actor): By) -> Result<Response, Failure> {
    services.identity.sign_out(&actor).await?;
    Ok(with_cookie(Redirect::to("/login").into_response(), cookie::forget(client.0.is_secure)))
}

/// `POST /session/tenant`: the form that lets the session look at another tenant.
pub async fn tenant_form(
    State(services): Shared,
    By(actor): By,
    Form(body): Form<TenantChoice>,
) -> Result<Response, Failure> {
    match services.identity.switch_tenant(&actor, TenantId(body.tenant)).await {
        // No member any more: the page that one comes back to no longer offers it.
        Err(error) if error.code != ErrorCode::NotFound => return Err(error.into()),
        _ => {}
    }
    Ok(Redirect::to(own_path(&body.next)).into_response())
}

/// Who one is
///
/// The person or key that asks, what it may do, and in which tenant.
#[utoipa::path(get, path = "/api/v1/me", tag = "auth", responses((status = 200, description = "Who asks.", body = Me)))]
pub async fn me(Known(caller): Known) -> Json<Me> {
    Json(caller.me.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_to_another_site() {
        for own in ["/monitoring", "/monitoring/logs?level=error", "/docs#x"] {
            assert_eq!(own_path(own), own);
        }
        for foreign in
            ["", "https://evil.example", "//evil.example", "/\\evil.example", "/\n/evil.example", "/login?next=/"]
        {
            assert_eq!(own_path(foreign), HOME, "{foreign}");
        }
    }
}
