//! What the tests share: stores and servers of their own, on either engine.

use std::{
    io::Read as _,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use app::model::{ApiKey, Level, Role, TenantId, TraceId, UnixNanos};
use chrono::TimeDelta;
use server::{
    clock::{Clock, SystemClock},
    config::{Config, Listen, RetentionConfig, Secret},
    server::Server,
    service::{Services, identity::NewSecret},
    store::{
        CommitBatch, CommitReceipt, Stores,
        identity::{NewKey, NewSession, User},
        log::NewLogRecord,
    },
    telemetry::{Redactor, SelfLog},
};
use sqlx::{Connection, PgConnection};
use tokio::{net::TcpListener, sync::oneshot};
use uuid::Uuid;

pub const SECRET: &str = "an-invented-secret";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// A place for a store of one test; removed with it.
pub struct Home {
    pub dir: tempfile::TempDir,
    pub url: Option<String>,
    database: Option<(String, String)>,
}

fn admin_url() -> String {
    std::env::var("TEST_DATABASE_URL").expect(
        "TEST_DATABASE_URL must name a PostgreSQL server in which databases may be created; `make test` starts one",
    )
}

fn with_database(url: &str, database: &str) -> String {
    let (base, query) = url.split_once('?').map_or((url, None), |(base, query)| (base, Some(query)));
    let scheme_end = base.find("://").map_or(0, |at| at + 3);
    let authority_end = base[scheme_end..].find('/').map_or(base.len(), |at| scheme_end + at);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}/{database}{query}", &base[..authority_end])
}

impl Home {
    pub async fn new(engine: Engine) -> Self {
        let dir = tempfile::tempdir().unwrap();
        if engine == Engine::Sqlite {
            return Self { dir, url: None, database: None };
        }
        let admin = admin_url();
        let name = format!("console_{}", Uuid::new_v4().simple());
        let mut connection = PgConnection::connect(&admin).await.expect("PostgreSQL at TEST_DATABASE_URL");
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
        Self { dir, url: Some(with_database(&admin, &name)), database: Some((admin, name)) }
    }

    pub fn config(&self) -> Config {
        let mut config = Config::default();
        config.store.data_dir = self.dir.path().join("data");
        config.store.url = self.url.clone().map(Secret::new);
        config.server.addr = SocketAddr::from(([127, 0, 0, 1], 0));
        config.otlp.grpc_addr = Listen(Some(config.server.addr));
        config.otlp.http_addr = Listen(Some(config.server.addr));
        config.server.site_root = self.dir.path().join("site");
        config.webhooks.gitlab_secret = Some(Secret::new(SECRET));
        config.demo.enabled = true;
        // Tests count what is stored.
        config.metrics.own_interval_seconds = 0;
        // What the tests send lies at fixed times, some near the epoch, and retention runs beside them.
        let days = 100_000;
        config.retention = RetentionConfig {
            pipelines_days: days,
            logs_days: days,
            traces_days: days,
            samples_days: days,
            rollups_days: days,
            endpoints_days: days,
        };
        config
    }

    pub async fn open(&self) -> Stores {
        Stores::open(&self.config().store).await.unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let Some((admin, name)) = self.database.take() else { return };
        // A thread of its own: this may be dropped inside a runtime.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                if let Ok(mut connection) = PgConnection::connect(&admin).await {
                    let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                    let _gone = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await;
                }
            });
        });
        let _ended = dropped.join();
    }
}

/// A client with a new session of a user, who is made first if need be.
pub async fn sign_in(stores: &Stores, email: &str, tenant: TenantId, role: Role) -> reqwest::Client {
    client_with("cookie", &cookie(stores, email, tenant, role).await)
}

/// The cookie of a new session of a user, who is made first if need be.
pub async fn cookie(stores: &Stores, email: &str, tenant: TenantId, role: Role) -> String {
    let user = User {
        id: Uuid::new_v4(),
        email: email.to_owned(),
        name: "Somebody".to_owned(),
        password_hash: None,
        is_disabled: false,
        created_at: SystemClock.now_utc(),
    };
    stores.identity.add_user(&user, tenant, role).await.unwrap();
    let user = stores.identity.user_by_email(email).await.unwrap().unwrap();
    stores.identity.set_role(user.id, tenant, Some(role)).await.unwrap();
    let token = NewSecret::token();
    let session = NewSession {
        id: Uuid::new_v4(),
        token_hash: token.hash(),
        user: user.id,
        tenant,
        address: "127.0.0.1".to_owned(),
        user_agent: "test".to_owned(),
        created_at: SystemClock.now_utc(),
        expires_at: SystemClock.now_utc() + TimeDelta::days(1),
    };
    stores.identity.open_session(&session, None).await.unwrap();
    format!("console_session={}", token.expose())
}

/// A log record as tests need it.
pub fn record(time_ms: i64, service: &str, message: &str) -> NewLogRecord {
    NewLogRecord {
        timestamp: UnixNanos(time_ms * 1_000_000),
        level: Level::Info,
        service: service.to_owned(),
        message: message.to_owned(),
        trace_id: None,
        span_id: None,
        attributes: String::new(),
    }
}

pub fn with_trace(mut record: NewLogRecord, trace: TraceId) -> NewLogRecord {
    record.trace_id = Some(trace);
    record
}

/// Commits log records of a tenant in one transaction.
pub async fn commit_logs(stores: &Stores, tenant: TenantId, records: Vec<NewLogRecord>) -> CommitReceipt {
    let batch =
        CommitBatch { writer: Uuid::new_v4(), sequence: 1, logs: vec![(tenant, records)], ..CommitBatch::default() };
    stores.ingest.commit(&batch.pack().await.unwrap(), chrono::DateTime::UNIX_EPOCH).await.unwrap()
}

/// A client that sends this header with every request.
pub fn client_with(name: &'static str, value: &str) -> reqwest::Client {
    let headers = reqwest::header::HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
    let none = reqwest::redirect::Policy::none();
    reqwest::Client::builder().default_headers(headers).redirect(none).build().unwrap()
}

/// A server in this process.
pub struct TestApp {
    pub addr: SocketAddr,
    /// Where OTLP alone is taken: HTTP, gRPC.
    pub otlp: (SocketAddr, SocketAddr),
    /// Of an administrator of the tenant `default`.
    pub client: reqwest::Client,
    /// What that client sends.
    pub cookie: String,
    pub services: Arc<Services>,
    stop: Option<oneshot::Sender<()>>,
    running: tokio::task::JoinHandle<()>,
}

impl TestApp {
    pub async fn start(home: &Home) -> Self {
        Self::start_with(home.config()).await
    }

    pub async fn start_with(config: Config) -> Self {
        let mut app = Self::start_empty(config).await;
        app.cookie = cookie(&app.services.stores, "admin@example.com", TenantId::DEFAULT, Role::Admin).await;
        app.client = client_with("cookie", &app.cookie);
        app
    }

    /// A server at which nobody can sign in yet.
    pub async fn start_empty(config: Config) -> Self {
        let (_sink, self_log) = SelfLog::new(64, Redactor::default());
        let server = Server::start(config, Arc::new(SystemClock), self_log).await.unwrap();
        let (addr, services) = (server.addr, server.services.clone());
        let of = |listener: &Option<TcpListener>| listener.as_ref().unwrap().local_addr().unwrap();
        let otlp = (of(&server.otlp_http), of(&server.otlp_grpc));
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(async move {
            let wait = async {
                let _asked_or_dropped = stopped.await;
            };
            server.run(wait).await.unwrap();
        });
        Self { addr, otlp, client: reqwest::Client::new(), cookie: String::new(), services, stop: Some(stop), running }
    }

    /// A client of somebody with this role in the tenant.
    pub async fn signed_in(&self, email: &str, tenant: TenantId, role: Role) -> reqwest::Client {
        sign_in(&self.services.stores, email, tenant, role).await
    }

    /// A client with a key of the tenant.
    pub async fn with_key(&self, tenant: TenantId, can_ingest: bool, can_read: bool) -> reqwest::Client {
        client_with("x-api-key", &self.with_key_secret(tenant, can_ingest, can_read).await)
    }

    /// The secret of a new key of the tenant.
    pub async fn with_key_secret(&self, tenant: TenantId, can_ingest: bool, can_read: bool) -> String {
        let secret = NewSecret::key();
        let key = ApiKey {
            id: Uuid::new_v4(),
            name: "test".to_owned(),
            prefix: secret.shown(),
            can_ingest,
            can_read,
            created_by: "test".to_owned(),
            created_at: SystemClock.now_utc(),
            expires_at: None,
            last_used_at: None,
            revoked_at: None,
        };
        let new = NewKey { key, secret_hash: secret.hash() };
        self.services.stores.identity.add_key(tenant, &new).await.unwrap();
        secret.expose().to_owned()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub async fn get(&self, path: &str) -> (u16, serde_json::Value) {
        let response = self.client.get(self.url(path)).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or_default())
    }

    pub async fn stop(mut self) {
        drop(self.stop.take());
        tokio::time::timeout(Duration::from_secs(10), self.running).await.expect("ends within 10 s").unwrap();
    }
}

/// The program itself, as a process of its own.
pub struct Process {
    child: Child,
    pub addr: SocketAddr,
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Process {
    /// Starts `console serve` and waits until it is ready.
    pub async fn serve(home: &Home, port: u16) -> Self {
        let addr = SocketAddr::from(([127, 0, 0, 1], port));
        let mut command = Command::new(env!("CARGO_BIN_EXE_console"));
        command
            .arg("serve")
            .current_dir(home.dir.path())
            .env("CONSOLE_SERVER__ADDR", addr.to_string())
            .env("CONSOLE_OTLP__GRPC_ADDR", "off")
            .env("CONSOLE_OTLP__HTTP_ADDR", "off")
            .env("CONSOLE_STORE__DATA_DIR", home.dir.path().join("data"))
            .env("CONSOLE_WEBHOOKS__GITLAB_SECRET", SECRET)
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(url) = &home.url {
            command.env("CONSOLE_STORE__URL", url);
        }
        let mut process = Self { child: command.spawn().unwrap(), addr };
        let client = reqwest::Client::new();
        for _ in 0..300 {
            if let Ok(response) = client.get(format!("http://{addr}/ready")).send().await
                && response.status().is_success()
            {
                return process;
            }
            assert!(process.child.try_wait().unwrap().is_none(), "the server ended early");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the server was not ready within 30 s");
    }

    /// Ends it as a crash would: without a chance to tidy up.
    pub fn kill_9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Runs the program to its end and returns exit code and what it printed.
pub fn run_console(home: &Home, args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_console"));
    command
        .args(args)
        .current_dir(home.dir.path())
        .env("CONSOLE_STORE__DATA_DIR", home.dir.path().join("data"))
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(url) = &home.url {
        command.env("CONSOLE_STORE__URL", url);
    }
    for (key, value) in env {
        command.env(key, value);
    }
    let mut child = command.spawn().unwrap();
    let status = child.wait().unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    (status.code(), text)
}

pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../end2end/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Makes a test of each case of the module `cases`, on each engine.
macro_rules! on_both_engines {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() { crate::support::run_case(crate::support::Engine::Sqlite, async |home, stores| super::cases::$case(home, stores).await).await; })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() { crate::support::run_case(crate::support::Engine::Postgres, async |home, stores| super::cases::$case(home, stores).await).await; })+
        }
    };
}
pub(crate) use on_both_engines;

pub async fn run_case(engine: Engine, case: impl AsyncFnOnce(&Home, &Stores)) {
    let home = Home::new(engine).await;
    let stores = home.open().await;
    case(&home, &stores).await;
    stores.admin.close().await;
}
