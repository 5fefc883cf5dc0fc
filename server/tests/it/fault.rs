//! What happens when things break: a killed process, a database that goes away.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use app::model::{LogFilter, NodeKind, SpanKind, TenantId, UnixNanos};
use serde_json::Value;
use server::{
    clock::{Clock, SystemClock},
    config::Secret,
    ingest::{IngestQueue, Submission, Writer},
    live::Hub,
    store::{
        LogSelection, NewSample, RollupRange, RollupResolution, Stores,
        log::LogMatcher,
        sample::{Data, Labels, Resolution},
        span::Peer,
    },
};
use tokio_util::sync::CancellationToken;

use crate::{
    samples,
    spans::span,
    support::{Engine, Home, Process, SECRET, TestApp, client_with, fixture, free_port, record, run_console},
};

/// Set in the process that [`acknowledged_records_survive`] starts: where its store is.
const CHILD_DIR: &str = "CONSOLE_TEST_WRITER_DIR";
const CHILD_URL: &str = "CONSOLE_TEST_WRITER_URL";

/// Not a test of its own: the process that writes until it is killed, and prints what was acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn child_writes_until_it_is_killed() {
    let Ok(dir) = std::env::var(CHILD_DIR) else { return };
    let mut config = server::config::Config::default();
    config.store.data_dir = PathBuf::from(dir);
    config.store.url = std::env::var(CHILD_URL).ok().filter(|url| !url.is_empty()).map(Secret::new);
    let stores = Stores::open(&config.store).await.unwrap();
    let (queue, end) = IngestQueue::new(1 << 24);
    let writer =
        Writer::new(queue.clone(), end, stores.ingest.clone(), Arc::new(Hub::new(8, 8)), Arc::new(SystemClock), 1000);
    tokio::spawn(async move { writer.run(CancellationToken::new()).await });
    let hand_in = async |lane: usize| {
        for n in 0_u64..1_000_000 {
            let logs = vec![(TenantId::DEFAULT, record(n as i64, "child", &format!("written {lane}-{n}")))];
            // A trace a lane, which grows by a span each time.
            let mut span = span(1 + lane as u32, 1 + n as u32, "child");
            span.name = format!("written {lane}-{n}");
            span.kind = SpanKind::Client;
            span.peer = Some(Peer { kind: NodeKind::Database, name: "postgresql orders".into() });
            let spans = vec![(TenantId::DEFAULT, span)];
            let series = Labels::named("written", &[("lane", &lane.to_string())]);
            let time = UnixNanos(n as i64 * 1_000_000_000);
            let metrics = vec![NewSample { tenant: TenantId::DEFAULT, series, time, value: n as f64 }].into();
            queue.submit(Submission { logs, spans, metrics, ..Submission::default() }).await.unwrap();
            println!("acknowledged {lane}-{n}");
        }
    };
    let tidy = async {
        // A time at which everything is due: it is killed in the middle of sorting and merging.
        let later = UnixNanos(SystemClock.now().0 + 86_400_000_000_000);
        loop {
            let _is_more = stores.metrics.tidy_samples(later).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::join!(hand_in(0), hand_in(1), hand_in(2), hand_in(3), tidy);
}

async fn acknowledged_records_survive(engine: Engine) {
    let home = Home::new(engine).await;
    let dir = home.config().store.data_dir;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["fault::child_writes_until_it_is_killed", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD_DIR, &dir)
        .env(CHILD_URL, home.url.clone().unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    for line in output.lines() {
        let Ok(line) = line else { break };
        if let Some((_, name)) = line.split_once("acknowledged ") {
            acknowledged.push(name.to_owned());
        }
        if acknowledged.len() == 2000 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(acknowledged.len() >= 2000, "{}", acknowledged.len());

    let stores = home.open().await;
    let selection = LogSelection {
        matcher: LogMatcher::new(&LogFilter::default()).unwrap(),
        from: UnixNanos(0),
        to: UnixNanos(i64::MAX),
        before: None,
        limit: 2_000_000,
        count_bound: u64::MAX,
    };
    let slice = stores.logs.search(TenantId::DEFAULT, selection).await.unwrap();
    let mut stored: Vec<&str> =
        slice.records.iter().filter_map(|record| record.message.strip_prefix("written ")).collect();
    stored.sort_unstable();
    let before = stored.len();
    stored.dedup();
    assert_eq!(stored.len(), before, "nothing is there twice");
    for name in &acknowledged {
        assert!(stored.binary_search(&name.as_str()).is_ok(), "{name} was acknowledged and is lost");
    }
    let mut of_lane = BTreeMap::new();
    for series in samples::select(&stores, TenantId::DEFAULT, "written", (-1, i64::MAX), Resolution::Raw).await {
        let Data::Samples(samples) = series.data else { continue };
        of_lane.insert(series.labels.get("lane").to_owned(), samples);
    }
    for name in &acknowledged {
        let (lane, n) = name.split_once('-').unwrap();
        let (samples, n) = (&of_lane[lane], n.parse::<i64>().unwrap());
        let at = samples.times.binary_search(&(n * 1000));
        assert!(at.is_ok_and(|at| samples.values[at] as i64 == n), "the sample of {name} was acknowledged and is lost");
    }
    let mut spans = std::collections::BTreeSet::new();
    for lane in 0..4 {
        let trace = span(1 + lane, 1, "child").trace_id;
        let stored = stores.spans.trace(TenantId::DEFAULT, trace, 2_000_000).await.unwrap().unwrap();
        assert_eq!((stored.duplicates, stored.summary.spans as usize), (0, stored.spans.len()));
        spans.extend(stored.spans.into_iter().map(|span| span.name));
    }
    for name in &acknowledged {
        assert!(spans.contains(&format!("written {name}")), "the span {name} was acknowledged and is lost");
    }
    // Roll-ups are of the same commits: each call was counted, and none twice.
    let all = RollupRange { resolution: RollupResolution::Hour, from: UnixNanos(0), to: UnixNanos(i64::MAX) };
    let (edges, _) = stores.spans.edges(TenantId::DEFAULT, &[all]).await.unwrap();
    assert_eq!(edges.iter().map(|(_, calls)| calls.requests).collect::<Vec<_>>(), [spans.len() as u64]);
    stores.admin.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_while_records_stream_in_loses_nothing_acknowledged_on_sqlite() {
    acknowledged_records_survive(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_while_records_stream_in_loses_nothing_acknowledged_on_postgres() {
    acknowledged_records_survive(Engine::Postgres).await;
}

async fn deliver(addr: std::net::SocketAddr, client: &reqwest::Client) -> Option<(u16, Value)> {
    let request = client
        .post(format!("http://{addr}/webhooks/gitlab"))
        .header("x-gitlab-event", "Push Hook")
        .header("x-gitlab-token", SECRET)
        .body(fixture("push.json"));
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    Some((status, response.json().await.ok()?))
}

async fn acknowledged_webhooks_survive(engine: Engine) {
    let home = Home::new(engine).await;
    let mut process = Process::serve(&home, free_port()).await;
    let client = reqwest::Client::new();
    let addr = process.addr;
    let mut accepted = Vec::new();
    let load = async {
        while let Some((status, answer)) = deliver(addr, &client).await {
            assert_eq!(status, 200, "{answer}");
            accepted.push(answer["trace_id"].as_str().unwrap().to_owned());
        }
    };
    let kill = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        tokio::task::block_in_place(|| process.kill_9());
    };
    tokio::join!(load, kill);
    assert!(accepted.len() > 10, "{}", accepted.len());

    let process = Process::serve(&home, free_port()).await;
    let (code, key) = run_console(&home, &["key", "add", "reader", "--read"], &[]);
    assert_eq!(code, Some(0), "{key}");
    let client = client_with("x-api-key", key.lines().next().unwrap());
    for id in &accepted {
        let url = format!("http://{}/v1/traces/{id}", process.addr);
        let trace: Value = client.get(url).send().await.unwrap().json().await.unwrap();
        assert_eq!(trace["status"], "success", "{id}: {trace}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_loses_no_acknowledged_webhook_on_sqlite() {
    acknowledged_webhooks_survive(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_loses_no_acknowledged_webhook_on_postgres() {
    acknowledged_webhooks_survive(Engine::Postgres).await;
}

/// A PostgreSQL of this test's own, which it may stop.
struct OwnPostgres {
    dir: tempfile::TempDir,
    bin: PathBuf,
    user: Option<String>,
    port: u16,
}

impl OwnPostgres {
    fn create() -> Self {
        let bin = std::env::var("TEST_PG_BINDIR")
            .expect("TEST_PG_BINDIR must name PostgreSQL's programs; `make test` sets it");
        let user = std::env::var("TEST_PG_USER").ok().filter(|user| !user.is_empty());
        let dir = tempfile::tempdir().unwrap();
        let this = Self { dir, bin: PathBuf::from(bin), user, port: free_port() };
        if let Some(user) = &this.user {
            // PostgreSQL refuses to run as root.
            let owned = Command::new("chown").arg(user).arg(this.dir.path()).status().unwrap();
            assert!(owned.success());
        }
        this.run("initdb", &["-U", "postgres", "--auth=trust", "-D", this.data().to_str().unwrap()]);
        this
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn run(&self, program: &str, args: &[&str]) {
        let path: PathBuf = Path::new(&self.bin).join(program);
        let mut command = match &self.user {
            Some(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", user, "--"]).arg(path);
                command
            }
            None => Command::new(path),
        };
        let status = command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.unwrap().success(), "{program} {args:?}");
    }

    fn start(&self) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={}",
            self.port,
            self.dir.path().display()
        );
        let data = self.data();
        let log = self.dir.path().join("log");
        self.run("pg_ctl", &["-D", data.to_str().unwrap(), "-l", log.to_str().unwrap(), "-o", &options, "-w", "start"]);
    }

    fn stop(&self) {
        self.run("pg_ctl", &["-D", self.data().to_str().unwrap(), "-m", "immediate", "-w", "stop"]);
    }

    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").exists() {
            self.stop();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_stopped_and_started_under_load_loses_nothing_acknowledged() {
    let postgres = OwnPostgres::create();
    postgres.start();
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.store.url = Some(Secret::new(postgres.url()));
    let app = TestApp::start_with(config).await;

    let watcher = app.with_key(TenantId::DEFAULT, false, true).await;
    let store_up = async || {
        let answer = watcher.get(app.url("/metrics")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let text = answer.text().await.unwrap();
        text.lines().find_map(|line| line.strip_prefix("console_store_up ")).map(str::to_owned)
    };
    assert_eq!(store_up().await.as_deref(), Some("1.0"));

    let stop_load = CancellationToken::new();
    let refused = Arc::new(AtomicU32::new(0));
    let load = tokio::spawn({
        let (addr, client, stop) = (app.addr, app.client.clone(), stop_load.clone());
        let refused = refused.clone();
        async move {
            let mut accepted = Vec::new();
            while !stop.is_cancelled() {
                match deliver(addr, &client).await.expect("the server answers, whatever the database does") {
                    (200, answer) => accepted.push(answer["trace_id"].as_str().unwrap().to_owned()),
                    (status, answer) => {
                        assert!(status == 503 || status == 500, "{status} {answer}");
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            accepted
        }
    });
    let ingest = app.services.ingest.clone();
    let writing = tokio::spawn({
        let stop = stop_load.clone();
        async move {
            let mut acknowledged = 0_u64;
            let mut n = 0;
            while !stop.is_cancelled() {
                n += 1;
                let logs = vec![(TenantId::DEFAULT, record(n, "load", "under load"))];
                if ingest.submit(Submission { logs, ..Submission::default() }).await.is_ok() {
                    acknowledged += 1;
                }
            }
            acknowledged
        }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    tokio::task::block_in_place(|| postgres.stop());
    // A delivery that was under way waits for a connection before it gives up.
    for waited in 0.. {
        if refused.load(Ordering::Relaxed) > 0 {
            break;
        }
        assert!(waited < 300, "while the database is away deliveries are refused");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(app.get("/health").await.0, 200, "the process itself is well");
    assert_eq!(app.get("/ready").await.0, 503);
    // Long enough that the key is no longer believed without the store.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(store_up().await.as_deref(), Some("0.0"), "who watches learns of it");
    tokio::task::block_in_place(|| postgres.start());
    for attempt in 0.. {
        let (status, health) = app.get("/health/detailed").await;
        if status == 200 {
            break;
        }
        assert!(attempt < 300, "it recovers by itself: {health}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop_load.cancel();
    let accepted = load.await.unwrap();
    let acknowledged = writing.await.unwrap();
    assert!(accepted.len() > 5, "{}", accepted.len());
    for id in &accepted {
        assert_eq!(app.get(&format!("/v1/traces/{id}")).await.1["status"], "success");
    }
    let (_, page) = app.get("/api/monitoring/logs?service=load&from=0&to=10000&limit=10000").await;
    let stored = page["matched"].as_u64().unwrap();
    assert!(stored >= acknowledged, "{stored} stored, {acknowledged} acknowledged");
    app.stop().await;
}
