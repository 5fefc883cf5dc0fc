//! The whole trace in small, above the waterfall: a drag zooms the time axis.

use leptos::{ev::PointerEvent, prelude::*};

use super::{
    axis::Window,
    context::TraceContext,
    minimap::{COLUMNS, Shape, reduce},
};
use crate::{
    browser::pointer,
    component::reactive::{part, text},
};

/// A drag over less than this share of the width is a click.
const BRUSH_SHARE: f64 = 0.004;

/// The minimap. For the keyboard the toolbar has buttons that do the same.
#[component]
pub fn Minimap(
    /// The trace.
    context: TraceContext,
) -> impl IntoView {
    // Where a drag began and where it is, as shares of the whole trace.
    let brush = RwSignal::new(None::<(f64, f64)>);
    let at = |event: &PointerEvent| pointer::place_in(event).map(|(x, _)| x.clamp(0.0, 1.0));
    let on_down = move |event: PointerEvent| {
        if event.button() == 0 && event.pointer_type() != "touch" {
            pointer::capture(&event);
            brush.set(at(&event).map(|x| (x, x)));
        }
    };
    let on_move = move |event: PointerEvent| {
        if brush.with_untracked(Option::is_some)
            && let Some(x) = at(&event)
        {
            brush.update(|brush| {
                if let Some((_, end)) = brush {
                    *end = x;
                }
            });
        }
    };
    let on_up = move |_| {
        let Some((start, end)) = brush.try_update(Option::take).flatten() else { return };
        let whole = Window::whole(context.duration_ns);
        if (end - start).abs() >= BRUSH_SHARE {
            context.zoom_to(whole.between(start, end));
        } else {
            // A click moves the stretch that is looked at.
            let window = context.window.get_untracked();
            let by = start - whole.share(window.from_ns + window.length_ns() / 2);
            let share = by * whole.length_ns() as f64 / window.length_ns().max(1) as f64;
            context.zoom_to(window.moved(share, context.duration_ns));
        }
    };
    let small = Memo::new(move |_| {
        context.loaded.track();
        context.tree.with_untracked(|tree| reduce(tree, context.duration_ns))
    });
    let shapes = part(move || {
        let (shapes, errors) = small.with(|map| (map.shapes.clone(), map.errors.clone()));
        let stroke =
            |Shape { tint, path }: Shape| view! { <path class="minimap-stroke" data-service-tint=tint d=path /> };
        view! {
            {shapes.into_iter().map(stroke).collect_view()}
            <path class="minimap-bad" d=errors />
        }
        .into_any()
    });
    let view_box = text(move || format!("0 0 {COLUMNS} {}", small.with(|map| map.height.max(2))));
    let shade = part(move || {
        let whole = Window::whole(context.duration_ns);
        let shown = match brush.get() {
            Some((start, end)) => whole.between(start, end),
            None => context.window.get(),
        };
        if shown == whole {
            return ().into_any();
        }
        let columns = COLUMNS as f64;
        let (start, end) = (whole.share(shown.from_ns) * columns, whole.share(shown.to_ns) * columns);
        view! {
            <rect class="minimap-shade" x="0" width=start.max(0.0) y="0" height="100%" />
            <rect class="minimap-shade" x=end width={(columns - end).max(0.0)} y="0" height="100%" />
        }
        .into_any()
    });
    view! {
        <svg class="minimap" viewBox=view_box preserveAspectRatio="none" aria-hidden="true" focusable="false"
            on:pointerdown=on_down on:pointermove=on_move on:pointerup=on_up on:pointercancel=move |_| brush.set(None)>
            {shapes}
            {shade}
        </svg>
    }
    .into_any()
}
