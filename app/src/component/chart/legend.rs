//! The legend: what each colour is, its newest value, and a switch for it.

use leptos::prelude::*;

use super::{ChartState, Tint, shown_value};
use crate::{component::reactive::flag, model::overview::ChartSeries};

/// The switches of a chart's series.
#[component]
pub fn Legend(state: ChartState) -> impl IntoView {
    let keys = Memo::new(move |_| {
        state.data.with(|data| {
            let series = data.iter().flat_map(|data| data.series.iter());
            series.map(|series| (series.key.clone(), series.label.clone())).collect::<Vec<_>>()
        })
    });
    view! {
        <ul class="legend">
            <For each=move || keys.get().into_iter().enumerate() key=Clone::clone let((place, (key, label)))>
                <LegendItem state place key label />
            </For>
        </ul>
    }
}

#[component]
fn LegendItem(state: ChartState, place: usize, key: String, label: String) -> impl IntoView {
    let tint = Tint::of(&key, place).key();
    let value = {
        let key = key.clone();
        Memo::new(move |_| {
            let index = state.looked_at();
            let value = state.data.with(|data| {
                let series = data.as_ref()?.series.iter().find(|series| series.key == key)?;
                value_at(series, index)
            });
            shown_value(value, state.unit())
        })
    };
    let is_shown = {
        let key = key.clone();
        Memo::new(move |_| state.hidden.with(|hidden| !hidden.contains(&key)))
    };
    let toggle = move |_| {
        state.hidden.update(|hidden| match hidden.iter().position(|other| *other == key) {
            Some(at) => drop(hidden.swap_remove(at)),
            None => hidden.push(key.clone()),
        });
    };
    view! {
        <li>
            <button type="button" class="legend-item" data-tint=tint on:click=toggle
                aria-pressed=flag(move || is_shown.get())>
                <span class="swatch" aria-hidden="true"></span>
                {label}
                " "
                <span class="legend-value">{value}</span>
            </button>
        </li>
    }
}

/// The value at a slice, or the newest one.
fn value_at(series: &ChartSeries, index: Option<usize>) -> Option<f64> {
    match index {
        Some(index) => series.values.get(index).copied().flatten(),
        None => series.values.iter().rev().copied().flatten().next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_crosshair_the_newest_value_counts() {
        let series = ChartSeries {
            key: "cpu".into(),
            label: "cpu".into(),
            values: vec![Some(1.0), Some(2.0), None],
            before: Vec::new(),
        };
        assert_eq!(value_at(&series, None), Some(2.0));
        assert_eq!(value_at(&series, Some(0)), Some(1.0));
        assert_eq!(value_at(&series, Some(2)), None);
        assert_eq!(value_at(&series, Some(9)), None);
    }
}
