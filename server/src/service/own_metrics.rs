//! Console's own metrics, asked for by who scrapes them.

use std::fmt;

use app::model::health::{ComponentStatus, HealthReport};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::{Registry, Unit},
};

use super::Services;
use crate::collect::OwnProcess;

impl Services {
    /// All metrics of Console and its process, as `OpenMetrics` 1.0.
    pub async fn own_metrics(&self) -> Result<String, fmt::Error> {
        let process = tokio::task::spawn_blocking(OwnProcess::look).await.ok().flatten();
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Snapshot { health: self.health().await, process }));
        self.metrics.open_metrics(&registry)
    }
}

/// What is kept elsewhere, at the moment of a scrape.
#[derive(Debug)]
struct Snapshot {
    health: HealthReport,
    process: Option<OwnProcess>,
}

impl Snapshot {
    /// A figure of a part of Console, as the health page shows it.
    fn figure(&self, component: &str, name: &str) -> Option<f64> {
        self.health.components.get(component)?.figures.get(name).copied()
    }

    /// A figure that only grows.
    fn count(&self, component: &str, name: &str) -> ConstCounter<u64> {
        ConstCounter::new(self.figure(component, name).unwrap_or_default() as u64)
    }

    fn is_up(&self, component: &str) -> bool {
        self.health.components.get(component).is_some_and(|component| component.status != ComponentStatus::Down)
    }

    /// Background tasks by their names.
    fn tasks(&self) -> impl Iterator<Item = (&str, bool, f64)> {
        self.health.components.iter().filter_map(|(name, component)| {
            let restarts = component.figures.get("restarts").copied().unwrap_or_default();
            Some((name.strip_prefix("task.")?, component.status == ComponentStatus::Up, restarts))
        })
    }
}

/// Writes a metric without labels.
fn one(
    out: &mut DescriptorEncoder<'_>,
    (name, help, unit): (&str, &str, Option<&Unit>),
    metric: &impl EncodeMetric,
) -> fmt::Result {
    metric.encode(out.encode_descriptor(name, &sentence(help), unit, metric.metric_type())?)
}

/// Writes a metric with a label.
fn by<'a, M: EncodeMetric>(
    out: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    kind: MetricType,
    label: &'static str,
    all: impl Iterator<Item = (&'a str, M)>,
) -> fmt::Result {
    let mut family: MetricEncoder<'_> = out.encode_descriptor(name, &sentence(help), None, kind)?;
    for (value, metric) in all {
        metric.encode(family.encode_family(&[(label, value)])?)?;
    }
    Ok(())
}

/// With a full stop, as registered metrics have it.
fn sentence(help: &str) -> String {
    format!("{help}.")
}

fn gauge(value: impl Into<f64>) -> ConstGauge<f64> {
    ConstGauge::new(value.into())
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let out = &mut encoder;
        let version = std::iter::once((self.health.version.as_str(), gauge(1)));
        by(out, ("console_build_info", "Which Console this is"), MetricType::Gauge, "version", version)?;

        for (name, help, component, figure) in [
            ("console_ingest_records", "Records of all kinds that were committed", "ingest", "committed_records"),
            ("console_ingest_commits", "Group commits", "ingest", "commits"),
            ("console_ingest_commit_retries", "Group commits that failed and were tried again", "ingest", "retries"),
            (
                "console_series_refused_samples",
                "Samples that were refused as their tenant has no room for more series",
                "series",
                "refused_samples",
            ),
            ("console_log_dropped_records", "Lines of Console's own log that found no place", "log", "dropped_records"),
            ("console_redacted_values", "Secrets taken out before anything was stored", "log", "redacted_values"),
        ] {
            one(out, (name, help, None), &self.count(component, figure))?;
        }
        let refused = [
            ("queue_full", "ingest", "refused_queue_full"),
            ("store", "ingest", "refused_by_store"),
            ("invalid", "ingest", "refused_invalid"),
            ("too_many_series", "series", "refused_samples"),
        ];
        let refused = refused.into_iter().map(|(reason, of, figure)| (reason, self.count(of, figure)));
        let help = "Records that were refused, by what stood in their way";
        by(out, ("console_ingest_refused_records", help), MetricType::Counter, "reason", refused)?;
        if let Some(percent) = self.figure("ingest", "queue_fill_percent") {
            let ratio = Unit::Other("ratio".to_owned());
            let help = "Share of the ingest queue that is taken";
            one(out, ("console_queue_fill", help, Some(&ratio)), &gauge(percent / 100.0))?;
        }

        if let Some(active) = self.figure("series", "active_series") {
            let help = "Series of metrics that had samples since yesterday, where they come from outside";
            one(out, ("console_series_active", help, None), &gauge(active))?;
        }

        one(out, ("console_store_up", "Whether the store answers", None), &gauge(u8::from(self.is_up("store"))))?;
        if let Some(bytes) = self.figure("store", "size_bytes") {
            one(out, ("console_store_size", "What the store takes on disk", Some(&Unit::Bytes)), &gauge(bytes))?;
        }
        if let (Some(open), Some(active)) =
            (self.figure("store", "connections"), self.figure("store", "connections_active"))
        {
            let states = [("active", gauge(active)), ("idle", gauge(open - active))].into_iter();
            by(out, ("console_store_connections", "Connections to the store"), MetricType::Gauge, "state", states)?;
        }
        if let (Some(open), Some(most)) = (self.figure("live", "open_streams"), self.figure("live", "max_streams")) {
            one(out, ("console_live_streams", "Live streams that are open", None), &gauge(open))?;
            one(out, ("console_live_streams_limit", "Live streams that may be open", None), &gauge(most))?;
        }
        let up = self.tasks().map(|(task, is_up, _)| (task, gauge(u8::from(is_up))));
        by(out, ("console_task_up", "Whether a background task runs"), MetricType::Gauge, "task", up)?;
        let restarts = self.tasks().map(|(task, _, restarts)| (task, ConstCounter::new(restarts as u64)));
        let help = "How often a background task was started again after a panic";
        by(out, ("console_task_restarts", help), MetricType::Counter, "task", restarts)?;

        self.process.as_ref().map_or(Ok(()), |process| encode_process(out, process))
    }
}

/// The process, by the names that all client libraries use.
fn encode_process(out: &mut DescriptorEncoder<'_>, process: &OwnProcess) -> fmt::Result {
    let cpu = ConstCounter::new(process.cpu_seconds);
    one(out, ("process_cpu", "Processor time, of user and system", Some(&Unit::Seconds)), &cpu)?;
    for (name, help, unit, value) in [
        ("process_resident_memory", "Memory that is resident", Some(Unit::Bytes), Some(process.resident_bytes)),
        ("process_virtual_memory", "Memory that is mapped", Some(Unit::Bytes), Some(process.virtual_bytes)),
        ("process_open_fds", "File descriptors that are open", None, process.open_files),
        ("process_max_fds", "File descriptors that may be open", None, process.max_files),
    ] {
        if let Some(value) = value {
            one(out, (name, help, unit.as_ref()), &gauge(value as f64))?;
        }
    }
    let help = "When the process started, since the Unix epoch";
    one(out, ("process_start_time", help, Some(&Unit::Seconds)), &gauge(process.start_seconds as f64))
}
