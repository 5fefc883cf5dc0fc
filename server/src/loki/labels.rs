//! Labels as they are written in a push: `{job="mail", level="error"}`.

use std::{iter::Peekable, str::CharIndices};

use serde_json::{Map, Value};

/// Why a text is no set of labels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the labels are not understood: {expected} expected at byte {at}")]
pub struct LabelError {
    /// Where, in bytes from the beginning.
    pub at: usize,
    /// What should be there.
    pub expected: &'static str,
}

/// Reads labels: names, and values in double quotes with the escapes of Go, or in backquotes without any.
pub fn parse_labels(text: &str) -> Result<Map<String, Value>, LabelError> {
    let mut parser = Parser { text, rest: text.char_indices().peekable() };
    let mut labels = Map::new();
    parser.space();
    parser.expect('{', "`{`")?;
    loop {
        parser.space();
        if parser.take('}') {
            break;
        }
        let at = parser.at();
        let name = parser.name()?;
        parser.space();
        parser.expect('=', "`=`")?;
        parser.space();
        let value = parser.value()?;
        if labels.insert(name, Value::String(value)).is_some() {
            return Err(LabelError { at, expected: "a name that was not there before" });
        }
        parser.space();
        if !parser.take(',') {
            parser.expect('}', "`,` or `}`")?;
            break;
        }
    }
    parser.space();
    if parser.rest.peek().is_some() { Err(parser.error("the end")) } else { Ok(labels) }
}

struct Parser<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
}

impl Parser<'_> {
    fn at(&mut self) -> usize {
        self.rest.peek().map_or(self.text.len(), |(at, _)| *at)
    }

    fn error(&mut self, expected: &'static str) -> LabelError {
        LabelError { at: self.at(), expected }
    }

    fn take(&mut self, wanted: char) -> bool {
        self.rest.next_if(|(_, c)| *c == wanted).is_some()
    }

    fn expect(&mut self, wanted: char, expected: &'static str) -> Result<(), LabelError> {
        if self.take(wanted) { Ok(()) } else { Err(self.error(expected)) }
    }

    fn space(&mut self) {
        while self.rest.next_if(|(_, c)| c.is_ascii_whitespace()).is_some() {}
    }

    /// Names as Prometheus has them, and with the dots of OpenTelemetry.
    fn name(&mut self) -> Result<String, LabelError> {
        let begin = self.at();
        if self.rest.next_if(|(_, c)| c.is_ascii_alphabetic() || *c == '_').is_none() {
            return Err(self.error("the name of a label"));
        }
        while self.rest.next_if(|(_, c)| c.is_ascii_alphanumeric() || "_.:-/".contains(*c)).is_some() {}
        let end = self.at();
        Ok(self.text[begin..end].to_owned())
    }

    fn value(&mut self) -> Result<String, LabelError> {
        if self.take('`') {
            let begin = self.at();
            while self.rest.next_if(|(_, c)| *c != '`').is_some() {}
            let end = self.at();
            self.expect('`', "a backquote that ends the value")?;
            return Ok(self.text[begin..end].to_owned());
        }
        self.expect('"', "a value in quotes")?;
        // Bytes: an escape may stand for one that is no character by itself.
        let mut value = Vec::new();
        loop {
            match self.rest.next() {
                None => return Err(self.error("a quote that ends the value")),
                Some((_, '"')) => return Ok(String::from_utf8_lossy(&value).into_owned()),
                Some((_, '\\')) => self.escape(&mut value)?,
                Some((_, c)) => value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }

    /// What follows a backslash, after the specification of Go (<https://go.dev/ref/spec#Rune_literals>).
    fn escape(&mut self, value: &mut Vec<u8>) -> Result<(), LabelError> {
        let expected = "an escape that is known";
        let at = self.at();
        let Some((_, c)) = self.rest.next() else { return Err(self.error(expected)) };
        let known = match c {
            'a' => Some(b'\x07'),
            'b' => Some(b'\x08'),
            'f' => Some(b'\x0c'),
            'n' => Some(b'\n'),
            'r' => Some(b'\r'),
            't' => Some(b'\t'),
            'v' => Some(b'\x0b'),
            '\\' | '"' | '\'' => Some(c as u8),
            _ => None,
        };
        if let Some(byte) = known {
            value.push(byte);
            return Ok(());
        }
        let wrong = LabelError { at, expected };
        let (first, digits, radix) = match c {
            'x' => (0, 2, 16),
            'u' => (0, 4, 16),
            'U' => (0, 8, 16),
            '0'..='7' => (c as u32 - '0' as u32, 2, 8),
            _ => return Err(wrong),
        };
        let mut code: u32 = first;
        for _ in 0..digits {
            let digit = self.rest.next().and_then(|(_, c)| c.to_digit(radix)).ok_or_else(|| wrong.clone())?;
            code = code.checked_mul(radix).and_then(|code| code.checked_add(digit)).ok_or_else(|| wrong.clone())?;
        }
        if radix == 8 || c == 'x' {
            value.push(u8::try_from(code).map_err(|_| wrong)?);
        } else {
            let c = char::from_u32(code).ok_or(wrong)?;
            value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_are_read_with_their_escapes() {
        for (text, expected) in [
            (r#"{job="mail"}"#, serde_json::json!({ "job": "mail" })),
            (r#" { job = "mail" , level="error",} "#, serde_json::json!({ "job": "mail", "level": "error" })),
            ("{}", serde_json::json!({})),
            (r#"{a="",b="{x=\"1\",}"}"#, serde_json::json!({ "a": "", "b": r#"{x="1",}"# })),
            (r#"{a="\n\t\\\x41\101\u00e9\U0001f600"}"#, serde_json::json!({ "a": "\n\t\\AA\u{e9}\u{1f600}" })),
            (r#"{a="\xc3\xa9 \xff"}"#, serde_json::json!({ "a": "\u{e9} \u{fffd}" })),
            ("{a=`\\d+ \"x\"`}", serde_json::json!({ "a": "\\d+ \"x\"" })),
            (r#"{service.name="é"}"#, serde_json::json!({ "service.name": "é" })),
        ] {
            assert_eq!(Value::Object(parse_labels(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn what_are_no_labels_is_refused_with_the_place() {
        for (text, at, expected) in [
            ("", 0, "`{`"),
            ("job=\"x\"", 0, "`{`"),
            ("{", 1, "the name of a label"),
            ("{1=\"x\"}", 1, "the name of a label"),
            ("{a}", 2, "`=`"),
            ("{a=x}", 3, "a value in quotes"),
            ("{a=\"x}", 6, "a quote that ends the value"),
            ("{a=`x}", 6, "a backquote that ends the value"),
            ("{a=\"x\" b=\"y\"}", 7, "`,` or `}`"),
            ("{a=\"x\",a=\"y\"}", 7, "a name that was not there before"),
            (r#"{a="\q"}"#, 5, "an escape that is known"),
            (r#"{a="\x4"}"#, 5, "an escape that is known"),
            (r#"{a="\400"}"#, 5, "an escape that is known"),
            (r#"{a="\ud800"}"#, 5, "an escape that is known"),
            ("{a=\"x\"} more", 8, "the end"),
        ] {
            assert_eq!(parse_labels(text), Err(LabelError { at, expected }), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}", inside in "[a{}=\",`\\\\xuU0-9 é]{0,30}") {
            let _either = parse_labels(&text);
            let _either = parse_labels(&format!("{{{inside}}}"));
        }

        #[test]
        fn what_is_written_is_read(value in "\\PC{0,30}") {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
            let labels = parse_labels(&format!("{{a=\"{escaped}\"}}")).unwrap();
            prop_assert_eq!(&labels["a"], &Value::String(value));
        }
    }
}
