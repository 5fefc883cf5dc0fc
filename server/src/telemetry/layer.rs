//! Every `tracing` event becomes a log record: redacted, printed on standard error, stored, and published live.
//!
//! The path never logs itself into a loop: what the store and the writer say below `WARN` is not recorded, and a
//! failing commit is reported once, not once a try. A full queue drops the record and counts it; a request never waits.

use std::{
    cell::Cell,
    fmt,
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use app::model::{Level, SpanId, TenantId, TraceId};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use super::{Redactor, SERVICE};
use crate::{
    clock::SharedClock,
    ingest::{IngestQueue, Submission},
    store::log::NewLogRecord,
};

/// Modules on the way of a record into the store: their chatter would feed on itself.
const OWN_PATH: [&str; 5] = ["server::store", "server::ingest", "server::telemetry", "server::live", "sqlx"];
/// How long records are gathered: a commit for each would cost more than all else about the request that it tells of.
const GATHERED_FOR: Duration = Duration::from_millis(20);
/// Records that are handed on together.
const MAX_FORWARDED: usize = 1024;

/// Collects records until the store is open; then [`SelfLog::forward`] hands them on.
#[derive(Clone)]
pub struct LogSink {
    sender: mpsc::Sender<NewLogRecord>,
    dropped: Arc<AtomicU64>,
    redactor: Redactor,
}

impl LogSink {
    fn push(&self, record: NewLogRecord) {
        if self.sender.try_send(record).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The reading end of Console's own log.
pub struct SelfLog {
    receiver: tokio::sync::Mutex<mpsc::Receiver<NewLogRecord>>,
    dropped: Arc<AtomicU64>,
    redactor: Redactor,
}

impl SelfLog {
    /// A log that holds so many records, without what the redactor takes out.
    pub fn new(queue_records: usize, redactor: Redactor) -> (LogSink, Self) {
        let (sender, receiver) = mpsc::channel(queue_records);
        let dropped = Arc::new(AtomicU64::new(0));
        let sink = LogSink { sender, dropped: dropped.clone(), redactor: redactor.clone() };
        (sink, Self { receiver: tokio::sync::Mutex::new(receiver), dropped, redactor })
    }

    /// What takes secrets out of this log, and out of everything else that is stored.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Records that found no place since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Hands records to the ingest queue until the token is cancelled and nothing waits.
    pub async fn forward(&self, queue: &IngestQueue, token: CancellationToken) {
        let mut receiver = self.receiver.lock().await;
        let mut records = Vec::with_capacity(MAX_FORWARDED);
        loop {
            let received = tokio::select! {
                biased;
                received = receiver.recv_many(&mut records, MAX_FORWARDED) => received,
                () = token.cancelled() => 0,
            };
            if received > 0 && received < MAX_FORWARDED {
                let _cut_short = token.run_until_cancelled(tokio::time::sleep(GATHERED_FOR)).await;
            }
            while records.len() < MAX_FORWARDED {
                let Ok(record) = receiver.try_recv() else { break };
                records.push(record);
            }
            if received == 0 && records.is_empty() {
                return;
            }
            let count = records.len() as u64;
            let logs = records.drain(..).map(|record| (TenantId::DEFAULT, record)).collect();
            if queue.offer(Submission { logs, ..Submission::default() }).is_err() {
                self.dropped.fetch_add(count, Ordering::Relaxed);
            }
        }
    }
}

/// Makes this process's `tracing` events log records. `filter` was checked to be valid directives.
pub fn install(filter: EnvFilter, sink: LogSink, clock: SharedClock) -> Result<(), String> {
    let layer = RecordLayer { sink, clock };
    Registry::default().with(layer.with_filter(filter)).try_init().map_err(|error| error.to_string())
}

struct RecordLayer {
    sink: LogSink,
    clock: SharedClock,
}

/// What a span gives to the events inside it.
#[derive(Debug, Clone, Copy, Default)]
struct SpanTrace {
    trace_id: Option<TraceId>,
    span_id: Option<SpanId>,
}

impl Visit for SpanTrace {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "trace_id" => self.trace_id = format!("{value:?}").parse().ok(),
            "span_id" => self.span_id = format!("{value:?}").parse().ok(),
            _ => {}
        }
    }
}

#[derive(Default)]
struct EventFields {
    message: String,
    trace: SpanTrace,
    fields: Map<String, Value>,
}

impl EventFields {
    fn put(&mut self, field: &Field, value: Value) {
        self.fields.insert(field.name().to_owned(), value);
    }
}

impl Visit for EventFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        match field.name() {
            "message" => self.message = text,
            "trace_id" => self.trace.trace_id = text.parse().ok(),
            "span_id" => self.trace.span_id = text.parse().ok(),
            _ => self.put(field, Value::String(text)),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.put(field, value.into());
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

thread_local! {
    /// Set while a record is being made: an event from inside would come back here.
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

impl<S> Layer<S> for RecordLayer
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().fields().field("trace_id").is_none() {
            return;
        }
        let mut trace = SpanTrace::default();
        attributes.record(&mut trace);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(trace);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if !is_recorded(event.metadata()) || BUSY.replace(true) {
            return;
        }
        let mut fields = EventFields::default();
        event.record(&mut fields);
        if fields.trace.trace_id.is_none() {
            let inherited = context
                .event_scope(event)
                .into_iter()
                .flatten()
                .find_map(|span| span.extensions().get::<SpanTrace>().copied());
            fields.trace = inherited.unwrap_or_default();
        }
        let record = self.record(event.metadata(), fields);
        print(&record);
        self.sink.push(record);
        BUSY.set(false);
    }
}

impl RecordLayer {
    fn record(&self, metadata: &Metadata<'_>, mut fields: EventFields) -> NewLogRecord {
        self.sink.redactor.attributes(&mut fields.fields);
        fields.fields.insert("target".to_owned(), metadata.target().into());
        NewLogRecord {
            timestamp: self.clock.now(),
            level: level_of(*metadata.level()),
            service: SERVICE.to_owned(),
            message: self.sink.redactor.text(&fields.message).into_owned(),
            trace_id: fields.trace.trace_id,
            span_id: fields.trace.span_id,
            attributes: serde_json::to_string(&fields.fields).unwrap_or_default(),
        }
    }
}

fn is_recorded(metadata: &Metadata<'_>) -> bool {
    let is_own_path = OWN_PATH.iter().any(|prefix| metadata.target().starts_with(prefix));
    // In `tracing`, a more serious level is the smaller one.
    !is_own_path || *metadata.level() <= tracing::Level::WARN
}

fn level_of(level: tracing::Level) -> Level {
    match level {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::INFO => Level::Info,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::TRACE => Level::Trace,
    }
}

/// One line on standard error: `2026-11-21T07:17:57.123Z INFO message {fields} trace_id=…`.
fn print(record: &NewLogRecord) {
    let time = record.timestamp.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let level = record.level.key().to_uppercase();
    let trace = record.trace_id.map_or_else(String::new, |id| format!(" trace_id={id}"));
    // Standard error may be closed; then there is nobody to tell.
    let _closed = writeln!(std::io::stderr(), "{time} {level:<5} {} {}{trace}", record.message, record.attributes);
}

#[cfg(test)]
mod tests {
    use app::model::UnixNanos;

    use super::*;
    use crate::clock::ManualClock;

    /// Runs `log` under the layer and returns what was recorded, and how many were dropped.
    fn recorded(queue: usize, log: impl FnOnce()) -> (Vec<NewLogRecord>, u64) {
        let (sink, own) = SelfLog::new(queue, Redactor::default());
        let clock = Arc::new(ManualClock::new(UnixNanos(7)));
        let subscriber = Registry::default().with(RecordLayer { sink, clock });
        tracing::subscriber::with_default(subscriber, log);
        let mut receiver = own.receiver.try_lock().unwrap();
        let mut records = Vec::new();
        while let Ok(record) = receiver.try_recv() {
            records.push(record);
        }
        drop(receiver);
        (records, own.dropped())
    }

    #[test]
    fn an_event_takes_trace_and_fields_along() {
        let trace: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
        let (records, _) = recorded(8, || {
            let span = tracing::info_span!("http.request", trace_id = %trace);
            let _inside = span.enter();
            let inner = tracing::info_span!("inner");
            let _deeper = inner.enter();
            tracing::warn!(duration_ms = 12.5, project = "acme", ok = true, "slow step");
        });
        let record = &records[0];
        assert_eq!((record.message.as_str(), record.level, record.trace_id), ("slow step", Level::Warn, Some(trace)));
        let fields: Value = serde_json::from_str(&record.attributes).unwrap();
        assert_eq!(
            (&fields["duration_ms"], &fields["project"], &fields["ok"]),
            (&12.5.into(), &"acme".into(), &true.into())
        );
    }

    #[test]
    fn secrets_do_not_get_in() {
        let (records, _) = recorded(8, || {
            tracing::info!(target: "elsewhere", password = "hunter2", url = "https://u:hunter2@host/", "token=hunter2 refused");
        });
        assert_eq!(records.len(), 1);
        assert!(!format!("{records:?}").contains("hunter2"), "{records:?}");
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let (records, dropped) = recorded(2, || (0..5).for_each(|n| tracing::info!(target: "elsewhere", n, "line")));
        assert_eq!((records.len(), dropped), (2, 3));
    }

    #[test]
    fn the_way_into_the_store_does_not_feed_on_itself() {
        let (records, _) = recorded(8, || {
            tracing::debug!(target: "server::ingest::writer", "committed");
            tracing::info!(target: "sqlx::query", "executed");
            tracing::error!(target: "server::ingest::writer", "a commit failed");
        });
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].message, "a commit failed");
    }
}
