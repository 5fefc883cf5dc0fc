//! The shape of what is being loaded, so that nothing jumps when it arrives.

use leptos::prelude::*;

/// Grey lines in place of text or rows.
#[component]
pub fn SkeletonLines(
    /// How many.
    lines: usize,
) -> impl IntoView {
    view! {
        <div class="skeleton-lines" aria-hidden="true">
            {(0..lines).map(|_| view! { <span class="skeleton"></span> }).collect_view()}
        </div>
    }
}

/// A grey block in place of a chart or a card. `class` gives its height.
#[component]
pub fn SkeletonBlock(
    /// The class of what it stands for.
    class: &'static str,
) -> impl IntoView {
    view! { <div class=format!("skeleton skeleton-block {class}") aria-hidden="true"></div> }
}

/// Says once, to screen readers, that something is loading.
#[component]
pub fn Loading(
    /// What is loading, e.g. `pipelines`.
    #[prop(into)]
    what: String,
) -> impl IntoView {
    view! { <p class="visually-hidden" role="status">{format!("Loading {what}…")}</p> }
}
