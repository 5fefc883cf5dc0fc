//! What a log view shows, as the address says it.

use leptos::prelude::*;

use super::fields::FieldFilter;
use crate::{
    component::query::{History, use_query_param, use_query_param_with, with},
    model::{ExportFormat, Level, LogFilter, LogRecord, LogSearch, LogTerm, RangeSpec, UnixMillis},
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

/// Where the page of log lines is.
pub const LOGS_PATH: &str = "/monitoring/logs";

/// `?line=4711`: the line that is looked at on the page of log lines.
pub const LINE: &str = "line";

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
    join(LOGS_PATH, &with_filter(range, filter))
}

/// Address of a file with the lines of this filter and range.
pub fn export_href(filter: &LogFilter, range: RangeSpec, format: ExportFormat) -> String {
    let query = with_filter(Some(&range.to_string()), filter);
    join("/api/monitoring/logs/export", &with(&query, "format", Some(format.key())))
}

/// Around a line that is linked to, what else is listed.
const AROUND_MS: i64 = 5 * 60_000;

/// Address of a line that stays the same: the line among those that were written around it.
pub fn line_href(record: &LogRecord) -> String {
    let at = record.timestamp.to_millis().0;
    let (from, to) = (UnixMillis((at - AROUND_MS).max(0)), UnixMillis((at + AROUND_MS).max(1)));
    let query = with_filter(Some(&RangeSpec::Fixed(from, to).to_string()), &LogFilter::default());
    join(LOGS_PATH, &with(&query, LINE, Some(&record.id.to_string())))
}

fn with_filter(range: Option<&str>, filter: &LogFilter) -> String {
    let names = ParamNames::PAGE;
    let trace_id = filter.trace_id.map(|id| id.to_string());
    let query = [
        ("range", range),
        (names.level, filter.level.map(Level::key)),
        (names.service, filter.service.as_deref()),
        (names.search, filter.search.as_deref()),
        (names.trace_id, trace_id.as_deref()),
    ];
    query.into_iter().fold(String::new(), |query, (name, value)| with(&query, name, value))
}

fn join(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// Filter and pause of a log view, read from the address and written to it.
#[derive(Clone, Copy)]
pub struct LogState {
    /// Which records.
    pub filter: Memo<LogFilter>,
    /// What is searched for, understood; a text that is no search is none.
    pub search: Memo<LogSearch>,
    /// Whether new lines wait: `live=0`.
    pub paused: Memo<bool>,
    set_level: SignalSetter<Option<String>>,
    set_service: SignalSetter<Option<String>>,
    set_search: SignalSetter<Option<String>>,
    /// For what is clicked, not typed: going back undoes it.
    choose_search: SignalSetter<Option<String>>,
    set_trace_id: SignalSetter<Option<String>>,
    set_live: SignalSetter<Option<String>>,
}

/// The state under these names. What the address says wrongly is left out.
pub fn use_log_state(names: ParamNames) -> LogState {
    let (level, set_level) = use_query_param_with(names.level, History::Push);
    let (service, set_service) = use_query_param_with(names.service, History::Push);
    let (search, set_search) = use_query_param(names.search);
    let (_, choose_search) = use_query_param_with(names.search, History::Push);
    let (trace_id, set_trace_id) = use_query_param_with(names.trace_id, History::Push);
    let (live, set_live) = use_query_param(names.live);
    let filter = Memo::new(move |_| LogFilter {
        level: level.get().and_then(|level| level.parse().ok()),
        service: service.get(),
        search: search.get(),
        trace_id: trace_id.get().and_then(|id| id.parse().ok()),
    });
    let paused = Memo::new(move |_| live.get().as_deref() == Some("0"));
    let search = Memo::new(move |_| {
        filter.with(|filter| filter.search.as_deref().unwrap_or_default().parse().unwrap_or_default())
    });
    LogState { filter, search, paused, set_level, set_service, set_search, choose_search, set_trace_id, set_live }
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

    /// Without this term.
    pub fn remove_term(self, term: &LogTerm) {
        let text = self.filter.with_untracked(|filter| filter.search.clone()).unwrap_or_default();
        self.choose_search.set(Some(LogSearch::without_term(&text, term)));
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
            FieldFilter::Term(_) => self.choose_search.set(filter.search),
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
