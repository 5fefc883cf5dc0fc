//! What is asked: in the query string, or as a form.

use std::time::Duration;

use axum::{
    extract::{FromRequest, Request},
    http::{Method, header},
};
use chrono::DateTime;

use super::Refusal;
use crate::{http::AppState, http::body, service::promql::Question};

/// Largest form, in bytes.
const MOST_BYTES: usize = 1024 * 1024;

/// The parameters of a request, in their order.
pub struct Asked(Vec<(String, String)>);

impl FromRequest<AppState> for Asked {
    type Rejection = Refusal;

    async fn from_request(request: Request, _state: &AppState) -> Result<Self, Refusal> {
        let mut all = pairs(request.uri().query().unwrap_or_default().as_bytes())?;
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if request.method() == Method::POST && kind.starts_with("application/x-www-form-urlencoded") {
            let form = body::read(request.into_body(), MOST_BYTES, body::BODY_PATIENCE, "1 MiB").await;
            all.extend(pairs(&form.map_err(|error| Refusal::bad(error.message))?)?);
        }
        Ok(Self(all))
    }
}

fn pairs(text: &[u8]) -> Result<Vec<(String, String)>, Refusal> {
    serde_urlencoded::from_bytes(text).map_err(|error| Refusal::bad(format!("the parameters cannot be read: {error}")))
}

impl Asked {
    /// The first value of a parameter, if it is there and not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.all(name).find(|value| !value.is_empty())
    }

    /// All values of a parameter.
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.0.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// A whole number.
    pub fn number(&self, name: &str) -> Result<Option<usize>, Refusal> {
        let parse = |text: &str| {
            text.parse().map_err(|_| Refusal::bad(format!("invalid parameter {name:?}: {text:?} is no whole number")))
        };
        self.text(name).map(parse).transpose()
    }

    /// A time, in milliseconds since the Unix epoch.
    pub fn time(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let bad = |text: &str| {
            Refusal::bad(format!("invalid parameter {name:?}: cannot parse {text:?} to a valid timestamp"))
        };
        self.text(name).map(|text| parse_time(text).ok_or_else(|| bad(text))).transpose()
    }

    /// A time that has to be there.
    pub fn needed_time(&self, name: &str) -> Result<i64, Refusal> {
        self.time(name)?.ok_or_else(|| Refusal::bad(format!("invalid parameter {name:?}: a time is needed")))
    }

    /// A duration, in milliseconds.
    pub fn duration(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let bad =
            |text: &str| Refusal::bad(format!("invalid parameter {name:?}: cannot parse {text:?} to a valid duration"));
        self.text(name).map(|text| parse_duration(text).ok_or_else(|| bad(text))).transpose()
    }

    /// The query, at these instants.
    pub fn question(&self, start: i64, end: i64, step: i64) -> Result<Question, Refusal> {
        let timeout = self.duration("timeout")?.map(|millis| Duration::from_millis(millis.max(0).unsigned_abs()));
        let text = self.text("query").unwrap_or_default().to_owned();
        Ok(Question { text, start, end, step, lookback: self.duration("lookback_delta")?, timeout })
    }
}

/// Seconds since the Unix epoch, or RFC 3339, in milliseconds.
fn parse_time(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return to_millis(seconds);
    }
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis())
}

/// Seconds, or a duration as `PromQL` writes it, in milliseconds.
fn parse_duration(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return to_millis(seconds);
    }
    let duration = promql_parser::util::parse_duration(text).ok()?;
    i64::try_from(duration.as_millis()).ok()
}

/// Of some hundred thousand years at most.
fn to_millis(seconds: f64) -> Option<i64> {
    let millis = (seconds * 1000.0).round();
    (millis.abs() < 9e15).then_some(millis as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_durations_are_written_in_several_ways() {
        assert_eq!(parse_time("1790000000.5"), Some(1_790_000_000_500));
        assert_eq!(parse_time("2026-09-21T14:13:20.5Z"), Some(1_790_000_000_500));
        assert_eq!(parse_time("yesterday"), None);
        assert_eq!(parse_time("1e300"), None);
        assert_eq!(parse_time("NaN"), None);
        assert_eq!(parse_duration("1h30m"), Some(5_400_000));
        assert_eq!(parse_duration("15"), Some(15_000));
        assert_eq!(parse_duration("15 s"), None);
    }
}
