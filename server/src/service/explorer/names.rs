//! Names of metrics, labels and values: found, put together and counted.

use std::collections::BTreeMap;

use app::model::{
    LabelFacet, LabelTest, LabelValue, LabelValuesQuery, MetricKind, MetricLabels, MetricLabelsQuery, MetricSummary,
};
use foldhash::{HashMap, HashMapExt};

use crate::store::{
    Metadata,
    sample::{Labels, NAME},
};

/// The endings of a family's series.
const PARTS: [&str; 3] = ["_bucket", "_sum", "_count"];
const TOTAL: &str = "_total";

/// Families of the series with these names: histograms and summaries are one, whatever series they consist of. Where no
/// sender has said what a metric is, its name tells.
pub fn families(series: &[(String, u64)], described: Vec<Metadata>) -> Vec<MetricSummary> {
    let described: HashMap<String, Metadata> = described.into_iter().map(|one| (one.name.clone(), one)).collect();
    let counts: HashMap<&str, u64> = series.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    let mut all: BTreeMap<&str, MetricSummary> = BTreeMap::new();
    for (name, count) in series {
        let (family, kind) = family(name, &described, &counts);
        let said = described.get(family).or_else(|| described.get(family.strip_suffix(TOTAL)?));
        let summary = all.entry(family).or_insert_with(|| MetricSummary {
            name: family.to_owned(),
            kind,
            help: said.map(|said| said.help.clone()).unwrap_or_default(),
            unit: said.map(|said| said.unit.clone()).unwrap_or_default(),
            series: 0,
        });
        summary.series += count;
    }
    all.into_values().collect()
}

/// The family of a series' name, and of what kind it is.
fn family<'a>(
    name: &'a str,
    described: &HashMap<String, Metadata>,
    counts: &HashMap<&str, u64>,
) -> (&'a str, MetricKind) {
    for part in PARTS {
        let Some(family) = name.strip_suffix(part).filter(|family| !family.is_empty()) else { continue };
        let kind = described.get(family).map_or(MetricKind::Unknown, |said| MetricKind::of(&said.kind));
        if matches!(kind, MetricKind::Histogram | MetricKind::Summary) {
            return (family, kind);
        }
        let has = |part: &str| counts.contains_key(format!("{family}{part}").as_str());
        if has("_bucket") && has("_count") && !described.contains_key(name) {
            return (family, MetricKind::Histogram);
        }
    }
    let said = described.get(name).or_else(|| described.get(name.strip_suffix(TOTAL)?));
    let said = said.map(|said| MetricKind::of(&said.kind)).filter(|kind| *kind != MetricKind::Unknown);
    let guessed = if name.ends_with(TOTAL) { MetricKind::Counter } else { MetricKind::Unknown };
    (name, said.unwrap_or(guessed))
}

/// Those that have all the words in name or help, at most so many, best first: the name itself, how it begins, what is in
/// it, then the help. And how many there are.
pub fn search(families: Vec<MetricSummary>, search: &str, limit: usize) -> (Vec<MetricSummary>, u64) {
    let search = search.to_lowercase();
    let words: Vec<&str> = search.split_whitespace().collect();
    let rank = |metric: &MetricSummary| {
        let name = metric.name.to_lowercase();
        let is_in_name = words.iter().all(|word| name.contains(word));
        let first = words.first().copied().unwrap_or_default();
        match () {
            () if name == search => Some(0),
            () if is_in_name && name.starts_with(first) => Some(1),
            () if is_in_name => Some(2),
            () => {
                let help = metric.help.to_lowercase();
                words.iter().all(|word| name.contains(word) || help.contains(word)).then_some(3)
            }
        }
    };
    let mut found: Vec<(u8, MetricSummary)> =
        families.into_iter().filter_map(|metric| Some((rank(&metric)?, metric))).collect();
    let matching = found.len() as u64;
    // They come by name, and stay so within a rank.
    found.sort_by_key(|(rank, _)| *rank);
    found.truncate(limit);
    (found.into_iter().map(|(_, metric)| metric).collect(), matching)
}

/// The labels of these series of one metric with so many values each. Values of a label are counted among the series for
/// which all tests hold but those of the label itself: so that others can be added to what is chosen.
pub fn labels(series: &[Labels], tests: &[LabelTest], values: usize) -> MetricLabels {
    let mut counted: BTreeMap<&str, HashMap<&str, u64>> = BTreeMap::new();
    let mut left = 0;
    for labels in series {
        let failed: Vec<&str> =
            tests.iter().filter(|test| !test.holds(labels.get(&test.label))).map(|test| test.label.as_str()).collect();
        left += u64::from(failed.is_empty());
        for (name, value) in labels.iter().filter(|(name, _)| *name != NAME) {
            let of_label = counted.entry(name).or_default();
            if failed.iter().all(|label| *label == name) {
                *of_label.entry(value).or_default() += 1;
            }
        }
    }
    let label_count = counted.len() as u64;
    let facet = |(name, counts): (&str, HashMap<&str, u64>)| LabelFacet {
        name: name.to_owned(),
        distinct: counts.len() as u64,
        values: most_first(counts, values),
    };
    let labels = counted.into_iter().take(MetricLabelsQuery::MOST_LABELS).map(facet).collect();
    MetricLabels { series: left, labels, label_count }
}

/// Values of a label that have a text in them; those that begin with it first.
pub fn values(series: &[Labels], label: &str, search: &str) -> Vec<LabelValue> {
    let search = search.to_lowercase();
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for value in series.iter().map(|labels| labels.get(label)) {
        *counts.entry(value).or_default() += 1;
    }
    counts.retain(|value, _| !value.is_empty() && value.to_lowercase().contains(&search));
    let mut found = most_first(counts, usize::MAX);
    found.sort_by_key(|found| !found.value.to_lowercase().starts_with(&search));
    found.truncate(LabelValuesQuery::MOST);
    found
}

fn most_first(counts: HashMap<&str, u64>, most: usize) -> Vec<LabelValue> {
    let mut values: Vec<(&str, u64)> = counts.into_iter().collect();
    values.sort_unstable_by(|(value, series), (other, others)| others.cmp(series).then(value.cmp(other)));
    values.truncate(most);
    values.into_iter().map(|(value, series)| LabelValue { value: value.to_owned(), series }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, kind: &str, help: &str) -> Metadata {
        Metadata { name: name.into(), kind: kind.into(), help: help.into(), unit: String::new() }
    }

    fn named(names: &[(&str, u64)]) -> Vec<(String, u64)> {
        names.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn the_series_of_a_histogram_are_one_metric() {
        let series = named(&[
            ("calls_total", 3),
            ("room_count", 1),
            ("rpc_bucket", 12),
            ("rpc_count", 1),
            ("rpc_sum", 1),
            ("size", 2),
            ("size_count", 1),
            ("size_sum", 1),
            ("temp", 4),
        ]);
        let described =
            vec![said("calls", "counter", "Calls."), said("size", "summary", "Sizes."), said("temp", "gauge", "")];
        let told: Vec<_> = families(&series, described)
            .into_iter()
            .map(|metric| (metric.name, metric.kind, metric.series, metric.help))
            .collect();
        let expected = [
            ("calls_total", MetricKind::Counter, 3, "Calls."),
            ("room_count", MetricKind::Unknown, 1, ""),
            ("rpc", MetricKind::Histogram, 14, ""),
            ("size", MetricKind::Summary, 4, "Sizes."),
            ("temp", MetricKind::Gauge, 4, ""),
        ];
        assert_eq!(told, expected.map(|(name, kind, series, help)| (name.to_owned(), kind, series, help.to_owned())));
    }

    #[test]
    fn the_best_match_comes_first() {
        let series = named(&[("http_errors", 1), ("node_http", 1), ("http", 1), ("other", 1)]);
        let all = families(&series, vec![said("other", "gauge", "Of HTTP servers.")]);
        let names = |search_for: &str, limit| {
            let (found, matching) = search(all.clone(), search_for, limit);
            (found.into_iter().map(|metric| metric.name).collect::<Vec<_>>().join(" "), matching)
        };
        assert_eq!(names("HTTP", 10), ("http http_errors node_http other".to_owned(), 4));
        assert_eq!(names("err http", 10), ("http_errors".to_owned(), 1));
        assert_eq!(names("", 2), ("http http_errors".to_owned(), 4));
        assert_eq!(names("nothing", 2), (String::new(), 0));
    }

    #[test]
    fn a_label_offers_the_values_that_could_be_added() {
        let series = [("a", "1"), ("a", "2"), ("b", "1"), ("c", "3")]
            .map(|(job, zone)| Labels::named("up", &[("job", job), ("zone", zone)]));
        let test = LabelTest { label: "job".into(), is_not: false, values: vec!["a".into()] };
        let found = labels(&series, &[test], 2);
        assert_eq!((found.series, found.label_count), (2, 2));
        let told = |facet: &LabelFacet| {
            let values: Vec<_> = facet.values.iter().map(|of| format!("{}:{}", of.value, of.series)).collect();
            (facet.name.clone(), facet.distinct, values.join(" "))
        };
        let told: Vec<_> = found.labels.iter().map(told).collect();
        assert_eq!(told[0], ("job".to_owned(), 3, "a:2 b:1".to_owned()));
        assert_eq!(told[1], ("zone".to_owned(), 2, "1:1 2:1".to_owned()));
    }

    #[test]
    fn values_that_begin_with_the_text_come_first() {
        let series = ["xa", "ab", "ab", "zz"].map(|job| Labels::named("up", &[("job", job)]));
        let found: Vec<_> = values(&series, "job", "A").into_iter().map(|found| found.value).collect();
        assert_eq!(found, ["ab", "xa"]);
    }
}
