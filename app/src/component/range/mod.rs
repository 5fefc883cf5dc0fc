//! The time range of the page: state in the address, the picker and the menu of comparisons.
//!
//! `?range=6h` (the default of one hour is left out), `?compare=yesterday`, `?overlay=1`.

mod compare;
mod hooks;
mod picker;

pub use compare::CompareMenu;
pub use hooks::{range_value, use_compare, use_overlay, use_range, widen, zoom_out};
pub use picker::{MENU_ID, RangePicker, range_label};
