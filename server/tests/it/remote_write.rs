//! Remote write, as Prometheus sends it and as it is specified.

use app::{
    api::{MetricPort, Scope},
    model::{MetricListQuery, Role, TenantId},
};
use prost::Message;
use serde_json::Value;
use server::{
    clock::{Clock, SystemClock},
    remote_write::wire::{
        Count, ExemplarV2, Histogram, Label, Request, Sample, TimeSeries, TimeSeriesV2, WriteRequest, ZeroCount,
    },
    store::sample::{Data, Resolution},
};

use crate::{
    prometheus::{NodeExporter, Prometheus},
    samples, scrape,
    support::{Engine, Home, TestApp, run_console},
};

const ONE: &str = "application/x-protobuf";
const TWO: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

fn snapped(message: &impl Message) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(&message.encode_to_vec()).unwrap()
}

fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> TimeSeries {
    let label = |(name, value): &(&str, &str)| Label { name: (*name).to_owned(), value: (*value).to_owned() };
    TimeSeries {
        labels: labels.iter().map(|pair| label(pair).encode_to_vec().into()).collect(),
        samples: samples.iter().map(|(timestamp, value)| Sample { value: *value, timestamp: *timestamp }).collect(),
        ..TimeSeries::default()
    }
}

fn request(series: &[TimeSeries]) -> WriteRequest {
    let timeseries = series.iter().map(|one| one.encode_to_vec().into()).collect();
    WriteRequest { timeseries, metadata: Vec::new() }
}

struct Answer {
    status: u16,
    text: String,
    written: Option<String>,
    /// Native histograms and exemplars.
    others_written: [Option<String>; 2],
}

async fn post(client: &reqwest::Client, app: &TestApp, path: &str, kind: &str, body: Vec<u8>) -> Answer {
    let sent = client.post(app.url(path)).header("content-type", kind).header("content-encoding", "snappy");
    let answer = sent.body(body).send().await.unwrap();
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let [written, histograms, exemplars] =
        ["samples", "histograms", "exemplars"].map(|kind| header(&format!("x-prometheus-remote-write-{kind}-written")));
    let others_written = [histograms, exemplars];
    Answer { status: answer.status().as_u16(), written, others_written, text: answer.text().await.unwrap() }
}

async fn own_metrics(app: &TestApp) -> String {
    let reader = app.with_key(TenantId::DEFAULT, false, true).await;
    reader.get(app.url("/metrics")).send().await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_writes_what_it_scrapes() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let (code, key) = run_console(&home, &["key", "add", "prometheus", "--ingest"], &[]);
    assert_eq!(code, Some(0), "{key}");
    let exporter = NodeExporter::start();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("console.key"), key.lines().next().unwrap()).unwrap();
    let config = format!(
        "global: {{ scrape_interval: 1s }}
scrape_configs:
  - job_name: gone
    static_configs: [{{ targets: ['127.0.0.1:1'] }}]
  - job_name: node
    static_configs: [{{ targets: ['{}'] }}]
remote_write:
  - url: http://{}/api/v1/write
    authorization: {{ credentials_file: console.key }}
    metadata_config: {{ send_interval: 1s }}
    send_exemplars: true
",
        exporter.address, app.addr
    );
    let prometheus = Prometheus::start(dir.path(), &config);
    prometheus.ask("/api/v1/query?query=up%7Bjob=%22gone%22%7D", |data| data["result"][0]["value"][1] == "0").await;
    let stores = &app.services.stores;
    let mut found = Vec::new();
    for _ in 0..300 {
        found = samples::select(stores, TenantId::DEFAULT, "up", (0, i64::MAX), Resolution::Raw).await;
        found.retain(|series| series.labels.get("job") == "gone");
        if !found.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(found[0].labels.to_string(), r#"up{instance="127.0.0.1:1", job="gone"}"#);
    assert!(matches!(&found[0].data, Data::Samples(samples) if samples.values[0] == 0.0));

    // What it scrapes of a machine arrives, and what is said of it; and it is scraped itself.
    scrape::add(&app, &scrape::request("prometheus", &format!("{}/metrics", prometheus.url))).await;
    let one = |result: &[Value]| result.len() == 1;
    scrape::query(&app, r#"sum(rate(node_cpu_seconds_total{job="node"}[30s])) > 0"#, one).await;
    scrape::query(&app, r#"prometheus_build_info{job="prometheus"} == 1"#, one).await;
    scrape::query(&app, r#"prometheus_remote_storage_samples_total{job="prometheus"} > 0"#, one).await;
    let (_, said) = app.get("/prometheus/api/v1/metadata?metric=node_cpu_seconds_total").await;
    assert_eq!(said["data"]["node_cpu_seconds_total"][0]["type"], "counter", "{said}");
    drop(prometheus);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_as_specified() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let key = app.with_key(TenantId::DEFAULT, true, false).await;
    let now = SystemClock.now().0 / 1_000_000;
    let good = series(&[("__name__", "a"), ("n", "1")], &[(now, 1.0), (now + 1, f64::NAN)]);

    let body = snapped(&request(std::slice::from_ref(&good)));
    let answer = post(&key, &app, "/prometheus/api/v1/write", ONE, body.clone()).await;
    assert_eq!((answer.status, answer.text.as_str(), answer.written), (204, "", None));
    assert_eq!(samples::values(&app.services.stores, TenantId::DEFAULT, "a").await.len(), 2);

    let nameless = series(&[("n", "1")], &[(now, 1.0)]);
    let late = series(&[("__name__", "b")], &[(now - 1000, 1.0), (now, 2.0)]);
    let answer = post(&key, &app, "/api/v1/write", ONE, snapped(&request(&[nameless, late]))).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.starts_with("1 samples were refused: a series has no name"), "{}", answer.text);
    assert_eq!(
        samples::values(&app.services.stores, TenantId::DEFAULT, "b").await,
        [1.0, 2.0],
        "the others are stored"
    );

    let symbols = ["", "__name__", "c"].map(str::to_owned).to_vec();
    let samples = vec![Sample { value: 7.0, timestamp: now }];
    let two = TimeSeriesV2 { labels_refs: vec![1, 2], samples, ..TimeSeriesV2::default() };
    let body_of_two = snapped(&Request { symbols, timeseries: vec![two] });
    let answer = post(&key, &app, "/api/v1/write", TWO, body_of_two).await;
    assert_eq!((answer.status, answer.written.as_deref()), (204, Some("1")));
    assert_eq!(samples::values(&app.services.stores, TenantId::DEFAULT, "c").await, [7.0]);

    assert_eq!(post(&key, &app, "/api/v1/write", "application/json", body.clone()).await.status, 415);
    assert_eq!(post(&key, &app, "/api/v1/write", "application/x-protobuf;proto=x", body.clone()).await.status, 415);
    let gzip = key.post(app.url("/api/v1/write")).header("content-type", ONE).header("content-encoding", "gzip");
    assert_eq!(gzip.body(body.clone()).send().await.unwrap().status(), 415);
    assert_eq!(post(&key, &app, "/api/v1/write", ONE, b"not snappy".to_vec()).await.status, 400);
    let nowhere = TimeSeriesV2 { labels_refs: vec![1, 9], ..TimeSeriesV2::default() };
    let body_of_nowhere = snapped(&Request { symbols: vec![String::new()], timeseries: vec![nowhere] });
    let answer = post(&key, &app, "/api/v1/write", TWO, body_of_nowhere).await;
    assert_eq!((answer.status, answer.written.as_deref()), (400, Some("0")));
    let reader = app.with_key(TenantId::DEFAULT, false, true).await;
    assert_eq!(post(&reader, &app, "/api/v1/write", ONE, body).await.status, 403);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explosion_of_labels_is_refused_and_says_which_label_it_is() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    // Console's own series are among them: dozens, more where there are many disks.
    config.ingest.series_per_tenant = 1000;
    let app = TestApp::start_with(config).await;
    let key = app.with_key(TenantId::DEFAULT, true, false).await;
    let now = SystemClock.now().0 / 1_000_000;
    let send = async |users: std::ops::Range<u32>| {
        let series: Vec<TimeSeries> = users
            .map(|user| series(&[("__name__", "logins_total"), ("user", &user.to_string())], &[(now, 1.0)]))
            .collect();
        post(&key, &app, "/api/v1/write", ONE, snapped(&request(&series))).await
    };
    assert_eq!(send(0..10).await.status, 204);
    let answer = send(0..3000).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("`logins_total` (its label `user` has"), "{}", answer.text);
    let stored = samples::values(&app.services.stores, TenantId::DEFAULT, "logins_total").await.len();
    assert!((10..=1000).contains(&stored), "{stored}");
    // Those that are there go on.
    assert_eq!(send(0..5).await.status, 204);
    let (_, health) = app.get("/health/detailed").await;
    let figures = &health["components"]["series"]["figures"];
    assert!(figures["refused_samples"].as_f64().unwrap() >= 2000.0, "{health}");

    // What version 2 is told to be written is what is written: floats, native histograms, exemplars.
    let symbols = ["", "__name__", "logins_total", "user", "1", "new", "took"].map(str::to_owned).to_vec();
    let of = |labels_refs: &[u32]| TimeSeriesV2 {
        labels_refs: labels_refs.to_vec(),
        samples: vec![Sample { value: 7.0, timestamp: now + 1 }],
        exemplars: vec![ExemplarV2 { labels_refs: Vec::new(), value: 1.0, timestamp: now + 1 }],
        ..TimeSeriesV2::default()
    };
    let histogram = Histogram {
        count: Some(Count::Whole(3)),
        zero_count: Some(ZeroCount::Whole(3)),
        timestamp: now + 1,
        ..Histogram::default()
    };
    let took = TimeSeriesV2 { labels_refs: vec![1, 6], histograms: vec![histogram], ..TimeSeriesV2::default() };
    let timeseries = vec![of(&[1, 2, 3, 4]), of(&[1, 2, 3, 5]), took];
    let answer = post(&key, &app, "/api/v1/write", TWO, snapped(&Request { symbols, timeseries })).await;
    assert_eq!((answer.status, answer.written.as_deref()), (400, Some("1")), "{}", answer.text);
    assert_eq!(answer.others_written, [Some("0".to_owned()), Some("1".to_owned())]);

    // It is told where metrics are looked at, and to those who watch Console.
    let scope = Scope { tenant: TenantId::DEFAULT, role: Role::Viewer };
    let list = app.services.metrics(scope, MetricListQuery::default()).await.unwrap();
    let refused = list.refused.unwrap();
    assert!(refused.why.contains("its label `user` has") && refused.samples >= 2000, "{refused:?}");
    let other = Scope { tenant: TenantId(77), ..scope };
    assert_eq!(app.services.metrics(other, MetricListQuery::default()).await.unwrap().refused, None);
    let own = own_metrics(&app).await;
    let counted = |reason: &str| {
        let line = format!("console_ingest_refused_records_total{{reason=\"{reason}\"}} ");
        own.lines().find_map(|one| one.strip_prefix(&line)).unwrap().parse::<f64>().unwrap()
    };
    assert!(counted("too_many_series") >= 2000.0);
    assert!(counted("invalid").abs() < 0.5);
    let nameless = series(&[("n", "1")], &[(now, 1.0)]);
    assert_eq!(post(&key, &app, "/api/v1/write", ONE, snapped(&request(&[nameless]))).await.status, 400);
    let own = own_metrics(&app).await;
    assert!(own.contains("console_ingest_refused_records_total{reason=\"invalid\"} 1"), "{own}");
    app.stop().await;
}
