//! Counts over time as stacked bars, and what is picked in them: plain data.

use crate::model::{Level, LogSummary, UnixMillis, log_views::LevelCounts};

/// A part of a bar in percent of the drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// Whose count it is.
    pub level: Level,
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// Columns from the first to the last.
pub type Columns = (usize, usize);

/// Share of a column's width that stays free between bars.
const GAP: f64 = 0.12;
/// A zoom never shows less.
const SHORTEST_MS: i64 = 1000;

/// Bars over a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    columns: Vec<LevelCounts>,
    from: UnixMillis,
    to: UnixMillis,
    highest: u64,
}

impl Bars {
    /// The bars of a summary; none where there is nothing to draw.
    pub fn new(summary: &LogSummary) -> Option<Self> {
        let highest = summary.columns.iter().map(|column| column.iter().sum()).max().unwrap_or_default();
        let is_drawable = highest > 0 && summary.from < summary.to;
        is_drawable.then(|| Self { columns: summary.columns.clone(), from: summary.from, to: summary.to, highest })
    }

    /// Beginning and end.
    pub fn range(&self) -> (UnixMillis, UnixMillis) {
        (self.from, self.to)
    }

    /// How many columns.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// The count of the highest bar.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// How many records there are in all columns.
    pub fn total(&self) -> u64 {
        self.count((0, self.len() - 1)).iter().sum()
    }

    /// What is drawn, the most serious at the bottom: there it is seen, however few there are.
    pub fn segments(&self) -> Vec<Segment> {
        let width = 100.0 / self.len() as f64;
        let mut segments = Vec::new();
        for (at, column) in self.columns.iter().enumerate() {
            let mut top = 100.0;
            for level in Level::ALL.into_iter().rev() {
                let count = column[level as usize];
                if count == 0 {
                    continue;
                }
                // One record among thousands is still to be seen.
                let height = (count as f64 / self.highest as f64 * 100.0).max(2.0).min(top);
                top -= height;
                let x = (at as f64 + GAP / 2.0) * width;
                segments.push(Segment { level, x, y: top, width: width * (1.0 - GAP), height });
            }
        }
        segments
    }

    /// The column at this share of the width.
    pub fn column_at(&self, share: f64) -> usize {
        ((share.max(0.0) * self.len() as f64) as usize).min(self.len() - 1)
    }

    /// Left edge and width of columns, in percent.
    pub fn place(&self, (first, last): Columns) -> (f64, f64) {
        let width = 100.0 / self.len() as f64;
        (first as f64 * width, (last + 1 - first) as f64 * width)
    }

    /// Counts by level in these columns.
    pub fn count(&self, (first, last): Columns) -> LevelCounts {
        let inside = self.columns.iter().skip(first).take(last + 1 - first);
        inside.fold(LevelCounts::default(), |sum, column| std::array::from_fn(|level| sum[level] + column[level]))
    }

    /// When these columns begin and end, at least a second apart.
    pub fn pick(&self, (first, last): Columns) -> (UnixMillis, UnixMillis) {
        let span = self.to.0 - self.from.0;
        let edge = |column: usize| self.from.0 + span * column as i64 / self.len() as i64;
        let (from, to) = (edge(first), edge(last + 1));
        (UnixMillis(from), UnixMillis(to.max(from + SHORTEST_MS)))
    }
}

/// Columns between two, in order.
pub fn between(one: usize, other: usize) -> Columns {
    (one.min(other), one.max(other))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bars() -> Bars {
        let columns = vec![[0, 0, 90, 0, 10, 0], [0; 6], [0, 0, 0, 1, 0, 0], [0; 6]];
        Bars::new(&LogSummary { from: UnixMillis(0), to: UnixMillis(40_000), columns, ..LogSummary::default() })
            .unwrap()
    }

    #[test]
    fn the_most_serious_stands_at_the_bottom_and_little_is_seen() {
        let segments = bars().segments();
        let drawn: Vec<(Level, f64, f64)> = segments.iter().map(|one| (one.level, one.y, one.height)).collect();
        assert_eq!(drawn, [(Level::Error, 90.0, 10.0), (Level::Info, 0.0, 90.0), (Level::Warn, 98.0, 2.0)]);
        assert_eq!((bars().highest(), bars().total()), (100, 101));
    }

    #[test]
    fn a_drag_picks_whole_columns() {
        let bars = bars();
        let columns = between(bars.column_at(0.6), bars.column_at(0.3));
        assert_eq!(columns, (1, 2));
        assert_eq!(bars.pick(columns), (UnixMillis(10_000), UnixMillis(30_000)));
        assert_eq!(bars.count(columns), [0, 0, 0, 1, 0, 0]);
        assert_eq!(bars.place(columns), (25.0, 50.0));
    }

    #[test]
    fn without_records_there_are_no_bars() {
        assert_eq!(Bars::new(&LogSummary { to: UnixMillis(5), columns: vec![[0; 6]], ..LogSummary::default() }), None);
    }

    proptest! {
        #[test]
        fn every_drag_picks_a_part_of_the_range(one in -1.0..2.0, other in -1.0..2.0) {
            let bars = bars();
            let (from, to) = bars.pick(between(bars.column_at(one), bars.column_at(other)));
            prop_assert!(0 <= from.0 && from < to && to.0 <= 40_000);
        }
    }
}
