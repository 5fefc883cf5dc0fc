//! What the matching lines have in common; each is a way to narrow the list.

use std::sync::Arc;

use leptos::prelude::*;

use crate::{
    component::{
        icon::{Icon, IconName},
        log_view::{LevelMark, LogState},
        number::format_count,
        query::use_href,
    },
    model::{
        AttributeFacet, Comparison, Level, LogCondition, LogSearch, LogSummary, LogTerm, ServiceLines, ValueCount,
    },
    page::traces::service::{ServiceMark, tint},
};

/// Services that are listed unless they are few more.
const MOST_SERVICES: usize = 12;

/// Counts by level, service and attribute.
#[component]
pub fn LogFacets(
    /// The counts.
    summary: LogSummary,
    /// What is shown.
    state: LogState,
) -> impl IntoView {
    let about = if summary.is_estimate { "~" } else { "" };
    let levels = Level::ALL.into_iter().rev().filter(|level| summary.levels[*level as usize] > 0);
    let level = |level: Level| {
        let term = LogTerm::wants(LogCondition::Level(Comparison::Same, level));
        let count = format!("{about}{}", format_count(summary.levels[level as usize]));
        view! { <Facet state term label=level.key().to_owned() count><LevelMark level /></Facet> }
    };
    let levels = levels.map(level).collect_view();
    let service = move |one: ServiceLines| {
        let term = LogTerm::wants(LogCondition::Service(one.service.clone()));
        let tint = tint(&one.service);
        let errors = (one.errors > 0).then(|| view! { <Errors count=one.errors /> });
        let count = format!("{about}{}", format_count(one.lines));
        view! {
            <Facet state term label=one.service.clone() count>
                <ServiceMark name=one.service.clone() tint />
                {errors}
            </Facet>
        }
    };
    let mut services = summary.services;
    let rest = services.split_off(services.len().min(MOST_SERVICES));
    let rest_count = rest.len() as u64 + summary.more_services;
    let rest = (!rest.is_empty()).then(|| {
        view! {
            <details class="facet-more">
                <summary>{format!("{} more", format_count(rest_count))}</summary>
                <ul>{rest.into_iter().map(service).collect_view()}</ul>
            </details>
        }
    });
    let attributes = (!summary.attributes.is_empty()).then(|| {
        let counted = format!("of the newest {} lines", format_count(summary.attribute_lines));
        view! {
            <section class="facet-group" aria-labelledby="facet-attributes">
                <h2 id="facet-attributes">"Attributes"</h2>
                <p class="muted facet-about">{counted}</p>
                {summary.attributes.into_iter().map(|facet| view! { <Attribute facet state /> }).collect_view()}
            </section>
        }
    });
    view! {
        <aside class="facets log-facets" aria-label="Narrow the list">
            <section class="facet-group" aria-labelledby="facet-levels">
                <h2 id="facet-levels">"Level"</h2>
                <ul>{levels}</ul>
            </section>
            <section class="facet-group" aria-labelledby="facet-services">
                <h2 id="facet-services">"Service"</h2>
                <ul>{services.into_iter().map(service).collect_view()}</ul>
                {rest}
            </section>
            {attributes}
        </aside>
    }
    .into_any()
}

#[component]
fn Errors(count: u64) -> impl IntoView {
    let label = format!("{} errors", format_count(count));
    view! {
        <span class="error-count" title=label>
            <Icon name=IconName::Close />
            {format_count(count)}
            <span class="visually-hidden">" errors"</span>
        </span>
    }
}

/// One attribute, folded unless one of its values is asked for.
#[component]
fn Attribute(facet: AttributeFacet, state: LogState) -> impl IntoView {
    let AttributeFacet { key, lines, values, more_values } = facet;
    let is_open = state.search.with_untracked(|search| {
        let names = |term: &LogTerm| matches!(&term.condition, LogCondition::Attribute(name, _) if *name == key);
        search.0.iter().any(names)
    });
    let more = (more_values > 0)
        .then(|| view! { <p class="muted">{format!("and {} more values", format_count(more_values))}</p> });
    let value = |one: ValueCount| {
        let term = LogTerm::attribute(&key, &one.value)?;
        let shown = if one.value.is_empty() { "(empty)".to_owned() } else { one.value.clone() };
        Some(view! {
            <Facet state term label=format!("{key} = {}", one.value) count=format_count(one.lines)>
                <span class="facet-value" title=one.value.clone()>{shown}</span>
            </Facet>
        })
    };
    let values = values.into_iter().filter_map(value).collect_view();
    view! {
        <details class="facet-attribute" open=is_open>
            <summary>
                <span class="facet-key" title=key.clone()>{key.clone()}</span>
                <span class="facet-count">{format_count(lines)}</span>
            </summary>
            <ul>{values}</ul>
            {more}
        </details>
    }
    .into_any()
}

/// One condition: a link that asks for it and back, and one that rules it out.
#[component]
fn Facet(
    state: LogState,
    term: LogTerm,
    /// In words, for screen readers.
    label: String,
    count: String,
    children: Children,
) -> impl IntoView {
    let href = use_href();
    // What the links do is kept by themselves: they may be asked once more when the list of facets has gone.
    let condition = Arc::new(term.condition);
    let link = |is_negated: bool| {
        let (href, term) = (href.clone(), LogTerm { is_negated, condition: condition.as_ref().clone() });
        move || href(&[("search", Some(toggled(state, &term)))])
    };
    let current = |is_negated: bool| {
        let term = LogTerm { is_negated, condition: condition.as_ref().clone() };
        move || state.search.with(|search| search.0.contains(&term)).then_some("true")
    };
    let name = format!("Without {label}");
    view! {
        <li class="facet-row">
            <a class="facet" data-noscroll href=link(false) aria-current=current(false)>
                {children()}
                <span class="facet-count">{count}</span>
            </a>
            <a class="facet-out" data-noscroll href=link(true) aria-label=name.clone()
                title=name aria-current=current(true)>
                <Icon name=IconName::Dash />
            </a>
        </li>
    }
    .into_any()
}

/// The search with this term, or its opposite, if it is not there, and else without it.
fn toggled(state: LogState, term: &LogTerm) -> String {
    state.search.with(|search| {
        let mut search: LogSearch = search.clone();
        if search.0.contains(term) {
            search.remove(term);
        } else {
            search.add(term.clone());
        }
        search.to_string()
    })
}
