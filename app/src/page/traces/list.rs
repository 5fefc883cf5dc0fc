//! The list of traces.

use leptos::{prelude::*, task::spawn_local};

use super::{
    contrast::{Contrast, ContrastAnswer, use_contrast},
    facets::Facets,
    filters::TraceFilters,
    heat::Heat,
    heatmap::DurationMap,
    never::HowToSend,
    rows::TraceRows,
    state::{SORT, TraceListState, sort_value, use_trace_list_state},
    table::TraceTable,
};
use crate::{
    api::{ApiError, list_traces},
    component::{
        awaited::Awaited,
        empty::{Empty, EmptyKind},
        error_panel::ErrorPanel,
        icon::{Icon, IconName},
        number::format_count,
        query::use_href,
        reactive::{flag, part, text},
        skeleton::{Loading, SkeletonBlock, SkeletonLines},
        tabs::{Tab, Tabs},
    },
    live::use_live,
    model::{RangeSpec, TracePage, TraceQuery, TraceSort, live::news},
};

/// A list that reaches further back shows dates.
const DATE_FROM_S: u32 = 86_400;

/// The page of traces. Its state is its address.
#[component]
pub fn TracesPage() -> impl IntoView {
    let state = use_trace_list_state();
    let query = state.query;
    // The answer travels with its question: by the time it is here, the address may ask another one.
    let loaded = Resource::new(
        move || query.get(),
        |query| async move { list_traces(query.clone()).await.map(|page| (query, page)) },
    );
    let contrast = use_contrast(state);
    let body = move || {
        loaded.get().map(|result| match result {
            Ok((query, page)) => {
                let again = Callback::new(move |()| loaded.refetch());
                view! { <TraceBody query page state contrast again /> }.into_any()
            }
            Err(error) => view! { <ErrorPanel what="traces" error retry=move |()| loaded.refetch() /> }.into_any(),
        })
    };
    let pending = RwSignal::new(false);
    view! {
        <div class="traces-page" aria-busy=flag(move || pending.get())>
            <TraceFilters state />
            <Awaited
                fallback=|| {
                    view! { <Loading what="traces" /> <SkeletonBlock class="heat-skeleton" /> <SkeletonLines lines=12 /> }
                }
                pending
            >
                {body}
            </Awaited>
        </div>
    }
    .into_any()
}

/// An answer, and the pages that follow it.
#[derive(Clone, Copy)]
struct Body {
    query: StoredValue<TraceQuery>,
    rows: RwSignal<TraceRows>,
    failure: RwSignal<Option<ApiError>>,
    busy: RwSignal<bool>,
}

impl Body {
    fn load_more(self) {
        let Some(cursor) = self.rows.with_untracked(|rows| rows.next_cursor.clone()) else { return };
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        let query = TraceQuery { cursor: Some(cursor), ..self.query.get_value() };
        spawn_local(async move {
            match list_traces(query).await {
                Ok(page) => {
                    self.rows.try_update(|rows| rows.append(page));
                    self.failure.try_set(None);
                }
                Err(error) => {
                    self.failure.try_set(Some(error));
                }
            }
            self.busy.try_set(false);
        });
    }
}

#[component]
fn TraceBody(
    query: TraceQuery,
    page: TracePage,
    state: TraceListState,
    contrast: ContrastAnswer,
    again: Callback<()>,
) -> impl IntoView {
    if page.traces.is_empty() {
        // Nothing stands under the pointer that could jump: what arrives shows by itself.
        let (begun, seen) = (use_live().traces_begun, page.begun);
        let is_open = query.range.is_relative() && query.filter.is_empty();
        Effect::new(move |_| {
            if is_open && begun.get().is_some_and(|now| news(seen, now) > 0) {
                again.run(());
            }
        });
        let clear = Callback::new(move |()| state.clear_filters());
        return match (page.any_stored, query.filter.is_empty()) {
            (false, _) => view! {
                <div class="panel"><Empty kind=EmptyKind::Never what="traces"><HowToSend /></Empty></div>
            }
            .into_any(),
            (true, true) => view! { <div class="panel"><Empty kind=EmptyKind::Range what="traces" /></div> }.into_any(),
            (true, false) => {
                view! { <div class="panel"><Empty kind=EmptyKind::Filters(clear) what="traces" /></div> }.into_any()
            }
        };
    }
    let with_date = match query.range {
        RangeSpec::Last(seconds) => seconds > DATE_FROM_S,
        RangeSpec::Fixed(..) => true,
    };
    let (sort, seen) = (query.sort, query.range.is_relative().then_some(page.begun));
    let body = Body {
        query: StoredValue::new(query),
        rows: RwSignal::new(TraceRows::new(&page)),
        failure: RwSignal::new(None),
        busy: RwSignal::new(false),
    };
    let heat = Heat::new(page.heatmap.clone(), page.range_ms);
    let counted = counted(&page);
    let more = move || {
        let has_more = body.rows.with(|rows| rows.next_cursor.is_some());
        has_more
            .then(|| {
                view! {
                    <div class="log-more">
                        <button type="button" class="button" disabled=move || body.busy.get() on:click=move |_| body.load_more()>
                            "Load more traces"
                        </button>
                    </div>
                }
            })
            .into_any()
    };
    let failure = move || {
        let failed = body.failure.get();
        failed
            .map(|error| view! { <ErrorPanel what="more traces" error retry=move |()| body.load_more() /> })
            .into_any()
    };
    view! {
        {heat.map(|heat| view! { <DurationMap heat state /> })}
        <Contrast state answer=contrast />
        <div class="traces-lower">
            <Facets page />
            <div class="panel">
                <div class="list-strip">
                    <span role="status">{text(move || {
                        let shown = body.rows.with(|rows| rows.shown.len());
                        format!("{} of {counted}", format_count(shown as u64))
                    })}</span>
                    <LookAgain seen again />
                    <div class="panel-actions"><SortTabs sort /></div>
                </div>
                <TraceTable rows=body.rows with_date />
                {part(more)}
                {part(failure)}
            </div>
        </div>
    }
    .into_any()
}

/// Looks again; of a range that goes on it says how many traces began since those that had begun when it was looked.
#[component]
fn LookAgain(seen: Option<u64>, again: Callback<()>) -> impl IntoView {
    let begun = use_live().traces_begun;
    let news = Memo::new(move |_| seen.zip(begun.get()).map_or(0, |(seen, now)| news(seen, now)));
    let button = move || {
        match news.get() {
        0 => view! { <button type="button" class="link-button" on:click=move |_| again.run(())>"Refresh"</button> }.into_any(),
        news => view! {
            <button type="button" class="new-lines" title="They may not match the filters" on:click=move |_| again.run(())>
                <Icon name=IconName::ChevronUp />
                {format!("{} new trace{}", format_count(news), if news == 1 { "" } else { "s" })}
            </button>
        }
        .into_any(),
    }
    };
    part(button)
}

/// How many traces match: `1 trace`, `312 traces`, `more than 10,000 traces`.
fn counted(page: &TracePage) -> String {
    let matched = page.matched.max(page.traces.len() as u64);
    let plural = if matched == 1 { "" } else { "s" };
    let more = if page.matched_is_partial { "more than " } else { "" };
    format!("{more}{} trace{plural}", format_count(matched))
}

#[component]
fn SortTabs(sort: TraceSort) -> impl IntoView {
    let href = use_href();
    let tabs = Signal::derive(move || {
        let tab = |order: TraceSort| Tab {
            label: match order {
                TraceSort::Newest => "Newest",
                TraceSort::Longest => "Longest",
                TraceSort::Errors => "Most errors",
            },
            href: href(&[(SORT, sort_value(order))]),
            selected: sort == order,
        };
        TraceSort::ALL.map(tab).to_vec()
    });
    view! { <Tabs label="Sort traces by" tabs /> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounded_count_says_so() {
        let page = |matched, matched_is_partial| TracePage { matched, matched_is_partial, ..TracePage::default() };
        assert_eq!(counted(&page(1, false)), "1 trace");
        assert_eq!(counted(&page(312, false)), "312 traces");
        assert_eq!(counted(&page(10_000, true)), "more than 10,000 traces");
    }
}
