//! The answer of a query, drawn: what the explorer shows and what a panel of a dashboard is made of.

use leptos::prelude::*;

use super::{
    ChartState, ChartStyle, Crosshair, Threshold, exemplars::Exemplars, legend::Legend, scale::Plot, surface::Surface,
};
use crate::{
    component::time::use_zone,
    model::{
        ChartData, MetricExemplar, UnixMillis,
        overview::{Grid, Unit},
    },
};

const NO_GRID: Grid = Grid { from: UnixMillis(0), step_ms: 1, len: 0 };

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryChartData {
    /// The series and their unit.
    pub chart: ChartData,
    /// The instants of their values.
    pub grid: Grid,
    /// Measurements that are marked, each with its trace.
    pub exemplars: Vec<MetricExemplar>,
}

/// A chart of series with its legend. It knows nothing of the page: charts within one
/// [`super::provide_crosshair`] share their crosshair.
#[component]
pub fn QueryChart(
    /// Name of the chart, for screen readers; must not change.
    label: String,
    /// What is drawn; none while nothing is known.
    data: Memo<Option<QueryChartData>>,
    /// How.
    #[prop(into)]
    style: Signal<ChartStyle>,
    /// Limits that are marked.
    #[prop(optional, into)]
    thresholds: Signal<Vec<Threshold>>,
) -> impl IntoView {
    let crosshair = use_context::<Crosshair>().map_or_else(|| RwSignal::new(None), |shared| shared.0);
    let chart = Memo::new(move |_| data.with(|data| data.as_ref().map(|data| data.chart.clone())));
    let state = ChartState {
        data: chart,
        grid: Memo::new(move |_| data.with(|data| data.as_ref().map_or(NO_GRID, |data| data.grid))),
        style,
        thresholds,
        // Only one range is asked for.
        overlay: Memo::new(|_| false),
        zone: use_zone(),
        size: RwSignal::new(Plot::DEFAULT),
        hidden: RwSignal::new(Vec::new()),
        crosshair,
    };
    let exemplars =
        Memo::new(move |_| data.with(|data| data.as_ref().map(|data| data.exemplars.clone()).unwrap_or_default()));
    let unit = Memo::new(move |_| chart.with(|chart| chart.as_ref().map_or(Unit::Number, |chart| chart.unit)));
    view! {
        <div class="query-chart">
            <div class="query-chart-plot">
                <Surface label state />
                <Exemplars state exemplars unit />
            </div>
            <Legend state />
        </div>
    }
    .into_any()
}
