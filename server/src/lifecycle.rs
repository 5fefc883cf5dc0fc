//! Background tasks: each is tracked, cancelled at shutdown, and restarted when it panics.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use app::model::health::{Component, ComponentStatus};
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Pause before the first restart; doubled each time up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How a supervised task fares.
#[derive(Debug, Clone, Default)]
struct TaskState {
    restarts: u64,
    is_running: bool,
    last_panic: Option<String>,
}

/// Starts tasks and looks after them.
#[derive(Clone, Default)]
pub struct Supervisor {
    tracker: TaskTracker,
    token: CancellationToken,
    tasks: Arc<Mutex<BTreeMap<&'static str, TaskState>>>,
}

impl Supervisor {
    /// Another one that is shut down by itself and reports together with this one.
    #[must_use]
    pub fn sibling(&self) -> Self {
        Self { tasks: self.tasks.clone(), ..Self::default() }
    }

    /// The token that is cancelled when the server shuts down.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Runs `task` until it ends; a panic is logged and counted, and the task started anew after a pause.
    pub fn spawn<F, T>(&self, name: &'static str, task: F)
    where
        F: Fn(CancellationToken) -> T + Send + 'static,
        T: Future<Output = ()> + Send + 'static,
    {
        let this = self.clone();
        self.tracker.spawn(async move {
            let mut pause = FIRST_PAUSE;
            loop {
                this.update(name, |state| state.is_running = true);
                let Err(error) = tokio::spawn(task(this.token.clone())).await else {
                    // Done is not down.
                    this.tasks.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
                    return;
                };
                let message = panic_message(error);
                tracing::error!(task = name, panic = %message, "a background task panicked; it is started again");
                this.update(name, |state| {
                    state.is_running = false;
                    state.restarts += 1;
                    state.last_panic = Some(message);
                });
                tokio::select! {
                    () = this.token.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        });
    }

    fn update(&self, name: &'static str, change: impl FnOnce(&mut TaskState)) {
        change(self.tasks.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default());
    }

    /// What `/health/detailed` says of each task.
    pub fn report(&self) -> BTreeMap<String, Component> {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let component = |state: &TaskState| Component {
            status: if state.is_running { ComponentStatus::Up } else { ComponentStatus::Down },
            message: state.last_panic.as_ref().map(|panic| format!("last panic: {panic}")),
            figures: BTreeMap::from([("restarts".to_owned(), state.restarts as f64)]),
        };
        tasks.iter().map(|(name, state)| (format!("task.{name}"), component(state))).collect()
    }

    /// Cancels all tasks and waits for them until the deadline; says whether all ended.
    pub async fn shut_down(&self, deadline: Instant) -> bool {
        self.token.cancel();
        self.tracker.close();
        tokio::time::timeout_at(deadline, self.tracker.wait()).await.is_ok()
    }
}

fn panic_message(error: tokio::task::JoinError) -> String {
    let Ok(payload) = error.try_into_panic() else { return "cancelled".to_owned() };
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_started_again_and_the_panic_is_shown() {
        let supervisor = Supervisor::default();
        let runs = Arc::new(AtomicU32::new(0));
        let (done, finished) = tokio::sync::oneshot::channel();
        let done = Arc::new(Mutex::new(Some(done)));
        supervisor.spawn("fragile", {
            let runs = runs.clone();
            move |token| {
                let (runs, done) = (runs.clone(), done.clone());
                async move {
                    assert!(runs.fetch_add(1, Ordering::SeqCst) > 0, "first run breaks");
                    let _receiver_waits = done.lock().unwrap().take().unwrap().send(());
                    token.cancelled().await;
                }
            }
        });
        finished.await.unwrap();
        let report = supervisor.report();
        assert_eq!(report["task.fragile"].status, ComponentStatus::Up);
        assert!(report["task.fragile"].message.as_ref().unwrap().contains("first run breaks"));
        assert!(supervisor.shut_down(Instant::now() + Duration::from_secs(1)).await);
    }
}
