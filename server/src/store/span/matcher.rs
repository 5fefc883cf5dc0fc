//! Decides which spans are wanted.

use app::model::{AttributeFilter, AttributeOp, TraceId};
use regex::bytes::Regex;
use serde_json::{Map, Value};

use super::{
    SpanCondition,
    block::{BlockSummary, Glance, NarrowBlock, decode},
};
use crate::store::{StoreResult, attributes::Attributes, bloom::BloomView};

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
    /// For each attribute what its value must have in it as it stands in a block, where one search can tell.
    within: Vec<Option<Regex>>,
    keys: Vec<Vec<u8>>,
}

/// What a value that the filter wants has in it, unless JSON writes that in another way.
fn within(filter: &AttributeFilter) -> Option<Regex> {
    let is_as_written =
        |text: &str| !text.is_empty() && !text.contains(|c: char| c == '"' || c == '\\' || c.is_control());
    let wanted = Some(&filter.value).filter(|value| filter.op == AttributeOp::Equals && is_as_written(value))?;
    Regex::new(&regex::escape(wanted)).ok()
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
        Self {
            search: condition.search.as_ref().map(|text| text.to_lowercase()),
            contained: condition.attributes.iter().map(|filter| filter.value.to_lowercase()).collect(),
            within: condition.attributes.iter().map(within).collect(),
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

    /// Traces of the spans of a block that match.
    pub fn traces_in(&self, payload: &[u8]) -> StoreResult<Vec<TraceId>> {
        if let Some(glance) = Glance::read(payload)?.filter(|glance| self.is_told_by(&glance.attributes)) {
            let wanted = self.of_attributes(vec![true; glance.spans], &glance.attributes, None)?;
            return if wanted.contains(&true) { glance.traces_at(places(&wanted)) } else { Ok(Vec::new()) };
        }
        let block = decode(payload)?;
        let mut found: Vec<TraceId> = places(&self.wanted(&block)?).map(|at| block.trace_id(at)).collect();
        found.dedup();
        Ok(found)
    }

    /// Whether the attributes of spans decide alone.
    fn is_told_by(&self, attributes: &Attributes<'_>) -> bool {
        let SpanCondition { service, operation, search, attributes: filters } = &self.condition;
        let of_spans = |filter: &AttributeFilter| !attributes.is_of_resource(&filter.key);
        !attributes.has_odd()
            && service.is_none()
            && operation.is_none()
            && search.is_none()
            && filters.iter().all(of_spans)
    }

    /// Of each span of a block whether it matches.
    fn wanted(&self, block: &NarrowBlock) -> StoreResult<Vec<bool>> {
        let SpanCondition { service, operation, .. } = &self.condition;
        let narrow = |at: usize| {
            service.as_ref().is_none_or(|wanted| wanted == block.service(at))
                && operation.as_ref().is_none_or(|wanted| wanted == block.name(at))
        };
        let wanted: Vec<bool> = (0..block.span_count()).map(narrow).collect();
        if !wanted.contains(&true) || (self.search.is_none() && self.condition.attributes.is_empty()) {
            return Ok(wanted);
        }
        let section = block.attributes()?;
        let attributes = Attributes::read(&section, block.span_count())?;
        let wanted = self.of_attributes(wanted, &attributes, Some(block))?;
        match &self.search {
            Some(search) if wanted.contains(&true) => of_texts(wanted, search, &attributes, block),
            _ => Ok(wanted),
        }
    }

    /// Which of the wanted spans have the attributes; what a span does not say its resource may.
    fn of_attributes(
        &self,
        mut wanted: Vec<bool>,
        attributes: &Attributes<'_>,
        block: Option<&NarrowBlock>,
    ) -> StoreResult<Vec<bool>> {
        let texts = block.filter(|_| attributes.has_odd()).map(NarrowBlock::texts).transpose()?;
        let odd = |at: usize| texts.as_ref().map(|texts| texts.odd_attributes(at)).filter(|odd| !odd.is_empty());
        for ((filter, contained), within) in self.condition.attributes.iter().zip(&self.contained).zip(&self.within) {
            let holds = |value: &str| match filter.op {
                AttributeOp::Exists => true,
                AttributeOp::Equals => value == filter.value,
                AttributeOp::Differs => value != filter.value,
                AttributeOp::Contains => contains_folded(value, contained),
            };
            let column = attributes.column(&filter.key)?;
            let of_values = column.as_ref().map(|column| column.which(within.as_ref(), holds)).unwrap_or_default();
            let of_resources: Vec<bool> = block
                .into_iter()
                .flat_map(NarrowBlock::resource_texts)
                .map(|json| json_value(json, &filter.key).is_some_and(|value| holds(&value)))
                .collect();
            for (at, wanted) in wanted.iter_mut().enumerate().filter(|(_, wanted)| **wanted) {
                *wanted = match column.as_ref().and_then(|column| column.number(at)) {
                    Some(number) => of_values[number],
                    None if let Some(value) = odd(at).and_then(|odd| json_value(odd, &filter.key)) => holds(&value),
                    None => block.is_some_and(|block| of_resources[block.resource_number(at)]),
                };
            }
        }
        Ok(wanted)
    }
}

/// Which of the wanted spans say the text, which is in lower case, anywhere.
fn of_texts(
    mut wanted: Vec<bool>,
    search: &str,
    attributes: &Attributes<'_>,
    block: &NarrowBlock,
) -> StoreResult<Vec<bool>> {
    let mut found = vec![false; wanted.len()];
    for column in attributes.all() {
        let (key, column) = column?;
        let is_key = contains_folded(key, search);
        let of_values: Vec<bool> = (0..column.values())
            .map(|number| is_key || contains_folded(&column.value(number).text(), search))
            .collect();
        for (at, found) in found.iter_mut().enumerate() {
            *found |= column.number(at).is_some_and(|number| of_values[number]);
        }
    }
    let of_resources: Vec<bool> = block.resource_texts().map(|resource| contains_folded(resource, search)).collect();
    let texts = block.texts()?;
    for (at, wanted) in wanted.iter_mut().enumerate().filter(|(_, wanted)| **wanted) {
        *wanted = found[at]
            || of_resources[block.resource_number(at)]
            || contains_folded(block.name(at), search)
            || contains_folded(texts.odd_attributes(at), search)
            || contains_folded(texts.events(at), search)
            || contains_folded(texts.status_message(at), search);
    }
    Ok(wanted)
}

fn places(wanted: &[bool]) -> impl Iterator<Item = usize> {
    wanted.iter().enumerate().filter(|(_, wanted)| **wanted).map(|(at, _)| at)
}

/// What a JSON object says of a key. One that cannot be read says nothing.
fn json_value(json: &str, key: &str) -> Option<String> {
    let fields: Map<String, Value> = serde_json::from_str(json).ok()?;
    fields.get(key).map(text_of)
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
    use app::model::SpanId;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::store::{
        attributes::AttributesBuilder,
        span::{
            NewSpan,
            block::{decode, encode, tests::span},
        },
    };

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            "[a1\"\\\\é\n ]{0,4}".prop_map(Value::from),
            (0..20).prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(json!(["a", 1])),
        ]
    }

    proptest! {
        #[test]
        fn spans_with_a_value_are_those_whose_value_is_that_text(
            values in prop::collection::vec(prop::option::weighted(0.9, value()), 1..40), wanted in value(),
        ) {
            let mut builder = AttributesBuilder::default();
            let object = |value: &Option<Value>| value.as_ref().map(|value| json!({ "key": value }).to_string());
            let objects: Vec<Option<String>> = values.iter().map(object).collect();
            for (at, object) in objects.iter().enumerate() {
                prop_assert!(object.as_ref().is_none_or(|object| builder.add(at, object)));
            }
            let section = builder.build(values.len()).unwrap();
            let attributes = Attributes::read(&section, values.len()).unwrap();
            let wanted = text_of(&wanted);
            let filter = AttributeFilter { key: "key".into(), op: AttributeOp::Equals, value: wanted.clone() };
            let condition = SpanCondition { attributes: vec![filter], ..SpanCondition::default() };
            let found = SpanMatcher::new(condition).of_attributes(vec![true; values.len()], &attributes, None).unwrap();
            let has_it = |value: &Option<Value>| value.as_ref().is_some_and(|value| text_of(value) == wanted);
            prop_assert_eq!(found, values.iter().map(has_it).collect::<Vec<bool>>());
        }
    }

    fn matching(spans: &[NewSpan], condition: SpanCondition) -> Vec<u8> {
        let block = encode(spans).unwrap();
        let matcher = SpanMatcher::new(condition);
        let narrow = decode(&block.payload).unwrap();
        let wanted = matcher.wanted(&narrow).unwrap();
        let found: Vec<u8> = places(&wanted).map(|at| narrow.span_id(at).0[7]).collect();
        let mut traces: Vec<TraceId> = places(&wanted).map(|at| narrow.trace_id(at)).collect();
        traces.dedup();
        assert_eq!(matcher.traces_in(&block.payload).unwrap(), traces);
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
    fn spans_with_keys_of_their_own_are_found_too() {
        let spans: Vec<NewSpan> = (0..1100_u32)
            .map(|n| NewSpan {
                span_id: SpanId(u64::from(n).to_be_bytes()),
                attributes: format!(r#"{{"k{n}":"v{n}"}}"#),
                ..span(1, 1)
            })
            .collect();
        for n in [3, 1099] {
            assert_eq!(matching(&spans, with(&format!("k{n} = v{n}"))), [n as u8]);
            let search = SpanCondition { search: Some(format!("V{n}")), ..SpanCondition::default() };
            assert!(matching(&spans, search).contains(&(n as u8)));
        }
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
