//! The live stream over a socket.

use std::time::Duration;

use app::model::{Level, LogId, TenantId, TraceId};
use futures::StreamExt;
use serde_json::Value;
use server::{ingest::Submission, store::log::NewLogRecord};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Engine, Home, TestApp, record, with_trace};

/// One event as a browser would see it.
#[derive(Debug, Clone)]
struct Seen {
    event: String,
    id: Option<i64>,
    data: Value,
}

struct Stream {
    bytes: futures::stream::BoxStream<'static, reqwest::Result<Vec<u8>>>,
    buffer: String,
}

impl Stream {
    async fn open(app: &TestApp, query: &str, last_event_id: Option<i64>) -> Self {
        let mut request = app.client.get(app.url(&format!("/api/monitoring/logs/stream?{query}")));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id.to_string());
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let bytes = response.bytes_stream().map(|chunk| chunk.map(|chunk| chunk.to_vec())).boxed();
        let mut stream = Self { bytes, buffer: String::new() };
        assert_eq!(stream.next().await.unwrap().event, "ready");
        stream
    }

    async fn next(&mut self) -> Option<Seen> {
        loop {
            if let Some((block, rest)) = self.buffer.clone().split_once("\n\n") {
                self.buffer = rest.into();
                if let Some(seen) = parse(block) {
                    return Some(seen);
                }
                continue;
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.bytes.next()).await.expect("an event")?;
            self.buffer.push_str(std::str::from_utf8(&chunk.ok()?).unwrap());
        }
    }

    /// The next event of this kind.
    async fn next_of(&mut self, event: &str) -> Seen {
        loop {
            let seen = self.next().await.expect("the stream goes on");
            if seen.event == event {
                return seen;
            }
        }
    }
}

fn parse(block: &str) -> Option<Seen> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let data = serde_json::from_str(field("data:")?).unwrap();
    Some(Seen { event: field("event:")?.to_owned(), id: field("id:").map(|id| id.parse().unwrap()), data })
}

async fn write(app: &TestApp, records: Vec<NewLogRecord>) {
    let logs = records.into_iter().map(|record| (TenantId::DEFAULT, record)).collect();
    app.services.ingest.submit(Submission { logs, ..Submission::default() }).await.unwrap();
}

fn lines(from: usize, count: usize) -> Vec<NewLogRecord> {
    (from..from + count).map(|n| record(n as i64, "orders", &format!("line {n}"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_and_its_resumption_understand_what_the_list_does() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    // service:orders -calm status:>=500 /line \d+/
    let query = "search=service%3Aorders+-calm+status%3A%3E%3D500+%2Fline+%5Cd%2B%2F";
    let mut live = Stream::open(&app, query, None).await;
    let failed = |n: i64, service: &str, message: &str, status: u16| NewLogRecord {
        attributes: format!(r#"{{"status":{status}}}"#),
        ..record(n, service, message)
    };
    let records = vec![
        failed(1, "orders", "line 1", 200),
        failed(2, "users", "line 2", 500),
        failed(3, "orders", "line 3, calm", 500),
        failed(4, "orders", "line x", 500),
        failed(5, "orders", "line 5", 503),
    ];
    write(&app, records).await;
    assert_eq!(live.next_of("log").await.id, Some(5));
    let mut resumed = Stream::open(&app, query, Some(0)).await;
    assert_eq!(resumed.next_of("log").await.id, Some(5));
    let (status, page) = app.get(&format!("/api/monitoring/logs?from=0&to=1000000&{query}")).await;
    assert_eq!((status, page["logs"][0]["id"].as_i64(), page["matched"].as_u64()), (200, Some(5), Some(1)));
    for bad in ["%22open", "%2F(%2F", "level%3Aloud"] {
        let (status, error) = app.get(&format!("/api/monitoring/logs/stream?search={bad}")).await;
        assert_eq!((status, error["error"]["details"]["field"].as_str()), (422, Some("search")), "{bad}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn committed_records_arrive_filtered_on_the_server() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let trace: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
    let mut all = Stream::open(&app, "", None).await;
    let mut errors = Stream::open(&app, "level=error&service=orders&search=dead", None).await;
    let mut traced = Stream::open(&app, &format!("trace_id={trace}"), None).await;
    let mut none = Stream::open(&app, "logs=0", None).await;
    let mut deadlock = record(2, "orders", "deadlock");
    deadlock.level = Level::Error;
    write(&app, vec![record(1, "orders", "dead calm"), deadlock, with_trace(record(3, "users", "x"), trace)]).await;
    for (n, message) in ["dead calm", "deadlock", "x"].iter().enumerate() {
        let seen = all.next_of("log").await;
        assert_eq!((seen.id, seen.data["message"].as_str()), (Some(n as i64 + 1), Some(*message)));
    }
    assert_eq!(errors.next_of("log").await.id, Some(2));
    assert_eq!(traced.next_of("log").await.id, Some(3));
    // A stream without log records still has the tick.
    let mut seen = none.next().await.unwrap();
    while seen.event != "tick" {
        assert_ne!(seen.event, "log");
        seen = none.next().await.unwrap();
    }
    assert!(seen.data["cpu_percent"].is_number());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_trace_is_announced_when_it_begins_and_when_it_ends() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let mut stream = Stream::open(&app, "logs=0", None).await;
    let push = app
        .client
        .post(app.url("/webhooks/gitlab"))
        .header("x-gitlab-event", "Push Hook")
        .header("x-gitlab-token", crate::support::SECRET)
        .body(crate::support::fixture("push.json"));
    let answer: Value = push.send().await.unwrap().json().await.unwrap();
    let (began, ended) = (stream.next_of("pipeline").await, stream.next_of("pipeline").await);
    assert_eq!((&began.data["status"], &ended.data["status"]), (&"in_progress".into(), &"success".into()));
    assert_eq!(ended.data["id"], answer["trace_id"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_resumes_without_gap_and_without_repeat_while_records_stream_in() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = TestApp::start(&home).await;
        write(&app, lines(0, 700)).await;
        let writer = async {
            for n in 0..40 {
                write(&app, lines(700 + n * 5, 5)).await;
            }
        };
        let reader = async {
            let mut last = 100;
            // Comes back four times, each time after the last id that it saw.
            for _ in 0..4 {
                let mut stream = Stream::open(&app, "", Some(last)).await;
                for _ in 0..200 {
                    let id = stream.next_of("log").await.id.unwrap();
                    assert_eq!(id, last + 1);
                    last = id;
                }
            }
            assert_eq!(last, 900);
        };
        tokio::join!(writer, reader);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stops_reading_holds_nobody_up_and_learns_what_it_missed() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.live.buffer_events = 16;
    let app = TestApp::start_with(config).await;
    let mut stalled = tokio::net::TcpStream::connect(app.addr).await.unwrap();
    let request =
        format!("GET /api/monitoring/logs/stream HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", app.addr, app.cookie);
    stalled.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 64];
    stalled.read_exact(&mut first).await.unwrap();

    // Far more than sockets buffer; every commit is acknowledged all the same.
    let line = "y".repeat(4000);
    let mut written = 0;
    for _ in 0..200 {
        write(&app, (0..50).map(|n| record(n, "orders", &line)).collect()).await;
        written += 50;
    }
    let mut lively = Stream::open(&app, "", None).await;
    write(&app, lines(0, 1)).await;
    assert_eq!(lively.next_of("log").await.id, Some(written + 1));

    // It reads again: a `missed` event accounts for every record that was not sent.
    let mut text = String::new();
    let mut chunk = vec![0; 1 << 16];
    while !text.contains("event: missed") {
        let read = tokio::time::timeout(Duration::from_secs(20), stalled.read(&mut chunk)).await.unwrap().unwrap();
        assert!(read > 0, "the stream is still open");
        text = text.split_off(text.len().saturating_sub(400));
        text.push_str(&String::from_utf8_lossy(&chunk[..read]));
    }
    let missed = text.split_once("event: missed").unwrap().1;
    let data = missed.split_once("data: ").unwrap().1.split_once('\n').map_or("", |(data, _)| data);
    let missed: Value = serde_json::from_str(data).unwrap();
    assert!(missed["count"].as_u64().unwrap() > 0 && missed["after"].as_i64().unwrap() > 0);
    drop(stalled);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_limited_and_end_at_shutdown() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.live.max_streams = 1;
    let app = TestApp::start_with(config).await;
    let mut stream = Stream::open(&app, "logs=0", None).await;
    let (status, refused) = app.get("/api/monitoring/logs/stream").await;
    assert_eq!(status, 503, "{refused}");
    assert!(refused["error"]["message"].as_str().unwrap().contains("live.max_streams"));
    let ended = tokio::spawn(async move { while stream.next().await.is_some() {} });
    app.stop().await;
    ended.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_was_away_for_long_gets_a_bounded_replay() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    for n in 0..3 {
        write(&app, lines(n * 4000, 4000)).await;
    }
    let mut stream = Stream::open(&app, "", Some(0)).await;
    let mut last = 0;
    let missed = loop {
        let seen = stream.next().await.unwrap();
        match seen.event.as_str() {
            "log" => last = seen.id.unwrap(),
            "missed" => break seen,
            _ => {}
        }
    };
    assert_eq!(last + missed.data["count"].as_i64().unwrap(), 12_000);
    assert_eq!(app.services.stores.logs.head(TenantId::DEFAULT).await.unwrap(), LogId(12_000));
    app.stop().await;
}
