//! Words of a text: runs of letters and digits in lower case, and the prefixes of them that filters know.

/// Lengths, in characters, of the word beginnings that a block's filter holds. A searched beginning is looked up by
/// the longest of these that fits; shorter ones cannot rule a block out.
const PREFIX_LENGTHS: [usize; 3] = [8, 5, 3];

/// Calls `found` with every word of `text`, in lower case.
pub fn each_word(text: &str, scratch: &mut String, mut found: impl FnMut(&str)) {
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        if word.is_empty() {
            continue;
        }
        scratch.clear();
        if word.is_ascii() {
            scratch.push_str(word);
            scratch.make_ascii_lowercase();
        } else {
            scratch.extend(word.chars().flat_map(char::to_lowercase));
        }
        found(scratch);
    }
}

/// Calls `found` with the beginnings of `word` that a filter holds.
pub fn each_stored_prefix(word: &str, mut found: impl FnMut(&str)) {
    for length in PREFIX_LENGTHS {
        if let Some(prefix) = prefix(word, length) {
            found(prefix);
        }
    }
}

/// What to look up in a filter for a word that begins with `start`.
pub fn lookup_prefix(start: &str) -> Option<&str> {
    PREFIX_LENGTHS.into_iter().find_map(|length| prefix(start, length))
}

/// The first `length` characters, if there are as many.
fn prefix(word: &str, length: usize) -> Option<&str> {
    if word.is_ascii() {
        return word.get(..length);
    }
    let mut ends = word.char_indices().map(|(at, c)| at + c.len_utf8());
    ends.nth(length - 1).map(|end| &word[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        each_word(text, &mut String::new(), |word| all.push(word.to_owned()));
        all
    }

    #[test]
    fn words_are_lower_case_runs_of_letters_and_digits() {
        assert_eq!(words("GET /v1/Orders?id=42 «Größe» ok"), ["get", "v1", "orders", "id", "42", "größe", "ok"]);
        assert!(words(" .,;- ").is_empty());
    }

    #[test]
    fn every_lookup_is_among_the_stored_prefixes_of_each_word_it_begins() {
        for word in ["timeouts", "timeout", "größenwahn", "abc", "ab", "a41f09c27be14d06"] {
            let mut stored = Vec::new();
            each_stored_prefix(word, |prefix| stored.push(prefix.to_owned()));
            for end in word.char_indices().map(|(at, c)| at + c.len_utf8()) {
                if let Some(lookup) = lookup_prefix(&word[..end]) {
                    assert!(stored.iter().any(|prefix| prefix == lookup), "{word} {lookup}");
                }
            }
        }
    }
}
