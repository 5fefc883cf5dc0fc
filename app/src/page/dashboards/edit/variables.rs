//! The forms of variables.

use leptos::prelude::*;

use super::{super::board::Board, icon_button, listed};
use crate::{
    browser::dom,
    component::{
        icon::{Icon, IconName},
        reactive::part,
    },
    model::{Dashboard, Variable, VariableSource},
};

/// Where values come from, as it is chosen.
const SOURCES: [(&str, &str); 3] =
    [("label", "values of a label"), ("list", "these values"), ("text", "what is written")];

fn source_key(source: &VariableSource) -> &'static str {
    match source {
        VariableSource::Label { .. } => "label",
        VariableSource::List { .. } => "list",
        VariableSource::Text => "text",
    }
}

fn source_of(key: &str) -> VariableSource {
    match key {
        "list" => VariableSource::List { values: Vec::new() },
        "text" => VariableSource::Text,
        _ => VariableSource::default(),
    }
}

/// All variables of the dashboard that is changed.
#[component]
pub fn VariableForms(board: Board) -> impl IntoView {
    let count = Memo::new(move |_| board.draft.with(|draft| draft.as_ref().map_or(0, |draft| draft.variables.len())));
    let add = move |_| {
        let at = count.get_untracked();
        board.change(|draft| draft.variables.push(Variable { is_multi: true, ..Variable::default() }));
        dom::focus_soon(format!("variable-{at}-name"));
    };
    let more = part(move || {
        let button = || {
            view! { <button type="button" class="button button-small" on:click=add><Icon name=IconName::Plus /> "Add variable"</button> }
        };
        (count.get() < Dashboard::MOST_VARIABLES).then(button).into_any()
    });
    view! {
        <fieldset class="field board-variable-forms">
            <legend>"Variables: queries use them as $name. New ones can be chosen once they are saved."</legend>
            <For each=move || 0..count.get() key=|at| *at let(at)>
                <VariableForm board at />
            </For>
            {more}
        </fieldset>
    }
    .into_any()
}

#[component]
fn VariableForm(board: Board, at: usize) -> impl IntoView {
    let variable = Memo::new(move |before: Option<&Variable>| {
        let found = board.draft.with(|draft| draft.as_ref().and_then(|draft| draft.variables.get(at).cloned()));
        found.or_else(|| before.cloned()).unwrap_or_default()
    });
    let change = move |change: Box<dyn FnOnce(&mut Variable)>| {
        board.change(|draft| {
            if let Some(variable) = draft.variables.get_mut(at) {
                change(variable);
            }
        });
    };
    let number = at + 1;
    let kind = Memo::new(move |_| variable.with(|variable| source_key(&variable.source)));
    let field = move |id: &'static str,
                      label: &'static str,
                      read: fn(&Variable) -> String,
                      write: fn(&mut Variable, String)| {
        let value = Memo::new(move |_| variable.with(read));
        let id = format!("variable-{at}-{id}");
        view! {
            <div class="field">
                <label for=id.clone()>{label}<span class="visually-hidden">{format!(" of variable {number}")}</span></label>
                <input class="input" id=id autocomplete="off" spellcheck="false" prop:value=value value=value.get_untracked()
                    on:change:target=move |event| {
                        let text = event.target().value();
                        change(Box::new(move |variable| write(variable, text)));
                    } />
            </div>
        }
        .into_any()
    };
    let option = move |(key, label): (&'static str, &'static str)| {
        view! { <option value=key selected=kind.get_untracked() == key>{label}</option> }
    };
    let of_kind = part(move || match kind.get() {
        "label" => view! {
            {field("series", "Of these series", |variable| match &variable.source {
                VariableSource::Label { series, .. } => series.clone(),
                _ => String::new(),
            }, |variable, text| if let VariableSource::Label { series, .. } = &mut variable.source { *series = text })}
            {field("label", "The label", |variable| match &variable.source {
                VariableSource::Label { label, .. } => label.clone(),
                _ => String::new(),
            }, |variable, text| if let VariableSource::Label { label, .. } = &mut variable.source { *label = text })}
        }
        .into_any(),
        "list" => {
            let id = format!("variable-{at}-values");
            let written = variable.with_untracked(|variable| match &variable.source {
                VariableSource::List { values } => values.join("\n"),
                _ => String::new(),
            });
            view! {
                <div class="field">
                    <label for=id.clone()>"Values, each on a line"<span class="visually-hidden">{format!(" of variable {number}")}</span></label>
                    <textarea class="input" id=id rows="3" autocomplete="off" spellcheck="false" on:change:target=move |event| {
                        let lines = event.target().value();
                        let values = lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
                        change(Box::new(move |variable| variable.source = VariableSource::List { values }));
                    }>{written}</textarea>
                </div>
            }
            .into_any()
        }
        _ => ().into_any(),
    });
    let multi = part(move || {
        let check = move || {
            let is_multi = Memo::new(move |_| variable.with(|variable| variable.is_multi));
            view! {
                <label class="check">
                    <input type="checkbox" prop:checked=is_multi checked=is_multi.get_untracked() on:change:target=move |event| {
                        let is_multi = event.target().checked();
                        change(Box::new(move |variable| variable.is_multi = is_multi));
                    } />
                    "Several at once"
                </label>
            }
        };
        (kind.get() != "text").then(check).into_any()
    });
    let remove = move || {
        board.change(|draft| {
            if at < draft.variables.len() {
                draft.variables.remove(at);
            }
        });
    };
    view! {
        <div class="board-variable-form">
            {field("name", "Name", |variable| variable.name.clone(), |variable, text| text.trim().trim_start_matches('$').clone_into(&mut variable.name))}
            {field("label-shown", "What people read", |variable| variable.label.clone(), |variable, text| variable.label = text)}
            <div class="field">
                <label for=format!("variable-{at}-kind")>"Values"</label>
                <select class="input" id=format!("variable-{at}-kind") prop:value=kind on:change:target=move |event| {
                    let source = source_of(&event.target().value());
                    change(Box::new(move |variable| variable.source = source));
                }>{SOURCES.map(option).collect_view()}</select>
            </div>
            {of_kind}
            {field("default", "Chosen at first", |variable| variable.default.join(", "), |variable, text| variable.default = listed(&text))}
            {multi}
            {icon_button(IconName::Close, move || format!("Remove variable {number}"), remove)}
        </div>
    }
    .into_any()
}
