//! From the document of the interface to what the page about it shows: examples are made from the schemas.

use std::{collections::BTreeMap, sync::Arc};

use app::{
    api::Docs,
    model::{DocAnswer, DocGroup, DocOperation, DocParameter},
};
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

/// How deep examples go into schemas.
const MAX_DEPTH: usize = 8;
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The document in words.
pub fn describe(document: &OpenApi) -> Docs {
    let document = serde_json::to_value(document).unwrap_or_default();
    let mut groups: BTreeMap<String, Vec<DocOperation>> = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            let Some(operation) = methods.get(method) else { continue };
            let group = text(&operation["tags"][0]);
            groups.entry(group).or_default().push(describe_operation(&document, method, path, operation));
        }
    }
    Docs(Arc::new(groups.into_iter().map(|(name, operations)| DocGroup { name, operations }).collect()))
}

fn describe_operation(document: &Value, method: &str, path: &str, operation: &Value) -> DocOperation {
    let parameters = operation["parameters"].as_array().into_iter().flatten().map(|parameter| DocParameter {
        name: text(&parameter["name"]),
        place: text(&parameter["in"]),
        is_required: parameter["required"].as_bool().unwrap_or_default(),
        description: text(&parameter["description"]),
    });
    let answers = operation["responses"].as_object().into_iter().flatten().map(|(status, answer)| DocAnswer {
        status: status.clone(),
        description: text(&answer["description"]),
        // Errors all look alike; the page says so once.
        body: status.starts_with('2').then(|| example_of(document, &answer["content"])).flatten(),
    });
    DocOperation {
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        description: text(&operation["description"]),
        access: access(&operation["security"]),
        parameters: parameters.collect(),
        body: example_of(document, &operation["requestBody"]["content"]),
        answers: answers.collect(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn access(security: &Value) -> String {
    let ways: Vec<&str> = security
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|way| way.as_object()?.keys().next())
        .map(String::as_str)
        .collect();
    match (ways.contains(&"session"), ways.contains(&"key"), ways.contains(&"hook")) {
        (true, true, _) => "Session or key",
        (true, false, _) => "Session",
        (false, true, _) => "Key",
        (false, false, true) => "Webhook secret",
        (false, false, false) => "Open",
    }
    .to_owned()
}

fn example_of(document: &Value, content: &Value) -> Option<String> {
    let schema = content.get("application/json")?.get("schema")?;
    let example = example(document, schema, 0);
    (!example.is_null()).then(|| serde_json::to_string_pretty(&example).unwrap_or_default())
}

/// A value that fits a schema.
fn example(document: &Value, schema: &Value, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::Null;
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return example(document, &document["components"]["schemas"][name], depth + 1);
    }
    if let Some(given) = schema.get("example").or_else(|| schema["examples"].get(0)) {
        return given.clone();
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        let choices = schema[choice].as_array().into_iter().flatten();
        if let Some(found) = choices.map(|one| example(document, one, depth + 1)).find(|found| !found.is_null()) {
            return found;
        }
    }
    // A field that may be absent is shown as it is when it is there.
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        kind => kind.as_str(),
    };
    match kind {
        Some("object") => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            let fields: Map<String, Value> =
                fields.map(|(name, schema)| (name.clone(), example(document, schema, depth + 1))).collect();
            if fields.is_empty() && schema["additionalProperties"].is_object() {
                return json!({ "name": example(document, &schema["additionalProperties"], depth + 1) });
            }
            Value::Object(fields)
        }
        Some("array") => json!([example(document, &schema["items"], depth + 1)]),
        Some("string") => match schema["format"].as_str() {
            Some("date-time") => json!("2026-01-01T00:00:00Z"),
            Some("uuid") => json!("4bf92f35-77b3-4da6-a3ce-929d0e0e4736"),
            _ => json!("text"),
        },
        Some("integer") => json!(1),
        Some("number") => json!(1.5),
        Some("boolean") => json!(true),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_follows_references_and_goes_round_no_circle() {
        let document = json!({ "components": { "schemas": {
            "Tree": { "type": "object", "properties": {
                "name": { "type": "string" }, "children": { "type": "array", "items": { "$ref": "#/components/schemas/Tree" } }
            } }
        } } });
        let tree = example(&document, &json!({ "$ref": "#/components/schemas/Tree" }), 0);
        assert_eq!(tree["name"], "text");
        assert_eq!(tree["children"][0]["name"], "text");
        let maybe = json!({ "oneOf": [{ "type": "null" }, { "type": "integer" }] });
        assert_eq!(example(&document, &maybe, 0), 1);
        assert_eq!(
            example(&document, &json!({ "type": ["string", "null"], "format": "uuid" }), 0).as_str().unwrap().len(),
            36
        );
    }
}
