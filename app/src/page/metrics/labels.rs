//! The labels of the metric that is shown: clicks filter and group by them, and the query follows.

use leptos::prelude::*;

use super::{
    builder::{Built, Shape, is_plain},
    data::Source,
    state::{Explorer, LABEL, View},
};
use crate::{
    component::{
        error_panel::ErrorPanel,
        icon::{Icon, IconName},
        number::format_count,
        panel::Panel,
        reactive::{maybe, part, text},
        skeleton::SkeletonLines,
    },
    model::{LabelFacet, LabelValue, MetricLabels, MetricLabelsQuery},
};

/// What is shown of the metric, and its labels.
#[component]
pub fn MetricLabelsPanel(state: Explorer, source: Source) -> impl IntoView {
    let shapes = part(move || source.built.get().map(|built| shapes(state, &built)).into_any());
    let found = part(move || match (source.labels.get().flatten(), source.built.get()) {
        (Some(Ok(labels)), Some(built)) => listed(state, &labels, &built),
        (Some(Err(error)), _) => {
            view! { <ErrorPanel what="labels" error retry=move |()| source.labels.refetch() /> }.into_any()
        }
        _ => ().into_any(),
    });
    let is_empty = Memo::new(move |_| state.queries.with(|queries| queries.rows[queries.at].text.is_empty()));
    let hint = part(move || {
        let hint = if source.built.with(Option::is_some) {
            return ().into_any();
        } else if is_empty.get() {
            "Choose a metric: its labels stand here."
        } else {
            "This query was written by hand: its labels are changed there."
        };
        view! { <p class="panel-note">{hint}</p> }.into_any()
    });
    let subtitle =
        text(move || source.built.with(|built| built.as_ref().map(|built| built.metric.clone()).unwrap_or_default()));
    view! {
        <Panel title="Labels" subtitle class="metric-labels">
            {hint}
            {shapes}
            <Transition fallback=|| view! { <div class="metric-list-wait"><SkeletonLines lines=4 /></div> }>
                {found}
            </Transition>
        </Panel>
    }
    .into_any()
}

/// The page after a click.
pub fn shape_href(state: Explorer, built: &Built) -> String {
    let queries = state.queries.with(|queries| {
        let unit = queries.rows[queries.at].unit;
        let mut queries = queries.with_text(built.write());
        queries.rows[queries.at].unit = unit;
        queries
    });
    match (built.shape, state.view.get()) {
        (Shape::Buckets, View::Heatmap) => state.href(&queries),
        (Shape::Buckets, _) => state.href_as(&queries, View::Heatmap),
        (_, View::Heatmap) => state.href_as(&queries, View::Line),
        _ => state.href(&queries),
    }
}

/// What else the metric can be shown as.
fn shapes(state: Explorer, built: &Built) -> AnyView {
    let choice = |shape: &Shape| {
        let shape = *shape;
        let current = (shape == built.shape).then_some("true");
        let other = Built { shape, ..built.clone() };
        view! {
            <li>
                <a class="tab" data-noscroll aria-current=current href=text(move || shape_href(state, &other))>{shape.label()}</a>
            </li>
        }
    };
    view! {
        <nav class="tabs metric-shapes" aria-label="Shown of the metric">
            <ul>{built.shape.choices().iter().map(choice).collect_view()}</ul>
        </nav>
    }
    .into_any()
}

fn listed(state: Explorer, labels: &MetricLabels, built: &Built) -> AnyView {
    let plain = labels.labels.iter().filter(|label| is_plain(&label.name, false));
    let groups: Vec<AnyView> = plain.map(|label| facet(state, label, built)).collect();
    let none = groups.is_empty().then(|| view! { <p class="panel-note">"It has no labels."</p> });
    let left_out = labels.label_count.saturating_sub(labels.labels.len() as u64);
    let more = (left_out > 0)
        .then(|| view! { <p class="panel-note">{format!("{} more labels.", format_count(left_out))}</p> });
    view! {
        <p class="panel-note">{format!("{} series", format_count(labels.series))}</p>
        {groups}
        {none}
        {more}
    }
    .into_any()
}

/// One label with its values.
fn facet(state: Explorer, label: &LabelFacet, built: &Built) -> AnyView {
    let name = label.name.clone();
    let is_grouped = built.by.contains(&name);
    let can_group = built.shape != Shape::Buckets;
    let grouped = built.grouped(&name);
    let group = can_group.then(|| {
        let told = if is_grouped { format!("No longer by {name}") } else { format!("One result for each {name}") };
        view! {
            <a class="label-group" data-noscroll href=text(move || shape_href(state, &grouped)) title=told
                aria-current=is_grouped.then_some("true")>
                "by" <span class="visually-hidden">{format!(" {name}")}</span>
            </a>
        }
    });
    let is_open = {
        let name = name.clone();
        Memo::new(move |_| state.label.with(|label| label.as_ref() == Some(&name)))
    };
    let shown = if is_open.get_untracked() { label.values.len() } else { MetricLabelsQuery::SOME_VALUES as usize };
    // What is chosen is always listed, so that it can be taken back.
    let chosen = built.tests.iter().filter(|test| test.label == name).flat_map(|test| &test.values);
    let (first, rest) = label.values.split_at(shown.min(label.values.len()));
    let mut values: Vec<LabelValue> = first.to_vec();
    for value in chosen {
        if !values.iter().any(|known| known.value == *value) {
            let series = rest.iter().find(|known| known.value == *value).map_or(0, |known| known.series);
            values.push(LabelValue { value: value.clone(), series });
        }
    }
    let left_out = label.distinct.saturating_sub(values.len() as u64);
    let more = (left_out > 0 || is_open.get_untracked()).then(|| {
        let name = name.clone();
        let href = text(move || state.href_with(LABEL, (!is_open.get()).then_some(name.as_str())));
        let told = match (is_open.get_untracked(), left_out) {
            (true, 0) => "Show fewer".to_owned(),
            (true, count) => format!("Show fewer; {} more", format_count(count)),
            (false, count) => format!("{} more", format_count(count)),
        };
        view! { <a class="label-more" data-noscroll href=href>{told}</a> }
    });
    let rows = values.into_iter().map(|value| value_row(state, &name, &value, built)).collect_view();
    let id = format!("label-{name}");
    view! {
        <section class="label-facet" aria-labelledby=id.clone()>
            <h3 id=id.clone()><span class="label-name">{name.clone()}</span> <span class="muted">{format_count(label.distinct)}</span> {group}</h3>
            <ul>{rows}</ul>
            {more}
        </section>
    }
    .into_any()
}

fn value_row(state: Explorer, label: &str, value: &LabelValue, built: &Built) -> AnyView {
    let LabelValue { value, series } = value.clone();
    let chosen = built.chosen(label, &value);
    let with = built.toggled(label, &value, false);
    let without = built.toggled(label, &value, true);
    let only = if chosen == Some(false) { "No longer only" } else { "Only" };
    let not = if chosen == Some(true) { "No longer without" } else { "Without" };
    let not = format!("{not} {label}={value}");
    view! {
        <li class="label-value" data-chosen=chosen.map(|is_not| if is_not { "out" } else { "in" })>
            <a class="label-in" data-noscroll href=text(move || shape_href(state, &with)) title=format!("{only} {label}={value}")
                aria-current=maybe(move || (chosen == Some(false)).then_some("true"))>
                <span class="label-text"><span class="visually-hidden">{format!("{only} {label}: ")}</span>{value.clone()}</span>
                <span class="label-count"><span class="visually-hidden">"series: "</span>{format_count(series)}</span>
            </a>
            <a class="label-out" data-noscroll href=text(move || shape_href(state, &without)) title=not.clone() aria-label=not
                aria-current=maybe(move || (chosen == Some(true)).then_some("true"))>
                <Icon name=IconName::Dash />
            </a>
        </li>
    }
    .into_any()
}
