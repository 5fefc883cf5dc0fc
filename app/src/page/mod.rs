//! A directory per page: view, state in the address, data.

pub mod api;
pub mod dashboards;
pub mod docs;
pub mod logs;
pub mod map;
pub mod metrics;
pub mod not_found;
pub mod overview;
pub mod pipelines;
pub mod settings;
pub mod sign_in;
pub mod targets;
pub mod traces;
pub mod welcome;
