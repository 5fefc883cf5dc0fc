//! The page at an address where there is none.

use leptos::prelude::*;

use crate::api::SetStatus;

/// The page at an address where there is none.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    if let Some(status) = use_context::<SetStatus>() {
        (status.0)(404);
    }
    view! {
        <div class="empty">
            <p class="empty-title">"There is no page at this address."</p>
            <a class="button" href="/monitoring">"Go to the overview"</a>
        </div>
    }
}
