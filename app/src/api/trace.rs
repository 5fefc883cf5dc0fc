//! Server functions of traces.

use leptos::prelude::*;

use super::{ApiError, json::Json};
use crate::model::{
    ContrastQuery, SpanId, TraceComparison, TraceContrast, TraceId,
    span::{SpanDetail, TraceDetail, TraceOutline, TracePage, TraceQuery},
};

/// A page of traces, with their counts and durations.
#[server(prefix = "/fn", endpoint = "traces", input = Json, output = Json)]
pub async fn list_traces(query: TraceQuery) -> Result<TracePage, ApiError> {
    let asked = super::asked::<ListTraces>()?;
    asked.tell(asked.console.traces.list(asked.actor.scope, query).await)
}

/// What sets the traces of a selection apart from the rest.
#[server(prefix = "/fn", endpoint = "traces/contrast", input = Json, output = Json)]
pub async fn contrast_traces(query: ContrastQuery) -> Result<TraceContrast, ApiError> {
    let asked = super::asked::<ContrastTraces>()?;
    asked.tell(asked.console.traces.contrast(asked.actor.scope, query).await)
}

/// One trace: its summary, the beginning of its outline, its log lines.
#[server(prefix = "/fn", endpoint = "trace", input = Json, output = Json)]
pub async fn load_trace(id: TraceId) -> Result<TraceDetail, ApiError> {
    let asked = super::asked::<LoadTrace>()?;
    asked.tell(asked.console.traces.detail(asked.actor.scope, id).await)
}

/// A window of a trace's outline.
#[server(prefix = "/fn", endpoint = "trace/rows", input = Json, output = Json)]
pub async fn load_trace_rows(id: TraceId, offset: u32) -> Result<TraceOutline, ApiError> {
    let asked = super::asked::<LoadTraceRows>()?;
    asked.tell(asked.console.traces.rows(asked.actor.scope, id, offset).await)
}

/// What a trace can be compared with, and how it compares with another one.
#[server(prefix = "/fn", endpoint = "trace/compare", input = Json, output = Json)]
pub async fn compare_traces(id: TraceId, other: Option<TraceId>) -> Result<TraceComparison, ApiError> {
    let asked = super::asked::<CompareTraces>()?;
    asked.tell(asked.console.traces.compare(asked.actor.scope, id, other).await)
}

/// One span with how it compares.
#[server(prefix = "/fn", endpoint = "trace/span", input = Json, output = Json)]
pub async fn load_span(trace: TraceId, span: SpanId) -> Result<SpanDetail, ApiError> {
    let asked = super::asked::<LoadSpan>()?;
    asked.tell(asked.console.traces.span(asked.actor.scope, trace, span).await)
}
