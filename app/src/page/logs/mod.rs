//! Log lines: history and what comes, filtered, read and taken away.

use leptos::{html, prelude::*};

use crate::{
    api::list_logs,
    browser::files,
    component::{
        error_panel::ErrorPanel,
        icon::{Icon, IconName},
        log_view::{LogFilterBar, LogTail, ParamNames, export, use_log_state},
        range::use_range,
        skeleton::{Loading, SkeletonLines},
    },
    live::list::LogList,
    model::{LogQuery, RangeSpec},
};

/// The page of log lines. Its state is its address.
#[component]
pub fn LogsPage() -> impl IntoView {
    let state = use_log_state(ParamNames::PAGE);
    let (range, set_range) = use_range();
    let query = Memo::new(move |_| LogQuery { filter: state.filter.get(), range: range.get(), limit: 0, cursor: None });
    // The answer travels with its question: by the time it is here, the address may ask another one.
    let page = Resource::new(
        move || query.get(),
        |query| async move { list_logs(query.clone()).await.map(|page| (query, page)) },
    );
    let arrived = RwSignal::new(0);
    let shown = StoredValue::new(None);
    let go_live = Callback::new(move |()| {
        state.set_paused(false);
        set_range.set(RangeSpec::default());
    });
    let pending = RwSignal::new(false);
    let lines = move || {
        page.get().map(|loaded| match loaded {
            Ok((query, page)) => view! { <LogTail query page state arrived shown go_live /> }.into_any(),
            Err(error) => view! { <ErrorPanel what="log lines" error retry=move |()| page.refetch() /> }.into_any(),
        })
    };
    let can_tail = Signal::derive(move || range.get().is_relative());
    view! {
        <div class="logs-page" aria-busy=move || pending.get().to_string()>
            <LogFilterBar state page arrived=arrived.into() can_tail is_main=true>
                <ExportMenu shown />
            </LogFilterBar>
            <Transition
                fallback=|| view! { <Loading what="log lines" /> <SkeletonLines lines=24 /> }
                set_pending=pending
            >
                {lines}
            </Transition>
        </div>
    }
}

/// What is shown, as a file.
#[component]
fn ExportMenu(shown: StoredValue<Option<RwSignal<LogList>>>) -> impl IntoView {
    let menu = NodeRef::<html::Details>::new();
    let close = move || {
        if let Some(menu) = menu.get_untracked() {
            menu.set_open(false);
        }
    };
    let save = move |name: &'static str, mime: &'static str, write: fn(&LogList) -> String| {
        let content = shown.get_value().and_then(|list| list.try_with_untracked(write));
        files::save(name, mime, &content.unwrap_or_else(|| write(&LogList::new(Vec::new(), 1))));
        close();
    };
    let as_json = move |_| save("console-logs.json", "application/json", |list| export::to_json(list.records()));
    let as_csv = move |_| save("console-logs.csv", "text/csv", |list| export::to_csv(list.records()));
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Escape" {
            close();
        }
    };
    view! {
        <details class="export-menu" node_ref=menu on:keydown=on_key>
            <summary class="button"><Icon name=IconName::Download />"Export"</summary>
            <div class="export-choices">
                <p class="muted">"The lines that are loaded"</p>
                <button type="button" class="button" on:click=as_json>"JSON"</button>
                <button type="button" class="button" on:click=as_csv>"CSV"</button>
            </div>
        </details>
    }
}
