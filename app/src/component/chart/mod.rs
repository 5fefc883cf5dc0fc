//! Charts over time. The drawing is plotters' ([`draw`]); crosshair, tooltip, legend and brush are ours and lie over
//! it. All charts of a page share one grid of instants and one crosshair.

mod bucket_map;
mod buckets;
mod draw;
mod exemplars;
mod legend;
mod overlay;
mod query_chart;
mod scale;
mod sparkline;
mod stack;
mod surface;
mod tint;
mod tooltip;

use leptos::prelude::*;

pub use self::{
    bucket_map::BucketMap,
    buckets::Buckets,
    query_chart::{QueryChart, QueryChartData},
    scale::time_ticks,
    sparkline::Sparkline,
};
use self::{draw::Drawing, legend::Legend, scale::Plot, surface::Surface, tint::Tint};
use super::{
    number::{format_unit, unit_name},
    panel::Panel,
    range::use_overlay,
    time::{TimeFormat, Zone, format_wall, use_zone},
};
use crate::model::{
    ChartData, UnixMillis,
    overview::{ChartSeries, Grid, Unit},
};

/// The slice that is looked at, in all charts of the page at once.
#[derive(Clone, Copy)]
pub struct Crosshair(RwSignal<Option<usize>>);

/// Makes the crosshair that the charts below share.
pub fn provide_crosshair() {
    provide_context(Crosshair(RwSignal::new(None)));
}

/// How series are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ChartStyle {
    /// A line each.
    #[default]
    Line,
    /// Areas on one another.
    Area,
    /// Bars on one another.
    Bar,
}

/// A limit that a chart marks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// Where it lies.
    pub value: f64,
    /// Whether it is time to act, rather than to look.
    pub is_critical: bool,
}

/// What the parts of one chart share.
#[derive(Clone, Copy)]
struct ChartState {
    data: Memo<Option<ChartData>>,
    grid: Memo<Grid>,
    style: Signal<ChartStyle>,
    thresholds: Signal<Vec<Threshold>>,
    overlay: Memo<bool>,
    zone: Signal<Zone>,
    size: RwSignal<Plot>,
    /// Keys of the series that the legend has switched off.
    hidden: RwSignal<Vec<String>>,
    crosshair: RwSignal<Option<usize>>,
}

/// One series at the slice that is looked at.
#[derive(Debug, Clone, PartialEq)]
struct Reading {
    label: String,
    tint: Tint,
    value: Option<f64>,
    before: Option<f64>,
}

impl ChartState {
    /// The series that are shown, with their colours.
    fn shown(self, data: &ChartData) -> Vec<(Tint, &ChartSeries)> {
        let tinted = data.series.iter().enumerate().map(|(place, series)| (Tint::of(&series.key, place), series));
        self.hidden.with(|hidden| tinted.filter(|(_, series)| !hidden.contains(&series.key)).collect())
    }

    /// The drawing as it should be now.
    fn drawing(self, data: &ChartData) -> Drawing<'_> {
        Drawing {
            plot: self.size.get(),
            grid: self.grid.get(),
            unit: data.unit,
            lines: self.shown(data),
            style: self.style.get(),
            thresholds: self.thresholds.get(),
            overlay: self.overlay.get(),
            zone: self.zone.get(),
            offset_ms: self.zone_offset_ms(),
        }
    }

    /// The slice that is looked at, as long as the grid has it.
    fn looked_at(self) -> Option<usize> {
        self.crosshair.get().filter(|index| *index < self.grid.get().len)
    }

    /// Where the shown series are at a slice.
    fn heights(self, index: usize) -> Vec<(Tint, f64)> {
        self.data.with(|data| {
            let Some(data) = data else { return Vec::new() };
            let drawing = self.drawing(data);
            let ends = match self.style.get() {
                ChartStyle::Line => None,
                ChartStyle::Area | ChartStyle::Bar => Some(drawing.stacked()),
            };
            let height = |(at, (tint, series)): (usize, &(Tint, &ChartSeries))| {
                let value = match &ends {
                    None => series.values.get(index).copied().flatten()?,
                    Some(ends) => ends[at].get(index).copied().flatten()?.1,
                };
                Some((*tint, value))
            };
            drawing.lines.iter().enumerate().filter_map(height).collect()
        })
    }

    /// Values of the shown series at a slice.
    fn readings(self, index: usize) -> Vec<Reading> {
        self.data.with(|data| {
            let Some(data) = data else { return Vec::new() };
            let at = |values: &[Option<f64>]| values.get(index).copied().flatten();
            let reading = |(tint, series): (Tint, &ChartSeries)| Reading {
                label: series.label.clone(),
                tint,
                value: at(&series.values),
                before: at(&series.before).filter(|_| self.overlay.get()),
            };
            self.shown(data).into_iter().map(reading).collect()
        })
    }

    fn unit(self) -> Unit {
        self.data.with(|data| data.as_ref().map_or(Unit::PerSecond, |data| data.unit))
    }

    /// When a slice is, as exact as the grid asks for.
    fn time_of(self, index: usize) -> String {
        let grid = self.grid.get();
        let span_ms = grid.to().0 - grid.from.0;
        let format = if span_ms > 86_400_000 { TimeFormat::DayMinute } else { TimeFormat::Second };
        format_wall(grid.at(index), self.zone.get(), format)
    }

    /// How far the chosen zone is ahead of UTC at the end of the grid.
    fn zone_offset_ms(self) -> i64 {
        match self.zone.get() {
            Zone::Utc => 0,
            Zone::Local => crate::browser::clock::local_offset_ms(self.grid.get().to()),
        }
    }

    /// Whether no shown series has any value.
    fn is_empty(self) -> bool {
        self.data.with(|data| {
            data.as_ref().is_none_or(|data| data.series.iter().all(|s| s.values.iter().all(Option::is_none)))
        })
    }
}

/// A value with its unit, or a dash.
fn shown_value(value: Option<f64>, unit: Unit) -> String {
    let Some(value) = value else { return "–".to_owned() };
    let (number, name) = format_unit(value, unit);
    match name {
        "" => number,
        "%" | "/s" => format!("{number}{name}"),
        _ => format!("{number} {name}"),
    }
}

/// A chart in a panel.
#[component]
pub fn ChartPanel(
    /// Id of the panel, for links that lead to it.
    id: String,
    /// Its heading; must not change.
    title: String,
    /// What is drawn; none while nothing is known.
    data: Memo<Option<ChartData>>,
    /// The instants of the points.
    grid: Memo<Grid>,
) -> impl IntoView {
    let crosshair = use_context::<Crosshair>().map_or_else(|| RwSignal::new(None), |shared| shared.0);
    let state = ChartState {
        data,
        grid,
        style: Signal::stored(ChartStyle::Line),
        thresholds: Signal::stored(Vec::new()),
        overlay: use_overlay(),
        zone: use_zone(),
        size: RwSignal::new(Plot::DEFAULT),
        hidden: RwSignal::new(Vec::new()),
        crosshair,
    };
    let subtitle = Signal::derive(move || {
        data.with(|data| data.as_ref().map(|data| subtitle(data.unit, &data.subtitle)).unwrap_or_default())
    });
    let label = title.clone();
    view! {
        <Panel title id subtitle class="chart-panel" actions=move || view! { <Legend state /> }>
            <Surface label state />
        </Panel>
    }
    .into_any()
}

fn subtitle(unit: Unit, words: &str) -> String {
    match unit {
        // Their unit depends on the size and stands beside each number.
        Unit::Bytes | Unit::BytesPerSecond => words.to_owned(),
        _ if words.is_empty() => unit_name(unit).to_owned(),
        _ => words.to_owned(),
    }
}

/// The instants from the left edge of slice `first` to the right edge of slice `last`, at least a minute.
fn zoomed(grid: Grid, first: usize, last: usize) -> (UnixMillis, UnixMillis) {
    const SHORTEST_MS: i64 = 60_000;
    let (from, to) = (grid.at(first.min(last)), grid.at(first.max(last) + 1));
    let missing = (SHORTEST_MS - (to.0 - from.0)).max(0);
    let from = UnixMillis((from.0 - missing / 2).max(0));
    (from, UnixMillis(to.0.max(from.0 + SHORTEST_MS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brush_zooms_to_whole_slices_in_either_direction() {
        let grid = Grid { from: UnixMillis(1_000_000), step_ms: 60_000, len: 60 };
        assert_eq!(zoomed(grid, 2, 4), (UnixMillis(1_120_000), UnixMillis(1_300_000)));
        assert_eq!(zoomed(grid, 4, 2), zoomed(grid, 2, 4));
    }

    #[test]
    fn a_brush_never_zooms_below_a_minute() {
        let grid = Grid { from: UnixMillis(1_000_000), step_ms: 5_000, len: 60 };
        let (from, to) = zoomed(grid, 10, 10);
        assert_eq!(to.0 - from.0, 60_000);
        assert!(from <= grid.at(10) && to >= grid.at(11));
    }

    #[test]
    fn a_unit_stands_beside_the_title_where_nothing_else_does() {
        assert_eq!(subtitle(Unit::PerSecond, "/s by status"), "/s by status");
        assert_eq!(subtitle(Unit::Milliseconds, ""), "ms");
        assert_eq!(subtitle(Unit::BytesPerSecond, "all interfaces"), "all interfaces");
    }
}
