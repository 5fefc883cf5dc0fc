//! What is kept of metrics.

use std::collections::BTreeMap;

use app::model::{SpanId, TenantId, TraceId, UnixNanos};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::StoreResult;

/// How fine stored figures are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleResolution {
    /// Every sample.
    Raw,
    /// Five-minute summaries.
    FiveMinutes,
    /// Summaries by hour.
    Hour,
}

impl SampleResolution {
    /// All that are summaries.
    pub const SUMMARIES: [Self; 2] = [Self::FiveMinutes, Self::Hour];

    /// Length of a slice; nothing for samples themselves.
    pub fn seconds(self) -> Option<i64> {
        match self {
            Self::Raw => None,
            Self::FiveMinutes => Some(300),
            Self::Hour => Some(3600),
        }
    }
}

/// A series of the Prometheus data model.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SeriesKey {
    /// Metric name.
    pub name: String,
    /// Labels, sorted by name.
    pub labels: BTreeMap<String, String>,
}

impl SeriesKey {
    /// A series with these labels.
    pub fn new(name: &str, labels: &[(&str, &str)]) -> Self {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Self { name: name.to_owned(), labels }
    }
}

/// A sample, or the summary of five minutes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When; the start of the slice for a summary.
    pub time: UnixNanos,
    /// The value; the mean for a summary.
    pub value: f64,
    /// The value; the last one for a summary. Rates of counters need it.
    pub last: f64,
    /// By how much a summary's values differ: what a counter that did not begin anew has grown by. Zero for a sample.
    pub spread: f64,
}

/// A series with its points, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesPoints {
    /// Which series.
    pub key: SeriesKey,
    /// Its points.
    pub points: Vec<Point>,
}

/// Series and samples.
#[async_trait]
pub trait MetricStore: Send + Sync {
    /// Points of all series with one of these names.
    async fn points(
        &self,
        tenant: TenantId,
        names: &[&str],
        from: UnixNanos,
        to: UnixNanos,
        resolution: SampleResolution,
    ) -> StoreResult<Vec<SeriesPoints>>;
    /// Samples of all series with one of these names, summed up by slices of `step_nanos` that begin at `from`: a point
    /// is at the time of the newest sample of its slice.
    async fn slices(
        &self,
        tenant: TenantId,
        names: &[&str],
        from: UnixNanos,
        to: UnixNanos,
        step_nanos: i64,
    ) -> StoreResult<Vec<SeriesPoints>>;
    /// The newest point of each series with one of these names, not older than `from`.
    async fn latest(&self, tenant: TenantId, names: &[&str], from: UnixNanos) -> StoreResult<Vec<SeriesPoints>>;
    /// Exemplars of all series with this name, at most the newest `limit` of each; series without any are left out.
    async fn exemplars(
        &self,
        tenant: TenantId,
        name: &str,
        from: UnixNanos,
        to: UnixNanos,
        limit: usize,
    ) -> StoreResult<Vec<SeriesExemplars>>;
}

/// A sample on its way in.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSample {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which series.
    pub series: SeriesKey,
    /// When.
    pub time: UnixNanos,
    /// The value.
    pub value: f64,
    /// A measurement that stands for those that the sample counts.
    pub exemplar: Option<Box<Exemplar>>,
}

impl NewSample {
    /// Bytes that it keeps in memory, about.
    pub fn size(&self) -> usize {
        let exemplar = self.exemplar.as_ref().map_or(0, |exemplar| 128 + label_bytes(&exemplar.labels));
        192 + self.series.name.len() + label_bytes(&self.series.labels) + exemplar
    }
}

fn label_bytes(labels: &BTreeMap<String, String>) -> usize {
    labels.iter().map(|(name, value)| 64 + name.len() + value.len()).sum()
}

/// One of the measurements that a sample counts, most often with the trace it was taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// When it was measured.
    pub time: UnixNanos,
    /// What was measured.
    pub value: f64,
    /// The trace.
    pub trace_id: Option<TraceId>,
    /// The span of that trace.
    pub span_id: Option<SpanId>,
    /// What the series of the sample does not say.
    pub labels: BTreeMap<String, String>,
}

/// The exemplars of a series, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesExemplars {
    /// Which series.
    pub key: SeriesKey,
    /// What stands for its samples.
    pub exemplars: Vec<Exemplar>,
}
