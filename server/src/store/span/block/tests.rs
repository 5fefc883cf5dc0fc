use proptest::prelude::*;

use super::{
    super::{SpanCondition, SpanMatcher},
    *,
};

/// A span with small ids.
pub fn span(trace: u8, id: u8) -> NewSpan {
    NewSpan {
        trace_id: TraceId([trace; 16]),
        span_id: SpanId([0, 0, 0, 0, 0, 0, 0, id]),
        parent: None,
        name: "GET /orders".into(),
        kind: SpanKind::Server,
        service: "checkout".into(),
        start: UnixNanos(1_790_000_000_000_000_000),
        duration_ns: 1000,
        status: SpanStatus::Unset,
        status_message: String::new(),
        attributes: String::new(),
        resource: "".into(),
        scope: "".into(),
        events: String::new(),
        links: String::new(),
        http: None,
        peer: None,
    }
}

fn any_span() -> impl Strategy<Value = NewSpan> {
    (
        (0..4_u8, any::<[u8; 8]>(), proptest::option::of(0..6_u8)),
        (any::<i64>(), 0..i64::MAX, 0..5_usize, 0..3_usize),
        ("[a-z]{1,6}", "[a-z]{1,3}", "\\PC{0,12}"),
        proptest::bool::ANY,
    )
        .prop_map(|((trace, id, parent), (start, duration, kind, status), (name, service, text), full)| NewSpan {
            span_id: SpanId(id),
            parent: parent.map(|parent| SpanId([parent; 8])),
            name,
            kind: SpanKind::ALL[kind],
            service: service.into(),
            start: UnixNanos(start),
            duration_ns: duration,
            status: SpanStatus::ALL[status],
            status_message: text.clone(),
            attributes: if full { serde_json::json!({ "k": text, "n": 3 }).to_string() } else { String::new() },
            resource: if full { r#"{"host.name":"web-1"}"#.into() } else { "".into() },
            events: if full { r#"[{"time":"2026-01-01T00:00:00Z","name":"exception"}]"#.into() } else { String::new() },
            ..span(trace, 0)
        })
}

/// The order in a block is its own.
fn sorted(mut spans: Vec<NewSpan>) -> Vec<NewSpan> {
    spans.sort_by(|a, b| format!("{a:?}").cmp(&format!("{b:?}")));
    spans
}

proptest! {
    #[test]
    fn spans_survive_packing(spans in proptest::collection::vec(any_span(), 1..60)) {
        let block = encode(&spans).unwrap();
        prop_assert_eq!(block.spans, spans.len());
        prop_assert_eq!(sorted(decode_new(&block.payload).unwrap()), sorted(spans.clone()));
        let narrow = decode(&block.payload).unwrap();
        for span in &spans {
            prop_assert!(may_hold_trace(&block.filter, span.trace_id));
            prop_assert!(may_hold_span(&block.filter, span.trace_id, span.span_id));
            let of_trace = narrow.spans(narrow.of_trace(span.trace_id)).unwrap();
            prop_assert!(of_trace.iter().any(|one| one.span_id == span.span_id));
        }
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic(spans in proptest::collection::vec(any_span(), 1..20), at in any::<usize>(), byte in any::<u8>()) {
        let mut payload = encode(&spans).unwrap().payload;
        let at = at % payload.len();
        payload[at] = byte;
        let condition = SpanCondition { attributes: vec!["k exists".parse().unwrap()], ..SpanCondition::default() };
        let matcher = SpanMatcher::new(condition);
        for damaged in [&payload[..], &payload[..at]] {
            let _either = decode_new(damaged);
            let _found = matcher.traces_in(damaged);
        }
    }
}

/// The payload as version 1 had it.
fn version_1(spans: &[NewSpan]) -> Vec<u8> {
    let payload = encode(spans).unwrap().payload;
    let order = decode_new(&payload).unwrap();
    let attributes: Vec<&str> = order.iter().map(|span| span.attributes.as_str()).collect();
    let mut older = vec![VERSION_1];
    put_bytes(&mut older, Stored::read(&payload).unwrap().narrow);
    put_bytes(&mut older, &pack(&texts_of(&order.iter().collect::<Vec<_>>(), &attributes)).unwrap());
    older
}

proptest! {
    #[test]
    fn blocks_of_version_1_are_still_read(spans in proptest::collection::vec(any_span(), 1..40)) {
        let older = version_1(&spans);
        prop_assert_eq!(sorted(decode_new(&older).unwrap()), sorted(spans.clone()));
        let condition = SpanCondition { attributes: vec!["k exists".parse().unwrap()], ..SpanCondition::default() };
        let matcher = SpanMatcher::new(condition);
        let newer = encode(&spans).unwrap().payload;
        prop_assert_eq!(matcher.traces_in(&older).unwrap(), matcher.traces_in(&newer).unwrap());
    }
}

#[test]
fn attributes_that_are_no_object_are_kept_as_they_are() {
    let odd = NewSpan { attributes: "[1,".into(), ..span(1, 1) };
    assert_eq!(decode_new(&encode(std::slice::from_ref(&odd)).unwrap().payload).unwrap(), [odd]);
}

#[test]
fn ordinary_spans_take_few_bytes() {
    let spans: Vec<_> = (0..8192_u64)
        .map(|n| {
            let [trace, noise] = [n / 8, n].map(|seed| xxhash_rust::xxh3::xxh3_64(&seed.to_le_bytes()));
            let mut id = [7; 16];
            id[8..].copy_from_slice(&trace.to_le_bytes());
            let attributes = serde_json::json!({
                "http.request.method": "GET", "http.route": "/orders/:id", "http.response.status_code": 200,
                "url.path": format!("/orders/{}", noise % 10_000), "server.address": "orders.internal",
            });
            NewSpan {
                trace_id: TraceId(id),
                span_id: SpanId(noise.to_le_bytes()),
                parent: (n % 8 != 0).then(|| SpanId(xxhash_rust::xxh3::xxh3_64(&(n - 1).to_le_bytes()).to_le_bytes())),
                start: UnixNanos(1_790_000_000_000_000_000 + (n as i64) * 125_000),
                duration_ns: (noise % 90_000_000) as i64,
                attributes: attributes.to_string(),
                resource: r#"{"host.name":"web-1"}"#.into(),
                ..span(1, 1)
            }
        })
        .collect();
    let block = encode(&spans).unwrap();
    let size = (block.payload.len() + block.filter.len()) / spans.len();
    assert!(size < 30, "{size} bytes a span");
}
