//! What is asked, and as whom.

use app::model::{ScrapeAuth, ScrapeSettings, ScrapeTls, TenantId};
use reqwest::Client;
use url::{Host, Url};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use crate::{
    config::ScrapeSecrets,
    outgoing::{self, Reach, Trust},
    series::MAX_LABELS,
};

/// Longest name of a job, in bytes.
const MAX_JOB_BYTES: usize = 200;
/// Longest address, in bytes.
const MAX_URL_BYTES: usize = 2048;
/// Largest labels that all series of a target get, in bytes.
const MAX_LABELS_BYTES: usize = 4096;
/// Longest pause between two scrapes, in seconds: a series that is older than five minutes counts as ended.
const MAX_INTERVAL: u32 = 300;
/// Largest certificate, in bytes.
const MAX_PEM_BYTES: usize = 64 * 1024;

/// A target, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its id.
    pub id: Uuid,
    /// Whose series it has.
    pub tenant: TenantId,
    /// What it belongs to.
    pub job: String,
    /// Where it shows its metrics.
    pub url: Url,
    /// How it is asked.
    pub settings: ScrapeSettings,
    /// What it is shown and nobody else.
    pub secrets: ScrapeSecrets,
    /// Whether it stands in the configuration.
    pub is_provisioned: bool,
}

/// What is wrong with a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Wrong {
    /// The field, as requests have it.
    pub field: &'static str,
    /// What is wrong, and what is allowed.
    pub problem: String,
}

fn wrong<T>(field: &'static str, problem: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { field, problem: problem.into() })
}

impl Target {
    /// A target, if everything about it is right.
    pub fn new(
        id: Uuid,
        tenant: TenantId,
        job: &str,
        url: &str,
        settings: ScrapeSettings,
        secrets: ScrapeSecrets,
    ) -> Result<Self, Wrong> {
        let job = job.trim();
        if job.is_empty() || job.len() > MAX_JOB_BYTES || job.chars().any(char::is_control) {
            return wrong("job", format!("a name of 1 to {MAX_JOB_BYTES} bytes is needed"));
        }
        let url = read_url(url.trim())?;
        check_settings(&settings, &secrets)?;
        if !settings.tls.server_name.is_empty() && url.scheme() != "https" {
            return wrong("settings.tls.server_name", "it is for https only");
        }
        Ok(Self { id, tenant, job: job.to_owned(), url, settings, secrets, is_provisioned: false })
    }

    /// The same if its certificates can be used, which takes a while to find out.
    pub fn with_usable_certificates(self) -> Result<Self, Wrong> {
        let problem = |problem| format!("a certificate or its key cannot be used: {problem}");
        match self.own_client(&Reach::default()) {
            Some(Err(error)) => wrong("settings.tls", problem(error)),
            Some(Ok(_)) | None => Ok(self),
        }
    }

    /// The id of a target of the configuration: the same as long as job and address stay.
    pub fn provisioned_id(tenant: TenantId, job: &str, url: &str) -> Uuid {
        let named = format!("{}\0{job}\0{url}", tenant.0);
        uuid::Builder::from_custom_bytes(xxh3_128(named.as_bytes()).to_be_bytes()).into_uuid()
    }

    /// Host and port, as Prometheus calls an instance.
    pub fn instance(&self) -> String {
        if let Some(instance) = self.settings.labels.get("instance") {
            return instance.clone();
        }
        let host = self.url.host_str().unwrap_or_default();
        self.url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The labels that all of its series get, by name.
    pub fn labels(&self) -> Vec<(String, String)> {
        let mut labels = self.settings.labels.clone();
        labels.entry("job".to_owned()).or_insert_with(|| self.job.clone());
        labels.entry("instance".to_owned()).or_insert_with(|| self.instance());
        labels.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    /// A client of its own, if it needs one.
    pub fn own_client(&self, reach: &Reach) -> Option<Result<Client, String>> {
        let tls = &self.settings.tls;
        if *tls == ScrapeTls::default() {
            return None;
        }
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        let key = self.secrets.key_pem.as_ref().map_or("", |key| key.expose());
        let trust = Trust {
            ca_pem: some(&tls.ca_pem),
            real_host: some(&tls.server_name).and_then(|_| self.url.host_str().map(bare_host)),
            skip_verification: tls.skip_verification,
            identity_pem: some(&tls.certificate_pem).map(|certificate| format!("{certificate}\n{key}")),
        };
        Some(outgoing::client(reach, &trust))
    }

    /// The address that is asked: with the certificate's name where that is another one.
    pub fn asked_url(&self) -> Url {
        let mut url = self.url.clone();
        let name = &self.settings.tls.server_name;
        if !name.is_empty() && url.set_host(Some(name)).is_err() {
            return self.url.clone();
        }
        url
    }
}

/// A host without the brackets of a number.
fn bare_host(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

fn read_url(text: &str) -> Result<Url, Wrong> {
    const EXAMPLE: &str = "such as http://10.0.0.5:9100/metrics";
    if text.len() > MAX_URL_BYTES {
        return wrong("url", format!("it is longer than {MAX_URL_BYTES} bytes"));
    }
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return wrong("url", format!("{error}; an address is needed, {EXAMPLE}")),
    };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return wrong("url", format!("an address with http or https is needed, {EXAMPLE}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("url", "name and password do not belong into the address, where everybody can read them");
    }
    if url.fragment().is_some() {
        return wrong("url", "what follows # is never sent; leave it out");
    }
    Ok(url)
}

fn check_settings(settings: &ScrapeSettings, secrets: &ScrapeSecrets) -> Result<(), Wrong> {
    if !(1..=MAX_INTERVAL).contains(&settings.interval_seconds) {
        return wrong("settings.interval_seconds", format!("it must be 1 to {MAX_INTERVAL}"));
    }
    if settings.timeout_seconds == 0 || settings.timeout_seconds > settings.interval_seconds {
        return wrong("settings.timeout_seconds", "it must be at least 1, and no more than the interval");
    }
    let bytes: usize = settings.labels.iter().map(|(name, value)| name.len() + value.len()).sum();
    if settings.labels.len() > MAX_LABELS / 2 || bytes > MAX_LABELS_BYTES {
        let message = format!("there may be {} of them, with {MAX_LABELS_BYTES} bytes in all", MAX_LABELS / 2);
        return wrong("settings.labels", message);
    }
    for (name, value) in &settings.labels {
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
        if !is_name || name.starts_with("__") {
            return wrong(
                "settings.labels",
                format!("`{name}` is no name of a label: letters, digits and _, no digit first, not two _ first"),
            );
        }
        if value.contains('\0') {
            return wrong("settings.labels", format!("the value of `{name}` has a NUL character in it"));
        }
    }
    match &settings.auth {
        ScrapeAuth::None => {}
        ScrapeAuth::Basic { username } if username.is_empty() || username.contains(':') => {
            return wrong("settings.auth.username", "a name without a colon is needed");
        }
        ScrapeAuth::Basic { .. } | ScrapeAuth::Bearer => {
            let secret = secrets.secret.as_ref().map_or("", |secret| secret.expose());
            if secret.is_empty() || secret.chars().any(char::is_control) {
                return wrong("secret", "a password or a token is needed, in one line");
            }
        }
    }
    let tls = &settings.tls;
    let key = secrets.key_pem.as_ref().map_or("", |key| key.expose());
    if [tls.ca_pem.len(), tls.certificate_pem.len(), key.len()].iter().any(|bytes| *bytes > MAX_PEM_BYTES) {
        return wrong("settings.tls", format!("a certificate or key is larger than {MAX_PEM_BYTES} bytes"));
    }
    if !tls.certificate_pem.is_empty() && key.is_empty() {
        return wrong("key_pem", "the certificate's key is needed");
    }
    // A number would be asked itself, whatever the address says.
    if !tls.server_name.is_empty() && !matches!(Host::parse(&tls.server_name), Ok(Host::Domain(_))) {
        return wrong("settings.tls.server_name", "it is no name of a host");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn with(url: &str, change: impl FnOnce(&mut ScrapeSettings)) -> Result<Target, Wrong> {
        let mut settings = ScrapeSettings::default();
        change(&mut settings);
        Target::new(Uuid::nil(), TenantId::DEFAULT, " node ", url, settings, ScrapeSecrets::default())
    }

    #[test]
    fn its_series_are_called_by_job_and_instance() {
        let labels = |url, change: fn(&mut ScrapeSettings)| with(url, change).unwrap().labels();
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let plain = labels("http://10.0.0.5:9100/metrics", |_| {});
        assert_eq!(plain, pairs(&[("instance", "10.0.0.5:9100"), ("job", "node")]));
        let usual = labels("https://example.com/metrics?x=1", |_| {});
        assert_eq!(usual, pairs(&[("instance", "example.com:443"), ("job", "node")]));
        let own = labels("http://[::1]:9100", |settings| {
            settings.labels = [("instance", "web-01"), ("zone", "a"), ("empty", "")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
        });
        assert_eq!(own, pairs(&[("instance", "web-01"), ("job", "node"), ("zone", "a")]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let field = |made: Result<Target, Wrong>| made.unwrap_err().field;
        for url in ["", "10.0.0.5:9100", "ftp://x/", "http://", "http://a:b@x/", "http://x/#y", "file:///etc/passwd"] {
            assert_eq!(field(with(url, |_| {})), "url", "{url}");
        }
        let url = "http://x/metrics";
        assert_eq!(field(with(url, |settings| settings.interval_seconds = 0)), "settings.interval_seconds");
        assert_eq!(field(with(url, |settings| settings.interval_seconds = 301)), "settings.interval_seconds");
        assert_eq!(field(with(url, |settings| settings.timeout_seconds = 16)), "settings.timeout_seconds");
        for name in ["", "a-b", "1a", "__name__", "ä"] {
            let label = |settings: &mut ScrapeSettings| settings.labels = [(name.to_owned(), "x".to_owned())].into();
            assert_eq!(field(with(url, label)), "settings.labels", "{name}");
        }
        assert_eq!(field(with(url, |settings| settings.auth = ScrapeAuth::Bearer)), "secret");
        let certificate = with(url, |settings| settings.tls.ca_pem = "x".to_owned()).unwrap();
        assert_eq!(field(certificate.with_usable_certificates()), "settings.tls");
        assert_eq!(field(with(url, |settings| settings.tls.certificate_pem = "x".to_owned())), "key_pem");
        for name in ["a b", "169.254.169.254", "0xa9fea9fe", "[fe80::1]"] {
            let named = |settings: &mut ScrapeSettings| name.clone_into(&mut settings.tls.server_name);
            assert_eq!(field(with("https://x/metrics", named)), "settings.tls.server_name", "{name}");
        }
        assert_eq!(field(with(url, |settings| settings.tls.server_name = "a".to_owned())), "settings.tls.server_name");
    }

    #[test]
    fn the_certificates_name_takes_the_place_of_the_host() {
        let target =
            with("https://10.0.0.5:9100/metrics", |settings| settings.tls.server_name = "node.internal".into());
        let target = target.unwrap();
        assert_eq!(target.asked_url().as_str(), "https://node.internal:9100/metrics");
        assert_eq!(target.instance(), "10.0.0.5:9100");
    }

    #[test]
    fn secrets_do_not_show() {
        let secrets = ScrapeSecrets { secret: Some(Secret::new("hunter2")), key_pem: None };
        let settings = ScrapeSettings { auth: ScrapeAuth::Bearer, ..ScrapeSettings::default() };
        let target = Target::new(Uuid::nil(), TenantId::DEFAULT, "x", "http://x", settings, secrets).unwrap();
        assert!(!format!("{target:?}").contains("hunter2"));
    }
}
