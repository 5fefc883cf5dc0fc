//! One trace: what it is, and its spans on a time axis.

mod axis;
mod compare;
mod context;
mod flame;
mod head;
mod interleave;
mod lanes;
mod logs;
mod minimap;
mod panel;
mod row;
mod row_markup;
mod state;
mod statistics;
mod strip;
mod sums;
mod toolbar;
mod tree;
mod waterfall;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use self::{
    compare::{Compare, LoadedComparison, use_comparison},
    context::TraceContext,
    flame::Flame,
    head::TraceHead,
    logs::TraceLines,
    panel::{LoadedSpan, SpanPanel},
    state::{TAB, TraceState, View, use_trace_state},
    statistics::{Statistics, use_sum_tabs},
    waterfall::SpanWaterfall,
};
use crate::{
    api::{ApiError, ErrorCode, SetStatus, load_span, load_trace},
    component::{
        error_panel::ErrorPanel,
        log_view::logs_href,
        query::use_href,
        reactive::part,
        skeleton::{Loading, SkeletonBlock, SkeletonLines},
        tabs::{Tab, Tabs},
    },
    model::{LogFilter, TraceDetail, TraceId},
};

/// The page of one trace.
#[component]
pub fn TracePage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("trace_id")).unwrap_or_default());
    let loaded = Resource::new(
        move || id.get(),
        |id| async move {
            match id.parse::<TraceId>() {
                Ok(id) => load_trace(id).await,
                Err(_) => Err(ApiError::not_found("trace")),
            }
        },
    );
    let state = use_trace_state();
    let wanted = Memo::new(move |_| id.with(|id| id.parse::<TraceId>().ok()).zip(state.span.get()));
    let span: LoadedSpan = Resource::new(
        move || wanted.get(),
        |wanted| async move {
            let (trace, span) = wanted?;
            Some((span, load_span(trace, span).await))
        },
    );
    let comparison = use_comparison(id, state.view);
    let body = move || {
        loaded.get().map(|result| match result {
            Ok(detail) => view! { <Trace detail state span comparison /> }.into_any(),
            Err(error) if error.code == ErrorCode::NotFound => {
                view! { <UnknownTrace id=id.get_untracked().parse().ok() /> }.into_any()
            }
            Err(error) => view! { <ErrorPanel what="this trace" error retry=move |()| loaded.refetch() /> }.into_any(),
        })
    };
    view! {
        <div class="trace-page">
            <Transition fallback=|| {
                view! { <Loading what="the trace" /> <SkeletonBlock class="trace-skeleton" /> <SkeletonLines lines=16 /> }
            }>{body}</Transition>
        </div>
    }
    .into_any()
}

/// There is no such trace.
#[component]
fn UnknownTrace(id: Option<TraceId>) -> impl IntoView {
    if let Some(status) = use_context::<SetStatus>() {
        (status.0)(404);
    }
    let elsewhere = id.map(|id| {
        let logs = logs_href(&LogFilter { trace_id: Some(id), ..LogFilter::default() }, None);
        view! { <a href=logs class="button">"Log lines with this id"</a> }
    });
    view! {
        <div class="empty">
            <p class="empty-title">
                "No span of a trace with this id is here. It may not have arrived yet, or be too old to be kept."
            </p>
            <div class="empty-ways">
                <a href="/monitoring/traces" class="button">"All traces"</a>
                {elsewhere}
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn Trace(detail: TraceDetail, state: TraceState, span: LoadedSpan, comparison: LoadedComparison) -> impl IntoView {
    let (summary, faults, has_more) = (detail.summary.clone(), detail.faults, detail.has_more_logs);
    let context = TraceContext::new(detail, state);
    // In the browser only.
    Effect::new(move |_| context.load_rest());
    let sum_tabs = use_sum_tabs();
    let body = part(move || match state.view.get() {
        View::Waterfall => view! { <SpanWaterfall context /> }.into_any(),
        View::Flame => view! { <Flame context /> }.into_any(),
        View::Statistics => view! { <Statistics context tabs=sum_tabs /> }.into_any(),
        View::Logs => view! { <TraceLines context has_more /> }.into_any(),
        View::Compare => view! { <Compare context loaded=comparison /> }.into_any(),
    });
    view! {
        <TraceHead summary faults />
        <Views state />
        <div class="trace-body">
            <div class="trace-main">{body}</div>
            <SpanPanel context loaded=span />
        </div>
    }
    .into_any()
}

/// The ways to look at the trace.
#[component]
fn Views(state: TraceState) -> impl IntoView {
    let href = use_href();
    let tabs = Signal::derive(move || {
        let tab = |view: View| Tab {
            label: view.label(),
            href: href(&[(TAB, view.key().map(str::to_owned))]),
            selected: state.view.get() == view,
        };
        View::ALL.map(tab).to_vec()
    });
    view! { <div class="trace-views"><Tabs label="View" tabs /></div> }.into_any()
}
