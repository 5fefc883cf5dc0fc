//! From errors to answers: `{"error":{"code","message","details"}}` with the right status.

use std::any::Any;

use app::api::{ApiError, ErrorCode};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{ingest::IngestError, service::WebhookError};

/// What every error looks like.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct ErrorBody {
    error: ErrorInfo,
}

/// Why a body of JSON is not taken, as the description of the interface has it.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "it stands for answers, which are given as `Failure`")]
pub enum BodyErrors {
    /// The body is no JSON.
    #[response(status = 400)]
    NoJson(ErrorBody),
    /// The body is too large.
    #[response(status = 413)]
    TooLarge(ErrorBody),
    /// The body is not said to be JSON.
    #[response(status = 415)]
    NotSaid(ErrorBody),
    /// A field is wrong; `details.field` says which.
    #[response(status = 422)]
    WrongField(ErrorBody),
}

/// What went wrong.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct ErrorInfo {
    /// Which kind.
    #[schema(value_type = String, example = "not_found")]
    code: ErrorCode,
    /// One sentence for people.
    message: String,
    /// For programs, e.g. `{"field":"limit"}`.
    details: serde_json::Value,
}

/// An error on its way out of a handler.
#[derive(Debug)]
pub struct Failure(pub ApiError);

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<IngestError> for Failure {
    fn from(error: IngestError) -> Self {
        let code = match error {
            IngestError::Full | IngestError::Unavailable => ErrorCode::Unavailable,
            IngestError::TooLarge => ErrorCode::PayloadTooLarge,
        };
        Self(ApiError::new(code, error.to_string()))
    }
}

impl From<WebhookError> for Failure {
    fn from(error: WebhookError) -> Self {
        use crate::pipeline::gitlab::PayloadError;
        Self(match error {
            // Why exactly is nobody's business but the log's.
            WebhookError::Refused(_) => {
                ApiError::new(ErrorCode::Unauthorized, "the delivery's token or signature is missing or wrong")
            }
            WebhookError::Api(error) => error,
            WebhookError::Payload { error, trace_id } => {
                let (code, field) = match &error {
                    PayloadError::NotJson(_) => (ErrorCode::BadRequest, "body"),
                    PayloadError::Shape { field, .. } => (ErrorCode::Invalid, *field),
                };
                let details = json!({ "field": field, "trace_id": trace_id });
                ApiError { code, message: error.to_string(), details }
            }
        })
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = error.details["retry_after_seconds"].as_u64().unwrap_or(1);
        let ApiError { code, message, details } = error;
        let mut response = (status, Json(ErrorBody { error: ErrorInfo { code, message, details } })).into_response();
        let headers = response.headers_mut();
        match code {
            ErrorCode::Unavailable | ErrorCode::TooManyRequests => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
            }
            // RFC 9110 wants it said how one could say who one is.
            ErrorCode::Unauthorized => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"console\""));
            }
            _ => {}
        }
        response
    }
}

/// For paths where there is nothing.
pub async fn no_such_route() -> Failure {
    Failure(ApiError::new(ErrorCode::NotFound, "there is nothing at this path"))
}

/// A known path with another method.
pub async fn method_not_allowed() -> Failure {
    Failure(ApiError::new(ErrorCode::MethodNotAllowed, "this path does not take this method"))
}

/// A handler panicked: log it, and say no more than that.
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(panic = text, "a request handler panicked");
    Failure(ApiError::internal()).into_response()
}
