//! From the text of a server-sent event to a typed one, and from wishes to the stream's address.

use crate::{
    component::query::encode,
    model::{LiveEvent, LogFilter, LogId},
};

/// Names of the events that the stream sends.
pub const EVENT_NAMES: [&str; 8] = ["log", "missed", "pipeline", "traces", "resync", "tick", "ready", SIGNED_OUT];

/// Name of the last event of a stream whose session has ended or looks at another tenant.
pub const SIGNED_OUT: &str = "signed_out";

/// Why an event was not understood.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A name that this version does not know.
    #[error("unknown event {0}")]
    Unknown(String),
    /// Data of another shape.
    #[error("event {name}: {source}")]
    Data {
        /// The event's name.
        name: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Reads one event.
pub fn decode(name: &str, data: &str) -> Result<LiveEvent, DecodeError> {
    let broken = |source| DecodeError::Data { name: name.to_owned(), source };
    match name {
        "log" => serde_json::from_str(data).map(|record| LiveEvent::Log(Box::new(record))).map_err(broken),
        "missed" => serde_json::from_str(data).map(LiveEvent::Missed).map_err(broken),
        "pipeline" => serde_json::from_str(data).map(|trace| LiveEvent::Pipeline(Box::new(trace))).map_err(broken),
        "traces" => serde_json::from_str(data).map(LiveEvent::Traces).map_err(broken),
        "tick" => serde_json::from_str(data).map(LiveEvent::Tick).map_err(broken),
        "ready" => serde_json::from_str(data).map(LiveEvent::Ready).map_err(broken),
        "resync" => Ok(LiveEvent::Resync),
        other => Err(DecodeError::Unknown(other.to_owned())),
    }
}

/// Address of the stream that carries the log lines of `filter` after `after`, or none when there is no filter.
pub fn stream_url(filter: Option<&LogFilter>, after: Option<LogId>) -> String {
    let mut url = String::from("/api/monitoring/logs/stream?logs=");
    url.push(if filter.is_some() { '1' } else { '0' });
    let mut add = |name: &str, value: &str| {
        url.push('&');
        url.push_str(name);
        url.push('=');
        url.push_str(&encode(value));
    };
    let Some(filter) = filter else { return url };
    if let Some(level) = filter.level {
        add("level", level.key());
    }
    if let Some(service) = &filter.service {
        add("service", service);
    }
    if let Some(search) = &filter.search {
        add("search", search);
    }
    if let Some(trace_id) = filter.trace_id {
        add("trace_id", &trace_id.to_string());
    }
    if let Some(after) = after {
        add("after", &after.to_string());
    }
    url
}

/// How long to wait before the stream is opened again, in milliseconds: doubling from half a second to 15 seconds.
pub fn retry_delay_ms(attempt: u32) -> u32 {
    const FIRST_MS: u32 = 500;
    const LONGEST_MS: u32 = 15_000;
    FIRST_MS.saturating_mul(1 << attempt.min(10)).min(LONGEST_MS)
}

/// Whether this attempt to open the stream again, which failed, is one after which to ask whether anybody is still signed
/// in: the first, and then about once a minute.
pub fn asks_who(attempt: u32) -> bool {
    attempt % 4 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Level, Missed, TenantId, live::Ready};

    #[test]
    fn events_are_read_by_their_name() {
        let log = r#"{"id":7,"timestamp":"2017-07-14T02:40:00Z","level":"warn","service":"a","message":"b"}"#;
        assert!(matches!(decode("log", log), Ok(LiveEvent::Log(record)) if record.level == Level::Warn));
        let missed = Missed { count: 3, after: LogId(9) };
        assert_eq!(decode("missed", r#"{"count":3,"after":9}"#).ok(), Some(LiveEvent::Missed(missed)));
        let ready = Ready { tenant: TenantId(2), user: None };
        assert_eq!(decode("ready", r#"{"tenant":2,"user":null}"#).ok(), Some(LiveEvent::Ready(ready)));
        assert!(decode("log", "{}").is_err());
        assert!(decode("new", "{}").is_err());
    }

    #[test]
    fn the_address_says_what_is_wanted() {
        assert_eq!(stream_url(None, Some(LogId(4))), "/api/monitoring/logs/stream?logs=0");
        let filter = LogFilter {
            level: Some(Level::Warn),
            service: Some("a&b".into()),
            search: Some("\"slow query\" 5%".into()),
            trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".parse().ok(),
        };
        let url = stream_url(Some(&filter), Some(LogId(4)));
        assert!(url.starts_with("/api/monitoring/logs/stream?logs=1&level=warn&service=a%26b&search="), "{url}");
        assert!(url.ends_with("&trace_id=4bf92f3577b34da6a3ce929d0e0e4736&after=4"), "{url}");
        assert!(!url.contains(' ') && !url.contains('"') && url.contains("5%25"), "{url}");
    }

    #[test]
    fn retries_slow_down_and_never_stop() {
        let delays: Vec<u32> = [0, 1, 2, 10, 100].map(retry_delay_ms).to_vec();
        assert_eq!(delays, [500, 1000, 2000, 15_000, 15_000]);
    }

    #[test]
    fn a_stream_that_is_refused_again_asks_who_is_signed_in() {
        let asked: Vec<u32> = (0..10).filter(|attempt| asks_who(*attempt)).collect();
        assert_eq!(asked, [1, 5, 9]);
    }
}
