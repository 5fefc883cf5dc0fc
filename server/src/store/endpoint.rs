//! What is kept of requests to endpoints.

use app::model::{TenantId, UnixNanos};
use async_trait::async_trait;

use super::{StoreResult, sketch::Sketch};

/// Slices in which endpoint figures are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RollupResolution {
    /// One minute.
    Minute,
    /// One hour.
    Hour,
    /// One day.
    Day,
}

impl RollupResolution {
    /// All, finest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// Length in seconds: what the column `resolution` holds.
    pub fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }

    /// Length in nanoseconds.
    pub fn nanos(self) -> i64 {
        self.seconds() * 1_000_000_000
    }

    /// Start of the slice that holds this instant.
    pub fn floor(self, time: UnixNanos) -> UnixNanos {
        UnixNanos(time.0.div_euclid(self.nanos()) * self.nanos())
    }
}

/// Names an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointKey {
    /// What serves it.
    pub service: String,
    /// HTTP method.
    pub method: String,
    /// Normalised route.
    pub route: String,
}

/// Names an endpoint within the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId(pub i64);

/// Requests of one endpoint in one slice.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rollup {
    /// All requests.
    pub requests: u64,
    /// By class of status: 2xx, 3xx, 4xx, 5xx.
    pub by_class: [u64; 4],
    /// Durations in milliseconds.
    pub sketch: Sketch,
}

impl Rollup {
    /// Counts one request.
    pub fn add(&mut self, status: u16, duration_ms: f64) {
        self.requests += 1;
        if let Some(class) = usize::from(status / 100).checked_sub(2).filter(|class| *class < 4) {
            self.by_class[class] += 1;
        }
        self.sketch.add(duration_ms);
    }

    /// Adds what another slice or endpoint counted.
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        for (sum, count) in self.by_class.iter_mut().zip(other.by_class) {
            *sum += count;
        }
        self.sketch.merge(&other.sketch);
    }

    /// Answers with status 5xx.
    pub fn errors(&self) -> u64 {
        self.by_class[3]
    }

    /// Mean duration in milliseconds; none without requests.
    pub fn mean_ms(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.sketch.sum() / self.requests as f64)
    }

    /// Share of answers with status 5xx, in percent.
    pub fn error_percent(&self) -> f64 {
        if self.requests == 0 { 0.0 } else { self.errors() as f64 * 100.0 / self.requests as f64 }
    }
}

/// Which roll-ups are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RollupRange {
    /// How fine.
    pub resolution: RollupResolution,
    /// Slices that begin at or after this instant.
    pub from: UnixNanos,
    /// Slices that begin before this instant.
    pub to: UnixNanos,
}

/// Endpoint roll-ups.
#[async_trait]
pub trait EndpointStore: Send + Sync {
    /// All endpoints together, a row a slice, oldest first.
    async fn totals(&self, tenant: TenantId, range: RollupRange) -> StoreResult<Vec<(UnixNanos, Rollup)>>;
    /// Each endpoint, its slices in the ranges merged.
    async fn by_endpoint(&self, tenant: TenantId, ranges: &[RollupRange]) -> StoreResult<Vec<(EndpointKey, Rollup)>>;
    /// All endpoints that ever had a request.
    async fn endpoints(&self, tenant: TenantId) -> StoreResult<Vec<(EndpointId, EndpointKey)>>;
    /// Some endpoints, the slices of each in the ranges merged. One without requests has no row.
    async fn figures(
        &self,
        tenant: TenantId,
        endpoints: &[EndpointId],
        ranges: &[RollupRange],
    ) -> StoreResult<Vec<(EndpointId, Rollup)>>;
    /// Some endpoints, slice by slice: (endpoint, begin of the slice, what was counted), each endpoint oldest first.
    async fn courses(
        &self,
        tenant: TenantId,
        endpoints: &[EndpointId],
        range: RollupRange,
    ) -> StoreResult<Vec<(EndpointId, UnixNanos, Rollup)>>;
    /// Requests of some endpoints, the range cut into so many slices: (endpoint, first roll-up of the slice, requests).
    /// A slice without requests has no row.
    async fn counts(
        &self,
        tenant: TenantId,
        endpoints: &[EndpointId],
        range: RollupRange,
        slices: u32,
    ) -> StoreResult<Vec<(EndpointId, UnixNanos, u64)>>;
}

/// What happened at an endpoint within a minute, on its way in.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointDelta {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which endpoint.
    pub endpoint: EndpointKey,
    /// An instant inside the minute.
    pub time: UnixNanos,
    /// What to add.
    pub rollup: Rollup,
}
