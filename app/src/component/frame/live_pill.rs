//! Whether what is on screen follows what happens.

use leptos::prelude::*;

use crate::{
    component::{
        reactive::{text, word},
        time::{format_clock, use_zone},
    },
    live::{LiveState, use_live},
    model::Tick,
};

/// The state of the tab's live stream: a word and a shape, not a colour alone.
#[component]
pub fn LivePill() -> impl IntoView {
    let live = use_live();
    let zone = use_zone();
    let state = move || match live.state.get() {
        LiveState::Off | LiveState::Connecting => ("connecting", "CONNECTING"),
        LiveState::Open => ("open", "LIVE"),
        LiveState::Lost => ("lost", "RECONNECTING"),
    };
    let title = text(move || {
        let text = |tick: Tick| format!("Last update {} {}", format_clock(tick.at, zone.get()), zone.get().label());
        live.tick.get().map(text).unwrap_or_default()
    });
    view! {
        <span class="live" role="status" data-state=word(move || state().0) title=title>
            <span class="live-text">{word(move || state().1)}</span>
        </span>
    }
}
