//! The endpoints in the order that was asked for.

use leptos::prelude::*;

use super::{
    change::{Change, ChangeText},
    state::{ApiState, choosing, direction, sorting},
};
use crate::{
    component::{
        chart::Sparkline,
        number::{amount, format_count, significant},
        query::use_href,
        reactive::{maybe, text},
    },
    model::{
        Compare, EndpointColumn, EndpointName, EndpointRow, PerformancePage, PerformanceQuery, Severity,
        threshold::{ERROR_PERCENT, Thresholds},
    },
    page::{
        overview::severity_key,
        traces::service::{ServiceMark, tint},
    },
};

/// Above the target: worth a look. Above twice the target: act now.
pub fn judge_ms(ms: f64, target_ms: f64) -> Severity {
    Thresholds(target_ms, target_ms * 2.0).judge(Some(ms))
}

/// The table.
#[component]
pub fn EndpointTable(
    /// What was asked.
    query: StoredValue<PerformanceQuery>,
    /// The answer.
    page: StoredValue<PerformancePage>,
    /// What is shown.
    state: ApiState,
) -> impl IntoView {
    let most = page.with_value(|page| page.rows.iter().map(|row| row.stats.time_lost_s_per_h).fold(0.0, f64::max));
    let target_ms = query.with_value(PerformanceQuery::target);
    let rows = page.with_value(|page| {
        page.rows.iter().map(|row| view! { <Row row=row.clone() most target_ms state /> }).collect_view()
    });
    view! {
        <div class="table-scroll">
            <table class="table api-table">
                <caption class="visually-hidden">"Endpoints"</caption>
                <Head query />
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

#[component]
fn Head(query: StoredValue<PerformanceQuery>) -> impl IntoView {
    let href = use_href();
    let sorted = move |column: EndpointColumn, label: &'static str, class: &'static str| {
        let href = href.clone();
        let (changes, direction) = query.with_value(|query| (sorting(query, column), direction(query, column)));
        view! {
            <th scope="col" class=class aria-sort=direction>
                <a data-noscroll href=text(move || href(&changes))>{label}</a>
            </th>
        }
    };
    let versus = query.with_value(|query| match query.compare {
        Compare::Previous => "p95 vs before",
        Compare::Yesterday => "p95 vs yesterday",
        Compare::LastWeek => "p95 vs last week",
    });
    view! {
        <thead>
            <tr>
                {sorted(EndpointColumn::Endpoint, "Endpoint", "")}
                {sorted(EndpointColumn::Service, "Service", "col-service")}
                {sorted(EndpointColumn::Requests, "Requests", "number col-more")}
                {sorted(EndpointColumn::Rate, "req/s", "number")}
                {sorted(EndpointColumn::Mean, "mean ms", "number col-most")}
                {sorted(EndpointColumn::P50, "p50 ms", "number col-more")}
                {sorted(EndpointColumn::P95, "p95 ms", "number")}
                {sorted(EndpointColumn::P99, "p99 ms", "number col-more")}
                <th scope="col" class="number col-most">{versus}</th>
                {sorted(EndpointColumn::Errors, "Errors", "number col-more")}
                {sorted(EndpointColumn::ErrorRate, "err %", "number")}
                <th scope="col" class="col-course">"Course"</th>
                {sorted(EndpointColumn::Impact, "Time lost", "col-lost")}
            </tr>
        </thead>
    }
}

#[component]
fn Row(
    row: EndpointRow,
    /// The most time that any row loses: the length of a full bar.
    most: f64,
    target_ms: f64,
    state: ApiState,
) -> impl IntoView {
    let href = use_href();
    let EndpointRow { stats, before, .. } = row;
    let name = EndpointName::of(&stats);
    let changes = choosing(Some(&name));
    let slow = judge_ms(stats.p95_ms, target_ms);
    let failing = ERROR_PERCENT.judge(Some(stats.error_rate));
    let share = if most > 0.0 { stats.time_lost_s_per_h / most * 100.0 } else { 0.0 };
    let course: Vec<Option<f64>> = stats.sparkline.iter().copied().map(Some).collect();
    let change = before.and_then(|before| Change::relative(stats.p95_ms, before.p95_ms));
    let is_chosen = maybe(move || state.chosen.with(|chosen| chosen.as_ref() == Some(&name)).then_some("true"));
    view! {
        <tr data-row data-severity=severity_key(slow.max(failing)) data-chosen=is_chosen>
            <th scope="row" class="endpoint">
                // The page scrolls up to the panel that opens.
                <a href=text(move || href(&changes)) aria-current=is_chosen data-row-open
                    title=format!("{} {}", stats.method, stats.route)>
                    <span class="method">{stats.method.clone()}</span>
                    {stats.route.clone()}
                </a>
            </th>
            <td class="col-service"><ServiceMark name=stats.service.clone() tint=tint(&stats.service) /></td>
            <td class="number col-more">{format_count(stats.requests)}</td>
            <td class="number">{amount(stats.rps)}</td>
            <td class="number col-most">{significant(stats.mean_ms)}</td>
            <td class="number col-more">{significant(stats.p50_ms)}</td>
            <td class="number" data-severity=severity_key(slow)>{significant(stats.p95_ms)}</td>
            <td class="number col-more">{significant(stats.p99_ms)}</td>
            <td class="number col-most"><ChangeText change /></td>
            <td class="number col-more">{format_count(stats.errors)}</td>
            <td class="number" data-severity=severity_key(failing)>{amount(stats.error_rate)}</td>
            <td class="col-course"><Sparkline values=course /></td>
            <td class="col-lost">
                <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">
                    <rect width=share height="10" />
                </svg>
                {format!("{} s/h", amount(stats.time_lost_s_per_h))}
            </td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_is_what_lies_above_the_target() {
        let judged = [100.0, 200.0, 300.0, 401.0].map(|ms| judge_ms(ms, 200.0));
        assert_eq!(judged, [Severity::Ok, Severity::Ok, Severity::Warning, Severity::Critical]);
    }
}
