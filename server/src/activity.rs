//! Whether somebody is asking: what can wait gives way to who cannot.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// How long after the last answer it is quiet: a person reads and asks again, and a page asks several questions.
const QUIET_AFTER: Duration = Duration::from_millis(500);

/// The questions under way: pages, server functions and the REST interface, not what programs send.
#[derive(Debug, Default)]
pub struct Activity {
    under_way: AtomicUsize,
    last_answer: Mutex<Option<Instant>>,
}

/// A question under way, until it is dropped.
pub struct Question<'a>(&'a Activity);

impl Activity {
    /// Somebody asks.
    pub fn ask(&self) -> Question<'_> {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        Question(self)
    }

    /// Waits until nobody has asked for half a second, but for `patience` at most.
    pub async fn quiet(&self, patience: Duration) {
        let end = Instant::now() + patience;
        while let Some(rest) = self.until_quiet() {
            let now = Instant::now();
            if now >= end {
                return;
            }
            tokio::time::sleep_until((now + rest).min(end)).await;
        }
    }

    /// Whether nobody has asked for half a second.
    pub fn is_quiet(&self) -> bool {
        self.until_quiet().is_none()
    }

    /// How long it takes until it is quiet, when nobody asks in between; nothing when it is.
    fn until_quiet(&self) -> Option<Duration> {
        if self.under_way.load(Ordering::Relaxed) > 0 {
            return Some(QUIET_AFTER);
        }
        let last = *self.last_answer.lock().unwrap_or_else(PoisonError::into_inner);
        QUIET_AFTER.checked_sub(last?.elapsed()).filter(|rest| !rest.is_zero())
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        *self.0.last_answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_quiet_some_time_after_the_last_answer_and_patience_has_an_end() {
        let activity = Activity::default();
        let begun = Instant::now();
        activity.quiet(Duration::from_secs(5)).await;
        assert_eq!(begun.elapsed(), Duration::ZERO, "nobody has asked");

        drop(activity.ask());
        activity.quiet(Duration::from_secs(5)).await;
        assert!(begun.elapsed() >= QUIET_AFTER && begun.elapsed() < QUIET_AFTER * 2, "{:?}", begun.elapsed());

        let under_way = activity.ask();
        let begun = Instant::now();
        activity.quiet(Duration::from_secs(5)).await;
        assert_eq!(begun.elapsed().as_secs(), 5, "a question that takes for ever");
        drop(under_way);
    }
}
