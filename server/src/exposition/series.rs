//! Samples, and what their series are called.

use std::{borrow::Cow, iter};

use super::{
    Format, Limits, ParseError,
    cursor::Cursor,
    error::{Problem, shown},
    escape::unescape,
    number::canonical,
};
use crate::store::sample::{Labels, NAME};

/// Characters that all names and values of an exemplar's labels may have, as `OpenMetrics` has it.
pub const MAX_EXEMPLAR_CHARS: usize = 128;

/// A sample of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<'a> {
    /// Which series.
    pub series: LabelText<'a>,
    /// Its value; any NaN is the usual one.
    pub value: f64,
    /// When, since the Unix epoch, if the target says so.
    pub timestamp_ms: Option<i64>,
    /// A measurement that the sample counts.
    pub exemplar: Option<Exemplar<'a>>,
}

/// A measurement that a sample counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar<'a> {
    /// What it is told apart by, most often a trace.
    pub text: LabelText<'a>,
    /// What was measured.
    pub value: f64,
    /// When, since the Unix epoch.
    pub timestamp_ms: Option<i64>,
}

impl Exemplar<'_> {
    /// Its labels. With too many or too long ones only the exemplar is bad: Prometheus drops it and keeps the sample.
    pub fn labels(&self, limits: &Limits) -> Result<Labels, ParseError> {
        let pairs = self.text.pairs();
        let chars: usize = pairs.map(|(name, value)| name.chars().count() + value.chars().count()).sum();
        if chars > MAX_EXEMPLAR_CHARS {
            return Err(Problem::ExemplarTooLong(MAX_EXEMPLAR_CHARS).at(self.text.line));
        }
        self.text.labels(limits)
    }
}

/// Labels as they stand in the text. Their shape is right; names may still be there twice.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelText<'a> {
    pub(super) text: &'a str,
    pub(super) format: Format,
    pub(super) line: usize,
    /// The label whose value is a number; empty for none.
    pub(super) bound: &'static str,
}

impl<'a> LabelText<'a> {
    /// As they stand: `name`, `name{label="value"}` or `{"any name", label="value"}`. The same for the same series from
    /// one scrape to the next, unless the target changes.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Names and values in the order in which they stand; the metric's name is [`NAME`]. The bounds of histograms (`le`)
    /// and summaries (`quantile`) are written in one way, so that a series is the same in both formats (as with
    /// Prometheus since version 3).
    pub fn pairs(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        let mut cursor = Cursor::new(self.text);
        let name = cursor.name(true);
        let first = (!name.is_empty()).then_some((Cow::Borrowed(NAME), Cow::Borrowed(name)));
        cursor.skip_blanks();
        let has_braces = cursor.eat(b'{');
        let (format, bound) = (self.format, self.bound);
        // They have been read before, so there is no error.
        let next = move || if has_braces { next_item(&mut cursor, format).ok().flatten() } else { None };
        let items = iter::from_fn(next);
        let others = items.map(move |item| match item {
            Item::Name(name) => (Cow::Borrowed(NAME), unescape(name)),
            Item::Label(name, value) if name == bound => (Cow::Borrowed(name), canonical(unescape(value))),
            Item::Label(name, value) => (unescape(name), unescape(value)),
        });
        first.into_iter().chain(others)
    }

    /// The labels, if they are within the limits and none is there twice.
    pub fn labels(&self, limits: &Limits) -> Result<Labels, ParseError> {
        let mut pairs = Vec::new();
        for (name, value) in self.pairs() {
            if pairs.len() == limits.labels {
                return Err(Problem::TooManyLabels(limits.labels).at(self.line));
            }
            if name.len() > limits.name_bytes {
                return Err(Problem::NameTooLong { name: shown(&name), limit: limits.name_bytes }.at(self.line));
            }
            if value.len() > limits.value_bytes {
                return Err(Problem::ValueTooLong { name: shown(&name), limit: limits.value_bytes }.at(self.line));
            }
            pairs.push((name, value));
        }
        pairs.sort_unstable();
        if let Some([(name, _), _]) = pairs.array_windows().find(|[(one, _), (other, _)]| one == other) {
            return Err(Problem::DuplicateLabel(shown(name)).at(self.line));
        }
        Ok(Labels::new(pairs))
    }
}

/// One of what stands between braces, with its escapes.
pub enum Item<'a> {
    /// The metric's name, quoted and alone.
    Name(&'a str),
    /// A label's name and value.
    Label(&'a str, &'a str),
}

/// Reads the next of what stands between braces, and the comma behind it; none at the closing brace, which is read too.
pub fn next_item<'a>(cursor: &mut Cursor<'a>, format: Format) -> Result<Option<Item<'a>>, Problem> {
    let skip_blanks = |cursor: &mut Cursor<'a>| format == Format::Text && cursor.skip_blanks();
    skip_blanks(cursor);
    if cursor.eat(b'}') {
        return Ok(None);
    }
    let is_quoted = cursor.peek() == Some(b'"');
    let name = if is_quoted { cursor.quoted(format)? } else { cursor.name(false) };
    if name.is_empty() {
        return Err(if is_quoted { Problem::EmptyName } else { cursor.expected("a label or `}`") });
    }
    skip_blanks(cursor);
    let item = if cursor.eat(b'=') {
        skip_blanks(cursor);
        if cursor.peek() != Some(b'"') {
            return Err(cursor.expected("a quoted value of a label"));
        }
        Item::Label(name, cursor.quoted(format)?)
    } else if is_quoted && matches!(cursor.peek(), Some(b',' | b'}')) {
        Item::Name(name)
    } else {
        return Err(cursor.expected("`=` after the name of a label"));
    };
    skip_blanks(cursor);
    // Prometheus' text may do without the comma, as it may with one at the end.
    if !cursor.eat(b',') && format == Format::OpenMetrics && cursor.peek() != Some(b'}') {
        return Err(cursor.expected("`,` or `}` after a label"));
    }
    Ok(Some(item))
}
