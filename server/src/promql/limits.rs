//! How much a query may take.

use std::sync::atomic::{AtomicU8, Ordering};

use super::error::Error;

/// How much a query may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Samples that it may read in all; a roll-up counts as one.
    pub samples: u64,
    /// Values of eight bytes that it may hold at once.
    pub points: u64,
}

impl Default for Limits {
    /// A thousand million samples, and as many points at once as Prometheus loads by default.
    fn default() -> Self {
        Self { samples: 1_000_000_000, points: 50_000_000 }
    }
}

const CANCELED: u8 = 1;
const TIMED_OUT: u8 = 2;

/// Ends a query from elsewhere.
#[derive(Debug, Default)]
pub struct Interrupt(AtomicU8);

impl Interrupt {
    /// Nobody waits for the answer any more.
    pub fn cancel(&self) {
        self.0.store(CANCELED, Ordering::Relaxed);
    }

    /// It takes too long.
    pub fn time_out(&self) {
        self.0.store(TIMED_OUT, Ordering::Relaxed);
    }

    /// Whether to go on.
    pub fn check(&self) -> Result<(), Error> {
        match self.0.load(Ordering::Relaxed) {
            CANCELED => Err(Error::Canceled),
            TIMED_OUT => Err(Error::Timeout),
            _ => Ok(()),
        }
    }

    /// [`Self::check`] for some rounds of a loop.
    pub(super) fn check_sometimes(&self, round: usize) -> Result<(), Error> {
        if round.is_multiple_of(64) { self.check() } else { Ok(()) }
    }
}
