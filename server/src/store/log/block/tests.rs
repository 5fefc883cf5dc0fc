use proptest::prelude::*;

use super::*;
use crate::store::{bloom::BloomView, column::pack, log::LogMatcher};

fn record() -> impl Strategy<Value = NewLogRecord> {
    (
        any::<i64>(),
        0..6_usize,
        "[a-z]{1,8}",
        "\\PC{0,40}",
        proptest::option::of(prop_oneof![any::<[u8; 16]>(), (0..3_u8).prop_map(|n| [n; 16])]),
        proptest::option::of(any::<[u8; 8]>()),
        prop_oneof![
            Just(String::new()),
            Just("[1,".to_owned()),
            (0..40).prop_map(|n| format!(r#"{{"n":{n},"user":"u4411"}}"#)),
        ],
    )
        .prop_map(|(time, level, service, message, trace, span, attributes)| NewLogRecord {
            timestamp: UnixNanos(time),
            level: Level::ALL[level],
            service,
            message,
            trace_id: trace.map(TraceId),
            span_id: span.map(SpanId),
            attributes,
        })
}

/// As blocks were written before their texts had columns.
pub fn version_1(records: &[NewLogRecord]) -> Vec<u8> {
    let (mut narrow, mut text) = (Vec::new(), Vec::new());
    put_varint(&mut narrow, records.len() as u64);
    let mut previous = 0;
    for record in records {
        put_varint(&mut narrow, zigzag(record.timestamp.0.wrapping_sub(previous)));
        previous = record.timestamp.0;
    }
    narrow.extend(records.iter().map(|record| record.level as u8));
    put_varint(&mut narrow, records.len() as u64);
    for record in records {
        put_bytes(&mut narrow, record.service.as_bytes());
    }
    (0..records.len()).for_each(|service| put_varint(&mut narrow, service as u64));
    let traces: Vec<TraceId> = records.iter().filter_map(|record| record.trace_id).collect();
    put_varint(&mut narrow, traces.len() as u64);
    for trace in &traces {
        narrow.extend(trace.0);
    }
    let mut number = 0;
    for record in records {
        number += u64::from(record.trace_id.is_some());
        put_varint(&mut narrow, if record.trace_id.is_some() { number } else { 0 });
    }
    narrow.extend(records.iter().map(|record| u8::from(record.span_id.is_some())));
    records.iter().filter_map(|record| record.span_id).for_each(|span| narrow.extend(span.0));
    let messages = records.iter().map(|record| record.message.as_str());
    put_texts(&mut text, messages.chain(records.iter().map(|record| record.attributes.as_str())));
    let mut payload = vec![VERSION_1];
    put_bytes(&mut payload, &pack(&narrow).unwrap());
    put_bytes(&mut payload, &pack(&text).unwrap());
    payload
}

proptest! {
    #[test]
    fn records_survive_packing(records in proptest::collection::vec(record(), 1..60)) {
        let block = encode(&records).unwrap();
        prop_assert_eq!(decode_new(&block.payload).unwrap(), records.clone());
        prop_assert_eq!(block.summary.count(None, Level::Trace), records.len() as u64);
        for record in &records {
            let filter = app::model::LogFilter {
                trace_id: record.trace_id,
                search: record
                    .message
                    .split(|c: char| !c.is_alphanumeric())
                    .next()
                    .filter(|word| !word.is_empty())
                    .map(str::to_owned),
                ..Default::default()
            };
            let matcher = LogMatcher::new(&filter).unwrap();
            prop_assert!(matcher.may_match(BloomView(&block.filter)));
        }
    }

    #[test]
    fn version_1_is_read(records in proptest::collection::vec(record(), 1..60)) {
        prop_assert_eq!(decode_new(&version_1(&records)).unwrap(), records);
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic(records in proptest::collection::vec(record(), 1..20), at in any::<usize>(), byte in any::<u8>()) {
        let mut payload = encode(&records).unwrap().payload;
        let at = at % payload.len();
        payload[at] = byte;
        let _either = decode_new(&payload);
        let _short = decode_new(&payload[..at]);
    }
}

#[test]
fn ordinary_lines_take_few_bytes() {
    let records: Vec<_> = (0..8192_i64)
        .map(|n| NewLogRecord {
            timestamp: UnixNanos(1_790_000_000_000_000_000 + n * 1_000_000),
            level: Level::Info,
            service: "gateway".into(),
            message: format!("GET /v1/orders/{} 200 {} ms", n * 7919 % 10_000, n % 97),
            trace_id: None,
            span_id: None,
            attributes: String::new(),
        })
        .collect();
    let block = encode(&records).unwrap();
    let size = (block.payload.len() + block.filter.len()) / records.len();
    assert!(size < 30, "{size} bytes a record");
}
