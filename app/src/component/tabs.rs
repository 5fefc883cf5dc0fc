//! A row of choices of which one is taken. They are links: the choice lives in the address, and they work before
//! the page is hydrated.

use leptos::prelude::*;

/// One choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// What people read.
    pub label: &'static str,
    /// Where it leads.
    pub href: String,
    /// Whether it is the one that is taken.
    pub selected: bool,
}

/// A row of choices.
#[component]
pub fn Tabs(
    /// What is chosen, for screen readers.
    label: &'static str,
    /// The choices.
    #[prop(into)]
    tabs: Signal<Vec<Tab>>,
) -> impl IntoView {
    let links = move || {
        let link = |tab: Tab| {
            let current = if tab.selected { Some("true") } else { None };
            view! { <li><a class="tab" href=tab.href aria-current=current data-noscroll>{tab.label}</a></li> }
        };
        tabs.get().into_iter().map(link).collect_view()
    };
    view! { <nav class="tabs" aria-label=label><ul>{links}</ul></nav> }
}
