//! A directory per page: view, state in the address, data.

pub mod overview;
