//! The endpoints, worst first.

use leptos::prelude::*;

use super::{
    banner::severity_key,
    data::Latest,
    state::{sort_value, use_all_endpoints, use_sort},
};
use crate::{
    component::{
        chart::Sparkline,
        empty::{Empty, EmptyKind},
        number::{amount, significant},
        panel::Panel,
        query::{use_href, use_page_href},
        reactive::{maybe, part, text},
        tabs::{Tab, Tabs},
    },
    model::{
        EndpointName, EndpointSort, EndpointStats,
        threshold::{ERROR_PERCENT, P95_MS},
    },
    page::api::endpoint_href,
};

/// Rows that are listed unless all are asked for.
const FEW: usize = 12;

/// The table of endpoints.
#[component]
pub fn Endpoints(
    /// The newest answer.
    latest: Latest,
) -> impl IntoView {
    let sort = use_sort();
    let all = use_all_endpoints();
    let href = use_href();
    let endpoints = latest.pick(Vec::new(), |overview| overview.endpoints.clone());
    let is_new = latest.pick(false, |overview| overview.is_new);
    let count = Memo::new(move |_| endpoints.with(Vec::len));
    let rows = Memo::new(move |_| {
        let mut rows = endpoints.get();
        sort.get().sort(&mut rows);
        rows.truncate(if all.get() { usize::MAX } else { FEW });
        rows
    });
    let tabs = {
        let href = href.clone();
        Signal::derive(move || {
            let tab = |order: EndpointSort| Tab {
                label: order.label(),
                href: href(&[("sort", sort_value(order))]),
                selected: sort.get() == order,
            };
            EndpointSort::ALL.into_iter().map(tab).collect::<Vec<_>>()
        })
    };
    let more = move || {
        let (label, value) = match (all.get(), count.get()) {
            (false, count) if count > FEW => (format!("Show all {count}"), Some("all".to_owned())),
            (true, count) if count > FEW => ("Show fewer".to_owned(), None),
            _ => return ().into_any(),
        };
        view! { <a class="panel-more" data-noscroll href=href(&[("endpoints", value)])>{label}</a> }.into_any()
    };
    let empty = move || {
        let kind = if is_new.get() { EmptyKind::Never } else { EmptyKind::Range };
        (count.get() == 0).then(|| view! { <Empty kind what="requests" /> }).into_any()
    };
    view! {
        <Panel title="Endpoints" subtitle=Signal::stored("worst first".to_owned()) class="endpoints" id="endpoints"
            actions=move || view! { <Tabs label="Sort endpoints by" tabs /> }>
            <Show when=move || { count.get() > 0 }>
                <table class="table">
                    <caption class="visually-hidden">"Endpoints, worst first"</caption>
                    <Head sort />
                    <tbody>
                        {part(move || {
                            let rows = rows.get();
                            let most = rows.iter().map(|row| row.time_lost_s_per_h).fold(0.0, f64::max);
                            rows.into_iter().map(|row| view! { <Row row most /> }).collect_view().into_any()
                        })}
                    </tbody>
                </table>
            </Show>
            {part(empty)}
            {part(more)}
        </Panel>
    }
    .into_any()
}

#[component]
fn Head(sort: Memo<EndpointSort>) -> impl IntoView {
    let href = use_href();
    let sorted = move |order: EndpointSort, label: &'static str, class: &'static str| {
        let href = href.clone();
        let direction = maybe(move || (sort.get() == order).then_some("descending"));
        view! {
            <th scope="col" class=class aria-sort=direction>
                <a data-noscroll href=text(move || href(&[("sort", sort_value(order))]))>{label}</a>
            </th>
        }
    };
    view! {
        <thead>
            <tr>
                <th scope="col">"Endpoint"</th>
                <th scope="col" class="col-service">"Service"</th>
                {sorted(EndpointSort::Rate, "req/s", "number")}
                <th scope="col" class="number col-more">"p50 ms"</th>
                {sorted(EndpointSort::P95, "p95 ms", "number")}
                <th scope="col" class="number col-more">"p99 ms"</th>
                {sorted(EndpointSort::Errors, "err %", "number")}
                <th scope="col" class="col-course">"Requests"</th>
                {sorted(EndpointSort::Impact, "Time lost", "col-lost")}
            </tr>
        </thead>
    }
}

#[component]
fn Row(
    row: EndpointStats,
    /// The most time that any row loses: the length of a full bar.
    most: f64,
) -> impl IntoView {
    let page_href = use_page_href();
    let target = endpoint_href(&EndpointName::of(&row));
    let title = format!("{} {}", row.method, row.route);
    let slow = P95_MS.judge(Some(row.p95_ms));
    let failing = ERROR_PERCENT.judge(Some(row.error_rate));
    let worst = slow.max(failing);
    let share = if most > 0.0 { row.time_lost_s_per_h / most * 100.0 } else { 0.0 };
    let course: Vec<Option<f64>> = row.sparkline.iter().copied().map(Some).collect();
    view! {
        <tr data-row data-severity=severity_key(worst)>
            <th scope="row" class="endpoint">
                <span class="method">{row.method.clone()}</span>
                <a href=text(move || page_href(&target)) title=title>{row.route.clone()}</a>
            </th>
            <td class="col-service">{row.service.clone()}</td>
            <td class="number">{amount(row.rps)}</td>
            <td class="number col-more">{significant(row.p50_ms)}</td>
            <td class="number" data-severity=severity_key(slow)>{significant(row.p95_ms)}</td>
            <td class="number col-more">{significant(row.p99_ms)}</td>
            <td class="number" data-severity=severity_key(failing)>{amount(row.error_rate)}</td>
            <td class="col-course"><Sparkline values=course /></td>
            <td class="col-lost">
                <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">
                    <rect width=share height="10" />
                </svg>
                {format!("{} s/h", amount(row.time_lost_s_per_h))}
            </td>
        </tr>
    }
    .into_any()
}
