//! What is kept of metrics.

use std::collections::BTreeMap;

use app::model::{SpanId, TenantId, TraceId, UnixMillis, UnixNanos};
use async_trait::async_trait;
use uuid::Uuid;

use super::{
    StoreError, StoreResult,
    sample::{Labels, Matcher, Selection, Series},
};

/// Series and samples.
#[async_trait]
pub trait MetricStore: Send + Sync {
    /// Opens what is stored of the series for which all matchers hold.
    async fn select(&self, tenant: TenantId, selection: &Selection) -> StoreResult<Box<dyn SeriesBatches>>;
    /// The series for which all matchers hold and which had samples on or after the day of a time in milliseconds, or the
    /// day before.
    async fn series(&self, tenant: TenantId, matchers: &[Matcher], since: i64) -> StoreResult<Vec<Labels>>;
    /// The names of series that had samples on or after the day of a time in milliseconds, or the day before, in order,
    /// with how many series have them.
    async fn series_names(&self, tenant: TenantId, since: i64) -> StoreResult<Vec<(String, u64)>>;
    /// Whether each of these series is known to have had samples on or after the day of a time in milliseconds. One that
    /// is not may have been added by somebody else.
    fn known_series(&self, tenant: TenantId, series: &[&Labels], since: i64) -> Vec<bool>;
    /// How many series had samples on or after the day of a time in milliseconds, as far as is known here.
    fn active_series(&self, tenant: TenantId, since: i64) -> usize;
    /// Notes what senders say about metric families; what was said before is replaced.
    async fn describe(&self, tenant: TenantId, metadata: &[Metadata]) -> StoreResult<()>;
    /// What senders said about one metric family, or about all by name, at most `limit`.
    async fn metadata(&self, tenant: TenantId, name: Option<&str>, limit: usize) -> StoreResult<Vec<Metadata>>;
    /// Exemplars of all series for which the matchers hold, at most the newest `limit` of each; series without any are
    /// left out.
    async fn exemplars(
        &self,
        tenant: TenantId,
        matchers: &[Matcher],
        from: UnixNanos,
        to: UnixNanos,
        limit: usize,
    ) -> StoreResult<Vec<SeriesExemplars>>;
    /// Notes that a report with this id, which its sender gave it, is being taken; or says what was noted before. Receipts
    /// are forgotten after a week.
    async fn claim_receipt(&self, tenant: TenantId, id: Uuid, now: UnixMillis) -> StoreResult<Receipt>;
    /// Notes that what the report holds is stored.
    async fn keep_receipt(&self, tenant: TenantId, id: Uuid) -> StoreResult<()>;
    /// Does one piece of work, if there is any: sorts committed samples into blocks, merges blocks, rolls them up. Says
    /// whether there may be more to do.
    async fn tidy_samples(&self, now: UnixNanos) -> StoreResult<bool>;
}

/// What is known of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// When it came first.
    pub taken_at: UnixMillis,
    /// Whether it was stored.
    pub is_stored: bool,
}

/// Stored series, some at a time.
#[async_trait]
pub trait SeriesBatches: Send {
    /// The next series, each once and with its whole range; nothing after the last. Series without samples are left out.
    async fn next(&mut self) -> StoreResult<Option<Vec<Series>>>;
}

/// All series of a selection at once, with so many figures at most.
pub async fn collect(mut batches: Box<dyn SeriesBatches>, most: usize) -> StoreResult<Vec<Series>> {
    let (mut all, mut figures) = (Vec::new(), 0);
    while let Some(series) = batches.next().await? {
        figures += series.iter().map(|one| one.data.len()).sum::<usize>();
        if figures > most {
            return Err(StoreError::TooMuch(most));
        }
        all.extend(series);
    }
    Ok(all)
}

/// What a sender says about a metric family.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Metadata {
    /// The family: `http_requests_total`, `http_request_duration_seconds`.
    pub name: String,
    /// `counter`, `gauge`, `histogram`, `summary`, `unknown` and so on, as Prometheus calls them.
    #[sqlx(rename = "type")]
    pub kind: String,
    /// What it is.
    pub help: String,
    /// Its unit, if it has one.
    pub unit: String,
}

impl Metadata {
    /// What a sender says, with a help of so many bytes at most; none if it says nothing that can be kept.
    pub fn new(name: String, kind: &str, mut help: String, mut unit: String, help_bytes: usize) -> Option<Self> {
        const MOST_NAME_BYTES: usize = 1024;
        const MOST_UNIT_BYTES: usize = 64;
        if name.is_empty() || name.len() > MOST_NAME_BYTES || name.contains('\0') {
            return None;
        }
        help.truncate(help.floor_char_boundary(help_bytes));
        unit.truncate(unit.floor_char_boundary(MOST_UNIT_BYTES));
        help.retain(|char| char != '\0');
        unit.retain(|char| char != '\0');
        Some(Self { name, kind: kind.to_owned(), help, unit })
    }
}

/// A sample on its way in.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSample {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which series.
    pub series: Labels,
    /// When.
    pub time: UnixNanos,
    /// The value.
    pub value: f64,
}

impl NewSample {
    /// Bytes that it keeps in memory, about: labels as if they were its own.
    pub fn size(&self) -> usize {
        48 + text_bytes(self.series.iter())
    }
}

/// An exemplar on its way in.
#[derive(Debug, Clone, PartialEq)]
pub struct NewExemplar {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which series has the samples that it stands for.
    pub series: Labels,
    /// What it is.
    pub exemplar: Exemplar,
}

impl NewExemplar {
    /// Bytes that it keeps in memory, about.
    pub fn size(&self) -> usize {
        let own = self.exemplar.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        128 + text_bytes(self.series.iter()) + text_bytes(own)
    }
}

fn text_bytes<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> usize {
    labels.map(|(name, value)| 64 + name.len() + value.len()).sum()
}

/// Samples and exemplars on their way in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewMetrics {
    /// Samples.
    pub samples: Vec<NewSample>,
    /// Exemplars, of their series or of others.
    pub exemplars: Vec<NewExemplar>,
}

impl NewMetrics {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.samples.len() + self.exemplars.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that they keep in memory, about.
    pub fn size(&self) -> usize {
        let samples: usize = self.samples.iter().map(NewSample::size).sum();
        let exemplars: usize = self.exemplars.iter().map(NewExemplar::size).sum();
        samples + exemplars
    }

    /// Adds others.
    pub fn extend(&mut self, other: Self) {
        self.samples.extend(other.samples);
        self.exemplars.extend(other.exemplars);
    }
}

impl From<Vec<NewSample>> for NewMetrics {
    fn from(samples: Vec<NewSample>) -> Self {
        Self { samples, exemplars: Vec::new() }
    }
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
    pub series: Labels,
    /// What stands for its samples.
    pub exemplars: Vec<Exemplar>,
}
