//! What lies over the drawing: the crosshair with a dot on every line, and the brush.

use leptos::prelude::*;

use super::{ChartState, scale::Plot, tint::Tint};
use crate::component::reactive::{part, text};

/// Crosshair and brush.
#[component]
pub fn Overlay(
    state: ChartState,
    /// Where the drag began and where it is, in pixels.
    brush: RwSignal<Option<(f64, f64)>>,
) -> impl IntoView {
    let view_box = text(move || {
        let plot = state.size.get();
        format!("0 0 {} {}", plot.width, plot.height)
    });
    let axis = Memo::new(move |_| state.data.with(|data| data.as_ref().map(|data| state.drawing(data).axis())));
    let crosshair = move || {
        let (Some(index), Some(axis)) = (state.looked_at(), axis.get()) else { return ().into_any() };
        let plot = state.size.get();
        let x = plot.x_of(index, state.grid.get().len);
        let dot = |tint: Tint, value: f64| {
            view! { <circle class="crosshair-dot" data-tint=tint.key() cx=x cy=plot.y_of(value, axis) r="3" /> }
        };
        let dots = state.heights(index).into_iter().map(|(tint, value)| dot(tint, value));
        view! {
            <line class="crosshair" x1=x x2=x y1=Plot::TOP y2=plot.bottom() />
            {dots.collect_view()}
        }
        .into_any()
    };
    let selection = move || {
        let Some((start, end)) = brush.get() else { return ().into_any() };
        let plot = state.size.get();
        let inside = |x: f64| x.clamp(Plot::LEFT, plot.right());
        let (x, width) = (inside(start.min(end)), (inside(start) - inside(end)).abs());
        view! { <rect class="brush" x=x y=Plot::TOP width=width height=plot.bottom() - Plot::TOP /> }.into_any()
    };
    view! {
        <svg class="chart-overlay" viewBox=view_box preserveAspectRatio="none" aria-hidden="true" focusable="false">
            {part(selection)}
            {part(crosshair)}
        </svg>
    }
}
