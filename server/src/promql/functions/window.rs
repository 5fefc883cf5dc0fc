//! What is known of the samples in a window that moves, without looking at all of them each time.

use std::{collections::VecDeque, ops::Range};

use super::number::Sum;

/// The sum of what is in the window. What entered since the last turn is summed as it comes; of what was there before it,
/// the sums up to the turn are kept. Nothing is ever subtracted, so nothing is lost.
#[derive(Debug, Default)]
pub struct SlidingSum {
    /// Where the last turn was.
    turn: usize,
    /// Up to where samples have entered.
    end: usize,
    /// Since the turn.
    fresh: Sum,
    /// From a sample up to the turn, the one at the turn first.
    older: Vec<Sum>,
}

impl SlidingSum {
    /// The sum of a window, which neither begins nor ends before the last one did.
    pub fn of(&mut self, values: &[f64], window: &Range<usize>) -> f64 {
        if window.start >= self.turn {
            // Nothing is left of what was there before the turn: turn at the end of this window.
            let mut sum = Sum::default();
            self.older.clear();
            for value in values[window.clone()].iter().rev() {
                sum.add(*value);
                self.older.push(sum);
            }
            (self.turn, self.end, self.fresh) = (window.end, window.end, Sum::default());
            return sum.total();
        }
        for value in &values[self.end..window.end] {
            self.fresh.add(*value);
        }
        self.end = window.end;
        self.older[self.turn - 1 - window.start].join(self.fresh).total()
    }
}

/// The greatest of what is in the window: those are kept that nothing greater follows.
#[derive(Debug, Default)]
pub struct SlidingPeak {
    end: usize,
    peaks: VecDeque<(usize, f64)>,
}

impl SlidingPeak {
    /// The greatest of a window by `is_above`, which neither begins nor ends before the last one did; NaN when all are.
    pub fn of(&mut self, values: &[f64], window: &Range<usize>, is_above: impl Fn(f64, f64) -> bool) -> f64 {
        let begin = self.end.max(window.start);
        for (index, value) in values.iter().enumerate().take(window.end).skip(begin) {
            if !value.is_nan() {
                while self.peaks.back().is_some_and(|(_, last)| !is_above(*last, *value)) {
                    self.peaks.pop_back();
                }
                self.peaks.push_back((index, *value));
            }
        }
        self.end = window.end.max(self.end);
        while self.peaks.front().is_some_and(|(index, _)| *index < window.start) {
            self.peaks.pop_front();
        }
        self.peaks.front().map_or(f64::NAN, |(_, value)| *value)
    }
}

/// Counts steps from one sample to the next for which something holds: so many up to each sample.
pub fn count_steps(values: &[f64], holds: impl Fn(f64, f64) -> bool) -> Vec<u32> {
    let mut count = 0;
    let mut counts = Vec::with_capacity(values.len());
    let mut before = None;
    for value in values {
        count += u32::from(before.is_some_and(|before| holds(before, *value)));
        counts.push(count);
        before = Some(*value);
    }
    counts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_moving_window_knows_what_a_fresh_look_would(
            values in prop::collection::vec(-50_i32..50, 1..60),
            moves in prop::collection::vec((0_usize..6, 0_usize..6), 1..40),
        ) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let (mut sum, mut peak) = (SlidingSum::default(), SlidingPeak::default());
            let (mut begin, mut end) = (0, 0);
            for (more_begin, more_end) in moves {
                end = (end + more_end).min(values.len());
                begin = (begin + more_begin).min(end);
                if begin == end {
                    continue;
                }
                let window = begin..end;
                let expected: f64 = values[window.clone()].iter().sum();
                prop_assert!((sum.of(&values, &window) - expected).abs() < 1e-9);
                let greatest = values[window.clone()].iter().copied().fold(f64::NAN, f64::max);
                prop_assert!((peak.of(&values, &window, |one, other| one > other) - greatest).abs() < 1e-9);
            }
        }
    }
}
