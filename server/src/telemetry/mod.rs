//! Console observes itself: its log events become log records, its requests endpoint figures.

mod context;
mod endpoints;
mod layer;
mod metrics;
mod plain;
mod redact;

pub use context::TraceContext;
pub use endpoints::{EndpointRecorder, normalize_route, route_label};
pub use layer::{LogSink, SelfLog, install};
pub use metrics::{JobRun, OwnMetrics, plain_text};
pub use plain::without_colours;
pub use redact::Redactor;

/// `service.name` of Console itself.
pub const SERVICE: &str = "console";
