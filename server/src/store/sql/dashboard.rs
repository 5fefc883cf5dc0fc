//! Dashboards that people make, on either engine.

use app::model::{Dashboard, DashboardSource, DashboardSummary, TenantId};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use super::SqlStore;
use crate::store::{DashboardKept, DashboardStore, StoreResult, StoredDashboard};

#[derive(sqlx::FromRow)]
struct SummaryRow {
    id: Uuid,
    title: String,
    description: String,
    panels: i64,
    changed_at: DateTime<Utc>,
    changed_by: String,
}

#[derive(sqlx::FromRow)]
struct DashboardRow {
    revision: i64,
    changed_at: DateTime<Utc>,
    changed_by: String,
    body: Json<Dashboard>,
}

#[async_trait]
impl DashboardStore for SqlStore {
    async fn dashboards(&self, tenant: TenantId) -> StoreResult<Vec<DashboardSummary>> {
        let rows: Vec<SummaryRow> = sqlx::query_as(
            "SELECT id, title, description, panels, changed_at, changed_by FROM dashboards
             WHERE tenant = $1 ORDER BY title, id",
        )
        .bind(tenant.0)
        .fetch_all(&self.reader)
        .await?;
        let summary = |row: SummaryRow| DashboardSummary {
            id: row.id.to_string(),
            title: row.title,
            description: row.description,
            source: DashboardSource::Stored,
            panels: u32::try_from(row.panels).unwrap_or_default(),
            changed_at: Some(row.changed_at),
            changed_by: Some(row.changed_by),
        };
        Ok(rows.into_iter().map(summary).collect())
    }

    async fn dashboard(&self, tenant: TenantId, id: Uuid) -> StoreResult<Option<StoredDashboard>> {
        let row: Option<DashboardRow> = sqlx::query_as(
            "SELECT revision, changed_at, changed_by, body FROM dashboards WHERE tenant = $1 AND id = $2",
        )
        .bind(tenant.0)
        .bind(id)
        .fetch_optional(&self.reader)
        .await?;
        Ok(row.map(|row| StoredDashboard {
            id,
            tenant,
            revision: row.revision,
            changed_at: row.changed_at,
            changed_by: row.changed_by,
            dashboard: row.body.0,
        }))
    }

    async fn add_dashboard(&self, stored: &StoredDashboard, most: usize) -> StoreResult<DashboardKept> {
        let mut tx = self.begin_write().await?;
        let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM dashboards WHERE tenant = $1")
            .bind(stored.tenant.0)
            .fetch_one(&mut *tx)
            .await?;
        if count >= most as i64 {
            return Ok(DashboardKept::Full);
        }
        sqlx::query(
            "INSERT INTO dashboards (id, tenant, title, description, panels, revision, changed_at, changed_by, body)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(stored.id)
        .bind(stored.tenant.0)
        .bind(&stored.dashboard.title)
        .bind(&stored.dashboard.description)
        .bind(stored.dashboard.panels().count() as i64)
        .bind(stored.revision)
        .bind(stored.changed_at)
        .bind(&stored.changed_by)
        .bind(Json(&stored.dashboard))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(DashboardKept::Stored)
    }

    async fn change_dashboard(&self, stored: &StoredDashboard) -> StoreResult<DashboardKept> {
        let mut tx = self.begin_write().await?;
        let done = sqlx::query(
            "UPDATE dashboards SET title = $3, description = $4, panels = $5, revision = $6, changed_at = $7,
                 changed_by = $8, body = $9
             WHERE tenant = $2 AND id = $1 AND revision = $10",
        )
        .bind(stored.id)
        .bind(stored.tenant.0)
        .bind(&stored.dashboard.title)
        .bind(&stored.dashboard.description)
        .bind(stored.dashboard.panels().count() as i64)
        .bind(stored.revision)
        .bind(stored.changed_at)
        .bind(&stored.changed_by)
        .bind(Json(&stored.dashboard))
        .bind(stored.revision - 1)
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 1 {
            tx.commit().await?;
            return Ok(DashboardKept::Stored);
        }
        let found: Option<(i64,)> = sqlx::query_as("SELECT revision FROM dashboards WHERE tenant = $1 AND id = $2")
            .bind(stored.tenant.0)
            .bind(stored.id)
            .fetch_optional(&mut *tx)
            .await?;
        Ok(found.map_or(DashboardKept::Gone, |(revision,)| DashboardKept::Changed(revision)))
    }

    async fn remove_dashboard(&self, tenant: TenantId, id: Uuid) -> StoreResult<bool> {
        let done = sqlx::query("DELETE FROM dashboards WHERE tenant = $1 AND id = $2")
            .bind(tenant.0)
            .bind(id)
            .execute(&self.writer)
            .await?;
        Ok(done.rows_affected() > 0)
    }
}
