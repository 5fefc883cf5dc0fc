//! Work that nobody waits for, on a thread that gets the processor when nobody else wants it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::OnceLock,
};

use tokio::sync::{mpsc, oneshot};

use super::{StoreError, StoreResult};

/// The nicest that a thread can be.
#[cfg(target_os = "linux")]
const NICEST: i32 = 19;

/// Works that wait for their turn; who has more waits before.
const MOST_WAITING: usize = 16;

type Work = Box<dyn FnOnce() + Send>;

/// Does some work there, one at a time.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> StoreResult<T> {
    static THREAD: OnceLock<mpsc::Sender<Work>> = OnceLock::new();
    let (done, outcome) = oneshot::channel();
    let work = Box::new(move || {
        // Who asked may have gone; a panic is theirs to hear of.
        let _gone = done.send(catch_unwind(AssertUnwindSafe(work)));
    });
    let lost = || StoreError::Damaged("the thread for merging has ended".to_owned());
    THREAD.get_or_init(start).send(work).await.map_err(|_| lost())?;
    match outcome.await.map_err(|_| lost())? {
        Ok(value) => Ok(value),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Starts the thread. It lives as long as the process: tokio's threads could not be made as busy again as they were.
fn start() -> mpsc::Sender<Work> {
    let (sender, mut works) = mpsc::channel::<Work>(MOST_WAITING);
    let run = move || {
        // On Linux this is of the thread alone. Where it cannot be done the work is only less out of the way.
        #[cfg(target_os = "linux")]
        let _as_it_was = rustix::process::setpriority_process(None, NICEST);
        while let Some(work) = works.blocking_recv() {
            work();
        }
    };
    if let Err(error) = std::thread::Builder::new().name("aside".to_owned()).spawn(run) {
        tracing::error!(%error, "the thread for merging could not be started");
    }
    sender
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_comes_back_and_a_panic_does_not_end_the_thread() {
        assert_eq!(aside(|| 1 + 1).await.unwrap(), 2);
        let broken = tokio::spawn(aside(|| panic!("on purpose"))).await;
        assert!(broken.unwrap_err().is_panic());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn only_that_thread_is_nice() {
        let nice = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            // The nineteenth field, the seventeenth behind the name in parentheses.
            stat.rsplit_once(") ").and_then(|(_, fields)| fields.split(' ').nth(16)?.parse::<i32>().ok())
        };
        let own = nice();
        assert_eq!((aside(nice).await.unwrap(), nice()), (Some(NICEST), own));
    }
}
