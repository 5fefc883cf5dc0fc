//! OTLP as services send it.

use std::io::Write;

use app::model::{Role, TenantId};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse, logs_service_client::LogsServiceClient},
        trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse, trace_service_client::TraceServiceClient},
    },
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value as Any},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status},
};
use prost::Message;
use serde_json::Value;
use server::otlp::RpcStatus;
use tonic::{Code, codec::CompressionEncoding, transport::Channel};

use crate::support::{Engine, Home, TestApp};

/// Around the time of the records here, in milliseconds.
const FROM: i64 = 1_789_999_990_000;
const TO: i64 = 1_790_000_100_000;

fn text(text: &str) -> AnyValue {
    AnyValue { value: Some(Any::StringValue(text.to_owned())) }
}

fn request(service: &str, messages: &[&str]) -> ExportLogsServiceRequest {
    let record = |(n, message): (usize, &&str)| LogRecord {
        time_unix_nano: 1_790_000_000_000_000_000 + n as u64,
        severity_number: 17,
        body: Some(text(message)),
        trace_id: vec![7; 16],
        ..LogRecord::default()
    };
    let log_records = messages.iter().enumerate().map(record).collect();
    let scope = Some(InstrumentationScope { name: "test".to_owned(), ..InstrumentationScope::default() });
    let name = KeyValue { key: "service.name".to_owned(), value: Some(text(service)), ..KeyValue::default() };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(Resource { attributes: vec![name], ..Resource::default() }),
            scope_logs: vec![ScopeLogs { scope, log_records, ..ScopeLogs::default() }],
            ..ResourceLogs::default()
        }],
    }
}

/// A trace of two spans, the second of which failed, and one span that has no id.
fn spans(trace: u8) -> ExportTraceServiceRequest {
    let span = |id: u8, parent: u8| Span {
        trace_id: vec![trace; 16],
        span_id: vec![id; if id == 0 { 0 } else { 8 }],
        parent_span_id: vec![parent; if parent == 0 { 0 } else { 8 }],
        name: format!("step {id}"),
        kind: 2,
        start_time_unix_nano: 1_790_000_000_000_000_000,
        end_time_unix_nano: 1_790_000_000_000_000_000 + u64::from(id) * 1_000_000,
        attributes: vec![KeyValue { key: "order".to_owned(), value: Some(text("42")), ..KeyValue::default() }],
        status: (id == 2).then(|| Status { code: 2, message: "no stock".to_owned() }),
        ..Span::default()
    };
    let name = KeyValue { key: "service.name".to_owned(), value: Some(text("checkout")), ..KeyValue::default() };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource { attributes: vec![name], ..Resource::default() }),
            scope_spans: vec![ScopeSpans { spans: vec![span(1, 0), span(2, 1), span(0, 1)], ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

async fn post(client: &reqwest::Client, app: &TestApp, kind: &str, encoding: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
    post_to("/v1/logs", client, app, kind, encoding, body).await
}

async fn post_to(
    path: &str,
    client: &reqwest::Client,
    app: &TestApp,
    kind: &str,
    encoding: &str,
    body: Vec<u8>,
) -> (u16, Vec<u8>) {
    let request = client.post(app.url(path)).header("content-type", kind).header("content-encoding", encoding);
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
            let (_, page) =
                app.get(&format!("/api/monitoring/logs?service={service}&from={FROM}&to={TO}&search=wrong")).await;
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
    assert_eq!(
        app.get(&format!("/api/monitoring/logs?service=a&from={FROM}&to={TO}")).await.1["matched"],
        0,
        "nothing is stored half"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_may_be_larger_than_the_queue() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.ingest.queue_bytes = 64 * 1024;
    let app = TestApp::start_with(config).await;
    let key = app.with_key(TenantId::DEFAULT, true, false).await;
    let lines: Vec<String> = (0..2000).map(|n| format!("line {n} {}", "x".repeat(200))).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let body = request("large", &lines).encode_to_vec();
    let (first, second) = tokio::join!(
        post(&key, &app, "application/x-protobuf", "identity", body.clone()),
        post(&key, &app, "application/x-protobuf", "identity", body.clone())
    );
    let taken = [first.0, second.0].iter().filter(|status| **status == 200).count();
    assert!(taken > 0 && [first.0, second.0].iter().all(|status| [200, 503].contains(status)), "{first:?} {second:?}");
    let stored = app.get(&format!("/api/monitoring/logs?service=large&from={FROM}&to={TO}")).await.1["matched"].clone();
    assert_eq!(stored, 2000 * taken, "all or nothing");
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

#[tokio::test(flavor = "multi_thread")]
async fn spans_become_traces_and_what_has_no_id_is_told() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let key = app.with_key(TenantId::DEFAULT, true, false).await;
    let json = serde_json::to_vec(&spans(3)).unwrap();
    for (kind, encoding, body) in [
        ("application/x-protobuf", "identity", spans(1).encode_to_vec()),
        ("application/x-protobuf", "zstd", zstd::encode_all(spans(2).encode_to_vec().as_slice(), 3).unwrap()),
        ("application/json", "gzip", gzip(&json)),
        // Again, as a sender does that has not heard the answer.
        ("application/json", "identity", json.clone()),
    ] {
        let (status, answer) = post_to("/v1/traces", &key, &app, kind, encoding, body).await;
        assert_eq!(status, 200, "{kind} {encoding}");
        let answer: ExportTraceServiceResponse = if kind.ends_with("protobuf") {
            ExportTraceServiceResponse::decode(answer.as_slice()).unwrap()
        } else {
            serde_json::from_slice(&answer).unwrap()
        };
        let partial = answer.partial_success.unwrap();
        assert_eq!(partial.rejected_spans, 1);
        assert!(partial.error_message.contains("no valid trace id"), "{}", partial.error_message);
    }
    let ask = async |path: &str, body: Value| -> Value {
        let answer = app.client.post(app.url(path)).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path} {}", answer.status());
        answer.json().await.unwrap()
    };
    let attribute = serde_json::json!([{ "key": "order", "op": "equals", "value": "42" }]);
    let range = format!("{FROM}-{TO}");
    let query = serde_json::json!({ "query": { "range": range, "filter": { "attributes": attribute } } });
    let page = ask("/fn/traces", query).await;
    assert_eq!((&page["matched"], &page["matched_errors"]), (&3.into(), &3.into()), "{page}");
    assert_eq!((&page["traces"][0]["spans"], &page["traces"][0]["operation"]), (&2.into(), &"step 1".into()), "{page}");
    assert_eq!(page["services"][0], serde_json::json!({ "service": "checkout", "traces": 3, "errors": 3 }));
    let trace = "03".repeat(16);
    let detail = ask("/fn/trace", serde_json::json!({ "id": trace })).await;
    assert_eq!(detail["outline"]["rows"].as_array().unwrap().len(), 2);
    let rows = ask("/fn/trace/rows", serde_json::json!({ "id": trace, "offset": 1 })).await;
    assert_eq!((&rows["total"], &rows["rows"][0][0]), (&2.into(), &"0202020202020202".into()));
    let span = ask("/fn/trace/span", serde_json::json!({ "trace": trace, "span": "02".repeat(8) })).await;
    assert_eq!((&span["span"]["status_message"], &span["peers"]["count"]), (&"no stock".into(), &3.into()), "{span}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_takes_what_http_takes_and_says_no_in_its_own_words() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.ingest.otlp_body_bytes = 100_000;
    config.ingest.otlp_unpacked_bytes = 1_000_000;
    let app = TestApp::start_with(config).await;
    let channel = Channel::from_shared(format!("http://{}", app.otlp.1)).unwrap().connect().await.unwrap();
    let gzip = CompressionEncoding::Gzip;
    let mut traces = TraceServiceClient::new(channel.clone()).send_compressed(gzip);
    let answer = traces.export(spans(5)).await.unwrap().into_inner();
    assert_eq!(answer.partial_success.unwrap().rejected_spans, 1);
    let mut logs = LogsServiceClient::new(channel.clone());
    let answer = logs.export(request("g", &["over gRPC"])).await.unwrap().into_inner();
    assert_eq!(answer.partial_success, None);
    let found = app.get(&format!("/api/monitoring/logs?service=g&from={FROM}&to={TO}")).await.1;
    assert_eq!(found["matched"], 1, "{found}");

    let reader = app.with_key_secret(TenantId::DEFAULT, false, true).await;
    for (secret, code) in [("csl_nothing", Code::Unauthenticated), (reader.as_str(), Code::PermissionDenied)] {
        let mut refused = tonic::Request::new(spans(6));
        refused.metadata_mut().insert("x-api-key", secret.parse().unwrap());
        assert_eq!(traces.export(refused).await.unwrap_err().code(), code);
    }
    // Larger than is taken: as it is, and once it is unpacked.
    let large = |bytes: usize| request("h", &["x".repeat(bytes).as_str()]);
    assert_eq!(logs.export(large(200_000)).await.unwrap_err().code(), Code::InvalidArgument);
    let mut packed = LogsServiceClient::new(channel).send_compressed(gzip);
    let bomb = packed.export(large(2_000_000)).await.unwrap_err();
    // Not to be sent again.
    assert_eq!(bomb.code(), Code::InvalidArgument, "{bomb:?}");
    let found = app.get(&format!("/api/monitoring/logs?service=h&from={FROM}&to={TO}")).await.1;
    assert_eq!(found["matched"], 0, "nothing is stored half");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_of_otlp_takes_nothing_else_and_pages_that_may_can_send() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.otlp.cors_origins = vec!["https://shop.example".to_owned()];
    let app = TestApp::start_with(config).await;
    let key = app.with_key(TenantId::DEFAULT, true, false).await;
    for base in [app.addr, app.otlp.0] {
        let url = |path: &str| format!("http://{base}{path}");
        let body = request("s", &["hello"]).encode_to_vec();
        let send = |origin: &'static str| {
            let request = key.post(url("/v1/logs")).header("content-type", "application/x-protobuf");
            request.header("origin", origin).body(body.clone()).send()
        };
        let allowed = send("https://shop.example").await.unwrap();
        assert_eq!(allowed.status(), 200);
        assert_eq!(allowed.headers()["access-control-allow-origin"], "https://shop.example");
        let refused = send("https://evil.example").await.unwrap();
        assert_eq!(refused.status(), 403);
        assert!(!refused.headers().contains_key("access-control-allow-origin"));
        let ask = |origin: &'static str| {
            let request = key.request(reqwest::Method::OPTIONS, url("/v1/logs")).header("origin", origin);
            let request = request.header("access-control-request-method", "POST");
            request.header("access-control-request-headers", "content-type,x-api-key").send()
        };
        let asked = ask("https://shop.example").await.unwrap();
        assert_eq!(asked.headers()["access-control-allow-headers"], "content-type,x-api-key");
        assert!(!ask("https://evil.example").await.unwrap().headers().contains_key("access-control-allow-origin"));
    }
    let elsewhere = app.client.get(format!("http://{}/monitoring", app.otlp.0)).send().await.unwrap();
    assert_eq!(elsewhere.status(), 404);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_snapshot_becomes_a_trace_and_counts_once() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let key = app.with_key(TenantId::DEFAULT, true, false).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let snapshot = serde_json::json!({
        "service": "legacy", "method": "POST", "path": "/orders/42?token=abc", "status": 500,
        "error": "no connection to password=hunter2", "stack": "at a\nat b", "duration_ms": 12.5,
        "headers": { "Authorization": "Bearer secret", "X-Shop": "7" }, "body": "{\"card\":\"4111111111111111\"}",
        "trace_id": trace, "occurred_at": "2026-09-21T14:13:20Z",
    });
    let send = async |body: &Value| {
        let answer = key.post(app.url("/api/v1/ingest/errors")).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, first) = send(&snapshot).await;
    assert_eq!((status, &first["trace_id"]), (201, &trace.into()), "{first}");
    assert_eq!(send(&snapshot).await.1["span_id"], first["span_id"]);
    let asked = serde_json::json!({ "trace": trace, "span": first["span_id"] });
    let answer = app.client.post(app.url("/fn/trace/span")).json(&asked).send().await.unwrap();
    let span: Value = answer.json::<Value>().await.unwrap()["span"].take();
    assert_eq!((&span["name"], &span["status"]), (&"POST /orders/:id".into(), &"error".into()), "{span}");
    assert_eq!(span["attributes"]["http.request.header.x-shop"], "7");
    assert_eq!(span["events"][0]["attributes"]["exception.stacktrace"], "at a\nat b");
    for secret in ["hunter2", "Bearer secret", "4111111111111111", "abc"] {
        assert!(!span.to_string().contains(secret), "{secret}: {span}");
    }
    let asked = serde_json::json!({ "id": trace });
    let answer = app.client.post(app.url("/fn/trace")).json(&asked).send().await.unwrap();
    let detail: Value = answer.json().await.unwrap();
    assert_eq!((&detail["summary"]["spans"], &detail["summary"]["errors"]), (&1.into(), &1.into()), "{detail}");
    for (field, wrong) in [("status", Value::from(7)), ("method", "".into()), ("duration_ms", Value::from(-1))] {
        let mut bad = snapshot.clone();
        bad[field] = wrong;
        let (status, answer) = send(&bad).await;
        assert_eq!((status, &answer["error"]["details"]["field"]), (422, &field.into()), "{answer}");
    }
    app.stop().await;
}
