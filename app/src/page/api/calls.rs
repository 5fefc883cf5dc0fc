//! Requests of a cell that were traced: failed ones first, then the slowest.

use leptos::prelude::*;

use super::state::{ApiState, looking_at};
use crate::{
    api::find_calls,
    component::{
        error_panel::ErrorPanel,
        icon::{Icon, IconName},
        query::{use_href, use_page_href},
        reactive::text,
        skeleton::{Loading, SkeletonLines},
        time::{format_date_time, format_duration_ms, use_zone},
    },
    model::{Call, CallSample},
};

/// The requests of the cell that is looked at; nothing while none is.
#[component]
pub fn Calls(
    /// What is shown.
    state: ApiState,
) -> impl IntoView {
    let found = Resource::new(
        move || state.calls.get(),
        |query| async move {
            match query {
                None => Ok(None),
                Some(query) => find_calls(query).await.map(Some),
            }
        },
    );
    let body = move || {
        found.get().map(|answer| match answer {
            Ok(None) => ().into_any(),
            Ok(Some(sample)) => view! { <Sample sample /> }.into_any(),
            Err(error) => {
                view! { <ErrorPanel what="requests of this cell" error retry=move |()| found.refetch() /> }.into_any()
            }
        })
    };
    view! {
        <Transition fallback=|| view! { <Loading what="requests" /> <SkeletonLines lines=3 /> }>{body}</Transition>
    }
}

#[component]
fn Sample(sample: CallSample) -> impl IntoView {
    let href = use_href();
    let close = move || href(&looking_at(None));
    let content = if sample.calls.is_empty() {
        view! {
            <p class="muted">
                "None of these requests was traced, or their spans are gone already: figures are kept longer than spans."
            </p>
        }
        .into_any()
    } else {
        let rows = sample.calls.into_iter().map(|call| view! { <Row call /> }).collect_view();
        let more = if sample.is_partial { "the worst of them" } else { "" };
        view! { <ul class="api-calls" aria-label="Traced requests">{rows}</ul> <p class="muted">{more}</p> }.into_any()
    };
    view! {
        <div class="api-sample">
            <header>
                <h3>"Traced requests of this cell"</h3>
                <a class="icon-button" data-noscroll href=close aria-label="Close the cell" title="Close the cell">
                    <Icon name=IconName::Close />
                </a>
            </header>
            {content}
        </div>
    }
    .into_any()
}

#[component]
fn Row(call: Call) -> impl IntoView {
    let page_href = use_page_href();
    let zone = use_zone();
    let target = format!("/monitoring/traces/{}?span={}", call.trace_id, call.span_id);
    let started = call.start.to_millis();
    let status = if call.status == 0 { "–".to_owned() } else { call.status.to_string() };
    let failed =
        call.is_error.then(|| view! { <span class="error-count"><Icon name=IconName::Close />"failed"</span> });
    view! {
        <li data-row>
            <a href=text(move || page_href(&target))>{format!("Trace {}", call.trace_id.short())}</a>
            <span class="muted">{text(move || format_date_time(started, zone.get()))}</span>
            <span class="number">{format_duration_ms(call.duration_ms)}</span>
            <span>{status}</span>
            {failed}
        </li>
    }
    .into_any()
}
