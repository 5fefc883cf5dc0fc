//! How many lines there are over time, by level; a drag zooms.

use leptos::{
    ev::{KeyboardEvent, PointerEvent},
    prelude::*,
};

use super::bars::{Bars, Columns, between};
use crate::{
    browser::{clock, pointer},
    component::{
        chart::time_ticks,
        number::format_count,
        range::{use_range, zoom_out},
        reactive::{part, text},
        time::{TimeFormat, Zone, format_axis, format_wall, use_zone},
    },
    model::{Level, LogSummary, RangeSpec, UnixMillis},
};

/// A drag over less than this share of the width is a click.
const BRUSH_SHARE: f64 = 0.006;
const TIME_LABELS: i64 = 8;
/// Columns that a page key passes.
const PAGE_STEP: usize = 10;

fn percent(value: f64) -> String {
    format!("{value:.3}%")
}

/// Bars over time. For the keyboard and for screen readers they are a slider over time: arrows move, with Shift they
/// select, Enter zooms.
#[component]
pub fn Histogram(
    /// The counts.
    summary: LogSummary,
) -> impl IntoView {
    let Some(bars) = Bars::new(&summary) else {
        return view! { <div class="log-histogram" data-empty=""></div> }.into_any();
    };
    let about = if summary.is_estimate { "about " } else { "" };
    let zone = use_zone();
    let (range, set_range) = use_range();
    let last = bars.len() - 1;
    let bars = StoredValue::new(bars);
    // Where the selection began and where it is, in columns; a drag moves it, and so do keys.
    let start = RwSignal::new(None::<usize>);
    let here = RwSignal::new(None::<usize>);
    let dragged_from = StoredValue::new(None::<f64>);

    let column_of = move |event: &PointerEvent| {
        let (x, _) = pointer::place_in(event)?;
        Some((x, bars.with_value(|bars| bars.column_at(x))))
    };
    let zoom = move |columns: Columns| {
        let (from, to) = bars.with_value(|bars| bars.pick(columns));
        start.set(None);
        here.set(None);
        set_range.set(RangeSpec::Fixed(from, to));
    };
    let on_move = move |event: PointerEvent| here.set(column_of(&event).map(|(_, column)| column));
    let on_down = move |event: PointerEvent| {
        // A finger scrolls; only a pointer that can hover has a drag to spare.
        if event.button() == 0 && event.pointer_type() != "touch" {
            pointer::capture(&event);
            let place = column_of(&event);
            start.set(place.map(|(_, column)| column));
            dragged_from.set_value(place.map(|(x, _)| x));
        }
    };
    let on_up = move |event: PointerEvent| {
        let begun = dragged_from.try_update_value(Option::take).flatten();
        let (from, end) = (start.get_untracked(), column_of(&event));
        start.set(None);
        if let (Some(begun), Some(from), Some((x, column))) = (begun, from, end)
            && (x - begun).abs() >= BRUSH_SHARE
        {
            zoom(between(from, column));
        }
    };
    let leave = move || {
        start.set(None);
        here.set(None);
    };
    let on_key = move |event: KeyboardEvent| {
        let current = here.get_untracked().unwrap_or(last);
        let next = match event.key().as_str() {
            "ArrowLeft" | "ArrowDown" => current.saturating_sub(1),
            "ArrowRight" | "ArrowUp" => (current + 1).min(last),
            "PageDown" => current.saturating_sub(PAGE_STEP),
            "PageUp" => (current + PAGE_STEP).min(last),
            "Home" => 0,
            "End" => last,
            "Escape" if here.get_untracked().is_some() => {
                event.stop_propagation();
                return leave();
            }
            "Enter" => {
                event.prevent_default();
                return zoom(between(start.get_untracked().unwrap_or(current), current));
            }
            _ => return,
        };
        event.prevent_default();
        if event.shift_key() {
            start.update(|start| *start = start.or(Some(current)));
        } else {
            start.set(None);
        }
        here.set(Some(next));
    };
    let chosen = Memo::new(move |_| here.get().map(|here| between(start.get().unwrap_or(here), here)));
    let brush = move || {
        let Some(columns) = chosen.get() else { return ().into_any() };
        let (x, width) = bars.with_value(|bars| bars.place(columns));
        view! { <rect class="brush" x=percent(x) y="0" width=percent(width) height="100%" /> }.into_any()
    };
    let reading = text(move || {
        bars.with_value(|bars| match chosen.get() {
            None => format!("{about}{} lines", format_count(bars.total())),
            Some(columns) => describe(bars, columns, zone.get(), about),
        })
    });
    let spoken = text(move || {
        let current = here.get().unwrap_or(last);
        bars.with_value(|bars| describe(bars, chosen.get().unwrap_or((current, current)), zone.get(), about))
    });
    let now = move || here.get().unwrap_or(last).to_string();
    let on_dblclick = move |_| set_range.set(zoom_out(range.get_untracked(), clock::now()));
    let highest = bars.with_value(|bars| format_count(bars.highest()));
    view! {
        <div class="log-histogram">
            <p class="histogram-reading" aria-hidden="true">{reading}</p>
            <span class="histogram-highest" aria-hidden="true">{highest}</span>
            <div class="histogram-plot" tabindex="0" role="slider" aria-label="Lines over time; Shift and arrows select, Enter zooms"
                aria-valuemin="0" aria-valuemax=last.to_string() aria-valuenow=now aria-valuetext=spoken
                on:pointermove=on_move on:pointerdown=on_down on:pointerup=on_up on:pointerleave=move |_| here.set(None)
                on:pointercancel=move |_| leave() on:keydown=on_key on:blur=move |_| leave() on:dblclick=on_dblclick>
                <svg class="histogram-bars" aria-hidden="true">
                    {bars.with_value(drawing)}
                    {part(brush)}
                </svg>
            </div>
            <svg class="histogram-times" aria-hidden="true">
                {part(move || bars.with_value(|bars| time_axis(bars.range(), zone.get())))}
            </svg>
        </div>
    }
    .into_any()
}

fn drawing(bars: &Bars) -> AnyView {
    let segment = |one: super::bars::Segment| {
        view! {
            <rect class="histogram-bar" data-level=one.level.key() x=percent(one.x) y=percent(one.y)
                width=percent(one.width) height=percent(one.height) />
        }
    };
    bars.segments().into_iter().map(segment).collect_view().into_any()
}

fn time_axis((from, to): (UnixMillis, UnixMillis), zone: Zone) -> AnyView {
    let offset_ms = if zone == Zone::Local { clock::local_offset_ms(from) } else { 0 };
    let ticks = time_ticks(from, to, TIME_LABELS, offset_ms);
    let label = |at: UnixMillis| {
        let share = (at.0 - from.0) as f64 / (to.0 - from.0) as f64;
        // None hangs over an edge.
        let anchor = if share < 0.04 {
            "start"
        } else if share > 0.96 {
            "end"
        } else {
            "middle"
        };
        view! { <text x=percent(share * 100.0) y="12" text-anchor=anchor>{format_axis(at, zone, ticks.step_ms)}</text> }
    };
    ticks.at.into_iter().map(label).collect_view().into_any()
}

/// What stands in some columns: `14:38:20 – 14:39:20 · 12 lines: 10 info, 2 error`.
fn describe(bars: &Bars, columns: Columns, zone: Zone, about: &str) -> String {
    let (from, to) = bars.pick(columns);
    let (begin, end) = bars.range();
    let format = if end.0 - begin.0 > 86_400_000 { TimeFormat::DayMinute } else { TimeFormat::Second };
    let clock = |at| format_wall(at, zone, format);
    let counts = bars.count(columns);
    let total: u64 = counts.iter().sum();
    let plural = if total == 1 { "" } else { "s" };
    let levels = Level::ALL.into_iter().rev().filter(|level| counts[*level as usize] > 0);
    let levels: Vec<String> = levels.map(|level| format!("{} {level}", format_count(counts[level as usize]))).collect();
    let levels = if levels.is_empty() { String::new() } else { format!(": {}", levels.join(", ")) };
    format!("{} – {} · {about}{} line{plural}{levels}", clock(from), clock(to), format_count(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_the_pointer_is_said() {
        let bars = Bars::new(&LogSummary {
            from: UnixMillis(1_795_271_900_000),
            to: UnixMillis(1_795_272_020_000),
            columns: vec![[0, 0, 10, 0, 2, 0], [0; 6]],
            ..LogSummary::default()
        });
        let bars = bars.unwrap();
        assert_eq!(
            describe(&bars, (0, 0), Zone::Utc, "about "),
            "14:38:20 – 14:39:20 · about 12 lines: 2 error, 10 info"
        );
        assert_eq!(describe(&bars, (1, 1), Zone::Utc, ""), "14:39:20 – 14:40:20 · 0 lines");
    }
}
