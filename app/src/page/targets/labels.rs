//! Labels as people type them: `zone=a, env="prod, eu"`.

use std::collections::BTreeMap;

use crate::api::ApiError;

/// The form's field.
pub const FIELD: &str = "settings.labels";

/// Reads labels; the error says what is none. A value in quotes may hold anything, with `\` before `"` and `\`.
pub fn read(text: &str) -> Result<BTreeMap<String, String>, ApiError> {
    let mut labels = BTreeMap::new();
    let mut rest = text.trim_start_matches(is_between);
    while !rest.is_empty() {
        let one = rest.split([',', '\n']).next().unwrap_or_default();
        let Some((name, _)) = one.split_once('=') else {
            return Err(ApiError::invalid(FIELD, format!("`{}` is no label: write name=value", one.trim())));
        };
        rest = rest[name.len() + 1..].trim_start_matches([' ', '\t']);
        let value = if let Some(quoted) = rest.strip_prefix('"') {
            let (value, after) = unquoted(quoted)
                .ok_or_else(|| ApiError::invalid(FIELD, format!("the value of `{}` has no end", name.trim())))?;
            rest = after;
            value
        } else {
            let value = rest.split([',', '\n']).next().unwrap_or_default();
            rest = &rest[value.len()..];
            value.trim().to_owned()
        };
        if !rest.trim_start_matches([' ', '\t', '\r']).starts_with([',', '\n']) && !rest.trim().is_empty() {
            return Err(ApiError::invalid(FIELD, format!("after the value of `{}` a comma is needed", name.trim())));
        }
        rest = rest.trim_start_matches(is_between);
        if labels.insert(name.trim().to_owned(), value).is_some() {
            return Err(ApiError::invalid(FIELD, format!("the label `{}` is there twice", name.trim())));
        }
    }
    Ok(labels)
}

fn is_between(c: char) -> bool {
    c == ',' || c.is_whitespace()
}

/// The value of a text behind its first quote, and what follows the last.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// Labels as [`read`] reads them.
pub fn written(labels: &BTreeMap<String, String>) -> String {
    let one = |(name, value): (&String, &String)| {
        let is_plain = value.trim() == value && !value.contains([',', '\n', '"', '\\']);
        if is_plain {
            return format!("{name}={value}");
        }
        format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    };
    labels.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_are_read_as_they_are_written() {
        let labels = read(" zone = a,env=\"prod, eu\"\nempty=, x=a=b ").unwrap();
        assert_eq!(written(&labels), "empty=, env=\"prod, eu\", x=a=b, zone=a");
        assert!(read("").unwrap().is_empty() && read(" , \n").unwrap().is_empty());
        for (wrong, why) in [("zone", "`zone`"), ("a=1,a=2", "twice"), ("a=\"1", "no end"), ("a=\"1\" b=2", "comma")] {
            let message = read(wrong).unwrap_err().message;
            assert!(message.contains(why), "{wrong}: {message}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_value_is_it_stays(values in prop::collection::btree_map("[a-z]{1,3}", any::<String>(), 0..4)) {
            prop_assert_eq!(read(&written(&values)).unwrap(), values);
        }
    }
}
