//! What the live stream carries: server-sent events, one stream a tab.
//!
//! | event | `id:` | data |
//! |---|---|---|
//! | `log` | the record's id | [`LogRecord`] |
//! | `missed` | – | [`Missed`] |
//! | `pipeline` | – | [`PipelineSummary`] |
//! | `tick` | – | [`Tick`] |
//! | `resync` | – | `{}`: changes were missed; ask anew |
//! | `signed_out` | – | `{}`: the session or key has ended, or looks at another tenant; nothing follows |
//! | `ready` | – | [`Ready`]: the subscription stands; what is committed from here on will arrive |

use serde::{Deserialize, Serialize};

use super::{LogFilter, LogId, LogRecord, PipelineSummary, TenantId, UnixMillis};

/// What a tab wants to hear.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct LiveQuery {
    /// Log records that pass this filter; none means no log records.
    pub logs: Option<LogFilter>,
    /// Resume after this record.
    pub after: Option<LogId>,
}

/// For whom a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Whose data it carries.
    pub tenant: TenantId,
    /// Who is signed in.
    pub user: Option<uuid::Uuid>,
}

/// How many records a slow reader was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    /// Records of the tenant, before filters, that were committed and not sent.
    pub count: u64,
    /// The last record before the hole.
    pub after: LogId,
}

/// Every five seconds: the newest figures, and the sign that charts have new points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    /// The server's clock.
    pub at: UnixMillis,
    /// Requests a second since the last tick.
    pub rps: f64,
    /// Processor use of the host, in percent.
    pub cpu_percent: f64,
    /// Memory use of the host, in percent.
    pub memory_percent: f64,
}

/// The lower part of the number of traces that have begun counts; the upper one tells which run of the server counted.
pub const TRACES_BEGUN_BITS: u32 = 40;

/// How many traces began between two such numbers; none can be told when two runs of the server counted.
pub fn news(then: u64, now: u64) -> u64 {
    if then >> TRACES_BEGUN_BITS == now >> TRACES_BEGUN_BITS { now.saturating_sub(then) } else { 0 }
}

/// One event, decoded.
#[derive(Debug, Clone, PartialEq)]
pub enum LiveEvent {
    /// A log record was committed.
    Log(Box<LogRecord>),
    /// The reader was too slow.
    Missed(Missed),
    /// A pipeline trace began or changed.
    Pipeline(Box<PipelineSummary>),
    /// So many traces have begun: [`news`] compares two such numbers.
    Traces(u64),
    /// Something but log records was not sent: what is shown may be old.
    Resync,
    /// Five seconds have passed.
    Tick(Tick),
    /// The subscription stands.
    Ready(Ready),
}
