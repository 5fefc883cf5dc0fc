//! The list of pipeline traces.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};

use super::{
    filters::{Choices, PipelineFilters, StatsRow},
    never::{HowToSend, SecretHint},
    rows::PipelineRows,
    state::{PipelineState, RANGE, use_pipeline_state},
    table::PipelineTable,
};
use crate::{
    api::{ApiError, create_demo_pipelines, list_pipelines, remove_demo_pipelines},
    browser::{event_stream::after_delay, geometry},
    component::{
        awaited::Awaited,
        empty::{Empty, EmptyKind},
        error_panel::ErrorPanel,
        icon::{Icon, IconName},
        me::may,
        number::format_count,
        query::use_href,
        skeleton::{Loading, SkeletonLines},
    },
    live::use_live,
    model::{PipelineQuery, Role, pipeline::PipelineList},
};

/// Changes that come closer together are asked for at once.
const SETTLE: Duration = Duration::from_millis(200);
/// Demonstration traces made by one press of the button.
const DEMO_COUNT: u32 = 12;

/// The page of pipeline traces. Its state is its address.
#[component]
pub fn PipelinesPage() -> impl IntoView {
    let state = use_pipeline_state();
    let query = state.query;
    let loaded = Resource::new(
        move || query.get(),
        |query| async move { list_pipelines(query.clone()).await.map(|list| (query, list)) },
    );
    let choices = Callback::new(move |()| match loaded.get() {
        Some(Ok((_, list))) => {
            Choices { environments: list.environments, tenants: list.tenants, triggers: list.trigger_types }
        }
        _ => Choices::default(),
    });
    let body = move || {
        loaded.get().map(|result| match result {
            Ok((query, list)) => view! { <PipelineBody query list state /> }.into_any(),
            Err(error) => {
                view! { <ErrorPanel what="pipeline traces" error retry=move |()| loaded.refetch() /> }.into_any()
            }
        })
    };
    let pending = RwSignal::new(false);
    view! {
        <div class="pipelines-page" aria-busy=move || pending.get().to_string()>
            <PipelineFilters state choices />
            <Awaited
                fallback=|| view! { <Loading what="pipeline traces" /> <SkeletonLines lines=12 /> }
                pending
            >
                {body}
            </Awaited>
        </div>
    }
}

/// An answer, kept current.
#[derive(Clone, Copy)]
struct Body {
    query: StoredValue<PipelineQuery>,
    list: RwSignal<PipelineList>,
    rows: RwSignal<PipelineRows>,
    failure: RwSignal<Option<ApiError>>,
    busy: RwSignal<bool>,
    /// The pointer is over the rows: what comes waits.
    held: RwSignal<bool>,
    planned: StoredValue<Option<TimeoutHandle>>,
}

impl Body {
    fn refresh(self) {
        spawn_local(async move {
            let Some(query) = self.query.try_get_value() else { return };
            match list_pipelines(query).await {
                Ok(list) => {
                    let hold = self.held.try_get_untracked().unwrap_or_default() || geometry::is_page_scrolled();
                    self.rows.try_update(|rows| rows.refresh(list.page.clone(), hold));
                    self.list.try_set(list);
                    self.failure.try_set(None);
                }
                Err(error) => {
                    self.failure.try_set(Some(error));
                }
            }
        });
    }

    /// The pointer has left the rows: they may move again, unless the reader has scrolled down to some.
    fn let_go(self) {
        self.held.set(false);
        if !geometry::is_page_scrolled() && self.rows.with_untracked(|rows| rows.waiting() > 0) {
            self.rows.update(PipelineRows::release);
        }
    }

    fn refresh_soon(self) {
        let next = after_delay(SETTLE, move || self.refresh());
        if let Some(Some(earlier)) = self.planned.try_update_value(|planned| std::mem::replace(planned, next)) {
            earlier.clear();
        }
    }

    fn load_more(self) {
        let Some(cursor) = self.rows.with_untracked(|rows| rows.next_cursor.clone()) else { return };
        let query = PipelineQuery { cursor: Some(cursor), ..self.query.get_value() };
        self.run(async move {
            let list = list_pipelines(query).await?;
            self.rows.try_update(|rows| rows.append(list.page));
            Ok(())
        });
    }

    fn create_demo(self) {
        self.run(async move {
            create_demo_pipelines(DEMO_COUNT).await?;
            self.refresh();
            Ok(())
        });
    }

    fn remove_demo(self) {
        self.run(async move {
            remove_demo_pipelines().await?;
            self.refresh();
            Ok(())
        });
    }

    /// One thing at a time; a failure is shown in place.
    fn run(self, work: impl Future<Output = Result<(), ApiError>> + 'static) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        spawn_local(async move {
            let outcome = work.await;
            self.failure.try_set(outcome.err());
            self.busy.try_set(false);
        });
    }
}

#[component]
fn PipelineBody(query: PipelineQuery, list: PipelineList, state: PipelineState) -> impl IntoView {
    let is_filtered = !query.filter.is_empty();
    let body = Body {
        query: StoredValue::new(query),
        rows: RwSignal::new(PipelineRows::new(list.page.clone())),
        list: RwSignal::new(list),
        failure: RwSignal::new(None),
        busy: RwSignal::new(false),
        held: RwSignal::new(false),
        planned: StoredValue::new(None),
    };
    let live = use_live();
    Effect::new(move |known: Option<u64>| {
        let version = live.pipelines_version.get();
        if known.is_some_and(|known| known != version) {
            body.refresh_soon();
        }
        version
    });
    let stats = Signal::derive(move || body.list.with(|list| list.stats.clone()));
    let configured = Memo::new(move |_| body.list.with(|list| list.webhook_configured));
    let any_stored = Memo::new(move |_| body.list.with(|list| list.any_stored));
    let is_empty = Memo::new(move |_| body.rows.with(|rows| rows.shown().is_empty()));
    let all_time = use_href();
    let empty = move || {
        if !any_stored.get() {
            return view! {
                <Empty kind=EmptyKind::Never what="pipeline traces"><HowToSend configured /></Empty>
            }
            .into_any();
        }
        if is_filtered {
            let kind = EmptyKind::Filters(state.clear_filters);
            return view! { <Empty kind what="pipeline traces" /> }.into_any();
        }
        let all_time = all_time.clone();
        view! {
            <Empty kind=EmptyKind::Range what="pipeline traces">
                <a class="button" data-noscroll href=move || all_time(&[(RANGE, None)])>"Show all time"</a>
            </Empty>
        }
        .into_any()
    };
    let content = move || {
        if is_empty.get() {
            return empty().into_any();
        }
        view! {
            <div
                class="pipeline-rows"
                on:pointerenter=move |event| body.held.set(event.pointer_type() != "touch")
                on:pointerleave=move |_| body.let_go()
            >
                <PipelineTable rows=Signal::derive(move || body.rows.with(|rows| rows.shown().to_vec())) />
            </div>
        }
        .into_any()
    };
    view! {
        <StatsRow counts=stats state />
        {move || (any_stored.get() && !configured.get()).then(|| view! { <SecretHint /> })}
        <div class="panel">
            <ListStrip body />
            {content}
            <MoreRows body />
        </div>
        {move || {
            body.failure
                .get()
                .map(|error| view! { <ErrorPanel what="pipeline traces" error retry=move |()| body.refresh() /> })
        }}
    }
}

/// One line above the rows, always there, so that nothing moves when its text changes.
#[component]
fn ListStrip(body: Body) -> impl IntoView {
    let waiting = Memo::new(move |_| body.rows.with(PipelineRows::waiting));
    let count = move || {
        let (shown, total) = body.rows.with(|rows| (rows.shown().len(), rows.total));
        format!("{} of {} pipelines", format_count(shown as u64), format_count(total.max(shown as u64)))
    };
    let news = move || match waiting.get() {
        0 => view! { <span>{count}</span> }.into_any(),
        waiting => view! {
            <button type="button" class="new-lines" on:click=move |_| body.rows.update(PipelineRows::release)>
                <Icon name=IconName::ChevronUp />
                {format!("{} new pipeline{}", format_count(waiting as u64), if waiting == 1 { "" } else { "s" })}
            </button>
        }
        .into_any(),
    };
    let may_edit = may(Role::Editor);
    let demo_enabled = Memo::new(move |_| may_edit && body.list.with(|list| list.demo_enabled));
    let demo_count = Memo::new(move |_| if may_edit { body.list.with(|list| list.demo_count) } else { 0 });
    view! {
        <div class="list-strip">
            {news}
            <div class="panel-actions">
                <Show when=move || demo_enabled.get()>
                    <button
                        type="button"
                        class="button"
                        disabled=move || body.busy.get()
                        on:click=move |_| body.create_demo()
                    >
                        "Create demonstration traces"
                    </button>
                </Show>
                <Show when=move || demo_count.get() != 0>
                    <button
                        type="button"
                        class="button"
                        disabled=move || body.busy.get()
                        on:click=move |_| body.remove_demo()
                    >
                        {move || format!("Remove demonstration data ({})", format_count(demo_count.get()))}
                    </button>
                </Show>
            </div>
        </div>
    }
}

#[component]
fn MoreRows(body: Body) -> impl IntoView {
    let has_more = Memo::new(move |_| body.rows.with(|rows| rows.next_cursor.is_some()));
    view! {
        <Show when=move || has_more.get()>
            <div class="log-more">
                <button type="button" class="button" disabled=move || body.busy.get() on:click=move |_| body.load_more()>
                    "Load older pipelines"
                </button>
            </div>
        </Show>
    }
}
