//! Nobody sees or changes what belongs to another tenant: every route, page and server function is walked with other
//! tenants' credentials and with none.

use std::{collections::BTreeSet, time::Duration};

use app::model::{Level, Role, TenantId, TraceId, UnixNanos};
use futures::StreamExt;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use server::{
    clock::{Clock, SystemClock},
    http::{
        class::{Class, FUNCTIONS, PAGES},
        declared,
    },
    ingest::Submission,
    store::{
        NewSample,
        log::NewLogRecord,
        sample::Labels,
        span::{HttpCall, NewSpan},
    },
};
use uuid::Uuid;

use crate::support::{Engine, Home, TestApp, client_with};

/// Stands in everything that the tenant `default` owns here.
const MARK: &str = "zebrafish";

/// A span of a trace of its own.
const SPAN: &str = "00f067aa0ba902b7";

/// What belongs to `default`.
struct Owned {
    trace: Uuid,
    /// Of a log record.
    log: i64,
    /// Of a span.
    span_trace: TraceId,
    target: Uuid,
    dashboard: Uuid,
    user: Uuid,
    key: Uuid,
    session: Uuid,
}

async fn fill(app: &TestApp) -> Owned {
    let stores = &app.services.stores;
    let admin = app.signed_in(&format!("{MARK}@example.com"), TenantId::DEFAULT, Role::Admin).await;
    let made: Value = admin.post(app.url("/v1/traces/demo")).send().await.unwrap().json().await.unwrap();
    let log = NewLogRecord {
        timestamp: UnixNanos::from(SystemClock.now_utc()),
        level: Level::Error,
        service: MARK.to_owned(),
        message: format!("{MARK} failed"),
        trace_id: None,
        span_id: None,
        attributes: String::new(),
    };
    let span_trace = TraceId(Uuid::new_v4().into_bytes());
    let span = NewSpan {
        trace_id: span_trace,
        span_id: SPAN.parse().unwrap(),
        name: MARK.to_owned(),
        start: UnixNanos::from(SystemClock.now_utc()),
        http: Some(HttpCall { method: "GET".into(), route: format!("/{MARK}"), status: 500 }),
        ..crate::spans::span(1, 1, MARK)
    };
    let (logs, spans) = (vec![(TenantId::DEFAULT, log)], vec![(TenantId::DEFAULT, span)]);
    let sample = |name: &str, labels: &[(&str, &str)]| NewSample {
        tenant: TenantId::DEFAULT,
        series: Labels::named(name, labels),
        time: UnixNanos::from(SystemClock.now_utc()),
        value: 1.0,
    };
    let metrics = vec![sample(MARK, &[]), sample("sonar_total", &[("fish", MARK)])].into();
    app.services.ingest.submit(Submission { logs, spans, metrics, ..Submission::default() }).await.unwrap();
    let target = json!({ "request": target() });
    let target: Value =
        admin.post(app.url("/fn/targets/add")).json(&target).send().await.unwrap().json().await.unwrap();
    let made_dashboard: Value = admin
        .post(app.url("/fn/dashboards/add"))
        .json(&json!({ "dashboard": dashboard() }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let key = json!({ "request": { "name": MARK, "can_ingest": true, "can_read": true, "expires_in_days": null } });
    let key: Value = admin.post(app.url("/fn/keys/add")).json(&key).send().await.unwrap().json().await.unwrap();
    let lines = admin.get(app.url(&format!("/api/monitoring/logs?service={MARK}"))).send().await.unwrap();
    let lines: Value = lines.json().await.unwrap();
    let user = stores.identity.user_by_email(&format!("{MARK}@example.com")).await.unwrap().unwrap().id;
    Owned {
        span_trace,
        log: lines["logs"][0]["id"].as_i64().unwrap(),
        trace: made["trace_id"].as_str().unwrap().parse().unwrap(),
        key: key["key"]["id"].as_str().unwrap().parse().unwrap(),
        session: stores.identity.sessions_of(user, SystemClock.now_utc()).await.unwrap()[0].id,
        dashboard: made_dashboard["id"].as_str().unwrap().parse().unwrap(),
        target: target["id"].as_str().unwrap().parse().unwrap(),
        user,
    }
}

/// A dashboard that asks for everything.
fn dashboard() -> Value {
    let query = json!({ "text": "{__name__=~\".+\"}" });
    json!({ "title": MARK, "rows": [{ "panels": [{ "queries": [query] }] }] })
}

/// A target that is never asked.
fn target() -> Value {
    json!({ "job": MARK, "url": format!("http://{MARK}.invalid/{}", Uuid::new_v4()), "settings": { "is_enabled": false } })
}

/// What is sent to a server function: where it takes an id, that of something of `default`. None for a function that is
/// not known here.
fn arguments(path: &str, owned: &Owned) -> Option<Value> {
    let range = json!("1h");
    let logs = json!({ "query": { "filter": {}, "range": range, "limit": 0, "cursor": null } });
    Some(match path {
        "/fn/overview" => json!({ "query": { "range": range, "compare": "previous", "overlay": false } }),
        "/fn/logs" => logs,
        "/fn/logs/context" => json!({ "query": { "id": owned.log, "lines": 5 } }),
        "/fn/pipelines" | "/fn/metrics" => json!({ "query": {} }),
        "/fn/pipeline" => json!({ "id": owned.trace }),
        "/fn/pipelines/demo" => json!({ "count": 1 }),
        "/fn/traces/contrast" => json!({ "query": { "query": { "range": range }, "within": range } }),
        "/fn/metrics/labels" => json!({ "query": { "metric": "sonar_total" } }),
        "/fn/metrics/values" => json!({ "query": { "label": "fish" } }),
        "/fn/metrics/query" => json!({ "query": { "texts": ["{__name__=~\".+\"}"], "range": range } }),
        "/fn/metrics/check" => json!({ "text": "sum(" }),
        "/fn/performance/endpoint" | "/fn/performance/calls" => json!({ "query": {
            "range": range, "endpoint": { "service": MARK, "method": "GET", "route": "/" } } }),
        "/fn/performance"
        | "/fn/performance/errors"
        | "/fn/map"
        | "/fn/traces"
        | "/fn/logs/summary"
        | "/fn/logs/patterns" => json!({ "query": { "range": range } }),
        "/fn/trace" => json!({ "id": owned.span_trace }),
        "/fn/trace/rows" => json!({ "id": owned.span_trace, "offset": 0 }),
        "/fn/trace/compare" => json!({ "id": owned.span_trace, "other": owned.span_trace }),
        "/fn/trace/span" => json!({ "trace": owned.span_trace, "span": SPAN }),
        "/fn/welcome" => json!({ "token": "nothing" }),
        "/fn/account/name" => json!({ "name": "Another" }),
        "/fn/account/password" => json!({ "current": "x", "new": "y" }),
        "/fn/account/sessions/close" => json!({ "id": owned.session }),
        "/fn/users" => json!({ "after": null }),
        "/fn/users/add" => json!({ "email": "new@example.com", "name": "New", "role": "viewer" }),
        "/fn/users/role" => json!({ "id": owned.user, "role": "viewer" }),
        "/fn/users/remove" | "/fn/users/reset" => json!({ "id": owned.user }),
        "/fn/users/disable" => json!({ "id": owned.user, "is_disabled": true }),
        "/fn/keys/add" => {
            json!({ "request": { "name": "k", "can_ingest": true, "can_read": true, "expires_in_days": null } })
        }
        "/fn/keys/revoke" => json!({ "id": owned.key }),
        "/fn/targets/add" | "/fn/targets/try" => {
            let id = path.ends_with("try").then_some(owned.target);
            json!({ "id": id, "request": { "job": "own", "url": "http://127.0.0.1:9/" } })
        }
        "/fn/targets/change" => json!({ "id": owned.target, "request": { "job": "own", "url": "http://x/" } }),
        "/fn/targets/remove" => json!({ "id": owned.target }),
        "/fn/dashboards/view" => json!({ "query": { "id": owned.dashboard, "range": range } }),
        "/fn/dashboards/add" => json!({ "dashboard": { "title": "own" } }),
        "/fn/dashboards/change" => {
            json!({ "id": owned.dashboard, "change": { "revision": 1, "dashboard": { "title": "own" } } })
        }
        "/fn/dashboards/remove" => json!({ "id": owned.dashboard }),
        "/fn/dashboards/panels/add" => {
            json!({ "id": owned.dashboard, "panel": { "queries": [{ "text": "up" }] } })
        }
        "/fn/tenants/add" => json!({ "name": "another" }),
        "/fn/audit" => json!({ "before": null }),
        "/fn/redaction/try" => json!({ "sample": "token=x" }),
        "/fn/pipelines/demo/remove"
        | "/fn/account"
        | "/fn/account/sessions/close-others"
        | "/fn/keys"
        | "/fn/targets"
        | "/fn/dashboards"
        | "/fn/tenants"
        | "/fn/settings"
        | "/fn/redaction"
        | "/fn/docs" => json!({}),
        _ => return None,
    })
}

/// Every way in: method, path as it is declared, path as it is asked, class, body.
fn ways(app: &TestApp, owned: &Owned) -> Vec<(Method, String, String, Class, Option<Value>)> {
    let routes = declared(app.services.clone()).into_iter().map(|route| {
        let id = match route.path.as_str() {
            path if path.starts_with("/api/v1/scrape-targets") => owned.target,
            path if path.starts_with("/api/v1/dashboards") => owned.dashboard,
            _ => owned.trace,
        };
        let asked = route.path.replace("{id}", &id.to_string());
        let asked = asked.replace("{log_id}", &owned.log.to_string());
        let body = (route.method == "PUT").then(|| match id {
            id if id == owned.dashboard => json!({ "revision": 1, "dashboard": { "title": "own" } }),
            _ => json!({ "job": "own", "url": "http://x/" }),
        });
        (route.method.parse().unwrap(), route.path, asked, route.class, body)
    });
    let pages = PAGES.iter().map(|(path, class)| {
        let id = if path.contains("dashboards") { owned.dashboard } else { owned.trace };
        let asked = path.replace("{id}", &id.to_string());
        let asked = asked.replace("{trace_id}", &owned.span_trace.to_string());
        (Method::GET, (*path).to_owned(), asked, *class, None)
    });
    let functions = FUNCTIONS.iter().map(|(path, class)| {
        let body = arguments(path, owned).unwrap_or_else(|| panic!("no arguments are known for {path}"));
        (Method::POST, (*path).to_owned(), (*path).to_owned(), *class, Some(body))
    });
    routes.chain(pages).chain(functions).collect()
}

/// Longest wait for an answer to begin: far more than any takes, so that one that never comes is named.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a body is read at most: streams never end, and may carry something all the time.
const READ_FOR: Duration = Duration::from_secs(5);

/// Status, and what there is of a body within a short time.
async fn ask(client: &Client, app: &TestApp, method: &Method, path: &str, body: Option<&Value>) -> (u16, String) {
    let mut request = client.request(method.clone(), app.url(path));
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = tokio::time::timeout(PATIENCE, request.send()).await;
    let response = response.unwrap_or_else(|_| panic!("{method} {path} is not answered")).unwrap();
    let status = response.status().as_u16();
    let mut chunks = response.bytes_stream();
    let mut text = String::new();
    let until = tokio::time::Instant::now() + READ_FOR;
    while let Some(left) = until.checked_duration_since(tokio::time::Instant::now()).filter(|left| !left.is_zero())
        && let Ok(Some(Ok(chunk))) = tokio::time::timeout(left.min(Duration::from_millis(400)), chunks.next()).await
    {
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    (status, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_in_is_closed_to_other_tenants_and_to_nobody() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let owned = fill(&app).await;
    let acme = app.services.stores.identity.add_tenant("acme", SystemClock.now_utc()).await.unwrap().unwrap();
    let others = [
        ("admin", app.signed_in("admin@acme.example", acme, Role::Admin).await),
        ("viewer", app.signed_in("viewer@acme.example", acme, Role::Viewer).await),
        ("key to read", app.with_key(acme, false, true).await),
        ("key to send", app.with_key(acme, true, false).await),
    ];
    let nobody = client_with("accept", "*/*");
    let wrong = client_with("x-api-key", "csl_nothing");

    let all = ways(&app, &owned);
    let mut walked = BTreeSet::new();
    for (method, declared, path, class, body) in &all {
        // It would sign out the one who walks.
        let ends_the_walk = path.ends_with("/auth/logout");
        for (who, client) in others.iter().filter(|_| !ends_the_walk) {
            let (status, text) = ask(client, &app, method, path, body.as_ref()).await;
            let place = format!("{method} {path} as {who}: {status} {text}");
            assert!(status < 500 && (status != 422 || body.is_none() || path == "/fn/account/password"), "{place}");
            assert!(!text.contains(MARK), "{place}");
            let is_key = who.starts_with("key");
            let ids = [owned.trace, owned.target, owned.user, owned.key, owned.session].map(|id| id.to_string());
            let names_something = ids
                .into_iter()
                .chain([owned.span_trace.to_string()])
                .any(|id| path.contains(&id) || body.as_ref().is_some_and(|body| body.to_string().contains(&id)));
            if names_something {
                assert!([401, 403, 404].contains(&status), "{place}");
            }
            if matches!(class, Class::User(Role::Admin | Role::Editor)) && *who != "admin" {
                assert_eq!(status, 403, "{place}");
            }
            if *class == Class::Scrape {
                assert_eq!(status, 403, "{place}");
            }
            if *class == Class::Session && is_key {
                assert_eq!(status, 403, "{place}");
            }
        }
        for client in [&nobody, &wrong] {
            let (status, text) = ask(client, &app, method, path, body.as_ref()).await;
            let place = format!("{method} {path} as nobody: {status} {text}");
            assert!(!text.contains(MARK), "{place}");
            match class {
                Class::Open => assert!(status < 500, "{place}"),
                _ if PAGES.iter().any(|(page, _)| page == declared) => assert_eq!(status, 303, "{place}"),
                _ => assert_eq!(status, 401, "{place}"),
            }
        }
        walked.insert((method.to_string(), declared.clone()));
    }
    let expected = declared(app.services.clone()).len() + PAGES.len() + FUNCTIONS.len();
    assert_eq!(walked.len(), expected, "every way in is walked once");

    // What belongs to `default` is as it was.
    let target = app.get(&format!("/api/v1/scrape-targets/{}", owned.target)).await.1;
    assert_eq!(target["job"], MARK);
    let dashboard = app.get(&format!("/api/v1/dashboards/{}", owned.dashboard)).await.1;
    assert_eq!((&dashboard["dashboard"]["title"], &dashboard["revision"]), (&json!(MARK), &json!(1)));
    let stores = &app.services.stores.identity;
    let user = stores.user(owned.user).await.unwrap().unwrap();
    assert!(!user.is_disabled && stores.tenants_of(user.id).await.unwrap()[0].1 == Role::Admin);
    assert!(stores.keys(TenantId::DEFAULT).await.unwrap().iter().all(|key| key.revoked_at.is_none()));
    assert_eq!(app.get(&format!("/v1/traces/{}", owned.trace)).await.0, 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_stream_carries_nothing_of_other_tenants() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let acme = app.services.stores.identity.add_tenant("acme", SystemClock.now_utc()).await.unwrap().unwrap();
    let viewer = app.signed_in("viewer@acme.example", acme, Role::Viewer).await;
    let key = app.with_key(acme, true, true).await;
    for path in ["/api/monitoring/logs/stream?after=0", "/api/monitoring/advanced/logs/stream"] {
        for client in [&viewer, &key] {
            let (status, (_, text)) = tokio::join!(
                async {
                    tokio::time::sleep(Duration::from_millis(150)).await;
                    fill(&app).await.trace
                },
                ask(client, &app, &Method::GET, path, None)
            );
            assert!(!text.contains(MARK) && text.contains("event: ready"), "{path} {status}: {text}");
        }
    }
    app.stop().await;
}
