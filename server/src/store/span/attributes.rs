//! Attributes of the spans of a block: a column a key, each packed by itself, so that a search unpacks what it asks for
//! and nothing else.
//!
//! A section says whether there are attributes that are not in it, then the keys of the spans' resources, then it has a
//! directory of the columns (key and length, by key), then the columns. A column says which spans have the key, and what they have: its different values once and an index a span,
//! or, where most values differ, one after the other. Values are JSON; where all of a column are texts they stand
//! without their quotes.

use std::{borrow::Cow, collections::BTreeSet};

use foldhash::HashMap;
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use super::matcher::attribute_key;
use crate::store::{
    StoreResult,
    bloom::BloomBuilder,
    column::{Reader, damaged, pack, put_bytes, put_varint, unpack},
};

/// Columns of a block, at most: each takes work with every span. What would need more, because somebody sends ids as keys,
/// is kept as text.
const MAX_COLUMNS: usize = 1024;
/// Keys of resources that are told, at most; more are told as [`ANY_KEY`].
const MAX_RESOURCE_KEYS: usize = 256;
/// Stands for every key.
const ANY_KEY: &str = "";
/// Columns of fewer bytes are not packed: a frame has a head, too.
const SMALLEST_PACKED: usize = 48;
const PLAIN: u8 = 0;
const PACKED: u8 = 1;
/// Marks of a column.
const SOME_LACK_IT: u8 = 1;
const ARE_TEXTS: u8 = 2;
const ONE_EACH: u8 = 4;
const WIDE_INDEXES: u8 = 8;
/// A span without the key.
const NONE: u32 = u32::MAX;

/// A JSON object's entries, values as they are written.
struct Entries<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        #[derive(Deserialize)]
        struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    entries.push((key, value.get()));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// A value as it is written in JSON, a text without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonValue<'a> {
    inner: &'a str,
    is_text: bool,
}

impl<'a> JsonValue<'a> {
    fn of(json: &'a str) -> Self {
        match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(inner) => Self { inner, is_text: true },
            None => Self { inner: json, is_text: false },
        }
    }

    /// As people write it.
    pub fn text(self) -> Cow<'a, str> {
        if !self.is_text || !self.inner.contains('\\') {
            return Cow::Borrowed(self.inner);
        }
        serde_json::from_str::<String>(&format!("\"{}\"", self.inner)).map_or(Cow::Borrowed(self.inner), Cow::Owned)
    }

    fn write(self, out: &mut String) {
        if self.is_text {
            out.push('"');
            out.push_str(self.inner);
            out.push('"');
        } else {
            out.push_str(self.inner);
        }
    }
}

#[derive(Default)]
struct Building<'a> {
    values: Vec<&'a str>,
    index: HashMap<&'a str, u32>,
    /// Spans that have the key, ascending, each with the number of its value.
    spans: Vec<(u32, u32)>,
}

/// Collects the attributes of a block.
#[derive(Default)]
pub struct AttributesBuilder<'a> {
    index: HashMap<Cow<'a, str>, usize>,
    columns: Vec<Building<'a>>,
    resource_keys: BTreeSet<String>,
    has_odd: bool,
}

impl<'a> AttributesBuilder<'a> {
    /// Adds the attributes of the span at a place, after those of all places before it. False if they are no JSON object,
    /// or too different from the others: then they are to be kept elsewhere.
    pub fn add(&mut self, at: usize, json: &'a str) -> bool {
        if json.is_empty() {
            return true;
        }
        let entries = serde_json::from_str::<Entries<'a>>(json).map(|Entries(entries)| entries).unwrap_or_default();
        let unknown = entries.iter().filter(|(key, _)| !self.index.contains_key(key)).count();
        if entries.is_empty() || self.columns.len() + unknown > MAX_COLUMNS {
            self.has_odd = true;
            return false;
        }
        for (key, value) in entries {
            let column = if let Some(column) = self.index.get(&key) {
                *column
            } else {
                self.columns.push(Building::default());
                self.index.insert(key, self.columns.len() - 1);
                self.columns.len() - 1
            };
            let column = &mut self.columns[column];
            let next = column.values.len() as u32;
            let number = *column.index.entry(value).or_insert(next);
            if number == next {
                column.values.push(value);
            }
            match column.spans.last_mut() {
                // A key that occurs twice means what it says last.
                Some((last, of)) if *last == at as u32 => *of = number,
                _ => column.spans.push((at as u32, number)),
            }
        }
        true
    }

    /// Adds the attributes of a resource to what the filter knows.
    pub fn add_resource(&mut self, json: &str, bloom: &mut BloomBuilder) {
        for key in teach(json, bloom) {
            if self.resource_keys.len() < MAX_RESOURCE_KEYS {
                self.resource_keys.insert(key.into_owned());
            } else if !self.resource_keys.contains(&*key) {
                self.resource_keys.insert(ANY_KEY.to_owned());
            }
        }
    }

    /// The section, for so many spans; the filter learns each key, and each with its value.
    pub fn build(self, spans: usize, bloom: &mut BloomBuilder) -> StoreResult<Vec<u8>> {
        let mut keys: Vec<(&Cow<'a, str>, usize)> = self.index.iter().map(|(key, at)| (key, *at)).collect();
        keys.sort_unstable();
        let mut out = vec![u8::from(self.has_odd)];
        put_varint(&mut out, self.resource_keys.len() as u64);
        for key in &self.resource_keys {
            put_bytes(&mut out, key.as_bytes());
        }
        put_varint(&mut out, keys.len() as u64);
        let mut stored = Vec::new();
        for (key, at) in keys {
            let column = &self.columns[at];
            bloom.add(key.as_bytes());
            for value in &column.values {
                bloom.add(&attribute_key(key, &JsonValue::of(value).text()));
            }
            let before = stored.len();
            let content = column.write(spans);
            let packed = if content.len() < SMALLEST_PACKED { None } else { Some(pack(&content)?) };
            if let Some(packed) = packed.filter(|packed| packed.len() < content.len()) {
                stored.push(PACKED);
                stored.extend(packed);
            } else {
                stored.push(PLAIN);
                stored.extend(content);
            }
            put_bytes(&mut out, key.as_bytes());
            put_varint(&mut out, (stored.len() - before) as u64);
        }
        out.extend(stored);
        Ok(out)
    }
}

impl Building<'_> {
    fn write(&self, spans: usize) -> Vec<u8> {
        let are_texts = self.values.iter().all(|value| JsonValue::of(value).is_text);
        let inner = |value: &'_ str| if are_texts { value[1..value.len() - 1].len() } else { value.len() };
        let body = |value: &str, out: &mut Vec<u8>| {
            out.extend(if are_texts { &value.as_bytes()[1..value.len() - 1] } else { value.as_bytes() });
        };
        let one_each = self.values.len() * 2 > self.spans.len() && self.values.len() > 1;
        let is_wide = self.values.len() > 256;
        let lacking = self.spans.len() < spans;
        let mut out = vec![
            (u8::from(lacking) * SOME_LACK_IT)
                | (u8::from(are_texts) * ARE_TEXTS)
                | (u8::from(one_each) * ONE_EACH)
                | (u8::from(is_wide) * WIDE_INDEXES),
        ];
        if lacking {
            let mut bits = vec![0_u8; spans.div_ceil(8)];
            for (at, _) in &self.spans {
                bits[*at as usize / 8] |= 1 << (at % 8);
            }
            out.extend(bits);
        }
        if one_each {
            let values = || self.spans.iter().map(|(_, number)| self.values[*number as usize]);
            values().for_each(|value| put_varint(&mut out, inner(value) as u64));
            values().for_each(|value| body(value, &mut out));
            return out;
        }
        put_varint(&mut out, self.values.len() as u64);
        self.values.iter().for_each(|value| put_varint(&mut out, inner(value) as u64));
        self.values.iter().for_each(|value| body(value, &mut out));
        match (self.values.len(), is_wide) {
            (1, _) => {}
            (_, false) => out.extend(self.spans.iter().map(|(_, number)| *number as u8)),
            (_, true) => self.spans.iter().for_each(|(_, number)| put_varint(&mut out, u64::from(*number))),
        }
        out
    }
}

/// Tells the filter of each member of a JSON object; returns the keys. What is no object has none.
pub fn teach<'a>(json: &'a str, bloom: &mut BloomBuilder) -> Vec<Cow<'a, str>> {
    let Ok(Entries(entries)) = serde_json::from_str::<Entries<'a>>(json) else { return Vec::new() };
    for (key, value) in &entries {
        bloom.add(key.as_bytes());
        bloom.add(&attribute_key(key, &JsonValue::of(value).text()));
    }
    entries.into_iter().map(|(key, _)| key).collect()
}

/// The attributes of a block's spans, each column still packed.
pub struct Attributes<'a> {
    spans: usize,
    has_odd: bool,
    resource_keys: Vec<&'a str>,
    /// By key.
    columns: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Attributes<'a> {
    /// Reads the section of so many spans.
    pub fn read(section: &'a [u8], spans: usize) -> StoreResult<Self> {
        let mut input = Reader::new(section);
        let has_odd = input.array::<1>()?[0] != 0;
        let resource_keys = (0..input.count()?).map(|_| input.text()).collect::<StoreResult<Vec<_>>>()?;
        let directory = (0..input.count()?)
            .map(|_| Ok((input.text()?, input.varint()? as usize)))
            .collect::<StoreResult<Vec<_>>>()?;
        let columns = directory
            .into_iter()
            .map(|(key, length)| Ok((key, input.take(length)?)))
            .collect::<StoreResult<Vec<_>>>()?;
        Ok(Self { spans, has_odd, resource_keys, columns })
    }

    /// Whether some spans have attributes that are not here.
    pub fn has_odd(&self) -> bool {
        self.has_odd
    }

    /// Whether a span's resource may have the key.
    pub fn is_of_resource(&self, key: &str) -> bool {
        self.resource_keys.contains(&key) || self.resource_keys.contains(&ANY_KEY)
    }

    /// The column of a key; none when no span has it.
    pub fn column(&self, key: &str) -> StoreResult<Option<Column>> {
        let found = self.columns.binary_search_by_key(&key, |(known, _)| *known);
        found.ok().map(|at| Column::read(self.columns[at].1, self.spans)).transpose()
    }

    /// All columns, by key.
    pub fn all(&self) -> impl Iterator<Item = StoreResult<(&'a str, Column)>> {
        self.columns.iter().map(|(key, stored)| Ok((*key, Column::read(stored, self.spans)?)))
    }

    /// The attributes of spans at these places as JSON objects; empty for none.
    pub fn objects(&self, places: std::ops::Range<usize>) -> StoreResult<Vec<String>> {
        let mut objects = vec![String::new(); places.len()];
        for column in self.all() {
            let (key, column) = column?;
            let key = serde_json::to_string(key).unwrap_or_default();
            for (object, at) in objects.iter_mut().zip(places.clone()) {
                let Some(value) = column.get(at) else { continue };
                object.push(if object.is_empty() { '{' } else { ',' });
                object.push_str(&key);
                object.push(':');
                value.write(object);
            }
        }
        for object in objects.iter_mut().filter(|object| !object.is_empty()) {
            object.push('}');
        }
        Ok(objects)
    }
}

/// What spans have of one key.
pub struct Column {
    bytes: Vec<u8>,
    /// Where each value ends, and where the first begins.
    ends: Vec<usize>,
    begin: usize,
    are_texts: bool,
    /// The number of each span's value.
    of: Vec<u32>,
}

impl Column {
    fn read(stored: &[u8], spans: usize) -> StoreResult<Self> {
        let bytes = match stored.split_first() {
            Some((&PLAIN, content)) => content.to_vec(),
            Some((&PACKED, packed)) => unpack(packed)?,
            _ => return Err(damaged("a column of attributes")),
        };
        let mut input = Reader::new(&bytes);
        let marks = input.array::<1>()?[0];
        let has: Option<&[u8]> = if marks & SOME_LACK_IT == 0 { None } else { Some(input.take(spans.div_ceil(8))?) };
        let has_key = |at: usize| has.is_none_or(|bits| bits[at / 8] & (1 << (at % 8)) != 0);
        let present = (0..spans).filter(|at| has_key(*at)).count();
        let values = if marks & ONE_EACH == 0 { input.count()? } else { present };
        if values > bytes.len() {
            return Err(damaged("a column has too many values"));
        }
        let lengths = (0..values).map(|_| input.varint()).collect::<StoreResult<Vec<_>>>()?;
        let begin = bytes.len() - input.left();
        let mut end = begin;
        let mut ends = Vec::with_capacity(values);
        for length in lengths {
            let next = usize::try_from(length).ok().and_then(|length| end.checked_add(length));
            end = next.filter(|end| *end <= bytes.len()).ok_or_else(|| damaged("a value's length"))?;
            ends.push(end);
        }
        if std::str::from_utf8(&bytes[begin..end]).is_err() {
            return Err(damaged("a value is not UTF-8"));
        }
        let mut indexes = Reader::new(&bytes[end..]);
        let mut each = 0;
        let mut next = || -> StoreResult<u32> {
            let number = if marks & ONE_EACH != 0 {
                each += 1;
                each - 1
            } else if values == 1 {
                0
            } else if marks & WIDE_INDEXES == 0 {
                u64::from(indexes.array::<1>()?[0])
            } else {
                indexes.varint()?
            };
            if number < values as u64 { Ok(number as u32) } else { Err(damaged("an index points nowhere")) }
        };
        let of = (0..spans).map(|at| if has_key(at) { next() } else { Ok(NONE) }).collect::<StoreResult<Vec<_>>>()?;
        let are_texts = marks & ARE_TEXTS != 0;
        Ok(Self { bytes, ends, begin, are_texts, of })
    }

    /// How many values there are; some may be the same.
    pub fn values(&self) -> usize {
        self.ends.len()
    }

    /// A value, by its number.
    pub fn value(&self, number: usize) -> JsonValue<'_> {
        let from = if number == 0 { self.begin } else { self.ends[number - 1] };
        let text = std::str::from_utf8(&self.bytes[from..self.ends[number]]).unwrap_or_default();
        if self.are_texts { JsonValue { inner: text, is_text: true } } else { JsonValue::of(text) }
    }

    /// The number of a span's value; none if the span lacks the key.
    pub fn number(&self, at: usize) -> Option<usize> {
        self.of.get(at).filter(|number| **number != NONE).map(|number| *number as usize)
    }

    /// What a span has.
    pub fn get(&self, at: usize) -> Option<JsonValue<'_>> {
        self.number(at).map(|number| self.value(number))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    fn section(objects: &[String]) -> Vec<u8> {
        let mut builder = AttributesBuilder::default();
        for (at, object) in objects.iter().enumerate() {
            assert!(builder.add(at, object), "{object}");
        }
        builder.build(objects.len(), &mut BloomBuilder::default()).unwrap()
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            "\\PC{0,8}".prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null),
            Just(json!(["a", 1.5, { "b": "\"" }])),
        ]
    }

    proptest! {
        #[test]
        fn attributes_come_back(
            objects in prop::collection::vec(prop::collection::btree_map("[a-c\"\\\\é]{0,2}", any_value(), 0..4), 0..400),
            from in 0usize..400,
        ) {
            let maps: Vec<Map<String, Value>> = objects.into_iter().map(|map| map.into_iter().collect()).collect();
            let text = |map: &Map<String, Value>| {
                if map.is_empty() { String::new() } else { Value::Object(map.clone()).to_string() }
            };
            let texts: Vec<String> = maps.iter().map(text).collect();
            let section = section(&texts);
            let attributes = Attributes::read(&section, texts.len()).unwrap();
            let from = from.min(texts.len());
            prop_assert_eq!(&attributes.objects(from..texts.len()).unwrap(), &texts[from..]);
            for key in maps.iter().flat_map(Map::keys) {
                let column = attributes.column(key).unwrap().unwrap();
                for (at, map) in maps.iter().enumerate() {
                    let value = map.get(key).map(super::super::matcher::text_of);
                    prop_assert_eq!(column.get(at).map(|value| value.text().into_owned()), value);
                }
            }
        }

        #[test]
        fn damage_is_an_error_and_never_a_panic(at in any::<usize>(), byte in any::<u8>(), many in 1usize..300) {
            let objects: Vec<String> = (0..many).map(|n| json!({ "a": n, "b": "x" }).to_string()).collect();
            let mut section = section(&objects);
            let at = at % section.len();
            section[at] = byte;
            if let Ok(attributes) = Attributes::read(&section, many) {
                let _either = attributes.objects(0..many);
            }
            if let Ok(attributes) = Attributes::read(&section[..at], many) {
                let _either = attributes.objects(0..many);
            }
        }
    }

    #[test]
    fn what_is_no_object_is_not_taken() {
        let mut builder = AttributesBuilder::default();
        assert!(!builder.add(0, "[1]") && !builder.add(0, "{") && builder.add(0, ""));
    }

    #[test]
    fn keys_without_end_are_kept_elsewhere() {
        let mut builder = AttributesBuilder::default();
        let objects: Vec<String> = (0..3000).map(|n| json!({ format!("k{n}"): n }).to_string()).collect();
        let taken = objects.iter().enumerate().filter(|(at, object)| builder.add(*at, object)).count();
        assert_eq!(taken, MAX_COLUMNS);
        let resource: Map<String, Value> = (0..300).map(|n| (format!("r{n}"), Value::from(n))).collect();
        builder.add_resource(&Value::Object(resource).to_string(), &mut BloomBuilder::default());
        let section = builder.build(3000, &mut BloomBuilder::default()).unwrap();
        let attributes = Attributes::read(&section, 3000).unwrap();
        assert!(attributes.has_odd() && attributes.is_of_resource("anything"));
    }

    #[test]
    fn a_key_that_occurs_twice_means_what_it_says_last() {
        let section = section(&[r#"{"a":1,"a":"2"}"#.to_owned()]);
        assert_eq!(Attributes::read(&section, 1).unwrap().objects(0..1).unwrap(), [r#"{"a":"2"}"#]);
    }
}
