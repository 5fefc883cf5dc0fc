//! Escapes in quoted texts and in help.

use std::borrow::Cow;

/// What a quoted text means: `\\`, `\"` and `\n` stand for a backslash, a quote and a line feed, any other backslash
/// for itself.
pub fn unescape(raw: &str) -> Cow<'_, str> {
    replace(raw, true)
}

/// What a help text means. In Prometheus' own text a quote is not escaped there.
pub fn unescape_help(raw: &str, has_quotes: bool) -> Cow<'_, str> {
    replace(raw, has_quotes)
}

fn replace(raw: &str, has_quotes: bool) -> Cow<'_, str> {
    if !raw.as_bytes().contains(&b'\\') {
        return Cow::Borrowed(raw);
    }
    let mut meant = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('\\') {
        let (char, length) = match after.as_bytes().first() {
            Some(b'\\') => ('\\', 1),
            Some(b'n') => ('\n', 1),
            Some(b'"') if has_quotes => ('"', 1),
            _ => ('\\', 0),
        };
        meant.push_str(before);
        meant.push(char);
        rest = after.get(length..).unwrap_or_default();
    }
    meant.push_str(rest);
    Cow::Owned(meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_escapes_mean_something() {
        assert_eq!(unescape(r#"a\"b\\n\n\x\é\"#), "a\"b\\n\n\\x\\é\\");
        assert_eq!(unescape_help(r#"a\"b\\c\n"#, false), "a\\\"b\\c\n");
        assert!(matches!(unescape("plain"), Cow::Borrowed("plain")));
    }
}
