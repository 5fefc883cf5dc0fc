//! Pipeline traces: the list and one of them.

mod detail;
mod facts;
mod filters;
mod list;
mod never;
mod rows;
mod state;
mod table;

pub use detail::PipelinePage;
pub use list::PipelinesPage;
