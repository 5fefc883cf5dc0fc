//! A whole trace reduced to few pixels: plain data.

use std::fmt::Write;

use super::tree::Tree;

/// Width of the drawing.
pub const COLUMNS: usize = 480;
/// Lines of the drawing; rows that are more share lines.
pub const LINES: usize = 26;
/// Distance between lines.
pub const LINE_PX: usize = 2;

/// Everything of one colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Colour of the service.
    pub tint: &'static str,
    /// The strokes, as the `d` of a path.
    pub path: String,
}

/// A trace in small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minimap {
    /// Strokes by colour.
    pub shapes: Vec<Shape>,
    /// Strokes of what failed, to lie over the others.
    pub errors: String,
    /// How high the drawing is.
    pub height: usize,
}

/// What a pixel shows: later rows do not cover earlier ones.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Pixel {
    tint: Option<&'static str>,
    is_error: bool,
}

/// Reduces a trace of this length.
pub fn reduce(tree: &Tree, duration_ns: i64) -> Minimap {
    let total = (tree.total() as usize).max(1);
    let lines = total.min(LINES);
    let mut pixels = vec![Pixel { tint: None, is_error: false }; lines * COLUMNS];
    let scale = COLUMNS as f64 / duration_ns.max(1) as f64;
    for (at, row) in tree.rows().iter().enumerate() {
        let line = at * lines / total;
        let column = |ns: i64| ((ns.max(0) as f64 * scale) as usize).min(COLUMNS - 1);
        let (first, last) = (column(row.offset_ns), column(row.offset_ns.saturating_add(row.duration_ns)));
        let tint = tree.tint(row);
        for pixel in &mut pixels[line * COLUMNS + first..=line * COLUMNS + last] {
            pixel.tint.get_or_insert(tint);
            pixel.is_error |= row.is_error;
        }
    }
    let mut shapes: Vec<Shape> = Vec::new();
    let mut errors = String::new();
    for (line, pixels) in pixels.chunks(COLUMNS).enumerate() {
        let mut column = 0;
        for run in pixels.chunk_by(|one, other| one == other) {
            let Pixel { tint, is_error } = run[0];
            if let Some(tint) = tint {
                let path = if is_error { &mut errors } else { path_of(&mut shapes, tint) };
                // Writing to a string cannot fail.
                let _ = write!(path, "M{column} {}h{}", line * LINE_PX + 1, run.len());
            }
            column += run.len();
        }
    }
    Minimap { shapes, errors, height: lines * LINE_PX }
}

fn path_of<'a>(shapes: &'a mut Vec<Shape>, tint: &'static str) -> &'a mut String {
    let at = shapes.iter().position(|shape| shape.tint == tint).unwrap_or_else(|| {
        shapes.push(Shape { tint, path: String::new() });
        shapes.len() - 1
    });
    &mut shapes[at].path
}

#[cfg(test)]
mod tests {
    use super::{super::tree::tests::outline, *};

    #[test]
    fn a_row_is_a_stroke_on_its_line() {
        let mut outline = outline(&[0, 1]);
        outline.rows[0].duration_ns = 1000;
        outline.rows[1].offset_ns = 500;
        outline.rows[1].duration_ns = 250;
        outline.rows[1].is_error = true;
        let map = reduce(&Tree::new(outline), 1000);
        assert_eq!((map.height, map.shapes.len()), (4, 1));
        assert_eq!(map.shapes[0].path, "M0 1h480");
        assert_eq!(map.errors, "M240 3h121");
    }

    #[test]
    fn very_many_rows_take_no_more_room() {
        let depths = vec![0; 20_000];
        let map = reduce(&Tree::new(outline(&depths)), 200_000);
        assert_eq!(map.height, LINES * LINE_PX);
        assert!(map.shapes.iter().map(|shape| shape.path.len()).sum::<usize>() < 40_000);
    }

    #[test]
    fn what_lies_outside_the_trace_is_drawn_at_its_edge() {
        let mut outline = outline(&[0]);
        outline.rows[0].offset_ns = -50;
        outline.rows[0].duration_ns = i64::MAX;
        assert_eq!(reduce(&Tree::new(outline), 10).shapes[0].path, "M0 1h480");
    }
}
