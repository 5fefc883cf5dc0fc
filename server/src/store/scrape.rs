//! Targets that are scraped, and how they fare.

use app::model::{ScrapeSettings, ScrapeState, TenantId, UnixMillis};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::StoreResult;
use crate::config::ScrapeSecrets;

/// A target as somebody added it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTarget {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it belongs to.
    pub job: String,
    /// Where it shows its metrics.
    pub url: String,
    /// How it is asked.
    pub settings: ScrapeSettings,
    /// What it is shown and nobody else.
    pub secrets: ScrapeSecrets,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// What came of adding or changing a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is stored.
    Stored,
    /// The tenant has one with this job and address.
    Exists(Uuid),
    /// The tenant has as many as it may have.
    Full,
    /// There is none to change.
    Gone,
}

/// How a target fared when it was asked.
#[derive(Debug, Clone, PartialEq)]
pub struct NotedState {
    /// Whose the target is.
    pub tenant: TenantId,
    /// The target.
    pub target: Uuid,
    /// What came of asking.
    pub state: ScrapeState,
}

/// Targets.
#[async_trait]
pub trait ScrapeStore: Send + Sync {
    /// Those of a tenant by job and address, or of all.
    async fn scrape_targets(&self, tenant: Option<TenantId>) -> StoreResult<Vec<StoredTarget>>;
    /// One of them.
    async fn scrape_target(&self, tenant: TenantId, id: Uuid) -> StoreResult<Option<StoredTarget>>;
    /// Adds one, where the tenant has fewer than `most`.
    async fn add_scrape_target(&self, target: &StoredTarget, most: usize) -> StoreResult<Kept>;
    /// Changes one.
    async fn change_scrape_target(&self, target: &StoredTarget) -> StoreResult<Kept>;
    /// Removes one, with its state; says whether there was one.
    async fn remove_scrape_target(&self, tenant: TenantId, id: Uuid) -> StoreResult<bool>;
    /// How the targets of a tenant fare, or of all.
    async fn scrape_states(&self, tenant: Option<TenantId>) -> StoreResult<Vec<NotedState>>;
    /// Notes how targets fare, and forgets those of which nothing was noted for days.
    async fn note_scrape_states(&self, states: &[NotedState], now: UnixMillis) -> StoreResult<()>;
}
