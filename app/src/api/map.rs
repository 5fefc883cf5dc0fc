//! Server functions of the service map.

use leptos::prelude::*;

use super::{ApiError, json::Json};
use crate::model::{MapQuery, ServiceMap};

/// Services and what they call.
#[server(prefix = "/fn", endpoint = "map", input = Json, output = Json)]
pub async fn load_map(query: MapQuery) -> Result<ServiceMap, ApiError> {
    let asked = super::asked::<LoadMap>()?;
    asked.tell(asked.console.map.map(asked.actor.scope, query).await)
}
