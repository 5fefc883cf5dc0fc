//! Log lines between the spans of a waterfall. Plain data.
//!
//! A line stands among what is under its span, after everything that began before it: read from above to below, the rows
//! under a span are in the order of time. A line of no span that is here stands the same way under the whole trace.

use std::collections::HashMap;

use super::tree::{RowNumber, Tree};
use crate::model::SpanId;

/// What a row of the waterfall shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Item {
    /// A span.
    Span(RowNumber),
    /// A log line, by its place among the lines of the trace.
    Line(u32),
}

/// A log line, as far as its place depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineAt {
    /// The span that wrote it.
    pub span: Option<SpanId>,
    /// When, in nanoseconds after the start of the trace.
    pub offset_ns: i64,
}

/// Where each line belongs: whatever is folded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anchors(Vec<Anchor>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Anchor {
    /// So many rows of the trace stand before it.
    after: u32,
    /// The row of its span.
    owner: Option<RowNumber>,
    line: u32,
}

/// Lines between the rows that show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Between {
    /// For each line that shows, in order, how many spans stand before it.
    spans_before: Vec<u32>,
    /// Which line it is.
    lines: Vec<u32>,
}

impl Anchors {
    /// Finds where lines, which are in the order of time, belong.
    pub fn new(tree: &Tree, lines: &[LineAt]) -> Self {
        // Of a hundred thousand spans few have lines: each is looked for once.
        let mut rows = HashMap::new();
        for span in lines.iter().filter_map(|line| line.span) {
            rows.insert(span, None);
        }
        for (number, row) in (0..).zip(tree.rows()) {
            if let Some(place) = rows.get_mut(&row.span_id) {
                *place = Some(number);
            }
        }
        // Up to where the rows under each span, or the trace, have been looked at: lines come in the order of time.
        let mut reached: HashMap<Option<RowNumber>, RowNumber> = HashMap::new();
        let anchor = |(line, at): (u32, &LineAt)| {
            let owner = at.span.and_then(|span| rows.get(&span).copied().flatten());
            let after = reached.entry(owner).or_insert_with(|| owner.map_or(0, |owner| owner + 1));
            *after = rows_before(tree, owner, *after, at.offset_ns);
            Anchor { after: *after, owner, line }
        };
        let mut anchors: Vec<Anchor> = (0..).zip(lines).map(anchor).collect();
        // Stable: lines of one place stay in the order of time.
        anchors.sort_by_key(|anchor| anchor.after);
        Self(anchors)
    }

    /// The lines that show: those of spans that show, and those of none.
    pub fn between(&self, tree: &Tree) -> Between {
        let mut between = Between::default();
        for anchor in &self.0 {
            if anchor.owner.is_none_or(|owner| tree.place_of(owner).is_some()) {
                between.spans_before.push(tree.visible_before(anchor.after) as u32);
                between.lines.push(anchor.line);
            }
        }
        between
    }
}

/// How many rows stand before what this span, or the trace itself, did at an instant; so many are known to.
fn rows_before(tree: &Tree, owner: Option<RowNumber>, known: RowNumber, offset_ns: i64) -> u32 {
    let end = match owner {
        Some(owner) => owner + 1 + tree.row(owner).map_or(0, |row| row.descendants),
        None => tree.loaded() as u32,
    };
    let mut child = known;
    while child < end {
        let Some(row) = tree.row(child) else { break };
        if row.offset_ns > offset_ns {
            break;
        }
        child += 1 + row.descendants;
    }
    child.min(tree.loaded() as u32)
}

impl Between {
    /// How many lines show.
    pub fn lines(&self) -> usize {
        self.lines.len()
    }

    /// What stands at a place.
    pub fn at(&self, tree: &Tree, place: usize) -> Option<Item> {
        // The line `n` stands behind its spans and `n` lines.
        let place_of = |n: usize| self.spans_before[n] as usize + n;
        let (mut low, mut high) = (0, self.lines.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if place_of(middle) < place {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if low < self.lines.len() && place_of(low) == place {
            return Some(Item::Line(self.lines[low]));
        }
        tree.at(place - low).map(Item::Span)
    }

    /// The place of a span or a line.
    pub fn place_of(&self, tree: &Tree, item: Item) -> Option<usize> {
        match item {
            Item::Span(number) => {
                let place = tree.place_of(number)?;
                Some(place + self.spans_before.partition_point(|before| (*before as usize) <= place))
            }
            Item::Line(line) => {
                let at = self.lines.iter().position(|other| *other == line)?;
                Some(self.spans_before[at] as usize + at)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::tree::tests::outline, *};

    fn tree(depths: &[u16]) -> Tree {
        Tree::new(outline(depths))
    }

    /// Row `n` begins at 10 × n.
    fn line(tree: &Tree, row: Option<u32>, offset_ns: i64) -> LineAt {
        LineAt { span: row.and_then(|row| tree.row(row)).map(|row| row.span_id), offset_ns }
    }

    fn shown(tree: &Tree, between: &Between) -> String {
        let items = (0..tree.visible() + between.lines()).filter_map(|place| between.at(tree, place));
        items
            .map(|item| match item {
                Item::Span(number) => format!("s{number} "),
                Item::Line(line) => format!("l{line} "),
            })
            .collect()
    }

    #[test]
    fn a_line_stands_under_its_span_after_what_began_before_it() {
        let mut tree = tree(&[0, 1, 2, 1, 0]);
        let lines = [
            line(&tree, Some(0), 5),
            line(&tree, Some(1), 12),
            line(&tree, Some(2), 25),
            line(&tree, Some(0), 29),
            line(&tree, Some(0), 99),
            line(&tree, None, 35),
            line(&tree, None, 999),
        ];
        let anchors = Anchors::new(&tree, &lines);
        assert_eq!(shown(&tree, &anchors.between(&tree)).trim(), "s0 l0 s1 l1 s2 l2 l3 s3 l4 l5 s4 l6");
        tree.set_folded(1, true);
        assert_eq!(shown(&tree, &anchors.between(&tree)).trim(), "s0 l0 s1 l1 l3 s3 l4 l5 s4 l6");
        tree.set_folded(0, true);
        assert_eq!(shown(&tree, &anchors.between(&tree)).trim(), "s0 l0 l3 l4 l5 s4 l6");
    }

    #[test]
    fn a_trace_without_rows_has_its_lines() {
        let tree = Tree::default();
        let anchors = Anchors::new(&tree, &[LineAt { span: None, offset_ns: 3 }]);
        assert_eq!(anchors.between(&tree).at(&tree, 0), Some(Item::Line(0)));
    }

    proptest! {
        #[test]
        fn every_item_is_where_it_says(
            steps in prop::collection::vec(0u16..4, 1..40),
            lines in prop::collection::vec((prop::option::of(0u32..45), 0i64..500), 0..40),
            folded in prop::collection::vec(0u32..40, 0..5),
        ) {
            let mut depth = 0;
            let depths: Vec<u16> = steps.into_iter().enumerate().map(|(at, step)| {
                depth = if at == 0 { 0 } else { (depth + 1).min(step) };
                depth
            }).collect();
            let mut tree = tree(&depths);
            let mut lines: Vec<LineAt> = lines.into_iter().map(|(row, at)| line(&tree, row, at)).collect();
            lines.sort_by_key(|line| line.offset_ns);
            let anchors = Anchors::new(&tree, &lines);
            let all = anchors.between(&tree);
            prop_assert_eq!(all.lines(), lines.len());
            for number in folded {
                tree.set_folded(number, true);
            }
            let between = anchors.between(&tree);
            let mut spans = 0;
            for place in 0..tree.visible() + between.lines() {
                let item = between.at(&tree, place).unwrap();
                prop_assert_eq!(between.place_of(&tree, item), Some(place));
                spans += usize::from(matches!(item, Item::Span(_)));
            }
            prop_assert_eq!(spans, tree.visible());
            prop_assert_eq!(between.at(&tree, tree.visible() + between.lines()), None);
        }
    }
}
