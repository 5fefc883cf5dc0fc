//! Secrets are taken out before a record is stored or published.

use std::{
    borrow::Cow,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use app::model::{RedactedSample, RedactionRule, RedactionRules};

use foldhash::HashMap;
use regex::{Regex, RegexSet};
use serde_json::{Map, Value};

use crate::config::RedactionConfig;

/// What stands where a secret was.
const MARK: &str = "[redacted]";
/// Longest text that is kept, in bytes; more is cut and marked.
const MAX_TEXT_BYTES: usize = 16 * 1024;
/// Deepest nesting of attributes that is looked into; deeper values are left out.
const MAX_DEPTH: usize = 16;

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

/// Values that look like secrets: what they are, how they look, and what replaces them.
const VALUE_RULES: [(&str, &str, &str); 6] = [
    ("JSON Web Token", r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?", MARK),
    ("Authorization value", r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/-]{8,}=*", "$1 [redacted]"),
    ("Private key", r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", MARK),
    (
        "Token of GitLab, GitHub or Console",
        r"\b(?:glpat-[A-Za-z0-9_-]{10,}|gh[pousr]_[A-Za-z0-9]{20,}|whsec_[A-Za-z0-9+/=]{10,}|csl_[A-Za-z0-9_-]{20,})",
        MARK,
    ),
    (
        "Secret in running text (key=value, key: value)",
        r#"(?i)([\w.-]*(?:password|passwd|pwd|secret|token|api[_-]?key|authorization)["']?)(\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&"'}]+)"#,
        "$1$2[redacted]",
    ),
    ("Password in an address", r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@/]+@", "$1[redacted]@"),
];
/// Fewest digits of a payment card's number.
const CARD_DIGITS: usize = 13;
/// Keys about which it is remembered whether they name a secret, and the longest of them in bytes.
const KNOWN_KEYS: usize = 4096;
const KNOWN_KEY_BYTES: usize = 128;
/// Where a number may be that of a payment card; its check digit decides.
const CARD: (&str, &str) = ("Payment card number (with its check digit)", r"\b\d(?:[ -]?\d){12,18}\b");

/// A rule about values, ready to be used.
struct ValueRule {
    name: String,
    pattern: Regex,
    with: String,
    is_own: bool,
}

struct Rules {
    any: RegexSet,
    values: Vec<ValueRule>,
    card: Regex,
    /// Words of keys, in lower case, besides those that are always secret.
    own_words: Vec<String>,
    /// What was found out about keys: senders have few, and each comes with every span and line.
    known_keys: RwLock<HashMap<String, bool>>,
}

impl Rules {
    fn new(config: &RedactionConfig) -> Result<Self, regex::Error> {
        let built_in = VALUE_RULES.map(|(name, pattern, with)| (name.to_owned(), pattern, with.to_owned(), false));
        let own = config
            .patterns
            .iter()
            .map(|pattern| ("From the configuration".to_owned(), pattern.as_str(), MARK.to_owned(), true));
        let values = built_in
            .into_iter()
            .chain(own)
            .map(|(name, pattern, with, is_own)| Ok(ValueRule { name, pattern: Regex::new(pattern)?, with, is_own }));
        let values: Vec<ValueRule> = values.collect::<Result<_, regex::Error>>()?;
        Ok(Self {
            any: RegexSet::new(values.iter().map(|rule| rule.pattern.as_str()))?,
            values,
            card: Regex::new(CARD.1)?,
            own_words: config.keys.iter().map(|word| word.to_lowercase()).collect(),
            known_keys: RwLock::default(),
        })
    }
}

/// Takes secrets out of texts and attributes, and counts them.
#[derive(Clone)]
pub struct Redactor {
    rules: Arc<Rules>,
    count: Arc<AtomicU64>,
}

impl Default for Redactor {
    #[expect(clippy::expect_used, reason = "the patterns are constants, and a test compiles them")]
    fn default() -> Self {
        Self::new(&RedactionConfig::default()).expect("constant patterns")
    }
}

impl Redactor {
    /// With the rules of the configuration besides those that are always there.
    pub fn new(config: &RedactionConfig) -> Result<Self, regex::Error> {
        Ok(Self { rules: Arc::new(Rules::new(config)?), count: Arc::default() })
    }

    /// How many secrets were taken out.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// The rules, for people.
    pub fn describe(&self) -> RedactionRules {
        let pairs = SECRET_PAIRS.map(|(first, second)| format!("{first} {second}"));
        let keys = SECRET_WORDS.map(str::to_owned).into_iter().chain(pairs).chain(self.rules.own_words.iter().cloned());
        let rule = |rule: &ValueRule| RedactionRule {
            name: rule.name.clone(),
            pattern: rule.pattern.as_str().to_owned(),
            is_own: rule.is_own,
        };
        let card = RedactionRule { name: CARD.0.to_owned(), pattern: CARD.1.to_owned(), is_own: false };
        let mut values: Vec<RedactionRule> = self.rules.values.iter().map(rule).collect();
        values.push(card);
        RedactionRules { keys: keys.collect(), values, redacted: self.count() }
    }

    /// What would be stored of a sample: JSON as attributes are treated, anything else as a text. Counts nothing.
    pub fn sample(&self, sample: &str) -> RedactedSample {
        let apart = Self { rules: self.rules.clone(), count: Arc::default() };
        let text = match serde_json::from_str::<Value>(sample) {
            Ok(mut value @ (Value::Object(_) | Value::Array(_))) => {
                apart.value(&mut value, 0);
                serde_json::to_string_pretty(&value).unwrap_or_default()
            }
            _ => apart.text(sample).into_owned(),
        };
        RedactedSample { text, redacted: apart.count() }
    }

    /// A text without what looks like a secret, cut to a bounded length.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut clean = cut(text);
        let rules = &*self.rules;
        if rules.any.is_match(&clean) {
            for rule in &rules.values {
                let found = rule.pattern.find_iter(&clean).count();
                if found > 0 {
                    self.count.fetch_add(found as u64, Ordering::Relaxed);
                    clean = Cow::Owned(rule.pattern.replace_all(&clean, rule.with.as_str()).into_owned());
                }
            }
        }
        let may_hold_card = clean.bytes().filter(u8::is_ascii_digit).count() >= CARD_DIGITS;
        let is_card = |found: &regex::Match<'_>| is_card_number(found.as_str());
        let cards = if may_hold_card { rules.card.find_iter(&clean).filter(is_card).count() } else { 0 };
        if cards > 0 {
            self.count.fetch_add(cards as u64, Ordering::Relaxed);
            let hidden = rules.card.replace_all(&clean, |found: &regex::Captures<'_>| {
                if is_card_number(&found[0]) { MARK.to_owned() } else { found[0].to_owned() }
            });
            clean = Cow::Owned(hidden.into_owned());
        }
        clean
    }

    /// Attributes without secrets, by their names and by their values.
    pub fn attributes(&self, attributes: &mut Map<String, Value>) {
        self.map(attributes, 0);
    }

    /// Whether a key names a secret: `db.password`, `apiKey`, `X-Gitlab-Token`, but not `tokens_used`.
    pub fn is_secret_key(&self, key: &str) -> bool {
        let known = &self.rules.known_keys;
        if let Some(is_secret) = known.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return *is_secret;
        }
        let is_secret = self.names_secret(key);
        if key.len() <= KNOWN_KEY_BYTES {
            let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
            // Somebody sends keys without end: those that are in use are soon known again.
            if known.len() >= KNOWN_KEYS {
                known.clear();
            }
            known.insert(key.to_owned(), is_secret);
        }
        is_secret
    }

    fn names_secret(&self, key: &str) -> bool {
        let words = words_of(key);
        words.iter().any(|word| SECRET_WORDS.contains(&word.as_str()) || self.rules.own_words.contains(word))
            || words.windows(2).any(|pair| SECRET_PAIRS.contains(&(pair[0].as_str(), pair[1].as_str())))
    }

    fn map(&self, map: &mut Map<String, Value>, depth: usize) {
        for (key, value) in map.iter_mut() {
            if self.is_secret_key(key) && !value.is_null() {
                self.count.fetch_add(1, Ordering::Relaxed);
                *value = Value::String(MARK.to_owned());
            } else {
                self.value(value, depth);
            }
        }
    }

    fn value(&self, value: &mut Value, depth: usize) {
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

/// The words that a key is made of, in lower case.
fn words_of(key: &str) -> Vec<String> {
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
    words
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
            let redactor = Redactor::default();
            assert!(!redactor.text(text).contains("hunter2"));
            let told = redactor.text(text);
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
            assert_eq!(Redactor::default().text(text), text);
        }
    }

    #[test]
    fn secrets_in_attributes_are_taken_out_at_any_depth() {
        let mut attributes = serde_json::json!({
            "user": "ana", "db.password": "x", "nested": { "apiKey": 5, "list": [{ "X-Gitlab-Token": "y" }] },
            "tokens_used": 12, "note": "password: z"
        });
        Redactor::default().attributes(attributes.as_object_mut().unwrap());
        let expected = serde_json::json!({
            "user": "ana", "db.password": MARK, "nested": { "apiKey": MARK, "list": [{ "X-Gitlab-Token": MARK }] },
            "tokens_used": 12, "note": "password: [redacted]"
        });
        assert_eq!(attributes, expected);
    }

    #[test]
    fn own_rules_join_those_that_are_always_there() {
        let config = RedactionConfig { keys: vec!["Iban".to_owned()], patterns: vec![r"EMP-\d{4}".to_owned()] };
        let redactor = Redactor::new(&config).unwrap();
        let sample = redactor.sample(r#"{"iban":"DE00","note":"EMP-1234 and EMP-5678","password":"x","n":1}"#);
        assert_eq!(sample.redacted, 4);
        assert!(!sample.text.contains("DE00") && !sample.text.contains("EMP-"), "{}", sample.text);
        assert_eq!(redactor.sample("token=abc").text, "token=[redacted]");
        assert_eq!(redactor.count(), 0, "samples are not counted");
        assert!(redactor.describe().values.iter().any(|rule| rule.is_own));
        assert!(Redactor::new(&RedactionConfig { patterns: vec!["(".to_owned()], ..config }).is_err());
    }

    #[test]
    fn long_texts_are_cut_and_say_so() {
        let long = "é".repeat(MAX_TEXT_BYTES);
        let cut = Redactor::default().text(&long);
        assert!(cut.len() < MAX_TEXT_BYTES + 64 && cut.contains("32768 bytes in all"));
    }

    proptest! {
        #[test]
        fn any_text_can_be_redacted(text in "\\PC{0,200}") {
            let once = Redactor::default().text(&text).into_owned();
            prop_assert!(once.len() <= text.len() + 64 * (text.len() / 3 + 1));
        }
    }
}
