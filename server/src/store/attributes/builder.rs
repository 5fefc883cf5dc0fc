//! Writes the section.

use std::{borrow::Cow, collections::BTreeSet};

use foldhash::HashMap;
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use super::{ANY_KEY, ARE_TEXTS, JsonValue, MAX_COLUMNS, MAX_RESOURCE_KEYS, ONE_EACH, SOME_LACK_IT, WIDE_INDEXES};
use crate::store::{
    StoreResult,
    column::{put_bytes, put_varint, store, store_values},
};

/// Values of a wide column that are so short, in bytes on average, take less than the numbers of different ones.
const SHORT_VALUE: usize = 5;
/// Columns with as few bytes a row are packed as small values are.
const SMALL_VALUE: usize = 16;

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

#[derive(Default)]
struct Building<'a> {
    values: Vec<&'a str>,
    index: HashMap<&'a str, u32>,
    /// Rows that have the key, ascending, each with the number of its value.
    rows: Vec<(u32, u32)>,
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
    /// Adds the attributes of the row at a place, after those of all places before it. False if they are no JSON object,
    /// or too different from the others: then they are to be kept elsewhere.
    pub fn add(&mut self, at: usize, json: &'a str) -> bool {
        if json.is_empty() {
            return true;
        }
        let entries = serde_json::from_str::<Entries<'a>>(json).map(|Entries(entries)| entries).unwrap_or_default();
        let unknown = || entries.iter().filter(|(key, _)| !self.index.contains_key(key)).count();
        let may_be_too_many = self.columns.len() + entries.len() > MAX_COLUMNS;
        if entries.is_empty() || may_be_too_many && self.columns.len() + unknown() > MAX_COLUMNS {
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
            match column.rows.last_mut() {
                // A key that occurs twice means what it says last.
                Some((last, of)) if *last == at as u32 => *of = number,
                _ => column.rows.push((at as u32, number)),
            }
        }
        true
    }

    /// Adds the keys of a resource.
    pub fn add_resource(&mut self, json: &str) {
        for (key, _) in members(json) {
            if self.resource_keys.len() < MAX_RESOURCE_KEYS {
                self.resource_keys.insert(key.into_owned());
            } else if !self.resource_keys.contains(&*key) {
                self.resource_keys.insert(ANY_KEY.to_owned());
            }
        }
    }

    /// Each key with the different values of it.
    pub fn contents(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = JsonValue<'a>>)> {
        self.index.iter().map(|(key, at)| (&**key, self.columns[*at].values.iter().map(|value| JsonValue::of(value))))
    }

    /// The section, for so many rows.
    pub fn build(self, rows: usize) -> StoreResult<Vec<u8>> {
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
            let content = column.write(rows);
            let content = if content.len() <= SMALL_VALUE * rows { store_values(&content) } else { store(&content) }?;
            put_bytes(&mut out, key.as_bytes());
            put_varint(&mut out, content.len() as u64);
            stored.extend(content);
        }
        out.extend(stored);
        Ok(out)
    }
}

impl Building<'_> {
    fn write(&self, rows: usize) -> Vec<u8> {
        let are_texts = self.values.iter().all(|value| JsonValue::of(value).is_text);
        let inner = |value: &'_ str| if are_texts { value[1..value.len() - 1].len() } else { value.len() };
        let body = |value: &str, out: &mut Vec<u8>| {
            out.extend(if are_texts { &value.as_bytes()[1..value.len() - 1] } else { value.as_bytes() });
        };
        let is_wide = self.values.len() > 256;
        let is_short =
            || self.values.iter().map(|value| inner(value)).sum::<usize>() <= SHORT_VALUE * self.values.len();
        let differ = self.values.len() * 2 > self.rows.len() && self.values.len() > 1;
        let one_each = differ || is_wide && is_short();
        let lacking = self.rows.len() < rows;
        let mut out = vec![
            (u8::from(lacking) * SOME_LACK_IT)
                | (u8::from(are_texts) * ARE_TEXTS)
                | (u8::from(one_each) * ONE_EACH)
                | (u8::from(is_wide) * WIDE_INDEXES),
        ];
        if lacking {
            let mut bits = vec![0_u8; rows.div_ceil(8)];
            for (at, _) in &self.rows {
                bits[*at as usize / 8] |= 1 << (at % 8);
            }
            out.extend(bits);
        }
        if one_each {
            let values = || self.rows.iter().map(|(_, number)| self.values[*number as usize]);
            values().for_each(|value| put_varint(&mut out, inner(value) as u64));
            values().for_each(|value| body(value, &mut out));
            return out;
        }
        put_varint(&mut out, self.values.len() as u64);
        self.values.iter().for_each(|value| put_varint(&mut out, inner(value) as u64));
        self.values.iter().for_each(|value| body(value, &mut out));
        match (self.values.len(), is_wide) {
            (1, _) => {}
            (_, false) => out.extend(self.rows.iter().map(|(_, number)| *number as u8)),
            (_, true) => self.rows.iter().for_each(|(_, number)| put_varint(&mut out, u64::from(*number))),
        }
        out
    }
}

/// The members of a JSON object, values as they are written. What is no object has none.
pub fn members(json: &str) -> Vec<(Cow<'_, str>, JsonValue<'_>)> {
    let Ok(Entries(entries)) = serde_json::from_str::<Entries<'_>>(json) else { return Vec::new() };
    entries.into_iter().map(|(key, value)| (key, JsonValue::of(value))).collect()
}
