//! Endpoints and how they do: figures, impact, errors and examples, on both engines, over REST and as the page asks.

use app::{
    api::{PerformancePort, Scope},
    model::{
        CallQuery, Compare, EndpointColumn, EndpointName, EndpointQuery, EndpointView, ErrorQuery, PerformanceQuery,
        RangeSpec, Role, SpanKind, SpanStatus, TenantId, UnixNanos, overview::ChartSeries,
    },
};
use serde_json::{Value, json};
use server::{
    clock::{Clock, SystemClock},
    ingest::Submission,
    store::span::{HttpCall, NewSpan},
};

use crate::support::{Engine, Home, TestApp};

const SCOPE: Scope = Scope { tenant: TenantId::DEFAULT, role: Role::Viewer };
const MS: i64 = 1_000_000;
const MINUTE: i64 = 60_000 * MS;

/// A request that a shop answered, so long ago.
fn request(id: u32, route: &str, status: u16, duration_ms: i64, ago: i64) -> NewSpan {
    let fields = json!({ "http.request.method": "GET", "http.route": route, "http.response.status_code": status });
    let has_failed = status >= 500;
    NewSpan {
        kind: SpanKind::Server,
        start: UnixNanos(SystemClock.now().0 - ago),
        duration_ns: duration_ms * MS,
        status: if has_failed { SpanStatus::Error } else { SpanStatus::Unset },
        status_message: if has_failed { "deadlock detected".into() } else { String::new() },
        attributes: fields.to_string(),
        http: Some(HttpCall { method: "GET".into(), route: route.replace("{id}", ":id"), status }),
        ..crate::spans::span(id, 1, "shop")
    }
}

/// Slow orders of which some fail, fast carts, and orders of the hour before that were faster.
async fn filled(home: &Home) -> TestApp {
    let app = TestApp::start(home).await;
    let orders = (1..=10).map(|id| request(id, "/orders/{id}", if id <= 3 { 503 } else { 200 }, 2000, 5 * MINUTE));
    let carts = (11..=30).map(|id| request(id, "/carts", 200, 20, 5 * MINUTE));
    let earlier = (31..=40).map(|id| request(id, "/orders/{id}", 200, 200, 90 * MINUTE));
    let spans = orders.chain(carts).chain(earlier).map(|span| (TenantId::DEFAULT, span)).collect();
    app.services.ingest.submit(Submission { spans, ..Submission::default() }).await.unwrap();
    app
}

fn orders() -> EndpointName {
    EndpointName { service: "shop".into(), method: "GET".into(), route: "/orders/:id".into() }
}

fn of_shop() -> PerformanceQuery {
    PerformanceQuery { service: Some("shop".into()), ..PerformanceQuery::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_are_ordered_judged_and_compared() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = filled(&home).await;
        let ask = async |query| app.services.performance(SCOPE, query).await.unwrap();
        let routes = |page: &app::model::PerformancePage| -> Vec<String> {
            page.rows.iter().map(|row| row.stats.route.clone()).collect()
        };

        let page = ask(of_shop()).await;
        assert_eq!(routes(&page), ["/orders/:id", "/carts"], "{engine:?}");
        assert_eq!((page.matched, page.any_stored), (2, true));
        assert!(page.services.contains(&"shop".to_owned()) && page.methods.contains(&"GET".to_owned()));
        let first = &page.rows[0];
        let stats = &first.stats;
        assert_eq!((stats.requests, stats.errors), (10, 3));
        // Ten requests an hour, each a second and a half beyond the target.
        assert!((stats.time_lost_s_per_h - 15.0).abs() < 0.01, "{}", stats.time_lost_s_per_h);
        assert!((stats.p95_ms - 2000.0).abs() < 25.0 && (stats.mean_ms - 2000.0).abs() < 1.0);
        let before = first.before.unwrap();
        assert_eq!(before.requests, 10);
        assert!((before.p95_ms - 200.0).abs() < 3.0);
        assert_eq!(stats.sparkline.iter().sum::<f64>() as u64, 10);
        assert_eq!(first.slices.iter().flatten().map(|slice| slice.requests).sum::<u64>(), 10);

        let by_rate = PerformanceQuery { sort: Some(EndpointColumn::Requests), ..of_shop() };
        assert_eq!(routes(&ask(by_rate.clone()).await), ["/carts", "/orders/:id"]);
        assert_eq!(routes(&ask(PerformanceQuery { is_reversed: true, ..by_rate }).await), ["/orders/:id", "/carts"]);
        assert_eq!(routes(&ask(PerformanceQuery { search: Some("CART".into()), ..of_shop() }).await), ["/carts"]);
        assert_eq!(routes(&ask(PerformanceQuery { method: Some("POST".into()), ..of_shop() }).await), [""; 0]);
        for view in [EndpointView::Slow, EndpointView::Failing] {
            assert_eq!(routes(&ask(PerformanceQuery { view, ..of_shop() }).await), ["/orders/:id"]);
        }
        let cut = ask(PerformanceQuery { limit: 1, ..of_shop() }).await;
        assert_eq!((cut.rows.len(), cut.matched), (1, 2));
        let relaxed = ask(PerformanceQuery { target_ms: 60_000, ..of_shop() }).await;
        assert!(relaxed.rows.iter().all(|row| row.stats.time_lost_s_per_h.abs() < 1e-9));
        for range in [RangeSpec::Last(86_400), RangeSpec::Last(30 * 86_400)] {
            let page = ask(PerformanceQuery { range, ..of_shop() }).await;
            assert_eq!(page.rows.iter().map(|row| row.stats.requests).sum::<u64>(), 40, "{range} {engine:?}");
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_has_its_course_and_examples_of_every_cell() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = filled(&home).await;
        let query = EndpointQuery {
            endpoint: orders(),
            range: RangeSpec::Last(3 * 3600),
            compare: Compare::Yesterday,
            overlay: true,
            target_ms: 0,
        };
        let detail = app.services.endpoint(SCOPE, query.clone()).await.unwrap();
        assert_eq!((detail.by_class, detail.before), ([17, 0, 0, 3], None));
        assert_eq!(detail.charts.len(), 2);
        assert!(detail.charts.iter().all(|chart| chart.series.iter().all(|one| one.values.len() == detail.grid.len)));
        let durations = &detail.durations;
        assert_eq!(durations.cells.iter().map(|cell| cell.requests).sum::<u64>(), 20);

        // Every cell has its requests, and all cells together have all.
        let mut told = 0;
        for cell in &durations.cells {
            let (column, row) = (usize::from(cell.column), usize::from(cell.row));
            let query = CallQuery {
                endpoint: orders(),
                range: RangeSpec::Fixed(durations.grid.at(column), durations.grid.at(column + 1)),
                min_ms: Some(durations.row_ms[row]),
                max_ms: Some(durations.row_ms[row + 1]),
            };
            let sample = app.services.calls(SCOPE, query).await.unwrap();
            assert!(sample.calls.windows(2).all(|pair| pair[0].is_error || !pair[1].is_error));
            told += sample.calls.len();
        }
        assert_eq!(told, 20, "{engine:?}");

        // Beside an earlier time, whose course is drawn behind, too.
        let (day, week) = (24 * 60 * MINUTE, 7 * 24 * 60 * MINUTE);
        let yesterday = (41..=44).map(|id| request(id, "/orders/{id}", 200, 100, day + 5 * MINUTE));
        let last_week = (45..=47).map(|id| request(id, "/orders/{id}", 200, 400, week + 5 * MINUTE));
        let spans = yesterday.chain(last_week).map(|span| (TenantId::DEFAULT, span)).collect();
        app.services.ingest.submit(Submission { spans, ..Submission::default() }).await.unwrap();
        for (compare, requests, p95_ms) in
            [(Compare::Previous, 10, 200.0), (Compare::Yesterday, 4, 100.0), (Compare::LastWeek, 3, 400.0)]
        {
            let query = EndpointQuery { range: RangeSpec::Last(3600), compare, ..query.clone() };
            let detail = app.services.endpoint(SCOPE, query).await.unwrap();
            let before = detail.before.unwrap();
            assert_eq!(before.requests, requests, "{compare:?} {engine:?}");
            assert!((before.p95_ms - p95_ms).abs() < p95_ms / 50.0, "{compare:?} {before:?}");
            let is_drawn = |one: &ChartSeries| one.before.iter().any(Option::is_some);
            assert!(detail.charts.iter().all(|chart| chart.series.iter().any(is_drawn)), "{compare:?}");
        }
        let unknown = EndpointQuery { endpoint: EndpointName::default(), ..query };
        assert_eq!(app.services.endpoint(SCOPE, unknown).await.unwrap_err().code.status(), 404);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn console_is_one_of_the_services() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let query = PerformanceQuery { service: Some("console".into()), ..PerformanceQuery::default() };
    let mut rows = Vec::new();
    for _ in 0..300 {
        app.get("/v1/traces").await;
        rows = app.services.performance(SCOPE, query.clone()).await.unwrap().rows;
        if rows.iter().any(|row| row.stats.route == "/v1/traces") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let row = rows.iter().find(|row| row.stats.route == "/v1/traces").expect("requests of Console are counted");
    assert!(row.stats.requests > 0 && row.stats.service == "console");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_endpoints_tell_what_goes_wrong() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = filled(&home).await;
        let found = app.services.hotspots(SCOPE, ErrorQuery::default()).await.unwrap();
        let of_shop: Vec<_> = found.hotspots.iter().filter(|spot| spot.endpoint.service == "shop").collect();
        assert_eq!(of_shop.len(), 1);
        let spot = of_shop[0];
        assert_eq!((&spot.endpoint, spot.errors, spot.requests), (&orders(), 3, 10));
        let errors: Vec<_> =
            spot.top_errors.iter().map(|error| (error.error.as_str(), error.status, error.count)).collect();
        assert_eq!(errors, [("deadlock detected", 503, 3)], "{engine:?}");
        let carts = EndpointName { route: "/carts".into(), ..orders() };
        let calm = app.services.hotspots(SCOPE, ErrorQuery { endpoint: Some(carts), ..ErrorQuery::default() }).await;
        assert!(calm.unwrap().hotspots.is_empty());
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_ask_for_endpoints_slow_ones_and_hotspots() {
    const BASE: &str = "/api/monitoring/advanced/performance";
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = filled(&home).await;
        let ask = async |path: &str| -> (u16, Value) { app.get(&format!("{BASE}/{path}")).await };

        let (status, all) = ask("endpoints?service=shop&sort=requests").await;
        assert_eq!((status, &all["matched"], &all["period_hours"]), (200, &json!(2), &json!(1)));
        assert_eq!(all["endpoints"][0]["route"], "/carts");
        assert_eq!(all["endpoints"][0]["requests"], 20);
        let (_, cut) = ask("endpoints?service=shop&limit=1").await;
        assert_eq!((cut["endpoints"].as_array().unwrap().len(), &cut["matched"]), (1, &json!(2)));
        let (_, day) = ask("endpoints?service=shop&period_hours=24&search=orders").await;
        assert_eq!((&day["endpoints"][0]["requests"], &day["matched"]), (&json!(20), &json!(1)));

        let (status, slow) = ask("slow-endpoints?service=shop&threshold_ms=1000").await;
        assert_eq!((status, &slow["threshold_ms"]), (200, &json!(1000)));
        assert_eq!(slow["endpoints"].as_array().unwrap().len(), 1);
        let lost = slow["endpoints"][0]["time_lost_s_per_h"].as_f64().unwrap();
        assert!((lost - 10.0).abs() < 0.01, "{lost}");

        let (status, spots) = ask("error-hotspots?service=shop").await;
        assert_eq!((status, &spots["hotspots"][0]["endpoint"]["route"]), (200, &json!("/orders/:id")));
        assert_eq!(spots["hotspots"][0]["top_errors"][0]["error"], "deadlock detected");

        for bad in [
            "endpoints?period_hours=0",
            "endpoints?period_hours=721",
            "endpoints?period_hours=x",
            "endpoints?limit=0",
            "endpoints?limit=1001",
            "endpoints?sort=colour",
            "endpoints?colour=red",
            "slow-endpoints?threshold_ms=0",
            "slow-endpoints?threshold_ms=-5",
            "slow-endpoints?threshold_ms=3600001",
            "error-hotspots?limit=101",
            "error-hotspots?threshold_ms=5",
        ] {
            let (status, answer) = ask(bad).await;
            assert_eq!(status, 422, "{bad}");
            assert!(answer["error"]["details"]["field"].is_string(), "{bad}: {answer}");
        }
        let (_, document) = app.get("/openapi.json").await;
        for path in ["endpoints", "slow-endpoints", "error-hotspots"] {
            assert!(document["paths"][format!("{BASE}/{path}")]["get"].is_object(), "{path}");
        }
        app.stop().await;
    }
}
