//! The header: where the reader is, search, live state, time range, theme and who is signed in.

use leptos::prelude::*;

use super::{help, live_pill::LivePill, palette, place::Place, theme::ThemeToggle, user_menu::UserMenu};
use crate::{
    browser::dom,
    component::{
        icon::{Icon, IconName},
        query::use_page_href,
        range::{CompareMenu, RangePicker},
        reactive::part,
    },
    model::TraceId,
};

/// The header of every page.
#[component]
pub fn Header(
    /// Where the reader is.
    place: Memo<Place>,
) -> impl IntoView {
    view! {
        <header class="top">
            <Heading place />
            <button type="button" class="search-box" aria-haspopup="dialog" aria-keyshortcuts="Control+K Meta+K"
                on:click=|_| dom::open_dialog(palette::ID)>
                <Icon name=IconName::Search />
                <span class="search-text">"Find a page, a trace, a log line…"</span>
                <kbd>"Ctrl K"</kbd>
            </button>
            <LivePill />
            <Show when=move || place.get().has_range()>
                <RangePicker />
            </Show>
            <Show when=move || place.get().has_compare()>
                <CompareMenu />
            </Show>
            <ThemeToggle />
            <button type="button" class="icon-button only-wide" aria-haspopup="dialog" aria-label="Keyboard help"
                title="Keys (?)" on:click=|_| dom::open_dialog(help::ID)>
                <Icon name=IconName::Help />
            </button>
            <UserMenu place />
        </header>
    }
    .into_any()
}

#[component]
fn Heading(
    /// Where the reader is.
    place: Memo<Place>,
) -> impl IntoView {
    let href = use_page_href();
    part(move || {
        let place = place.get();
        let below = |id: Option<TraceId>| {
            view! {
                <div class="top-title">
                    <a href=href(place.path())>{place.label()}</a>
                    <span class="muted" aria-hidden="true">"/"</span>
                    <h1 class="mono">{id.map_or_else(|| "unknown".to_owned(), |id| id.short())}</h1>
                </div>
            }
            .into_any()
        };
        match place {
            Place::Pipeline(id) | Place::Trace(id) => below(id),
            other => view! { <div class="top-title"><h1>{other.label()}</h1></div> }.into_any(),
        }
    })
}
