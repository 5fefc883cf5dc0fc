//! Decides whether a log record is wanted: one rule for history, for the live stream and for resuming it.

use app::model::{
    AttributeTest, Comparison, Level, LogCondition, LogFilter, LogSearch, LogSearchError, LogTerm, SpanId, TraceId,
    UnixNanos, log_pattern,
};
use regex::{Regex, RegexBuilder, bytes};
use regex_syntax::hir::{Hir, HirKind};

use super::{
    attributes::AttributeMatcher,
    block::{BlockSummary, LogBlock, StoredAttributes},
    messages::MessageScan,
    texts::BlockTexts,
    words::{each_word, lookup_prefix},
};
use crate::store::{StoreResult, bloom::BloomView};

/// Most memory that a compiled expression of a search takes, and the states that it makes while it runs.
const MAX_REGEX_BYTES: usize = 1 << 20;
/// Records of a block whose texts are looked at before it is asked whether there are enough.
const ROWS_AT_ONCE: usize = 512;

/// Why a search cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// The text is no search.
    #[error(transparent)]
    Text(#[from] LogSearchError),
    /// Not a regular expression that can be run.
    #[error("`/{0}/` is no regular expression: {1}")]
    Regex(String, String),
}

/// A [`LogFilter`] made ready to be asked many times.
#[derive(Debug, Clone, Default)]
pub struct LogMatcher {
    /// A bit for each level that does not pass.
    refused_levels: i64,
    /// Names, and whether the record's must be another.
    services: Vec<(String, bool)>,
    traces: Vec<(Option<TraceId>, bool)>,
    spans: Vec<(Option<SpanId>, bool)>,
    texts: Vec<TextTest>,
    scan: Option<Scan>,
    /// Keys that a block's filter must hold for the block to have a match.
    keys: Vec<Vec<u8>>,
}

/// Finds the longest text that each match has, in the texts of a whole block at once.
#[derive(Debug, Clone)]
struct Scan {
    /// In attributes.
    wanted: bytes::Regex,
    in_messages: MessageScan,
    place: Place,
    /// It may begin in one value of an object and end in another.
    may_span_values: bool,
}

/// Where a text stands that each match has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Anywhere,
    Message,
    Attributes,
}

impl Scan {
    /// Of a text; none for no text.
    fn new(text: &str, place: Place) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let wanted = bytes::RegexBuilder::new(&regex::escape(text)).case_insensitive(true).build().ok()?;
        // Keys and texts are in quotes, so only numbers and the like touch what is between values.
        let may_span_values = text.contains('"') || text.starts_with(':') || text.ends_with([',', '}']) || text == "{";
        Some(Self { wanted, in_messages: MessageScan::new(text)?, place, may_span_values })
    }

    /// Leaves of these records of a block those that have the text.
    fn retain(&self, texts: &mut BlockTexts<'_>, rows: &mut Vec<usize>) -> StoreResult<()> {
        if self.place != Place::Message
            && self.may_span_values
            && matches!(texts.attributes()?, StoredAttributes::Columns(..))
        {
            return Ok(());
        }
        let mut may = vec![false; texts.records()];
        if self.place != Place::Attributes {
            texts.messages()?.mark(&self.in_messages, &mut may);
        }
        if self.place != Place::Message {
            match texts.attributes()? {
                StoredAttributes::Texts(texts) => texts.each_match(&self.wanted, |row| may[row] = true),
                StoredAttributes::Columns(columns, odd) => {
                    columns.mark(&self.wanted, &mut may);
                    if let Some(odd) = odd {
                        odd.each_match(&self.wanted, |row| may[row] = true);
                    }
                }
            }
        }
        rows.retain(|row| may[*row]);
        Ok(())
    }
}

/// What is asked of the texts of a record.
#[derive(Debug, Clone)]
struct TextTest {
    is_negated: bool,
    kind: TextKind,
}

#[derive(Debug, Clone)]
enum TextKind {
    Anywhere(Regex),
    Message(Regex),
    Attribute(AttributeMatcher),
}

impl TextTest {
    fn passes(&self, message: &str, attributes: &str) -> bool {
        let holds = match &self.kind {
            TextKind::Anywhere(regex) => regex.is_match(message) || regex.is_match(attributes),
            TextKind::Message(regex) => regex.is_match(message),
            TextKind::Attribute(attribute) => attribute.matches(attributes),
        };
        holds != self.is_negated
    }

    /// Leaves of these records of a block those that pass.
    fn retain(&self, texts: &mut BlockTexts<'_>, rows: &mut Vec<usize>) -> StoreResult<()> {
        match &self.kind {
            TextKind::Message(regex) => {
                let messages = texts.messages()?;
                let (mut scratch, mut bytes) = (String::new(), 0);
                rows.retain(|row| {
                    let holds = |message: &str| {
                        bytes += message.len();
                        regex.is_match(message)
                    };
                    messages.test(*row, &mut scratch, holds) != self.is_negated
                });
                texts.put_together(bytes);
            }
            TextKind::Attribute(attribute) => attribute.retain(texts.attributes()?, self.is_negated, rows),
            TextKind::Anywhere(regex) => {
                let messages = texts.messages()?;
                let (mut scratch, mut bytes) = (String::new(), 0);
                let mut in_message = |row| {
                    messages.test(row, &mut scratch, |message| {
                        bytes += message.len();
                        regex.is_match(message)
                    })
                };
                let mut holds: Vec<bool> = rows.iter().map(|row| in_message(*row)).collect();
                if holds.contains(&false) {
                    let attributes = texts.attributes()?;
                    for (holds, row) in holds.iter_mut().zip(&*rows).filter(|(holds, _)| !**holds) {
                        scratch.clear();
                        attributes.write(*row, &mut scratch);
                        bytes += scratch.len();
                        *holds = regex.is_match(&scratch);
                    }
                }
                texts.put_together(bytes);
                let mut holds = holds.into_iter();
                rows.retain(|_| holds.next() != Some(self.is_negated));
            }
        }
        Ok(())
    }
}

/// What each match has, whichever way it is looked for.
#[derive(Default)]
struct Marks {
    keys: Vec<Vec<u8>>,
    longest: String,
    place: Place,
}

impl Marks {
    /// Each match has these words, of which the first and last may be parts: beginnings of words.
    fn add_words(&mut self, text: &str) {
        let keys = &mut self.keys;
        each_word(text, &mut String::new(), |word| keys.extend(lookup_prefix(word).map(|key| key.as_bytes().to_vec())));
    }

    /// Each match has this text there.
    fn add_text(&mut self, text: &str, place: Place) {
        if text.len() > self.longest.len() {
            text.clone_into(&mut self.longest);
            self.place = place;
        }
    }
}

impl LogMatcher {
    /// A matcher that lets everything pass.
    pub fn all() -> Self {
        Self::default()
    }

    /// Makes a matcher; says what is wrong with the search text.
    pub fn new(filter: &LogFilter) -> Result<Self, SearchError> {
        let search: LogSearch = filter.search.as_deref().unwrap_or_default().parse()?;
        let mut matcher = Self::default();
        let mut marks = Marks::default();
        if let Some(level) = filter.level {
            matcher.want_levels(Comparison::AtLeast, level, false);
        }
        matcher.services.extend(filter.service.clone().map(|service| (service, false)));
        if let Some(trace_id) = filter.trace_id {
            matcher.traces.push((Some(trace_id), false));
            marks.keys.push(trace_id.0.to_vec());
        }
        for term in &search.0 {
            matcher.add(term, &mut marks)?;
        }
        // The cheap ones first.
        matcher.texts.sort_by_key(|test| matches!(test.kind, TextKind::Attribute(_)));
        matcher.keys = marks.keys;
        matcher.scan = Scan::new(&marks.longest, marks.place);
        Ok(matcher)
    }

    fn want_levels(&mut self, comparison: Comparison, level: Level, is_negated: bool) {
        for other in Level::ALL {
            if comparison.holds(&other, &level) == is_negated {
                self.refused_levels |= 1 << other as i64;
            }
        }
    }

    fn add(&mut self, term: &LogTerm, marks: &mut Marks) -> Result<(), SearchError> {
        let is_negated = term.is_negated;
        let mut text = |kind| self.texts.push(TextTest { is_negated, kind });
        match &term.condition {
            LogCondition::Level(comparison, level) => self.want_levels(*comparison, *level, is_negated),
            LogCondition::Service(service) => self.services.push((service.clone(), is_negated)),
            LogCondition::Trace(trace) => {
                self.traces.push((*trace, is_negated));
                marks.keys.extend(trace.filter(|_| !is_negated).map(|trace| trace.0.to_vec()));
            }
            LogCondition::Span(span) => self.spans.push((*span, is_negated)),
            LogCondition::Word(word) | LogCondition::Phrase(word) => {
                text(TextKind::Anywhere(plain(word)?));
                if !is_negated {
                    marks.add_words(word);
                    marks.add_text(word, Place::Anywhere);
                }
            }
            LogCondition::Message(phrase) => {
                text(TextKind::Message(plain(phrase)?));
                if !is_negated {
                    marks.add_words(phrase);
                    marks.add_text(phrase, Place::Message);
                }
            }
            LogCondition::Pattern(pattern) => {
                text(TextKind::Message(pattern_regex(pattern)?));
                if !is_negated {
                    mark_pattern(pattern, marks);
                }
            }
            LogCondition::Regex(pattern) => {
                let regex = compile(pattern, true).map_err(|error| SearchError::Regex(pattern.clone(), error))?;
                text(TextKind::Anywhere(regex));
                if !is_negated {
                    mark_regex(pattern, marks);
                }
            }
            LogCondition::Attribute(key, test) => {
                text(TextKind::Attribute(AttributeMatcher::new(key, test)));
                if !is_negated {
                    marks.add_words(key);
                    if let AttributeTest::Is(value) = test {
                        // As it stands in the stored text.
                        let stored = serde_json::Value::String(value.clone()).to_string();
                        let stored = stored.get(1..stored.len() - 1).unwrap_or_default();
                        marks.add_words(stored);
                        marks.add_text(stored, Place::Attributes);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a block with records of these levels, a bit each, may hold a match.
    pub fn wants_levels(&self, levels: i64) -> bool {
        levels & !self.refused_levels != 0
    }

    /// Whether records of this level pass.
    pub fn matches_level(&self, level: Level) -> bool {
        self.refused_levels & (1 << level as i64) == 0
    }

    /// Whether records of this service pass.
    pub fn matches_service(&self, service: &str) -> bool {
        self.services.iter().all(|(wanted, is_negated)| (wanted == service) != *is_negated)
    }

    /// How many records of a block pass by level and service.
    pub fn count_in(&self, summary: &BlockSummary) -> u64 {
        let of = summary.0.iter().filter(|(service, _)| self.matches_service(service));
        of.flat_map(|(_, counts)| Level::ALL.iter().zip(counts))
            .filter(|(level, _)| self.matches_level(**level))
            .map(|(_, count)| u64::from(*count))
            .sum()
    }

    /// Whether the text of a record must be looked at.
    pub fn needs_text(&self) -> bool {
        !self.texts.is_empty()
    }

    /// Whether level and service alone decide.
    pub fn is_countable_from_summary(&self) -> bool {
        !self.needs_text() && self.traces.is_empty() && self.spans.is_empty()
    }

    /// Whether a block with this filter may hold a match.
    pub fn may_match(&self, bloom: BloomView<'_>) -> bool {
        self.keys.iter().all(|key| bloom.may_contain(key))
    }

    /// Whether a block's filter can rule anything out.
    pub fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Whether the ids of a record are as wanted.
    fn matches_ids(&self, trace_id: Option<TraceId>, span_id: Option<SpanId>) -> bool {
        fn holds<T: PartialEq + Copy>(tests: &[(Option<T>, bool)], id: Option<T>) -> bool {
            tests
                .iter()
                .all(|(wanted, is_negated)| wanted.map_or(id.is_some(), |wanted| id == Some(wanted)) != *is_negated)
        }
        holds(&self.traces, trace_id) && holds(&self.spans, span_id)
    }

    /// Whether everything but the text is as wanted.
    pub fn matches_fields(
        &self,
        level: Level,
        service: &str,
        trace_id: Option<TraceId>,
        span_id: Option<SpanId>,
    ) -> bool {
        self.matches_level(level) && self.matches_service(service) && self.matches_ids(trace_id, span_id)
    }

    /// Records of a block with a time from the first up to before the second, of which everything but their texts is as
    /// wanted.
    pub fn rows(&self, block: &LogBlock<'_>, (from, to): (UnixNanos, UnixNanos)) -> StoreResult<Vec<usize>> {
        let of_services: Vec<bool> = block.services().iter().map(|service| self.matches_service(service)).collect();
        let mut rows: Vec<usize> = (0..block.records())
            .filter(|index| {
                block.times[*index] >= from
                    && block.times[*index] < to
                    && self.matches_level(block.levels[*index])
                    && of_services[block.service_number(*index)]
            })
            .collect();
        self.retain_ids(block, &mut rows)?;
        Ok(rows)
    }

    /// Leaves of these records of a block those whose trace and span are as wanted.
    pub fn retain_ids(&self, block: &LogBlock<'_>, rows: &mut Vec<usize>) -> StoreResult<()> {
        if (self.traces.is_empty() && self.spans.is_empty()) || rows.is_empty() {
            return Ok(());
        }
        let mut kept = Vec::new();
        for row in rows.drain(..) {
            let (trace_id, span_id) = block.ids(row)?;
            if self.matches_ids(trace_id, span_id) {
                kept.push(row);
            }
        }
        *rows = kept;
        Ok(())
    }

    /// Leaves of these records of a block those whose texts are as wanted.
    pub fn retain(&self, texts: &mut BlockTexts<'_>, rows: &mut Vec<usize>) -> StoreResult<()> {
        self.scan(texts, rows)?;
        self.test(texts, rows)
    }

    /// Leaves of these records of a block the first so many whose texts are as wanted.
    pub fn retain_first(&self, texts: &mut BlockTexts<'_>, rows: &mut Vec<usize>, most: usize) -> StoreResult<()> {
        self.scan(texts, rows)?;
        if self.texts.is_empty() {
            rows.truncate(most);
            return Ok(());
        }
        let mut kept = Vec::new();
        for some in rows.chunks(ROWS_AT_ONCE) {
            let mut some = some.to_vec();
            self.test(texts, &mut some)?;
            kept.append(&mut some);
            if kept.len() >= most {
                kept.truncate(most);
                break;
            }
        }
        *rows = kept;
        Ok(())
    }

    fn scan(&self, texts: &mut BlockTexts<'_>, rows: &mut Vec<usize>) -> StoreResult<()> {
        match &self.scan {
            Some(scan) if !rows.is_empty() => scan.retain(texts, rows),
            _ => Ok(()),
        }
    }

    fn test(&self, texts: &mut BlockTexts<'_>, rows: &mut Vec<usize>) -> StoreResult<()> {
        for test in &self.texts {
            if rows.is_empty() {
                break;
            }
            test.retain(texts, rows)?;
        }
        Ok(())
    }

    /// Whether message and attributes (a JSON text) are as wanted.
    pub fn matches_text(&self, message: &str, attributes: &str) -> bool {
        self.texts.iter().all(|test| test.passes(message, attributes))
    }
}

/// A text as it is, in any case; if it begins with a letter or digit it begins a word.
fn plain(text: &str) -> Result<Regex, SearchError> {
    let begins_a_word = text.starts_with(char::is_alphanumeric);
    let boundary = if begins_a_word { r"(?:^|[^\p{L}\p{N}])" } else { "" };
    let pattern = format!("{boundary}{}", regex::escape(text));
    compile(&pattern, true).map_err(|error| SearchError::Regex(text.to_owned(), error))
}

/// The whole message, with any text where the pattern says so.
fn pattern_regex(pattern: &str) -> Result<Regex, SearchError> {
    let literals: Vec<String> = log_pattern::literals(pattern).map(regex::escape).collect();
    let whole = format!("^(?s:{})$", literals.join(".*?"));
    compile(&whole, false).map_err(|error| SearchError::Regex(pattern.to_owned(), error))
}

/// An expression of bounded size; or what is wrong with it.
fn compile(pattern: &str, ignore_case: bool) -> Result<Regex, String> {
    let mut builder = RegexBuilder::new(pattern);
    builder.case_insensitive(ignore_case).size_limit(MAX_REGEX_BYTES).dfa_size_limit(MAX_REGEX_BYTES);
    builder.build().map_err(|error| what_is_wrong(&error))
}

/// Words of a pattern that are not cut: a word that touches what stands for any text may be part of a longer one. A
/// beginning of a word is enough, so only the first word of what follows is left out.
fn mark_pattern(pattern: &str, marks: &mut Marks) {
    for (at, literal) in log_pattern::literals(pattern).enumerate() {
        marks.add_text(literal, Place::Message);
        let whole = if at == 0 { literal } else { literal.trim_start_matches(char::is_alphanumeric) };
        marks.add_words(whole);
    }
}

/// Texts that stand in whatever an expression matches. Where they begin is in a word, or it is not known, so their first
/// words are left out.
fn mark_regex(pattern: &str, marks: &mut Marks) {
    fn visit(hir: &Hir, found: &mut impl FnMut(&str)) {
        match hir.kind() {
            HirKind::Literal(literal) => found(std::str::from_utf8(&literal.0).unwrap_or_default()),
            HirKind::Capture(group) => visit(&group.sub, found),
            HirKind::Repetition(repetition) if repetition.min > 0 => visit(&repetition.sub, found),
            HirKind::Concat(parts) => parts.iter().for_each(|part| visit(part, found)),
            _ => {}
        }
    }
    let Ok(hir) = regex_syntax::parse(pattern) else { return };
    visit(&hir, &mut |literal| {
        marks.add_text(literal, Place::Anywhere);
        // Its last word may go on, which does not matter: beginnings are enough.
        marks.add_words(literal.trim_start_matches(char::is_alphanumeric));
    });
}

/// The last line of what the crate says: the ones before point at the place.
fn what_is_wrong(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "it would take too much memory".to_owned(),
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error:").trim().to_owned()
        }
    }
}

#[cfg(test)]
mod tests;
