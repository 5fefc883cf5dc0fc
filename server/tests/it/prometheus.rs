//! Prometheus and promtool as Debian has them.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::support::free_port;

/// Runs promtool with a text as its input.
pub fn promtool(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new("promtool");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("promtool, which Debian's package `prometheus` has");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

pub fn assert_clean(output: &Output, what: &str) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{what}: {}{}", text(&output.stdout), text(&output.stderr));
}

/// A Prometheus of its own, which ends with the test.
pub struct Prometheus {
    child: Child,
    pub url: String,
    log: PathBuf,
}

impl Prometheus {
    /// Starts one with this configuration in a folder of its own.
    pub fn start(dir: &Path, config: &str) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let file = dir.join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        let log = dir.join("prometheus.log");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("tsdb").display()))
            // Tests tell of fixed times.
            .arg("--storage.tsdb.retention.time=100y")
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .expect("prometheus, which Debian's package `prometheus` has");
        Self { child, url: format!("http://{address}"), log }
    }

    /// The answer to a question once it is as wanted.
    pub async fn ask(&self, path: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..300 {
            if let Ok(answer) = reqwest::get(format!("{}{path}", self.url)).await
                && let Ok(answer) = answer.json::<Value>().await
            {
                if is_wanted(&answer["data"]) {
                    return answer["data"].clone();
                }
                last = answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{path}: {last}\n{}", std::fs::read_to_string(&self.log).unwrap_or_default());
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A real exporter, which ends with the test.
pub struct NodeExporter {
    child: Child,
    /// Host and port.
    pub address: String,
}

impl NodeExporter {
    pub fn start() -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        // As Debian calls it, and as its makers do.
        let start = |program: &&str| {
            let mut command = Command::new(program);
            command.arg(format!("--web.listen-address={address}"));
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
        };
        let child = ["prometheus-node-exporter", "node_exporter"].iter().find_map(start);
        let child = child.expect("prometheus-node-exporter, which Debian's package of this name has");
        Self { child, address }
    }

    pub fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }
}

impl Drop for NodeExporter {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
