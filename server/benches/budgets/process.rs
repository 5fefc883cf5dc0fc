//! The release binary as a process.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use app::model::{Role, TenantId};
use chrono::TimeDelta;
use reqwest::header::{COOKIE, HeaderMap};
use server::{
    clock::{Clock, SystemClock},
    config::StoreConfig,
    service::identity::NewSecret,
    store::{
        Stores,
        identity::{NewSession, User},
    },
};
use uuid::Uuid;

use crate::Outcome;

/// Secret of the webhook, so that deliveries can be made.
pub const SECRET: &str = "the secret of the bench";
const PATIENCE: Duration = Duration::from_mins(1);

/// A running Console.
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:<port>`.
    pub address: String,
    /// Where it takes OTLP over gRPC.
    pub grpc: String,
    /// The token of an administrator's session.
    pub session: String,
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
        let grpc: SocketAddr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let client = reqwest::Client::new();
        let begun = Instant::now();
        let child = Command::new(&binary)
            .arg("serve")
            .current_dir(root)
            .env("CONSOLE_SERVER__ADDR", addr.to_string())
            .env("CONSOLE_OTLP__GRPC_ADDR", grpc.to_string())
            .env("CONSOLE_OTLP__HTTP_ADDR", "off")
            .env("CONSOLE_STORE__DATA_DIR", data_dir)
            .env("CONSOLE_WEBHOOKS__GITLAB_SECRET", SECRET)
            // A month that is filled from its beginning is over before it is full.
            .env("CONSOLE_RETENTION__SAMPLES_DAYS", "45")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}; build it with scripts/build.sh", binary.display()))?;
        let mut server = Self {
            child,
            address,
            grpc: format!("http://{grpc}"),
            client,
            session: String::new(),
            ready_after: Duration::ZERO,
        };
        let ready = server.url("/ready");
        while begun.elapsed() < PATIENCE {
            if let Ok(answer) = server.client.get(&ready).send().await
                && answer.status().is_success()
            {
                server.ready_after = begun.elapsed();
                server.session = open_session(data_dir).await?;
                server.client = client_of(&server.session)?;
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
        resident_mb(self.child.id())
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

/// Resident memory of a process in megabytes; not a number where the system does not tell.
pub fn resident_mb(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |kilobytes| kilobytes * 1024.0 / 1e6)
}

/// Opens a session of an administrator and returns its token: what people's browsers send is what is measured.
async fn open_session(data_dir: &Path) -> Outcome<String> {
    let config = StoreConfig { data_dir: data_dir.to_owned(), ..StoreConfig::default() };
    let stores = Stores::open(&config).await?;
    let user = User {
        id: Uuid::new_v4(),
        email: format!("{}@example.com", Uuid::new_v4().simple()),
        name: "Bench".to_owned(),
        password_hash: None,
        is_disabled: false,
        created_at: SystemClock.now_utc(),
    };
    stores.identity.add_user(&user, TenantId::DEFAULT, Role::Admin).await?;
    let token = NewSecret::token();
    let session = NewSession {
        id: Uuid::new_v4(),
        token_hash: token.hash(),
        user: user.id,
        tenant: TenantId::DEFAULT,
        address: "127.0.0.1".to_owned(),
        user_agent: "bench".to_owned(),
        created_at: SystemClock.now_utc(),
        expires_at: SystemClock.now_utc() + TimeDelta::days(1),
    };
    stores.identity.open_session(&session, None).await?;
    stores.admin.close().await;
    Ok(token.expose().to_owned())
}

fn client_of(session: &str) -> Outcome<reqwest::Client> {
    let cookie = format!("console_session={session}").parse()?;
    let headers = HeaderMap::from_iter([(COOKIE, cookie)]);
    Ok(reqwest::Client::builder().default_headers(headers).build()?)
}

fn binary(root: &Path) -> PathBuf {
    std::env::var_os("BENCH_BINARY").map_or_else(|| root.join("target/release/console"), PathBuf::from)
}
