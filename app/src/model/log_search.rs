//! The language in which log records are searched, read once for the list, the live stream, exports and the page.
//!
//! | written | meaning |
//! |---|---|
//! | `timeout` | begins a word of the message or of the attributes, in any case |
//! | `"lock wait"` | stands there as it is, in any case |
//! | `service:orders` | a field is as said; quote what has spaces: `job:"nightly run"` |
//! | `http.status:*` | the attribute is there |
//! | `http.status:>=500` | a number compared; also `>`, `<`, `<=`, and for levels |
//! | `/deadlock \d+/` | a regular expression, in any case, on the message or on the attributes |
//! | `-timeout` | not: before any of these |
//!
//! All terms must hold. Fields are `level`, `service`, `trace_id`, `span_id`, `message`, `pattern` and any attribute.

use std::{fmt, str::FromStr};

use super::{Level, SpanId, TraceId};

/// A search: terms that must all hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct LogSearch(pub Vec<LogTerm>);

/// One term of a search.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogTerm {
    /// Records for which the condition holds are not wanted.
    pub is_negated: bool,
    /// What is asked of a record.
    pub condition: LogCondition,
}

/// What is asked of a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LogCondition {
    /// Begins a word of the message or of the attributes.
    Word(String),
    /// Stands in the message or in the attributes.
    Phrase(String),
    /// Matches the message or the attributes.
    Regex(String),
    /// The message has this pattern ([`super::log_pattern`]).
    Pattern(String),
    /// Stands in the message.
    Message(String),
    /// Levels.
    Level(Comparison, Level),
    /// The whole name of a service.
    Service(String),
    /// A trace, or any.
    Trace(Option<TraceId>),
    /// A span, or any.
    Span(Option<SpanId>),
    /// An attribute.
    Attribute(String, AttributeTest),
}

/// What is asked of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AttributeTest {
    /// It is there.
    Exists,
    /// It is this, in any case; a list holds this.
    Is(String),
    /// It is a number that compares so with this number.
    Compares(Comparison, String),
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`, which is not written.
    Same,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

impl Comparison {
    /// In the order in which a text is tried for them.
    const WRITTEN: [(Self, &'static str); 4] =
        [(Self::AtLeast, ">="), (Self::AtMost, "<="), (Self::Above, ">"), (Self::Below, "<")];

    /// As it is written.
    pub fn key(self) -> &'static str {
        Self::WRITTEN.into_iter().find(|(known, _)| *known == self).map_or("", |(_, text)| text)
    }

    /// Whether two values compare so.
    pub fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Same => left == right,
            Self::Above => left > right,
            Self::AtLeast => left >= right,
            Self::Below => left < right,
            Self::AtMost => left <= right,
        }
    }
}

/// Why a text is no search. Places are counted in characters from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogSearchError {
    /// Longer than allowed.
    #[error("at most {} bytes", LogSearch::MAX_BYTES)]
    TooLong,
    /// More terms than allowed.
    #[error("at most {} words, phrases and fields", LogSearch::MAX_TERMS)]
    TooManyTerms,
    /// A quote without its end.
    #[error("the quote at character {0} has no end; write \\\" for a quote inside a phrase")]
    OpenQuote(usize),
    /// A level that there is not.
    #[error("`{0}` is no level; there are trace, debug, info, warn, error, fatal")]
    Level(String),
    /// Not an id.
    #[error("`{1}` is no {0}: expected {2} hexadecimal digits")]
    Id(&'static str, String, usize),
    /// A comparison with what is no number.
    #[error("`{0}` is no number: only numbers and levels are compared")]
    Number(String),
    /// A comparison of what has no order.
    #[error("a {0} is not compared")]
    Comparison(&'static str),
}

impl LogSearch {
    /// Longest text, in bytes.
    pub const MAX_BYTES: usize = 1024;
    /// Most terms.
    pub const MAX_TERMS: usize = 24;

    /// With one term more, unless it is there; its opposite goes.
    pub fn add(&mut self, term: LogTerm) {
        self.0.retain(|known| known.condition != term.condition);
        self.0.push(term);
    }

    /// Without this term.
    pub fn remove(&mut self, term: &LogTerm) {
        self.0.retain(|known| known != term);
    }

    /// The text with one term more. A text that is no search is kept as it is, before the term.
    pub fn with_term(text: &str, term: LogTerm) -> String {
        match text.parse::<Self>() {
            Ok(mut search) => {
                search.add(term);
                search.to_string()
            }
            Err(_) => format!("{text} {term}").trim().to_owned(),
        }
    }

    /// The text without this term.
    pub fn without_term(text: &str, term: &LogTerm) -> String {
        text.parse::<Self>().map_or_else(
            |_| text.to_owned(),
            |mut search| {
                search.remove(term);
                search.to_string()
            },
        )
    }
}

impl LogTerm {
    /// A term that asks for this.
    pub fn wants(condition: LogCondition) -> Self {
        Self { is_negated: false, condition }
    }

    /// A term that rules this out.
    pub fn rejects(condition: LogCondition) -> Self {
        Self { is_negated: true, condition }
    }

    /// An attribute that is as said. None for a name that cannot be written in a search.
    pub fn attribute(name: &str, value: &str) -> Option<Self> {
        let condition = LogCondition::Attribute(name.to_owned(), AttributeTest::Is(value.to_owned()));
        (is_key(name) && !RESERVED.contains(&name)).then(|| Self::wants(condition))
    }

    /// Whether it is more than a word: then it is shown as a thing of its own.
    pub fn is_field(&self) -> bool {
        !matches!(self.condition, LogCondition::Word(_) | LogCondition::Phrase(_))
    }
}

/// Names that are no attributes.
const RESERVED: [&str; 6] = ["level", "service", "trace_id", "span_id", "message", "pattern"];

/// Whether a text may stand before a colon as the name of a field.
fn is_key(text: &str) -> bool {
    let mut chars = text.chars();
    let begins = chars.next().is_some_and(|first| first.is_alphabetic() || first == '_' || first == '@');
    begins && chars.all(is_key_char)
}

fn is_key_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | '@' | '$')
}

impl FromStr for LogSearch {
    type Err = LogSearchError;

    fn from_str(text: &str) -> Result<Self, LogSearchError> {
        if text.len() > Self::MAX_BYTES {
            return Err(LogSearchError::TooLong);
        }
        let mut input = Input { text, at: 0 };
        let mut terms = Vec::new();
        while let Some(term) = input.term()? {
            if terms.len() == Self::MAX_TERMS {
                return Err(LogSearchError::TooManyTerms);
            }
            terms.push(term);
        }
        Ok(Self(terms))
    }
}

/// What is still to be read.
struct Input<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Input<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The next term; none at the end. An empty phrase asks nothing, and is passed over.
    fn term(&mut self) -> Result<Option<LogTerm>, LogSearchError> {
        loop {
            let skipped = self.rest().trim_start();
            self.at = self.text.len() - skipped.len();
            if skipped.is_empty() {
                return Ok(None);
            }
            let after_sign = skipped.strip_prefix('-').filter(|after| after.starts_with(|c: char| !c.is_whitespace()));
            let is_negated = after_sign.is_some();
            self.at += usize::from(is_negated);
            if let Some(condition) = self.condition()? {
                return Ok(Some(LogTerm { is_negated, condition }));
            }
        }
    }

    fn condition(&mut self) -> Result<Option<LogCondition>, LogSearchError> {
        let rest = self.rest();
        if rest.starts_with('"') {
            let phrase = self.quoted()?;
            return Ok((!phrase.trim().is_empty()).then_some(LogCondition::Phrase(phrase)));
        }
        if let Some(length) = regex_length(rest) {
            self.at += length;
            return Ok(Some(LogCondition::Regex(unescape_slashes(&rest[1..length - 1]))));
        }
        let key = &rest[..rest.find(|c: char| !is_key_char(c)).unwrap_or(rest.len())];
        if is_key(key) && rest[key.len()..].starts_with(':') {
            let begin = self.at;
            self.at += key.len() + 1;
            if let Some(condition) = self.field(key)? {
                return Ok(Some(condition));
            }
            self.at = begin;
        }
        let word = self.bare().to_owned();
        // With quotes around it nothing that follows can turn it into an expression.
        Ok(Some(if word.starts_with('/') { LogCondition::Phrase(word) } else { LogCondition::Word(word) }))
    }

    /// What stands up to the next space or quote.
    fn bare(&mut self) -> &'a str {
        let rest = self.rest();
        let word = &rest[..rest.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    /// A text in quotes, without them.
    fn quoted(&mut self) -> Result<String, LogSearchError> {
        let begin = self.at;
        let mut chars = self.rest().char_indices().skip(1).peekable();
        let mut out = String::new();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += at + 1;
                    return Ok(out);
                }
                '\\' => out.push(chars.next_if(|(_, next)| matches!(next, '"' | '\\')).map_or(c, |(_, next)| next)),
                _ => out.push(c),
            }
        }
        Err(LogSearchError::OpenQuote(self.text[..begin].chars().count() + 1))
    }

    /// What follows a name and a colon. None where the colon was no field's: `https://…`, `a::b`, `error:`.
    fn field(&mut self, key: &str) -> Result<Option<LogCondition>, LogSearchError> {
        let rest = self.rest();
        if rest.starts_with("//") || rest.starts_with(':') {
            return Ok(None);
        }
        let written = Comparison::WRITTEN.into_iter().find(|(_, text)| rest.starts_with(text));
        let (comparison, sign) = written.unwrap_or((Comparison::Same, ""));
        self.at += sign.len();
        let is_quoted = self.rest().starts_with('"');
        let value = if is_quoted { self.quoted()? } else { self.bare().to_owned() };
        if value.is_empty() && !is_quoted {
            return Ok(None);
        }
        let is_any = !is_quoted && value == "*" && comparison == Comparison::Same;
        let unordered = |name| if sign.is_empty() { Ok(()) } else { Err(LogSearchError::Comparison(name)) };
        let condition = match key {
            "level" => {
                let level = value.parse().map_err(|_| LogSearchError::Level(value))?;
                LogCondition::Level(comparison, level)
            }
            "service" => {
                unordered("service")?;
                LogCondition::Service(value)
            }
            "trace_id" => {
                unordered("trace")?;
                let id = (!is_any).then(|| value.parse().map_err(|_| LogSearchError::Id("trace id", value, 32)));
                LogCondition::Trace(id.transpose()?)
            }
            "span_id" => {
                unordered("span")?;
                let id = (!is_any).then(|| value.parse().map_err(|_| LogSearchError::Id("span id", value, 16)));
                LogCondition::Span(id.transpose()?)
            }
            "message" => {
                unordered("message")?;
                LogCondition::Message(value)
            }
            "pattern" => {
                unordered("pattern")?;
                LogCondition::Pattern(value)
            }
            _ if is_any => LogCondition::Attribute(key.to_owned(), AttributeTest::Exists),
            _ if sign.is_empty() => LogCondition::Attribute(key.to_owned(), AttributeTest::Is(value)),
            _ => {
                let is_number = value.parse::<f64>().is_ok_and(f64::is_finite);
                if !is_number {
                    return Err(LogSearchError::Number(value));
                }
                LogCondition::Attribute(key.to_owned(), AttributeTest::Compares(comparison, value))
            }
        };
        Ok(Some(condition))
    }
}

/// How long the regular expression is with which a text begins, its slashes included: it ends at a slash before a space
/// or the end, so that `/v1/orders` stays a word.
fn regex_length(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('/')?;
    let mut is_escaped = false;
    for (at, c) in inner.char_indices() {
        let ends = c == '/' && !is_escaped && at > 0;
        if ends && inner[at + 1..].chars().next().is_none_or(|next| next.is_whitespace() || next == '"') {
            return Some(at + 2);
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    None
}

impl fmt::Display for LogSearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, term) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            term.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for LogTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_negated {
            f.write_str("-")?;
        }
        match &self.condition {
            LogCondition::Word(word) => f.write_str(word),
            LogCondition::Phrase(phrase) => write_quoted(f, phrase),
            LogCondition::Regex(regex) => write!(f, "/{}/", escape_slashes(regex)),
            LogCondition::Pattern(pattern) => write_field(f, "pattern", pattern),
            LogCondition::Message(text) => write_field(f, "message", text),
            LogCondition::Level(comparison, level) => write!(f, "level:{}{level}", comparison.key()),
            LogCondition::Service(service) => write_field(f, "service", service),
            LogCondition::Trace(Some(id)) => write!(f, "trace_id:{id}"),
            LogCondition::Trace(None) => f.write_str("trace_id:*"),
            LogCondition::Span(Some(id)) => write!(f, "span_id:{id}"),
            LogCondition::Span(None) => f.write_str("span_id:*"),
            LogCondition::Attribute(key, AttributeTest::Exists) => write!(f, "{key}:*"),
            LogCondition::Attribute(key, AttributeTest::Is(value)) => write_field(f, key, value),
            LogCondition::Attribute(key, AttributeTest::Compares(comparison, number)) => {
                write!(f, "{key}:{}{number}", comparison.key())
            }
        }
    }
}

fn write_field(f: &mut fmt::Formatter<'_>, key: &str, value: &str) -> fmt::Result {
    write!(f, "{key}:")?;
    let is_bare = !value.is_empty()
        && value != "*"
        && !value.starts_with([':', '/', '<', '>'])
        && !value.contains(|c: char| c.is_whitespace() || c == '"');
    if is_bare { f.write_str(value) } else { write_quoted(f, value) }
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

/// A slash that would end the expression is escaped, wherever it stands.
fn escape_slashes(regex: &str) -> String {
    let mut out = String::with_capacity(regex.len());
    let mut is_escaped = false;
    for c in regex.chars() {
        if c == '/' && !is_escaped {
            out.push('\\');
        }
        out.push(c);
        is_escaped = c == '\\' && !is_escaped;
    }
    out
}

/// Undoes [`escape_slashes`]; every other escape stays.
fn unescape_slashes(regex: &str) -> String {
    let mut out = String::with_capacity(regex.len());
    let mut chars = regex.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('/')) => {}
            ('\\', Some(_)) => {
                out.push(c);
                out.extend(chars.next());
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Vec<LogTerm> {
        text.parse::<LogSearch>().unwrap().0
    }

    fn wants(condition: LogCondition) -> LogTerm {
        LogTerm::wants(condition)
    }

    fn word(text: &str) -> LogCondition {
        LogCondition::Word(text.into())
    }

    fn is(key: &str, value: &str) -> LogCondition {
        LogCondition::Attribute(key.into(), AttributeTest::Is(value.into()))
    }

    #[test]
    fn words_phrases_and_their_opposites() {
        assert_eq!(parse("  deadlock   4121 "), [wants(word("deadlock")), wants(word("4121"))]);
        assert_eq!(
            parse(r#""lock wait" -timeout -"two words""#),
            [
                wants(LogCondition::Phrase("lock wait".into())),
                LogTerm::rejects(word("timeout")),
                LogTerm::rejects(LogCondition::Phrase("two words".into())),
            ]
        );
        assert_eq!(parse(r#""say \"hi\" C:\temp""#), [wants(LogCondition::Phrase(r#"say "hi" C:\temp"#.into()))]);
        assert_eq!(parse("- a-b"), [wants(word("-")), wants(word("a-b"))]);
        assert_eq!(parse(r#""" "#), []);
    }

    #[test]
    fn fields_are_told_from_words_with_colons() {
        let trace: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
        assert_eq!(
            parse("level:warn -level:>=error service:orders trace_id:4bf92f3577b34da6a3ce929d0e0e4736 span_id:*"),
            [
                wants(LogCondition::Level(Comparison::Same, Level::Warn)),
                LogTerm::rejects(LogCondition::Level(Comparison::AtLeast, Level::Error)),
                wants(LogCondition::Service("orders".into())),
                wants(LogCondition::Trace(Some(trace))),
                wants(LogCondition::Span(None)),
            ]
        );
        assert_eq!(
            parse(r#"http.route:/v1/orders job:"nightly run" user:* ms:>=2.5 x:"*""#),
            [
                wants(is("http.route", "/v1/orders")),
                wants(is("job", "nightly run")),
                wants(LogCondition::Attribute("user".into(), AttributeTest::Exists)),
                wants(LogCondition::Attribute("ms".into(), AttributeTest::Compares(Comparison::AtLeast, "2.5".into()))),
                wants(is("x", "*")),
            ]
        );
        for text in ["https://example.com/x", "console::webhook", "error:", "12:30:05", "[::1]:80"] {
            assert_eq!(parse(text), [wants(word(text))]);
        }
    }

    #[test]
    fn a_regular_expression_ends_at_a_slash_before_a_space() {
        let phrase = |text: &str| wants(LogCondition::Phrase(text.into()));
        assert_eq!(
            parse(r"/dead\s?lock \d+/ x"),
            [wants(LogCondition::Regex(r"dead\s?lock \d+".into())), wants(word("x"))]
        );
        assert_eq!(parse(r"/a\/b/"), [wants(LogCondition::Regex("a/b".into()))]);
        assert_eq!(parse("/v1/orders /v2"), [phrase("/v1/orders"), phrase("/v2")]);
        assert_eq!(parse("/v1 //x"), [phrase("/v1"), phrase("//x")]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |text: &str| text.parse::<LogSearch>().unwrap_err();
        assert_eq!(error("a \"lock wai"), LogSearchError::OpenQuote(3));
        assert_eq!(error("job:\"x"), LogSearchError::OpenQuote(5));
        assert_eq!(error("level:loud"), LogSearchError::Level("loud".into()));
        assert_eq!(error("trace_id:12"), LogSearchError::Id("trace id", "12".into(), 32));
        assert_eq!(error("ms:>soon"), LogSearchError::Number("soon".into()));
        assert_eq!(error("service:>a"), LogSearchError::Comparison("service"));
        assert_eq!(error(&"x".repeat(LogSearch::MAX_BYTES + 1)), LogSearchError::TooLong);
        assert_eq!(error(&"a ".repeat(LogSearch::MAX_TERMS + 1)), LogSearchError::TooManyTerms);
    }

    #[test]
    fn a_term_is_added_once_and_replaces_its_opposite() {
        let term = LogTerm::attribute("job", "nightly run").unwrap();
        let text = LogSearch::with_term("x -job:\"nightly run\"", term.clone());
        assert_eq!(text, "x job:\"nightly run\"");
        assert_eq!(LogSearch::with_term(&text, term.clone()), text);
        assert_eq!(LogSearch::without_term(&text, &term), "x");
        assert_eq!(LogSearch::with_term("\"open", term), "\"open job:\"nightly run\"");
        assert_eq!(LogTerm::attribute("two words", "x"), None);
    }

    fn text() -> impl Strategy<Value = String> {
        proptest::string::string_regex(r#"[a-z0-9:*"\\/<>=. -]{0,12}|.{0,12}"#).unwrap()
    }

    proptest! {
        #[test]
        fn what_was_read_is_written_so_that_it_is_read_again(text in text()) {
            if let Ok(search) = text.parse::<LogSearch>() {
                prop_assert_eq!(search.to_string().parse(), Ok(search));
            }
        }

        #[test]
        fn any_value_of_an_attribute_can_be_asked_for(
            key in "[a-z_@][a-zA-Z0-9_.$/-]{0,8}", value in text(), is_negated in any::<bool>(), word in "[a-z]{1,5}",
        ) {
            let term = LogTerm::attribute(&key, &value).map(|term| LogTerm { is_negated, ..term });
            if let Some(term) = term {
                let search = LogSearch(vec![wants(LogCondition::Word(word)), term]);
                prop_assert_eq!(search.to_string().parse(), Ok(search));
            }
        }

        #[test]
        fn any_phrase_and_pattern_can_be_asked_for(phrase in text(), pattern in text()) {
            let mut search = LogSearch(vec![wants(LogCondition::Pattern(pattern))]);
            if !phrase.trim().is_empty() {
                search.add(wants(LogCondition::Phrase(phrase)));
            }
            prop_assert_eq!(search.to_string().parse(), Ok(search));
        }
    }
}
