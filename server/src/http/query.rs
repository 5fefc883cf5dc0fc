//! Query strings: unknown values are refused with the name of the parameter.

use app::{
    api::ApiError,
    model::{Level, LogFilter, RangeSpec, TraceId, UnixMillis},
};
use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use chrono::DateTime;
use serde::Deserialize;
use std::collections::HashMap;

use super::{AppState, error::Failure};

/// The parameters of a request, by name. A parameter that is given twice counts once, the last one.
#[derive(Debug, Default, Deserialize)]
pub struct Params(HashMap<String, String>);

impl FromRequestParts<AppState> for Params {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Failure> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = query.map_err(|_| ApiError::invalid("query", "the query string cannot be read"))?;
        Ok(Self(pairs.into_iter().collect()))
    }
}

impl Params {
    /// Refuses parameters that the path does not know.
    pub fn only(self, known: &[&str]) -> Result<Self, Failure> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => {
                Err(ApiError::invalid(name, format!("unknown parameter; known are {}", known.join(", "))).into())
            }
            None => Ok(self),
        }
    }

    /// A parameter that is there and not empty.
    pub fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|value| !value.is_empty()).cloned()
    }

    /// A parameter read by `parse`; what it says of a bad value goes to the caller.
    pub fn parse<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Failure>
    where
        T::Err: std::fmt::Display,
    {
        self.text(name)
            .map(|text| text.parse().map_err(|error: T::Err| ApiError::invalid(name, error.to_string()).into()))
            .transpose()
    }

    /// A parameter that is a whole number.
    pub fn number<T: std::str::FromStr<Err = std::num::ParseIntError>>(
        &self,
        name: &str,
    ) -> Result<Option<T>, Failure> {
        self.text(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| ApiError::invalid(name, format!("`{text}` is not a whole number in range")).into())
            })
            .transpose()
    }

    /// A page size: at least 1.
    pub fn limit(&self) -> Result<u32, Failure> {
        match self.number::<u32>("limit")? {
            Some(0) => Err(ApiError::invalid("limit", "at least 1").into()),
            limit => Ok(limit.unwrap_or(0)),
        }
    }

    /// `from` and `to`, each RFC 3339 or epoch milliseconds; what is missing is the beginning or now.
    pub fn range(&self, now: UnixMillis) -> Result<Option<RangeSpec>, Failure> {
        let (from, to) = (self.instant("from")?, self.instant("to")?);
        if from.is_none() && to.is_none() {
            return Ok(None);
        }
        let to = to.unwrap_or(UnixMillis(now.0 + 1));
        let from = from.unwrap_or(UnixMillis((to.0 - RangeSpec::LONGEST_MS).max(0)));
        if from >= to {
            return Err(ApiError::invalid("from", "must be before `to`").into());
        }
        if to.0 - from.0 > RangeSpec::LONGEST_MS {
            return Err(ApiError::invalid("from", "the range must not be longer than 400 days").into());
        }
        Ok(Some(RangeSpec::Fixed(from, to)))
    }

    fn instant(&self, name: &str) -> Result<Option<UnixMillis>, Failure> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let millis = text.parse::<i64>().ok();
        let calendar = || DateTime::parse_from_rfc3339(&text).ok().map(|time| time.timestamp_millis());
        let instant = millis.or_else(calendar).filter(|millis| (0..=253_370_764_800_000).contains(millis));
        let instant = instant.ok_or_else(|| ApiError::invalid(name, "expected RFC 3339 or epoch milliseconds"))?;
        Ok(Some(UnixMillis(instant)))
    }

    /// `level`, `service`, `search`, `trace_id`.
    pub fn log_filter(&self) -> Result<LogFilter, Failure> {
        Ok(LogFilter {
            level: self.parse::<Level>("level")?,
            service: self.text("service"),
            search: self.text("search"),
            trace_id: self.parse::<TraceId>("trace_id")?,
        })
    }
}
