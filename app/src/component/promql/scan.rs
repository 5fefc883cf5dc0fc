//! The words of a PromQL text, as far as completing and reading them needs it. The server alone knows whether it is a query.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A name: of a metric, a label, a function, or a keyword.
    Word,
    /// A number or a duration.
    Number,
    /// A text in quotes; whether it has its end.
    Text(bool),
    /// An opening bracket.
    Open(char),
    /// A closing bracket.
    Close(char),
    /// Anything else, in one piece.
    Sign,
    /// From `#` to the end of the line.
    Comment,
}

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// As it stands there.
    pub text: &'a str,
    /// Where it begins, in bytes.
    pub at: usize,
}

impl Token<'_> {
    /// Where it ends, in bytes.
    pub fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

fn begins_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == ':'
}

/// Whether a name can have this within.
pub fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// The tokens of a text.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let while_of = |is: fn(char) -> bool| rest.find(|c| !is(c)).unwrap_or(rest.len());
        let (kind, len) = match first {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '#' => (Kind::Comment, rest.find('\n').unwrap_or(rest.len())),
            '"' | '\'' | '`' => {
                let (len, is_closed) = quoted(rest, first);
                (Kind::Text(is_closed), len)
            }
            '(' | '{' | '[' => (Kind::Open(first), 1),
            ')' | '}' | ']' => (Kind::Close(first), 1),
            c if begins_word(c) => (Kind::Word, while_of(is_of_word)),
            c if c.is_ascii_digit() => (Kind::Number, while_of(|c| c.is_ascii_alphanumeric() || c == '.')),
            '=' | '!' | '<' | '>' | '~' => (Kind::Sign, while_of(|c| matches!(c, '=' | '!' | '<' | '>' | '~'))),
            c => (Kind::Sign, c.len_utf8()),
        };
        all.push(Token { kind, text: &rest[..len], at });
        at += len;
    }
    all
}

/// How long the text in quotes at the beginning is, and whether it has its end.
fn quoted(rest: &str, quote: char) -> (usize, bool) {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if quote != '`' => is_escaped = true,
            c if c == quote => return (at + 1, true),
            _ => {}
        }
    }
    (rest.len(), false)
}

/// The value of a text in double quotes, whole or as far as it goes.
pub fn unquoted(text: &str) -> String {
    let quote = text.chars().next().unwrap_or('"');
    let inner = &text[quote.len_utf8().min(text.len())..];
    let inner = inner.strip_suffix(quote).unwrap_or(inner);
    if quote == '`' {
        return inner.to_owned();
    }
    let mut out = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(other) => out.push(other),
                None => {}
            },
            c => out.push(c),
        }
    }
    out
}

/// A value as it stands between double quotes.
pub fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_query_is_cut_into_words() {
        let text = "sum by (job) (rate(http:x_total{a!~\"b\\\"}\"}[5m])) # no\n> 1.5";
        let told: Vec<&str> = tokens(text).into_iter().map(|token| token.text).collect();
        let expected = [
            "sum",
            "by",
            "(",
            "job",
            ")",
            "(",
            "rate",
            "(",
            "http:x_total",
            "{",
            "a",
            "!~",
            "\"b\\\"}\"",
            "}",
            "[",
            "5m",
            "]",
            ")",
            ")",
            "# no",
            ">",
            "1.5",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_text_without_its_end_goes_on_to_the_end() {
        let all = tokens("up{job=\"a, b");
        assert_eq!(all.last().map(|token| (token.kind, token.text)), Some((Kind::Text(false), "\"a, b")));
    }

    proptest! {
        #[test]
        fn any_text_has_tokens_that_lie_in_it(text in "\\PC*") {
            for token in tokens(&text) {
                prop_assert_eq!(&text[token.at..token.end()], token.text);
                prop_assert!(!token.text.is_empty());
            }
        }

        #[test]
        fn a_value_survives_its_quotes(value in "\\PC*") {
            prop_assert_eq!(unquoted(&format!("\"{}\"", escaped(&value))), value);
        }
    }
}
