//! Single measurements on a chart, each of which opens its trace.

use leptos::prelude::*;

use super::{ChartState, shown_value};
use crate::{
    component::{
        reactive::{part, text},
        time::{TimeFormat, format_wall},
    },
    model::{MetricExemplar, overview::Unit},
};

/// Points over the drawing. With a keyboard, the list of them is the way to the traces.
#[component]
pub fn Exemplars(state: ChartState, exemplars: Memo<Vec<MetricExemplar>>, unit: Memo<Unit>) -> impl IntoView {
    let view_box = text(move || {
        let plot = state.size.get();
        format!("0 0 {} {}", plot.width, plot.height)
    });
    let points = move || {
        let Some(axis) = state.data.with(|data| data.as_ref().map(|data| state.drawing(data).axis())) else {
            return ().into_any();
        };
        let (plot, grid) = (state.size.get(), state.grid.get());
        let point = |one: MetricExemplar| {
            let (x, y) = (plot.x_of_instant(one.time, grid), plot.y_of(one.value, axis));
            let when = format_wall(one.time, state.zone.get(), TimeFormat::Second);
            let told =
                format!("{} at {when}: open trace {}", shown_value(Some(one.value), unit.get()), one.trace_id.short());
            view! {
                // Inside a group, so that what the browser makes by itself is a link of SVG and not one of HTML.
                <g>
                    <a href=format!("/monitoring/traces/{}", one.trace_id) tabindex="-1">
                        <title>{told}</title>
                        <path class="exemplar" d=format!("M{x:.1} {:.1}l4 4l-4 4l-4 -4z", y - 4.0) />
                    </a>
                </g>
            }
        };
        let inside = |one: &MetricExemplar| one.time >= grid.from && one.time <= grid.to();
        exemplars.get().into_iter().filter(inside).map(point).collect_view().into_any()
    };
    view! {
        <svg class="chart-exemplars" viewBox=view_box preserveAspectRatio="none" aria-hidden="true" focusable="false">
            {part(points)}
        </svg>
    }
    .into_any()
}
