//! Traces and spans in the store, on both engines.

use std::collections::BTreeSet;

use app::model::{NodeKind, SpanId, SpanKind, SpanStatus, TenantId, TraceId, TraceSort, UnixNanos};
use server::store::{
    CommitBatch, RollupRange, RollupResolution, Signal, Stores,
    span::{HttpCall, NewSpan, Peer, SpanCondition, SpanMatcher, TraceSelection, TraceSlice},
};
use uuid::Uuid;

use crate::support::{Home, on_both_engines};

const OURS: TenantId = TenantId::DEFAULT;
const T0: i64 = 1_790_000_000_000_000_000;
const MS: i64 = 1_000_000;

fn trace_id(trace: u32) -> TraceId {
    // The halves differ in sign, so that neither is taken for the other.
    TraceId((0xF000_0000_0000_0000_0000_0000_0000_0000 | u128::from(trace)).to_be_bytes())
}

fn span_id(id: u32) -> SpanId {
    SpanId((u64::from(id) | 0xA000_0000_0000_0000).to_be_bytes())
}

/// A root when it is the first of its trace, else a child of the first.
pub fn span(trace: u32, id: u32, service: &str) -> NewSpan {
    NewSpan {
        trace_id: trace_id(trace),
        span_id: span_id(id),
        parent: (id > 1).then(|| span_id(1)),
        name: if id == 1 { "GET /orders".into() } else { format!("step {id}") },
        kind: if id == 1 { SpanKind::Server } else { SpanKind::Internal },
        service: service.into(),
        start: UnixNanos(T0 + i64::from(trace) * 1000 * MS + i64::from(id) * MS),
        duration_ns: 10 * MS,
        status: SpanStatus::Unset,
        status_message: String::new(),
        attributes: format!(r#"{{"order":{trace},"note":"Größe {id}"}}"#),
        resource: r#"{"host.name":"web-1"}"#.into(),
        scope: "test".into(),
        events: String::new(),
        links: String::new(),
        http: None,
        peer: None,
    }
}

pub async fn commit(stores: &Stores, tenant: TenantId, spans: Vec<NewSpan>) {
    let batch =
        CommitBatch { writer: Uuid::new_v4(), sequence: 1, spans: vec![(tenant, spans)], ..CommitBatch::default() };
    stores.ingest.commit(&batch.pack().await.unwrap(), UnixNanos(T0).to_utc()).await.unwrap();
}

fn all() -> TraceSelection {
    TraceSelection {
        from: UnixNanos(0),
        to: UnixNanos(i64::MAX),
        service: None,
        has_errors: None,
        min_ns: None,
        max_ns: None,
        matcher: None,
        sort: TraceSort::Newest,
        after: None,
        limit: 100,
        count_bound: 1000,
    }
}

fn with(condition: SpanCondition) -> TraceSelection {
    TraceSelection { matcher: Some(SpanMatcher::new(condition)), ..all() }
}

async fn list(stores: &Stores, selection: TraceSelection) -> TraceSlice {
    stores.spans.traces(OURS, selection).await.unwrap()
}

fn numbers(slice: &TraceSlice) -> Vec<u32> {
    slice.traces.iter().map(|trace| u128::from_be_bytes(trace.trace_id.0) as u32).collect()
}

mod cases {
    use super::*;

    pub async fn a_trace_comes_back_whole_however_its_spans_arrive(_home: &Home, stores: &Stores) {
        let mut failed = span(1, 3, "payment");
        failed.status = SpanStatus::Error;
        failed.status_message = "declined".into();
        failed.events =
            r#"[{"time":"2026-09-21T14:13:20Z","name":"exception","attributes":{"exception.type":"E"}}]"#.into();
        // Children first, then another trace, then the root.
        commit(stores, OURS, vec![failed.clone(), span(1, 2, "checkout")]).await;
        commit(stores, OURS, vec![span(2, 1, "checkout")]).await;
        let rootless = stores.spans.trace_summary(OURS, trace_id(1)).await.unwrap().unwrap();
        assert!(!rootless.has_root && rootless.operation == "step 2" && rootless.service == "checkout", "{rootless:?}");
        commit(stores, OURS, vec![span(1, 1, "checkout")]).await;

        let trace = stores.spans.trace(OURS, trace_id(1), 100).await.unwrap().unwrap();
        assert_eq!(trace.spans.iter().map(|span| span.span_id).collect::<Vec<_>>(), [1, 2, 3].map(span_id));
        let summary = &trace.summary;
        assert!(summary.has_root && summary.operation == "GET /orders", "{summary:?}");
        assert_eq!((summary.spans, summary.errors, summary.duration_ns), (3, 1, 12 * MS));
        let shares: Vec<_> = summary.services.iter().map(|of| (of.service.as_str(), of.spans, of.errors)).collect();
        assert_eq!(
            shares.iter().copied().collect::<BTreeSet<_>>(),
            BTreeSet::from([("payment", 1, 1), ("checkout", 2, 0)])
        );
        let last = stores.spans.span(OURS, trace_id(1), span_id(3)).await.unwrap().unwrap();
        assert_eq!((last.status_message.as_str(), last.events[0].name.as_str()), ("declined", "exception"));
        assert_eq!((&last.attributes["order"], &last.resource["host.name"]), (&1.into(), &"web-1".into()));
        // A trace's spans come without what only one span at a time is asked for.
        let head = &trace.spans[2];
        assert_eq!((&head.name, head.status, head.start), (&last.name, SpanStatus::Error, last.start));
        assert!(head.attributes.is_empty() && head.events.is_empty() && head.resource.is_empty(), "{head:?}");
        assert!(stores.spans.span(OURS, trace_id(2), span_id(3)).await.unwrap().is_none());
        assert!(stores.spans.trace(TenantId(2), trace_id(1), 100).await.unwrap().is_none());
        let cut = stores.spans.trace(OURS, trace_id(1), 2).await.unwrap().unwrap();
        assert_eq!((cut.spans.len(), cut.left_out), (2, 1));
    }

    pub async fn who_calls_whom_is_known_however_the_spans_arrive(_home: &Home, stores: &Stores) {
        let peer = Peer { kind: NodeKind::Database, name: "postgresql orders".into() };
        let call = |trace| NewSpan { kind: SpanKind::Client, ..span(trace, 2, "checkout") };
        let answer = |trace| {
            let (kind, parent, status) = (SpanKind::Server, Some(span_id(2)), SpanStatus::Error);
            NewSpan { kind, parent, status, ..span(trace, 3, "payment") }
        };
        let query = NewSpan { kind: SpanKind::Client, peer: Some(peer), ..span(1, 4, "payment") };
        // Together, and the one or the other first.
        commit(stores, OURS, vec![span(1, 1, "checkout"), call(1), answer(1), query.clone()]).await;
        commit(stores, OURS, vec![call(2)]).await;
        commit(stores, OURS, vec![answer(2), answer(3)]).await;
        commit(stores, OURS, vec![call(3)]).await;
        // What is sent again is no further call.
        commit(stores, OURS, vec![call(3), answer(3), query]).await;
        let minute = RollupResolution::Minute;
        let range = RollupRange { resolution: minute, from: UnixNanos(T0 - 3_600_000 * MS), to: UnixNanos(i64::MAX) };
        let (edges, any_stored) = stores.spans.edges(OURS, &[range]).await.unwrap();
        assert!(any_stored);
        let told: BTreeSet<_> = edges
            .iter()
            .map(|(edge, rollup)| (&*edge.caller, &*edge.callee, edge.kind, rollup.requests, rollup.errors()))
            .collect();
        let expected = [
            ("checkout", "payment", NodeKind::Service, 3, 3),
            ("payment", "postgresql orders", NodeKind::Database, 1, 0),
        ];
        assert_eq!(told, BTreeSet::from(expected));
        assert_eq!(stores.spans.edges(TenantId(2), &[range]).await.unwrap(), (Vec::new(), false));
        while stores.admin.remove_before(Signal::Traces, UnixNanos(i64::MAX / 2)).await.unwrap().more {}
        assert_eq!(stores.spans.edges(OURS, &[range]).await.unwrap(), (Vec::new(), true));
    }

    pub async fn what_sets_traces_apart_is_found(_home: &Home, stores: &Stores) {
        for trace in 1..=40 {
            let mut one = span(trace, 1, "checkout");
            let is_failed = trace % 4 == 0;
            one.status = if is_failed { SpanStatus::Error } else { SpanStatus::Unset };
            one.attributes = format!(r#"{{"version":"{}","order":{trace}}}"#, if is_failed { "1.5" } else { "1.4" });
            commit(stores, OURS, vec![one, span(trace, 2, "payment")]).await;
        }
        let failed = TraceSelection { has_errors: Some(true), ..all() };
        let found = stores.spans.contrast(OURS, failed.clone(), all()).await.unwrap();
        assert_eq!((found.selected, found.rest), (10, 30));
        let values: Vec<_> = found.values.iter().map(|value| (value.key.as_str(), value.value.as_str())).collect();
        assert_eq!(values, [("version", "1.5")]);
        let unknown = TraceSelection { service: Some("nobody".into()), ..failed };
        assert_eq!(stores.spans.contrast(OURS, unknown, all()).await.unwrap().selected, 0);
        let like = stores.spans.like(OURS, trace_id(3), 10_000 * MS, 5).await.unwrap();
        assert_eq!(like.len(), 5);
        assert!(like.iter().all(|trace| trace.operation == "GET /orders"));
        assert!(stores.spans.like(OURS, trace_id(999), MS, 5).await.unwrap().is_empty());
    }

    pub async fn a_span_that_is_sent_again_counts_once(_home: &Home, stores: &Stores) {
        let mut root = span(1, 1, "checkout");
        root.http = Some(HttpCall { method: "GET".into(), route: "/orders".into(), status: 200 });
        commit(stores, OURS, vec![root.clone(), span(1, 2, "checkout"), root.clone()]).await;
        commit(stores, OURS, vec![root.clone(), span(1, 2, "checkout"), span(1, 4, "checkout")]).await;
        stores.spans.compact_spans(10).await.unwrap();
        commit(stores, OURS, vec![span(1, 2, "checkout")]).await;
        let trace = stores.spans.trace(OURS, trace_id(1), 100).await.unwrap().unwrap();
        assert_eq!((trace.spans.len(), trace.duplicates, trace.summary.spans), (3, 0, 3));
        let since = |resolution: RollupResolution| RollupRange {
            resolution,
            from: resolution.floor(UnixNanos(T0)),
            to: UnixNanos(i64::MAX),
        };
        let hours = since(RollupResolution::Hour);
        let figures = stores.spans.operation(OURS, "checkout", "GET /orders", &[hours]).await.unwrap();
        assert_eq!((figures.requests, figures.sketch.count()), (1, 1));
        let endpoints = stores.endpoints.by_endpoint(OURS, &[since(RollupResolution::Minute)]).await.unwrap();
        assert_eq!(
            endpoints.iter().map(|(key, of)| (key.route.as_str(), of.requests)).collect::<Vec<_>>(),
            [("/orders", 1)]
        );
    }

    pub async fn traces_are_found_by_every_condition(_home: &Home, stores: &Stores) {
        for trace in 1..=6_u32 {
            let mut spans = vec![span(trace, 1, "checkout"), span(trace, 2, "payment")];
            spans[1].duration_ns = i64::from(trace) * 100 * MS;
            if trace % 3 == 0 {
                spans[1].status = SpanStatus::Error;
                spans[1].service = "ledger".into();
            }
            commit(stores, OURS, spans).await;
        }
        let found = async |selection| numbers(&list(stores, selection).await);
        assert_eq!(found(all()).await, [6, 5, 4, 3, 2, 1]);
        assert_eq!(found(TraceSelection { sort: TraceSort::Longest, ..all() }).await, [6, 5, 4, 3, 2, 1]);
        assert_eq!(found(TraceSelection { sort: TraceSort::Errors, ..all() }).await[..2], [6, 3]);
        assert_eq!(found(TraceSelection { service: Some("ledger".into()), ..all() }).await, [6, 3]);
        assert!(found(TraceSelection { service: Some("nobody".into()), ..all() }).await.is_empty());
        assert_eq!(found(TraceSelection { has_errors: Some(false), ..all() }).await, [5, 4, 2, 1]);
        let between = TraceSelection { min_ns: Some(250 * MS), max_ns: Some(450 * MS), ..all() };
        assert_eq!(found(between).await, [4, 3]);
        let from = UnixNanos(T0 + 3000 * MS);
        assert_eq!(found(TraceSelection { from, to: UnixNanos(T0 + 5000 * MS), ..all() }).await, [4, 3]);
        let attribute =
            |text: &str| with(SpanCondition { attributes: vec![text.parse().unwrap()], ..SpanCondition::default() });
        assert_eq!(found(attribute("order = 4")).await, [4]);
        assert_eq!(found(attribute("note contains größe 2")).await.len(), 6);
        assert_eq!(found(TraceSelection { min_ns: Some(450 * MS), ..attribute("host.name = web-1") }).await, [6, 5]);
        let both = SpanCondition {
            service: Some("checkout".into()),
            operation: Some("step 2".into()),
            ..SpanCondition::default()
        };
        assert!(found(with(both)).await.is_empty(), "no one span is both");
        let search = SpanCondition { search: Some("STEP".into()), ..SpanCondition::default() };
        let slice = list(stores, TraceSelection { service: Some("ledger".into()), ..with(search) }).await;
        assert_eq!(numbers(&slice), [6, 3]);

        let slice = list(stores, all()).await;
        assert!(slice.any_stored && !slice.is_partial && slice.figures.len() == 6);
        let some = list(stores, TraceSelection { count_bound: 4, ..all() }).await;
        assert!(some.is_partial && some.figures.len() == 4);
    }

    pub async fn pages_of_traces_neither_skip_nor_repeat(_home: &Home, stores: &Stores) {
        for trace in 1..=23_u32 {
            let mut only = span(trace, 1, "checkout");
            // Many of the same start and of the same length.
            only.start = UnixNanos(T0 + i64::from(trace / 5) * MS);
            only.duration_ns = i64::from(trace % 4) * MS;
            commit(stores, OURS, vec![only]).await;
        }
        let search = SpanCondition { search: Some("orders".into()), ..SpanCondition::default() };
        for base in [all(), with(search)] {
            for sort in TraceSort::ALL {
                let (mut seen, mut after) = (Vec::new(), None);
                loop {
                    let slice = list(stores, TraceSelection { sort, after, limit: 4, ..base.clone() }).await;
                    seen.extend(numbers(&slice));
                    after = slice.next;
                    if after.is_none() {
                        break;
                    }
                }
                let distinct: BTreeSet<u32> = seen.iter().copied().collect();
                assert_eq!((seen.len(), distinct.len()), (23, 23), "{sort:?}");
            }
        }
    }

    pub async fn merging_blocks_of_spans_changes_nothing_that_can_be_read(_home: &Home, stores: &Stores) {
        for trace in 1..=20_u32 {
            commit(stores, OURS, vec![span(trace, 1, "checkout"), span(trace % 5 + 1, trace + 10, "payment")]).await;
        }
        let read = async || {
            let mut traces = Vec::new();
            for trace in 1..=20 {
                traces.push(stores.spans.trace(OURS, trace_id(trace), 100).await.unwrap().unwrap());
            }
            traces
        };
        let before = read().await;
        assert!(stores.spans.compact_spans(10).await.unwrap() > 0);
        assert_eq!(read().await, before);
        assert_eq!(before.iter().map(|trace| trace.spans.len()).sum::<usize>(), 40);
    }

    pub async fn a_span_counts_once_wherever_merging_has_put_it(_home: &Home, stores: &Stores) {
        // Each commit asks the blocks before it; the merged block may stand in the row of one of them.
        for id in 1..=9 {
            commit(stores, OURS, vec![span(1, id, "checkout")]).await;
        }
        assert!(stores.spans.compact_spans(10).await.unwrap() > 0);
        commit(stores, OURS, (1..=9).map(|id| span(1, id, "checkout")).collect()).await;
        let trace = stores.spans.trace(OURS, trace_id(1), 100).await.unwrap().unwrap();
        assert_eq!((trace.spans.len(), trace.duplicates, trace.summary.spans), (9, 0, 9));
    }

    pub async fn old_traces_are_removed_and_new_ones_stay(_home: &Home, stores: &Stores) {
        let day = RollupResolution::Day.nanos();
        let mut old = span(1, 1, "checkout");
        old.start = UnixNanos(T0 - 40 * day);
        commit(stores, OURS, vec![old]).await;
        commit(stores, OURS, vec![span(2, 1, "checkout")]).await;
        while stores.admin.remove_before(Signal::Traces, UnixNanos(T0 - 30 * day)).await.unwrap().more {}
        assert_eq!(numbers(&list(stores, all()).await), [2]);
        assert!(stores.spans.trace(OURS, trace_id(1), 10).await.unwrap().is_none());
        assert_eq!(stores.spans.trace(OURS, trace_id(2), 10).await.unwrap().unwrap().spans.len(), 1);
    }
}

on_both_engines!(
    a_trace_comes_back_whole_however_its_spans_arrive,
    a_span_that_is_sent_again_counts_once,
    who_calls_whom_is_known_however_the_spans_arrive,
    what_sets_traces_apart_is_found,
    traces_are_found_by_every_condition,
    pages_of_traces_neither_skip_nor_repeat,
    merging_blocks_of_spans_changes_nothing_that_can_be_read,
    a_span_counts_once_wherever_merging_has_put_it,
    old_traces_are_removed_and_new_ones_stay,
);
