//! Log lines: how they are filtered, listed, read and taken away.

mod fields;
mod filter_bar;
mod line;
mod panel;
mod state;
mod tail;

pub mod export;

pub use fields::FieldFilter;
pub use filter_bar::LogFilterBar;
pub use line::{LineContext, LogLine};
pub use panel::LogPanel;
pub use state::{LogState, ParamNames, logs_href, use_log_state};
pub use tail::LogTail;
