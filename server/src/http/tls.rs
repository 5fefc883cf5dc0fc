//! TLS by rustls: certificate and key from files, read again when these change. Open connections keep what they began with.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use axum_server::tls_rustls::RustlsConfig;
use tokio_util::sync::CancellationToken;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Certificate and key in use.
#[derive(Clone)]
pub struct Tls {
    config: RustlsConfig,
    certificate: PathBuf,
    key: PathBuf,
}

impl Tls {
    /// Reads both files.
    pub async fn open(certificate: &Path, key: &Path) -> std::io::Result<Self> {
        // Somebody else in this process may have chosen before; any choice will do.
        let _chosen_before = rustls::crypto::ring::default_provider().install_default();
        let config = RustlsConfig::from_pem_file(certificate, key).await?;
        Ok(Self { config, certificate: certificate.to_owned(), key: key.to_owned() })
    }

    pub(super) fn config(&self) -> RustlsConfig {
        self.config.clone()
    }

    /// Reads the files again when they change, until the token is cancelled. Files that do not fit together, as in the
    /// middle of an exchange, change nothing; they are tried again at the next look.
    pub async fn follow(&self, token: CancellationToken) {
        let mut seen = self.changed_at().await;
        loop {
            tokio::select! {
                () = token.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let now = self.changed_at().await;
            if now == seen {
                continue;
            }
            match self.config.reload_from_pem_file(&self.certificate, &self.key).await {
                Ok(()) => {
                    seen = now;
                    tracing::info!(file = %self.certificate.display(), "the TLS certificate was read again");
                }
                Err(error) => {
                    tracing::warn!(%error, "the TLS certificate has changed but cannot be used; the former stays");
                }
            }
        }
    }

    async fn changed_at(&self) -> [Option<SystemTime>; 2] {
        let time = async |path: &Path| tokio::fs::metadata(path).await.and_then(|file| file.modified()).ok();
        [time(&self.certificate).await, time(&self.key).await]
    }
}
