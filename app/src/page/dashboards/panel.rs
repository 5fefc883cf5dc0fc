//! One panel of a dashboard: its heading, what it tells, what can be done with it, and what it shows.

use leptos::prelude::*;

use super::{
    answer::{PanelBody, grid_of},
    board::Board,
    edit::{PanelForm, PanelTools},
};
use crate::{
    component::{
        fold::Fold,
        icon::{Icon, IconName},
        query::{encode, use_page_href},
        reactive::{maybe, part, text},
    },
    model::{Filling, MetricQuery, Panel, PanelView},
};

/// Where queries are explored.
const EXPLORER: &str = "/monitoring/metrics";

/// One panel.
#[component]
pub fn BoardPanel(board: Board, key: u32) -> impl IntoView {
    let panel = Memo::new(move |before: Option<&Panel>| {
        let found = board.layout.with(|layout| layout.as_ref().and_then(|layout| layout.panel(key).cloned()));
        found.or_else(|| before.cloned()).unwrap_or_default()
    });
    let is_open = Memo::new(move |_| board.open.get() == Some(key) && board.is_edited());
    let width = text(move || if is_open.get() { Panel::WIDEST } else { panel.with(|panel| panel.width) }.to_string());
    // What has no title is called by what it asks.
    let title = text(move || {
        panel.with(|panel| match panel.title.trim() {
            "" => panel.queries.first().map(|query| query.text.clone()).unwrap_or_default(),
            title => title.to_owned(),
        })
    });
    let heading = format!("board-panel-{key}");
    let id = heading.clone();
    let page_href = use_page_href();
    let explore = text(move || page_href(&explorer(board, &panel.get())));
    let actions = part(move || {
        if board.is_edited() {
            return view! { <PanelTools board key panel /> }.into_any();
        }
        let explore = explore;
        view! {
            <a class="icon-button" href=explore title="Open in the explorer" aria-label=text(move || format!("Explore {}", title.get()))>
                <Icon name=IconName::Open />
            </a>
        }
        .into_any()
    });
    view! {
        <section class="panel board-panel" data-width=width aria-labelledby=heading
            data-open=maybe(move || is_open.get().then_some(""))>
            <header class="panel-head">
                <h3 id=id>{title}</h3>
                {part(move || help(&panel.get()))}
                <div class="panel-actions">{actions}</div>
            </header>
            <PanelBody board panel />
            {part(move || is_open.get().then(|| view! { <PanelForm board key panel /> }).into_any())}
        </section>
    }
    .into_any()
}

/// What it tells: behind a question mark, for those who ask.
fn help(panel: &Panel) -> AnyView {
    if panel.help.trim().is_empty() {
        return ().into_any();
    }
    let lines = panel.help.lines().map(|line| view! { <p>{line.to_owned()}</p> }).collect_view();
    let label = format!("What {} tells", panel.title);
    view! {
        <Fold class="board-help" summary=move || view! {
            <summary aria-label=label title="What it tells"><Icon name=IconName::Help /></summary>
        }>
            <div class="board-help-text">{lines}</div>
        </Fold>
    }
    .into_any()
}

/// A query as it is asked now.
pub fn fill(board: Board, text: &str) -> String {
    let (values, range_ms) = board.latest.with_untracked(|latest| {
        latest.as_ref().map(|view| (view.values(), view.range.duration_ms())).unwrap_or_default()
    });
    let step_ms = grid_of(board).map_or(60_000, |grid| grid.step_ms);
    Filling { values: &values, step_ms, range_ms }.fill(text)
}

/// The explorer with the queries of a panel, as they are asked now.
fn explorer(board: Board, panel: &Panel) -> String {
    board.latest.track();
    let mut params: Vec<String> = panel
        .queries
        .iter()
        .filter(|query| !query.text.trim().is_empty())
        .take(MetricQuery::MOST)
        .map(|query| format!("q={}", encode(&fill(board, &query.text))))
        .collect();
    if let Some(unit) = panel.unit {
        let letters = ('a'..='z').take(params.len());
        params.extend(letters.map(|letter| format!("unit={letter}:{}", unit.key())).collect::<Vec<_>>());
    }
    let view = match panel.view {
        PanelView::Line | PanelView::Number => None,
        other => Some(other.key()),
    };
    params.extend(view.map(|view| format!("view={view}")));
    format!("{EXPLORER}?{}", params.join("&"))
}
