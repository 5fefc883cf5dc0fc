//! What the overview page shows.

use serde::{Deserialize, Serialize};

use super::{Compare, EndpointStats, PipelineSummary, RangeSpec, TimeRange, UnixMillis};

/// How bad a value is: green, orange, red.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// As it should be.
    #[default]
    Ok,
    /// Worth a look.
    Warning,
    /// Act now.
    Critical,
}

/// The banner's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusLevel {
    /// Nothing is wrong.
    #[default]
    Operational,
    /// Something is wrong, the service answers.
    Degraded,
    /// A part that everything needs does not work.
    Down,
}

impl StatusLevel {
    /// What people read.
    pub fn label(self) -> &'static str {
        match self {
            Self::Operational => "Operational",
            Self::Degraded => "Degraded",
            Self::Down => "Down",
        }
    }
}

/// Why the banner is not green. A link leads to the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReason {
    /// How bad it is.
    pub severity: Severity,
    /// E.g. `orders error rate 6.1 %`.
    pub title: String,
    /// E.g. `threshold 5 %`.
    pub detail: String,
    /// Address of the page that shows it.
    pub href: String,
}

/// Units of numbers, so that one place formats them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// 0 to 100.
    Percent,
    /// Events a second.
    PerSecond,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
    /// A number of whatever.
    Number,
    /// Seconds, shown as what people would say.
    Seconds,
    /// A share of 1, shown in percent.
    Ratio,
}

impl Unit {
    /// Every unit, in the order of menus.
    pub const ALL: [Self; 8] = [
        Self::Number,
        Self::PerSecond,
        Self::Seconds,
        Self::Milliseconds,
        Self::Bytes,
        Self::BytesPerSecond,
        Self::Ratio,
        Self::Percent,
    ];

    /// As an address has it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Percent => "percent",
            Self::PerSecond => "rate",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "byterate",
            Self::Number => "number",
            Self::Seconds => "seconds",
            Self::Ratio => "ratio",
        }
    }

    /// What people choose.
    pub fn label(self) -> &'static str {
        match self {
            Self::Milliseconds => "milliseconds",
            Self::Percent => "percent (0 to 100)",
            Self::PerSecond => "per second",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes per second",
            Self::Number => "number",
            Self::Seconds => "seconds",
            Self::Ratio => "ratio (0 to 1)",
        }
    }

    /// The unit that an address names.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.key() == key)
    }
}

/// One card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kpi {
    /// Stable name, e.g. `api_p95`.
    pub key: String,
    /// What people read.
    pub label: String,
    /// The value now; none when nothing was measured.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: Unit,
    /// The same over the compared range.
    pub before: Option<f64>,
    /// How bad the value is.
    pub severity: Severity,
    /// The course over the range, oldest first; gaps are none.
    pub sparkline: Vec<Option<f64>>,
    /// Address of the page that shows more.
    pub href: String,
}

/// Instants that the points of all charts of an answer share: `from + i * step` for `i < len`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// Instant of the first point: the start of its slice.
    pub from: UnixMillis,
    /// Length of a slice in milliseconds.
    pub step_ms: i64,
    /// How many slices.
    pub len: usize,
}

impl Grid {
    /// Instant of point `index`.
    pub fn at(&self, index: usize) -> UnixMillis {
        UnixMillis(self.from.0 + self.step_ms * index as i64)
    }

    /// End of the last slice.
    pub fn to(&self) -> UnixMillis {
        self.at(self.len)
    }

    /// The slice that holds `instant`.
    pub fn index_of(&self, instant: UnixMillis) -> Option<usize> {
        let offset = instant.0.checked_sub(self.from.0)?;
        let index = usize::try_from(offset.div_euclid(self.step_ms)).ok()?;
        (index < self.len).then_some(index)
    }
}

/// One line of a chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChartSeries {
    /// Stable name, e.g. `p95`; picks the colour.
    pub key: String,
    /// What the legend says.
    pub label: String,
    /// One value a slice of the grid; none is a gap.
    pub values: Vec<Option<f64>>,
    /// The same over the compared range, aligned with the grid; empty when no comparison was asked for.
    pub before: Vec<Option<f64>>,
}

/// One chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChartData {
    /// Stable name, e.g. `latency`.
    pub key: String,
    /// Title.
    pub title: String,
    /// Unit of the values.
    pub unit: Unit,
    /// What stands beside the title, e.g. `by status`.
    pub subtitle: String,
    /// Its lines.
    pub series: Vec<ChartSeries>,
}

/// What the overview page asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OverviewQuery {
    /// Which range.
    pub range: RangeSpec,
    /// What the cards' change refers to.
    pub compare: Compare,
    /// Whether the charts draw the compared range too.
    pub overlay: bool,
}

/// What the overview page shows, but for the log lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// The server's clock.
    pub now: UnixMillis,
    /// The range that the answer covers.
    pub range: TimeRange,
    /// The banner's verdict.
    pub status: StatusLevel,
    /// Since when, if known.
    pub since: Option<UnixMillis>,
    /// Why, worst first.
    pub reasons: Vec<StatusReason>,
    /// The six cards.
    pub kpis: Vec<Kpi>,
    /// The instants of all charts.
    pub grid: Grid,
    /// The four charts.
    pub charts: Vec<ChartData>,
    /// Endpoints with requests in the range, worst first by impact, at most 100.
    pub endpoints: Vec<EndpointStats>,
    /// The newest pipeline traces, at most 8.
    pub pipelines: Vec<PipelineSummary>,
    /// The version of the server.
    pub version: String,
    /// Whether nothing was ever measured: the first minute of a new installation.
    pub is_new: bool,
}
