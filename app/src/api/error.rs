//! The one error type that leaves the server.

use std::fmt;

use leptos::prelude::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

use super::json::JsonText;

/// What kind of failure, and with it the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// 400: not understood.
    BadRequest,
    /// 401: who are you?
    Unauthorized,
    /// 403: not for you.
    Forbidden,
    /// 404: no such thing.
    NotFound,
    /// 405: not with this method.
    MethodNotAllowed,
    /// 409: it exists already.
    Conflict,
    /// 413: too large.
    PayloadTooLarge,
    /// 415: not in this form.
    UnsupportedMediaType,
    /// 422: understood, and wrong; `details` names the field.
    Invalid,
    /// 429: too much at once; try again later.
    TooManyRequests,
    /// 500: our fault; the log says more under the same trace id.
    Internal,
    /// 503: something that is needed does not work right now.
    Unavailable,
    /// The browser could not reach the server.
    Unreachable,
}

impl ErrorCode {
    /// The HTTP status code.
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::PayloadTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Invalid => 422,
            Self::TooManyRequests => 429,
            Self::Internal => 500,
            Self::Unavailable | Self::Unreachable => 503,
        }
    }
}

/// An error as people and programs see it: never an internal message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// Which kind.
    pub code: ErrorCode,
    /// One sentence for people.
    pub message: String,
    /// For programs, e.g. `{"field":"limit"}`.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub details: serde_json::Value,
}

impl ApiError {
    /// An error without details.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: serde_json::Value::Null }
    }

    /// Bad input in the field at this path.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self { code: ErrorCode::Invalid, message: message.into(), details: serde_json::json!({ "field": field }) }
    }

    /// Something with this name that does not exist.
    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("no such {what}"))
    }

    /// Our fault; the cause is logged where it happens.
    pub fn internal() -> Self {
        Self::new(ErrorCode::Internal, "something failed inside Console; its log has the details")
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}

impl FromServerFnError for ApiError {
    type Encoder = JsonText;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) => {
                Self::new(ErrorCode::Unreachable, "the server cannot be reached; trying again may help")
            }
            ServerFnErrorErr::Args(message) | ServerFnErrorErr::MissingArg(message) => {
                Self::new(ErrorCode::Invalid, message)
            }
            // On the server it is the question that was not understood.
            ServerFnErrorErr::Deserialization(message) if cfg!(feature = "ssr") => {
                Self::new(ErrorCode::Invalid, message)
            }
            ServerFnErrorErr::Deserialization(_) => {
                Self::new(ErrorCode::Internal, "the server's answer was not understood; reload the page")
            }
            _ => Self::internal(),
        }
    }
}
