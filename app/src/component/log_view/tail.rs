//! Log lines as a live list: a page of history, what comes after it, and what is asked for below it.

use leptos::{html, prelude::*, task::spawn_local};

use super::{
    line::{LineContext, LogLine},
    state::LogState,
};
use crate::{
    api::{ApiError, list_logs},
    browser::{event_stream::after_delay, geometry},
    component::{
        empty::{Empty, EmptyKind},
        error_panel::ErrorPanel,
        icon::{Icon, IconName},
        number::format_count,
        time::{format_date_time, use_zone},
        virtual_list::{Rows, VirtualList},
    },
    live::{
        LiveState,
        list::{LogList, LogRow, RowKey},
        use_live,
    },
    model::{LogFilter, LogId, LogPage, LogQuery, RangeSpec, UnixNanos},
};

/// New lines wait for so long after the pointer last moved over the list: nothing moves away under a click.
const POINTER_REST: std::time::Duration = std::time::Duration::from_millis(1500);
/// Ranges longer than this show dates.
const DATE_FROM_S: u32 = 43_200;

/// A list and what keeps it up to date.
#[derive(Clone, Copy)]
struct Tail {
    list: RwSignal<LogList>,
    /// What has to be asked for to get older lines.
    older: RwSignal<Option<LogQuery>>,
    /// Where the search has ended before its page was full.
    searched_to: RwSignal<Option<UnixNanos>>,
    loading: RwSignal<bool>,
    failure: RwSignal<Option<ApiError>>,
    query: StoredValue<LogQuery>,
}

impl Tail {
    fn new(query: LogQuery, page: LogPage, capacity: usize) -> Self {
        let older = page.next_cursor.map(|cursor| LogQuery { cursor: Some(cursor), ..query.clone() });
        Self {
            list: RwSignal::new(LogList::new(page.logs, capacity)),
            older: RwSignal::new(older),
            searched_to: RwSignal::new(page.searched_to),
            loading: RwSignal::new(false),
            failure: RwSignal::new(None),
            query: StoredValue::new(query),
        }
    }

    /// What to ask for to get the lines below the last one, if there may be any and they fit.
    fn next_query(self) -> Option<LogQuery> {
        self.list.with(|list| {
            if list.is_full() {
                return None;
            }
            let range = list.older_range(RangeSpec::LONGEST_MS);
            range.map_or_else(
                || self.older.get(),
                |range| Some(LogQuery { range, cursor: None, ..self.query.get_value() }),
            )
        })
    }

    fn load_older(self) {
        let Some(query) = untrack(|| self.next_query()).filter(|_| !self.loading.get_untracked()) else { return };
        self.loading.set(true);
        spawn_local(async move {
            match list_logs(query.clone()).await {
                Ok(page) => {
                    self.searched_to.try_set(page.searched_to);
                    self.older.try_set(page.next_cursor.map(|cursor| LogQuery { cursor: Some(cursor), ..query }));
                    self.list.try_update(|list| list.insert_history(page.logs));
                    self.failure.try_set(None);
                }
                Err(error) => {
                    self.failure.try_set(Some(error));
                }
            }
            self.loading.try_set(false);
        });
    }

    fn load_missed(self, marker: RowKey) {
        let query = self.query.get_value();
        let range = self.list.with_untracked(|list| list.hole(marker)).unwrap_or(query.range);
        let query = LogQuery { range, limit: LogQuery::MAX_LIMIT, cursor: None, ..query };
        spawn_local(async move {
            match list_logs(query).await {
                Ok(page) => {
                    self.list.try_update(|list| list.fill(marker, page.logs));
                    self.failure.try_set(None);
                }
                Err(error) => {
                    self.failure.try_set(Some(error));
                }
            }
        });
    }
}

/// The lines of one query, and those that come.
#[component]
pub fn LogTail(
    /// What was asked.
    query: LogQuery,
    /// The answer.
    page: LogPage,
    /// What the address says.
    state: LogState,
    /// How many matching lines have come since.
    arrived: RwSignal<u64>,
    /// Leads from a fixed range to the present.
    go_live: Callback<()>,
    /// How many lines to keep.
    #[prop(default = LogList::CAPACITY)]
    capacity: usize,
    /// Whether older lines can be asked for.
    #[prop(default = true)]
    with_older: bool,
) -> impl IntoView {
    let is_live = query.range.is_relative();
    let with_date = match query.range {
        RangeSpec::Last(seconds) => seconds > DATE_FROM_S,
        RangeSpec::Fixed(..) => true,
    };
    let any_stored = page.any_stored;
    let is_filtered = !query.filter.is_empty();
    let (filter, last_id) = (query.filter.clone(), page.last_id);
    let tail = Tail::new(query, page, capacity);
    let list = tail.list;

    let is_away = RwSignal::new(false);
    let touched = RwSignal::new(false);
    let expanded = RwSignal::new(std::collections::HashMap::new());
    let held = Memo::new(move |_| {
        state.paused.get() || is_away.get() || touched.get() || expanded.with(|expanded| !expanded.is_empty())
    });
    Effect::new(move |_| arrived.set(0));
    if is_live {
        follow(list, filter, last_id, held, arrived);
    }

    let on_pointer = pointer_rest(touched);
    let scroller = NodeRef::<html::Div>::new();
    let to_newest = move || {
        list.update(LogList::release);
        if let Some(element) = scroller.get_untracked() {
            geometry::scroll_to_top(&element);
        }
    };
    let count = Signal::derive(move || list.with(LogList::len));
    let rows = Rows {
        count,
        row: Callback::new(move |index| list.with(|list| list.row(index).cloned())),
        key: LogRow::key,
        index_of: Callback::new(move |key| list.with(|list| list.index_of(key))),
        expanded,
    };
    let context = LineContext { narrow: Callback::new(move |by| state.narrow(&by)), expanded, count, with_date };
    let draw = move |index: usize, row: LogRow| match row {
        LogRow::Record(record) => view! { <LogLine record index context /> }.into_any(),
        LogRow::Missed { key, count } => {
            view! { <MissedRow count load=Callback::new(move |()| tail.load_missed(key)) /> }.into_any()
        }
    };
    let is_empty = Memo::new(move |_| list.with(LogList::is_empty));
    let body = move || {
        if is_empty.get() {
            if tail.searched_to.with(Option::is_some) {
                return view! { <div class="empty"><OlderLines tail /></div> }.into_any();
            }
            return view! { <NoLines any_stored is_filtered state /> }.into_any();
        }
        view! {
            <VirtualList
                label="Log lines"
                role="log"
                rows
                view=draw
                scroller
                is_away
                near_end=Callback::new(move |()| if with_older { tail.load_older() })
            >
                {with_older.then(|| view! { <OlderLines tail /> })}
            </VirtualList>
        }
        .into_any()
    };

    view! {
        <div class="log-view" on:pointermove=on_pointer>
            <TailStrip list paused=state.paused is_live go_live to_newest=Callback::new(move |()| to_newest()) />
            {body}
            {move || {
                tail.failure
                    .get()
                    .map(|error| view! { <ErrorPanel what="more log lines" error retry=move |()| tail.load_older() /> })
            }}
        </div>
    }
}

/// Adds what comes live to the list; while it is held, new lines wait.
fn follow(list: RwSignal<LogList>, filter: LogFilter, after: LogId, held: Memo<bool>, arrived: RwSignal<u64>) {
    let live = use_live();
    Effect::new(move |_| {
        live.tail(filter.clone(), after, move |events| {
            let is_held = held.get_untracked();
            list.try_update(|list| if is_held { list.hold_back(events) } else { list.push(events) });
            if let Some(count) = list.try_with_untracked(LogList::arrived) {
                arrived.try_set(count);
            }
        });
    });
    Effect::new(move |_| {
        if !held.get() && list.with_untracked(|list| list.waiting() > 0) {
            list.update(LogList::release);
        }
    });
}

/// True from a move of the mouse until it has rested for a while. Fingers scroll, which holds the list anyway.
fn pointer_rest(touched: RwSignal<bool>) -> impl Fn(leptos::ev::PointerEvent) + Copy {
    let rest = StoredValue::new(None::<TimeoutHandle>);
    move |event| {
        if event.pointer_type() == "touch" {
            return;
        }
        if !touched.get_untracked() {
            touched.set(true);
        }
        let next = after_delay(POINTER_REST, move || {
            touched.try_set(false);
        });
        if let Some(Some(earlier)) = rest.try_update_value(|rest| std::mem::replace(rest, next)) {
            earlier.clear();
        }
    }
}

/// One line above the list, always there, so that nothing moves when its text changes.
#[component]
fn TailStrip(
    list: RwSignal<LogList>,
    paused: Memo<bool>,
    is_live: bool,
    go_live: Callback<()>,
    to_newest: Callback<()>,
) -> impl IntoView {
    let live = use_live();
    let waiting = Memo::new(move |_| list.with(LogList::waiting));
    let count = Memo::new(move |_| list.with(LogList::len));
    let new_lines = move || {
        let waiting = waiting.get();
        format!("{} new line{}", format_count(waiting), if waiting == 1 { "" } else { "s" })
    };
    let content = move || {
        if !is_live {
            return view! {
                <span>"A fixed range: new lines do not appear here."</span>
                <button type="button" class="link-button" on:click=move |_| go_live.run(())>"Go live"</button>
            }
            .into_any();
        }
        if paused.get() {
            let verb = move || if waiting.get() == 1 { "waits" } else { "wait" };
            return view! { <span>{move || format!("Paused · {} {}", new_lines(), verb())}</span> }.into_any();
        }
        if waiting.get() > 0 {
            return view! {
                <button type="button" class="new-lines" on:click=move |_| to_newest.run(())>
                    <Icon name=IconName::ChevronUp />
                    {new_lines}
                </button>
            }
            .into_any();
        }
        let shown = move || format!("{} lines", format_count(count.get() as u64));
        match live.state.get() {
            LiveState::Open => view! { <span class="live-mark">"Following"</span> <span>{shown}</span> }.into_any(),
            LiveState::Lost => view! { <span class="lost-mark">"Connection lost, trying again…"</span> }.into_any(),
            LiveState::Off | LiveState::Connecting => view! { <span>{shown}</span> }.into_any(),
        }
    };
    view! { <div class="log-strip">{content}</div> }
}

#[component]
fn MissedRow(count: u64, load: Callback<()>) -> impl IntoView {
    let plural = if count == 1 { "line was" } else { "lines were" };
    view! {
        <li class="log-row log-missed" data-row tabindex="-1">
            <div class="log-line">
                <Icon name=IconName::Warning />
                <span>{format!("{} {plural} not sent: this reader was too slow", format_count(count))}</span>
                <button type="button" class="link-button" data-row-open on:click=move |_| load.run(())>"Load them"</button>
            </div>
        </li>
    }
}

#[component]
fn OlderLines(tail: Tail) -> impl IntoView {
    let zone = use_zone();
    let content = move || {
        if tail.list.with(LogList::is_full) {
            let count = format_count(tail.list.with(LogList::len) as u64);
            return view! {
                <p>{format!("{count} lines are shown, the most that a page keeps. Narrow the range or the filter.")}</p>
            }
            .into_any();
        }
        if tail.loading.get() {
            return view! { <p>"Loading older lines…"</p> }.into_any();
        }
        if let Some(at) = tail.searched_to.get().filter(|_| tail.older.with(Option::is_some)) {
            let at = format_date_time(at.to_millis(), zone.get());
            return view! {
                <p>{format!("Very many lines had to be looked at. Looked back to {at}; what is older was not searched yet.")}</p>
                <button type="button" class="button" on:click=move |_| tail.load_older()>"Search further back"</button>
            }
            .into_any();
        }
        if tail.next_query().is_none() {
            return view! { <p>"No older lines in this range"</p> }.into_any();
        }
        view! {
            <button type="button" class="button" on:click=move |_| tail.load_older()>"Load older lines"</button>
        }
        .into_any()
    };
    view! { <div class="log-more">{content}</div> }
}

#[component]
fn NoLines(any_stored: bool, is_filtered: bool, state: LogState) -> impl IntoView {
    let kind = match (any_stored, is_filtered) {
        (false, _) => EmptyKind::Never,
        (true, true) => EmptyKind::Filters(Callback::new(move |()| state.clear())),
        (true, false) => EmptyKind::Range,
    };
    view! {
        <Empty kind what="log lines">
            {(!any_stored)
                .then(|| view! { <p>"Console logs its own work here: open any page and its lines appear."</p> })}
        </Empty>
    }
}
