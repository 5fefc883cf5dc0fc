//! How much memory a message takes once it is decoded, told from its bytes before that: two bytes of an empty submessage
//! become more than a hundred of a struct, so the length of a message says little.

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{AnyValue, EntityRef, InstrumentationScope, KeyValue},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{
        Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
        ScopeMetrics, SummaryDataPoint, summary_data_point::ValueAtQuantile,
    },
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, span::Event, span::Link},
};

use super::WireError;
use crate::remote_write::wire;

/// What a message may take when it is decoded, in bytes, besides its texts.
const MAX_DECODED_BYTES: usize = 128 * 1024 * 1024;
/// What an object takes in JSON, in bytes: an attribute is two of them.
const JSON_OBJECT_BYTES: usize = 128;
/// Deeper messages are refused by the decoder.
const MAX_DEPTH: usize = 100;

/// A kind of message: what one takes, and which of its fields are messages.
pub struct Shape {
    bytes: usize,
    fields: &'static [(u64, Field)],
}

enum Field {
    /// A message, or a list of them.
    Message(&'static Shape),
    /// Texts of a list, or numbers of eight bytes that are written in one.
    Grows,
}

use Field::{Grows, Message};

macro_rules! shapes {
    ($($name:ident($type:ty) = $fields:expr;)*) => {
        $(static $name: Shape = Shape { bytes: size_of::<$type>(), fields: &$fields };)*
    };
}

shapes! {
    ANY_VALUE(AnyValue) = [(5, Message(&ARRAY)), (6, Message(&KEY_VALUES))];
    ARRAY(()) = [(1, Message(&ANY_VALUE))];
    KEY_VALUES(()) = [(1, Message(&KEY_VALUE))];
    KEY_VALUE(KeyValue) = [(2, Message(&ANY_VALUE))];
    ENTITY(EntityRef) = [(3, Grows), (4, Grows)];
    RESOURCE(Resource) = [(1, Message(&KEY_VALUE)), (3, Message(&ENTITY))];
    SCOPE(InstrumentationScope) = [(3, Message(&KEY_VALUE))];

    TRACES(()) = [(1, Message(&RESOURCE_SPANS))];
    RESOURCE_SPANS(ResourceSpans) = [(1, Message(&RESOURCE)), (2, Message(&SCOPE_SPANS))];
    SCOPE_SPANS(ScopeSpans) = [(1, Message(&SCOPE)), (2, Message(&SPAN))];
    SPAN(Span) = [(9, Message(&KEY_VALUE)), (11, Message(&EVENT)), (13, Message(&LINK))];
    EVENT(Event) = [(3, Message(&KEY_VALUE))];
    LINK(Link) = [(4, Message(&KEY_VALUE))];

    LOGS(()) = [(1, Message(&RESOURCE_LOGS))];
    RESOURCE_LOGS(ResourceLogs) = [(1, Message(&RESOURCE)), (2, Message(&SCOPE_LOGS))];
    SCOPE_LOGS(ScopeLogs) = [(1, Message(&SCOPE)), (2, Message(&LOG_RECORD))];
    LOG_RECORD(LogRecord) = [(5, Message(&ANY_VALUE)), (6, Message(&KEY_VALUE))];

    METRICS(()) = [(1, Message(&RESOURCE_METRICS))];
    RESOURCE_METRICS(ResourceMetrics) = [(1, Message(&RESOURCE)), (2, Message(&SCOPE_METRICS))];
    SCOPE_METRICS(ScopeMetrics) = [(1, Message(&SCOPE)), (2, Message(&METRIC))];
    METRIC(Metric) = [
        (5, Message(&NUMBERS)), (7, Message(&NUMBERS)), (9, Message(&HISTOGRAMS)), (10, Message(&EXPONENTIALS)),
        (11, Message(&SUMMARIES)), (12, Message(&KEY_VALUE)),
    ];
    NUMBERS(()) = [(1, Message(&NUMBER))];
    NUMBER(NumberDataPoint) = [(5, Message(&EXEMPLAR)), (7, Message(&KEY_VALUE))];
    HISTOGRAMS(()) = [(1, Message(&HISTOGRAM))];
    HISTOGRAM(HistogramDataPoint) = [(8, Message(&EXEMPLAR)), (9, Message(&KEY_VALUE))];
    EXPONENTIALS(()) = [(1, Message(&EXPONENTIAL))];
    EXPONENTIAL(ExponentialHistogramDataPoint) = [
        (1, Message(&KEY_VALUE)), (8, Message(&BUCKETS)), (9, Message(&BUCKETS)), (11, Message(&EXEMPLAR)),
    ];
    BUCKETS(()) = [(2, Grows)];
    SUMMARIES(()) = [(1, Message(&SUMMARY))];
    SUMMARY(SummaryDataPoint) = [(6, Message(&QUANTILE)), (7, Message(&KEY_VALUE))];
    QUANTILE(ValueAtQuantile) = [];
    EXEMPLAR(Exemplar) = [(7, Message(&KEY_VALUE))];

    WRITE(()) = [(1, Message(&SERIES)), (3, Message(&METADATA))];
    METADATA(wire::MetricMetadata) = [];
    SERIES(wire::TimeSeries) = [
        (1, Message(&LABEL)), (2, Message(&FLOAT)), (3, Message(&SERIES_EXEMPLAR)), (4, Message(&NATIVE)),
    ];
    LABEL(wire::Label) = [];
    FLOAT(wire::Sample) = [];
    SERIES_EXEMPLAR(wire::Exemplar) = [(1, Message(&LABEL))];
    NATIVE(wire::Histogram) = [
        (8, Message(&BUCKET_SPAN)), (9, Grows), (10, Grows), (11, Message(&BUCKET_SPAN)), (12, Grows), (13, Grows),
        (16, Grows),
    ];
    BUCKET_SPAN(wire::BucketSpan) = [];
    WRITE_V2(()) = [(4, Grows), (5, Message(&SERIES_V2))];
    SERIES_V2(wire::TimeSeriesV2) = [
        (1, Grows), (2, Message(&FLOAT)), (3, Message(&NATIVE)), (4, Message(&EXEMPLAR_V2)), (5, Message(&METADATA_V2)),
    ];
    EXEMPLAR_V2(wire::ExemplarV2) = [(1, Grows)];
    METADATA_V2(wire::MetadataV2) = [];
}

/// A request whose weight can be told.
pub trait Shaped: prost::Message {
    /// What it is made of.
    fn shape() -> &'static Shape;
}

impl Shaped for ExportTraceServiceRequest {
    fn shape() -> &'static Shape {
        &TRACES
    }
}

impl Shaped for ExportLogsServiceRequest {
    fn shape() -> &'static Shape {
        &LOGS
    }
}

impl Shaped for ExportMetricsServiceRequest {
    fn shape() -> &'static Shape {
        &METRICS
    }
}

impl Shaped for wire::WriteRequest {
    fn shape() -> &'static Shape {
        &WRITE
    }
}

impl Shaped for wire::Request {
    fn shape() -> &'static Shape {
        &WRITE_V2
    }
}

/// Refuses a protobuf message that would take too much. What is no message is for the decoder to say.
pub fn check_protobuf(bytes: &[u8], shape: &'static Shape) -> Result<(), WireError> {
    let mut left = MAX_DECODED_BYTES;
    weigh(bytes, shape, &mut left, MAX_DEPTH)
}

fn weigh(mut bytes: &[u8], shape: &Shape, left: &mut usize, depth: usize) -> Result<(), WireError> {
    while let Some(key) = varint(&mut bytes) {
        let (field, wire) = (key >> 3, key & 7);
        let length = match wire {
            0 => {
                let _skipped = varint(&mut bytes);
                continue;
            }
            1 => 8,
            5 => 4,
            2 => match varint(&mut bytes) {
                Some(length) => length,
                None => return Ok(()),
            },
            // Groups are not of this protocol; past one, fields could hide.
            _ => return Err(WireError::Message("a field has a wire type that is not used".to_owned())),
        };
        let Some((content, rest)) = usize::try_from(length).ok().and_then(|length| bytes.split_at_checked(length))
        else {
            return Ok(());
        };
        bytes = rest;
        let known = shape.fields.iter().find(|(number, _)| *number == field && wire == 2).map(|(_, kind)| kind);
        let Some(kind) = known else { continue };
        // A list has room for up to twice as many as it holds.
        let weight = match kind {
            Message(inner) => 2 * inner.bytes,
            Grows => 2 * size_of::<String>() + 8 * content.len(),
        };
        *left = left.checked_sub(weight).ok_or(WireError::TooManyParts)?;
        if let Message(inner) = kind
            && depth > 0
        {
            weigh(content, inner, left, depth - 1)?;
        }
    }
    Ok(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Refuses JSON that would take too much: its objects and lists are counted outside of texts.
pub fn check_json(bytes: &[u8]) -> Result<(), WireError> {
    let (mut objects, mut in_text, mut is_escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => objects += 1,
            _ => {}
        }
    }
    if objects > MAX_DECODED_BYTES / JSON_OBJECT_BYTES { Err(WireError::TooManyParts) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{ArrayValue, any_value::Value};
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;

    fn request(spans: Vec<Span>) -> Vec<u8> {
        let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
        let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
        ExportTraceServiceRequest { resource_spans }.encode_to_vec()
    }

    #[test]
    fn many_empty_parts_are_refused_before_they_are_decoded() {
        let spans = request(vec![Span::default(); 1_000_000]);
        assert!(spans.len() < 3_000_000);
        assert_eq!(check_protobuf(&spans, &TRACES), Err(WireError::TooManyParts));
        let values = vec![AnyValue::default(); 3_000_000];
        let value = Some(AnyValue { value: Some(Value::ArrayValue(ArrayValue { values })) });
        let attributes = vec![KeyValue { value, ..KeyValue::default() }];
        let deep = request(vec![Span { attributes, ..Span::default() }]);
        assert_eq!(check_protobuf(&deep, &TRACES), Err(WireError::TooManyParts));
        // An ordinary request is far from that.
        let text = Some(AnyValue { value: Some(Value::StringValue("v".repeat(40))) });
        let attribute = KeyValue { key: "http.route".to_owned(), value: text, ..KeyValue::default() };
        let ordinary = vec![Span { attributes: vec![attribute; 12], ..Span::default() }; 10_000];
        assert_eq!(check_protobuf(&request(ordinary), &TRACES), Ok(()));
    }

    #[test]
    fn many_parts_of_json_are_refused_and_texts_are_no_parts() {
        let parts = format!(r#"{{"resourceSpans":[{}{{}}]}}"#, "{},".repeat(1_100_000));
        assert_eq!(check_json(parts.as_bytes()), Err(WireError::TooManyParts));
        let text = format!(r#"{{"body":"\"{}\\"}}"#, "{".repeat(2_000_000));
        assert_eq!(check_json(text.as_bytes()), Ok(()));
    }

    #[test]
    fn nothing_hides_behind_a_group() {
        assert!(check_protobuf(&[0x0b, 0x0c], &TRACES).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_weighed(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for shape in [&TRACES, &LOGS, &METRICS] {
                let _either = check_protobuf(&bytes, shape);
            }
            let _either = check_json(&bytes);
        }
    }
}
