//! Console's pages and the types that they share with the server.
//!
//! The crate knows nothing of SQL, axum routing or tokio: it owns the port ([`api`]) and the server implements it.

#![recursion_limit = "256"]

pub mod api;
pub mod browser;
pub mod component;
pub mod live;
pub mod model;
pub mod page;

mod shell;

pub use shell::{App, load_page, shell};
