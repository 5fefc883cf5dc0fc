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

/// The shape of a message: its first line with each number, a run of ASCII letters and digits that begins with a digit, in
/// zeros. Messages of one shape have the same pattern, unless their pattern [keeps numbers](keeps_numbers).
pub fn write_shape(message: &str, shape: &mut String) {
    shape.clear();
    let line = message.split_inclusive('\n').next().unwrap_or_default();
    let (mut from, mut is_number, mut is_in_run) = (0, false, false);
    for (at, byte) in line.bytes().enumerate() {
        if !byte.is_ascii_alphanumeric() {
            (is_in_run, is_number) = (false, false);
            continue;
        }
        is_number |= !is_in_run && byte.is_ascii_digit();
        is_in_run = true;
        if is_number && byte.is_ascii_digit() {
            shape.push_str(&line[from..at]);
            shape.push('0');
            from = at + 1;
        }
    }
    shape.push_str(&line[from..]);
}

/// Whether a pattern has a number of its messages in it, see [`write_shape`].
pub fn keeps_numbers(pattern: &str) -> bool {
    let mut is_in_run = false;
    pattern.bytes().any(|byte| {
        let begins = !is_in_run && byte.is_ascii_digit();
        is_in_run = byte.is_ascii_alphanumeric();
        begins
    })
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
        fn messages_of_a_shape_have_one_pattern(
            message in "([a-f0-9ä_.:%+-]{0,9}[ /\n=]){0,4}", digits in "[0-9]{40}",
        ) {
            let mut shape = String::new();
            write_shape(&message, &mut shape);
            // Any message of the same shape: other digits where its numbers are.
            let mut digits = digits.chars();
            let mut other = String::new();
            write_shape(&message, &mut other);
            let first_line = message.split_inclusive('\n').next().unwrap_or_default();
            let other: String = first_line
                .chars()
                .zip(other.chars())
                .map(|(c, of_shape)| if c != of_shape || c == '0' { digits.next().unwrap_or(c) } else { c })
                .collect();
            let mut of_other = String::new();
            write_shape(&other, &mut of_other);
            let pattern = pattern_of(&message);
            prop_assert!(of_other != shape || keeps_numbers(&pattern) || pattern_of(&other) == pattern, "{other:?}");
        }

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
