//! Changing a dashboard in its place.

mod bar;
mod dashboard;
mod panel;
mod row;
mod variables;

use leptos::prelude::*;

pub use self::{
    bar::EditBar,
    dashboard::DashboardForm,
    panel::{PanelForm, PanelTools},
    row::RowHead,
};
use crate::{
    browser::dom,
    component::icon::{Icon, IconName},
};

/// A small button with an icon alone.
fn icon_button(
    icon: IconName,
    label: impl Fn() -> String + Send + Sync + 'static,
    act: impl Fn() + Send + 'static,
) -> AnyView {
    moving_button(String::new(), icon, label, act)
}

/// One that keeps the focus when what it is in moves elsewhere in the document.
fn moving_button(
    id: String,
    icon: IconName,
    label: impl Fn() -> String + Send + Sync + 'static,
    act: impl Fn() + Send + 'static,
) -> AnyView {
    let label = Signal::derive(label);
    let named = (!id.is_empty()).then(|| id.clone());
    view! {
        <button type="button" class="icon-button" id=named title=label aria-label=label on:click=move |_| {
            act();
            if !id.is_empty() {
                dom::focus_soon(id.clone());
            }
        }>
            <Icon name=icon />
        </button>
    }
    .into_any()
}

/// The parts of a text that stand between commas.
fn listed(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
