//! Server functions of log records.

use leptos::prelude::*;

use super::{ApiError, json::Json};
use crate::model::{LogContext, LogContextQuery, LogPage, LogPatterns, LogQuery, LogSummary, LogViewQuery};

/// A page of log records, newest first.
#[server(prefix = "/fn", endpoint = "logs", input = Json, output = Json)]
pub async fn list_logs(query: LogQuery) -> Result<LogPage, ApiError> {
    let asked = super::asked::<ListLogs>()?;
    asked.tell(asked.console.logs.list(asked.actor.scope, query).await)
}

/// Counts over time, by level, by service and by attribute.
#[server(prefix = "/fn", endpoint = "logs/summary", input = Json, output = Json)]
pub async fn summarize_logs(query: LogViewQuery) -> Result<LogSummary, ApiError> {
    let asked = super::asked::<SummarizeLogs>()?;
    asked.tell(asked.console.logs.summary(asked.actor.scope, query).await)
}

/// Patterns of messages.
#[server(prefix = "/fn", endpoint = "logs/patterns", input = Json, output = Json)]
pub async fn find_log_patterns(query: LogViewQuery) -> Result<LogPatterns, ApiError> {
    let asked = super::asked::<FindLogPatterns>()?;
    asked.tell(asked.console.logs.patterns(asked.actor.scope, query).await)
}

/// One record and what its service wrote before and after it.
#[server(prefix = "/fn", endpoint = "logs/context", input = Json, output = Json)]
pub async fn load_log_context(query: LogContextQuery) -> Result<LogContext, ApiError> {
    let asked = super::asked::<LoadLogContext>()?;
    asked.tell(asked.console.logs.context(asked.actor.scope, query).await)
}
