//! Which pipeline traces the list shows, as the address says it.

use leptos::prelude::*;

use crate::{
    component::query::{History, use_query_param, use_query_param_with},
    model::{PipelineFilter, PipelineQuery},
};

/// One filter: what the address says and how to change it.
#[derive(Clone, Copy)]
pub struct Param {
    /// The value; none when the address has none.
    pub value: Memo<Option<String>>,
    /// Changes the address.
    pub set: SignalSetter<Option<String>>,
}

fn param(name: &'static str) -> Param {
    let (value, set) = use_query_param_with(name, History::Push);
    Param { value, set }
}

/// Filters and range of the list, read from the address and written to it.
#[derive(Clone, Copy)]
pub struct PipelineState {
    /// `?status=failed`
    pub status: Param,
    /// `?environment=dev`
    pub environment: Param,
    /// `?tenant_id=acme`
    pub tenant: Param,
    /// `?trigger_type=gitlab-push`
    pub trigger: Param,
    /// `?search=…`
    pub search: Param,
    /// `?range=6h`; none means all time.
    pub range: Param,
    /// The question that all of these ask.
    pub query: Memo<PipelineQuery>,
}

/// The state of the list. What the address says wrongly is left out.
pub fn use_pipeline_state() -> PipelineState {
    let status = param("status");
    let environment = param("environment");
    let tenant = param("tenant_id");
    let trigger = param("trigger_type");
    let range = param("range");
    let (value, set) = use_query_param("search");
    let search = Param { value, set };
    let query = Memo::new(move |_| PipelineQuery {
        filter: PipelineFilter {
            status: status.value.get().and_then(|status| status.parse().ok()),
            environment: environment.value.get(),
            tenant_id: tenant.value.get(),
            trigger_type: trigger.value.get(),
            search: search.value.get(),
        },
        range: range.value.get().and_then(|range| range.parse().ok()),
        limit: 0,
        cursor: None,
    });
    PipelineState { status, environment, tenant, trigger, search, range, query }
}

impl PipelineState {
    /// Takes every filter away; the range stays.
    pub fn clear_filters(self) {
        for param in [self.status, self.environment, self.tenant, self.trigger, self.search] {
            param.set.set(None);
        }
    }
}
