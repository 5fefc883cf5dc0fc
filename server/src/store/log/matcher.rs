//! Decides whether a log record is wanted: one rule for history, for the live stream and for resuming it.

use app::model::{Level, LogFilter, TraceId};
use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder, bytes};

use super::{
    block::TextBlock,
    words::{each_word, lookup_prefix},
};
use crate::store::bloom::BloomView;

/// Longest search text, in bytes.
pub const MAX_SEARCH_BYTES: usize = 512;
/// Most words and phrases in one search.
const MAX_TERMS: usize = 16;

/// Why a search cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// Longer than allowed.
    #[error("at most {MAX_SEARCH_BYTES} bytes")]
    TooLong,
    /// More words than allowed.
    #[error("at most {MAX_TERMS} words and phrases")]
    TooManyTerms,
}

/// A [`LogFilter`] made ready to be asked many times.
#[derive(Debug, Clone)]
pub struct LogMatcher {
    level: Level,
    service: Option<String>,
    trace_id: Option<TraceId>,
    terms: Terms,
    /// Finds the longest term in the texts of a whole block at once, wherever it stands.
    scan: Option<bytes::Regex>,
    /// Keys that a block's filter must hold for the block to have a match.
    keys: Vec<Vec<u8>>,
}

/// All words and phrases must occur.
#[derive(Debug, Clone)]
enum Terms {
    None,
    One(Regex),
    Many(RegexSet),
}

impl LogMatcher {
    /// A matcher that lets everything pass.
    pub fn all() -> Self {
        Self { level: Level::Trace, service: None, trace_id: None, terms: Terms::None, scan: None, keys: Vec::new() }
    }

    /// Makes a matcher; says what is wrong with the search text.
    pub fn new(filter: &LogFilter) -> Result<Self, SearchError> {
        let search = filter.search.as_deref().unwrap_or_default().trim();
        if search.len() > MAX_SEARCH_BYTES {
            return Err(SearchError::TooLong);
        }
        let terms = split_terms(search);
        if terms.len() > MAX_TERMS {
            return Err(SearchError::TooManyTerms);
        }
        let mut keys: Vec<Vec<u8>> = Vec::new();
        keys.extend(filter.trace_id.map(|id| id.0.to_vec()));
        let mut scratch = String::new();
        for term in &terms {
            each_word(term, &mut scratch, |word| keys.extend(lookup_prefix(word).map(|key| key.as_bytes().to_vec())));
        }
        Ok(Self {
            level: filter.level.unwrap_or(Level::Trace),
            service: filter.service.clone(),
            trace_id: filter.trace_id,
            terms: Terms::compile(&terms),
            scan: terms
                .iter()
                .max_by_key(|term| term.len())
                .and_then(|term| bytes::RegexBuilder::new(&regex::escape(term)).case_insensitive(true).build().ok()),
            keys,
        })
    }

    /// The least serious level that passes.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The one service that passes, if there is a choice.
    pub fn service(&self) -> Option<&str> {
        self.service.as_deref()
    }

    /// The one trace that passes, if there is a choice.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.trace_id
    }

    /// Whether the text of a record must be looked at.
    pub fn needs_text(&self) -> bool {
        !matches!(self.terms, Terms::None)
    }

    /// Whether level and service alone decide.
    pub fn is_countable_from_summary(&self) -> bool {
        !self.needs_text() && self.trace_id.is_none()
    }

    /// Whether a block with this filter may hold a match.
    pub fn may_match(&self, bloom: BloomView<'_>) -> bool {
        self.keys.iter().all(|key| bloom.may_contain(key))
    }

    /// Whether a block's filter can rule anything out.
    pub fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Whether everything but the text is as wanted.
    pub fn matches_fields(&self, level: Level, service: &str, trace_id: Option<TraceId>) -> bool {
        level >= self.level
            && self.service.as_deref().is_none_or(|wanted| wanted == service)
            && self.trace_id.is_none_or(|wanted| trace_id == Some(wanted))
    }

    /// The records of a block, by index, that may pass [`matches_text`](Self::matches_text); nothing if each may.
    ///
    /// One search over all texts is many times faster than one for each record.
    pub fn may_match_text(&self, text: &TextBlock) -> Option<Vec<bool>> {
        let scan = self.scan.as_ref()?;
        let mut may = vec![false; text.records()];
        let mut at = 0;
        while let Some(found) = scan.find_at(text.joined(), at) {
            let (record, end) = text.text_at(found.start());
            // What begins in one text and ends in the next is nothing, but may hide what begins right after it.
            at = if found.end() <= end {
                may[record] = true;
                end
            } else {
                found.start() + 1
            };
        }
        Some(may)
    }

    /// Whether message and attributes (a JSON text) hold all words and phrases between them.
    pub fn matches_text(&self, message: &str, attributes: &str) -> bool {
        match &self.terms {
            Terms::None => true,
            Terms::One(term) => term.is_match(message) || term.is_match(attributes),
            Terms::Many(terms) => {
                let in_message = terms.matches(message);
                if in_message.iter().count() == terms.len() {
                    return true;
                }
                let in_attributes = terms.matches(attributes);
                (0..terms.len()).all(|term| in_message.matched(term) || in_attributes.matched(term))
            }
        }
    }
}

impl Terms {
    fn compile(terms: &[&str]) -> Self {
        let patterns: Vec<String> = terms.iter().map(|term| pattern(term)).collect();
        // The patterns are escaped texts of bounded length; should one not compile all the same, nothing matches it.
        match patterns.as_slice() {
            [] => Self::None,
            [one] => RegexBuilder::new(one).case_insensitive(true).build().map_or_else(|_| Self::nothing(), Self::One),
            many => {
                RegexSetBuilder::new(many).case_insensitive(true).build().map_or_else(|_| Self::nothing(), Self::Many)
            }
        }
    }

    fn nothing() -> Self {
        // A set of none, of which all match, would let everything pass; an impossible look at "a word" cannot match.
        Regex::new(r"[^\s\S]").map_or(Self::None, Self::One)
    }
}

/// The text where a word begins, or anywhere if it does not begin like a word.
fn pattern(term: &str) -> String {
    let begins_a_word = term.chars().next().is_some_and(char::is_alphanumeric);
    let boundary = if begins_a_word { r"(?:^|[^\p{L}\p{N}])" } else { "" };
    format!("{boundary}{}", regex::escape(term))
}

/// Words, and phrases in double quotes; a quote without an end runs to the end.
fn split_terms(search: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    for (index, part) in search.split('"').enumerate() {
        let is_phrase = index % 2 == 1;
        if is_phrase {
            terms.extend(Some(part.trim()).filter(|phrase| !phrase.is_empty()));
        } else {
            terms.extend(part.split_whitespace());
        }
    }
    terms
}

#[cfg(test)]
mod tests {
    use app::model::UnixNanos;
    use proptest::prelude::*;

    use super::*;
    use crate::store::log::{NewLogRecord, decode, decode_text, encode};

    fn search(text: &str) -> LogMatcher {
        LogMatcher::new(&LogFilter { search: Some(text.into()), ..LogFilter::default() }).unwrap()
    }

    #[test]
    fn words_match_where_a_word_begins_in_any_case() {
        assert!(search("time").matches_text("Upstream TIMEOUT after 5 s", ""));
        assert!(!search("out").matches_text("Upstream TIMEOUT after 5 s", ""));
        assert!(search("größe").matches_text("GRÖSSE GRÖßE 5", ""));
        assert!(search("/v1/orders").matches_text("POST /v1/orders 500", ""));
        assert!(search("a.b*").matches_text("x a.b*c", "") && !search("a.b*").matches_text("x axbc", ""));
    }

    #[test]
    fn all_words_must_occur_in_message_or_attributes() {
        let both = search("deadlock 4121");
        assert!(both.matches_text("deadlock detected", r#"{"pid":4121}"#));
        assert!(!both.matches_text("deadlock detected", r#"{"pid":99}"#));
    }

    #[test]
    fn a_phrase_must_stand_as_it_is() {
        assert!(search(r#""lock wait" 37"#).matches_text("PostgreSQL lock wait: blocks 37", ""));
        assert!(!search(r#""wait lock""#).matches_text("PostgreSQL lock wait", ""));
        assert!(search("\"lock wai").matches_text("PostgreSQL lock wait", ""));
        assert!(search("\"\" ").matches_text("anything", ""));
    }

    #[test]
    fn fields_are_compared() {
        let trace: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
        let filter =
            LogFilter { level: Some(Level::Warn), service: Some("orders".into()), trace_id: Some(trace), search: None };
        let matcher = LogMatcher::new(&filter).unwrap();
        assert!(matcher.matches_fields(Level::Error, "orders", Some(trace)));
        assert!(!matcher.matches_fields(Level::Info, "orders", Some(trace)));
        assert!(!matcher.matches_fields(Level::Error, "users", Some(trace)));
        assert!(!matcher.matches_fields(Level::Error, "orders", None));
        assert!(!matcher.is_countable_from_summary());
    }

    #[test]
    fn too_much_is_refused() {
        let too_long = LogFilter { search: Some("x".repeat(MAX_SEARCH_BYTES + 1)), ..LogFilter::default() };
        assert_eq!(LogMatcher::new(&too_long).unwrap_err(), SearchError::TooLong);
        let too_many = LogFilter { search: Some("a ".repeat(MAX_TERMS + 1)), ..LogFilter::default() };
        assert_eq!(LogMatcher::new(&too_many).unwrap_err(), SearchError::TooManyTerms);
    }

    proptest! {
        #[test]
        fn scanning_a_block_misses_nothing(
            texts in proptest::collection::vec(("[abAB ß]{0,6}", "[ab\"]{0,4}"), 1..20),
            search in "[abß]{1,3}( [ab]{1,2})?",
        ) {
            let matcher = self::search(&search);
            let records: Vec<NewLogRecord> = texts.iter().map(|(message, attributes)| NewLogRecord {
                timestamp: UnixNanos(0),
                level: Level::Info,
                service: "s".into(),
                message: message.clone(),
                trace_id: None,
                span_id: None,
                attributes: attributes.clone(),
            }).collect();
            let block = encode(&records).unwrap();
            let text = decode_text(&decode(&block.payload).unwrap()).unwrap();
            let may = matcher.may_match_text(&text).unwrap();
            for (record, may) in records.iter().zip(may) {
                prop_assert!(may || !matcher.matches_text(&record.message, &record.attributes), "{:?}", record.message);
            }
        }
    }
}
