//! A failure, in place: what failed, why, and another try. The rest of the page stays alive.

use leptos::prelude::*;

use super::icon::{Icon, IconName};
use crate::{
    api::ApiError,
    live::{LiveState, use_live},
};

/// What failed, with a button to try again.
#[component]
pub fn ErrorPanel(
    /// What could not be shown, e.g. `the overview`.
    #[prop(into)]
    what: String,
    /// Why.
    error: ApiError,
    /// Tries again.
    #[prop(into)]
    retry: Callback<()>,
) -> impl IntoView {
    // When the server is back, so is what it could not give.
    let live = use_live();
    Effect::new(move |before: Option<LiveState>| {
        let now = live.state.get();
        if before == Some(LiveState::Lost) && now == LiveState::Open {
            retry.run(());
        }
        now
    });
    view! {
        <div class="error-panel" role="alert">
            <Icon name=IconName::Warning />
            <div>
                <p class="error-title">{format!("Could not load {what}")}</p>
                <p class="error-reason">{error.message}</p>
            </div>
            <button type="button" class="button" on:click=move |_| retry.run(())>"Try again"</button>
        </div>
    }
}
