//! Endpoints: which of them hurts, since when, and an example of it.

mod calls;
mod change;
mod detail;
mod durations;
mod filters;
mod heat;
mod hotspots;
mod links;
mod state;
mod table;

use leptos::prelude::*;

use self::{
    detail::Detail,
    filters::{Filters, ViewTabs},
    heat::HoursPanel,
    hotspots::HotspotsPanel,
    state::{ApiState, SHOW, use_api_state},
    table::EndpointTable,
};
pub use self::{links::route_condition, state::endpoint_href};
use crate::{
    api::{ApiError, load_performance},
    component::{
        awaited::Awaited,
        chart::provide_crosshair,
        empty::{Empty, EmptyKind},
        error_panel::ErrorPanel,
        number::format_count,
        panel::Panel,
        query::use_href,
        reactive::flag,
        skeleton::{Loading, SkeletonBlock, SkeletonLines},
    },
    model::{EndpointView, PerformancePage, PerformanceQuery},
    page::traces::HowToSend,
};

/// The answer travels with its question: by the time it is here, the address may ask another one.
pub type Loaded = Resource<Result<(PerformanceQuery, PerformancePage), ApiError>>;

/// The page of endpoints. Its state is its address.
#[component]
pub fn ApiPage() -> impl IntoView {
    provide_crosshair();
    let state = use_api_state();
    let loaded: Loaded = Resource::new(
        move || state.query.get(),
        |query| async move { load_performance(query.clone()).await.map(|page| (query, page)) },
    );
    let again = Callback::new(move |()| loaded.refetch());
    let body = move || {
        loaded.get().map(|result| match result {
            Ok((query, page)) => view! { <Body query page state again /> }.into_any(),
            Err(error) => view! { <ErrorPanel what="endpoints" error retry=again /> }.into_any(),
        })
    };
    let pending = RwSignal::new(false);
    view! {
        <div class="api-page" aria-busy=flag(move || pending.get())>
            <Filters state loaded />
            <Detail state />
            <HotspotsPanel query=state.own_errors />
            <Awaited
                fallback=|| view! { <Loading what="endpoints" /> <SkeletonBlock class="heat-skeleton" /> <SkeletonLines lines=12 /> }
                pending
            >
                {body}
            </Awaited>
            <HotspotsPanel query=state.all_errors />
        </div>
    }
    .into_any()
}

#[component]
fn Body(query: PerformanceQuery, page: PerformancePage, state: ApiState, again: Callback<()>) -> impl IntoView {
    let counted = counted(&query, &page);
    let actions = move || {
        view! {
            <button type="button" class="link-button" on:click=move |_| again.run(())>"Refresh"</button>
            <ViewTabs state />
        }
    };
    if page.rows.is_empty() {
        let clear = Callback::new(move |()| state.clear_filters());
        let empty = match (page.any_stored, query.is_filtered()) {
            (false, _) => view! { <Empty kind=EmptyKind::Never what="requests"><HowToSend /></Empty> }.into_any(),
            (true, false) => view! { <Empty kind=EmptyKind::Range what="requests" /> }.into_any(),
            (true, true) => view! { <Empty kind=EmptyKind::Filters(clear) what="endpoints" /> }.into_any(),
        };
        return view! { <Panel title="Endpoints" subtitle=Signal::stored(counted) actions>{empty}</Panel> }.into_any();
    }
    let more = more(&query, &page);
    let page = StoredValue::new(page);
    let query = StoredValue::new(query);
    view! {
        <Panel title="Endpoints" subtitle=Signal::stored(counted) class="api-endpoints" actions>
            <EndpointTable query page state />
            {more}
        </Panel>
        <HoursPanel query page state />
    }
    .into_any()
}

/// A link to more rows, where there are more.
fn more(query: &PerformanceQuery, page: &PerformancePage) -> AnyView {
    let (shown, most) = (page.rows.len() as u64, u64::from(PerformanceQuery::MAX_LIMIT));
    if shown >= page.matched {
        return ().into_any();
    }
    if shown >= most {
        return view! { <p class="panel-more muted">"Narrow the list to see others"</p> }.into_any();
    }
    let href = use_href();
    let next = u64::from(query.limit.max(1)).saturating_mul(2).min(most);
    let target = move || href(&[(SHOW, Some(next.to_string()))]);
    let label = format!("Show {} more", format_count(next.min(page.matched) - shown));
    view! { <a class="panel-more" data-noscroll href=target>{label}</a> }.into_any()
}

/// How many there are: `3 endpoints`, `50 of 312 slow endpoints`.
fn counted(query: &PerformanceQuery, page: &PerformancePage) -> String {
    let kind = match query.view {
        EndpointView::All => "",
        EndpointView::Slow => "slow ",
        EndpointView::Failing => "failing ",
    };
    let plural = if page.matched == 1 { "" } else { "s" };
    let shown = page.rows.len() as u64;
    let of = if shown < page.matched { format!("{} of ", format_count(shown)) } else { String::new() };
    format!("{of}{} {kind}endpoint{plural}", format_count(page.matched))
}
