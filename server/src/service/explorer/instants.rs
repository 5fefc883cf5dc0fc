//! At which instants the answer to a query is drawn.

use app::model::{TimeRange, UnixMillis, overview::Grid};

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Steps that people can add up in their heads. From five minutes on they are multiples of it and then of an hour, so that
/// roll-ups can answer.
const STEPS: [i64; 23] = [
    SECOND,
    2 * SECOND,
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
    4 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    4 * DAY,
    7 * DAY,
    14 * DAY,
];

/// Points of a course at least and at most, whatever is asked for.
const POINTS: std::ops::RangeInclusive<u32> = 30..=1200;

/// The finest grid of round instants with no more points than wanted, all of them in the range.
pub fn grid(range: TimeRange, points: u32) -> Grid {
    let points = i64::from(points.clamp(*POINTS.start(), *POINTS.end()));
    let span = range.duration_ms();
    let step_ms = STEPS.into_iter().find(|step| span / step <= points).unwrap_or(28 * DAY);
    let first = range.from.0.div_euclid(step_ms) * step_ms;
    let from = if first < range.from.0 { first + step_ms } else { first };
    let last = range.to.0.div_euclid(step_ms) * step_ms;
    // A range that is shorter than its step still has its end.
    let len = usize::try_from((last - from) / step_ms + 1).unwrap_or_default().max(1);
    let from = if last < from { last } else { from };
    Grid { from: UnixMillis(from), step_ms, len }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(from: i64, to: i64) -> TimeRange {
        TimeRange { from: UnixMillis(from), to: UnixMillis(to) }
    }

    #[test]
    fn instants_are_round_and_inside() {
        let hour = grid(range(1_000_500, 1_000_500 + HOUR), 300);
        assert_eq!((hour.step_ms, hour.from.0, hour.len), (15 * SECOND, 1_005_000, 240));
        assert_eq!(grid(range(0, DAY), 300).step_ms, 5 * MINUTE);
        assert_eq!(grid(range(0, 7 * DAY), 300).step_ms, HOUR);
        assert_eq!(grid(range(0, 30 * DAY), 300).step_ms, 3 * HOUR);
    }

    #[test]
    fn long_steps_are_those_of_roll_ups() {
        assert!(STEPS.iter().all(|step| *step < 5 * MINUTE || step % (5 * MINUTE) == 0));
        assert!(STEPS.iter().all(|step| *step < HOUR || step % HOUR == 0));
        assert!(STEPS.is_sorted());
    }

    proptest! {
        #[test]
        fn there_are_some_points_and_never_too_many(from in 0_i64..2_000_000_000_000, span in 1_i64..400 * DAY, points in 0_u32..5000) {
            let grid = grid(range(from, from + span), points);
            prop_assert!(grid.len >= 1 && grid.len <= 1201);
            prop_assert!(grid.at(grid.len - 1).0 <= from + span);
            prop_assert_eq!(grid.from.0 % grid.step_ms, 0);
        }
    }
}
