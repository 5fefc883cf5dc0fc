//! Scraping: real exporters, and targets that hang, lie or send too much.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use app::model::{Role, TenantId};
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::{Value, json};
use server::{
    clock::{Clock, SystemClock},
    config::ScrapeJob,
};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::{
    dashboards,
    prometheus::NodeExporter,
    support::{Engine, Home, TestApp, on_both_engines},
};

/// What a target says.
#[derive(Clone)]
enum Says {
    Text(String),
    OpenMetrics(String),
    Status(u16),
    /// What unfolds to very much more.
    Bomb(Vec<u8>),
    /// So many bytes as they are.
    Flood(usize),
    Nothing,
    Slowly,
    Html,
    Redirect(String),
    /// Only to who shows this.
    For(String, String),
}

/// A program that shows metrics.
struct Exporter {
    addr: SocketAddr,
    says: Arc<Mutex<Says>>,
}

impl Exporter {
    async fn start(says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let says = Arc::new(Mutex::new(says));
        let router = Router::new().route("/metrics", get(answer)).with_state(says.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { addr, says }
    }

    fn url(&self) -> String {
        format!("http://{}/metrics", self.addr)
    }

    fn says(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }
}

async fn answer(State(says): State<Arc<Mutex<Says>>>, headers: HeaderMap) -> Response {
    const TEXT: &str = "text/plain; version=0.0.4";
    let says = says.lock().unwrap().clone();
    let with = |kind: &'static str, body: String| ([(header::CONTENT_TYPE, kind)], body).into_response();
    match says {
        Says::Text(text) => with(TEXT, text),
        Says::OpenMetrics(text) => with("application/openmetrics-text; version=1.0.0; charset=utf-8", text),
        Says::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Says::Bomb(packed) => {
            ([(header::CONTENT_TYPE, TEXT), (header::CONTENT_ENCODING, "gzip")], packed).into_response()
        }
        Says::Flood(bytes) => {
            let chunks = (0..bytes / 65_536).map(|_| Ok::<_, std::io::Error>(vec![b'#'; 65_536]));
            ([(header::CONTENT_TYPE, TEXT)], Body::from_stream(futures::stream::iter(chunks))).into_response()
        }
        Says::Nothing => std::future::pending().await,
        Says::Slowly => {
            let drops = futures::stream::unfold((), |()| async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Some((Ok::<_, std::io::Error>("a 1\n"), ()))
            });
            ([(header::CONTENT_TYPE, TEXT)], Body::from_stream(drops)).into_response()
        }
        Says::Html => with("text/html", "<p>Sign in</p>".to_owned()),
        Says::Redirect(to) => Redirect::to(&to).into_response(),
        Says::For(authorization, text)
            if headers.get("authorization").is_some_and(|shown| *shown == *authorization) =>
        {
            with(TEXT, text)
        }
        Says::For(..) => StatusCode::UNAUTHORIZED.into_response(),
    }
}

/// So many bytes, compressed to almost nothing.
fn bomb(bytes: u64) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::copy(&mut std::io::Read::take(std::io::repeat(b'#'), bytes), &mut packed).unwrap();
    packed.finish().unwrap()
}

/// So many series of one metric.
fn many(series: u32, label: &str) -> String {
    (0..series).fold(String::new(), |mut text, n| {
        let _infallible = writeln!(text, "many{{{label}=\"{n}\"}} 1");
        text
    })
}

pub fn request(job: &str, url: &str) -> Value {
    json!({ "job": job, "url": url, "settings": { "interval_seconds": 1, "timeout_seconds": 1 } })
}

pub async fn add(app: &TestApp, request: &Value) -> Value {
    let added = app.client.post(app.url("/api/v1/scrape-targets")).json(request).send().await.unwrap();
    let (status, body) = (added.status(), added.json::<Value>().await.unwrap());
    assert_eq!(status, 201, "{body}");
    body
}

/// The state of a target once it is as wanted.
async fn state(app: &TestApp, id: &Value, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let mut target = Value::Null;
    for _ in 0..300 {
        target = app.get(&format!("/api/v1/scrape-targets/{}", id.as_str().unwrap())).await.1;
        if is_wanted(&target["state"]) {
            return target["state"].clone();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{target}");
}

/// The answer to a query once it is as wanted.
pub async fn query(app: &TestApp, query: &str, is_wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let mut last = Value::Null;
    for _ in 0..300 {
        let form = [("query", query)];
        let asked = app.client.post(app.url("/prometheus/api/v1/query")).form(&form).send().await.unwrap();
        last = asked.json().await.unwrap();
        if let Some(result) = last["data"]["result"].as_array()
            && is_wanted(result)
        {
            return result.clone();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{query}: {last}");
}

fn is_down(why: &str) -> impl Fn(&Value) -> bool {
    move |state| state["health"] == "down" && state["error"].as_str().is_some_and(|error| error.contains(why))
}

fn is_up(state: &Value) -> bool {
    state["health"] == "up"
}

fn has_values(values: &[&str]) -> impl Fn(&[Value]) -> bool {
    let wanted: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
    move |result| result.iter().map(|one| one["value"][1].as_str().unwrap().to_owned()).collect::<Vec<_>>() == wanted
}

#[tokio::test(flavor = "multi_thread")]
async fn node_exporter_is_scraped_on_both_engines() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = TestApp::start(&home).await;
        let exporter = NodeExporter::start();
        let mut wanted = request("node", &exporter.url());
        wanted["settings"]["labels"] = json!({ "zone": "a", "instance": "web-01" });
        let id = add(&app, &wanted).await["id"].clone();
        let fares = state(&app, &id, is_up).await;
        assert!(fares["samples"].as_u64().unwrap() > 100 && fares["bytes"].as_u64().unwrap() > 1000, "{fares}");
        assert_eq!(fares["warning"], Value::Null);
        query(&app, r#"up{job="node", instance="web-01", zone="a"}"#, has_values(&["1"])).await;
        query(&app, r#"scrape_samples_scraped{job="node"} > 100"#, |result| result.len() == 1).await;
        query(&app, r#"sum(rate(node_cpu_seconds_total{instance="web-01"}[1m])) > 0"#, |result| result.len() == 1)
            .await;
        let empty = dashboards::empty_panels(&app, "hosts", |empty| empty.len() <= 1).await;
        assert!(empty.is_empty() || empty == ["Full within a day at this pace"], "these stay empty: {empty:?}");
        let (_, said) = app.get("/prometheus/api/v1/metadata?metric=node_cpu_seconds_total").await;
        assert_eq!(said["data"]["node_cpu_seconds_total"][0]["type"], "counter", "{said}");
        let (_, targets) = app.get("/prometheus/api/v1/targets").await;
        let target = &targets["data"]["activeTargets"][0];
        assert_eq!((&target["health"], &target["scrapePool"]), (&json!("up"), &json!("node")), "{targets}");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_fails_is_down_and_says_why_and_its_series_end() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.scrape.body_bytes = 2 * 1024 * 1024;
    config.scrape.samples = 1000;
    let app = TestApp::start_with(config).await;
    let exporter = Exporter::start(Says::Text("temperature 21\n".to_owned())).await;
    let id = add(&app, &request("thermometer", &exporter.url())).await["id"].clone();
    state(&app, &id, is_up).await;
    query(&app, "temperature", has_values(&["21"])).await;

    let faults = [
        (Says::Nothing, "within 1 s"),
        (Says::Slowly, "within 1 s"),
        (Says::Bomb(bomb(100 * 1024 * 1024)), "larger than 2097152 bytes"),
        (Says::Flood(100 * 1024 * 1024), "larger than 2097152 bytes"),
        (Says::Text("temperature not a number\n".to_owned()), "line 1"),
        (Says::Text(many(1001, "n")), "more than 1000 samples"),
        (Says::OpenMetrics("temperature 21\n".to_owned()), "# EOF"),
        (Says::Html, "no format of metrics"),
        (Says::Status(503), "503"),
        (Says::Redirect("http://169.254.169.254/latest/meta-data/".to_owned()), "169.254.169.254"),
        (Says::Redirect("/metrics".to_owned()), "redirects more than 3 times"),
    ];
    for (says, why) in faults {
        exporter.says(says);
        state(&app, &id, is_down(why)).await;
        query(&app, "temperature", <[Value]>::is_empty).await;
        query(&app, "up{job=\"thermometer\"}", has_values(&["0"])).await;
        // It comes back at once.
        exporter.says(Says::Text("temperature 22\n".to_owned()));
        let fares = state(&app, &id, is_up).await;
        assert_eq!(fares["error"], Value::Null);
        query(&app, "temperature", has_values(&["22"])).await;
    }

    // When it is removed its series end, also those that tell of it.
    let removed = app.client.delete(app.url(&format!("/api/v1/scrape-targets/{}", id.as_str().unwrap())));
    assert_eq!(removed.send().await.unwrap().status(), 204);
    query(&app, "up{job=\"thermometer\"}", <[Value]>::is_empty).await;
    query(&app, "temperature", <[Value]>::is_empty).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_is_told_and_the_rest_is_stored() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    // Room for what Console collects itself and for a few more.
    config.ingest.series_per_tenant = 400;
    let app = TestApp::start_with(config).await;
    let later = SystemClock.now_millis().0 + 3_600_000;
    let text = format!("a NaN\nb +Inf\nc -Inf\nd 1\nd 2\nfuture 1 {later}\npassword_total{{token=\"hunter2\"}} 1\n");
    let exporter = Exporter::start(Says::Text(text)).await;
    let id = add(&app, &request("liar", &exporter.url())).await["id"].clone();
    let fares = state(&app, &id, is_up).await;
    assert!(fares["warning"].as_str().unwrap().starts_with("2 samples were not stored: "), "{fares}");
    query(&app, "a", has_values(&["NaN"])).await;
    query(&app, "b", has_values(&["+Inf"])).await;
    query(&app, "d", has_values(&["1"])).await;
    let kept = query(&app, "password_total", |result| result.len() == 1).await;
    assert!(!kept[0].to_string().contains("hunter2"), "{kept:?}");

    // A label explodes: there is room for some, and the target says so.
    exporter.says(Says::Text(many(2000, "user")));
    let fares = state(&app, &id, |state| state["warning"].as_str().is_some_and(|text| text.contains("user"))).await;
    assert!(is_up(&fares), "{fares}");
    let stored = query(&app, "count(many)", |result| result.len() == 1).await;
    let stored: f64 = stored[0]["value"][1].as_str().unwrap().parse().unwrap();
    assert!((1.0..400.0).contains(&stored), "{stored}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_that_begins_anew_and_an_exemplar_are_what_they_are() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let text = |total: u32| {
        format!(
            "# TYPE orders counter\n# HELP orders Orders that were taken.\norders_total {total} # \
             {{trace_id=\"0af7651916cd43dd8448eb211c80319c\"}} 1\n# EOF\n"
        )
    };
    let exporter = Exporter::start(Says::OpenMetrics(text(100))).await;
    let id = add(&app, &request("shop", &exporter.url())).await["id"].clone();
    state(&app, &id, is_up).await;
    query(&app, "count_over_time(orders_total[1m]) >= 2", |result| result.len() == 1).await;
    exporter.says(Says::OpenMetrics(text(7)));
    query(&app, "orders_total", has_values(&["7"])).await;
    query(&app, "resets(orders_total[1m])", has_values(&["1"])).await;
    let now = SystemClock.now_millis().0 / 1000;
    let path = format!("/prometheus/api/v1/query_exemplars?query=orders_total&start={}&end={}", now - 600, now + 60);
    let (_, exemplars) = app.get(&path).await;
    let labels = &exemplars["data"][0]["exemplars"][0]["labels"];
    assert_eq!(labels["trace_id"], "0af7651916cd43dd8448eb211c80319c", "{exemplars}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_shown_what_it_wants_to_see() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    // x:hunter2
    let exporter = Exporter::start(Says::For("Basic eDpodW50ZXIy".to_owned(), "a 1\n".to_owned())).await;
    let mut basic = request("basic", &exporter.url());
    let none = app.client.post(app.url("/api/v1/scrape-targets/try")).json(&basic).send().await.unwrap();
    let none: Value = none.json().await.unwrap();
    assert!(is_down("401")(&none["state"]), "{none}");
    basic["settings"]["auth"] = json!({ "kind": "basic", "username": "x" });
    let missing = app.client.post(app.url("/api/v1/scrape-targets")).json(&basic).send().await.unwrap();
    assert_eq!(missing.status(), 422);
    assert_eq!(missing.json::<Value>().await.unwrap()["error"]["details"]["field"], "secret");
    basic["secret"] = json!("hunter2");
    let tried = app.client.post(app.url("/api/v1/scrape-targets/try")).json(&basic).send().await.unwrap();
    let tried: Value = tried.json().await.unwrap();
    assert_eq!((&tried["state"]["health"], &tried["metrics"]), (&json!("up"), &json!(["a"])), "{tried}");
    let target = add(&app, &basic).await;
    assert!(!target.to_string().contains("hunter2"));
    let (_, all) = app.get("/api/v1/scrape-targets").await;
    assert!(!all.to_string().contains("hunter2"));
    state(&app, &target["id"], is_up).await;

    // A change that says no secret keeps it, unless the address is another one: nobody learns it that way.
    let path = format!("/api/v1/scrape-targets/{}", target["id"].as_str().unwrap());
    basic["secret"] = Value::Null;
    basic["settings"]["labels"] = json!({ "zone": "b" });
    assert_eq!(app.client.put(app.url(&path)).json(&basic).send().await.unwrap().status(), 200);
    query(&app, r#"up{job="basic", zone="b"}"#, has_values(&["1"])).await;
    let thief = Exporter::start(Says::Text(String::new())).await;
    basic["url"] = json!(thief.url());
    let elsewhere = app.client.put(app.url(&path)).json(&basic).send().await.unwrap();
    assert_eq!(elsewhere.status(), 422);

    exporter.says(Says::For("Bearer token-of-mine".to_owned(), "a 1\n".to_owned()));
    let mut bearer = request("bearer", &exporter.url());
    bearer["settings"]["auth"] = json!({ "kind": "bearer" });
    bearer["secret"] = json!("token-of-mine");
    let id = add(&app, &bearer).await["id"].clone();
    state(&app, &id, is_up).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_checked_as_it_is_set() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["metrics.internal".to_owned()]).unwrap();
    std::fs::write(home.dir.path().join("tls.key"), signing_key.serialize_pem()).unwrap();
    std::fs::write(home.dir.path().join("tls.crt"), cert.pem()).unwrap();
    config.server.tls_certificate = Some(home.dir.path().join("tls.crt"));
    config.server.tls_key = Some(home.dir.path().join("tls.key"));
    config.server.allowed_hosts = vec!["metrics.internal".to_owned()];
    config.metrics.open = true;
    // Another Console is as good a target as any.
    let target = TestApp::start_with(config).await;
    let other = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&other).await;
    let url = format!("https://127.0.0.1:{}/metrics", target.addr.port());
    let tried = async |tls: Value| -> Value {
        let mut wanted = request("console", &url);
        wanted["settings"]["tls"] = tls;
        let tried = app.client.post(app.url("/api/v1/scrape-targets/try")).json(&wanted).send().await.unwrap();
        tried.json::<Value>().await.unwrap()["state"].clone()
    };
    let unknown = tried(json!({})).await;
    assert!(is_down("certificate")(&unknown), "{unknown}");
    let other_name = tried(json!({ "ca_pem": cert.pem() })).await;
    assert!(is_down("certificate")(&other_name), "{other_name}");
    let right = tried(json!({ "ca_pem": cert.pem(), "server_name": "metrics.internal" })).await;
    assert!(is_up(&right), "{right}");
    let anybody = tried(json!({ "skip_verification": true })).await;
    assert!(is_up(&anybody), "{anybody}");
    app.stop().await;
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_of_the_configuration_are_asked_and_cannot_be_changed() {
    let home = Home::new(Engine::Sqlite).await;
    let exporter = Exporter::start(Says::Text("a 1\n".to_owned())).await;
    let mut config = home.config();
    let job = json!({ "job": "configured", "urls": [exporter.url()], "interval_seconds": 1, "timeout_seconds": 1 });
    config.scrape.jobs = vec![serde_json::from_value::<ScrapeJob>(job).unwrap()];
    config.check().unwrap();
    let app = TestApp::start_with(config).await;
    let (_, all) = app.get("/api/v1/scrape-targets").await;
    let target = &all["targets"][0];
    assert_eq!(target["is_provisioned"], true, "{all}");
    let fares = state(&app, &target["id"], is_up).await;
    let path = format!("/api/v1/scrape-targets/{}", target["id"].as_str().unwrap());
    assert_eq!(app.client.delete(app.url(&path)).send().await.unwrap().status(), 409);
    let changed = request("another", &exporter.url());
    assert_eq!(app.client.put(app.url(&path)).json(&changed).send().await.unwrap().status(), 409);
    app.stop().await;
    let noted = home.open().await.scrapes.scrape_states(None).await.unwrap();
    assert!(fares["since"].is_string() && noted[0].state.since.is_some());

    // How it fared is known after a restart, before it is asked again.
    let mut config = home.config();
    let job = json!({ "job": "configured", "urls": [exporter.url()], "interval_seconds": 300, "timeout_seconds": 1 });
    config.scrape.jobs = vec![serde_json::from_value::<ScrapeJob>(job).unwrap()];
    let app = TestApp::start_with(config).await;
    let after = state(&app, &target["id"], is_up).await;
    let since: chrono::DateTime<chrono::Utc> = after["since"].as_str().unwrap().parse().unwrap();
    assert_eq!(Some(since), noted[0].state.since);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_is_named() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.scrape.targets_per_tenant = 2;
    let app = TestApp::start_with(config).await;
    let url = app.url("/api/v1/scrape-targets");
    let post = async |body: &Value| {
        let answer = app.client.post(&url).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap()["error"].clone())
    };
    let first = add(&app, &request("a", "http://127.0.0.1:9/metrics")).await;
    let (status, error) = post(&request("a", "http://127.0.0.1:9/metrics")).await;
    assert_eq!((status, &error["details"]["existing_id"]), (409, &first["id"]), "{error}");
    for (field, value) in [("url", json!("ftp://x")), ("job", json!(""))] {
        let mut wrong = request("b", "http://127.0.0.1:9/metrics");
        wrong[field] = value;
        let (status, error) = post(&wrong).await;
        assert_eq!((status, &error["details"]["field"]), (422, &json!(field)), "{error}");
    }
    let mut unknown = request("b", "http://127.0.0.1:9/metrics");
    unknown["intervall"] = json!(1);
    assert_eq!(post(&unknown).await.0, 422);
    add(&app, &request("b", "http://127.0.0.1:9/metrics")).await;
    let (status, error) = post(&request("c", "http://127.0.0.1:9/metrics")).await;
    assert!(status == 409 && error["message"].as_str().unwrap().contains("targets_per_tenant"), "{error}");
    let metadata = add_try(&app, "http://169.254.169.254/").await;
    assert!(is_down("outgoing.allowed_networks")(&metadata), "{metadata}");
    let viewer = app.signed_in("viewer@example.com", TenantId::DEFAULT, Role::Viewer).await;
    assert_eq!(viewer.post(&url).json(&request("d", "http://x")).send().await.unwrap().status(), 403);
    assert_eq!(viewer.get(&url).send().await.unwrap().status(), 200);
    let gone = app.url(&format!("/api/v1/scrape-targets/{}", Uuid::new_v4()));
    assert_eq!(app.client.delete(gone).send().await.unwrap().status(), 404);
    let (_, audit) = app.get("/api/v1/audit").await;
    assert!(audit.to_string().contains("target.add"), "{audit}");
    app.stop().await;
}

async fn add_try(app: &TestApp, url: &str) -> Value {
    let body = request("try", url);
    let tried = app.client.post(app.url("/api/v1/scrape-targets/try")).json(&body).send().await.unwrap();
    tried.json::<Value>().await.unwrap()["state"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_consoles_on_one_store_one_scrapes_and_the_other_takes_over() {
    let home = Home::new(Engine::Postgres).await;
    let exporter = Exporter::start(Says::Text("a 1\n".to_owned())).await;
    let first = TestApp::start(&home).await;
    let id = add(&first, &request("shared", &exporter.url())).await["id"].clone();
    state(&first, &id, is_up).await;
    let second = TestApp::start_with(home.config()).await;
    // The other one shows what it does not do.
    let seen = state(&second, &id, is_up).await;
    let scraped = |state: &Value| state["scraped_at"].as_str().unwrap().to_owned();
    assert!(second.services.scraper.healths().is_empty(), "only one scrapes");
    first.stop().await;
    let before = scraped(&seen);
    state(&second, &id, |state| {
        is_up(state) && scraped(state) > before && !second.services.scraper.healths().is_empty()
    })
    .await;
    second.stop().await;
}

mod cases {
    use app::model::{ScrapeSettings, ScrapeState, UnixMillis};
    use server::{
        config::{ScrapeSecrets, Secret},
        store::{Kept, NotedState, StoredTarget, Stores},
    };

    use super::*;

    fn target(tenant: TenantId, job: &str) -> StoredTarget {
        StoredTarget {
            id: Uuid::new_v4(),
            tenant,
            job: job.to_owned(),
            url: "http://x/metrics".to_owned(),
            settings: ScrapeSettings { interval_seconds: 7, ..ScrapeSettings::default() },
            secrets: ScrapeSecrets { secret: Some(Secret::new("hunter2")), key_pem: None },
            created_at: SystemClock.now_utc(),
        }
    }

    pub async fn targets_are_kept_by_tenant(_home: &Home, stores: &Stores) {
        let scrapes = &stores.scrapes;
        let acme = stores.identity.add_tenant("acme", SystemClock.now_utc()).await.unwrap().unwrap();
        let mut one = target(TenantId::DEFAULT, "a");
        assert_eq!(scrapes.add_scrape_target(&one, 1).await.unwrap(), Kept::Stored);
        assert_eq!(scrapes.add_scrape_target(&target(TenantId::DEFAULT, "b"), 1).await.unwrap(), Kept::Full);
        let again = target(TenantId::DEFAULT, "a");
        assert_eq!(scrapes.add_scrape_target(&again, 9).await.unwrap(), Kept::Exists(one.id));
        let theirs = target(acme, "a");
        assert_eq!(scrapes.add_scrape_target(&theirs, 1).await.unwrap(), Kept::Stored);
        assert_eq!(scrapes.scrape_targets(Some(TenantId::DEFAULT)).await.unwrap(), [one.clone()]);
        assert_eq!(scrapes.scrape_targets(None).await.unwrap().len(), 2);
        assert_eq!(scrapes.scrape_target(acme, one.id).await.unwrap(), None);

        let other = target(TenantId::DEFAULT, "b");
        assert_eq!(scrapes.change_scrape_target(&other).await.unwrap(), Kept::Gone);
        scrapes.add_scrape_target(&other, 9).await.unwrap();
        "b".clone_into(&mut one.job);
        assert_eq!(scrapes.change_scrape_target(&one).await.unwrap(), Kept::Exists(other.id));
        "c".clone_into(&mut one.job);
        one.secrets.secret = None;
        assert_eq!(scrapes.change_scrape_target(&one).await.unwrap(), Kept::Stored);
        assert_eq!(scrapes.scrape_target(TenantId::DEFAULT, one.id).await.unwrap(), Some(one.clone()));

        let day = 86_400_000;
        let noted = |target: &StoredTarget| NotedState {
            tenant: target.tenant,
            target: target.id,
            state: ScrapeState { samples: 5, error: Some("x".to_owned()), ..ScrapeState::default() },
        };
        scrapes.note_scrape_states(&[noted(&one), noted(&theirs)], UnixMillis(day)).await.unwrap();
        scrapes.note_scrape_states(&[noted(&one)], UnixMillis(2 * day)).await.unwrap();
        assert_eq!(scrapes.scrape_states(Some(TenantId::DEFAULT)).await.unwrap(), [noted(&one)]);
        assert_eq!(scrapes.scrape_states(None).await.unwrap().len(), 2);
        scrapes.note_scrape_states(&[], UnixMillis(8 * day + 1)).await.unwrap();
        assert_eq!(scrapes.scrape_states(None).await.unwrap(), [noted(&one)]);

        assert!(!scrapes.remove_scrape_target(acme, one.id).await.unwrap());
        assert!(scrapes.remove_scrape_target(TenantId::DEFAULT, one.id).await.unwrap());
        assert!(!scrapes.remove_scrape_target(TenantId::DEFAULT, one.id).await.unwrap());
        assert_eq!(scrapes.scrape_states(None).await.unwrap(), []);
    }

    pub async fn a_duty_is_held_by_one(_home: &Home, stores: &Stores) {
        let (one, other) = (Uuid::new_v4(), Uuid::new_v4());
        let admin = &stores.admin;
        assert!(admin.hold_duty("x", one, 60).await.unwrap());
        assert!(admin.hold_duty("x", one, 60).await.unwrap());
        assert!(!admin.hold_duty("x", other, 60).await.unwrap());
        assert!(admin.hold_duty("y", other, 60).await.unwrap());
        admin.leave_duty("x", other).await.unwrap();
        assert!(!admin.hold_duty("x", other, 60).await.unwrap());
        admin.leave_duty("x", one).await.unwrap();
        assert!(admin.hold_duty("x", other, 0).await.unwrap());
        tokio::time::sleep(Duration::from_millis(2100)).await;
        assert!(admin.hold_duty("x", one, 60).await.unwrap(), "whoever does not say so again has left");
    }
}

on_both_engines!(targets_are_kept_by_tenant, a_duty_is_held_by_one);
