//! The choices for what is typed: words of the language, and names that the server knows.

use super::completion::{Choice, Context, Wanted};
use crate::{
    api::{find_label_values, list_metrics, load_metric_labels},
    component::number::format_count,
    model::{LabelValue, LabelValuesQuery, MetricKind, MetricLabelsQuery, MetricListQuery, MetricSummary, RangeSpec},
};

/// Choices that are shown at most.
const MOST: usize = 40;
/// Metrics that are asked for.
const METRICS: u32 = 25;

/// Whether the server has to be asked.
pub fn asks_server(context: &Context) -> bool {
    match &context.wanted {
        Wanted::Value => !context.typed.is_empty(),
        Wanted::Label { metric } => !metric.is_empty(),
        Wanted::LabelValue { .. } => true,
        Wanted::After { .. } | Wanted::Duration | Wanted::Nothing => false,
    }
}

/// Choices with what the server knows. Without its answer, those that need none: the reader goes on typing.
pub async fn choices(context: &Context, range: RangeSpec) -> Vec<Choice> {
    let mut all = match &context.wanted {
        Wanted::Value => {
            let query = MetricListQuery { search: context.typed.clone(), range, limit: METRICS };
            let found = list_metrics(query).await.map(|list| list.metrics).unwrap_or_default();
            // What only the help mentions is for the search, not for who writes a name.
            let typed = context.typed.to_lowercase();
            found.into_iter().filter(|metric| metric.name.to_lowercase().contains(&typed)).flat_map(of_metric).collect()
        }
        Wanted::Label { metric } => {
            let query = MetricLabelsQuery { metric: metric.clone(), range, ..MetricLabelsQuery::default() };
            let found = load_metric_labels(query).await.map(|found| found.labels).unwrap_or_default();
            let typed = context.typed.to_lowercase();
            let named = found.into_iter().filter(|label| label.name.to_lowercase().contains(&typed));
            let choice = |label: crate::model::LabelFacet| Choice {
                kind: format!("{} values", format_count(label.distinct)),
                help: label.values.iter().take(3).map(|of| of.value.as_str()).collect::<Vec<_>>().join(", "),
                text: label.name.clone(),
                label: label.name,
            };
            named.map(choice).collect()
        }
        Wanted::LabelValue { metric, label, .. } => {
            let query =
                LabelValuesQuery { metric: metric.clone(), label: label.clone(), search: context.typed.clone() };
            let found = find_label_values(query).await.unwrap_or_default();
            let choice = |LabelValue { value, series }| Choice {
                text: Context::value_text(&value),
                kind: format!("{} series", format_count(series)),
                help: String::new(),
                label: value,
            };
            found.into_iter().map(choice).collect()
        }
        Wanted::After { .. } | Wanted::Duration | Wanted::Nothing => Vec::new(),
    };
    all.extend(context.known());
    // A word that is there already needs no choice.
    all.retain(|choice| choice.text != context.typed);
    all.truncate(MOST);
    all
}

/// A metric as its series are called: those of a histogram have endings.
fn of_metric(metric: MetricSummary) -> Vec<Choice> {
    let endings: &[&str] = match metric.kind {
        MetricKind::Histogram => &["_bucket", "_count", "_sum"],
        MetricKind::Summary => &["", "_count", "_sum"],
        _ => &[""],
    };
    let choice = |ending: &&str| Choice {
        text: format!("{}{ending}", metric.name),
        label: format!("{}{ending}", metric.name),
        kind: metric.kind.label().to_owned(),
        help: metric.help.clone(),
    };
    endings.iter().map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_is_offered_by_its_series() {
        let metric = MetricSummary {
            name: "rpc".into(),
            kind: MetricKind::Histogram,
            help: "Calls.".into(),
            unit: String::new(),
            series: 3,
        };
        let texts: Vec<String> = of_metric(metric).into_iter().map(|choice| choice.text).collect();
        assert_eq!(texts, ["rpc_bucket", "rpc_count", "rpc_sum"]);
    }
}
