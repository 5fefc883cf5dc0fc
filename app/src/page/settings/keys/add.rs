//! Making a key.

use leptos::{html, prelude::*};

use super::Keys;
use crate::{
    api::add_key,
    browser::dom,
    component::{
        form::{Field, Form, FormEnd, FormProblem, clear, typed},
        panel::Panel,
        reactive::text,
        snippet::{Snippet, use_origin},
    },
    model::{CreatedKey, KeyRequest},
};

/// The box with a key that was just made.
const MADE_ID: &str = "made-key";

/// The form that makes a key.
#[component]
pub fn AddKey(keys: Keys) -> impl IntoView {
    let form = Form::new("add-key", &["name"]);
    let name = NodeRef::<html::Input>::new();
    let (can_ingest, can_read) = (NodeRef::<html::Input>::new(), NodeRef::<html::Input>::new());
    let expires = NodeRef::<html::Select>::new();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let is_checked = |input: NodeRef<html::Input>| input.get_untracked().is_some_and(|input| input.checked());
        let request = KeyRequest {
            name: typed(name),
            can_ingest: is_checked(can_ingest),
            can_read: is_checked(can_read),
            // "Never" is no number.
            expires_in_days: expires.get_untracked().and_then(|expires| expires.value().parse().ok()),
        };
        form.send(async move {
            let made = add_key(request).await?;
            clear(name);
            keys.made.try_set(Some(made));
            dom::focus_soon(MADE_ID.to_owned());
            keys.refresh().await?;
            Ok("The key is made.".to_owned())
        });
    };
    view! {
        <Panel title="Make a key">
            <form class="form form-wide" method="post" on:submit=submit>
                <Field form name="name" label="Name" input=name hint="What uses it, e.g. a service or a dashboard." />
                <fieldset class="field">
                    <legend>"It may"</legend>
                    <label class="check">
                        <input type="checkbox" name="can_ingest" checked=true node_ref=can_ingest />"send data"
                    </label>
                    <label class="check">
                        <input type="checkbox" name="can_read" node_ref=can_read />"read data"
                    </label>
                </fieldset>
                <div class="field">
                    <label for="add-key-expires">"Expires"</label>
                    <select class="input" id="add-key-expires" name="expires" node_ref=expires>
                        <option value="">"Never"</option>
                        <option value="30">"In 30 days"</option>
                        <option value="90">"In 90 days"</option>
                        <option value="365">"In a year"</option>
                    </select>
                </div>
                <FormProblem form />
                <FormEnd form label="Make key" />
            </form>
        </Panel>
    }
    .into_any()
}

/// A key that was just made: its secret is seen only now.
#[component]
pub fn Made(made: CreatedKey) -> impl IntoView {
    let CreatedKey { key, secret } = made;
    let origin = use_origin();
    let command = |quote: &'static str, path: &'static str| {
        let secret = secret.clone();
        text(move || format!("curl -H 'X-API-Key: {secret}' {quote}{}{path}{quote}", origin.get()))
    };
    let try_it = command("", "/api/v1/me");
    let read = key.can_read.then(|| {
        let command = command("'", "/v1/traces?limit=5");
        view! {
            <p>"The newest pipeline traces:"</p>
            <Snippet what="command that reads" text=command />
        }
    });
    view! {
        <section class="panel made" id=MADE_ID tabindex="-1" aria-label="The new key">
            <p>"The key " <strong>{key.name}</strong> ":"</p>
            <Snippet what="key" text=Signal::stored(secret.clone()) />
            <p class="hint">"Copy it now: it is not shown again."</p>
            <p>"To try it:"</p>
            <Snippet what="command" text=try_it />
            {read}
        </section>
    }
    .into_any()
}
