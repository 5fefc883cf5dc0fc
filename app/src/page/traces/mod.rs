//! Distributed traces: the list and one of them.

mod contrast;
mod facets;
mod filters;
mod heat;
mod heatmap;
mod list;
mod never;
mod rows;
pub mod service;
mod state;
mod table;
mod trace;

pub use list::TracesPage;
pub use never::HowToSend;
pub use state::traces_href;
pub use trace::TracePage;
