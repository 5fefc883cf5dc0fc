//! Server functions of dashboards.

use leptos::prelude::*;

use super::{ApiError, json::Json};
use crate::model::{Dashboard, DashboardChange, DashboardEntry, DashboardList, DashboardQuery, DashboardView, Panel};

/// The dashboards that the tenant sees.
#[server(prefix = "/fn", endpoint = "dashboards", input = Json, output = Json)]
pub async fn list_dashboards() -> Result<DashboardList, ApiError> {
    let asked = super::asked::<ListDashboards>()?;
    asked.tell(asked.console.dashboards.dashboards(asked.actor.scope).await)
}

/// A dashboard with what its panels are answered.
#[server(prefix = "/fn", endpoint = "dashboards/view", input = Json, output = Json)]
pub async fn load_dashboard(query: DashboardQuery) -> Result<DashboardView, ApiError> {
    let asked = super::asked::<LoadDashboard>()?;
    asked.tell(asked.console.dashboards.view(asked.actor.scope, query).await)
}

/// Makes a dashboard.
#[server(prefix = "/fn", endpoint = "dashboards/add", input = Json, output = Json)]
pub async fn add_dashboard(dashboard: Dashboard) -> Result<DashboardEntry, ApiError> {
    let asked = super::asked::<AddDashboard>()?;
    asked.tell(asked.console.dashboards.add_dashboard(&asked.actor, dashboard).await)
}

/// Changes a dashboard that is as it was seen.
#[server(prefix = "/fn", endpoint = "dashboards/change", input = Json, output = Json)]
pub async fn change_dashboard(id: String, change: DashboardChange) -> Result<DashboardEntry, ApiError> {
    let asked = super::asked::<ChangeDashboard>()?;
    asked.tell(asked.console.dashboards.change_dashboard(&asked.actor, &id, change).await)
}

/// Removes a dashboard.
#[server(prefix = "/fn", endpoint = "dashboards/remove", input = Json, output = Json)]
pub async fn remove_dashboard(id: String) -> Result<(), ApiError> {
    let asked = super::asked::<RemoveDashboard>()?;
    asked.tell(asked.console.dashboards.remove_dashboard(&asked.actor, &id).await)
}

/// Adds a panel at the end of a dashboard.
#[server(prefix = "/fn", endpoint = "dashboards/panels/add", input = Json, output = Json)]
pub async fn add_panel(id: String, panel: Panel) -> Result<DashboardEntry, ApiError> {
    let asked = super::asked::<AddPanel>()?;
    asked.tell(asked.console.dashboards.add_panel(&asked.actor, &id, panel).await)
}
