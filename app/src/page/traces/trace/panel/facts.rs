//! What a span is, how it ended and how it compares.

use leptos::prelude::*;

use super::super::{super::state::traces_href, context::TraceContext};
use crate::{
    component::{
        badge::Badge,
        copy::CopyButton,
        icon::IconName,
        number::{format_count, significant},
        query::use_page_href,
        reactive::{part, text},
        time::{format_duration_ms, format_time, use_zone},
    },
    model::{Span, SpanStatus, TraceFilter, span::PeerStats},
};

const HOUR_MS: i64 = 3_600_000;

/// The facts of a span.
#[component]
pub fn Facts(
    /// The trace.
    context: TraceContext,
    /// The span.
    span: Span,
    /// How it compares.
    peers: Option<PeerStats>,
) -> impl IntoView {
    let zone = use_zone();
    let href = use_page_href();
    let status = match span.status {
        SpanStatus::Unset => view! { <Badge icon=IconName::Circle label="Unset" /> },
        SpanStatus::Ok => view! { <Badge icon=IconName::Check status="success" label="Ok" /> },
        SpanStatus::Error => view! { <Badge icon=IconName::Close status="failed" label="Error" /> },
    };
    let message = (!span.status_message.is_empty()).then(|| {
        view! { <span class="span-message" data-status=span.status.key()>{span.status_message.clone()}</span> }
    });
    let offset_ms = span.start.0.saturating_sub(context.known.with_value(|known| known.start).0) as f64 / 1e6;
    let sign = if offset_ms < 0.0 { "−" } else { "+" };
    let offset = format!("{sign}{}", format_duration_ms(offset_ms.abs()));
    let at = span.start.to_millis();
    let id = span.span_id;
    // Once its row is here.
    let self_time = part(move || {
        context.loaded.track();
        let row = context.tree.with_untracked(|tree| tree.find(id).and_then(|number| tree.row(number).copied()));
        row.map(|row| {
            let share = if row.duration_ns > 0 { row.self_ns as f64 / row.duration_ns as f64 * 100.0 } else { 100.0 };
            view! {
                <Fact label="Self time">
                    {format_duration_ms(row.self_ns as f64 / 1e6)}
                    " "
                    <span class="muted">{format!("{} % of it", significant(share))}</span>
                </Fact>
            }
        })
        .into_any()
    });
    // Not tracked: what changes the address closes the panel.
    let alike = untrack(|| {
        href(&traces_href(&TraceFilter {
            service: Some(span.service.clone()),
            operation: Some(span.name.clone()),
            ..TraceFilter::default()
        }))
    });
    let kind = span.kind.key();
    view! {
        <dl class="span-facts">
            <Fact label="Duration">
                <b>{format_duration_ms(span.duration_ns as f64 / 1e6)}</b>
                {peers.map(|peers| view! { " " <span class="muted">{compare(&peers)}</span> })}
            </Fact>
            {self_time}
            <Fact label="Status">{status} " " {message}</Fact>
            <Fact label="Start">
                {offset} " " <span class="muted">{text(move || format_time(at, zone.get()))}</span>
            </Fact>
            <Fact label="Service">{span.service.clone()}</Fact>
            <Fact label="Operation">
                {span.name.clone()}
                " "
                <a href=alike>"traces with it"</a>
            </Fact>
            <Fact label="Kind">{kind}</Fact>
            {(!span.scope.is_empty()).then(|| view! { <Fact label="Made by">{span.scope.clone()}</Fact> })}
            <Fact label="Span id">
                {id.to_string()}
                <CopyButton what="span id" text=id.to_string() />
            </Fact>
        </dl>
    }
    .into_any()
}

#[component]
fn Fact(label: &'static str, children: Children) -> impl IntoView {
    view! { <dt>{label}</dt><dd>{children()}</dd> }.into_any()
}

/// How a span compares with those like it, in a sentence.
fn compare(peers: &PeerStats) -> String {
    let range = match (peers.range.duration_ms() + HOUR_MS / 2) / HOUR_MS {
        0 => "in the time before".to_owned(),
        1 => "in the hour before".to_owned(),
        hours => format!("in the {hours} hours before"),
    };
    let spans = if peers.count == 1 { "the 1 span".to_owned() } else { format!("{} spans", format_count(peers.count)) };
    format!(
        "longer than {} % of {spans} like it {range}; median {}, p95 {}, p99 {}",
        significant(peers.percentile),
        format_duration_ms(peers.p50_ms),
        format_duration_ms(peers.p95_ms),
        format_duration_ms(peers.p99_ms)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{TimeRange, UnixMillis};

    #[test]
    fn a_span_is_compared_in_a_sentence() {
        let peers = PeerStats {
            count: 1204,
            percentile: 97.2,
            p50_ms: 14.0,
            p95_ms: 38.0,
            p99_ms: 1400.0,
            range: TimeRange { from: UnixMillis(0), to: UnixMillis(6 * HOUR_MS) },
        };
        assert_eq!(
            compare(&peers),
            "longer than 97 % of 1,204 spans like it in the 6 hours before; median 14 ms, p95 38 ms, p99 1.40 s"
        );
    }
}
