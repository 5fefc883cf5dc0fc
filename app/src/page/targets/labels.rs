//! Labels as people type them: `zone=a, env=prod`.

use std::collections::BTreeMap;

use crate::api::ApiError;

/// The form's field.
pub const FIELD: &str = "settings.labels";

/// Reads labels; the error says what is none.
pub fn read(text: &str) -> Result<BTreeMap<String, String>, ApiError> {
    let mut labels = BTreeMap::new();
    for one in text.split([',', '\n']).map(str::trim).filter(|one| !one.is_empty()) {
        let Some((name, value)) = one.split_once('=') else {
            return Err(ApiError::invalid(FIELD, format!("`{one}` is no label: write name=value")));
        };
        let (name, value) = (name.trim(), value.trim());
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        if labels.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(ApiError::invalid(FIELD, format!("the label `{name}` is there twice")));
        }
    }
    Ok(labels)
}

/// Labels as [`read`] reads them.
pub fn written(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_they_are_written() {
        let labels = read(" zone = a,env=\"prod\"\nempty=, x=a=b ").unwrap();
        assert_eq!(written(&labels), "empty=, env=prod, x=a=b, zone=a");
        assert_eq!(read(&written(&labels)).unwrap(), labels);
        assert!(read("").unwrap().is_empty());
        assert!(read("zone").unwrap_err().message.contains("`zone`"));
        assert!(read("a=1,a=2").unwrap_err().message.contains("twice"));
    }
}
