//! The chosen endpoint: how it does, compared with before, and where to look next.

use leptos::prelude::*;

use super::{
    change::{Change, ChangeText},
    durations::DurationsPanel,
    links::{endpoint_logs, endpoint_traces},
    state::{ApiState, choosing},
    table::judge_ms,
};
use crate::{
    api::load_endpoint,
    component::{
        chart::ChartPanel,
        error_panel::ErrorPanel,
        icon::{Icon, IconName},
        number::{amount, format_count, significant},
        query::{use_href, use_page_href},
        range::use_compare,
        reactive::text,
        skeleton::{Loading, SkeletonBlock},
        time::format_duration_ms,
    },
    model::{
        ChartData, EndpointBefore, EndpointDetail, EndpointName, EndpointStats, Severity,
        overview::Grid,
        threshold::{ERROR_PERCENT, TARGET_MS},
    },
    page::{
        overview::severity_key,
        traces::service::{ServiceMark, tint},
    },
};

/// The panel of the chosen endpoint; nothing while none is.
#[component]
pub fn Detail(
    /// What is shown.
    state: ApiState,
) -> impl IntoView {
    let found = Resource::new(
        move || state.detail.get(),
        |query| async move {
            match query {
                None => Ok(None),
                Some(query) => {
                    let target_ms = if query.target_ms == 0 { TARGET_MS } else { query.target_ms };
                    load_endpoint(query).await.map(|detail| Some((detail, f64::from(target_ms))))
                }
            }
        },
    );
    let body = move || {
        found.get().map(|answer| match answer {
            Ok(None) => ().into_any(),
            Ok(Some((detail, target_ms))) => view! { <Opened detail target_ms state /> }.into_any(),
            Err(error) => view! { <ErrorPanel what="the endpoint" error retry=move |()| found.refetch() /> }.into_any(),
        })
    };
    view! {
        <Transition fallback=|| view! { <Loading what="the endpoint" /> <SkeletonBlock class="chart-panel" /> }>{body}</Transition>
    }
}

#[component]
fn Opened(detail: EndpointDetail, target_ms: f64, state: ApiState) -> impl IntoView {
    let href = use_href();
    let close = text(move || href(&choosing(None)));
    let EndpointDetail { endpoint, stats, before, by_class, grid, charts, durations } = detail;
    let content = match stats {
        None => view! { <p class="api-note">"It had no request in this time range."</p> }.into_any(),
        Some(stats) => view! {
            <Figures stats before target_ms />
            <Classes by_class />
            <div class="charts">{charts.into_iter().map(|data| view! { <Chart data grid /> }).collect_view()}</div>
            <DurationsPanel durations state />
        }
        .into_any(),
    };
    view! {
        <section class="panel api-detail" id="endpoint-panel" aria-labelledby="endpoint-name">
            <header class="panel-head">
                <h2 id="endpoint-name" class="mono">{endpoint.to_string()}</h2>
                <ServiceMark name=endpoint.service.clone() tint=tint(&endpoint.service) />
                <div class="panel-actions">
                    <Links endpoint />
                    <a class="icon-button" data-noscroll href=close aria-label="Close" title="Close">
                        <Icon name=IconName::Close />
                    </a>
                </div>
            </header>
            {content}
        </section>
    }
    .into_any()
}

/// Where the endpoint's traces and log lines are.
#[component]
fn Links(endpoint: EndpointName) -> impl IntoView {
    let page_href = use_page_href();
    let targets = [
        Some(("Traces", endpoint_traces(&endpoint, None))),
        Some(("Traces with errors", endpoint_traces(&endpoint, Some(true)))),
        endpoint_logs(&endpoint.service, &endpoint.route).map(|target| ("Log lines", target)),
    ];
    let link = |(label, target): (&'static str, String)| {
        let page_href = page_href.clone();
        view! { <a class="button" href=text(move || page_href(&target))>{label}</a> }
    };
    targets.into_iter().flatten().map(link).collect_view()
}

/// One figure with its change.
struct Figure {
    label: &'static str,
    value: String,
    severity: Severity,
    change: Option<Change>,
}

fn figures(stats: &EndpointStats, before: Option<EndpointBefore>, target_ms: f64) -> Vec<Figure> {
    let ms = |label, value: f64, pick: fn(EndpointBefore) -> f64| Figure {
        label,
        value: format_duration_ms(value),
        severity: judge_ms(value, target_ms),
        change: before.and_then(|before| Change::relative(value, pick(before))),
    };
    let plain = |label, value, change| Figure { label, value, severity: Severity::Ok, change };
    vec![
        plain(
            "Requests",
            format_count(stats.requests),
            before.and_then(|before| Change::relative(stats.requests as f64, before.requests as f64)),
        ),
        plain(
            "Rate",
            format!("{}/s", amount(stats.rps)),
            before.and_then(|before| Change::relative(stats.rps, before.rps)),
        ),
        plain("Mean", format_duration_ms(stats.mean_ms), None),
        ms("p50", stats.p50_ms, |before| before.p50_ms),
        ms("p95", stats.p95_ms, |before| before.p95_ms),
        ms("p99", stats.p99_ms, |before| before.p99_ms),
        Figure {
            label: "Errors",
            value: format!("{} %", amount(stats.error_rate)),
            severity: ERROR_PERCENT.judge(Some(stats.error_rate)),
            change: before.map(|before| Change::points(stats.error_rate, before.error_rate)),
        },
        plain("Time lost", format!("{} s/h", amount(stats.time_lost_s_per_h)), None),
    ]
}

#[component]
fn Figures(stats: EndpointStats, before: Option<EndpointBefore>, target_ms: f64) -> impl IntoView {
    let compare = use_compare();
    let figure = |Figure { label, value, severity, change }: Figure| {
        let change = change.map(|change| view! { <dd class="api-change"><ChangeText change=Some(change) /></dd> });
        view! {
            <div data-severity=severity_key(severity)>
                <dt>{label}</dt>
                <dd>{value}</dd>
                {change}
            </div>
        }
    };
    let versus = text(move || match before {
        Some(_) => format!("Changes are against {}.", compare.get().label()),
        None => format!("It had no request in the compared range ({}).", compare.get().label()),
    });
    view! {
        <dl class="api-figures">{figures(&stats, before, target_ms).into_iter().map(figure).collect_view()}</dl>
        <p class="api-note">
            {format!("Time lost: requests an hour × (mean − target of {}). ", format_duration_ms(target_ms))}
            {versus}
        </p>
    }
    .into_any()
}

/// Answers by class of status, as words and as a bar.
#[component]
fn Classes(by_class: [u64; 4]) -> impl IntoView {
    let all = by_class.iter().sum::<u64>().max(1) as f64;
    let shares = by_class.map(|count| count as f64 / all * 100.0);
    let mut start = 0.0;
    let bars = shares.map(|share| {
        let from = start;
        start += share;
        (from, share)
    });
    let names = ["2xx", "3xx", "4xx", "5xx"];
    let part = |(class, (from, share)): (usize, (f64, f64))| view! { <rect x=from width=share height="10" data-class=names[class] /> };
    let word = |class: usize| {
        let said = format!("{} {} ({} %)", names[class], format_count(by_class[class]), significant(shares[class]));
        view! { <li data-class=names[class]><i aria-hidden="true"></i>{said}</li> }
    };
    view! {
        <div class="api-classes">
            <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">
                {bars.into_iter().enumerate().map(part).collect_view()}
            </svg>
            <ul aria-label="Answers by status">{(0..4).map(word).collect_view()}</ul>
        </div>
    }
    .into_any()
}

#[component]
fn Chart(data: ChartData, grid: Grid) -> impl IntoView {
    let (id, title) = (data.key.clone(), data.title.clone());
    let data = Memo::new(move |_| Some(data.clone()));
    let grid = Memo::new(move |_| grid);
    view! { <ChartPanel id title data grid /> }
}
