//! Making somebody a member.

use leptos::{html, prelude::*};

use super::Users;
use crate::{
    api::add_user,
    component::{
        form::{Field, Form, FormEnd, FormProblem, clear, typed},
        me::role_label,
        panel::Panel,
    },
    model::Role,
};

/// The form that makes somebody a member.
#[component]
pub fn AddUser(users: Users) -> impl IntoView {
    let form = Form::new("add-user", &["email", "name"]);
    let (email, name) = (NodeRef::<html::Input>::new(), NodeRef::<html::Input>::new());
    let role = NodeRef::<html::Select>::new();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let chosen = role.get_untracked().and_then(|role| role.value().parse().ok()).unwrap_or(Role::Viewer);
        let (address, called) = (typed(email), typed(name));
        form.send(async move {
            let invitation = add_user(address, called, chosen).await?;
            clear(email);
            clear(name);
            let said = format!("{} is a member.", invitation.email);
            users.show_link(invitation);
            users.refresh().await?;
            Ok(said)
        });
    };
    let option = |role: Role| view! { <option value=role.key()>{role_label(role)}</option> };
    view! {
        <Panel title="Add a user">
            <form class="form form-wide" method="post" on:submit=submit>
                <Field form name="email" label="E-mail" kind="email" input=email />
                <Field form name="name" label="Name" input=name />
                <div class="field">
                    <label for="add-user-role">"Role"</label>
                    <select class="input" id="add-user-role" name="role" node_ref=role>
                        {Role::ALL.into_iter().map(option).collect_view()}
                    </select>
                    <p class="field-help">"Viewers look, editors change what is watched, admins decide who may do what."</p>
                </div>
                <FormProblem form />
                <FormEnd form label="Add user" />
            </form>
        </Panel>
    }
    .into_any()
}
