//! Configuration: defaults < `Leptos.toml` < environment < command line, read once at start.
//!
//! An environment variable is `CONSOLE_` + section + `__` + key, e.g. `CONSOLE_SERVER__ADDR`. An unknown key or a bad
//! value stops the start with its name, its place and what is allowed.

mod scrape;
mod secret;

use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use app::model::TenantId;
use figment::{
    Figment,
    providers::{Env, Format, Toml},
};
pub use scrape::{OutgoingConfig, ScrapeConfig, ScrapeJob, ScrapeSecrets};
pub use secret::Secret;
use serde::{Deserialize, Serialize};

use crate::telemetry::Redactor;

/// Everything that can be set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where and how Console serves.
    pub server: ServerConfig,
    /// Where data is kept.
    pub store: StoreConfig,
    /// Sign-in.
    pub auth: AuthConfig,
    /// Webhooks of code forges.
    pub webhooks: WebhookConfig,
    /// Demonstration data.
    pub demo: DemoConfig,
    /// How long data is kept.
    pub retention: RetentionConfig,
    /// The way in.
    pub ingest: IngestConfig,
    /// What listens for OpenTelemetry.
    pub otlp: OtlpConfig,
    /// The live stream.
    pub live: LiveConfig,
    /// Console's own log.
    pub log: LogConfig,
    /// Console's own metrics.
    pub metrics: MetricsConfig,
    /// Targets that Console scrapes.
    pub scrape: ScrapeConfig,
    /// Dashboards.
    pub dashboards: DashboardsConfig,
    /// What Console asks of others.
    pub outgoing: OutgoingConfig,
    /// What is taken out before anything is stored.
    pub redaction: RedactionConfig,
}

/// Section `server`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address and port to listen on. Other addresses than loopback need TLS, or a word about what stands before.
    pub addr: SocketAddr,
    /// Names that Console is reached by besides those of this machine, e.g. that of a reverse proxy in front of it.
    pub allowed_hosts: Vec<String>,
    /// Certificate chain in PEM: with `tls_key`, Console serves HTTPS. Read again when the file changes.
    pub tls_certificate: Option<PathBuf>,
    /// Private key in PEM.
    pub tls_key: Option<PathBuf>,
    /// Whether a reverse proxy that speaks TLS stands before Console.
    pub behind_proxy: bool,
    /// Addresses or networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<Network>,
    /// Whether passwords and sessions may cross a network in plain text.
    pub allow_insecure: bool,
    /// Directory of the built pages.
    pub site_root: PathBuf,
}

impl ServerConfig {
    /// Certificate and key, when Console itself speaks TLS.
    pub fn tls(&self) -> Option<(&Path, &Path)> {
        self.tls_certificate.as_deref().zip(self.tls_key.as_deref())
    }

    /// Whether others than this machine can come, themselves or through a proxy.
    pub fn is_reachable(&self) -> bool {
        !self.addr.ip().is_loopback() || self.behind_proxy || !self.trusted_proxies.is_empty()
    }

    /// Names that Console answers to besides those of this machine.
    pub fn known_hosts(&self) -> Vec<String> {
        let own = self.addr.ip();
        let own = (!own.is_unspecified()).then(|| own.to_string());
        self.allowed_hosts.iter().cloned().chain(own).collect()
    }

    /// Where people reach Console that listens on `addr`, for links that are printed.
    pub fn public_url(&self, addr: SocketAddr) -> String {
        let scheme = if self.tls().is_some() || self.behind_proxy { "https" } else { "http" };
        match self.allowed_hosts.first() {
            Some(host) if self.behind_proxy => format!("{scheme}://{host}"),
            Some(host) if !addr.ip().is_loopback() => format!("{scheme}://{host}:{}", addr.port()),
            _ if addr.ip().is_unspecified() => format!("{scheme}://localhost:{}", addr.port()),
            _ => format!("{}://{addr}", if self.tls().is_some() { "https" } else { "http" }),
        }
    }
}

/// A network, e.g. `10.0.0.0/8`, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(ipnet::IpNet);

impl Network {
    /// Whether an address belongs to it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let single = || text.parse::<IpAddr>().ok().map(ipnet::IpNet::from);
        let network = text.parse().ok().or_else(single);
        network.map(Self).ok_or_else(|| format!("`{text}` is neither an address nor a network such as 10.0.0.0/8"))
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.0.to_string()
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 3000)),
            allowed_hosts: Vec::new(),
            tls_certificate: None,
            tls_key: None,
            behind_proxy: false,
            trusted_proxies: Vec::new(),
            allow_insecure: false,
            site_root: PathBuf::from("target/site"),
        }
    }
}

/// Section `store`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// `postgres://…` selects PostgreSQL; without it an SQLite file lies in `data_dir`.
    pub url: Option<Secret>,
    /// Directory of the embedded store.
    pub data_dir: PathBuf,
    /// What a commit survives.
    pub fsync: Fsync,
    /// Connections for reading.
    pub readers: u32,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { url: None, data_dir: PathBuf::from("data"), fsync: Fsync::Normal, readers: 4 }
    }
}

/// What a commit of the embedded store survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fsync {
    /// The death of the process.
    #[default]
    Normal,
    /// A power cut, too.
    Full,
}

/// Section `auth`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// Whether people must sign in. Without it everybody who reaches Console is an administrator.
    pub enabled: bool,
    /// Address of the first administrator, made at the first start; with `admin_password`.
    pub admin_email: Option<String>,
    /// Their password.
    pub admin_password: Option<Secret>,
    /// Hours without a request after which a session ends.
    pub idle_hours: u32,
    /// Days after which a session ends in any case.
    pub absolute_days: u32,
    /// Tries to sign in that one address has in a minute.
    pub logins_per_address: u32,
    /// Tries to sign in that one account has in a minute.
    pub logins_per_account: u32,
    /// Requests that one key may make in a second.
    pub key_requests_per_second: u32,
    /// Whether programs on this machine may send without a key, into the tenant `default`, as long as Console listens
    /// on loopback only.
    pub ingest_from_loopback: bool,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            admin_email: None,
            admin_password: None,
            idle_hours: 168,
            absolute_days: 30,
            logins_per_address: 20,
            logins_per_account: 10,
            key_requests_per_second: 1000,
            ingest_from_loopback: true,
        }
    }
}

/// Section `webhooks`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookConfig {
    /// GitLab's secret token, and the key of its signatures. Without it every delivery is refused.
    pub gitlab_secret: Option<Secret>,
    /// Which changed files belong to which target: `{tenant}` and `{api}` stand for one path segment each.
    pub path_pattern: String,
    /// Environment of the pipelines that a push sets off.
    pub environment: String,
    /// Largest body that is accepted, in bytes.
    pub max_body_bytes: usize,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self {
            gitlab_secret: None,
            path_pattern: "tenants/{tenant}/apis/{api}/".to_owned(),
            environment: "dev".to_owned(),
            max_body_bytes: 5 * 1024 * 1024,
        }
    }
}

/// Section `otlp`: what listens for OpenTelemetry besides `server.addr`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OtlpConfig {
    /// Address and port for OTLP over gRPC; `off` for none.
    pub grpc_addr: Listen,
    /// Address and port for OTLP over HTTP, beside the one of the pages; `off` for none.
    pub http_addr: Listen,
    /// Origins of pages whose scripts may send, e.g. `https://shop.example`.
    pub cors_origins: Vec<String>,
}

impl Default for OtlpConfig {
    fn default() -> Self {
        let local = |port| Listen(Some(SocketAddr::from(([127, 0, 0, 1], port))));
        Self { grpc_addr: local(4317), http_addr: local(4318), cors_origins: Vec::new() }
    }
}

/// An address to listen on, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Listen(pub Option<SocketAddr>);

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(Self(None));
        }
        let address = text.parse().map(Some).map(Self);
        address.map_err(|_| format!("`{text}` is neither an address with a port, such as 127.0.0.1:4317, nor `off`"))
    }
}

impl From<Listen> for String {
    fn from(listen: Listen) -> Self {
        listen.0.map_or_else(|| "off".to_owned(), |address| address.to_string())
    }
}

/// Section `demo`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DemoConfig {
    /// Whether demonstration traces may be made.
    pub enabled: bool,
}

/// Section `retention`: days after which data is removed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// Pipeline traces.
    pub pipelines_days: u32,
    /// Log records.
    pub logs_days: u32,
    /// Traces and their spans.
    pub traces_days: u32,
    /// Samples.
    pub samples_days: u32,
    /// Roll-ups of samples by five minutes and by hour.
    pub rollups_days: u32,
    /// Endpoint roll-ups.
    pub endpoints_days: u32,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            pipelines_days: 30,
            logs_days: 30,
            traces_days: 30,
            samples_days: 30,
            rollups_days: 400,
            endpoints_days: 30,
        }
    }
}

/// Section `ingest`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IngestConfig {
    /// Bytes that may wait to be committed; more is refused, not kept in memory. A request that is larger waits until
    /// nothing else does.
    pub queue_bytes: usize,
    /// Records that one commit takes at most.
    pub commit_records: usize,
    /// Seconds between two samples of the host.
    pub host_interval_seconds: u64,
    /// Largest OTLP body that is accepted, in bytes as it is sent.
    pub otlp_body_bytes: usize,
    /// Largest OTLP body that is accepted, in bytes without its compression.
    pub otlp_unpacked_bytes: usize,
    /// Series of metrics that a tenant may have with samples since yesterday; samples of more are refused.
    pub series_per_tenant: usize,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            queue_bytes: 32 * 1024 * 1024,
            commit_records: 8192,
            host_interval_seconds: 5,
            otlp_body_bytes: 20 * 1024 * 1024,
            otlp_unpacked_bytes: 100 * 1024 * 1024,
            series_per_tenant: 250_000,
        }
    }
}

/// Section `live`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LiveConfig {
    /// Streams that may be open at once.
    pub max_streams: usize,
    /// Commits that a slow reader may lie behind before it misses records.
    pub buffer_events: usize,
}

impl Default for LiveConfig {
    fn default() -> Self {
        Self { max_streams: 1024, buffer_events: 1024 }
    }
}

/// Section `log`: Console's own log, on standard error and in its store.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// What is logged, in the syntax of `tracing` directives, e.g. `info,server=debug`.
    pub filter: String,
    /// Records that may wait for the writer; more are dropped and counted.
    pub queue_records: usize,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { filter: "info".to_owned(), queue_records: 8192 }
    }
}

/// Section `metrics`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// Whether whoever reaches Console may read its own metrics without a key.
    pub open: bool,
    /// Seconds that the answer to a query may take.
    pub query_timeout_seconds: u64,
    /// Samples that a query may read; a roll-up counts as one.
    pub query_samples: u64,
    /// Values that a query may hold at once, of eight bytes each.
    pub query_points: u64,
    /// Seconds between the samples of Console's own metrics that it stores; 0 for none.
    pub own_interval_seconds: u64,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            open: false,
            query_timeout_seconds: 30,
            query_samples: 1_000_000_000,
            query_points: 10_000_000,
            own_interval_seconds: 15,
        }
    }
}

/// Section `dashboards`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DashboardsConfig {
    /// A folder with dashboards, `*.json`, which all tenants see and nobody changes in the pages.
    pub directory: Option<PathBuf>,
    /// Dashboards that a tenant may make in the pages.
    pub per_tenant: usize,
}

impl Default for DashboardsConfig {
    fn default() -> Self {
        Self { directory: None, per_tenant: 500 }
    }
}

/// Section `redaction`: what is taken out besides what always is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedactionConfig {
    /// Words of a key that make its value a secret, e.g. `iban` for `customer.iban` and `customerIban`.
    pub keys: Vec<String>,
    /// Regular expressions of values that are secrets.
    pub patterns: Vec<String>,
}

/// Why the configuration is not usable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key or a value is wrong, or a file cannot be read.
    #[error("{0}")]
    Read(String),
    /// Values that do not go together, or are out of range.
    #[error("setting `{key}`: {problem}")]
    Value {
        /// Section and key.
        key: &'static str,
        /// What is wrong and what is allowed.
        problem: String,
    },
}

/// Settings of the command line.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Another file than `Leptos.toml`; it must exist.
    pub file: Option<PathBuf>,
    /// `server.addr`.
    pub addr: Option<SocketAddr>,
    /// `store.data_dir`.
    pub data_dir: Option<PathBuf>,
    /// `store.url`.
    pub database_url: Option<String>,
}

const DEFAULT_FILE: &str = "Leptos.toml";

/// Variables that are taken as they are, where others are read as TOML: a password may look like a number. Later ones
/// win.
const TEXT_VARIABLES: [(&str, &str); 8] = [
    ("DATABASE_URL", "store.url"),
    ("CONSOLE_STORE__URL", "store.url"),
    ("GITLAB_WEBHOOK_SECRET", "webhooks.gitlab_secret"),
    ("CONSOLE_WEBHOOKS__GITLAB_SECRET", "webhooks.gitlab_secret"),
    ("CONSOLE_AUTH__ADMIN_EMAIL", "auth.admin_email"),
    ("CONSOLE_ADMIN_EMAIL", "auth.admin_email"),
    ("CONSOLE_AUTH__ADMIN_PASSWORD", "auth.admin_password"),
    ("CONSOLE_ADMIN_PASSWORD", "auth.admin_password"),
];
/// How they are called without the prefix, to be left out where the others are read.
const TEXT_VARIABLES_UNPREFIXED: [&str; 6] = [
    "STORE__URL",
    "WEBHOOKS__GITLAB_SECRET",
    "AUTH__ADMIN_EMAIL",
    "AUTH__ADMIN_PASSWORD",
    "ADMIN_EMAIL",
    "ADMIN_PASSWORD",
];

impl Config {
    /// Reads the configuration of this process.
    pub fn load(overrides: &Overrides) -> Result<Self, ConfigError> {
        let mut figment = Figment::new();
        match &overrides.file {
            Some(file) if !file.is_file() => {
                return Err(ConfigError::Read(format!("the configuration file {} does not exist", file.display())));
            }
            Some(file) => figment = figment.merge(Toml::file_exact(file)),
            None if Path::new(DEFAULT_FILE).is_file() => figment = figment.merge(Toml::file_exact(DEFAULT_FILE)),
            None => {}
        }
        figment = figment.merge(Env::prefixed("CONSOLE_").ignore(&TEXT_VARIABLES_UNPREFIXED).split("__"));
        for (variable, key) in TEXT_VARIABLES {
            if let Ok(text) = std::env::var(variable) {
                figment = figment.merge((key, text));
            }
        }
        if let Some(addr) = overrides.addr {
            figment = figment.merge(("server.addr", addr.to_string()));
        }
        if let Some(dir) = &overrides.data_dir {
            figment = figment.merge(("store.data_dir", dir.display().to_string()));
        }
        if let Some(url) = &overrides.database_url {
            figment = figment.merge(("store.url", url.clone()));
        }
        let config: Self = figment.extract().map_err(|error| ConfigError::Read(describe(&error)))?;
        config.check()?;
        Ok(config)
    }

    /// Refuses what cannot work, before anything is started.
    pub fn check(&self) -> Result<(), ConfigError> {
        let refuse = |key, problem: &str| Err(ConfigError::Value { key, problem: problem.to_owned() });
        if self.server.tls_certificate.is_some() != self.server.tls_key.is_some() {
            return refuse("server.tls_certificate", "certificate and key are needed both (`server.tls_key`)");
        }
        if self.auth.admin_email.is_some() != self.auth.admin_password.is_some() {
            return refuse("auth.admin_email", "address and password are needed both (`auth.admin_password`)");
        }
        self.check_reach()?;
        if let Err(error) = Redactor::new(&self.redaction) {
            return refuse("redaction.patterns", &error.to_string());
        }
        if self.webhooks.gitlab_secret.as_ref().is_some_and(|secret| secret.expose().is_empty()) {
            return refuse("webhooks.gitlab_secret", "it is empty; leave it out to refuse all deliveries");
        }
        if !self.webhooks.path_pattern.contains("{tenant}") && !self.webhooks.path_pattern.contains("{api}") {
            return refuse("webhooks.path_pattern", "it must contain {tenant} or {api}");
        }
        let positive = [
            ("store.readers", self.store.readers as usize),
            ("retention.pipelines_days", self.retention.pipelines_days as usize),
            ("retention.logs_days", self.retention.logs_days as usize),
            ("retention.traces_days", self.retention.traces_days as usize),
            ("retention.samples_days", self.retention.samples_days as usize),
            ("retention.rollups_days", self.retention.rollups_days as usize),
            ("retention.endpoints_days", self.retention.endpoints_days as usize),
            ("ingest.commit_records", self.ingest.commit_records),
            ("ingest.host_interval_seconds", self.ingest.host_interval_seconds as usize),
            ("ingest.otlp_body_bytes", self.ingest.otlp_body_bytes),
            ("ingest.otlp_unpacked_bytes", self.ingest.otlp_unpacked_bytes),
            ("ingest.series_per_tenant", self.ingest.series_per_tenant),
            ("metrics.query_timeout_seconds", self.metrics.query_timeout_seconds as usize),
            ("metrics.query_samples", self.metrics.query_samples as usize),
            ("metrics.query_points", self.metrics.query_points as usize),
            ("scrape.body_bytes", self.scrape.body_bytes),
            ("scrape.samples", self.scrape.samples),
            ("scrape.memory_bytes", self.scrape.memory_bytes),
            ("live.max_streams", self.live.max_streams),
            ("live.buffer_events", self.live.buffer_events),
            ("log.queue_records", self.log.queue_records),
            ("webhooks.max_body_bytes", self.webhooks.max_body_bytes),
            ("auth.idle_hours", self.auth.idle_hours as usize),
            ("auth.absolute_days", self.auth.absolute_days as usize),
            ("auth.logins_per_address", self.auth.logins_per_address as usize),
            ("auth.logins_per_account", self.auth.logins_per_account as usize),
            ("auth.key_requests_per_second", self.auth.key_requests_per_second as usize),
        ];
        for (key, value) in positive {
            if value == 0 {
                return refuse(key, "it must be at least 1");
            }
        }
        if self.scrape.memory_bytes < self.scrape.body_bytes {
            return refuse("scrape.memory_bytes", "it must be at least `scrape.body_bytes`");
        }
        let mut seen = HashSet::new();
        for job in &self.scrape.jobs {
            if let Some(url) = job.urls.iter().find(|url| !seen.insert((&job.tenant, &job.job, *url))) {
                return refuse("scrape.jobs", &format!("job `{}`: `{url}` is there twice", job.job));
            }
            let checked = job.targets(TenantId::DEFAULT).and_then(|targets| {
                let usable = targets.into_iter().map(|target| target.with_usable_certificates().map(|_| ()));
                usable.collect::<Result<(), _>>().map_err(|wrong| wrong.to_string())
            });
            if let Err(problem) = checked {
                return refuse("scrape.jobs", &format!("job `{}`: {problem}", job.job));
            }
        }
        if self.ingest.queue_bytes < 64 * 1024 {
            return refuse("ingest.queue_bytes", "it must be at least 65536");
        }
        Ok(())
    }
}

impl Config {
    /// Whether others than this machine can come, themselves or through a proxy, by any address.
    pub fn is_reachable(&self) -> bool {
        self.server.is_reachable() || self.beyond_loopback().is_some()
    }

    /// An address that other machines can reach, with its setting.
    fn beyond_loopback(&self) -> Option<(&'static str, SocketAddr)> {
        let all = [
            ("server.addr", Some(self.server.addr)),
            ("otlp.grpc_addr", self.otlp.grpc_addr.0),
            ("otlp.http_addr", self.otlp.http_addr.0),
        ];
        all.into_iter().find_map(|(key, addr)| Some((key, addr.filter(|addr| !addr.ip().is_loopback())?)))
    }

    /// Other machines may only reach a Console that asks who they are, over lines that nobody else reads.
    fn check_reach(&self) -> Result<(), ConfigError> {
        let server = &self.server;
        if !self.is_reachable() {
            return Ok(());
        }
        let beyond = self.beyond_loopback();
        let problem = if !self.auth.enabled {
            "nobody would be asked who they are: set `auth.enabled`, or use a loopback address such as 127.0.0.1:3000"
        } else if beyond.is_some() && server.behind_proxy && server.trusted_proxies.is_empty() {
            "all requests would seem to come from the proxy: name its address in `server.trusted_proxies`"
        } else if beyond.is_some() && server.tls().is_none() && !server.behind_proxy && !server.allow_insecure {
            "passwords and keys would cross the network in plain text: set `server.tls_certificate` and \
             `server.tls_key`, or `server.behind_proxy` when a proxy speaks TLS for Console, or, to accept the risk, \
             `server.allow_insecure`"
        } else {
            return Ok(());
        };
        let (key, addr) = beyond.unwrap_or(("server.addr", server.addr));
        let problem = format!("{addr} can be reached from other machines, and {problem}");
        Err(ConfigError::Value { key, problem })
    }
}

/// A message with the key, what was found, what is allowed, and where it stands.
fn describe(error: &figment::Error) -> String {
    let messages = error.clone().into_iter().map(|error| {
        let key = error.path.join(".");
        let place = error.metadata.as_ref().map_or_else(String::new, |metadata| {
            let source = metadata.source.as_ref().map_or_else(|| metadata.name.to_string(), ToString::to_string);
            format!(" (in {source})")
        });
        let key = if key.is_empty() { String::new() } else { format!("setting `{key}`: ") };
        format!("{key}{}{place}", error.kind)
    });
    messages.collect::<Vec<_>>().join("; ")
}

/// A variable that the build tool sets for the program it starts; not a setting of Console.
pub fn tool_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_accepted() {
        Config::default().check().unwrap();
    }

    #[test]
    fn the_commented_file_says_what_the_defaults_are() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../Leptos.toml");
        let commented = std::fs::read_to_string(file).unwrap();
        // Every setting is in the file, commented out: without the marks it reads as the defaults do.
        let open = commented.replace("\n#:", "\n");
        let config: Config = Figment::new().merge(Toml::string(&open)).extract().unwrap();
        let mut default = Config::default();
        default.webhooks.gitlab_secret.clone_from(&config.webhooks.gitlab_secret);
        default.store.url.clone_from(&config.store.url);
        assert_eq!(format!("{config:#?}"), format!("{default:#?}"));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_what_is_allowed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("console.toml");
        std::fs::write(&file, "[server]\nadress = \"127.0.0.1:1\"\n").unwrap();
        let error = Config::load(&Overrides { file: Some(file), ..Overrides::default() }).unwrap_err().to_string();
        for part in ["adress", "addr", "console.toml"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_bad_value_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("console.toml");
        std::fs::write(&file, "[store]\nfsync = \"sometimes\"\n").unwrap();
        let error = Config::load(&Overrides { file: Some(file), ..Overrides::default() }).unwrap_err().to_string();
        assert!(error.contains("store.fsync") && error.contains("normal"), "{error}");
    }

    #[test]
    fn it_refuses_to_be_reached_from_elsewhere() {
        let mut config = Config::default();
        config.server.addr = "0.0.0.0:3000".parse().unwrap();
        assert!(config.check().unwrap_err().to_string().contains("server.addr"));
        config.server.behind_proxy = true;
        assert!(config.check().unwrap_err().to_string().contains("server.trusted_proxies"));
        config.server.trusted_proxies = vec![Network::try_from("10.0.0.0/8".to_owned()).unwrap()];
        config.check().unwrap();
        config.auth.enabled = false;
        assert!(config.check().unwrap_err().to_string().contains("auth.enabled"));
        config.server.addr = "[::1]:3000".parse().unwrap();
        assert!(config.check().unwrap_err().to_string().contains("auth.enabled"), "the proxy lets everybody in");
        config.server.behind_proxy = false;
        config.server.trusted_proxies.clear();
        config.check().unwrap();
    }

    #[test]
    fn a_network_is_an_address_or_a_range() {
        let network = |text: &str| Network::try_from(text.to_owned());
        assert!(network("10.0.0.0/8").unwrap().contains("10.1.2.3".parse().unwrap()));
        assert!(network("10.0.0.1").unwrap().contains("::ffff:10.0.0.1".parse().unwrap()));
        assert!(!network("10.0.0.1").unwrap().contains("10.0.0.2".parse().unwrap()));
        assert!(network("ten").unwrap_err().contains("ten"));
    }

    #[test]
    fn secrets_do_not_show() {
        let mut config = Config::default();
        config.webhooks.gitlab_secret = Some(Secret::new("hunter2"));
        config.auth.admin_password = Some(Secret::new("hunter2"));
        config.store.url = Some(Secret::new("postgres://console:hunter2@localhost/console"));
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(!serde_json::to_string(&config).unwrap().contains("hunter2"));
    }
}
