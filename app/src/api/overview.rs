//! Server functions of the overview.

use leptos::prelude::*;

use super::{ApiError, json::Json};
use crate::model::{Overview, OverviewQuery};

/// Everything that the overview shows, but for the log lines.
#[server(prefix = "/fn", endpoint = "overview", input = Json, output = Json)]
pub async fn load_overview(query: OverviewQuery) -> Result<Overview, ApiError> {
    let asked = super::asked::<LoadOverview>()?;
    asked.tell(asked.console.overview.overview(asked.actor.scope, query).await)
}
