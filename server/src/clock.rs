//! Time and randomness enter Console here and nowhere else, so that tests hold both still.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use app::model::{TraceId, UnixMillis, UnixNanos};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
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

/// Makes identifiers that nobody can guess.
pub fn new_trace_id() -> TraceId {
    Uuid::new_v4().into()
}

/// Eight random bytes, not all zero.
pub fn new_span_id() -> app::model::SpanId {
    let random = Uuid::new_v4().as_u64_pair().0 | 1;
    app::model::SpanId(random.to_be_bytes())
}
