//! The head of a trace's page: what it is, how long it took, and what to know when reading it.

use leptos::prelude::*;

use super::super::{
    service::{ServiceMark, tints},
    state::traces_href,
};
use crate::{
    component::{
        age::Moment,
        badge::Badge,
        copy::CopyButton,
        icon::{Icon, IconName},
        number::format_count,
        query::use_page_href,
        reactive::text,
        time::format_duration_ms,
    },
    model::{
        TraceFilter, TraceSummary,
        span::{ServiceShare, TraceFaults},
    },
};

/// Services that are named before the rest is only counted.
const SERVICES: usize = 12;

/// Root span, id, facts, services, faults.
#[component]
pub fn TraceHead(
    /// What the trace is.
    summary: TraceSummary,
    /// What may be wrong with how it was recorded.
    faults: TraceFaults,
) -> impl IntoView {
    let badge = if summary.errors > 0 {
        view! { <Badge icon=IconName::Close status="failed" label="Error" /> }
    } else {
        view! { <Badge icon=IconName::Check status="success" label="No errors" /> }
    };
    let duration = format_duration_ms(summary.duration_ms());
    let id = summary.trace_id.to_string();
    let notes = notes(&summary, faults);
    view! {
        <header class="trace-head">
            <div class="trace-title">
                {badge}
                <h2>{summary.operation.clone()}</h2>
                <span class="trace-id">
                    <span class="ellipsis">{id.clone()}</span>
                    <CopyButton what="trace id" text=id />
                </span>
            </div>
            <dl class="trace-facts">
                <Fact label="Duration" value=duration />
                <Fact label="Spans" value=format_count(summary.spans.into()) />
                <Fact label="Services" value=format_count(summary.services.len() as u64) />
                <Fact label="Errors" value=format_count(summary.errors.into()) is_bad={summary.errors > 0} />
                <div class="trace-fact">
                    <dt>"Started"</dt>
                    <dd><Moment at=summary.start.to_millis() /></dd>
                </div>
            </dl>
        </header>
        <ServiceList services=summary.services />
        {(!notes.is_empty()).then(|| view! {
            <p class="trace-notes">
                <Icon name=IconName::Warning />
                <span>{notes}</span>
            </p>
        })}
    }
    .into_any()
}

#[component]
fn Fact(label: &'static str, value: String, #[prop(optional)] is_bad: bool) -> impl IntoView {
    view! {
        <div class="trace-fact">
            <dt>{label}</dt>
            <dd class:bad=is_bad>{value}</dd>
        </div>
    }
    .into_any()
}

/// Who took part; each leads to its traces.
#[component]
fn ServiceList(services: Vec<ServiceShare>) -> impl IntoView {
    let names: Vec<String> = services.iter().map(|one| one.service.clone()).collect();
    let rest = services.len().saturating_sub(SERVICES);
    let href = use_page_href();
    let item = |(one, tint): (ServiceShare, &'static str)| {
        let target = traces_href(&TraceFilter { service: Some(one.service.clone()), ..TraceFilter::default() });
        let href = href.clone();
        let title = format!("Traces with {}", one.service);
        let failed = (one.errors > 0).then(|| {
            view! {
                <span class="error-count">
                    <Icon name=IconName::Close />
                    {format_count(one.errors.into())}
                    <span class="visually-hidden">" failed"</span>
                </span>
            }
        });
        view! {
            <li>
                <a href=text(move || href(&target)) title=title><ServiceMark name=one.service tint /></a>
                <span class="muted">{format_count(one.spans.into())}<span class="visually-hidden">" spans"</span></span>
                {failed}
            </li>
        }
    };
    view! {
        <ul class="trace-services" aria-label="Services">
            {services.into_iter().zip(tints(&names)).take(SERVICES).map(item).collect_view()}
            {(rest > 0).then(|| view! { <li class="muted">{format!("and {rest} more")}</li> })}
        </ul>
    }
    .into_any()
}

/// What to know when reading the trace, in sentences.
fn notes(summary: &TraceSummary, faults: TraceFaults) -> String {
    let spans =
        |count: u32| if count == 1 { "1 span".to_owned() } else { format!("{} spans", format_count(count.into())) };
    let mut notes = Vec::new();
    if !summary.has_root {
        notes.push("Its root span has not arrived.".to_owned());
    }
    if faults.orphans > 0 {
        notes.push(format!("{} named a parent that has not arrived.", spans(faults.orphans)));
    }
    if faults.skewed > 0 {
        let rest = if faults.skewed == 1 { "lies outside its" } else { "lie outside their" };
        let why = "a clock is off, or nobody waited for it";
        notes.push(format!("{} {rest} parent in time: {why}.", spans(faults.skewed)));
    }
    if faults.duplicates > 0 {
        let verb = if faults.duplicates == 1 { "was" } else { "were" };
        notes.push(format!("{} {verb} sent more than once and counted once.", spans(faults.duplicates)));
    }
    if faults.left_out > 0 {
        let verb = if faults.left_out == 1 { "is" } else { "are" };
        notes.push(format!("{} {verb} left out here: the trace is larger than a page shows.", spans(faults.left_out)));
    }
    notes.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{TraceId, UnixNanos};

    #[test]
    fn only_what_is_wrong_is_said() {
        let summary = TraceSummary {
            trace_id: TraceId([1; 16]),
            start: UnixNanos(0),
            duration_ns: 1,
            service: "a".into(),
            operation: "b".into(),
            has_root: true,
            spans: 2,
            errors: 0,
            services: Vec::new(),
        };
        assert_eq!(notes(&summary, TraceFaults::default()), "");
        let faults = TraceFaults { duplicates: 1, orphans: 2, skewed: 0, left_out: 0 };
        assert_eq!(
            notes(&summary, faults),
            "2 spans named a parent that has not arrived. 1 span was sent more than once and counted once."
        );
        let unrooted = TraceSummary { has_root: false, ..summary };
        assert_eq!(notes(&unrooted, TraceFaults::default()), "Its root span has not arrived.");
    }
}
