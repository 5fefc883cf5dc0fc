//! The service map: who calls whom, how often, and how that goes.

mod drawing;
mod layout;
mod node;

use leptos::prelude::*;

use self::{drawing::Drawing, node::NodePanel};
use crate::{
    api::load_map,
    component::{
        choice::use_choice,
        empty::{Empty, EmptyKind},
        error_panel::ErrorPanel,
        number::{format_count, significant},
        panel::Panel,
        query::use_href,
        range::use_range,
        reactive::{maybe, part},
        skeleton::{Loading, SkeletonBlock, SkeletonLines},
        time::format_duration_ms,
    },
    model::{CallFigures, MapEdge, MapNode, MapQuery, ServiceMap},
    page::traces::HowToSend,
};

/// `?node=orders`: whose panel is open.
const NODE: &str = "node";

/// The page of the map. Its state is its address.
#[component]
pub fn MapPage() -> impl IntoView {
    let (range, _) = use_range();
    let loaded = Resource::new(move || range.get(), |range| load_map(MapQuery { range }));
    let (chosen, _) = use_choice(NODE);
    let body = move || {
        loaded.get().map(|result| match result {
            Ok(map) => view! { <MapBody map chosen /> }.into_any(),
            Err(error) => {
                view! { <ErrorPanel what="the service map" error retry=move |()| loaded.refetch() /> }.into_any()
            }
        })
    };
    view! {
        <div class="map-page">
            <Transition fallback=|| {
                view! { <Loading what="the service map" /> <SkeletonBlock class="map-skeleton" /> <SkeletonLines lines=6 /> }
            }>{body}</Transition>
        </div>
    }
    .into_any()
}

#[component]
fn MapBody(map: ServiceMap, chosen: Memo<Option<String>>) -> impl IntoView {
    if map.nodes.is_empty() {
        let empty = if map.any_stored {
            view! { <Empty kind=EmptyKind::Range what="calls between services" /> }.into_any()
        } else {
            view! { <Empty kind=EmptyKind::Never what="services"><HowToSend /></Empty> }.into_any()
        };
        return view! { <div class="panel">{empty}</div> }.into_any();
    }
    let counted = format!(
        "{}{} nodes, {} calls between them",
        if map.is_partial { "the busiest " } else { "" },
        format_count(map.nodes.len() as u64),
        format_count(map.edges.iter().map(|edge| edge.figures.calls).sum())
    );
    let map = StoredValue::new(map);
    let panel = part(move || {
        let place = chosen
            .with(|chosen| map.with_value(|map| map.nodes.iter().position(|node| Some(&node.name) == chosen.as_ref())));
        place.map(|place| view! { <NodePanel map place /> }).into_any()
    });
    view! {
        <div class="map-layout">
            <Panel title="Service map" subtitle=Signal::stored(counted) class="map-panel">
                <Drawing map chosen />
            </Panel>
            {panel}
        </div>
        <Panel title="Calls">
            <Calls map chosen />
        </Panel>
    }
    .into_any()
}

/// The edges as a table: the map for those who do not see it.
#[component]
fn Calls(map: StoredValue<ServiceMap>, chosen: Memo<Option<String>>) -> impl IntoView {
    let href = use_href();
    let (mut edges, nodes, seconds) = map.with_value(|map| (map.edges.clone(), map.nodes.clone(), map.seconds));
    edges.sort_by(|a, b| b.figures.errors.cmp(&a.figures.errors).then(b.figures.calls.cmp(&a.figures.calls)));
    let row = move |edge: MapEdge| {
        let link = |place: u32| {
            let MapNode { name, kind, .. } = nodes[place as usize].clone();
            let (href, wanted) = (href.clone(), name.clone());
            let target = move || href(&[(NODE, Some(wanted.clone()))]);
            view! { <a data-noscroll href=target data-kind=kind.label()>{name}</a> }
        };
        let names = [edge.from, edge.to].map(|place| nodes[place as usize].name.clone());
        let is_chosen = maybe(move || {
            chosen.with(|chosen| chosen.as_ref().is_some_and(|chosen| names.contains(chosen))).then_some("true")
        });
        view! {
            <tr data-row aria-selected=is_chosen>
                <td>{link(edge.from)}</td>
                <td>{link(edge.to)}</td>
                {figure_cells(edge.figures, seconds)}
            </tr>
        }
    };
    view! {
        <div class="table-scroll">
            <table class="table map-calls">
                <caption class="visually-hidden">"Calls between services"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Caller"</th>
                        <th scope="col">"Callee"</th>
                        <th scope="col" class="number">"Rate"</th>
                        <th scope="col" class="number">"Errors"</th>
                        <th scope="col" class="number">"p50"</th>
                        <th scope="col" class="number">"p95"</th>
                    </tr>
                </thead>
                <tbody>{edges.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// Rate, errors, p50 and p95 as cells.
fn figure_cells(figures: CallFigures, seconds: f64) -> AnyView {
    let errors = if figures.errors == 0 { "muted" } else { "map-bad" };
    view! {
        <td class="number">{rate(figures.calls, seconds)}</td>
        <td class=format!("number {errors}")>{error_percent(&figures)}</td>
        <td class="number">{format_duration_ms(figures.p50_ms)}</td>
        <td class="number">{format_duration_ms(figures.p95_ms)}</td>
    }
    .into_any()
}

/// Calls a second, or a minute where that says more.
fn rate(calls: u64, seconds: f64) -> String {
    let rate = calls as f64 / seconds.max(1.0);
    if rate >= 1.0 || calls == 0 {
        format!("{}/s", significant(rate))
    } else {
        format!("{}/min", significant(rate * 60.0))
    }
}

/// The share that failed.
fn error_percent(figures: &CallFigures) -> String {
    match figures.error_share() * 100.0 {
        0.0 => "0 %".to_owned(),
        small if small < 0.1 => "< 0.1 %".to_owned(),
        share if share < 10.0 => format!("{share:.1} %"),
        share => format!("{share:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_told_in_the_unit_that_says_most() {
        assert_eq!([rate(7200, 3600.0), rate(60, 3600.0), rate(0, 3600.0)], ["2/s", "1/min", "0/s"]);
        let figures = |calls, errors| CallFigures { calls, errors, ..CallFigures::default() };
        let shares = [figures(0, 0), figures(100_000, 1), figures(200, 7), figures(3, 3)];
        assert_eq!(shares.map(|one| error_percent(&one)), ["0 %", "< 0.1 %", "3.5 %", "100 %"]);
    }
}
