//! Distributed traces: the list and one of them.

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
pub use trace::TracePage;
