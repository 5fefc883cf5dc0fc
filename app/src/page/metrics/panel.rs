//! One query: its field, what can be done with it, and what it answers.

use leptos::prelude::*;

use super::{
    add::AddToDashboard,
    answer::Answer,
    data::Source,
    state::{Explorer, Queries, letter},
};
use crate::{
    component::{
        icon::{Icon, IconName},
        me::may,
        promql::{PromqlEditor, unit},
        reactive::{maybe, part, text},
    },
    model::{Role, overview::Unit},
};

/// One query.
#[component]
pub fn QueryPanel(state: Explorer, source: Source, at: usize) -> impl IntoView {
    let name = letter(at).to_ascii_uppercase();
    let row = Memo::new(move |before: Option<&super::state::Row>| {
        state.queries.with(|queries| queries.rows.get(at).cloned()).or_else(|| before.cloned()).unwrap_or_default()
    });
    let value = Memo::new(move |_| row.with(|row| row.text.clone()));
    let is_off = Memo::new(move |_| row.with(|row| row.is_off));
    let unit = Memo::new(move |_| row.with(|row| row.unit.unwrap_or_else(|| unit::guess(&row.text))));
    let answer = source.answer(at);
    let problem = Memo::new(move |_| {
        answer.with(|answer| {
            let answer = answer.as_ref().filter(|answer| value.with(|value| *value == answer.text))?;
            answer.problem.clone()
        })
    });
    let on_draft = Callback::new(move |draft: String| {
        state.drafts.update(|drafts| {
            if drafts.len() <= at {
                drafts.resize(at + 1, String::new());
            }
            drafts[at] = draft;
        });
    });
    // What came into the address is what stands in the field.
    Effect::new(move |_| on_draft.run(value.get()));
    let is_at = Memo::new(move |_| state.queries.with(|queries| queries.at == at && queries.rows.len() > 1));
    view! {
        <section class="panel query-panel" aria-label=format!("Query {name}") data-off=maybe(move || is_off.get().then_some(""))
            data-at=maybe(move || is_at.get().then_some(""))>
            <div class="query-head">
                <a class="query-letter" data-noscroll
                    href=text(move || state.queries.with(|queries| state.href(&Queries { at, ..queries.clone() })))
                    title="Clicks on metrics and labels change this query"
                    aria-label=format!("Clicks change query {name}")
                    aria-current=maybe(move || is_at.get().then_some("true"))>{name.to_string()}</a>
                <PromqlEditor id=format!("query-{}", letter(at)) label=format!("Query {name}") name="q" value range=state.range problem
                    on_draft run=Callback::new(move |()| state.run(at)) />
                <button class="button query-run" type="submit" on:click=move |event| {
                    event.prevent_default();
                    state.run(at);
                }>"Run"</button>
            </div>
            <Tools state at name query=value row_unit=Memo::new(move |_| row.with(|row| row.unit)) guessed=unit is_off />
            {part(move || {
                if is_off.get() {
                    view! { <p class="panel-note">"Not asked while it is off."</p> }.into_any()
                } else {
                    view! { <Answer state source at name unit answer value /> }.into_any()
                }
            })}
        </section>
    }
    .into_any()
}

/// Unit, copy, off, away.
#[component]
fn Tools(
    state: Explorer,
    at: usize,
    name: char,
    query: Memo<String>,
    row_unit: Memo<Option<Unit>>,
    guessed: Memo<Unit>,
    is_off: Memo<bool>,
) -> impl IntoView {
    let other = move |change: fn(&mut Queries, usize)| {
        text(move || {
            state.queries.with(|queries| {
                let mut queries = queries.clone();
                if at < queries.rows.len() {
                    change(&mut queries, at);
                }
                state.href(&queries)
            })
        })
    };
    let off = other(|queries, at| queries.rows[at].is_off = !queries.rows[at].is_off);
    let copy = other(|queries, at| *queries = queries.with_copy(at));
    let remove = other(|queries, at| *queries = queries.without(at));
    let has_room = Memo::new(move |_| state.queries.with(Queries::has_room));
    let choose = move |key: String| {
        let mut queries = state.queries.get_untracked();
        if let Some(row) = queries.rows.get_mut(at) {
            row.unit = Unit::from_key(&key);
            state.go(&queries);
        }
    };
    let options = move || {
        let chosen = row_unit.get();
        let option = |unit: Unit| {
            view! { <option value=unit.key() selected=chosen == Some(unit)>{unit.label()}</option> }
        };
        let auto = if chosen.is_none() { format!("auto: {}", guessed.get().label()) } else { "auto".to_owned() };
        view! {
            <option value="" selected=chosen.is_none()>{auto}</option>
            {Unit::ALL.into_iter().map(option).collect_view()}
        }
    };
    view! {
        <div class="query-tools">
            <label class="query-unit">
                <span>"Unit"</span>
                <select class="input" aria-label=format!("Unit of {name}") on:change:target=move |event| choose(event.target().value())>
                    {options}
                </select>
            </label>
            <a class="button button-small" data-noscroll href=off aria-label=text(move || {
                format!("Turn {} query {name}", if is_off.get() { "on" } else { "off" })
            })>{text(move || if is_off.get() { "Turn on".to_owned() } else { "Turn off".to_owned() })}</a>
            {part(move || has_room.get().then(|| view! {
                <a class="button button-small" data-noscroll href=copy aria-label=format!("Duplicate query {name}")>"Duplicate"</a>
            }).into_any())}
            <a class="button button-small" data-noscroll href=remove aria-label=format!("Remove query {name}")>
                <Icon name=IconName::Close /> "Remove"
            </a>
            {may(Role::Editor).then(|| view! { <AddToDashboard name query unit=row_unit view=state.view /> })}
        </div>
    }
    .into_any()
}
