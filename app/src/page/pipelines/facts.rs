//! The head of a pipeline trace's page: how it stands and what it is about.

use leptos::prelude::*;
use leptos_router::components::A;
use uuid::Uuid;

use crate::{
    component::{
        age::use_now,
        badge::StatusBadge,
        copy::CopyButton,
        icon::{Icon, IconName},
        query::{encode, use_page_href},
        time::{format_date_time, format_duration_ms, format_whole_ms, use_zone},
    },
    model::{PipelineTrace, TraceId, UnixMillis, pipeline::PipelineDetail},
};

/// Address of the page of a commit.
fn commit_href(project_url: &str, sha: &str) -> String {
    format!("{}/-/commit/{}", project_url.trim_end_matches('/'), encode(sha))
}

/// Address of the page of a branch or tag; slashes in its name stay.
fn branch_href(project_url: &str, branch: &str) -> String {
    let branch: Vec<String> = branch.split('/').map(encode).collect();
    format!("{}/-/tree/{}", project_url.trim_end_matches('/'), branch.join("/"))
}

/// Status, message, neighbours and facts.
#[component]
pub fn PipelineHead(
    /// The trace.
    #[prop(into)]
    detail: Signal<PipelineDetail>,
) -> impl IntoView {
    let status = Memo::new(move |_| detail.with(|detail| detail.trace.status));
    let title = Memo::new(move |_| detail.with(|detail| headline(&detail.trace)));
    let neighbours = Memo::new(move |_| detail.with(|detail| (detail.newer, detail.older)));
    let error = Memo::new(move |_| detail.with(|detail| detail.trace.error_summary.clone()));
    let is_demo = detail.with_untracked(|detail| detail.trace.trigger_source == PipelineTrace::DEMO_SOURCE);
    view! {
        <header class="pipeline-head">
            <div class="pipeline-title">
                {move || view! { <StatusBadge status=status.get() /> }}
                {is_demo.then(|| view! { <b class="demo-mark" title="Demonstration data">"DEMO"</b> })}
                <h2>{title}</h2>
            </div>
            {move || {
                let (newer, older) = neighbours.get();
                view! { <Neighbours newer older /> }
            }}
        </header>
        {move || {
            error
                .get()
                .map(|error| {
                    view! {
                        <p class="pipeline-error">
                            <Icon name=IconName::Warning />
                            <span>{error}</span>
                        </p>
                    }
                })
        }}
        {view! { <Facts detail /> }.into_any()}
    }
}

#[component]
fn Neighbours(newer: Option<Uuid>, older: Option<Uuid>) -> impl IntoView {
    let href = use_page_href();
    let link = move |id: Option<Uuid>, label: &'static str, icon: IconName| match id {
        Some(id) => {
            let href = href.clone();
            let target = move || href(&format!("/monitoring/pipelines/{id}"));
            view! { <A href=target attr:class="button"><Icon name=icon />{label}</A> }.into_any()
        }
        None => view! { <span class="button" aria-disabled="true"><Icon name=icon />{label}</span> }.into_any(),
    };
    view! {
        <nav class="neighbours" aria-label="Neighbouring pipelines">
            {link.clone()(newer, "Newer", IconName::ChevronLeft)}
            {link(older, "Older", IconName::ChevronRight)}
        </nav>
    }
}

/// The first line of the commit message, else what set the trace off.
fn headline(trace: &PipelineTrace) -> String {
    let line = trace.git_commit_message.as_deref().and_then(|message| message.lines().next()).map(str::trim);
    line.filter(|line| !line.is_empty()).unwrap_or(&trace.trigger_type).to_owned()
}

#[component]
fn Facts(detail: Signal<PipelineDetail>) -> impl IntoView {
    let zone = use_zone();
    let now = use_now();
    let times = Memo::new(move |_| {
        detail.with(|detail| (detail.trace.created_at, detail.trace.total_duration_ms, detail.trace.status.is_final()))
    });
    let started = move || format_date_time(times.get().0.into(), zone.get());
    let duration = move || match (times.get(), now.get()) {
        ((_, Some(ms), _), _) => format_whole_ms(ms),
        ((created_at, None, false), Some(now)) => {
            let so_far = (now.0 - UnixMillis::from(created_at).0).max(0);
            format!("{} so far", format_duration_ms(so_far as f64))
        }
        _ => "–".to_owned(),
    };
    // What follows does not change while a trace goes on.
    let (trace, project_url) = detail.with_untracked(|detail| (detail.trace.clone(), detail.project_url.clone()));
    let trace_id = TraceId::from(trace.id).to_string();
    let commit = trace.git_commit_sha.clone().map(|sha| {
        let short: String = sha.chars().take(8).collect();
        let shown = match &project_url {
            Some(url) => view! { <ExternalLink href=commit_href(url, &sha) text=short /> }.into_any(),
            None => view! { <span>{short}</span> }.into_any(),
        };
        view! { {shown} <CopyButton what="commit" text=sha /> }.into_any()
    });
    let branch = trace.git_branch.clone().map(|branch| match &project_url {
        Some(url) => view! { <ExternalLink href=branch_href(url, &branch) text=branch.clone() /> }.into_any(),
        None => branch.into_any(),
    });
    let project = trace.git_project.clone().map(|project| match &project_url {
        Some(url) => view! { <ExternalLink href=url.clone() text=project.clone() /> }.into_any(),
        None => project.into_any(),
    });
    let author = trace.git_author.clone().map(|author| {
        // Where it is too long for its cell it breaks before the domain.
        let email = trace.git_author_email.as_deref().map(|email| {
            let (name, domain) = email.split_once('@').unwrap_or((email, ""));
            let domain = if domain.is_empty() { String::new() } else { format!("@{domain}") };
            view! { " "<span class="muted">{name.to_owned()}<wbr />{domain}</span> }
        });
        view! {
            {author}
            {email}
        }
        .into_any()
    });
    let text = |value: Option<String>| value.map(IntoAny::into_any);
    let files = trace.git_files_changed;
    let api = trace.api_name.clone().or(trace.api_id.clone());
    view! {
        <dl class="facts">
            <Fact label="Trace id">
                <span class="ellipsis">{trace_id.clone()}</span>
                <CopyButton what="trace id" text=trace_id />
            </Fact>
            <Fact label="Started"><span>{started}</span></Fact>
            <Fact label="Duration"><span>{duration}</span></Fact>
            <Fact label="Trigger">{format!("{} from {}", trace.trigger_type, trace.trigger_source)}</Fact>
            <MaybeFact label="Project" value=project />
            <MaybeFact label="Branch" value=branch />
            <MaybeFact label="Commit" value=commit />
            <MaybeFact label="Author" value=author />
            <MaybeFact label="Tenant" value=text(trace.tenant_id) />
            <MaybeFact label="API" value=text(api) />
            <MaybeFact label="Environment" value=text(trace.environment) />
        </dl>
        {(!files.is_empty()).then(|| view! { <ChangedFiles files /> })}
    }
}

#[component]
fn Fact(label: &'static str, children: Children) -> impl IntoView {
    view! {
        <div class="fact">
            <dt>{label}</dt>
            <dd>{children()}</dd>
        </div>
    }
    .into_any()
}

#[component]
fn MaybeFact(label: &'static str, value: Option<AnyView>) -> impl IntoView {
    value.map(|value| view! { <Fact label>{value}</Fact> })
}

#[component]
fn ExternalLink(href: String, text: String) -> impl IntoView {
    view! { <a href=href rel="external noreferrer" target="_blank">{text}<Icon name=IconName::Open /></a> }
}

#[component]
fn ChangedFiles(files: Vec<String>) -> impl IntoView {
    let count = files.len();
    view! {
        <details class="changed-files">
            <summary>{format!("{count} changed file{}", if count == 1 { "" } else { "s" })}</summary>
            <ul>{files.into_iter().map(|file| view! { <li>{file}</li> }).collect_view()}</ul>
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_projects_pages() {
        assert_eq!(commit_href("https://git.example/a/b/", "6b1f"), "https://git.example/a/b/-/commit/6b1f");
        assert_eq!(branch_href("https://git.example/a/b", "fix/a b"), "https://git.example/a/b/-/tree/fix/a%20b");
    }
}
