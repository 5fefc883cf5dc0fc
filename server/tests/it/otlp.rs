//! OTLP as services send it.

use std::io::Write;

use app::model::{Role, TenantId};
use opentelemetry_proto::tonic::{
    collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse},
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value as Any},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    resource::v1::Resource,
};
use prost::Message;
use serde_json::Value;
use server::otlp::RpcStatus;

use crate::support::{Engine, Home, TestApp};

fn text(text: &str) -> Option<AnyValue> {
    Some(AnyValue { value: Some(Any::StringValue(text.to_owned())) })
}

fn request(service: &str, messages: &[&str]) -> ExportLogsServiceRequest {
    let record = |(n, message): (usize, &&str)| LogRecord {
        time_unix_nano: 1_790_000_000_000_000_000 + n as u64,
        severity_number: 17,
        body: text(message),
        trace_id: vec![7; 16],
        ..LogRecord::default()
    };
    let log_records = messages.iter().enumerate().map(record).collect();
    let scope = Some(InstrumentationScope { name: "test".to_owned(), ..InstrumentationScope::default() });
    let name = KeyValue { key: "service.name".to_owned(), value: text(service), ..KeyValue::default() };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(Resource { attributes: vec![name], ..Resource::default() }),
            scope_logs: vec![ScopeLogs { scope, log_records, ..ScopeLogs::default() }],
            ..ResourceLogs::default()
        }],
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

async fn post(client: &reqwest::Client, app: &TestApp, kind: &str, encoding: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
    let request = client.post(app.url("/v1/logs")).header("content-type", kind).header("content-encoding", encoding);
    let answer = request.body(body).send().await.unwrap();
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("application/"));
    (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn log_records_are_stored_before_they_are_acknowledged_in_every_form() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = TestApp::start(&home).await;
        let key = app.with_key(TenantId::DEFAULT, true, false).await;
        let protobuf = |service| request(service, &["one went wrong", "two went wrong"]).encode_to_vec();
        let json = serde_json::to_vec(&request("d", &["one went wrong", "two went wrong"])).unwrap();
        for (kind, encoding, body) in [
            ("application/x-protobuf", "identity", protobuf("a")),
            ("application/x-protobuf", "gzip", gzip(&protobuf("b"))),
            ("application/x-protobuf", "zstd", zstd::encode_all(protobuf("c").as_slice(), 3).unwrap()),
            ("application/json", "gzip", gzip(&json)),
        ] {
            let (status, answer) = post(&key, &app, kind, encoding, body).await;
            assert_eq!(status, 200, "{kind} {encoding}");
            if kind.ends_with("protobuf") {
                assert_eq!(ExportLogsServiceResponse::decode(answer.as_slice()).unwrap().partial_success, None);
            } else {
                assert!(serde_json::from_slice::<Value>(&answer).unwrap().is_object());
            }
        }
        for service in ["a", "b", "c", "d"] {
            let (_, page) = app.get(&format!("/api/monitoring/logs?service={service}&from=0&search=wrong")).await;
            assert_eq!(page["logs"].as_array().unwrap().len(), 2, "{service}: {page}");
            assert_eq!(page["logs"][0]["level"], "error");
            assert_eq!(page["logs"][0]["trace_id"], "07".repeat(16));
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_is_refused_as_the_specification_says() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.ingest.otlp_body_bytes = 100_000;
    config.ingest.otlp_unpacked_bytes = 1_000_000;
    let app = TestApp::start_with(config).await;
    let key = app.with_key(TenantId::DEFAULT, true, false).await;
    let good = request("a", &["fine"]).encode_to_vec();
    let mut cut = gzip(&good);
    cut.truncate(cut.len() / 2);
    for (kind, encoding, body, expected) in [
        ("text/plain", "identity", good.clone(), 415),
        ("application/x-protobuf", "br", good.clone(), 415),
        ("application/x-protobuf", "identity", vec![0xff; 40], 400),
        ("application/x-protobuf", "identity", good[..good.len() - 3].to_vec(), 400),
        ("application/json", "identity", b"{\"resourceLogs\":[".to_vec(), 400),
        ("application/x-protobuf", "gzip", cut, 400),
        ("application/x-protobuf", "identity", vec![0; 100_001], 413),
        ("application/x-protobuf", "gzip", gzip(&vec![0; 2_000_000]), 413),
    ] {
        let (status, answer) = post(&key, &app, kind, encoding, body).await;
        assert_eq!(status, expected, "{kind} {encoding}");
        let told = if kind.ends_with("protobuf") {
            RpcStatus::decode(answer.as_slice()).unwrap()
        } else {
            serde_json::from_slice(&answer).unwrap()
        };
        assert!(told.code != 0 && !told.message.is_empty(), "{told:?}");
    }
    assert_eq!(app.get("/api/monitoring/logs?service=a&from=0").await.1["matched"], 0, "nothing is stored half");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_on_this_machine_need_no_key_and_pages_in_its_browsers_get_nowhere() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let body = || request("local", &["hello"]).encode_to_vec();
    let nobody = reqwest::Client::new();
    assert_eq!(post(&nobody, &app, "application/x-protobuf", "identity", body()).await.0, 200);
    assert_eq!(post(&nobody, &app, "text/plain", "identity", body()).await.0, 401, "what a form could send");
    let page = nobody.post(app.url("/v1/logs")).header("content-type", "application/json");
    let page = page.header("origin", "http://evil.example").body("{}").send().await.unwrap();
    assert_eq!(page.status(), 403);
    let rebound = nobody.post(app.url("/v1/logs")).header("content-type", "application/json");
    let rebound = rebound.header("host", "evil.example").body("{}").send().await.unwrap();
    assert_eq!(rebound.status(), 403);
    let person = app.signed_in("ines@example.com", TenantId::DEFAULT, Role::Admin).await;
    assert_eq!(post(&person, &app, "application/x-protobuf", "identity", body()).await.0, 403, "people do not send");
    let reader = app.with_key(TenantId::DEFAULT, false, true).await;
    assert_eq!(post(&reader, &app, "application/x-protobuf", "identity", body()).await.0, 403);
    app.stop().await;
}
