//! A query becomes a panel of a dashboard.

use leptos::{html, prelude::*, task::spawn_local};

use super::state::View;
use crate::{
    api::{add_dashboard, add_panel, list_dashboards},
    component::{
        error_panel::problem,
        form::{Form, typed},
        query::use_page_href,
        reactive::{flag, part, text},
    },
    model::{Dashboard, DashboardSource, DashboardSummary, Panel, PanelQuery, PanelRow, PanelView, overview::Unit},
    page::dashboards::LIST,
};

/// What the choice of a dashboard says for one that is made.
const NEW: &str = "";

fn panel_view(view: View) -> PanelView {
    match view {
        View::Line => PanelView::Line,
        View::Area => PanelView::Area,
        View::Bar => PanelView::Bar,
        View::Heatmap => PanelView::Heatmap,
        View::Table => PanelView::Table,
    }
}

/// The dashboard that was added to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Added {
    id: String,
    title: String,
}

/// Folded away until somebody wants it.
#[component]
pub fn AddToDashboard(name: char, query: Memo<String>, unit: Memo<Option<Unit>>, view: Memo<View>) -> impl IntoView {
    let form = Form::new("add-panel", &[]);
    let known = RwSignal::new(None::<Vec<DashboardSummary>>);
    let added = RwSignal::new(None::<Added>);
    let chosen = NodeRef::<html::Select>::new();
    let title = NodeRef::<html::Input>::new();
    let load = move || {
        added.set(None);
        spawn_local(async move {
            match list_dashboards().await {
                Ok(list) => {
                    let stored = |one: &DashboardSummary| one.source == DashboardSource::Stored;
                    known.try_set(Some(list.dashboards.into_iter().filter(stored).collect()));
                }
                Err(error) => {
                    form.problem.try_set(Some(error));
                }
            }
        });
    };
    // Dashboards come and go while it is closed.
    let is_open = StoredValue::new(false);
    let toggled = move || {
        is_open.update_value(|is_open| *is_open = !*is_open);
        if is_open.get_value() {
            load();
        }
    };
    let submit = move || {
        let id = chosen.get_untracked().map(|select| select.value()).unwrap_or_default();
        let panel = Panel {
            title: typed(title).trim().to_owned(),
            view: panel_view(view.get_untracked()),
            unit: unit.get_untracked(),
            queries: vec![PanelQuery { text: query.get_untracked(), legend: String::new() }],
            ..Panel::default()
        };
        form.send(async move {
            let entry = if id == NEW {
                let rows = vec![PanelRow { panels: vec![panel], ..PanelRow::default() }];
                add_dashboard(Dashboard { title: "New dashboard".to_owned(), rows, ..Dashboard::default() }).await?
            } else {
                add_panel(id, panel).await?
            };
            added.try_set(Some(Added { id: entry.id, title: entry.dashboard.title }));
            Ok(String::new())
        });
    };
    let href = use_page_href();
    let done = part(move || {
        let Some(Added { id, title }) = added.get() else { return ().into_any() };
        let href = href.clone();
        view! { <p>"Added to " <a href=text(move || href(&format!("{LIST}/{id}")))>{title}</a> "."</p> }.into_any()
    });
    let options = part(move || {
        let option = |one: DashboardSummary| view! { <option value=one.id>{one.title}</option> };
        known.get().map(|all| all.into_iter().map(option).collect_view()).into_any()
    });
    view! {
        <details class="add-panel" on:toggle=move |_| toggled()>
            <summary class="button button-small">"Add to dashboard" <span class="visually-hidden">{format!(": query {name}")}</span></summary>
            <div class="add-panel-form">
                <label class="field"><span>"Dashboard"</span>
                    <select class="input" node_ref=chosen>{options}<option value=NEW>"a new one"</option></select>
                </label>
                <label class="field"><span>"Title of the panel"</span>
                    <input class="input" node_ref=title prop:value=query value=query.get_untracked() autocomplete="off"
                        on:keydown=move |event| if event.key() == "Enter" { event.prevent_default(); submit() } />
                </label>
                <button type="button" class="button" disabled=move || form.busy.get() || query.with(String::is_empty)
                    aria-busy=flag(move || form.busy.get()) on:click=move |_| submit()>"Add"</button>
                <div role="status">{done}</div>
                {problem(move || form.problem.get())}
            </div>
        </details>
    }
    .into_any()
}
