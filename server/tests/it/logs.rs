//! The log store beyond pages, on both engines: the language of searches, searches that end early, counts, patterns,
//! and what surrounds a record.

use std::sync::{Arc, Mutex};

use app::model::{Level, LogFilter, LogId, SpanId, TenantId, TraceId, UnixNanos};
use server::store::{
    LogSelection, Stores,
    log::{CountScan, LogCounts, LogMatcher, NewLogRecord, PatternScan, ScanCoverage},
};

use crate::support::{Home, commit_logs, on_both_engines, record, with_trace};

const OURS: TenantId = TenantId::DEFAULT;
const ALL: (UnixNanos, UnixNanos) = (UnixNanos(0), UnixNanos(i64::MAX));

fn matcher(search: &str) -> LogMatcher {
    LogMatcher::new(&LogFilter { search: Some(search.into()), ..LogFilter::default() }).unwrap()
}

fn selection(search: &str, before: Option<(UnixNanos, LogId)>, limit: usize) -> LogSelection {
    LogSelection { matcher: matcher(search), from: ALL.0, to: ALL.1, before, limit, count_bound: 0 }
}

fn rich(time_ms: i64, service: &str, level: Level, message: &str, attributes: &str) -> NewLogRecord {
    NewLogRecord { level, attributes: attributes.into(), ..record(time_ms, service, message) }
}

async fn found(stores: &Stores, search: &str) -> Vec<String> {
    let slice = stores.logs.search(OURS, selection(search, None, 100)).await.unwrap();
    slice.records.into_iter().map(|record| record.message).collect()
}

async fn counted(stores: &Stores, search: &str, most: u64) -> (LogCounts, ScanCoverage) {
    let scan = CountScan::new(matcher(search), ALL.0, ALL.1, UnixNanos(100_000_000_000), 10);
    let scan = Arc::new(Mutex::new(scan));
    let coverage = stores.logs.scan(OURS, ALL.0, ALL.1, most, scan.clone()).await.unwrap();
    let scan = Arc::into_inner(scan).unwrap().into_inner().unwrap();
    (scan.finish(coverage), coverage)
}

mod cases {
    use super::*;

    pub async fn log_searches_understand_every_term(_home: &Home, stores: &Stores) {
        let trace: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
        let span: SpanId = "00f067aa0ba902b7".parse().unwrap();
        let failed = rich(1_000, "orders", Level::Error, "payment 17 failed", r#"{"http.status":502,"user":"Ada L"}"#);
        let failed = NewLogRecord { span_id: Some(span), ..with_trace(failed, trace) };
        commit_logs(stores, OURS, vec![failed]).await;
        let ok = rich(2_000, "orders", Level::Info, "payment 18 taken", r#"{"http.status":200,"user":"bob"}"#);
        commit_logs(stores, OURS, vec![ok, record(3_000, "users", "signed in")]).await;
        for (search, expected) in [
            ("payment -failed", vec!["payment 18 taken"]),
            ("level:>=warn", vec!["payment 17 failed"]),
            ("-level:error -service:users", vec!["payment 18 taken"]),
            ("service:users", vec!["signed in"]),
            ("http.status:>=500", vec!["payment 17 failed"]),
            ("http.status:200", vec!["payment 18 taken"]),
            ("user:\"ada l\"", vec!["payment 17 failed"]),
            ("-user:*", vec!["signed in"]),
            ("trace_id:4bf92f3577b34da6a3ce929d0e0e4736", vec!["payment 17 failed"]),
            ("span_id:00f067aa0ba902b7", vec!["payment 17 failed"]),
            (r"/payment \d+ taken/", vec!["payment 18 taken"]),
            ("pattern:\"payment <*> failed\"", vec!["payment 17 failed"]),
            ("message:status", vec![]),
        ] {
            assert_eq!(found(stores, search).await, expected, "{search}");
            let (after, _) = stores.logs.after(OURS, LogId(0), &matcher(search), 10).await.unwrap();
            let mut resumed: Vec<String> = after.into_iter().map(|record| record.message).collect();
            resumed.reverse();
            assert_eq!(resumed, expected, "resumed: {search}");
        }
    }

    pub async fn a_search_that_ends_early_can_be_continued_to_its_end(_home: &Home, stores: &Stores) {
        let mut expected = Vec::new();
        for batch in 0..60_i64 {
            // Commits overlap in time, and several end at the same instant. There are more records than one search
            // unpacks together.
            let lines = (0..250).map(|n| {
                let word = if n == batch * 4 { "needle" } else { "hay" };
                record((batch / 3 * 3) * 100 + n * 2, "s", &format!("{word} {batch}"))
            });
            let lines: Vec<NewLogRecord> = lines.collect();
            let first = commit_logs(stores, OURS, lines.clone()).await.first_log_ids[0].1;
            let needles = lines.iter().enumerate().filter(|(_, line)| line.message.starts_with("needle"));
            expected.extend(needles.map(|(n, line)| (line.timestamp, LogId(first.0 + n as i64))));
        }
        expected.sort();
        expected.reverse();
        // An expression is looked for everywhere: nothing rules a block out.
        let (mut seen, mut before, mut early) = (Vec::new(), None, 0);
        for _ in 0..100 {
            let slice = stores.logs.search_within(OURS, selection("/^needle/", before, 20), 1).await.unwrap();
            seen.extend(slice.records.iter().map(|record| (record.timestamp, record.id)));
            early += usize::from(slice.ended_at.is_some());
            let next = slice.ended_at.map(|at| (at, LogId(i64::MAX))).or(seen.last().copied());
            assert!(before.is_none() || next < before, "each call makes some way");
            before = next;
            if !slice.has_more {
                break;
            }
        }
        assert_eq!(seen, expected);
        assert!(early > 3, "{early}");
    }

    pub async fn log_counts_are_those_of_the_records(_home: &Home, stores: &Stores) {
        for batch in 0..12_i64 {
            let lines = (0..10).map(|n| {
                let level = if n == 0 { Level::Error } else { Level::Info };
                let service = if batch % 2 == 0 { "even" } else { "odd" };
                rich(batch * 8_000 + n * 700, service, level, "slow query", "")
            });
            commit_logs(stores, OURS, lines.collect()).await;
        }
        let (by_summary, coverage) = counted(stores, "", u64::MAX).await;
        let (by_text, _) = counted(stores, "slow", u64::MAX).await;
        assert!(coverage.is_complete() && coverage.wanted < 120, "blocks in one column are not unpacked");
        assert_eq!(by_summary, by_text);
        assert_eq!(by_summary.levels, [0, 0, 108, 0, 12, 0]);
        assert_eq!(by_summary.columns.iter().flatten().sum::<u64>(), 120);
        let (chosen, _) = counted(stores, "slow service:odd level:error", u64::MAX).await;
        assert_eq!(chosen.columns.iter().flatten().sum::<u64>(), 6);
        assert_eq!(chosen.levels, [0, 0, 54, 0, 6, 0], "whichever level is chosen");
        let services: Vec<(&str, u64)> = chosen.services.iter().map(|one| (one.service.as_str(), one.lines)).collect();
        assert_eq!(services, [("even", 6), ("odd", 6)], "whichever service is chosen");
        let (estimate, coverage) = counted(stores, "slow", 1_000).await;
        assert!(!coverage.is_complete());
        assert_eq!(estimate.columns.iter().flatten().sum::<u64>(), 120, "a part stands for all");
        let (none, coverage) = counted(stores, "absent", u64::MAX).await;
        assert_eq!((none.levels, coverage.is_complete()), ([0; 6], true));
    }

    pub async fn log_patterns_come_from_matching_records_only(_home: &Home, stores: &Stores) {
        let lines = (0..30).map(|n| match n % 3 {
            0 => rich(n * 10, "a", Level::Warn, &format!("retry {n} of job"), ""),
            1 => rich(n * 10, "b", Level::Info, &format!("user {n} signed in"), ""),
            _ => rich(n * 10, "b", Level::Debug, "tick", ""),
        });
        commit_logs(stores, OURS, lines.collect()).await;
        let scan = Arc::new(Mutex::new(PatternScan::new(matcher("-level:debug"), ALL.0, ALL.1)));
        let coverage = stores.logs.scan(OURS, ALL.0, ALL.1, u64::MAX, scan.clone()).await.unwrap();
        assert!(coverage.is_complete());
        let clusters = Arc::into_inner(scan).unwrap().into_inner().unwrap().clusters;
        assert_eq!(clusters.lines(), 20);
        let patterns = clusters.finish();
        let found: Vec<(&str, u64, Level)> =
            patterns.iter().map(|one| (one.pattern.as_str(), one.lines, one.level)).collect();
        assert_eq!(found, [("retry <*> of job", 10, Level::Warn), ("user <*> signed in", 10, Level::Info)]);
    }

    pub async fn a_log_record_stands_among_those_of_its_service(_home: &Home, stores: &Stores) {
        for batch in 0..10_i64 {
            let lines = (0..9).map(|n| {
                let service = if n % 3 == 0 { "ours" } else { "other" };
                record(batch * 50 + n * 10, service, &format!("{batch}-{n}"))
            });
            commit_logs(stores, OURS, lines.collect()).await;
        }
        stores.logs.compact(100).await.unwrap();
        let whole = stores.logs.search(OURS, selection("service:ours", None, 1000)).await.unwrap().records;
        let of_ours = matcher("service:ours");
        let middle = &whole[whole.len() / 2];
        assert_eq!(stores.logs.record(OURS, middle.id).await.unwrap().as_ref(), Some(middle));
        assert_eq!(stores.logs.record(OURS, LogId(91)).await.unwrap(), None);
        assert_eq!(stores.logs.record(OURS, LogId(0)).await.unwrap(), None);
        let place = (middle.timestamp, middle.id);
        let after = stores.logs.following(OURS, &of_ours, place, 4).await.unwrap();
        let mut expected = whole[whole.len() / 2 - 4..whole.len() / 2].to_vec();
        expected.reverse();
        assert_eq!(after, expected);
        let before = stores.logs.search(OURS, selection("service:ours", Some(place), 4)).await.unwrap().records;
        assert_eq!(before, whole[whole.len() / 2 + 1..whole.len() / 2 + 5]);
        let last = stores.logs.following(OURS, &of_ours, (whole[0].timestamp, whole[0].id), 4).await.unwrap();
        assert_eq!(last, []);
    }
}

on_both_engines!(
    log_searches_understand_every_term,
    a_search_that_ends_early_can_be_continued_to_its_end,
    log_counts_are_those_of_the_records,
    log_patterns_come_from_matching_records_only,
    a_log_record_stands_among_those_of_its_service,
);
