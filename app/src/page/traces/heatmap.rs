//! Durations over time, drawn; a drag picks a part of both.

use leptos::{ev::PointerEvent, prelude::*};

use super::{
    heat::{Heat, Picked, Point},
    state::TraceListState,
};
use crate::{
    browser::{clock, pointer},
    component::{
        chart::time_ticks,
        number::format_count,
        panel::Panel,
        reactive::{part, text},
        time::{TimeFormat, Zone, format_axis, format_duration_ms, format_wall, use_zone},
    },
    model::RangeSpec,
};

/// A drag over less than this share of the width and of the height is a click.
const BRUSH_SHARE: f64 = 0.008;
const TIME_LABELS: i64 = 6;
const DURATION_LABELS: usize = 4;

fn percent(value: f64) -> String {
    format!("{value:.3}%")
}

/// The map, its axes, and what the pointer does with it.
#[component]
pub fn DurationMap(
    /// What is drawn.
    heat: Heat,
    /// What a drag changes.
    state: TraceListState,
) -> impl IntoView {
    let zone = use_zone();
    let heat = StoredValue::new(heat);
    // Where a drag began and where the pointer is.
    let start = RwSignal::new(None::<Point>);
    let here = RwSignal::new(None::<Point>);

    let on_move = move |event: PointerEvent| here.set(pointer::place_in(&event));
    let on_down = move |event: PointerEvent| {
        // A finger scrolls; only a pointer that can hover has a drag to spare.
        if event.button() == 0 && event.pointer_type() != "touch" {
            pointer::capture(&event);
            start.set(pointer::place_in(&event));
        }
    };
    let on_up = move |event: PointerEvent| {
        let Some((start, end)) = start.try_update(Option::take).flatten().zip(pointer::place_in(&event)) else {
            return;
        };
        if (end.0 - start.0).abs() < BRUSH_SHARE && (end.1 - start.1).abs() < BRUSH_SHARE {
            return;
        }
        let picked = heat.with_value(|heat| heat.pick(heat.between(start, end)));
        here.set(None);
        state.pick(RangeSpec::Fixed(picked.from, picked.to), picked.min_ms, picked.max_ms);
    };
    let leave = move || {
        start.set(None);
        here.set(None);
    };
    let cells = Memo::new(move |_| {
        let here = here.get()?;
        Some(heat.with_value(|heat| heat.between(start.get().unwrap_or(here), here)))
    });
    let brush = move || {
        let Some(cells) = cells.get().filter(|_| start.with(Option::is_some)) else { return ().into_any() };
        let place = heat.with_value(|heat| heat.place(cells));
        view! {
            <rect class="brush" x=percent(place.x) y=percent(place.y) width=percent(place.width)
                height=percent(place.height) />
        }
        .into_any()
    };
    let reading = move || match cells.get() {
        None => "Drag over times and durations to narrow the list".to_owned(),
        Some(cells) => heat.with_value(|heat| describe(heat.pick(cells), heat.count(cells), zone.get())),
    };
    view! {
        <Panel title="Durations" subtitle=text(reading) class="duration-map">
            <div class="heat">
                <svg class="heat-durations" aria-hidden="true">{heat.with_value(duration_axis)}</svg>
                <svg class="heat-cells" role="img" aria-label=heat.with_value(summary)
                    on:pointermove=on_move on:pointerdown=on_down on:pointerup=on_up
                    on:pointerleave=move |_| here.set(None) on:pointercancel=move |_| leave()>
                    {heat.with_value(drawing)}
                    {part(brush)}
                </svg>
                <svg class="heat-times" aria-hidden="true">
                    {part(move || heat.with_value(|heat| time_axis(heat, zone.get())))}
                </svg>
            </div>
            <p class="heat-key">
                <span class="heat-key-cell" aria-hidden="true"></span>
                "crossed out: with errors"
            </p>
        </Panel>
    }
    .into_any()
}

/// Every cell, and a stroke through those with errors.
fn drawing(heat: &Heat) -> AnyView {
    let cell = |cell: &crate::model::span::HeatCell| {
        let place = heat.place_of(*cell);
        let cross = (cell.errors > 0).then(|| {
            view! {
                <line class="heat-error" x1=percent(place.x) y1=percent(place.y + place.height)
                    x2=percent(place.x + place.width) y2=percent(place.y) />
            }
        });
        view! {
            <rect class="heat-cell" data-level=heat.level(*cell).to_string() x=percent(place.x) y=percent(place.y)
                width=percent(place.width) height=percent(place.height) />
            {cross}
        }
    };
    heat.cells().iter().map(cell).collect_view().into_any()
}

fn duration_axis(heat: &Heat) -> AnyView {
    let label = |(y, ms): (f64, f64)| {
        // A label stands on its line.
        view! { <text x="100%" y=percent(y * 100.0) dx="-6" dy="-2" text-anchor="end">{format_duration_ms(ms)}</text> }
    };
    heat.duration_ticks(DURATION_LABELS).into_iter().map(label).collect_view().into_any()
}

fn time_axis(heat: &Heat, zone: Zone) -> AnyView {
    let (from, to) = heat.range();
    let offset_ms = if zone == Zone::Local { clock::local_offset_ms(from) } else { 0 };
    let ticks = time_ticks(from, to, TIME_LABELS, offset_ms);
    let label = |at: crate::model::UnixMillis| {
        let share = (at.0 - from.0) as f64 / (to.0 - from.0) as f64;
        // None hangs over an edge.
        let anchor = if share < 0.04 {
            "start"
        } else if share > 0.96 {
            "end"
        } else {
            "middle"
        };
        view! { <text x=percent(share * 100.0) y="14" text-anchor=anchor>{format_axis(at, zone, ticks.step_ms)}</text> }
    };
    ticks.at.into_iter().map(label).collect_view().into_any()
}

/// What stands under the pointer, or would be picked.
fn describe(picked: Picked, (traces, errors): (u64, u64), zone: Zone) -> String {
    let clock = |at| format_wall(at, zone, TimeFormat::Second);
    let durations = match (picked.min_ms, picked.max_ms) {
        (None, None) => "any duration".to_owned(),
        (Some(min), None) => format!("≥ {}", format_duration_ms(min)),
        (None, Some(max)) => format!("≤ {}", format_duration_ms(max)),
        (Some(min), Some(max)) => format!("{} – {}", format_duration_ms(min), format_duration_ms(max)),
    };
    let plural = if traces == 1 { "" } else { "s" };
    let failed = if errors > 0 { format!(", {} with errors", format_count(errors)) } else { String::new() };
    format!(
        "{} – {} · {durations} · {} trace{plural}{failed}",
        clock(picked.from),
        clock(picked.to),
        format_count(traces)
    )
}

/// The drawing in words.
fn summary(heat: &Heat) -> String {
    let (traces, errors) = heat.count(heat.between((0.0, 0.0), (1.0, 1.0)));
    format!(
        "Durations over time of {} traces, {} with errors. The fields and the time range above narrow the list too.",
        format_count(traces),
        format_count(errors)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UnixMillis;

    #[test]
    fn what_is_under_the_pointer_is_said() {
        let picked = Picked {
            from: UnixMillis(1_795_271_900_000),
            to: UnixMillis(1_795_271_960_000),
            min_ms: Some(100.0),
            max_ms: Some(250.0),
        };
        assert_eq!(
            describe(picked, (12, 1), Zone::Utc),
            "14:38:20 – 14:39:20 · 100 ms – 250 ms · 12 traces, 1 with errors"
        );
        let open = Picked { min_ms: None, ..picked };
        assert_eq!(describe(open, (1, 0), Zone::Utc), "14:38:20 – 14:39:20 · ≤ 250 ms · 1 trace");
    }
}
