//! The verdict in one line, and every reason for it as a link to the evidence.

use leptos::prelude::*;

use super::data::Latest;
use crate::{
    component::{
        icon::{Icon, IconName},
        query::use_page_href,
        time::{format_date_time, format_wall, use_zone},
    },
    model::{Severity, StatusLevel, UnixMillis, overview::StatusReason},
};

/// The verdict and its reasons.
#[component]
pub fn Banner(
    /// The newest answer.
    latest: Latest,
) -> impl IntoView {
    let zone = use_zone();
    let level = latest.pick(StatusLevel::Operational, |overview| overview.status);
    let since = latest.pick(None, |overview| overview.since);
    let now = latest.pick(UnixMillis(0), |overview| overview.now);
    let reasons = latest.pick(Vec::new(), |overview| overview.reasons.clone());
    let is_new = latest.pick(false, |overview| overview.is_new);
    let since_text = move || {
        let since = since.get()?;
        let format = if now.get().0 - since.0 < 86_400_000 { "%H:%M" } else { "%b %-d %H:%M" };
        let text = format!("since {}", format_wall(since, zone.get(), format));
        let title = format_date_time(since, zone.get());
        Some(view! { <span class="banner-since" title=title>{text}</span> })
    };
    let calm = move || {
        let text = match (reasons.with(Vec::is_empty), is_new.get()) {
            (false, _) => return None,
            (true, true) => "Console has just started. Its first figures appear within a minute.",
            (true, false) => "Nothing is wrong.",
        };
        Some(view! { <p class="banner-calm">{text}</p> })
    };
    view! {
        <section class="banner" data-level=move || level_key(level.get()) aria-label="Status">
            <p class="banner-level" role="status">
                {move || view! { <Icon name=level_icon(level.get()) /> }}
                <strong>{move || level.get().label()}</strong>
                {since_text}
            </p>
            {calm}
            <ul class="banner-reasons">
                {move || reasons.get().into_iter().map(|reason| view! { <Reason reason /> }).collect_view()}
            </ul>
        </section>
    }
    .into_any()
}

#[component]
fn Reason(reason: StatusReason) -> impl IntoView {
    let severity = severity_key(reason.severity);
    let page_href = use_page_href();
    let href = move || page_href(&reason.href);
    view! {
        <li>
            <a class="reason" href=href data-severity=severity>
                <span class="reason-title">{reason.title}</span>
                <span class="reason-detail">{reason.detail}</span>
            </a>
        </li>
    }
}

fn level_key(level: StatusLevel) -> &'static str {
    match level {
        StatusLevel::Operational => "operational",
        StatusLevel::Degraded => "degraded",
        StatusLevel::Down => "down",
    }
}

fn level_icon(level: StatusLevel) -> IconName {
    match level {
        StatusLevel::Operational => IconName::Check,
        StatusLevel::Degraded => IconName::Warning,
        StatusLevel::Down => IconName::Close,
    }
}

/// The name of a severity in the style sheet.
pub fn severity_key(severity: Severity) -> &'static str {
    match severity {
        Severity::Ok => "ok",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}
