//! Texts that lie one after the other, as they do in a block.

use regex::bytes::Regex;

use super::{
    StoreResult,
    column::{Reader, damaged, put_varint},
};

/// The lengths of at most so many short texts are summed up unchecked.
const MOST_SUMMED: usize = 1 << 24;

/// Writes texts: the length of each, then all of them.
pub fn put_texts<'a>(out: &mut Vec<u8>, texts: impl Iterator<Item = &'a str> + Clone) {
    texts.clone().for_each(|text| put_varint(out, text.len() as u64));
    texts.for_each(|text| out.extend(text.as_bytes()));
}

/// Texts of a block.
#[derive(Debug, Default)]
pub struct Texts {
    bytes: Vec<u8>,
    begin: usize,
    /// Where each ends.
    ends: Vec<u32>,
}

impl Texts {
    /// So many texts, which [`put_texts`] wrote at this place.
    pub fn read(bytes: Vec<u8>, at: usize, count: usize) -> StoreResult<Self> {
        let mut input = Reader::new(bytes.get(at..).unwrap_or_default());
        if count > input.left() {
            return Err(damaged("a number of texts"));
        }
        // No block is as large; then neither is where a text ends.
        let most = u32::try_from(bytes.len()).map_err(|_| damaged("texts are too large"))?;
        let mut size = 0_u32;
        let mut ends = Vec::with_capacity(count);
        // Most texts are short. The sum of so many small lengths is no large number.
        let small = if count <= MOST_SUMMED { input.small_varints(count) } else { None };
        if let Some(lengths) = small {
            ends.extend(lengths.iter().map(|length| {
                size += u32::from(*length);
                size
            }));
        } else {
            for _ in 0..count {
                let next = u32::try_from(input.varint()?).ok().and_then(|length| size.checked_add(length));
                size = next.filter(|size| *size <= most).ok_or_else(|| damaged("a text's length"))?;
                ends.push(size);
            }
        }
        let begin = bytes.len() - input.left();
        let end = begin + size as usize;
        if end > bytes.len() {
            return Err(damaged("a text's length"));
        }
        for end in &mut ends {
            *end += begin as u32;
        }
        if std::str::from_utf8(&bytes[begin..end]).is_err() {
            return Err(damaged("a text is not UTF-8"));
        }
        Ok(Self { bytes, begin, ends })
    }

    /// The first so many, and the others.
    pub fn split_at(mut self, count: usize) -> (Self, Self) {
        let others = self.ends.split_off(count);
        let begin = self.end();
        let rest = Self { bytes: self.bytes[begin..].to_vec(), begin: 0, ends: others };
        let ends = rest.ends.iter().map(|end| end - begin as u32).collect();
        self.bytes.truncate(begin);
        (self, Self { ends, ..rest })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// A text, by its number.
    pub fn get(&self, number: usize) -> &str {
        let from = if number == 0 { self.begin } else { self.ends[number - 1] as usize };
        std::str::from_utf8(&self.bytes[from..self.ends[number] as usize]).unwrap_or_default()
    }

    /// What follows the last in the bytes that they were read of.
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.end()..]
    }

    /// Bytes of all of them.
    pub fn size(&self) -> usize {
        self.end() - self.begin
    }

    fn end(&self) -> usize {
        self.ends.last().map_or(self.begin, |end| *end as usize)
    }

    /// Whether this byte is in any of them.
    pub fn have(&self, byte: u8) -> bool {
        self.bytes[self.begin..self.end()].contains(&byte)
    }

    /// Tells the number of each text that has a match, in ascending order. One search over all is many times faster than
    /// one for each.
    pub fn each_match(&self, wanted: &Regex, mut found: impl FnMut(usize)) {
        let joined = &self.bytes[..self.end()];
        let mut at = self.begin;
        while let Some(hit) = wanted.find_at(joined, at) {
            let number = self.ends.partition_point(|end| *end as usize <= hit.start());
            let end = self.ends[number] as usize;
            // What begins in one text and ends in the next is nothing, but may hide what begins right after it.
            at = if hit.end() <= end {
                found(number);
                end
            } else {
                hit.start() + 1
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(of: &[&str]) -> Texts {
        let mut bytes = b"head".to_vec();
        put_texts(&mut bytes, of.iter().copied());
        bytes.extend(b"tail");
        Texts::read(bytes, 4, of.len()).unwrap()
    }

    #[test]
    fn they_come_back() {
        let all = texts(&["one", "", "größe"]);
        assert_eq!((0..3).map(|number| all.get(number)).collect::<Vec<_>>(), ["one", "", "größe"]);
        assert_eq!((all.rest(), all.size()), (&b"tail"[..], 10));
        assert_eq!(texts(&[]).rest(), b"tail");
    }

    #[test]
    fn a_match_lies_in_one_text() {
        let all = texts(&["xab", "ab", "a", "b", "ababab", "aab"]);
        let mut found = Vec::new();
        all.each_match(&Regex::new("ab").unwrap(), |number| found.push(number));
        assert_eq!(found, [0, 1, 4, 5]);
        // The first match runs over the end of a text and hides one in the next.
        let mut found = Vec::new();
        texts(&["xa", "aa"]).each_match(&Regex::new("aa").unwrap(), |number| found.push(number));
        assert_eq!(found, [1]);
        texts(&["head", "tai"]).each_match(&Regex::new("dh|l").unwrap(), |_| panic!());
    }

    #[test]
    fn damage_is_an_error() {
        assert!(Texts::read(vec![200, 1, b'a'], 0, 1).is_err() && Texts::read(vec![1, 0xff], 0, 1).is_err());
        assert!(Texts::read(vec![1], 0, 9).is_err() && Texts::read(vec![1], 3, 1).is_err());
    }
}
