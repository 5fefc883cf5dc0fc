//! From bytes to streams: JSON, or protobuf in a block of raw snappy.

use std::fmt;

use app::model::UnixNanos;
use prost::Message;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use super::labels::parse_labels;
use crate::otlp::WireError;

/// Raw snappy cannot unfold to more than so many times its length: its densest element writes 64 bytes and takes three
/// (<https://github.com/google/snappy/blob/main/format_description.txt>).
const DENSEST: usize = 22;

/// How a push is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `application/json`
    Json,
    /// `application/x-protobuf`, in raw snappy.
    Protobuf,
}

impl Form {
    /// Of a `Content-Type`; as with Loki, a push that names none is protobuf. None for another one.
    pub fn of(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "" | "application/x-protobuf" => Some(Self::Protobuf),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When it was written; none where that is not said, or cannot be.
    pub time: Option<UnixNanos>,
    /// What it says.
    pub line: String,
    /// What else is known of it.
    pub metadata: Map<String, Value>,
}

/// Lines that share labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// The labels.
    pub labels: Map<String, Value>,
    /// The lines.
    pub entries: Vec<Entry>,
}

/// A push.
#[derive(Debug, Default, PartialEq)]
pub struct Push {
    /// The streams that are understood.
    pub streams: Vec<Stream>,
    /// How many are not, and why the first is not.
    pub refused: Option<(usize, String)>,
}

/// Reads a push. Streams whose labels are not understood are left out, and said.
pub fn decode(bytes: &[u8], form: Form) -> Result<Push, WireError> {
    match form {
        Form::Json => {
            let push: JsonPush =
                serde_json::from_slice(bytes).map_err(|error| WireError::Message(error.to_string()))?;
            let stream = |stream: JsonStream| Stream { labels: stream.stream, entries: stream.values };
            Ok(Push { streams: push.streams.into_iter().map(stream).collect(), refused: None })
        }
        Form::Protobuf => {
            let push = PushRequest::decode(bytes).map_err(|error| WireError::Message(error.to_string()))?;
            let mut read = Push::default();
            for StreamMessage { labels, entries } in push.streams {
                match parse_labels(&labels) {
                    Ok(labels) => {
                        let entries = entries.into_iter().map(Entry::from).collect();
                        read.streams.push(Stream { labels, entries });
                    }
                    Err(error) => read.refused.get_or_insert_with(|| (0, error.to_string())).0 += 1,
                }
            }
            Ok(read)
        }
    }
}

/// The content of a block of raw snappy, if it is not larger than `limit` bytes. Its length stands at its beginning: it is
/// looked at before there is room for it.
pub fn unsnap(block: &[u8], limit: usize) -> Result<Vec<u8>, WireError> {
    let broken = |error: snap::Error| WireError::Compression(error.to_string());
    let length = snap::raw::decompress_len(block).map_err(broken)?;
    if length > limit {
        return Err(WireError::TooLarge(limit));
    }
    if length > block.len().saturating_mul(DENSEST) {
        return Err(WireError::Compression("the block is too short for its length".to_owned()));
    }
    snap::raw::Decoder::new().decompress_vec(block).map_err(broken)
}

/// `logproto.PushRequest` (`pkg/push/push.proto` of Grafana Loki), as far as clients fill it.
#[derive(Clone, PartialEq, Message)]
struct PushRequest {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<StreamMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct StreamMessage {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<EntryMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct EntryMessage {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<Timestamp>,
    #[prost(string, tag = "2")]
    line: String,
    #[prost(message, repeated, tag = "3")]
    structured_metadata: Vec<LabelPair>,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, PartialEq, Eq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct LabelPair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

impl From<EntryMessage> for Entry {
    fn from(entry: EntryMessage) -> Self {
        let nanos = |time: Timestamp| time.seconds.checked_mul(1_000_000_000)?.checked_add(i64::from(time.nanos));
        let metadata = entry.structured_metadata.into_iter().map(|pair| (pair.name, Value::String(pair.value)));
        Self { time: entry.timestamp.and_then(nanos).and_then(known), line: entry.line, metadata: metadata.collect() }
    }
}

/// A time that a clock may have shown.
fn known(nanos: i64) -> Option<UnixNanos> {
    (nanos > 0).then_some(UnixNanos(nanos))
}

#[derive(Deserialize)]
struct JsonPush {
    streams: Vec<JsonStream>,
}

#[derive(Deserialize)]
struct JsonStream {
    #[serde(default)]
    stream: Map<String, Value>,
    values: Vec<Entry>,
}

/// `["<nanoseconds>", "<line>"]`, or with an object of metadata as the third.
impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"["<nanoseconds since 1970>", "<line>", {metadata}]"#)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Entry, A::Error> {
        let missing = |at| A::Error::invalid_length(at, &self);
        let nanos = match parts.next_element::<Value>()?.ok_or_else(|| missing(0))? {
            Value::String(text) => text.trim().parse::<i64>().ok(),
            Value::Number(number) => number.as_i64(),
            _ => None,
        };
        let nanos = nanos.ok_or_else(|| A::Error::custom("a time is nanoseconds since 1970, as a text"))?;
        let line = parts.next_element()?.ok_or_else(|| missing(1))?;
        let metadata = parts.next_element::<Option<Map<String, Value>>>()?.flatten().unwrap_or_default();
        while parts.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Entry { time: known(nanos), line, metadata })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_is_read_with_and_without_metadata() {
        let json = br#"{"streams":[{"stream":{"job":"mail"},"values":[
            ["1790000000000000001","one"],["1790000000000000002","two",{"trace_id":"ab"}],[3,"three",null]]}]}"#;
        let push = decode(json, Form::Json).unwrap();
        let [stream] = push.streams.as_slice() else { panic!("{push:?}") };
        assert_eq!(stream.labels["job"], "mail");
        let times: Vec<i64> = stream.entries.iter().map(|entry| entry.time.unwrap().0).collect();
        assert_eq!(times, [1_790_000_000_000_000_001, 1_790_000_000_000_000_002, 3]);
        assert_eq!((stream.entries[1].line.as_str(), &stream.entries[1].metadata["trace_id"]), ("two", &"ab".into()));
        assert_eq!(decode(br#"{"streams":[]}"#, Form::Json).unwrap(), Push::default());
    }

    #[test]
    fn what_is_no_push_is_refused() {
        for json in [
            "{",
            "[]",
            "{}",
            r#"{"streams":[{}]}"#,
            r#"{"streams":[{"values":[["x","l"]]}]}"#,
            r#"{"streams":[{"values":[["1"]]}]}"#,
            r#"{"streams":[{"values":[["1",2]]}]}"#,
            r#"{"streams":[{"values":[["1","l","m"]]}]}"#,
        ] {
            assert!(matches!(decode(json.as_bytes(), Form::Json), Err(WireError::Message(_))), "{json}");
        }
        assert!(decode(&[0xff; 9], Form::Protobuf).is_err());
    }

    #[test]
    fn streams_whose_labels_are_wrong_do_not_spoil_the_others() {
        let stream = |labels: &str| StreamMessage {
            labels: labels.to_owned(),
            entries: vec![EntryMessage {
                timestamp: Some(Timestamp { seconds: 1_790_000_000, nanos: 7 }),
                line: "hello".to_owned(),
                structured_metadata: vec![LabelPair { name: "n".to_owned(), value: "v".to_owned() }],
            }],
        };
        let push = PushRequest { streams: vec![stream("{job=\"a\"}"), stream("{job"), stream("")] };
        let push = decode(&push.encode_to_vec(), Form::Protobuf).unwrap();
        let metadata = Map::from_iter([("n".to_owned(), "v".into())]);
        let entry = Entry { time: Some(UnixNanos(1_790_000_000_000_000_007)), line: "hello".to_owned(), metadata };
        assert_eq!(push.streams[0].entries, [entry]);
        assert_eq!((push.streams.len(), push.refused.unwrap().0), (1, 2));
        let time = |seconds, nanos| {
            let timestamp = Some(Timestamp { seconds, nanos });
            Entry::from(EntryMessage { timestamp, ..EntryMessage::default() }).time
        };
        assert_eq!([time(i64::MAX, 0), time(-1, 0), time(0, 0), time(9_223_372_036, i32::MAX)], [None; 4]);
    }

    #[test]
    fn a_block_says_how_long_it_is_and_is_not_believed_blindly() {
        let block = |bytes: &[u8]| snap::raw::Encoder::new().compress_vec(bytes).unwrap();
        let zeros = vec![0; 1_000_000];
        assert_eq!(unsnap(&block(&zeros), 1_000_000).unwrap(), zeros);
        assert_eq!(unsnap(&block(&zeros), 999_999), Err(WireError::TooLarge(999_999)));
        // A length of four thousand million, and nothing behind it.
        assert_eq!(unsnap(&[0xff, 0xff, 0xff, 0xff, 0x0f], 1_000_000), Err(WireError::TooLarge(1_000_000)));
        for bad in [&[0x80, 0x89, 0x7a][..], &[], &[5, 1, 2, 3], &block(b"hello hello hello")[..6]] {
            assert!(matches!(unsnap(bad, 10_000_000), Err(WireError::Compression(_))), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _either = decode(&bytes, Form::Protobuf);
            let _either = decode(&bytes, Form::Json);
            let _either = unsnap(&bytes, 10_000);
        }
    }
}
