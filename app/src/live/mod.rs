//! The tab's one live stream: who listens gets typed events, and what is shown survives a lost connection.

use leptos::prelude::*;

use crate::model::{LogFilter, Tick};

/// How the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LiveState {
    /// On the server, and before the page is hydrated.
    #[default]
    Off,
    /// Connecting for the first time.
    Connecting,
    /// Open.
    Open,
    /// Lost; the browser tries again.
    Lost,
}

/// Handle of the tab's live stream. Copy it freely.
#[derive(Clone, Copy)]
pub struct Live {
    /// How the stream is.
    pub state: ReadSignal<LiveState>,
    /// The newest five-second tick.
    pub tick: ReadSignal<Option<Tick>>,
    /// Grows each time a pipeline trace begins or changes.
    pub pipelines_version: ReadSignal<u64>,
    /// Which log records the tab wants; none means none. The page that shows log lines sets it.
    pub log_filter: RwSignal<Option<LogFilter>>,
}
