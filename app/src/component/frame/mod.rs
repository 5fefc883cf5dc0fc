//! The frame around every page: links, header, dialogs and keys.

mod header;
mod help;
mod keys;
mod live_pill;
mod palette;
mod place;
mod theme;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;

use self::{header::Header, help::HelpDialog, palette::Palette, place::Place};
use super::{
    icon::Icon,
    query::use_page_href,
    reactive::{maybe, text},
};
use crate::browser::dom;

const MAIN: &str = "main";

/// What stands around every page.
#[component]
pub fn Frame(children: Children) -> impl IntoView {
    let pathname = use_location().pathname;
    let place = Memo::new(move |_| pathname.with(|path| Place::of(path)));
    keys::listen();
    view! {
        <Title text=move || place.get().document_title() />
        <a class="skip" href="#main" on:click=|_| dom::focus(MAIN)>"Skip to the content"</a>
        <div class="frame">
            <SideLinks place />
            <Header place />
            <main class="main" id=MAIN tabindex="-1">{children()}</main>
        </div>
        <p class="visually-hidden" aria-live="polite">{text(move || place.get().document_title())}</p>
        <Palette />
        <HelpDialog />
    }
    .into_any()
}

#[component]
fn SideLinks(
    /// Where the reader is.
    place: Memo<Place>,
) -> impl IntoView {
    let href = use_page_href();
    let link = move |target: Place| {
        let (path, icon) = (target.path(), target.icon());
        let current = maybe(move || (place.get().section() == target).then_some("page"));
        let href = href.clone();
        view! {
            <li>
                <a class="side-link" href=text(move || href(path)) aria-current=current>
                    <Icon name=icon />
                    <span class="side-text">{target.label()}</span>
                </a>
            </li>
        }
    };
    view! {
        <nav class="side" aria-label="Pages">
            <a class="brand" href="/monitoring" aria-label="Console: overview">"CONSOLE"</a>
            <ul class="side-links">{Place::SECTIONS.into_iter().map(link).collect_view()}</ul>
            <p class="side-foot">"Console "<span class="mono">{env!("CARGO_PKG_VERSION")}</span></p>
        </nav>
    }
    .into_any()
}
