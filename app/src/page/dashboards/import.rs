//! The form that makes a dashboard of a document.

use leptos::{html, prelude::*, task::spawn_local};
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::{LIST, list::read};
use crate::{
    api::add_dashboard,
    browser::{dom, files},
    component::{
        form::{Form, FormEnd, FormProblem},
        panel::Panel,
        query::use_page_href,
    },
};

/// Begins the ids of the form's elements.
const ID: &str = "import";

/// A file, or what stands in it.
#[component]
pub fn ImportForm(close: impl Fn() + Copy + Send + Sync + 'static) -> impl IntoView {
    let form = Form::new(ID, &[]);
    let document = NodeRef::<html::Textarea>::new();
    let navigate = use_navigate();
    let page_href = use_page_href();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let text = document.get_untracked().map(|area| area.value()).unwrap_or_default();
        let (navigate, page_href) = (navigate.clone(), page_href.clone());
        form.send(async move {
            let made = add_dashboard(read(&text)?).await?;
            navigate(&untrack(|| page_href(&format!("{LIST}/{}", made.id))), NavigateOptions::default());
            Ok(String::new())
        });
    };
    let take = move |input: leptos::web_sys::HtmlInputElement| {
        spawn_local(async move {
            if let Some(text) = files::text_of(input).await
                && let Some(area) = document.get_untracked()
            {
                area.set_value(&text);
            }
        });
    };
    dom::focus_soon(format!("{ID}-document"));
    view! {
        <Panel title="Import a dashboard" class="target-form">
            <form class="form" method="post" on:submit=submit>
                <div class="field">
                    <label for="import-file">"A file that was exported"</label>
                    <input class="input" id="import-file" type="file" accept="application/json,.json"
                        on:change:target=move |event| take(event.target()) />
                </div>
                <div class="field">
                    <label for="import-document">"What stands in it"</label>
                    <textarea class="input" id="import-document" rows="8" spellcheck="false" autocomplete="off"
                        placeholder="{\"title\": …}" node_ref=document></textarea>
                </div>
                <FormProblem form />
                <div class="form-actions">
                    <FormEnd form label="Import" />
                    <button type="button" class="button" on:click=move |_| close()>"Cancel"</button>
                </div>
            </form>
        </Panel>
    }
    .into_any()
}
