//! OTLP (<https://opentelemetry.io/docs/specs/otlp/>): what arrives, read within limits, and turned into Console's records.

mod any_value;
pub mod attributes;
mod logs;
pub mod metrics;
mod traces;
mod weight;
mod wire;

pub use self::{
    logs::{ReadLogs, read_logs},
    metrics::{DeltaStreams, Kind, MetricTerms, ReadMetrics, Stopped, label_name, metric_name, read_metrics},
    traces::{ReadSpans, read_spans},
    weight::{Shape, Shaped, check_protobuf},
    wire::{Compression, Encoding, RpcStatus, WireError, decode, decompress, encode},
};

/// Attributes of one record that are kept; more are counted and left out.
pub const MAX_ATTRIBUTES: usize = 128;
/// Longest value of an attribute that is kept, in bytes; longer ones are cut, marked and counted.
pub const MAX_VALUE_BYTES: usize = 16 * 1024;

/// More comes of a request than may wait to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMuch;
