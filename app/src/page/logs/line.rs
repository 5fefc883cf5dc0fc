//! One line, however old, with what its service wrote before and after it.

use std::sync::Arc;

use leptos::prelude::*;

use super::LoadedLine;
use crate::{
    browser::keys::{self, Focus},
    component::{
        awaited::Awaited,
        error_panel::ErrorPanel,
        icon::{Icon, IconName},
        log_view::{FieldFilter, JsonLine, LINE, LevelMark, LineLinks, LogState, fields},
        query::{use_href, use_query_param},
        reactive::{flag, part},
        skeleton::{Loading, SkeletonLines},
        time::{format_date_time, format_time, use_zone},
    },
    model::{LogContext, LogId, LogRecord},
};

/// The panel; nothing while no line is looked at.
#[component]
pub fn LinePanel(
    /// The line.
    loaded: LoadedLine,
    /// What the list shows.
    state: LogState,
    /// Lines on each side.
    around: RwSignal<u32>,
) -> impl IntoView {
    let (line, set_line) = use_query_param(LINE);
    let is_open = Memo::new(move |_| line.with(Option::is_some));
    let close = move || set_line.set(None);
    keys::on_key(move |press| {
        let closes = press.key == "Escape" && !press.in_overlay && press.focus != Focus::Field;
        let closes = closes && is_open.get_untracked();
        if closes {
            close();
        }
        closes
    });
    let pending = RwSignal::new(false);
    let busy = flag(move || pending.get());
    let body = move || {
        loaded.get().flatten().map(|(_, result)| match result {
            Ok(context) => view! { <LineBody context state around /> }.into_any(),
            Err(error) => view! { <ErrorPanel what="this line" error retry=move |()| loaded.refetch() /> }.into_any(),
        })
    };
    part(move || {
        if !is_open.get() {
            return ().into_any();
        }
        view! {
            <aside class="span-panel line-panel" aria-label="Selected line" aria-busy=busy>
                <header class="span-panel-head">
                    <h2>"Line"</h2>
                    <button type="button" class="icon-button" aria-label="Close" title="Close (Esc)" on:click=move |_| close()>
                        <Icon name=IconName::Close />
                    </button>
                </header>
                <Awaited
                    fallback=|| view! { <Loading what="the line" /> <SkeletonLines lines=10 /> }
                    pending
                >
                    {body}
                </Awaited>
            </aside>
        }
        .into_any()
    })
}

#[component]
fn LineBody(context: LogContext, state: LogState, around: RwSignal<u32>) -> impl IntoView {
    let LogContext { record, before, after } = context;
    let zone = use_zone();
    let at = record.timestamp.to_millis();
    let iso = record.timestamp.to_utc().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
    let lines = fields(&record);
    let narrow = Callback::new(move |by: FieldFilter| state.narrow(&by));
    let service = record.service.clone();
    let count = before.len() + after.len();
    let id = record.id;
    let record = Arc::new(record);
    let shown: Vec<Arc<LogRecord>> =
        before.into_iter().map(Arc::new).chain([Arc::clone(&record)]).chain(after.into_iter().map(Arc::new)).collect();
    let can_grow = move || around.get() < LogContext::MAX_LINES && count as u32 >= around.get();
    let more = move || {
        can_grow()
            .then(|| {
                view! {
                    <button type="button" class="link-button"
                        on:click=move |_| around.update(|lines| *lines = (*lines * 4).min(LogContext::MAX_LINES))>
                        "More lines"
                    </button>
                }
            })
            .into_any()
    };
    view! {
        <div class="line-body">
            <p class="line-head">
                <LevelMark level=record.level />
                <time datetime=iso.clone() title=iso>{move || format_date_time(at, zone.get())}</time>
                <b>{service.clone()}</b>
            </p>
            <p class="log-full-message">{record.message.clone()}</p>
            <LineLinks record=Arc::clone(&record) />
        </div>
        <section class="span-section" aria-labelledby="line-around">
            <h3 id="line-around">{format!("Before and after, {service}")}</h3>
            <ol class="context-lines">
                {shown.into_iter().map(|line| view! { <ContextLine is_this=line.id == id line /> }).collect_view()}
            </ol>
            {part(more)}
        </section>
        <section class="span-section" aria-labelledby="line-fields">
            <h3 id="line-fields">"Fields"</h3>
            <div class="json">
                {lines.into_iter().map(|field| view! { <JsonLine field narrow /> }).collect_view()}
            </div>
        </section>
    }
    .into_any()
}

/// One of the lines around; a click looks at it.
#[component]
fn ContextLine(is_this: bool, line: Arc<LogRecord>) -> impl IntoView {
    let zone = use_zone();
    let href = use_href();
    let at = line.timestamp.to_millis();
    let id: LogId = line.id;
    view! {
        <li class="context-line" data-level=line.level.key() data-this=is_this.then_some("")>
            <a data-noscroll href=move || href(&[(LINE, Some(id.to_string()))]) aria-current=is_this.then_some("true")
                title=line.message.clone()>
                <time>{move || format_time(at, zone.get())}</time>
                <span class="context-level" data-level=line.level.key()>{line.level.key().to_uppercase()}</span>
                <span class="context-message">{line.message.clone()}</span>
            </a>
        </li>
    }
    .into_any()
}
