//! One suite for every store: each case runs on SQLite and on PostgreSQL.

use std::collections::BTreeMap;

use app::model::{
    Level, LogFilter, LogId, PipelineFilter, PipelineStatus, PipelineTrace, SpanId, TenantId, TimeRange, TraceId,
    UnixMillis, UnixNanos,
};
use chrono::{DateTime, TimeDelta, Utc};
use rand::{SeedableRng, rngs::SmallRng};
use server::{
    pipeline::demo,
    store::{
        Claim, CommitBatch, DeliveryKey, EndpointDelta, EndpointId, EndpointKey, Exemplar, LogSelection, NewExemplar,
        NewMetrics, NewSample, PipelineCursor, Rollup, RollupRange, RollupResolution, Signal, StoreError,
        StoredPipeline, Stores,
        log::{LogMatcher, NewLogRecord},
        sample::{Labels, Resolution},
        span::NewSpan,
    },
};
use uuid::Uuid;

use crate::{
    samples,
    spans::span,
    support::{Home, commit_logs, on_both_engines, record, run_console, with_trace},
};

const OURS: TenantId = TenantId::DEFAULT;
const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 123_456_000).unwrap()
}

/// A second tenant, made the way the next release will make it.
async fn add_tenant(home: &Home) -> TenantId {
    let sql = "INSERT INTO tenants (id, name, created_at) VALUES (2, 'other', '2026-01-01T00:00:00+00:00')";
    execute(home, sql).await;
    TenantId(2)
}

async fn execute(home: &Home, sql: &'static str) {
    if let Some(url) = &home.url {
        let pool = sqlx::PgPool::connect(url).await.unwrap();
        sqlx::query(sql).execute(&pool).await.unwrap();
        pool.close().await;
    } else {
        let path = home.config().store.data_dir.join("console.db");
        let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", path.display())).await.unwrap();
        sqlx::query(sql).execute(&pool).await.unwrap();
        pool.close().await;
    }
}

fn pipelines(count: u64) -> Vec<StoredPipeline> {
    let mut rng = SmallRng::seed_from_u64(1);
    (0..count)
        .map(|n| demo::trace(&mut rng, Uuid::from_u128(u128::from(n) + 1), start() + TimeDelta::seconds(n as i64 / 2)))
        .collect()
}

fn everything() -> LogSelection {
    selection(&LogFilter::default())
}

fn selection(filter: &LogFilter) -> LogSelection {
    LogSelection {
        matcher: LogMatcher::new(filter).unwrap(),
        from: UnixNanos(0),
        to: UnixNanos(i64::MAX),
        before: None,
        limit: 100,
        count_bound: 10_000,
    }
}

fn searching(text: &str) -> LogSelection {
    selection(&LogFilter { search: Some(text.into()), ..LogFilter::default() })
}

async fn messages(stores: &Stores, selection: LogSelection) -> Vec<String> {
    let slice = stores.logs.search(OURS, selection).await.unwrap();
    slice.records.into_iter().map(|record| record.message).collect()
}

mod cases {
    use super::*;

    pub async fn a_pipeline_comes_back_as_it_was_stored(_home: &Home, stores: &Stores) {
        let mut pipeline = pipelines(1).remove(0);
        pipeline.project_url = Some("https://gitlab.example.com/acme/apis".into());
        pipeline.trace.git_commit_message = Some("Größe: \"quoted\" 100% _sure_ \\ done\n\nbody".into());
        let done = start();
        assert_eq!(stores.pipelines.begin(OURS, &pipeline, None, done).await.unwrap(), Claim::New);
        let id = pipeline.trace.id;
        assert_eq!(stores.pipelines.get(OURS, id).await.unwrap().unwrap(), pipeline);
        pipeline.trace.status = PipelineStatus::Failed;
        pipeline.trace.error_summary = Some("broken".into());
        stores.pipelines.save(OURS, &pipeline, None).await.unwrap();
        assert_eq!(stores.pipelines.get(OURS, id).await.unwrap().unwrap(), pipeline);
        assert_eq!(stores.pipelines.get(OURS, Uuid::from_u128(99)).await.unwrap(), None);
    }

    pub async fn a_delivery_is_processed_once_unless_it_failed(_home: &Home, stores: &Stores) {
        let all = pipelines(4);
        let key = DeliveryKey { source: "gitlab", key: "delivery-1" };
        let (long_ago, soon) = (start() - TimeDelta::hours(1), start() + TimeDelta::hours(1));
        let begin =
            async |index: usize, stale| stores.pipelines.begin(OURS, &all[index], Some(key), stale).await.unwrap();
        assert_eq!(begin(0, long_ago).await, Claim::New);
        assert_eq!(begin(1, long_ago).await, Claim::Duplicate(all[0].trace.id), "while it is processed");
        assert_eq!(stores.pipelines.get(OURS, all[1].trace.id).await.unwrap(), None, "no trace without a claim");

        stores.pipelines.save(OURS, &all[0], Some((key, false))).await.unwrap();
        assert_eq!(begin(1, long_ago).await, Claim::New, "after a failure");
        assert_eq!(begin(2, soon).await, Claim::New, "after a process died in the middle");
        stores.pipelines.save(OURS, &all[2], Some((key, true))).await.unwrap();
        assert_eq!(begin(3, soon).await, Claim::Duplicate(all[2].trace.id));
        let other = DeliveryKey { source: "gitlab", key: "delivery-2" };
        assert_eq!(stores.pipelines.begin(OURS, &all[3], Some(other), soon).await.unwrap(), Claim::New);
    }

    pub async fn a_pipeline_that_was_interrupted_fails_and_may_be_delivered_again(_home: &Home, stores: &Stores) {
        let store = &stores.pipelines;
        let mut all = pipelines(2);
        for (n, stored) in all.iter_mut().enumerate() {
            stored.trace.status = PipelineStatus::InProgress;
            stored.trace.completed_at = None;
            stored.trace.created_at = start() + TimeDelta::seconds(n as i64 * 100);
        }
        let key = DeliveryKey { source: "gitlab", key: "interrupted" };
        let never = start() - TimeDelta::days(1);
        assert_eq!(store.begin(OURS, &all[0], Some(key), never).await.unwrap(), Claim::New);
        assert_eq!(store.begin(OURS, &all[1], None, never).await.unwrap(), Claim::New);
        let now = start() + TimeDelta::seconds(110);
        assert_eq!(store.end_interrupted(start() + TimeDelta::seconds(90), now).await.unwrap(), 1);
        let ended = store.get(OURS, all[0].trace.id).await.unwrap().unwrap().trace;
        assert_eq!((ended.status, ended.completed_at), (PipelineStatus::Failed, Some(now)));
        assert!(ended.error_summary.unwrap().contains("interrupted"));
        let younger = store.get(OURS, all[1].trace.id).await.unwrap().unwrap().trace;
        assert_eq!(younger.status, PipelineStatus::InProgress);
        let mut again = pipelines(3).pop().unwrap();
        again.trace.created_at = now;
        assert_eq!(store.begin(OURS, &again, Some(key), never).await.unwrap(), Claim::New);
    }

    pub async fn pages_of_pipelines_neither_skip_nor_repeat(_home: &Home, stores: &Stores) {
        let all = pipelines(25);
        stores.pipelines.insert(OURS, &all).await.unwrap();
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = stores.pipelines.list(OURS, &PipelineFilter::default(), None, after, 7).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(PipelineCursor { created_at: last.created_at, id: last.id });
            seen.extend(page.into_iter().map(|trace| (trace.created_at, trace.id)));
        }
        let mut expected: Vec<_> = all.iter().map(|stored| (stored.trace.created_at, stored.trace.id)).collect();
        expected.sort();
        expected.reverse();
        assert_eq!(seen, expected);
    }

    pub async fn pipelines_are_found_by_every_filter(_home: &Home, stores: &Stores) {
        let mut all = pipelines(8);
        all[0].trace.git_commit_message = Some("reach 100% of_all \\ tenants".into());
        all[1].trace.git_author = Some("Zoe Unusual".into());
        all[7].trace.git_author = Some("Émile Łuk".into());
        all[2].trace.environment = Some("moon".into());
        all[3].trace.tenant_id = Some("selene".into());
        all[4].trace.trigger_type = "gitlab-tag-push".into();
        all[5].trace.status = PipelineStatus::InProgress;
        stores.pipelines.insert(OURS, &all).await.unwrap();
        let find = async |filter: PipelineFilter| {
            let found = stores.pipelines.list(OURS, &filter, None, None, 50).await.unwrap();
            let stats = stores.pipelines.stats(OURS, &filter, None).await.unwrap();
            assert_eq!(stats.total, found.len() as u64);
            found.iter().map(|trace| trace.id.as_u128() - 1).collect::<Vec<_>>()
        };
        let search = |text: &str| PipelineFilter { search: Some(text.into()), ..PipelineFilter::default() };
        assert_eq!(find(search("100% OF_ALL \\")).await, [0]);
        assert_eq!(find(search("100x")).await, [0_u128; 0]);
        assert_eq!(find(search("zoe unusual")).await, [1]);
        assert_eq!(find(search("Émile ŁUK".replace("UK", "uk").as_str())).await, [7]);
        assert_eq!(find(search(&all[6].trace.id.to_string())).await, [6]);
        assert_eq!(find(search(&all[6].trace.id.simple().to_string())).await, [6]);
        let base = PipelineFilter::default();
        assert_eq!(find(PipelineFilter { environment: Some("moon".into()), ..base.clone() }).await, [2]);
        assert_eq!(find(PipelineFilter { tenant_id: Some("selene".into()), ..base.clone() }).await, [3]);
        assert_eq!(find(PipelineFilter { trigger_type: Some("gitlab-tag-push".into()), ..base.clone() }).await, [4]);
        assert_eq!(find(PipelineFilter { status: Some(PipelineStatus::InProgress), ..base }).await, [5]);

        let from: UnixMillis = (start() + TimeDelta::seconds(1)).into();
        let range = TimeRange { from, to: UnixMillis(from.0 + 1000) };
        let inside = stores.pipelines.list(OURS, &PipelineFilter::default(), Some(range), None, 50).await.unwrap();
        assert_eq!(inside.iter().map(|trace| trace.id.as_u128() - 1).collect::<Vec<_>>(), [3, 2]);
    }

    pub async fn pipelines_are_counted_and_have_neighbours(_home: &Home, stores: &Stores) {
        let mut all = pipelines(4);
        for (pipeline, status) in all.iter_mut().zip(PipelineStatus::ALL) {
            pipeline.trace.status = status;
            pipeline.trace.total_duration_ms = status.is_final().then_some(100);
        }
        stores.pipelines.insert(OURS, &all).await.unwrap();
        let stats = stores.pipelines.stats(OURS, &PipelineFilter::default(), None).await.unwrap();
        assert_eq!((stats.total, stats.avg_duration_ms, stats.success_rate), (4, Some(100.0), Some(50.0)));
        assert_eq!(stats.by_status.len(), 5);
        assert_eq!(stats.by_status["skipped"], 0);

        let id = |index: usize| all[index].trace.id;
        let neighbours = async |index: usize| stores.pipelines.neighbours(OURS, &all[index].trace).await.unwrap();
        assert_eq!(neighbours(1).await, (Some(id(2)), Some(id(0))));
        assert_eq!(neighbours(0).await, (Some(id(1)), None));
        assert_eq!(neighbours(3).await, (None, Some(id(2))));

        let choices = stores.pipelines.choices(OURS).await.unwrap();
        assert!(choices.environments.is_sorted() && !choices.environments.is_empty());
        assert_eq!(choices.trigger_types, ["gitlab-push"]);
        let demo = PipelineTrace::DEMO_SOURCE;
        assert_eq!(stores.pipelines.count_source(OURS, demo).await.unwrap(), 4);
        assert_eq!(stores.pipelines.remove_source(OURS, demo).await.unwrap(), 4);
        assert_eq!(stores.pipelines.count_source(OURS, demo).await.unwrap(), 0);
    }

    pub async fn tenants_do_not_see_each_other(home: &Home, stores: &Stores) {
        let theirs = add_tenant(home).await;
        let all = pipelines(2);
        let key = DeliveryKey { source: "gitlab", key: "same" };
        stores.pipelines.begin(OURS, &all[0], Some(key), start()).await.unwrap();
        assert_eq!(stores.pipelines.begin(theirs, &all[1], Some(key), start()).await.unwrap(), Claim::New);
        assert_eq!(stores.pipelines.get(theirs, all[0].trace.id).await.unwrap(), None);
        assert_eq!(stores.pipelines.neighbours(theirs, &all[0].trace).await.unwrap(), (Some(all[1].trace.id), None));
        stores.pipelines.save(theirs, &all[0], None).await.unwrap();
        assert!(stores.pipelines.get(OURS, all[0].trace.id).await.unwrap().is_some());

        commit_logs(stores, OURS, vec![record(1, "a", "ours")]).await;
        commit_logs(stores, theirs, vec![record(1, "b", "theirs"), record(2, "b", "theirs too")]).await;
        assert_eq!(messages(stores, everything()).await, ["ours"]);
        assert_eq!(stores.logs.head(OURS).await.unwrap(), LogId(1));
        assert_eq!(stores.logs.head(theirs).await.unwrap(), LogId(2));
        let (after, _) = stores.logs.after(OURS, LogId(0), &LogMatcher::all(), 10).await.unwrap();
        assert_eq!(after.len(), 1);

        let sample = |tenant, value| NewSample { tenant, series: Labels::named("m", &[]), time: UnixNanos(5), value };
        let mut rollup = Rollup::default();
        rollup.add(200, 1.0);
        let delta = |tenant| EndpointDelta {
            tenant,
            endpoint: EndpointKey { service: "s".into(), method: "GET".into(), route: "/".into() },
            time: UnixNanos(5),
            rollup: rollup.clone(),
        };
        let batch = CommitBatch {
            writer: Uuid::new_v4(),
            sequence: 1,
            metrics: vec![sample(OURS, 1.0), sample(theirs, 2.0)].into(),
            endpoints: vec![delta(OURS), delta(theirs), delta(theirs)],
            ..CommitBatch::default()
        };
        stores.ingest.commit(&batch.pack().await.unwrap(), start()).await.unwrap();
        assert_eq!(samples::values(stores, theirs, "m").await, [2.0]);
        let range =
            RollupRange { resolution: RollupResolution::Minute, from: UnixNanos(0), to: UnixNanos(60 * SECOND) };
        assert_eq!(stores.endpoints.totals(OURS, range).await.unwrap()[0].1.requests, 1);
        assert_eq!(stores.endpoints.by_endpoint(theirs, &[range]).await.unwrap()[0].1.requests, 2);
        assert_eq!(stores.admin.tenants().await.unwrap(), [OURS, theirs]);
    }

    pub async fn log_records_come_back_newest_first_with_all_fields(_home: &Home, stores: &Stores) {
        let full = NewLogRecord {
            level: Level::Error,
            trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap()),
            span_id: Some("00f067aa0ba902b7".parse().unwrap()),
            attributes: r#"{"user":"u1","n":3}"#.into(),
            ..record(2_000, "orders", "deadlock détecté")
        };
        let receipt = commit_logs(stores, OURS, vec![record(1_000, "users", "first"), full.clone()]).await;
        assert_eq!(receipt.first_log_ids, [(OURS, LogId(1))]);
        // Late: it happened before what is stored already.
        commit_logs(stores, OURS, vec![record(1_500, "users", "late")]).await;
        let slice = stores.logs.search(OURS, everything()).await.unwrap();
        assert_eq!(
            slice.records.iter().map(|r| r.message.as_str()).collect::<Vec<_>>(),
            ["deadlock détecté", "late", "first"]
        );
        assert_eq!(slice.records.iter().map(|r| r.id.0).collect::<Vec<_>>(), [2, 3, 1]);
        let newest = &slice.records[0];
        assert_eq!((newest.trace_id, newest.span_id, newest.level), (full.trace_id, full.span_id, Level::Error));
        assert_eq!(newest.attributes["n"], 3);
        assert_eq!((slice.matched, slice.matched_is_partial, slice.has_more), (3, false, false));
        assert_eq!(slice.services, ["orders", "users"]);
    }

    pub async fn log_records_are_found_by_every_filter(_home: &Home, stores: &Stores) {
        let trace: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
        let mut warning = record(1_000, "orders", "slow query took 1904 ms");
        warning.level = Level::Warn;
        warning.attributes = r#"{"db.statement":"INSERT INTO order_lines"}"#.into();
        commit_logs(stores, OURS, vec![warning, with_trace(record(2_000, "orders", "in the trace"), trace)]).await;
        commit_logs(stores, OURS, vec![with_trace(record(3_000, "gateway", "in it as well"), trace)]).await;
        commit_logs(stores, OURS, vec![record(4_000, "gateway", "Upstream TIMEOUT")]).await;
        let base = LogFilter::default();
        let find = async |filter: LogFilter| messages(stores, selection(&filter)).await;
        assert_eq!(find(LogFilter { trace_id: Some(trace), ..base.clone() }).await, ["in it as well", "in the trace"]);
        assert_eq!(find(LogFilter { level: Some(Level::Warn), ..base.clone() }).await, ["slow query took 1904 ms"]);
        assert_eq!(
            find(LogFilter { service: Some("gateway".into()), ..base.clone() }).await,
            ["Upstream TIMEOUT", "in it as well"]
        );
        assert_eq!(find(LogFilter { service: Some("nobody".into()), ..base }).await, [""; 0]);
        assert_eq!(messages(stores, searching("timeo")).await, ["Upstream TIMEOUT"]);
        assert_eq!(messages(stores, searching("order_lines slow")).await, ["slow query took 1904 ms"]);
        assert_eq!(messages(stores, searching("\"query took\" 19")).await, ["slow query took 1904 ms"]);
        assert_eq!(messages(stores, searching("\"took query\"")).await, [""; 0]);

        let mut middle = everything();
        (middle.from, middle.to) = (UnixNanos(2_000 * 1_000_000), UnixNanos(3_000 * 1_000_000));
        assert_eq!(messages(stores, middle).await, ["in the trace"]);
    }

    pub async fn pages_of_logs_neither_skip_nor_repeat(_home: &Home, stores: &Stores) {
        let mut expected = Vec::new();
        for batch in 0..12_i64 {
            // Times overlap between commits, and some are the same.
            let records: Vec<_> =
                (0..9).map(|n| record(((batch * 7 + n * 13) % 40) * 10, "s", &format!("{batch}-{n}"))).collect();
            let first = commit_logs(stores, OURS, records.clone()).await.first_log_ids[0].1;
            expected.extend(records.iter().enumerate().map(|(n, r)| (r.timestamp, LogId(first.0 + n as i64))));
        }
        expected.sort();
        expected.reverse();
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let slice = stores.logs.search(OURS, LogSelection { limit: 10, before, ..everything() }).await.unwrap();
            assert_eq!(slice.matched, 108);
            seen.extend(slice.records.iter().map(|r| (r.timestamp, r.id)));
            before = seen.last().copied();
            if !slice.has_more {
                break;
            }
        }
        assert_eq!(seen, expected);
        let bounded = stores.logs.search(OURS, LogSelection { count_bound: 50, ..everything() }).await.unwrap();
        assert_eq!((bounded.matched, bounded.matched_is_partial), (50, true));
    }

    pub async fn a_reader_resumes_after_the_last_record_it_saw(_home: &Home, stores: &Stores) {
        for batch in 0..40 {
            let records = (0..5).map(|n| record(batch * 10 + n, if n == 0 { "odd" } else { "even" }, "x")).collect();
            commit_logs(stores, OURS, records).await;
        }
        let filter = LogFilter { service: Some("odd".into()), ..LogFilter::default() };
        let matcher = LogMatcher::new(&filter).unwrap();
        let (mut ids, mut after) = (Vec::new(), LogId(7));
        loop {
            let (records, looked_up_to) = stores.logs.after(OURS, after, &matcher, 6).await.unwrap();
            ids.extend(records.iter().map(|r| r.id.0));
            if looked_up_to == LogId(200) {
                break;
            }
            assert!(looked_up_to > after);
            after = looked_up_to;
        }
        assert_eq!(ids, (2..40).map(|batch| batch * 5 + 1).collect::<Vec<i64>>());
    }

    pub async fn a_commit_that_is_asked_for_twice_is_made_once(_home: &Home, stores: &Stores) {
        let writer = Uuid::new_v4();
        let batch = |sequence| CommitBatch {
            writer,
            sequence,
            logs: vec![(OURS, vec![record(1, "a", "once")])],
            metrics: vec![NewSample { tenant: OURS, series: Labels::named("m", &[]), time: UnixNanos(5), value: 1.0 }]
                .into(),
            ..CommitBatch::default()
        };
        let once = batch(7).pack().await.unwrap();
        let first = stores.ingest.commit(&once, start()).await.unwrap();
        assert_eq!(stores.ingest.commit(&once, start()).await.unwrap(), first);
        assert_eq!(messages(stores, everything()).await, ["once"]);
        let next = batch(8).pack().await.unwrap();
        assert_ne!(stores.ingest.commit(&next, start()).await.unwrap(), first);
    }

    pub async fn merging_small_blocks_changes_nothing_that_can_be_read(_home: &Home, stores: &Stores) {
        let trace: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
        for n in 0..150_i64 {
            let line = record(n * 1000, "s", &format!("line number{n}"));
            let line = if n % 50 == 0 { with_trace(line, trace) } else { line };
            commit_logs(stores, OURS, vec![line]).await;
        }
        let whole = LogSelection { limit: 1000, ..everything() };
        let before = stores.logs.search(OURS, whole.clone()).await.unwrap();
        assert!(stores.logs.compact(100).await.unwrap() > 0);
        assert_eq!(stores.logs.compact(100).await.unwrap(), 0, "it comes to rest");
        let after = stores.logs.search(OURS, whole).await.unwrap();
        assert_eq!(after, before);
        assert_eq!(messages(stores, searching("number77")).await, ["line number77"]);
        let filter = LogFilter { trace_id: Some(trace), ..LogFilter::default() };
        assert_eq!(messages(stores, selection(&filter)).await.len(), 3);
        let (rest, _) = stores.logs.after(OURS, LogId(140), &LogMatcher::all(), 100).await.unwrap();
        assert_eq!(rest.iter().map(|r| r.id.0).collect::<Vec<_>>(), (141..=150).collect::<Vec<_>>());
    }

    pub async fn a_damaged_block_does_not_keep_others_from_being_merged(home: &Home, stores: &Stores) {
        for n in 0..60_i64 {
            commit_logs(stores, OURS, vec![record(n * 1000, "s", &format!("line number{n}"))]).await;
        }
        execute(home, "UPDATE log_blocks SET payload = filter WHERE first_id = 41").await;
        assert!(matches!(stores.logs.compact(100).await, Err(StoreError::Damaged(_))), "it is said");
        assert_eq!(stores.logs.compact(100).await.unwrap(), 2, "and left out from then on: those before, those after");
        let (undamaged, _) = stores.logs.after(OURS, LogId(41), &LogMatcher::all(), 100).await.unwrap();
        assert_eq!(undamaged.len(), 19);
        assert_eq!(stores.logs.compact(100).await.unwrap(), 0);
    }

    pub async fn exemplars_come_back_with_their_series(_home: &Home, stores: &Stores) {
        let exemplar = |seconds: i64, trace: u8| Exemplar {
            time: UnixNanos(seconds * SECOND),
            value: seconds as f64 / 10.0,
            trace_id: (trace > 0).then_some(TraceId([trace; 16])),
            span_id: (trace > 0).then_some(SpanId([trace; 8])),
            labels: BTreeMap::from([("tier".to_owned(), "gold".to_owned())]),
        };
        let series = |le: &str| Labels::named("d_bucket", &[("le", le)]);
        let of_series = |le: &str, exemplar| NewExemplar { tenant: OURS, series: series(le), exemplar };
        let time = UnixNanos(10 * SECOND);
        let metrics = NewMetrics {
            samples: vec![NewSample { tenant: OURS, series: series("+Inf"), time, value: 1.0 }],
            exemplars: vec![
                of_series("1", exemplar(7, 1)),
                of_series("1", exemplar(17, 2)),
                // The same once more.
                of_series("1", exemplar(17, 3)),
                of_series("5", exemplar(8, 0)),
            ],
        };
        let batch = CommitBatch { writer: Uuid::from_u128(1), sequence: 1, metrics, ..CommitBatch::default() };
        stores.ingest.commit(&batch.pack().await.unwrap(), start()).await.unwrap();
        let read = async |tenant, from: i64, to: i64, limit| {
            let (from, to) = (UnixNanos(from * SECOND), UnixNanos(to * SECOND));
            let all = stores.metrics.exemplars(tenant, &samples::named("d_bucket"), from, to, limit).await.unwrap();
            all.into_iter().map(|one| (one.series.get("le").to_owned(), one.exemplars)).collect::<Vec<_>>()
        };
        let of = |le: &str, exemplars: Vec<Exemplar>| (le.to_owned(), exemplars);
        let both = of("1", vec![exemplar(7, 1), exemplar(17, 2)]);
        assert_eq!(read(OURS, 0, 100, 10).await, [both, of("5", vec![exemplar(8, 0)])]);
        assert_eq!(read(OURS, 0, 100, 1).await[0], of("1", vec![exemplar(17, 2)]));
        assert_eq!(read(OURS, 8, 17, 10).await, [of("5", vec![exemplar(8, 0)])]);
        assert_eq!(read(TenantId(2), 0, 100, 10).await, []);
    }

    pub async fn endpoint_figures_add_up_over_minutes_hours_and_days(_home: &Home, stores: &Stores) {
        let endpoint =
            |route: &str| EndpointKey { service: "orders".into(), method: "GET".into(), route: route.into() };
        let at = 1_790_000_000 * SECOND / DAY * DAY;
        for minute in 0..120_i64 {
            let mut rollup = Rollup::default();
            for n in 0..10 {
                rollup.add(if n == 9 { 500 } else { 200 }, (minute * 10 + n) as f64 + 1.0);
            }
            let route = if minute % 2 == 0 { "/even" } else { "/odd" };
            let delta = EndpointDelta {
                tenant: OURS,
                endpoint: endpoint(route),
                time: UnixNanos(at + minute * 60 * SECOND),
                rollup,
            };
            let batch = CommitBatch {
                writer: Uuid::from_u128(1),
                sequence: minute,
                endpoints: vec![delta],
                ..CommitBatch::default()
            };
            stores.ingest.commit(&batch.pack().await.unwrap(), start()).await.unwrap();
        }
        let (from, to) = (UnixNanos(at), UnixNanos(at + DAY));
        for (resolution, rows) in
            [(RollupResolution::Minute, 120), (RollupResolution::Hour, 2), (RollupResolution::Day, 1)]
        {
            let range = RollupRange { resolution, from, to };
            let totals = stores.endpoints.totals(OURS, range).await.unwrap();
            assert_eq!(totals.len(), rows);
            assert!(totals.windows(2).all(|pair| pair[0].0 < pair[1].0));
            let mut all = Rollup::default();
            for (_, rollup) in &totals {
                all.merge(rollup);
            }
            assert_eq!((all.requests, all.errors(), all.by_class[0]), (1200, 120, 1080));
            let p95 = all.sketch.quantile(0.95).unwrap();
            assert!((p95 - 1140.0).abs() < 15.0, "{p95}");
            let by_endpoint = stores.endpoints.by_endpoint(OURS, &[range]).await.unwrap();
            assert_eq!(by_endpoint.iter().map(|(_, rollup)| rollup.requests).collect::<Vec<_>>(), [600, 600]);
            let names = stores.endpoints.endpoints(OURS).await.unwrap();
            let ids: Vec<EndpointId> = names.iter().map(|(id, _)| *id).collect();
            let figures = stores.endpoints.figures(OURS, &ids, &[range]).await.unwrap();
            assert_eq!(figures.iter().map(|(_, rollup)| rollup.requests).collect::<Vec<_>>(), [600, 600]);
            let course = stores.endpoints.courses(OURS, &ids[..1], range).await.unwrap();
            assert_eq!(course.iter().map(|(_, _, rollup)| rollup.requests).sum::<u64>(), 600);
            assert!(course.windows(2).all(|pair| pair[0].1 < pair[1].1) && course.iter().all(|one| one.0 == ids[0]));
            assert!(stores.endpoints.figures(OURS, &[], &[range]).await.unwrap().is_empty());
            for slices in [1, 30] {
                let counts = stores.endpoints.counts(OURS, &ids, range, slices).await.unwrap();
                assert_eq!(counts.iter().map(|(_, _, requests)| requests).sum::<u64>(), 1200);
                assert!(counts.len() <= 2 * slices as usize && counts.iter().all(|(_, time, _)| *time >= range.from));
            }
        }
    }

    pub async fn retention_removes_what_is_old_and_nothing_else(_home: &Home, stores: &Stores) {
        let (old, new) = (1_790_000_000 * SECOND, 1_790_000_000 * SECOND + 40 * DAY);
        let mut traces = pipelines(2);
        traces[1].trace.created_at = UnixNanos(new).to_utc();
        stores.pipelines.insert(OURS, &traces).await.unwrap();
        let mut rollup = Rollup::default();
        rollup.add(200, 1.0);
        for (sequence, time) in [(1, old), (2, new)] {
            let endpoint = EndpointKey { service: "s".into(), method: "GET".into(), route: "/".into() };
            let series = Labels::named("m", &[]);
            let exemplar = Exemplar {
                time: UnixNanos(time),
                value: 0.5,
                trace_id: Some(TraceId([7; 16])),
                span_id: None,
                labels: BTreeMap::new(),
            };
            let batch = CommitBatch {
                writer: Uuid::from_u128(1),
                sequence,
                spans: vec![(
                    OURS,
                    vec![NewSpan {
                        trace_id: TraceId(time.to_be_bytes().repeat(2).try_into().unwrap()),
                        start: UnixNanos(time),
                        ..span(1, 1, "s")
                    }],
                )],
                logs: vec![(OURS, vec![record(time / 1_000_000, "s", "line")])],
                metrics: NewMetrics {
                    samples: vec![NewSample {
                        tenant: OURS,
                        series: series.clone(),
                        time: UnixNanos(time),
                        value: 1.0,
                    }],
                    exemplars: vec![NewExemplar { tenant: OURS, series, exemplar }],
                },
                endpoints: vec![EndpointDelta {
                    tenant: OURS,
                    endpoint,
                    time: UnixNanos(time),
                    rollup: rollup.clone(),
                }],
            };
            stores.ingest.commit(&batch.pack().await.unwrap(), start()).await.unwrap();
        }
        samples::tidy(stores).await;
        for signal in Signal::ALL {
            let removed = stores.admin.remove_before(signal, UnixNanos(new - DAY)).await.unwrap();
            // Of each series something is left.
            assert_eq!(removed.rows > 0, signal != Signal::Series, "{signal:?} {removed:?}");
            assert!(!removed.more, "{signal:?} {removed:?}");
            let again = stores.admin.remove_before(signal, UnixNanos(new - DAY)).await.unwrap();
            assert_eq!(again.rows, 0, "{signal:?}");
        }
        assert_eq!(messages(stores, everything()).await.len(), 1);
        let left = stores.pipelines.list(OURS, &PipelineFilter::default(), None, None, 10).await.unwrap();
        assert_eq!(left.len(), 1);
        for resolution in [Resolution::Raw, Resolution::FiveMinutes, Resolution::Hour] {
            let series = samples::select(stores, OURS, "m", (i64::MIN, i64::MAX), resolution).await;
            assert_eq!(series[0].data.len(), 1);
        }
        let named = samples::named("m");
        let exemplars = stores.metrics.exemplars(OURS, &named, UnixNanos(0), UnixNanos(i64::MAX), 10).await.unwrap();
        assert_eq!(exemplars[0].exemplars.len(), 1);
        for resolution in RollupResolution::ALL {
            let range = RollupRange { resolution, from: UnixNanos(0), to: UnixNanos(i64::MAX) };
            assert_eq!(stores.endpoints.totals(OURS, range).await.unwrap().len(), 1);
        }
    }

    pub async fn it_tells_its_engine_and_size(home: &Home, stores: &Stores) {
        stores.admin.ping().await.unwrap();
        let summary = stores.admin.summary().await.unwrap();
        assert_eq!(summary.engine, if home.url.is_some() { "postgres" } else { "sqlite" });
        assert!(summary.size_bytes > 10_000 && summary.connections >= 1 && !summary.version.is_empty());
    }

    pub async fn a_newer_schema_is_refused_with_a_clear_message(home: &Home, stores: &Stores) {
        stores.admin.close().await;
        let insert = if home.url.is_some() {
            "INSERT INTO _sqlx_migrations VALUES (999999, 'from the future', now(), true, '\\x00', 1)"
        } else {
            "INSERT INTO _sqlx_migrations VALUES (999999, 'from the future', '2099-01-01', true, x'00', 1)"
        };
        execute(home, insert).await;
        let (code, text) = run_console(home, &["migrate"], &[]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("999999") && text.contains("newer Console"), "{text}");
    }
}

on_both_engines!(
    a_pipeline_comes_back_as_it_was_stored,
    a_delivery_is_processed_once_unless_it_failed,
    a_pipeline_that_was_interrupted_fails_and_may_be_delivered_again,
    pages_of_pipelines_neither_skip_nor_repeat,
    pipelines_are_found_by_every_filter,
    pipelines_are_counted_and_have_neighbours,
    tenants_do_not_see_each_other,
    log_records_come_back_newest_first_with_all_fields,
    log_records_are_found_by_every_filter,
    pages_of_logs_neither_skip_nor_repeat,
    a_reader_resumes_after_the_last_record_it_saw,
    a_commit_that_is_asked_for_twice_is_made_once,
    merging_small_blocks_changes_nothing_that_can_be_read,
    a_damaged_block_does_not_keep_others_from_being_merged,
    exemplars_come_back_with_their_series,
    endpoint_figures_add_up_over_minutes_hours_and_days,
    retention_removes_what_is_old_and_nothing_else,
    it_tells_its_engine_and_size,
    a_newer_schema_is_refused_with_a_clear_message,
);
