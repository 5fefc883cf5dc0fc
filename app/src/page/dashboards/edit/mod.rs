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
use crate::component::icon::{Icon, IconName};

/// A small button with an icon alone.
fn icon_button(
    icon: IconName,
    label: impl Fn() -> String + Send + Sync + 'static,
    act: impl Fn() + Send + 'static,
) -> AnyView {
    let label = Signal::derive(label);
    view! {
        <button type="button" class="icon-button" title=label aria-label=label on:click=move |_| act()>
            <Icon name=icon />
        </button>
    }
    .into_any()
}

/// The parts of a text that stand between commas.
fn listed(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
