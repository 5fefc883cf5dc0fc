//! The overview: is anything wrong, since when, and where to look.

mod banner;
mod charts;
mod data;
mod endpoints;
mod kpis;
mod pipelines;
mod state;

use leptos::prelude::*;

pub use self::banner::severity_key;
use self::{
    banner::Banner,
    charts::Charts,
    data::{Latest, use_overview},
    endpoints::Endpoints,
    kpis::Kpis,
    pipelines::Pipelines,
};
use crate::{
    api::ApiError,
    component::{
        awaited::Awaited,
        chart::provide_crosshair,
        error_panel::ErrorPanel,
        log_view::LogPanel,
        reactive::{flag, part},
        skeleton::{Loading, SkeletonBlock},
    },
};

/// The overview page.
#[component]
pub fn OverviewPage() -> impl IntoView {
    provide_crosshair();
    let source = use_overview();
    let retry = Callback::new(move |()| source.refetch());
    let pending = RwSignal::new(false);
    view! {
        <div class="overview" aria-busy=flag(move || pending.get())>
            <Awaited fallback=Skeleton pending>
                // Not inside a closure: built once, and fed by memos from then on, so that what the reader has
                // switched, hovered or focused survives every refresh.
                {Suspend::new(async move {
                    source.await_first().await;
                    let latest = source.latest();
                    let error = source.error();
                    let has_data = latest.is_known();
                    view! {
                        {part(move || {
                            let panel = |error: ApiError| view! { <ErrorPanel what="the overview" error retry /> };
                            error.get().map(panel).into_any()
                        })}
                        <Show when=move || has_data.get()>
                            <Dashboard latest />
                        </Show>
                    }
                })}
            </Awaited>
            <LogPanel />
        </div>
    }
    .into_any()
}

#[component]
fn Dashboard(
    /// The newest answer.
    latest: Latest,
) -> impl IntoView {
    view! {
        <Banner latest />
        <Kpis latest />
        <Charts latest />
        <div class="overview-lower">
            <Endpoints latest />
            <Pipelines latest />
        </div>
    }
    .into_any()
}

/// The layout while the first answer is on its way.
#[component]
fn Skeleton() -> impl IntoView {
    let blocks =
        |count: usize, class: &'static str| (0..count).map(|_| view! { <SkeletonBlock class /> }).collect_view();
    view! {
        <Loading what="the overview" />
        <SkeletonBlock class="banner" />
        <div class="kpis">{blocks(6, "kpi")}</div>
        <div class="charts">{blocks(4, "chart-panel")}</div>
    }
}
