//! Series that nobody hears of: they leave memory, come back with the number that they had, and go when nothing is left
//! of them.

use app::model::UnixNanos;
use chrono::{DateTime, Utc};
use server::store::{
    CommitBatch, Metadata, NewSample, Signal, Stores,
    sample::{Labels, Resolution},
};
use sqlx::Connection as _;
use uuid::Uuid;

use crate::{
    samples::{EVER, OURS, now, select, values},
    support::{Home, on_both_engines},
};

fn after_days(days: i64) -> DateTime<Utc> {
    now() + chrono::TimeDelta::days(days)
}

fn after_days_nanos(days: i64) -> UnixNanos {
    UnixNanos::from(after_days(days))
}

/// Stores a sample of each of these series so many days after the start.
async fn commit(stores: &Stores, days: i64, series: &[(&str, u32, f64)]) {
    let time = after_days_nanos(days);
    let sample = |(name, n, value): &(&str, u32, f64)| NewSample {
        tenant: OURS,
        series: Labels::named(name, &[("n", &n.to_string())]),
        time,
        value: *value,
    };
    let metrics = series.iter().map(sample).collect::<Vec<_>>().into();
    let batch = CommitBatch { writer: Uuid::new_v4(), sequence: 1, metrics, ..CommitBatch::default() };
    stores.ingest.commit(&batch.pack().await.unwrap(), after_days(days)).await.unwrap();
}

/// Lets the store do its work as it would so many days after the start: it forgets what was not heard of.
async fn tidy(stores: &Stores, days: i64) {
    while stores.metrics.tidy_samples(after_days_nanos(days)).await.unwrap() {}
}

/// How many rows a table has.
async fn rows(home: &Home, table: &str) -> i64 {
    let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    let (rows,): (i64,) = if let Some(url) = &home.url {
        let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
        sqlx::query_as(sql).fetch_one(&mut connection).await.unwrap()
    } else {
        let path = home.config().store.data_dir.join("console.db");
        let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
        sqlx::query_as(sql).fetch_one(&mut connection).await.unwrap()
    };
    rows
}

fn millis(days: i64) -> i64 {
    after_days(days).timestamp_millis()
}

mod cases {
    use super::*;

    pub async fn a_series_that_is_heard_of_again_is_the_same(home: &Home, stores: &Stores) {
        commit(stores, 0, &[("a", 1, 1.0), ("a", 2, 2.0), ("b", 1, 3.0)]).await;
        for day in 1..=5 {
            commit(stores, day, &[("a", 2, 2.5)]).await;
            tidy(stores, day).await;
        }
        // Of two nobody has heard for days: they are not active, and still found where they were.
        assert_eq!(stores.metrics.active_series(OURS, millis(4)), 1);
        assert_eq!(stores.metrics.active_series(OURS, 0), 1);
        assert_eq!(values(stores, OURS, "a").await, [1.0, 2.0, 2.5, 2.5, 2.5, 2.5, 2.5]);
        assert_eq!(values(stores, OURS, "b").await, [3.0]);
        let names = stores.metrics.series_names(OURS, millis(3)).await.unwrap();
        assert_eq!(names, [("a".to_owned(), 1)]);
        let names = stores.metrics.series_names(OURS, millis(0)).await.unwrap();
        assert_eq!(names, [("a".to_owned(), 2), ("b".to_owned(), 1)]);

        tidy(stores, 6).await;
        commit(stores, 6, &[("a", 1, 4.0), ("a", 3, 5.0), ("b", 1, 6.0)]).await;
        commit(stores, 6, &[("b", 1, 7.0)]).await;
        assert_eq!(rows(home, "metric_series").await, 4);
        assert_eq!(values(stores, OURS, "b").await, [3.0, 6.0]);
        tidy(stores, 7).await;
        let recent = select(stores, OURS, "a", (millis(5) + 1, millis(7)), Resolution::Raw).await;
        assert_eq!(recent.len(), 2);
        assert_eq!(stores.metrics.series_names(OURS, millis(7)).await.unwrap()[0], ("a".to_owned(), 2));
    }

    pub async fn who_shares_the_store_hears_of_it(home: &Home, stores: &Stores) {
        let other = home.open().await;
        commit(stores, 0, &[("a", 1, 1.0), ("a", 2, 2.0)]).await;
        tidy(&other, 9).await;
        commit(stores, 9, &[("a", 2, 2.0)]).await;
        assert_eq!(other.metrics.series_names(OURS, millis(9)).await.unwrap(), [("a".to_owned(), 1)]);
        tidy(stores, 12).await;
        commit(stores, 12, &[("a", 1, 3.0), ("a", 9, 3.0)]).await;
        assert_eq!(other.metrics.series_names(OURS, millis(12)).await.unwrap(), [("a".to_owned(), 2)]);
        let recent = select(&other, OURS, "a", (millis(9), millis(13)), Resolution::Raw).await;
        assert_eq!(recent.len(), 2);
        // Both number a series that neither has in memory, and one of them a new one.
        tidy(stores, 20).await;
        tidy(&other, 20).await;
        commit(&other, 20, &[("a", 1, 4.0), ("a", 10, 1.0)]).await;
        commit(stores, 20, &[("a", 1, 5.0), ("a", 10, 2.0)]).await;
        assert_eq!(rows(home, "metric_series").await, 4);
        assert_eq!(select(stores, OURS, "a", EVER, Resolution::Raw).await.len(), 4);
        other.admin.close().await;
    }

    pub async fn what_another_one_takes_in_is_not_forgotten_here(home: &Home, stores: &Stores) {
        let other = home.open().await;
        for day in 0..9 {
            commit(stores, day, &[("a", 1, 1.0), ("a", 2, 2.0)]).await;
            tidy(&other, day).await;
            let recent = select(&other, OURS, "a", (millis(day) - 1, millis(day)), Resolution::Raw).await;
            assert_eq!(recent.len(), 2, "day {day}");
            assert_eq!(
                other.metrics.series_names(OURS, millis(day)).await.unwrap(),
                [("a".to_owned(), 2)],
                "day {day}"
            );
        }
        other.admin.close().await;
    }

    pub async fn a_clock_that_jumps_loses_nothing(home: &Home, stores: &Stores) {
        commit(stores, 0, &[("a", 1, 1.0), ("b", 1, 1.0)]).await;
        tidy(stores, 0).await;
        // More than a year ahead, where it is believed that windows are over, and back again.
        commit(stores, 400, &[("a", 1, 400.0), ("c", 1, 400.0)]).await;
        tidy(stores, 400).await;
        for day in 1..=3 {
            commit(stores, day, &[("a", 1, day as f64), ("c", 1, day as f64), ("d", 1, day as f64)]).await;
            tidy(stores, day).await;
        }
        assert_eq!(values(stores, OURS, "a").await, [1.0, 1.0, 2.0, 3.0, 400.0]);
        assert_eq!(values(stores, OURS, "c").await, [1.0, 2.0, 3.0, 400.0]);
        assert_eq!(values(stores, OURS, "b").await, [1.0]);
        assert_eq!(rows(home, "metric_series").await, 4);
        let names = stores.metrics.series_names(OURS, millis(3)).await.unwrap();
        assert_eq!(names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "c", "d"]);
        let again = home.open().await;
        assert_eq!(values(&again, OURS, "a").await, [1.0, 1.0, 2.0, 3.0, 400.0]);
        again.admin.close().await;
    }

    pub async fn series_go_when_nothing_is_kept_of_them(home: &Home, stores: &Stores) {
        commit(stores, 0, &[("a", 1, 1.0), ("a", 2, 2.0), ("b", 1, 3.0), ("took_sum", 1, 1.0)]).await;
        let said = ["a", "b", "took", "never_sent"].map(|name| Metadata {
            name: name.to_owned(),
            kind: "gauge".to_owned(),
            help: "What it is.".to_owned(),
            unit: String::new(),
        });
        stores.metrics.describe(OURS, &said).await.unwrap();
        tidy(stores, 1).await;
        commit(stores, 30, &[("a", 2, 4.0), ("took_count", 1, 4.0)]).await;
        tidy(stores, 31).await;
        for signal in [Signal::Samples, Signal::RollUps] {
            stores.admin.remove_before(signal, after_days_nanos(20)).await.unwrap();
        }
        // Read into memory just before it goes.
        assert_eq!(stores.metrics.series_names(OURS, millis(0)).await.unwrap().len(), 4);
        assert_eq!(stores.admin.remove_before(Signal::Series, after_days_nanos(1)).await.unwrap().rows, 0);
        assert_eq!(stores.admin.remove_before(Signal::Series, after_days_nanos(20)).await.unwrap().rows, 3);
        assert_eq!((rows(home, "metric_series").await, rows(home, "metric_names").await), (2, 2));
        let said = stores.metrics.metadata(OURS, None, 9).await.unwrap();
        assert_eq!(said.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["a", "never_sent", "took"]);
        assert_eq!(values(stores, OURS, "a").await, [4.0]);
        assert_eq!(values(stores, OURS, "b").await, [] as [f64; 0]);

        // They may come again, as new ones.
        for day in [40, 41] {
            commit(stores, day, &[("b", 1, 8.0), ("a", 1, 9.0), ("c", 1, 10.0)]).await;
        }
        assert_eq!(values(stores, OURS, "b").await, [8.0, 8.0]);
        assert_eq!(values(stores, OURS, "c").await, [10.0, 10.0]);
        assert_eq!(rows(home, "metric_series").await, 5);
        let recent = select(stores, OURS, "a", (millis(39), millis(41)), Resolution::Raw).await;
        assert_eq!(recent.iter().map(|one| one.data.len()).collect::<Vec<_>>(), [2]);
    }
}

on_both_engines!(
    a_series_that_is_heard_of_again_is_the_same,
    who_shares_the_store_hears_of_it,
    what_another_one_takes_in_is_not_forgotten_here,
    a_clock_that_jumps_loses_nothing,
    series_go_when_nothing_is_kept_of_them,
);
