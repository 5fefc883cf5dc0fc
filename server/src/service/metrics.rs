//! Samples on their way in, however they were sent: within the tenant's room for series, with what is said of them.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use app::model::{TenantId, UnixMillis, UnixNanos, metric::SeriesRefusal};
use foldhash::{HashMap, HashMapExt};
use tokio::time::Instant;

use super::Services;
use crate::{
    ingest::{IngestError, Submission},
    remote_write::{ReadWrite, WriteTerms, Written},
    store::{
        Metadata, NewMetrics,
        sample::{Comparison, Labels, Matcher, NAME},
    },
};

/// How long it is believed why there is no room.
const BELIEVED_FOR: Duration = Duration::from_secs(10);
/// Series count that had samples since yesterday.
const ACTIVE_MILLIS: i64 = 86_400_000;
const DAY_NANOS: i64 = 86_400 * 1_000_000_000;
/// For so long it is told that samples were refused.
const TOLD_FOR_MILLIS: i64 = 3_600_000;

/// The room that tenants have for series, and who has filled it.
#[derive(Debug, Default)]
pub struct SeriesRoom(Mutex<HashMap<TenantId, Counted>>);

#[derive(Debug, Default)]
struct Counted {
    /// Series with samples since yesterday, and those that were let in since they were counted.
    active: usize,
    /// Samples since then that were not looked at: each may be of a new series.
    unseen: usize,
    refused: u64,
    refused_at: Option<UnixMillis>,
    why: Option<(Instant, String)>,
}

/// What is known of a tenant's series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeriesFigures {
    /// Series with samples since yesterday, as far as is known.
    pub active: usize,
    /// Samples that were refused since the start as they were of series for which there was no room.
    pub refused: u64,
}

/// Samples that were not taken as they are of series for which there is no room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRoom {
    /// How many samples.
    pub samples: u64,
    /// For the sender.
    pub message: String,
}

impl SeriesRoom {
    /// The tenants that have sent samples since the start, and how many were refused of each.
    fn refused(&self) -> Vec<(TenantId, u64)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(tenant, counted)| (*tenant, counted.refused)).collect()
    }

    fn with<T>(&self, tenant: TenantId, run: impl FnOnce(&mut Counted) -> T) -> T {
        run(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(tenant).or_default())
    }
}

impl Services {
    /// What is known of the series of every tenant that has sent samples since the start.
    pub fn series_figures(&self) -> Vec<SeriesFigures> {
        let since = self.clock.now_millis().0 - ACTIVE_MILLIS;
        let figures = self.series_room.refused().into_iter().map(|(tenant, refused)| SeriesFigures {
            active: self.stores.metrics.active_series(tenant, since),
            refused,
        });
        figures.collect()
    }

    /// On what terms remote write is read.
    pub fn write_terms(&self, tenant: TenantId) -> WriteTerms {
        let arrived = self.clock.now();
        WriteTerms {
            tenant,
            arrived,
            oldest: self.oldest_sample(arrived),
            redactor: self.self_log.redactor().clone(),
            known: self.known_series.clone(),
        }
    }

    /// Samples from before this are not taken: retention would remove them at once.
    pub fn oldest_sample(&self, now: UnixNanos) -> UnixNanos {
        let kept = i64::from(self.config.retention.samples_days).saturating_mul(DAY_NANOS);
        UnixNanos(now.0.saturating_sub(kept))
    }

    /// Stores what remote write brings; it is on disk when this answers with `Ok`. Says what was taken, and what is wrong
    /// with the rest.
    pub async fn take_remote_write(
        &self,
        tenant: TenantId,
        read: ReadWrite,
    ) -> Result<(Written, Option<String>), IngestError> {
        let no_room = self.without_room(tenant, &read.metrics);
        let written = if no_room.is_empty() { read.written } else { read.written.without(&read, &no_room) };
        let ReadWrite { metrics, metadata, refused, .. } = read;
        let no_room = self.store_but(tenant, metrics, &no_room).await?;
        self.describe_metrics(tenant, metadata).await;
        self.count_invalid(refused.as_ref().map_or(0, |(count, _)| *count));
        let refused = refused.map(|(count, why)| format!("{count} samples were refused: {why}"));
        let parts: Vec<String> = refused.into_iter().chain(no_room.map(|refused| refused.message)).collect();
        Ok((written, (!parts.is_empty()).then(|| parts.join(". "))))
    }

    /// Counts records that were not taken for what they are.
    pub fn count_invalid(&self, records: u64) {
        self.ingest.figures().refused_invalid.fetch_add(records, Ordering::Relaxed);
    }

    /// Stores samples and exemplars of one tenant; they are on disk when this answers with `Ok`. Where the tenant has no
    /// room for more series, samples of new ones are left out.
    pub async fn store_metrics(&self, tenant: TenantId, metrics: NewMetrics) -> Result<Option<NoRoom>, IngestError> {
        let no_room = self.without_room(tenant, &metrics);
        self.store_but(tenant, metrics, &no_room).await
    }

    /// Stores samples and exemplars but those of series for which there is no room.
    async fn store_but(
        &self,
        tenant: TenantId,
        mut metrics: NewMetrics,
        no_room: &HashSet<Labels>,
    ) -> Result<Option<NoRoom>, IngestError> {
        let all = metrics.samples.len();
        if !no_room.is_empty() {
            metrics.samples.retain(|sample| !no_room.contains(&sample.series));
            metrics.exemplars.retain(|one| !no_room.contains(&one.series));
        }
        let samples = (all - metrics.samples.len()) as u64;
        if !metrics.is_empty() {
            self.ingest.submit(Submission { metrics, ..Submission::default() }).await?;
        }
        let Some(of) = no_room.iter().next() else { return Ok(None) };
        let now = self.clock.now_millis();
        self.series_room.with(tenant, |counted| {
            counted.refused += samples;
            counted.refused_at = Some(now);
        });
        Ok(Some(NoRoom { samples, message: self.why_no_room(tenant, of).await }))
    }

    /// The series for which there is no room.
    fn without_room(&self, tenant: TenantId, metrics: &NewMetrics) -> HashSet<Labels> {
        let most = self.config.ingest.series_per_tenant;
        let since = self.clock.now_millis().0 - ACTIVE_MILLIS;
        let has_room = self.series_room.with(tenant, |counted| {
            let has_room = counted.active + counted.unseen + metrics.len() <= most;
            counted.unseen += if has_room { metrics.len() } else { 0 };
            has_room
        });
        if has_room {
            return HashSet::new();
        }
        let active = self.stores.metrics.active_series(tenant, since);
        let of_samples = metrics.samples.iter().map(|sample| &sample.series);
        let all: HashSet<&Labels> = of_samples.chain(metrics.exemplars.iter().map(|one| &one.series)).collect();
        let all: Vec<&Labels> = all.into_iter().collect();
        let known = self.stores.metrics.known_series(tenant, &all, since);
        let new: Vec<&Labels> = all.iter().zip(known).filter(|(_, known)| !known).map(|(labels, _)| *labels).collect();
        let room = self.series_room.with(tenant, |counted| {
            let room = most.saturating_sub(active);
            (counted.active, counted.unseen) = (active + new.len().min(room), 0);
            room
        });
        new.into_iter().skip(room).cloned().collect()
    }

    /// What was refused of a tenant lately as there was no room for more series, for those who look.
    pub fn series_refusal(&self, tenant: TenantId) -> Option<SeriesRefusal> {
        let now = self.clock.now_millis();
        self.series_room.with(tenant, |counted| {
            let at = counted.refused_at.filter(|at| now.0 - at.0 < TOLD_FOR_MILLIS)?;
            let why = counted.why.as_ref().map(|(_, why)| why.clone()).unwrap_or_default();
            Some(SeriesRefusal { samples: counted.refused, at, why })
        })
    }

    /// Says why there is no room: which label of a metric has the most values.
    async fn why_no_room(&self, tenant: TenantId, of: &Labels) -> String {
        let told = self.series_room.with(tenant, |counted| {
            counted.why.as_ref().filter(|(at, _)| at.elapsed() < BELIEVED_FOR).map(|(_, why)| why.clone())
        });
        if let Some(told) = told {
            return told;
        }
        let most = self.config.ingest.series_per_tenant;
        let name = Matcher { label: NAME.to_owned(), comparison: Comparison::Equal, value: of.name().to_owned() };
        let since = self.clock.now_millis().0 - ACTIVE_MILLIS;
        let known = self.stores.metrics.series(tenant, &[name], since).await.unwrap_or_default();
        let mut values: HashMap<&str, HashSet<&str>> = HashMap::new();
        for (label, value) in known.iter().chain([of]).flat_map(Labels::iter) {
            values.entry(label).or_default().insert(value);
        }
        let exploded = values.into_iter().map(|(label, values)| (values.len(), label)).max();
        let label = exploded.map(|(count, label)| format!(" (its label `{label}` has {count} values)"));
        let why = format!(
            "there are {most} active series already (`ingest.series_per_tenant`), new ones are refused, such as of `{}`{}",
            of.name(),
            label.unwrap_or_default()
        );
        tracing::warn!(tenant = tenant.0, why, "samples of new series are refused");
        self.series_room.with(tenant, |counted| counted.why = Some((Instant::now(), why.clone())));
        why
    }

    /// Notes what senders say of metrics, where it is news. Failing that, it is said again soon.
    pub async fn describe_metrics(&self, tenant: TenantId, metadata: Vec<Metadata>) {
        let news = self.described.news(tenant, metadata, self.clock.now_millis());
        if news.is_empty() {
            return;
        }
        if let Err(error) = self.stores.metrics.describe(tenant, &news).await {
            self.described.forget();
            tracing::warn!(%error, "what senders say of metrics could not be stored");
        }
    }
}

/// What is known to be stored about metrics: senders say the same again and again.
#[derive(Debug, Default)]
pub struct Described(Mutex<DescribedToday>);

#[derive(Debug, Default)]
struct DescribedToday {
    /// Counted from the Unix epoch. It is believed for a day: what is said of a metric goes with its last series.
    day: i64,
    known: HashMap<(TenantId, String), Metadata>,
}

impl Described {
    /// Metrics that are remembered; beyond them remembering begins anew.
    const MOST: usize = 50_000;

    fn news(&self, tenant: TenantId, mut metadata: Vec<Metadata>, now: UnixMillis) -> Vec<Metadata> {
        let mut today = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let day = now.0.div_euclid(86_400_000);
        if today.day != day {
            *today = DescribedToday { day, known: HashMap::new() };
        }
        let known = &mut today.known;
        metadata.retain(|one| known.get(&(tenant, one.name.clone())) != Some(one));
        if known.len() + metadata.len() > Self::MOST {
            known.clear();
        }
        known.extend(metadata.iter().map(|one| ((tenant, one.name.clone()), one.clone())));
        metadata
    }

    fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).known.clear();
    }
}
