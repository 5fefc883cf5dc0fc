//! Server functions of pipeline traces.

use leptos::prelude::*;
use uuid::Uuid;

use super::{ApiError, json::Json};
use crate::model::{
    PipelineQuery,
    pipeline::{PipelineDetail, PipelineList},
};

/// Rows, counts and choices for the list page.
#[server(prefix = "/fn", endpoint = "pipelines", input = Json, output = Json)]
pub async fn list_pipelines(query: PipelineQuery) -> Result<PipelineList, ApiError> {
    let asked = super::asked::<ListPipelines>()?;
    asked.tell(asked.console.pipelines.list_page(asked.actor.scope, query).await)
}

/// One trace with its log lines and its neighbours.
#[server(prefix = "/fn", endpoint = "pipeline", input = Json, output = Json)]
pub async fn load_pipeline(id: Uuid) -> Result<PipelineDetail, ApiError> {
    let asked = super::asked::<LoadPipeline>()?;
    asked.tell(asked.console.pipelines.detail(asked.actor.scope, id).await)
}

/// Makes demonstration traces and says how many.
#[server(prefix = "/fn", endpoint = "pipelines/demo", input = Json, output = Json)]
pub async fn create_demo_pipelines(count: u32) -> Result<u64, ApiError> {
    let asked = super::asked::<CreateDemoPipelines>()?;
    asked.tell(asked.console.pipelines.create_demo(asked.actor.scope, count).await.map(|traces| traces.len() as u64))
}

/// Removes all demonstration traces and says how many there were.
#[server(prefix = "/fn", endpoint = "pipelines/demo/remove", input = Json, output = Json)]
pub async fn remove_demo_pipelines() -> Result<u64, ApiError> {
    let asked = super::asked::<RemoveDemoPipelines>()?;
    asked.tell(asked.console.pipelines.remove_demo(asked.actor.scope).await)
}
