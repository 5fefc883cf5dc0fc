//! The tab's one live stream: who listens gets typed events, and what is shown survives a lost connection.
//!
//! [`provide_live`] opens one `EventSource` for the tab and keeps it. A page that shows log lines says with
//! [`Live::tail`] which ones and after which record; the stream is then opened again with that filter, so that history
//! and stream meet without a gap and without a repeat. [`list`] merges what arrives.

pub mod decode;
pub mod list;

use std::{sync::Arc, time::Duration};

use leptos::{prelude::*, task::spawn_local};

use crate::{
    browser::{
        event_stream::{self, StreamEvent},
        http, location,
    },
    component::me::use_me,
    model::{LiveEvent, LogFilter, LogId, LogRecord, Missed, PipelineSummary, Tick, live::Ready},
};

/// How long wishes are collected before the stream is opened again.
const SETTLE: Duration = Duration::from_millis(150);

/// How long a hidden tab keeps its stream.
const HIDDEN_PATIENCE: Duration = Duration::from_secs(30);

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

/// What the stream says about log lines.
#[derive(Debug, Clone, PartialEq)]
pub enum LogEvent {
    /// A record was committed.
    Record(Arc<LogRecord>),
    /// Records were committed and not sent.
    Missed(Missed),
}

type Subscriber = Arc<dyn Fn(Vec<LogEvent>) + Send + Sync>;

/// What only the client itself needs between events.
#[derive(Default)]
struct Connection {
    /// Who gets the log lines, and under which number it asked.
    subscriber: Option<(u64, Subscriber)>,
    subscriptions: u64,
    /// The last record that arrived, or after which the page asked to begin.
    after: Option<LogId>,
    /// The opening that is planned.
    planned: Option<TimeoutHandle>,
    /// The closing that is planned while the tab is hidden.
    falling_asleep: Option<TimeoutHandle>,
    /// Whether the stream was closed because the tab is hidden.
    is_asleep: bool,
    /// Grows with each wish: log lines of an earlier wish's stream are not ours any more.
    wish: u64,
    /// Whether something but log lines may have been missed.
    gap: bool,
    failures: u32,
}

/// Handle of the tab's live stream. Copy it freely.
#[derive(Clone, Copy)]
pub struct Live {
    /// How the stream is.
    pub state: ReadSignal<LiveState>,
    /// The newest five-second tick.
    pub tick: ReadSignal<Option<Tick>>,
    /// Grows each time a pipeline trace begins or changes, and each time the stream stands again after it did not:
    /// something may have been missed in between.
    pub pipelines_version: ReadSignal<u64>,
    /// The newest change of a pipeline trace.
    pub pipeline: ReadSignal<Option<PipelineSummary>>,
    /// How many traces have begun, as the stream told last; see [`news`](crate::model::live::news).
    pub traces_begun: ReadSignal<Option<u64>>,
    /// Which log records the tab wants; none means none. Set by [`Live::tail`].
    pub log_filter: RwSignal<Option<LogFilter>>,
    set_state: WriteSignal<LiveState>,
    set_tick: WriteSignal<Option<Tick>>,
    set_pipelines_version: WriteSignal<u64>,
    set_pipeline: WriteSignal<Option<PipelineSummary>>,
    set_traces_begun: WriteSignal<Option<u64>>,
    connection: StoredValue<Connection>,
    /// For whom the page was drawn.
    drawn_for: StoredValue<Option<Ready>>,
}

/// Makes the tab's live stream and puts it into the context. Called once, by the application. Who is not signed in has
/// none.
pub fn provide_live() -> Live {
    let (state, set_state) = signal(LiveState::Off);
    let (tick, set_tick) = signal(None);
    let (pipelines_version, set_pipelines_version) = signal(0);
    let (pipeline, set_pipeline) = signal(None);
    let (traces_begun, set_traces_begun) = signal(None);
    let live = Live {
        state,
        tick,
        pipelines_version,
        pipeline,
        traces_begun,
        log_filter: RwSignal::new(None),
        set_state,
        set_tick,
        set_pipelines_version,
        set_pipeline,
        set_traces_begun,
        connection: StoredValue::new(Connection { gap: true, ..Connection::default() }),
        drawn_for: StoredValue::new(
            use_me().map(|me| Ready { tenant: me.tenant.id, user: me.person.map(|person| person.id) }),
        ),
    };
    provide_context(live);
    if use_me().is_none() {
        return live;
    }
    // Effects do not run on the server, so neither does the stream.
    Effect::new(move |_| {
        live.open_in(SETTLE);
        event_stream::on_page_hide(move || live.close());
        event_stream::on_page_restore(move || live.open_in(Duration::ZERO));
        // A browser has few connections to one server, and a stream takes one: tabs that nobody sees give theirs back.
        event_stream::on_visibility(move |is_visible| live.sleep_or_wake(is_visible));
    });
    live
}

/// The tab's live stream.
pub fn use_live() -> Live {
    use_context::<Live>().unwrap_or_else(provide_live)
}

impl Live {
    /// From now on the log lines of `filter` that were committed after `after` go to `subscriber`, in batches of one
    /// animation frame, until the current owner is cleaned up or somebody else asks.
    pub fn tail(self, filter: LogFilter, after: LogId, subscriber: impl Fn(Vec<LogEvent>) + Send + Sync + 'static) {
        let number = self.connection.try_update_value(|connection| {
            connection.wish += 1;
            connection.subscriptions += 1;
            connection.subscriber = Some((connection.subscriptions, Arc::new(subscriber)));
            connection.after = Some(after);
            connection.subscriptions
        });
        self.log_filter.set(Some(filter));
        self.open_in(SETTLE);
        on_cleanup(move || self.leave(number));
    }

    fn leave(self, number: Option<u64>) {
        let was_ours = self.connection.try_update_value(|connection| {
            let ours = connection.subscriber.as_ref().map(|(current, _)| *current) == number;
            if ours {
                connection.wish += 1;
                connection.subscriber = None;
                connection.after = None;
            }
            ours
        });
        if was_ours == Some(true) {
            self.log_filter.try_set(None);
            self.open_in(SETTLE);
        }
    }

    fn sleep_or_wake(self, is_visible: bool) {
        let asleep = (!is_visible).then(|| {
            event_stream::after_delay(HIDDEN_PATIENCE, move || {
                self.close();
                self.connection.try_update_value(|connection| connection.is_asleep = true);
            })
        });
        let was_asleep = self.connection.try_update_value(|connection| {
            if let Some(earlier) = std::mem::replace(&mut connection.falling_asleep, asleep.flatten()) {
                earlier.clear();
            }
            is_visible && std::mem::take(&mut connection.is_asleep)
        });
        if was_asleep == Some(true) {
            self.open_in(Duration::ZERO);
        }
    }

    /// Ends the stream: the page is about to be left, and what the stream says of that must not hold it back.
    pub fn close(self) {
        self.connection.try_update_value(|connection| {
            connection.gap = true;
            if let Some(planned) = connection.planned.take() {
                planned.clear();
            }
        });
        event_stream::close();
    }

    /// Opens the stream after a while with what is wanted then; a later wish replaces an earlier one.
    fn open_in(self, delay: Duration) {
        let planned = event_stream::after_delay(delay, move || self.open());
        self.connection.try_update_value(|connection| {
            if let Some(earlier) = std::mem::replace(&mut connection.planned, planned) {
                earlier.clear();
            }
        });
    }

    fn open(self) {
        let wanted = self.connection.try_update_value(|connection| {
            connection.planned = None;
            (connection.after, connection.wish)
        });
        let Some((after, wish)) = wanted else { return };
        let url = self.log_filter.with_untracked(|filter| decode::stream_url(filter.as_ref(), after));
        if self.state.get_untracked() == LiveState::Off {
            self.set_state.set(LiveState::Connecting);
        }
        event_stream::open(&url, &decode::EVENT_NAMES, move |event| self.receive(wish, event));
    }

    fn receive(self, wish: u64, event: StreamEvent) {
        if matches!(event, StreamEvent::Retrying | StreamEvent::GaveUp) {
            self.connection.update_value(|connection| connection.gap = true);
        }
        match event {
            StreamEvent::Open => {
                self.connection.update_value(|connection| connection.failures = 0);
                self.set_state.set(LiveState::Open);
            }
            StreamEvent::Retrying => self.set_state.set(LiveState::Lost),
            StreamEvent::GaveUp => {
                self.set_state.set(LiveState::Lost);
                let failures = self.connection.try_update_value(|connection| {
                    connection.failures += 1;
                    connection.failures - 1
                });
                let failures = failures.unwrap_or_default();
                if decode::asks_who(failures) {
                    leave_if_signed_out();
                }
                self.open_in(Duration::from_millis(decode::retry_delay_ms(failures).into()));
            }
            StreamEvent::Messages(messages) => self.deliver(wish, &messages),
        }
    }

    /// The subscription stands, and the one before it has ended.
    fn ready(self) {
        event_stream::close_former();
        let had_gap = self.connection.try_update_value(|connection| std::mem::take(&mut connection.gap));
        if had_gap == Some(true) {
            self.set_pipelines_version.update(|version| *version += 1);
        }
    }

    fn deliver(self, wish: u64, messages: &[(&'static str, String)]) {
        let mut logs = Vec::new();
        if messages.iter().any(|(name, _)| *name == decode::SIGNED_OUT) {
            // The session has ended, or looks at another tenant: what is on screen is not for its eyes any more.
            self.close();
            return location::reload();
        }
        for (name, data) in messages {
            match decode::decode(name, data) {
                Ok(LiveEvent::Log(record)) => logs.push(LogEvent::Record(Arc::from(record))),
                Ok(LiveEvent::Missed(missed)) => logs.push(LogEvent::Missed(missed)),
                Ok(LiveEvent::Tick(tick)) => self.set_tick.set(Some(tick)),
                // Meanwhile somebody else signed in here, or the session went to another tenant.
                Ok(LiveEvent::Ready(whose)) if Some(whose) != self.drawn_for.get_value() => {
                    self.close();
                    return location::reload();
                }
                Ok(LiveEvent::Ready(_)) => self.ready(),
                Ok(LiveEvent::Resync) => self.set_pipelines_version.update(|version| *version += 1),
                Ok(LiveEvent::Traces(begun)) => self.set_traces_begun.set(Some(begun)),
                Ok(LiveEvent::Pipeline(trace)) => {
                    self.set_pipeline.set(Some(*trace));
                    self.set_pipelines_version.update(|version| *version += 1);
                }
                Err(error) => leptos::logging::warn!("live stream: {error}"),
            }
        }
        let is_current = self.connection.with_value(|connection| connection.wish == wish);
        if logs.is_empty() || !is_current {
            return;
        }
        let newest = logs.iter().filter_map(|event| match event {
            LogEvent::Record(record) => Some(record.id),
            LogEvent::Missed(_) => None,
        });
        let newest = newest.max();
        let subscriber = self.connection.try_update_value(|connection| {
            connection.after = newest.or(connection.after);
            connection.subscriber.as_ref().map(|(_, subscriber)| Arc::clone(subscriber))
        });
        if let Some(subscriber) = subscriber.flatten() {
            subscriber(logs);
        }
    }
}

/// A stream that is refused may be refused because nobody is signed in any more. Then the page is loaded anew, and the
/// server leads to where one signs in.
fn leave_if_signed_out() {
    spawn_local(async {
        if http::get("/api/v1/me").await.status == 401 {
            location::reload_rarely();
        }
    });
}
