//! How long requests of an endpoint took over time; a cell opens requests that were traced.

use leptos::prelude::*;

use super::{
    calls::Calls,
    heat::{HeatCell, HeatRow, Ramp, heat_table, level, slice_text},
    state::{ApiState, Cell, looking_at},
};
use crate::{
    component::{
        number::format_count,
        panel::Panel,
        query::use_href,
        reactive::{mounted, part},
        time::{Zone, format_duration_ms, use_zone},
    },
    model::{Severity, performance::Durations},
};

/// The distribution of durations.
#[component]
pub fn DurationsPanel(
    /// What is drawn.
    durations: Durations,
    /// What is shown.
    state: ApiState,
) -> impl IntoView {
    let zone = use_zone();
    let is_alive = mounted();
    let href = use_href();
    let durations = StoredValue::new(durations);
    let table = move || {
        let (zone, chosen) = (zone.get(), state.cell.get());
        durations.with_value(|durations| {
            let rows = rows(durations, zone, chosen, &|cell| href(&looking_at(cell)));
            heat_table(("Requests by duration over time", "Duration"), durations.grid, zone, rows, is_alive.get())
        })
    };
    view! {
        <Panel title="Durations" subtitle=Signal::stored("a cell opens requests of it".to_owned()) class="api-durations">
            {part(table)}
            <p class="heat-legend"><Ramp />"stronger: more requests"</p>
            <Calls state />
        </Panel>
    }
    .into_any()
}

/// A row for each step of durations, the longest first.
fn rows(
    durations: &Durations,
    zone: Zone,
    chosen: Option<Cell>,
    href: &dyn Fn(Option<Cell>) -> String,
) -> Vec<HeatRow> {
    let most = durations.cells.iter().map(|cell| cell.requests).max().unwrap_or_default();
    let limits = durations.row_ms.windows(2).enumerate().rev();
    let row = |(row, limits): (usize, &[f64])| {
        let (min_ms, max_ms) = (limits[0], limits[1]);
        let name = format!("{} – {}", format_duration_ms(min_ms), format_duration_ms(max_ms));
        let mut cells: Vec<Option<HeatCell>> = (0..durations.grid.len).map(|_| None).collect();
        for found in durations.cells.iter().filter(|cell| usize::from(cell.row) == row) {
            let column = usize::from(found.column);
            let Some(place) = cells.get_mut(column) else { continue };
            let (from, to) = (durations.grid.at(column), durations.grid.at(column + 1));
            let cell = Cell { from, to, min_ms, max_ms };
            let is_chosen = chosen == Some(cell);
            *place = Some(HeatCell {
                level: level(found.requests as f64, most as f64),
                severity: Severity::Ok,
                said: format!(
                    "{}, {name}: {} request{}",
                    slice_text(durations.grid, column, zone),
                    format_count(found.requests),
                    if found.requests == 1 { "" } else { "s" }
                ),
                href: Some(href((!is_chosen).then_some(cell))),
                is_chosen,
            });
        }
        HeatRow { head: view! { <span class="heat-name">{name}</span> }.into_any(), cells }
    };
    limits.map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{UnixMillis, overview::Grid, performance::DurationCell};

    #[test]
    fn the_longest_are_on_top_and_a_chosen_cell_closes() {
        let grid = Grid { from: UnixMillis(0), step_ms: 60_000, len: 2 };
        let cells =
            vec![DurationCell { column: 0, row: 0, requests: 9 }, DurationCell { column: 1, row: 1, requests: 1 }];
        let durations = Durations { grid, row_ms: vec![1.0, 2.0, 5.0], cells };
        let chosen = Cell { from: UnixMillis(60_000), to: UnixMillis(120_000), min_ms: 2.0, max_ms: 5.0 };
        let href = |cell: Option<Cell>| format!("{:?}", cell.map(|cell| cell.min_ms));
        let rows = rows(&durations, Zone::Utc, Some(chosen), &href);
        let told: Vec<Vec<Option<String>>> =
            rows.iter().map(|row| row.cells.iter().map(|cell| cell.as_ref()?.href.clone()).collect()).collect();
        assert_eq!(told, [[None, Some("None".to_owned())], [Some("Some(1.0)".to_owned()), None]]);
    }
}
