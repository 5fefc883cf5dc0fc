//! Patterns of messages: what stays when numbers, ids and addresses are taken out. `took 12 ms` has the pattern
//! `took <*> ms`; all records with one pattern were most likely written at one place of a program.

/// What stands for any text.
pub const ANY: &str = "<*>";

/// Longest pattern, in bytes; what follows is [`ANY`].
const MAX_BYTES: usize = 400;

/// The pattern of a message. Only its first line counts: what follows is a stack trace or a dump.
pub fn pattern_of(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while !rest.is_empty() {
        let length = rest.find(|c: char| !is_segment_char(c)).unwrap_or(rest.len());
        let (segment, separator) = rest.split_at(length);
        if out.len() + segment.len() > MAX_BYTES {
            break;
        }
        // A full stop or colon at the end of a segment ends a sentence.
        let core = segment.trim_end_matches(['.', ':', '-']);
        if is_variable(core) {
            out.push_str(ANY);
            out.push_str(&segment[core.len()..]);
        } else {
            out.push_str(segment);
        }
        rest = separator;
        if let Some(c) = rest.chars().next() {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    let is_cut = !rest.is_empty() || line.len() < message.len();
    if is_cut && !out.ends_with(ANY) {
        out.push_str(ANY);
    }
    out
}

fn is_segment_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '-' | '+' | '%')
}

/// Numbers, with units or without, times, addresses, ids and names that are numbered.
fn is_variable(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let begins = segment.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit());
    let is_hex = segment.len() >= 8 && segment.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    begins || digits >= 3 || (digits >= 1 && is_hex)
}

/// The texts between the [`ANY`]s of a pattern.
pub fn literals(pattern: &str) -> impl Iterator<Item = &str> {
    pattern.split(ANY)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_ids_and_addresses_go() {
        for (message, pattern) in [
            ("GET /v1/orders/42 200 in 12.5ms", "GET /v1/orders/<*> <*> in <*>"),
            ("user u4411 signed in from 10.0.0.7:5432.", "user <*> signed in from <*>."),
            ("span 4bf92f3577b34da6 of deadbeef-cafe-4000-8000-000000000001", "span <*> of <*>"),
            ("took -3 % (retry 2)", "took <*> % (retry <*>)"),
            ("listening on http2, utf8", "listening on http2, utf8"),
            ("plain words: only", "plain words: only"),
            ("panicked\n  at main.rs:5", "panicked<*>"),
            ("", ""),
        ] {
            assert_eq!(pattern_of(message), pattern, "{message}");
        }
    }

    #[test]
    fn a_long_message_is_cut() {
        let pattern = pattern_of(&"word ".repeat(1000));
        assert!(pattern.len() <= MAX_BYTES + ANY.len() + 1 && pattern.ends_with(ANY));
    }

    proptest! {
        #[test]
        fn the_literals_of_a_pattern_stand_in_its_message_in_order(message in ".{0,80}") {
            let pattern = pattern_of(&message);
            let mut rest = message.as_str();
            for literal in literals(&pattern) {
                let at = rest.find(literal);
                prop_assert!(at.is_some(), "{message:?} {pattern:?} {literal:?}");
                rest = &rest[at.unwrap() + literal.len()..];
            }
        }
    }
}
