//! The spans of a trace inside one another: every span has a lane below that of the span above it in which nothing else
//! is at the time. Plain data.

use super::{
    axis::Window,
    tree::{RowNumber, Tree},
};

/// Lanes beyond this many share the last one.
const MOST_LANES: usize = 400;
/// What is narrower is drawn together with its neighbours, in pixels.
const NARROW_PX: f64 = 2.5;

/// In which lane each row is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lanes {
    of: Vec<u16>,
    count: u16,
}

/// One or more spans as a stretch of a lane; places are shares of what is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Block {
    /// Which lane.
    pub lane: u16,
    /// Where it begins.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
    /// The first of its rows.
    pub row: RowNumber,
    /// How many spans it stands for.
    pub spans: u32,
    /// Whether one of them failed.
    pub is_error: bool,
}

impl Lanes {
    /// Finds a lane for every row.
    pub fn new(tree: &Tree) -> Self {
        let mut of: Vec<u16> = Vec::with_capacity(tree.loaded());
        // Until when each lane is taken.
        let mut taken: Vec<i64> = Vec::new();
        for (number, row) in tree.rows().iter().enumerate() {
            let above = tree.parent(number as RowNumber).map_or(0, |parent| usize::from(of[parent as usize]) + 1);
            let first = above.min(MOST_LANES - 1);
            let free = taken.iter().skip(first).position(|until| *until <= row.offset_ns).map(|at| at + first);
            let lane = free.unwrap_or(taken.len().max(first)).min(MOST_LANES - 1);
            if taken.len() <= lane {
                taken.resize(lane + 1, i64::MIN);
            }
            // What took no time takes a place all the same.
            taken[lane] = taken[lane].max(row.offset_ns.saturating_add(row.duration_ns.max(1)));
            of.push(lane as u16);
        }
        Self { of, count: taken.len() as u16 }
    }

    /// How many lanes there are.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The lane of a row.
    pub fn of(&self, number: RowNumber) -> Option<u16> {
        self.of.get(number as usize).copied()
    }

    /// What is drawn of the lanes from the first to before the last, on so many pixels.
    pub fn blocks(&self, tree: &Tree, window: Window, width_px: f64, lanes: (u16, u16)) -> Vec<Block> {
        let narrow = NARROW_PX / width_px.max(1.0);
        let mut blocks: Vec<Block> = Vec::new();
        // The last narrow block of each lane, which may still grow.
        let mut growing: Vec<Option<usize>> = vec![None; usize::from(self.count)];
        for ((number, row), lane) in tree.rows().iter().enumerate().zip(&self.of) {
            if *lane < lanes.0 || *lane >= lanes.1 {
                continue;
            }
            let (start, end) =
                (window.share(row.offset_ns), window.share(row.offset_ns.saturating_add(row.duration_ns)));
            if end < 0.0 || start > 1.0 {
                continue;
            }
            let (start, end) = (start.clamp(0.0, 1.0), end.clamp(0.0, 1.0));
            let slot = &mut growing[usize::from(*lane)];
            if end - start >= narrow {
                *slot = None;
            } else if let Some(block) = slot.and_then(|at| blocks.get_mut(at))
                && start - block.end < narrow
            {
                block.end = block.end.max(end);
                block.spans += 1;
                block.is_error |= row.is_error;
                continue;
            } else {
                *slot = Some(blocks.len());
            }
            let row_number = number as RowNumber;
            blocks.push(Block { lane: *lane, start, end, row: row_number, spans: 1, is_error: row.is_error });
        }
        blocks
    }

    /// The span in a lane at an instant, or the nearest one within `reach_ns`.
    pub fn hit(&self, tree: &Tree, lane: u16, at_ns: i64, reach_ns: i64) -> Option<RowNumber> {
        let distance = |offset_ns: i64, duration_ns: i64| {
            let end = offset_ns.saturating_add(duration_ns);
            (offset_ns - at_ns).max(at_ns - end).max(0)
        };
        let in_lane = tree.rows().iter().enumerate().zip(&self.of).filter(|(_, of)| **of == lane);
        let nearest = in_lane.map(|((number, row), _)| (distance(row.offset_ns, row.duration_ns), number)).min();
        nearest.filter(|(distance, _)| *distance <= reach_ns).map(|(_, number)| number as RowNumber)
    }
}

/// Where the arrow keys lead from a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// To the one above.
    Parent,
    /// To the first of those under it.
    Child,
    /// To the one after it under the same one.
    Next,
    /// To the one before it under the same one.
    Previous,
}

/// The row that a step leads to.
pub fn step(tree: &Tree, from: RowNumber, step: Step) -> Option<RowNumber> {
    let row = tree.row(from)?;
    let is_sibling = |other: &RowNumber| tree.row(*other).is_some() && tree.parent(*other) == tree.parent(from);
    match step {
        Step::Parent => tree.parent(from),
        Step::Child => Some(from + 1).filter(|child| tree.parent(*child) == Some(from)),
        Step::Next => Some(from + 1 + row.descendants).filter(is_sibling),
        Step::Previous => {
            let mut before = from.checked_sub(1)?;
            while tree.row(before)?.depth > row.depth {
                before = tree.parent(before)?;
            }
            Some(before).filter(is_sibling)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::tree::tests::outline, *};

    /// A tree of rows with these depths, beginnings and lengths.
    fn tree(spans: &[(u16, i64, i64)]) -> Tree {
        let mut outline = outline(&spans.iter().map(|(depth, ..)| *depth).collect::<Vec<_>>());
        for (row, (_, offset_ns, duration_ns)) in outline.rows.iter_mut().zip(spans) {
            (row.offset_ns, row.duration_ns) = (*offset_ns, *duration_ns);
        }
        Tree::new(outline)
    }

    #[test]
    fn spans_of_the_same_time_lie_in_lanes_of_their_own() {
        let tree = tree(&[(0, 0, 100), (1, 0, 50), (2, 10, 20), (1, 20, 50), (1, 80, 10)]);
        let lanes = Lanes::new(&tree);
        assert_eq!((lanes.of, lanes.count), (vec![0, 1, 2, 3, 1], 4));
    }

    #[test]
    fn narrow_neighbours_are_drawn_together() {
        let mut spans = vec![(0, 0, 1_000_000)];
        spans.extend((0..1000).map(|at| (1, at * 1000, 500)));
        let tree = tree(&spans);
        let lanes = Lanes::new(&tree);
        let blocks = lanes.blocks(&tree, Window::whole(1_000_000), 500.0, (0, 9));
        assert!(blocks.len() < 10, "{}", blocks.len());
        assert_eq!(blocks.iter().map(|block| block.spans).sum::<u32>(), 1001);
        let near = lanes.blocks(&tree, Window { from_ns: 0, to_ns: 10_000 }, 500.0, (1, 2));
        assert_eq!(near.len(), 11);
    }

    #[test]
    fn a_click_finds_the_span_under_it_or_beside_it() {
        let tree = tree(&[(0, 0, 100), (1, 10, 20), (1, 60, 20)]);
        let lanes = Lanes::new(&tree);
        let hit = |lane, at| lanes.hit(&tree, lane, at, 3);
        assert_eq!(
            [hit(0, 50), hit(1, 15), hit(1, 58), hit(1, 45), hit(7, 5)],
            [Some(0), Some(1), Some(2), None, None]
        );
    }

    #[test]
    fn arrow_keys_lead_through_the_tree() {
        let tree = tree(&[(0, 0, 9), (1, 0, 9), (2, 0, 9), (1, 0, 9), (0, 0, 9)]);
        let to = |from, to| step(&tree, from, to);
        assert_eq!((to(2, Step::Parent), to(0, Step::Parent)), (Some(1), None));
        assert_eq!((to(0, Step::Child), to(2, Step::Child), to(4, Step::Child)), (Some(1), None, None));
        assert_eq!((to(1, Step::Next), to(3, Step::Next), to(0, Step::Next)), (Some(3), None, Some(4)));
        assert_eq!((to(3, Step::Previous), to(1, Step::Previous), to(4, Step::Previous)), (Some(1), None, Some(0)));
    }

    proptest! {
        #[test]
        fn no_two_spans_of_a_lane_overlap(spans in prop::collection::vec((0u16..3, 0i64..200, 1i64..60), 1..60)) {
            let mut depth = 0;
            let spans: Vec<(u16, i64, i64)> = spans.into_iter().enumerate().map(|(at, (step, from, length))| {
                depth = if at == 0 { 0 } else { (depth + 1).min(step) };
                (depth, from, length)
            }).collect();
            let tree = tree(&spans);
            let lanes = Lanes::new(&tree);
            for (one, (_, from, length)) in spans.iter().enumerate() {
                if let Some(parent) = tree.parent(one as u32) {
                    prop_assert!(lanes.of[one] > lanes.of[parent as usize]);
                }
                for (other, (_, other_from, other_length)) in spans.iter().enumerate().skip(one + 1) {
                    let apart = from + length <= *other_from || other_from + other_length <= *from;
                    prop_assert!(apart || lanes.of[one] != lanes.of[other]);
                }
            }
        }
    }
}
