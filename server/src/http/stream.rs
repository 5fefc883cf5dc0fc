//! The live stream: server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
//!
//! Filters run here, not in the browser. A reader that resumes gets what it has not seen from the store, then what is
//! published; ids decide where one ends and the other begins, so that there is neither gap nor repeat.

use std::{collections::VecDeque, convert::Infallible, pin::Pin, sync::Arc, time::Duration};

use app::{
    api::{ApiError, ErrorCode, Scope},
    model::{Level, LogId, LogRecord, Missed, live::Ready},
};
use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{FutureExt, StreamExt, stream};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::{
    AppState,
    error::{ErrorBody, Failure},
    guard::Known,
    query::Params,
};
use crate::{
    live::{HubEvent, LiveBatch, StreamPermit},
    service::{Services, logs::matcher_of},
    store::log::LogMatcher,
};

/// How often an idle stream shows that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a browser waits before it connects again.
const RETRY: Duration = Duration::from_secs(1);
/// Records that are read from the store at once.
const REPLAY_PAGE: usize = 500;
/// Records that a resuming reader gets at most; what is beyond is reported as missed.
const REPLAY_LIMIT: usize = 10_000;

const PARAMS: [&str; 6] = ["level", "service", "search", "trace_id", "after", "logs"];

/// What happens, as it happens
///
/// Log records, changes of pipeline traces, how many traces began, and a tick with the newest figures. Ends when the session or key does.
#[utoipa::path(get, path = "/api/monitoring/logs/stream", tag = "logs", params(
    ("level" = Option<Level>, Query, description = "This level or a more serious one."),
    ("service" = Option<String>, Query, description = "From this service."),
    ("search" = Option<String>, Query, description = "What the records must say, in the language of the list."),
    ("trace_id" = Option<String>, Query, description = "Of this trace: 32 hexadecimal digits."),
    ("after" = Option<i64>, Query, description = "Begin after this record, like the header `Last-Event-ID`."),
    ("logs" = Option<String>, Query, description = "`0` leaves out log records."),
), responses(
    (status = 200, description = "Server-sent events: `log`, `pipeline`, `traces`, `tick`, `missed`, `resync`, `signed_out`.",
        content_type = "text/event-stream", body = String),
    (status = 422, description = "A parameter is wrong; `details.field` says which.", body = ErrorBody),
))]
pub async fn logs(
    State(state): State<AppState>,
    Known(caller): Known,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Failure> {
    let (services, scope) = (state.services, caller.scope);
    let params = params.only(&PARAMS)?;
    let filter = params.log_filter()?;
    let matcher = matcher_of(&filter)?;
    let wants_logs = params.text("logs").is_none_or(|logs| logs != "0");
    let header = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let header = header.and_then(|id| id.parse::<i64>().ok());
    let after = header.or(params.number::<i64>("after")?).map(LogId);
    let permit = services.hub.try_open().ok_or_else(|| {
        let message = "all live streams are taken (`live.max_streams`); close a tab or try again";
        ApiError::new(ErrorCode::Unavailable, message)
    })?;
    // Subscribed before the log's end is read: what is committed in between arrives both ways, and ids tell.
    let receiver = services.hub.subscribe(scope.tenant);
    let head = services.stores.logs.head(scope.tenant).await.map_err(|error| {
        tracing::error!(%error, "the live stream could not begin");
        ApiError::new(ErrorCode::Unavailable, "the store cannot be reached right now")
    })?;
    // For whom this is: a page that was drawn for somebody else, or for another tenant, has to be drawn anew.
    let ready = Ready { tenant: scope.tenant, user: caller.session.map(|session| session.user) };
    let ready = serde_json::to_string(&ready).map_err(|_| ApiError::internal())?;
    let identity = services.identity.clone();
    let reader = Reader {
        caller_gone: Box::pin(identity.gone(caller)),
        last: after.map_or(head, |after| after.min(head)),
        services,
        scope,
        receiver,
        matcher,
        wants_logs,
        replay_to: after.map(|_| head),
        replayed: 0,
        current: None,
        pending: VecDeque::from([Event::default().event("ready").retry(RETRY).data(ready)]),
        shutdown: state.shutdown,
        has_ended: false,
        _permit: permit,
    };
    let events = stream::unfold(reader, Reader::next).map(Ok::<_, Infallible>);
    let sse = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat"));
    Ok(([("cache-control", "no-store"), ("x-accel-buffering", "no")], sse).into_response())
}

/// What happens, as it happens
///
/// The same as `/api/monitoring/logs/stream`, under the integrated page's name for it.
#[utoipa::path(get, path = "/api/monitoring/advanced/logs/stream", tag = "logs", params(
    ("level" = Option<Level>, Query, description = "This level or a more serious one."),
    ("service" = Option<String>, Query, description = "From this service."),
    ("search" = Option<String>, Query, description = "What the records must say, in the language of the list."),
    ("trace_id" = Option<String>, Query, description = "Of this trace: 32 hexadecimal digits."),
    ("after" = Option<i64>, Query, description = "Begin after this record, like the header `Last-Event-ID`."),
    ("logs" = Option<String>, Query, description = "`0` leaves out log records."),
), responses(
    (status = 200, description = "Server-sent events: `log`, `pipeline`, `traces`, `tick`, `missed`, `resync`, `signed_out`.",
        content_type = "text/event-stream", body = String),
    (status = 422, description = "A parameter is wrong; `details.field` says which.", body = ErrorBody),
))]
pub async fn logs_of_the_integrated_page(
    state: State<AppState>,
    known: Known,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Failure> {
    logs(state, known, headers, params).await
}

/// One open stream. It is polled only when its socket takes more: a reader that stops reading costs no more than
/// this, and learns later what it missed.
struct Reader {
    services: Arc<Services>,
    scope: Scope,
    receiver: broadcast::Receiver<HubEvent>,
    matcher: LogMatcher,
    wants_logs: bool,
    /// The last record that was looked at.
    last: LogId,
    /// Still to be read from the store, up to here.
    replay_to: Option<LogId>,
    replayed: usize,
    pending: VecDeque<Event>,
    /// Live records that are being sent, and how many of them have been looked at.
    current: Option<(Arc<LiveBatch>, usize)>,
    shutdown: CancellationToken,
    /// Resolves when the one who reads is signed out, or looks at another tenant.
    caller_gone: Pin<Box<dyn Future<Output = ()> + Send>>,
    has_ended: bool,
    _permit: StreamPermit,
}

impl Reader {
    async fn next(mut self) -> Option<(Event, Self)> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Some((event, self));
            }
            if let Some(event) = self.next_live() {
                return Some((event, self));
            }
            if self.has_ended {
                return None;
            }
            if let Some(to) = self.replay_to {
                // What is read from the store takes its time.
                if (&mut self.caller_gone).now_or_never().is_some() {
                    self.sign_out();
                    continue;
                }
                self.replay(to).await;
                continue;
            }
            let received = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => Err(RecvError::Closed),
                () = &mut self.caller_gone => {
                    self.sign_out();
                    continue;
                }
                received = self.receiver.recv() => received,
            };
            match received {
                Ok(event) => self.take(&event),
                // Log records that were passed over show in the ids of the next batch; for the rest the page asks anew.
                Err(RecvError::Lagged(_)) => self.pending.push_back(Event::default().event("resync").data("{}")),
                Err(RecvError::Closed) => {
                    self.has_ended = true;
                    self.pending.push_back(Event::default().retry(RETRY).comment("the server shuts down"));
                }
            }
        }
    }

    /// Tells the page, and sends nothing more.
    fn sign_out(&mut self) {
        self.has_ended = true;
        self.current = None;
        self.replay_to = None;
        self.pending = VecDeque::from([Event::default().event("signed_out").data("{}")]);
    }

    fn take(&mut self, event: &HubEvent) {
        match event {
            HubEvent::Logs { last_id, batch } if self.wants_logs => match batch.upgrade() {
                Some(batch) => self.take_logs(batch),
                None if *last_id > self.last => {
                    self.report_missed(last_id.0 - self.last.0);
                    self.last = *last_id;
                }
                None => {}
            },
            HubEvent::Logs { .. } => {}
            HubEvent::Pipeline(json) => self.pending.push_back(Event::default().event("pipeline").data(json)),
            HubEvent::Traces(begun) => {
                self.pending.push_back(Event::default().event("traces").data(begun.to_string()));
            }
            HubEvent::Tick(json) => self.pending.push_back(Event::default().event("tick").data(json)),
        }
    }

    fn take_logs(&mut self, batch: Arc<LiveBatch>) {
        if batch.last_id <= self.last {
            return;
        }
        let expected = LogId(self.last.0 + 1);
        if batch.first_id > expected {
            self.report_missed(batch.first_id.0 - expected.0);
        }
        self.current = Some((batch, 0));
    }

    /// The next wanted record of the batch that is being sent.
    fn next_live(&mut self) -> Option<Event> {
        let (batch, looked_at) = self.current.take()?;
        for (index, live) in batch.records.iter().enumerate().skip(looked_at) {
            let record = &live.record;
            if record.id > self.last
                && self.matcher.matches_fields(record.level, &record.service, record.trace_id, record.span_id)
                && self.matcher.matches_text(&record.message, &live.attributes)
            {
                let event = log_event(record.id, &live.json);
                self.current = Some((batch, index + 1));
                return Some(event);
            }
        }
        self.last = batch.last_id;
        None
    }

    /// Reads the next page of what the reader has not seen.
    async fn replay(&mut self, to: LogId) {
        if !self.wants_logs || self.last >= to {
            self.replay_to = None;
            return;
        }
        if self.replayed >= REPLAY_LIMIT {
            self.report_missed(to.0 - self.last.0);
            self.last = to;
            return;
        }
        let logs = &self.services.stores.logs;
        match logs.after(self.scope.tenant, self.last, &self.matcher, REPLAY_PAGE).await {
            Ok((records, looked_up_to)) => {
                self.replayed += records.len();
                let is_stuck = looked_up_to <= self.last;
                self.pending.extend(records.iter().filter_map(stored_event));
                self.last = if is_stuck { to } else { looked_up_to };
            }
            Err(error) => {
                // The browser connects again and resumes after the last record that it got.
                tracing::warn!(%error, "a live stream could not be resumed; it ends");
                self.has_ended = true;
            }
        }
    }

    fn report_missed(&mut self, count: i64) {
        let missed = Missed { count: count.max(0).unsigned_abs(), after: self.last };
        if let Ok(json) = serde_json::to_string(&missed) {
            self.pending.push_back(Event::default().event("missed").data(json));
        }
    }
}

fn stored_event(record: &LogRecord) -> Option<Event> {
    serde_json::to_string(record).ok().map(|json| log_event(record.id, &json))
}

fn log_event(id: LogId, json: &str) -> Event {
    Event::default().event("log").id(id.to_string()).data(json)
}
