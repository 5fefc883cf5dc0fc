//! Console's own metrics in the Prometheus data model, and how they are written for who scrapes them.

use std::{
    fmt,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use app::model::TraceId;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, exemplar::HistogramWithExemplars, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Upper bounds of durations, in seconds.
const DURATIONS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: String,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TraceLabel {
    trace_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Task {
    task: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Phase {
    phase: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

fn durations() -> Histogram {
    Histogram::new(DURATIONS)
}

fn durations_with_exemplars() -> HistogramWithExemplars<TraceLabel> {
    HistogramWithExemplars::new(DURATIONS.into_iter())
}

/// What is counted while it happens. Figures that are kept elsewhere anyway are added when they are asked for.
pub struct OwnMetrics {
    registry: Registry,
    requests: Family<Answer, Counter>,
    request_duration: Family<Route, HistogramWithExemplars<TraceLabel>, fn() -> HistogramWithExemplars<TraceLabel>>,
    jobs_pending: Family<Task, Gauge>,
    jobs_started: Family<Task, Gauge<f64, AtomicU64>>,
    jobs_failed: Family<Task, Counter>,
    collected: Family<Phase, Counter>,
    analysis_duration: Family<Outcome, Histogram, fn() -> Histogram>,
    scrapes: Family<Outcome, Counter>,
}

impl fmt::Debug for OwnMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnMetrics").finish_non_exhaustive()
    }
}

impl Default for OwnMetrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("console");
        let (requests, collected, scrapes) = (Family::default(), Family::default(), Family::default());
        let (jobs_pending, jobs_started, jobs_failed) = (Family::default(), Family::default(), Family::default());
        let request_duration = Family::new_with_constructor(durations_with_exemplars as fn() -> _);
        let analysis_duration = Family::new_with_constructor(durations as fn() -> _);
        registry.register("http_requests", "Requests that were answered", requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "How long requests took",
            Unit::Seconds,
            request_duration.clone(),
        );
        registry.register(
            "scheduler_jobs_pending",
            "Runs of background jobs that have begun and not ended",
            jobs_pending.clone(),
        );
        registry.register_with_unit(
            "scheduler_job_started_timestamp",
            "When the latest run of a background job began, since the Unix epoch",
            Unit::Seconds,
            jobs_started.clone(),
        );
        registry.register("scheduler_jobs_failed", "Runs of background jobs that failed", jobs_failed.clone());
        registry.register("metrics_collected", "Samples that Console itself collected", collected.clone());
        registry.register_with_unit(
            "analysis_duration",
            "How long it took to judge how things are, from the first question to the store",
            Unit::Seconds,
            analysis_duration.clone(),
        );
        registry.register("scrapes", "Times that targets were asked for their metrics", scrapes.clone());
        Self {
            registry,
            requests,
            request_duration,
            jobs_pending,
            jobs_started,
            jobs_failed,
            collected,
            analysis_duration,
            scrapes,
        }
    }
}

impl OwnMetrics {
    /// Counts a request. Method and route must be of few. Given is a trace that Console has, which stands for requests that
    /// took as long.
    pub fn request(
        &self,
        (method, route, status): (&str, &str, u16),
        took: Duration,
        trace: Option<TraceId>,
        now: SystemTime,
    ) {
        let of = Route { method: method.to_owned(), route: route.to_owned() };
        let exemplar = trace.map(|trace| TraceLabel { trace_id: trace.to_string() });
        self.request_duration.get_or_create(&of).observe(took.as_secs_f64(), exemplar, Some(now));
        self.requests.get_or_create(&Answer { method: of.method, route: of.route, status }).inc();
    }

    /// A run of a background task that begins now; it ends when this is dropped.
    pub fn job(&self, task: &'static str, now: SystemTime) -> JobRun {
        let label = Task { task };
        let pending = self.jobs_pending.get_or_create_owned(&label);
        pending.inc();
        let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.jobs_started.get_or_create(&label).set(since_epoch.as_secs_f64());
        JobRun { pending, failed: self.jobs_failed.get_or_create_owned(&label), has_failed: AtomicBool::new(false) }
    }

    /// Counts samples that were collected in some phase of a deployment, or outside of any.
    pub fn collected(&self, phase: &'static str, samples: u64) {
        self.collected.get_or_create(&Phase { phase }).inc_by(samples);
    }

    /// Counts a scrape.
    pub fn scraped(&self, has_succeeded: bool) {
        let outcome = if has_succeeded { "success" } else { "failure" };
        self.scrapes.get_or_create(&Outcome { outcome }).inc();
    }

    /// Counts a verdict and how long it took.
    pub fn analysed(&self, outcome: &'static str, took: Duration) {
        self.analysis_duration.get_or_create(&Outcome { outcome }).observe(took.as_secs_f64());
    }

    /// All metrics, those of another registry too, as `OpenMetrics` 1.0.
    pub fn open_metrics(&self, others: &Registry) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode_registry(&mut text, &self.registry)?;
        text::encode(&mut text, others)?;
        Ok(text)
    }
}

/// A run of a background task.
#[derive(Debug)]
pub struct JobRun {
    pending: Gauge,
    failed: Counter,
    has_failed: AtomicBool,
}

impl JobRun {
    /// It does not do what it should. However often that is said, the run fails once.
    pub fn fails(&self) {
        self.has_failed.store(true, Ordering::Relaxed);
    }
}

impl Drop for JobRun {
    fn drop(&mut self) {
        if self.has_failed.load(Ordering::Relaxed) || std::thread::panicking() {
            self.failed.inc();
        }
        self.pending.dec();
    }
}

/// `OpenMetrics` as Prometheus' older text format 0.0.4: a counter is named as its sample, and there are neither units nor
/// exemplars nor an end mark.
pub fn plain_text(open_metrics: &str) -> String {
    let mut out = String::with_capacity(open_metrics.len());
    let mut lines = open_metrics.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let kind = lines.peek().and_then(|next| next.rsplit_once(' ')).map_or("", |(_, kind)| kind);
            let (name, help) = help.split_once(' ').unwrap_or((help, ""));
            let (suffix, written) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                other => ("", other),
            };
            out.extend(["# HELP ", name, suffix, " ", help, "\n# TYPE ", name, suffix, " ", written, "\n"]);
        } else if !line.starts_with('#') {
            out.extend([without_exemplar(line), "\n"]);
        }
    }
    out
}

/// A sample without its exemplar. The values of its labels may hold anything, so they are passed over.
fn without_exemplar(sample: &str) -> &str {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let exemplar = sample.char_indices().find(|(at, c)| {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => return !is_quoted && sample[*at..].starts_with(" # "),
        }
        false
    });
    exemplar.map_or(sample, |(at, _)| &sample[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> OwnMetrics {
        let metrics = OwnMetrics::default();
        let route = "/a \"b\" # {x}";
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(12);
        metrics.request(("GET", route, 200), Duration::from_millis(3), None, now);
        metrics.request(("GET", route, 500), Duration::from_secs(3), Some(TraceId([0xab; 16])), now);
        metrics.collected("steady", 7);
        metrics.analysed("degraded", Duration::from_millis(30));
        metrics
    }

    #[test]
    fn runs_are_pending_until_they_end_and_each_fails_once() {
        let metrics = some();
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(12_500);
        let (one, other) = (metrics.job("retention", now), metrics.job("retention", now));
        one.fails();
        one.fails();
        drop(other);
        let has = |line: &str| {
            let text = metrics.open_metrics(&Registry::default()).unwrap();
            assert!(text.contains(&format!("console_scheduler_{line}\n")), "{line}: {text}");
        };
        has("jobs_pending{task=\"retention\"} 1");
        has("jobs_failed_total{task=\"retention\"} 0");
        has("job_started_timestamp_seconds{task=\"retention\"} 12.5");
        drop(one);
        has("jobs_pending{task=\"retention\"} 0");
        has("jobs_failed_total{task=\"retention\"} 1");
    }

    #[test]
    fn failures_are_exemplars_in_open_metrics_and_the_older_format_has_none() {
        let open = some().open_metrics(&Registry::default()).unwrap();
        assert!(open.ends_with("# EOF\n") && open.contains("# UNIT console_http_request_duration_seconds seconds\n"));
        let labels = "method=\"GET\",route=\"/a \\\"b\\\" # {x}\"";
        let bucket = format!("console_http_request_duration_seconds_bucket{{le=\"10.0\",{labels}}} 2");
        let exemplar = format!("{bucket} # {{trace_id=\"{}\"}} 3.0 12.0\n", "ab".repeat(16));
        assert!(open.contains(&exemplar), "{open}");
        let plain = plain_text(&open);
        assert!(!plain.contains("trace_id") && !plain.contains("# UNIT") && !plain.contains("# EOF"), "{plain}");
        for line in [
            bucket,
            format!("console_http_request_duration_seconds_bucket{{le=\"0.001\",{labels}}} 0"),
            format!("console_http_requests_total{{{labels},status=\"200\"}} 1"),
            format!("console_http_requests_total{{{labels},status=\"500\"}} 1"),
            "# TYPE console_http_requests_total counter".to_owned(),
        ] {
            assert!(plain.lines().any(|other| other == line), "{line}: {plain}");
        }
    }
}
