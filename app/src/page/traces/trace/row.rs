//! One row of the waterfall: a span, or a log line.

use leptos::{attr::custom::custom_attribute, prelude::*};

use super::{
    context::TraceContext,
    row_markup::{SpanLine, indent_px, lane},
    tree::RowNumber,
};
use crate::{
    browser::rows::RowMarks,
    component::{
        log_view::{LevelMark, line_href},
        markup::Markup,
        reactive::text,
        time::format_duration_ms,
    },
    model::span::OutlineRow,
};

const ROW_ID: &str = "span-row-";

/// Id of a row's element.
pub fn row_id(number: RowNumber) -> String {
    format!("{ROW_ID}{number}")
}

/// The row whose element has this id.
pub fn number_in(id: &str) -> Option<RowNumber> {
    id.strip_prefix(ROW_ID)?.parse().ok()
}

/// How the row of a span is marked: the list marks all drawn rows when that changes.
pub fn marks_of(context: TraceContext, number: RowNumber) -> RowMarks {
    RowMarks {
        is_selected: context.selected.get() == Some(number),
        is_match: context.matches.with(|matches| matches.binary_search(&number).is_ok()),
        is_expanded: context.tree.with(|tree| !tree.is_folded(number)),
    }
}

/// A span: where it belongs, what it is called and when it was. It follows no signal by itself: the list marks its rows.
#[component]
pub fn SpanRow(
    /// The trace.
    context: TraceContext,
    /// Which row it is.
    number: RowNumber,
    /// Its place among the rows that show, when it is drawn.
    index: usize,
) -> impl IntoView {
    let tree = context.tree;
    let Some((row, service, name, tint)) = tree.with_untracked(|tree| {
        let row = *tree.row(number)?;
        Some((row, tree.service(&row).to_owned(), tree.name(&row).to_owned(), tree.tint(&row)))
    }) else {
        return ().into_any();
    };
    let marks_now = untrack(|| marks_of(context, number));
    // A log line may stand before the first span.
    let reader = context.current.get_untracked().or(context.selected.get_untracked());
    let has_tab_stop = reader.map_or(number == 0, |reader| reader == number);
    // Who scrolls a row away is no longer there.
    on_cleanup(move || {
        if context.current.try_get_untracked().flatten() == Some(number) {
            context.current.try_set(None);
        }
    });
    let line = SpanLine {
        row,
        service: &service,
        name: &name,
        tint,
        is_selected: marks_now.is_selected,
        is_expanded: marks_now.is_expanded,
    };
    let html = line.html(&untrack(|| lane_of(context, &row)));
    // A click anywhere on the line does what the name's button does, so the line needs no role of its own.
    view! {
        <li class="span-row" data-row id=row_id(number) {..custom_attribute("aria-level", (u32::from(row.depth) + 1).to_string())}
            aria-posinset=(index + 1).to_string()
            aria-setsize=untrack(|| context.item_count()).to_string()
            data-selected=marks_now.is_selected.then_some("")
            data-match=marks_now.is_match.then_some("")
            tabindex=if has_tab_stop { "0" } else { "-1" }
            inner_html=html>
        </li>
    }
    .into_any()
}

/// What stands in the lane of a span; the list draws it anew when that changes.
pub fn lane_of(context: TraceContext, row: &OutlineRow) -> Markup {
    let with_ticks = context.state.marks.get().ticks;
    let window = context.window.get();
    context.known.with_value(|known| {
        let ticks = known.ticks.get(&row.span_id).filter(|_| with_ticks);
        lane(row, window, ticks.map_or(&[], Vec::as_slice))
    })
}

/// A log line, as far to the right as what is under its span. It leads to the line among those around it.
#[component]
pub fn LineRow(
    /// The trace.
    context: TraceContext,
    /// Its place among the lines of the trace.
    line: u32,
    /// Its place among the rows that show, when it is drawn.
    index: usize,
) -> impl IntoView {
    let found = context.known.with_value(|known| Some((known.logs.get(line as usize)?.clone(), known.start)));
    let Some((record, start)) = found else { return ().into_any() };
    let span = record.span_id;
    // Its span may come after it.
    let depth = Memo::new(move |_| {
        context.loaded.track();
        let depth = |span| context.tree.with_untracked(|tree| Some(tree.row(tree.find(span)?)?.depth + 1));
        span.and_then(depth).unwrap_or_default()
    });
    let offset_ms = record.timestamp.0.saturating_sub(start.0) as f64 / 1e6;
    let sign = if offset_ms < 0.0 { "−" } else { "+" };
    let offset = format!("{sign}{}", format_duration_ms(offset_ms.abs()));
    let (message, title) = (record.message.clone(), record.message.clone());
    view! {
        <li class="span-row" data-row {..custom_attribute("aria-level", move || (u32::from(depth.get()) + 1).to_string())}
            aria-posinset=(index + 1).to_string()
            aria-setsize=untrack(|| context.item_count()).to_string()
            tabindex="-1">
            <a class="span-line span-log" data-row-open tabindex="-1" href=line_href(&record) title=title
                data-level=record.level.key()>
                <svg class="span-indent" width=text(move || indent_px(depth.get())) height="27" aria-hidden="true"></svg>
                <span class="span-log-time">{offset}</span>
                <LevelMark level=record.level />
                <span class="span-log-message">{message}</span>
            </a>
        </li>
    }
    .into_any()
}
