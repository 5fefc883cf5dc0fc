//! The banner's verdict: what is wrong right now, worst first, each with a link to its evidence.

pub use app::model::threshold::{ERROR_PERCENT, P95_MS, USE_PERCENT};
use app::model::{
    Severity, StatusLevel,
    overview::{StatusReason, Unit},
};

use crate::store::{EndpointKey, Rollup};

/// Fewer requests than this say nothing about an endpoint.
const MIN_REQUESTS: u64 = 5;
/// Reasons that the banner shows.
const MAX_REASONS: usize = 6;

/// What the verdict is made of.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Each endpoint over the last minutes.
    pub endpoints: Vec<(EndpointKey, Rollup)>,
    /// Processor, percent.
    pub cpu_percent: Option<f64>,
    /// Memory, percent.
    pub memory_percent: Option<f64>,
    /// Size of the store.
    pub store_bytes: Option<f64>,
    /// Fullest disk: mount point and percent.
    pub disk: Option<(String, f64)>,
    /// Pipelines that failed within the last hour: id, name, error.
    pub failed_pipelines: Vec<(uuid::Uuid, String, String)>,
    /// The store takes no commits.
    pub ingest_fails: bool,
    /// The store does not answer.
    pub store_is_down: bool,
}

/// The verdict and its reasons, worst first.
pub fn judge(evidence: &Evidence) -> (StatusLevel, Vec<StatusReason>) {
    let mut reasons = Vec::new();
    if evidence.store_is_down || evidence.ingest_fails {
        reasons.push(StatusReason {
            severity: Severity::Critical,
            title: if evidence.store_is_down { "Store does not answer" } else { "Store takes no records" }.to_owned(),
            detail: "what arrives meanwhile waits or is refused".to_owned(),
            href: "/monitoring/logs?level=error".to_owned(),
        });
    }
    for (endpoint, rollup) in &evidence.endpoints {
        reasons.extend(endpoint_reasons(endpoint, rollup));
    }
    for (name, value) in [("CPU", evidence.cpu_percent), ("Memory", evidence.memory_percent)] {
        reasons.extend(use_reason(name, value));
    }
    if let Some((mount, percent)) = &evidence.disk {
        reasons.extend(use_reason(&format!("Disk {mount}"), Some(*percent)));
    }
    for (id, name, error) in &evidence.failed_pipelines {
        reasons.push(StatusReason {
            severity: Severity::Warning,
            title: format!("Pipeline {name} failed"),
            detail: error.clone(),
            href: format!("/monitoring/pipelines/{id}"),
        });
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.severity));
    reasons.truncate(MAX_REASONS);
    let is_down = evidence.store_is_down || evidence.ingest_fails;
    let level = match (is_down, reasons.is_empty()) {
        (true, _) => StatusLevel::Down,
        (false, false) => StatusLevel::Degraded,
        (false, true) => StatusLevel::Operational,
    };
    (level, reasons)
}

fn endpoint_reasons(endpoint: &EndpointKey, rollup: &Rollup) -> Vec<StatusReason> {
    if rollup.requests < MIN_REQUESTS {
        return Vec::new();
    }
    // The same route is often of several services: the one that is called and the one before it.
    let name = format!("{} {} {}", endpoint.service, endpoint.method, endpoint.route);
    let mut reasons = Vec::new();
    let errors = rollup.error_percent();
    let severity = ERROR_PERCENT.judge(Some(errors));
    if severity > Severity::Ok {
        reasons.push(StatusReason {
            severity,
            title: format!("{name} error rate {errors:.1} %"),
            detail: ERROR_PERCENT.passed(severity, Unit::Percent),
            href: format!("/monitoring/logs?level=error&service={}", endpoint.service),
        });
    }
    let p95 = rollup.sketch.quantile(0.95);
    let severity = P95_MS.judge(p95);
    if let (true, Some(p95)) = (severity > Severity::Ok, p95) {
        reasons.push(StatusReason {
            severity,
            title: format!("{name} p95 {p95:.0} ms"),
            detail: P95_MS.passed(severity, Unit::Milliseconds),
            href: "/monitoring?sort=p95#endpoints".to_owned(),
        });
    }
    reasons
}

fn use_reason(name: &str, value: Option<f64>) -> Option<StatusReason> {
    let severity = USE_PERCENT.judge(value);
    let value = value.filter(|_| severity > Severity::Ok)?;
    Some(StatusReason {
        severity,
        title: format!("{name} {value:.0} %"),
        detail: USE_PERCENT.passed(severity, Unit::Percent),
        href: "/monitoring#charts".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(statuses: &[(u16, f64)]) -> (EndpointKey, Rollup) {
        let mut rollup = Rollup::default();
        for (status, ms) in statuses {
            rollup.add(*status, *ms);
        }
        (EndpointKey { service: "console".into(), method: "GET".into(), route: "/x".into() }, rollup)
    }

    #[test]
    fn nothing_wrong_is_operational() {
        let evidence = Evidence { endpoints: vec![endpoint(&[(200, 5.0); 20])], ..Evidence::default() };
        assert_eq!(judge(&evidence), (StatusLevel::Operational, Vec::new()));
    }

    #[test]
    fn errors_and_slowness_degrade_worst_first() {
        let evidence = Evidence {
            endpoints: vec![endpoint(&[(200, 700.0); 10]), endpoint(&[(500, 5.0); 10])],
            memory_percent: Some(85.0),
            ..Evidence::default()
        };
        let (level, reasons) = judge(&evidence);
        assert_eq!(level, StatusLevel::Degraded);
        assert_eq!(reasons[0].title, "console GET /x error rate 100.0 %");
        assert_eq!(reasons.len(), 3);
    }

    #[test]
    fn few_requests_say_nothing_and_a_dead_store_is_down() {
        let evidence = Evidence { endpoints: vec![endpoint(&[(500, 5.0); 2])], ..Evidence::default() };
        assert_eq!(judge(&evidence).0, StatusLevel::Operational);
        let evidence = Evidence { store_is_down: true, ..Evidence::default() };
        assert_eq!(judge(&evidence).0, StatusLevel::Down);
    }
}
