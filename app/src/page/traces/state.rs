//! Which traces the list shows, as the address says it.

use leptos::prelude::*;

use crate::{
    component::{
        choice::use_choice,
        query::{use_query_param, use_query_params, with, with_all},
        range::use_range,
    },
    model::{AttributeFilter, RangeSpec, TraceFilter, TraceQuery, TraceSort},
};

/// `?service=orders`
pub const SERVICE: &str = "service";
/// `?operation=POST%20%2Fv1%2Forders`
pub const OPERATION: &str = "operation";
/// `?status=errors`, `?status=ok`
pub const STATUS: &str = "status";
/// `?min_ms=250`
pub const MIN: &str = "min_ms";
/// `?max_ms=1000`
pub const MAX: &str = "max_ms";
/// `?attribute=http.route%20%3D%20%2Fx`, once for each condition.
pub const ATTRIBUTE: &str = "attribute";
/// `?search=…`
pub const SEARCH: &str = "search";
/// `?sort=longest`; the newest first is left out.
pub const SORT: &str = "sort";

/// `?within=6h`: the range of which a part was picked.
pub const WITHIN: &str = "within";
/// `?contrast=1`: the comparison with the rest is open.
pub const CONTRAST: &str = "contrast";

/// With failed spans or without, as the address says it.
pub const STATUSES: [(&str, bool); 2] = [("errors", true), ("ok", false)];

/// Filters, order and range of the list, read from the address and written to it.
#[derive(Clone, Copy)]
pub struct TraceListState {
    /// The question that the address asks.
    pub query: Memo<TraceQuery>,
    /// The range of which a part was picked.
    pub within: Memo<Option<RangeSpec>>,
    /// Whether the comparison with the rest is open.
    pub is_contrasted: Memo<bool>,
    /// Changes the text that is searched for.
    pub set_search: SignalSetter<Option<String>>,
    /// Changes a parameter that is chosen, by its name.
    set: Callback<(&'static str, Option<String>)>,
    set_attributes: SignalSetter<Vec<String>>,
    set_range: SignalSetter<RangeSpec>,
    set_within: SignalSetter<Option<String>>,
}

/// The state of the list. What the address says wrongly is left out.
pub fn use_trace_list_state() -> TraceListState {
    let (service, set_service) = use_choice(SERVICE);
    let (operation, set_operation) = use_choice(OPERATION);
    let (status, set_status) = use_choice(STATUS);
    let (min, set_min) = use_choice(MIN);
    let (max, set_max) = use_choice(MAX);
    let (attributes, set_attributes) = use_query_params(ATTRIBUTE);
    let (search, set_search) = use_query_param(SEARCH);
    let (sort, _) = use_choice(SORT);
    let (range, set_range) = use_range();
    let (within, set_within) = use_choice(WITHIN);
    let within = Memo::new(move |_| within.with(|text| text.as_deref().and_then(|text| text.parse().ok())));
    let (contrast, _) = use_choice(CONTRAST);
    let is_contrasted = Memo::new(move |_| contrast.with(Option::is_some));
    let query = Memo::new(move |_| TraceQuery {
        filter: TraceFilter {
            service: service.get(),
            operation: operation.get(),
            has_errors: status.get().and_then(|status| has_errors(&status)),
            min_ms: min.get().and_then(|text| parse_ms(&text)),
            max_ms: max.get().and_then(|text| parse_ms(&text)),
            attributes: attributes.with(|texts| conditions(texts)),
            search: search.get(),
        },
        range: range.get(),
        sort: sort.get().and_then(|key| sort_of(&key)).unwrap_or_default(),
        limit: 0,
        cursor: None,
    });
    let setters =
        [(SERVICE, set_service), (OPERATION, set_operation), (STATUS, set_status), (MIN, set_min), (MAX, set_max)];
    let set = Callback::new(move |(name, value)| {
        if let Some((_, set)) = setters.iter().find(|(known, _)| *known == name) {
            set.set(value);
        }
    });
    TraceListState { query, within, is_contrasted, set_search, set, set_attributes, set_range, set_within }
}

impl TraceListState {
    /// One service, or all.
    pub fn set_service(self, service: Option<String>) {
        self.set.run((SERVICE, service));
    }

    /// One operation, or all.
    pub fn set_operation(self, operation: Option<String>) {
        self.set.run((OPERATION, operation));
    }

    /// Traces with and without errors.
    pub fn clear_status(self) {
        self.set.run((STATUS, None));
    }

    /// Traces that take at least and at most so long, in milliseconds.
    pub fn set_durations(self, min_ms: Option<f64>, max_ms: Option<f64>) {
        self.set.run((MIN, min_ms.map(write_ms)));
        self.set.run((MAX, max_ms.map(write_ms)));
    }

    /// Traces of a part of the range, from the shortest to the longest. What was asked for before stays known.
    pub fn pick(self, range: RangeSpec, min_ms: Option<f64>, max_ms: Option<f64>) {
        let before = self.within.get_untracked().unwrap_or(self.query.with_untracked(|query| query.range));
        self.set_within.set(Some(before.to_string()));
        self.set_range.set(range);
        self.set_durations(min_ms, max_ms);
    }

    /// One condition more, unless it is there.
    pub fn add_attribute(self, filter: &AttributeFilter) {
        let mut filters = self.query.with_untracked(|query| query.filter.attributes.clone());
        if !filters.contains(filter) {
            filters.push(filter.clone());
        }
        self.set_attributes.set(filters.iter().map(ToString::to_string).collect());
    }

    /// Without this condition.
    pub fn remove_attribute(self, filter: &AttributeFilter) {
        let filters = self.query.with_untracked(|query| query.filter.attributes.clone());
        self.set_attributes.set(filters.iter().filter(|known| *known != filter).map(ToString::to_string).collect());
    }

    /// Takes every filter away; range and order stay.
    pub fn clear_filters(self) {
        for name in [SERVICE, OPERATION, STATUS, MIN, MAX] {
            self.set.run((name, None));
        }
        self.set_search.set(None);
        self.set_attributes.set(Vec::new());
    }
}

/// Address of the list with this filter.
pub fn traces_href(filter: &TraceFilter) -> String {
    let status = STATUSES.into_iter().find(|(_, has_errors)| Some(*has_errors) == filter.has_errors);
    let (min, max) = (filter.min_ms.map(write_ms), filter.max_ms.map(write_ms));
    let query = [
        (SERVICE, filter.service.as_deref()),
        (OPERATION, filter.operation.as_deref()),
        (STATUS, status.map(|(key, _)| key)),
        (MIN, min.as_deref()),
        (MAX, max.as_deref()),
        (SEARCH, filter.search.as_deref()),
    ];
    let query = query.into_iter().fold(String::new(), |query, (name, value)| with(&query, name, value));
    let attributes: Vec<String> = filter.attributes.iter().map(ToString::to_string).collect();
    let query = with_all(&query, ATTRIBUTE, &attributes);
    if query.is_empty() { "/monitoring/traces".to_owned() } else { format!("/monitoring/traces?{query}") }
}

/// The order as the address carries it: the default is left out.
pub fn sort_value(sort: TraceSort) -> Option<String> {
    (sort != TraceSort::default()).then(|| sort.key().to_owned())
}

fn sort_of(key: &str) -> Option<TraceSort> {
    TraceSort::ALL.into_iter().find(|sort| sort.key() == key)
}

fn has_errors(status: &str) -> Option<bool> {
    STATUSES.into_iter().find(|(key, _)| *key == status).map(|(_, has_errors)| has_errors)
}

fn conditions(texts: &[String]) -> Vec<AttributeFilter> {
    let filters = texts.iter().filter_map(|text| text.parse().ok());
    filters.take(TraceFilter::MAX_ATTRIBUTES).collect()
}

/// Reads a duration: `250`, `250 ms`, `1.5 s`, `2 m`; a bare number is milliseconds.
pub fn parse_ms(text: &str) -> Option<f64> {
    let text = text.trim();
    let (number, scale) = match text {
        _ if text.ends_with("ms") => (text.trim_end_matches("ms"), 1.0),
        _ if text.ends_with("µs") => (text.trim_end_matches("µs"), 0.001),
        _ if text.ends_with('s') => (text.trim_end_matches('s'), 1000.0),
        _ if text.ends_with('m') => (text.trim_end_matches('m'), 60_000.0),
        _ => (text, 1.0),
    };
    let ms = number.trim().parse::<f64>().ok()? * scale;
    (ms.is_finite() && ms >= 0.0).then_some(ms)
}

/// A duration as the address carries it: in milliseconds, to the microsecond.
fn write_ms(ms: f64) -> String {
    let text = format!("{ms:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units_and_written_in_milliseconds() {
        let read = ["250", " 250 ms ", "1.5s", "2 m", "40 µs", "0"].map(parse_ms);
        assert_eq!(read, [Some(250.0), Some(250.0), Some(1500.0), Some(120_000.0), Some(0.04), Some(0.0)]);
        for text in ["", "soon", "-1", "ms", "inf", "1 h"] {
            assert_eq!(parse_ms(text), None, "{text}");
        }
        assert_eq!([250.0, 0.04, 1.5, 1000.0].map(write_ms), ["250", "0.04", "1.5", "1000"]);
    }

    #[test]
    fn an_address_carries_the_filter() {
        let filter = TraceFilter {
            service: Some("orders".into()),
            has_errors: Some(true),
            min_ms: Some(250.0),
            attributes: vec!["http.route = /x".parse().unwrap(), "user.id exists".parse().unwrap()],
            ..TraceFilter::default()
        };
        assert_eq!(
            traces_href(&filter),
            "/monitoring/traces?service=orders&status=errors&min_ms=250&attribute=http.route%20%3D%20%2Fx\
             &attribute=user.id%20exists"
        );
        assert_eq!(traces_href(&TraceFilter::default()), "/monitoring/traces");
    }

    #[test]
    fn what_is_no_condition_is_left_out() {
        let texts = ["a = 1", "nothing", "b exists"].map(str::to_owned);
        let read: Vec<String> = conditions(&texts).iter().map(ToString::to_string).collect();
        assert_eq!(read, ["a = 1", "b exists"]);
        assert_eq!(conditions(&vec!["a = 1".to_owned(); 20]).len(), TraceFilter::MAX_ATTRIBUTES);
    }
}
