//! The verdict in one line, and every reason for it as a link to the evidence.

use leptos::prelude::*;

use super::data::Latest;
use crate::{
    component::{
        icon::{Icon, IconName},
        query::use_page_href,
        reactive::{part, text, word},
        time::{TimeFormat, format_date_time, format_wall, use_zone},
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
        let Some(since) = since.get() else { return ().into_any() };
        let is_today = now.get().0 - since.0 < 86_400_000;
        let format = if is_today { TimeFormat::Minute } else { TimeFormat::DayMinute };
        let text = format!("since {}", format_wall(since, zone.get(), format));
        let title = format_date_time(since, zone.get());
        view! { <span class="banner-since" title=title>{text}</span> }.into_any()
    };
    let calm = move || {
        let text = match (reasons.with(Vec::is_empty), is_new.get()) {
            (false, _) => return ().into_any(),
            (true, true) => "Console has just started. Its first figures appear within a minute.",
            (true, false) => "Nothing is wrong.",
        };
        view! { <p class="banner-calm">{text}</p> }.into_any()
    };
    view! {
        <section class="banner" data-level=word(move || level_key(level.get())) aria-label="Status">
            <p class="banner-level" role="status">
                {part(move || view! { <Icon name=level_icon(level.get()) /> }.into_any())}
                <strong>{word(move || level.get().label())}</strong>
                {part(since_text)}
            </p>
            {part(calm)}
            <ul class="banner-reasons">
                {part(move || reasons.get().into_iter().map(|reason| view! { <Reason reason /> }).collect_view().into_any())}
            </ul>
        </section>
    }
    .into_any()
}

#[component]
fn Reason(reason: StatusReason) -> impl IntoView {
    let severity = severity_key(reason.severity);
    let page_href = use_page_href();
    let href = text(move || page_href(&reason.href));
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
