//! Lines by the pattern of their message.

use leptos::prelude::*;

use crate::{
    component::{
        age::Moment,
        empty::{Empty, EmptyKind},
        log_view::{LevelMark, LogState},
        number::format_count,
        query::use_href,
    },
    model::{LogCondition, LogPattern, LogPatterns, LogSearch, LogTerm, log_pattern},
    page::traces::service::{ServiceMark, tint},
};

use super::VIEW;

/// What the lines of the range have in common; a click lists the lines of one pattern.
#[component]
pub fn PatternTable(
    /// The patterns.
    found: LogPatterns,
    /// What is shown.
    state: LogState,
) -> impl IntoView {
    if found.patterns.is_empty() {
        let is_filtered = state.filter.with_untracked(|filter| !filter.is_empty());
        let kind =
            if is_filtered { EmptyKind::Filters(Callback::new(move |()| state.clear())) } else { EmptyKind::Range };
        return view! { <div class="panel"><Empty kind what="log lines" /></div> }.into_any();
    }
    let about = if found.is_estimate { "about " } else { "" };
    let counted = format!(
        "{}{} patterns in {} lines{}",
        if found.more_patterns > 0 { "the most frequent of " } else { "" },
        format_count(found.patterns.len() as u64 + found.more_patterns),
        format_count(found.lines),
        if found.is_estimate { ", an evenly spread part of all" } else { "" },
    );
    let most = found.patterns.first().map_or(1, |pattern| pattern.lines).max(1);
    let rows = found.patterns.into_iter().map(|pattern| view! { <Row pattern most about state /> });
    view! {
        <div class="panel">
            <div class="list-strip"><span role="status">{counted}</span></div>
            <div class="table-scroll">
                <table class="table pattern-table">
                    <thead>
                        <tr>
                            <th scope="col" class="cell-number">"Lines"</th>
                            <th scope="col">"Level"</th>
                            <th scope="col">"Service"</th>
                            <th scope="col">"Pattern"</th>
                            <th scope="col">"First seen"</th>
                        </tr>
                    </thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn Row(pattern: LogPattern, most: u64, about: &'static str, state: LogState) -> impl IntoView {
    let href = use_href();
    let term = LogTerm::wants(LogCondition::Pattern(pattern.pattern.clone()));
    // The list of lines, narrowed by the pattern.
    let lines_href = move || {
        let search = state.search.with(|search| {
            let mut search: LogSearch = search.clone();
            search.add(term.clone());
            search.to_string()
        });
        href(&[("search", Some(search)), (VIEW, None)])
    };
    let width = format!("{:.2}%", pattern.lines as f64 / most as f64 * 100.0);
    let new = pattern.is_new.then(|| {
        view! { <span class="badge pattern-new" title="First seen in the last part of this range">"new"</span> }
    });
    let others = (pattern.more_services > 0)
        .then(|| view! { <span class="muted">{format!(" +{}", pattern.more_services)}</span> });
    let tint = tint(&pattern.service);
    view! {
        <tr data-row data-level=pattern.level.key()>
            <td class="cell-number">
                <svg class="pattern-bar" aria-hidden="true"><rect width=width height="100%" /></svg>
                {format!("{about}{}", format_count(pattern.lines))}
            </td>
            <td><LevelMark level=pattern.level /></td>
            <td class="cell-service"><ServiceMark name=pattern.service tint />{others}</td>
            <td class="cell-pattern">
                {new}
                <a data-noscroll data-row-open href=lines_href>{parts(&pattern.pattern)}</a>
            </td>
            <td class="cell-seen"><Moment at=pattern.first_seen.to_millis() /></td>
        </tr>
    }
    .into_any()
}

/// A pattern with what differs set apart.
fn parts(pattern: &str) -> AnyView {
    let mut parts = Vec::new();
    for (at, literal) in log_pattern::literals(pattern).enumerate() {
        if at > 0 {
            parts.push(view! { <i class="pattern-any">{log_pattern::ANY}</i> }.into_any());
        }
        parts.push(view! { <span>{literal.to_owned()}</span> }.into_any());
    }
    parts.into_any()
}
