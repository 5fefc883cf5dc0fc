//! Metrics: found by name, narrowed by clicks, asked in PromQL, drawn.

mod add;
mod answer;
mod builder;
mod data;
mod labels;
mod list;
mod never;
mod panel;
mod state;
mod table;

use leptos::{html, prelude::*};

use self::{
    data::Source,
    labels::MetricLabelsPanel,
    list::MetricListPanel,
    panel::QueryPanel,
    state::{AT, Explorer, FIND, LABEL, LIST, LIVE, OFF, PATH, ROWS, UNIT, VIEW, View, use_explorer},
};
use crate::{
    api::ApiError,
    component::{
        awaited::Awaited,
        chart::provide_crosshair,
        error_panel::ErrorPanel,
        icon::{Icon, IconName},
        query::get_all,
        reactive::{flag, part},
        skeleton::{Loading, SkeletonLines},
        tabs::{Tab, Tabs},
    },
};

/// Parameters that a form sends along when it is sent without JavaScript.
const KEPT: [&str; 8] = [OFF, UNIT, AT, VIEW, LIST, ROWS, LABEL, LIVE];

/// The page of metrics. Its state is its address.
#[component]
pub fn MetricsPage() -> impl IntoView {
    provide_crosshair();
    let state = use_explorer();
    let source = Source::new(state);
    let main = NodeRef::<html::Div>::new();
    Effect::new(move |_| {
        if let Some(main) = main.get() {
            source.measure(&main);
        }
    });
    let pending = RwSignal::new(false);
    view! {
        <div class="metrics-page">
            <div class="metrics-side">
                <MetricListPanel state source />
                <MetricLabelsPanel state source />
            </div>
            <div class="metrics-main" node_ref=main aria-busy=flag(move || pending.get())>
                <Toolbar state />
                <Awaited fallback=Skeleton pending>
                    // Built once and fed by memos from then on: what is written, switched or focused survives a refresh.
                    {Suspend::new(async move {
                        // Both, so that what the server draws is what the browser begins with.
                        drop((source.answers.await, source.metrics.await));
                        view! {
                            <Failure source />
                            <QueryForm state source />
                        }
                    })}
                </Awaited>
            </div>
        </div>
    }
    .into_any()
}

/// The views, and what holds the page as it is.
#[component]
fn Toolbar(state: Explorer) -> impl IntoView {
    let tabs = Signal::derive(move || {
        let chosen = state.view.get();
        let tab = |view: View| Tab {
            label: view.label(),
            href: state.href_with(VIEW, (view != View::default()).then(|| view.key())),
            selected: chosen == view,
        };
        View::ALL.into_iter().map(tab).collect::<Vec<_>>()
    });
    let pause = part(move || {
        if state.paused.get() {
            view! { <Icon name=IconName::Play /> "Resume" }.into_any()
        } else {
            view! { <Icon name=IconName::Pause /> "Pause" }.into_any()
        }
    });
    view! {
        <div class="metrics-bar">
            <Tabs label="View" tabs />
            <button type="button" class="button pause-button" disabled=move || !state.range.get().is_relative()
                on:click=move |_| state.set_paused(!state.paused.get_untracked())>
                {pause}
            </button>
        </div>
    }
    .into_any()
}

/// Why the newest answer is none.
#[component]
fn Failure(source: Source) -> impl IntoView {
    let error = Memo::new(move |before: Option<&Option<ApiError>>| match source.answers.get() {
        Some(answer) => answer.err(),
        None => before.cloned().flatten(),
    });
    part(move || {
        let panel = |error: ApiError| {
            view! { <ErrorPanel what="the answers" error retry=move |()| source.answers.refetch() /> }
        };
        error.get().map(panel).into_any()
    })
}

/// All queries. Without JavaScript it is a form that is sent.
#[component]
fn QueryForm(state: Explorer, source: Source) -> impl IntoView {
    let count = Memo::new(move |_| state.queries.with(|queries| queries.rows.len()));
    let kept = part(move || {
        let hidden = |name: &'static str, value: String| view! { <input type="hidden" name=name value=value /> };
        let kept = state.kept(|search| {
            let names = KEPT.into_iter().chain(["range", FIND]);
            names.flat_map(|name| get_all(search, name).into_iter().map(move |value| (name, value))).collect::<Vec<_>>()
        });
        kept.into_iter().map(|(name, value)| hidden(name, value)).collect_view().into_any()
    });
    let add = move || state.queries.with(|queries| state.href(&queries.with_new()));
    let has_room = Memo::new(move |_| state.queries.with(state::Queries::has_room));
    let more = part(move || {
        has_room
            .get()
            .then(|| view! { <a class="button" data-noscroll href=add><Icon name=IconName::Plus /> "Add query"</a> })
            .into_any()
    });
    view! {
        <form class="metrics-form" method="get" action=PATH on:submit=move |event| {
            event.prevent_default();
            state.run(state.queries.with_untracked(|queries| queries.at));
        }>
            {kept}
            <For each=move || 0..count.get() key=|at| *at let(at)>
                <QueryPanel state source at />
            </For>
            <div class="metrics-end">{more}</div>
        </form>
    }
    .into_any()
}

/// The layout while the first answer is on its way.
#[component]
fn Skeleton() -> impl IntoView {
    view! {
        <Loading what="metrics" />
        <div class="panel metrics-skeleton"><SkeletonLines lines=8 /></div>
    }
}
