//! The release binary as a process.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::Outcome;

/// Secret of the webhook, so that deliveries can be made.
pub const SECRET: &str = "the secret of the bench";
const PATIENCE: Duration = Duration::from_mins(1);

/// A running Console.
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:<port>`.
    pub address: String,
    /// Speaks to it; keeps its connection.
    pub client: reqwest::Client,
    /// How long it took from the start of the process until it was ready.
    pub ready_after: Duration,
}

impl Server {
    /// Starts the binary on a free port and waits until it is ready.
    pub async fn start(data_dir: &Path) -> Outcome<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let binary = binary(&root);
        let addr: SocketAddr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let address = format!("http://{addr}");
        let client = reqwest::Client::builder().build()?;
        let begun = Instant::now();
        let child = Command::new(&binary)
            .arg("serve")
            .current_dir(root)
            .env("CONSOLE_SERVER__ADDR", addr.to_string())
            .env("CONSOLE_STORE__DATA_DIR", data_dir)
            .env("CONSOLE_WEBHOOKS__GITLAB_SECRET", SECRET)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}; build it with scripts/build.sh", binary.display()))?;
        let mut server = Self { child, address, client, ready_after: Duration::ZERO };
        let ready = server.url("/ready");
        while begun.elapsed() < PATIENCE {
            if let Ok(answer) = server.client.get(&ready).send().await
                && answer.status().is_success()
            {
                server.ready_after = begun.elapsed();
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("Console ended at its start: {status}").into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err("Console did not become ready".into())
    }

    /// Address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// Resident memory in megabytes; not a number where the system does not tell.
    pub fn resident_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok());
        kilobytes.map_or(f64::NAN, |kilobytes| kilobytes * 1024.0 / 1e6)
    }

    /// Asks it to end and waits for that.
    pub async fn stop(mut self) -> Outcome<()> {
        // The standard library can only kill.
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status()?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return if status.success() { Ok(()) } else { Err(format!("Console ended with {status}").into()) };
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err("Console did not end".into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone unless something failed on the way.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn binary(root: &Path) -> PathBuf {
    std::env::var_os("BENCH_BINARY").map_or_else(|| root.join("target/release/console"), PathBuf::from)
}
