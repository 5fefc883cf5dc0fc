//! One log line, and what it shows when it is expanded.

use std::sync::Arc;

use leptos::{html, prelude::*};
use leptos_router::{components::A, hooks::use_location};

use super::{
    fields::{self, Field, FieldFilter},
    state::{LINE, LOGS_PATH, line_href, logs_href},
};
use crate::{
    browser::{dom, geometry},
    component::{
        copy::CopyButton,
        icon::{Icon, IconName},
        query::{use_href, use_page_href},
        time::{format_date_time, format_time, use_zone},
        virtual_list::Expanded,
    },
    live::list::RowKey,
    model::{Level, LogCondition, LogFilter, LogRecord, LogTerm, TraceId, log_pattern::pattern_of},
};

/// Until an expanded row is measured, in pixels.
const DETAIL_PX: f64 = 220.0;

/// What the lines of a view have in common.
#[derive(Clone, Copy)]
pub struct LineContext {
    /// Narrows the view by a field.
    pub narrow: Callback<FieldFilter>,
    /// Which rows are expanded.
    pub expanded: Expanded<RowKey>,
    /// How many rows there are, drawn or not.
    pub count: Signal<usize>,
    /// Whether lines show their date too.
    pub with_date: bool,
}

impl LineContext {
    fn set_expanded(self, key: RowKey, open: bool) {
        self.expanded.update(|expanded| {
            if open {
                expanded.entry(key).or_insert(DETAIL_PX);
            } else {
                expanded.remove(&key);
            }
        });
    }
}

/// A log line; a click or Enter shows its fields.
#[component]
pub fn LogLine(
    /// The record.
    record: Arc<LogRecord>,
    /// Its place among the rows when it is drawn.
    index: usize,
    /// What all lines share.
    context: LineContext,
) -> impl IntoView {
    let key = RowKey::of(&record);
    let level = record.level;
    let is_open = Memo::new(move |_| context.expanded.with(|expanded| expanded.contains_key(&key)));
    let toggle = move || context.set_expanded(key, !is_open.get_untracked());
    let on_key = move |event: leptos::ev::KeyboardEvent| match event.key().as_str() {
        "]" => context.set_expanded(key, true),
        "[" => context.set_expanded(key, false),
        "Escape" if is_open.get_untracked() => context.set_expanded(key, false),
        _ => {}
    };
    let trace = record.trace_id.map(|trace_id| view! { <TraceBadge trace_id narrow=context.narrow /> });
    let service = record.service.clone();
    let message = record.message.clone();
    let preview = fields::preview(&record);
    let timestamp = record.timestamp.to_millis();
    let zone = use_zone();
    let with_date = context.with_date;
    let time = move || {
        let zone = zone.get();
        let time = format_time(timestamp, zone);
        if with_date { format!("{} {time}", &format_date_time(timestamp, zone)[5..10]) } else { time }
    };
    let iso = record.timestamp.to_utc().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);

    view! {
        <li
            class="log-row"
            data-row
            data-level=level.key()
            data-open=move || is_open.get().then_some("")
            aria-posinset=(index + 1).to_string()
            aria-setsize=context.count.get_untracked().to_string()
            tabindex=if index == 0 { "0" } else { "-1" }
            on:keydown=on_key
        >
            // A click anywhere on the line does what its first button does, so the line needs no role of its own.
            <div class="log-line" class:with-date=with_date on:click=move |_| toggle()>
                <button
                    type="button"
                    class="log-toggle"
                    data-row-open
                    tabindex="-1"
                    aria-label="Fields"
                    aria-expanded=move || is_open.get().to_string()
                    on:click=move |event| {
                        event.stop_propagation();
                        toggle();
                    }
                >
                    <Icon name=IconName::ChevronRight />
                </button>
                <time class="log-time" datetime=iso.clone() title=iso>{time}</time>
                <LevelMark level />
                <span class="log-service" title=service.clone()>{service.clone()}</span>
                <span class="log-message">
                    {message}
                    <span class="log-preview">{preview}</span>
                </span>
                {trace}
            </div>
            {move || {
                let record = Arc::clone(&record);
                is_open.get().then(|| view! { <LogDetail record context /> })
            }}
        </li>
    }
}

/// Level as icon, text and colour.
#[component]
pub fn LevelMark(
    /// The level.
    level: Level,
) -> impl IntoView {
    let icon = match level {
        Level::Trace | Level::Debug => IconName::Dash,
        Level::Info => IconName::Circle,
        Level::Warn => IconName::Warning,
        Level::Error | Level::Fatal => IconName::Close,
    };
    view! { <span class="log-level" data-level=level.key()><Icon name=icon />{level.key().to_uppercase()}</span> }
}

/// The first digits of the trace id. The Tab key passes it by: the row's fields have the same filter, and a list of
/// thousands of stops helps nobody.
#[component]
fn TraceBadge(trace_id: TraceId, narrow: Callback<FieldFilter>) -> impl IntoView {
    let short = trace_id.short();
    view! {
        <button
            type="button"
            class="trace-badge"
            tabindex="-1"
            aria-label=format!("Filter by trace {short}")
            title=format!("Filter by trace {trace_id}")
            on:click=move |event| {
                event.stop_propagation();
                narrow.run(FieldFilter::Trace(trace_id));
            }
        >
            {short.clone()}
        </button>
    }
}

/// All fields of a record as JSON, each with what it can do.
#[component]
fn LogDetail(record: Arc<LogRecord>, context: LineContext) -> impl IntoView {
    let key = RowKey::of(&record);
    let node = NodeRef::<html::Div>::new();
    Effect::new(move |_| {
        let Some(element) = node.get() else { return };
        geometry::watch_height(&element, move |height| {
            context.expanded.update(|expanded| {
                if let Some(known) = expanded.get_mut(&key) {
                    *known = height;
                }
            });
        });
    });
    let lines = fields::fields(&record);
    view! {
        <div class="log-detail" node_ref=node>
            <p class="log-full-message">{record.message.clone()}</p>
            <LineLinks record with_context=true />
            <div class="json">
                {lines.into_iter().map(|field| view! { <JsonLine field narrow=context.narrow /> }).collect_view()}
            </div>
        </div>
    }
}

/// Where a line leads, and what can be copied of it.
#[component]
pub fn LineLinks(
    /// The line.
    record: Arc<LogRecord>,
    /// Whether it leads to the lines before and after it.
    #[prop(optional)]
    with_context: bool,
) -> impl IntoView {
    let trace = record.trace_id.map(|trace_id| {
        let pipeline = fields::is_of_pipeline(&record).then(|| {
            view! {
                <A href=format!("/monitoring/pipelines/{}", trace_id.as_uuid()) attr:class="button">
                    <Icon name=IconName::Open />
                    "Open pipeline"
                </A>
            }
        });
        let span = record.span_id.map(|span_id| format!("?span={span_id}")).unwrap_or_default();
        view! {
            <A href=format!("/monitoring/traces/{trace_id}{span}") attr:class="button">
                <Icon name=IconName::Open />
                "Open trace"
            </A>
            {pipeline}
            <CopyButton what="trace id" text=trace_id.to_string() labelled=true />
        }
    });
    let page_href = use_page_href();
    let like_it = LogTerm::wants(LogCondition::Pattern(pattern_of(&record.message)));
    let like_it = logs_href(&LogFilter { search: Some(like_it.to_string()), ..LogFilter::default() }, None);
    let (path, here) = (use_location().pathname, use_href());
    let id = record.id.to_string();
    let permalink = line_href(&record);
    // On the page of log lines everything else stays as it is.
    let context_href = {
        let permalink = permalink.clone();
        move || {
            if path.get() == LOGS_PATH { here(&[(LINE, Some(id.clone()))]) } else { permalink.clone() }
        }
    };
    let context = with_context.then(|| {
        view! {
            <A href=context_href attr:class="button" attr:data-noscroll="">
                <Icon name=IconName::Logs />
                "Lines around it"
            </A>
        }
    });
    let link = format!("{}{permalink}", dom::origin().unwrap_or_default());
    view! {
        <div class="log-actions">
            {trace}
            {context}
            <A href=move || page_href(&like_it) attr:class="button">
                <Icon name=IconName::Filter />
                "All like it"
            </A>
            <CopyButton what="link" text=link labelled=true />
            <CopyButton what="JSON" text=fields::pretty(&record) labelled=true />
            <CopyButton what="message" text=record.message.clone() labelled=true />
        </div>
    }
    .into_any()
}

/// One field as JSON, with what it filters by.
#[component]
pub fn JsonLine(
    /// The field.
    field: Field,
    /// Narrows the view.
    narrow: Callback<FieldFilter>,
) -> impl IntoView {
    let Field { depth, name, text, kind, filter } = field;
    let label = name.clone().unwrap_or_default();
    let name = name.map(|name| {
        view! {
            <span class="json-name">{serde_json::Value::String(name).to_string()}</span>
            ": "
        }
    });
    let button = move |hint: String, icon: IconName, filter: FieldFilter| {
        view! {
            <button
                type="button"
                class="icon-button json-filter"
                aria-label=hint.clone()
                title=hint
                on:click=move |_| narrow.run(filter.clone())
            >
                <Icon name=icon />
            </button>
        }
    };
    let buttons = filter.map(|filter| {
        let opposite = filter.opposite();
        view! {
            {button(format!("Filter by {label}"), IconName::Filter, filter)}
            {button(format!("Filter out {label}"), IconName::Dash, opposite)}
        }
    });
    view! {
        <div class="json-line" data-depth=depth.to_string()>
            {name}
            <span class="json-value" data-kind=kind.key()>{text}</span>
            {buttons}
        </div>
    }
}
