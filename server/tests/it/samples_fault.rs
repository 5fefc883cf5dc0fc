//! The store of samples when things go wrong: commits that come to nothing, work that stops half way, two Consoles that do
//! the same at once, damage, retention in the midst of it, and a queue that is full.

use app::model::{TenantId, UnixNanos};
use prost::Message;
use server::{
    clock::{Clock, SystemClock},
    remote_write::wire::{Label, Sample, TimeSeries, WriteRequest},
    store::{
        CommitBatch, EndpointDelta, EndpointKey, NewSample, Rollup, Signal, StoreError, Stores, collect,
        sample::{Labels, Resolution, Selection},
    },
};
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

use crate::{
    samples::{EVER, HOUR, MINUTE, Model, OURS, START, named, now, select, tidy, values},
    support::{Engine, Home, TestApp, on_both_engines},
};

/// Changes the database behind the store's back.
async fn change(home: &Home, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    if let Some(url) = &home.url {
        let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    } else {
        let path = home.config().store.data_dir.join("console.db");
        let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    }
}

/// A commit of one sample and of figures that are written after it.
async fn commit_with_figures(stores: &Stores, name: &str, value: f64) -> Result<(), StoreError> {
    let series = Labels::named(name, &[("n", "1")]);
    let sample = NewSample { tenant: OURS, series, time: UnixNanos(START * 1_000_000), value };
    let endpoint = EndpointKey { service: "x".into(), method: "GET".into(), route: "/".into() };
    let mut rollup = Rollup::default();
    rollup.add(200, 1.0);
    let delta = EndpointDelta { tenant: OURS, endpoint, time: UnixNanos(START * 1_000_000), rollup };
    let batch = CommitBatch {
        writer: Uuid::new_v4(),
        sequence: 1,
        metrics: vec![sample].into(),
        endpoints: vec![delta],
        ..CommitBatch::default()
    };
    stores.ingest.commit(&batch.pack().await?, now()).await.map(|_| ())
}

mod cases {
    use super::*;

    pub async fn a_commit_that_comes_to_nothing_leaves_no_series(home: &Home, stores: &Stores) {
        commit_with_figures(stores, "before", 1.0).await.unwrap();
        change(home, "ALTER TABLE endpoint_rollups RENAME TO endpoint_rollups_away").await;
        commit_with_figures(stores, "lost", 2.0).await.unwrap_err();
        assert_eq!(values(stores, OURS, "lost").await, [0.0; 0]);
        change(home, "ALTER TABLE endpoint_rollups_away RENAME TO endpoint_rollups").await;
        // Its number was given to nobody: now another metric has it.
        commit_with_figures(stores, "other", 3.0).await.unwrap();
        commit_with_figures(stores, "lost", 4.0).await.unwrap();
        for stores in [stores, &home.open().await] {
            assert_eq!(values(stores, OURS, "before").await, [1.0]);
            assert_eq!(values(stores, OURS, "other").await, [3.0]);
            assert_eq!(values(stores, OURS, "lost").await, [4.0]);
        }
    }

    pub async fn work_on_samples_may_stop_anywhere(home: &Home, stores: &Stores) {
        let mut model = Model::default();
        for minute in 0..200 {
            model
                .commit(stores, &[(0, START + minute * MINUTE, minute as f64), (1, START + minute * MINUTE, 2.0)])
                .await;
        }
        let later = UnixNanos::from(now()).0 + 100 * 24 * HOUR * 1_000_000;
        // One piece of work, then another Console goes on.
        let mut is_more = true;
        let mut rounds = 0;
        while is_more {
            let other = home.open().await;
            is_more = other.metrics.tidy_samples(UnixNanos(later)).await.unwrap();
            model.compare(&other, "one that has just begun").await;
            other.admin.close().await;
            rounds += 1;
            model.compare(stores, "one that looks on").await;
            // Some that come late in the midst of it.
            if rounds <= 3 {
                model.commit(stores, &[(0, START + rounds * MINUTE + 1, 7.0)]).await;
                is_more = true;
            }
            assert!(rounds < 100, "it comes to an end");
        }
        tidy(stores).await;
        model.compare(stores, "in the end").await;
    }

    pub async fn two_consoles_may_do_the_same_work_at_once(home: &Home, stores: &Stores) {
        let other = home.open().await;
        let mut model = Model::default();
        for round in 0..4_i64 {
            for minute in 0..70 {
                let time = START + (round * 70 + minute) * MINUTE;
                let of = if minute % 2 == 0 { stores } else { &other };
                model.commit(of, &[(0, time, minute as f64), (1, time + 3, 1.0)]).await;
            }
            let (one, two) = tokio::join!(settle(stores), settle(&other));
            assert!(one + two > 0);
            model.compare(stores, "here").await;
            model.compare(&other, "there").await;
        }
        other.admin.close().await;
    }

    pub async fn damage_is_told_and_the_rest_goes_on(home: &Home, stores: &Stores) {
        let mut model = Model::default();
        for hour in [0, 4, 8] {
            model.commit(stores, &[(0, START + hour * HOUR, 1.0), (0, START + hour * HOUR + 1, 2.0)]).await;
        }
        tidy(stores).await;
        let broken = if home.url.is_some() { "'\\x00'::bytea" } else { "X'00'" };
        let first = "(SELECT MIN(window_end) FROM sample_blocks WHERE resolution = 0)";
        let sql = format!("UPDATE sample_blocks SET payload = {broken} WHERE resolution = 0 AND window_end = {first}");
        change(home, &sql).await;
        let selection = Selection { matchers: named("even"), after: 0, to: i64::MAX, resolution: Resolution::Raw };
        let all = match stores.metrics.select(OURS, &selection).await {
            Ok(batches) => collect(batches, usize::MAX).await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert!(matches!(all, Err(StoreError::Damaged(_))), "{all:?}");
        // What is not damaged is there, and work on it goes on.
        let late = START + 4 * HOUR + 5;
        model.commit(stores, &[(0, START + 7, 3.0), (0, late, 3.0)]).await;
        settle(stores).await;
        let rest = select(stores, OURS, "even", (START + 3 * HOUR, START + 5 * HOUR), Resolution::Raw).await;
        assert_eq!(rest[0].data.len(), 3);
        let rest = select(stores, OURS, "even", (START + 3 * HOUR, START + 5 * HOUR), Resolution::FiveMinutes).await;
        assert_eq!(rest.len(), 1);
    }

    pub async fn retention_runs_in_the_midst_of_it(home: &Home, stores: &Stores) {
        let other = home.open().await;
        let mut model = Model::default();
        for minute in 0..300 {
            model.commit(stores, &[(0, START + minute * 2 * MINUTE, 1.0), (1, START + minute * 2 * MINUTE, 2.0)]).await;
        }
        let before = UnixNanos((START + 5 * HOUR) * 1_000_000);
        let forget = async {
            for _ in 0..20 {
                let removed = other.admin.remove_before(Signal::Samples, before).await.unwrap();
                assert!(removed.rows < 10_000);
                tokio::task::yield_now().await;
            }
        };
        let (_worked, ()) = tokio::join!(settle(stores), forget);
        settle(stores).await;
        other.admin.remove_before(Signal::Samples, before).await.unwrap();
        // Windows go as a whole, when the newest of them is old: what is younger is all there.
        let kept = select(stores, OURS, "even", (START + 6 * HOUR, START + 20 * HOUR), Resolution::Raw).await;
        assert_eq!(kept[0].data.len(), 300 - 181);
        let all = select(stores, OURS, "even", EVER, Resolution::Raw).await;
        assert!((300 - 181..=300).contains(&all[0].data.len()), "{}", all[0].data.len());
        // What was removed stays in the roll-ups.
        let hours = select(stores, OURS, "even", (START, START + 4 * HOUR), Resolution::Hour).await;
        assert_eq!(hours[0].data.len(), 4);
        other.admin.close().await;
    }
}

/// Does all the work on samples that there is; what another Console does meanwhile is not an error for long. Says how
/// often there was some.
async fn settle(stores: &Stores) -> usize {
    let later = UnixNanos::from(now()).0 + 100 * 24 * HOUR * 1_000_000;
    let (mut rounds, mut failures) = (0, 0);
    loop {
        match stores.metrics.tidy_samples(UnixNanos(later)).await {
            Ok(true) => rounds += 1,
            Ok(false) => return rounds,
            Err(error) => {
                failures += 1;
                assert!(failures < 20, "{error}");
            }
        }
    }
}

on_both_engines!(
    a_commit_that_comes_to_nothing_leaves_no_series,
    work_on_samples_may_stop_anywhere,
    two_consoles_may_do_the_same_work_at_once,
    damage_is_told_and_the_rest_goes_on,
    retention_runs_in_the_midst_of_it,
);

fn write_request(metric: &str, time: i64, samples: i64) -> Vec<u8> {
    let label = |name: &str, value: &str| Label { name: name.to_owned(), value: value.to_owned() };
    let one = TimeSeries {
        labels: [label("__name__", metric), label("job", "x")]
            .iter()
            .map(|label| label.encode_to_vec().into())
            .collect(),
        samples: (0..samples).map(|n| Sample { value: n as f64, timestamp: time + n }).collect(),
        ..TimeSeries::default()
    };
    let request = WriteRequest { timeseries: vec![one.encode_to_vec().into()], metadata: Vec::new() };
    snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_told_as_such_and_loses_nothing_that_was_taken() {
    const SAMPLES: i64 = 200;
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.ingest.queue_bytes = 64 * 1024;
    let app = TestApp::start_with(config).await;
    let key = app.with_key(TenantId::DEFAULT, true, false).await;
    let path = home.config().store.data_dir.join("console.db");
    // Somebody keeps the database busy: nothing can be committed for a while.
    let mut busy = sqlx::SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut busy).await.unwrap();
    let time = SystemClock.now_millis().0 - 100_000;
    let send = |n: i64| {
        let body = write_request(&format!("sent_{n}"), time, SAMPLES);
        let sent = key.post(app.url("/api/v1/write")).header("content-encoding", "snappy");
        let sent = sent.header("content-type", "application/x-protobuf").body(body).send();
        async move {
            let answer = sent.await.unwrap();
            (n, answer.status().as_u16(), answer.headers().contains_key("retry-after"))
        }
    };
    let answers = futures::future::join_all((0..20).map(send));
    let release = async {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        sqlx::raw_sql("ROLLBACK").execute(&mut busy).await.unwrap();
    };
    let (answers, ()) = tokio::join!(answers, release);
    let refused = answers.iter().filter(|(_, status, _)| *status == 503).count();
    assert!(refused > 0, "{answers:?}");
    assert!(answers.iter().all(|(_, status, _)| [204, 503].contains(status)), "{answers:?}");
    for (n, status, _) in answers {
        let stored = values(&app.services.stores, OURS, &format!("sent_{n}")).await.len() as i64;
        assert!(status == 503 || stored == SAMPLES, "{n}: {status} {stored}");
        // Refused ones are sent again.
        let mut status = status;
        for _ in 0..50 {
            if status == 204 {
                break;
            }
            status = send(n).await.1;
        }
        assert_eq!(values(&app.services.stores, OURS, &format!("sent_{n}")).await.len() as i64, SAMPLES);
    }
    app.stop().await;
}
