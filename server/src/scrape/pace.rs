//! When a target is asked.

use std::time::Duration;

use uuid::Uuid;

/// A scrape that comes so much later than it should counts as if it were on time: series whose samples lie at the same
/// distance take less room. A hundredth of the interval, and no more than this, in milliseconds.
const MAX_TOLERANCE: i64 = 100;

/// How long to wait before the first scrape: each target has its own moment within the interval, so that not all are asked
/// at once, and the same one after a restart.
pub fn first_wait(id: Uuid, interval: Duration, now_ms: i64) -> Duration {
    let interval = interval.as_millis().max(1) as i64;
    let own = (id.as_u128() % interval as u128) as i64;
    let wait = (own - now_ms.rem_euclid(interval)).rem_euclid(interval);
    Duration::from_millis(wait.unsigned_abs())
}

/// Times of scrapes, in milliseconds since the Unix epoch, at the same distance as long as the clock allows it.
#[derive(Debug, Default)]
pub struct Stamps {
    expected: Option<i64>,
}

impl Stamps {
    /// The time of a scrape that happens now.
    pub fn stamp(&mut self, now_ms: i64, interval: Duration) -> i64 {
        let interval = interval.as_millis() as i64;
        let tolerance = (interval / 100).min(MAX_TOLERANCE);
        let stamp = self.expected.filter(|expected| (now_ms - expected).abs() <= tolerance).unwrap_or(now_ms);
        self.expected = Some(stamp + interval);
        stamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Duration = Duration::from_secs(10);

    #[test]
    fn each_target_has_its_own_moment() {
        let id = Uuid::from_u128(123_456);
        let wait = first_wait(id, TEN, 1_700_000_000_000);
        assert_eq!(wait, Duration::from_millis(3456));
        // The same moment, whenever one begins.
        assert_eq!(first_wait(id, TEN, 1_700_000_003_456), Duration::ZERO);
        assert_eq!(first_wait(id, TEN, 1_700_000_003_457), Duration::from_millis(9999));
        assert_eq!(first_wait(id, TEN, -1), Duration::from_millis(3457), "a clock before the epoch");
    }

    #[test]
    fn times_keep_their_distance_unless_the_clock_jumps() {
        let mut stamps = Stamps::default();
        let stamped =
            [1000, 11_003, 20_950, 31_101, 41_101, 5_000, 15_002, 3_600_015_000].map(|now| stamps.stamp(now, TEN));
        assert_eq!(stamped, [1000, 11_000, 21_000, 31_101, 41_101, 5_000, 15_000, 3_600_015_000]);
    }
}
