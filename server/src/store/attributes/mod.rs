//! Attributes of the rows of a block, spans or log records: a column a key, each packed by itself, so that a search
//! unpacks what it asks for and nothing else.
//!
//! A section says whether there are attributes that are not in it, then the keys of the rows' resources, then it has a
//! directory of the columns (key and length, by key), then the columns. A column says which rows have the key, and what
//! they have: its different values once and an index a row, or, where most values differ or are short, one after the
//! other. Values are JSON; where all of a column are texts they stand without their quotes.

mod builder;

use std::borrow::Cow;

pub use builder::{AttributesBuilder, members};
use regex::bytes::Regex;
use serde_json::Value;

use crate::store::{
    StoreResult,
    column::{Reader, damaged, restore},
    texts::Texts,
};

/// Columns of a block, at most: each takes work with every row. What would need more, because somebody sends ids as keys,
/// is kept as text.
const MAX_COLUMNS: usize = 1024;
/// Keys of resources that are told, at most; more are told as [`ANY_KEY`].
const MAX_RESOURCE_KEYS: usize = 256;
/// Stands for every key.
const ANY_KEY: &str = "";
/// Marks of a column.
const SOME_LACK_IT: u8 = 1;
const ARE_TEXTS: u8 = 2;
const ONE_EACH: u8 = 4;
const WIDE_INDEXES: u8 = 8;
/// A row without the key.
const NONE: u32 = u32::MAX;

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

    /// As a value. What cannot be read is none.
    pub fn parse(self) -> Value {
        if self.is_text {
            Value::String(self.text().into_owned())
        } else {
            serde_json::from_str(self.inner).unwrap_or_default()
        }
    }

    /// As it stands in JSON, a text without its quotes.
    pub fn as_written(self) -> &'a str {
        self.inner
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

/// The attributes of a block's rows, each column still packed.
pub struct Attributes<'a> {
    rows: usize,
    has_odd: bool,
    resource_keys: Vec<&'a str>,
    /// By key.
    columns: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Attributes<'a> {
    /// Reads the section of so many rows.
    pub fn read(section: &'a [u8], rows: usize) -> StoreResult<Self> {
        let mut input = Reader::new(section);
        let has_odd = input.array::<1>()?[0] != 0;
        let resource_keys = (0..input.count()?).map(|_| input.text()).collect::<StoreResult<Vec<_>>>()?;
        let directory = (0..input.count()?)
            .map(|_| Ok((input.text()?, input.varint()? as usize)))
            .collect::<StoreResult<Vec<_>>>()?;
        if directory.len() > MAX_COLUMNS || !directory.is_sorted_by(|(one, _), (next, _)| one < next) {
            return Err(damaged("its directory of attributes"));
        }
        let columns = directory
            .into_iter()
            .map(|(key, length)| Ok((key, input.take(length)?)))
            .collect::<StoreResult<Vec<_>>>()?;
        Ok(Self { rows, has_odd, resource_keys, columns })
    }

    /// Whether some rows have attributes that are not here.
    pub fn has_odd(&self) -> bool {
        self.has_odd
    }

    /// Whether a row's resource may have the key.
    pub fn is_of_resource(&self, key: &str) -> bool {
        self.resource_keys.contains(&key) || self.resource_keys.contains(&ANY_KEY)
    }

    /// The column of a key; none when no row has it.
    pub fn column(&self, key: &str) -> StoreResult<Option<Column>> {
        let found = self.columns.binary_search_by_key(&key, |(known, _)| *known);
        found.ok().map(|at| Column::read(self.columns[at].1, self.rows)).transpose()
    }

    /// All columns, by key.
    pub fn all(&self) -> impl Iterator<Item = StoreResult<(&'a str, Column)>> {
        self.columns.iter().map(|(key, stored)| Ok((*key, Column::read(stored, self.rows)?)))
    }

    /// Unpacks all columns.
    pub fn open(&self) -> StoreResult<OpenAttributes> {
        let columns = self.all().map(|column| {
            let (key, column) = column?;
            let written = serde_json::to_string(key).unwrap_or_default() + ":";
            Ok(KeyedColumn { key: key.to_owned(), written, column })
        });
        Ok(OpenAttributes { columns: columns.collect::<StoreResult<_>>()? })
    }

    /// The attributes of rows at these places as JSON objects; empty for none.
    pub fn objects(&self, places: std::ops::Range<usize>) -> StoreResult<Vec<String>> {
        let open = self.open()?;
        let object = |at| {
            let mut object = String::new();
            open.write(at, &mut object);
            object
        };
        Ok(places.map(object).collect())
    }
}

/// A column with its key, also as it is written before a value.
pub struct KeyedColumn {
    /// As it is.
    pub key: String,
    written: String,
    /// What rows have of it.
    pub column: Column,
}

/// All attributes of a block's rows.
pub struct OpenAttributes {
    /// By key.
    pub columns: Vec<KeyedColumn>,
}

impl OpenAttributes {
    /// Writes what a row has as a JSON object, if it has any.
    pub fn write(&self, at: usize, out: &mut String) {
        let mut has_any = false;
        for KeyedColumn { written, column, .. } in &self.columns {
            let Some(value) = column.get(at) else { continue };
            out.push(if has_any { ',' } else { '{' });
            has_any = true;
            out.push_str(written);
            value.write(out);
        }
        if has_any {
            out.push('}');
        }
    }

    /// Marks the rows with an object in which the expression matches within a key or within a value.
    pub fn mark(&self, wanted: &Regex, rows: &mut [bool]) {
        for KeyedColumn { written, column, .. } in &self.columns {
            let of_all = wanted.is_match(written.as_bytes());
            let mut of_values = vec![of_all; column.values.count()];
            if !of_all {
                column.values.each_match(wanted, |number| of_values[number] = true);
            }
            column.mark(&of_values, rows);
        }
    }

    /// Bytes of what is unpacked.
    pub fn size(&self) -> usize {
        self.columns
            .iter()
            .map(|keyed| keyed.column.values.size() + keyed.column.of.as_ref().map_or(0, Vec::len) * size_of::<u32>())
            .sum()
    }
}

/// What rows have of one key.
pub struct Column {
    values: Texts,
    are_texts: bool,
    /// The number of each row's value; nothing when each row has one of its own.
    of: Option<Vec<u32>>,
}

impl Column {
    fn read(stored: &[u8], rows: usize) -> StoreResult<Self> {
        let bytes = restore(stored)?.into_owned();
        let mut input = Reader::new(&bytes);
        let marks = input.array::<1>()?[0];
        let has = if marks & SOME_LACK_IT == 0 { None } else { Some(input.take(rows.div_ceil(8))?.to_vec()) };
        let is_present = |bits: &[u8], at: usize| bits[at / 8] & (1 << (at % 8)) != 0;
        let present = has.as_ref().map_or(rows, |bits| (0..rows).filter(|at| is_present(bits, *at)).count());
        let values = if marks & ONE_EACH == 0 { input.count()? } else { present };
        let begin = bytes.len() - input.left();
        let values = Texts::read(bytes, begin, values)?;
        let mut indexes = Reader::new(values.rest());
        let of: Vec<u32> = if marks & ONE_EACH != 0 && has.is_none() {
            return Ok(Self { values, are_texts: marks & ARE_TEXTS != 0, of: None });
        } else if marks & ONE_EACH != 0 {
            (0..present as u32).collect()
        } else if values.count() == 1 {
            vec![0; present]
        } else if marks & WIDE_INDEXES == 0 {
            indexes.take(present)?.iter().map(|number| u32::from(*number)).collect()
        } else {
            indexes.indexes(present, values.count())?
        };
        if of.iter().max().is_some_and(|number| *number as usize >= values.count()) {
            return Err(damaged("an index points nowhere"));
        }
        let of = match has {
            None => of,
            Some(bits) => {
                let mut numbers = of.into_iter();
                let mut number = |at| if is_present(&bits, at) { numbers.next().unwrap_or(NONE) } else { NONE };
                (0..rows).map(&mut number).collect()
            }
        };
        Ok(Self { values, are_texts: marks & ARE_TEXTS != 0, of: Some(of) })
    }

    /// How many values there are; some may be the same.
    pub fn values(&self) -> usize {
        self.values.count()
    }

    /// A value, by its number.
    pub fn value(&self, number: usize) -> JsonValue<'_> {
        let text = self.values.get(number);
        if self.are_texts { JsonValue { inner: text, is_text: true } } else { JsonValue::of(text) }
    }

    /// Of each value whether the condition, which only values with this in them can fulfil, holds. One search over all
    /// rules out most of them.
    pub fn which(&self, within: Option<&Regex>, holds: impl Fn(&str) -> bool) -> Vec<bool> {
        let Some(within) = within.filter(|_| !self.values.have(b'\\')) else {
            return (0..self.values()).map(|number| holds(&self.value(number).text())).collect();
        };
        let mut which = vec![false; self.values()];
        self.values.each_match(within, |number| which[number] = holds(&self.value(number).text()));
        which
    }

    /// The number of a row's value; none if the row lacks the key.
    pub fn number(&self, at: usize) -> Option<usize> {
        match &self.of {
            None => Some(at).filter(|at| *at < self.values.count()),
            Some(of) => of.get(at).filter(|number| **number != NONE).map(|number| *number as usize),
        }
    }

    /// What a row has.
    pub fn get(&self, at: usize) -> Option<JsonValue<'_>> {
        self.number(at).map(|number| self.value(number))
    }

    /// Marks the rows whose value is wanted, which is told of each by its number.
    pub fn mark(&self, wanted: &[bool], rows: &mut [bool]) {
        if !wanted.contains(&true) {
            return;
        }
        match &self.of {
            None => rows.iter_mut().zip(wanted).for_each(|(row, wanted)| *row |= wanted),
            Some(of) => {
                for (row, number) in rows.iter_mut().zip(of) {
                    *row |= *number != NONE && wanted[*number as usize];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;

    fn section(objects: &[String]) -> Vec<u8> {
        let mut builder = AttributesBuilder::default();
        for (at, object) in objects.iter().enumerate() {
            assert!(builder.add(at, object), "{object}");
        }
        builder.build(objects.len()).unwrap()
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
                    let value = map.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
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
        builder.add_resource(&Value::Object(resource).to_string());
        let section = builder.build(3000).unwrap();
        let attributes = Attributes::read(&section, 3000).unwrap();
        assert!(attributes.has_odd() && attributes.is_of_resource("anything"));
    }

    #[test]
    fn a_key_that_occurs_twice_means_what_it_says_last() {
        let section = section(&[r#"{"a":1,"a":"2"}"#.to_owned()]);
        assert_eq!(Attributes::read(&section, 1).unwrap().objects(0..1).unwrap(), [r#"{"a":"2"}"#]);
    }
}
