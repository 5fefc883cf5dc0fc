//! Dashboards that people make.

use app::model::{Dashboard, DashboardSummary, TenantId};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::StoreResult;

/// A dashboard as somebody made it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDashboard {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub tenant: TenantId,
    /// How often it was changed, from 1.
    pub revision: i64,
    /// When it was changed last.
    pub changed_at: DateTime<Utc>,
    /// Who did that.
    pub changed_by: String,
    /// The dashboard.
    pub dashboard: Dashboard,
}

/// What came of keeping a dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DashboardKept {
    /// It is stored.
    Stored,
    /// The tenant has as many as it may have.
    Full,
    /// Somebody else has changed it since: this is the revision now.
    Changed(i64),
    /// There is none to change.
    Gone,
}

/// Dashboards.
#[async_trait]
pub trait DashboardStore: Send + Sync {
    /// Those of a tenant, without what is in them.
    async fn dashboards(&self, tenant: TenantId) -> StoreResult<Vec<DashboardSummary>>;
    /// One of them.
    async fn dashboard(&self, tenant: TenantId, id: Uuid) -> StoreResult<Option<StoredDashboard>>;
    /// Adds one, where the tenant has fewer than `most`.
    async fn add_dashboard(&self, dashboard: &StoredDashboard, most: usize) -> StoreResult<DashboardKept>;
    /// Changes one whose revision in the store is one less than this one's.
    async fn change_dashboard(&self, dashboard: &StoredDashboard) -> StoreResult<DashboardKept>;
    /// Removes one; says whether there was one.
    async fn remove_dashboard(&self, tenant: TenantId, id: Uuid) -> StoreResult<bool>;
}
