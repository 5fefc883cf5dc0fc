//! The four charts.

use leptos::prelude::*;

use super::data::Latest;
use crate::{
    component::chart::ChartPanel,
    model::{UnixMillis, overview::Grid},
};

const NO_GRID: Grid = Grid { from: UnixMillis(0), step_ms: 1, len: 0 };

/// The four charts, with one crosshair.
#[component]
pub fn Charts(
    /// The newest answer.
    latest: Latest,
) -> impl IntoView {
    let grid = latest.pick(NO_GRID, |overview| overview.grid);
    let keys = latest.pick(Vec::new(), |overview| {
        overview.charts.iter().map(|chart| (chart.key.clone(), chart.title.clone())).collect::<Vec<_>>()
    });
    view! {
        <div class="charts" id="charts">
            <For each=move || keys.get() key=|(key, _)| key.clone() let((key, title))>
                <ChartPanel
                    id=key.clone()
                    title
                    grid
                    data=latest.pick(None, move |overview| {
                        overview.charts.iter().find(|chart| chart.key == key).cloned()
                    })
                />
            </For>
        </div>
    }
}
