//! What clients of Grafana Loki push
//! (<https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs>): streams of lines that share labels,
//! read within limits and turned into log records.

mod labels;
mod records;
mod wire;

pub use self::{
    labels::{LabelError, parse_labels},
    records::{PushTerms, ReadPush, TooMuch, read_push},
    wire::{Entry, Form, Push, Stream, decode, unsnap},
};
