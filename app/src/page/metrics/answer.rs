//! What a query answers: drawn, or as a table, with what was read for it.

use leptos::prelude::*;

use super::{
    builder::Built,
    data::Source,
    labels::shape_href,
    never::HowToSend,
    state::{Explorer, View},
    table::ValueTable,
};
use crate::{
    component::{
        chart::{BucketMap, Buckets, QueryChart, QueryChartData},
        empty::{Empty, EmptyKind},
        number::{format_count, format_unit},
        promql::series::{full_name, names},
        reactive::{part, text},
        time::{TimeFormat, format_duration_ms, format_wall, use_zone},
    },
    model::{
        ChartData, MetricAnswer, MetricExemplar, MetricForm,
        overview::{ChartSeries, Grid, Unit},
    },
};

/// Exemplars that are listed.
const LISTED_EXEMPLARS: usize = 10;

/// Why nothing is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nothing {
    /// No query stands here.
    NoQuery,
    /// No metric was ever received.
    Never,
    /// The query has no answer.
    Problem,
    /// Its metric has no series in this range.
    Range,
    /// It selects nothing.
    NoMatch,
}

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Nothing(Nothing),
    Chart,
    Buckets,
    NoBuckets,
    Table,
    /// A newer answer is on its way.
    Waiting,
}

/// The answer of a query.
#[component]
pub fn Answer(
    state: Explorer,
    source: Source,
    at: usize,
    name: char,
    unit: Memo<Unit>,
    answer: Memo<Option<MetricAnswer>>,
    value: Memo<String>,
) -> impl IntoView {
    let grid = Memo::new(move |_| source.latest.with(|latest| latest.as_ref().map(|(_, answers)| answers.grid)));
    let is_new = Memo::new(move |_| matches!(source.metrics.get(), Some(Ok(list)) if list.is_new));
    let buckets = Memo::new(move |_| answer.with(|answer| Buckets::of(&answer.as_ref()?.series, grid.get()?)));
    let shown = Memo::new(move |before: Option<&Shown>| {
        let form = source.latest.with(|latest| latest.as_ref().map(|(query, _)| query.form));
        let is_table = matches!(form, Some(MetricForm::Table(_)));
        if value.with(String::is_empty) {
            return Shown::Nothing(if is_new.get() { Nothing::Never } else { Nothing::NoQuery });
        }
        answer.with(|answer| {
            let Some(answer) = answer.as_ref().filter(|answer| value.with(|value| *value == answer.text)) else {
                return before.copied().unwrap_or(Shown::Waiting);
            };
            match state.view.get() {
                _ if answer.problem.is_some() => Shown::Nothing(Nothing::Problem),
                _ if answer.series.is_empty() && is_new.get() => Shown::Nothing(Nothing::Never),
                _ if answer.series.is_empty() => Shown::Nothing(why_empty(source, value)),
                // The other form is on its way.
                View::Table if !is_table => Shown::Waiting,
                View::Table => Shown::Table,
                _ if is_table => Shown::Waiting,
                View::Heatmap if buckets.with(Option::is_some) => Shown::Buckets,
                View::Heatmap => Shown::NoBuckets,
                View::Line | View::Area | View::Bar => Shown::Chart,
            }
        })
    });
    let chart = Memo::new(move |_| {
        let grid = grid.get()?;
        answer.with(|answer| answer.as_ref().map(|answer| charted(answer, grid, unit.get(), state.view.get())))
    });
    let drawn = part(move || match shown.get() {
        Shown::Waiting => view! { <p class="panel-note">"Asking…"</p> }.into_any(),
        Shown::Nothing(why) => nothing(state, source, why),
        Shown::Chart => {
            let style = Signal::derive(move || state.view.get().style());
            view! { <QueryChart label=format!("Query {name}") data=chart style /> }.into_any()
        }
        Shown::Buckets => {
            let bound_unit = Memo::new(move |_| value.with(|value| bound_unit(value)));
            view! { <BucketMap label=format!("Query {name}") data=buckets unit=bound_unit /> }.into_any()
        }
        Shown::NoBuckets => no_buckets(state, value),
        Shown::Table => view! { <ValueTable state name answer unit /> }.into_any(),
    });
    let is_told = Memo::new(move |_| !matches!(shown.get(), Shown::Nothing(_) | Shown::Waiting));
    let facts = part(move || is_told.get().then(|| view! { <Facts answer grid state at /> }).into_any());
    view! { {drawn} {facts} }.into_any()
}

/// A query without series: whether its metric has none in this range, or its labels fit none.
fn why_empty(source: Source, value: Memo<String>) -> Nothing {
    let has_metric = value.with(|value| crate::component::promql::completion::any_metric(value).is_some());
    let has_labels = value.with(|value| value.contains('{'));
    let none_in_range = matches!(source.metrics.get(), Some(Ok(list)) if list.in_range == 0);
    if none_in_range || (has_metric && !has_labels) { Nothing::Range } else { Nothing::NoMatch }
}

fn nothing(state: Explorer, source: Source, why: Nothing) -> AnyView {
    match why {
        Nothing::Problem => ().into_any(),
        Nothing::NoQuery => view! {
            <div class="empty">
                <p class="empty-title">"Choose a metric"</p>
                <p>"A click in the list shows it, or write a query in PromQL above: the field completes names, labels and functions."</p>
            </div>
        }
        .into_any(),
        Nothing::Never => view! { <Empty kind=EmptyKind::Never what="metrics"><HowToSend /></Empty> }.into_any(),
        Nothing::Range => view! { <Empty kind=EmptyKind::Range what="samples" /> }.into_any(),
        Nothing::NoMatch => {
            let clear = Callback::new(move |()| {
                let Some(mut built) = source.built.get_untracked() else { return };
                built.tests.clear();
                state.go(&state.queries.with_untracked(|queries| queries.with_text(built.write())));
            });
            if source.built.with(Option::is_some) {
                view! { <Empty kind=EmptyKind::Filters(clear) what="series" /> }.into_any()
            } else {
                view! {
                    <div class="empty">
                        <p class="empty-title">"No series match"</p>
                        <p>"The query is right, but there is nothing that it selects in this time range."</p>
                    </div>
                }
                .into_any()
            }
        }
    }
}

/// The unit of the bounds of buckets, which is that of what was measured.
fn bound_unit(text: &str) -> Unit {
    let metric = crate::component::promql::completion::any_metric(text).unwrap_or_default();
    crate::component::promql::unit::guess(metric.trim_end_matches("_bucket"))
}

fn no_buckets(state: Explorer, value: Memo<String>) -> AnyView {
    let built = value.with(|value| Built::read(value)).filter(|built| built.shape.choices().len() > 2);
    let link = built.map(|built| {
        let buckets = Built { shape: super::builder::Shape::Buckets, ..built };
        view! { <a class="button" data-noscroll href=text(move || shape_href(state, &buckets))>"Show its buckets"</a> }
    });
    view! {
        <div class="empty">
            <p class="empty-title">"No buckets in this answer"</p>
            <p>"A heatmap shows the buckets of a histogram: series with the label " <code>"le"</code> ", such as " <code>"sum by (le) (rate(x_bucket[5m]))"</code> "."</p>
            {link}
        </div>
    }
    .into_any()
}

/// The answer as a chart takes it.
fn charted(answer: &MetricAnswer, grid: Grid, unit: Unit, view: View) -> QueryChartData {
    let series = answer.series.iter().zip(names(&answer.series)).map(|(series, label)| ChartSeries {
        key: full_name(series),
        label,
        values: series.values.clone(),
        before: Vec::new(),
    });
    let chart =
        ChartData { key: String::new(), title: String::new(), unit, subtitle: String::new(), series: series.collect() };
    // Single measurements say nothing on what lies on something else.
    let exemplars = if view == View::Line { answer.exemplars.clone() } else { Vec::new() };
    QueryChartData { chart, grid, exemplars }
}

/// What was read, and what is to be said.
#[component]
fn Facts(answer: Memo<Option<MetricAnswer>>, grid: Memo<Option<Grid>>, state: Explorer, at: usize) -> impl IntoView {
    let _ = at;
    let line = text(move || {
        let step = grid.get().map(|grid| grid.step_ms).filter(|_| state.view.get() != View::Table);
        answer.with(|answer| answer.as_ref().map(|answer| facts(answer, step)).unwrap_or_default())
    });
    let notes = part(move || {
        let notes = answer.with(|answer| answer.as_ref().map(|answer| answer.notes.clone()).unwrap_or_default());
        notes.into_iter().map(|note| view! { <p class="panel-note">{note}</p> }).collect_view().into_any()
    });
    let listed = Memo::new(move |_| {
        let all = answer.with(|answer| answer.as_ref().map(|answer| answer.exemplars.clone()).unwrap_or_default());
        if state.view.get() == View::Line { all } else { Vec::new() }
    });
    view! {
        <p class="query-facts">{line}</p>
        {notes}
        {part(move || exemplar_list(listed.get()))}
    }
    .into_any()
}

fn facts(answer: &MetricAnswer, step_ms: Option<i64>) -> String {
    let shown = answer.series.len() as u64;
    let series = match answer.total {
        total if total > shown => format!("showing {} of {} series", format_count(shown), format_count(total)),
        1 => "1 series".to_owned(),
        total => format!("{} series", format_count(total)),
    };
    let read = (!answer.read.is_empty()).then(|| match answer.read.join(", ").as_str() {
        "samples" => "read from samples".to_owned(),
        read => format!("read from roll-ups: {read}").replace("roll-ups: samples, ", "samples and roll-ups: "),
    });
    let step = step_ms.map(|step_ms| {
        let (number, unit) = format_unit(step_ms as f64 / 1000.0, Unit::Seconds);
        format!("a point every {number} {unit}")
    });
    let took = format!("took {}", format_duration_ms(answer.took_ms));
    [Some(series), step, read, Some(took)].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// The newest measurements with a trace: what the points on the chart are, for the keyboard too.
fn exemplar_list(mut all: Vec<MetricExemplar>) -> AnyView {
    if all.is_empty() {
        return ().into_any();
    }
    let count = all.len();
    all.reverse();
    all.truncate(LISTED_EXEMPLARS);
    let zone = use_zone();
    let item = move |one: MetricExemplar| {
        let when = text(move || format_wall(one.time, zone.get(), TimeFormat::Second));
        view! {
            <li>
                <a href=format!("/monitoring/traces/{}", one.trace_id)>
                    {format!("trace {}", one.trace_id.short())}
                </a>
                " " <span class="muted">{when}</span> " "
                <span>{format!("measured {}", crate::component::number::compact(one.value))}</span>
            </li>
        }
    };
    view! {
        <details class="exemplar-list">
            <summary>{format!("{} traced examples", format_count(count as u64))}</summary>
            <ul>{all.into_iter().map(item).collect_view()}</ul>
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_said() {
        let answer =
            MetricAnswer { total: 250, read: vec!["samples".into()], took_ms: 12.0, ..MetricAnswer::default() };
        assert_eq!(
            facts(&answer, Some(15_000)),
            "showing 0 of 250 series · a point every 15 s · read from samples · took 12 ms"
        );
        let rolled = MetricAnswer { read: vec!["5 min".into(), "1 h".into()], ..answer.clone() };
        assert!(facts(&rolled, None).contains("read from roll-ups: 5 min, 1 h"));
        let both = MetricAnswer { read: vec!["samples".into(), "1 h".into()], ..answer };
        assert!(facts(&both, None).contains("read from samples and roll-ups: 1 h"));
    }
}
