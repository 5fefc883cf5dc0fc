//! Loki's push, as its clients send it.

use std::io::Write;

use app::model::{Role, TenantId};
use prost::Message;
use serde_json::json;

use crate::support::{Engine, Home, TestApp, client_with};

/// The messages of `push.proto`, as a client has them.
mod proto {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Push {
        #[prost(message, repeated, tag = "1")]
        pub streams: Vec<Stream>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Stream {
        #[prost(string, tag = "1")]
        pub labels: String,
        #[prost(message, repeated, tag = "2")]
        pub entries: Vec<Entry>,
        #[prost(uint64, tag = "3")]
        pub hash: u64,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Entry {
        #[prost(message, optional, tag = "1")]
        pub timestamp: Option<Timestamp>,
        #[prost(string, tag = "2")]
        pub line: String,
        #[prost(message, repeated, tag = "3")]
        pub structured_metadata: Vec<Pair>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Timestamp {
        #[prost(int64, tag = "1")]
        pub seconds: i64,
        #[prost(int32, tag = "2")]
        pub nanos: i32,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Pair {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(string, tag = "2")]
        pub value: String,
    }
}

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

fn json_push(service: &str, line: &str) -> Vec<u8> {
    let metadata = json!({ "trace_id": "07".repeat(16) });
    let stream = json!({ "service_name": service, "level": "err", "host": "web-1" });
    let values = json!([["1790000000000000000", line, metadata]]);
    json!({ "streams": [{ "stream": stream, "values": values }] }).to_string().into_bytes()
}

fn stream(labels: &str, line: &str) -> proto::Stream {
    let timestamp = Some(proto::Timestamp { seconds: 1_790_000_000, nanos: 0 });
    let trace = proto::Pair { name: "trace_id".to_owned(), value: "07".repeat(16) };
    let entry = proto::Entry { timestamp, line: line.to_owned(), structured_metadata: vec![trace] };
    proto::Stream { labels: labels.to_owned(), entries: vec![entry], hash: 7 }
}

fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

fn proto_push(streams: Vec<proto::Stream>) -> Vec<u8> {
    snappy(&proto::Push { streams }.encode_to_vec())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

async fn post(client: &reqwest::Client, app: &TestApp, kind: &str, encoding: &str, body: Vec<u8>) -> (u16, String) {
    let request = client.post(app.url("/loki/api/v1/push")).header("x-scope-orgid", "somebody");
    let request = if kind.is_empty() { request } else { request.header("content-type", kind) };
    let request = if encoding.is_empty() { request } else { request.header("content-encoding", encoding) };
    let answer = request.body(body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_stored_before_they_are_acknowledged_in_every_form() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = TestApp::start(&home).await;
        let key = app.with_key(TenantId::DEFAULT, true, false).await;
        let labelled = |service: &str| format!(r#"{{service_name="{service}", level="err", host="web-1"}}"#);
        let protobuf = |service: &str| proto_push(vec![stream(&labelled(service), "it went wrong")]);
        for (kind, encoding, body) in [
            (JSON, "", json_push("a", "it went wrong")),
            (JSON, "gzip", gzip(&json_push("b", "it went wrong"))),
            (PROTOBUF, "", protobuf("c")),
            (PROTOBUF, "snappy", protobuf("d")),
            ("", "", protobuf("e")),
        ] {
            assert_eq!(post(&key, &app, kind, encoding, body).await, (204, String::new()), "{kind} {encoding}");
        }
        for service in ["a", "b", "c", "d", "e"] {
            let (_, page) = app
                .get(&format!(
                    "/api/monitoring/logs?service={service}&from=1789999990000&to=1790000010000&search=wrong"
                ))
                .await;
            let [record] = page["logs"].as_array().unwrap().as_slice() else { panic!("{service}: {page}") };
            assert_eq!((&record["level"], &record["trace_id"]), (&json!("error"), &json!("07".repeat(16))));
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_is_refused_with_a_line_of_text() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.ingest.otlp_body_bytes = 100_000;
    config.ingest.otlp_unpacked_bytes = 1_000_000;
    let app = TestApp::start_with(config).await;
    let key = app.with_key(TenantId::DEFAULT, true, false).await;
    let mut cut = proto_push(vec![stream(r#"{app="a"}"#, &"lines ".repeat(50))]);
    cut.truncate(cut.len() / 2);
    for (kind, encoding, body, expected) in [
        ("text/plain", "", json_push("a", "x"), 415),
        (JSON, "snappy", json_push("a", "x"), 415),
        (JSON, "", b"{\"streams\":[".to_vec(), 400),
        (JSON, "", br#"{"streams":[{"stream":{},"values":[["yesterday","x"]]}]}"#.to_vec(), 400),
        (JSON, "gzip", json_push("a", "x"), 400),
        (PROTOBUF, "", Vec::new(), 400),
        (PROTOBUF, "", cut, 400),
        (PROTOBUF, "", json_push("a", "x"), 400),
        (PROTOBUF, "", snappy(&[0xff; 40]), 400),
        (PROTOBUF, "", snappy(&vec![0; 2_000_000]), 413),
        (PROTOBUF, "", vec![0xff, 0xff, 0xff, 0xff, 0x0f], 413),
        (JSON, "gzip", gzip(&vec![b' '; 2_000_000]), 413),
        (JSON, "", vec![b' '; 100_001], 413),
    ] {
        let (status, text) = post(&key, &app, kind, encoding, body).await;
        assert_eq!(status, expected, "{kind} {encoding}: {text}");
        assert!(text.ends_with('\n') && text.lines().count() == 1, "{text}");
    }
    assert_eq!(
        app.get("/api/monitoring/logs?service=a&from=1789999990000&to=1790000010000").await.1["matched"],
        0,
        "nothing is stored half"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_with_bad_labels_are_refused_and_the_others_are_stored() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let key = app.with_key(TenantId::DEFAULT, true, false).await;
    let push = proto_push(vec![stream(r#"{app="good"}"#, "fine"), stream("{app=bad}", "lost")]);
    let (status, text) = post(&key, &app, PROTOBUF, "", push).await;
    assert_eq!(status, 400);
    assert!(text.starts_with("1 streams were refused, the others are stored: the labels are not understood"), "{text}");
    assert_eq!(app.get("/api/monitoring/logs?service=good&from=1789999990000&to=1790000010000").await.1["matched"], 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_that_every_line_repeats_do_not_fill_memory() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.ingest.otlp_unpacked_bytes = 64 * 1024;
    let app = TestApp::start_with(config).await;
    let key = app.with_key(TenantId::DEFAULT, true, false).await;
    let values: Vec<_> = (0..100).map(|n| json!([format!("{}", 1_790_000_000_000_000_000_i64 + n), ""])).collect();
    let stream = json!({ "app": "huge", "label": "x".repeat(1000) });
    let push = json!({ "streams": [{ "stream": stream, "values": values }] }).to_string().into_bytes();
    let (status, text) = post(&key, &app, JSON, "", push).await;
    assert!(status == 413 && text.contains("ingest.otlp_unpacked_bytes"), "{status} {text}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_keys_that_may_send_push_and_the_key_decides_about_the_tenant() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.auth.ingest_from_loopback = false;
    let app = TestApp::start_with(config).await;
    let body = || json_push("a", "hello");
    let person = app.signed_in("ines@example.com", TenantId::DEFAULT, Role::Admin).await;
    let reader = app.with_key(TenantId::DEFAULT, false, true).await;
    for (client, expected) in [
        (reqwest::Client::new(), 401),
        (client_with("x-api-key", "csl_nothing"), 401),
        (client_with("authorization", "Basic eDp5"), 401),
        (person, 403),
        (reader, 403),
    ] {
        assert_eq!(post(&client, &app, JSON, "", body()).await.0, expected);
    }
    let key = app.with_key(TenantId::DEFAULT, true, false).await;
    assert_eq!(post(&key, &app, JSON, "", body()).await.0, 204);
    assert_eq!(app.get("/api/monitoring/logs?service=a&from=1789999990000&to=1790000010000").await.1["matched"], 1);
    app.stop().await;
}
