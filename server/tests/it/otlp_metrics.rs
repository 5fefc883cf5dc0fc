//! Metrics over OTLP, as services send them.

use app::model::TenantId;
use opentelemetry_proto::tonic::{
    collector::metrics::v1::{
        ExportMetricsServiceRequest, ExportMetricsServiceResponse, metrics_service_client::MetricsServiceClient,
    },
    common::v1::{AnyValue, KeyValue, any_value::Value as Any},
    metrics::v1::{
        AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric::Data,
        number_data_point::Value as Number,
    },
    resource::v1::Resource,
};
use prost::Message;
use serde_json::Value;
use server::{
    clock::{Clock, SystemClock},
    store::sample::{self, Labels, Resolution},
};
use tonic::transport::Channel;
use uuid::Uuid;

use crate::{
    samples,
    support::{Engine, Home, TestApp},
};

/// In nanoseconds: samples closer together are one.
const MILLISECOND: i64 = 1_000_000;

fn request(metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let value = Some(AnyValue { value: Some(Any::StringValue("checkout".to_owned())) });
    let name = KeyValue { key: "service.name".to_owned(), value, ..KeyValue::default() };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource { attributes: vec![name], ..Resource::default() }),
            scope_metrics: vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }],
            ..ResourceMetrics::default()
        }],
    }
}

fn point(time: i64, value: i64) -> NumberDataPoint {
    NumberDataPoint { time_unix_nano: time as u64, value: Some(Number::AsInt(value)), ..NumberDataPoint::default() }
}

fn gauge(name: &str, points: Vec<NumberDataPoint>) -> Metric {
    let data = Some(Data::Gauge(Gauge { data_points: points }));
    Metric { name: name.to_owned(), data, ..Metric::default() }
}

fn delta(name: &str, is_monotonic: bool, point: NumberDataPoint) -> Metric {
    let aggregation_temporality = AggregationTemporality::Delta as i32;
    let data = Some(Data::Sum(Sum { data_points: vec![point], aggregation_temporality, is_monotonic }));
    Metric { name: name.to_owned(), data, ..Metric::default() }
}

async fn post(client: &reqwest::Client, app: &TestApp, kind: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
    let answer = client.post(app.url("/v1/metrics")).header("content-type", kind).body(body).send().await.unwrap();
    (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
}

async fn stored(app: &TestApp, tenant: TenantId, name: &str) -> Vec<(Labels, Vec<f64>)> {
    let found = samples::select(&app.services.stores, tenant, name, (0, i64::MAX), Resolution::Raw).await;
    let values = |data| match data {
        sample::Data::Samples(samples) => samples.values,
        sample::Data::Buckets(_) => Vec::new(),
    };
    found.into_iter().map(|series| (series.labels, values(series.data))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_stored_before_they_are_acknowledged_and_only_for_their_tenant() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = TestApp::start(&home).await;
        let key = app.with_key(TenantId::DEFAULT, true, false).await;
        let acme = app.services.stores.identity.add_tenant("acme", SystemClock.now_utc()).await.unwrap().unwrap();
        let now = SystemClock.now().0;
        let body =
            request(vec![gauge("queue.length", vec![point(now - 2 * MILLISECOND, 5), point(now - MILLISECOND, 6)])]);
        let (status, answer) = post(&key, &app, "application/x-protobuf", body.encode_to_vec()).await;
        assert_eq!(status, 200);
        assert_eq!(ExportMetricsServiceResponse::decode(answer.as_slice()).unwrap().partial_success, None);
        let json = serde_json::to_vec(&request(vec![gauge("queue.length", vec![point(now, 7)])])).unwrap();
        assert_eq!(post(&key, &app, "application/json", json).await.0, 200);
        let series = Labels::named("queue_length", &[("job", "checkout")]);
        assert_eq!(stored(&app, TenantId::DEFAULT, "queue_length").await, [(series, vec![5.0, 6.0, 7.0])]);
        assert_eq!(stored(&app, acme, "queue_length").await, []);
        // As large as a series may be, and of what no index makes smaller: more than that is refused, or the commit of
        // everybody would fail.
        for (uuids, rejected) in [(74, 0), (80, 1)] {
            let text = (0..uuids).map(|_| Uuid::new_v4().simple().to_string()).collect::<String>();
            let value = Some(AnyValue { value: Some(Any::StringValue(text)) });
            let mut large = point(now, 1);
            large.attributes = vec![KeyValue { key: "large".to_owned(), value, ..KeyValue::default() }];
            let body = request(vec![gauge("large", vec![large])]).encode_to_vec();
            let (status, answer) = post(&key, &app, "application/x-protobuf", body).await;
            let partial = ExportMetricsServiceResponse::decode(answer.as_slice()).unwrap().partial_success;
            assert_eq!((status, partial.map_or(0, |partial| partial.rejected_data_points)), (200, rejected));
        }
        assert_eq!(stored(&app, TenantId::DEFAULT, "large").await.len(), 1);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_said_and_the_rest_is_stored() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let key = app.with_key(TenantId::DEFAULT, true, false).await;
    let now = SystemClock.now().0;
    let body = request(vec![
        gauge("good", vec![point(now, 1)]),
        delta("falling", false, point(now, 1)),
        Metric { name: "odd".to_owned(), ..Metric::default() },
    ]);
    let (status, answer) = post(&key, &app, "application/x-protobuf", body.encode_to_vec()).await;
    let partial = ExportMetricsServiceResponse::decode(answer.as_slice()).unwrap().partial_success.unwrap();
    assert_eq!((status, partial.rejected_data_points), (200, 2));
    assert!(partial.error_message.contains("`falling`") && partial.error_message.contains("`odd`"), "{partial:?}");
    assert_eq!(stored(&app, TenantId::DEFAULT, "good").await[0].1, [1.0]);
    let json = serde_json::to_vec(&body).unwrap();
    let (_, answer) = post(&key, &app, "application/json", json).await;
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert!(answer["partialSuccess"]["errorMessage"].as_str().unwrap().contains("2 data points"), "{answer}");
    assert_eq!(post(&key, &app, "text/plain", Vec::new()).await.0, 415);
    assert_eq!(post(&key, &app, "application/json", b"{".to_vec()).await.0, 400);
    let reader = app.with_key(TenantId::DEFAULT, false, true).await;
    assert_eq!(post(&reader, &app, "application/json", b"{}".to_vec()).await.0, 403);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deltas_are_stored_as_the_sum_so_far_for_each_tenant() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let key = app.with_key(TenantId::DEFAULT, true, false).await;
    let acme = app.services.stores.identity.add_tenant("acme", SystemClock.now_utc()).await.unwrap().unwrap();
    let theirs = app.with_key(acme, true, false).await;
    let now = SystemClock.now().0;
    for (client, time, amount) in [(&key, 1, 5), (&key, 2, 7), (&theirs, 2, 1), (&key, 2, 7)] {
        let body = request(vec![delta("orders", true, point(now + time * MILLISECOND, amount))]);
        let (status, answer) = post(client, &app, "application/x-protobuf", body.encode_to_vec()).await;
        assert_eq!((status, answer.len()), (200, 0), "an empty answer: all is taken");
    }
    assert_eq!(stored(&app, TenantId::DEFAULT, "orders_total").await[0].1, [5.0, 12.0]);
    assert_eq!(stored(&app, acme, "orders_total").await[0].1, [1.0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_unfolds_to_more_than_the_queue_holds_is_stored_bit_by_bit() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.ingest.queue_bytes = 64 * 1024;
    let app = TestApp::start_with(config).await;
    let key = app.with_key(TenantId::DEFAULT, true, false).await;
    let now = SystemClock.now().0;
    let points = (0..1000).map(|n| point(now - n * MILLISECOND, n)).collect();
    let body = request(vec![gauge("many", points)]).encode_to_vec();
    // The server's own records wait in the same small queue: it may have to be asked again.
    let mut status = 503;
    for _ in 0..20 {
        status = post(&key, &app, "application/x-protobuf", body.clone()).await.0;
        if status != 503 {
            break;
        }
    }
    assert_eq!(status, 200);
    assert_eq!(stored(&app, TenantId::DEFAULT, "many").await[0].1.len(), 1000);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_taken_over_grpc_and_on_the_port_of_otlp() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let now = SystemClock.now().0;
    let channel = Channel::from_shared(format!("http://{}", app.otlp.1)).unwrap().connect().await.unwrap();
    let body = request(vec![gauge("good", vec![point(now - MILLISECOND, 1)]), delta("falling", false, point(now, 1))]);
    let answer = MetricsServiceClient::new(channel).export(body).await.unwrap().into_inner();
    assert_eq!(answer.partial_success.unwrap().rejected_data_points, 1);
    let body = request(vec![gauge("good", vec![point(now, 2)])]).encode_to_vec();
    let sent = reqwest::Client::new().post(format!("http://{}/v1/metrics", app.otlp.0)).body(body);
    let answer = sent.header("content-type", "application/x-protobuf").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(stored(&app, TenantId::DEFAULT, "good").await[0].1, [1.0, 2.0]);
    app.stop().await;
}
