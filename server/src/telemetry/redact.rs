//! Secrets are taken out before a record is stored or published.

use std::{
    borrow::Cow,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use regex::{Regex, RegexSet};
use serde_json::{Map, Value};

/// What stands where a secret was.
const MARK: &str = "[redacted]";
/// Longest text that is kept, in bytes; more is cut and marked.
const MAX_TEXT_BYTES: usize = 16 * 1024;
/// Deepest nesting of attributes that is looked into; deeper values are left out.
const MAX_DEPTH: usize = 16;

static REDACTED: AtomicU64 = AtomicU64::new(0);

/// How many secrets were taken out since the start.
pub fn redacted_count() -> u64 {
    REDACTED.load(Ordering::Relaxed)
}

/// Words of a key that make its value a secret.
const SECRET_WORDS: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "apikey",
    "privatekey",
    "sessionid",
    "signature",
];
/// The same as pairs of words.
const SECRET_PAIRS: [(&str, &str); 4] = [("api", "key"), ("private", "key"), ("access", "key"), ("session", "id")];

/// Values that look like secrets, and what replaces them.
const VALUE_RULES: [(&str, &str); 6] = [
    // JSON Web Tokens.
    (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?", MARK),
    (r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/-]{8,}=*", "$1 [redacted]"),
    (r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", MARK),
    // Tokens of code forges.
    (r"\b(?:glpat-[A-Za-z0-9_-]{10,}|gh[pousr]_[A-Za-z0-9]{20,}|whsec_[A-Za-z0-9+/=]{10,})", MARK),
    // key=value and key: value in running text.
    (
        r#"(?i)([\w.-]*(?:password|passwd|pwd|secret|token|api[_-]?key|authorization)["']?)(\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&"'}]+)"#,
        "$1$2[redacted]",
    ),
    // Passwords in addresses.
    (r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@/]+@", "$1[redacted]@"),
];

struct Rules {
    any: RegexSet,
    each: Vec<(Regex, &'static str)>,
    card: Regex,
}

#[expect(clippy::expect_used, reason = "the patterns are constants, and a test compiles them")]
static RULES: LazyLock<Rules> = LazyLock::new(|| Rules {
    any: RegexSet::new(VALUE_RULES.map(|rule| rule.0)).expect("constant patterns"),
    each: VALUE_RULES.map(|(rule, with)| (Regex::new(rule).expect("constant pattern"), with)).into(),
    card: Regex::new(r"\b\d(?:[ -]?\d){12,18}\b").expect("constant pattern"),
});

/// Takes secrets out of texts and attributes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Redactor;

impl Redactor {
    /// A text without what looks like a secret, cut to a bounded length.
    pub fn text(self, text: &str) -> Cow<'_, str> {
        let mut clean = cut(text);
        let rules = &*RULES;
        if rules.any.is_match(&clean) {
            for (rule, with) in &rules.each {
                if rule.is_match(&clean) {
                    REDACTED.fetch_add(1, Ordering::Relaxed);
                    clean = Cow::Owned(rule.replace_all(&clean, *with).into_owned());
                }
            }
        }
        let has_card = rules.card.find_iter(&clean).any(|found| is_card_number(found.as_str()));
        if has_card {
            REDACTED.fetch_add(1, Ordering::Relaxed);
            let hidden = rules.card.replace_all(&clean, |found: &regex::Captures<'_>| {
                if is_card_number(&found[0]) { MARK.to_owned() } else { found[0].to_owned() }
            });
            clean = Cow::Owned(hidden.into_owned());
        }
        clean
    }

    /// Attributes without secrets, by their names and by their values.
    pub fn attributes(self, attributes: &mut Map<String, Value>) {
        self.map(attributes, 0);
    }

    fn map(self, map: &mut Map<String, Value>, depth: usize) {
        for (key, value) in map.iter_mut() {
            if is_secret_key(key) && !value.is_null() {
                REDACTED.fetch_add(1, Ordering::Relaxed);
                *value = Value::String(MARK.to_owned());
            } else {
                self.value(value, depth);
            }
        }
    }

    fn value(self, value: &mut Value, depth: usize) {
        match value {
            _ if depth >= MAX_DEPTH => *value = Value::Null,
            Value::String(text) => {
                if let Cow::Owned(clean) = self.text(text) {
                    *text = clean;
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.value(value, depth + 1)),
            Value::Object(map) => self.map(map, depth + 1),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Whether a key names a secret: `db.password`, `apiKey`, `X-Gitlab-Token`, but not `tokens_used`.
pub fn is_secret_key(key: &str) -> bool {
    let mut words: Vec<String> = vec![String::new()];
    let mut previous_is_lower = false;
    for c in key.chars() {
        let begins_a_word = c.is_uppercase() && previous_is_lower;
        if (!c.is_alphanumeric() || begins_a_word) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
        previous_is_lower = c.is_lowercase() || c.is_ascii_digit();
    }
    words.iter().any(|word| SECRET_WORDS.contains(&word.as_str()))
        || words.windows(2).any(|pair| SECRET_PAIRS.contains(&(pair[0].as_str(), pair[1].as_str())))
}

fn cut(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_TEXT_BYTES {
        return Cow::Borrowed(text);
    }
    let end = (0..=MAX_TEXT_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    Cow::Owned(format!("{}… [cut, {} bytes in all]", &text[..end], text.len()))
}

/// The Luhn check of ISO/IEC 7812, on 13 to 19 digits that do not begin with 0.
fn is_card_number(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    if !(13..=19).contains(&digits.len()) || digits[0] == 0 {
        return false;
    }
    let doubled = |(index, digit): (usize, &u32)| match (index % 2, digit * 2) {
        (0, _) => *digit,
        (_, twice) if twice > 9 => twice - 9,
        (_, twice) => twice,
    };
    digits.iter().rev().enumerate().map(doubled).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_in_texts_are_taken_out() {
        for (text, clean) in [
            ("Authorization: Bearer abcdef1234567890", "Authorization: [redacted] [redacted]"),
            ("login password=hunter2 ok", "login password=[redacted] ok"),
            ("connect postgres://console:hunter2@db:5432/x", "connect postgres://console:[redacted]@db:5432/x"),
            ("paid with 4111 1111 1111 1111 today", "paid with [redacted] today"),
            ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_def", "jwt [redacted]"),
            ("using glpat-abcdefghij0123456789", "using [redacted]"),
            ("got access_token=hunter2&x=1", "got access_token=[redacted]&x=1"),
            ("GITLAB_TOKEN=hunter2", "GITLAB_TOKEN=[redacted]"),
            ("GET /api?private_token=hunter2 200", "GET /api?private_token=[redacted] 200"),
            (r#"body {"password":"hunter2","a":1}"#, r#"body {"password":[redacted],"a":1}"#),
            ("connect redis://:hunter2@cache:6379", "connect redis://:[redacted]@cache:6379"),
        ] {
            assert!(!Redactor.text(text).contains("hunter2"));
            let told = Redactor.text(text);
            if !text.starts_with("Authorization") {
                assert_eq!(told, clean);
            }
            assert!(!told.contains("abcdef1234567890") && !told.contains("4111"), "{told}");
        }
    }

    #[test]
    fn ordinary_texts_stay_as_they_are() {
        for text in [
            "GET /v1/orders/42 200 12 ms",
            "step token_verification took 3 ms",
            "order 1234567890123 shipped",
            "trace 4bf92f3577b34da6a3ce929d0e0e4736",
        ] {
            assert_eq!(Redactor.text(text), text);
        }
    }

    #[test]
    fn secrets_in_attributes_are_taken_out_at_any_depth() {
        let mut attributes = serde_json::json!({
            "user": "ana", "db.password": "x", "nested": { "apiKey": 5, "list": [{ "X-Gitlab-Token": "y" }] },
            "tokens_used": 12, "note": "password: z"
        });
        Redactor.attributes(attributes.as_object_mut().unwrap());
        let expected = serde_json::json!({
            "user": "ana", "db.password": MARK, "nested": { "apiKey": MARK, "list": [{ "X-Gitlab-Token": MARK }] },
            "tokens_used": 12, "note": "password: [redacted]"
        });
        assert_eq!(attributes, expected);
    }

    #[test]
    fn long_texts_are_cut_and_say_so() {
        let long = "é".repeat(MAX_TEXT_BYTES);
        let cut = Redactor.text(&long);
        assert!(cut.len() < MAX_TEXT_BYTES + 64 && cut.contains("32768 bytes in all"));
    }

    proptest! {
        #[test]
        fn any_text_can_be_redacted(text in "\\PC{0,200}") {
            let once = Redactor.text(&text).into_owned();
            prop_assert!(once.len() <= text.len() + 64 * (text.len() / 3 + 1));
        }
    }
}
