//! The spans of a trace below one another, on one time axis.

use std::{collections::HashMap, time::Duration};

use leptos::{html, prelude::*};

use super::{
    context::TraceContext,
    interleave::Item,
    row::{LineRow, SpanRow, lane_of, marks_of, number_in, row_id},
    strip::Minimap,
    toolbar::Toolbar,
};
use crate::{
    browser::{
        event_stream::after_delay,
        geometry,
        keys::{self, Focus, KeyPress},
        rows::{self, id_of},
    },
    component::{
        error_panel::ErrorPanel,
        number::format_count,
        reactive::{flag, part, text},
        time::format_duration_ms,
        virtual_list::{Rows, VirtualList},
        waterfall::percent,
    },
    model::SpanId,
};

/// The waterfall with its controls.
#[component]
pub fn SpanWaterfall(
    /// The trace.
    context: TraceContext,
) -> impl IntoView {
    let scroller = NodeRef::<html::Div>::new();
    show_selected(context, scroller);
    mark_rows(context, scroller);
    let number_of = |event: &leptos::ev::Event| number_in(&id_of(event)?);
    // A click anywhere on a line does what its button does.
    let on_click = move |event: leptos::ev::MouseEvent| {
        let Some(number) = number_of(&event) else { return };
        if rows::is_in(&event, "[data-row] [aria-expanded]") {
            context.tree.update(|tree| {
                tree.set_folded(number, !tree.is_folded(number));
            });
        } else {
            context.select(number);
        }
    };
    let on_focus = move |event: leptos::ev::FocusEvent| {
        if let Some(number) = number_of(&event) {
            context.current.set(Some(number));
        }
    };
    keys::on_key(move |press| on_key(context, &press));
    let rows = Rows {
        count: Signal::derive(move || context.item_count()),
        row: Callback::new(move |place| context.item(place)),
        key: |item: &Item| *item,
        index_of: Callback::new(move |item| context.place_of(item)),
        expanded: RwSignal::new(HashMap::new()),
    };
    let draw = move |index: usize, item: Item| match item {
        Item::Span(number) => view! { <SpanRow context number index /> }.into_any(),
        Item::Line(line) => view! { <LineRow context line index /> }.into_any(),
    };
    let critical = flag(move || context.state.marks.get().critical);
    view! {
        <Toolbar context />
        <div class="spans" data-critical=critical>
            <Minimap context />
            <div class="span-head" aria-hidden="true">
                <span>"Service and operation"</span>
                <svg class="span-lane" height="22">{part(move || scale(context))}</svg>
            </div>
            <div class="span-body" on:click=on_click on:focusin=on_focus>
                <div class="span-grid" aria-hidden="true"><svg class="span-lane">{part(move || grid(context))}</svg></div>
                <VirtualList
                    label="Spans"
                    role="group"
                    rows
                    view=draw
                    scroller
                    is_away=RwSignal::new(false)
                    near_end=Callback::new(|()| ())
                />
            </div>
        </div>
        <Progress context />
    }
    .into_any()
}

/// Labels of the time axis.
fn scale(context: TraceContext) -> AnyView {
    let window = context.window.get();
    let label = |tick: i64| {
        view! { <text x=percent(window.share(tick)) dx="4" y="15">{format_duration_ms(tick as f64 / 1e6)}</text> }
    };
    view! { {grid(context)} {window.ticks().into_iter().map(label).collect_view()} }.into_any()
}

/// Lines of the time axis.
fn grid(context: TraceContext) -> AnyView {
    let window = context.window.get();
    let line = |tick: i64| {
        let x = percent(window.share(tick));
        view! { <line class="waterfall-grid" x1=x.clone() x2=x y1="0" y2="100%" /> }
    };
    window.ticks().into_iter().map(line).collect_view().into_any()
}

/// Brings the selected span into view when another one is selected, wherever that was done.
fn show_selected(context: TraceContext, scroller: NodeRef<html::Div>) {
    let shown = StoredValue::new(None::<SpanId>);
    // While the list is on its way to elsewhere no row may be there to measure.
    let row_px = StoredValue::new(None::<f64>);
    Effect::new(move |_| {
        let Some(number) = context.selected.get() else { return shown.set_value(None) };
        let Some(row) = context.row(number) else { return };
        if shown.get_value() == Some(row.span_id) {
            return;
        }
        shown.set_value(Some(row.span_id));
        if context.tree.with_untracked(|tree| tree.place_of(number).is_none()) {
            context.tree.update(|tree| {
                tree.reveal(number);
            });
        }
        // After what was unfolded has its room.
        after_delay(Duration::ZERO, move || {
            let Some(Some(element)) = scroller.try_get_untracked() else { return };
            let Some(place) = untrack(|| context.place_of(Item::Span(number))) else { return };
            let measured = geometry::height_of(&element, "li > :first-child").or(row_px.get_value());
            row_px.set_value(measured);
            if let Some(height) = measured {
                geometry::scroll_to_show(&element, place as f64 * height, height);
            }
        });
    });
}

/// Marks the drawn rows again when another one is selected, the search finds others, or some are folded; and draws their
/// lanes anew when another stretch of time is looked at.
fn mark_rows(context: TraceContext, scroller: NodeRef<html::Div>) {
    let list = move || {
        let scroller = scroller.get_untracked()?;
        geometry::first_within(&scroller, "ol")
    };
    Effect::new(move |_| {
        context.matches.track();
        context.tree.track();
        let selected = context.selected.get();
        let Some(list) = list() else { return };
        rows::mark(&list, |id| number_in(id).map(|number| untrack(|| marks_of(context, number))));
        if let Some(reader) = context.current.get_untracked().or(selected) {
            rows::set_tab_stop(&list, &row_id(reader));
        }
    });
    Effect::new(move |drawn: Option<_>| {
        let now = (context.window.get(), context.state.marks.get().ticks);
        // Rows come with their lanes.
        if drawn.is_some_and(|drawn| drawn != now)
            && let Some(list) = list()
        {
            let html = |id: &str| {
                let row = context.row(number_in(id)?)?;
                Some(untrack(|| lane_of(context, &row)).into_html())
            };
            rows::redraw(&list, ".span-lane", html);
        }
        now
    });
}

/// What keys do on the waterfall; true means that the key was used.
fn on_key(context: TraceContext, press: &KeyPress) -> bool {
    if press.command || press.in_overlay || press.focus == Focus::Field {
        return false;
    }
    match press.key.as_str() {
        "e" => context.step_error(true),
        "E" => context.step_error(false),
        "n" => context.step_match(true),
        "N" => context.step_match(false),
        "[" => context.fold_here(true),
        "]" => context.fold_here(false),
        "z" => context.zoom_to_selected(),
        "0" => {
            context.zoom_to(super::axis::Window::whole(context.duration_ns));
            true
        }
        _ => false,
    }
}

/// How much of the trace is here.
#[component]
fn Progress(context: TraceContext) -> impl IntoView {
    let line = text(move || {
        let (loaded, visible, total) =
            context.tree.with(|tree| (tree.loaded() as u64, tree.visible() as u64, u64::from(tree.total())));
        if loaded < total {
            return format!("{} of {} spans are loaded", format_count(loaded), format_count(total));
        }
        let plural = if total == 1 { "" } else { "s" };
        let folded = total.saturating_sub(visible);
        if folded == 0 {
            return format!("{} span{plural}", format_count(total));
        }
        format!("{} span{plural}, {} of them folded away", format_count(total), format_count(folded))
    });
    let failure = part(move || {
        let failed = context.failure.get();
        failed
            .map(|error| {
                view! { <ErrorPanel what="the rest of the spans" error retry=move |()| context.load_rest() /> }
            })
            .into_any()
    });
    view! {
        <p class="span-count" role="status">{line}</p>
        {failure}
    }
    .into_any()
}
