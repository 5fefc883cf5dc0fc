//! The summary of the integrated page's API, and Console's own health.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use app::{
    api::{ApiError, Scope},
    model::{
        TimeRange, UnixMillis, UnixNanos,
        health::{ApiSummary, Component, ComponentStatus, HealthReport, MonitoringSummary, SystemSummary},
    },
};

use super::{
    Services,
    figures::{cover, points},
    store_failed,
};
use crate::{
    collect::names,
    store::{Rollup, sample::Resolution},
};

/// Longest period of a summary, in hours: 30 days.
pub(super) const MAX_PERIOD_HOURS: u32 = 720;
/// Samples of the host older than this are not "now".
const FRESH_MS: i64 = 60_000;
/// How long a health check waits for the store.
const PING_PATIENCE: Duration = Duration::from_secs(2);
/// A queue fuller than this is worth a look.
const QUEUE_WARNING_PERCENT: f64 = 80.0;

impl Services {
    /// Figures over the last hours.
    pub async fn monitoring_summary(&self, scope: Scope, period_hours: u32) -> Result<MonitoringSummary, ApiError> {
        if period_hours == 0 || period_hours > MAX_PERIOD_HOURS {
            return Err(ApiError::invalid("period_hours", format!("1 to {MAX_PERIOD_HOURS}")));
        }
        let now = self.clock.now_millis();
        let range = TimeRange { from: UnixMillis(now.0 - i64::from(period_hours) * 3_600_000), to: now };
        let mut total = Rollup::default();
        for part in cover(range, now) {
            for (_, rollup) in self.stores.endpoints.totals(scope.tenant, part).await.map_err(store_failed)? {
                total.merge(&rollup);
            }
        }
        Ok(MonitoringSummary {
            timestamp: self.clock.now_utc(),
            period_hours,
            api: ApiSummary {
                p50_ms: total.sketch.quantile(0.5),
                p95_ms: total.sketch.quantile(0.95),
                p99_ms: total.sketch.quantile(0.99),
                requests: total.requests,
                rps: total.requests as f64 / range.duration_s(),
                error_rate: total.error_percent(),
            },
            store: self.stores.admin.summary().await.map_err(store_failed)?,
            system: self.system_summary(scope, now).await?,
            uptime_seconds: self.uptime_seconds(),
        })
    }

    async fn system_summary(&self, scope: Scope, now: UnixMillis) -> Result<SystemSummary, ApiError> {
        let wanted = [
            names::CPU,
            names::CPU_COUNT,
            names::MEMORY,
            names::MEMORY_USED,
            names::MEMORY_TOTAL,
            names::FILESYSTEM,
            names::LOAD_1M,
            names::PROCESS_MEMORY,
        ];
        let from = UnixMillis(now.0 - FRESH_MS).to_nanos();
        let range = (from, UnixNanos(now.to_nanos().0 + 1_000_000));
        let latest = points(&*self.stores.metrics, scope.tenant, &wanted, range, Resolution::Raw).await;
        let latest = latest.map_err(store_failed)?;
        let newest = |name: &str| {
            let of_name = latest.iter().filter(|series| series.labels.name() == name);
            of_name.filter_map(|series| series.points.last().map(|point| point.value)).reduce(f64::max)
        };
        Ok(SystemSummary {
            cpu_percent: newest(names::CPU).map(|share| share * 100.0),
            cpu_count: newest(names::CPU_COUNT).unwrap_or_default() as u32,
            memory_used_bytes: newest(names::MEMORY_USED),
            memory_total_bytes: newest(names::MEMORY_TOTAL),
            memory_percent: newest(names::MEMORY).map(|share| share * 100.0),
            disk_percent: newest(names::FILESYSTEM).map(|share| share * 100.0),
            load_1m: newest(names::LOAD_1M),
            process_memory_bytes: newest(names::PROCESS_MEMORY),
        })
    }

    /// Whether requests can be served.
    pub async fn is_ready(&self) -> bool {
        matches!(tokio::time::timeout(PING_PATIENCE, self.stores.admin.ping()).await, Ok(Ok(())))
    }

    /// Every part of Console and how it is.
    pub async fn health(&self) -> HealthReport {
        let mut components = self.supervisor.report();
        components.insert("store".to_owned(), self.store_health().await);
        components.insert("ingest".to_owned(), self.ingest_health());
        components.insert("series".to_owned(), self.series_health());
        components.insert("log".to_owned(), self.log_health());
        components.insert("live".to_owned(), self.live_health());
        let rank = |status| match status {
            ComponentStatus::Up => 0,
            ComponentStatus::Degraded => 1,
            ComponentStatus::Down => 2,
        };
        let worst = components.values().map(|component| component.status).max_by_key(|status| rank(*status));
        HealthReport {
            status: worst.unwrap_or(ComponentStatus::Up),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.started_at,
            uptime_seconds: self.uptime_seconds(),
            components,
        }
    }

    async fn store_health(&self) -> Component {
        let answered = tokio::time::timeout(PING_PATIENCE, self.stores.admin.summary()).await;
        match answered {
            Ok(Ok(summary)) => Component {
                status: ComponentStatus::Up,
                message: Some(format!("{} {}", summary.engine, summary.version)),
                figures: BTreeMap::from([
                    ("size_bytes".to_owned(), summary.size_bytes as f64),
                    ("connections".to_owned(), f64::from(summary.connections)),
                    ("connections_active".to_owned(), f64::from(summary.connections_active)),
                    ("connections_max".to_owned(), f64::from(summary.connections_max)),
                ]),
            },
            Ok(Err(_)) | Err(_) => Component {
                status: ComponentStatus::Down,
                message: Some("does not answer".to_owned()),
                figures: BTreeMap::new(),
            },
        }
    }

    fn ingest_health(&self) -> Component {
        let figures = self.ingest.figures();
        let fill = self.ingest.fill_percent();
        let is_failing = figures.is_failing.load(Ordering::Relaxed);
        let (status, message) = match (is_failing, fill > QUEUE_WARNING_PERCENT) {
            (true, _) => (ComponentStatus::Down, Some("commits fail and are tried again".to_owned())),
            (false, true) => (ComponentStatus::Degraded, Some("the queue is nearly full".to_owned())),
            (false, false) => (ComponentStatus::Up, None),
        };
        let figures = BTreeMap::from([
            ("committed_records".to_owned(), figures.committed.load(Ordering::Relaxed) as f64),
            ("commits".to_owned(), figures.commits.load(Ordering::Relaxed) as f64),
            ("retries".to_owned(), figures.retries.load(Ordering::Relaxed) as f64),
            ("refused_queue_full".to_owned(), figures.refused_full.load(Ordering::Relaxed) as f64),
            ("refused_by_store".to_owned(), figures.refused_store.load(Ordering::Relaxed) as f64),
            ("refused_invalid".to_owned(), figures.refused_invalid.load(Ordering::Relaxed) as f64),
            ("queue_fill_percent".to_owned(), fill),
        ]);
        Component { status, message, figures }
    }

    /// Anybody may ask: how many there are, not which.
    fn series_health(&self) -> Component {
        let tenants = self.series_figures();
        let (most, active) = (self.config.ingest.series_per_tenant, tenants.iter().map(|tenant| tenant.active));
        let largest = active.clone().max().unwrap_or_default();
        let refused: u64 = tenants.iter().map(|tenant| tenant.refused).sum();
        let is_full = largest >= most;
        Component {
            status: if is_full { ComponentStatus::Degraded } else { ComponentStatus::Up },
            message: is_full.then(|| "a tenant has no room for more series (`ingest.series_per_tenant`)".to_owned()),
            figures: BTreeMap::from([
                ("active_series".to_owned(), active.sum::<usize>() as f64),
                ("refused_samples".to_owned(), refused as f64),
            ]),
        }
    }

    fn log_health(&self) -> Component {
        let dropped = self.self_log.dropped();
        Component {
            status: ComponentStatus::Up,
            message: (dropped > 0).then(|| "records were dropped because the queue was full".to_owned()),
            figures: BTreeMap::from([
                ("dropped_records".to_owned(), dropped as f64),
                ("redacted_values".to_owned(), self.self_log.redactor().count() as f64),
            ]),
        }
    }

    fn live_health(&self) -> Component {
        let (open, max) = (self.hub.open_streams(), self.config.live.max_streams);
        Component {
            status: if open < max { ComponentStatus::Up } else { ComponentStatus::Degraded },
            message: (open >= max).then(|| "all streams are taken (`live.max_streams`)".to_owned()),
            figures: BTreeMap::from([("open_streams".to_owned(), open as f64), ("max_streams".to_owned(), max as f64)]),
        }
    }
}
