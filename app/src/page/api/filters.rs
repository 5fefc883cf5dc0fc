//! What narrows the list.

use leptos::prelude::*;

use super::{
    Loaded,
    state::{ApiState, METHOD, REVERSE, SERVICE, SORT, TARGET, VIEW},
};
use crate::{
    component::{
        choice::Choice,
        query::use_href,
        search_box::SearchBox,
        tabs::{Tab, Tabs},
        time::format_duration_ms,
    },
    model::{EndpointView, threshold::TARGET_MS},
};

const SEARCH_HELP: &str = "Text in the method or the route";
/// Targets that are offered, in milliseconds.
const TARGETS: [u32; 7] = [50, 100, 200, TARGET_MS, 1000, 2000, 5000];

/// Service, method, target and text.
#[component]
pub fn Filters(
    /// What is shown.
    state: ApiState,
    /// The answer, which knows services and methods.
    loaded: Loaded,
) -> impl IntoView {
    let search = Memo::new(move |_| state.query.with(|query| query.search.clone()).unwrap_or_default());
    let known = move |names: fn(&crate::model::PerformancePage) -> &Vec<String>| {
        Callback::new(move |()| {
            let names = loaded.get().and_then(Result::ok).map(|(_, page)| names(&page).clone()).unwrap_or_default();
            names.into_iter().map(|name| (name.clone(), name)).collect::<Vec<_>>()
        })
    };
    let targets = || {
        let offered = TARGETS.into_iter().filter(|target| *target != TARGET_MS);
        offered.map(|target| (target.to_string(), format!("Target: {}", format_duration_ms(target.into())))).collect()
    };
    view! {
        <div class="filter-row api-filters" role="search" aria-label="Endpoints">
            <Choice label="Service" name=SERVICE options=known(|page| &page.services) />
            <Choice label="Method" name=METHOD options=known(|page| &page.methods) />
            <Choice label="Target" name=TARGET options=Callback::new(move |()| targets()) all="500 ms" />
            <SearchBox
                value=search
                set=Callback::new(move |text| state.set_search.set(Some(text)))
                label="Search endpoints"
                help=SEARCH_HELP
                is_main=true
            />
        </div>
    }
    .into_any()
}

/// All, slow, failing.
#[component]
pub fn ViewTabs(
    /// What is shown.
    state: ApiState,
) -> impl IntoView {
    let href = use_href();
    let tabs = Signal::derive(move || {
        let chosen = state.query.with(|query| query.view);
        let tab = |view: EndpointView| Tab {
            label: view.label(),
            // Each view has an order of its own.
            href: href(&[
                (VIEW, (view != EndpointView::default()).then(|| view.key().to_owned())),
                (SORT, None),
                (REVERSE, None),
            ]),
            selected: view == chosen,
        };
        EndpointView::ALL.map(tab).to_vec()
    });
    view! { <Tabs label="Which endpoints" tabs /> }
}
