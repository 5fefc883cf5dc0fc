//! The page's state, all of it in the address.

use leptos::prelude::*;

use crate::{
    component::{
        query::use_query_param,
        range::{use_compare, use_overlay, use_range},
    },
    model::{EndpointSort, OverviewQuery},
};

/// What is asked of the server.
pub fn use_overview_query() -> Memo<OverviewQuery> {
    let (range, _) = use_range();
    let compare = use_compare();
    let overlay = use_overlay();
    Memo::new(move |_| OverviewQuery { range: range.get(), compare: compare.get(), overlay: overlay.get() })
}

/// How the endpoints are sorted: `?sort=p95`.
pub fn use_sort() -> Memo<EndpointSort> {
    let (text, _) = use_query_param("sort");
    Memo::new(move |_| text.with(|text| text.as_deref().and_then(EndpointSort::from_key)).unwrap_or_default())
}

/// A sort order as the address carries it: the default is left out.
pub fn sort_value(sort: EndpointSort) -> Option<String> {
    (sort != EndpointSort::default()).then(|| sort.key().to_owned())
}

/// Whether all endpoints are listed: `?endpoints=all`.
pub fn use_all_endpoints() -> Memo<bool> {
    let (text, _) = use_query_param("endpoints");
    Memo::new(move |_| text.with(|text| text.as_deref() == Some("all")))
}
