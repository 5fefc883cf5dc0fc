//! What is known of one node: its endpoints, what it calls, and the way to its traces and log lines.

use leptos::prelude::*;

use super::{NODE, figure_cells};
use crate::{
    component::{
        icon::{Icon, IconName},
        query::{encode, use_href, use_page_href},
        time::format_duration_ms,
    },
    model::{MapEndpoint, NodeKind, ServiceMap, TraceFilter},
    page::{api::route_condition, traces::traces_href},
};

/// The panel beside the map.
#[component]
pub fn NodePanel(map: StoredValue<ServiceMap>, place: usize) -> impl IntoView {
    let page_href = use_page_href();
    let href = use_href();
    let close = move || href(&[(NODE, None)]);
    let (node, seconds) = map.with_value(|map| (map.nodes[place].clone(), map.seconds));
    let endpoints: Vec<MapEndpoint> = map
        .with_value(|map| map.endpoints.iter().filter(|endpoint| endpoint.node as usize == place).cloned().collect());
    let is_service = node.kind == NodeKind::Service;
    let links = is_service.then(|| {
        let service = Some(node.name.clone());
        let all = traces_href(&TraceFilter { service: service.clone(), ..TraceFilter::default() });
        let failed = traces_href(&TraceFilter { service, has_errors: Some(true), ..TraceFilter::default() });
        let logs = format!("/monitoring/logs?service={}", encode(&node.name));
        let link = |label: &'static str, target: String| {
            let page_href = page_href.clone();
            view! { <li><a class="button" href=move || page_href(&target)>{label}</a></li> }
        };
        view! { <ul class="map-links">{link("Traces", all)}{link("Traces with errors", failed)}{link("Log lines", logs)}</ul> }
    });
    let (name, service) = (node.name.clone(), node.name.clone());
    let row = move |endpoint: MapEndpoint| {
        let filter = TraceFilter {
            service: Some(service.clone()),
            attributes: vec![route_condition(route_of(&endpoint.name))],
            ..TraceFilter::default()
        };
        let (target, page_href) = (traces_href(&filter), page_href.clone());
        view! {
            <tr>
                <td class="map-endpoint">
                    <a href=move || page_href(&target) title="Traces of this endpoint">{endpoint.name.clone()}</a>
                </td>
                {figure_cells(endpoint.figures, seconds)}
            </tr>
        }
    };
    let table = if endpoints.is_empty() {
        let why = if is_service {
            "No HTTP endpoint of it was called in this range."
        } else {
            "It sends no spans itself: it is known by the calls to it."
        };
        view! { <p class="map-none">{why}</p> }.into_any()
    } else {
        view! {
            <div class="table-scroll">
                <table class="table">
                    <caption class="visually-hidden">"Endpoints"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Endpoint"</th>
                            <th scope="col" class="number">"Rate"</th>
                            <th scope="col" class="number">"Errors"</th>
                            <th scope="col" class="number">"p50"</th>
                            <th scope="col" class="number">"p95"</th>
                        </tr>
                    </thead>
                    <tbody>{endpoints.into_iter().map(row).collect_view()}</tbody>
                </table>
            </div>
        }
        .into_any()
    };
    let summary = format!(
        "{} · {} · p95 {}",
        super::rate(node.figures.calls, seconds),
        super::error_percent(&node.figures),
        format_duration_ms(node.figures.p95_ms)
    );
    view! {
        <section class="panel map-node-panel" aria-labelledby="map-node">
            <header class="panel-head">
                <h2 id="map-node" class="mono">{name}</h2>
                <span class="panel-sub">{node.kind.label()}</span>
                <div class="panel-actions">
                    <a class="icon-button" data-noscroll href=close aria-label="Close" title="Close">
                        <Icon name=IconName::Close />
                    </a>
                </div>
            </header>
            <p class="map-summary mono">{summary}</p>
            {links}
            {table}
        </section>
    }
    .into_any()
}

/// The route of an endpoint's name, which begins with its method.
fn route_of(endpoint: &str) -> &str {
    endpoint.split_once(' ').map_or(endpoint, |(_, route)| route)
}
