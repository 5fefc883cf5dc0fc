//! Values of series, one row each: what a table of an answer is made of.

use std::collections::BTreeSet;

use leptos::prelude::*;

use crate::{
    component::number::format_unit,
    model::{MetricSeries, overview::Unit},
};

/// Labels that have a column of their own.
const MOST_COLUMNS: usize = 8;

/// The labels that have a column: those of all series, the metric first.
fn columns(all: &[MetricSeries]) -> Vec<String> {
    let names: BTreeSet<&str> = all.iter().flat_map(|series| &series.labels).map(|(name, _)| name.as_str()).collect();
    // The name of the metric sorts before letters, as it begins with `_`; capitals come even before it.
    let (metric, others): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| *name == "__name__");
    metric.into_iter().chain(others).take(MOST_COLUMNS).map(str::to_owned).collect()
}

/// The table; `label` names it.
pub fn value_rows(label: &str, all: &[MetricSeries], unit: Unit) -> AnyView {
    let columns = columns(all);
    let head = |column: &String| {
        let shown = if column == "__name__" { "metric".to_owned() } else { column.clone() };
        view! { <th scope="col">{shown}</th> }
    };
    let heads = columns.iter().map(head).collect_view();
    let row = |series: &MetricSeries| {
        let cell = |column: &String| {
            let value = series.labels.iter().find(|(name, _)| name == column).map(|(_, value)| value.clone());
            view! { <td>{value}</td> }
        };
        let cells = columns.iter().map(cell).collect_view();
        view! { <tr data-row="">{cells}<td class="number">{shown(series, unit)}</td></tr> }
    };
    let rows = all.iter().map(row).collect_view();
    view! {
        <div class="table-scroll value-table" role="region" aria-label=format!("Table: {label}") tabindex="0">
            <table class="table" aria-label=label.to_owned()>
                <thead><tr>{heads}<th scope="col" class="number">"Value"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// The newest value of a series with its unit, or what stands instead.
pub fn shown(series: &MetricSeries, unit: Unit) -> String {
    match (series.values.last().copied().flatten(), &series.text) {
        (_, Some(text)) => text.clone(),
        (Some(value), None) => {
            let (number, name) = format_unit(value, unit);
            format!("{number} {name}").trim_end().to_owned()
        }
        (None, None) => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metric_comes_first_and_values_have_units() {
        let labels = [("A", "1"), ("__name__", "up"), ("job", "x")];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let series = MetricSeries { labels, values: vec![Some(2048.0)], text: None };
        assert_eq!(columns(std::slice::from_ref(&series)), ["__name__", "A", "job"]);
        assert_eq!(shown(&series, Unit::Bytes), "2 kB");
        assert_eq!(shown(&MetricSeries { text: Some("NaN".into()), ..series }, Unit::Bytes), "NaN");
    }
}
