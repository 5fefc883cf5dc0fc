//! Health of Console itself, and the summary of the integrated page's API.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// State of one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ComponentStatus {
    /// Works.
    Up,
    /// Works, not as it should.
    Degraded,
    /// Does not work.
    Down,
}

/// One part of Console and how it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Component {
    /// How it is.
    pub status: ComponentStatus,
    /// What to know about it, in one line.
    pub message: Option<String>,
    /// Numbers: queue lengths, drops, restarts, milliseconds.
    #[serde(default)]
    pub figures: BTreeMap<String, f64>,
}

/// Answer of `GET /health/detailed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct HealthReport {
    /// The worst of the parts.
    pub status: ComponentStatus,
    /// Version of the server.
    pub version: String,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// Seconds since then.
    pub uptime_seconds: u64,
    /// The parts by name.
    pub components: BTreeMap<String, Component>,
}

/// Requests over a period.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ApiSummary {
    /// Median duration in milliseconds.
    pub p50_ms: Option<f64>,
    /// 95th percentile in milliseconds.
    pub p95_ms: Option<f64>,
    /// 99th percentile in milliseconds.
    pub p99_ms: Option<f64>,
    /// Requests in the period.
    pub requests: u64,
    /// Requests a second.
    pub rps: f64,
    /// Answers with status 5xx, in percent.
    pub error_rate: f64,
}

/// The store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct StoreSummary {
    /// `sqlite` or `postgres`.
    pub engine: String,
    /// Version of the engine.
    pub version: String,
    /// Bytes on disk, indexes included.
    pub size_bytes: u64,
    /// Open connections.
    pub connections: u32,
    /// Connections in use.
    pub connections_active: u32,
    /// The most that may be open.
    pub connections_max: u32,
}

/// The host, newest sample.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct SystemSummary {
    /// Processor use in percent.
    pub cpu_percent: Option<f64>,
    /// Processors.
    pub cpu_count: u32,
    /// Memory in use, bytes.
    pub memory_used_bytes: Option<f64>,
    /// Memory in all, bytes.
    pub memory_total_bytes: Option<f64>,
    /// Memory in use, percent.
    pub memory_percent: Option<f64>,
    /// Fullest disk, percent.
    pub disk_percent: Option<f64>,
    /// Load average over one minute.
    pub load_1m: Option<f64>,
    /// Console's own resident memory, bytes.
    pub process_memory_bytes: Option<f64>,
}

/// Answer of `GET /api/monitoring/advanced/summary`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct MonitoringSummary {
    /// When it was made.
    pub timestamp: DateTime<Utc>,
    /// Hours it covers.
    pub period_hours: u32,
    /// Requests.
    pub api: ApiSummary,
    /// Store.
    pub store: StoreSummary,
    /// Host.
    pub system: SystemSummary,
    /// Seconds since the server started.
    pub uptime_seconds: u64,
}
