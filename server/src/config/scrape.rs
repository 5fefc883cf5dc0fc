//! Sections `scrape` and `outgoing`.

use std::{collections::BTreeMap, path::PathBuf};

use app::model::{ScrapeAuth, ScrapeSettings, ScrapeTls, TenantId};
use serde::{Deserialize, Serialize};

use super::{Network, Secret};
use crate::scrape::Target;

/// Section `scrape`: targets that show their metrics to whoever asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScrapeConfig {
    /// Largest answer of a target, in bytes without its compression.
    pub body_bytes: usize,
    /// Samples of one answer.
    pub samples: usize,
    /// Bytes that all answers that are read at once may take.
    pub memory_bytes: usize,
    /// Targets that a tenant may add in the pages.
    pub targets_per_tenant: usize,
    /// Targets that are always asked.
    pub jobs: Vec<ScrapeJob>,
}

impl Default for ScrapeConfig {
    fn default() -> Self {
        Self {
            body_bytes: 16 * 1024 * 1024,
            samples: 50_000,
            memory_bytes: 64 * 1024 * 1024,
            targets_per_tenant: 1000,
            jobs: Vec::new(),
        }
    }
}

/// Targets that are asked alike.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScrapeJob {
    /// The label `job` of their series.
    pub job: String,
    /// The tenant that their series belong to, by name.
    #[serde(default = "default_tenant")]
    pub tenant: String,
    /// Where they show their metrics.
    pub urls: Vec<String>,
    /// Seconds from one scrape to the next.
    #[serde(default = "default_interval")]
    pub interval_seconds: u32,
    /// Seconds that an answer may take; the interval if that is shorter.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u32,
    /// Labels that all of their series get.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Whether a label that a target itself sets wins over one of the same name from here.
    #[serde(default)]
    pub honor_labels: bool,
    /// Whether times that a target says are believed.
    #[serde(default = "yes")]
    pub honor_timestamps: bool,
    /// The name for a password.
    #[serde(default)]
    pub username: Option<String>,
    /// The password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// A token instead of name and password.
    #[serde(default)]
    pub bearer_token: Option<Secret>,
    /// A file with certificates in PEM that are trusted instead of the machine's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A file with Console's own certificate in PEM.
    #[serde(default)]
    pub certificate_file: Option<PathBuf>,
    /// A file with its key.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The name that certificates have to be for, where it is another than that of the address.
    #[serde(default)]
    pub server_name: String,
    /// Whether anybody is taken for the target.
    #[serde(default)]
    pub skip_verification: bool,
}

fn default_tenant() -> String {
    "default".to_owned()
}

fn default_interval() -> u32 {
    ScrapeSettings::default().interval_seconds
}

fn default_timeout() -> u32 {
    ScrapeSettings::default().timeout_seconds
}

fn yes() -> bool {
    true
}

impl ScrapeJob {
    /// Its targets, as those of a tenant. Reads its files; the error says what is wrong.
    pub fn targets(&self, tenant: TenantId) -> Result<Vec<Target>, String> {
        if let Some(problem) = self.problem() {
            return Err(problem.to_owned());
        }
        let (settings, secrets) = self.settings()?;
        let target = |url: &String| {
            let id = Target::provisioned_id(tenant, &self.job, url);
            let target = Target::new(id, tenant, &self.job, url, settings.clone(), secrets.clone());
            let target = target.map(|target| Target { is_provisioned: true, ..target });
            target.map_err(|wrong| format!("`{url}`: {wrong}"))
        };
        self.urls.iter().map(target).collect()
    }

    fn settings(&self) -> Result<(ScrapeSettings, ScrapeSecrets), String> {
        let read = |file: &Option<PathBuf>| match file {
            None => Ok(String::new()),
            Some(file) => {
                std::fs::read_to_string(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))
            }
        };
        let auth = match (&self.username, &self.bearer_token) {
            (Some(username), _) => ScrapeAuth::Basic { username: username.clone() },
            (None, Some(_)) => ScrapeAuth::Bearer,
            (None, None) => ScrapeAuth::None,
        };
        let settings = ScrapeSettings {
            is_enabled: true,
            interval_seconds: self.interval_seconds,
            timeout_seconds: self.timeout_seconds.min(self.interval_seconds),
            labels: self.labels.clone(),
            honor_labels: self.honor_labels,
            honor_timestamps: self.honor_timestamps,
            auth,
            tls: ScrapeTls {
                ca_pem: read(&self.ca_file)?,
                server_name: self.server_name.clone(),
                skip_verification: self.skip_verification,
                certificate_pem: read(&self.certificate_file)?,
            },
        };
        let key = read(&self.key_file)?;
        let secret = if self.username.is_some() { self.password.clone() } else { self.bearer_token.clone() };
        Ok((settings, ScrapeSecrets { secret, key_pem: (!key.is_empty()).then(|| Secret::new(key)) }))
    }

    fn problem(&self) -> Option<&'static str> {
        if self.urls.is_empty() {
            return Some("`urls` is empty");
        }
        if self.username.is_some() && self.bearer_token.is_some() {
            return Some("`username` and `bearer_token` exclude one another");
        }
        if self.username.is_some() != self.password.is_some() {
            return Some("`username` and `password` are needed both");
        }
        if self.certificate_file.is_some() != self.key_file.is_some() {
            return Some("`certificate_file` and `key_file` are needed both");
        }
        None
    }
}

/// What a target is shown and nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScrapeSecrets {
    /// Password or token.
    pub secret: Option<Secret>,
    /// The key of Console's certificate, in PEM.
    pub key_pem: Option<Secret>,
}

/// Section `outgoing`: what Console asks of others.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutgoingConfig {
    /// Link-local, metadata and group addresses that are talked to all the same.
    pub allowed_networks: Vec<Network>,
}
