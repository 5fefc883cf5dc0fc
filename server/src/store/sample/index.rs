//! The series that are known, by name, by labels and by number.

use std::sync::{Arc, PoisonError, RwLock};

use app::model::TenantId;
use foldhash::{HashMap, HashMapExt, HashSet};

use super::{
    Labels, Matcher, NAME,
    matching::{Matching, name_of},
};
use crate::store::StoreResult;

/// So many series a metric may have: what its numbers leave room for.
pub const SERIES_A_METRIC: i64 = 1 << 24;

/// A metric and how far its series are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownMetric {
    /// Its number.
    pub id: i64,
    /// Its series before this one are known.
    pub next_series: i64,
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

/// Series with their numbers.
pub type Numbered = Vec<(i64, Labels)>;

/// The series of all tenants, as far as somebody has asked for them. Numbers and labels never change, so what is here is
/// true; what is not may have been added by somebody else.
#[derive(Debug, Default)]
pub struct SeriesIndex(RwLock<HashMap<TenantId, TenantSeries>>);

#[derive(Debug, Default)]
struct TenantSeries {
    metrics: HashMap<Arc<str>, Metric>,
    /// Every text of a label once.
    texts: HashSet<Arc<str>>,
}

#[derive(Debug)]
struct Metric {
    id: i64,
    next_series: i64,
    series: Vec<StoredSeries>,
    by_labels: HashMap<Labels, i64>,
}

impl SeriesIndex {
    /// The numbers of series, where they are known.
    pub fn numbers<'a>(&self, series: impl Iterator<Item = (TenantId, &'a Labels)>) -> Vec<Option<i64>> {
        let all = self.read();
        let number = |(tenant, labels): (TenantId, &Labels)| {
            all.get(&tenant)?.metrics.get(labels.name())?.by_labels.get(labels).copied()
        };
        series.map(number).collect()
    }

    /// A metric, if it is known.
    pub fn metric(&self, tenant: TenantId, name: &str) -> Option<KnownMetric> {
        let all = self.read();
        let metric = all.get(&tenant)?.metrics.get(name)?;
        Some(KnownMetric { id: metric.id, next_series: metric.next_series })
    }

    /// Learns series of a metric, which are stored, and that there are no others before `next_series`.
    pub fn learn(&self, tenant: TenantId, name: &str, metric: KnownMetric, series: Vec<StoredSeries>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let TenantSeries { metrics, texts } = all.entry(tenant).or_default();
        let known = metrics.entry(shared(texts, name)).or_insert_with(|| Metric {
            id: metric.id,
            next_series: 0,
            series: Vec::new(),
            by_labels: HashMap::new(),
        });
        if known.series.is_empty() {
            // What was learned of a metric whose commit came to nothing may be wrong.
            known.id = metric.id;
        }
        for StoredSeries { id, labels, last_day } in series {
            if known.by_labels.contains_key(&labels) {
                continue;
            }
            let labels = Labels::new(labels.iter().map(|(name, value)| (shared(texts, name), shared(texts, value))));
            known.by_labels.insert(labels.clone(), id);
            known.series.push(StoredSeries { id, labels, last_day });
        }
        known.next_series = known.next_series.max(metric.next_series);
    }

    /// The series for which all matchers hold and which had samples since a day, as far as is known, by number.
    pub fn matching(&self, tenant: TenantId, matchers: &[Matcher], since_day: i64) -> StoreResult<Numbered> {
        let matching = Matching::new(matchers)?;
        // Expressions may take long: who wants to add series does not wait for them.
        let mut metrics = self.recent(tenant, name_of(matchers), since_day);
        metrics.retain(|(name, _)| matching.holds_for(NAME, name));
        let mut found: Vec<_> = metrics.into_iter().flat_map(|(_, series)| series).collect();
        found.retain(|(_, labels)| matching.holds(labels));
        found.sort_unstable_by_key(|(id, _)| *id);
        Ok(found)
    }

    /// The series of a metric, or of all, which had samples since a day, by metric.
    fn recent(&self, tenant: TenantId, name: Option<&str>, since_day: i64) -> Vec<(Arc<str>, Numbered)> {
        let all = self.read();
        let Some(TenantSeries { metrics, .. }) = all.get(&tenant) else { return Vec::new() };
        let of = |(name, metric): (&Arc<str>, &Metric)| {
            let recent = metric.series.iter().filter(|series| series.last_day >= since_day);
            (name.clone(), recent.map(|series| (series.id, series.labels.clone())).collect())
        };
        match name {
            Some(name) => metrics.get_key_value(name).map(of).into_iter().collect(),
            None => metrics.iter().map(of).collect(),
        }
    }

    /// The names of series that had samples since a day, in order, and how many series have them.
    pub fn names(&self, tenant: TenantId, since_day: i64) -> Vec<(String, u64)> {
        let all = self.read();
        let metrics = all.get(&tenant).into_iter().flat_map(|of_tenant| &of_tenant.metrics);
        let counted = metrics.map(|(name, metric)| {
            let recent = metric.series.iter().filter(|series| series.last_day >= since_day);
            (name.to_string(), recent.count() as u64)
        });
        let mut names: Vec<(String, u64)> = counted.filter(|(_, series)| *series > 0).collect();
        names.sort_unstable();
        names
    }

    /// Of series those of which it is not known that they had samples on a day or later.
    pub fn not_known_on(&self, tenant: TenantId, series: &[i64], day: i64) -> Vec<i64> {
        let all = self.read();
        let Some(of_tenant) = all.get(&tenant) else { return Vec::new() };
        let by_metric: HashMap<i64, &Metric> = of_tenant.metrics.values().map(|metric| (metric.id, metric)).collect();
        let last_day = |id: &i64| {
            let metric = by_metric.get(&(id / SERIES_A_METRIC))?;
            let at = metric.series.binary_search_by_key(id, |series| series.id).ok()?;
            Some(metric.series[at].last_day)
        };
        series.iter().filter(|id| last_day(id).is_some_and(|last| last < day)).copied().collect()
    }

    /// Learns that series had samples on a day, which is stored.
    pub fn had_samples(&self, tenant: TenantId, series: &[i64], day: i64) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(of_tenant) = all.get_mut(&tenant) else { return };
        let mut by_metric: HashMap<i64, &mut Metric> =
            of_tenant.metrics.values_mut().map(|metric| (metric.id, metric)).collect();
        for id in series {
            let Some(metric) = by_metric.get_mut(&(id / SERIES_A_METRIC)) else { continue };
            if let Ok(at) = metric.series.binary_search_by_key(id, |series| series.id) {
                metric.series[at].last_day = metric.series[at].last_day.max(day);
            }
        }
    }

    /// How many series had samples since a day, as far as is known.
    pub fn active(&self, tenant: TenantId, since_day: i64) -> usize {
        let all = self.read();
        let metrics = all.get(&tenant).into_iter().flat_map(|of_tenant| of_tenant.metrics.values());
        metrics.flat_map(|metric| &metric.series).filter(|series| series.last_day >= since_day).count()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<TenantId, TenantSeries>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
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

    fn series(id: i64, job: &str) -> StoredSeries {
        StoredSeries { id, labels: Labels::new([(NAME, "up"), ("job", job)]), last_day: 5 }
    }

    #[test]
    fn series_are_found_by_labels_and_by_matchers() {
        let (index, ours, theirs) = (SeriesIndex::default(), TenantId(1), TenantId(2));
        let metric = KnownMetric { id: 3, next_series: 2 };
        let first = 3 * SERIES_A_METRIC;
        index.learn(ours, "up", metric.clone(), vec![series(first, "a"), series(first + 1, "b")]);
        index.learn(ours, "up", metric.clone(), vec![series(first + 1, "b")]);
        assert_eq!(index.metric(ours, "up"), Some(metric));

        let labels = series(0, "b").labels;
        assert_eq!(index.numbers([(ours, &labels), (theirs, &labels)].into_iter()), [Some(first + 1), None]);

        let matcher =
            |label: &str, comparison, value: &str| Matcher { label: label.into(), comparison, value: value.into() };
        let found = |matchers: &[Matcher]| index.matching(ours, matchers, 0).unwrap().len();
        assert_eq!(found(&[matcher(NAME, Comparison::Equal, "up")]), 2);
        assert_eq!(found(&[matcher(NAME, Comparison::Like, "u.*"), matcher("job", Comparison::NotEqual, "a")]), 1);
        assert_eq!(found(&[matcher(NAME, Comparison::Equal, "down")]), 0);
        assert_eq!(index.matching(theirs, &[], 0).unwrap(), []);
        assert_eq!(index.matching(ours, &[], 6).unwrap(), []);

        assert_eq!(index.names(ours, 5), [("up".to_owned(), 2)]);
        assert_eq!((index.names(ours, 6), index.names(theirs, 0)), (Vec::new(), Vec::new()));
        assert_eq!(index.active(ours, 6), 0);
        assert_eq!(index.not_known_on(ours, &[first, first + 9], 6), [first]);
        index.had_samples(ours, &[first, first + 9], 6);
        assert_eq!(index.not_known_on(ours, &[first, first + 1], 6), [first + 1]);
        assert_eq!((index.active(ours, 6), index.active(ours, 5)), (1, 2));
    }
}
