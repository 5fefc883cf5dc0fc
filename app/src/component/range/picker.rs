//! The button in the header that shows the time range, and the menu that changes it.

use leptos::{prelude::*, task::spawn_local};

use super::{hooks, range_value, use_range};
use crate::{
    browser::{clock, dom, files},
    component::{
        icon::{Icon, IconName},
        query::{use_href, with},
        reactive::{flag, maybe, part, text, word},
        time::{TimeFormat, Zone, format_input, format_wall, parse_input, use_set_zone, use_zone},
    },
    model::RangeSpec,
};

/// Id of the menu, for the key that opens it.
pub const MENU_ID: &str = "range-menu";

/// What people read: `Last 1 hour`, `Nov 21 14:00 – 15:30`, `Nov 20 22:00 – Nov 21 02:00`.
pub fn range_label(spec: RangeSpec, zone: Zone) -> String {
    let RangeSpec::Fixed(from, to) = spec else { return spec.label() };
    let day = |at| format_wall(at, zone, TimeFormat::Day);
    let end = if day(from) == day(to) { TimeFormat::Minute } else { TimeFormat::DayMinute };
    format!("{} – {}", format_wall(from, zone, TimeFormat::DayMinute), format_wall(to, zone, end))
}

/// The button and the menu of the time range.
#[component]
pub fn RangePicker() -> impl IntoView {
    let (range, set_range) = use_range();
    let zone = use_zone();
    let href = use_href();
    let preset = {
        let href = href.clone();
        move |seconds: u32| {
            let spec = RangeSpec::Last(seconds);
            let href = href.clone();
            let current = maybe(move || (range.get() == spec).then_some("true"));
            view! {
                <li>
                    <a class="menu-link" data-noscroll href=text(move || href(&[("range", range_value(spec))]))
                        aria-current=current on:click=|_| dom::hide_popover(MENU_ID)>
                        {spec.label()}
                    </a>
                </li>
            }
        }
    };
    let zoom_out = move |_| set_range.set(hooks::zoom_out(range.get_untracked(), clock::now()));
    view! {
        <button type="button" class="button range-button" popovertarget=MENU_ID title="Time range (t)">
            <span class="visually-hidden">"Time range: "</span>
            <span class="ellipsis">{text(move || range_label(range.get(), zone.get()))}</span>
            <span class="muted only-wide">{word(move || zone.get().label())}</span>
            <Icon name=IconName::ChevronDown />
        </button>
        <div class="menu" id=MENU_ID popover="auto" role="group" aria-label="Time range">
            <p class="menu-title">"Relative"</p>
            <ul class="menu-links menu-columns">{RangeSpec::PRESETS.into_iter().map(preset).collect_view()}</ul>
            <AbsoluteForm />
            <ZoneChoice />
            <div class="menu-foot">
                <button type="button" class="button" on:click=zoom_out>
                    <Icon name=IconName::ZoomOut />"Zoom out"
                </button>
                <CopyLink />
            </div>
        </div>
    }
    .into_any()
}

/// From here to there, in the chosen zone.
#[component]
fn AbsoluteForm() -> impl IntoView {
    let (range, set_range) = use_range();
    let zone = use_zone();
    let from = RwSignal::new(String::new());
    let to = RwSignal::new(String::new());
    let wrong = RwSignal::new(None::<&'static str>);
    // Filled in the browser only: the server does not know when the menu is opened.
    Effect::new(move |_| {
        let resolved = range.get().resolve(clock::now());
        from.set(format_input(resolved.from, zone.get()));
        to.set(format_input(resolved.to, zone.get()));
        wrong.set(None);
    });
    let apply = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let zone = zone.get_untracked();
        let ends = parse_input(&from.get_untracked(), zone).zip(parse_input(&to.get_untracked(), zone));
        let message = match ends {
            None => Some("Give both times"),
            Some((from, to)) if from >= to => Some("The end lies before the beginning"),
            Some((from, to)) if to.0 - from.0 > RangeSpec::LONGEST_MS => Some("At most 400 days"),
            Some((from, to)) => {
                set_range.set(RangeSpec::Fixed(from, to));
                dom::hide_popover(MENU_ID);
                None
            }
        };
        wrong.set(message);
    };
    view! {
        <p class="menu-title">"Absolute"</p>
        <form class="menu-form" on:submit=apply>
            <label for="range-from">"From"</label>
            <input class="input" id="range-from" type="datetime-local" step="1" prop:value=from
                on:input:target=move |event| from.set(event.target().value()) />
            <label for="range-to">"To"</label>
            <input class="input" id="range-to" type="datetime-local" step="1" prop:value=to
                on:input:target=move |event| to.set(event.target().value()) />
            {part(move || wrong.get().map(|message| view! { <p role="alert">{message}</p> }).into_any())}
            <button class="button">"Apply"</button>
        </form>
    }
    .into_any()
}

/// UTC or the browser's zone.
#[component]
fn ZoneChoice() -> impl IntoView {
    let zone = use_zone();
    let set_zone = use_set_zone();
    let choice = move |choice: Zone, label: &'static str| {
        let pressed = flag(move || zone.get() == choice);
        view! {
            <button type="button" class="button" aria-pressed=pressed on:click=move |_| set_zone.run(choice)>
                {label}
            </button>
        }
    };
    view! {
        <div class="menu-foot">
            <div class="segmented" role="group" aria-label="Time zone">
                {choice(Zone::Utc, "UTC")} {choice(Zone::Local, "Local time")}
            </div>
        </div>
    }
}

/// Copies the address with a relative range frozen, so that who opens it sees the same.
#[component]
fn CopyLink() -> impl IntoView {
    let (range, _) = use_range();
    let search = leptos_router::hooks::use_location().search;
    let copied = RwSignal::new(None::<bool>);
    let copy = move |_| {
        let Some(address) = dom::page_address() else { return };
        let frozen = range.get_untracked().resolve(clock::now());
        let frozen = RangeSpec::Fixed(frozen.from, frozen.to).to_string();
        let query = with(&search.get_untracked(), "range", Some(&frozen));
        spawn_local(async move {
            copied.set(Some(files::copy(format!("{address}?{query}")).await));
        });
    };
    view! {
        <button type="button" class="button" on:click=copy>
            <Icon name=IconName::Link />
            <span aria-live="polite">{word(move || match copied.get() {
                None => "Copy link",
                Some(true) => "Copied",
                Some(false) => "The browser refused",
            })}</span>
        </button>
    }
}
