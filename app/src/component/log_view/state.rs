//! What a log view shows, as the address says it.

use leptos::prelude::*;

use super::fields::FieldFilter;
use crate::{
    component::query::{History, use_query_param, use_query_param_with, with},
    model::{Level, LogFilter},
};

/// Names of the parameters. A page that shows more than log lines prefixes them.
#[derive(Debug, Clone, Copy)]
pub struct ParamNames {
    level: &'static str,
    service: &'static str,
    search: &'static str,
    trace_id: &'static str,
    live: &'static str,
}

impl ParamNames {
    /// On the page of log lines.
    pub const PAGE: Self =
        Self { level: "level", service: "service", search: "search", trace_id: "trace_id", live: "live" };
    /// In a panel among others.
    pub const PANEL: Self = Self {
        level: "log_level",
        service: "log_service",
        search: "log_search",
        trace_id: "log_trace_id",
        live: "log_live",
    };
}

/// Address of the page of log lines with this filter and range.
pub fn logs_href(filter: &LogFilter, range: Option<&str>) -> String {
    let names = ParamNames::PAGE;
    let trace_id = filter.trace_id.map(|id| id.to_string());
    let query = [
        ("range", range),
        (names.level, filter.level.map(Level::key)),
        (names.service, filter.service.as_deref()),
        (names.search, filter.search.as_deref()),
        (names.trace_id, trace_id.as_deref()),
    ];
    let query = query.into_iter().fold(String::new(), |query, (name, value)| with(&query, name, value));
    if query.is_empty() { "/monitoring/logs".to_owned() } else { format!("/monitoring/logs?{query}") }
}

/// Filter and pause of a log view, read from the address and written to it.
#[derive(Clone, Copy)]
pub struct LogState {
    /// Which records.
    pub filter: Memo<LogFilter>,
    /// Whether new lines wait: `live=0`.
    pub paused: Memo<bool>,
    set_level: SignalSetter<Option<String>>,
    set_service: SignalSetter<Option<String>>,
    set_search: SignalSetter<Option<String>>,
    set_trace_id: SignalSetter<Option<String>>,
    set_live: SignalSetter<Option<String>>,
}

/// The state under these names. What the address says wrongly is left out.
pub fn use_log_state(names: ParamNames) -> LogState {
    let (level, set_level) = use_query_param_with(names.level, History::Push);
    let (service, set_service) = use_query_param_with(names.service, History::Push);
    let (search, set_search) = use_query_param(names.search);
    let (trace_id, set_trace_id) = use_query_param_with(names.trace_id, History::Push);
    let (live, set_live) = use_query_param(names.live);
    let filter = Memo::new(move |_| LogFilter {
        level: level.get().and_then(|level| level.parse().ok()),
        service: service.get(),
        search: search.get(),
        trace_id: trace_id.get().and_then(|id| id.parse().ok()),
    });
    let paused = Memo::new(move |_| live.get().as_deref() == Some("0"));
    LogState { filter, paused, set_level, set_service, set_search, set_trace_id, set_live }
}

impl LogState {
    /// The least serious level wanted.
    pub fn set_level(self, level: Option<Level>) {
        self.set_level.set(level.map(|level| level.to_string()));
    }

    /// One service, or all.
    pub fn set_service(self, service: Option<String>) {
        self.set_service.set(service);
    }

    /// Words and quoted phrases.
    pub fn set_search(self, search: &str) {
        self.set_search.set(Some(search.trim().to_owned()));
    }

    /// All traces again.
    pub fn clear_trace(self) {
        self.set_trace_id.set(None);
    }

    /// Holds new lines back, or lets them in.
    pub fn set_paused(self, paused: bool) {
        self.set_live.set(paused.then(|| "0".to_owned()));
    }

    /// Narrows the filter by a field of a record.
    pub fn narrow(self, by: &FieldFilter) {
        let mut filter = self.filter.get_untracked();
        by.apply(&mut filter);
        match by {
            FieldFilter::Service(_) => self.set_service.set(filter.service),
            FieldFilter::Trace(_) => self.set_trace_id.set(filter.trace_id.map(|id| id.to_string())),
            FieldFilter::Search(_) => self.set_search.set(filter.search),
        }
    }

    /// Takes every filter away.
    pub fn clear(self) {
        for setter in [self.set_level, self.set_service, self.set_search, self.set_trace_id] {
            setter.set(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_carries_the_filter() {
        let filter = LogFilter {
            level: Some(Level::Warn),
            search: Some("\"slow query\"".into()),
            trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".parse().ok(),
            ..LogFilter::default()
        };
        assert_eq!(
            logs_href(&filter, Some("6h")),
            "/monitoring/logs?range=6h&level=warn&search=%22slow%20query%22&trace_id=4bf92f3577b34da6a3ce929d0e0e4736"
        );
        assert_eq!(logs_href(&LogFilter::default(), None), "/monitoring/logs");
    }
}
