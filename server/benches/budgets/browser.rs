//! A trace as people see it: opened in a browser.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use app::model::TraceId;
use serde::Deserialize;

use crate::{Outcome, process::Server, report::Report};

/// What the script tells, in milliseconds.
#[derive(Deserialize)]
struct Opened {
    rows: f64,
    ready: f64,
    task: f64,
}

/// Opens a trace of so many spans and scrolls through it; says so when there is no browser.
pub async fn open_trace(report: &mut Report, server: &Server, (trace, spans): (TraceId, usize)) -> Outcome<()> {
    let Some(chromium) = std::env::var_os("CHROMIUM").filter(|path| !path.is_empty()) else {
        println!("  a trace in a browser is NOT measured: CHROMIUM does not say where one is");
        return Ok(());
    };
    let mut command = Command::new("node");
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../end2end/bench/open-trace.mjs"))
        .env("CHROMIUM", chromium)
        .env("BENCH_URL", server.url(&format!("/monitoring/traces/{trace}")))
        .env("BENCH_SESSION", &server.session)
        .stderr(Stdio::inherit());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    if !output.status.success() {
        return Err(format!("the browser: {}", output.status).into());
    }
    let opened: Opened = serde_json::from_slice(&output.stdout)?;
    report.below(&format!("a trace of {spans} spans in a browser, first rows"), opened.rows, 1000.0, "ms");
    report.below(&format!("a trace of {spans} spans in a browser, interactive"), opened.ready, 1000.0, "ms");
    report.below(&format!("a trace of {spans} spans in a browser, longest task of scrolling"), opened.task, 50.0, "ms");
    Ok(())
}
