//! A failure, in place: what failed, why, and another try. The rest of the page stays alive.

use leptos::prelude::*;

use super::{
    icon::{Icon, IconName},
    query::use_sign_in_href,
    reactive::Part,
    text::capitalised,
};
use crate::{
    api::{ApiError, ErrorCode},
    live::{LiveState, use_live},
};

const ENDED: &str = "Your session has ended.";

/// What failed, with a button to try again; where the session has ended, the way to another.
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
    let has_ended = error.code == ErrorCode::Unauthorized;
    // When the server is back, so is what it could not give.
    let live = use_live();
    Effect::new(move |before: Option<LiveState>| {
        let now = live.state.get();
        if !has_ended && before == Some(LiveState::Lost) && now == LiveState::Open {
            retry.run(());
        }
        now
    });
    let (title, reason, way_out) = if has_ended {
        (ENDED.to_owned(), "Sign in again to go on.".to_owned(), sign_in_link("button"))
    } else {
        let again = view! { <button type="button" class="button" on:click=move |_| retry.run(())>"Try again"</button> };
        (format!("Could not load {what}"), error.message, again.into_any())
    };
    view! {
        <div class="error-panel" role="alert">
            <Icon name=IconName::Warning />
            <div>
                <p class="error-title">{title}</p>
                <p class="error-reason">{reason}</p>
            </div>
            {way_out}
        </div>
    }
    .into_any()
}

/// A failure in one line, beside what caused it.
#[component]
pub fn Problem(
    /// What went wrong.
    error: ApiError,
) -> impl IntoView {
    let has_ended = error.code == ErrorCode::Unauthorized;
    let message = if has_ended { ENDED.to_owned() } else { capitalised(&error.message) };
    view! {
        <p class="problem" role="alert">
            <Icon name=IconName::Warning />
            <span>{message} " " {has_ended.then(|| sign_in_link(""))}</span>
        </p>
    }
    .into_any()
}

/// The failure of `error` in one line, as long as there is one.
pub fn problem(error: impl Fn() -> Option<ApiError> + Send + 'static) -> Part {
    Box::new(move || error().map(|error| view! { <Problem error /> }).into_any())
}

fn sign_in_link(class: &'static str) -> AnyView {
    view! { <a class=class rel="external" href=use_sign_in_href()>"Sign in"</a> }.into_any()
}
