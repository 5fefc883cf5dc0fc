//! The rows of the list: plain data.

use crate::model::{TracePage, TraceSummary};

/// Rows in the order that was asked for, and where the next ones are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TraceRows {
    /// The rows.
    pub shown: Vec<TraceSummary>,
    /// Leads to the rows below the last one.
    pub next_cursor: Option<String>,
}

impl TraceRows {
    /// The rows of a first page.
    pub fn new(page: &TracePage) -> Self {
        Self { shown: page.traces.clone(), next_cursor: page.next_cursor.clone() }
    }

    /// Adds the page below the last row. A trace that has grown meanwhile may come again: it stays where it is.
    pub fn append(&mut self, page: TracePage) {
        self.next_cursor = page.next_cursor;
        for row in page.traces {
            if !self.shown.iter().any(|known| known.trace_id == row.trace_id) {
                self.shown.push(row);
            }
        }
    }

    /// The length of a full bar, in nanoseconds.
    pub fn longest_ns(&self) -> i64 {
        self.shown.iter().map(|row| row.duration_ns).max().unwrap_or_default().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{TraceId, UnixNanos};

    fn page(ids: &[u8], next_cursor: Option<&str>) -> TracePage {
        let row = |id: &u8| TraceSummary {
            trace_id: TraceId([*id; 16]),
            start: UnixNanos(0),
            duration_ns: i64::from(*id) * 10,
            service: "orders".into(),
            operation: "GET".into(),
            has_root: true,
            spans: 1,
            errors: 0,
            services: Vec::new(),
        };
        TracePage {
            traces: ids.iter().map(row).collect(),
            next_cursor: next_cursor.map(str::to_owned),
            ..TracePage::default()
        }
    }

    #[test]
    fn a_trace_is_listed_once() {
        let mut rows = TraceRows::new(&page(&[5, 4], Some("a")));
        rows.append(page(&[4, 3], None));
        let ids: Vec<u8> = rows.shown.iter().map(|row| row.trace_id.0[0]).collect();
        assert_eq!((ids, rows.next_cursor.as_deref(), rows.longest_ns()), (vec![5, 4, 3], None, 50));
        assert_eq!(TraceRows::default().longest_ns(), 1);
    }
}
