//! How fast and how well endpoints answer: what the page asks and what it is told.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    ChartData, Compare, EndpointStats, RangeSpec, SpanId, TimeRange, TraceId, UnixMillis, UnixNanos, overview::Grid,
    threshold::TARGET_MS,
};

/// Which endpoint: method and route of a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct EndpointName {
    /// What serves it.
    pub service: String,
    /// HTTP method.
    pub method: String,
    /// Normalised route.
    pub route: String,
}

impl EndpointName {
    /// The endpoint of these figures.
    pub fn of(stats: &EndpointStats) -> Self {
        Self { service: stats.service.clone(), method: stats.method.clone(), route: stats.route.clone() }
    }
}

/// As people write it: `GET /orders`. The service is said elsewhere.
impl fmt::Display for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.route)
    }
}

/// Which endpoints are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointView {
    /// All with requests.
    #[default]
    All,
    /// Those whose 95th percentile lies above the target.
    Slow,
    /// Those with answers of status 5xx.
    Failing,
}

impl EndpointView {
    /// Every view, in the order of the tabs.
    pub const ALL: [Self; 3] = [Self::All, Self::Slow, Self::Failing];

    /// The name used in addresses.
    pub fn key(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Slow => "slow",
            Self::Failing => "errors",
        }
    }

    /// What people read.
    pub fn label(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Slow => "Slow",
            Self::Failing => "Failing",
        }
    }

    /// The view with this [`key`](Self::key).
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.key() == key)
    }

    /// Whether the view has an endpoint.
    pub fn has(self, stats: &EndpointStats, target_ms: f64) -> bool {
        match self {
            Self::All => true,
            Self::Slow => stats.p95_ms > target_ms,
            Self::Failing => stats.errors > 0,
        }
    }

    /// By what the view is sorted when nothing is said.
    pub fn column(self) -> EndpointColumn {
        match self {
            Self::All | Self::Slow => EndpointColumn::Impact,
            Self::Failing => EndpointColumn::Errors,
        }
    }
}

/// By which column endpoints are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EndpointColumn {
    /// Route, then method.
    Endpoint,
    /// Service.
    Service,
    /// How many requests.
    Requests,
    /// Requests a second.
    Rate,
    /// Mean duration.
    Mean,
    /// Median.
    P50,
    /// 95th percentile.
    P95,
    /// 99th percentile.
    P99,
    /// Share of answers with status 5xx.
    ErrorRate,
    /// How many answers with status 5xx.
    Errors,
    /// Time lost.
    Impact,
}

impl EndpointColumn {
    /// Every column.
    pub const ALL: [Self; 11] = [
        Self::Endpoint,
        Self::Service,
        Self::Requests,
        Self::Rate,
        Self::Mean,
        Self::P50,
        Self::P95,
        Self::P99,
        Self::ErrorRate,
        Self::Errors,
        Self::Impact,
    ];

    /// The name used in addresses.
    pub fn key(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Service => "service",
            Self::Requests => "requests",
            Self::Rate => "rate",
            Self::Mean => "mean",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::ErrorRate => "error_rate",
            Self::Errors => "errors",
            Self::Impact => "impact",
        }
    }

    /// Whether it holds names: these are sorted from A to Z, figures from the largest down, unless reversed.
    pub fn is_name(self) -> bool {
        matches!(self, Self::Endpoint | Self::Service)
    }

    fn figure(self, stats: &EndpointStats) -> f64 {
        match self {
            Self::Endpoint | Self::Service => 0.0,
            Self::Requests => stats.requests as f64,
            Self::Rate => stats.rps,
            Self::Mean => stats.mean_ms,
            Self::P50 => stats.p50_ms,
            Self::P95 => stats.p95_ms,
            Self::P99 => stats.p99_ms,
            Self::ErrorRate => stats.error_rate,
            Self::Errors => stats.errors as f64,
            Self::Impact => stats.time_lost_s_per_h,
        }
    }

    /// The order of two endpoints. Ties go to the slower one and then by name, so that rows keep their place.
    pub fn order(self, a: &EndpointStats, b: &EndpointStats, is_reversed: bool) -> Ordering {
        let first = match self {
            Self::Endpoint => (&a.route, &a.method).cmp(&(&b.route, &b.method)),
            Self::Service => a.service.cmp(&b.service),
            _ => self.figure(b).total_cmp(&self.figure(a)),
        };
        let first = if is_reversed { first.reverse() } else { first };
        let by_name = || (&a.service, &a.route, &a.method).cmp(&(&b.service, &b.route, &b.method));
        first.then_with(|| b.p95_ms.total_cmp(&a.p95_ms)).then_with(by_name)
    }
}

/// A text that names no column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one of endpoint, service, requests, rate, mean, p50, p95, p99, error_rate, errors, impact")]
pub struct ParseColumnError;

impl FromStr for EndpointColumn {
    type Err = ParseColumnError;

    fn from_str(text: &str) -> Result<Self, ParseColumnError> {
        Self::ALL.into_iter().find(|column| column.key() == text).ok_or(ParseColumnError)
    }
}

/// Which endpoints are wanted, and in which order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PerformanceQuery {
    /// Requests of this range.
    pub range: RangeSpec,
    /// What the figures are compared with.
    pub compare: Compare,
    /// Of this service.
    pub service: Option<String>,
    /// With this HTTP method.
    pub method: Option<String>,
    /// In whose method and route this text occurs, in any case.
    pub search: Option<String>,
    /// Which of them.
    pub view: EndpointView,
    /// By which column; the view's own when nothing is said.
    pub sort: Option<EndpointColumn>,
    /// From the other end.
    pub is_reversed: bool,
    /// What a request may take, in milliseconds; 0 means [`TARGET_MS`].
    pub target_ms: u32,
    /// How many at most, up to [`PerformanceQuery::MAX_LIMIT`]; 0 means [`PerformanceQuery::DEFAULT_LIMIT`].
    pub limit: u32,
}

impl PerformanceQuery {
    /// Endpoints when nothing is said.
    pub const DEFAULT_LIMIT: u32 = 50;
    /// The most endpoints in an answer.
    pub const MAX_LIMIT: u32 = 1000;
    /// The longest target, in milliseconds: an hour.
    pub const MAX_TARGET_MS: u32 = 3_600_000;

    /// What a request may take, in milliseconds.
    pub fn target(&self) -> f64 {
        f64::from(if self.target_ms == 0 { TARGET_MS } else { self.target_ms })
    }

    /// By which column it is sorted.
    pub fn column(&self) -> EndpointColumn {
        self.sort.unwrap_or_else(|| self.view.column())
    }

    /// Whether some endpoints are left out by more than the range.
    pub fn is_filtered(&self) -> bool {
        self.service.is_some() || self.method.is_some() || self.search.is_some() || self.view != EndpointView::All
    }
}

/// The same endpoint over the compared range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EndpointBefore {
    /// Requests.
    pub requests: u64,
    /// Requests a second.
    pub rps: f64,
    /// Median in milliseconds.
    pub p50_ms: f64,
    /// 95th percentile in milliseconds.
    pub p95_ms: f64,
    /// 99th percentile in milliseconds.
    pub p99_ms: f64,
    /// Share of answers with status 5xx, in percent.
    pub error_rate: f64,
}

/// A slice of an endpoint's time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EndpointSlice {
    /// Requests.
    pub requests: u64,
    /// Answers with status 5xx.
    pub errors: u64,
    /// 95th percentile in milliseconds.
    pub p95_ms: f64,
}

/// An endpoint in the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointRow {
    /// Its figures.
    pub stats: EndpointStats,
    /// The same over the compared range; none when it had no request there.
    pub before: Option<EndpointBefore>,
    /// Its time, slice by slice of the page's grid; empty where the heatmap does not reach.
    pub slices: Vec<Option<EndpointSlice>>,
}

/// What the page of endpoints shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PerformancePage {
    /// The range that the answer covers.
    pub range: TimeRange,
    /// What it is compared with.
    pub compared: TimeRange,
    /// The first endpoints in the order that was asked for.
    pub rows: Vec<EndpointRow>,
    /// How many match.
    pub matched: u64,
    /// Whether any endpoint was ever called.
    pub any_stored: bool,
    /// Services that have endpoints.
    pub services: Vec<String>,
    /// Methods that endpoints have.
    pub methods: Vec<String>,
    /// The slices of the heatmap and of the small charts.
    pub grid: Grid,
}

impl PerformancePage {
    /// Rows that the heatmap has.
    pub const HEAT_ROWS: usize = 20;
}

/// One endpoint over time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointQuery {
    /// Which.
    pub endpoint: EndpointName,
    /// Requests of this range.
    pub range: RangeSpec,
    /// What it is compared with.
    pub compare: Compare,
    /// Whether charts draw the compared range too.
    pub overlay: bool,
    /// What a request may take, in milliseconds; 0 means [`TARGET_MS`].
    pub target_ms: u32,
}

/// How many requests took so long when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DurationCell {
    /// Which slice of the grid.
    pub column: u16,
    /// Which row of durations; row 0 holds the shortest.
    pub row: u16,
    /// Requests.
    pub requests: u64,
}

/// How long requests took over time. A row spans durations from `row_ms[row]` up to `row_ms[row + 1]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Durations {
    /// The slices.
    pub grid: Grid,
    /// Limits of the rows in milliseconds, one more than there are rows, ascending.
    pub row_ms: Vec<f64>,
    /// Cells in which there is something.
    pub cells: Vec<DurationCell>,
}

/// One endpoint over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointDetail {
    /// Which.
    pub endpoint: EndpointName,
    /// Its figures; none when it had no request in the range.
    pub stats: Option<EndpointStats>,
    /// The same over the compared range.
    pub before: Option<EndpointBefore>,
    /// Answers by class of status: 2xx, 3xx, 4xx, 5xx.
    pub by_class: [u64; 4],
    /// The instants of the charts.
    pub grid: Grid,
    /// Percentiles, and requests by status.
    pub charts: Vec<ChartData>,
    /// How long requests took.
    pub durations: Durations,
}

/// Which traced requests are wanted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CallQuery {
    /// Of this endpoint.
    pub endpoint: EndpointName,
    /// That ended in this range.
    pub range: RangeSpec,
    /// That took at least so long, in milliseconds.
    pub min_ms: Option<f64>,
    /// That took less than so long, in milliseconds.
    pub max_ms: Option<f64>,
}

/// A traced request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its span.
    pub span_id: SpanId,
    /// When it began.
    pub start: UnixNanos,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
    /// HTTP status; 0 when it is not known.
    pub status: u16,
    /// Whether it failed.
    pub is_error: bool,
}

/// Some traced requests: failed ones first, then the slowest.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CallSample {
    /// At most [`CallSample::MAX`].
    pub calls: Vec<Call>,
    /// Whether there may be more.
    pub is_partial: bool,
}

impl CallSample {
    /// How many are told.
    pub const MAX: usize = 12;
}

/// Whose errors are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorQuery {
    /// In this range.
    pub range: RangeSpec,
    /// Of one endpoint, or of those that fail most.
    pub endpoint: Option<EndpointName>,
    /// Of this service.
    pub service: Option<String>,
    /// With this HTTP method.
    pub method: Option<String>,
    /// In whose method and route this text occurs, in any case.
    pub search: Option<String>,
    /// How many endpoints, up to [`ErrorQuery::MAX_LIMIT`]; 0 means [`ErrorQuery::DEFAULT_LIMIT`].
    pub limit: u32,
}

impl ErrorQuery {
    /// Endpoints when nothing is said.
    pub const DEFAULT_LIMIT: u32 = 10;
    /// The most endpoints in an answer.
    pub const MAX_LIMIT: u32 = 100;
}

/// An error that requests of an endpoint end with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct TopError {
    /// What went wrong: the exception, or what the span says of its status; empty when nothing is said.
    #[cfg_attr(feature = "ssr", schema(example = "TimeoutError: no answer within 5 s"))]
    pub error: String,
    /// HTTP status; 0 when it is not known.
    #[cfg_attr(feature = "ssr", schema(example = 503))]
    pub status: u16,
    /// How many of the failed requests that were looked at.
    pub count: u64,
    /// The newest of them.
    #[cfg_attr(feature = "ssr", schema(value_type = String, example = "4bf92f3577b34da6a3ce929d0e0e4736"))]
    pub trace_id: TraceId,
    /// When that was, in milliseconds since the epoch.
    #[cfg_attr(feature = "ssr", schema(value_type = i64))]
    pub last_seen: UnixMillis,
    /// The name of its span.
    pub operation: String,
}

/// An endpoint that fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Hotspot {
    /// Which.
    pub endpoint: EndpointName,
    /// Requests.
    pub requests: u64,
    /// Answers with status 4xx.
    pub refused: u64,
    /// Answers with status 5xx.
    pub errors: u64,
    /// Share of answers with status 5xx, in percent.
    pub error_rate: f64,
    /// What went wrong, the most frequent first, at most [`Hotspot::MAX_ERRORS`]; of traced requests only.
    pub top_errors: Vec<TopError>,
}

impl Hotspot {
    /// Errors that are told of an endpoint.
    pub const MAX_ERRORS: usize = 5;
}

/// Endpoints that fail, those with the most errors first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Hotspots {
    /// The endpoints.
    pub hotspots: Vec<Hotspot>,
    /// How many endpoints fail.
    pub matched: u64,
    /// Whether only the newest of the failed requests were looked at.
    pub is_sample: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(route: &str, requests: u64, p95_ms: f64) -> EndpointStats {
        EndpointStats {
            service: "shop".into(),
            method: "GET".into(),
            route: route.into(),
            requests,
            rps: requests as f64 / 3600.0,
            mean_ms: p95_ms / 2.0,
            p50_ms: p95_ms / 2.0,
            p95_ms,
            p99_ms: p95_ms,
            errors: requests / 10,
            error_rate: 10.0,
            time_lost_s_per_h: EndpointStats::time_lost_s(requests as f64, p95_ms / 2.0, 100.0),
            sparkline: Vec::new(),
        }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "whole numbers")]
    fn time_is_lost_beyond_the_target_only() {
        assert_eq!(EndpointStats::time_lost_s(3600.0, 750.0, 500.0), 900.0);
        assert_eq!(EndpointStats::time_lost_s(3600.0, 400.0, 500.0), 0.0);
    }

    #[test]
    fn every_column_sorts_in_both_directions() {
        let rows = [stats("/a", 5, 900.0), stats("/b", 50, 100.0), stats("/c", 20, 300.0)];
        let sorted = |column: EndpointColumn, is_reversed| {
            let mut rows = rows.to_vec();
            rows.sort_by(|a, b| column.order(a, b, is_reversed));
            rows.into_iter().map(|row| row.route).collect::<String>()
        };
        assert_eq!(sorted(EndpointColumn::Requests, false), "/b/c/a");
        assert_eq!(sorted(EndpointColumn::P95, false), "/a/c/b");
        assert_eq!(sorted(EndpointColumn::P95, true), "/b/c/a");
        assert_eq!(sorted(EndpointColumn::Endpoint, false), "/a/b/c");
        // The same in all: the slower one first, whichever the direction.
        assert_eq!(sorted(EndpointColumn::ErrorRate, false), "/a/c/b");
        assert_eq!(sorted(EndpointColumn::Service, true), "/a/c/b");
        for column in EndpointColumn::ALL {
            assert_eq!(column.key().parse(), Ok(column));
        }
    }

    #[test]
    fn a_view_has_what_its_name_says() {
        let (slow, fast) = (stats("/a", 5, 900.0), stats("/b", 50, 100.0));
        assert!(EndpointView::Slow.has(&slow, 500.0) && !EndpointView::Slow.has(&fast, 500.0));
        assert!(!EndpointView::Failing.has(&slow, 500.0) && EndpointView::Failing.has(&fast, 500.0));
        for view in EndpointView::ALL {
            assert_eq!(EndpointView::from_key(view.key()), Some(view));
        }
    }
}
