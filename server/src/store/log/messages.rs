//! The messages of a block, taken apart: a program writes the same few lines over and over, and only values in them differ.
//!
//! A value is a run of ASCII letters and digits with a digit in it; what is left of a message without its values is its
//! template. A template that occurs more than a few times stands in the block once, and its first values are a column,
//! its second ones another. Other messages are one more column. Columns that are worth it are packed alone, as values
//! are more like each other than like anything else; the others share a frame with what says which record has which
//! template.

use std::ops::Range;

use foldhash::{HashMap, HashMapExt};
use regex::bytes::{Regex, RegexBuilder};

use crate::store::{
    StoreResult,
    column::{Reader, put_bytes, put_varint, restore, store, store_values},
    texts::{Texts, put_texts},
};

/// Stands in a template for a value. A message that has it itself is kept whole.
const VALUE: char = '\0';
/// Messages of a template, at least.
const FEWEST: usize = 4;
/// Different templates that are told apart while they are counted.
const MOST_TEMPLATES: usize = 4096;
/// Values of a template, at most.
const MOST_VALUES: usize = 32;
/// Longer messages, in bytes, are kept whole.
const LONGEST: usize = 4096;
/// Columns of fewer bytes share a frame.
const SMALLEST_ALONE: usize = 1024;

/// Places of the values of a message.
fn values(message: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = message.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let begin = at;
            let mut has_digit = false;
            while at < bytes.len() && bytes[at].is_ascii_alphanumeric() {
                has_digit |= bytes[at].is_ascii_digit();
                at += 1;
            }
            if has_digit {
                return Some(begin..at);
            }
            at += 1;
        }
        None
    })
}

/// Writes the template of a message and counts its values; false if it is to be kept whole.
fn template_of(message: &str, template: &mut String) -> bool {
    template.clear();
    // Two letters are ASCII in another case.
    if message.len() > LONGEST || message.contains([VALUE, '\u{212a}', '\u{17f}']) {
        return false;
    }
    let (mut from, mut count) = (0, 0_usize);
    for value in values(message) {
        template.push_str(&message[from..value.start]);
        template.push(VALUE);
        from = value.end;
        count += 1;
    }
    template.push_str(&message[from..]);
    count <= MOST_VALUES
}

/// The section of these messages.
pub fn encode<'a>(messages: &[&'a str]) -> StoreResult<Vec<u8>> {
    let mut scratch = String::new();
    let mut known: HashMap<String, u32> = HashMap::new();
    let mut counts: Vec<usize> = Vec::new();
    let numbers: Vec<Option<u32>> = messages
        .iter()
        .map(|message| {
            if !template_of(message, &mut scratch) {
                return None;
            }
            let number = match known.get(&scratch) {
                Some(number) => *number,
                None if counts.len() == MOST_TEMPLATES => return None,
                None => {
                    known.insert(scratch.clone(), counts.len() as u32);
                    counts.push(0);
                    counts.len() as u32 - 1
                }
            };
            counts[number as usize] += 1;
            Some(number)
        })
        .collect();

    // Those that are kept, the most frequent first: their numbers take a byte.
    let mut templates: Vec<(String, u32)> =
        known.into_iter().filter(|(_, at)| counts[*at as usize] >= FEWEST).collect();
    templates.sort_unstable_by(|one, other| {
        counts[other.1 as usize].cmp(&counts[one.1 as usize]).then_with(|| one.0.cmp(&other.0))
    });
    let mut kept = vec![0_usize; counts.len()];
    for (at, (_, number)) in templates.iter().enumerate() {
        kept[*number as usize] = at + 1;
    }
    let mut whole: Vec<&'a str> = Vec::new();
    let mut columns: Vec<Vec<Vec<&'a str>>> =
        templates.iter().map(|(template, _)| vec![Vec::new(); template.matches(VALUE).count()]).collect();
    let mut shared = Vec::new();
    put_varint(&mut shared, templates.len() as u64);
    put_texts(&mut shared, templates.iter().map(|(template, _)| template.as_str()));
    for (message, number) in messages.iter().zip(&numbers) {
        let template = number.map_or(0, |number| kept[number as usize]);
        put_varint(&mut shared, template as u64);
        match template.checked_sub(1) {
            None => whole.push(message),
            Some(template) => {
                columns[template].iter_mut().zip(values(message)).for_each(|(column, at)| column.push(&message[at]));
            }
        }
    }
    let mut alone = Vec::new();
    let mut column = Vec::new();
    for (at, texts) in std::iter::once(whole).chain(columns.into_iter().flatten()).enumerate() {
        column.clear();
        put_texts(&mut column, texts.iter().copied());
        let is_alone = column.len() >= SMALLEST_ALONE;
        shared.push(u8::from(is_alone));
        if is_alone {
            put_bytes(&mut alone, &if at == 0 { store(&column) } else { store_values(&column) }?);
        } else {
            put_bytes(&mut shared, &column);
        }
    }
    let mut section = Vec::new();
    put_bytes(&mut section, &store_values(&shared)?);
    section.extend(alone);
    Ok(section)
}

/// A template of the messages of a block.
struct Template {
    text: String,
    /// What is before, between and behind the values.
    literals: Vec<String>,
    /// A column for each value.
    columns: Vec<Texts>,
}

/// The messages of a block, still apart.
pub struct Messages {
    /// Those that are kept whole.
    whole: Texts,
    templates: Vec<Template>,
    /// The number of a record's template, and one; zero for a message that is whole.
    template_of: Vec<u32>,
    /// How many of those before are of the same template.
    nth: Vec<u32>,
}

impl Messages {
    /// All of them whole.
    pub fn whole(whole: Texts) -> Self {
        let records = whole.count();
        Self { whole, templates: Vec::new(), template_of: vec![0; records], nth: (0..records as u32).collect() }
    }

    /// Reads the section of so many records.
    pub fn read(section: &[u8], records: usize) -> StoreResult<Self> {
        let mut alone = Reader::new(section);
        let shared = restore(alone.bytes()?)?.into_owned();
        let mut input = Reader::new(&shared);
        let count = input.count()?;
        let begin = shared.len() - input.left();
        let texts = Texts::read(shared, begin, count)?;
        let mut input = Reader::new(texts.rest());
        let template_of = input.indexes(records, count + 1)?;
        let mut uses = vec![0; count + 1];
        let nth = template_of.iter().map(|template| {
            let uses = &mut uses[*template as usize];
            *uses += 1;
            *uses - 1
        });
        let nth: Vec<u32> = nth.collect();

        let mut column = |texts: u32| match input.array::<1>()? {
            [0] => Texts::read(input.bytes()?.to_vec(), 0, texts as usize),
            _ => Texts::read(restore(alone.bytes()?)?.into_owned(), 0, texts as usize),
        };
        let whole = column(uses[0])?;
        let templates = uses[1..].iter().enumerate().map(|(at, uses)| {
            let text = texts.get(at).to_owned();
            let literals: Vec<String> = text.split(VALUE).map(str::to_owned).collect();
            let columns = (1..literals.len()).map(|_| column(*uses)).collect::<StoreResult<Vec<_>>>()?;
            Ok(Template { text, literals, columns })
        });
        Ok(Self { whole, templates: templates.collect::<StoreResult<_>>()?, template_of, nth })
    }

    /// Adds the message of a record to a text.
    pub fn write(&self, index: usize, out: &mut String) {
        let nth = self.nth[index] as usize;
        let Some(template) = self.template_of[index].checked_sub(1) else {
            return out.push_str(self.whole.get(nth));
        };
        let Template { literals, columns, .. } = &self.templates[template as usize];
        out.push_str(&literals[0]);
        for (column, literal) in columns.iter().zip(&literals[1..]) {
            out.push_str(column.get(nth));
            out.push_str(literal);
        }
    }

    /// Whether a test holds of the message of a record; the text is for putting messages together.
    pub fn test(&self, index: usize, scratch: &mut String, holds: impl FnOnce(&str) -> bool) -> bool {
        if self.template_of[index] == 0 {
            return holds(self.whole.get(self.nth[index] as usize));
        }
        scratch.clear();
        self.write(index, scratch);
        holds(scratch)
    }

    /// Marks records whose message may have a text: each that has it, and some that don't.
    pub fn mark(&self, wanted: &MessageScan, records: &mut [bool]) {
        // Of each template, from the one of whole messages on: none, all, or those that are told.
        let mut whole = vec![false; self.whole.count()];
        self.whole.each_match(&wanted.text, |number| whole[number] = true);
        let mut of_templates = vec![Marked::Some(whole)];
        of_templates.extend(self.templates.iter().map(|template| wanted.among(template)));
        for (record, (template, nth)) in records.iter_mut().zip(self.template_of.iter().zip(&self.nth)) {
            *record |= match &of_templates[*template as usize] {
                Marked::None => false,
                Marked::All => true,
                Marked::Some(marked) => marked[*nth as usize],
            };
        }
    }

    /// Bytes that are unpacked.
    pub fn size(&self) -> usize {
        let of_columns = self.templates.iter().flat_map(|template| &template.columns).map(Texts::size).sum::<usize>();
        self.whole.size() + of_columns
    }
}

enum Marked {
    None,
    All,
    Some(Vec<bool>),
}

/// Looks for a text in messages that are apart.
#[derive(Debug, Clone)]
pub struct MessageScan {
    /// The text, in any case.
    text: Regex,
    /// What a template has when all its messages have the text, whatever their values. None if they never have.
    sure: Option<Regex>,
    /// What a template has when some of its messages may have the text.
    may: Regex,
    /// What one of the values has of such a message; none if that is not known.
    value: Option<Regex>,
}

impl MessageScan {
    /// For a text. It is cut into what is in values and what is between them: a run of letters and digits that has a digit
    /// and both of whose ends are in the text is a value; one at an end of the text may be a part of one, with a digit or
    /// without.
    pub fn new(text: &str) -> Option<Self> {
        let compile = |pattern: &str| RegexBuilder::new(pattern).case_insensitive(true).build().ok();
        let whole = compile(&regex::escape(text))?;
        // In another case these are letters of a value; then anything may be.
        if text.contains(['\u{212a}', '\u{17f}', VALUE]) {
            return Some(Self { text: whole, sure: None, may: compile("")?, value: None });
        }
        let (mut may, mut parts): (String, Vec<String>) = (String::new(), Vec::new());
        let mut longest = "";
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            if length == 0 {
                let c = rest.chars().next().map_or(1, char::len_utf8);
                may.push_str(&regex::escape(&rest[..c]));
                at += c;
                continue;
            }
            let run = &rest[..length];
            let is_at_end = at == 0 || at + length == text.len();
            if run.contains(|c: char| c.is_ascii_digit()) {
                may.push_str(r"\x00");
                longest = if run.len() > longest.len() { run } else { longest };
            } else if is_at_end {
                may.extend(["(?:", run, r"|\x00)"]);
                parts.push(regex::escape(run));
            } else {
                may.push_str(run);
            }
            at += length;
        }
        let (sure, value) = match (longest, parts.as_slice()) {
            ("", []) => (Some(whole.clone()), None),
            // In a value that ends with the one or begins with the other: it does not matter which is found first.
            ("", parts) => (Some(whole.clone()), Some(compile(&parts.join("|"))?)),
            (run, _) => (None, Some(compile(&regex::escape(run))?)),
        };
        Some(Self { text: whole, sure, may: compile(&may)?, value })
    }

    /// Messages of a template that may have the text.
    fn among(&self, Template { text, columns, .. }: &Template) -> Marked {
        if self.sure.as_ref().is_some_and(|sure| sure.is_match(text.as_bytes())) {
            return Marked::All;
        }
        if !self.may.is_match(text.as_bytes()) {
            return Marked::None;
        }
        let (Some(value), Some(first)) = (&self.value, columns.first()) else { return Marked::All };
        let mut marked = vec![false; first.count()];
        for column in columns {
            column.each_match(value, |number| marked[number] = true);
        }
        Marked::Some(marked)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(message: &str) -> (String, Vec<&str>) {
        let mut template = String::new();
        assert!(template_of(message, &mut template));
        (template.replace(VALUE, "*"), values(message).map(|at| &message[at]).collect())
    }

    #[test]
    fn values_have_digits() {
        assert_eq!(parts("GET /v1/users/4711 200 ok"), ("GET /*/users/* * ok".into(), vec!["v1", "4711", "200"]));
        assert_eq!(parts("größe 3€ x2"), ("größe *€ *".into(), vec!["3", "x2"]));
        assert_eq!(parts("7"), ("*".into(), vec!["7"]));
        assert_eq!(parts(""), (String::new(), vec![]));
        assert!(!template_of("a\0b", &mut String::new()));
    }

    fn all(messages: &Messages, records: usize) -> Vec<String> {
        let message = |at| {
            let mut message = String::new();
            messages.write(at, &mut message);
            message
        };
        (0..records).map(message).collect()
    }

    fn message() -> impl Strategy<Value = String> {
        prop_oneof![
            (0..1000_u32).prop_map(|n| format!("took {n} ms")),
            (any::<u64>(), "[a-f0-9]{4}").prop_map(|(n, id)| format!("user {n} of {id}: größe")),
            "\\PC{0,20}",
            Just(String::new()),
            Just("a\0b 1".to_owned()),
            Just(format!("{} 1", "long".repeat(LONGEST / 4))),
        ]
    }

    proptest! {
        #[test]
        fn messages_come_back(messages in prop::collection::vec(message(), 0..120)) {
            let texts: Vec<&str> = messages.iter().map(String::as_str).collect();
            let read = Messages::read(&encode(&texts).unwrap(), texts.len()).unwrap();
            prop_assert_eq!(all(&read, texts.len()), texts);
        }

        #[test]
        fn damage_is_an_error_and_never_a_panic(many in 1..400_usize, at in any::<usize>(), byte in any::<u8>()) {
            let messages: Vec<String> = (0..many).map(|n| format!("took {} ms of {n}", n * 7919 % 1000)).collect();
            let texts: Vec<&str> = messages.iter().map(String::as_str).collect();
            let mut section = encode(&texts).unwrap();
            let at = at % section.len();
            let _short = Messages::read(&section[..at], many).map(|read| all(&read, many));
            section[at] = byte;
            let _either = Messages::read(&section, many).map(|read| all(&read, many));
        }
    }

    fn found(messages: &[&str], text: &str) -> Vec<usize> {
        let read = Messages::read(&encode(messages).unwrap(), messages.len()).unwrap();
        let mut marks = vec![false; messages.len()];
        read.mark(&MessageScan::new(text).unwrap(), &mut marks);
        (0..messages.len()).filter(|at| marks[*at]).collect()
    }

    #[test]
    fn a_text_is_looked_for_where_it_may_stand() {
        let users: Vec<String> = (0..8).map(|n| format!("GET /v1/users/u471{n} of shop{n}x")).collect();
        let users: Vec<&str> = users.iter().map(String::as_str).collect();
        let all: Vec<usize> = (0..8).collect();
        for (text, wanted) in [
            ("U4713", vec![3]),
            ("471", all.clone()),
            ("v1/users", all.clone()),
            ("users/u4715", vec![5]),
            ("get /", all.clone()),
            ("orders", vec![]),
            ("of shop", all.clone()),
            ("shop4x", vec![4]),
            ("v2/users", vec![]),
            ("-", vec![]),
        ] {
            assert_eq!(found(&users, text), wanted, "{text}");
        }
    }

    #[test]
    fn lines_of_a_program_take_their_values() {
        let messages: Vec<String> = (0..8192_u64)
            .map(|n| format!("GET /v1/users/{} 200 in {} ms", n * 7919 % 50_000, n * 104_729 % 2000))
            .collect();
        let texts: Vec<&str> = messages.iter().map(String::as_str).collect();
        let size = encode(&texts).unwrap().len() as f64 / 8192.0;
        // 15.6 and 11 bits are in the values.
        assert!(size < 4.6, "{size} bytes a message");
    }
}
