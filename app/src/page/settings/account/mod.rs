//! One's own account: name, password, sessions.

mod device;
mod sessions;

use leptos::{html, prelude::*};

use self::sessions::Sessions;
use super::answered;
use crate::{
    api::{change_name, change_password, load_account},
    component::{
        form::{Field, Form, FormEnd, FormProblem, PASSWORD_HINT, clear, typed},
        me::use_me,
        panel::Panel,
    },
    model::{Account, Person},
};

/// The page of one's own account.
#[component]
pub fn AccountPage() -> impl IntoView {
    if use_me().is_none_or(|me| me.person.is_none()) {
        return view! {
            <div class="panel empty"><p class="empty-title">"Sign-in is turned off, so there are no accounts."</p></div>
        }
        .into_any();
    }
    let account = Resource::new(|| (), |()| load_account());
    answered("your account", account, draw)
}

fn draw(account: Account) -> AnyView {
    let sessions = Sessions::new(account.sessions, account.current);
    view! {
        <div class="settings">
            <div class="settings-forms">
                <NameForm person=account.person.clone() />
                <PasswordForm person=account.person sessions />
            </div>
            {sessions.draw()}
        </div>
    }
    .into_any()
}

#[component]
fn NameForm(person: Person) -> impl IntoView {
    let form = Form::new("name", &["name"]);
    let name = NodeRef::<html::Input>::new();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let name = typed(name);
        form.send(async move {
            change_name(name).await?;
            Ok("Your name is changed.".to_owned())
        });
    };
    view! {
        <Panel title="Name">
            // Never without a method: what is typed must not get into the address.
            <form class="form" method="post" on:submit=submit>
                <p>"You sign in as " <strong class="mono">{person.email}</strong> "."</p>
                <Field form name="name" label="Name" autocomplete="name" input=name value=person.name />
                <FormProblem form />
                <FormEnd form label="Save" />
            </form>
        </Panel>
    }
    .into_any()
}

#[component]
fn PasswordForm(person: Person, sessions: Sessions) -> impl IntoView {
    let form = Form::new("password", &["current", "new"]);
    let (current, new) = (NodeRef::<html::Input>::new(), NodeRef::<html::Input>::new());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let (before, after) = (typed(current), typed(new));
        form.send(async move {
            change_password(before, after).await?;
            clear(current);
            clear(new);
            sessions.refresh().await?;
            Ok("Your password is changed. All other sessions have ended.".to_owned())
        });
    };
    view! {
        <Panel title="Password">
            <form class="form" method="post" on:submit=submit>
                // For password managers.
                <input type="text" autocomplete="username" value=person.email readonly hidden />
                <Field form name="current" label="Current password" kind="password" autocomplete="current-password"
                    input=current />
                <Field form name="new" label="New password" kind="password" autocomplete="new-password" input=new
                    hint=PASSWORD_HINT />
                <p class="muted">"Changing it signs you out everywhere else."</p>
                <FormProblem form />
                <FormEnd form label="Change password" />
            </form>
        </Panel>
    }
    .into_any()
}
