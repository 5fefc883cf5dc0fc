//! The newest log lines as a panel among others.

use leptos::prelude::*;
use leptos_router::components::A;

use super::{
    filter_bar::LogFilterBar,
    state::{ParamNames, use_log_state},
    tail::LogTail,
};
use crate::{
    api::list_logs,
    component::{
        error_panel::ErrorPanel, panel::Panel, query::use_page_href, range::use_range, skeleton::SkeletonLines,
    },
    model::{LogQuery, RangeSpec},
};

/// How many lines a panel loads and keeps.
const PANEL_LINES: u32 = 50;

/// The newest log lines, live, with filters of their own.
#[component]
pub fn LogPanel() -> impl IntoView {
    let state = use_log_state(ParamNames::PANEL);
    let (range, set_range) = use_range();
    let query = Memo::new(move |_| LogQuery {
        filter: state.filter.get(),
        range: range.get(),
        limit: PANEL_LINES,
        cursor: None,
    });
    let page = Resource::new(
        move || query.get(),
        |query| async move { list_logs(query.clone()).await.map(|page| (query, page)) },
    );
    let arrived = RwSignal::new(0);
    let go_live = Callback::new(move |()| set_range.set(RangeSpec::default()));
    let href = use_page_href();
    let lines = move || {
        page.get().map(|loaded| match loaded {
            Ok((query, page)) => {
                let capacity = PANEL_LINES as usize;
                view! { <LogTail query page state arrived go_live capacity with_older=false /> }.into_any()
            }
            Err(error) => view! { <ErrorPanel what="log lines" error retry=move |()| page.refetch() /> }.into_any(),
        })
    };
    let can_tail = Signal::derive(move || range.get().is_relative());
    view! {
        <Panel title="Logs" class="log-panel" actions=move || {
            let href = href.clone();
            view! { <A href=move || href("/monitoring/logs")>"all →"</A> }
        }>
            <LogFilterBar state page arrived=arrived.into() can_tail />
            <Transition fallback=|| view! { <SkeletonLines lines=12 /> }>{lines}</Transition>
        </Panel>
    }
}
