//! Endpoints that fail, and what goes wrong there.

use leptos::prelude::*;

use super::{
    links::{error_logs, error_traces},
    state::choosing,
};
use crate::{
    api::find_hotspots,
    component::{
        age::{Age, use_now},
        error_panel::ErrorPanel,
        number::{amount, format_count},
        panel::Panel,
        query::{use_href, use_page_href},
        reactive::text,
        skeleton::{Loading, SkeletonLines},
    },
    model::{EndpointName, ErrorQuery, Hotspot, Hotspots, TopError},
    page::traces::service::{ServiceMark, tint},
};

/// What goes wrong at one endpoint, or at those that fail most; nothing where neither is asked for.
#[component]
pub fn HotspotsPanel(
    /// What is asked.
    query: Memo<Option<ErrorQuery>>,
) -> impl IntoView {
    let found = Resource::new(
        move || query.get(),
        |query| async move {
            match query {
                None => Ok(None),
                Some(query) => {
                    let is_of_one = query.endpoint.is_some();
                    find_hotspots(query).await.map(|hotspots| Some((hotspots, is_of_one)))
                }
            }
        },
    );
    let body = move || {
        found.get().map(|answer| match answer {
            Ok(None) => ().into_any(),
            Ok(Some((hotspots, is_of_one))) => view! { <Spots hotspots is_of_one /> }.into_any(),
            Err(error) => view! { <ErrorPanel what="errors" error retry=move |()| found.refetch() /> }.into_any(),
        })
    };
    view! {
        <Transition fallback=|| view! { <Loading what="errors" /> <SkeletonLines lines=3 /> }>{body}</Transition>
    }
}

#[component]
fn Spots(hotspots: Hotspots, is_of_one: bool) -> impl IntoView {
    let Hotspots { hotspots, matched, is_sample } = hotspots;
    let subtitle = match (hotspots.len() as u64, is_of_one) {
        (_, true) => "of the chosen endpoint".to_owned(),
        (0, _) => String::new(),
        (shown, _) if shown < matched => format!("the {shown} worst of {} endpoints", format_count(matched)),
        (1, _) => "1 endpoint".to_owned(),
        (shown, _) => format!("{shown} endpoints"),
    };
    let content = if hotspots.is_empty() {
        view! { <p class="api-note">"No answer with status 5xx in this time range."</p> }.into_any()
    } else {
        hotspots.into_iter().map(|spot| view! { <Spot spot is_of_one /> }).collect_view().into_any()
    };
    let note = is_sample.then(|| view! { <p class="api-note">"Counted among the newest failed requests."</p> });
    view! {
        <Panel title=if is_of_one { "Errors" } else { "Error hotspots" } subtitle=Signal::stored(subtitle) class="api-hotspots">
            {content}
            {note}
        </Panel>
    }
    .into_any()
}

#[component]
fn Spot(spot: Hotspot, is_of_one: bool) -> impl IntoView {
    let href = use_href();
    let Hotspot { endpoint, requests, refused, errors, error_rate, top_errors } = spot;
    let changes = choosing(Some(&endpoint));
    let name = endpoint.to_string();
    let heading = if is_of_one {
        view! { <span class="mono">{name}</span> }.into_any()
    } else {
        view! { <a class="mono" href=text(move || href(&changes))>{name}</a> }.into_any()
    };
    let figures = format!(
        "{} of {} requests failed, {} %; {} refused with 4xx",
        format_count(errors),
        format_count(requests),
        amount(error_rate),
        format_count(refused)
    );
    let list = if top_errors.is_empty() {
        view! { <p class="muted">"None of the failed requests was traced."</p> }.into_any()
    } else {
        let rows = top_errors.into_iter().map(|error| view! { <Row endpoint=endpoint.clone() error /> });
        view! { <ul>{rows.collect_view()}</ul> }.into_any()
    };
    view! {
        <article class="api-hotspot">
            <h3>
                {heading}
                <ServiceMark name=endpoint.service.clone() tint=tint(&endpoint.service) />
                <span class="muted">{figures}</span>
            </h3>
            {list}
        </article>
    }
    .into_any()
}

#[component]
fn Row(endpoint: EndpointName, error: TopError) -> impl IntoView {
    let page_href = use_page_href();
    let now = use_now();
    let link = |label: &'static str, target: String| {
        let page_href = page_href.clone();
        view! { <a href=text(move || page_href(&target))>{label}</a> }
    };
    let links = [
        ("Newest trace", format!("/monitoring/traces/{}", error.trace_id)),
        ("Traces", error_traces(&endpoint, &error)),
        ("Log lines", error_logs(&error)),
    ];
    let status = if error.status == 0 { "–".to_owned() } else { error.status.to_string() };
    let words = if error.error.is_empty() { "Nothing is said of why".to_owned() } else { error.error.clone() };
    view! {
        <li>
            <span class="number">{format!("{} ×", format_count(error.count))}</span>
            <span class="api-status">{status}</span>
            <span class="api-error" title=words.clone()>{words.clone()}</span>
            <span class="muted"><Age at=error.last_seen now /></span>
            <span class="api-links">{links.map(|(label, target)| link(label, target)).collect_view()}</span>
        </li>
    }
    .into_any()
}
