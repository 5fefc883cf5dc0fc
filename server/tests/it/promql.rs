//! `PromQL` over Prometheus' query interface: asked of Prometheus and of Console over the same samples, questions have the
//! same answers.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use app::model::TenantId;
use prost::Message;
use reqwest::Client;
use serde_json::{Value, json};
use server::{
    clock::{Clock, SystemClock},
    remote_write::wire::{Label, Sample, TimeSeries, WriteRequest},
};

use crate::{
    prometheus::{Prometheus, assert_clean, promtool},
    samples,
    support::{Engine, Home, TestApp},
};

/// A whole day, in seconds.
const DAY: i64 = 1_789_948_800;
/// Samples every 30 seconds for ten hours, never at a whole minute.
const STEP: i64 = 30;
const SAMPLES: i64 = 1200;
const OFFSET: f64 = 7.25;

/// What is asked: whatever Prometheus 2 answers without being asked for experiments. To it a range begins with its first
/// instant, to Prometheus 3 and to Console behind it: so there is never a sample there.
const QUERIES: &[&str] = &[
    "up",
    "http_requests_total",
    r#"http_requests_total{job="api",code!="500"}"#,
    r#"http_requests_total{instance=~"a|b", method!~"P.*"}"#,
    r#"{__name__=~"temp.*"}"#,
    "http_requests_total offset 17m",
    "http_requests_total offset -17m",
    "http_requests_total @ 1789963233",
    "sum(rate(http_requests_total[5m] @ end()))",
    "rate(http_requests_total[5m])",
    "rate(http_requests_total[1m])",
    "irate(http_requests_total[5m])",
    "increase(http_requests_total[1h])",
    "delta(temperature_celsius[10m])",
    "idelta(temperature_celsius[10m])",
    "deriv(temperature_celsius[10m])",
    "predict_linear(temperature_celsius[20m], 3600)",
    "holt_winters(temperature_celsius[10m], 0.3, 0.6)",
    "changes(temperature_celsius[15m])",
    "resets(http_requests_total[1h])",
    "sum by (job) (rate(http_requests_total[5m]))",
    "sum without (instance, code) (rate(http_requests_total[5m]))",
    "avg by (method) (rate(http_requests_total[5m]))",
    "count by (code) (http_requests_total)",
    "count_values(\"value\", build_info)",
    "topk(3, rate(http_requests_total[5m]))",
    "bottomk by (job) (2, rate(http_requests_total[5m]))",
    "quantile(0.9, rate(http_requests_total[5m]))",
    "quantile by (job) (0.5, temperature_celsius)",
    "stddev by (job) (temperature_celsius)",
    "stdvar(temperature_celsius)",
    "group by (instance) (http_requests_total)",
    "max(temperature_celsius) - min(temperature_celsius)",
    "avg_over_time(temperature_celsius[7m])",
    "min_over_time(temperature_celsius[7m])",
    "max_over_time(temperature_celsius[7m])",
    "sum_over_time(temperature_celsius[7m])",
    "count_over_time(gappy[10m])",
    "last_over_time(gappy[30m])",
    "present_over_time(gappy[10m])",
    "quantile_over_time(0.75, temperature_celsius[10m])",
    "stddev_over_time(temperature_celsius[10m])",
    "absent(gappy)",
    "absent_over_time(gappy[10m])",
    r#"absent(nothing{job="x"})"#,
    "histogram_quantile(0.9, rate(request_duration_seconds_bucket[5m]))",
    "histogram_quantile(0.5, sum by (le) (rate(request_duration_seconds_bucket[10m])))",
    "rate(request_duration_seconds_sum[5m]) / rate(request_duration_seconds_count[5m])",
    r#"sum by (job) (rate(http_requests_total{code="500"}[5m])) / sum by (job) (rate(http_requests_total[5m])) * 100"#,
    "temperature_celsius * on (instance) group_left (version) build_info",
    r#"http_requests_total{code="500"} / ignoring (code) http_requests_total{code="200"}"#,
    "temperature_celsius > 20",
    "temperature_celsius > bool 20",
    "20 < temperature_celsius and temperature_celsius < 25",
    "temperature_celsius or on (instance) build_info",
    "http_requests_total unless on (instance) gappy",
    "max_over_time(sum(rate(http_requests_total[5m]))[30m:2m])",
    "avg_over_time(rate(http_requests_total[2m])[20m17s500ms:])",
    "abs(temperature_celsius - 20)",
    "ceil(temperature_celsius) + floor(temperature_celsius) + round(temperature_celsius, 0.5)",
    "clamp(temperature_celsius, 18, 22) + clamp_min(temperature_celsius, 20) + clamp_max(temperature_celsius, 20)",
    "ln(temperature_celsius) + log2(temperature_celsius) + log10(temperature_celsius) + sqrt(temperature_celsius)",
    "exp(temperature_celsius / 10) ^ 0.5 % 3 + sgn(temperature_celsius - 20)",
    "sin(temperature_celsius) + cos(temperature_celsius) + tanh(temperature_celsius)",
    "sum by (job) (temperature_celsius) atan2 sum by (job) (up)",
    r#"label_replace(up, "host", "$1.example", "instance", "(.*)")"#,
    r#"label_join(up, "where", "/", "job", "instance")"#,
    "sort(temperature_celsius)",
    "sort_desc(temperature_celsius)",
    "timestamp(temperature_celsius)",
    "time() - timestamp(temperature_celsius)",
    "hour() + minute(vector(1789963233)) + day_of_week() + days_in_month() + month() + year() + day_of_year()",
    "scalar(sum(up)) + 1",
    "vector(3) - -2",
    "odd_values",
    "sum(odd_values)",
    "avg_over_time(odd_values[5m])",
    "max_over_time(odd_values[5m])",
    "1 / 0 + 2 ^ 3 ^ 0.5",
    "up == up",
    "-temperature_celsius",
    "pi() + rad(vector(180)) + deg(vector(1))",
];

/// Labels with the name, and what the n-th sample is, if there is one.
type Series = (Vec<(String, String)>, Box<dyn Fn(i64) -> Option<f64>>);

fn series(name: &str, labels: &[(&str, &str)], value: impl Fn(i64) -> Option<f64> + 'static) -> Series {
    let name = ("__name__".to_owned(), name.to_owned());
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    (std::iter::once(name).chain(labels).collect(), Box::new(value))
}

fn all_series() -> Vec<Series> {
    let mut all = Vec::new();
    for (at, instance) in ["a", "b", "c"].into_iter().enumerate() {
        let at = at as i64;
        let job = if at < 2 { "api" } else { "web" };
        let of = [("job", job), ("instance", instance)];
        all.push(series("up", &of, move |n| Some(if at == 1 && n % 400 > 380 { 0.0 } else { 1.0 })));
        for (m, method) in ["GET", "POST"].into_iter().enumerate() {
            for (c, code) in ["200", "500"].into_iter().enumerate() {
                let labels = [of[0], of[1], ("method", method), ("code", code)];
                let pace = 1 + at + 3 * m as i64 + 2 * c as i64;
                // Counters that begin anew at different times.
                let reset = 250 + 130 * pace;
                all.push(series("http_requests_total", &labels, move |n| {
                    let n = n % reset;
                    Some((n * pace + (n * n * 7919) % 5) as f64)
                }));
            }
        }
        all.push(series("temperature_celsius", &of, move |n| {
            Some(20.0 + 4.0 * ((n * (3 + at)) as f64 / 50.0).sin() + (n % 7) as f64 / 10.0)
        }));
        let bounds = ["0.1", "0.5", "1", "+Inf"];
        for (b, le) in bounds.into_iter().enumerate() {
            let share = [3, 7, 9, 10][b];
            let labels = [of[0], of[1], ("le", le)];
            all.push(series("request_duration_seconds_bucket", &labels, move |n| {
                Some((n * share * (at + 1) / 3) as f64)
            }));
        }
        all.push(series("request_duration_seconds_sum", &of, move |n| Some(n as f64 * 1.7)));
        all.push(series("request_duration_seconds_count", &of, move |n| Some((n * 10 * (at + 1) / 3) as f64)));
        let version = ["1.0", "1.1", "1.1"][at as usize];
        all.push(series("build_info", &[("instance", instance), ("version", version)], |_| Some(1.0)));
    }
    // Gaps of different lengths, and a beginning in the middle.
    all.push(series("gappy", &[("instance", "a")], |n| (n % 100 < 60 || n % 3 == 0).then_some(n as f64)));
    all.push(series("gappy", &[("instance", "b")], |n| (n > 500 && n % 200 < 120).then_some(n as f64)));
    all.push(series("odd_values", &[("n", "0")], |n| {
        Some(match n % 9 {
            0 => f64::INFINITY,
            3 => f64::NAN,
            other => other as f64 * 1e15,
        })
    }));
    all.push(series("odd_values", &[("n", "1")], |n| Some(if n % 5 == 0 { -0.0 } else { 1e-9 * n as f64 })));
    all
}

fn time_of(n: i64) -> f64 {
    (DAY + n * STEP) as f64 + OFFSET
}

/// The samples for promtool, which fills a Prometheus with them.
fn open_metrics(all: &[Series]) -> String {
    let mut text = String::new();
    let mut names: Vec<&str> = all.iter().map(|(labels, _)| labels[0].1.as_str()).collect();
    names.dedup();
    names.sort_unstable();
    names.dedup();
    for name in names {
        for (labels, value) in all.iter().filter(|(labels, _)| labels[0].1 == name) {
            let others: Vec<String> = labels[1..].iter().map(|(name, value)| format!("{name}={value:?}")).collect();
            for n in 0..SAMPLES {
                if let Some(value) = value(n) {
                    let value = if value.is_infinite() { "+Inf".to_owned() } else { format!("{value:?}") };
                    writeln!(text, "{name}{{{}}} {value} {:.3}", others.join(","), time_of(n)).unwrap();
                }
            }
        }
    }
    text + "# EOF\n"
}

/// Sends the samples to Console, some at a time and not in order.
async fn remote_write(app: &TestApp, all: &[Series]) {
    let key = app.with_key(TenantId::DEFAULT, true, false).await;
    for part in [1, 0, 3, 2] {
        let timeseries = all.iter().map(|(labels, value)| {
            let samples = (SAMPLES / 4 * part..SAMPLES / 4 * (part + 1))
                .filter_map(|n| Some(Sample { value: value(n)?, timestamp: (time_of(n) * 1000.0) as i64 }));
            let label = |(name, value): &(String, String)| Label { name: name.clone(), value: value.clone() };
            let labels = labels.iter().map(|pair| label(pair).encode_to_vec().into()).collect();
            let one = TimeSeries { labels, samples: samples.collect(), ..TimeSeries::default() };
            one.encode_to_vec().into()
        });
        let request = WriteRequest { timeseries: timeseries.collect(), metadata: Vec::new() };
        let body = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).unwrap();
        let sent = key.post(app.url("/api/v1/write")).header("content-type", "application/x-protobuf").body(body);
        assert_eq!(sent.send().await.unwrap().status(), 204);
    }
}

/// Both of them, with the same samples.
struct Both {
    prometheus: Prometheus,
    console: Client,
    base: String,
}

impl Both {
    async fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> (Value, Value) {
        let of_prometheus = Client::new().post(format!("{}/api/v1/{path}", self.prometheus.url)).form(parameters);
        let of_console = self.console.post(format!("{}/api/v1/{path}", self.base)).form(parameters);
        let (prometheus, console) = tokio::join!(of_prometheus.send(), of_console.send());
        (prometheus.unwrap().json().await.unwrap(), console.unwrap().json().await.unwrap())
    }

    /// Asks both; says how their answers differ, if they do.
    async fn compare(&self, path: &str, parameters: &[(&str, &str)], is_ordered: bool) -> Option<String> {
        let (prometheus, console) = self.ask(path, parameters).await;
        let differs = || Some(format!("{path} {parameters:?}\n  prometheus {prometheus}\n  console    {console}"));
        if prometheus["status"] != "success" || console["status"] != "success" {
            return differs();
        }
        let (mut one, mut other) = (prometheus["data"].clone(), console["data"].clone());
        if !is_ordered {
            for data in [&mut one, &mut other] {
                if let Some(all) = data["result"].as_array_mut() {
                    all.sort_by_key(|series| series["metric"].to_string());
                }
            }
        }
        if is_same(&one, &other) { None } else { differs() }
    }
}

/// Whether two answers are the same, but for the last digits of numbers.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| is_same(one, other)))
        }
        (Value::String(one), Value::String(other)) => {
            one == other || one.parse().ok().zip(other.parse().ok()).is_some_and(|(one, other)| is_near(one, other))
        }
        (Value::Number(one), Value::Number(other)) => {
            one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| is_near(one, other))
        }
        _ => one == other,
    }
}

fn is_near(one: f64, other: f64) -> bool {
    one.total_cmp(&other).is_eq() || (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1e-6)
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_have_the_answers_of_prometheus() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let all = all_series();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("samples.om");
    std::fs::write(&file, open_metrics(&all)).unwrap();
    let (file, blocks) = (file.display().to_string(), dir.path().join("tsdb").display().to_string());
    assert_clean(&promtool(&["tsdb", "create-blocks-from", "openmetrics", &file, &blocks], ""), "the samples");
    let prometheus = Prometheus::start(dir.path(), "global: {}");
    remote_write(&app, &all).await;
    prometheus.ask("/api/v1/status/runtimeinfo", Value::is_object).await;
    let reader = app.with_key(TenantId::DEFAULT, false, true).await;
    let both = Both { prometheus, console: reader, base: app.url("/prometheus") };

    let at = |seconds: i64| (DAY + seconds).to_string();
    for round in ["as committed", "merged"] {
        let mut wrong = Vec::new();
        for query in QUERIES {
            for time in [at(4 * 3600 + 33), at(7 * 3600 + 1800)] {
                let is_ordered = query.starts_with("sort");
                wrong.extend(both.compare("query", &[("query", query), ("time", &time)], is_ordered).await);
            }
            let ranges = [
                (at(3600 + 11), at(3 * 3600), "47"),
                // Long and in whole steps: from roll-ups, where these will do.
                (at(3600), at(9 * 3600), "300"),
                (at(3600), at(9 * 3600), "3600"),
            ];
            for (start, end, step) in &ranges {
                let parameters = [("query", *query), ("start", start), ("end", end), ("step", step)];
                wrong.extend(both.compare("query_range", &parameters, false).await);
            }
        }
        assert!(wrong.is_empty(), "{round}: {} of {}\n{}", wrong.len(), QUERIES.len() * 5, wrong.join("\n"));
        samples::tidy(&app.services.stores).await;
    }
    let long = [("query", "sum(rate(http_requests_total[1h]))"), ("start", &at(3600)), ("end", &at(9 * 3600))];
    let (_, answer) = both.ask("query_range", &[&long[..], &[("step", "3600")]].concat()).await;
    assert_eq!(answer["infos"], json!(["answered from roll-ups of 1 hour"]));

    let start = at(0);
    for (path, parameters) in [
        ("series", vec![("match[]", "up"), ("match[]", r#"{instance="b",__name__=~"build.*"}"#), ("start", &start)]),
        ("labels", vec![("start", start.as_str())]),
        ("labels", vec![("match[]", "build_info"), ("start", &start)]),
    ] {
        let (prometheus, console) = both.ask(path, &parameters).await;
        let own = |value: &Value| {
            let mut all = value["data"].as_array().unwrap().clone();
            // Console's own samples are there, too.
            all.retain(|one| {
                !matches!(one.as_str(), Some("cpu" | "device" | "direction" | "mountpoint" | "state" | "mode"))
            });
            all.sort_by_key(Value::to_string);
            all
        };
        assert_eq!(own(&prometheus), own(&console), "{path} {parameters:?}");
    }
    let values = both.console.get(format!("{}/api/v1/label/instance/values", both.base)).send().await.unwrap();
    assert_eq!(values.json::<Value>().await.unwrap()["data"], json!(["a", "b", "c"]));
    drop(both);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_answered_is_refused_as_prometheus_refuses_it() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.metrics.query_samples = 100;
    let app = TestApp::start_with(config).await;
    remote_write(&app, &all_series()).await;
    let reader = app.with_key(TenantId::DEFAULT, false, true).await;
    let ask = async |path: &str| {
        let answer = reader.get(app.url(&format!("/prometheus/api/v1/{path}"))).send().await.unwrap();
        let status = answer.status().as_u16();
        let answer: Value = answer.json().await.unwrap();
        (status, answer["errorType"].as_str().unwrap_or_default().to_owned(), answer["error"].to_string())
    };
    for (path, status, kind, part) in [
        ("query?query=up{", 400, "bad_data", ""),
        ("query?query=rate(up)", 400, "bad_data", ""),
        ("query", 400, "bad_data", ""),
        ("query?query=up&time=yesterday", 400, "bad_data", "time"),
        ("query_range?query=up&start=10&end=5&step=1", 400, "bad_data", "end"),
        ("query_range?query=up&start=0&end=5&step=0", 400, "bad_data", "step"),
        ("query_range?query=up&start=0&end=100000&step=1", 400, "bad_data", "11,000"),
        ("query?query=up&timeout=soon", 400, "bad_data", "timeout"),
        ("series", 400, "bad_data", "match[]"),
        ("series?match[]=rate(up[5m])", 400, "bad_data", ""),
        ("query?query=sum(sum_over_time(up[10h]))&time=1789984801", 422, "execution", ""),
        ("query?query=up * on (job) group_left up&time=1789984800", 422, "execution", ""),
    ] {
        let (found, found_kind, message) = ask(path).await;
        assert_eq!((found, found_kind.as_str()), (status, kind), "{path}: {message}");
        assert!(message.contains(part), "{path}: {message}");
    }
    assert_eq!(Client::new().get(app.url("/prometheus/api/v1/query?query=up")).send().await.unwrap().status(), 401);
    let other = app.services.stores.identity.add_tenant("other", SystemClock.now_utc()).await.unwrap().unwrap();
    let theirs = app.with_key(other, false, true).await;
    let found = theirs.get(app.url("/prometheus/api/v1/series?match[]=up")).send().await.unwrap();
    assert_eq!(found.json::<Value>().await.unwrap()["data"], json!([]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_ends_when_its_time_is_over_or_nobody_waits() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    remote_write(&app, &all_series()).await;
    let reader = app.with_key(TenantId::DEFAULT, false, true).await;
    // Minutes of work, were it done to its end.
    let long = "sum(max_over_time(sum by (job) (rate({job!=\"\"}[1h]))[10d:1s]))";
    let time = (DAY + 36_000).to_string();
    let ask = |timeout: &str| {
        let form = [("query", long), ("time", &time), ("timeout", timeout)];
        reader.post(app.url("/prometheus/api/v1/query")).form(&form).send()
    };
    let begun = Instant::now();
    let answer = ask("300ms").await.unwrap();
    let status = answer.status().as_u16();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!((status, &answer["errorType"]), (503, &json!("timeout")), "{answer}");
    // One that nobody waits for makes room for others, as many as there may be at once.
    for _ in 0..20 {
        assert!(tokio::time::timeout(Duration::from_millis(50), ask("60s")).await.is_err());
    }
    let path = format!("/prometheus/api/v1/query?query=sum(up)&time={}", DAY + 3600);
    let answer: Value = reader.get(app.url(&path)).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["data"]["result"][0]["value"][1], "3", "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_data_sources_ask_besides_is_answered() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    remote_write(&app, &all_series()).await;
    let reader = app.with_key(TenantId::DEFAULT, false, true).await;
    let url = |path: &str| app.url(&format!("/prometheus/api/v1/{path}"));
    let get = async |path: &str| {
        let answer: Value = reader.get(url(path)).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["status"], "success", "{path}: {answer}");
        answer["data"].clone()
    };
    let build = get("status/buildinfo").await;
    assert!(
        build["version"].as_str().is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit())),
        "{build}"
    );
    assert_eq!(get("rules").await, json!({ "groups": [] }));
    assert_eq!(get("alerts").await, json!({ "alerts": [] }));
    let (start, end) = (DAY, DAY + 3600);
    let labels = get(&format!("labels?start={start}&end={end}&match[]=up")).await;
    assert_eq!(labels, json!(["__name__", "instance", "job"]));
    assert_eq!(
        get(&format!("label/instance/values?start={start}&end={end}&match[]=up&limit=2")).await,
        json!(["a", "b"])
    );
    let form = [("query", "up".to_owned()), ("start", start.to_string()), ("end", end.to_string())];
    let exemplars: Value = reader.post(url("query_exemplars")).form(&form).send().await.unwrap().json().await.unwrap();
    assert_eq!(exemplars["data"], json!([]), "{exemplars}");
    // An hour after the last sample it counts for who looks back so far.
    let later = DAY + 11 * 3600;
    assert_eq!(get(&format!("query?query=up&time={later}")).await["result"], json!([]));
    let back = get(&format!("query?query=up&time={later}&lookback_delta=2h")).await;
    assert_eq!(back["result"].as_array().map(Vec::len), Some(3), "{back}");
    let cut = reader.get(url(&format!("query_range?query=up&start={start}&end={end}&step=60&limit=2"))).send().await;
    let cut: Value = cut.unwrap().json().await.unwrap();
    assert_eq!(cut["data"]["result"].as_array().map(Vec::len), Some(2), "{cut}");
    assert_eq!(cut["warnings"], json!(["results truncated due to limit"]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_asks_console() {
    let home = Home::new(Engine::Postgres).await;
    let app = TestApp::start(&home).await;
    remote_write(&app, &all_series()).await;
    let key = app.with_key_secret(TenantId::DEFAULT, false, true).await;
    let server = format!("http://key:{key}@{}/prometheus", app.addr);
    let (start, end) = (format!("--start={DAY}"), format!("--end={}", DAY + 3600));
    let told = |arguments: &[&str]| {
        let output = promtool(&[&["query"], arguments].concat(), "");
        assert_clean(&output, &format!("{arguments:?}"));
        String::from_utf8(output.stdout).unwrap()
    };
    let time = format!("--time={}", DAY + 3600);
    assert!(told(&["instant", &time, &server, "sum(up)"]).starts_with("{} => 3 @["));
    assert!(told(&["range", &start, &end, "--step=10m", &server, "sum(up)"]).contains("3 @["));
    assert_eq!(told(&["labels", &start, &end, &server, "instance"]), "a\nb\nc\n");
    assert!(told(&["series", &start, &end, "--match=up", &server]).lines().count() == 3);
    app.stop().await;
}
