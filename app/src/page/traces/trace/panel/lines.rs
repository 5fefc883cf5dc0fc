//! The log lines of a span.

use std::sync::Arc;

use leptos::prelude::*;

use super::super::{
    context::TraceContext,
    logs::{LineList, all_lines_href, span_lines_href},
};
use crate::model::{LogRecord, SpanId};

/// Log lines that name the span, and the way to all of the trace's.
#[component]
pub fn SpanLines(
    /// The trace.
    context: TraceContext,
    /// The span.
    span: SpanId,
) -> impl IntoView {
    let lines: Vec<Arc<LogRecord>> = context
        .known
        .with_value(|known| known.logs.iter().filter(|record| record.span_id == Some(span)).map(Arc::clone).collect());
    let count = lines.len();
    let href = all_lines_href(context);
    let of_span = (count > 0).then(|| {
        let href = span_lines_href(context, span);
        view! { <a href=href>"These lines in the logs →"</a>" · " }
    });
    let list = if count == 0 {
        view! { <p class="muted span-none">"No log line names this span"</p> }.into_any()
    } else {
        view! { <LineList context lines label="Log lines of this span" /> }.into_any()
    };
    view! {
        <section class="span-section" aria-labelledby="span-lines">
            <h3 id="span-lines">{format!("Log lines ({count})")}</h3>
            {list}
            <p class="span-none">{of_span}<a href=href>"All log lines of this trace →"</a></p>
        </section>
    }
    .into_any()
}
