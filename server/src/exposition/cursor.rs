//! A place in a text, and the small pieces that begin there.

use super::{
    Format,
    error::{Problem, shown},
};

/// A place in a text. It stands at an ASCII character or right behind one, so that it never splits a character.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Cursor<'a> {
    /// At the beginning.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// The line it is in, from one.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The byte that is next.
    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// What stands between an earlier place and this one.
    pub fn since(&self, earlier: &Self) -> &'a str {
        self.text.get(earlier.at..self.at).unwrap_or_default()
    }

    /// What is not read yet.
    pub fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Steps over a byte if it is next. For a line feed see [`Self::end_line`].
    pub fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Steps over a line feed if it is next.
    pub fn end_line(&mut self) -> bool {
        let is_next = self.eat(b'\n');
        self.line += usize::from(is_next);
        is_next
    }

    /// Steps over blanks and tabs; whether there were any.
    pub fn skip_blanks(&mut self) -> bool {
        !self.take_while(|byte| matches!(byte, b' ' | b'\t')).is_empty()
    }

    /// The rest of the line without its line feed. It stays where it is.
    pub fn peek_line(&self) -> &'a str {
        let rest = self.rest();
        // Quicker than byte by byte, and comments are half of many texts.
        rest.find('\n').and_then(|end| rest.get(..end)).unwrap_or(rest)
    }

    /// Steps behind the line feed of this line, or to the end.
    pub fn skip_line(&mut self) {
        self.at += self.peek_line().len();
        self.end_line();
    }

    /// A name that needs no quotes, a metric's or, without colons, a label's; empty if there is none.
    pub fn name(&mut self, has_colons: bool) -> &'a str {
        if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return "";
        }
        self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || (has_colons && byte == b':'))
    }

    /// What stands up to the next byte that ends a number.
    pub fn token(&mut self, format: Format) -> &'a str {
        match format {
            Format::Text => self.take_while(|byte| !matches!(byte, b' ' | b'\t' | b'\n')),
            Format::OpenMetrics => self.take_while(|byte| !matches!(byte, b' ' | b'\n')),
        }
    }

    /// What stands between the quotes that begin here, with its escapes. Prometheus' text may have line feeds there.
    pub fn quoted(&mut self, format: Format) -> Result<&'a str, Problem> {
        if !self.eat(b'"') {
            return Err(self.expected("a quoted text"));
        }
        let begin = *self;
        loop {
            self.take_while(|byte| !matches!(byte, b'"' | b'\\' | b'\n'));
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'"' | b'\\') => self.at += 1,
                        Some(b'\n') => return Err(Problem::Unterminated),
                        _ => {}
                    }
                }
                Some(_) if format == Format::Text => {
                    self.end_line();
                }
                _ => return Err(Problem::Unterminated),
            }
        }
        let raw = self.since(&begin);
        self.at += 1;
        Ok(raw)
    }

    /// That something else is next than has to be.
    pub fn expected(&self, expected: &'static str) -> Problem {
        let line = self.peek_line();
        let found = match self.peek() {
            None => "the end of the text".to_owned(),
            Some(b'\n') => "the end of the line".to_owned(),
            Some(_) => shown(line),
        };
        Problem::Expected { expected, found }
    }

    fn take_while(&mut self, is_taken: impl Fn(u8) -> bool) -> &'a str {
        let begin = self.at;
        let rest = self.text.as_bytes().get(begin..).unwrap_or_default();
        self.at += rest.iter().position(|byte| !is_taken(*byte)).unwrap_or(rest.len());
        self.text.get(begin..self.at).unwrap_or_default()
    }
}
