//! Which pipeline traces the list shows, as the address says it.

use leptos::prelude::*;

use crate::{
    component::{choice::use_choice, query::use_query_param},
    model::{PipelineFilter, PipelineQuery},
};

/// `?status=failed`
pub const STATUS: &str = "status";
/// `?environment=dev`
pub const ENVIRONMENT: &str = "environment";
/// `?tenant_id=acme`
pub const TENANT: &str = "tenant_id";
/// `?trigger_type=gitlab-push`
pub const TRIGGER: &str = "trigger_type";
/// `?range=6h`; none means all time.
pub const RANGE: &str = "range";
/// `?search=…`
pub const SEARCH: &str = "search";

/// Filters and range of the list, read from the address and written to it.
#[derive(Clone, Copy)]
pub struct PipelineState {
    /// The question that the address asks.
    pub query: Memo<PipelineQuery>,
    /// Changes the text that is searched for.
    pub set_search: SignalSetter<Option<String>>,
    /// Takes every filter away; the range stays.
    pub clear_filters: Callback<()>,
}

/// The state of the list. What the address says wrongly is left out.
pub fn use_pipeline_state() -> PipelineState {
    let (status, set_status) = use_choice(STATUS);
    let (environment, set_environment) = use_choice(ENVIRONMENT);
    let (tenant, set_tenant) = use_choice(TENANT);
    let (trigger, set_trigger) = use_choice(TRIGGER);
    let (range, _) = use_choice(RANGE);
    let (search, set_search) = use_query_param(SEARCH);
    let query = Memo::new(move |_| PipelineQuery {
        filter: PipelineFilter {
            status: status.get().and_then(|status| status.parse().ok()),
            environment: environment.get(),
            tenant_id: tenant.get(),
            trigger_type: trigger.get(),
            search: search.get(),
        },
        range: range.get().and_then(|range| range.parse().ok()),
        limit: 0,
        cursor: None,
    });
    let clear_filters = Callback::new(move |()| {
        for set in [set_status, set_environment, set_tenant, set_trigger, set_search] {
            set.set(None);
        }
    });
    PipelineState { query, set_search, clear_filters }
}
