//! What is shown over the page on demand, and goes when somebody turns to something else: `Esc`, a click or `Tab` elsewhere.

use leptos::prelude::*;

use crate::browser::fold;

/// A `details` that lies over the page. It opens before the page is hydrated, too.
#[component]
pub fn Fold(
    /// Its class.
    class: &'static str,
    /// What opens it.
    #[prop(into)]
    summary: ViewFnOnce,
    /// What is shown.
    children: Children,
) -> impl IntoView {
    view! {
        // Takes the focus when a part of it is clicked that has none.
        <details class=class tabindex="-1" on:focusout=|event| fold::left(&event) on:keydown=|event| fold::pressed(&event)>
            {summary.run()}
            {children()}
        </details>
    }
    .into_any()
}
