//! One member.

use leptos::{html, prelude::*};

use super::{super::row_button, Users};
use crate::{
    component::{
        age::Age,
        badge::Badge,
        error_panel::problem,
        icon::IconName,
        me::role_label,
        reactive::{part, text, word},
    },
    model::{Member, Role, UnixMillis},
};

/// The row of a member. It stays when what it shows changes, so that a button keeps the focus.
pub fn row(users: Users, is_me: bool, first: Member, now: Signal<Option<UnixMillis>>) -> AnyView {
    let id = first.id;
    let email = first.email.clone();
    let since = UnixMillis::from(first.created_at);
    let member = Memo::new(move |before: Option<&Member>| {
        let found = users.shown.with(|shown| shown.iter().find(|member| member.id == id).cloned());
        found.or_else(|| before.cloned()).unwrap_or_else(|| first.clone())
    });
    let role = if is_me {
        view! { <span>{word(move || role_label(member.with(|member| member.role)))}</span> }.into_any()
    } else {
        role_select(users, member, &email)
    };
    let actions = if is_me {
        view! { <span class="mark">"You"</span> }.into_any()
    } else {
        let disable = word(move || if member.with(|member| member.is_disabled) { "Enable" } else { "Disable" });
        let toggle = move |()| {
            let member = member.get_untracked();
            if member.is_disabled { users.enable(&member) } else { users.disable(&member) }
        };
        view! {
            {row_button("Sign-in link".into(), &email, Callback::new(move |()| users.reset(&member.get_untracked())))}
            {row_button(disable, &email, Callback::new(toggle))}
            {row_button("Remove".into(), &email, Callback::new(move |()| users.remove(&member.get_untracked())))}
            {problem(move || users.actions.problem.get().filter(|_| users.about.get() == Some(id)))}
        }
        .into_any()
    };
    view! {
        <tr>
            <th scope="row">{text(move || member.with(|member| member.name.clone()))}</th>
            <td>{email}</td>
            <td>{role}</td>
            <td>{part(move || member.with(state))}</td>
            <td><Age at=since now /></td>
            <td class="cell-actions">{actions}</td>
        </tr>
    }
    .into_any()
}

fn state(member: &Member) -> AnyView {
    if member.is_disabled {
        view! { <Badge icon=IconName::Close status="failed" label="Disabled" /> }.into_any()
    } else if member.has_password {
        view! { <Badge icon=IconName::Check status="success" label="Active" /> }.into_any()
    } else {
        view! { <Badge icon=IconName::Circle label="Invited" /> }.into_any()
    }
}

fn role_select(users: Users, member: Memo<Member>, email: &str) -> AnyView {
    let select = NodeRef::<html::Select>::new();
    // When nothing is under way any more, the choice is what is: also after a refusal.
    Effect::new(move |_| {
        let role = member.with(|member| member.role);
        if let (false, Some(select)) = (users.actions.busy.get(), select.get()) {
            select.set_value(role.key());
        }
    });
    let first = member.with_untracked(|member| member.role);
    let option = |role: Role| view! { <option value=role.key() selected=role == first>{role_label(role)}</option> };
    let change = move |event: leptos::ev::Targeted<leptos::ev::Event, leptos::web_sys::HtmlSelectElement>| {
        if let Ok(role) = event.target().value().parse() {
            users.set_role(&member.get_untracked(), role);
        }
    };
    view! {
        <select class="input" aria-label=format!("Role of {email}") node_ref=select on:change:target=change>
            {Role::ALL.into_iter().map(option).collect_view()}
        </select>
    }
    .into_any()
}
