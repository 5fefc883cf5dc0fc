//! What the page shows, as the address says it.

use leptos::prelude::*;

use crate::{
    component::{
        choice::use_choice,
        query::{use_query_param, with},
        range::{use_compare, use_overlay, use_range},
    },
    model::{
        CallQuery, EndpointColumn, EndpointName, EndpointQuery, EndpointView, ErrorQuery, PerformanceQuery, RangeSpec,
        UnixMillis,
    },
};

/// Where the page is.
pub const PATH: &str = "/monitoring/api";
/// `?service=orders`
pub const SERVICE: &str = "service";
/// `?method=GET`
pub const METHOD: &str = "method";
/// `?search=users`
pub const SEARCH: &str = "search";
/// `?view=slow`, `?view=errors`; all is left out.
pub const VIEW: &str = "view";
/// `?sort=p95`; the view's own order is left out.
pub const SORT: &str = "sort";
/// `?reverse=1`: from the other end.
pub const REVERSE: &str = "reverse";
/// `?target=200`, in milliseconds.
pub const TARGET: &str = "target";
/// `?show=100`: how many endpoints.
pub const SHOW: &str = "show";
/// `?endpoint=GET%20%2Forders&of=shop`: whose panel is open.
pub const ENDPOINT: &str = "endpoint";
/// The service of that endpoint.
pub const OF: &str = "of";
/// `?metric=errors`: what the heatmap shows.
pub const METRIC: &str = "metric";
/// `?at=<from>-<to>&from_ms=100&to_ms=200`: the cell whose requests are listed.
pub const AT: &str = "at";
/// The shortest duration of that cell.
pub const FROM_MS: &str = "from_ms";
/// The longest duration of that cell.
pub const TO_MS: &str = "to_ms";

/// What the heatmap of endpoints shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Metric {
    /// 95th percentile.
    #[default]
    P95,
    /// Share of answers with status 5xx.
    Errors,
    /// Requests.
    Requests,
}

impl Metric {
    /// Every one, in the order of the tabs.
    pub const ALL: [Self; 3] = [Self::P95, Self::Errors, Self::Requests];

    /// The name used in addresses.
    pub fn key(self) -> &'static str {
        match self {
            Self::P95 => "p95",
            Self::Errors => "errors",
            Self::Requests => "requests",
        }
    }

    /// What people read.
    pub fn label(self) -> &'static str {
        match self {
            Self::P95 => "p95",
            Self::Errors => "Errors",
            Self::Requests => "Requests",
        }
    }
}

/// A cell of the heatmap of durations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Requests that ended from here.
    pub from: UnixMillis,
    /// Up to here.
    pub to: UnixMillis,
    /// That took at least so long, in milliseconds.
    pub min_ms: f64,
    /// And less than so long.
    pub max_ms: f64,
}

/// The page's state, read from the address and written to it.
#[derive(Clone, Copy)]
pub struct ApiState {
    /// Which endpoints are asked for.
    pub query: Memo<PerformanceQuery>,
    /// The endpoint whose panel is open.
    pub chosen: Memo<Option<EndpointName>>,
    /// What is asked about it.
    pub detail: Memo<Option<EndpointQuery>>,
    /// The cell whose requests are listed.
    pub cell: Memo<Option<Cell>>,
    /// What is asked about that.
    pub calls: Memo<Option<CallQuery>>,
    /// What is asked about errors of the chosen endpoint.
    pub own_errors: Memo<Option<ErrorQuery>>,
    /// What is asked about those that fail most, where these are shown.
    pub all_errors: Memo<Option<ErrorQuery>>,
    /// What the heatmap of endpoints shows.
    pub metric: Memo<Metric>,
    /// Changes the text that is searched for.
    pub set_search: SignalSetter<Option<String>>,
    clear: Callback<()>,
}

impl ApiState {
    /// Takes every filter away; range, order and target stay.
    pub fn clear_filters(self) {
        self.clear.run(());
    }
}

/// The state of the page. What the address says wrongly is left out.
pub fn use_api_state() -> ApiState {
    let (range, _) = use_range();
    let (compare, overlay) = (use_compare(), use_overlay());
    let (service, set_service) = use_choice(SERVICE);
    let (method, set_method) = use_choice(METHOD);
    let (search, set_search) = use_query_param(SEARCH);
    let (view, set_view) = use_choice(VIEW);
    let text = |name: &'static str| use_choice(name).0;
    let (sort, reverse, target, show) = (text(SORT), text(REVERSE), text(TARGET), text(SHOW));
    let (endpoint, of, metric) = (text(ENDPOINT), text(OF), text(METRIC));
    let (at, from_ms, to_ms) = (text(AT), text(FROM_MS), text(TO_MS));
    let query = Memo::new(move |_| PerformanceQuery {
        range: range.get(),
        compare: compare.get(),
        service: service.get(),
        method: method.get(),
        search: search.get(),
        view: view.get().and_then(|key| EndpointView::from_key(&key)).unwrap_or_default(),
        sort: sort.get().and_then(|key| key.parse::<EndpointColumn>().ok()),
        is_reversed: reverse.with(Option::is_some),
        target_ms: target_of(target.get().as_deref()),
        limit: show
            .get()
            .and_then(|text| text.parse().ok())
            .unwrap_or(PerformanceQuery::DEFAULT_LIMIT)
            .clamp(1, PerformanceQuery::MAX_LIMIT),
    });
    let chosen = Memo::new(move |_| {
        let (service, endpoint) = (of.get()?, endpoint.get()?);
        let (method, route) = endpoint.split_once(' ')?;
        Some(EndpointName { service, method: method.to_owned(), route: route.to_owned() })
    });
    let detail = Memo::new(move |_| {
        Some(EndpointQuery {
            endpoint: chosen.get()?,
            range: range.get(),
            compare: compare.get(),
            overlay: overlay.get(),
            target_ms: target_of(target.get().as_deref()),
        })
    });
    let cell = Memo::new(move |_| {
        let RangeSpec::Fixed(from, to) = at.get()?.parse().ok()? else { return None };
        let ms = |text: Option<String>| text?.parse::<f64>().ok().filter(|ms| ms.is_finite() && *ms >= 0.0);
        Some(Cell { from, to, min_ms: ms(from_ms.get())?, max_ms: ms(to_ms.get())? })
    });
    let calls = Memo::new(move |_| {
        let (endpoint, cell) = (chosen.get()?, cell.get()?);
        Some(CallQuery {
            endpoint,
            range: RangeSpec::Fixed(cell.from, cell.to),
            min_ms: Some(cell.min_ms),
            max_ms: Some(cell.max_ms),
        })
    });
    let own_errors = Memo::new(move |_| {
        let endpoint = Some(chosen.get()?);
        Some(ErrorQuery { endpoint, range: range.get(), ..ErrorQuery::default() })
    });
    let all_errors = Memo::new(move |_| {
        let is_failing = view.with(|view| view.as_deref() == Some(EndpointView::Failing.key()));
        is_failing.then(|| ErrorQuery {
            range: range.get(),
            service: service.get(),
            method: method.get(),
            search: search.get(),
            ..ErrorQuery::default()
        })
    });
    let metric = Memo::new(move |_| {
        let key = metric.get().unwrap_or_default();
        Metric::ALL.into_iter().find(|metric| metric.key() == key).unwrap_or_default()
    });
    let clear = Callback::new(move |()| {
        set_service.set(None);
        set_method.set(None);
        set_view.set(None);
        set_search.set(None);
    });
    ApiState { query, chosen, detail, cell, calls, own_errors, all_errors, metric, set_search, clear }
}

fn target_of(text: Option<&str>) -> u32 {
    let target = text.and_then(|text| text.parse().ok()).unwrap_or_default();
    if target > PerformanceQuery::MAX_TARGET_MS { 0 } else { target }
}

/// Changes of the address that open an endpoint's panel, or close it.
pub fn choosing(endpoint: Option<&EndpointName>) -> [(&'static str, Option<String>); 5] {
    [
        (ENDPOINT, endpoint.map(ToString::to_string)),
        (OF, endpoint.map(|endpoint| endpoint.service.clone())),
        (AT, None),
        (FROM_MS, None),
        (TO_MS, None),
    ]
}

/// Changes of the address that list the requests of a cell, or of none.
pub fn looking_at(cell: Option<Cell>) -> [(&'static str, Option<String>); 3] {
    [
        (AT, cell.map(|cell| RangeSpec::Fixed(cell.from, cell.to).to_string())),
        (FROM_MS, cell.map(|cell| cell.min_ms.to_string())),
        (TO_MS, cell.map(|cell| cell.max_ms.to_string())),
    ]
}

/// Address of the page with an endpoint's panel open.
pub fn endpoint_href(endpoint: &EndpointName) -> String {
    let query = choosing(Some(endpoint))
        .into_iter()
        .fold(String::new(), |query, (name, value)| with(&query, name, value.as_deref()));
    format!("{PATH}?{query}")
}

/// Changes of the address that sort by a column: by the one that is sorted by, from the other end.
pub fn sorting(query: &PerformanceQuery, column: EndpointColumn) -> [(&'static str, Option<String>); 2] {
    let is_reversed = query.column() == column && !query.is_reversed;
    let key = (column != query.view.column()).then(|| column.key().to_owned());
    [(SORT, key), (REVERSE, is_reversed.then(|| "1".to_owned()))]
}

/// How a column is sorted, as ARIA names it.
pub fn direction(query: &PerformanceQuery, column: EndpointColumn) -> Option<&'static str> {
    (query.column() == column).then(|| if column.is_name() == query.is_reversed { "descending" } else { "ascending" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_sorted_from_its_own_end_first_and_then_from_the_other() {
        let query = PerformanceQuery::default();
        assert_eq!(sorting(&query, EndpointColumn::P95), [(SORT, Some("p95".into())), (REVERSE, None)]);
        assert_eq!(sorting(&query, EndpointColumn::Impact), [(SORT, None), (REVERSE, Some("1".into()))]);
        let query = PerformanceQuery { sort: Some(EndpointColumn::P95), is_reversed: true, ..query };
        assert_eq!(sorting(&query, EndpointColumn::P95), [(SORT, Some("p95".into())), (REVERSE, None)]);
        assert_eq!(direction(&query, EndpointColumn::P95), Some("ascending"));
        assert_eq!(direction(&query, EndpointColumn::P50), None);
        let names = PerformanceQuery { sort: Some(EndpointColumn::Service), is_reversed: false, ..query };
        assert_eq!(direction(&names, EndpointColumn::Service), Some("ascending"));
    }

    #[test]
    fn an_endpoint_has_an_address() {
        let endpoint = EndpointName { service: "user api".into(), method: "GET".into(), route: "/users/:id".into() };
        assert_eq!(endpoint_href(&endpoint), "/monitoring/api?endpoint=GET%20%2Fusers%2F%3Aid&of=user%20api");
    }

    #[test]
    fn a_target_out_of_bounds_is_left_out() {
        assert_eq!([Some("200"), None, Some("x"), Some("99999999")].map(target_of), [200, 0, 0, 0]);
    }
}
