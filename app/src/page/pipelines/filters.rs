//! The controls and counts above the list.

use leptos::prelude::*;

use super::state::{ENVIRONMENT, PipelineState, RANGE, STATUS, TENANT, TRIGGER};
use crate::{
    component::{
        choice::Choice,
        number::{format_count, significant},
        query::use_href,
        search_box::SearchBox,
        time::format_duration_ms,
    },
    model::{PipelineStatus, RangeSpec, pipeline::PipelineStats},
};

const SEARCH_HELP: &str = "Text in message, author, branch, project, API, commit or id";

/// Values to choose from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choices {
    /// Environments.
    pub environments: Vec<String>,
    /// Target tenants.
    pub tenants: Vec<String>,
    /// Trigger types.
    pub triggers: Vec<String>,
}

/// Status, environment, tenant, trigger, range and text.
#[component]
pub fn PipelineFilters(
    /// What is shown.
    state: PipelineState,
    /// Values to choose from; read inside a boundary that waits for them.
    choices: Callback<(), Choices>,
) -> impl IntoView {
    let search = Memo::new(move |_| state.query.with(|query| query.filter.search.clone()).unwrap_or_default());
    let statuses = || PipelineStatus::ALL.map(|status| (status.key().to_owned(), status.label().to_owned())).to_vec();
    let plain = |values: Vec<String>| values.into_iter().map(|value| (value.clone(), value)).collect();
    view! {
        <div class="filter-row" role="search" aria-label="Pipelines">
            <Choice label="Status" name=STATUS options=Callback::new(move |()| statuses()) />
            <Choice
                label="Environment"
                name=ENVIRONMENT
                options=Callback::new(move |()| plain(choices.run(()).environments))
            />
            <Choice label="Tenant" name=TENANT options=Callback::new(move |()| plain(choices.run(()).tenants)) />
            <Choice label="Trigger" name=TRIGGER options=Callback::new(move |()| plain(choices.run(()).triggers)) />
            <Choice label="Range" all="all time" unknown="custom" name=RANGE options=Callback::new(move |()| ranges()) />
            <SearchBox
                value=search
                set=Callback::new(move |text| state.set_search.set(Some(text)))
                label="Search pipelines"
                help=SEARCH_HELP
                is_main=true
            />
        </div>
    }
}

fn ranges() -> Vec<(String, String)> {
    RangeSpec::PRESETS.map(RangeSpec::Last).map(|range| (range.to_string(), range.label().to_lowercase())).to_vec()
}

/// Counts over what matches; a status is a link that narrows to it, and back.
#[component]
pub fn StatsRow(
    /// The counts.
    #[prop(into)]
    counts: Signal<PipelineStats>,
    /// What is shown.
    state: PipelineState,
) -> impl IntoView {
    let href = use_href();
    let status_link = move |status: PipelineStatus| {
        let href = href.clone();
        let is_chosen = move || state.query.with(|query| query.filter.status) == Some(status);
        let target = move || {
            let value = (!is_chosen()).then(|| status.key().to_owned());
            href(&[(STATUS, value)])
        };
        let count = move || counts.with(|counts| counts.by_status.get(status.key()).copied().unwrap_or_default());
        view! {
            <a
                class="stat stat-link"
                href=target
                data-noscroll
                data-status=status.key()
                aria-current=move || is_chosen().then_some("true")
            >
                <span class="stat-label">{status.label()}</span>
                <span class="stat-value">{move || format_count(count())}</span>
            </a>
        }
    };
    let rate = move || {
        let rate = counts.with(|counts| counts.success_rate);
        rate.map_or_else(|| "–".to_owned(), |rate| format!("{} %", significant(rate)))
    };
    let duration =
        move || counts.with(|counts| counts.avg_duration_ms).map_or_else(|| "–".to_owned(), format_duration_ms);
    view! {
        <div class="stats">
            <Stat label="Total" value=Signal::derive(move || format_count(counts.with(|counts| counts.total))) />
            <Stat label="Success rate" value=Signal::derive(rate) />
            <Stat label="Average duration" value=Signal::derive(duration) />
            {PipelineStatus::ALL.map(status_link).collect_view()}
        </div>
    }
}

#[component]
fn Stat(label: &'static str, value: Signal<String>) -> impl IntoView {
    view! {
        <div class="stat">
            <span class="stat-label">{label}</span>
            <span class="stat-value">{value}</span>
        </div>
    }
}
