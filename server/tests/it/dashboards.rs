//! Dashboards: kept, changed by several at once, read from files, answered, and fed with Console's own metrics.

use std::time::Duration;

use app::{
    api::{DashboardPort, OverviewPort, Scope},
    model::{
        Dashboard, DashboardQuery, MetricForm, OverviewQuery, Panel, PanelQuery, PanelRow, PanelView, RangeSpec, Role,
        TenantId, UnixMillis, UnixNanos, Variable, VariableSource, VariableValue,
    },
};
use serde_json::{Value, json};
use server::{
    clock::{Clock, SystemClock},
    service::Services,
    store::{NewMetrics, NewSample, sample::Labels},
};

use crate::support::{Engine, Home, TestApp};

const SECOND: i64 = 1_000_000_000;

fn scope(tenant: TenantId) -> Scope {
    Scope { tenant, role: Role::Viewer }
}

/// Ten minutes of the hosts of two zones.
async fn fill(services: &Services, tenant: TenantId, now: UnixMillis) {
    let mut metrics = NewMetrics::default();
    for at in 0..40 {
        for (host, zone, value) in [("a:9100", "eu", 1.0), ("b:9100", "eu", 2.0), ("c.x:9100", "us", 3.0)] {
            metrics.samples.push(NewSample {
                tenant,
                series: Labels::named("room", &[("host", host), ("zone", zone)]),
                time: UnixNanos(now.to_nanos().0 - (40 - at) * 15 * SECOND),
                value,
            });
        }
    }
    assert!(services.store_metrics(tenant, metrics).await.unwrap().is_none());
}

fn panel(view: PanelView, text: &str) -> Panel {
    let query = PanelQuery { text: text.to_owned(), legend: String::new() };
    Panel { title: text.to_owned(), view, queries: vec![query], ..Panel::default() }
}

fn rooms() -> Dashboard {
    let label = |name: &str, series: &str, label: &str, is_multi| Variable {
        name: name.to_owned(),
        source: VariableSource::Label { series: series.to_owned(), label: label.to_owned() },
        is_multi,
        ..Variable::default()
    };
    let panels = vec![
        panel(PanelView::Line, r#"room{host="$host"}"#),
        panel(PanelView::Table, r#"sum(room{host=~"$host"})"#),
        panel(PanelView::Number, r#"room{host="$host"}"#),
        panel(PanelView::Line, "sum("),
    ];
    Dashboard {
        title: "Rooms".to_owned(),
        variables: vec![label("zone", "room", "zone", false), label("host", r#"room{zone="$zone"}"#, "host", true)],
        rows: vec![PanelRow { panels, ..PanelRow::default() }],
        ..Dashboard::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_is_answered_with_what_was_chosen() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = TestApp::start(&home).await;
        let services = &app.services;
        let tenant = services.stores.identity.add_tenant("acme", SystemClock.now_utc()).await.unwrap().unwrap();
        fill(services, tenant, services.clock.now_millis()).await;
        let admin = app.signed_in("dash@example.com", tenant, Role::Editor).await;
        let made = admin.post(app.url("/api/v1/dashboards")).json(&rooms()).send().await.unwrap();
        assert_eq!(made.status(), 201);
        let made: Value = made.json().await.unwrap();
        let id = made["id"].as_str().unwrap().to_owned();

        // A busy machine may not answer all panels within what a page waits for.
        let ask = async |values: Vec<VariableValue>| {
            for _ in 0..40 {
                let values = values.clone();
                let query = DashboardQuery { id: id.clone(), range: RangeSpec::Last(600), points: 100, values };
                let view = services.view(scope(tenant), query).await.unwrap();
                if view.answers.iter().all(|one| one.answers.is_some()) {
                    return view;
                }
            }
            panic!("panels are not answered")
        };
        let chosen = |name: &str, values: &[&str]| VariableValue {
            name: name.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let view = ask(Vec::new()).await;
        assert_eq!(view.variables[0].options, ["eu", "us"]);
        assert_eq!(view.variables[0].chosen, ["eu"], "the first where one is needed");
        assert_eq!(view.variables[1].options, ["a:9100", "b:9100"], "of the chosen zone");
        assert!(view.variables[1].chosen.is_empty(), "all");
        assert_eq!(view.answers.len(), 3, "what two panels ask is asked once");
        let course = view.answers[0].answers.as_ref().unwrap();
        assert_eq!((course.answers[0].series.len(), course.grid), (2, view.grid));
        let table = view.answers.iter().find(|one| matches!(one.form, MetricForm::Table(_))).unwrap();
        assert_eq!(table.answers.as_ref().unwrap().answers[0].series[0].values, [Some(3.0)]);
        let wrong = view.answers.iter().find(|one| one.texts == ["sum("]).unwrap();
        assert!(wrong.answers.as_ref().unwrap().answers[0].problem.is_some(), "beside the others");

        let view = ask(vec![chosen("zone", &["us"])]).await;
        let course = view.answers[0].answers.as_ref().unwrap();
        assert_eq!(course.answers[0].series[0].labels[1], ("host".to_owned(), "c.x:9100".to_owned()));
        let view = ask(vec![chosen("host", &["b:9100"])]).await;
        assert_eq!(view.answers[0].answers.as_ref().unwrap().answers[0].series.len(), 1);
        // Nothing that is chosen leaves its quotes.
        let view = ask(vec![chosen("host", &["\"} or vector(7) or room{zone=\""])]).await;
        assert!(view.answers[0].answers.as_ref().unwrap().answers[0].series.is_empty());
        assert_eq!(
            services
                .view(scope(TenantId::DEFAULT), DashboardQuery { id, ..Default::default() })
                .await
                .unwrap_err()
                .code
                .status(),
            404
        );
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_over_what_they_have_not_seen() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let mut config = home.config();
        config.dashboards.per_tenant = 2;
        let app = TestApp::start_with(config).await;
        let editor = app.signed_in("dash@example.com", TenantId::DEFAULT, Role::Editor).await;
        let send = async |method: reqwest::Method, path: &str, body: Value| {
            let sent = editor.request(method, app.url(path)).json(&body).send().await.unwrap();
            let status = sent.status().as_u16();
            (status, sent.json::<Value>().await.unwrap_or_default())
        };
        let (_, made) = send(reqwest::Method::POST, "/api/v1/dashboards", json!({ "title": "One" })).await;
        assert_eq!((made["revision"].as_i64(), &made["source"]), (Some(1), &json!("stored")));
        let path = format!("/api/v1/dashboards/{}", made["id"].as_str().unwrap());
        let change = |revision: i64, title: &str| json!({ "revision": revision, "dashboard": { "title": title } });
        let (status, changed) = send(reqwest::Method::PUT, &path, change(1, "Two")).await;
        assert_eq!((status, changed["revision"].as_i64()), (200, Some(2)));
        let (status, refused) = send(reqwest::Method::PUT, &path, change(1, "Three")).await;
        assert_eq!((status, refused["error"]["details"]["revision"].as_i64()), (409, Some(2)));
        let (status, wrong) = send(reqwest::Method::PUT, &path, change(2, " ")).await;
        assert_eq!((status, &wrong["error"]["details"]["field"]), (422, &json!("title")));
        let (status, wrong) = send(reqwest::Method::POST, "/api/v1/dashboards", json!({ "titel": "x" })).await;
        assert_eq!(status, 422, "{wrong}");

        let exported = editor.get(app.url(&format!("{path}/export"))).send().await.unwrap();
        assert_eq!(exported.headers()["content-disposition"], "attachment; filename=\"two.json\"");
        let (status, _) = send(reqwest::Method::POST, "/api/v1/dashboards", exported.json().await.unwrap()).await;
        assert_eq!(status, 201, "what is exported can be imported");
        let (status, full) = send(reqwest::Method::POST, "/api/v1/dashboards", json!({ "title": "x" })).await;
        assert_eq!(status, 409, "{full}");

        let (status, _) = send(reqwest::Method::DELETE, &path, Value::Null).await;
        assert_eq!(status, 204);
        assert_eq!(app.get(&path).await.0, 404);
        let (_, audit) = app.get("/api/v1/audit?limit=10").await;
        let actions: Vec<_> =
            audit["entries"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
        for action in ["dashboard.add", "dashboard.change", "dashboard.remove"] {
            assert!(actions.contains(&json!(action)), "{action}: {actions:?}");
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_dashboards_that_nobody_changes_here() {
    let home = Home::new(Engine::Sqlite).await;
    let folder = home.dir.path().join("dashboards");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("ours.json"), json!({ "title": "Ours" }).to_string()).unwrap();
    std::fs::write(folder.join("broken.json"), "{").unwrap();
    let mut config = home.config();
    config.dashboards.directory = Some(folder.clone());
    let app = TestApp::start_with(config).await;
    let (_, list) = app.get("/api/v1/dashboards").await;
    let told: Vec<(&str, &str)> = list["dashboards"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["id"].as_str().unwrap(), one["source"].as_str().unwrap()))
        .collect();
    let expected = [("console", "shipped"), ("essentials", "shipped"), ("hosts", "shipped"), ("ours", "provisioned")];
    assert_eq!(told, expected);
    assert!(list["problems"][0].as_str().unwrap().starts_with("broken.json: "), "{list}");
    let change = json!({ "revision": 0, "dashboard": { "title": "Mine" } });
    for id in ["ours", "console"] {
        let path = app.url(&format!("/api/v1/dashboards/{id}"));
        assert_eq!(app.client.put(&path).json(&change).send().await.unwrap().status(), 409, "{id}");
        assert_eq!(app.client.delete(&path).send().await.unwrap().status(), 409, "{id}");
    }
    // Who changes a file sees it soon.
    std::fs::write(folder.join("ours.json"), json!({ "title": "Still ours" }).to_string()).unwrap();
    let mut title = Value::Null;
    for _ in 0..100 {
        title = app.get("/api/v1/dashboards/ours").await.1["dashboard"]["title"].clone();
        if title == "Still ours" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(title, "Still ours");
    app.stop().await;
}

/// The panels of a dashboard that show nothing of the last five minutes, once these are few enough or that takes too long.
/// No query may have a problem.
pub async fn empty_panels(app: &TestApp, id: &str, is_enough: impl Fn(&[String]) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for _ in 0..300 {
        app.get("/health").await;
        // Which looks at how things are.
        app.services.overview(scope(TenantId::DEFAULT), OverviewQuery::default()).await.unwrap();
        let query = DashboardQuery { id: id.to_owned(), range: RangeSpec::Last(300), points: 60, values: Vec::new() };
        let view = app.services.view(scope(TenantId::DEFAULT), query).await.unwrap();
        let answers = view.answers.iter().flat_map(|one| &one.answers).flat_map(|all| &all.answers);
        let problems: Vec<_> = answers.filter_map(|one| one.problem.clone()).collect();
        assert!(problems.is_empty(), "{problems:?}");
        let has_values = |texts: &[String]| {
            let answers = view.answers.iter().find(|one| one.texts == texts).and_then(|one| one.answers.as_ref());
            answers.is_some_and(|all| {
                all.answers.iter().any(|one| one.series.iter().any(|series| series.values.iter().any(Option::is_some)))
            })
        };
        let empty = view.entry.dashboard.panels().filter(|panel| !has_values(&panel.texts()));
        found = empty.map(|panel| panel.title.clone()).collect();
        if is_enough(&found) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn console_stores_its_own_metrics_and_what_is_shipped_shows_them() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.metrics.own_interval_seconds = 1;
    let app = TestApp::start_with(config).await;
    // Nothing is scraped here.
    let is_enough = |empty: &[String]| empty.iter().all(|title| title == "Scrapes/s");
    let empty = empty_panels(&app, "console", is_enough).await;
    assert!(is_enough(&empty), "these stay empty: {empty:?}");
    let (_, up) = app.get("/prometheus/api/v1/query?query=up%7Bjob%3D%22console%22%7D").await;
    assert_eq!(up["data"]["result"][0]["value"][1], "1");
    let query =
        DashboardQuery { id: "essentials".to_owned(), range: RangeSpec::Last(300), points: 60, values: Vec::new() };
    let view = app.services.view(scope(TenantId::DEFAULT), query).await.unwrap();
    assert_eq!(view.variables[0].chosen, ["console_"]);
    assert_eq!(view.entry.dashboard.panels().count(), 6);
    assert!(view.entry.dashboard.panels().all(|panel| panel.help.len() > 40 && panel.empty.len() > 40));
    let empty = empty_panels(&app, "essentials", <[String]>::is_empty).await;
    assert!(empty.is_empty(), "these stay empty: {empty:?}");
    app.stop().await;
}
