//! Log lines of a trace.

use std::{collections::HashMap, sync::Arc};

use leptos::{html, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::context::TraceContext;
use crate::{
    component::{
        log_view::{FieldFilter, LineContext, LogLine, logs_href},
        number::format_count,
        panel::Panel,
        virtual_list::{Rows, VirtualList},
    },
    live::list::RowKey,
    model::{LogCondition, LogFilter, LogRecord, LogTerm, RangeSpec, SpanId, TraceDetail, UnixMillis},
};

/// Around a trace, where its lines are looked for.
const MARGIN_MS: i64 = 15 * 60_000;

/// The range in which the trace's lines lie, with room for clocks and for what follows.
fn lines_range(context: TraceContext) -> String {
    let start = context.known.with_value(|known| known.start).to_millis();
    let from = start.0 - MARGIN_MS;
    let to = start.0 + context.duration_ns / 1_000_000 + MARGIN_MS;
    let to = to.min(from.max(0) + RangeSpec::LONGEST_MS);
    RangeSpec::Fixed(UnixMillis(from.max(0)), UnixMillis(to)).to_string()
}

fn trace_filter(context: TraceContext) -> LogFilter {
    LogFilter { trace_id: Some(context.known.with_value(|known| known.id)), ..LogFilter::default() }
}

/// The page of log lines, narrowed to the trace.
pub fn all_lines_href(context: TraceContext) -> String {
    logs_href(&trace_filter(context), Some(&lines_range(context)))
}

/// The page of log lines, narrowed to one span of the trace.
pub fn span_lines_href(context: TraceContext, span: SpanId) -> String {
    let term = LogTerm::wants(LogCondition::Span(Some(span)));
    let filter = LogFilter { search: Some(term.to_string()), ..trace_filter(context) };
    logs_href(&filter, Some(&lines_range(context)))
}

/// Log lines, oldest first. A filter of a field leads to the page of log lines.
#[component]
pub fn LineList(
    /// The trace.
    context: TraceContext,
    /// The lines.
    lines: Vec<Arc<LogRecord>>,
    /// What they are, for screen readers.
    label: &'static str,
) -> impl IntoView {
    let navigate = use_navigate();
    let count = lines.len();
    let lines = StoredValue::new(lines);
    let expanded = RwSignal::new(HashMap::new());
    let line = LineContext {
        narrow: Callback::new(move |by: FieldFilter| {
            let mut filter = trace_filter(context);
            by.apply(&mut filter);
            navigate(&logs_href(&filter, Some(&lines_range(context))), NavigateOptions::default());
        }),
        expanded,
        count: Signal::stored(count),
        with_date: false,
    };
    let place_of = move |key: RowKey| lines.with_value(|lines| lines.iter().position(|line| RowKey::of(line) == key));
    let rows = Rows {
        count: Signal::stored(count),
        row: Callback::new(move |index: usize| lines.with_value(|lines| lines.get(index).cloned())),
        key: |record: &Arc<LogRecord>| RowKey::of(record),
        index_of: Callback::new(place_of),
        expanded,
    };
    let scroller = NodeRef::<html::Div>::new();
    let draw = move |index: usize, record: Arc<LogRecord>| view! { <LogLine record index context=line /> };
    view! {
        <div class="log-view">
            <VirtualList
                label
                role="log"
                rows
                view=draw
                scroller
                is_away=RwSignal::new(false)
                near_end=Callback::new(|()| ())
            />
        </div>
    }
    .into_any()
}

/// All log lines of the trace.
#[component]
pub fn TraceLines(
    /// The trace.
    context: TraceContext,
    /// Whether there are more than are here.
    has_more: bool,
) -> impl IntoView {
    let lines = context.known.with_value(|known| known.logs.clone());
    let count = lines.len();
    let more = if has_more {
        format!(", the first {}", format_count(u64::from(TraceDetail::MAX_LOGS)))
    } else {
        String::new()
    };
    let subtitle =
        format!("{} line{}, oldest first{more}", format_count(count as u64), if count == 1 { "" } else { "s" });
    let href = all_lines_href(context);
    let list = if count == 0 {
        view! { <p class="log-more">"No log line carries this trace id"</p> }.into_any()
    } else {
        view! { <LineList context lines label="Log lines of this trace" /> }.into_any()
    };
    view! {
        <Panel
            title="Logs"
            class="trace-lines"
            subtitle=Signal::stored(subtitle)
            actions=move || view! { <a href=href.clone()>"all lines of this trace →"</a> }
        >
            {list}
        </Panel>
    }
    .into_any()
}
