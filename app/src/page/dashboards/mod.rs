//! Dashboards: rows of panels with queries, made in the pages, shipped, or read from files.

mod answer;
mod board;
mod edit;
mod import;
mod layout;
mod list;
mod page;
mod panel;
mod variables;

pub use self::{list::DashboardsPage, page::DashboardPage};

/// Where the list of dashboards is; each is below it.
pub const LIST: &str = "/monitoring/dashboards";
