//! OTLP (<https://opentelemetry.io/docs/specs/otlp/>): what arrives, read within limits, and turned into Console's records.

mod any_value;
mod logs;
mod wire;

pub use self::{
    logs::{ReadLogs, read_logs},
    wire::{Compression, Encoding, RpcStatus, WireError, decode, decompress, encode},
};

/// Attributes of one record that are kept; more are counted and left out.
pub const MAX_ATTRIBUTES: usize = 128;
