//! What is taken out of records before they are stored, to look at and to try.

use leptos::{html, prelude::*};

use super::{Table, answered};
use crate::{
    api::{load_redaction, try_redaction},
    component::{
        form::{Form, FormEnd, FormProblem},
        number::format_count,
        panel::Panel,
        reactive::part,
        snippet::Snippet,
    },
    model::{RedactedSample, RedactionRule, RedactionRules},
};

/// The page of redaction.
#[component]
pub fn RedactionPage() -> impl IntoView {
    answered("the rules", Resource::new(|| (), |()| load_redaction()), draw)
}

fn draw(rules: RedactionRules) -> AnyView {
    let total = match rules.redacted {
        0 => "Nothing was taken out since this Console started.".to_owned(),
        count => format!("{} taken out since this Console started.", secrets(count)),
    };
    let key = |key: String| view! { <li class="mark">{key}</li> };
    let value = |rule: RedactionRule| {
        view! {
            <tr>
                <th scope="row">{rule.name}</th>
                <td class="cell-wide">{rule.pattern}</td>
                <td><span class="mark">{if rule.is_own { "own" } else { "built-in" }}</span></td>
            </tr>
        }
    };
    view! {
        <div class="settings">
            <TrySample />
            <Panel title="Words of keys">
                <div class="panel-body">
                    <p>"The value of a key with one of these words in it is taken out before a record is stored or sent."</p>
                    <ul class="marks">{rules.keys.into_iter().map(key).collect_view()}</ul>
                </div>
            </Panel>
            <Panel title="Values that look like secrets">
                <Table name="Values that look like secrets" titles=&["Finds", "Pattern", "From"]>{rules.values.into_iter().map(value).collect_view()}</Table>
            </Panel>
            <p class="muted">{total}</p>
        </div>
    }
    .into_any()
}

/// `1 secret`, `1,234 secrets`
fn secrets(count: u64) -> String {
    format!("{} secret{}", format_count(count), if count == 1 { "" } else { "s" })
}

#[component]
fn TrySample() -> impl IntoView {
    let form = Form::new("sample", &[]);
    let sample = NodeRef::<html::Textarea>::new();
    let result = RwSignal::new(None::<RedactedSample>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let text = sample.get_untracked().map(|sample| sample.value()).unwrap_or_default();
        form.send(async move {
            let redacted = try_redaction(text).await?;
            let said = match redacted.redacted {
                0 => "Nothing would be taken out.".to_owned(),
                count => format!("{} would be taken out.", secrets(count)),
            };
            result.try_set(Some(redacted));
            Ok(said)
        });
    };
    let shown = move || {
        let panel = |sample: RedactedSample| {
            view! {
                <p>"What would be stored:"</p>
                <Snippet what="what would be stored" text=Signal::stored(sample.text) />
            }
        };
        result.get().map(panel).into_any()
    };
    view! {
        <Panel title="Try it">
            <form class="form" method="post" on:submit=submit>
                <div class="field">
                    <label for="sample-text">"A sample: a log line, or JSON"</label>
                    <textarea class="input" id="sample-text" rows="6" spellcheck="false" autocomplete="off" required
                        aria-describedby="sample-help" node_ref=sample></textarea>
                    <p class="field-help" id="sample-help">"It is looked at and not kept."</p>
                </div>
                <FormProblem form />
                <FormEnd form label="Show what would be stored" />
                {part(shown)}
            </form>
        </Panel>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_secret_is_one() {
        assert_eq!(super::secrets(1), "1 secret");
        assert_eq!(super::secrets(1234), "1,234 secrets");
    }
}
