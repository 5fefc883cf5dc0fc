//! When an expression is evaluated, and what a selector sees from there.

use std::ops::Range;

use super::{error::Error, limits::Interrupt};
use crate::store::sample::bucket::bucket_end;

/// Instants at equal distances, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// The first.
    pub start: i64,
    /// From one to the next; at least 1.
    pub step: i64,
    /// How many.
    pub count: usize,
}

impl Grid {
    /// A single instant.
    pub fn instant(time: i64) -> Self {
        Self { start: time, step: 1, count: 1 }
    }

    /// From one instant on, up to another, which is among them if a step leads there.
    pub fn between(start: i64, end: i64, step: i64) -> Self {
        let count = if end < start { 0 } else { (end - start) / step + 1 };
        Self { start, step, count: count as usize }
    }

    /// One of them.
    pub fn time(&self, index: usize) -> i64 {
        self.start + self.step * index as i64
    }

    /// All of them.
    pub fn times(self) -> impl Iterator<Item = i64> {
        (0..self.count).map(move |index| self.time(index))
    }
}

/// The stretch of time that a selector sees from each instant of a grid: after `to - range`, and up to `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// From where.
    pub grid: Grid,
    /// The `@` modifier: from here instead.
    pub at: Option<i64>,
    /// The `offset` modifier: so much earlier, in milliseconds.
    pub offset: i64,
    /// How long, in milliseconds.
    pub range: i64,
}

impl Windows {
    /// Where the window of an instant ends.
    pub fn to(&self, index: usize) -> i64 {
        self.at.unwrap_or_else(|| self.grid.time(index)) - self.offset
    }

    /// Where the last window ends.
    pub fn last_to(&self) -> i64 {
        self.to(self.grid.count.saturating_sub(1))
    }

    /// Whether every window begins and ends at a multiple of a length.
    pub fn is_aligned(&self, length: i64) -> bool {
        let steps_are = self.at.is_some() || self.grid.count <= 1 || self.grid.step % length == 0;
        steps_are && self.to(0) % length == 0 && self.range % length == 0
    }

    /// Which stretch of time the window of an instant is, made longer so that it begins and ends at multiples of a length.
    pub fn bounds(&self, index: usize, length: i64) -> (i64, i64) {
        let to = self.to(index);
        let after = to - self.range;
        // Nearly always 1, and dividing takes time.
        if length == 1 { (after, to) } else { (after.div_euclid(length) * length, bucket_end(to, length)) }
    }

    /// Calls for each window that is not empty. `times` are those of samples, oldest first; windows are made longer as
    /// [`Self::bounds`] says.
    #[inline]
    pub fn slide(
        &self,
        times: &[i64],
        length: i64,
        interrupt: &Interrupt,
        mut each: impl FnMut(Window),
    ) -> Result<(), Error> {
        let (mut begin, mut end) = (0, 0);
        for index in 0..self.grid.count {
            interrupt.check_sometimes(index)?;
            let (after, to) = self.bounds(index, length);
            while end < times.len() && times[end] <= to {
                end += 1;
            }
            while begin < end && times[begin] <= after {
                begin += 1;
            }
            if begin < end {
                each(Window { index, samples: begin..end, after, to });
            }
        }
        Ok(())
    }
}

/// What is seen from one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// From which instant of the grid.
    pub index: usize,
    /// Which of the samples.
    pub samples: Range<usize>,
    /// Where it begins, in milliseconds; this time is outside.
    pub after: i64,
    /// Where it ends; this time is inside.
    pub to: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_open_where_it_begins() {
        let windows = Windows { grid: Grid::between(10, 30, 10), at: None, offset: 0, range: 10 };
        let mut seen = Vec::new();
        let times = [0, 5, 10, 20, 21];
        let interrupt = Interrupt::default();
        windows.slide(&times, 1, &interrupt, |window| seen.push((window.index, window.samples))).unwrap();
        assert_eq!(seen, [(0, 1..3), (1, 3..4), (2, 4..5)]);
        assert_eq!(windows.bounds(0, 20), (0, 20));
    }

    #[test]
    fn a_grid_ends_at_or_before_its_end() {
        assert_eq!(Grid::between(0, 29, 10).times().collect::<Vec<_>>(), [0, 10, 20]);
        assert_eq!(Grid::between(10, 0, 10).count, 0);
    }
}
