//! Tables of coloured cells: endpoints over hours, and what both heatmaps are drawn with.

use leptos::prelude::*;

use super::{
    state::{ApiState, METRIC, Metric, choosing},
    table::judge_ms,
};
use crate::{
    browser::cells,
    component::{
        number::{amount, format_count},
        panel::Panel,
        query::use_href,
        reactive::{mounted, part, text},
        tabs::{Tab, Tabs},
        time::{TimeFormat, Zone, format_duration_ms, format_wall, use_zone},
    },
    model::{
        EndpointName, PerformancePage, PerformanceQuery, Severity, UnixMillis, overview::Grid,
        performance::EndpointSlice, threshold::ERROR_PERCENT,
    },
    page::overview::severity_key,
};

/// Columns between two labels of the axis of times, at least.
const LABEL_EVERY: usize = 6;

/// A cell: how strongly it is coloured, what it says, and where it leads.
pub struct HeatCell {
    /// From 1 to 5.
    pub level: u8,
    /// Whether that is bad.
    pub severity: Severity,
    /// The cell in words.
    pub said: String,
    /// Where it leads.
    pub href: Option<String>,
    /// Whether it is looked at.
    pub is_chosen: bool,
}

/// A row: its heading and its cells, one for each column; none where there is nothing.
pub struct HeatRow {
    /// The heading.
    pub head: AnyView,
    /// The cells.
    pub cells: Vec<Option<HeatCell>>,
}

/// A table of coloured cells over the slices of a grid. Once the page is `alive`, arrow keys go from cell to cell and the
/// Tab key stops at one of them only.
pub fn heat_table(
    (caption, corner): (&'static str, &'static str),
    grid: Grid,
    zone: Zone,
    rows: Vec<HeatRow>,
    is_alive: bool,
) -> AnyView {
    let format = axis_format(grid);
    let stop = tab_stop(&rows);
    let column = |index: usize| {
        let at = format_wall(grid.at(index), zone, format);
        let shown = index.is_multiple_of(LABEL_EVERY) && index + LABEL_EVERY / 2 < grid.len;
        let label = shown.then(|| view! { <span class="heat-time" aria-hidden="true">{at.clone()}</span> });
        view! { <th scope="col"><span class="visually-hidden">{at}</span>{label}</th> }
    };
    let cell = |place: (usize, usize), cell: Option<HeatCell>| match cell {
        None => view! { <td></td> }.into_any(),
        Some(HeatCell { level, severity, said, href, is_chosen }) => {
            let words = view! { <span class="visually-hidden">{said.clone()}</span> };
            let inside = match href {
                None => words.into_any(),
                Some(href) => {
                    let current = is_chosen.then_some("true");
                    let tab = (is_alive && stop != Some(place)).then_some("-1");
                    view! { <a data-noscroll href=href title=said aria-current=current tabindex=tab>{words}</a> }
                        .into_any()
                }
            };
            view! {
                <td data-level=level.to_string() data-severity=severity_key(severity) data-chosen=is_chosen.then_some("true")>
                    {inside}
                </td>
            }
            .into_any()
        }
    };
    let row = |(at, HeatRow { head, cells }): (usize, HeatRow)| {
        let cells = cells.into_iter().enumerate().map(|(column, one)| cell((at, column), one)).collect_view();
        view! { <tr><th scope="row">{head}</th>{cells}</tr> }
    };
    view! {
        <div class="table-scroll heat-scroll">
            <table class="heat-table" on:keydown=|event| cells::follow_arrows(&event)>
                <caption class="visually-hidden">{caption}</caption>
                <thead>
                    <tr>
                        <th scope="col"><span class="visually-hidden">{corner}</span></th>
                        {(0..grid.len).map(column).collect_view()}
                    </tr>
                </thead>
                <tbody>{rows.into_iter().enumerate().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// The cell that is looked at, else the first one that leads anywhere: row and column.
fn tab_stop(rows: &[HeatRow]) -> Option<(usize, usize)> {
    let place = |wanted: fn(&HeatCell) -> bool| {
        rows.iter().enumerate().find_map(|(row, one)| {
            let column = one.cells.iter().position(|cell| cell.as_ref().is_some_and(wanted))?;
            Some((row, column))
        })
    };
    place(|cell| cell.is_chosen).or_else(|| place(|cell| cell.href.is_some()))
}

fn axis_format(grid: Grid) -> TimeFormat {
    let span_ms = grid.to().0 - grid.from.0;
    match grid.step_ms {
        step if step >= 86_400_000 => TimeFormat::Day,
        _ if span_ms > 86_400_000 => TimeFormat::DayMinute,
        _ => TimeFormat::Minute,
    }
}

/// A slice in words: `Nov 21 14:00 – 15:00`.
pub fn slice_text(grid: Grid, index: usize, zone: Zone) -> String {
    let wall = |at: UnixMillis, format| format_wall(at, zone, format);
    format!("{} – {}", wall(grid.at(index), TimeFormat::DayMinute), wall(grid.at(index + 1), TimeFormat::Minute))
}

/// How strongly a figure is coloured, from 1 to 5: figures differ by powers, so steps are of equal factors.
pub fn level(value: f64, most: f64) -> u8 {
    if most <= 1.0 {
        return 3;
    }
    let share = value.max(1.0).ln() / most.ln();
    1 + (share * 4.0).round().clamp(0.0, 4.0) as u8
}

/// The endpoints of the table over time.
#[component]
pub fn HoursPanel(
    /// What was asked.
    query: StoredValue<PerformanceQuery>,
    /// The answer.
    page: StoredValue<PerformancePage>,
    /// What is shown.
    state: ApiState,
) -> impl IntoView {
    let zone = use_zone();
    let is_alive = mounted();
    let href = use_href();
    let tabs = {
        let href = href.clone();
        Signal::derive(move || {
            let tab = |metric: Metric| Tab {
                label: metric.label(),
                href: href(&[(METRIC, (metric != Metric::default()).then(|| metric.key().to_owned()))]),
                selected: state.metric.get() == metric,
            };
            Metric::ALL.map(tab).to_vec()
        })
    };
    let shown = page.with_value(|page| page.rows.iter().filter(|row| !row.slices.is_empty()).count());
    let subtitle = text(move || format!("the first {shown} of the list over time"));
    let target_ms = query.with_value(PerformanceQuery::target);
    let table = move || {
        let (metric, zone) = (state.metric.get(), zone.get());
        page.with_value(|page| {
            let most = page.rows.iter().flat_map(|row| row.slices.iter().flatten());
            let most = most.map(|slice| figure(metric, slice)).fold(0.0, f64::max);
            let rows = page.rows.iter().filter(|row| !row.slices.is_empty()).map(|row| {
                let name = EndpointName::of(&row.stats);
                let target = href(&choosing(Some(&name)));
                let cells = (0..page.grid.len).map(|index| {
                    let slice = row.slices.get(index).copied().flatten()?;
                    Some(HeatCell {
                        level: level(figure(metric, &slice), most),
                        severity: judge(metric, &slice, target_ms),
                        said: format!("{name}, {}: {}", slice_text(page.grid, index, zone), said(&slice)),
                        href: Some(target.clone()),
                        is_chosen: false,
                    })
                });
                let cells = cells.collect();
                let head = view! { <span class="heat-name" title=format!("{name} of {}", name.service)>{name.to_string()}</span> };
                HeatRow { head: head.into_any(), cells }
            });
            heat_table(("Endpoints over time", "Endpoint"), page.grid, zone, rows.collect(), is_alive.get())
        })
    };
    let legend = text(move || match state.metric.get() {
        Metric::P95 => format!(
            "stronger: slower; orange: p95 above {}; red, crossed: above twice that",
            format_duration_ms(target_ms)
        ),
        Metric::Errors => "stronger: more errors; orange: more than 1 %; red, crossed: more than 5 %".to_owned(),
        Metric::Requests => "stronger: more requests".to_owned(),
    });
    view! {
        <Panel title="Over time" subtitle class="api-hours" actions=move || view! { <Tabs label="What the cells show" tabs /> }>
            {part(table)}
            <p class="heat-legend">
                <Ramp />
                {legend}
            </p>
        </Panel>
    }
    .into_any()
}

/// The five strengths of the colour.
#[component]
pub fn Ramp() -> impl IntoView {
    let step = |level: u8| view! { <i data-level=level.to_string()></i> };
    view! { <span class="heat-ramp" aria-hidden="true">{(1..=5).map(step).collect_view()}</span> }
}

fn figure(metric: Metric, slice: &EndpointSlice) -> f64 {
    match metric {
        Metric::P95 => slice.p95_ms,
        Metric::Errors => slice.errors as f64,
        Metric::Requests => slice.requests as f64,
    }
}

fn judge(metric: Metric, slice: &EndpointSlice, target_ms: f64) -> Severity {
    match metric {
        Metric::P95 => judge_ms(slice.p95_ms, target_ms),
        Metric::Errors => ERROR_PERCENT.judge(Some(error_percent(slice))),
        Metric::Requests => Severity::Ok,
    }
}

fn error_percent(slice: &EndpointSlice) -> f64 {
    slice.errors as f64 * 100.0 / slice.requests.max(1) as f64
}

fn said(slice: &EndpointSlice) -> String {
    format!(
        "p95 {}, {} request{}, {} % errors",
        format_duration_ms(slice.p95_ms),
        format_count(slice.requests),
        if slice.requests == 1 { "" } else { "s" },
        amount(error_percent(slice))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_grow_by_factors() {
        assert_eq!([1.0, 10.0, 100.0].map(|value| level(value, 100.0)), [1, 3, 5]);
        assert_eq!([level(0.0, 0.0), level(0.0, 50.0), level(1.0, 1.0)], [3, 1, 3]);
    }

    #[test]
    fn a_slice_is_judged_by_what_is_shown() {
        let slice = EndpointSlice { requests: 100, errors: 3, p95_ms: 1200.0 };
        assert_eq!(judge(Metric::P95, &slice, 500.0), Severity::Critical);
        assert_eq!(judge(Metric::Errors, &slice, 500.0), Severity::Warning);
        assert_eq!(judge(Metric::Requests, &slice, 500.0), Severity::Ok);
        assert_eq!(said(&slice), "p95 1.20 s, 100 requests, 3 % errors");
    }
}
