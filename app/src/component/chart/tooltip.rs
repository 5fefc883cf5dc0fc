//! The values at the crosshair.

use leptos::prelude::*;

use super::{ChartState, Reading, shown_value};
use crate::component::reactive::{part, text};

const DISTANCE_PX: f64 = 14.0;
/// Series that are named; of more, those with the greatest values.
const MOST_ROWS: usize = 12;

/// The values at the crosshair, on the side of it where there is more room, so that it hides neither the point nor
/// leaves the panel.
#[component]
pub fn Tooltip(state: ChartState) -> impl IntoView {
    let place = Memo::new(move |_| {
        let index = state.looked_at()?;
        let plot = state.size.get();
        let x = plot.x_of(index, state.grid.get().len);
        Some(if x < plot.width / 2.0 { (true, x + DISTANCE_PX) } else { (false, plot.width - x + DISTANCE_PX) })
    });
    let is_visible = Memo::new(move |_| place.get().is_some());
    let row = move |reading: Reading| {
        let unit = state.unit();
        let before = reading.before.map(|before| {
            view! { <span class="tooltip-before">{format!("before {}", shown_value(Some(before), unit))}</span> }
        });
        view! {
            <li data-tint=reading.tint.key()>
                <span class="swatch"></span>
                <span class="tooltip-label">{reading.label}</span>
                <span class="tooltip-value">{shown_value(reading.value, unit)}</span>
                {before}
            </li>
        }
    };
    let rows = move || {
        let index = state.looked_at()?;
        let mut readings = state.readings(index);
        let left_out = readings.len().saturating_sub(MOST_ROWS);
        if left_out > 0 {
            let size = |reading: &Reading| reading.value.unwrap_or(f64::NEG_INFINITY);
            readings.sort_by(|one, other| size(other).total_cmp(&size(one)));
            readings.truncate(MOST_ROWS);
        }
        let more = (left_out > 0).then(|| view! { <li class="tooltip-more">{format!("and {left_out} more")}</li> });
        Some(view! { {readings.into_iter().map(row).collect_view()} {more} })
    };
    // Only ever shown in the browser, where the place is set through the object model: no `style` attribute.
    view! {
        <Show when=move || is_visible.get()>
            <div class="tooltip" aria-hidden="true"
                style:left=move || place.get().filter(|(is_right, _)| *is_right).map(|(_, px)| format!("{px}px"))
                style:right=move || place.get().filter(|(is_right, _)| !*is_right).map(|(_, px)| format!("{px}px"))>
                <p class="tooltip-time">{text(move || state.looked_at().map(|index| state.time_of(index)).unwrap_or_default())}</p>
                <ul>
                    {part(move || rows().into_any())}
                </ul>
            </div>
        </Show>
    }
}
