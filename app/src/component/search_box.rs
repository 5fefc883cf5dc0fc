//! A text filter that lives in the address: what is typed goes there after a pause.

use std::time::Duration;

use leptos::{html, prelude::*};

use super::{
    icon::{Icon, IconName},
    reactive::{maybe, part},
};
use crate::browser::event_stream::after_delay;

/// How long typing may pause before it counts.
const TYPING_PAUSE: Duration = Duration::from_millis(250);

/// Id of what is said of a text that is no search.
const PROBLEM: &str = "search-problem";

/// A text filter.
#[component]
pub fn SearchBox(
    /// The text as the address has it.
    #[prop(into)]
    value: Signal<String>,
    /// Puts a text into the address.
    set: Callback<String>,
    /// What is searched; names the field.
    label: &'static str,
    /// How the text is understood.
    help: &'static str,
    /// The parameter, where the field is part of a form that is sent without JavaScript.
    #[prop(optional)]
    name: Option<&'static str>,
    /// Whether `/` leads here.
    #[prop(optional)]
    is_main: bool,
    /// Says what is wrong with a text: such a text stays in the field, and does not go into the address.
    #[prop(optional)]
    check: Option<Callback<String, Option<String>>>,
    /// What is wrong with the text that the address has.
    #[prop(optional, into)]
    problem: Signal<Option<String>>,
) -> impl IntoView {
    let wrong = RwSignal::new(None::<String>);
    let shown_problem = Memo::new(move |_| wrong.get().or_else(|| problem.get()));
    let input = NodeRef::<html::Input>::new();
    let initial = value.get_untracked();
    let known = StoredValue::new(initial.clone());
    let planned = StoredValue::new(None::<TimeoutHandle>);
    let forget = move || {
        if let Some(Some(planned)) = planned.try_update_value(Option::take) {
            planned.clear();
        }
    };
    let plan = move |text: String, delay: Duration| {
        let text = text.trim().to_owned();
        // Leaving the field tells its text once more.
        if known.with_value(|known| *known == text) {
            wrong.set(None);
            return forget();
        }
        let found = check.and_then(|check| check.run(text.clone()));
        let is_wrong = found.is_some();
        wrong.set(found);
        if is_wrong {
            return forget();
        }
        let next = after_delay(delay, move || {
            known.set_value(text.clone());
            set.run(text);
        });
        if let Some(Some(earlier)) = planned.try_update_value(|planned| std::mem::replace(planned, next)) {
            earlier.clear();
        }
    };
    // What the address says wins, unless it was typed here: then more may have been typed since.
    Effect::new(move |_| {
        let said = value.get();
        if let Some(input) = input.get().filter(|_| known.with_value(|known| *known != said)) {
            // Somebody else has decided: what was typed before does not come after it.
            forget();
            input.set_value(&said);
            known.set_value(said);
            wrong.set(None);
        }
    });
    view! {
        <div class="search-field">
            <Icon name=IconName::Search />
            <input
                type="search"
                class="input"
                name=name
                node_ref=input
                value=initial
                placeholder="Search…"
                aria-label=label
                title=help
                autocomplete="off"
                spellcheck="false"
                data-search=is_main.then_some("")
                aria-invalid=maybe(move || shown_problem.with(|problem| problem.as_ref().map(|_| "true")))
                aria-describedby=maybe(move || shown_problem.with(|problem| problem.as_ref().map(|_| PROBLEM)))
                on:input:target=move |event| plan(event.target().value(), TYPING_PAUSE)
                on:change:target=move |event| plan(event.target().value(), Duration::ZERO)
            />
            {part(move || {
                let problem = shown_problem.get();
                problem
                    .map(|problem| view! { <p class="search-problem" id=PROBLEM role="alert">{problem}</p> })
                    .into_any()
            })}
        </div>
    }
}
