//! Time and randomness enter Console here and nowhere else, so that tests hold both still.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use app::model::{TraceId, UnixMillis, UnixNanos};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use tokio::time::Instant;
use uuid::Uuid;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Nanoseconds since the Unix epoch.
    fn now(&self) -> UnixNanos;

    /// The same in milliseconds.
    fn now_millis(&self) -> UnixMillis {
        self.now().to_millis()
    }

    /// The same as a calendar time, cut to microseconds: what both engines can store.
    fn now_utc(&self) -> DateTime<Utc> {
        let now = self.now().to_utc();
        now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now)
    }
}

/// A clock that many parts share.
pub type SharedClock = Arc<dyn Clock>;

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
    fn now(&self) -> UnixNanos {
        Utc::now().into()
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows this instant.
    pub fn new(now: UnixNanos) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Moves the clock; a negative step moves it back.
    pub fn advance_ms(&self, millis: i64) {
        self.0.fetch_add(millis * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixNanos {
        UnixNanos(self.0.load(Ordering::SeqCst))
    }
}

/// Watches whether a clock goes as time does.
///
/// By a clock that somebody has set ahead everything would be old. So after a jump nothing should be removed for a day, unless
/// the clock is set back before. A machine that slept looks the same, and a day is soon over.
#[derive(Debug)]
pub struct Steadiness {
    seen: (Instant, UnixNanos),
    /// By how much it was set, in nanoseconds.
    off: i64,
    doubted_until: Option<Instant>,
}

impl Steadiness {
    /// Clocks are corrected by less.
    const LEAST_JUMP: Duration = Duration::from_hours(2);
    const DOUBTED_FOR: Duration = Duration::from_hours(24);

    /// Begins to watch.
    pub fn new(clock: &dyn Clock) -> Self {
        Self { seen: (Instant::now(), clock.now()), off: 0, doubted_until: None }
    }

    /// Looks at the clock; says whether it can be believed.
    pub fn is_steady(&mut self, clock: &dyn Clock) -> bool {
        let (at, shown) = (Instant::now(), clock.now());
        let (before, shown_before) = std::mem::replace(&mut self.seen, (at, shown));
        let passed = i64::try_from((at - before).as_nanos()).unwrap_or(i64::MAX);
        let jump = shown.0.saturating_sub(shown_before.0).saturating_sub(passed);
        let is_jump = |nanos: i64| u128::from(nanos.unsigned_abs()) >= Self::LEAST_JUMP.as_nanos();
        if is_jump(jump) {
            self.off = self.off.saturating_add(jump);
            self.doubted_until = is_jump(self.off).then(|| at + Self::DOUBTED_FOR);
            tracing::warn!(hours = jump / 3_600_000_000_000, "the clock was set: for a day nothing is removed by age");
        }
        if self.doubted_until.is_some_and(|until| at < until) {
            return false;
        }
        (self.off, self.doubted_until) = (0, None);
        true
    }
}

/// Makes identifiers that nobody can guess.
pub fn new_trace_id() -> TraceId {
    Uuid::new_v4().into()
}

/// Eight random bytes, not all zero.
pub fn new_span_id() -> app::model::SpanId {
    let random = Uuid::new_v4().as_u64_pair().0 | 1;
    app::model::SpanId(random.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    /// An hour passes, in which the clock goes on by so many.
    async fn pass(clock: &ManualClock, hours: i64) {
        tokio::time::advance(Duration::from_hours(1)).await;
        clock.advance_ms(hours * HOUR_MS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_set_is_not_believed_for_a_day() {
        let clock = ManualClock::new(UnixNanos(1_790_000_000_000_000_000));
        let mut watch = Steadiness::new(&clock);
        for hours in [1, 1, 2, 0, 1] {
            pass(&clock, hours).await;
            assert!(watch.is_steady(&clock), "what is corrected by an hour is no jump");
        }
        // A year ahead: for a day it is doubted, then it is as it is.
        pass(&clock, 365 * 24).await;
        assert!(!watch.is_steady(&clock));
        for _ in 0..23 {
            pass(&clock, 1).await;
            assert!(!watch.is_steady(&clock));
        }
        pass(&clock, 1).await;
        assert!(watch.is_steady(&clock));
        // Set back, and ahead again as it was: nothing has happened.
        pass(&clock, -365 * 24).await;
        assert!(!watch.is_steady(&clock));
        pass(&clock, 365 * 24 + 2).await;
        assert!(watch.is_steady(&clock));
    }
}
