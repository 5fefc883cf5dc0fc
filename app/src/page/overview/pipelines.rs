//! The newest pipeline traces.

use leptos::prelude::*;

use super::data::Latest;
use crate::{
    component::{
        age::{Age, use_now},
        badge::StatusBadge,
        empty::{Empty, EmptyKind},
        panel::Panel,
        query::use_page_href,
        reactive::{part, text},
        step_strip::StepStrip,
        time::format_whole_ms,
    },
    model::{PipelineSummary, UnixMillis},
};

/// The newest pipeline traces, each a link to its page.
#[component]
pub fn Pipelines(
    /// The newest answer.
    latest: Latest,
) -> impl IntoView {
    let pipelines = latest.pick(Vec::new(), |overview| overview.pipelines.clone());
    let href = use_page_href();
    let now = use_now();
    let all = move || {
        let href = href.clone();
        view! { <a href=text(move || href("/monitoring/pipelines"))>"all →"</a> }
    };
    view! {
        <Panel title="Pipelines" class="latest-pipelines" actions=all>
            {part(move || {
                let rows = pipelines.get();
                if rows.is_empty() {
                    view! {
                        <Empty kind=EmptyKind::Never what="pipeline traces">
                            <a class="button" href="/monitoring/pipelines">"Connect GitLab"</a>
                        </Empty>
                    }.into_any()
                } else {
                    let rows = rows.into_iter().map(|trace| view! { <Row trace now /> }).collect_view();
                    view! { <ul>{rows}</ul> }.into_any()
                }
            })}
        </Panel>
    }
    .into_any()
}

#[component]
fn Row(trace: PipelineSummary, now: Signal<Option<UnixMillis>>) -> impl IntoView {
    let name =
        trace.api_name.clone().or_else(|| trace.git_project.clone()).unwrap_or_else(|| trace.trigger_type.clone());
    let message = trace.git_commit_message.as_deref().and_then(|text| text.lines().next()).unwrap_or("").to_owned();
    let author = trace.git_author.clone();
    let duration = trace.total_duration_ms.map(format_whole_ms);
    view! {
        <li class="pipeline-row" data-row>
            <StatusBadge status=trace.status />
            <a class="pipeline-name ellipsis" href=format!("/monitoring/pipelines/{}", trace.id)>
                {name} {trace.git_branch.map(|branch| view! { " "<span class="muted">{branch}</span> })}
            </a>
            <StepStrip statuses=trace.step_statuses />
            <span class="pipeline-message ellipsis">{message}</span>
            <span class="pipeline-facts">
                {author.map(|author| format!("{author} · "))}
                {duration.map(|duration| format!("{duration} · "))}
                <Age at=trace.created_at.into() now />
            </span>
        </li>
    }
    .into_any()
}
