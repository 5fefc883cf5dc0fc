//! The series that are known, by name, by labels and by number.

use std::sync::{
    Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
    atomic::{AtomicI64, Ordering},
};

use app::model::TenantId;
use foldhash::{HashMap, HashMapExt, HashSet};

use super::{Labels, Matcher, NAME, matching::Matching};
use crate::store::StoreResult;

/// So many series a metric may have: what its numbers leave room for.
pub const SERIES_A_METRIC: i64 = 1 << 24;
/// Series without samples for so many days are not kept in memory, but while somebody asks for them.
const WARM_DAYS: i64 = 3;
/// What others that share the store have noted is learned so many days later at most.
const LATE_DAYS: i64 = 1;
/// Series without samples for so many days are looked up in the store when there are new ones, and others that share the
/// store are told. Less than the days above: clocks differ.
pub const KNOWN_DAYS: i64 = 2;

/// A metric as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredMetric {
    /// Its number.
    pub id: i64,
    /// How many numbers of series have been given out.
    pub next_series: i64,
    /// How often series that nobody had heard of for days were heard of again.
    pub revision: i64,
}

/// How far the series of a metric are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// As they were when the metric was this.
    pub metric: StoredMetric,
    /// Those that had samples since this day, counted from the Unix epoch.
    pub since_day: i64,
}

impl Extent {
    /// Whether nothing of another one is missing.
    pub fn includes(self, other: Self) -> bool {
        let (ours, theirs) = (self.metric, other.metric);
        ours.id == theirs.id
            && ours.next_series >= theirs.next_series
            && ours.revision >= theirs.revision
            && self.since_day <= other.since_day
    }
}

/// A series as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSeries {
    /// Its number.
    pub id: i64,
    /// Its labels, the name among them.
    pub labels: Labels,
    /// The last day known to have samples, counted from the Unix epoch.
    pub last_day: i64,
}

/// What is known of a series by its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its number.
    pub id: i64,
    /// The last day known to have samples, counted from the Unix epoch.
    pub last_day: i64,
}

/// Series that a commit has numbered, or found again, of one metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// Whose.
    pub tenant: TenantId,
    /// The metric's name.
    pub name: String,
    /// The metric before.
    pub before: StoredMetric,
    /// And after it.
    pub after: StoredMetric,
    /// The series.
    pub series: Vec<StoredSeries>,
}

/// Series with their numbers, by number.
pub type Found = Vec<(i64, Labels)>;

/// The series of all tenants, as far as somebody has asked for them lately. Numbers and labels never change, so what is here
/// is true; what is not may have been added by somebody else, or nobody has heard of it for days.
#[derive(Debug, Default)]
pub struct SeriesIndex {
    tenants: RwLock<HashMap<TenantId, TenantSeries>>,
    /// Held while series are read from the store, and while some are forgotten.
    loading: tokio::sync::Mutex<()>,
    /// The day that it is, as far as anybody has said.
    today: AtomicI64,
    /// The day when series were forgotten last.
    forgotten_on: AtomicI64,
}

#[derive(Debug, Default)]
struct TenantSeries {
    metrics: HashMap<Arc<str>, Metric>,
    /// Every text of a label once.
    texts: HashSet<Arc<str>>,
}

impl TenantSeries {
    /// A metric, if all its series that had samples since a day are known.
    fn known_since(&self, name: &str, day: i64) -> Option<&Metric> {
        self.metrics.get(name).filter(|metric| metric.extent.since_day <= day)
    }
}

#[derive(Debug)]
struct Metric {
    extent: Extent,
    /// By number.
    series: Vec<StoredSeries>,
    by_labels: HashMap<Labels, Known>,
}

impl Metric {
    fn new(extent: Extent) -> Self {
        Self { extent, series: Vec::new(), by_labels: HashMap::new() }
    }

    fn add(&mut self, series: Vec<StoredSeries>, texts: &mut HashSet<Arc<str>>) {
        let mut again = Vec::new();
        for StoredSeries { id, labels, last_day } in series {
            match self.by_labels.get(&labels) {
                Some(known) if known.id == id => {
                    again.push((id, last_day));
                    continue;
                }
                // It was removed, and came again.
                Some(Known { id: gone, .. }) => self.series.retain(|series| series.id != *gone),
                None => {}
            }
            let labels = Labels::new(labels.iter().map(|(name, value)| (shared(texts, name), shared(texts, value))));
            self.by_labels.insert(labels.clone(), Known { id, last_day });
            self.series.push(StoredSeries { id, labels, last_day });
        }
        if !self.series.is_sorted_by_key(|series| series.id) {
            self.series.sort_unstable_by_key(|series| series.id);
        }
        for (id, last_day) in again {
            self.had_samples(id, last_day);
        }
    }

    /// Series that had samples since a day. Others may have noted more than is known.
    fn recent(&self, since_day: i64) -> impl Iterator<Item = &StoredSeries> {
        self.series.iter().filter(move |series| series.last_day >= since_day.saturating_sub(LATE_DAYS))
    }

    fn had_samples(&mut self, id: i64, day: i64) {
        let Ok(at) = self.series.binary_search_by_key(&id, |series| series.id) else { return };
        let series = &mut self.series[at];
        series.last_day = series.last_day.max(day);
        if let Some(known) = self.by_labels.get_mut(&series.labels) {
            known.last_day = series.last_day;
        }
    }

    /// Forgets series without samples since a day, as far as is known. Others may know better: the rest is read anew, too.
    fn forget(&mut self, before_day: i64) {
        self.extent.since_day = i64::MAX;
        self.series.retain(|series| series.last_day >= before_day);
        self.series.shrink_to_fit();
        self.by_labels.retain(|_, known| known.last_day >= before_day);
        self.by_labels.shrink_to_fit();
    }
}

impl SeriesIndex {
    /// Waits until nobody else reads series into this index or removes some from it.
    pub async fn change(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.loading.lock().await
    }

    /// Forgets, once a day, series of which nobody has heard for days.
    pub async fn tidy(&self, day: i64) {
        self.is_day(day);
        if self.forgotten_on.swap(day, Ordering::Relaxed) != day {
            self.forget(self.warm_day()).await;
        }
    }

    /// Learns what day it is.
    pub fn is_day(&self, day: i64) {
        self.today.store(day, Ordering::Relaxed);
    }

    /// Series are read from the store as far as they had samples since this day, or an earlier one.
    pub fn warm_day(&self) -> i64 {
        self.today.load(Ordering::Relaxed) - WARM_DAYS
    }

    /// What is known of series that had samples since a day.
    pub fn numbers<'a>(
        &self,
        series: impl Iterator<Item = (TenantId, &'a Labels)>,
        since_day: i64,
    ) -> Vec<Option<Known>> {
        let all = self.read();
        let known = |(tenant, labels): (TenantId, &Labels)| {
            let known = all.get(&tenant)?.metrics.get(labels.name())?.by_labels.get(labels).copied();
            known.filter(|known| known.last_day >= since_day)
        };
        series.map(known).collect()
    }

    /// How far the series of a metric are known, if any are.
    pub fn extent(&self, tenant: TenantId, name: &str) -> Option<Extent> {
        Some(self.read().get(&tenant)?.metrics.get(name)?.extent)
    }

    /// Whether series of a metric of which nobody has heard lately may be stored.
    pub fn may_be_stored(&self, tenant: TenantId, name: &str, stored: StoredMetric, series: &[&Labels]) -> bool {
        let all = self.read();
        let metric = all.get(&tenant).and_then(|of_tenant| of_tenant.metrics.get(name));
        let known = metric.filter(|known| known.extent.metric.id == stored.id);
        known.map_or(stored.next_series > 0, |known| {
            let knows_all = known.series.len() as i64 == stored.next_series;
            !knows_all || series.iter().any(|labels| known.by_labels.contains_key(*labels))
        })
    }

    /// Learns series of a metric, which are stored: with those that were known before there are no others in `extent`.
    pub fn learn(&self, tenant: TenantId, name: &str, extent: Extent, series: Vec<StoredSeries>) {
        let mut all = self.write();
        let TenantSeries { metrics, texts } = all.entry(tenant).or_default();
        let known = metrics.entry(shared(texts, name)).or_insert_with(|| Metric::new(extent));
        if known.extent.metric.id != extent.metric.id {
            // The metric was removed, and came again.
            *known = Metric::new(extent);
        }
        known.add(series, texts);
        let next_series = known.extent.metric.next_series.max(extent.metric.next_series);
        let revision = known.extent.metric.revision.max(extent.metric.revision);
        let since_day = known.extent.since_day.min(extent.since_day);
        known.extent = Extent { metric: StoredMetric { next_series, revision, ..extent.metric }, since_day };
    }

    /// Learns what a commit has numbered. Where somebody else has numbered others in between, that is found out later.
    pub fn committed(&self, numbered: Numbered) {
        let Numbered { tenant, name, before, after, series } = numbered;
        let mut all = self.write();
        let TenantSeries { metrics, texts } = all.entry(tenant).or_default();
        if before.next_series == 0 {
            // Whatever was known is of one that was removed.
            metrics.insert(shared(texts, &name), Metric::new(Extent { metric: before, since_day: i64::MIN }));
        }
        // Of a metric that is not known there are other series: they are read when somebody asks.
        let Some(known) = metrics.get_mut(name.as_str()).filter(|known| known.extent.metric.id == after.id) else {
            return;
        };
        known.add(series, texts);
        if known.extent.metric == before {
            known.extent.metric = after;
        }
    }

    /// The series of these metrics for which all matchers hold and which had samples since a day, or the day before, by
    /// number; nothing if not all since that day are known.
    pub fn matching(
        &self,
        tenant: TenantId,
        metrics: &[String],
        matchers: &[Matcher],
        since_day: i64,
    ) -> StoreResult<Option<Found>> {
        let matching = Matching::new(matchers)?;
        let metrics: Vec<&String> = metrics.iter().filter(|name| matching.holds_for(NAME, name)).collect();
        // Expressions may take long: who wants to add series does not wait for them.
        let Some(mut found) = self.recent(tenant, &metrics, since_day) else { return Ok(None) };
        found.retain(|(_, labels)| matching.holds(labels));
        found.sort_unstable_by_key(|(id, _)| *id);
        Ok(Some(found))
    }

    /// The series of these metrics which had samples since a day.
    fn recent(&self, tenant: TenantId, metrics: &[&String], since_day: i64) -> Option<Found> {
        let all = self.read();
        let mut found = Vec::new();
        for name in metrics {
            let metric = all.get(&tenant)?.known_since(name, since_day)?;
            found.extend(metric.recent(since_day).map(|series| (series.id, series.labels.clone())));
        }
        Some(found)
    }

    /// Of these metrics those with series that had samples since a day, or the day before, in order, and how many there
    /// are; nothing if not all since that day are known.
    pub fn names(&self, tenant: TenantId, metrics: Vec<String>, since_day: i64) -> Option<Vec<(String, u64)>> {
        let all = self.read();
        let mut names = Vec::with_capacity(metrics.len());
        for name in metrics {
            let metric = all.get(&tenant)?.known_since(&name, since_day)?;
            let series = metric.recent(since_day).count() as u64;
            if series > 0 {
                names.push((name, series));
            }
        }
        names.sort_unstable();
        Some(names)
    }

    /// Learns that series had samples on a day, which is stored.
    pub fn had_samples(&self, tenant: TenantId, series: &[i64], day: i64) {
        let mut all = self.write();
        let Some(of_tenant) = all.get_mut(&tenant) else { return };
        let mut by_metric: HashMap<i64, &mut Metric> =
            of_tenant.metrics.values_mut().map(|metric| (metric.extent.metric.id, metric)).collect();
        for id in series {
            if let Some(metric) = by_metric.get_mut(&(id / SERIES_A_METRIC)) {
                metric.had_samples(*id, day);
            }
        }
    }

    /// How many series had samples since a day, as far as is known.
    pub fn active(&self, tenant: TenantId, since_day: i64) -> usize {
        let all = self.read();
        let metrics = all.get(&tenant).into_iter().flat_map(|of_tenant| of_tenant.metrics.values());
        metrics.flat_map(|metric| &metric.series).filter(|series| series.last_day >= since_day).count()
    }

    /// Forgets series without samples since a day, a metric at a time. Returns how many are left.
    async fn forget(&self, before_day: i64) -> usize {
        let _alone = self.change().await;
        let names: Vec<(TenantId, Arc<str>)> = {
            let all = self.read();
            let names = |(tenant, of_tenant): (&TenantId, &TenantSeries)| {
                let tenant = *tenant;
                of_tenant.metrics.keys().map(move |name| (tenant, name.clone())).collect::<Vec<_>>()
            };
            all.iter().flat_map(names).collect()
        };
        for (tenant, name) in names {
            let mut all = self.write();
            let Some(of_tenant) = all.get_mut(&tenant) else { continue };
            let Some(metric) = of_tenant.metrics.get_mut(&name) else { continue };
            metric.forget(before_day);
            if metric.series.is_empty() {
                of_tenant.metrics.remove(&name);
            }
        }
        let mut left = 0;
        for of_tenant in self.write().values_mut() {
            of_tenant.texts.retain(|text| Arc::strong_count(text) > 1);
            of_tenant.texts.shrink_to_fit();
            left += of_tenant.metrics.values().map(|metric| metric.series.len()).sum::<usize>();
        }
        left
    }

    /// Learns that there is no such metric any more.
    pub async fn remove(&self, tenant: TenantId, name: &str) {
        let _alone = self.change().await;
        if let Some(of_tenant) = self.write().get_mut(&tenant) {
            of_tenant.metrics.remove(name);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<TenantId, TenantSeries>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<TenantId, TenantSeries>> {
        self.tenants.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one copy of a text.
fn shared(texts: &mut HashSet<Arc<str>>, text: &str) -> Arc<str> {
    if let Some(known) = texts.get(text) {
        return known.clone();
    }
    let new: Arc<str> = text.into();
    texts.insert(new.clone());
    new
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sample::Comparison;

    fn series(id: i64, job: &str, last_day: i64) -> StoredSeries {
        StoredSeries { id, labels: Labels::new([(NAME, "up"), ("job", job)]), last_day }
    }

    fn matcher(label: &str, comparison: Comparison, value: &str) -> Matcher {
        Matcher { label: label.into(), comparison, value: value.into() }
    }

    const OURS: TenantId = TenantId(1);
    const FIRST: i64 = 3 * SERIES_A_METRIC;
    const UP: StoredMetric = StoredMetric { id: 3, next_series: 2, revision: 0 };

    #[test]
    fn series_are_found_by_labels_and_by_matchers() {
        let (index, theirs) = (SeriesIndex::default(), TenantId(2));
        let extent = Extent { metric: UP, since_day: 0 };
        index.learn(OURS, "up", extent, vec![series(FIRST, "a", 5), series(FIRST + 1, "b", 5)]);
        index.learn(OURS, "up", extent, vec![series(FIRST + 1, "b", 5)]);
        assert_eq!(index.extent(OURS, "up"), Some(extent));
        assert!(!index.may_be_stored(OURS, "up", UP, &[&series(0, "c", 0).labels]));
        assert!(index.may_be_stored(OURS, "up", UP, &[&series(0, "a", 0).labels]));

        let labels = series(0, "b", 0).labels;
        let known = Known { id: FIRST + 1, last_day: 5 };
        assert_eq!(index.numbers([(OURS, &labels), (theirs, &labels)].into_iter(), 5), [Some(known), None]);
        assert_eq!(index.numbers([(OURS, &labels)].into_iter(), 6), [None]);

        let up = ["up".to_owned()];
        let found = |matchers: &[Matcher]| index.matching(OURS, &up, matchers, 0).unwrap().unwrap().len();
        assert_eq!(found(&[matcher(NAME, Comparison::Equal, "up")]), 2);
        assert_eq!(found(&[matcher(NAME, Comparison::Like, "u.*"), matcher("job", Comparison::NotEqual, "a")]), 1);
        assert_eq!(found(&[matcher(NAME, Comparison::Equal, "down")]), 0);
        assert_eq!(index.matching(theirs, &[], &[], 0).unwrap(), Some(vec![]));
        assert_eq!(index.matching(theirs, &up, &[], 0).unwrap(), None);
        assert_eq!(index.matching(OURS, &up, &[], 7).unwrap(), Some(vec![]));

        assert_eq!(index.names(OURS, up.to_vec(), 5), Some(vec![("up".to_owned(), 2)]));
        assert_eq!(index.names(OURS, up.to_vec(), 7), Some(Vec::new()));
        assert_eq!(index.active(OURS, 6), 0);
        index.had_samples(OURS, &[FIRST, FIRST + 9], 6);
        assert_eq!((index.active(OURS, 6), index.active(OURS, 5)), (1, 2));
        assert_eq!(index.numbers([(OURS, &series(0, "a", 0).labels)].into_iter(), 6)[0].unwrap().last_day, 6);
    }

    #[tokio::test]
    async fn what_is_forgotten_is_not_said_to_be_nothing() {
        let index = SeriesIndex::default();
        index.learn(
            OURS,
            "up",
            Extent { metric: UP, since_day: 0 },
            vec![series(FIRST, "a", 5), series(FIRST + 1, "b", 9)],
        );
        let up = ["up".to_owned()];
        let found = |day| index.matching(OURS, &up, &[], day).unwrap();
        assert_eq!(index.forget(7).await, 1);
        assert_eq!((found(5), found(9), index.names(OURS, up.to_vec(), 9)), (None, None, None));
        index.learn(OURS, "up", Extent { metric: UP, since_day: 7 }, vec![series(FIRST + 1, "b", 10)]);
        assert_eq!((found(6), found(7).unwrap().len()), (None, 1));
        assert!(index.may_be_stored(OURS, "up", UP, &[&series(0, "c", 0).labels]));
        // What was forgotten is learned again, before what is known.
        index.learn(OURS, "up", Extent { metric: UP, since_day: 5 }, vec![series(FIRST, "a", 5)]);
        assert_eq!(found(5).unwrap().iter().map(|(id, _)| *id).collect::<Vec<_>>(), [FIRST, FIRST + 1]);
        assert_eq!(index.forget(11).await, 0);
        assert_eq!((found(10), index.extent(OURS, "up")), (None, None));
    }

    #[tokio::test]
    async fn one_that_was_removed_comes_again_as_another() {
        let index = SeriesIndex::default();
        let extent = Extent { metric: UP, since_day: 0 };
        index.learn(OURS, "up", extent, vec![series(FIRST, "a", 5), series(FIRST + 1, "b", 9)]);
        let after = StoredMetric { next_series: 3, ..UP };
        let again = vec![series(FIRST + 2, "a", 12)];
        index.committed(Numbered { tenant: OURS, name: "up".to_owned(), before: UP, after, series: again });
        let labels = series(0, "a", 0).labels;
        let known = Known { id: FIRST + 2, last_day: 12 };
        assert_eq!(index.numbers([(OURS, &labels)].into_iter(), 0), [Some(known)]);
        let found = index.matching(OURS, &["up".to_owned()], &[], 0).unwrap().unwrap();
        assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [FIRST + 1, FIRST + 2]);
        index.remove(OURS, "up").await;
        assert_eq!(index.extent(OURS, "up"), None);
    }

    #[test]
    fn a_commit_is_learned_and_what_others_did_meanwhile_is_left_to_be_found() {
        let index = SeriesIndex::default();
        let numbered = |before: StoredMetric, after: StoredMetric, series| Numbered {
            tenant: OURS,
            name: "up".to_owned(),
            before,
            after,
            series,
        };
        let at = |next_series, revision| StoredMetric { id: 3, next_series, revision };
        index.committed(numbered(at(0, 0), at(1, 0), vec![series(FIRST, "a", 5)]));
        assert_eq!(index.extent(OURS, "up").unwrap().metric, at(1, 0));
        // Somebody else added one in between: from the second on nothing is sure.
        index.committed(numbered(at(2, 0), at(3, 0), vec![series(FIRST + 2, "c", 5)]));
        assert_eq!(index.extent(OURS, "up").unwrap().metric, at(1, 0));
        assert_eq!(index.matching(OURS, &["up".to_owned()], &[], 5).unwrap().unwrap().len(), 2);
        // Nothing is known of a metric that has others.
        let other = StoredMetric { id: 4, next_series: 7, revision: 0 };
        index.committed(Numbered { name: "down".to_owned(), ..numbered(other, other, Vec::new()) });
        assert_eq!(index.extent(OURS, "down"), None);
    }
}
