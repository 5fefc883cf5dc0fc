//! Server functions of log records.

use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
use crate::model::{LogPage, LogQuery};

/// A page of log records, newest first.
#[server(prefix = "/fn", endpoint = "logs", input = Json, output = Json)]
pub async fn list_logs(query: LogQuery) -> Result<LogPage, ApiError> {
    let asked = super::asked::<ListLogs>()?;
    asked.tell(asked.console.logs.list(asked.actor.scope, query).await)
}
