//! Attributes of records and spans, within limits and without secrets.

use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use serde_json::{Map, Value};

use super::{MAX_ATTRIBUTES, MAX_VALUE_BYTES, any_value};
use crate::telemetry::Redactor;

/// What a service is called that does not say what it is called.
pub const UNKNOWN_SERVICE: &str = "unknown_service";
/// What a value ends with that was cut.
const CUT: &str = "… (cut)";

/// What was left out or cut because it was too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cut {
    /// Attributes that were left out.
    pub attributes: u64,
    /// Values that were cut.
    pub values: u64,
}

impl Cut {
    /// A sentence for the sender; none when nothing was.
    pub fn warning(self) -> Option<String> {
        let Self { attributes, values } = self;
        (attributes + values > 0).then(|| {
            format!(
                "{attributes} attributes were left out (at most {MAX_ATTRIBUTES} are kept) and {values} values were cut \
                 (at most {MAX_VALUE_BYTES} bytes are kept)"
            )
        })
    }
}

/// Attributes as a JSON object, in the order in which they came, at most so many.
pub fn read(attributes: Vec<KeyValue>, cut: &mut Cut) -> Map<String, Value> {
    let mut map = Map::new();
    any_value::add_attributes(&mut map, attributes, "");
    limit(&mut map, cut);
    map
}

/// Leaves out what is too many and cuts what is too long.
pub fn limit(map: &mut Map<String, Value>, cut: &mut Cut) {
    if map.len() > MAX_ATTRIBUTES {
        cut.attributes += (map.len() - MAX_ATTRIBUTES) as u64;
        *map = std::mem::take(map).into_iter().take(MAX_ATTRIBUTES).collect();
    }
    map.values_mut().for_each(|value| limit_value(value, cut));
}

fn limit_value(value: &mut Value, cut: &mut Cut) {
    match value {
        Value::String(text) => limit_text(text, cut),
        Value::Array(_) | Value::Object(_) => {
            let text = value.to_string();
            if text.len() > MAX_VALUE_BYTES {
                let mut text = text;
                limit_text(&mut text, cut);
                *value = Value::String(text);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Cuts a text that is too long and marks it.
pub fn limit_text(text: &mut String, cut: &mut Cut) {
    if text.len() > MAX_VALUE_BYTES {
        text.truncate(text.floor_char_boundary(MAX_VALUE_BYTES - CUT.len()));
        text.push_str(CUT);
        cut.values += 1;
    }
}

/// The text of an object without secrets; empty for none.
pub fn write(mut map: Map<String, Value>, redactor: &Redactor) -> String {
    if map.is_empty() {
        return String::new();
    }
    redactor.attributes(&mut map);
    // Quicker than what is made to be displayed. Keys are texts and numbers are finite, so it cannot fail.
    serde_json::to_string(&map).unwrap_or_default()
}

/// The service's name, and the other attributes of a resource.
pub fn resource(attributes: Vec<KeyValue>, cut: &mut Cut) -> (String, Map<String, Value>) {
    let mut all = read(attributes, cut);
    let service = match all.remove("service.name") {
        Some(Value::String(name)) if !name.trim().is_empty() => name,
        _ => UNKNOWN_SERVICE.to_owned(),
    };
    (service, all)
}

/// The name of the library that made records.
pub fn scope_name(scope: Option<InstrumentationScope>) -> Option<String> {
    scope.map(|scope| scope.name).filter(|name| !name.is_empty())
}

/// An id of the right length that is not all zeros.
pub fn id<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok().filter(|id: &[u8; N]| id.iter().any(|byte| *byte != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_cut_marked_and_counted() {
        let mut cut = Cut::default();
        let mut map: Map<String, Value> = (0..200).map(|n| (format!("k{n:03}"), Value::from(n))).collect();
        map.insert("a".into(), Value::from("é".repeat(20_000)));
        limit(&mut map, &mut cut);
        assert_eq!((map.len(), cut), (MAX_ATTRIBUTES, Cut { attributes: 73, values: 1 }));
        let text = map["a"].as_str().unwrap();
        assert!(text.len() <= MAX_VALUE_BYTES && text.ends_with(CUT), "{}", text.len());
        assert!(cut.warning().unwrap().contains("73 attributes"));
        assert_eq!(Cut::default().warning(), None);
    }
}
