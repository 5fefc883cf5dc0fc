//! Nothing to show, and the three reasons for it.

use leptos::prelude::*;

use super::{
    query::use_href,
    range::{range_value, use_range, widen},
    reactive::text,
};
use crate::browser::keys;

/// Why there is nothing.
#[derive(Clone, Copy)]
pub enum EmptyKind {
    /// Nothing was ever received: show how to send some.
    Never,
    /// Nothing in the chosen time range: widen it.
    Range,
    /// Nothing matches the filters: clear them.
    Filters(Callback<()>),
}

/// Nothing to show, why, and what helps.
#[component]
pub fn Empty(
    /// Why there is nothing.
    kind: EmptyKind,
    /// What is missing, in the plural: `log lines`.
    #[prop(into)]
    what: String,
    /// What helps, beside the usual: for [`EmptyKind::Never`] a snippet that sends data.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let message = match kind {
        EmptyKind::Never => format!("No {what} received yet"),
        EmptyKind::Range => format!("No {what} in this time range"),
        EmptyKind::Filters(_) => format!("No {what} match"),
    };
    let help = match kind {
        EmptyKind::Never => ().into_any(),
        EmptyKind::Range => view! { <WidenLink /> }.into_any(),
        EmptyKind::Filters(clear) => {
            let clear = move |click: leptos::ev::MouseEvent| {
                clear.run(());
                keys::keep_focus(&click);
            };
            view! { <button type="button" class="button" on:click=clear>"Clear filters"</button> }.into_any()
        }
    };
    view! {
        <div class="empty">
            <p class="empty-title">{message}</p>
            {help}
            {children.map(|children| children())}
        </div>
    }
}

#[component]
fn WidenLink() -> impl IntoView {
    let (range, _) = use_range();
    let href = use_href();
    let wider = move || widen(range.get());
    let can_widen = move || wider() != range.get();
    view! {
        <Show when=can_widen>
            <a class="button" data-noscroll href={
                let href = href.clone();
                move || href(&[("range", range_value(wider()))])
            }>
                {text(move || format!("Widen to {}", wider().label().to_lowercase()))}
            </a>
        </Show>
    }
}
