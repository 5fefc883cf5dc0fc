//! From attributes to labels: without secrets, within limits, two that become one name joined by `;`.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use serde_json::{Map, Value};

use super::naming::label_name;
use crate::{
    otlp::{
        any_value,
        attributes::{self, Cut},
    },
    telemetry::Redactor,
};

/// Labels of a series, by their names.
pub type Labels = BTreeMap<String, String>;

/// Largest series, name and labels as JSON, in bytes. The unique index over them must take every series, and an entry
/// of PostgreSQL's ends at 2,704 bytes.
pub const MAX_SERIES_BYTES: usize = 2500;

/// An attribute whose key looks like that of a secret and names none: which tokens of a language model are counted
/// (<https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/>). Without it two series would become one.
const NO_SECRET: &str = "gen_ai.token.type";

/// A resource, as its series show it.
#[derive(Debug, Default)]
pub struct ResourceLabels {
    /// `job` and `instance`: on every series.
    pub identity: Labels,
    /// All the other attributes with `identity`: the labels of `target_info`. Empty where that would say nothing.
    pub info: Labels,
}

impl ResourceLabels {
    /// Reads the attributes of a resource.
    pub fn read(attributes: Vec<KeyValue>, redactor: &Redactor, cut: &mut Cut) -> Self {
        let mut map = Map::new();
        any_value::add_attributes(&mut map, attributes, "");
        let mut take = |key: &str| {
            let text = map.remove(key).map(to_text).filter(|text| !text.is_empty());
            text.map(|text| redactor.text(&text).into_owned())
        };
        let (name, namespace) = (take("service.name"), take("service.namespace"));
        let instance = take("service.instance.id");
        let job = name.map(|name| namespace.map_or_else(|| name.clone(), |space| format!("{space}/{name}")));
        let identity = [("job", job), ("instance", instance)];
        let identity = identity.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let identity: Labels = identity.collect();
        let mut info = to_labels(map, &identity, None, redactor, cut);
        if identity.is_empty() || info.len() == identity.len() {
            return Self { identity, info: Labels::new() };
        }
        // Whole command lines are attributes of processes: what says most about a target is short.
        while !fits("target_info", &info) {
            let longest =
                info.iter().filter(|(name, _)| !identity.contains_key(*name)).max_by_key(|(_, value)| value.len());
            let Some(name) = longest.map(|(name, _)| name.clone()) else { break };
            info.remove(&name);
            cut.attributes += 1;
        }
        Self { identity, info }
    }

    /// What every series of a scope has in common.
    pub fn with_scope(&self, scope: Option<&InstrumentationScope>, redactor: &Redactor) -> Labels {
        let mut common = self.identity.clone();
        let scope = scope.map(|scope| [("otel_scope_name", &scope.name), ("otel_scope_version", &scope.version)]);
        for (name, value) in scope.into_iter().flatten().filter(|(_, value)| !value.is_empty()) {
            common.insert(name.to_owned(), redactor.text(value).into_owned());
        }
        common
    }
}

/// The labels of a data point: those it has in `common` with others, and its attributes. An attribute whose name is
/// taken, or `reserved`, is called `exported_…`, as Prometheus does it.
pub fn point_labels(
    attributes: Vec<KeyValue>,
    common: &Labels,
    reserved: Option<&str>,
    redactor: &Redactor,
    cut: &mut Cut,
) -> Labels {
    let mut map = Map::new();
    any_value::add_attributes(&mut map, attributes, "");
    to_labels(map, common, reserved, redactor, cut)
}

/// Whether a series of this name may have these labels.
pub fn fits(name: &str, labels: &Labels) -> bool {
    serde_json::to_string(labels).is_ok_and(|json| name.len() + json.len() <= MAX_SERIES_BYTES)
}

fn to_labels(
    mut map: Map<String, Value>,
    common: &Labels,
    reserved: Option<&str>,
    redactor: &Redactor,
    cut: &mut Cut,
) -> Labels {
    attributes::limit(&mut map, cut);
    let no_secret = map.remove(NO_SECRET);
    redactor.attributes(&mut map);
    if let Some(value) = no_secret.map(to_text) {
        map.insert(NO_SECRET.to_owned(), Value::String(redactor.text(&value).into_owned()));
    }
    let mut attributes: Vec<(String, Value)> = map.into_iter().collect();
    attributes.sort_by(|one, other| one.0.cmp(&other.0));
    let mut labels = Labels::new();
    for (key, value) in attributes {
        let text = to_text(value);
        // Prometheus knows no difference between an empty label and none.
        if key.is_empty() || text.is_empty() {
            continue;
        }
        let mut name = label_name(&key);
        if common.contains_key(&name) || reserved == Some(name.as_str()) {
            name.insert_str(0, "exported_");
        }
        let joined = labels.entry(name).or_default();
        if !joined.is_empty() {
            joined.push(';');
        }
        joined.push_str(&text);
    }
    labels.extend(common.iter().map(|(name, value)| (name.clone(), value.clone())));
    labels
}

/// A value as the text of a label: JSON for what is no text.
fn to_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
