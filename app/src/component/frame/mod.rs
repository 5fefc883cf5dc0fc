//! The frame around every page: links, header, dialogs and keys.

mod header;
mod help;
mod keys;
mod live_pill;
mod palette;
mod place;
mod settings;
mod theme;
mod user_menu;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;

use self::{
    header::Header, help::HelpDialog, palette::Palette, place::Place, settings::SettingsTabs, theme::ThemeToggle,
};
use super::{
    icon::{Icon, IconName},
    me::use_me,
    query::use_page_href,
    reactive::{maybe, part, text},
};
use crate::browser::dom;

pub use self::settings::{SettingsHome, SettingsPage};

const MAIN: &str = "main";

/// What stands around every page. Who is not signed in sees the page alone: that does not change while the page is
/// loaded.
#[component]
pub fn Frame(children: Children) -> impl IntoView {
    let pathname = use_location().pathname;
    let known_place = ArcMemo::new(move |_| pathname.with(|path| Place::of(path)));
    let place = Memo::from(known_place.clone());
    let is_bare = use_me().is_none() || place.get_untracked().is_bare();
    let inner = if is_bare {
        view! { <Bare place>{children()}</Bare> }.into_any()
    } else {
        view! { <Full place>{children()}</Full> }.into_any()
    };
    view! {
        // The server asks for the title when the page is written; what the page owned may be gone by then.
        <Title text=move || known_place.get().document_title() />
        <a class="skip" href="#main" on:click=|_| dom::focus(MAIN)>"Skip to the content"</a>
        {inner}
        <p class="visually-hidden" aria-live="polite">{text(move || place.get().document_title())}</p>
    }
    .into_any()
}

#[component]
fn Full(place: Memo<Place>, children: Children) -> impl IntoView {
    keys::listen();
    let is_settings = Memo::new(move |_| matches!(place.get(), Place::Settings(_)));
    view! {
        <div class="frame">
            <SideLinks place />
            <Header place />
            <main class="main" id=MAIN tabindex="-1">
                {part(move || is_settings.get().then(|| view! { <SettingsTabs place /> }).into_any())}
                {children()}
            </main>
        </div>
        <Palette />
        <HelpDialog />
    }
    .into_any()
}

/// The brand, the page, and nothing that needs to know who looks.
#[component]
fn Bare(place: Memo<Place>, children: Children) -> impl IntoView {
    let place = place.get_untracked();
    let heading = (!place.is_bare()).then(|| view! { <h1>{place.label()}</h1> });
    view! {
        <div class="bare">
            <header class="bare-top">
                <a class="brand" rel="external" href="/monitoring">"CONSOLE"</a>
                <ThemeToggle />
            </header>
            <main class="bare-main" id=MAIN tabindex="-1">{heading} {children()}</main>
        </div>
    }
    .into_any()
}

#[component]
fn SideLinks(
    /// Where the reader is.
    place: Memo<Place>,
) -> impl IntoView {
    let href = use_page_href();
    let link = move |section: Place, path: &'static str, label: &'static str, icon: IconName| {
        let current = maybe(move || (place.get().section() == section).then_some("page"));
        let href = href.clone();
        view! {
            <li>
                <a class="side-link" href=text(move || href(path)) aria-current=current>
                    <Icon name=icon />
                    <span class="side-text">{label}</span>
                </a>
            </li>
        }
    };
    let first = Place::Settings(SettingsPage::first(use_me().as_ref()));
    let settings = link(first.section(), first.path(), "Settings", first.icon());
    let link_to = |place: Place| link(place, place.path(), place.label(), place.icon());
    view! {
        <nav class="side" aria-label="Pages">
            <a class="brand" href="/monitoring" aria-label="Console: overview">"CONSOLE"</a>
            <ul class="side-links">{Place::SECTIONS.into_iter().map(link_to).collect_view()} {settings}</ul>
            <p class="side-foot">"Console "<span class="mono">{env!("CARGO_PKG_VERSION")}</span></p>
        </nav>
    }
    .into_any()
}
