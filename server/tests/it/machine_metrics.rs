//! `POST /api/v1/ingest/metrics`: what agents on machines send.

use app::model::{TenantId, UnixMillis};
use serde_json::{Value, json};
use server::{
    clock::{Clock, SystemClock},
    store::Stores,
};
use uuid::Uuid;

use crate::support::{Engine, Home, TestApp, on_both_engines};

const PATH: &str = "/api/v1/ingest/metrics";

fn report(version: &str, sent_at: UnixMillis) -> Value {
    json!({
        "machine": { "hostname": "web-01", "os": "linux" },
        "metrics": [
            { "name": "cpu_load", "type": "numeric", "value": 0.42, "unit": "ratio" },
            { "name": "service_nginx_ok", "type": "boolean", "value": true },
            { "name": "version", "type": "string", "value": version },
        ],
        "sent_at": sent_at.to_utc().to_rfc3339(),
    })
}

async fn send(app: &TestApp, client: &reqwest::Client, id: Option<&str>, body: &Value) -> (u16, Value) {
    let mut request = client.post(app.url(PATH)).json(body);
    if let Some(id) = id {
        request = request.header("X-Ingest-Id", id);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

async fn query(app: &TestApp, query: &str, at: UnixMillis) -> Value {
    let form = [("query", query.to_owned()), ("time", (at.0 as f64 / 1000.0).to_string())];
    let asked = app.client.post(app.url("/prometheus/api/v1/query")).form(&form).send().await.unwrap();
    asked.json::<Value>().await.unwrap()["data"]["result"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_reports_numbers_truths_and_texts_once() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = TestApp::start(&home).await;
        let key = app.with_key(TenantId::DEFAULT, true, false).await;
        let now = SystemClock.now_millis();
        let earlier = UnixMillis(now.0 - 60_000);
        let id = Uuid::new_v4().to_string();
        let (status, body) = send(&app, &key, Some(&id), &report("1.0.0", earlier)).await;
        assert_eq!((status, &body), (201, &json!({ "status": "stored", "metrics": 3 })));
        let (status, body) = send(&app, &key, Some(&id), &report("1.0.0", now)).await;
        assert_eq!((status, &body["status"]), (200, &json!("duplicate")));
        assert_eq!(send(&app, &key, None, &report("1.0.1", now)).await.0, 201);

        let of_machine = |name: &str| format!(r#"{name}{{job="machine", instance="web-01"}}"#);
        let value = |result: &Value| result[0]["value"][1].as_str().unwrap().to_owned();
        assert_eq!(value(&query(&app, &of_machine("cpu_load"), now).await), "0.42");
        assert_eq!(value(&query(&app, &of_machine("service_nginx_ok"), now).await), "1");
        let counted = query(&app, "count_over_time(cpu_load[5m])", now).await;
        assert_eq!(value(&counted), "2", "what was sent twice is there once");
        let before = query(&app, "version", earlier).await;
        assert_eq!(before[0]["metric"]["value"], "1.0.0", "{before}");
        let after = query(&app, "version", now).await;
        assert_eq!((after.as_array().unwrap().len(), &after[0]["metric"]["value"]), (1, &json!("1.0.1")), "{after}");
        assert_eq!(query(&app, "machine_info", now).await[0]["metric"]["os"], "linux");
        let (_, said) = app.get("/prometheus/api/v1/metadata?metric=cpu_load").await;
        assert_eq!(said["data"]["cpu_load"][0]["unit"], "ratio", "{said}");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_report_is_named_and_nothing_of_it_is_stored() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let key = app.with_key(TenantId::DEFAULT, true, false).await;
    let now = SystemClock.now_millis();
    let wrong = [
        ("/metrics/0/value", json!("0.42"), "metrics[0].value"),
        ("/metrics/1/value", json!(1), "metrics[1].value"),
        ("/metrics/2/value", json!(null), "metrics[2].value"),
        ("/metrics/2/name", json!("cpu_load"), "metrics[2].name"),
        ("/metrics/0/name", json!("…"), "metrics[0].name"),
        ("/metrics/0/type", json!("float"), "body"),
        ("/machine/hostname", json!(""), "machine.hostname"),
        ("/machine/os", json!(["linux"]), "machine.os"),
        ("/metrics", json!([]), "metrics"),
        ("/sent_at", json!("2100-01-01T00:00:00Z"), "sent_at"),
        ("/sent_at", json!("yesterday"), "body"),
    ];
    for (place, value, field) in wrong {
        let mut body = report("1.0.0", now);
        *body.pointer_mut(place).unwrap() = value;
        let (status, error) = send(&app, &key, None, &body).await;
        assert_eq!((status, &error["error"]["details"]["field"]), (422, &json!(field)), "{place}: {error}");
    }
    let (status, error) = send(&app, &key, Some("seven"), &report("1", now)).await;
    assert_eq!((status, &error["error"]["details"]["field"]), (422, &json!("X-Ingest-Id")));
    assert_eq!(query(&app, "cpu_load", now).await, json!([]));
    let nobody = crate::support::client_with("x-api-key", "csl_nothing");
    assert_eq!(send(&app, &nobody, None, &report("1", now)).await.0, 401);
    let reader = app.with_key(TenantId::DEFAULT, false, true).await;
    assert_eq!(send(&app, &reader, None, &report("1", now)).await.0, 403);
    app.stop().await;
}

mod cases {
    use super::*;

    pub async fn a_receipt_is_kept_for_a_week(_home: &Home, stores: &Stores) {
        let metrics = &stores.metrics;
        let (id, day) = (Uuid::new_v4(), 86_400_000);
        let acme = stores.identity.add_tenant("acme", SystemClock.now_utc()).await.unwrap().unwrap();
        let claim = async |tenant, at| {
            let receipt = metrics.claim_receipt(tenant, id, UnixMillis(at)).await.unwrap();
            (receipt.taken_at.0, receipt.is_stored)
        };
        assert_eq!(claim(TenantId::DEFAULT, day).await, (day, false));
        assert_eq!(claim(TenantId::DEFAULT, day + 5).await, (day, false), "it was not stored yet");
        metrics.keep_receipt(TenantId::DEFAULT, id).await.unwrap();
        assert_eq!(claim(TenantId::DEFAULT, 2 * day).await, (day, true));
        assert_eq!(claim(acme, 2 * day).await, (2 * day, false), "another tenant's ids are its own");
        assert_eq!(claim(TenantId::DEFAULT, 8 * day + 1).await, (8 * day + 1, false));
    }
}

on_both_engines!(a_receipt_is_kept_for_a_week);
