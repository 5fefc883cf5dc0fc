//! The spans of a trace inside one another, on one time axis.

use leptos::{
    ev::{KeyboardEvent, MouseEvent, PointerEvent},
    html,
    prelude::*,
};

use super::{
    context::TraceContext,
    lanes::{Block, Lanes, Step, step},
    strip::Minimap,
    tree::RowNumber,
};
use crate::{
    browser::{
        geometry::{self, Viewport},
        pointer,
    },
    component::{
        number::format_count,
        reactive::{part, text},
        time::format_duration_ms,
        waterfall::percent,
    },
};

/// Height of a lane, and of what is drawn in it.
const LANE_PX: f64 = 18.0;
const BLOCK_PX: f64 = 17.0;
/// About the width of a character.
const CHARACTER_PX: f64 = 6.7;
/// Until the drawing is measured.
const WIDTH_PX: f64 = 1000.0;
/// Lanes that the server draws.
const FIRST_LANES: u16 = 40;
/// Lanes that are drawn beyond each edge of what shows, in steps of so many.
const OVERSCAN: u16 = 8;
/// How far beside a span a click still means it.
const REACH_PX: f64 = 4.0;

/// The flame graph. For the keyboard the arrow keys lead from span to span.
#[component]
pub fn Flame(
    /// The trace.
    context: TraceContext,
) -> impl IntoView {
    let lanes = Memo::new(move |_| {
        context.loaded.track();
        context.tree.with_untracked(Lanes::new)
    });
    let scroller = NodeRef::<html::Div>::new();
    let width_px = RwSignal::new(WIDTH_PX);
    let viewport = RwSignal::new(Viewport::default());
    Effect::new(move |_| {
        if let Some(element) = scroller.get() {
            let measured = element.clone();
            geometry::watch_size(&element, move |width, _| {
                width_px.set(width.round().max(1.0));
                viewport.set(geometry::viewport(&measured));
            });
        }
    });
    let shown = Memo::new(move |_| shown_lanes(viewport.get()));
    let under = move |event: &MouseEvent| -> Option<RowNumber> {
        let (x, y) = pointer::place_in(event)?;
        let window = context.window.get_untracked();
        let reach_ns = (window.length_ns() as f64 * REACH_PX / width_px.get_untracked()) as i64;
        lanes.with_untracked(|lanes| {
            let lane = (y.clamp(0.0, 0.999_999) * f64::from(lanes.count())) as u16;
            context.tree.with_untracked(|tree| lanes.hit(tree, lane, window.instant(x), reach_ns))
        })
    };
    let pointed = RwSignal::new(None::<RowNumber>);
    let on_move = move |event: PointerEvent| {
        let now = under(&event);
        if pointed.get_untracked() != now {
            pointed.set(now);
        }
    };
    let select = move |number: RowNumber| {
        context.select(number);
        let lane = lanes.with_untracked(|lanes| lanes.of(number));
        if let (Some(lane), Some(element)) = (lane, scroller.get_untracked()) {
            geometry::scroll_to_show(&element, f64::from(lane) * LANE_PX, LANE_PX);
        }
    };
    let on_click = move |event: MouseEvent| {
        if let Some(number) = under(&event) {
            context.select(number);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let wanted = match event.key().as_str() {
            "ArrowUp" => Step::Parent,
            "ArrowDown" => Step::Child,
            "ArrowRight" => Step::Next,
            "ArrowLeft" => Step::Previous,
            _ => return,
        };
        event.prevent_default();
        let next = match context.selected.get_untracked() {
            Some(from) => context.tree.with_untracked(|tree| step(tree, from, wanted)),
            None => Some(0),
        };
        if let Some(next) = next {
            select(next);
        }
    };
    let drawing = part(move || {
        let (window, width, shown) = (context.window.get(), width_px.get(), shown.get());
        let selected = context.selected.get();
        let blocks = lanes.with(|lanes| context.tree.with_untracked(|tree| lanes.blocks(tree, window, width, shown)));
        blocks.into_iter().map(|block| draw(context, block, width, selected)).collect_view().into_any()
    });
    let height = text(move || (f64::from(lanes.with(Lanes::count)) * LANE_PX).to_string());
    let reading = text(move || match pointed.get().or(context.selected.get()) {
        Some(number) => describe(context, number),
        None => "Click a span to see what it is".to_owned(),
    });
    view! {
        <div class="flame">
            <Minimap context />
            <p class="flame-reading" role="status">{reading}</p>
            <div class="flame-box" tabindex="0" role="application" node_ref=scroller
                aria-label="Flame graph: the arrow keys lead to the span above, to the first one under it and to its neighbours"
                on:keydown=on_key
                on:scroll=move |_| {
                    if let Some(element) = scroller.get_untracked() {
                        viewport.set(geometry::viewport(&element));
                    }
                }>
                <svg class="flame-drawing" height=height on:click=on_click on:pointermove=on_move
                    on:pointerleave=move |_| pointed.set(None)>
                    {drawing}
                </svg>
            </div>
        </div>
    }
    .into_any()
}

/// The lanes to draw: from, and before which one.
fn shown_lanes(viewport: Viewport) -> (u16, u16) {
    if viewport.height_px <= 0.0 {
        return (0, FIRST_LANES);
    }
    let lane = |px: f64| (px / LANE_PX) as u16 / OVERSCAN * OVERSCAN;
    let first = lane(viewport.scroll_px).saturating_sub(OVERSCAN);
    (first, lane(viewport.scroll_px + viewport.height_px) + 2 * OVERSCAN)
}

fn draw(context: TraceContext, block: Block, width_px: f64, selected: Option<RowNumber>) -> AnyView {
    let (tint, name) = context.tree.with_untracked(|tree| match tree.row(block.row) {
        Some(row) => (tree.tint(row), tree.name(row).to_owned()),
        None => ("7", String::new()),
    });
    let y = f64::from(block.lane) * LANE_PX;
    let room = (((block.end - block.start) * width_px - 8.0) / CHARACTER_PX).max(0.0) as usize;
    let is_selected = selected == Some(block.row) && block.spans == 1;
    let label = (room >= 3 && block.spans == 1).then(|| {
        let shown = shortened(&name, room);
        view! { <text class="flame-label" x=percent(block.start) dx="4" y=y + 12.0>{shown}</text> }
    });
    let failed = block.is_error.then(|| {
        view! {
            <rect class="span-bar-bad" x=percent(block.start) width=percent(block.end - block.start)
                y=y + BLOCK_PX - 3.0 height="3" />
        }
    });
    view! {
        <g data-service-tint=tint>
            <rect class="flame-block" data-many=(block.spans > 1).then_some("") data-selected=is_selected.then_some("")
                x=percent(block.start) width=percent((block.end - block.start).max(1.0 / width_px)) y=y height=BLOCK_PX />
            {failed}
            {label}
        </g>
    }
    .into_any()
}

/// As much of a text as has room.
fn shortened(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// A span in one line.
fn describe(context: TraceContext, number: RowNumber) -> String {
    context.tree.with_untracked(|tree| {
        let Some(row) = tree.row(number) else { return String::new() };
        let failed = if row.is_error { ", failed" } else { "" };
        let under = match row.descendants {
            0 => String::new(),
            1 => ", 1 span under it".to_owned(),
            count => format!(", {} spans under it", format_count(count.into())),
        };
        format!(
            "{} {}: {}, {} of its own{under}{failed}",
            tree.service(row),
            tree.name(row),
            format_duration_ms(row.duration_ns as f64 / 1e6),
            format_duration_ms(row.self_ns as f64 / 1e6)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lanes_near_what_shows_are_drawn() {
        assert_eq!(shown_lanes(Viewport::default()), (0, FIRST_LANES));
        let (first, end) = shown_lanes(Viewport { scroll_px: 1800.0, height_px: 360.0, content_px: 9000.0 });
        assert!(first <= 92 && (120..150).contains(&end), "{first} {end}");
    }

    #[test]
    fn a_label_has_room() {
        assert_eq!(shortened("SELECT", 6), "SELECT");
        assert_eq!(shortened("SELECT 1", 6), "SELEC…");
    }
}
