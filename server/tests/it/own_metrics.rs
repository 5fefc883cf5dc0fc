//! Console's own metrics, read by Prometheus' own programs.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use app::model::{Role, TenantId};
use serde_json::Value;

use crate::{
    prometheus::{Prometheus, assert_clean, promtool},
    support::{Engine, Home, TestApp, client_with, run_console},
};

const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0";

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_watches_this_console_reads_its_metrics() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let status =
        async |client: &reqwest::Client| client.get(app.url("/metrics")).send().await.unwrap().status().as_u16();
    assert_eq!(status(&client_with("accept", "*/*")).await, 401);
    assert_eq!(status(&app.with_key(TenantId::DEFAULT, true, false).await).await, 403, "a key that sends");
    assert_eq!(status(&app.with_key(TenantId::DEFAULT, false, true).await).await, 200);
    assert_eq!(status(&app.signed_in("ines@example.com", TenantId::DEFAULT, Role::Viewer).await).await, 403);
    assert_eq!(status(&app.signed_in("ada@example.com", TenantId::DEFAULT, Role::Admin).await).await, 200);
    app.stop().await;

    let mut config = home.config();
    config.metrics.open = true;
    let app = TestApp::start_with(config).await;
    let response = client_with("accept", "text/html").get(app.url("/metrics")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_finds_nothing_to_complain_about() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    app.get("/v1/traces").await;
    app.get("/v1/traces/nonsense").await;
    let reader = app.with_key(TenantId::DEFAULT, false, true).await;
    // A verdict, so that there is an analysis.
    let overview = serde_json::json!({ "query": { "range": "1h" } });
    assert_eq!(reader.post(app.url("/fn/overview")).json(&overview).send().await.unwrap().status(), 200);
    let read = async |accept: &str| {
        let response = reader.get(app.url("/metrics")).header("accept", accept).send().await.unwrap();
        (response.headers()["content-type"].to_str().unwrap().to_owned(), response.text().await.unwrap())
    };
    // The sampler looks as soon as the server runs, but not before.
    let mut plain = String::new();
    for _ in 0..200 {
        plain = read("*/*").await.1;
        if ["console_metrics_collected_total{", "console_store_size_bytes "].iter().all(|name| plain.contains(name)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let output = promtool(&["check", "metrics"], &plain);
    assert_clean(&output, &plain);
    assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
    for name in [
        "console_http_requests_total{",
        "console_http_request_duration_seconds_bucket{",
        "console_scheduler_jobs_pending{",
        "console_scheduler_jobs_failed_total{",
        "console_metrics_collected_total{phase=",
        "console_analysis_duration_seconds_count{outcome=",
        "console_ingest_records_total ",
        "console_queue_fill_ratio ",
        "console_store_size_bytes ",
        "console_live_streams ",
        "process_resident_memory_bytes ",
        "process_cpu_seconds_total ",
    ] {
        assert!(plain.lines().any(|line| line.starts_with(name)), "{name}: {plain}");
    }
    let (kind, open) = read(OPEN_METRICS).await;
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0") && open.ends_with("# EOF\n"), "{kind}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_scrapes_console_with_what_is_shipped_for_it() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let (code, key) = run_console(&home, &["key", "add", "prometheus", "--read"], &[]);
    assert_eq!(code, Some(0), "{key}");
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("console.key"), key.lines().next().unwrap()).unwrap();
    std::fs::copy(deploy("prometheus/alerts.yml"), dir.path().join("alerts.yml")).unwrap();
    assert_clean(
        &promtool(&["check", "rules", &deploy("prometheus/alerts.yml").display().to_string()], ""),
        "the rules",
    );

    let shipped = std::fs::read_to_string(deploy("prometheus/prometheus.yml")).unwrap();
    let config = shipped.replace("127.0.0.1:3000", &app.addr.to_string()).replace("15s", "3s");
    let prometheus = Prometheus::start(dir.path(), &config);
    app.get("/v1/traces").await;
    let targets = |data: &Value| data["activeTargets"][0]["health"] == "up";
    prometheus.ask("/api/v1/targets", targets).await;
    let requests = "/api/v1/query?query=console_http_requests_total{route='/v1/traces'}";
    let some = |data: &Value| !data["result"].as_array().is_none_or(Vec::is_empty);
    let found = prometheus.ask(requests, some).await;
    assert_eq!(found["result"][0]["metric"]["status"], "200", "{found}");
    // None of Console's labels is one that Prometheus sets itself.
    prometheus.ask("/api/v1/query?query=console_scheduler_jobs_pending{job='console',task='sampler'}", some).await;
    let renamed = prometheus.ask("/api/v1/labels", Value::is_array).await;
    assert!(!renamed.to_string().contains("exported_"), "{renamed}");
    // The rules have been looked at, and none of their expressions failed.
    let is_evaluated = |data: &Value| {
        data["groups"][0]["rules"].as_array().is_some_and(|rules| rules.iter().all(|rule| rule["health"] == "ok"))
    };
    prometheus.ask("/api/v1/rules", is_evaluated).await;

    // Each panel of the dashboard asks what this Prometheus understands.
    let dashboard = std::fs::read_to_string(deploy("grafana/dashboards/console.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() >= 6);
    for target in panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap()) {
        let expression = target["expr"].as_str().unwrap().replace("$instance", ".+");
        let query = [("query", expression.as_str())];
        let answer = reqwest::Client::new().get(format!("{}/api/v1/query", prometheus.url)).query(&query).send().await;
        assert_eq!(answer.unwrap().json::<Value>().await.unwrap()["status"], "success", "{expression}");
        // So does Console, which is a source of Grafana's, too.
        let form = serde_urlencoded::to_string(query).unwrap();
        let (status, answer) = app.get(&format!("/prometheus/api/v1/query?{form}")).await;
        assert_eq!((status, &answer["status"]), (200, &Value::from("success")), "{expression}");
    }
    drop(prometheus);
    app.stop().await;
}
