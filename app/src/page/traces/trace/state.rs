//! How one trace is looked at, as the address says it.

use leptos::prelude::*;

use super::axis::Window;
use crate::{
    component::{choice::use_choice, query::use_query_param},
    model::SpanId,
};

/// `?tab=flame`; the waterfall is left out.
pub const TAB: &str = "tab";

/// A way to look at a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Spans below one another on a time axis.
    Waterfall,
    /// Spans inside one another on a time axis.
    Flame,
    /// Sums by service and operation.
    Statistics,
    /// Log lines.
    Logs,
    /// Beside another trace.
    Compare,
}

impl View {
    /// Every way.
    pub const ALL: [Self; 5] = [Self::Waterfall, Self::Flame, Self::Statistics, Self::Logs, Self::Compare];

    /// As the address carries it.
    pub fn key(self) -> Option<&'static str> {
        match self {
            Self::Waterfall => None,
            Self::Flame => Some("flame"),
            Self::Statistics => Some("statistics"),
            Self::Logs => Some("logs"),
            Self::Compare => Some("compare"),
        }
    }

    /// What people read.
    pub fn label(self) -> &'static str {
        match self {
            Self::Waterfall => "Waterfall",
            Self::Flame => "Flame graph",
            Self::Statistics => "Statistics",
            Self::Logs => "Logs",
            Self::Compare => "Compare",
        }
    }
}

const SPAN: &str = "span";
/// `?find=…`
pub const FIND: &str = "find";
const ZOOM: &str = "zoom";
const CRITICAL: &str = "critical";
const TICKS: &str = "ticks";
const LINES: &str = "lines";

/// What is shown with the bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// The critical path: not with `critical=0`.
    pub critical: bool,
    /// Where log lines were written: not with `ticks=0`.
    pub ticks: bool,
    /// Log lines between the spans: with `lines=1`.
    pub lines: bool,
}

/// View, selection, zoom and search, read from the address and written to it.
#[derive(Clone, Copy)]
pub struct TraceState {
    /// How the trace is looked at: `tab`.
    pub view: Memo<View>,
    /// The selected span: `span`.
    pub span: Memo<Option<SpanId>>,
    /// What is searched for in names: `find`.
    pub find: Memo<String>,
    /// What is marked.
    pub marks: Memo<Marks>,
    zoom: Memo<Option<Window>>,
    /// Changes a parameter, by its name.
    set: Callback<(&'static str, Option<String>)>,
}

/// The state of the page. What the address says wrongly is left out.
pub fn use_trace_state() -> TraceState {
    let (tab, _) = use_choice(TAB);
    let (span, set_span) = use_query_param(SPAN);
    let (find, set_find) = use_query_param(FIND);
    let (zoom, set_zoom) = use_query_param(ZOOM);
    let (critical, set_critical) = use_query_param(CRITICAL);
    let (ticks, set_ticks) = use_query_param(TICKS);
    let (lines, set_lines) = use_query_param(LINES);
    let setters = [
        (SPAN, set_span),
        (FIND, set_find),
        (ZOOM, set_zoom),
        (CRITICAL, set_critical),
        (TICKS, set_ticks),
        (LINES, set_lines),
    ];
    let is_on = |value: Option<String>| value.as_deref() != Some("0");
    TraceState {
        view: Memo::new(move |_| {
            let view = |tab: &str| View::ALL.into_iter().find(|view| view.key() == Some(tab));
            tab.with(|tab| tab.as_deref().and_then(view)).unwrap_or(View::Waterfall)
        }),
        span: Memo::new(move |_| span.with(|span| span.as_ref().and_then(|span| span.parse().ok()))),
        find: Memo::new(move |_| find.get().unwrap_or_default()),
        marks: Memo::new(move |_| Marks {
            critical: is_on(critical.get()),
            ticks: is_on(ticks.get()),
            lines: lines.with(|lines| lines.as_deref() == Some("1")),
        }),
        zoom: Memo::new(move |_| zoom.with(|zoom| zoom.as_ref().and_then(|zoom| zoom.parse().ok()))),
        set: Callback::new(move |(name, value)| {
            if let Some((_, set)) = setters.iter().find(|(known, _)| *known == name) {
                set.set(value);
            }
        }),
    }
}

impl TraceState {
    /// Selects a span, or none.
    pub fn select(self, span: Option<SpanId>) {
        self.set.run((SPAN, span.map(|span| span.to_string())));
    }

    /// Searches in the trace.
    pub fn set_find(self, text: String) {
        self.set.run((FIND, Some(text)));
    }

    /// Marks the critical path, or does not.
    pub fn toggle_critical(self) {
        self.set.run((CRITICAL, self.marks.get_untracked().critical.then(|| "0".to_owned())));
    }

    /// Marks log lines on the bars, or does not.
    pub fn toggle_ticks(self) {
        self.set.run((TICKS, self.marks.get_untracked().ticks.then(|| "0".to_owned())));
    }

    /// Shows log lines between the spans, or does not.
    pub fn toggle_lines(self) {
        self.set.run((LINES, (!self.marks.get_untracked().lines).then(|| "1".to_owned())));
    }

    /// The stretch of a trace of this length that is looked at.
    pub fn window(self, duration_ns: i64) -> Window {
        self.zoom.get().and_then(|zoom| zoom.within(duration_ns)).unwrap_or_else(|| Window::whole(duration_ns))
    }

    /// Looks at a stretch of a trace of this length; too short a one, or all of it, is the whole.
    pub fn zoom_to(self, window: Window, duration_ns: i64) {
        self.set.run((ZOOM, window.within(duration_ns).map(|window| window.to_string())));
    }
}
