//! Server functions of targets that are scraped.

use leptos::prelude::*;
use uuid::Uuid;

use super::{ApiError, json::Json};
use crate::model::{ScrapeRequest, ScrapeTarget, ScrapeTargets, ScrapeTrial};

/// The tenant's targets, with how they fare.
#[server(prefix = "/fn", endpoint = "targets", input = Json, output = Json)]
pub async fn list_targets() -> Result<ScrapeTargets, ApiError> {
    let asked = super::asked::<ListTargets>()?;
    asked.tell(asked.console.scrapes.targets(asked.actor.scope).await)
}

/// Adds a target.
#[server(prefix = "/fn", endpoint = "targets/add", input = Json, output = Json)]
pub async fn add_target(request: ScrapeRequest) -> Result<ScrapeTarget, ApiError> {
    let asked = super::asked::<AddTarget>()?;
    asked.tell(asked.console.scrapes.add_target(&asked.actor, request).await)
}

/// Changes a target.
#[server(prefix = "/fn", endpoint = "targets/change", input = Json, output = Json)]
pub async fn change_target(id: Uuid, request: ScrapeRequest) -> Result<ScrapeTarget, ApiError> {
    let asked = super::asked::<ChangeTarget>()?;
    asked.tell(asked.console.scrapes.change_target(&asked.actor, id, request).await)
}

/// Removes a target.
#[server(prefix = "/fn", endpoint = "targets/remove", input = Json, output = Json)]
pub async fn remove_target(id: Uuid) -> Result<(), ApiError> {
    let asked = super::asked::<RemoveTarget>()?;
    asked.tell(asked.console.scrapes.remove_target(&asked.actor, id).await)
}

/// Asks a target once and stores nothing.
#[server(prefix = "/fn", endpoint = "targets/try", input = Json, output = Json)]
pub async fn try_target(id: Option<Uuid>, request: ScrapeRequest) -> Result<ScrapeTrial, ApiError> {
    let asked = super::asked::<TryTarget>()?;
    asked.tell(asked.console.scrapes.try_target(asked.actor.scope, id, request).await)
}
