//! How the series of an answer are called.

use crate::model::MetricSeries;

/// A name for each series: what sets them apart, rather than everything that they have.
pub fn names(all: &[MetricSeries]) -> Vec<String> {
    let is_common = |(name, value): &(String, String)| {
        all.len() > 1
            && all.iter().all(|series| series.labels.iter().any(|label| label.0 == *name && label.1 == *value))
    };
    let varying = |series: &MetricSeries| -> Vec<(String, String)> {
        series.labels.iter().filter(|label| !is_common(label)).cloned().collect()
    };
    let varying: Vec<Vec<(String, String)>> = all.iter().map(varying).collect();
    // Where they differ in one label, its values are enough.
    let one_label =
        |labels: &Vec<(String, String)>| labels.first().filter(|_| labels.len() == 1).map(|(name, _)| name.clone());
    let first = varying.first().and_then(one_label);
    let is_alone = first.is_some() && varying.iter().all(|labels| one_label(labels) == first);
    let name = |(series, labels): (&MetricSeries, &Vec<(String, String)>)| match labels.as_slice() {
        [] => metric_of(series).unwrap_or("value").to_owned(),
        [(_, value)] if is_alone => value.clone(),
        labels => written(labels),
    };
    all.iter().zip(&varying).map(name).collect()
}

/// All labels of a series, as PromQL writes them.
pub fn full_name(series: &MetricSeries) -> String {
    if series.labels.is_empty() { "{}".to_owned() } else { written(&series.labels) }
}

fn metric_of(series: &MetricSeries) -> Option<&str> {
    series.labels.iter().find(|(name, _)| name == "__name__").map(|(_, value)| value.as_str())
}

fn written(labels: &[(String, String)]) -> String {
    let metric =
        labels.iter().find(|(name, _)| name == "__name__").map(|(_, value)| value.as_str()).unwrap_or_default();
    let others: Vec<String> =
        labels.iter().filter(|(name, _)| name != "__name__").map(|(name, value)| format!("{name}={value}")).collect();
    match (metric.is_empty(), others.is_empty()) {
        (false, true) => metric.to_owned(),
        (true, _) => others.join(", "),
        (false, false) => format!("{metric} {}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(labels: &[(&str, &str)]) -> MetricSeries {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        MetricSeries { labels: labels.collect(), values: Vec::new(), text: None }
    }

    #[test]
    fn a_name_says_what_differs() {
        let up = |job, zone| series(&[("__name__", "up"), ("job", job), ("zone", zone)]);
        assert_eq!(names(&[up("a", "x"), up("b", "x")]), ["a", "b"]);
        assert_eq!(names(&[up("a", "x"), up("b", "y")]), ["job=a, zone=x", "job=b, zone=y"]);
        assert_eq!(names(&[up("a", "x")]), ["up job=a, zone=x"]);
        assert_eq!(names(&[series(&[])]), ["value"]);
        assert_eq!(names(&[series(&[("__name__", "a")]), series(&[("__name__", "b")])]), ["a", "b"]);
        assert_eq!(full_name(&series(&[])), "{}");
    }
}
