//! Performance of endpoints: (service, HTTP method, normalised route).

use serde::{Deserialize, Serialize};

/// One endpoint over a range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct EndpointStats {
    /// What serves it.
    pub service: String,
    /// HTTP method.
    pub method: String,
    /// Normalised route, e.g. `/users/:id`.
    pub route: String,
    /// Requests in the range.
    pub requests: u64,
    /// Requests a second over the range.
    pub rps: f64,
    /// Mean duration in milliseconds.
    pub mean_ms: f64,
    /// Median duration in milliseconds.
    pub p50_ms: f64,
    /// 95th percentile in milliseconds.
    pub p95_ms: f64,
    /// 99th percentile in milliseconds.
    pub p99_ms: f64,
    /// Answers with status 5xx.
    pub errors: u64,
    /// Share of answers with status 5xx, in percent.
    pub error_rate: f64,
    /// Time that callers lose, in seconds an hour: requests an hour × (mean − target), never below zero.
    pub time_lost_s_per_h: f64,
    /// Requests in each of equal slices of the range, oldest first.
    pub sparkline: Vec<f64>,
}

impl EndpointStats {
    /// Seconds that callers lose in an hour when so many requests take so long and should take no longer than the target.
    pub fn time_lost_s(requests_per_hour: f64, mean_ms: f64, target_ms: f64) -> f64 {
        (requests_per_hour * (mean_ms - target_ms) / 1000.0).max(0.0)
    }
}

/// Which endpoints come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointSort {
    /// Most time lost.
    #[default]
    Impact,
    /// Slowest 95th percentile.
    P95,
    /// Highest error rate.
    Errors,
    /// Most requests.
    Rate,
}

impl EndpointSort {
    /// Every order, as the tabs show them.
    pub const ALL: [Self; 4] = [Self::Impact, Self::P95, Self::Errors, Self::Rate];

    /// The name used in addresses.
    pub fn key(self) -> &'static str {
        match self {
            Self::Impact => "impact",
            Self::P95 => "p95",
            Self::Errors => "errors",
            Self::Rate => "rate",
        }
    }

    /// What people read.
    pub fn label(self) -> &'static str {
        match self {
            Self::Impact => "Impact",
            Self::P95 => "p95",
            Self::Errors => "Errors",
            Self::Rate => "Rate",
        }
    }

    /// The order with this [`key`](Self::key).
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.key() == key)
    }

    /// Sorts, worst first; ties by name so that rows keep their place.
    pub fn sort(self, rows: &mut [EndpointStats]) {
        let weight = |row: &EndpointStats| match self {
            Self::Impact => row.time_lost_s_per_h,
            Self::P95 => row.p95_ms,
            Self::Errors => row.error_rate,
            Self::Rate => row.rps,
        };
        rows.sort_by(|a, b| {
            weight(b)
                .total_cmp(&weight(a))
                // Where nobody loses time, the slower one is still the one to look at.
                .then_with(|| b.p95_ms.total_cmp(&a.p95_ms))
                .then_with(|| (&a.service, &a.route, &a.method).cmp(&(&b.service, &b.route, &b.method)))
        });
    }
}
