//! The list of keys.

use leptos::{attr::custom::custom_attribute, prelude::*};

use crate::component::icon::{Icon, IconName};

/// Id of the dialog.
pub const ID: &str = "help";

const KEYS: [(&str, &str); 12] = [
    ("Ctrl K", "Go to a page, a trace, a log line (⌘ K on a Mac)"),
    ("/", "Search on this page"),
    ("t", "Choose the time range"),
    ("j  k", "Next and previous row"),
    ("Enter", "Open the row"),
    ("[  ]", "Fold and unfold"),
    ("e  E", "Next and previous error in a trace"),
    ("n  N", "Next and previous match in a trace"),
    ("z  0", "Zoom to the selected span, show the whole trace"),
    ("← →", "Move along a chart that has the focus"),
    ("Esc", "Close what is open"),
    ("?", "This list"),
];

/// The list of keys, in a dialog.
#[component]
pub fn HelpDialog() -> impl IntoView {
    let row = |(keys, meaning): (&'static str, &'static str)| {
        let keys = keys.split("  ").map(|key| view! { <kbd>{key}</kbd> " " }).collect_view();
        view! { <dt>{keys}</dt><dd>{meaning}</dd> }
    };
    view! {
        <dialog class="dialog" id=ID aria-labelledby="help-title" {..custom_attribute("closedby", "any")}>
            <form class="dialog-head" method="dialog">
                <h2 id="help-title">"Keys"</h2>
                <button class="icon-button" aria-label="Close"><Icon name=IconName::Close /></button>
            </form>
            <dl class="key-list">{KEYS.into_iter().map(row).collect_view()}</dl>
        </dialog>
    }
    .into_any()
}
