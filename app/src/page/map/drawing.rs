//! The map, drawn.

use leptos::prelude::*;

use super::{
    NODE as NODE_PARAM, error_percent,
    layout::{NODE, Path, layout},
    rate,
};
use crate::{
    component::{query::use_href, reactive::word, time::format_duration_ms},
    model::{MapEdge, MapNode, NodeKind, ServiceMap},
};

/// More of a name does not fit into a node.
const NAME_LENGTH: usize = 28;
/// A share of errors from which an edge or a node is drawn as failing.
const FAILING: f64 = 0.01;

/// Nodes and edges. What has nothing to do with the chosen node is faint.
#[component]
pub fn Drawing(map: StoredValue<ServiceMap>, chosen: Memo<Option<String>>) -> impl IntoView {
    let found = map.with_value(layout);
    let (width, height) = found.size;
    let place = Memo::new(move |_| {
        chosen
            .with(|chosen| map.with_value(|map| map.nodes.iter().position(|node| Some(&node.name) == chosen.as_ref())))
    });
    let (nodes, edges, seconds) = map.with_value(|map| (map.nodes.clone(), map.edges.clone(), map.seconds));
    let most = edges.iter().map(|edge| edge.figures.calls).max().unwrap_or(1).max(1);
    let names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
    let edge = |(edge, path): (MapEdge, Path)| {
        let said = format!(
            "{} calls {}: {}, {} errors, p95 {}",
            names[edge.from as usize],
            names[edge.to as usize],
            rate(edge.figures.calls, seconds),
            error_percent(&edge.figures),
            format_duration_ms(edge.figures.p95_ms)
        );
        view! { <Edge edge path said place most seconds /> }
    };
    let edges = edges.into_iter().zip(found.edges).map(edge).collect_view();
    let linked = map.with_value(|map| {
        let mut linked = vec![Vec::new(); map.nodes.len()];
        for edge in &map.edges {
            linked[edge.from as usize].push(edge.to as usize);
            linked[edge.to as usize].push(edge.from as usize);
        }
        linked
    });
    let node = |((at, node), (corner, linked))| view! { <Node at node corner linked place seconds /> };
    let nodes = nodes.into_iter().enumerate().zip(found.nodes.into_iter().zip(linked)).map(node).collect_view();
    view! {
        <div class="map-scroll" tabindex="0" role="group" aria-label="Service map, scrolls">
            <svg class="map" width=format!("{width:.0}") height=format!("{height:.0}")
                viewBox=format!("0 0 {width:.0} {height:.0}") role="group" aria-label="Services and the calls between them">
                <defs>
                    <marker id="map-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"
                        markerUnits="userSpaceOnUse" orient="auto">
                        <path d="M0 0.5L7.5 4L0 7.5z" />
                    </marker>
                </defs>
                {edges}
                {nodes}
            </svg>
        </div>
    }
    .into_any()
}

#[component]
fn Edge(edge: MapEdge, path: Path, said: String, place: Memo<Option<usize>>, most: u64, seconds: f64) -> impl IntoView {
    let (from, to) = (edge.from as usize, edge.to as usize);
    let state = word(move || match place.get() {
        Some(place) if place != from && place != to => "faint",
        _ => "plain",
    });
    // Four widths: busy edges are seen, rare ones do not vanish.
    let share = ((edge.figures.calls + 1) as f64).ln() / ((most + 1) as f64).ln();
    let width = format!("{:.1}", 1.0 + (share * 3.0).round() * 0.6);
    let failing = (edge.figures.error_share() >= FAILING).to_string();
    let label = format!("{} · {}", rate(edge.figures.calls, seconds), format_duration_ms(edge.figures.p95_ms));
    let errors = (edge.figures.errors > 0).then(|| {
        view! { <tspan class="map-edge-errors">{format!(" · {}", error_percent(&edge.figures))}</tspan> }
    });
    view! {
        <g class="map-edge" data-state=state data-failing=failing>
            <title>{said}</title>
            <path d=path.d stroke-width=width marker-end="url(#map-arrow)" />
            <text x=format!("{:.1}", path.label.0) y=format!("{:.1}", path.label.1) text-anchor=path.anchor>
                {label}
                {errors}
            </text>
        </g>
    }
    .into_any()
}

#[component]
fn Node(
    at: usize,
    node: MapNode,
    corner: (f64, f64),
    linked: Vec<usize>,
    place: Memo<Option<usize>>,
    seconds: f64,
) -> impl IntoView {
    let href = use_href();
    let wanted = node.name.clone();
    let target = move || {
        let open = place.get() != Some(at);
        href(&[(NODE_PARAM, open.then(|| wanted.clone()))])
    };
    let state = word(move || match place.get() {
        Some(place) if place == at => "chosen",
        Some(place) if !linked.contains(&place) => "faint",
        _ => "plain",
    });
    let figures = node.figures;
    let failing = (figures.error_share() >= FAILING).to_string();
    let (x, y) = corner;
    let shown = if node.name.chars().count() > NAME_LENGTH {
        node.name.chars().take(NAME_LENGTH - 1).chain(['…']).collect()
    } else {
        node.name.clone()
    };
    let kind = (node.kind != NodeKind::Service).then(|| {
        view! { <text class="map-kind" x=format!("{:.1}", NODE.0 - 10.0) y="39" text-anchor="end">{node.kind.label()}</text> }
    });
    let summary = format!(
        "{} · {} · {}",
        rate(figures.calls, seconds),
        error_percent(&figures),
        format_duration_ms(figures.p95_ms)
    );
    view! {
        // Inside a group, so that what the browser makes by itself is a link of SVG and not one of HTML.
        <g>
            <a class="map-node" data-noscroll data-state=state data-failing=failing data-kind=node.kind.label() href=target>
                <g transform=format!("translate({x:.1} {y:.1})")>
                    <rect width=NODE.0.to_string() height=NODE.1.to_string() rx="3" />
                    <rect class="map-edge-mark" width="3" height=NODE.1.to_string() />
                    <text class="map-name" x="12" y="20">{shown}</text>
                    {kind}
                    <text class="map-figures" x="12" y="39">{summary}</text>
                </g>
            </a>
        </g>
    }
    .into_any()
}
