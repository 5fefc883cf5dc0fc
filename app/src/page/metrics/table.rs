//! The values of a query now, one row a series.

use std::collections::BTreeSet;

use leptos::prelude::*;

use super::state::{Explorer, ROWS};
use crate::{
    component::{
        number::{format_count, format_unit},
        reactive::{part, text},
    },
    model::{MetricAnswer, MetricQuery, MetricSeries, overview::Unit},
};

/// Labels that have a column of their own.
const MOST_COLUMNS: usize = 8;

/// The table.
#[component]
pub fn ValueTable(state: Explorer, name: char, answer: Memo<Option<MetricAnswer>>, unit: Memo<Unit>) -> impl IntoView {
    let table =
        part(move || answer.with(|answer| answer.as_ref().map(|answer| drawn(answer, name, unit.get()))).into_any());
    let left_out = Memo::new(move |_| {
        answer
            .with(|answer| answer.as_ref().map_or(0, |answer| answer.total.saturating_sub(answer.series.len() as u64)))
    });
    let more = part(move || {
        let count = left_out.get();
        if count == 0 {
            return ().into_any();
        }
        let rows = state.row_limit();
        let next = (rows * 4).min(MetricQuery::MOST_ROWS);
        let link = (rows < MetricQuery::MOST_ROWS).then(|| {
            let href = text(move || state.href_with(ROWS, Some(&next.to_string())));
            view! { " " <a data-noscroll href=href>"Show more"</a> }
        });
        view! { <p class="panel-note">{format!("{} more series.", format_count(count))} {link}</p> }.into_any()
    });
    view! { {table} {more} }.into_any()
}

/// The labels that have a column: those of all series, the metric first.
fn columns(all: &[MetricSeries]) -> Vec<String> {
    let names: BTreeSet<&str> = all.iter().flat_map(|series| &series.labels).map(|(name, _)| name.as_str()).collect();
    // The name of the metric sorts before letters, as it begins with `_`; capitals come even before it.
    let (metric, others): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| *name == "__name__");
    metric.into_iter().chain(others).take(MOST_COLUMNS).map(str::to_owned).collect()
}

fn drawn(answer: &MetricAnswer, name: char, unit: Unit) -> AnyView {
    let columns = columns(&answer.series);
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
    let rows = answer.series.iter().map(row).collect_view();
    let label = format!("Values of query {name}");
    view! {
        <div class="table-scroll value-table" role="region" aria-label=format!("Table: {label}") tabindex="0">
            <table class="table" aria-label=label.clone()>
                <thead><tr>{heads}<th scope="col" class="number">"Value"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn shown(series: &MetricSeries, unit: Unit) -> String {
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
