//! The rows of the list.

use leptos::prelude::*;
use leptos_router::components::A;

use crate::{
    component::{
        age::{Age, use_now},
        badge::StatusBadge,
        step_strip::StepStrip,
        time::{format_duration_ms, format_whole_ms},
    },
    model::{PipelineSummary, UnixMillis},
};

/// Pipeline traces as a table, newest first.
#[component]
pub fn PipelineTable(
    /// The rows.
    #[prop(into)]
    rows: Signal<Vec<PipelineSummary>>,
) -> impl IntoView {
    let now = use_now();
    view! {
        <div class="table-scroll">
            <table class="table pipeline-table">
                <thead>
                    <tr>
                        <th scope="col">"Status"</th>
                        <th scope="col">"Pipeline"</th>
                        <th scope="col">"Commit"</th>
                        <th scope="col">"Branch"</th>
                        <th scope="col">"Author"</th>
                        <th scope="col">"Environment"</th>
                        <th scope="col">"Steps"</th>
                        <th scope="col" class="number">"Duration"</th>
                        <th scope="col" class="number">"Started"</th>
                    </tr>
                </thead>
                <tbody>
                    <For
                        each=move || rows.get()
                        // A row that changes is drawn anew.
                        key=|row| (row.id, row.status, row.total_duration_ms, row.step_statuses.clone())
                        children=move |row| view! { <PipelineRow row now /> }
                    />
                </tbody>
            </table>
        </div>
    }
}

#[component]
fn PipelineRow(row: PipelineSummary, now: Signal<Option<UnixMillis>>) -> impl IntoView {
    let started = UnixMillis::from(row.created_at);
    let is_demo = row.is_demo();
    let duration = move || match (row.total_duration_ms, now.get()) {
        (Some(ms), _) => format_whole_ms(ms),
        (None, Some(now)) if !row.status.is_final() => format_duration_ms((now.0 - started.0) as f64),
        (None, _) => "–".to_owned(),
    };
    let target = target(&row);
    let title = Signal::stored(title(&row));
    let error = row.error_summary.clone();
    let text = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    view! {
        <tr data-row data-status=row.status.key()>
            <td class="cell-status"><StatusBadge status=row.status /></td>
            <td class="cell-title">
                <A href=format!("/monitoring/pipelines/{}", row.id) attr:title=title>{title}</A>
                <span class="cell-target">
                    {is_demo.then(|| view! { <b class="demo-mark" title="Demonstration data">"DEMO"</b> })}
                    {target}
                    {error.map(|error| view! { <span class="cell-error" title=error.clone()>{error.clone()}</span> })}
                </span>
            </td>
            <td class="cell-commit">{text(row.git_commit_sha)}</td>
            <td class="cell-branch">{text(row.git_branch)}</td>
            <td class="cell-author">{text(row.git_author)}</td>
            <td class="cell-environment">{text(row.environment)}</td>
            <td class="cell-steps"><StepStrip statuses=row.step_statuses /></td>
            <td class="cell-duration number">{duration}</td>
            <td class="cell-age number"><Age at=started now /></td>
        </tr>
    }
}

/// What the row is called: the first line of the commit message.
pub fn title(row: &PipelineSummary) -> String {
    let message = row.git_commit_message.as_deref().and_then(|message| message.lines().next());
    message.map(str::trim).filter(|line| !line.is_empty()).unwrap_or(&row.trigger_type).to_owned()
}

/// What it delivers: tenant and API, else the project.
fn target(row: &PipelineSummary) -> String {
    let api = row.api_name.as_ref().or(row.api_id.as_ref());
    match (&row.tenant_id, api, &row.git_project) {
        (Some(tenant), Some(api), _) => format!("{tenant} / {api}"),
        (None, Some(api), _) => api.clone(),
        (Some(tenant), None, None) => tenant.clone(),
        (_, None, Some(project)) => project.clone(),
        (None, None, None) => row.trigger_type.clone(),
    }
}
