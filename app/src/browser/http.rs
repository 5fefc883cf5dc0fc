//! Requests that are no server functions: those whose answer sets a cookie, or is only a status.

use serde::Deserialize;

use crate::api::{ApiError, ErrorCode};

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status; 0 where the server could not be reached.
    pub status: u16,
    /// Text of the body.
    pub body: String,
}

#[derive(Deserialize)]
struct Refusal {
    error: ApiError,
}

impl Reply {
    /// Whether it did what was asked for.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Why it did not.
    pub fn error(&self) -> ApiError {
        if self.status == 0 {
            return ApiError::new(ErrorCode::Unreachable, "Console cannot be reached. Try again in a few seconds.");
        }
        let refusal = serde_json::from_str::<Refusal>(&self.body);
        refusal.map_or_else(|_| ApiError::internal(), |refusal| refusal.error)
    }
}

#[cfg(feature = "hydrate")]
mod imp {
    use gloo_net::http::{Request, Response};

    use super::Reply;

    const UNREACHABLE: Reply = Reply { status: 0, body: String::new() };

    /// Sends JSON.
    pub async fn post_json(url: &str, body: String) -> Reply {
        let Ok(request) = Request::post(url).header("Content-Type", "application/json").body(body) else {
            return UNREACHABLE;
        };
        reply(request.send().await).await
    }

    /// Asks for what is at the address.
    pub async fn get(url: &str) -> Reply {
        reply(Request::get(url).send().await).await
    }

    async fn reply(response: Result<Response, gloo_net::Error>) -> Reply {
        let Ok(response) = response else { return UNREACHABLE };
        Reply { status: response.status(), body: response.text().await.unwrap_or_default() }
    }
}

#[cfg(not(feature = "hydrate"))]
mod imp {
    use std::future::{Ready, ready};

    use super::Reply;

    /// Nothing is sent on the server.
    pub fn post_json(_url: &str, _body: String) -> Ready<Reply> {
        ready(Reply { status: 0, body: String::new() })
    }

    /// Nothing is asked on the server.
    pub fn get(_url: &str) -> Ready<Reply> {
        ready(Reply { status: 0, body: String::new() })
    }
}

pub use imp::{get, post_json};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_which_field_is_wrong() {
        let body = r#"{"error":{"code":"invalid","message":"too short","details":{"field":"password"}}}"#;
        let error = Reply { status: 422, body: body.to_owned() }.error();
        assert_eq!(error, ApiError::invalid("password", "too short"));
    }

    #[test]
    fn an_answer_of_another_shape_is_a_failure_too() {
        assert_eq!(Reply { status: 502, body: "<html>".to_owned() }.error(), ApiError::internal());
        assert_eq!(Reply { status: 0, body: String::new() }.error().code, ErrorCode::Unreachable);
    }
}
