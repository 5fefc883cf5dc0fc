//! The time range of the page: state in the address.
//!
//! `?range=6h` (the default of one hour is left out), `?compare=yesterday`, `?overlay=1`.

mod hooks;

pub use hooks::{range_value, use_compare, use_overlay, use_range, widen, zoom_out};
