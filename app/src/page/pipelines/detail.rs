//! One pipeline trace: its facts, its steps on a time axis, its log lines.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};
use leptos_router::{
    components::A,
    hooks::{use_navigate, use_params_map},
};

use super::facts::PipelineHead;
use crate::{
    api::{ApiError, ErrorCode, SetStatus, load_pipeline},
    browser::{event_stream::after_delay, rows},
    component::{
        age::use_now,
        copy::CopyButton,
        error_panel::ErrorPanel,
        log_view::{LineContext, LogLine, logs_href},
        panel::Panel,
        query::use_query_param,
        skeleton::{Loading, SkeletonLines},
        waterfall::{Bar, Waterfall, WaterfallRow},
    },
    live::{
        list::{LogList, LogRow},
        use_live,
    },
    model::{LogFilter, PipelineStatus, RangeSpec, Step, TraceId, UnixMillis, pipeline::PipelineDetail},
};

/// Changes that come closer together are asked for at once.
const SETTLE: Duration = Duration::from_millis(150);
/// Around a trace, where its lines are looked for.
const MARGIN_MS: i64 = 15 * 60_000;
/// In the address: no step is open.
const NONE_OPEN: &str = "-";

/// The page of one pipeline trace.
#[component]
pub fn PipelinePage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id")).unwrap_or_default());
    let loaded = Resource::new(
        move || id.get(),
        |id| async move {
            match id.parse::<TraceId>() {
                Ok(id) => load_pipeline(id.as_uuid()).await,
                Err(_) => Err(ApiError::not_found("pipeline trace")),
            }
        },
    );
    let body = move || {
        loaded.get().map(|result| match result {
            Ok(detail) => view! { <LivePipeline first=detail /> }.into_any(),
            Err(error) if error.code == ErrorCode::NotFound => view! { <UnknownPipeline /> }.into_any(),
            Err(error) => {
                view! { <ErrorPanel what="this pipeline" error retry=move |()| loaded.refetch() /> }.into_any()
            }
        })
    };
    view! {
        <div class="pipeline-page">
            <Transition fallback=|| view! { <Loading what="the pipeline" /> <SkeletonLines lines=16 /> }>{body}</Transition>
        </div>
    }
}

/// There is no such trace.
#[component]
fn UnknownPipeline() -> impl IntoView {
    if let Some(status) = use_context::<SetStatus>() {
        (status.0)(404);
    }
    view! {
        <div class="empty">
            <p class="empty-title">"There is no pipeline trace with this id. It may be of another kind, or too old to be kept."</p>
            <A href="/monitoring/pipelines" attr:class="button">"All pipelines"</A>
        </div>
    }
}

/// A trace that is kept current as long as its page is open.
#[component]
fn LivePipeline(first: PipelineDetail) -> impl IntoView {
    let id = first.trace.id;
    let logs = first.clone();
    let detail = RwSignal::new(first);
    // A failed refresh keeps what is shown; the next change tries again.
    let refresh = move || {
        spawn_local(async move {
            if let Ok(fresh) = load_pipeline(id).await {
                detail.try_set(fresh);
            }
        });
    };
    let live = use_live();
    let planned = StoredValue::new(None::<TimeoutHandle>);
    let replace_plan = move |next: Option<TimeoutHandle>| {
        if let Some(Some(earlier)) = planned.try_update_value(|planned| std::mem::replace(planned, next)) {
            earlier.clear();
        }
    };
    Effect::new(move |known: Option<u64>| {
        let version = live.pipelines_version.get();
        if known.is_some_and(|known| known != version) {
            replace_plan(after_delay(SETTLE, refresh));
        }
        version
    });
    on_cleanup(move || replace_plan(None));
    let detail = Memo::new(move |_| detail.get());
    view! {
        {view! { <PipelineHead detail /> }.into_any()}
        {view! { <Steps detail /> }.into_any()}
        {view! { <TraceLogs detail=logs /> }.into_any()}
    }
    .into_any()
}

/// Steps as rows of the waterfall, measured from the start of the trace.
fn rows(detail: &PipelineDetail) -> Vec<WaterfallRow> {
    let began = detail.trace.created_at;
    let offset = |at: chrono::DateTime<chrono::Utc>| {
        (at - began).num_microseconds().map_or(0.0, |micros| micros as f64 / 1000.0).max(0.0)
    };
    let bar = |step: &Step| {
        let started_at = step.started_at.filter(|_| step.status != PipelineStatus::Pending)?;
        let measured = step.completed_at.map(|end| offset(end) - offset(started_at));
        let duration_ms = step.duration_ms.or(measured).map(|duration| duration.max(0.0));
        let is_over = step.status.is_final();
        Some(Bar { offset_ms: offset(started_at), duration_ms: duration_ms.or(is_over.then_some(0.0)) })
    };
    let row = |step: &Step| WaterfallRow {
        name: step.name.clone(),
        status: step.status.key(),
        status_label: step.status.label(),
        bar: bar(step),
    };
    detail.trace.steps.iter().map(row).collect()
}

/// The step that is open when the address says nothing: the first that failed.
fn default_open(detail: &PipelineDetail) -> Option<String> {
    let failed = detail.trace.steps.iter().find(|step| step.status == PipelineStatus::Failed);
    failed.map(|step| step.name.clone())
}

#[component]
fn Steps(detail: Memo<PipelineDetail>) -> impl IntoView {
    let (step, set_step) = use_query_param("step");
    let open = Memo::new(move |_| match step.get() {
        Some(none) if none == NONE_OPEN => None,
        Some(name) => Some(name),
        None => detail.with(default_open),
    });
    let toggle = Callback::new(move |name: String| {
        let is_open = open.with_untracked(|open| open.as_ref() == Some(&name));
        let opens_by_itself = || detail.with_untracked(default_open).is_some();
        set_step.set(if is_open { opens_by_itself().then(|| NONE_OPEN.to_owned()) } else { Some(name) });
    });
    let rows = Memo::new(move |_| detail.with(rows));
    let is_running = Memo::new(move |_| detail.with(|detail| !detail.trace.status.is_final()));
    let began = Memo::new(move |_| detail.with(|detail| UnixMillis::from(detail.trace.created_at)));
    let now = use_now();
    let now_ms = Memo::new(move |_| match now.get().filter(|_| is_running.get()) {
        Some(now) => (now.0 - began.get().0).max(0) as f64,
        None => 0.0,
    });
    let as_trace =
        format!("/monitoring/traces/{}", TraceId(*detail.with_untracked(|detail| detail.trace.id).as_bytes()));
    let step_detail = move |index: usize| {
        let step = detail.with(|detail| detail.trace.steps.get(index).cloned());
        step.map(|step| view! { <StepDetail step /> }).into_any()
    };
    view! {
        <Panel title="Steps" actions=move || view! { <A href=as_trace.clone()>"as a trace →"</A> }>
            <Waterfall label="Step" rows now_ms open toggle detail=step_detail />
        </Panel>
    }
}

#[component]
fn StepDetail(step: Step) -> impl IntoView {
    let details = step.details.filter(|details| !details.is_null()).map(|details| {
        let text = serde_json::to_string_pretty(&details).unwrap_or_default();
        view! {
            <div class="snippet">
                <pre tabindex="0"><code>{text.clone()}</code></pre>
                <CopyButton what="details" text=text />
            </div>
        }
    });
    let nothing = (details.is_none() && step.error.is_none()).then(|| view! { <p class="muted">"No details"</p> });
    view! {
        {step.error.map(|error| view! { <p class="pipeline-error">{error}</p> })}
        {details}
        {nothing}
    }
}

/// The range in which an ended trace's lines lie, with room for clocks and for what follows.
fn lines_range(detail: &PipelineDetail) -> Option<RangeSpec> {
    let end = detail.trace.completed_at.filter(|_| detail.trace.status.is_final())?;
    let from = UnixMillis::from(detail.trace.created_at).0 - MARGIN_MS;
    Some(RangeSpec::Fixed(UnixMillis(from.max(0)), UnixMillis(UnixMillis::from(end).0 + MARGIN_MS)))
}

/// The trace's log lines, oldest first, and those that come while the page is open.
#[component]
fn TraceLogs(detail: PipelineDetail) -> impl IntoView {
    let filter = LogFilter { trace_id: Some(TraceId::from(detail.trace.id)), ..LogFilter::default() };
    let range = lines_range(&detail).map(|range| range.to_string());
    let all = logs_href(&filter, range.as_deref());
    let list = RwSignal::new(LogList::new(detail.logs, PipelineDetail::MAX_LOGS as usize));
    let live = use_live();
    let (wanted, last_id) = (filter.clone(), detail.last_log_id);
    Effect::new(move |_| {
        live.tail(wanted.clone(), last_id, move |events| {
            list.try_update(|list| list.push(events));
        });
    });

    let navigate = use_navigate();
    let count = Signal::derive(move || list.with(LogList::len));
    let context = LineContext {
        narrow: Callback::new(move |by: crate::component::log_view::FieldFilter| {
            let mut filter = filter.clone();
            by.apply(&mut filter);
            navigate(&logs_href(&filter, range.as_deref()), leptos_router::NavigateOptions::default());
        }),
        expanded: RwSignal::new(std::collections::HashMap::new()),
        count,
        with_date: false,
    };
    let lines = move || -> Vec<(usize, LogRow)> {
        list.with(|list| (0..list.len()).rev().filter_map(|at| list.row(at).cloned()).enumerate().collect())
    };
    let draw = move |(index, row): (usize, LogRow)| match row {
        LogRow::Record(record) => view! { <LogLine record index context /> }.into_any(),
        LogRow::Missed { count, .. } => {
            let words = format!("{count} lines were not sent: this reader was too slow");
            view! { <li class="log-row log-missed">{words}</li> }.into_any()
        }
    };
    let drawn = NodeRef::<leptos::html::Ol>::new();
    let is_asked_for = StoredValue::new(false);
    Effect::new(move |_| {
        list.track();
        if is_asked_for.get_value() {
            return;
        }
        is_asked_for.set_value(true);
        // After the lines that have just come are drawn.
        after_delay(Duration::ZERO, move || {
            is_asked_for.try_set_value(false);
            if let (Some(Some(drawn)), Some(count)) = (drawn.try_get_untracked(), count.try_get_untracked()) {
                rows::number(&drawn, 0, count);
            }
        });
    });
    let on_focus = move |focused| {
        if let Some(drawn) = drawn.get_untracked() {
            rows::keep_tab_stop(&drawn, &focused);
        }
    };
    let is_empty = Memo::new(move |_| list.with(LogList::is_empty));
    let subtitle = Signal::derive(move || {
        let count = count.get();
        format!("{count} line{}, oldest first", if count == 1 { "" } else { "s" })
    });
    view! {
        <Panel
            title="Logs"
            subtitle
            actions=move || view! { <A href=all.clone()>"all lines of this trace →"</A> }
        >
            <div class="log-view trace-logs" role="log" aria-label="Log lines of this trace">
                {move || {
                    if is_empty.get() {
                        return view! { <p class="log-more">"No log line carries this trace id"</p> }.into_any();
                    }
                    view! {
                        <ol role="list" node_ref=drawn on:focusin=on_focus>
                            <For each=lines key=|(_, row)| row.key() children=draw />
                        </ol>
                    }
                    .into_any()
                }}
            </div>
        </Panel>
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use uuid::Uuid;

    use super::*;
    use crate::model::{LogId, PipelineTrace};

    fn step(name: &str, status: PipelineStatus, started_ms: Option<i64>, ended_ms: Option<i64>) -> Step {
        let at = |ms: i64| DateTime::<Utc>::UNIX_EPOCH + TimeDelta::milliseconds(1_000_000 + ms);
        Step {
            name: name.into(),
            status,
            started_at: started_ms.map(at),
            completed_at: ended_ms.map(at),
            duration_ms: None,
            details: None,
            error: None,
        }
    }

    fn detail(steps: Vec<Step>) -> PipelineDetail {
        let trace = PipelineTrace {
            id: Uuid::from_u128(7),
            trigger_type: "gitlab-push".into(),
            trigger_source: "gitlab".into(),
            git_commit_sha: None,
            git_commit_message: None,
            git_branch: None,
            git_author: None,
            git_author_email: None,
            git_project: None,
            git_files_changed: Vec::new(),
            tenant_id: None,
            api_id: None,
            api_name: None,
            environment: None,
            created_at: DateTime::<Utc>::UNIX_EPOCH + TimeDelta::milliseconds(1_000_000),
            completed_at: None,
            total_duration_ms: None,
            status: PipelineStatus::InProgress,
            error_summary: None,
            steps,
        };
        PipelineDetail { trace, logs: Vec::new(), last_log_id: LogId(0), newer: None, older: None, project_url: None }
    }

    #[test]
    fn steps_stand_at_their_real_offsets() {
        use PipelineStatus::{Failed, InProgress, Pending, Skipped};
        let detail = detail(vec![
            step("a", Failed, Some(5), Some(25)),
            step("b", InProgress, Some(25), None),
            step("c", Pending, Some(25), None),
            step("d", Skipped, Some(30), None),
        ]);
        let bars: Vec<Option<Bar>> = rows(&detail).into_iter().map(|row| row.bar).collect();
        assert_eq!(bars[0], Some(Bar { offset_ms: 5.0, duration_ms: Some(20.0) }));
        assert_eq!(bars[1], Some(Bar { offset_ms: 25.0, duration_ms: None }));
        assert_eq!(bars[2], None);
        assert_eq!(bars[3], Some(Bar { offset_ms: 30.0, duration_ms: Some(0.0) }));
        assert_eq!(default_open(&detail).as_deref(), Some("a"));
    }
}
