//! Go anywhere: pages by name, traces by id, log lines by text.

use leptos::{attr::custom::custom_attribute, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::{place::Place, settings::SettingsPage};
use crate::{
    browser::dom,
    component::{
        me::use_me,
        query::encode,
        reactive::{flag, part, text as text_of},
    },
    model::{Me, TraceId},
};

/// Id of the dialog.
pub const ID: &str = "palette";

const LIST_ID: &str = "palette-list";

/// A place to go to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Suggestion {
    label: String,
    hint: &'static str,
    href: String,
}

/// The pages that somebody may see.
fn pages(me: Option<&Me>) -> Vec<Place> {
    let settings = me.into_iter().flat_map(SettingsPage::seen_by).map(Place::Settings);
    Place::SECTIONS.into_iter().chain(settings).collect()
}

/// Where the text may lead, best first.
fn suggest(text: &str, pages: &[Place]) -> Vec<Suggestion> {
    let text = text.trim();
    let mut found = Vec::new();
    if let Ok(trace) = text.parse::<TraceId>() {
        found.push(Suggestion {
            label: format!("Trace {}", trace.short()),
            hint: "trace",
            href: format!("/monitoring/traces/{trace}"),
        });
        found.push(Suggestion {
            label: format!("Logs of trace {}", trace.short()),
            hint: "logs",
            href: format!("/monitoring/logs?trace_id={trace}"),
        });
        found.push(Suggestion {
            label: format!("Pipeline {}", trace.short()),
            hint: "pipeline",
            href: format!("/monitoring/pipelines/{}", trace.as_uuid()),
        });
        return found;
    }
    let wanted = text.to_lowercase();
    let named = pages.iter().map(|page| (page.document_title(), page.path()));
    let wanted = named.filter(|(title, _)| title.to_lowercase().contains(&wanted));
    found.extend(wanted.map(|(label, path)| Suggestion { label, hint: "page", href: path.to_owned() }));
    if !text.is_empty() {
        found.push(Suggestion {
            label: format!("Log lines with “{text}”"),
            hint: "logs",
            href: format!("/monitoring/logs?search={}", encode(text)),
        });
        found.push(Suggestion {
            label: format!("Traces with “{text}”"),
            hint: "traces",
            href: format!("/monitoring/traces?search={}", encode(text)),
        });
        found.push(Suggestion {
            label: format!("Pipelines with “{text}”"),
            hint: "pipelines",
            href: format!("/monitoring/pipelines?search={}", encode(text)),
        });
    }
    found
}

fn option_id(at: usize) -> String {
    format!("palette-option-{at}")
}

/// The dialog that goes anywhere.
#[component]
pub fn Palette() -> impl IntoView {
    let text = RwSignal::new(String::new());
    let chosen = RwSignal::new(0_usize);
    let pages = pages(use_me().as_ref());
    let found = Memo::new(move |_| text.with(|text| suggest(text, &pages)));
    let navigate = use_navigate();
    let go = Callback::new(move |at: usize| {
        if let Some(suggestion) = found.with_untracked(|found| found.get(at).cloned()) {
            dom::close_dialog(ID);
            text.set(String::new());
            chosen.set(0);
            navigate(&suggestion.href, NavigateOptions::default());
        }
    });
    let choose = move |at: usize| {
        chosen.set(at);
        dom::reveal(&option_id(at));
    };
    let on_keydown = move |event: leptos::ev::KeyboardEvent| {
        let (at, count) = (chosen.get_untracked(), found.with_untracked(Vec::len));
        match event.key().as_str() {
            "ArrowDown" if count > 0 => choose((at + 1) % count),
            "ArrowUp" if count > 0 => choose((at + count - 1) % count),
            "Enter" => go.run(at),
            _ => return,
        }
        event.prevent_default();
    };
    let options = move || {
        let option = |(at, suggestion): (usize, Suggestion)| {
            let selected = flag(move || chosen.get() == at);
            view! {
                <div class="palette-option" role="option" id=option_id(at) aria-selected=selected
                    on:click=move |_| go.run(at) on:pointermove=move |_| chosen.set(at)>
                    <span class="ellipsis">{suggestion.label}</span>
                    <span class="palette-hint">{suggestion.hint}</span>
                </div>
            }
        };
        found.get().into_iter().enumerate().map(option).collect_view().into_any()
    };
    view! {
        <dialog class="dialog" id=ID aria-label="Search or go to" {..custom_attribute("closedby", "any")}>
            <input class="palette-input" type="text" role="combobox" aria-expanded="true" aria-controls=LIST_ID
                aria-autocomplete="list" aria-label="Search or go to" autocomplete="off" spellcheck="false"
                placeholder="Page, trace id, text in logs…"
                aria-activedescendant=text_of(move || option_id(chosen.get()))
                prop:value=text
                on:input:target=move |event| {
                    text.set(event.target().value());
                    chosen.set(0);
                }
                on:keydown=on_keydown />
            <div class="palette-list" role="listbox" id=LIST_ID aria-label="Places">{part(options)}</div>
        </dialog>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_typed_offers_every_page() {
        let labels: Vec<String> = suggest("  ", &pages(None)).into_iter().map(|s| s.label).collect();
        assert_eq!(
            labels,
            ["Overview", "Pipelines", "Traces", "Services", "API", "Metrics", "Dashboards", "Logs", "Targets"]
        );
    }

    #[test]
    fn the_settings_are_found_by_their_names_and_as_settings() {
        let pages = [Place::Overview, Place::Settings(SettingsPage::Users), Place::Settings(SettingsPage::Keys)];
        assert_eq!(suggest("users", &pages)[0].href, "/settings/users");
        let settings = suggest("settings", &pages).into_iter().filter(|found| found.hint == "page");
        assert_eq!(settings.count(), 2);
    }

    #[test]
    fn a_pasted_trace_id_leads_to_its_trace_its_logs_and_its_pipeline() {
        for text in ["4bf92f3577b34da6a3ce929d0e0e4736", " 4BF92F35-77b3-4da6-a3ce-929d0e0e4736 "] {
            let links: Vec<String> = suggest(text, &[]).into_iter().map(|s| s.href).collect();
            assert_eq!(
                links,
                [
                    "/monitoring/traces/4bf92f3577b34da6a3ce929d0e0e4736",
                    "/monitoring/logs?trace_id=4bf92f3577b34da6a3ce929d0e0e4736",
                    "/monitoring/pipelines/4bf92f35-77b3-4da6-a3ce-929d0e0e4736"
                ]
            );
        }
    }

    #[test]
    fn other_text_is_searched_for() {
        let found = suggest("a&b", &pages(None));
        assert_eq!(found[0].href, "/monitoring/logs?search=a%26b");
        assert_eq!(suggest("pipe", &pages(None))[0].label, "Pipelines");
    }
}
