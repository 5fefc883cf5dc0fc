//! Metrics of machines, as an agent sends them in one JSON document: numbers, truths and texts.
//!
//! Series have the labels `job="machine"` and `instance`, the machine's name. A truth is 1 or 0. A text is a label:
//! `version{value="1.0.0"} 1`; when it changes the series of the text before ends.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use app::{
    api::{ApiError, ErrorCode},
    model::{TenantId, UnixMillis, UnixNanos},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Services, store_failed};
use crate::{
    ingest::IngestError,
    otlp::{Kind, label_name, metric_name},
    series,
    store::{
        Metadata, NewSample,
        sample::{Labels, NAME, STALE},
    },
};

/// What the series belong to.
const JOB: &str = "machine";
/// Says what is known of a machine besides its metrics, with the value 1.
const INFO: &str = "machine_info";
/// Metrics of one request.
const MAX_METRICS: usize = 10_000;
/// What is said of a machine besides its name.
const MAX_FACTS: usize = 32;
/// Longest name of a machine or a metric, and longest text, in bytes.
const MAX_TEXT_BYTES: usize = 1024;
/// How far a sender's clock may be ahead, in milliseconds.
const FUTURE_MILLIS: i64 = 10 * 60 * 1000;
/// Texts that are remembered in order to end them; beyond them remembering begins anew.
const MOST_TEXTS: usize = 50_000;

/// What a machine reports.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MachineReport {
    /// Who reports.
    pub machine: Machine,
    /// What is measured.
    pub metrics: Vec<MachineMetric>,
    /// When; now, when nothing is said.
    #[serde(default)]
    pub sent_at: Option<DateTime<Utc>>,
}

/// A machine.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct Machine {
    /// Its name, the label `instance`.
    #[schema(example = "web-01")]
    pub hostname: String,
    /// What else is known of it, e.g. `os`; labels of `machine_info`.
    #[serde(flatten)]
    #[schema(value_type = Object, example = json!({ "os": "linux" }))]
    pub facts: BTreeMap<String, Value>,
}

/// A metric of a machine.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MachineMetric {
    /// Its name.
    #[schema(example = "cpu_load")]
    pub name: String,
    /// What its value is.
    #[serde(rename = "type")]
    pub kind: ValueKind,
    /// The value: a number, `true` or `false`, or a text.
    #[schema(value_type = Object, example = 0.42)]
    pub value: Value,
    /// Its unit.
    #[serde(default)]
    #[schema(example = "ratio")]
    pub unit: String,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ValueKind {
    /// A number.
    Numeric,
    /// Whether something is so.
    Boolean,
    /// A text.
    String,
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TakenReport {
    /// What happened.
    pub status: TakenStatus,
    /// Metrics of the report.
    pub metrics: usize,
    /// What there was no room for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// What happened to a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TakenStatus {
    /// It is stored.
    Stored,
    /// It was stored before.
    Duplicate,
}

/// What a report holds.
struct ReadReport {
    samples: Vec<NewSample>,
    metadata: Vec<Metadata>,
    /// The series of its texts, by metric.
    texts: Vec<(String, Labels)>,
}

/// The texts that metrics last had: tenant, machine, metric.
#[derive(Debug, Default)]
pub struct LastTexts(Mutex<HashMap<(TenantId, String, String), Labels>>);

impl LastTexts {
    /// The series of the text before, if that was another.
    fn before(&self, tenant: TenantId, machine: &str, metric: &str, series: &Labels) -> Option<Labels> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.get(&(tenant, machine.to_owned(), metric.to_owned()));
        before.filter(|before| *before != series).cloned()
    }

    /// Notes the series of texts, which are stored.
    fn learn(&self, tenant: TenantId, machine: &str, texts: Vec<(String, Labels)>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (metric, series) in texts {
            if all.len() >= MOST_TEXTS {
                all.clear();
            }
            // Large ones end as time goes by.
            let bytes: usize = series.iter().map(|(name, value)| name.len() + value.len()).sum();
            let key = (tenant, machine.to_owned(), metric);
            if bytes <= MAX_TEXT_BYTES {
                all.insert(key, series);
            } else {
                all.remove(&key);
            }
        }
    }
}

impl Services {
    /// Stores what a machine reports; it is on disk when this answers with `Ok`. With an id it is stored once, however
    /// often it is sent.
    pub async fn take_report(
        &self,
        tenant: TenantId,
        id: Option<Uuid>,
        report: MachineReport,
    ) -> Result<TakenReport, ApiError> {
        let now = self.clock.now_millis();
        let count = report.metrics.len();
        let sent_at = self.report_time(&report, now)?;
        let labels = check(&report)?;
        let mut taken_at = now;
        if let Some(id) = id {
            let receipt = self.stores.metrics.claim_receipt(tenant, id, now).await.map_err(store_failed)?;
            if receipt.is_stored {
                return Ok(TakenReport { status: TakenStatus::Duplicate, metrics: count, warning: None });
            }
            // Tried again after half of it was stored: the same samples are at the same time.
            taken_at = receipt.taken_at;
        }
        let read = self.samples_of_report(tenant, &report, &labels, sent_at.unwrap_or(taken_at))?;
        let ReadReport { samples, metadata, texts } = read;
        let offered = samples.len() as u64;
        let no_room = self.store_metrics(tenant, samples.into()).await.map_err(refused)?;
        if let Some(no_room) = no_room.as_ref().filter(|no_room| no_room.samples >= offered) {
            return Err(ApiError::new(ErrorCode::Unavailable, no_room.message.clone()));
        }
        self.last_texts.learn(tenant, &report.machine.hostname, texts);
        self.describe_metrics(tenant, metadata).await;
        if let Some(id) = id {
            self.stores.metrics.keep_receipt(tenant, id).await.map_err(store_failed)?;
        }
        let warning = no_room.map(|refused| refused.message);
        Ok(TakenReport { status: TakenStatus::Stored, metrics: count, warning })
    }

    /// When a report was sent, if it says so and that can be.
    fn report_time(&self, report: &MachineReport, now: UnixMillis) -> Result<Option<UnixMillis>, ApiError> {
        let Some(sent_at) = report.sent_at.map(UnixMillis::from) else { return Ok(None) };
        if sent_at.0 > now.0.saturating_add(FUTURE_MILLIS) {
            return Err(ApiError::invalid("sent_at", "it is more than ten minutes in the future"));
        }
        if sent_at.to_nanos() < self.oldest_sample(now.to_nanos()) {
            let message = "it is longer ago than samples are kept (`retention.samples_days`)";
            return Err(ApiError::invalid("sent_at", message));
        }
        Ok(Some(sent_at))
    }

    fn samples_of_report(
        &self,
        tenant: TenantId,
        report: &MachineReport,
        facts: &[(String, String)],
        at: UnixMillis,
    ) -> Result<ReadReport, ApiError> {
        const HELP_BYTES: usize = 256;
        let redactor = self.self_log.redactor();
        let MachineReport { machine, metrics, .. } = report;
        let machine = machine.hostname.as_str();
        let time = UnixNanos(at.0.saturating_mul(1_000_000));
        let series = |name: &str, more: &[(&str, &str)]| {
            let common = [(NAME, name), ("job", JOB), ("instance", machine)];
            series::read(common.into_iter().chain(more.iter().copied()), redactor)
        };
        let mut samples = Vec::with_capacity(metrics.len() + 1);
        let mut metadata = Vec::with_capacity(metrics.len());
        let mut texts = Vec::new();
        let mut seen = HashSet::new();
        for (at, metric) in metrics.iter().enumerate() {
            let field = |part: &str| format!("metrics[{at}].{part}");
            let name = metric_name(&metric.name, "", Kind::Other);
            let name =
                name.ok_or_else(|| ApiError::invalid(&field("name"), "a name with a letter or digit is needed"))?;
            if !seen.insert(name.clone()) {
                return Err(ApiError::invalid(&field("name"), format!("`{name}` is there twice")));
            }
            let wrong = |kind: &str| ApiError::invalid(&field("value"), format!("it is said to be {kind}, and is not"));
            let (more, value) = match metric.kind {
                ValueKind::Numeric => (None, metric.value.as_f64().ok_or_else(|| wrong("numeric"))?),
                ValueKind::Boolean => {
                    (None, f64::from(u8::from(metric.value.as_bool().ok_or_else(|| wrong("boolean"))?)))
                }
                ValueKind::String => (Some(metric.value.as_str().ok_or_else(|| wrong("a string"))?), 1.0),
            };
            if more.is_some_and(|text| text.len() > MAX_TEXT_BYTES) {
                let message = format!("a text may have {MAX_TEXT_BYTES} bytes");
                return Err(ApiError::invalid(&field("value"), message));
            }
            let labels: &[(&str, &str)] = &more.map(|text| ("value", text)).into_iter().collect::<Vec<_>>();
            let labels = series(&name, labels).map_err(|error| ApiError::invalid(&field("name"), error.to_string()))?;
            if more.is_some() {
                let before = self.last_texts.before(tenant, machine, &name, &labels);
                samples.extend(before.map(|series| NewSample { tenant, series, time, value: STALE }));
                texts.push((name.clone(), labels.clone()));
            }
            samples.push(NewSample { tenant, series: labels, time, value });
            if !metric.unit.is_empty() {
                metadata.extend(Metadata::new(name, "gauge", String::new(), metric.unit.clone(), HELP_BYTES));
            }
        }
        let facts: Vec<(&str, &str)> = facts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let info = series(INFO, &facts).map_err(|error| ApiError::invalid("machine", error.to_string()))?;
        let before = self.last_texts.before(tenant, machine, INFO, &info);
        samples.extend(before.map(|series| NewSample { tenant, series, time, value: STALE }));
        texts.push((INFO.to_owned(), info.clone()));
        samples.push(NewSample { tenant, series: info, time, value: 1.0 });
        Ok(ReadReport { samples, metadata, texts })
    }
}

fn refused(error: IngestError) -> ApiError {
    let code = match error {
        IngestError::TooLarge => ErrorCode::PayloadTooLarge,
        IngestError::Full | IngestError::Unavailable => ErrorCode::Unavailable,
    };
    ApiError::new(code, error.to_string())
}

/// Checks the outer parts of a report; what is known of the machine, as labels.
fn check(report: &MachineReport) -> Result<Vec<(String, String)>, ApiError> {
    let Machine { hostname, facts } = &report.machine;
    if hostname.trim().is_empty() || hostname.len() > MAX_TEXT_BYTES {
        let message = format!("a name of 1 to {MAX_TEXT_BYTES} bytes is needed");
        return Err(ApiError::invalid("machine.hostname", message));
    }
    if report.metrics.is_empty() || report.metrics.len() > MAX_METRICS {
        return Err(ApiError::invalid("metrics", format!("1 to {MAX_METRICS} metrics are needed")));
    }
    if facts.len() > MAX_FACTS {
        return Err(ApiError::invalid("machine", format!("there may be {MAX_FACTS} fields besides its name")));
    }
    let label = |(name, value): (&String, &Value)| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(_) | Value::Object(_) => {
                return Err(ApiError::invalid(&format!("machine.{name}"), "a text or a number is needed"));
            }
        };
        let label = label_name(name);
        // These are the machine itself.
        let label = if matches!(label.as_str(), "job" | "instance") { format!("exported_{label}") } else { label };
        Ok((label, text))
    };
    facts.iter().map(label).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(report: Value) -> String {
        let report: MachineReport = serde_json::from_value(report).unwrap();
        check(&report).unwrap_err().details["field"].as_str().unwrap().to_owned()
    }

    #[test]
    fn what_is_wrong_with_a_report_is_named() {
        let metric = json!([{ "name": "a", "type": "numeric", "value": 1 }]);
        assert_eq!(field(json!({ "machine": { "hostname": " " }, "metrics": metric })), "machine.hostname");
        assert_eq!(field(json!({ "machine": { "hostname": "x" }, "metrics": [] })), "metrics");
        let nested = json!({ "machine": { "hostname": "x", "os": { "name": "linux" } }, "metrics": metric });
        assert_eq!(field(nested), "machine.os");
        let odd = json!({ "machine": { "hostname": "x" }, "metrics": [{ "name": "a", "type": "list", "value": 1 }] });
        assert!(serde_json::from_value::<MachineReport>(odd).is_err());
    }

    #[test]
    fn facts_become_labels() {
        let facts = json!({ "hostname": "x", "os": "linux", "cores": 8, "job": "own", "gone": null });
        let report = json!({ "machine": facts, "metrics": [{ "name": "a", "type": "numeric", "value": 1 }] });
        let labels = check(&serde_json::from_value(report).unwrap()).unwrap();
        let told: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(told, ["cores=8", "gone=", "exported_job=own", "os=linux"]);
    }

    #[test]
    fn a_text_ends_when_another_one_comes() {
        let texts = LastTexts::default();
        let series = |value| Labels::named("version", &[("value", value)]);
        let before = |tenant, value| texts.before(tenant, "x", "version", &series(value));
        assert_eq!(before(TenantId::DEFAULT, "1"), None);
        texts.learn(TenantId::DEFAULT, "x", vec![("version".to_owned(), series("1"))]);
        assert_eq!((before(TenantId::DEFAULT, "1"), before(TenantId(2), "2")), (None, None));
        assert_eq!(before(TenantId::DEFAULT, "2"), Some(series("1")));
        assert_eq!(before(TenantId::DEFAULT, "2"), Some(series("1")), "until it is stored");
    }
}
