//! The buckets of a histogram over time, drawn.

use leptos::{ev::PointerEvent, prelude::*};

use super::{Buckets, Crosshair, shown_value, time_ticks};
use crate::{
    browser::{clock, pointer},
    component::{
        reactive::{part, text},
        time::{TimeFormat, Zone, format_axis, format_wall, use_zone},
    },
    model::overview::Unit,
};

const TIME_LABELS: i64 = 6;
const BOUND_LABELS: usize = 6;

fn percent(share: f64) -> String {
    format!("{:.3}%", share * 100.0)
}

/// Times from left to right, sizes from the bottom up; what is fullest is the strongest.
#[component]
pub fn BucketMap(
    /// Name of the drawing, for screen readers; must not change.
    label: String,
    /// What is drawn; none when the answer has no buckets.
    data: Memo<Option<Buckets>>,
    /// The unit of the bounds.
    #[prop(into)]
    unit: Signal<Unit>,
) -> impl IntoView {
    let zone = use_zone();
    let crosshair = use_context::<Crosshair>().map_or_else(|| RwSignal::new(None), |shared| shared.0);
    let row = RwSignal::new(None::<usize>);
    let on_move = move |event: PointerEvent| {
        let Some((x, y)) = pointer::place_in(&event) else { return };
        let (columns, rows) =
            data.with_untracked(|data| data.as_ref().map_or((0, 0), |of| (of.grid.len, of.bounds.len())));
        let index =
            |share: f64, count: usize| (count > 0).then(|| ((share.max(0.0) * count as f64) as usize).min(count - 1));
        crosshair.set(index(x, columns));
        row.set(index(1.0 - y, rows));
    };
    let leave = move |_| {
        crosshair.set(None);
        row.set(None);
    };
    let reading = text(move || {
        let Some(column) = crosshair.get() else { return "Darker cells hold more; point at one to read it".to_owned() };
        data.with(|data| {
            let Some(data) = data.as_ref().filter(|data| column < data.grid.len) else { return String::new() };
            let time = format_wall(data.grid.at(column), zone.get(), TimeFormat::Second);
            let inside = row.get().and_then(|row| Some((row, *data.bounds.get(row)?)));
            inside.map_or(time.clone(), |(row, bounds)| {
                let rate = shown_value(Some(data.at(column, row)), Unit::PerSecond);
                format!("{time} · {} · {rate}", bucket_name(bounds, unit.get()))
            })
        })
    });
    let line = move || {
        let place = data.with(|data| {
            let columns = data.as_ref()?.grid.len;
            let column = crosshair.get().filter(|column| *column < columns)?;
            Some(percent((column as f64 + 0.5) / columns as f64))
        });
        place.map(|x| view! { <line class="crosshair" x1=x.clone() x2=x y1="0" y2="100%" /> }.into_any()).into_any()
    };
    let spoken =
        text(move || format!("{label}: how many measurements of each size over time. The table view has the numbers."));
    let with = move |draw: fn(&Buckets, Unit, Zone) -> AnyView| {
        part(move || data.with(|data| data.as_ref().map(|data| draw(data, unit.get(), zone.get()))).into_any())
    };
    view! {
        <div class="bucket-map">
            <div class="heat">
                <svg class="heat-durations" aria-hidden="true">{with(bounds_axis)}</svg>
                <svg class="heat-cells" role="img" aria-label=spoken
                    on:pointermove=on_move on:pointerdown=on_move on:pointerleave=leave>
                    {with(cells)}
                    {part(line)}
                </svg>
                <svg class="heat-times" aria-hidden="true">{with(time_axis)}</svg>
            </div>
            <p class="bucket-reading">{reading}</p>
        </div>
    }
    .into_any()
}

fn cells(data: &Buckets, _unit: Unit, _zone: Zone) -> AnyView {
    let (width, height) = (1.0 / data.grid.len.max(1) as f64, 1.0 / data.bounds.len().max(1) as f64);
    let cell = |(column, row, inside): &(usize, usize, f64)| {
        view! {
            <rect class="heat-cell" data-level=data.level(*inside).to_string() x=percent(*column as f64 * width)
                y=percent(1.0 - (row + 1) as f64 * height) width=percent(width) height=percent(height) />
        }
    };
    data.cells.iter().map(cell).collect_view().into_any()
}

/// The upper bounds, each on its line.
fn bounds_axis(data: &Buckets, unit: Unit, _zone: Zone) -> AnyView {
    let rows = data.bounds.len();
    let step = rows.div_ceil(BOUND_LABELS).max(1);
    let label = |row: usize| {
        let (_, high) = data.bounds[row];
        let y = 1.0 - (row + 1) as f64 / rows as f64;
        let text = if high.is_finite() { shown_value(Some(high), unit) } else { "∞".to_owned() };
        view! { <text x="100%" y=percent(y) dx="-6" dy="10" text-anchor="end">{text}</text> }
    };
    (0..rows).step_by(step).map(label).collect_view().into_any()
}

fn time_axis(data: &Buckets, _unit: Unit, zone: Zone) -> AnyView {
    let (from, to) = (data.grid.from, data.grid.to());
    let offset_ms = if zone == Zone::Local { clock::local_offset_ms(from) } else { 0 };
    let ticks = time_ticks(from, to, TIME_LABELS, offset_ms);
    let label = |at: crate::model::UnixMillis| {
        let share = (at.0 - from.0) as f64 / (to.0 - from.0).max(1) as f64;
        // None hangs over an edge.
        let anchor = match share {
            share if share < 0.04 => "start",
            share if share > 0.96 => "end",
            _ => "middle",
        };
        view! { <text x=percent(share) y="14" text-anchor=anchor>{format_axis(at, zone, ticks.step_ms)}</text> }
    };
    ticks.at.into_iter().map(label).collect_view().into_any()
}

fn bucket_name((low, high): (f64, f64), unit: Unit) -> String {
    let shown = |bound| shown_value(Some(bound), unit);
    match (low.is_finite(), high.is_finite()) {
        (_, false) => format!("> {}", shown(low)),
        (false, true) => format!("≤ {}", shown(high)),
        (true, true) => format!("{} – {}", shown(low), shown(high)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_named_by_its_bounds() {
        assert_eq!(bucket_name((f64::NEG_INFINITY, 0.1), Unit::Seconds), "≤ 100 ms");
        assert_eq!(bucket_name((0.1, 1.0), Unit::Seconds), "100 ms – 1 s");
        assert_eq!(bucket_name((1.0, f64::INFINITY), Unit::Number), "> 1");
    }
}
