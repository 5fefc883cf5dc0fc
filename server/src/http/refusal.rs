//! A refusal as programs log it that know nothing of Console: a status and a line of text.

use app::api::{ApiError, ErrorCode};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{ingest::IngestError, otlp::WireError};

/// A status and a line of text; with `Retry-After` where sending again later helps.
pub struct Refusal(pub StatusCode, pub String);

impl Refusal {
    /// Of the way in; `full` is what a sender understands as a queue that is full.
    pub fn of_ingest(error: IngestError, full: StatusCode) -> Self {
        let status = match error {
            IngestError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            IngestError::Full => full,
            IngestError::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(status, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, message) = self;
        let mut response = (status, format!("{message}\n")).into_response();
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        let status = match error.code {
            ErrorCode::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self(status, error.message)
    }
}

impl From<WireError> for Refusal {
    fn from(error: WireError) -> Self {
        let status = match error {
            WireError::TooLarge(_) | WireError::TooManyParts => StatusCode::PAYLOAD_TOO_LARGE,
            WireError::Compression(_) | WireError::Message(_) => StatusCode::BAD_REQUEST,
        };
        Self(status, error.to_string())
    }
}
