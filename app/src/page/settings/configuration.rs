//! The running configuration.

use leptos::prelude::*;

use super::{Table, answered, for_admins};
use crate::{
    api::load_settings,
    component::{copy::CopyButton, panel::Panel},
    model::{Setting, SettingSection},
};

/// The page of the configuration.
#[component]
pub fn ConfigurationPage() -> impl IntoView {
    for_admins(|| answered("the configuration", Resource::new(|| (), |()| load_settings()), draw))
}

fn draw(sections: Vec<SettingSection>) -> AnyView {
    view! {
        <div class="settings configuration">
            <p class="muted">
                "As it was read at the start. To change it, set the variable, or the key in " <code>"Leptos.toml"</code>
                ", and restart Console. Of secrets only is shown whether they are set."
            </p>
            {sections.into_iter().map(section).collect_view()}
        </div>
    }
    .into_any()
}

fn section(section: SettingSection) -> AnyView {
    let name = section.name.clone();
    let rows = section.settings.into_iter().map(row).collect_view();
    view! {
        <Panel title=section.name>
            <Table name titles=&["Setting", "Value", "Variable"]>{rows}</Table>
        </Panel>
    }
    .into_any()
}

fn row(setting: Setting) -> AnyView {
    let Setting { key, value, default, variable } = setting;
    let changed = (value != default).then(|| {
        view! { " " <span class="mark mark-changed" title=format!("By default {default}")>"changed"</span> }
    });
    view! {
        <tr>
            <th scope="row">{key}</th>
            <td class="cell-wide">{value} {changed}</td>
            <td class="cell-copy">{variable.clone()} <CopyButton what="variable" text=Signal::stored(variable) /></td>
        </tr>
    }
    .into_any()
}
