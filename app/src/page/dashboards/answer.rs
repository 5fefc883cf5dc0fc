//! What the queries of a panel answer, shown as the panel says.

use leptos::{prelude::*, task::spawn_local};

use super::board::Board;
use crate::{
    api::{ApiError, query_metrics},
    component::{
        chart::{BucketMap, Buckets, ChartStyle, QueryChart, QueryChartData, Sparkline, Threshold},
        empty::{Empty, EmptyKind},
        error_panel::Problem,
        number::{format_count, format_unit},
        promql::{
            completion::any_metric,
            series::{full_name, names},
            unit,
            values::value_rows,
        },
        reactive::part,
        text::capitalised,
    },
    model::{
        ChartData, Limit, MetricAnswer, MetricAnswers, MetricForm, MetricQuery, MetricSeries, Panel, PanelQuery,
        PanelView, RangeSpec, VariableValue,
        overview::{ChartSeries, Grid, Unit},
    },
};

/// Numbers of one panel; of more, the rest is counted.
const MOST_NUMBERS: usize = 24;

/// Instants at the end of a course of which one has to have a value for it to be of now.
const NEWEST: usize = 3;

/// What a panel asks.
type Question = (Vec<String>, MetricForm);
/// What it asks alone: with which values.
type AskedAlone = (Question, Vec<VariableValue>);
/// What came of it.
type Alone = (AskedAlone, Result<MetricAnswers, ApiError>);

/// What is known of a panel's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// It is on its way.
    Waiting,
    /// It is here.
    Answered(MetricAnswers),
    /// There will be none.
    Failed(ApiError),
}

/// The answer of a panel: with those of all others, or asked alone where it took too long or was changed.
pub fn use_answer(board: Board, panel: Memo<Panel>) -> Memo<Known> {
    let question: Memo<Question> = Memo::new(move |_| panel.with(|panel| (panel.texts(), panel.form())));
    let alone = RwSignal::new(None::<Alone>);
    let shared = Memo::new(move |_| {
        let (texts, form) = question.get();
        board.latest.with(|latest| {
            let all = &latest.as_ref()?.answers;
            all.iter().find(|one| one.texts == texts && one.form == form)?.answers.clone()
        })
    });
    // Over which range and with which values the page was answered last.
    let asked = Memo::new(move |_| board.latest.with(|latest| latest.as_ref().map(|view| (view.range, view.values()))));
    let asking = StoredValue::new(None::<AskedAlone>);
    Effect::new(move |_| {
        let question = question.get();
        let Some((range, values)) = asked.get() else { return };
        let is_empty = question.0.iter().all(|text| text.trim().is_empty());
        if is_empty || shared.with(Option::is_some) {
            asking.set_value(None);
            alone.set(None);
            return;
        }
        let wanted = (question, values);
        // Somebody who waits is not helped by asking twice.
        if asking.with_value(|asking| asking.as_ref() == Some(&wanted)) {
            return;
        }
        asking.set_value(Some(wanted.clone()));
        let query = MetricQuery {
            texts: wanted.0.0.clone(),
            range: RangeSpec::Fixed(range.from, range.to),
            points: board.points.get_untracked(),
            form: wanted.0.1,
            values: wanted.1.clone(),
        };
        spawn_local(async move {
            let answer = query_metrics(query).await;
            // The page may be gone by then, and something else be asked.
            if asking.try_with_value(|asking| asking.as_ref() == Some(&wanted)) == Some(true) {
                asking.set_value(None);
                alone.set(Some((wanted, answer)));
            }
        });
    });
    Memo::new(move |before: Option<&Known>| {
        if let Some(answers) = shared.get() {
            return Known::Answered(answers);
        }
        let question = question.get();
        let mine = alone.with(|alone| {
            let ((of, values), answer) = alone.as_ref()?;
            let is_of = asked.with(|asked| asked.as_ref().is_some_and(|(_, wanted)| wanted == values));
            (*of == question && is_of).then(|| answer.clone())
        });
        match mine {
            Some(Ok(answers)) => Known::Answered(answers),
            Some(Err(error)) => Known::Failed(error),
            // What was drawn stays until there is something newer.
            None => before.cloned().unwrap_or(Known::Waiting),
        }
    })
}

/// The unit of a panel's values.
pub fn unit_of(panel: &Panel) -> Unit {
    let first = || panel.queries.iter().map(|query| query.text.as_str()).find(|text| !text.trim().is_empty());
    panel.unit.unwrap_or_else(|| unit::guess(first().unwrap_or_default()))
}

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Nothing,
    Waiting,
    Failed,
    Chart,
    Numbers,
    Buckets,
    NoBuckets,
    Table,
    Empty,
}

fn shown(panel: &Panel, known: &Known) -> Shown {
    if panel.queries.iter().all(|query| query.text.trim().is_empty()) {
        return Shown::Nothing;
    }
    let answers = match known {
        Known::Waiting => return Shown::Waiting,
        Known::Failed(_) => return Shown::Failed,
        Known::Answered(answers) => answers,
    };
    if answers.form != panel.form() {
        return Shown::Waiting;
    }
    let has_values = answers
        .answers
        .iter()
        .flat_map(|answer| &answer.series)
        .any(|series| series.text.is_some() || series.values.iter().any(Option::is_some));
    match panel.view {
        _ if !has_values && answers.answers.iter().any(|answer| answer.problem.is_some()) => Shown::Failed,
        _ if !has_values => Shown::Empty,
        PanelView::Line | PanelView::Area | PanelView::Bar => Shown::Chart,
        PanelView::Number => Shown::Numbers,
        PanelView::Table => Shown::Table,
        PanelView::Heatmap if buckets(answers).is_some() => Shown::Buckets,
        PanelView::Heatmap => Shown::NoBuckets,
    }
}

fn buckets(answers: &MetricAnswers) -> Option<Buckets> {
    answers.answers.iter().find_map(|answer| Buckets::of(&answer.series, answers.grid))
}

/// The series of all queries with their names, each name once.
fn named(queries: &[PanelQuery], answers: &MetricAnswers) -> Vec<(String, MetricSeries)> {
    let mut all: Vec<(String, MetricSeries)> = Vec::new();
    for (query, answer) in queries.iter().zip(&answers.answers) {
        for (series, usual) in answer.series.iter().zip(names(&answer.series)) {
            let name = query.legend_of(&series.labels).filter(|name| !name.trim().is_empty()).unwrap_or(usual);
            let is_taken = |name: &str| all.iter().any(|(other, _)| other == name);
            let mut unique = name.clone();
            let mut count = 1;
            while is_taken(&unique) {
                count += 1;
                // The first of several with one name says in full what the others are.
                unique = if count == 2 { format!("{name} {}", full_name(series)) } else { format!("{name} ({count})") };
            }
            all.push((unique, series.clone()));
        }
    }
    all
}

fn chart(panel: &Panel, answers: &MetricAnswers) -> QueryChartData {
    let series = named(&panel.queries, answers).into_iter().map(|(name, series)| ChartSeries {
        key: name.clone(),
        label: name,
        values: series.values,
        before: Vec::new(),
    });
    let chart = ChartData {
        key: String::new(),
        title: String::new(),
        unit: unit_of(panel),
        subtitle: String::new(),
        series: series.collect(),
    };
    let exemplars = if panel.view == PanelView::Line {
        answers.answers.iter().flat_map(|answer| answer.exemplars.clone()).collect()
    } else {
        Vec::new()
    };
    QueryChartData { chart, grid: answers.grid, exemplars }
}

fn style(view: PanelView) -> ChartStyle {
    match view {
        PanelView::Area => ChartStyle::Area,
        PanelView::Bar => ChartStyle::Bar,
        _ => ChartStyle::Line,
    }
}

/// What a panel shows.
#[component]
pub fn PanelBody(board: Board, panel: Memo<Panel>) -> impl IntoView {
    let known = use_answer(board, panel);
    let what = Memo::new(move |_| panel.with(|panel| known.with(|known| shown(panel, known))));
    let title = Memo::new(move |_| panel.with(|panel| panel.title.clone()));
    let with_answers = move |read: fn(&Panel, &MetricAnswers) -> AnyView| {
        part(move || {
            panel.with(|panel| {
                known.with(|known| match known {
                    Known::Answered(answers) => read(panel, answers),
                    Known::Waiting | Known::Failed(_) => ().into_any(),
                })
            })
        })
    };
    let data = Memo::new(move |before: Option<&Option<QueryChartData>>| {
        known.with(|known| match known {
            Known::Answered(answers) if matches!(what.get(), Shown::Chart) => {
                Some(panel.with(|panel| chart(panel, answers)))
            }
            _ => before.cloned().flatten(),
        })
    });
    let map = Memo::new(move |_| {
        known.with(|known| match known {
            Known::Answered(answers) => buckets(answers),
            Known::Waiting | Known::Failed(_) => None,
        })
    });
    let drawn = part(move || {
        match what.get() {
        Shown::Nothing => view! { <p class="panel-note">"It asks nothing yet."</p> }.into_any(),
        Shown::Waiting => view! { <p class="panel-note">"Asking…"</p> }.into_any(),
        Shown::Failed => view! { {part(move || failure(panel, known))} }.into_any(),
        Shown::Chart => {
            let style = Signal::derive(move || panel.with(|panel| style(panel.view)));
            let thresholds = Signal::derive(move || panel.with(|panel| thresholds(&panel.thresholds)));
            view! { <QueryChart label=title.get() data style thresholds /> }.into_any()
        }
        Shown::Numbers => view! { {with_answers(numbers)} }.into_any(),
        Shown::Buckets => {
            let unit = Memo::new(move |_| panel.with(bound_unit));
            view! { <BucketMap label=title.get() data=map unit /> }.into_any()
        }
        Shown::NoBuckets => view! {
            <p class="panel-note">"A heatmap shows the buckets of a histogram: series with the label " <code>"le"</code> "."</p>
        }
        .into_any(),
        Shown::Table => view! { {with_answers(tables)} }.into_any(),
        Shown::Empty => view! { {part(move || empty(panel.with(|panel| panel.empty.clone())))} }.into_any(),
    }
    });
    view! { <div class="board-body">{drawn} {with_answers(remarks)}</div> }.into_any()
}

/// The unit of the bounds of buckets, which is that of what was measured.
fn bound_unit(panel: &Panel) -> Unit {
    let text = panel.queries.first().map(|query| query.text.as_str()).unwrap_or_default();
    panel.unit.unwrap_or_else(|| unit::guess(any_metric(text).unwrap_or_default().trim_end_matches("_bucket")))
}

fn thresholds(all: &[Limit]) -> Vec<Threshold> {
    all.iter().map(|limit| Threshold { value: limit.value, is_critical: limit.is_critical }).collect()
}

/// Why there is no answer.
fn failure(panel: Memo<Panel>, known: Memo<Known>) -> AnyView {
    known.with(|known| match known {
        Known::Failed(error) => view! { <div class="panel-note"><Problem error=error.clone() /></div> }.into_any(),
        Known::Answered(answers) => panel.with(|panel| {
            let told = panel.queries.iter().zip(&answers.answers).filter_map(|(query, answer)| {
                let problem = answer.problem.as_ref()?;
                let text = query.text.clone();
                Some(view! { <p>{capitalised(&problem.message)} " " <code>{text}</code></p> })
            });
            view! { <div class="panel-note board-problem" role="alert">{told.collect_view()}</div> }.into_any()
        }),
        Known::Waiting => ().into_any(),
    })
}

/// Nothing was measured: why that may be, and what helps.
fn empty(why: String) -> AnyView {
    if why.trim().is_empty() {
        return view! { <Empty kind=EmptyKind::Range what="samples" /> }.into_any();
    }
    let lines = why.lines().map(|line| view! { <p>{line.to_owned()}</p> }).collect_view();
    view! {
        <div class="empty board-empty">
            <p class="empty-title">"Why is it empty?"</p>
            {lines}
        </div>
    }
    .into_any()
}

/// How bad a value is.
fn level(limits: &[Limit], value: f64) -> Option<&'static str> {
    let crossed = || limits.iter().filter(|limit| limit.is_crossed_by(value));
    if crossed().any(|limit| limit.is_critical) { Some("critical") } else { crossed().next().map(|_| "warning") }
}

/// The value at the end of the range; what ended before is none.
fn newest(series: &MetricSeries) -> Option<f64> {
    series.values.iter().rev().take(NEWEST).copied().flatten().next()
}

/// The newest value of each series, large.
fn numbers(panel: &Panel, answers: &MetricAnswers) -> AnyView {
    let unit = unit_of(panel);
    let all = named(&panel.queries, answers);
    let is_alone = all.len() == 1;
    let more = all.len().saturating_sub(MOST_NUMBERS);
    let tile = |(name, series): (String, MetricSeries)| {
        let value = newest(&series);
        let (number, name_of_unit) = value.map_or(("–".to_owned(), ""), |value| format_unit(value, unit));
        let severity = value.and_then(|value| level(&panel.thresholds, value));
        // One alone is what the panel's title says.
        let class = if is_alone { "visually-hidden" } else { "board-number-name" };
        let sparkline = view! { <Sparkline values=Signal::stored(series.values) /> };
        let said = severity.map(|severity| view! { <span class="visually-hidden">{format!(" ({severity})")}</span> });
        view! {
            <div class="board-number" data-severity=severity>
                <dt class=class>{name}</dt>
                <dd class="board-number-value">
                    <span class="kpi-number">{number}</span> " " <span class="kpi-unit">{name_of_unit}</span> {said}
                </dd>
                {sparkline}
            </div>
        }
    };
    let tiles = all.into_iter().take(MOST_NUMBERS).map(tile).collect_view();
    let rest = (more > 0).then(|| view! { <p class="panel-note">{format!("{more} more series.")}</p> });
    view! { <dl class="board-numbers">{tiles}</dl> {rest} }.into_any()
}

fn tables(panel: &Panel, answers: &MetricAnswers) -> AnyView {
    let unit = unit_of(panel);
    let several = answers.answers.len() > 1;
    let table = |(query, answer): (&PanelQuery, &MetricAnswer)| {
        let name = if query.legend.is_empty() { query.text.clone() } else { query.legend.clone() };
        let label = if several { name.clone() } else { panel.title.clone() };
        let heading = several.then(|| view! { <h4 class="board-table-name">{name}</h4> });
        (!answer.series.is_empty()).then(|| view! { {heading} {value_rows(&label, &answer.series, unit)} })
    };
    panel.queries.iter().zip(&answers.answers).map(table).collect_view().into_any()
}

/// What is to be said of answers, and of queries that have none beside others that have.
fn remarks(panel: &Panel, answers: &MetricAnswers) -> AnyView {
    let has_series = answers.answers.iter().any(|answer| !answer.series.is_empty());
    let mut told: Vec<String> = Vec::new();
    for answer in &answers.answers {
        let shown = answer.series.len() as u64;
        if answer.total > shown && panel.view != PanelView::Number {
            told.push(format!("Showing {} of {} series.", format_count(shown), format_count(answer.total)));
        }
        if let Some(problem) = answer.problem.as_ref().filter(|_| has_series) {
            told.push(capitalised(&problem.message));
        }
        told.extend(answer.notes.iter().cloned());
    }
    told.sort();
    told.dedup();
    told.into_iter().map(|line| view! { <p class="panel-note">{line}</p> }).collect_view().into_any()
}

/// The grid that answers were made for.
pub fn grid_of(board: Board) -> Option<Grid> {
    board.latest.with_untracked(|latest| latest.as_ref().map(|view| view.grid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{TimeRange, UnixMillis};

    fn answers(all: Vec<Vec<MetricSeries>>) -> MetricAnswers {
        let answer =
            |series: Vec<MetricSeries>| MetricAnswer { total: series.len() as u64, series, ..MetricAnswer::default() };
        MetricAnswers {
            range: TimeRange { from: UnixMillis(0), to: UnixMillis(1000) },
            grid: Grid { from: UnixMillis(0), step_ms: 1000, len: 1 },
            form: MetricForm::Course,
            answers: all.into_iter().map(answer).collect(),
        }
    }

    fn series(job: &str) -> MetricSeries {
        MetricSeries { labels: vec![("job".to_owned(), job.to_owned())], values: vec![Some(1.0)], text: None }
    }

    fn query(legend: &str) -> PanelQuery {
        PanelQuery { text: "up".to_owned(), legend: legend.to_owned() }
    }

    #[test]
    fn every_series_has_a_name_of_its_own() {
        let answers = answers(vec![vec![series("a"), series("b")], vec![series("a")]]);
        let told = |queries: &[PanelQuery]| {
            named(queries, &answers).into_iter().map(|(name, _)| name).collect::<Vec<_>>().join("|")
        };
        assert_eq!(told(&[query(""), query("other {{job}}")]), "a|b|other a");
        assert_eq!(told(&[query("same"), query("same")]), "same|same job=b|same job=a");
        assert_eq!(told(&[query("{{none}}"), query("x")]), "a|b|x");
    }

    #[test]
    fn a_panel_without_values_says_why() {
        let panel = Panel { queries: vec![query("")], ..Panel::default() };
        assert_eq!(shown(&Panel::default(), &Known::Waiting), Shown::Nothing);
        assert_eq!(shown(&panel, &Known::Waiting), Shown::Waiting);
        assert_eq!(shown(&panel, &Known::Answered(answers(vec![vec![]]))), Shown::Empty);
        assert_eq!(shown(&panel, &Known::Answered(answers(vec![vec![series("a")]]))), Shown::Chart);
        let table = Panel { view: PanelView::Table, ..panel };
        assert_eq!(shown(&table, &Known::Answered(answers(vec![vec![series("a")]]))), Shown::Waiting);
    }

    #[test]
    fn the_worst_limit_counts() {
        let limit = |value, is_critical| Limit { value, is_critical, is_below: false };
        let limits = [limit(5.0, false), limit(9.0, true)];
        assert_eq!([4.0, 5.0, 9.0].map(|value| level(&limits, value)), [None, Some("warning"), Some("critical")]);
    }
}
