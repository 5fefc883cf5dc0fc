//! Log lines: how they are filtered, listed, read and taken away.

mod fields;
mod filter_bar;
mod line;
mod panel;
mod state;
mod tail;

pub use fields::{FieldFilter, fields, pretty};
pub use filter_bar::{LogFilterBar, is_about_search};
pub use line::{JsonLine, LevelMark, LineContext, LineLinks, LogLine};
pub use panel::LogPanel;
pub use state::{LINE, LogState, ParamNames, export_href, line_href, logs_href, use_log_state};
pub use tail::LogTail;
