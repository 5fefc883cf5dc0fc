//! Texts without what terminals make of them.

use std::borrow::Cow;

const ESCAPE: char = '\u{1b}';

/// The text without the colours and movements that programs write for terminals (ECMA-48 control sequences).
pub fn without_colours(text: &str) -> Cow<'_, str> {
    if text.contains(ESCAPE) { Cow::Owned(anstream::adapter::strip_str(text).to_string()) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_and_the_rest_stays() {
        assert_eq!(without_colours("\u{1b}[35m\u{1b}[1mGET /\u{1b}[0m 500 – ä\tb\nc"), "GET / 500 – ä\tb\nc");
        assert!(matches!(without_colours("plain"), Cow::Borrowed("plain")));
    }
}
