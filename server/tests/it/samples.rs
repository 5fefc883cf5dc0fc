//! Series and samples: whatever has happened to them inside the store, the same comes back.

use std::collections::BTreeMap;

use app::model::{TenantId, UnixNanos};
use chrono::{DateTime, Utc};
use server::store::{
    CommitBatch, NewSample, Stores, collect,
    sample::{Comparison, Data, Labels, Matcher, NAME, Resolution, STALE, Samples, Selection, Series, bucket::roll_up},
};
use sqlx::Connection;
use uuid::Uuid;

use crate::support::{Engine, Home, on_both_engines};

pub const OURS: TenantId = TenantId::DEFAULT;
/// A whole hour, in milliseconds.
pub const START: i64 = 1_790_002_800_000;
pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const EVER: (i64, i64) = (i64::MIN, i64::MAX);

pub fn named(name: &str) -> Vec<Matcher> {
    vec![Matcher { label: NAME.to_owned(), comparison: Comparison::Equal, value: name.to_owned() }]
}

/// What is stored of a metric, by labels.
pub async fn select(
    stores: &Stores,
    tenant: TenantId,
    name: &str,
    (after, to): (i64, i64),
    resolution: Resolution,
) -> Vec<Series> {
    let selection = Selection { matchers: named(name), after, to, resolution };
    let batches = stores.metrics.select(tenant, &selection).await.unwrap();
    let mut series = collect(batches, usize::MAX).await.unwrap();
    series.sort_by(|one, other| one.labels.cmp(&other.labels));
    series
}

/// All values of a metric.
pub async fn values(stores: &Stores, tenant: TenantId, name: &str) -> Vec<f64> {
    let series = select(stores, tenant, name, EVER, Resolution::Raw).await;
    let values = series.into_iter().flat_map(|series| match series.data {
        Data::Samples(samples) => samples.values,
        Data::Buckets(_) => Vec::new(),
    });
    values.collect()
}

/// Lets the store do all its work on samples.
pub async fn tidy(stores: &Stores) {
    let later = UnixNanos::from(now()).0 + 100 * 24 * HOUR * 1_000_000;
    while stores.metrics.tidy_samples(UnixNanos(later)).await.unwrap() {}
}

pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(START).unwrap()
}

async fn commit(stores: &Stores, samples: Vec<NewSample>) {
    let batch = CommitBatch { writer: Uuid::new_v4(), sequence: 1, metrics: samples.into(), ..CommitBatch::default() };
    stores.ingest.commit(&batch.pack().await.unwrap(), now()).await.unwrap();
}

/// What should be stored, kept in the simplest way.
#[derive(Default)]
pub struct Model(BTreeMap<Labels, BTreeMap<i64, f64>>);

impl Model {
    pub async fn commit(&mut self, stores: &Stores, rows: &[(u32, i64, f64)]) {
        let mut samples = Vec::new();
        for (n, time, value) in rows {
            let text = n.to_string();
            let series = Labels::named(if n % 2 == 0 { "even" } else { "odd" }, &[("n", &text)]);
            // Of two at one time the first stays.
            self.0.entry(series.clone()).or_default().entry(*time).or_insert(*value);
            let time = UnixNanos(time * 1_000_000);
            samples.push(NewSample { tenant: OURS, series, time, value: *value });
        }
        commit(stores, samples).await;
    }

    /// What a selection should find, with values by their bits.
    fn expected(&self, name: &str, (after, to): (i64, i64), resolution: Resolution) -> Vec<String> {
        let of_name = self.0.iter().filter(|(labels, _)| labels.name() == name);
        let series = of_name.map(|(labels, samples)| {
            let all: Samples = samples.iter().map(|(time, value)| (*time, *value)).collect();
            let data = if resolution == Resolution::Raw {
                Data::Samples(all.iter().filter(|(time, _)| *time > after && *time <= to).collect())
            } else {
                let mut buckets = roll_up(&all, resolution.millis());
                buckets.retain(|bucket| bucket.end > after && bucket.end <= to);
                Data::Buckets(buckets)
            };
            Series { labels: labels.clone(), data }
        });
        series.filter(|series| !series.data.is_empty()).map(|series| told(&series)).collect()
    }

    pub async fn compare(&self, stores: &Stores, when: &str) {
        let ranges = [EVER, (START + HOUR, START + 3 * HOUR), (START - HOUR, START), (START + HOUR, START + HOUR)];
        for resolution in [Resolution::Raw, Resolution::FiveMinutes, Resolution::Hour] {
            for range in ranges {
                for name in ["even", "odd", "none"] {
                    let found = select(stores, OURS, name, range, resolution).await;
                    let found: Vec<String> = found.iter().map(told).collect();
                    assert_eq!(
                        found,
                        self.expected(name, range, resolution),
                        "{when}: {name} {range:?} {resolution:?}"
                    );
                }
            }
        }
    }
}

fn told(series: &Series) -> String {
    match &series.data {
        Data::Samples(samples) => {
            let bits: Vec<(i64, u64)> = samples.iter().map(|(time, value)| (time, value.to_bits())).collect();
            format!("{} {bits:?}", series.labels)
        }
        Data::Buckets(buckets) => format!("{} {buckets:?}", series.labels),
    }
}

mod cases {
    use super::*;

    pub async fn the_same_comes_back_before_and_after_it_is_sorted_and_merged(_home: &Home, stores: &Stores) {
        let mut model = Model::default();
        // Four hours every minute, with all that a float can be, and a counter that begins anew.
        for minute in 0..240 {
            let time = START + minute * MINUTE;
            let odd_value = match minute % 50 {
                10 => f64::NAN,
                20 => f64::INFINITY,
                30 => STALE,
                40 => -0.0,
                other => other as f64 / 3.0,
            };
            model.commit(stores, &[(0, time, (minute % 100) as f64), (1, time + 7, odd_value), (2, time, 4.0)]).await;
        }
        model.compare(stores, "as committed").await;
        tidy(stores).await;
        model.compare(stores, "merged").await;

        // Late ones, some of which are there already, a series that nobody has seen, and new ones.
        let late = START + 90 * MINUTE;
        model.commit(stores, &[(0, late, 1e9), (0, late + 1, 55.0), (3, late, 6.0), (1, START - 5, 1.0)]).await;
        model.commit(stores, &[(0, START + 300 * MINUTE, 1.0), (1, START + 300 * MINUTE, 2.0)]).await;
        model.compare(stores, "with late ones").await;
        tidy(stores).await;
        model.compare(stores, "merged again").await;
        assert!(!stores.metrics.tidy_samples(UnixNanos::from(now())).await.unwrap(), "it comes to rest");
    }

    pub async fn many_series_are_told_apart(_home: &Home, stores: &Stores) {
        let mut model = Model::default();
        for round in 0..30 {
            let rows: Vec<(u32, i64, f64)> =
                (0..1500).map(|n| (n, START + round * 10_000, f64::from(n) + round as f64)).collect();
            model.commit(stores, &rows).await;
        }
        model.compare(stores, "as committed").await;
        tidy(stores).await;
        model.compare(stores, "merged").await;
        let one = Matcher { label: "n".into(), comparison: Comparison::Like, value: "77|78|79".into() };
        let selection = Selection { matchers: vec![one], after: 0, to: i64::MAX, resolution: Resolution::Raw };
        let found = collect(stores.metrics.select(OURS, &selection).await.unwrap(), usize::MAX).await.unwrap();
        assert_eq!(found.len(), 3);
    }

    pub async fn several_consoles_share_a_store(home: &Home, stores: &Stores) {
        let other = home.open().await;
        let mut model = Model::default();
        for round in 0..6_u32 {
            let rows = [(round, START + i64::from(round) * MINUTE, 1.0), (0, START + i64::from(round) * MINUTE, 2.0)];
            model.commit(if round % 2 == 0 { stores } else { &other }, &rows).await;
            model.compare(stores, "here").await;
            model.compare(&other, "there").await;
            if round == 3 {
                tidy(&other).await;
            }
        }
        tidy(stores).await;
        model.compare(&other, "after the one has merged").await;
        other.admin.close().await;
        let again = home.open().await;
        model.compare(&again, "opened again").await;
        again.admin.close().await;
    }

    pub async fn what_console_collects_is_there_for_sql(home: &Home, stores: &Stores) {
        let series = Labels::named("system_cpu_utilization_ratio", &[("cpu", "all")]);
        let sample = |n: i64| NewSample {
            tenant: OURS,
            series: series.clone(),
            time: UnixNanos((START + n * MINUTE) * 1_000_000),
            value: n as f64,
        };
        commit(stores, (1..=6).map(sample).collect()).await;
        tidy(stores).await;
        let sql = "SELECT metric_type, metric_name, value FROM metrics ORDER BY value";
        let rows: Vec<(String, String, f64)> = if let Some(url) = &home.url {
            let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
            sqlx::query_as(sql).fetch_all(&mut connection).await.unwrap()
        } else {
            let path = home.config().store.data_dir.join("console.db");
            let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
            sqlx::query_as(sql).fetch_all(&mut connection).await.unwrap()
        };
        let row = |value| ("system".to_owned(), "system_cpu_utilization_ratio".to_owned(), value);
        assert_eq!(rows, [row(5.0), row(6.0)], "the newest of each five minutes");
    }

    pub async fn what_senders_say_of_metrics_is_kept(_home: &Home, stores: &Stores) {
        let metadata = |name: &str, help: &str| server::store::Metadata {
            name: name.into(),
            kind: "counter".into(),
            help: help.into(),
            unit: String::new(),
        };
        stores
            .metrics
            .describe(OURS, &[metadata("a", "first"), metadata("b", "b"), metadata("a", "second")])
            .await
            .unwrap();
        stores.metrics.describe(OURS, &[metadata("a", "third")]).await.unwrap();
        let all = stores.metrics.metadata(OURS, None, 10).await.unwrap();
        assert_eq!(all, [metadata("a", "third"), metadata("b", "b")]);
        assert_eq!(stores.metrics.metadata(OURS, Some("b"), 10).await.unwrap().len(), 1);
        assert_eq!(stores.metrics.metadata(TenantId(2), None, 10).await.unwrap(), []);
    }
}

on_both_engines!(
    the_same_comes_back_before_and_after_it_is_sorted_and_merged,
    many_series_are_told_apart,
    several_consoles_share_a_store,
    what_console_collects_is_there_for_sql,
    what_senders_say_of_metrics_is_kept,
);

/// What an older Console has left: two series and their samples as rows.
const OLD_ROWS: &str = "
    INSERT INTO series (tenant, name, labels) VALUES
        (1, 'load', '{}'), (1, 'io', '{\"direction\":\"read\"}'), (1, 'io', '{\"direction\":\"write\"}');
    INSERT INTO samples (tenant, series_id, time, value)
        SELECT 1, id, 1790002800000000000, id * 10.0 FROM series UNION ALL
        SELECT 1, id, 1790002805000000000, id * 10.0 + 1.0 FROM series;
    INSERT INTO exemplars (tenant, series_id, time, value, labels)
        SELECT 1, id, 1790002800000000000, 0.5, '{}' FROM series WHERE name = 'load';";

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_an_older_console_are_moved() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        if let Some(url) = &home.url {
            let pool = sqlx::PgPool::connect(url).await.unwrap();
            sqlx::migrate!("../migrations/postgres").run_to(5, &pool).await.unwrap();
            let partition = "CREATE TABLE samples_d20717 PARTITION OF samples DEFAULT";
            sqlx::query(partition).execute(&pool).await.unwrap();
            sqlx::raw_sql(OLD_ROWS).execute(&pool).await.unwrap();
            pool.close().await;
        } else {
            let data = home.config().store.data_dir;
            std::fs::create_dir_all(&data).unwrap();
            let url = format!("sqlite:{}?mode=rwc", data.join("console.db").display());
            let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
            sqlx::migrate!("../migrations/sqlite").run_to(5, &pool).await.unwrap();
            sqlx::raw_sql(OLD_ROWS).execute(&pool).await.unwrap();
            pool.close().await;
        }
        let stores = home.open().await;
        let new = Labels::named("load", &[]);
        let time = UnixNanos((START + 9000) * 1_000_000);
        commit(&stores, vec![NewSample { tenant: OURS, series: new, time, value: 12.0 }]).await;
        tidy(&stores).await;
        assert_eq!(values(&stores, OURS, "load").await, [10.0, 11.0, 12.0]);
        assert_eq!(values(&stores, OURS, "io").await, [20.0, 21.0, 30.0, 31.0]);
        let exemplars = stores.metrics.exemplars(OURS, &named("load"), UnixNanos(0), UnixNanos(i64::MAX), 1).await;
        assert_eq!(exemplars.unwrap().len(), 1);
        stores.admin.close().await;
    }
}
