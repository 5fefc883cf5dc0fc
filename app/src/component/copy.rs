//! A button that copies text.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};

use super::icon::{Icon, IconName};
use crate::browser::{event_stream::after_delay, files};

/// How long the button says what happened.
const ANSWER: Duration = Duration::from_millis(1600);

/// Copies a text and says whether that worked.
#[component]
pub fn CopyButton(
    /// What is copied, e.g. `trace id`; names the button.
    #[prop(into)]
    what: String,
    /// The text.
    #[prop(into)]
    text: Signal<String>,
    /// Whether the name is written beside the icon.
    #[prop(optional)]
    labelled: bool,
) -> impl IntoView {
    let outcome = RwSignal::new(None::<bool>);
    let copy = move |_| {
        spawn_local(async move {
            outcome.set(Some(files::copy(text.get_untracked()).await));
            after_delay(ANSWER, move || {
                outcome.try_set(None);
            });
        });
    };
    let icon = move || match outcome.get() {
        None => view! { <Icon name=IconName::Copy /> },
        Some(true) => view! { <Icon name=IconName::Check /> },
        Some(false) => view! { <Icon name=IconName::Close /> },
    };
    let answer = move || match outcome.get() {
        None => "",
        Some(true) => "Copied",
        Some(false) => "The browser refused to copy",
    };
    let name = format!("Copy {what}");
    let class = if labelled { "button copy-button" } else { "icon-button copy-button" };
    view! {
        <button type="button" class=class aria-label=name.clone() title=name.clone() on:click=copy>
            {icon}
            {labelled.then(|| name.clone())}
            <span class="visually-hidden" role="status">{answer}</span>
        </button>
    }
}
