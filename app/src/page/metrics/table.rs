//! The values of a query now, one row a series.

use leptos::prelude::*;

use super::state::{Explorer, ROWS};
use crate::{
    component::{
        number::format_count,
        promql::values::value_rows,
        reactive::{part, text},
    },
    model::{MetricAnswer, MetricQuery, overview::Unit},
};

/// The table.
#[component]
pub fn ValueTable(state: Explorer, name: char, answer: Memo<Option<MetricAnswer>>, unit: Memo<Unit>) -> impl IntoView {
    let label = format!("Values of query {name}");
    let table = part(move || {
        let unit = unit.get();
        answer.with(|answer| answer.as_ref().map(|answer| value_rows(&label, &answer.series, unit))).into_any()
    });
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
