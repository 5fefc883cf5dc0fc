//! The REST interface, described from the same declarations that its guards come from.

use leptos::prelude::*;

use crate::{
    api::load_docs,
    component::{
        error_panel::ErrorPanel,
        panel::Panel,
        reactive::{part, text},
        skeleton::{Loading, SkeletonLines},
        snippet::{Snippet, use_origin},
    },
    model::{DocAnswer, DocGroup, DocOperation, DocParameter},
};

/// The page of the REST interface.
#[component]
pub fn DocsPage() -> impl IntoView {
    let docs = Resource::new(|| (), |()| load_docs());
    let body = part(move || {
        let drawn = docs.get().map(|outcome| match outcome {
            Ok(groups) => view! { <Groups groups /> }.into_any(),
            Err(error) => {
                view! { <ErrorPanel what="the interface's description" error retry=move |()| docs.refetch() /> }
                    .into_any()
            }
        });
        drawn.into_any()
    });
    view! {
        <Transition fallback=|| view! { <div class="panel"><Loading what="the interface" /> <SkeletonLines lines=8 /></div> }>
            {body}
        </Transition>
    }
}

#[component]
fn Groups(groups: Vec<DocGroup>) -> impl IntoView {
    let origin = use_origin();
    let group = move |group: DocGroup| {
        let operations = group.operations.into_iter().map(|one| operation(one, origin)).collect_view();
        view! { <Panel title=group.name>{operations}</Panel> }.into_any()
    };
    view! {
        <div class="docs">
            <p class="muted">
                "Programs send an API key as " <code>"X-API-Key"</code> " or " <code>"Authorization: Bearer"</code>
                "; pages send the cookie of their session. Errors are "
                <code>r#"{"error":{"code","message","details"}}"#</code> ". For programs: "
                <a href="/openapi.json" rel="external">"openapi.json"</a>
            </p>
            {groups.into_iter().map(group).collect_view()}
        </div>
    }
    .into_any()
}

/// What a key can do is shown as a command that works as pasted, but for the key.
fn command(operation: &DocOperation, origin: &str) -> String {
    let mut words = vec!["curl".to_owned()];
    if operation.method != "GET" {
        words.push(format!("-X {}", operation.method));
    }
    match operation.access.as_str() {
        "Open" => {}
        "Webhook secret" => words.push("-H \"X-Gitlab-Token: $SECRET\"".to_owned()),
        "Session" => words.push("-H \"Cookie: console_session=$SESSION\"".to_owned()),
        _ => words.push("-H \"X-API-Key: $KEY\"".to_owned()),
    }
    if operation.body.is_some() {
        words.push("-H 'Content-Type: application/json' -d @body.json".to_owned());
    }
    words.push(format!("'{origin}{}'", operation.path));
    words.join(" ")
}

fn operation(operation: DocOperation, origin: Signal<String>) -> AnyView {
    let told = operation.clone();
    let command = text(move || command(&told, &origin.get()));
    let DocOperation { method, path, summary, description, access, parameters, body, answers } = operation;
    let is_change = method != "GET";
    let parameters = (!parameters.is_empty()).then(|| {
        let rows = parameters.into_iter().map(parameter).collect_view();
        view! { <h4>"Parameters"</h4> <dl class="docs-list">{rows}</dl> }
    });
    let body = body.map(|body| {
        view! { <h4>"Body"</h4> <Snippet what="example of the body" text=Signal::stored(body) /> }
    });
    view! {
        <details class="docs-operation">
            <summary>
                <span class="mark" class:mark-changed=is_change>{method}</span>
                <h3 class="mono">{path}</h3>
                <span class="docs-summary">{summary}</span>
                <span class="muted">{access}</span>
            </summary>
            <div class="docs-body">
                <p>{description}</p>
                {parameters}
                {body}
                <h4>"Answers"</h4>
                <dl class="docs-list">{answers.into_iter().map(answer).collect_view()}</dl>
                <Snippet what="command" text=command />
            </div>
        </details>
    }
    .into_any()
}

fn parameter(parameter: DocParameter) -> AnyView {
    let DocParameter { name, place, is_required, description } = parameter;
    let required = is_required.then_some(", required");
    view! {
        <dt class="mono">{name}</dt>
        <dd>{description} " " <span class="muted">{place} {required}</span></dd>
    }
    .into_any()
}

fn answer(answer: DocAnswer) -> AnyView {
    let DocAnswer { status, description, body } = answer;
    let body = body.map(|body| view! { <Snippet what="example of the answer" text=Signal::stored(body) /> });
    view! {
        <dt class="mono">{status}</dt>
        <dd>{description} {body}</dd>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_says_who_one_is_and_what_is_sent() {
        let mut operation = DocOperation {
            method: "GET".to_owned(),
            path: "/v1/traces".to_owned(),
            summary: String::new(),
            description: String::new(),
            access: "Session or key".to_owned(),
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
        };
        assert_eq!(command(&operation, "http://c"), "curl -H \"X-API-Key: $KEY\" 'http://c/v1/traces'");
        operation.method = "POST".to_owned();
        operation.access = "Open".to_owned();
        operation.body = Some("{}".to_owned());
        let expected = "curl -X POST -H 'Content-Type: application/json' -d @body.json 'http://c/v1/traces'";
        assert_eq!(command(&operation, "http://c"), expected);
    }
}
