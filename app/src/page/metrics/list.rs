//! The metrics that there are: a click shows one.

use leptos::prelude::*;

use super::{
    builder::Built,
    data::Source,
    state::{Explorer, FIND, LIST, PATH, View},
};
use crate::{
    component::{
        age::Moment,
        empty::{Empty, EmptyKind},
        error_panel::ErrorPanel,
        number::format_count,
        panel::Panel,
        query::get_all,
        reactive::{maybe, part, text},
        search_box::SearchBox,
        skeleton::SkeletonLines,
    },
    model::{MetricKind, MetricList, MetricListQuery, MetricSummary, metric::SeriesRefusal},
};

const HELP: &str = "Words that the name or the description of a metric has";

/// The search and what it finds.
#[component]
pub fn MetricListPanel(state: Explorer, source: Source) -> impl IntoView {
    let found = part(move || match source.metrics.get() {
        None => ().into_any(),
        Some(Ok(list)) => view! { {list.refused.as_ref().map(refused)} {listed(state, &list)} }.into_any(),
        Some(Err(error)) => {
            view! { <ErrorPanel what="metrics" error retry=move |()| source.metrics.refetch() /> }.into_any()
        }
    });
    // Without JavaScript the search is a form, which keeps the queries.
    let kept = part(move || {
        let kept = state.kept(|search| {
            ["q", "off", "unit", "at", "view", "range"]
                .into_iter()
                .flat_map(|name| get_all(search, name).into_iter().map(move |value| (name, value)))
                .collect::<Vec<_>>()
        });
        let hidden = |(name, value): (&'static str, String)| view! { <input type="hidden" name=name value=value /> };
        kept.into_iter().map(hidden).collect_view().into_any()
    });
    let find = state.find;
    view! {
        <Panel title="Metrics" class="metric-list-panel">
            <form class="metric-find" method="get" action=PATH role="search" on:submit=|event| event.prevent_default()>
                {kept}
                <SearchBox
                    value=Signal::derive(move || find.get().unwrap_or_default())
                    set=Callback::new(move |text: String| state.set_find(Some(text)))
                    label="Search metrics"
                    help=HELP
                    name=FIND
                    is_main=true
                />
            </form>
            <Transition fallback=|| view! { <div class="metric-list-wait"><SkeletonLines lines=6 /></div> }>
                {found}
            </Transition>
        </Panel>
    }
    .into_any()
}

/// Whoever sends does not always look at the answers.
fn refused(refused: &SeriesRefusal) -> AnyView {
    let samples = format!("{} samples were refused", format_count(refused.samples));
    view! {
        <p class="metric-refused" role="status">
            <strong>{samples}</strong> ", the last at " <Moment at=refused.at /> ": " {refused.why.clone()} "."
        </p>
    }
    .into_any()
}

fn listed(state: Explorer, list: &MetricList) -> AnyView {
    if list.is_new {
        return view! { <p class="panel-note">"No metric was received yet."</p> }.into_any();
    }
    if list.in_range == 0 {
        return view! { <Empty kind=EmptyKind::Range what="metrics" /> }.into_any();
    }
    if list.metrics.is_empty() {
        let clear = Callback::new(move |()| state.set_find(None));
        return view! { <Empty kind=EmptyKind::Filters(clear) what="metrics" /> }.into_any();
    }
    let shown = list.metrics.len() as u64;
    let more = (shown < list.matching).then(|| {
        let next = (state.list_limit() * 4).min(MetricListQuery::MOST);
        let href = move || state.href_with(LIST, Some(&next.to_string()));
        let link = (shown < u64::from(MetricListQuery::MOST))
            .then(|| view! { " " <a data-noscroll href=text(href)>"Show more"</a> });
        let told = format!("{} of {}.", format_count(shown), format_count(list.matching));
        view! { <p class="panel-note">{told} {link}</p> }
    });
    let metrics = list.metrics.iter().cloned().map(|metric| found(state, metric)).collect_view();
    view! {
        <div class="metric-list-scroll" role="region" aria-label="Found metrics" tabindex="0">
            <ul class="metric-list">{metrics}</ul>
            {more}
        </div>
    }
    .into_any()
}

/// One metric: a link that shows it.
fn found(state: Explorer, metric: MetricSummary) -> AnyView {
    let name = metric.name.clone();
    let is_shown = Memo::new(move |_| {
        state
            .queries
            .with(|queries| Built::read(&queries.rows[queries.at].text).is_some_and(|built| built.metric == name))
    });
    let shown = metric.clone();
    let href = text(move || {
        let query = Built::new(&shown, state.range.get()).write();
        let queries = state.queries.with(|queries| queries.with_text(query));
        // A metric without buckets has no heatmap.
        let view = match state.view.get() {
            View::Heatmap => View::Line,
            view => view,
        };
        state.href_as(&queries, view)
    });
    let kind = (metric.kind != MetricKind::Unknown).then(|| metric.kind.label());
    view! {
        <li>
            <a class="metric-found" data-noscroll data-row="" href=href title=metric.help.clone()
                aria-current=maybe(move || is_shown.get().then_some("true"))>
                <span class="metric-name">{metric.name}</span>
                <span class="metric-facts">
                    {kind}
                    <span class="metric-series">{format!("{} series", format_count(metric.series))}</span>
                </span>
                <span class="metric-help">{metric.help.clone()}</span>
            </a>
        </li>
    }
    .into_any()
}
