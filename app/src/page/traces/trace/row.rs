//! One row of the waterfall: a span, or a log line.

use leptos::{attr::custom::custom_attribute, prelude::*};

use super::{
    axis::Window,
    context::{Tick, TraceContext},
    tree::RowNumber,
};
use crate::{
    component::{
        icon::{Icon, IconName},
        log_view::{LevelMark, line_href},
        number::format_count,
        reactive::{flag, maybe, part, text},
        time::format_duration_ms,
        waterfall::{LabelPlace, label_place, percent},
    },
    model::{SpanKind, span::OutlineRow},
};

/// Width of a level of the indentation, and the most that are drawn.
const INDENT_PX: u16 = 12;
const MOST_INDENTS: u16 = 24;
/// Log lines that are marked on one bar.
const MOST_TICKS: usize = 40;

/// Id of a row's element.
pub fn row_id(number: RowNumber) -> String {
    format!("span-row-{number}")
}

/// A span: where it belongs, what it is called and when it was.
#[component]
pub fn SpanRow(
    /// The trace.
    context: TraceContext,
    /// Which row it is.
    number: RowNumber,
    /// Its place among the rows that show.
    index: Signal<usize>,
) -> impl IntoView {
    let tree = context.tree;
    let Some((row, service, name, tint)) = tree.with_untracked(|tree| {
        let row = *tree.row(number)?;
        Some((row, tree.service(&row).to_owned(), tree.name(&row).to_owned(), tree.tint(&row)))
    }) else {
        return ().into_any();
    };
    let is_selected = Memo::new(move |_| context.selected.get() == Some(number));
    let is_match = Memo::new(move |_| context.matches.with(|matches| matches.binary_search(&number).is_ok()));
    let tab_index = Signal::derive(move || {
        // A log line may stand before it.
        let is_first = number == 0;
        if context.current.get().or(context.selected.get()).map_or(is_first, |current| current == number) {
            "0"
        } else {
            "-1"
        }
    });
    // A row that is no longer drawn cannot be the one that the Tab key reaches.
    on_cleanup(move || {
        // All rows follow it: they must not hear of each row that goes.
        if context.current.try_get_untracked().flatten() == Some(number) {
            context.current.try_set(None);
        }
    });
    let title = format!("{service} {name}");
    let lane = part(move || {
        let window = context.window.get();
        let ticks = context.state.marks.get().ticks.then(|| {
            context.known.with_value(|known| known.ticks.get(&row.span_id).map(|ticks| draw_ticks(ticks, window)))
        });
        view! { {bar(row, window)} {ticks.flatten()} }.into_any()
    });
    view! {
        <li class="span-row" data-row id=row_id(number) {..custom_attribute("aria-level", (u32::from(row.depth) + 1).to_string())}
            aria-posinset=text(move || (index.get() + 1).to_string())
            aria-setsize=text(move || context.item_count().to_string())
            data-selected=maybe(move || is_selected.get().then_some(""))
            data-match=maybe(move || is_match.get().then_some(""))
            tabindex=tab_index
            on:focusin=move |_| context.current.set(Some(number))>
            // A click anywhere on the line does what the name's button does, so the line needs no role of its own.
            <div class="span-line" data-service-tint=tint on:click=move |_| context.select(number)>
                <div class="span-name">
                    {indent(row.depth)}
                    {fold_button(context, number, row)}
                    <button type="button" class="span-open" data-row-open tabindex="-1" title=title
                        aria-current=maybe(move || is_selected.get().then_some("true"))>
                        <i class="span-mark" aria-hidden="true"></i>
                        <span class="span-service">{service}</span>
                        <span class="span-operation">{name}</span>
                        {marks(row)}
                    </button>
                </div>
                <svg class="span-lane" height="27">{lane}</svg>
            </div>
        </li>
    }
    .into_any()
}

/// A log line, as far to the right as what is under its span. It leads to the line among those around it.
#[component]
pub fn LineRow(
    /// The trace.
    context: TraceContext,
    /// Its place among the lines of the trace.
    line: u32,
    /// Its place among the rows that show.
    index: Signal<usize>,
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
            aria-posinset=text(move || (index.get() + 1).to_string())
            aria-setsize=text(move || context.item_count().to_string())
            tabindex="-1">
            <a class="span-line span-log" data-row-open tabindex="-1" href=line_href(&record) title=title
                data-level=record.level.key()>
                {part(move || indent(depth.get()))}
                <span class="span-log-time">{offset}</span>
                <LevelMark level=record.level />
                <span class="span-log-message">{message}</span>
            </a>
        </li>
    }
    .into_any()
}

/// A guide for every level.
fn indent(depth: u16) -> AnyView {
    let levels = depth.min(MOST_INDENTS);
    let width = levels * INDENT_PX;
    let guide = |level: u16| format!("M{}.5 0v27", level * INDENT_PX + 7);
    let guides = (0..levels).map(guide).collect::<Vec<_>>().concat();
    view! {
        <svg class="span-indent" width=width height="27" aria-hidden="true" focusable="false"><path d=guides /></svg>
    }
    .into_any()
}

fn fold_button(context: TraceContext, number: RowNumber, row: OutlineRow) -> AnyView {
    if row.descendants == 0 {
        return view! { <span class="span-fold"></span> }.into_any();
    }
    let is_folded = Memo::new(move |_| context.tree.with(|tree| tree.is_folded(number)));
    let count = format_count(row.descendants.into());
    let label = format!("{count} span{} under this one", if row.descendants == 1 { "" } else { "s" });
    let toggle = move |event: leptos::ev::MouseEvent| {
        event.stop_propagation();
        let is_folded = is_folded.get_untracked();
        context.tree.update(|tree| {
            tree.set_folded(number, !is_folded);
        });
    };
    let hidden = move || is_folded.get().then(|| view! { <span class="span-hidden">{count.clone()}</span> }).into_any();
    view! {
        <button type="button" class="span-fold" tabindex="-1" aria-label=label.clone() title=label
            aria-expanded=flag(move || !is_folded.get()) on:click=toggle>
            <Icon name=IconName::ChevronRight />
            {part(hidden)}
        </button>
    }
    .into_any()
}

/// What is to know of a span at a glance, each with its word.
fn marks(row: OutlineRow) -> AnyView {
    let mark = |class: &'static str, icon: IconName, words: &'static str| {
        view! {
            <span class=class title=words><Icon name=icon /><span class="visually-hidden">{words}</span></span>
        }
    };
    let entry = match row.kind {
        SpanKind::Client | SpanKind::Producer => Some("outgoing"),
        SpanKind::Internal | SpanKind::Server | SpanKind::Consumer => None,
    };
    view! {
        {row.is_error.then(|| mark("span-bad", IconName::Close, "failed"))}
        {row.is_orphan.then(|| mark("span-odd", IconName::Link, "its parent has not arrived"))}
        {row.is_skewed.then(|| mark("span-odd", IconName::Warning, "lies outside its parent in time"))}
        {row.is_critical.then(|| view! { <span class="visually-hidden">"on the critical path"</span> })}
        {entry.map(|word| view! { <span class="visually-hidden">{word}</span> })}
    }
    .into_any()
}

/// The bar, what marks it, and its duration.
fn bar(row: OutlineRow, window: Window) -> AnyView {
    let (start, end) = (window.share(row.offset_ns), window.share(row.offset_ns.saturating_add(row.duration_ns)));
    if end < 0.0 || start > 1.0 {
        return ().into_any();
    }
    let (start, end) = (start.clamp(0.0, 1.0), end.clamp(0.0, 1.0));
    let (x, dx, anchor, class) = match label_place(start, end) {
        LabelPlace::Behind => (end, "6", "start", "span-label"),
        LabelPlace::Before => (start, "-6", "end", "span-label"),
        LabelPlace::Inside => (start, "6", "start", "span-label inside"),
    };
    let (left, width) = (percent(start), percent(end - start));
    let failed = row.is_error.then(|| {
        view! { <rect class="span-bar-bad" x=left.clone() width=width.clone() y="17" height="3" /> }
    });
    let critical = row.is_critical.then(|| {
        view! { <rect class="span-critical" x=left.clone() width=width.clone() y="22" height="2" /> }
    });
    view! {
        <rect class="span-bar" x=left.clone() width=width.clone() y="8" height="12" />
        // What took no time is two pixels wide.
        <rect class="span-bar" x=percent(start.min(0.997)) width="2" y="8" height="12" />
        {failed}
        {critical}
        <text class=class x=percent(x) dx=dx y="18" text-anchor=anchor>{format_duration_ms(row.duration_ns as f64 / 1e6)}</text>
    }
    .into_any()
}

/// A stroke on the bar for every log line.
fn draw_ticks(ticks: &[Tick], window: Window) -> AnyView {
    let tick = |(at_ns, level): &Tick| {
        let share = window.share(*at_ns);
        (0.0..=1.0).contains(&share).then(|| {
            let x = percent(share);
            view! { <line class="span-tick" data-level=level.key() x1=x.clone() x2=x y1="3" y2="12" /> }
        })
    };
    ticks.iter().filter_map(tick).take(MOST_TICKS).collect_view().into_any()
}
