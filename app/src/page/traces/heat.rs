//! What the heatmap of durations shows and what is picked in it: plain data.

use crate::model::{UnixMillis, span::HeatCell, span::Heatmap};

/// A place in the drawing, as shares of its width and height from the upper left corner.
pub type Point = (f64, f64);

/// A rectangle of cells: columns and rows, each from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cells {
    columns: (usize, usize),
    rows: (usize, usize),
}

/// Time and durations that were picked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Picked {
    /// From when.
    pub from: UnixMillis,
    /// To when.
    pub to: UnixMillis,
    /// The shortest, in milliseconds; none when everything short is in it.
    pub min_ms: Option<f64>,
    /// The longest, in milliseconds; none when everything long is in it.
    pub max_ms: Option<f64>,
}

/// A place of the drawing in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// A heatmap over a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Heat {
    map: Heatmap,
    from: UnixMillis,
    to: UnixMillis,
}

impl Heat {
    /// The map of a range in milliseconds since the epoch; none where there is nothing to draw.
    pub fn new(map: Heatmap, range_ms: (i64, i64)) -> Option<Self> {
        let is_drawable = map.columns > 0 && map.row_ms.len() > 1 && range_ms.0 < range_ms.1 && !map.cells.is_empty();
        is_drawable.then_some(Self { map, from: UnixMillis(range_ms.0), to: UnixMillis(range_ms.1) })
    }

    /// Beginning and end of the range.
    pub fn range(&self) -> (UnixMillis, UnixMillis) {
        (self.from, self.to)
    }

    /// The cells in which there is something.
    pub fn cells(&self) -> &[HeatCell] {
        &self.map.cells
    }

    fn columns(&self) -> usize {
        usize::from(self.map.columns)
    }

    fn rows(&self) -> usize {
        self.map.row_ms.len() - 1
    }

    /// Where a cell is drawn.
    pub fn place_of(&self, cell: HeatCell) -> Place {
        let (column, row) = (usize::from(cell.column), usize::from(cell.row));
        self.place(Cells { columns: (column, column), rows: (row, row) })
    }

    /// Where a rectangle of cells is drawn.
    pub fn place(&self, cells: Cells) -> Place {
        let (width, height) = (100.0 / self.columns() as f64, 100.0 / self.rows() as f64);
        let (left, right) = cells.columns;
        let (low, high) = cells.rows;
        Place {
            x: left as f64 * width,
            // The shortest durations are at the bottom.
            y: 100.0 - (high + 1) as f64 * height,
            width: (right + 1 - left) as f64 * width,
            height: (high + 1 - low) as f64 * height,
        }
    }

    /// How strongly a cell is coloured, from 1 to 5: counts differ by powers, so steps are of equal factors.
    pub fn level(&self, cell: HeatCell) -> u8 {
        let most = self.map.cells.iter().map(|cell| cell.traces).max().unwrap_or_default();
        if most <= 1 {
            return 3;
        }
        let share = f64::from(cell.traces.max(1)).ln() / f64::from(most).ln();
        1 + (share * 4.0).round() as u8
    }

    /// The cells between two corners, both included.
    pub fn between(&self, one: Point, other: Point) -> Cells {
        let index = |share: f64, count: usize| ((share.max(0.0) * count as f64) as usize).min(count - 1);
        let column = |point: Point| index(point.0, self.columns());
        let row = |point: Point| self.rows() - 1 - index(point.1, self.rows());
        Cells { columns: ordered(column(one), column(other)), rows: ordered(row(one), row(other)) }
    }

    /// What picking these cells means.
    pub fn pick(&self, cells: Cells) -> Picked {
        let span = self.to.0 - self.from.0;
        let instant = |column: usize| UnixMillis(self.from.0 + span * column as i64 / self.columns() as i64);
        let (left, right) = cells.columns;
        let (low, high) = cells.rows;
        let limit = |at: usize| self.map.row_ms.get(at).copied().filter(|ms| ms.is_finite());
        Picked {
            from: instant(left),
            to: instant(right + 1),
            min_ms: limit(low).filter(|ms| low > 0 && *ms > 0.0),
            max_ms: limit(high + 1).filter(|_| high + 1 < self.rows()),
        }
    }

    /// How many traces lie in these cells, and how many of them failed.
    pub fn count(&self, cells: Cells) -> (u64, u64) {
        let is_inside = |cell: &&HeatCell| {
            let (column, row) = (usize::from(cell.column), usize::from(cell.row));
            (cells.columns.0..=cells.columns.1).contains(&column) && (cells.rows.0..=cells.rows.1).contains(&row)
        };
        let inside = self.map.cells.iter().filter(is_inside);
        inside.fold((0, 0), |(traces, errors), cell| (traces + u64::from(cell.traces), errors + u64::from(cell.errors)))
    }

    /// Labels of the axis of durations: share of the height from the top, and milliseconds.
    pub fn duration_ticks(&self, most: usize) -> Vec<(f64, f64)> {
        let rows = self.rows();
        let step = rows.div_ceil(most.max(1)).max(1);
        let tick = |at: usize| Some((1.0 - at as f64 / rows as f64, *self.map.row_ms.get(at)?));
        (0..rows).step_by(step).filter_map(tick).filter(|(_, ms)| ms.is_finite()).collect()
    }
}

fn ordered(one: usize, other: usize) -> (usize, usize) {
    (one.min(other), one.max(other))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole numbers")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heat() -> Heat {
        let cell = |column, row, traces, errors| HeatCell { column, row, traces, errors };
        let cells = vec![cell(0, 0, 100, 0), cell(5, 2, 10, 1), cell(9, 3, 1, 1)];
        let map = Heatmap { columns: 10, row_ms: vec![0.0, 10.0, 100.0, 1000.0, 10_000.0], cells };
        Heat::new(map, (1_000_000, 2_000_000)).unwrap()
    }

    #[test]
    fn short_durations_are_at_the_bottom() {
        let heat = heat();
        let place = heat.place_of(heat.cells()[0]);
        assert_eq!((place.x, place.y, place.width, place.height), (0.0, 75.0, 10.0, 25.0));
        assert_eq!(heat.place_of(heat.cells()[2]).y, 0.0);
    }

    #[test]
    fn a_drag_picks_whole_cells_in_either_direction() {
        let heat = heat();
        let expected =
            Picked { from: UnixMillis(1_500_000), to: UnixMillis(1_700_000), min_ms: Some(10.0), max_ms: Some(1000.0) };
        for (one, other) in [((0.51, 0.3), (0.69, 0.7)), ((0.69, 0.7), (0.51, 0.3)), ((0.51, 0.7), (0.69, 0.3))] {
            assert_eq!(heat.pick(heat.between(one, other)), expected);
        }
        assert_eq!(heat.count(heat.between((0.51, 0.3), (0.69, 0.7))), (10, 1));
    }

    #[test]
    fn the_outer_rows_are_open_to_shorter_and_longer_ones() {
        let heat = heat();
        let picked = heat.pick(heat.between((-1.0, -1.0), (2.0, 2.0)));
        assert_eq!((picked.from.0, picked.to.0, picked.min_ms, picked.max_ms), (1_000_000, 2_000_000, None, None));
    }

    #[test]
    fn colours_grow_with_the_count_by_factors() {
        let heat = heat();
        let levels: Vec<u8> = heat.cells().iter().map(|cell| heat.level(*cell)).collect();
        assert_eq!(levels, [5, 3, 1]);
    }

    #[test]
    fn an_axis_has_few_labels() {
        let ticks = heat().duration_ticks(2);
        assert_eq!(ticks, [(1.0, 0.0), (0.5, 100.0)]);
    }

    #[test]
    fn without_cells_there_is_no_map() {
        assert_eq!(Heat::new(Heatmap::default(), (0, 1)), None);
    }

    proptest! {
        #[test]
        fn every_drag_picks_a_range_inside_the_map(
            a in (-1.0..2.0, -1.0..2.0), b in (-1.0..2.0, -1.0..2.0),
        ) {
            let heat = heat();
            let cells = heat.between(a, b);
            let picked = heat.pick(cells);
            prop_assert!(1_000_000 <= picked.from.0 && picked.from < picked.to && picked.to.0 <= 2_000_000);
            let place = heat.place(cells);
            prop_assert!(place.x >= 0.0 && place.y >= -1e-9 && place.x + place.width <= 100.0 + 1e-9);
            if let (Some(min), Some(max)) = (picked.min_ms, picked.max_ms) {
                prop_assert!(min < max);
            }
        }
    }
}
