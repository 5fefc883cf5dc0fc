//! A bounded list of log lines that grows at its new end while people read it.
//!
//! Everything here is plain data: the page decides when the list is held, the list decides what that means.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use super::LogEvent;
use crate::model::{LogId, LogRecord, Missed, RangeSpec, UnixMillis, UnixNanos};

/// Place of a row, newest last. Unique in a list, so it is the key of the row's view as well.
///
/// `order` is 0 for a record and grows for the markers that follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey {
    timestamp: UnixNanos,
    id: LogId,
    order: u32,
}

impl RowKey {
    /// Place of this record.
    pub fn of(record: &LogRecord) -> Self {
        Self { timestamp: record.timestamp, id: record.id, order: 0 }
    }

    /// Stable text, for ids of elements.
    pub fn dom_id(&self) -> String {
        format!("log-{}-{}", self.id, self.order)
    }
}

/// One row of the list.
#[derive(Debug, Clone, PartialEq)]
pub enum LogRow {
    /// A log line.
    Record(Arc<LogRecord>),
    /// Lines that exist and were not sent.
    Missed {
        /// Place in the list.
        key: RowKey,
        /// How many, before filters.
        count: u64,
    },
}

impl LogRow {
    /// Place of this row.
    pub fn key(&self) -> RowKey {
        match self {
            Self::Record(record) => RowKey::of(record),
            Self::Missed { key, .. } => *key,
        }
    }

    /// The record, unless the row is a marker.
    pub fn record(&self) -> Option<&Arc<LogRecord>> {
        match self {
            Self::Record(record) => Some(record),
            Self::Missed { .. } => None,
        }
    }
}

/// Log lines ordered by (timestamp, id), each once, at most `capacity` of them: the oldest make room.
///
/// While the list is held, what arrives waits: at most `capacity` lines, and beyond that the oldest waiting lines are
/// dropped, counted, and shown as a marker once the list is released.
#[derive(Debug, Clone)]
pub struct LogList {
    /// Oldest first, so that new lines are appended.
    rows: VecDeque<LogRow>,
    known: HashSet<LogId>,
    capacity: usize,
    waiting: VecDeque<LogEvent>,
    waiting_lines: usize,
    overflowed: u64,
    arrived: u64,
    trimmed: bool,
}

impl LogList {
    /// The most rows that a list keeps when nothing else is said.
    pub const CAPACITY: usize = 10_000;

    /// A list with these records, in any order.
    pub fn new(records: Vec<LogRecord>, capacity: usize) -> Self {
        let mut list = Self {
            rows: VecDeque::new(),
            known: HashSet::new(),
            capacity: capacity.max(1),
            waiting: VecDeque::new(),
            waiting_lines: 0,
            overflowed: 0,
            arrived: 0,
            trimmed: false,
        };
        list.insert_history(records);
        list
    }

    /// How many rows there are, markers included.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether no more history fits.
    pub fn is_full(&self) -> bool {
        self.rows.len() >= self.capacity
    }

    /// The row at this index; 0 is the newest.
    pub fn row(&self, index: usize) -> Option<&LogRow> {
        let last = self.rows.len().checked_sub(1)?;
        self.rows.get(last.checked_sub(index)?)
    }

    /// Where the row with this key is; 0 is the newest.
    pub fn index_of(&self, key: RowKey) -> Option<usize> {
        let at = self.rows.binary_search_by_key(&key, LogRow::key).ok()?;
        Some(self.rows.len() - 1 - at)
    }

    /// The records, newest first.
    pub fn records(&self) -> impl Iterator<Item = &Arc<LogRecord>> {
        self.rows.iter().rev().filter_map(LogRow::record)
    }

    /// How many lines wait for the list to be released, those included that no longer fitted.
    pub fn waiting(&self) -> u64 {
        self.waiting_lines as u64 + self.overflowed
    }

    /// How many lines have come live, shown or waiting.
    pub fn arrived(&self) -> u64 {
        self.arrived
    }

    /// Adds what came live, at once.
    pub fn push(&mut self, events: impl IntoIterator<Item = LogEvent>) {
        for event in events {
            match event {
                LogEvent::Record(record) => {
                    if self.insert(record) {
                        self.arrived += 1;
                    }
                }
                LogEvent::Missed(missed) => self.insert_marker(missed),
            }
        }
        self.trim();
    }

    /// Keeps what came live until [`release`](Self::release).
    pub fn hold_back(&mut self, events: impl IntoIterator<Item = LogEvent>) {
        for event in events {
            if matches!(event, LogEvent::Record(_)) {
                self.waiting_lines += 1;
                self.arrived += 1;
            }
            self.waiting.push_back(event);
        }
        while self.waiting.len() > self.capacity {
            match self.waiting.pop_front() {
                Some(LogEvent::Record(_)) => {
                    self.waiting_lines -= 1;
                    self.overflowed += 1;
                }
                Some(LogEvent::Missed(missed)) => self.overflowed += missed.count,
                None => break,
            }
        }
    }

    /// Shows what waited.
    pub fn release(&mut self) {
        let overflowed = std::mem::take(&mut self.overflowed);
        if overflowed > 0 {
            let after = self.known.iter().max().copied().unwrap_or_default();
            self.insert_marker(Missed { count: overflowed, after });
        }
        self.waiting_lines = 0;
        for event in std::mem::take(&mut self.waiting) {
            match event {
                LogEvent::Record(record) => {
                    self.insert(record);
                }
                LogEvent::Missed(missed) => self.insert_marker(missed),
            }
        }
        self.trim();
    }

    /// Adds records from the store, in any order; those beyond the capacity are the oldest.
    pub fn insert_history(&mut self, records: Vec<LogRecord>) {
        for record in records {
            self.insert(Arc::new(record));
        }
        self.trim();
    }

    /// The range in which the older page has to be asked for, when the page's own cursor no longer leads to the line
    /// after the last one shown because old lines have made room for new ones.
    pub fn older_range(&self, longest_ms: i64) -> Option<RangeSpec> {
        let oldest = self.trimmed.then(|| self.rows.iter().find_map(LogRow::record)).flatten()?;
        let to = oldest.timestamp.to_millis().0 + 1;
        Some(RangeSpec::Fixed(UnixMillis((to - longest_ms).max(0)), UnixMillis(to)))
    }

    /// The range in which the lines of this marker are.
    /// Without an older line beside it that is not known.
    pub fn hole(&self, marker: RowKey) -> Option<RangeSpec> {
        const DAY_MS: i64 = 86_400_000;
        if marker.timestamp == UnixNanos(0) {
            return None;
        }
        let at = self.rows.binary_search_by_key(&marker, LogRow::key).ok()?;
        let from = marker.timestamp.to_millis().0.max(0);
        let newer = self.rows.range(at..).find_map(LogRow::record);
        let to = newer.map_or(from + DAY_MS, |record| record.timestamp.to_millis().0);
        Some(RangeSpec::Fixed(UnixMillis(from), UnixMillis(to.max(from) + 1)))
    }

    /// Replaces a marker by the lines that it stood for.
    pub fn fill(&mut self, marker: RowKey, records: Vec<LogRecord>) {
        if let Ok(at) = self.rows.binary_search_by_key(&marker, LogRow::key) {
            self.rows.remove(at);
        }
        self.insert_history(records);
    }

    /// Whether the record was new.
    fn insert(&mut self, record: Arc<LogRecord>) -> bool {
        if !self.known.insert(record.id) {
            return false;
        }
        self.place(LogRow::Record(record));
        true
    }

    fn insert_marker(&mut self, missed: Missed) {
        let anchor = self.rows.iter().rev().find(|row| row.key().id <= missed.after).map(LogRow::key);
        let timestamp = anchor.map_or(UnixNanos(0), |key| key.timestamp);
        let mut key = RowKey { timestamp, id: missed.after, order: 1 };
        while self.rows.binary_search_by_key(&key, LogRow::key).is_ok() {
            key.order += 1;
        }
        self.place(LogRow::Missed { key, count: missed.count });
    }

    /// Lines come nearly in order, so the place is looked for from the new end.
    fn place(&mut self, row: LogRow) {
        let key = row.key();
        if self.rows.back().is_none_or(|newest| newest.key() < key) {
            self.rows.push_back(row);
        } else {
            let at = self.rows.partition_point(|other| other.key() < key);
            self.rows.insert(at, row);
        }
    }

    fn trim(&mut self) {
        while self.rows.len() > self.capacity {
            if let Some(LogRow::Record(record)) = self.rows.pop_front() {
                self.known.remove(&record.id);
            }
            self.trimmed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Level;

    fn record(id: i64, at: i64) -> LogRecord {
        LogRecord {
            id: LogId(id),
            timestamp: UnixNanos(at),
            level: Level::Info,
            service: "orders".into(),
            message: format!("line {id}"),
            trace_id: None,
            span_id: None,
            attributes: serde_json::Map::new(),
        }
    }

    fn live(id: i64, at: i64) -> LogEvent {
        LogEvent::Record(Arc::new(record(id, at)))
    }

    fn ids(list: &LogList) -> Vec<i64> {
        list.records().map(|record| record.id.0).collect()
    }

    #[test]
    fn history_and_live_lines_stand_newest_first_and_once() {
        let mut list = LogList::new(vec![record(3, 30), record(2, 20), record(1, 10)], 100);
        list.push([live(3, 30), live(5, 50), live(4, 25)]);
        assert_eq!(ids(&list), [5, 3, 4, 2, 1]);
        assert_eq!(list.arrived(), 2);
        assert_eq!(list.row(0).map(LogRow::key), Some(RowKey::of(&record(5, 50))));
        assert_eq!(list.index_of(RowKey::of(&record(2, 20))), Some(3));
        assert_eq!(list.row(5), None);
    }

    #[test]
    fn lines_of_one_instant_are_ordered_by_id() {
        let list = LogList::new(vec![record(2, 10), record(3, 10), record(1, 10)], 100);
        assert_eq!(ids(&list), [3, 2, 1]);
    }

    #[test]
    fn the_oldest_make_room_and_the_older_page_continues_after_them() {
        let mut list = LogList::new((1..=3).map(|id| record(id, id * 1_000_000)).collect(), 3);
        assert_eq!(list.older_range(1000), None);
        list.push([live(4, 4_000_000)]);
        assert_eq!(ids(&list), [4, 3, 2]);
        assert!(list.is_full());
        assert_eq!(list.older_range(1000), Some(RangeSpec::Fixed(UnixMillis(0), UnixMillis(3))));
    }

    #[test]
    fn a_held_list_counts_what_waits_and_shows_it_on_release() {
        let mut list = LogList::new(vec![record(1, 10)], 100);
        list.hold_back([live(2, 20), live(3, 30)]);
        assert_eq!((ids(&list), list.waiting()), (vec![1], 2));
        list.release();
        assert_eq!((ids(&list), list.waiting(), list.arrived()), (vec![3, 2, 1], 0, 2));
    }

    #[test]
    fn what_overflows_while_held_is_counted_and_marked() {
        let mut list = LogList::new(vec![record(1, 10)], 3);
        list.hold_back((2..=6).map(|id| live(id, id * 10)));
        assert_eq!(list.waiting(), 5);
        list.release();
        assert_eq!(ids(&list), [6, 5, 4]);
        assert_eq!(list.len(), 3, "the marker is the oldest row and made room");

        let mut list = LogList::new(vec![record(1, 10)], 5);
        list.hold_back((2..=7).map(|id| live(id, id * 10)));
        list.hold_back([live(8, 80)]);
        list.capacity = 9;
        list.release();
        let marker = list.rows.iter().find(|row| row.record().is_none());
        assert!(matches!(marker, Some(LogRow::Missed { count: 2, .. })), "{marker:?}");
    }

    #[test]
    fn a_hole_is_marked_at_its_place_and_filled() {
        let mut list = LogList::new(vec![record(1, 1_000_000), record(2, 2_000_000)], 100);
        list.push([LogEvent::Missed(Missed { count: 3, after: LogId(2) }), live(6, 6_000_000)]);
        let marker = list.row(1).map(LogRow::key).unwrap();
        assert!(list.row(1).is_some_and(|row| row.record().is_none()));
        assert_eq!(list.hole(marker), Some(RangeSpec::Fixed(UnixMillis(2), UnixMillis(7))));
        list.fill(marker, (2..=6).map(|id| record(id, id * 1_000_000)).collect());
        assert_eq!(ids(&list), [6, 5, 4, 3, 2, 1]);
        assert_eq!(list.len(), 6);
    }

    #[test]
    fn two_holes_after_one_line_are_two_rows() {
        let mut list = LogList::new(vec![record(1, 10)], 100);
        let missed = || LogEvent::Missed(Missed { count: 1, after: LogId(1) });
        list.push([missed(), missed()]);
        assert_eq!(list.len(), 3);
        assert_ne!(list.row(0).map(LogRow::key), list.row(1).map(LogRow::key));
    }

    proptest! {
        #[test]
        fn any_arrival_order_gives_one_ordered_bounded_list(
            arrivals in prop::collection::vec((0i64..200, any::<bool>()), 0..300), capacity in 1usize..100,
        ) {
            let mut list = LogList::new(Vec::new(), capacity);
            for (id, held) in arrivals {
                if held { list.hold_back([live(id, id / 3)]) } else { list.push([live(id, id / 3)]) }
                prop_assert!(list.len() <= capacity);
            }
            list.release();
            let keys: Vec<RowKey> = list.rows.iter().map(LogRow::key).collect();
            prop_assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(list.len() <= capacity);
            for index in 0..list.len() {
                prop_assert_eq!(list.row(index).map(LogRow::key).and_then(|key| list.index_of(key)), Some(index));
            }
        }
    }
}
