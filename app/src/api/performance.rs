//! Server functions of endpoints.

use leptos::prelude::*;

use super::{ApiError, json::Json};
use crate::model::{
    CallQuery, CallSample, EndpointDetail, EndpointQuery, ErrorQuery, Hotspots, PerformancePage, PerformanceQuery,
};

/// Endpoints in order, with how they did before and when.
#[server(prefix = "/fn", endpoint = "performance", input = Json, output = Json)]
pub async fn load_performance(query: PerformanceQuery) -> Result<PerformancePage, ApiError> {
    let asked = super::asked::<LoadPerformance>()?;
    asked.tell(asked.console.performance.performance(asked.actor.scope, query).await)
}

/// One endpoint over time.
#[server(prefix = "/fn", endpoint = "performance/endpoint", input = Json, output = Json)]
pub async fn load_endpoint(query: EndpointQuery) -> Result<EndpointDetail, ApiError> {
    let asked = super::asked::<LoadEndpoint>()?;
    asked.tell(asked.console.performance.endpoint(asked.actor.scope, query).await)
}

/// Single requests of an endpoint that were traced.
#[server(prefix = "/fn", endpoint = "performance/calls", input = Json, output = Json)]
pub async fn find_calls(query: CallQuery) -> Result<CallSample, ApiError> {
    let asked = super::asked::<FindCalls>()?;
    asked.tell(asked.console.performance.calls(asked.actor.scope, query).await)
}

/// Endpoints that fail, with what goes wrong there.
#[server(prefix = "/fn", endpoint = "performance/errors", input = Json, output = Json)]
pub async fn find_hotspots(query: ErrorQuery) -> Result<Hotspots, ApiError> {
    let asked = super::asked::<FindHotspots>()?;
    asked.tell(asked.console.performance.hotspots(asked.actor.scope, query).await)
}
