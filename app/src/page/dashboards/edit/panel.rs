//! What can be done with a panel, and its form.

use leptos::prelude::*;

use super::{
    super::{answer::unit_of, board::Board, layout::Step, panel::fill},
    icon_button, moving_button,
};
use crate::{
    browser::dom,
    component::{
        form::keep_focus,
        icon::{Icon, IconName},
        promql::PromqlEditor,
        reactive::part,
    },
    model::{Limit, Panel, PanelQuery, PanelView, overview::Unit},
};

/// Widths that can be chosen, in twelfths.
const WIDTHS: [(u8, &str); 7] = [
    (2, "a sixth"),
    (3, "a quarter"),
    (4, "a third"),
    (6, "half"),
    (8, "two thirds"),
    (9, "three quarters"),
    (12, "the whole row"),
];

/// What becomes of thresholds.
type LimitsChange = Box<dyn FnOnce(&mut Vec<Limit>)>;

/// Buttons of a panel.
#[component]
pub fn PanelTools(board: Board, key: u32, panel: Memo<Panel>) -> impl IntoView {
    let named = move |what: &str| {
        let what = what.to_owned();
        move || {
            panel.with(|panel| format!("{what} {}", if panel.title.is_empty() { "the panel" } else { &panel.title }))
        }
    };
    let toggle = move |_| {
        board.take_typed();
        let is_open = board.open.get_untracked() == Some(key);
        board.open.set((!is_open).then_some(key));
        if !is_open {
            dom::focus_soon(format!("panel-{key}-title"));
        }
    };
    let copy = move || {
        board.take_typed();
        if board.has_room() {
            board.change(|draft| {
                draft.copy_panel(key);
            });
        }
    };
    let remove = move || {
        board.change(|draft| draft.remove_panel(key));
        board.said.set("The panel is taken away. Nothing is stored before you save.".to_owned());
        keep_focus();
    };
    let label = part(move || if board.open.get() == Some(key) { "Done".into_any() } else { "Edit".into_any() });
    view! {
        <button type="button" class="button button-small" on:click=toggle>
            {label} <span class="visually-hidden">{move || format!(" {}", panel.with(|panel| panel.title.clone()))}</span>
        </button>
        {moving_button(format!("panel-{key}-back"), IconName::ChevronLeft, named("Move back:"), move || {
            board.take_typed();
            board.change(|draft| draft.move_panel(key, Step::Back));
        })}
        {moving_button(format!("panel-{key}-on"), IconName::ChevronRight, named("Move on:"), move || {
            board.take_typed();
            board.change(|draft| draft.move_panel(key, Step::On));
        })}
        {icon_button(IconName::Copy, named("Duplicate"), copy)}
        {icon_button(IconName::Close, named("Remove"), remove)}
    }
    .into_any()
}

/// The form of a panel.
#[component]
pub fn PanelForm(board: Board, key: u32, panel: Memo<Panel>) -> impl IntoView {
    let first = panel.get_untracked();
    let change = move |change: Box<dyn FnOnce(&mut Panel)>| {
        board.change(|draft| {
            if let Some(panel) = draft.panel_mut(key) {
                change(panel);
            }
        });
    };
    let id = |field: &str| format!("panel-{key}-{field}");
    let view_option = |of: PanelView| view! { <option value=of.key() selected=of == first.view>{of.label()}</option> };
    let width_option = |(width, label): (u8, &'static str)| {
        view! { <option value=width.to_string() selected=width == first.width>{label}</option> }
    };
    // A width of another tool's stays until another one is chosen.
    let odd = (!WIDTHS.iter().any(|(width, _)| *width == first.width)).then(
        || view! { <option value=first.width.to_string() selected=true>{format!("{} twelfths", first.width)}</option> },
    );
    let unit_options = part(move || {
        let (chosen, guessed) = panel.with(|panel| (panel.unit, unit_of(panel)));
        let option =
            |unit: Unit| view! { <option value=unit.key() selected=chosen == Some(unit)>{unit.label()}</option> };
        let auto = if chosen.is_none() { format!("auto: {}", guessed.label()) } else { "auto".to_owned() };
        view! {
            <option value="" selected=chosen.is_none()>{auto}</option>
            {Unit::ALL.map(option).collect_view()}
        }
        .into_any()
    });
    view! {
        <div class="form board-panel-form">
            <div class="form-columns">
                <div class="field">
                    <label for=id("title")>"Title"</label>
                    <input class="input" id=id("title") value=first.title.clone() autocomplete="off"
                        on:input:target=move |event| {
                            let title = event.target().value();
                            change(Box::new(move |panel| panel.title = title));
                        } />
                </div>
                <div class="field">
                    <label for=id("view")>"Shown as"</label>
                    <select class="input" id=id("view") on:change:target=move |event| {
                        let view = PanelView::from_key(&event.target().value()).unwrap_or_default();
                        change(Box::new(move |panel| panel.view = view));
                    }>{PanelView::ALL.map(view_option).collect_view()}</select>
                </div>
                <div class="field">
                    <label for=id("unit")>"Unit"</label>
                    <select class="input" id=id("unit") on:change:target=move |event| {
                        let unit = Unit::from_key(&event.target().value());
                        change(Box::new(move |panel| panel.unit = unit));
                    }>{unit_options}</select>
                </div>
                <div class="field">
                    <label for=id("width")>"Width"</label>
                    <select class="input" id=id("width") on:change:target=move |event| {
                        let width = event.target().value().parse().unwrap_or(6);
                        change(Box::new(move |panel| panel.width = width));
                    }>{odd}{WIDTHS.map(width_option).collect_view()}</select>
                </div>
            </div>
            <Queries board key panel />
            <Thresholds board key panel />
            <div class="form-columns">
                <div class="field">
                    <label for=id("help")>"What it tells and how it is read"</label>
                    <textarea class="input" id=id("help") rows="3" on:input:target=move |event| {
                        let help = event.target().value();
                        change(Box::new(move |panel| panel.help = help));
                    }>{first.help.clone()}</textarea>
                </div>
                <div class="field">
                    <label for=id("empty")>"Why it may be empty, and what helps"</label>
                    <textarea class="input" id=id("empty") rows="3" on:input:target=move |event| {
                        let empty = event.target().value();
                        change(Box::new(move |panel| panel.empty = empty));
                    }>{first.empty.clone()}</textarea>
                </div>
            </div>
        </div>
    }
    .into_any()
}

/// The queries of a panel.
#[component]
fn Queries(board: Board, key: u32, panel: Memo<Panel>) -> impl IntoView {
    let count = Memo::new(move |_| panel.with(|panel| panel.queries.len()));
    let add = move |_| {
        board.take_typed();
        board.change(|draft| {
            if let Some(panel) = draft.panel_mut(key) {
                panel.queries.push(PanelQuery::default());
            }
        });
    };
    let more = part(move || {
        let button = || {
            view! { <button type="button" class="button button-small" on:click=add><Icon name=IconName::Plus /> "Add query"</button> }
        };
        (count.get() < Panel::MOST_QUERIES).then(button).into_any()
    });
    view! {
        <fieldset class="field board-queries">
            <legend>"Queries"</legend>
            <For each=move || 0..count.get() key=|at| *at let(at)>
                <Query board key panel at />
            </For>
            {more}
        </fieldset>
    }
    .into_any()
}

#[component]
fn Query(board: Board, key: u32, panel: Memo<Panel>, at: usize) -> impl IntoView {
    let query = Memo::new(move |before: Option<&PanelQuery>| {
        let found = panel.with(|panel| panel.queries.get(at).cloned());
        found.or_else(|| before.cloned()).unwrap_or_default()
    });
    let value = Memo::new(move |_| query.with(|query| query.text.clone()));
    let legend = Memo::new(move |_| query.with(|query| query.legend.clone()));
    let on_draft = Callback::new(move |text: String| {
        board.held.update_value(|held| {
            held.typed.insert((key, at), text);
        });
    });
    let remove = move || {
        board.take_typed();
        board.change(|draft| {
            if let Some(panel) = draft.panel_mut(key).filter(|panel| panel.queries.len() > at) {
                panel.queries.remove(at);
            }
        });
    };
    // What is checked is what would be asked.
    let filled = Callback::new(move |text: String| fill(board, &text));
    let number = at + 1;
    view! {
        // Who goes on to something else has written what they mean: it is asked, and survives the page.
        <div class="board-query" on:focusout=move |_| board.take_typed()>
            <PromqlEditor id=format!("panel-{key}-query-{at}") label=format!("Query {number}") name="q" value range=board.range
                problem=Signal::stored(None) on_draft asked_as=filled run=Callback::new(move |()| board.take_typed()) />
            <button type="button" class="button" on:click=move |_| board.take_typed()>"Run"</button>
            <input class="input" aria-label=format!("Legend of query {number}") placeholder="Legend, e.g. {{job}}" autocomplete="off"
                prop:value=legend value=legend.get_untracked()
                on:change:target=move |event| {
                    let legend = event.target().value();
                    board.change(|draft| {
                        if let Some(query) = draft.panel_mut(key).and_then(|panel| panel.queries.get_mut(at)) {
                            query.legend = legend;
                        }
                    });
                } />
            {icon_button(IconName::Close, move || format!("Remove query {number}"), remove)}
        </div>
    }
    .into_any()
}

/// The thresholds of a panel.
#[component]
fn Thresholds(board: Board, key: u32, panel: Memo<Panel>) -> impl IntoView {
    let count = Memo::new(move |_| panel.with(|panel| panel.thresholds.len()));
    let change = move |change: LimitsChange| {
        board.change(|draft| {
            if let Some(panel) = draft.panel_mut(key) {
                change(&mut panel.thresholds);
            }
        });
    };
    let row = move |at: usize| {
        let limit = Memo::new(move |before: Option<&Limit>| {
            panel.with(|panel| panel.thresholds.get(at).copied()).or_else(|| before.copied()).unwrap_or_default()
        });
        let value = Memo::new(move |_| limit.get().value.to_string());
        let on = move |change_one: Box<dyn FnOnce(&mut Limit)>| {
            change(Box::new(move |all| {
                if let Some(limit) = all.get_mut(at) {
                    change_one(limit);
                }
            }));
        };
        let number = at + 1;
        view! {
            <div class="board-threshold">
                <select class="input" aria-label=format!("Side of threshold {number}")
                    prop:value=move || if limit.get().is_below { "below" } else { "above" }
                    on:change:target=move |event| {
                        let is_below = event.target().value() == "below";
                        on(Box::new(move |limit| limit.is_below = is_below));
                    }>
                    <option value="above" selected=!limit.get_untracked().is_below>"from"</option>
                    <option value="below" selected=limit.get_untracked().is_below>"down to"</option>
                </select>
                <input class="input" type="number" step="any" aria-label=format!("Threshold {number}") prop:value=value value=value.get_untracked()
                    on:change:target=move |event| {
                        if let Ok(value) = event.target().value().parse() {
                            on(Box::new(move |limit| limit.value = value));
                        }
                    } />
                <select class="input" aria-label=format!("Meaning of threshold {number}")
                    prop:value=move || if limit.get().is_critical { "critical" } else { "warning" }
                    on:change:target=move |event| {
                        let is_critical = event.target().value() == "critical";
                        on(Box::new(move |limit| limit.is_critical = is_critical));
                    }>
                    <option value="warning" selected=!limit.get_untracked().is_critical>"warning"</option>
                    <option value="critical" selected=limit.get_untracked().is_critical>"critical"</option>
                </select>
                {icon_button(IconName::Close, move || format!("Remove threshold {number}"), move || {
                    change(Box::new(move |all| if at < all.len() { all.remove(at); }));
                })}
            </div>
        }
    };
    let more = part(move || {
        let add = move |_| change(Box::new(|all| all.push(Limit::default())));
        let button = || {
            view! { <button type="button" class="button button-small" on:click=add><Icon name=IconName::Plus /> "Add threshold"</button> }
        };
        (count.get() < Panel::MOST_THRESHOLDS).then(button).into_any()
    });
    view! {
        <fieldset class="field board-thresholds">
            <legend>"Thresholds, in the unit of the queries"</legend>
            <For each=move || 0..count.get() key=|at| *at let(at)>{row(at)}</For>
            {more}
        </fieldset>
    }
    .into_any()
}
