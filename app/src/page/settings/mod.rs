//! The settings: one's own account, who may do what, and how this Console is set up.

mod account;
mod audit;
mod configuration;
mod keys;
mod redaction;
mod tenants;
mod users;

use leptos::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

pub use self::{
    account::AccountPage, audit::AuditPage, configuration::ConfigurationPage, keys::KeysPage, redaction::RedactionPage,
    tenants::TenantsPage, users::UsersPage,
};
use crate::{
    api::{ApiError, SetStatus},
    component::{
        error_panel::ErrorPanel,
        me::may,
        reactive::part,
        skeleton::{Loading, SkeletonLines},
    },
    model::Role,
};

/// A page that shows the answer to one question.
fn answered<T>(what: &'static str, answer: Resource<Result<T, ApiError>>, draw: fn(T) -> AnyView) -> AnyView
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let body = part(move || {
        let drawn = answer.get().map(|outcome| match outcome {
            Ok(value) => draw(value),
            Err(error) => view! { <ErrorPanel what error retry=move |()| answer.refetch() /> }.into_any(),
        });
        drawn.into_any()
    });
    view! {
        <Transition fallback=move || view! { <div class="panel"><Loading what /> <SkeletonLines lines=8 /></div> }>
            {body}
        </Transition>
    }
    .into_any()
}

/// A page that only administrators see: the questions of others would be refused.
fn for_admins(draw: fn() -> AnyView) -> AnyView {
    if may(Role::Admin) {
        return draw();
    }
    if let Some(status) = use_context::<SetStatus>() {
        (status.0)(403);
    }
    view! { <div class="panel empty"><p class="empty-title">"Only administrators of this tenant see this page."</p></div> }
        .into_any()
}

/// A button in a row; `whom` it is about is said to those who do not see the row.
fn row_button(label: Signal<&'static str>, whom: &str, act: Callback<()>) -> AnyView {
    let whom = format!(" {whom}");
    view! {
        <button type="button" class="button button-small" on:click=move |_| act.run(())>
            {label} <span class="visually-hidden">{whom}</span>
        </button>
    }
    .into_any()
}

/// A table that scrolls within its panel where the screen is narrow.
#[component]
fn Table(
    /// What it lists.
    #[prop(into)]
    name: String,
    /// Titles of its columns; an empty one has none.
    titles: &'static [&'static str],
    children: Children,
) -> impl IntoView {
    let region = format!("Table: {name}");
    let cell = |title: &&'static str| match *title {
        "" => view! { <td></td> }.into_any(),
        title => view! { <th scope="col">{title}</th> }.into_any(),
    };
    view! {
        <div class="table-scroll" role="region" aria-label=region tabindex="0">
            <table class="table" aria-label=name>
                <thead><tr>{titles.iter().map(cell).collect_view()}</tr></thead>
                <tbody>{children()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// What was asked for is done, but what is shown could not be brought up to date.
fn done_but(error: ApiError) -> ApiError {
    ApiError { message: format!("It is done, but what is shown is old: {}", error.message), ..error }
}
