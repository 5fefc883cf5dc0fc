//! The spans of a trace as rows of a tree that folds: plain data, quick with a hundred thousand rows.
//!
//! Rows lie flat, each followed by those under it. What shows is a list of row numbers, made anew when something is
//! folded, so that the row at any place is found at once and the place of a row by bisection.

use std::collections::HashMap;

use super::super::service;
use crate::model::{SpanId, TraceOutline, span::OutlineRow};

/// The number of a row among all rows of the trace.
pub type RowNumber = u32;

/// The rows that have been loaded, and which of them show.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tree {
    services: Vec<String>,
    tints: Vec<&'static str>,
    names: Vec<String>,
    rows: Vec<OutlineRow>,
    /// For each row the number of the one above it.
    parents: Vec<Option<RowNumber>>,
    folded: Vec<bool>,
    /// Numbers of the rows that show, ascending.
    visible: Vec<RowNumber>,
    errors: Vec<RowNumber>,
    /// The last row and all above it: what the next rows hang on.
    path: Vec<RowNumber>,
    /// Rows from this level on are folded as they come.
    level: Option<u16>,
    deepest: u16,
    total: u32,
}

impl Tree {
    /// The beginning of a trace.
    pub fn new(outline: TraceOutline) -> Self {
        let mut tree = Self { total: outline.total, ..Self::default() };
        tree.append(outline);
        tree
    }

    /// Adds the window that follows the last row; false when it is another one or empty.
    pub fn append(&mut self, window: TraceOutline) -> bool {
        if window.offset as usize != self.rows.len() || window.rows.is_empty() {
            return false;
        }
        let services = numbers_in(&mut self.services, window.services);
        let names = numbers_in(&mut self.names, window.names);
        self.tints = service::tints(&self.services);
        for row in window.rows {
            let number = self.rows.len() as RowNumber;
            // A window's numbers are of its own names; what they do not cover has none.
            let service = services.get(usize::from(row.service)).map_or(u16::MAX, |at| *at as u16);
            let name = names.get(row.name as usize).map_or(u32::MAX, |at| *at as u32);
            self.path.truncate(usize::from(row.depth));
            self.parents.push(self.path.last().copied());
            self.path.push(number);
            self.folded.push(self.is_folded_by_level(&row));
            if row.is_error {
                self.errors.push(number);
            }
            self.deepest = self.deepest.max(row.depth);
            self.rows.push(OutlineRow { service, name, ..row });
        }
        self.total = self.total.max(self.rows.len() as u32);
        self.show_rest();
        true
    }

    /// Where the next window begins; none when all is here.
    pub fn next_offset(&self) -> Option<u32> {
        let loaded = self.rows.len() as u32;
        (loaded < self.total).then_some(loaded)
    }

    /// How many rows are here.
    pub fn loaded(&self) -> usize {
        self.rows.len()
    }

    /// How many rows the trace has.
    pub fn total(&self) -> u32 {
        self.total
    }

    /// The loaded rows.
    pub fn rows(&self) -> &[OutlineRow] {
        &self.rows
    }

    /// A row.
    pub fn row(&self, number: RowNumber) -> Option<&OutlineRow> {
        self.rows.get(number as usize)
    }

    /// Its service.
    pub fn service(&self, row: &OutlineRow) -> &str {
        self.services.get(usize::from(row.service)).map_or("unknown", String::as_str)
    }

    /// Its name.
    pub fn name(&self, row: &OutlineRow) -> &str {
        self.names.get(row.name as usize).map_or("unknown", String::as_str)
    }

    /// The colour of its service.
    pub fn tint(&self, row: &OutlineRow) -> &'static str {
        self.tints.get(usize::from(row.service)).copied().unwrap_or("7")
    }

    /// The row above.
    pub fn parent(&self, number: RowNumber) -> Option<RowNumber> {
        self.parents.get(number as usize).copied().flatten()
    }

    /// The row of a span.
    pub fn find(&self, span: SpanId) -> Option<RowNumber> {
        self.rows.iter().position(|row| row.span_id == span).map(|at| at as RowNumber)
    }

    /// Numbers of the rows that failed.
    pub fn errors(&self) -> &[RowNumber] {
        &self.errors
    }

    /// How many levels there are.
    pub fn levels(&self) -> u16 {
        if self.rows.is_empty() { 0 } else { self.deepest.saturating_add(1) }
    }

    /// How many rows show.
    pub fn visible(&self) -> usize {
        self.visible.len()
    }

    /// The row at a place among those that show.
    pub fn at(&self, place: usize) -> Option<RowNumber> {
        self.visible.get(place).copied()
    }

    /// The place of a row among those that show.
    pub fn place_of(&self, number: RowNumber) -> Option<usize> {
        self.visible.binary_search(&number).ok()
    }

    /// How many of the first so many rows show.
    pub fn visible_before(&self, rows: RowNumber) -> usize {
        self.visible.partition_point(|number| *number < rows)
    }

    /// Whether what is under a row is hidden.
    pub fn is_folded(&self, number: RowNumber) -> bool {
        self.folded.get(number as usize).copied().unwrap_or_default()
    }

    /// Hides or shows what is under a row; false when that changes nothing.
    pub fn set_folded(&mut self, number: RowNumber, is_folded: bool) -> bool {
        let Some(row) = self.row(number) else { return false };
        if row.descendants == 0 || self.is_folded(number) == is_folded {
            return false;
        }
        self.folded[number as usize] = is_folded;
        self.show_again();
        true
    }

    /// Shows so many levels; none shows all.
    pub fn set_level(&mut self, level: Option<u16>) {
        self.level = level;
        self.folded = self.rows.iter().map(|row| self.is_folded_by_level(row)).collect();
        self.show_again();
    }

    /// Unfolds everything above a row, so that it shows; false when it did already.
    pub fn reveal(&mut self, number: RowNumber) -> bool {
        let mut changed = false;
        let mut above = self.parent(number);
        while let Some(at) = above {
            changed |= std::mem::take(&mut self.folded[at as usize]);
            above = self.parent(at);
        }
        if changed {
            self.show_again();
        }
        changed
    }

    /// Numbers of the rows in whose name or service the text occurs, in any case.
    pub fn matches(&self, text: &str) -> Vec<RowNumber> {
        let wanted = text.trim().to_lowercase();
        if wanted.is_empty() {
            return Vec::new();
        }
        // Every name is looked at once, however many rows have it.
        let hits = |texts: &[String]| -> Vec<bool> {
            texts.iter().map(|text| text.to_lowercase().contains(&wanted)).collect()
        };
        let (services, names) = (hits(&self.services), hits(&self.names));
        let is_hit = |hits: &[bool], at: usize| hits.get(at).copied().unwrap_or_default();
        let rows = self.rows.iter().enumerate();
        rows.filter(|(_, row)| is_hit(&names, row.name as usize) || is_hit(&services, usize::from(row.service)))
            .map(|(at, _)| at as RowNumber)
            .collect()
    }

    fn is_folded_by_level(&self, row: &OutlineRow) -> bool {
        row.descendants > 0 && self.level.is_some_and(|level| row.depth + 1 >= level)
    }

    fn show_again(&mut self) {
        self.visible.clear();
        self.show_rest();
    }

    /// Goes on from the last row that shows.
    fn show_rest(&mut self) {
        let mut next = self.visible.last().map_or(0, |last| self.after(*last));
        while next < self.rows.len() {
            self.visible.push(next as RowNumber);
            next = self.after(next as RowNumber);
        }
    }

    /// The row that shows after this one.
    fn after(&self, number: RowNumber) -> usize {
        let hidden = if self.is_folded(number) { self.rows[number as usize].descendants as usize } else { 0 };
        number as usize + 1 + hidden
    }
}

/// Where each of these texts stands in the list, to which unknown ones are added.
fn numbers_in(known: &mut Vec<String>, texts: Vec<String>) -> Vec<usize> {
    let mut at: HashMap<String, usize> = known.iter().enumerate().map(|(at, text)| (text.clone(), at)).collect();
    let number = |text: String| {
        *at.entry(text).or_insert_with_key(|text| {
            known.push(text.clone());
            known.len() - 1
        })
    };
    texts.into_iter().map(number).collect()
}

/// The entry after or before a row in an ascending list; beyond its end it begins anew.
pub fn next_in(list: &[RowNumber], from: Option<RowNumber>, forward: bool) -> Option<RowNumber> {
    let (first, last) = (list.first().copied()?, list.last().copied()?);
    let Some(from) = from else { return Some(if forward { first } else { last }) };
    let found = if forward {
        list.get(list.partition_point(|at| *at <= from))
    } else {
        list.partition_point(|at| *at < from).checked_sub(1).and_then(|at| list.get(at))
    };
    Some(found.copied().unwrap_or(if forward { first } else { last }))
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::SpanKind;

    /// A row for tests: name and service have the number 0.
    pub fn row(id: u32, depth: u16, descendants: u32) -> OutlineRow {
        let mut bytes = [1; 8];
        bytes[4..].copy_from_slice(&id.to_be_bytes());
        OutlineRow {
            span_id: SpanId(bytes),
            depth,
            descendants,
            service: 0,
            name: 0,
            offset_ns: i64::from(id) * 10,
            duration_ns: 10,
            self_ns: 5,
            kind: SpanKind::Internal,
            is_error: false,
            is_critical: false,
            is_orphan: false,
            is_skewed: false,
        }
    }

    /// An outline of these depths.
    pub fn outline(depths: &[u16]) -> TraceOutline {
        let descendants = |at: usize| depths[at + 1..].iter().take_while(|depth| **depth > depths[at]).count();
        let rows: Vec<OutlineRow> =
            depths.iter().enumerate().map(|(at, depth)| row(at as u32, *depth, descendants(at) as u32)).collect();
        TraceOutline {
            services: vec!["gateway".into(), "orders".into()],
            names: vec!["GET /".into(), "SELECT".into()],
            total: rows.len() as u32,
            offset: 0,
            rows,
        }
    }

    fn shown(tree: &Tree) -> Vec<RowNumber> {
        (0..tree.visible()).filter_map(|place| tree.at(place)).collect()
    }

    const DEPTHS: [u16; 7] = [0, 1, 2, 2, 1, 0, 1];

    #[test]
    fn folding_hides_what_is_under_a_row() {
        let mut tree = Tree::new(outline(&DEPTHS));
        assert_eq!(shown(&tree), [0, 1, 2, 3, 4, 5, 6]);
        assert!(tree.set_folded(1, true));
        assert_eq!(shown(&tree), [0, 1, 4, 5, 6]);
        assert!(tree.set_folded(0, true));
        assert_eq!(shown(&tree), [0, 5, 6]);
        assert_eq!((tree.place_of(5), tree.place_of(4)), (Some(1), None));
        assert!(tree.set_folded(0, false));
        assert_eq!(shown(&tree), [0, 1, 4, 5, 6]);
        assert!(!tree.set_folded(2, true), "nothing is under it");
    }

    #[test]
    fn a_hidden_row_is_revealed_with_all_above_it() {
        let mut tree = Tree::new(outline(&DEPTHS));
        tree.set_level(Some(1));
        assert_eq!(shown(&tree), [0, 5]);
        assert!(tree.reveal(3));
        assert_eq!(shown(&tree), [0, 1, 2, 3, 4, 5]);
        assert!(!tree.reveal(3));
        tree.set_level(Some(2));
        assert_eq!(shown(&tree), [0, 1, 4, 5, 6]);
        tree.set_level(None);
        assert_eq!(tree.visible(), 7);
    }

    #[test]
    fn windows_are_joined_with_their_own_names_and_keep_the_level() {
        let whole = outline(&DEPTHS);
        let mut first = whole.clone();
        let rest = first.rows.split_off(3);
        let mut tree = Tree::new(first);
        tree.set_level(Some(2));
        assert_eq!((tree.next_offset(), shown(&tree)), (Some(3), vec![0, 1]));
        let mut rest = TraceOutline {
            services: vec!["orders".into()],
            names: vec!["INSERT".into()],
            rows: rest,
            offset: 3,
            total: 7,
        };
        assert!(tree.append(rest.clone()));
        assert!(!tree.append(rest.clone()), "it is there already");
        rest.rows.clear();
        rest.offset = 7;
        assert!(!tree.append(rest), "nothing comes any more");
        assert_eq!((tree.next_offset(), shown(&tree)), (None, vec![0, 1, 4, 5, 6]));
        let row = *tree.row(4).unwrap();
        assert_eq!((tree.service(&row), tree.name(&row)), ("orders", "INSERT"));
        assert_eq!((tree.parent(4), tree.parent(5), tree.parent(3)), (Some(0), None, Some(1)));
    }

    #[test]
    fn rows_are_found_by_name_and_service_in_any_case() {
        let mut outline = outline(&DEPTHS);
        outline.rows[2].name = 1;
        outline.rows[6].service = 1;
        let tree = Tree::new(outline);
        assert_eq!(tree.matches(" select "), [2]);
        assert_eq!(tree.matches("ORDERS"), [6]);
        assert_eq!(tree.matches("get").len(), 6);
        assert!(tree.matches(" ").is_empty() && tree.matches("nothing").is_empty());
    }

    #[test]
    fn the_way_through_a_list_begins_anew_at_its_end() {
        let list = [2, 5, 9];
        let steps = [None, Some(2), Some(3), Some(9)].map(|from| next_in(&list, from, true));
        assert_eq!(steps, [Some(2), Some(5), Some(5), Some(2)]);
        let back = [None, Some(9), Some(3), Some(2)].map(|from| next_in(&list, from, false));
        assert_eq!(back, [Some(9), Some(5), Some(2), Some(9)]);
        assert_eq!(next_in(&[], None, true), None);
    }

    #[test]
    fn names_that_a_window_does_not_tell_are_unknown() {
        let mut outline = outline(&[0]);
        outline.rows[0].name = 9;
        let tree = Tree::new(outline);
        assert_eq!(tree.name(&tree.rows()[0]), "unknown");
    }

    proptest! {
        #[test]
        fn what_shows_is_what_no_folded_row_is_above(
            steps in prop::collection::vec(0u16..4, 1..80), folds in prop::collection::vec(0u32..80, 0..12), cut in 0usize..80,
        ) {
            // Any step down is by one level, any step up by as many as there are.
            let mut depths = vec![0u16];
            for step in steps {
                let last = depths[depths.len() - 1];
                depths.push(if step == 0 { last + 1 } else { last.saturating_sub(step - 1) });
            }
            let whole = outline(&depths);
            let cut = cut.min(whole.rows.len());
            let mut first = whole.clone();
            let rest = TraceOutline { rows: first.rows.split_off(cut.max(1).min(depths.len())), ..whole.clone() };
            let rest = TraceOutline { offset: first.rows.len() as u32, ..rest };
            let mut tree = Tree::new(first);
            for fold in &folds {
                tree.set_folded(*fold, true);
            }
            tree.append(rest);
            for fold in &folds {
                tree.set_folded(*fold, true);
            }
            let is_hidden = |number: u32| {
                let mut above = tree.parent(number);
                while let Some(at) = above {
                    if tree.is_folded(at) {
                        return true;
                    }
                    above = tree.parent(at);
                }
                false
            };
            let expected: Vec<u32> = (0..depths.len() as u32).filter(|number| !is_hidden(*number)).collect();
            prop_assert_eq!(shown(&tree), expected);
        }
    }
}
