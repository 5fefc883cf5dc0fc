//! Labels of series as programs send them: checked, bounded, without secrets.

use serde_json::{Map, Value};

use crate::{
    store::sample::{Labels, NAME},
    telemetry::Redactor,
};

/// Most labels of a series, its name among them.
pub const MAX_LABELS: usize = 128;
/// Largest labels of a series, names and values, in bytes.
pub const MAX_BYTES: usize = 16 * 1024;
/// Longest name of a metric, in bytes: an index over names must take it.
pub const MAX_NAME_BYTES: usize = 1024;
/// A label whose name looks like that of a secret and names none: which tokens of a language model are counted.
const NO_SECRET: &str = "gen_ai_token_type";

/// Why a series is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// A series without a name.
    #[error("a series has no name (`__name__`)")]
    NoName,
    /// A label without a name, or a NUL in a name or value.
    #[error("series {0} has a label without a name, or with a NUL character in it")]
    LabelName(String),
    /// Two labels with one name.
    #[error("series {0} has the label `{1}` twice")]
    Twice(String, String),
    /// Too many labels.
    #[error("series {0} has more than {MAX_LABELS} labels")]
    TooMany(String),
    /// Too large.
    #[error(
        "series {0} is too large: a name may have {MAX_NAME_BYTES} bytes, all labels with their names {MAX_BYTES} bytes"
    )]
    TooLarge(String),
}

/// Checks the labels of a series and takes secrets out of them. An empty label is none.
pub fn read<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, redactor: &Redactor) -> Result<Labels, SeriesError> {
    let pairs: Vec<(&str, &str)> = pairs.collect();
    let of = |name: &str| pairs.iter().find(|(label, _)| *label == name).map_or("", |(_, value)| value);
    let name = of(NAME);
    let called = || name.chars().take(100).collect::<String>();
    if name.is_empty() {
        return Err(SeriesError::NoName);
    }
    if pairs.len() > MAX_LABELS {
        return Err(SeriesError::TooMany(called()));
    }
    let bytes: usize = pairs.iter().map(|(label, value)| label.len() + value.len()).sum();
    if bytes > MAX_BYTES || name.len() > MAX_NAME_BYTES {
        return Err(SeriesError::TooLarge(called()));
    }
    let is_odd = |(label, value): &(&str, &str)| label.is_empty() || label.contains('\0') || value.contains('\0');
    if pairs.iter().any(is_odd) {
        return Err(SeriesError::LabelName(called()));
    }
    let mut clean = Map::new();
    let mut untouched = Vec::new();
    for (label, value) in &pairs {
        if matches!(*label, NAME | NO_SECRET | "le" | "quantile") {
            untouched.push(((*label).to_owned(), (*value).to_owned()));
        } else if clean.insert((*label).to_owned(), Value::String((*value).to_owned())).is_some() {
            return Err(SeriesError::Twice(called(), (*label).to_owned()));
        }
    }
    if let Some(twice) =
        untouched.iter().enumerate().find(|(at, (label, _))| untouched[..*at].iter().any(|(other, _)| other == label))
    {
        return Err(SeriesError::Twice(called(), twice.1.0.clone()));
    }
    redactor.attributes(&mut clean);
    let clean = clean.into_iter().map(|(label, value)| match value {
        Value::String(text) => (label, text),
        other => (label, other.to_string()),
    });
    Ok(Labels::new(clean.chain(untouched)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pairs: &[(&str, &str)]) -> Result<String, SeriesError> {
        read(pairs.iter().copied(), &Redactor::default()).map(|labels| labels.to_string())
    }

    #[test]
    fn labels_are_checked_and_lose_their_secrets() {
        assert_eq!(told(&[("job", "x"), (NAME, "up"), ("zone", "")]).unwrap(), r#"up{job="x"}"#);
        assert_eq!(told(&[(NAME, "up"), ("gen_ai_token_type", "input")]).unwrap(), r#"up{gen_ai_token_type="input"}"#);
        assert!(!told(&[(NAME, "up"), ("password", "hunter2")]).unwrap().contains("hunter2"));
        assert_eq!(told(&[("job", "x")]), Err(SeriesError::NoName));
        assert_eq!(told(&[(NAME, "a"), ("b", "1"), ("b", "2")]), Err(SeriesError::Twice("a".into(), "b".into())));
        assert_eq!(told(&[(NAME, "a"), (NAME, "b")]), Err(SeriesError::Twice("a".into(), NAME.into())));
        assert_eq!(told(&[(NAME, "a"), ("", "1")]), Err(SeriesError::LabelName("a".into())));
        assert_eq!(told(&[(NAME, "a\0")]), Err(SeriesError::LabelName("a\0".into())));
        let large = "x".repeat(MAX_BYTES);
        assert_eq!(told(&[(NAME, "a"), ("b", &large)]), Err(SeriesError::TooLarge("a".into())));
        let names: Vec<String> = (0..MAX_LABELS).map(|n| format!("l{n}")).collect();
        let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).chain([(NAME, "a")]).collect();
        assert_eq!(told(&many), Err(SeriesError::TooMany("a".into())));
    }
}
