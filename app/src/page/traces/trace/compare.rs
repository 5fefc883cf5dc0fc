//! The trace beside another one: where the time went here and there.

use leptos::{ev::SubmitEvent, prelude::*};

use super::{
    super::service::{ServiceMark, tint},
    context::TraceContext,
    state::{TAB, View},
};
use crate::{
    api::{ApiError, compare_traces},
    component::{
        age::Moment,
        choice::use_choice,
        error_panel::ErrorPanel,
        number::format_count,
        panel::Panel,
        query::{use_href, use_page_href},
        skeleton::{Loading, SkeletonLines},
        time::format_duration_ms,
    },
    model::{
        TraceComparison, TraceId, TraceSummary,
        comparison::{ComparedOperation, ComparedTrace, OperationSum},
    },
};

/// `?with=<trace id>`: the other trace.
const WITH: &str = "with";

/// The answer; none while another view is open.
pub type LoadedComparison = Resource<Option<Result<TraceComparison, ApiError>>>;

/// Asks when the comparison is open. It belongs to the page, as do all signals that follow the address.
pub fn use_comparison(id: Memo<String>, view: Memo<View>) -> LoadedComparison {
    let (with, _) = use_choice(WITH);
    let question = Memo::new(move |_| {
        let id = id.with(|id| id.parse::<TraceId>().ok()).filter(|_| view.get() == View::Compare)?;
        Some((id, with.get()))
    });
    Resource::new(
        move || question.get(),
        |question| async move {
            let (id, with) = question?;
            match with.map(|with| with.trim().parse::<TraceId>()) {
                None => Some(compare_traces(id, None).await),
                Some(Ok(other)) => Some(compare_traces(id, Some(other)).await),
                Some(Err(_)) => Some(Err(ApiError::invalid("with", "a trace id has 32 hexadecimal digits"))),
            }
        },
    )
}

/// Choosing the other trace, and the comparison.
#[component]
pub fn Compare(
    /// The trace.
    context: TraceContext,
    /// The answer.
    loaded: LoadedComparison,
) -> impl IntoView {
    let (with, set_with) = use_choice(WITH);
    let typed = RwSignal::new(String::new());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        set_with.set(Some(typed.get_untracked().trim().to_owned()));
    };
    let body = move || match loaded.get() {
        None | Some(None) => ().into_any(),
        Some(Some(Ok(comparison))) => view! { <Answer comparison duration_ns=context.duration_ns /> }.into_any(),
        Some(Some(Err(error))) => {
            view! { <ErrorPanel what="the comparison" error retry=move |()| loaded.refetch() /> }.into_any()
        }
    };
    let chosen = with.get_untracked().unwrap_or_default();
    view! {
        <Panel title="Compare with another trace" class="trace-compare">
            // Without JavaScript the browser sends it.
            <form class="compare-form" method="get" on:submit=submit>
                <input type="hidden" name=TAB value=View::Compare.key() />
                <label>
                    "Trace id"
                    <input class="input mono" name=WITH value=chosen autocomplete="off" spellcheck="false"
                        placeholder="4bf92f3577b34da6a3ce929d0e0e4736"
                        on:input:target=move |event| typed.set(event.target().value()) />
                </label>
                <button class="button">"Compare"</button>
            </form>
            <Transition fallback=|| {
                view! { <Loading what="the comparison" /> <SkeletonLines lines=8 /> }
            }>{body}</Transition>
        </Panel>
    }
    .into_any()
}

#[component]
fn Answer(comparison: TraceComparison, duration_ns: i64) -> impl IntoView {
    let href = use_href();
    let peer = move |(choice, peer): (crate::model::comparison::PeerChoice, TraceSummary)| {
        let (href, id) = (href.clone(), peer.trace_id.to_string());
        let target = move || href(&[(WITH, Some(id.clone()))]);
        view! {
            <li>
                <a data-noscroll href=target>{choice.label()}</a>
                <span class="mono">{format_duration_ms(peer.duration_ms())}</span>
                <span class="muted"><Moment at=peer.start.to_millis() /></span>
            </li>
        }
    };
    let peers = (!comparison.peers.is_empty()).then(|| {
        let lead =
            format!("Of {} traces of this operation within 12 hours:", format_count(comparison.peer_count.into()));
        view! {
            <div class="compare-peers">
                <p class="muted">{lead}</p>
                <ul>{comparison.peers.into_iter().map(peer).collect_view()}</ul>
            </div>
        }
    });
    let compared = comparison.other.map(|other| view! { <Compared other duration_ns /> });
    view! {
        {peers}
        {compared}
    }
    .into_any()
}

#[component]
fn Compared(other: ComparedTrace, duration_ns: i64) -> impl IntoView {
    let href = use_page_href();
    let ComparedTrace { summary, operations, left_out } = other;
    let address = format!("/monitoring/traces/{}", summary.trace_id);
    let longer = duration_ns.saturating_sub(summary.duration_ns);
    let verdict = format!(
        "This trace took {} and {} ",
        format_duration_ms(duration_ns as f64 / 1e6),
        match longer {
            0 => "exactly as long as".to_owned(),
            1.. => format!("was {} longer than", format_duration_ms(longer as f64 / 1e6)),
            _ => format!("was {} shorter than", format_duration_ms(-longer as f64 / 1e6)),
        }
    );
    let most = operations.iter().map(|one| one.difference_ns().unsigned_abs()).max().unwrap_or(1).max(1);
    let rows = operations.into_iter().map(|operation| row(operation, most)).collect_view();
    let rest = (left_out > 0).then(|| {
        view! { <p class="log-more">{format!("and {} more operations", format_count(left_out.into()))}</p> }
    });
    view! {
        <p class="compare-verdict">
            {verdict}
            <a href=move || href(&address)>{summary.trace_id.short()}</a>
            {format!(" ({}, {} spans, {} errors).", summary.operation, format_count(summary.spans.into()), summary.errors)}
        </p>
        <div class="table-scroll">
            <table class="table compare-table">
                <caption class="visually-hidden">"Operations of both traces, the largest difference first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Operation"</th>
                        <th scope="col" class="number">"Spans"</th>
                        <th scope="col" class="number">"Errors"</th>
                        <th scope="col" class="number">"Self time here"</th>
                        <th scope="col" class="number">"There"</th>
                        <th scope="col" class="number">"Difference"</th>
                        <th scope="col"><span class="visually-hidden">"Drawn"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {rest}
    }
    .into_any()
}

fn row(operation: ComparedOperation, most: u64) -> AnyView {
    let ms = |ns: i64| format_duration_ms(ns as f64 / 1e6);
    let difference = operation.difference_ns();
    let share = difference.unsigned_abs() as f64 / most as f64 * 50.0;
    let (x, class) = if difference >= 0 { (50.0, "compare-more") } else { (50.0 - share, "compare-less") };
    let only = match (operation.here.spans, operation.there.spans) {
        (_, 0) => Some("only here"),
        (0, _) => Some("only there"),
        _ => None,
    };
    let only = only.map(|only| view! { " " <span class="mark">{only}</span> });
    let (here, there) = (operation.here, operation.there);
    let tint = tint(&operation.service);
    view! {
        <tr>
            <td class="compare-name">
                <ServiceMark name=operation.service tint />
                " "
                <b>{operation.name}</b>
                {only}
            </td>
            <td class="number">{pair(here, there, |sum| sum.spans)}</td>
            <td class="number" class:map-bad=here.errors != there.errors>{pair(here, there, |sum| sum.errors)}</td>
            <td class="number">{ms(here.self_ns)}</td>
            <td class="number muted">{ms(there.self_ns)}</td>
            <td class="number">{signed(difference)}</td>
            <td class="compare-bars">
                <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">
                    <rect class=class x=format!("{x:.2}") width=format!("{share:.2}") height="10" />
                    <path d="M50 0V10" />
                </svg>
            </td>
        </tr>
    }
    .into_any()
}

/// A number of both sides; once when they agree.
fn pair(here: OperationSum, there: OperationSum, number: fn(&OperationSum) -> u32) -> String {
    let (here, there) = (number(&here), number(&there));
    let text = |number: u32| format_count(number.into());
    if here == there { text(here) } else { format!("{} / {}", text(here), text(there)) }
}

fn signed(difference_ns: i64) -> String {
    let text = format_duration_ms(difference_ns.unsigned_abs() as f64 / 1e6);
    match difference_ns {
        0 => "0".to_owned(),
        1.. => format!("+{text}"),
        _ => format!("−{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_told_where_they_differ() {
        let sum = |spans| OperationSum { spans, ..OperationSum::default() };
        assert_eq!(pair(sum(3), sum(3), |sum| sum.spans), "3");
        assert_eq!(pair(sum(1200), sum(3), |sum| sum.spans), "1,200 / 3");
        assert_eq!([signed(0), signed(2_000_000), signed(-2_000_000)], ["0", "+2 ms", "−2 ms"]);
    }
}
