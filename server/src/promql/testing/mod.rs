//! Runs scripts in the format of Prometheus' `promqltest`: samples are loaded, queries evaluated, answers compared
//! (<https://pkg.go.dev/github.com/prometheus/prometheus/promql/promqltest>). Without native histograms.

mod notation;
mod script;
mod storage;

pub use self::{
    script::{failures, run_script},
    storage::{Storage, ask},
};
