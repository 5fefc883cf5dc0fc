//! The rows of the list.

use leptos::prelude::*;

use super::{
    rows::TraceRows,
    service::{ServiceMark, tint},
};
use crate::{
    component::{
        icon::{Icon, IconName},
        number::format_count,
        query::use_page_href,
        reactive::text,
        time::{format_date_time, format_duration_ms, format_time, use_zone},
    },
    model::{TraceSummary, span::ServiceShare},
};

/// Services that are named in a row.
const SERVICES: usize = 4;

/// Traces as a table, in the order that was asked for.
#[component]
pub fn TraceTable(
    /// The rows.
    rows: RwSignal<TraceRows>,
    /// Whether rows show their date too.
    with_date: bool,
) -> impl IntoView {
    let longest = Memo::new(move |_| rows.with(TraceRows::longest_ns));
    view! {
        <div class="table-scroll">
            <table class="table trace-table">
                <caption class="visually-hidden">"Traces"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Started"</th>
                        <th scope="col">"Trace"</th>
                        <th scope="col">"Services"</th>
                        <th scope="col" class="number">"Duration"</th>
                        <th scope="col" class="number">"Spans"</th>
                        <th scope="col" class="number">"Errors"</th>
                    </tr>
                </thead>
                <tbody>
                    <For
                        each=move || rows.with(|rows| rows.shown.clone())
                        key=|row| row.trace_id
                        children=move |row| view! { <TraceRow row longest with_date /> }
                    />
                </tbody>
            </table>
        </div>
    }
    .into_any()
}

#[component]
fn TraceRow(row: TraceSummary, longest: Memo<i64>, with_date: bool) -> impl IntoView {
    let zone = use_zone();
    let href = use_page_href();
    let target = format!("/monitoring/traces/{}", row.trace_id);
    let started = row.start.to_millis();
    let iso = row.start.to_utc().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
    let time = text(move || {
        let zone = zone.get();
        if with_date { format_date_time(started, zone)[5..].to_owned() } else { format_time(started, zone) }
    });
    let name = format!("{} {}", row.service, row.operation);
    let share = text(move || format!("{:.2}", row.duration_ns as f64 / longest.get() as f64 * 100.0));
    let unrooted = (!row.has_root).then(|| {
        view! { " " <span class="mark" title="Its root span has not arrived: this is its earliest span">"no root yet"</span> }
    });
    let errors = if row.errors > 0 {
        view! {
            <span class="error-count">
                <Icon name=IconName::Close />
                {format_count(row.errors.into())}
            </span>
        }
        .into_any()
    } else {
        view! { <span class="muted">"0"</span> }.into_any()
    };
    view! {
        <tr data-row>
            <td class="cell-started"><time datetime=iso.clone() title=iso>{time}</time></td>
            <td class="cell-title">
                <a href=text(move || href(&target)) title=name.clone()>
                    <ServiceMark name=row.service.clone() tint=tint(&row.service) />
                    " "
                    <b>{row.operation.clone()}</b>
                    {unrooted}
                </a>
            </td>
            <td class="cell-services">{services(row.services)}</td>
            <td class="cell-duration number">
                <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">
                    <rect width=share height="10" />
                </svg>
                <span class="cell-length">{format_duration_ms(row.duration_ns as f64 / 1e6)}</span>
            </td>
            <td class="cell-spans number">
                {format_count(row.spans.into())}
                <span class="cell-unit">{if row.spans == 1 { " span" } else { " spans" }}</span>
            </td>
            <td class="cell-errors number">{errors}</td>
        </tr>
    }
    .into_any()
}

/// The services that took part, as small labels.
fn services(services: Vec<ServiceShare>) -> AnyView {
    let rest = services.len().saturating_sub(SERVICES);
    let label = |one: ServiceShare| {
        let tint = tint(&one.service);
        let plural = |count: u32| if count == 1 { "" } else { "s" };
        let title = format!(
            "{}: {} span{}, {} error{}",
            one.service,
            format_count(one.spans.into()),
            plural(one.spans),
            format_count(one.errors.into()),
            plural(one.errors)
        );
        let failed = (one.errors > 0).then(|| {
            view! { <span class="error-count"><Icon name=IconName::Close /><span class="visually-hidden">"with errors"</span></span> }
        });
        view! {
            <li title=title>
                <ServiceMark name=one.service tint />
                {failed}
            </li>
        }
    };
    view! {
        <ul class="service-labels">
            {services.into_iter().take(SERVICES).map(label).collect_view()}
            {(rest > 0).then(|| view! { <li class="muted">{format!("+{rest}")}</li> })}
        </ul>
    }
    .into_any()
}
