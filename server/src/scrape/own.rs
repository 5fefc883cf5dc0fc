//! Console's own metrics, stored as those of a target are: what a dashboard of Console shows is there without anybody
//! who scrapes it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use app::model::{TenantId, UnixNanos};
use sysinfo::System;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::reading::{KnownSeries, Terms, Times};
use crate::{
    exposition::Format,
    ingest::Submission,
    service::Services,
    store::{NewSample, sample::Labels},
};

/// The label `job` of the series, which those who scrape Console usually choose, too.
const JOB: &str = "console";
/// Samples of one look: routes, tasks and figures are bounded, so that this is never reached.
const MOST_SAMPLES: usize = 50_000;

/// Looks again and again until it is told to end.
pub async fn run(services: Arc<Services>, token: CancellationToken) {
    let seconds = services.config.metrics.own_interval_seconds;
    if seconds == 0 {
        return token.cancelled().await;
    }
    let mut ticks = interval(Duration::from_secs(seconds));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let terms = Terms {
        tenant: TenantId::DEFAULT,
        labels: vec![
            ("job".to_owned(), JOB.to_owned()),
            ("instance".to_owned(), instance(services.config.server.addr)),
        ],
        honor_labels: false,
        honor_timestamps: false,
        samples: MOST_SAMPLES,
        redactor: services.self_log.redactor().clone(),
    };
    let mut known = KnownSeries::default();
    loop {
        tokio::select! {
            () = token.cancelled() => return,
            _ = ticks.tick() => {}
        }
        look(&services, &terms, &mut known).await;
    }
}

async fn look(services: &Services, terms: &Terms, known: &mut KnownSeries) {
    let text = match services.own_metrics().await {
        Ok(text) => text,
        Err(error) => return tracing::error!(%error, "Console's own metrics cannot be written"),
    };
    let now = services.clock.now();
    let asked = now.0.div_euclid(1_000_000);
    // Nothing is older than now.
    let mut read = match known.read(text.as_bytes(), Format::OpenMetrics, terms, Times { asked, oldest: asked }) {
        Ok(read) => read,
        Err(error) => return tracing::error!(%error, "Console's own metrics cannot be read"),
    };
    read.metrics.samples.push(up(terms, now));
    services.describe_metrics(terms.tenant, std::mem::take(&mut read.metadata)).await;
    if let Err(error) = services.ingest.submit(Submission { metrics: read.metrics, ..Submission::default() }).await {
        tracing::warn!(%error, "Console's own metrics were not stored");
    }
}

/// Host and port, as Console is reached: several may share a store.
fn instance(addr: SocketAddr) -> String {
    match System::host_name() {
        Some(name) if addr.ip().is_loopback() || addr.ip().is_unspecified() => format!("{name}:{}", addr.port()),
        _ => addr.to_string(),
    }
}

/// That Console is there, as scraping would tell.
fn up(terms: &Terms, now: UnixNanos) -> NewSample {
    let labels: Vec<(&str, &str)> = terms.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    NewSample { tenant: terms.tenant, series: Labels::named("up", &labels), time: now, value: 1.0 }
}
