//! Dashboards: kept, given away, and answered as a whole.

mod files;
mod variables;

use app::{
    api::{Actor, ApiError, DashboardPort, ErrorCode, Scope},
    model::{
        Dashboard, DashboardChange, DashboardEntry, DashboardList, DashboardQuery, DashboardSource, DashboardSummary,
        DashboardView, Flaw, MetricForm, MetricQuery, Panel, PanelAnswers, PanelRow, RangeSpec, TenantId, TimeRange,
        VariableValue,
    },
};
use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use serde_json::{Map, json};
use tokio::time::{Duration, Instant, timeout_at};
use uuid::Uuid;

pub use self::files::DashboardFiles;
use self::variables::Asked;
use super::{Services, explorer::instants::grid, identity::Action, store_failed};
use crate::store::{DashboardKept, StoredDashboard};

/// How long a page waits for all of its panels; what takes longer is asked for alone.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How often a panel is added anew when others change the dashboard at the same time.
const ADD_TRIES: u32 = 3;
/// Panels that are answered at once.
const AT_ONCE: usize = 8;

fn flawed(Flaw { field, problem }: Flaw) -> ApiError {
    ApiError::invalid(&field, format!("{field}: {problem}"))
}

fn no_dashboard() -> ApiError {
    ApiError::not_found("dashboard")
}

fn entry(stored: StoredDashboard) -> DashboardEntry {
    DashboardEntry {
        id: stored.id.to_string(),
        source: DashboardSource::Stored,
        revision: stored.revision,
        changed_at: Some(stored.changed_at),
        changed_by: Some(stored.changed_by),
        dashboard: stored.dashboard,
    }
}

fn summary(entry: &DashboardEntry) -> DashboardSummary {
    DashboardSummary {
        id: entry.id.clone(),
        title: entry.dashboard.title.clone(),
        description: entry.dashboard.description.clone(),
        source: entry.source,
        panels: u32::try_from(entry.dashboard.panels().count()).unwrap_or(u32::MAX),
        changed_at: entry.changed_at,
        changed_by: entry.changed_by.clone(),
    }
}

impl Services {
    async fn find_dashboard(&self, tenant: TenantId, id: &str) -> Result<DashboardEntry, ApiError> {
        if let Some(found) = self.dashboard_files.all().await.dashboards.get(id) {
            return Ok(found.clone());
        }
        Ok(entry(self.stored_dashboard(tenant, id).await?))
    }

    /// One that can be changed.
    async fn stored_dashboard(&self, tenant: TenantId, id: &str) -> Result<StoredDashboard, ApiError> {
        if let Some(found) = self.dashboard_files.all().await.dashboards.get(id) {
            let message = match found.source {
                DashboardSource::Shipped => "it comes with Console and cannot be changed; a copy can",
                _ => "it is a file of `dashboards.directory` and is changed there",
            };
            return Err(ApiError::new(ErrorCode::Conflict, message));
        }
        let id: Uuid = id.parse().map_err(|_| no_dashboard())?;
        let found = self.stores.dashboards.dashboard(tenant, id).await.map_err(store_failed)?;
        found.ok_or_else(no_dashboard)
    }

    /// What all of its panels ask, once each.
    async fn panel_answers(
        &self,
        tenant: TenantId,
        dashboard: &Dashboard,
        (range, points): (TimeRange, u32),
        values: &[VariableValue],
    ) -> Vec<PanelAnswers> {
        let mut wanted: Vec<(Vec<String>, MetricForm)> = Vec::new();
        for panel in dashboard.panels() {
            let asked = (panel.texts(), panel.form());
            if !wanted.contains(&asked) {
                wanted.push(asked);
            }
        }
        let deadline = Instant::now() + PATIENCE;
        let answered = wanted.into_iter().map(|(texts, form)| async move {
            let range = RangeSpec::Fixed(range.from, range.to);
            let query = MetricQuery { texts: texts.clone(), range, points, form, values: values.to_vec() };
            let answers = timeout_at(deadline, self.answer_queries(tenant, query)).await.ok();
            PanelAnswers { texts, form, answers }
        });
        stream::iter(answered).buffered(AT_ONCE).collect().await
    }

    async fn keep_dashboard(&self, actor: &Actor, stored: StoredDashboard) -> Result<DashboardEntry, ApiError> {
        let kept = self.stores.dashboards.change_dashboard(&stored).await.map_err(store_failed)?;
        match kept {
            DashboardKept::Stored => {}
            DashboardKept::Changed(revision) => {
                let message = "somebody else has changed it since it was opened";
                let details = json!({ "revision": revision });
                return Err(ApiError { details, ..ApiError::new(ErrorCode::Conflict, message) });
            }
            DashboardKept::Gone | DashboardKept::Full => return Err(no_dashboard()),
        }
        self.note_dashboard(actor, Action::DashboardChange, &stored.dashboard.title, &stored.id.to_string()).await?;
        Ok(entry(stored))
    }

    /// Adds a panel to the dashboard as it is now.
    async fn put_panel(&self, actor: &Actor, id: &str, panel: &Panel) -> Result<DashboardEntry, ApiError> {
        let before = self.stored_dashboard(actor.scope.tenant, id).await?;
        let mut dashboard = before.dashboard.clone();
        if dashboard.rows.is_empty() {
            dashboard.rows.push(PanelRow::default());
        }
        if let Some(row) = dashboard.rows.last_mut() {
            row.panels.push(panel.clone());
        }
        dashboard.check().map_err(flawed)?;
        let stored = StoredDashboard {
            revision: before.revision + 1,
            changed_at: self.clock.now_utc(),
            changed_by: actor.name.clone(),
            dashboard,
            ..before
        };
        self.keep_dashboard(actor, stored).await
    }

    async fn note_dashboard(&self, actor: &Actor, action: Action, title: &str, id: &str) -> Result<(), ApiError> {
        let details = Map::from_iter([("id".to_owned(), json!(id))]);
        self.identity.note(actor, action, title, details).await
    }
}

#[async_trait]
impl DashboardPort for Services {
    async fn dashboards(&self, scope: Scope) -> Result<DashboardList, ApiError> {
        let mut all = self.stores.dashboards.dashboards(scope.tenant).await.map_err(store_failed)?;
        let found = self.dashboard_files.all().await;
        all.extend(found.dashboards.values().map(summary));
        all.sort_by_cached_key(|one| (one.title.to_lowercase(), one.id.clone()));
        let most = self.config.dashboards.per_tenant;
        Ok(DashboardList { dashboards: all, most, problems: found.problems.clone() })
    }

    async fn dashboard(&self, scope: Scope, id: &str) -> Result<DashboardEntry, ApiError> {
        self.find_dashboard(scope.tenant, id).await
    }

    async fn view(&self, scope: Scope, query: DashboardQuery) -> Result<DashboardView, ApiError> {
        let entry = self.find_dashboard(scope.tenant, &query.id).await?;
        let range = query.range.resolve(self.clock.now_millis());
        let grid = grid(range, query.points);
        let deadline = Instant::now() + PATIENCE;
        let asked = Asked { range, grid, deadline };
        let variables = self.variables(scope.tenant, &entry.dashboard.variables, &query.values, asked).await?;
        let values: Vec<VariableValue> = variables.iter().map(|state| state.value.clone()).collect();
        let points = query.points;
        let answers = self.panel_answers(scope.tenant, &entry.dashboard, (range, points), &values).await;
        Ok(DashboardView { entry, variables, range, grid, answers })
    }

    async fn add_dashboard(&self, actor: &Actor, dashboard: Dashboard) -> Result<DashboardEntry, ApiError> {
        dashboard.check().map_err(flawed)?;
        let stored = StoredDashboard {
            id: Uuid::new_v4(),
            tenant: actor.scope.tenant,
            revision: 1,
            changed_at: self.clock.now_utc(),
            changed_by: actor.name.clone(),
            dashboard,
        };
        let most = self.config.dashboards.per_tenant;
        let kept = self.stores.dashboards.add_dashboard(&stored, most).await.map_err(store_failed)?;
        if kept == DashboardKept::Full {
            let message = format!("there are {most} dashboards already; remove one first");
            return Err(ApiError::new(ErrorCode::Conflict, message));
        }
        self.note_dashboard(actor, Action::DashboardAdd, &stored.dashboard.title, &stored.id.to_string()).await?;
        Ok(entry(stored))
    }

    async fn change_dashboard(
        &self,
        actor: &Actor,
        id: &str,
        change: DashboardChange,
    ) -> Result<DashboardEntry, ApiError> {
        change.dashboard.check().map_err(flawed)?;
        let before = self.stored_dashboard(actor.scope.tenant, id).await?;
        let stored = StoredDashboard {
            revision: change.revision.saturating_add(1),
            changed_at: self.clock.now_utc(),
            changed_by: actor.name.clone(),
            dashboard: change.dashboard,
            ..before
        };
        self.keep_dashboard(actor, stored).await
    }

    async fn remove_dashboard(&self, actor: &Actor, id: &str) -> Result<(), ApiError> {
        let before = self.stored_dashboard(actor.scope.tenant, id).await?;
        let removed = self.stores.dashboards.remove_dashboard(actor.scope.tenant, before.id).await;
        if !removed.map_err(store_failed)? {
            return Err(no_dashboard());
        }
        self.note_dashboard(actor, Action::DashboardRemove, &before.dashboard.title, id).await
    }

    async fn add_panel(&self, actor: &Actor, id: &str, panel: Panel) -> Result<DashboardEntry, ApiError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.put_panel(actor, id, &panel).await {
                // Somebody else was quicker: theirs stays, and the panel comes after it.
                Err(error) if error.code == ErrorCode::Conflict && tries < ADD_TRIES => {}
                done => return done,
            }
        }
    }
}
