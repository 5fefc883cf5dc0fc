//! Log lines: history and what comes, counted, filtered, clustered, read and taken away.

mod bars;
mod facets;
mod histogram;
mod line;
mod patterns;

use leptos::{html, prelude::*};

use self::{facets::LogFacets, histogram::Histogram, line::LinePanel, patterns::PatternTable};
use crate::{
    api::{ApiError, find_log_patterns, list_logs, load_log_context, summarize_logs},
    component::{
        awaited::Awaited,
        choice::use_choice,
        error_panel::ErrorPanel,
        icon::{Icon, IconName},
        log_view::{LINE, LogFilterBar, LogState, LogTail, ParamNames, export_href, is_about_search, use_log_state},
        query::{use_href, use_query_param},
        range::use_range,
        reactive::flag,
        skeleton::{Loading, SkeletonLines},
        tabs::{Tab, Tabs},
    },
    model::{
        ExportFormat, LogContext, LogContextQuery, LogId, LogPatterns, LogQuery, LogSummary, LogViewQuery, RangeSpec,
    },
};

/// `?view=patterns`; the list of lines is left out.
const VIEW: &str = "view";
const PATTERNS: &str = "patterns";

/// The line that is looked at, as it was loaded.
type LoadedLine = Resource<Option<(LogId, Result<LogContext, ApiError>)>>;

/// The page of log lines. Its state is its address.
#[component]
pub fn LogsPage() -> impl IntoView {
    let state = use_log_state(ParamNames::PAGE);
    let (range, set_range) = use_range();
    let (view, _) = use_choice(VIEW);
    let is_patterns = Memo::new(move |_| view.with(|view| view.as_deref() == Some(PATTERNS)));
    let (line, _) = use_query_param(LINE);
    let filter = state.filter;
    let query = Memo::new(move |_| LogQuery { filter: filter.get(), range: range.get(), limit: 0, cursor: None });
    // The answer travels with its question: by the time it is here, the address may ask another one.
    let page = Resource::new(
        move || query.get(),
        |query| async move { list_logs(query.clone()).await.map(|page| (query, page)) },
    );
    let counted = Memo::new(move |_| LogViewQuery { filter: filter.get(), range: range.get() });
    let summary = Resource::new(move || counted.get(), summarize_logs);
    let clustered = Memo::new(move |_| is_patterns.get().then(|| counted.get()));
    let patterns = Resource::new(
        move || clustered.get(),
        |query| async move {
            match query {
                Some(query) => Some(find_log_patterns(query).await),
                None => None,
            }
        },
    );
    let around = RwSignal::new(LogContext::DEFAULT_LINES);
    let looked_at = Memo::new(move |_| {
        let id = line.with(|line| line.as_ref().and_then(|line| line.parse().ok())).map(LogId);
        id.map(|id| LogContextQuery { id, lines: around.get() })
    });
    let loaded_line: LoadedLine = Resource::new(
        move || looked_at.get(),
        |query| async move {
            match query {
                Some(query) => Some((query.id, load_log_context(query).await)),
                None => None,
            }
        },
    );
    let arrived = RwSignal::new(0);
    let go_live = Callback::new(move |()| {
        state.set_paused(false);
        set_range.set(RangeSpec::default());
    });
    let pending = RwSignal::new(false);
    let lines = move || {
        page.get().map(|loaded| match loaded {
            Ok((query, page)) => view! { <LogTail query page state arrived go_live /> }.into_any(),
            Err(error) if is_about_search(&error) => view! { <NotSearched why=error.message /> }.into_any(),
            Err(error) => view! { <ErrorPanel what="log lines" error retry=move |()| page.refetch() /> }.into_any(),
        })
    };
    let clusters = move || {
        patterns.get().flatten().map(|loaded: Result<LogPatterns, ApiError>| match loaded {
            Ok(found) => view! { <PatternTable found state /> }.into_any(),
            Err(error) if is_about_search(&error) => view! { <NotSearched why=error.message /> }.into_any(),
            Err(error) => view! { <ErrorPanel what="patterns" error retry=move |()| patterns.refetch() /> }.into_any(),
        })
    };
    let can_tail = Signal::derive(move || range.get().is_relative());
    let refresh = move |_| {
        summary.refetch();
        patterns.refetch();
    };
    view! {
        <div class="logs-page" aria-busy=flag(move || pending.get())>
            <LogFilterBar state page arrived=arrived.into() can_tail is_main=true>
                <ExportMenu query />
            </LogFilterBar>
            <Counts summary part=Part::Histogram state />
            <div class="logs-lower" data-with-line=move || looked_at.get().map(|_| "")>
                <Counts summary part=Part::Facets state />
                <div class="logs-main">
                    <div class="logs-views">
                        <ViewTabs is_patterns />
                        <button type="button" class="link-button" title="Count again what has come meanwhile" on:click=refresh>
                            "Refresh counts"
                        </button>
                    </div>
                    // Both stay where they are, and one is hidden: the list keeps its place and goes on to follow.
                    <div class="logs-view" hidden=move || is_patterns.get()>
                        <Awaited
                            fallback=|| view! { <Loading what="log lines" /> <SkeletonLines lines=24 /> }
                            pending
                        >
                            {lines}
                        </Awaited>
                    </div>
                    <div class="logs-view log-patterns" hidden=move || !is_patterns.get()>
                        <Transition fallback=|| view! { <Loading what="patterns" /> <SkeletonLines lines=24 /> }>
                            {clusters}
                        </Transition>
                    </div>
                </div>
                <LinePanel loaded=loaded_line state around />
            </div>
        </div>
    }
    .into_any()
}

/// Where the summary is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Histogram,
    Facets,
}

/// A part of the summary; what is shown stays while a new one is on its way.
#[component]
fn Counts(summary: Resource<Result<LogSummary, ApiError>>, part: Part, state: LogState) -> impl IntoView {
    let content = move || {
        summary.get().map(|loaded| match (loaded, part) {
            (Ok(summary), Part::Histogram) => view! { <Histogram summary /> }.into_any(),
            (Ok(summary), Part::Facets) => view! { <LogFacets summary state /> }.into_any(),
            // What is wrong with a search is said once, at its field.
            (Err(error), Part::Histogram) if !is_about_search(&error) => {
                view! { <ErrorPanel what="counts" error retry=move |()| summary.refetch() /> }.into_any()
            }
            (Err(_), Part::Histogram) => view! { <div class="log-histogram" data-empty=""></div> }.into_any(),
            (Err(_), Part::Facets) => {
                view! { <aside class="facets log-facets" aria-label="Narrow the list"></aside> }.into_any()
            }
        })
    };
    let fallback = move || match part {
        Part::Histogram => view! { <div class="log-histogram" data-empty=""></div> }.into_any(),
        Part::Facets => view! { <div class="facets log-facets"><SkeletonLines lines=8 /></div> }.into_any(),
    };
    view! { <Transition fallback>{content}</Transition> }.into_any()
}

/// In place of what a search with a mistake would have found.
#[component]
fn NotSearched(why: String) -> impl IntoView {
    view! {
        <div class="log-view">
            <div class="empty">
                <p class="empty-title">"This search cannot be run"</p>
                <p>{why}</p>
            </div>
        </div>
    }
}

#[component]
fn ViewTabs(is_patterns: Memo<bool>) -> impl IntoView {
    let href = use_href();
    let tabs = Signal::derive(move || {
        let tab = |label, patterns: bool| Tab {
            label,
            href: href(&[(VIEW, patterns.then(|| PATTERNS.to_owned()))]),
            selected: is_patterns.get() == patterns,
        };
        vec![tab("Lines", false), tab("Patterns", true)]
    });
    view! { <Tabs label="View" tabs /> }
}

/// Everything that matches, as a file.
#[component]
fn ExportMenu(query: Memo<LogQuery>) -> impl IntoView {
    let menu = NodeRef::<html::Details>::new();
    let close = move || {
        if let Some(menu) = menu.get_untracked() {
            menu.set_open(false);
        }
    };
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Escape" {
            close();
        }
    };
    let link = move |format: ExportFormat| {
        let href = move || query.with(|query| export_href(&query.filter, query.range, format));
        view! {
            <a class="button" href=href download=format!("console-logs.{}", format.key()) rel="external" on:click=move |_| close()>
                {format.key().to_uppercase()}
            </a>
        }
    };
    view! {
        <details class="export-menu" node_ref=menu on:keydown=on_key>
            <summary class="button"><Icon name=IconName::Download />"Export"</summary>
            <div class="export-choices">
                <p class="muted">"All lines that match"</p>
                {ExportFormat::ALL.map(link).collect_view()}
            </div>
        </details>
    }
}
