//! Targets that Console scrapes: where programs show their metrics to whoever asks, as Prometheus does.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A target with how it fares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ScrapeTarget {
    /// Its id; one of the configuration has the same as long as job and address stay.
    pub id: Uuid,
    /// What it belongs to: the label `job` of its series.
    pub job: String,
    /// Where it shows its metrics.
    pub url: String,
    /// The label `instance` of its series: host and port, unless a label says otherwise.
    pub instance: String,
    /// How it is asked.
    pub settings: ScrapeSettings,
    /// Whether it stands in the configuration: then it is changed there only.
    pub is_provisioned: bool,
    /// What came of asking.
    pub state: ScrapeState,
}

/// How a target is asked. Secrets are set, and never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ScrapeSettings {
    /// Whether it is asked at all.
    pub is_enabled: bool,
    /// Seconds from one scrape to the next.
    pub interval_seconds: u32,
    /// Seconds that an answer may take; no more than the interval.
    pub timeout_seconds: u32,
    /// Labels that all of its series get.
    pub labels: BTreeMap<String, String>,
    /// Whether a label that the target itself sets wins over one of the same name from here. Otherwise it is kept as
    /// `exported_…`.
    pub honor_labels: bool,
    /// Whether times that the target says are believed. Otherwise all is of the time of the scrape.
    pub honor_timestamps: bool,
    /// How Console says who it is.
    pub auth: ScrapeAuth,
    /// How the target proves who it is, for `https`.
    pub tls: ScrapeTls,
}

impl Default for ScrapeSettings {
    fn default() -> Self {
        Self {
            is_enabled: true,
            interval_seconds: 15,
            timeout_seconds: 10,
            labels: BTreeMap::new(),
            honor_labels: false,
            honor_timestamps: true,
            auth: ScrapeAuth::None,
            tls: ScrapeTls::default(),
        }
    }
}

/// How Console says who it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ScrapeAuth {
    /// It does not.
    #[default]
    None,
    /// With a name and a password.
    Basic {
        /// The name.
        username: String,
    },
    /// With a token, as `Authorization: Bearer`.
    Bearer,
}

/// How the target proves who it is, and Console in turn by a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ScrapeTls {
    /// Certificates in PEM that are trusted instead of the machine's.
    pub ca_pem: String,
    /// The name that the certificate has to be for, where it is another than that of the address.
    pub server_name: String,
    /// Whether anybody is taken for the target.
    pub skip_verification: bool,
    /// Console's own certificate in PEM; its key is a secret.
    pub certificate_pem: String,
}

/// What came of asking a target.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ScrapeState {
    /// Whether the last scrape succeeded.
    pub health: ScrapeHealth,
    /// Since when that is so.
    pub since: Option<DateTime<Utc>>,
    /// When it was asked last.
    pub scraped_at: Option<DateTime<Utc>>,
    /// How long that took, in milliseconds.
    pub duration_ms: f64,
    /// Bytes of the answer without its compression.
    pub bytes: u64,
    /// Samples of the answer.
    pub samples: u64,
    /// Series that were not in the answer before.
    pub series_added: u64,
    /// Why it failed.
    pub error: Option<String>,
    /// What was wrong with an answer of which the rest was stored.
    pub warning: Option<String>,
}

/// Whether a target answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ScrapeHealth {
    /// It does not, or with something that is not understood.
    Down,
    /// It was not asked yet.
    #[default]
    Unknown,
    /// It does.
    Up,
}

impl ScrapeHealth {
    /// Its name, as Prometheus has it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Unknown => "unknown",
            Self::Up => "up",
        }
    }
}

/// A target as it is added or changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ScrapeRequest {
    /// What it belongs to: the label `job` of its series.
    pub job: String,
    /// Where it shows its metrics, e.g. `http://10.0.0.5:9100/metrics`.
    pub url: String,
    /// How it is asked.
    #[serde(default)]
    pub settings: ScrapeSettings,
    /// Password or token. When a target is changed, none leaves it as it is.
    #[serde(default)]
    pub secret: Option<String>,
    /// The key of Console's certificate, in PEM. When a target is changed, none leaves it as it is.
    #[serde(default)]
    pub key_pem: Option<String>,
}

/// All targets of a tenant.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ScrapeTargets {
    /// By job, then by instance.
    pub targets: Vec<ScrapeTarget>,
    /// How many a tenant may add.
    pub most: usize,
}

/// What a target answers, without anything being stored.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ScrapeTrial {
    /// How it went, as with a scrape.
    pub state: ScrapeState,
    /// Names of some of its metrics, in their order.
    pub metrics: Vec<String>,
    /// How many there are.
    pub metric_count: u64,
}
