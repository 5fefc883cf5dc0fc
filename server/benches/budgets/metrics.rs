//! Samples by remote write, and `PromQL`: Console beside Debian's Prometheus, with the same samples, one after the other.
//!
//! `BENCH_SERIES`, `BENCH_HOURS` and `BENCH_STEP`, the seconds between two samples, make more or less of them; over days the
//! questions are such as dashboards of days ask, which roll-ups answer. Without a `prometheus` there is nothing to compare
//! with.

use std::{
    fmt,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use prost::Message;
use serde_json::Value;
use server::{
    clock::{Clock, SystemClock},
    remote_write::wire::{Label, Sample},
};
use sqlx::Connection as _;

use crate::{
    Outcome, milliseconds,
    process::{Server, resident_mb},
    report::{self, Report},
    requests::settle,
};

/// Series of one request, as senders have them.
const SERIES_A_REQUEST: usize = 2000;
/// Requests under way, as a sender with as many shards has them.
const SHARDS: usize = 4;
/// Series of one metric.
const SERIES_A_METRIC: usize = 200;
/// Longer ranges are asked as roll-ups can answer.
const LONG_HOURS: usize = 48;
/// How often each question is asked.
const ROUNDS: usize = 5;
/// The budget on disk is for samples that come at least every so many seconds, as those of programs do.
const DENSE_S: i64 = 60;
/// A question that has taken so long together is not asked again.
const ASKED_FOR: Duration = Duration::from_secs(30);

/// How many samples there are, and how far apart.
#[derive(Clone, Copy)]
struct Shape {
    series: usize,
    hours: usize,
    /// Seconds between two samples of a series.
    step: i64,
    /// When the first samples are, in seconds: on a whole hour, and the last before the one that is going on.
    start: i64,
}

impl Shape {
    fn new(series: usize, hours: usize, step: i64) -> Self {
        Self { series, hours, step, start: (SystemClock.now_millis().0 / 3_600_000 - hours as i64) * 3600 }
    }

    fn seconds(self) -> i64 {
        self.hours as i64 * 3600
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} series, {} h", self.series, self.hours)
    }
}

/// Fills both and asks both: with a day as programs send it; with a month of ten times as many series, of which samples
/// are rare, as it would take hours otherwise. Or with what the environment wants.
pub async fn compare(report: &mut Report) -> Outcome<()> {
    let wanted = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
    let wanted = [wanted("BENCH_SERIES"), wanted("BENCH_HOURS"), wanted("BENCH_STEP")];
    let shapes = if let [None, None, None] = wanted {
        vec![Shape::new(10_000, 24, 10), Shape::new(100_000, 720, 1800)]
    } else {
        let [series, hours, step] = wanted;
        vec![Shape::new(series.unwrap_or(10_000), hours.unwrap_or(24), step.unwrap_or(10).max(1) as i64)]
    };
    for shape in shapes {
        println!(" {shape}, a sample every {} s", shape.step);
        let dir = tempfile::tempdir()?;
        compare_with(report, dir.path(), shape).await?;
    }
    Ok(())
}

async fn compare_with(report: &mut Report, dir: &Path, shape: Shape) -> Outcome<()> {
    let dir_of_prometheus = tempfile::tempdir()?;
    let theirs = match Prometheus::start(dir_of_prometheus.path()).await {
        Ok(prometheus) => {
            println!(" Prometheus");
            let measured = measure(shape, &prometheus.url, "/api/v1", &reqwest::Client::new(), || {
                resident_mb(prometheus.child.id())
            })
            .await?;
            drop(prometheus);
            Some((measured, bytes_of(dir_of_prometheus.path())?))
        }
        Err(error) => {
            println!("  nothing to compare with: {error}");
            None
        }
    };
    println!(" Console");
    let server = Server::start(dir).await?;
    let ours = measure(shape, &server.address, "/prometheus/api/v1", &server.client, || server.resident_mb()).await?;
    server.stop().await?;
    // What is on its way into blocks is there twice: it is let come to rest.
    let library = crate::Library::open(dir).await?;
    library.tidy_samples().await?;
    library.close().await?;
    let file = format!("sqlite:{}", dir.join("console.db").display());
    let mut connection = sqlx::SqliteConnection::connect(&file).await?;
    // Pages that merges have left are filled again.
    let used = "SELECT (page_count - freelist_count) * page_size
                FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()";
    let (bytes,): (i64,) = sqlx::query_as(used).fetch_one(&mut connection).await?;
    let bytes = bytes as f64;

    let samples = shape.series as f64 * shape.seconds() as f64 / shape.step as f64;
    let on_disk = bytes / samples;
    println!("  {on_disk:.2} bytes a sample on disk, roll-ups included");
    // With few samples in a roll-up's five minutes, it is the roll-ups that are measured.
    if shape.step <= DENSE_S {
        report.below(&format!("{shape}: bytes a sample on disk, roll-ups included"), on_disk, 2.0, "B");
    }
    let Some((theirs, their_bytes)) = theirs else { return Ok(()) };
    report.below(&format!("{shape}: bytes a sample on disk (Prometheus)"), on_disk, their_bytes / samples, "B");
    report.at_least(
        &format!("{shape}: samples by remote write (half of Prometheus)"),
        ours.rate,
        theirs.rate / 2.0,
        "/s",
    );
    report.below(&format!("{shape}: memory after them (Prometheus)"), ours.memory_filled, theirs.memory_filled, "MB");
    report.below(
        &format!("{shape}: memory after the questions (Prometheus)"),
        ours.memory_asked,
        theirs.memory_asked,
        "MB",
    );
    for ((name, our_ms), (_, their_ms)) in ours.times.iter().zip(&theirs.times) {
        report.below(&format!("{name} (Prometheus)"), *our_ms, *their_ms, "ms");
    }
    Ok(())
}

/// What was measured of one of them.
struct Measured {
    /// Samples a second.
    rate: f64,
    memory_filled: f64,
    memory_asked: f64,
    /// Milliseconds, by question.
    times: Vec<(String, f64)>,
}

/// Fills one of them, as programs do, and asks it, as `reader`.
async fn measure(
    shape: Shape,
    base: &str,
    api: &str,
    reader: &reqwest::Client,
    memory: impl Fn() -> f64,
) -> Outcome<Measured> {
    let begun = Instant::now();
    let samples = fill(shape, &reqwest::Client::new(), &format!("{base}{api}/write")).await?;
    let rate = samples as f64 / begun.elapsed().as_secs_f64();
    println!("  {samples} samples, {rate:.0} a second");
    settle().await;
    let memory_filled = memory();
    println!("  memory {memory_filled:.0} MB");
    let mut times = Vec::new();
    for (name, path) in questions(shape) {
        let url = format!("{base}{api}{path}");
        let mut taken = Vec::new();
        let first = Instant::now();
        for _ in 0..ROUNDS {
            if first.elapsed() > ASKED_FOR {
                break;
            }
            let begun = Instant::now();
            let answer = reader.get(&url).send().await?;
            let status = answer.status();
            let answer = answer.bytes().await?;
            taken.push(milliseconds(begun.elapsed()));
            if !status.is_success() {
                // Whoever gives up has taken so long at least.
                println!("  {name}: gave up: {}", String::from_utf8_lossy(&answer));
                break;
            }
            let answer: Value = serde_json::from_slice(&answer)?;
            if answer["data"]["result"].as_array().is_none_or(Vec::is_empty) {
                return Err(format!("{name}: no answer").into());
            }
        }
        println!("  {name}: {:.1} ms", report::median(&taken));
        times.push((name, report::median(&taken)));
    }
    Ok(Measured { rate, memory_filled, memory_asked: memory(), times })
}

/// Questions with the paths that ask them.
fn questions(shape: Shape) -> Vec<(String, String)> {
    let length = shape.seconds();
    let range = |query: &str, from: i64, step: i64| {
        let (start, end) = (shape.start + from, shape.start + length - 60 + from % 60);
        let parameters = [("query", query), ("start", &start.to_string()), ("end", &end.to_string())];
        let parameters = serde_urlencoded::to_string(parameters).unwrap_or_default();
        format!("/query_range?{parameters}&step={step}")
    };
    let name = |what: &str| format!("{what}, {} h", shape.hours);
    let whole_hours = (name("rate of half of all, from whole hours"), "sum(rate(bench_all_total[1h]))", 3600, 3600);
    let asked = if shape.hours > LONG_HOURS {
        // Half an hour from one point to the next, and whole hours: there are some hundred points of thirty days.
        vec![
            (name("rate of one metric by job"), "sum by (job) (rate(bench_7_total[1h]))", 3600, 1800),
            (name("a gauge of 200 instances"), "bench_8", 3600, 1800),
            (name("mean of a gauge over an hour"), "avg(avg_over_time(bench_8[1h]))", 3600, 3600),
            whole_hours,
            (name("highest five"), "topk(5, bench_4)", 3600, 3600),
            (name("count of all"), r#"count({__name__=~"bench_.*"})"#, length - 3600, 300),
        ]
    } else {
        // Some seconds after a whole hour, so that nothing but samples answers but where that is wanted.
        let off = 7;
        vec![
            (name("rate of one metric by job"), "sum by (job) (rate(bench_7_total[5m]))", 300 + off, 60),
            (name("a gauge of 200 instances"), "bench_8", off, 60),
            (name("mean of a gauge over an hour"), "avg(avg_over_time(bench_8[1h]))", 3600 + off, 300),
            (name("rate of half of all"), "sum(rate(bench_all_total[5m]))", 300 + off, 300),
            whole_hours,
            (name("highest five"), "topk(5, bench_4)", off, 300),
            (name("count of all"), r#"count({__name__=~"bench_.*"})"#, length - 120 + off, 60),
        ]
    };
    asked.into_iter().map(|(name, query, from, step)| (name, range(query, from, step))).collect()
}

/// A series: its labels as they are sent, and how its values go.
struct Bench {
    labels: Vec<u8>,
    kind: usize,
    value: f64,
}

/// Sends all samples in the order of time; says how many there are.
async fn fill(shape: Shape, client: &reqwest::Client, url: &str) -> Outcome<u64> {
    let mut all: Vec<Bench> = (0..shape.series).map(|n| bench(shape, n)).collect();
    let mut numbers = 88_172_645_463_325_252_u64;
    let (mut sent, mut under_way) = (0, tokio::task::JoinSet::new());
    for round in 0..shape.seconds() / shape.step {
        // Just before whole seconds: however far apart samples are, a question of that time sees one.
        let timestamp = (shape.start + (round + 1) * shape.step) * 1000 - 3;
        for part in all.chunks_mut(SERIES_A_REQUEST) {
            let mut body = Vec::with_capacity(part.len() * 160);
            for one in part.iter_mut() {
                numbers ^= numbers << 13;
                numbers ^= numbers >> 7;
                numbers ^= numbers << 17;
                put_series(&mut body, one, numbers, timestamp);
            }
            sent += part.len() as u64;
            let body = snap::raw::Encoder::new().compress_vec(&body)?;
            while under_way.len() >= SHARDS {
                under_way.join_next().await.transpose()?.transpose()?;
            }
            let request = client.post(url).header("content-type", "application/x-protobuf");
            let request = request.header("content-encoding", "snappy").body(body);
            under_way.spawn(async move {
                let answer = request.send().await.map_err(|error| error.to_string())?;
                if answer.status().is_success() { Ok(()) } else { Err(answer.text().await.unwrap_or_default()) }
            });
        }
        // A round at a time: Prometheus takes nothing that is older than what it has of a series.
        while let Some(done) = under_way.join_next().await {
            done??;
        }
    }
    Ok(sent)
}

/// Half of them counters, some of floats; gauges with one digit behind the point; some that never change.
fn bench(shape: Shape, n: usize) -> Bench {
    // Half of them are one large metric, the others smaller ones.
    let is_large = n >= shape.series / 2;
    let (metric, instance) = if is_large { (1, n) } else { (n / SERIES_A_METRIC, n % SERIES_A_METRIC) };
    let kind = [1, 0, 2, 0, 1, 0, 3, 0][metric % 8];
    let name = match kind {
        _ if is_large => "bench_all_total".to_owned(),
        0 | 3 => format!("bench_{metric}_total"),
        _ => format!("bench_{metric}"),
    };
    let labels = [
        ("__name__", name),
        ("instance", format!("10.0.{}.{}:9100", instance / 250, instance % 250)),
        ("job", format!("job-{}", instance % 10)),
        ("pod", format!("shop-{}-7f9c5d{instance:04x}", instance % 10)),
        ("zone", format!("eu-{}", instance % 3)),
    ];
    let label = |(name, value): (&str, String)| {
        let mut bytes = vec![0x0a];
        let label = Label { name: name.to_owned(), value };
        prost::encoding::encode_varint(label.encoded_len() as u64, &mut bytes);
        bytes.extend(label.encode_to_vec());
        bytes
    };
    Bench { labels: labels.into_iter().flat_map(label).collect(), kind, value: (n % 1000) as f64 }
}

/// Writes a series with its next sample as a field of `WriteRequest`.
fn put_series(body: &mut Vec<u8>, one: &mut Bench, number: u64, timestamp: i64) {
    let step = (number >> 40) as f64 / f64::from(1 << 24);
    one.value = match one.kind {
        0 => one.value + (step * 50.0).floor(),
        1 => ((one.value + step - 0.5) * 10.0).round() / 10.0,
        3 => one.value + step * 0.3,
        _ => one.value,
    };
    let sample = Sample { value: one.value, timestamp };
    let sample_length = sample.encoded_len() as u64;
    let length =
        one.labels.len() as u64 + 1 + prost::encoding::encoded_len_varint(sample_length) as u64 + sample_length;
    body.push(0x0a);
    prost::encoding::encode_varint(length, body);
    body.extend_from_slice(&one.labels);
    body.push(0x12);
    prost::encoding::encode_varint(sample_length, body);
    body.extend(sample.encode_to_vec());
}

/// A Prometheus that takes remote write.
struct Prometheus {
    child: Child,
    url: String,
}

impl Prometheus {
    async fn start(dir: &Path) -> Outcome<Self> {
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = dir.join("prometheus.yml");
        std::fs::write(&config, "global: {}\n")?;
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("data").display()))
            .args(["--storage.tsdb.retention.time=100y", "--web.enable-remote-write-receiver"])
            .arg("--query.max-samples=500000000")
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let started = Self { child, url: format!("http://{address}") };
        for _ in 0..300 {
            if let Ok(answer) = reqwest::get(format!("{}/-/ready", started.url)).await
                && answer.status().is_success()
            {
                return Ok(started);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err("Prometheus did not become ready".into())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Bytes of all files in a folder and those in it.
fn bytes_of(dir: &Path) -> Outcome<f64> {
    let mut bytes = 0.0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() { bytes_of(&entry.path())? } else { about.len() as f64 };
    }
    Ok(bytes)
}
