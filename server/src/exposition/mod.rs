//! What Prometheus scrapes: the text that an exporter shows of its metrics, read as events that borrow from it.
//!
//! Two formats are read: Prometheus' text, with and without quoted names
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>), and `OpenMetrics` 1.0
//! (<https://prometheus.io/docs/specs/om/open_metrics_spec/>). What Prometheus itself takes is taken, also where the
//! documents are stricter: order and suffixes are not checked, `_created` is a series as any other. As there, one bad
//! line is the end of the whole scrape. What Prometheus takes by accident is refused: a value that touches a name, a
//! NUL that ends the text early, and bytes in comments that are no UTF-8. NUL in quoted values and in help is text.
//!
//! ```text
//! for event in Parser::new(&body, Format::of(content_type)?, limits)? {
//!     match event? {
//!         Event::Metadata(metadata) => …,
//!         Event::Sample(sample) => {
//!             // The same text names the same series in the next scrape: its labels are read once.
//!             let labels = match known.get(sample.series.text()) {
//!                 Some(labels) => labels.clone(),
//!                 None => sample.series.labels(&limits)?,
//!             };
//!         }
//!     }
//! }
//! ```
//!
//! Two samples of one series in one text are both handed on; Prometheus keeps the first and goes on.

mod cursor;
mod error;
mod escape;
mod format;
mod metadata;
mod number;
mod parser;
mod series;
#[cfg(test)]
mod tests;

pub use self::{
    error::{ParseError, Problem},
    format::{ACCEPT, Format, FormatError},
    metadata::{About, Kind, Metadata},
    number::bound_text,
    parser::Parser,
    series::{Exemplar, LabelText, MAX_EXEMPLAR_CHARS, Sample},
};

/// How much is taken of one target. A scrape that goes beyond one of them fails as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Samples of one text.
    pub samples: usize,
    /// Labels of one series; its name is one of them.
    pub labels: usize,
    /// Length of a label's name.
    pub name_bytes: usize,
    /// Length of a label's value, and of a metric's name.
    pub value_bytes: usize,
}

impl Limits {
    /// Takes all.
    pub const NONE: Self =
        Self { samples: usize::MAX, labels: usize::MAX, name_bytes: usize::MAX, value_bytes: usize::MAX };
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// Something about a family of series.
    Metadata(Metadata<'a>),
    /// A sample of a series.
    Sample(Sample<'a>),
}
