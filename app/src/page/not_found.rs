//! The page at an address where there is none.

use leptos::prelude::*;

use crate::{api::SetStatus, component::me::use_me};

/// The page at an address where there is none.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    if let Some(status) = use_context::<SetStatus>() {
        (status.0)(404);
    }
    // Where nobody is signed in, the server has to lead to where one can.
    let rel = use_me().is_none().then_some("external");
    view! {
        <div class="empty">
            <p class="empty-title">"There is no page at this address."</p>
            <a class="button" href="/monitoring" rel=rel>"Go to the overview"</a>
        </div>
    }
}
