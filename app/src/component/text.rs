//! Words as people read them.

/// A text that begins with a capital letter, as sentences do.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_message_becomes_a_sentence() {
        assert_eq!(super::capitalised("no such key"), "No such key");
        assert_eq!(super::capitalised(""), "");
    }
}
