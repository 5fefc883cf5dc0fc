//! The rows of the list while it changes under the reader: plain data.

use std::collections::HashMap;

use uuid::Uuid;

use crate::model::{PipelinePage, PipelineSummary};

/// Rows newest first, and those that wait to be shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PipelineRows {
    shown: Vec<PipelineSummary>,
    waiting: Vec<PipelineSummary>,
    /// So many rows wait that some between them and the shown ones are unknown: showing them begins the list anew,
    /// with this cursor.
    restart: Option<String>,
    /// How many match in all.
    pub total: u64,
    /// Leads to the rows below the last one.
    pub next_cursor: Option<String>,
}

impl PipelineRows {
    /// The rows of a first page.
    pub fn new(page: PipelinePage) -> Self {
        Self {
            shown: page.traces,
            waiting: Vec::new(),
            restart: None,
            total: page.total,
            next_cursor: page.next_cursor,
        }
    }

    /// The rows to show, newest first.
    pub fn shown(&self) -> &[PipelineSummary] {
        &self.shown
    }

    /// How many new rows wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Takes a fresh first page in. Known rows change in place and rows that are gone leave; new rows wait when
    /// `hold` says so, because they would push the others down.
    pub fn refresh(&mut self, page: PipelinePage, hold: bool) {
        self.total = page.total;
        let is_whole = page.next_cursor.is_none();
        let oldest = page.traces.iter().map(|row| row.created_at).min();
        let mut fresh: HashMap<Uuid, PipelineSummary> = page.traces.into_iter().map(|row| (row.id, row)).collect();
        // Below the fresh page's end nothing is known about what is gone.
        let is_covered = |row: &PipelineSummary| is_whole || oldest.is_some_and(|oldest| row.created_at > oldest);
        let is_adjacent = self.shown.iter().any(|row| fresh.contains_key(&row.id));
        self.restart = page.next_cursor.filter(|_| !is_adjacent);
        self.shown.retain(|row| fresh.contains_key(&row.id) || !is_covered(row));
        for row in &mut self.shown {
            if let Some(newer) = fresh.remove(&row.id) {
                *row = newer;
            }
        }
        self.waiting = fresh.into_values().collect();
        self.waiting.sort_by_key(|row| std::cmp::Reverse((row.created_at, row.id)));
        if is_whole {
            self.next_cursor = None;
        }
        if !hold || self.shown.is_empty() {
            self.release();
        }
    }

    /// Shows what waits.
    pub fn release(&mut self) {
        if let Some(cursor) = self.restart.take() {
            self.shown.clear();
            self.next_cursor = Some(cursor);
        }
        self.shown.append(&mut self.waiting);
        self.shown.sort_by_key(|row| std::cmp::Reverse((row.created_at, row.id)));
    }

    /// Adds the page below the last row.
    pub fn append(&mut self, page: PipelinePage) {
        self.next_cursor = page.next_cursor;
        self.total = page.total;
        for row in page.traces {
            if !self.shown.iter().any(|known| known.id == row.id) {
                self.shown.push(row);
            }
        }
        self.shown.sort_by_key(|row| std::cmp::Reverse((row.created_at, row.id)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PipelineStatus, UnixMillis};

    fn row(id: u128, status: PipelineStatus) -> PipelineSummary {
        PipelineSummary {
            id: Uuid::from_u128(id),
            trigger_type: "gitlab-push".into(),
            trigger_source: "gitlab".into(),
            git_commit_sha: None,
            git_commit_message: None,
            git_branch: None,
            git_author: None,
            git_project: None,
            tenant_id: None,
            api_id: None,
            api_name: None,
            environment: None,
            created_at: UnixMillis(id as i64).to_utc(),
            completed_at: None,
            total_duration_ms: None,
            status,
            error_summary: None,
            steps_count: 0,
            steps_completed: 0,
            steps_failed: 0,
            step_statuses: Vec::new(),
        }
    }

    fn page(ids: &[u128], next_cursor: Option<&str>) -> PipelinePage {
        let traces = ids.iter().map(|id| row(*id, PipelineStatus::InProgress)).collect();
        PipelinePage { traces, total: 9, next_cursor: next_cursor.map(str::to_owned) }
    }

    fn ids(rows: &PipelineRows) -> Vec<u128> {
        rows.shown().iter().map(|row| row.id.as_u128()).collect()
    }

    #[test]
    fn new_rows_wait_while_the_list_is_held_and_then_come_first() {
        let mut rows = PipelineRows::new(page(&[3, 2, 1], None));
        rows.refresh(page(&[5, 4, 3, 2, 1], None), true);
        assert_eq!((ids(&rows), rows.waiting()), (vec![3, 2, 1], 2));
        rows.release();
        assert_eq!((ids(&rows), rows.waiting()), (vec![5, 4, 3, 2, 1], 0));
        rows.refresh(page(&[6, 5, 4, 3, 2, 1], None), false);
        assert_eq!(ids(&rows)[0], 6);
    }

    #[test]
    fn known_rows_change_in_place_and_vanished_ones_leave() {
        let mut rows = PipelineRows::new(page(&[3, 2, 1], None));
        let mut fresh = page(&[3, 1], None);
        fresh.traces[0].status = PipelineStatus::Success;
        rows.refresh(fresh, true);
        assert_eq!(ids(&rows), [3, 1]);
        assert_eq!(rows.shown()[0].status, PipelineStatus::Success);
    }

    #[test]
    fn rows_below_the_first_page_stay() {
        let mut rows = PipelineRows::new(page(&[6, 5], Some("a")));
        rows.append(page(&[4, 3], Some("b")));
        rows.refresh(page(&[7, 6], Some("a")), false);
        assert_eq!(ids(&rows), [7, 6, 5, 4, 3]);
        assert_eq!(rows.next_cursor.as_deref(), Some("b"));
    }

    #[test]
    fn more_new_rows_than_a_page_begin_the_list_anew() {
        let mut rows = PipelineRows::new(page(&[3, 2, 1], None));
        rows.refresh(page(&[9, 8, 7], Some("c")), true);
        assert_eq!((ids(&rows), rows.waiting()), (vec![3, 2, 1], 3));
        rows.release();
        assert_eq!((ids(&rows), rows.next_cursor.as_deref()), (vec![9, 8, 7], Some("c")));
    }

    #[test]
    fn the_first_row_of_an_empty_list_does_not_wait() {
        let mut rows = PipelineRows::new(page(&[], None));
        rows.refresh(page(&[1], None), true);
        assert_eq!(ids(&rows), [1]);
    }
}
