//! Metrics as the explorer asks for them: the same on both engines, and nothing of other tenants.

use app::{
    api::{MetricPort, Scope},
    model::{
        LabelTest, LabelValuesQuery, MetricForm, MetricKind, MetricLabelsQuery, MetricListQuery, MetricQuery,
        RangeSpec, Role, TenantId, TraceId, UnixMillis, UnixNanos,
    },
};
use server::{
    clock::{Clock, SystemClock},
    service::Services,
    store::{Exemplar, Metadata, NewExemplar, NewMetrics, NewSample, sample::Labels},
};

use crate::support::{Engine, Home, TestApp};

/// A tenant of its own: into `default` Console puts its own metrics.
const OURS: TenantId = TenantId(2);
const SCOPE: Scope = Scope { tenant: OURS, role: Role::Viewer };
const SECOND: i64 = 1_000_000_000;

fn trace() -> TraceId {
    "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap()
}

/// Ten minutes of a counter of three jobs, a gauge and a histogram with a traced measurement.
async fn fill(services: &Services, now: UnixMillis) {
    let mut metrics = NewMetrics::default();
    let mut add = |labels: &Labels, at: i64, value: f64| {
        let time = UnixNanos(now.to_nanos().0 - (40 - at) * 15 * SECOND);
        metrics.samples.push(NewSample { tenant: OURS, series: labels.clone(), time, value });
    };
    for at in 0..40 {
        for (pace, job) in [(1.0, "api"), (2.0, "api"), (4.0, "web")] {
            let pod = format!("{job}-{pace}");
            let labels = Labels::named("http_requests_total", &[("job", job), ("pod", &pod), ("code", "200")]);
            add(&labels, at, pace * 15.0 * at as f64);
        }
        add(&Labels::named("room_celsius", &[("room", "a")]), at, -3.5);
        for (le, pace) in [("0.1", 1.0), ("1", 3.0), ("+Inf", 4.0)] {
            add(&Labels::named("rpc_seconds_bucket", &[("le", le)]), at, pace * 15.0 * at as f64);
        }
        add(&Labels::named("rpc_seconds_count", &[]), at, 60.0 * at as f64);
        add(&Labels::named("rpc_seconds_sum", &[]), at, 30.0 * at as f64);
    }
    let exemplar = Exemplar {
        time: UnixNanos(now.to_nanos().0 - 60 * SECOND),
        value: 0.7,
        trace_id: Some(trace()),
        span_id: None,
        labels: std::collections::BTreeMap::new(),
    };
    let series = Labels::named("rpc_seconds_bucket", &[("le", "1")]);
    metrics.exemplars.push(NewExemplar { tenant: OURS, series, exemplar });
    assert!(services.store_metrics(OURS, metrics).await.unwrap().is_none());
    let said = |name: &str, kind: &str, help: &str| Metadata {
        name: name.to_owned(),
        kind: kind.to_owned(),
        help: help.to_owned(),
        unit: String::new(),
    };
    let said =
        vec![said("http_requests_total", "counter", "Answered requests."), said("rpc_seconds", "histogram", "Calls.")];
    services.describe_metrics(OURS, said).await;
}

fn query(texts: &[&str], form: MetricForm) -> MetricQuery {
    let texts = texts.iter().map(|text| (*text).to_owned()).collect();
    MetricQuery { texts, range: RangeSpec::Last(600), points: 300, form, values: Vec::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_found_narrowed_and_answered() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = TestApp::start(&home).await;
        let services = &app.services;
        let ours = services.stores.identity.add_tenant("acme", SystemClock.now_utc()).await.unwrap();
        assert_eq!(ours, Some(OURS));
        let find = async |search: &str, range| {
            let query = MetricListQuery { search: search.to_owned(), range, limit: 2 };
            services.metrics(SCOPE, query).await.unwrap()
        };
        assert!(find("", RangeSpec::default()).await.is_new);

        let now = SystemClock.now_millis();
        fill(services, now).await;
        let all = find("", RangeSpec::default()).await;
        assert_eq!((all.matching, all.in_range, all.is_new, all.metrics.len()), (3, 3, false, 2));
        assert_eq!((all.metrics[0].name.as_str(), all.metrics[0].kind), ("http_requests_total", MetricKind::Counter));
        let calls = find("calls", RangeSpec::default()).await;
        assert_eq!((calls.metrics[0].name.as_str(), calls.metrics[0].kind), ("rpc_seconds", MetricKind::Histogram));
        assert_eq!(calls.metrics[0].series, 5);

        let labels = |tests: Vec<LabelTest>| MetricLabelsQuery {
            metric: "http_requests_total".into(),
            tests,
            ..MetricLabelsQuery::default()
        };
        let api = LabelTest { label: "job".into(), is_not: false, values: vec!["api".into()] };
        let found = services.labels(SCOPE, labels(vec![api])).await.unwrap();
        assert_eq!((found.series, found.label_count), (2, 3));
        let names: Vec<&str> = found.labels.iter().map(|label| label.name.as_str()).collect();
        assert_eq!(names, ["code", "job", "pod"]);
        assert_eq!((found.labels[1].distinct, found.labels[2].distinct), (2, 2));
        assert!(services.labels(SCOPE, MetricLabelsQuery::default()).await.is_err());
        let pods = LabelValuesQuery { metric: String::new(), label: "pod".into(), search: "WEB".into() };
        assert_eq!(services.label_values(SCOPE, pods).await.unwrap()[0].value, "web-4");

        answers(services).await;
        app.stop().await;
    }
}

async fn answers(services: &Services) {
    let texts = [
        "sum by (job) (rate(http_requests_total[2m]))",
        "sum(",
        "",
        "room_celsius",
        "nothing_like_this",
        "rpc_seconds_bucket",
    ];
    let all = services.answer(SCOPE, query(&texts, MetricForm::Course)).await.unwrap();
    assert_eq!((all.grid.step_ms, all.answers.len()), (2_000, texts.len()));
    let [rates, wrong, empty, room, nothing, buckets] = &all.answers[..] else { panic!("six answers") };
    assert_eq!((rates.total, rates.read.as_slice()), (2, &["samples".to_owned()][..]));
    let (job, course) = (&rates.series[0].labels, &rates.series[0].values);
    assert_eq!((job[0].1.as_str(), course.len()), ("api", all.grid.len));
    let last = course.iter().flatten().next_back().unwrap();
    assert!((last - 3.0).abs() < 0.01, "{last}");
    assert_eq!(wrong.problem.as_ref().unwrap().at, Some(3));
    assert!(
        wrong.series.is_empty() && empty.problem.is_none() && nothing.series.is_empty() && nothing.problem.is_none()
    );
    assert!(room.series[0].values.iter().flatten().all(|value| *value < 0.0));
    assert_eq!((buckets.total, buckets.exemplars.len()), (3, 1));
    assert_eq!((buckets.exemplars[0].trace_id, room.exemplars.len()), (trace(), 0));

    let table =
        services.answer(SCOPE, query(&["http_requests_total", "1 / 0", "\"text\""], MetricForm::Table(2))).await;
    let table = table.unwrap().answers;
    assert_eq!((table[0].total, table[0].series.len(), table[0].series[0].values.len()), (3, 2, 1));
    assert_eq!((table[1].series[0].text.as_deref(), table[2].series[0].text.as_deref()), (Some("+Inf"), Some("text")));
    let many: Vec<&str> = std::iter::repeat_n("up", MetricQuery::MOST + 1).collect();
    assert!(services.answer(SCOPE, query(&many, MetricForm::Course)).await.is_err());

    // Another tenant sees none of it.
    let other = Scope { tenant: TenantId(4711), ..SCOPE };
    assert!(services.metrics(other, MetricListQuery::default()).await.unwrap().is_new);
    let everything = query(&["{__name__=~\".+\"}"], MetricForm::Table(0));
    assert_eq!(services.answer(other, everything).await.unwrap().answers[0].total, 0);
    let jobs = LabelValuesQuery { label: "job".into(), ..LabelValuesQuery::default() };
    assert!(services.label_values(other, jobs).await.unwrap().is_empty());
}
