//! The drawing and what the pointer and the keyboard do with it.

use leptos::{
    ev::{KeyboardEvent, PointerEvent},
    html,
    prelude::*,
};

use super::{ChartState, overlay::Overlay, scale::Plot, shown_value, tooltip::Tooltip, zoomed};
use crate::{
    browser::{clock, geometry, pointer},
    component::{
        range::{use_range, zoom_out},
        reactive::text,
    },
    model::RangeSpec,
};

/// A drag shorter than this is a click.
const BRUSH_PX: f64 = 6.0;
const PAGE_STEP: usize = 10;

/// The plot, with crosshair, tooltip and brush.
///
/// For the keyboard and for screen readers it is a slider over time whose value is what the series are there.
#[component]
pub fn Surface(
    /// Name of the chart.
    label: String,
    state: ChartState,
) -> impl IntoView {
    let (range, set_range) = use_range();
    let node = NodeRef::<html::Div>::new();
    // Where the drag began and where it is, in pixels.
    let brush = RwSignal::new(None::<(f64, f64)>);
    let svg = Memo::new(move |_| {
        state.data.with(|data| data.as_ref().map(|data| state.drawing(data).to_svg()).unwrap_or_default())
    });
    Effect::new(move |_| {
        if let Some(node) = node.get() {
            geometry::watch_size(&node, move |width, height| {
                let measured = Plot { width: width.round(), height: height.round() };
                if measured.width > 0.0 && measured.height > 0.0 && state.size.get_untracked() != measured {
                    state.size.set(measured);
                }
            });
        }
    });

    let index_at = move |x: f64| state.size.get_untracked().index_at(x, state.grid.get_untracked().len);
    let on_pointermove = move |event: PointerEvent| {
        let x = f64::from(event.offset_x());
        state.crosshair.set(index_at(x));
        brush.update(|brush| {
            if let Some((_, end)) = brush {
                *end = x;
            }
        });
    };
    let on_pointerdown = move |event: PointerEvent| {
        let x = f64::from(event.offset_x());
        state.crosshair.set(index_at(x));
        // A finger scrubs; only a pointer that can hover has a drag to spare.
        if event.button() == 0 && event.pointer_type() != "touch" {
            pointer::capture(&event);
            brush.set(Some((x, x)));
        }
    };
    let on_pointerup = move |_| {
        let Some((start, end)) = brush.try_update(Option::take).flatten() else { return };
        if (end - start).abs() < BRUSH_PX {
            return;
        }
        if let Some((first, last)) = index_at(start).zip(index_at(end)) {
            let (from, to) = zoomed(state.grid.get_untracked(), first, last);
            state.crosshair.set(None);
            set_range.set(RangeSpec::Fixed(from, to));
        }
    };
    let on_keydown = move |event: KeyboardEvent| {
        let Some(last) = state.grid.get_untracked().len.checked_sub(1) else { return };
        let current = state.crosshair.get_untracked().unwrap_or(last).min(last);
        let step = if event.shift_key() { PAGE_STEP } else { 1 };
        let next = match event.key().as_str() {
            "ArrowLeft" | "ArrowDown" => Some(current.saturating_sub(step)),
            "ArrowRight" | "ArrowUp" => Some((current + step).min(last)),
            "PageDown" => Some(current.saturating_sub(PAGE_STEP)),
            "PageUp" => Some((current + PAGE_STEP).min(last)),
            "Home" => Some(0),
            "End" => Some(last),
            "Escape" => {
                brush.set(None);
                None
            }
            _ => return,
        };
        event.prevent_default();
        state.crosshair.set(next);
    };
    let on_dblclick = move |_| set_range.set(zoom_out(range.get_untracked(), clock::now()));

    let last = move || state.grid.get().len.saturating_sub(1);
    let current = move || state.looked_at().unwrap_or_else(last);
    let spoken = text(move || {
        let index = current();
        let values = state
            .readings(index)
            .into_iter()
            .map(|reading| format!("{} {}", reading.label, shown_value(reading.value, state.unit())));
        format!("{}: {}", state.time_of(index), values.collect::<Vec<_>>().join(", "))
    });
    view! {
        <div class="chart" node_ref=node tabindex="0" role="slider" aria-label=format!("{label} over time")
            aria-valuemin="0" aria-valuemax=last aria-valuenow=current aria-valuetext=spoken
            on:pointermove=on_pointermove on:pointerdown=on_pointerdown on:pointerup=on_pointerup
            on:pointerleave=move |_| state.crosshair.set(None)
            on:pointercancel=move |_| brush.set(None)
            on:blur=move |_| state.crosshair.set(None)
            on:dblclick=on_dblclick on:keydown=on_keydown>
            <div class="chart-drawing" inner_html=svg></div>
            <Overlay state brush />
            <Tooltip state />
            <Show when=move || state.is_empty()>
                <p class="chart-empty">"Nothing measured in this time range"</p>
            </Show>
        </div>
    }
    .into_any()
}
