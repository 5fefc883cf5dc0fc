//! What the parts of a trace's page share.

use std::{collections::HashMap, sync::Arc};

use leptos::{prelude::*, task::spawn_local};

use super::{
    axis::Window,
    interleave::{Anchors, Between, Item, LineAt},
    state::TraceState,
    tree::{RowNumber, Tree, next_in},
};
use crate::{
    api::{ApiError, load_trace_rows},
    model::{Level, LogRecord, SpanId, TraceDetail, TraceId, UnixNanos, span::OutlineRow},
};

/// A log line on the time axis: nanoseconds after the start of the trace.
pub type Tick = (i64, Level);

/// What does not change while the page is open.
pub struct Known {
    /// The trace.
    pub id: TraceId,
    /// When it began.
    pub start: UnixNanos,
    /// Its log lines, oldest first.
    pub logs: Vec<Arc<LogRecord>>,
    /// Log lines of each span, on the time axis.
    pub ticks: HashMap<SpanId, Vec<Tick>>,
}

/// The trace of the page and how it is looked at. Copy it freely.
#[derive(Clone, Copy)]
pub struct TraceContext {
    /// What it is.
    pub known: StoredValue<Known>,
    /// How long it is.
    pub duration_ns: i64,
    /// What the address says.
    pub state: TraceState,
    /// Its spans.
    pub tree: RwSignal<Tree>,
    /// How many of them are here.
    pub loaded: Memo<usize>,
    /// The stretch that is looked at.
    pub window: Memo<Window>,
    /// The row of the selected span.
    pub selected: Memo<Option<RowNumber>>,
    /// Rows that the search finds.
    pub matches: Memo<Vec<RowNumber>>,
    /// Log lines between the rows, if they are to be there.
    pub between: Memo<Between>,
    /// The row that has the keyboard's focus, or had it last.
    pub current: RwSignal<Option<RowNumber>>,
    /// Why the rest of the spans is not here.
    pub failure: RwSignal<Option<ApiError>>,
}

impl TraceContext {
    /// The page of a trace whose beginning has been loaded.
    pub fn new(detail: TraceDetail, state: TraceState) -> Self {
        let TraceDetail { summary, outline, logs, .. } = detail;
        let (start, duration_ns) = (summary.start, summary.duration_ns);
        let tree = RwSignal::new(Tree::new(outline));
        let loaded = Memo::new(move |_| tree.with(Tree::loaded));
        // What follows depends on the rows, and not on what is folded.
        let selected = Memo::new(move |_| {
            loaded.track();
            state.span.get().and_then(|span| tree.with_untracked(|tree| tree.find(span)))
        });
        let matches = Memo::new(move |_| {
            loaded.track();
            state.find.with(|text| tree.with_untracked(|tree| tree.matches(text)))
        });
        let known = StoredValue::new(Known {
            id: summary.trace_id,
            start,
            ticks: ticks(&logs, start),
            logs: logs.into_iter().map(Arc::new).collect(),
        });
        let with_lines = Memo::new(move |_| state.marks.get().lines);
        let anchors = Memo::new(move |_| {
            if !with_lines.get() {
                return Anchors::default();
            }
            loaded.track();
            let lines = known.with_value(|known| known.logs.iter().map(|log| line_at(log, start)).collect::<Vec<_>>());
            tree.with_untracked(|tree| Anchors::new(tree, &lines))
        });
        let between = Memo::new(move |_| anchors.with(|anchors| tree.with(|tree| anchors.between(tree))));
        Self {
            known,
            duration_ns,
            state,
            tree,
            loaded,
            window: Memo::new(move |_| state.window(duration_ns)),
            selected,
            matches,
            between,
            current: RwSignal::new(None),
            failure: RwSignal::new(None),
        }
    }

    /// A row; it does not change once it is here.
    pub fn row(self, number: RowNumber) -> Option<OutlineRow> {
        self.tree.with_untracked(|tree| tree.row(number).copied())
    }

    /// How many rows show, log lines among them.
    pub fn item_count(self) -> usize {
        self.tree.with(Tree::visible) + self.between.with(Between::lines)
    }

    /// What stands at a place.
    pub fn item(self, place: usize) -> Option<Item> {
        self.between.with(|between| self.tree.with(|tree| between.at(tree, place)))
    }

    /// The place of a span or a log line, if it shows.
    pub fn place_of(self, item: Item) -> Option<usize> {
        self.between.with(|between| self.tree.with(|tree| between.place_of(tree, item)))
    }

    /// Selects the span of a row.
    pub fn select(self, number: RowNumber) {
        if let Some(row) = self.row(number) {
            self.current.set(Some(number));
            self.state.select(Some(row.span_id));
        }
    }

    /// Selects the next or previous of these rows, seen from where the reader is.
    pub fn step(self, list: &[RowNumber], forward: bool) -> bool {
        let here = self.selected.get_untracked().or(self.current.get_untracked());
        let next = next_in(list, here, forward);
        if let Some(next) = next {
            self.select(next);
        }
        next.is_some()
    }

    /// The next or previous span that failed.
    pub fn step_error(self, forward: bool) -> bool {
        let errors = self.tree.with_untracked(|tree| tree.errors().to_vec());
        self.step(&errors, forward)
    }

    /// The next or previous span that the search finds.
    pub fn step_match(self, forward: bool) -> bool {
        let matches = self.matches.get_untracked();
        self.step(&matches, forward)
    }

    /// Folds or unfolds the row where the reader is; false when that changes nothing.
    pub fn fold_here(self, is_folded: bool) -> bool {
        let Some(here) = self.current.get_untracked().or(self.selected.get_untracked()) else { return false };
        self.tree.try_update(|tree| tree.set_folded(here, is_folded)).unwrap_or_default()
    }

    /// Looks at this stretch.
    pub fn zoom_to(self, window: Window) {
        self.state.zoom_to(window, self.duration_ns);
    }

    /// Looks at the selected span alone.
    pub fn zoom_to_selected(self) -> bool {
        let row = self.selected.get_untracked().and_then(|number| self.row(number));
        if let Some(row) = row {
            self.zoom_to(Window::around(row.offset_ns, row.duration_ns));
        }
        row.is_some()
    }

    /// Loads the windows that are not here yet, one after the other.
    pub fn load_rest(self) {
        let id = self.known.with_value(|known| known.id);
        self.failure.set(None);
        spawn_local(async move {
            while let Some(offset) = self.tree.try_with_untracked(Tree::next_offset).flatten() {
                match load_trace_rows(id, offset).await {
                    // What the server has no rows for does not come: it is no use to ask again.
                    Ok(window) => {
                        if self.tree.try_update(|tree| tree.append(window)) != Some(true) {
                            break;
                        }
                    }
                    Err(error) => {
                        self.failure.try_set(Some(error));
                        break;
                    }
                }
            }
        });
    }
}

fn line_at(log: &LogRecord, start: UnixNanos) -> LineAt {
    LineAt { span: log.span_id, offset_ns: log.timestamp.0.saturating_sub(start.0) }
}

/// The lines of each span, on the time axis.
fn ticks(logs: &[LogRecord], start: UnixNanos) -> HashMap<SpanId, Vec<Tick>> {
    let mut ticks: HashMap<SpanId, Vec<Tick>> = HashMap::new();
    for log in logs {
        if let Some(span_id) = log.span_id {
            ticks.entry(span_id).or_default().push((log.timestamp.0.saturating_sub(start.0), log.level));
        }
    }
    ticks
}
