//! Reads attributes where they lie: a JSON object is walked without being built.

use std::fmt;

use app::model::{AttributeTest, Comparison};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::block::StoredAttributes;
use crate::store::attributes::KeyedColumn;

/// A test of one attribute, ready to be asked many times.
#[derive(Debug, Clone)]
pub struct AttributeMatcher {
    key: String,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Exists,
    /// In lower case.
    Is(String),
    Compares(Comparison, f64),
}

impl AttributeMatcher {
    /// A test of this attribute.
    pub fn new(key: &str, test: &AttributeTest) -> Self {
        let test = match test {
            AttributeTest::Exists => Test::Exists,
            AttributeTest::Is(value) => Test::Is(value.to_lowercase()),
            // Only numbers get here; what is none compares with nothing.
            AttributeTest::Compares(comparison, number) => {
                Test::Compares(*comparison, number.parse().unwrap_or(f64::NAN))
            }
        };
        Self { key: key.to_owned(), test }
    }

    /// Whether attributes (a JSON object as text, or nothing) are as wanted.
    pub fn matches(&self, attributes: &str) -> bool {
        let mut input = serde_json::Deserializer::from_str(attributes);
        !attributes.is_empty() && Find(self).deserialize(&mut input).unwrap_or(false)
    }

    /// Leaves of these records of a block those that pass, or those that don't.
    pub fn retain(&self, stored: &StoredAttributes, is_negated: bool, rows: &mut Vec<usize>) {
        let (columns, odd) = match stored {
            StoredAttributes::Texts(texts) => return rows.retain(|row| self.matches(texts.get(*row)) != is_negated),
            StoredAttributes::Columns(columns, odd) => (columns, odd),
        };
        let is_told_by = |keyed: &&KeyedColumn| {
            self.key.strip_prefix(&keyed.key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        // With what was found of each value.
        let mut asked: Vec<(&KeyedColumn, Vec<Option<bool>>)> =
            columns.columns.iter().filter(is_told_by).map(|keyed| (keyed, vec![None; keyed.column.values()])).collect();
        rows.retain(|row| {
            let of_columns = asked.iter_mut().any(|(keyed, known)| {
                let Some(number) = keyed.column.number(*row) else { return false };
                *known[number].get_or_insert_with(|| self.accepts_at(&keyed.key, &keyed.column.value(number).parse()))
            });
            let holds = of_columns || odd.as_ref().is_some_and(|odd| self.matches(odd.get(*row)));
            holds != is_negated
        });
    }

    /// Whether the value of a field of this name, or what is within it, is accepted.
    fn accepts_at(&self, name: &str, value: &Value) -> bool {
        match self.key.get(name.len() + 1..) {
            Some(path) => at_path(value, path).is_some_and(|value| self.accepts(value)),
            None => self.accepts(value),
        }
    }

    fn accepts(&self, value: &Value) -> bool {
        match (&self.test, value) {
            (_, Value::Array(values)) if !matches!(self.test, Test::Exists) => {
                values.iter().any(|value| self.accepts(value))
            }
            (Test::Exists, _) => true,
            (Test::Is(wanted), Value::String(text)) => text.to_lowercase() == *wanted,
            (Test::Is(wanted), value) => value.to_string().to_lowercase() == *wanted,
            (Test::Compares(comparison, wanted), Value::Number(number)) => {
                number.as_f64().is_some_and(|number| comparison.holds(&number, wanted))
            }
            (Test::Compares(comparison, wanted), Value::String(text)) => {
                text.parse::<f64>().is_ok_and(|number| comparison.holds(&number, wanted))
            }
            (Test::Compares(..), _) => false,
        }
    }
}

/// The value at a path of names joined by dots, which names may have themselves: `http.status` is both
/// `{"http.status":…}` and `{"http":{"status":…}}`.
fn at_path<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let fields = value.as_object()?;
    fields.get(path).or_else(|| {
        let mut dots = path.match_indices('.');
        dots.find_map(|(dot, _)| at_path(fields.get(&path[..dot])?, &path[dot + 1..]))
    })
}

/// Whether some field of an object passes a test.
struct Find<'a>(&'a AttributeMatcher);

impl<'de> DeserializeSeed<'de> for Find<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<bool, D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Find<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut is_found = false;
        // What follows is read, too, as the reader wants the object's end; but nothing is built of it.
        while let Some(name) = map.next_key_seed(Name(&self.0.key))? {
            match name {
                Found::Whole if !is_found => is_found = self.0.accepts(&map.next_value()?),
                Found::Beginning(length) if !is_found => {
                    let value: Value = map.next_value()?;
                    is_found = at_path(&value, &self.0.key[length + 1..]).is_some_and(|value| self.0.accepts(value));
                }
                Found::Whole | Found::Beginning(_) | Found::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(is_found)
    }
}

/// How a name relates to the one that is looked for.
enum Found {
    Whole,
    /// The wanted name goes on with a dot after so many bytes.
    Beginning(usize),
    Other,
}

struct Name<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Found, D::Error> {
        input.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Found, E> {
        Ok(match self.0.strip_prefix(name) {
            Some("") => Found::Whole,
            Some(rest) if rest.starts_with('.') => Found::Beginning(name.len()),
            _ => Found::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use app::model::{LogCondition, LogSearch};
    use proptest::prelude::*;

    use super::*;

    fn matches(term: &str, attributes: &str) -> bool {
        let search: LogSearch = term.parse().unwrap();
        let LogCondition::Attribute(key, test) = &search.0[0].condition else { panic!("{term}") };
        AttributeMatcher::new(key, test).matches(attributes)
    }

    #[test]
    fn texts_numbers_and_words_are_compared_as_they_are_written() {
        let attributes =
            r#"{"status":500,"route":"/v1/Orders","cached":false,"a.b":1,"c":{"d":{"e.f":"x"}},"tags":["p","q"]}"#;
        for term in
            ["status:500", "route:/v1/orders", "cached:false", "a.b:1", "c.d.e.f:X", "c.d:*", "tags:q", "status:*"]
        {
            assert!(matches(term, attributes), "{term}");
        }
        for term in ["status:50", "route:orders", "cached:true", "a:*", "c.d.e:*", "tags:r", "missing:*", "b:1"] {
            assert!(!matches(term, attributes), "{term}");
        }
        assert!(!matches("status:*", "") && !matches("status:*", "{}") && !matches("status:*", "broken"));
    }

    #[test]
    fn numbers_compare() {
        let attributes = r#"{"ms":12.5,"code":"404","name":"x"}"#;
        for (term, expected) in
            [("ms:>12", true), ("ms:<=12.5", true), ("ms:<12", false), ("code:>=400", true), ("name:>0", false)]
        {
            assert_eq!(matches(term, attributes), expected, "{term}");
        }
    }

    proptest! {
        #[test]
        fn every_value_is_found_as_it_was_stored(key in "[a-y]{1,4}(\\.[a-z]{1,3})?", value in ".{0,10}") {
            let attributes = serde_json::json!({ "other": 1, key.clone(): value.clone(), "z": "z" }).to_string();
            let test = AttributeTest::Is(value);
            prop_assert!(AttributeMatcher::new(&key, &test).matches(&attributes));
        }

        #[test]
        fn no_text_makes_it_panic(attributes in ".{0,40}") {
            AttributeMatcher::new("a.b", &AttributeTest::Exists).matches(&attributes);
        }
    }
}
