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
    let picking = Picking {
        bars: StoredValue::new(bars),
        start: RwSignal::new(None),
        here: RwSignal::new(None),
        dragged_from: StoredValue::new(None),
        set_range,
    };
    let Picking { bars, start, here, .. } = picking;
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
                on:pointermove=move |event| here.set(picking.column_of(&event).map(|(_, column)| column))
                on:pointerdown=move |event| picking.down(&event) on:pointerup=move |event| picking.up(&event)
                on:pointerleave=move |_| here.set(None) on:pointercancel=move |_| picking.leave()
                on:keydown=move |event| picking.key(&event) on:blur=move |_| picking.leave() on:dblclick=on_dblclick>
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

/// What is being picked: by a drag, or by keys.
#[derive(Clone, Copy)]
struct Picking {
    bars: StoredValue<Bars>,
    /// The column in which it began.
    start: RwSignal<Option<usize>>,
    /// The column that is looked at.
    here: RwSignal<Option<usize>>,
    /// Where a drag began, as a share of the width.
    dragged_from: StoredValue<Option<f64>>,
    set_range: SignalSetter<RangeSpec>,
}

impl Picking {
    fn column_of(self, event: &PointerEvent) -> Option<(f64, usize)> {
        let (x, _) = pointer::place_in(event)?;
        Some((x, self.bars.with_value(|bars| bars.column_at(x))))
    }

    fn zoom(self, columns: Columns) {
        let (from, to) = self.bars.with_value(|bars| bars.pick(columns));
        self.leave();
        self.set_range.set(RangeSpec::Fixed(from, to));
    }

    fn leave(self) {
        self.start.set(None);
        self.here.set(None);
    }

    fn down(self, event: &PointerEvent) {
        // A finger scrolls; only a pointer that can hover has a drag to spare.
        if event.button() == 0 && event.pointer_type() != "touch" {
            pointer::capture(event);
            let place = self.column_of(event);
            self.start.set(place.map(|(_, column)| column));
            self.dragged_from.set_value(place.map(|(x, _)| x));
        }
    }

    fn up(self, event: &PointerEvent) {
        let begun = self.dragged_from.try_update_value(Option::take).flatten();
        let (from, end) = (self.start.get_untracked(), self.column_of(event));
        self.start.set(None);
        if let (Some(begun), Some(from), Some((x, column))) = (begun, from, end)
            && (x - begun).abs() >= BRUSH_SHARE
        {
            self.zoom(between(from, column));
        }
    }

    fn key(self, event: &KeyboardEvent) {
        let last = self.bars.with_value(Bars::len) - 1;
        let current = self.here.get_untracked().unwrap_or(last);
        let next = match event.key().as_str() {
            "ArrowLeft" | "ArrowDown" => current.saturating_sub(1),
            "ArrowRight" | "ArrowUp" => (current + 1).min(last),
            "PageDown" => current.saturating_sub(PAGE_STEP),
            "PageUp" => (current + PAGE_STEP).min(last),
            "Home" => 0,
            "End" => last,
            "Escape" if self.here.get_untracked().is_some() => {
                event.stop_propagation();
                return self.leave();
            }
            "Enter" => {
                event.prevent_default();
                return self.zoom(between(self.start.get_untracked().unwrap_or(current), current));
            }
            _ => return,
        };
        event.prevent_default();
        if event.shift_key() {
            self.start.update(|start| *start = start.or(Some(current)));
        } else {
            self.start.set(None);
        }
        self.here.set(Some(next));
    }
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
        let anchor = if share < 0.04 { "start" } else { "middle" };
        view! { <text x=percent(share * 100.0) y="12" text-anchor=anchor>{format_axis(at, zone, ticks.step_ms)}</text> }
    };
    let fits = |at: &UnixMillis| ((at.0 - from.0) as f64) < (to.0 - from.0) as f64 * 0.95;
    ticks.at.into_iter().filter(fits).map(label).collect_view().into_any()
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
