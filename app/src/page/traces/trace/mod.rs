//! One trace: what it is, and its spans on a time axis.

mod head;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use self::head::TraceHead;
use crate::{
    api::{ApiError, ErrorCode, SetStatus, load_trace},
    component::{
        error_panel::ErrorPanel,
        log_view::logs_href,
        skeleton::{Loading, SkeletonBlock, SkeletonLines},
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
    let body = move || {
        loaded.get().map(|result| match result {
            Ok(detail) => view! { <Trace detail /> }.into_any(),
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
        view! {
            <a href=logs class="button">"Log lines with this id"</a>
            <a href=format!("/monitoring/pipelines/{}", id.as_uuid()) class="button">"Pipeline with this id"</a>
        }
    });
    view! {
        <div class="empty">
            <p class="empty-title">
                "No span of a trace with this id is here. It may not have arrived yet, be of another kind, or be too old to be kept."
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
fn Trace(detail: TraceDetail) -> impl IntoView {
    let TraceDetail { summary, faults, .. } = detail;
    view! { <TraceHead summary faults /> }.into_any()
}
