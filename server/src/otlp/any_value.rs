//! Values of attributes and bodies, as JSON.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value as Any};
use serde_json::{Map, Number, Value};

/// Deepest nesting of a value; what is deeper is left out.
const MAX_DEPTH: usize = 16;

/// A value as JSON. Whole numbers stay whole, bytes become base64, what JSON has no number for becomes text.
pub fn to_json(value: AnyValue) -> Value {
    value_at(value, 0)
}

/// Attributes as the members of a JSON object, later ones winning, each under `prefix`.
pub fn add_attributes(map: &mut Map<String, Value>, attributes: Vec<KeyValue>, prefix: &str) {
    for KeyValue { key, value, .. } in attributes {
        let value = value.map_or(Value::Null, to_json);
        map.insert(if prefix.is_empty() { key } else { format!("{prefix}{key}") }, value);
    }
}

fn value_at(value: AnyValue, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::Null;
    }
    match value.value {
        Some(Any::StringValue(text)) => Value::String(text),
        Some(Any::BoolValue(is)) => Value::Bool(is),
        Some(Any::IntValue(number)) => Value::from(number),
        Some(Any::DoubleValue(number)) => {
            Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
        }
        Some(Any::BytesValue(bytes)) => Value::String(STANDARD.encode(bytes)),
        Some(Any::ArrayValue(array)) => array.values.into_iter().map(|value| value_at(value, depth + 1)).collect(),
        Some(Any::KvlistValue(list)) => {
            let member =
                |pair: KeyValue| (pair.key, pair.value.map_or(Value::Null, |value| value_at(value, depth + 1)));
            Value::Object(list.values.into_iter().map(member).collect())
        }
        // Nothing, or a reference into a table that only profiles have.
        None | Some(_) => Value::Null,
    }
}
