//! What the chosen range is compared with, and whether charts draw that too.

use leptos::prelude::*;

use super::{use_compare, use_overlay};
use crate::{
    browser::dom,
    component::{
        icon::{Icon, IconName},
        query::use_href,
        reactive::{maybe, text, word},
        text::capitalised,
    },
    model::Compare,
};

const MENU_ID: &str = "compare-menu";

/// The button and the menu of comparisons.
#[component]
pub fn CompareMenu() -> impl IntoView {
    let compare = use_compare();
    let overlay = use_overlay();
    let href = use_href();
    let label = text(move || match compare.get() {
        Compare::Previous => "Compare with the period before".to_owned(),
        other => format!("Compare with {}", other.label()),
    });
    let choice = {
        let href = href.clone();
        move |choice: Compare| {
            let href = href.clone();
            let value = (choice != Compare::default()).then(|| choice.key().to_owned());
            let current = maybe(move || (compare.get() == choice).then_some("true"));
            view! {
                <li>
                    <a class="menu-link" data-noscroll href=text(move || href(&[("compare", value.clone())]))
                        aria-current=current on:click=|_| dom::hide_popover(MENU_ID)>
                        {capitalised(choice.label())}
                    </a>
                </li>
            }
        }
    };
    let overlay_href = text(move || href(&[("overlay", (!overlay.get()).then(|| "1".to_owned()))]));
    view! {
        <button type="button" class="icon-button" popovertarget=MENU_ID aria-label=label title=label>
            <Icon name=IconName::Compare />
        </button>
        <div class="menu" id=MENU_ID popover="auto" role="group" aria-label="Comparison">
            <p class="menu-title">"Compare with"</p>
            <ul class="menu-links">{Compare::ALL.into_iter().map(choice).collect_view()}</ul>
            <div class="menu-foot">
                <a class="button" data-noscroll href=overlay_href>
                    {word(move || if overlay.get() { "Hide it in the charts" } else { "Draw it in the charts" })}
                </a>
            </div>
        </div>
    }
    .into_any()
}
