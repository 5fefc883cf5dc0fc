//! A directory per page: view, state in the address, data.

pub mod logs;
pub mod not_found;
pub mod overview;
pub mod pipelines;
