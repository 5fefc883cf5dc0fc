//! Console's server: everything behind the pages.

#![warn(missing_docs)]
#![recursion_limit = "256"]

pub mod activity;
pub mod cli;
pub mod clock;
pub mod collect;
pub mod config;
pub mod demo;
pub mod exposition;
pub mod http;
pub mod ingest;
pub mod jobs;
pub mod lifecycle;
pub mod live;
pub mod loki;
pub mod otlp;
pub mod outgoing;
pub mod pipeline;
pub mod promql;
pub mod remote_write;
pub mod scrape;
pub mod series;
pub mod server;
pub mod service;
pub mod store;
pub mod telemetry;
