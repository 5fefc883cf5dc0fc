//! What is kept of pipelines.

use app::model::{PipelineFilter, PipelineTrace, TenantId, TimeRange, pipeline::PipelineStats};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::StoreResult;

/// Where a page of pipeline traces begins: after this row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PipelineCursor {
    /// `created_at` of the last row seen.
    pub created_at: DateTime<Utc>,
    /// Its id.
    pub id: Uuid,
}

/// Names one delivery of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryKey<'a> {
    /// Who delivers, e.g. `gitlab`.
    pub source: &'a str,
    /// What the sender calls this delivery; the same again when it tries again.
    pub key: &'a str,
}

/// What came of claiming a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is ours to process; its trace is stored.
    New,
    /// It was processed before, or is being processed now; this is its trace.
    Duplicate(Uuid),
}

/// A pipeline trace with what the store keeps beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPipeline {
    /// The trace.
    pub trace: PipelineTrace,
    /// Where its project lives on the web.
    pub project_url: Option<String>,
}

/// Values that occur in a tenant's pipeline traces, each sorted, at most 200.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PipelineChoices {
    /// Environments.
    pub environments: Vec<String>,
    /// Target tenants.
    pub tenants: Vec<String>,
    /// Trigger types.
    pub trigger_types: Vec<String>,
}

/// Pipeline traces and the deliveries that made them.
#[async_trait]
pub trait PipelineStore: Send + Sync {
    /// Stores a new trace, and with it the claim on its delivery: both or neither.
    ///
    /// A delivery that failed, or whose processing began before `stale_before` and never ended, is claimed anew.
    async fn begin(
        &self,
        tenant: TenantId,
        pipeline: &StoredPipeline,
        delivery: Option<DeliveryKey<'_>>,
        stale_before: DateTime<Utc>,
    ) -> StoreResult<Claim>;
    /// Stores the trace as it is now. With a delivery, its processing ends: well, or so that it may be tried again.
    async fn save(
        &self,
        tenant: TenantId,
        pipeline: &StoredPipeline,
        delivery: Option<(DeliveryKey<'_>, bool)>,
    ) -> StoreResult<()>;
    /// Ends what began before `stale_before` and was never saved again, in every tenant: those traces fail, and their
    /// deliveries may be tried again. Says how many traces there were.
    async fn end_interrupted(&self, stale_before: DateTime<Utc>, now: DateTime<Utc>) -> StoreResult<u64>;
    /// Stores finished traces, all or none.
    async fn insert(&self, tenant: TenantId, pipelines: &[StoredPipeline]) -> StoreResult<()>;
    /// Rows that match, newest first.
    async fn list(
        &self,
        tenant: TenantId,
        filter: &PipelineFilter,
        range: Option<TimeRange>,
        after: Option<PipelineCursor>,
        limit: u32,
    ) -> StoreResult<Vec<PipelineTrace>>;
    /// Counts over the rows that match.
    async fn stats(
        &self,
        tenant: TenantId,
        filter: &PipelineFilter,
        range: Option<TimeRange>,
    ) -> StoreResult<PipelineStats>;
    /// One trace.
    async fn get(&self, tenant: TenantId, id: Uuid) -> StoreResult<Option<StoredPipeline>>;
    /// The traces right before and right after this one: (newer, older).
    async fn neighbours(&self, tenant: TenantId, trace: &PipelineTrace) -> StoreResult<(Option<Uuid>, Option<Uuid>)>;
    /// What there is to choose from in filters.
    async fn choices(&self, tenant: TenantId) -> StoreResult<PipelineChoices>;
    /// How many traces came from this source.
    async fn count_source(&self, tenant: TenantId, trigger_source: &str) -> StoreResult<u64>;
    /// Removes the traces that came from this source and says how many.
    async fn remove_source(&self, tenant: TenantId, trigger_source: &str) -> StoreResult<u64>;
}
