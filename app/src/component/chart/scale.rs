//! Where things stand in a chart: ticks, and the way from values to pixels and back.

use crate::model::{
    UnixMillis,
    overview::{Grid, Unit},
};

/// Room at the right end, so that the last time label is not cut.
const RIGHT_PX: f64 = 14.0;
/// Room for the labels of the time axis.
const BOTTOM_PX: f64 = 24.0;
/// The least distance between two time labels.
const TIME_LABEL_PX: f64 = 84.0;
const VALUE_TICKS: f64 = 4.0;
/// This share of a chart's height may stand out of it: less than a pixel.
const UNSEEN: f64 = 1e-3;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Distances between time labels that people can add up in their heads.
const TIME_STEPS: [i64; 22] = [
    SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    91 * DAY,
];

/// The size of a chart in pixels, and the place of its plot in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plot {
    /// Width of the whole chart.
    pub width: f64,
    /// Height of the whole chart.
    pub height: f64,
}

impl Plot {
    /// What the server draws, before the browser has measured.
    pub const DEFAULT: Self = Self { width: 600.0, height: 200.0 };
    /// Left end of the plot: room for the labels of the value axis.
    pub const LEFT: f64 = 54.0;
    /// Upper end of the plot.
    pub const TOP: f64 = 12.0;

    /// Right end of the plot.
    pub fn right(self) -> f64 {
        (self.width - RIGHT_PX).max(Self::LEFT + 1.0)
    }

    /// Lower end of the plot.
    pub fn bottom(self) -> f64 {
        (self.height - BOTTOM_PX).max(Self::TOP + 1.0)
    }

    /// Middle of slice `index` of `len`.
    pub fn x_of(self, index: usize, len: usize) -> f64 {
        self.x_at((index as f64 + 0.5) / len.max(1) as f64)
    }

    fn x_at(self, share: f64) -> f64 {
        Self::LEFT + share * (self.right() - Self::LEFT)
    }

    /// The slice under `x`; the nearest one beside the plot.
    pub fn index_at(self, x: f64, len: usize) -> Option<usize> {
        let last = len.checked_sub(1)?;
        let share = (x - Self::LEFT) / (self.right() - Self::LEFT);
        // A cast from a float saturates: left of the plot is slice 0.
        Some(((share * len as f64) as usize).min(last))
    }

    /// Height of `value` on an axis; the nearest end beside it.
    pub fn y_of(self, value: f64, axis: Axis) -> f64 {
        let span = axis.top - axis.bottom;
        let share = if span > 0.0 { ((value - axis.bottom) / span).clamp(0.0, 1.0) } else { 0.0 };
        self.bottom() - share * (self.bottom() - Self::TOP)
    }

    /// Instants of the time labels: round in the zone that is `offset_ms` ahead of UTC.
    pub fn time_ticks(self, grid: Grid, offset_ms: i64) -> TimeTicks {
        let most = ((self.right() - Self::LEFT) / TIME_LABEL_PX).floor().max(1.0) as i64;
        time_ticks(grid.from, grid.to(), most, offset_ms)
    }

    /// Place of an instant on the time axis.
    pub fn x_of_instant(self, at: UnixMillis, grid: Grid) -> f64 {
        let span = (grid.to().0 - grid.from.0).max(1);
        self.x_at((at.0 - grid.from.0) as f64 / span as f64)
    }
}

/// Labels of a time axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeTicks {
    /// Their distance.
    pub step_ms: i64,
    /// Their instants.
    pub at: Vec<UnixMillis>,
}

/// About `most` round instants of a range, in the zone that is `offset_ms` ahead of UTC.
pub fn time_ticks(from: UnixMillis, to: UnixMillis, most: i64, offset_ms: i64) -> TimeTicks {
    let span = (to.0 - from.0).max(1);
    let fits = |step: &i64| span / step <= most;
    let step_ms = TIME_STEPS.into_iter().find(fits).unwrap_or(365 * DAY);
    let first = (from.0 + offset_ms).div_euclid(step_ms) * step_ms - offset_ms;
    let ticks = (0..=most + 1).map(|n| first + n * step_ms).filter(|at| (from.0..=to.0).contains(at));
    TimeTicks { step_ms, at: ticks.map(UnixMillis).collect() }
}

/// A value axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    /// Its lower end: zero, unless there are values below.
    pub bottom: f64,
    /// Its upper end.
    pub top: f64,
    /// From one label to the next.
    step: f64,
}

impl Axis {
    /// For values from `min` to `max`; it holds zero and ends at round labels.
    pub fn of(min: f64, max: f64, unit: Unit) -> Self {
        let (min, max) = (if min.is_finite() { min.min(0.0) } else { 0.0 }, if max.is_finite() { max } else { 0.0 });
        if unit == Unit::Percent && min >= 0.0 && max <= 100.0 {
            return Self { bottom: 0.0, top: 100.0, step: 25.0 };
        }
        let max = if max > 0.0 || min < 0.0 { max.max(0.0) } else { 1.0 };
        let span = max - min;
        let raw = span / VALUE_TICKS;
        let magnitude = 10_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * magnitude)
            .find(|step| *step * VALUE_TICKS >= span * (1.0 - UNSEEN))
            .unwrap_or(10.0 * magnitude);
        let steps_to = |value: f64| (value / step - VALUE_TICKS * UNSEEN).ceil().max(0.0);
        let bottom = -steps_to(-min) * step;
        Self { bottom, top: (steps_to(max) * step).max(bottom + step), step }
    }

    /// From one label to the next.
    pub fn step(self) -> f64 {
        self.step
    }

    /// Its labels, from one end to the other.
    pub fn ticks(self) -> Vec<f64> {
        let count = ((self.top - self.bottom) / self.step).round().max(1.0) as usize;
        (0..=count.min(20)).map(|n| self.bottom + n as f64 * self.step).collect()
    }
}

/// Stretches without a gap, as pairs of slice and value.
pub fn runs(values: &[Option<f64>]) -> Vec<Vec<(usize, f64)>> {
    let mut runs: Vec<Vec<(usize, f64)>> = Vec::new();
    let mut is_open = false;
    for (index, value) in values.iter().enumerate() {
        match value.filter(|value| value.is_finite()) {
            None => is_open = false,
            Some(value) => {
                if let Some(run) = runs.last_mut().filter(|_| is_open) {
                    run.push((index, value));
                } else {
                    runs.push(vec![(index, value)]);
                }
                is_open = true;
            }
        }
    }
    runs
}

/// The largest value of several courses; gaps do not count.
pub fn largest<'a>(courses: impl Iterator<Item = &'a [Option<f64>]>) -> f64 {
    courses.flatten().flatten().copied().filter(|value| value.is_finite()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLOT: Plot = Plot { width: 668.0, height: 236.0 };

    #[test]
    fn value_ticks_are_round_and_cover_the_largest_value() {
        let value_ticks = |max, unit| Axis::of(0.0, max, unit).ticks();
        assert_eq!(value_ticks(803.0, Unit::Milliseconds), [0.0, 250.0, 500.0, 750.0, 1000.0]);
        assert_eq!(value_ticks(4.0, Unit::PerSecond), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(value_ticks(4.0001, Unit::PerSecond), [0.0, 1.0, 2.0, 3.0, 4.0], "less than a pixel above");
        assert_eq!(value_ticks(0.0, Unit::PerSecond).first(), Some(&0.0));
        assert_eq!(value_ticks(3.0, Unit::Percent).last(), Some(&100.0));
        assert_eq!(value_ticks(250.0, Unit::Percent).last(), Some(&300.0));
        assert!(value_ticks(f64::NAN, Unit::Bytes).len() > 1);
    }

    #[test]
    fn an_axis_goes_below_zero_where_values_do() {
        let axis = Axis::of(-3.2, 5.0, Unit::Number);
        assert!(axis.bottom <= -3.2 && axis.top >= 5.0 && axis.ticks().contains(&0.0), "{axis:?}");
        let negative = Axis::of(-8.0, -2.0, Unit::Number);
        assert!(negative.bottom <= -8.0 && (0.0..0.1).contains(&negative.top), "{negative:?}");
        assert!(PLOT.y_of(-8.0, negative) > PLOT.y_of(-2.0, negative));
    }

    #[test]
    fn time_ticks_are_round_in_the_chosen_zone() {
        let grid = Grid { from: UnixMillis(90_000), step_ms: 15_000, len: 240 };
        let ticks = PLOT.time_ticks(grid, 0);
        assert_eq!(ticks.step_ms, 10 * MINUTE);
        assert_eq!(ticks.at.first(), Some(&UnixMillis(600_000)));
        let half_hour_zone = PLOT.time_ticks(Grid { len: 240 * 24, ..grid }, 30 * MINUTE);
        assert!(half_hour_zone.at.iter().all(|at| (at.0 + 30 * MINUTE) % half_hour_zone.step_ms == 0));
    }

    #[test]
    fn a_gap_ends_a_run() {
        let values = [Some(1.0), None, Some(2.0), Some(3.0), Some(f64::NAN), None];
        assert_eq!(runs(&values), [vec![(0, 1.0)], vec![(2, 2.0), (3, 3.0)]]);
        assert!(runs(&[]).is_empty());
    }

    #[test]
    fn an_empty_grid_has_no_slice() {
        assert_eq!(PLOT.index_at(100.0, 0), None);
    }

    proptest! {
        #[test]
        fn the_slice_under_the_middle_of_a_slice_is_that_slice(len in 1_usize..2000, share in 0.0_f64..1.0) {
            let index = ((share * len as f64) as usize).min(len - 1);
            prop_assert_eq!(PLOT.index_at(PLOT.x_of(index, len), len), Some(index));
        }

        #[test]
        fn every_pixel_belongs_to_a_slice(x in -500.0_f64..2000.0, len in 1_usize..500) {
            let index = PLOT.index_at(x, len);
            prop_assert!(index.is_some_and(|index| index < len));
        }

        #[test]
        fn ticks_end_at_or_above_the_largest_value(max in 1e-6_f64..1e15) {
            let ticks = Axis::of(0.0, max, Unit::Bytes).ticks();
            prop_assert!(ticks[ticks.len() - 1] >= max * 0.999);
            prop_assert!(ticks.len() <= 7);
        }

        #[test]
        fn time_ticks_lie_inside_and_leave_room(minutes in 1_i64..600_000, width in 200.0_f64..3000.0) {
            let grid = Grid { from: UnixMillis(1_795_271_900_114), step_ms: minutes * 1000, len: 60 };
            let plot = Plot { width, height: 200.0 };
            let ticks = plot.time_ticks(grid, 0);
            let xs: Vec<f64> = ticks.at.iter().map(|at| plot.x_of_instant(*at, grid)).collect();
            prop_assert!(xs.iter().all(|x| (Plot::LEFT..=plot.right() + 0.01).contains(x)));
            prop_assert!(xs.windows(2).all(|pair| pair[1] - pair[0] > TIME_LABEL_PX * 0.45));
        }
    }
}
