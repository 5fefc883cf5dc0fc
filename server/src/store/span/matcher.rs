//! Decides which spans are wanted.

use app::model::AttributeOp;
use memchr::memmem::Finder;
use serde_json::{Map, Value};

use super::{
    SpanCondition,
    block::{BlockSummary, NarrowBlock, TextBlock},
};
use crate::store::{StoreResult, bloom::BloomView, column::damaged};

/// What a filter holds of an attribute with its value.
pub fn attribute_key(key: &str, value: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(key.len() + value.len() + 1);
    bytes.extend(key.as_bytes());
    bytes.push(b'=');
    bytes.extend(value.as_bytes());
    bytes
}

/// A value as people write it.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A condition on spans, ready to be asked.
#[derive(Debug, Clone)]
pub struct SpanMatcher {
    condition: SpanCondition,
    /// In lower case.
    search: Option<String>,
    /// In lower case, for each attribute.
    contained: Vec<String>,
    keys: Vec<Vec<u8>>,
    /// Texts that the fields of a span that matches hold as they are.
    needles: Vec<Finder<'static>>,
}

impl SpanMatcher {
    /// A matcher for the condition.
    pub fn new(condition: SpanCondition) -> Self {
        let mut keys = Vec::new();
        if let Some(operation) = &condition.operation {
            keys.push(attribute_key("name", operation));
        }
        for filter in &condition.attributes {
            keys.push(match filter.op {
                AttributeOp::Equals => attribute_key(&filter.key, &filter.value),
                AttributeOp::Differs | AttributeOp::Contains | AttributeOp::Exists => filter.key.as_bytes().to_vec(),
            });
        }
        let needles = condition.attributes.iter().flat_map(|filter| {
            let value = (filter.op == AttributeOp::Equals).then_some(filter.value.as_str());
            [Some(filter.key.as_str()), value].into_iter().flatten().filter(|text| is_plain(text))
        });
        Self {
            needles: needles.map(|text| Finder::new(text).into_owned()).collect(),
            search: condition.search.as_ref().map(|text| text.to_lowercase()),
            contained: condition.attributes.iter().map(|filter| filter.value.to_lowercase()).collect(),
            keys,
            condition,
        }
    }

    /// Whether a block with this summary and this filter may hold such a span.
    pub fn may_match(&self, summary: &BlockSummary, filter: &[u8]) -> bool {
        let has_service = self
            .condition
            .service
            .as_ref()
            .is_none_or(|wanted| summary.0.iter().any(|(service, ..)| service == wanted));
        has_service && self.keys.iter().all(|key| BloomView(filter).may_contain(key))
    }

    /// Whether what needs no texts matches.
    pub fn matches_narrow(&self, block: &NarrowBlock, at: usize) -> bool {
        let SpanCondition { service, operation, .. } = &self.condition;
        service.as_ref().is_none_or(|wanted| wanted == block.service(at))
            && operation.as_ref().is_none_or(|wanted| wanted == block.name(at))
    }

    /// Whether texts have to be looked at.
    pub fn needs_texts(&self) -> bool {
        self.search.is_some() || !self.condition.attributes.is_empty()
    }

    /// Whether the texts match.
    pub fn matches_texts(&self, block: &NarrowBlock, texts: &TextBlock, at: usize) -> StoreResult<bool> {
        if let Some(search) = &self.search {
            let contains = |text: &str| contains_folded(text, search);
            let is_found = contains(block.name(at))
                || contains(texts.attributes(at))
                || contains(texts.events(at))
                || contains(texts.status_message(at))
                || contains(block.resource(at));
            if !is_found {
                return Ok(false);
            }
        }
        if self.condition.attributes.is_empty() {
            return Ok(true);
        }
        // Reading JSON takes a hundred times as long as looking for a text in it, and few spans match.
        let may_match = |needle: &Finder<'_>| {
            needle.find(texts.attributes(at).as_bytes()).is_some()
                || needle.find(block.resource(at).as_bytes()).is_some()
        };
        if !self.needles.iter().all(may_match) {
            return Ok(false);
        }
        let read = |text: &str| -> StoreResult<Map<String, Value>> {
            if text.is_empty() {
                return Ok(Map::new());
            }
            serde_json::from_str(text).map_err(|error| damaged(&format!("a span's fields: {error}")))
        };
        let (attributes, resource) = (read(texts.attributes(at))?, read(block.resource(at))?);
        let filters = self.condition.attributes.iter().zip(&self.contained);
        Ok(filters.into_iter().all(|(filter, contained)| {
            let value = attributes.get(&filter.key).or_else(|| resource.get(&filter.key)).map(text_of);
            match filter.op {
                AttributeOp::Exists => value.is_some(),
                AttributeOp::Equals => value.is_some_and(|value| value == filter.value),
                AttributeOp::Differs => value.is_some_and(|value| value != filter.value),
                AttributeOp::Contains => value.is_some_and(|value| contains_folded(&value, contained)),
            }
        }))
    }
}

/// Whether JSON writes the text as it is, in a text or as a number.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}

/// Whether the text contains what is in lower case already, in any case.
fn contains_folded(text: &str, wanted: &str) -> bool {
    if text.is_ascii() && wanted.is_ascii() {
        let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
        return wanted.is_empty() || text.windows(wanted.len()).any(|window| window.eq_ignore_ascii_case(wanted));
    }
    text.to_lowercase().contains(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::span::{
        NewSpan,
        block::{decode, encode, tests::span},
    };

    fn matching(spans: &[NewSpan], condition: SpanCondition) -> Vec<u8> {
        let block = encode(spans).unwrap();
        let matcher = SpanMatcher::new(condition);
        let narrow = decode(&block.payload).unwrap();
        let texts = narrow.texts().unwrap();
        let found: Vec<u8> = (0..narrow.span_count())
            .filter(|at| matcher.matches_narrow(&narrow, *at) && matcher.matches_texts(&narrow, &texts, *at).unwrap())
            .map(|at| narrow.span_id(at).0[7])
            .collect();
        assert!(found.is_empty() || matcher.may_match(&block.summary, &block.filter));
        found
    }

    fn with(condition: &str) -> SpanCondition {
        SpanCondition { attributes: vec![condition.parse().unwrap()], ..SpanCondition::default() }
    }

    #[test]
    fn values_are_found_however_json_writes_them() {
        let with_fields = |id, fields: serde_json::Value| NewSpan { attributes: fields.to_string(), ..span(1, id) };
        let spans = [
            with_fields(1, serde_json::json!({ "note": "say \"hi\"" })),
            with_fields(2, serde_json::json!({ "note": "größer" })),
            with_fields(3, serde_json::json!({ "note": 42, "ok": true })),
            NewSpan { resource: r#"{"note":"42"}"#.into(), ..span(1, 4) },
        ];
        assert_eq!(matching(&spans, with(r#"note = say "hi""#)), [1]);
        assert_eq!(matching(&spans, with("note = größer")), [2]);
        assert_eq!(matching(&spans, with("note = 42")), [3, 4]);
        assert_eq!(matching(&spans, with("ok = true")), [3]);
        assert_eq!(matching(&spans, with("note != 42")), [1, 2]);
        assert_eq!(matching(&spans, with("ok exists")), [3]);
    }

    #[test]
    fn conditions_choose_spans() {
        let spans = [
            NewSpan { attributes: r#"{"http.route":"/Orders","n":500}"#.into(), ..span(1, 1) },
            NewSpan { attributes: r#"{"http.route":"/carts \"x\""}"#.into(), ..span(1, 2) },
            NewSpan { resource: r#"{"host.name":"web-1"}"#.into(), name: "SELECT".into(), ..span(2, 3) },
            NewSpan { service: "Straße".into(), status_message: "SCHLIESST nicht".into(), ..span(2, 4) },
        ];
        let found = |condition| matching(&spans, condition);
        assert_eq!(found(with("http.route = /Orders")), [1]);
        assert_eq!(found(with("n = 500")), [1]);
        assert_eq!(found(with("http.route != /Orders")), [2]);
        assert_eq!(found(with(r#"http.route = /carts "x""#)), [2]);
        assert_eq!(found(with("http.route contains ORDER")), [1]);
        assert_eq!(found(with("http.route exists")), [1, 2]);
        assert_eq!(found(with("host.name = web-1")), [3]);
        assert!(found(with("http.route = /nothing")).is_empty());
        let search = |text: &str| SpanCondition { search: Some(text.into()), ..SpanCondition::default() };
        assert_eq!(found(search("select")), [3]);
        assert_eq!(found(search("schliesst NICHT")), [4]);
        let service = SpanCondition { service: Some("Straße".into()), ..SpanCondition::default() };
        assert_eq!(found(service), [4]);
        let operation = SpanCondition { operation: Some("SELECT".into()), ..SpanCondition::default() };
        assert_eq!(found(operation), [3]);
    }
}
