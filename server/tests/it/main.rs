//! Integration tests: the store on both engines, HTTP over a socket, and what happens when things break.
//!
//! PostgreSQL is expected at `TEST_DATABASE_URL`: `make test` starts one. Without it the tests fail; they are not
//! skipped.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod conformance;
mod dashboards;
mod explorer;
mod fault;
mod http;
mod identity;
mod isolation;
mod logs;
mod logs_http;
mod loki;
mod machine_metrics;
mod otlp;
mod otlp_metrics;
mod own_metrics;
mod performance;
mod prometheus;
mod promql;
mod remote_write;
mod samples;
mod samples_fault;
mod scrape;
mod series;
mod sign_in;
mod spans;
mod stream;
mod support;
mod tls;
mod webhook;
