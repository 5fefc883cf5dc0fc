//! The variables of a dashboard, to choose from.

use leptos::prelude::*;

use super::board::Board;
use crate::{
    component::{
        fold::Fold,
        icon::{Icon, IconName},
        reactive::{part, text},
    },
    model::{Variable, VariableSource, VariableState},
};

/// From so many values on there is a field that narrows them.
const MANY: usize = 12;

/// All variables.
#[component]
pub fn VariableBar(board: Board) -> impl IntoView {
    let all = Memo::new(move |_| {
        board.latest.with(|latest| {
            let Some(view) = latest else { return Vec::new() };
            view.entry.dashboard.variables.iter().cloned().zip(view.variables.iter().cloned()).collect::<Vec<_>>()
        })
    });
    let names =
        Memo::new(move |_| all.with(|all| all.iter().map(|(variable, _)| variable.clone()).collect::<Vec<_>>()));
    let chooser = move |variable: Variable| {
        let name = variable.name.clone();
        let state = Memo::new(move |before: Option<&Option<VariableState>>| {
            let found =
                all.with(|all| all.iter().find(|(other, _)| other.name == name).map(|(_, state)| state.clone()));
            found.or_else(|| before.cloned().flatten())
        });
        match (&variable.source, variable.is_multi) {
            (VariableSource::Text, _) => view! { <Written board variable state /> }.into_any(),
            (_, false) => view! { <One board variable state /> }.into_any(),
            (_, true) => view! { <Several board variable state /> }.into_any(),
        }
    };
    part(move || {
        let names = names.get();
        if names.is_empty() {
            return ().into_any();
        }
        let choosers = names.into_iter().map(chooser).collect_view();
        view! { <div class="board-variables" role="group" aria-label="Variables">{choosers}</div> }.into_any()
    })
}

fn problem(state: Memo<Option<VariableState>>) -> impl IntoView {
    part(move || {
        let problem = state.with(|state| state.as_ref().and_then(|state| state.problem.clone()));
        problem.map(|problem| view! { <span class="field-problem" role="alert">{problem}</span> }).into_any()
    })
}

/// A text that is written.
#[component]
fn Written(board: Board, variable: Variable, state: Memo<Option<VariableState>>) -> impl IntoView {
    let label = variable.shown_label().to_owned();
    let value = text(move || {
        state.with(|state| state.as_ref().and_then(|state| state.chosen.first().cloned()).unwrap_or_default())
    });
    let name = variable.name;
    view! {
        <label class="board-variable">
            <span>{label}</span>
            <input class="input" type="text" autocomplete="off" spellcheck="false" value=value.get_untracked() prop:value=value
                on:change:target=move |event| board.choose(&name, &[event.target().value().trim().to_owned()]) />
            {problem(state)}
        </label>
    }
    .into_any()
}

/// One of several values.
#[component]
fn One(board: Board, variable: Variable, state: Memo<Option<VariableState>>) -> impl IntoView {
    let label = variable.shown_label().to_owned();
    let name = variable.name;
    let options = part(move || {
        let Some(state) = state.get() else { return ().into_any() };
        let chosen = state.chosen.first().cloned().unwrap_or_default();
        let mut options = state.options;
        if !chosen.is_empty() && !options.contains(&chosen) {
            options.push(chosen.clone());
        }
        let option = |value: String| {
            let selected = value == chosen;
            let shown = value.clone();
            view! { <option value=value selected=selected prop:selected=selected>{shown}</option> }
        };
        if options.is_empty() {
            return view! { <option value="">"no values"</option> }.into_any();
        }
        options.into_iter().map(option).collect_view().into_any()
    });
    view! {
        <label class="board-variable">
            <span>{label}</span>
            <select class="input" on:change:target=move |event| board.choose(&name, &[event.target().value()])>{options}</select>
            {problem(state)}
        </label>
    }
    .into_any()
}

/// What was chosen, in a few words.
fn summary(state: &VariableState) -> String {
    match state.chosen.as_slice() {
        [] => "All".to_owned(),
        [one] => one.clone(),
        [first, others @ ..] => format!("{first} and {} more", others.len()),
    }
}

/// Some of several values, or all.
#[component]
fn Several(board: Board, variable: Variable, state: Memo<Option<VariableState>>) -> impl IntoView {
    let label = variable.shown_label().to_owned();
    let find = RwSignal::new(String::new());
    let shown = text(move || state.with(|state| state.as_ref().map(summary).unwrap_or_default()));
    let has_default = !variable.default.is_empty();
    let name = StoredValue::new(variable.name);
    let all = move |input: leptos::web_sys::HtmlInputElement| {
        // All is what there is without a choice: it cannot be taken away.
        input.set_checked(true);
        let all = if has_default { vec![Variable::ALL.to_owned()] } else { Vec::new() };
        name.with_value(|name| board.choose(name, &all));
    };
    let toggle = move |value: &str, is_on: bool| {
        // From the address: it may know more than the newest answer.
        let known =
            || state.with_untracked(|state| state.as_ref().map(|state| state.chosen.clone()).unwrap_or_default());
        let mut chosen = name.with_value(|name| board.chosen_of(name)).unwrap_or_else(known);
        chosen.retain(|other| other != Variable::ALL);
        chosen.retain(|other| other != value);
        if is_on {
            chosen.push(value.to_owned());
        }
        if chosen.is_empty() && has_default {
            chosen.push(Variable::ALL.to_owned());
        }
        name.with_value(|name| board.choose(name, &chosen));
    };
    let is_all = Memo::new(move |_| state.with(|state| state.as_ref().is_none_or(|state| state.chosen.is_empty())));
    let options = Memo::new(move |_| {
        let Some(state) = state.get() else { return Vec::new() };
        let gone = state.chosen.iter().filter(|value| !state.options.contains(value)).cloned().collect::<Vec<_>>();
        let find = find.with(|find| find.to_lowercase());
        let all = gone.into_iter().chain(state.options);
        all.filter(|value| value.to_lowercase().contains(&find)).collect::<Vec<_>>()
    });
    let has_many =
        Memo::new(move |_| state.with(|state| state.as_ref().is_some_and(|state| state.options.len() > MANY)));
    let narrow = part(move || {
        let field = || {
            view! {
                <input class="input" type="search" placeholder="Find…" aria-label="Find a value" autocomplete="off"
                    on:input:target=move |event| find.set(event.target().value()) />
            }
        };
        has_many.get().then(field).into_any()
    });
    let option = move |value: String| {
        let (checked, toggled) = (value.clone(), value.clone());
        let is_chosen =
            Memo::new(move |_| state.with(|state| state.as_ref().is_some_and(|state| state.chosen.contains(&checked))));
        view! {
            <li>
                <label class="check">
                    <input type="checkbox" prop:checked=is_chosen checked=is_chosen.get_untracked()
                        on:change:target=move |event| toggle(&toggled, event.target().checked()) />
                    {value}
                </label>
            </li>
        }
    };
    let none = part(move || {
        options
            .with(Vec::is_empty)
            .then(|| view! { <li class="panel-note">"No values in this time range."</li> })
            .into_any()
    });
    view! {
        <div class="board-variable">
            <span>{label.clone()}</span>
            <Fold class="board-choice" summary=move || view! {
                <summary class="input" aria-label=text(move || format!("{label}: {}", shown.get()))>
                    <span class="ellipsis">{shown}</span> <Icon name=IconName::ChevronDown />
                </summary>
            }>
                <div class="board-choice-list">
                    {narrow}
                    <ul>
                        <li>
                            <label class="check">
                                <input type="checkbox" prop:checked=is_all checked=is_all.get_untracked() on:change:target=move |event| all(event.target()) />
                                "All"
                            </label>
                        </li>
                        <For each=move || options.get() key=Clone::clone let(value)>{option(value)}</For>
                        {none}
                    </ul>
                </div>
            </Fold>
            {problem(state)}
        </div>
    }
    .into_any()
}
