//! Series of samples: how they are told apart, packed, rolled up and asked for.

pub mod block;
pub mod bucket;
pub mod head;
pub mod index;
pub mod labels;
pub mod matching;
pub mod merge;
pub mod samples;
pub mod select;

pub use bucket::{Bucket, Resolution};
pub use labels::{Labels, NAME};
pub use samples::{STALE, Samples, is_stale};
pub use select::{Comparison, Data, Matcher, Selection, Series, SeriesStream};
