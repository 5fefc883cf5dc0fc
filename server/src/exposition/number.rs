//! Numbers as Go writes and reads them.

use std::borrow::Cow;

use super::error::{Problem, shown};

/// Decimal exponents up to here are written out in a canonical number.
const MAX_PLAIN_EXPONENT: i32 = 5;
/// And from here.
const MIN_PLAIN_EXPONENT: i32 = -4;

/// A value: decimal, with an exponent or without, `Inf` or `Infinity` with a sign or without, `NaN`; in any case.
pub fn value(text: &str) -> Result<f64, Problem> {
    let Ok(number) = text.parse::<f64>() else {
        let digits = text.trim_start_matches(['+', '-']);
        let is_hexadecimal = digits.starts_with("0x") || digits.starts_with("0X");
        let has_underscores = digits.starts_with(|first: char| first.is_ascii_digit()) && digits.contains('_');
        return Err(if is_hexadecimal || has_underscores {
            Problem::NumberStyle(shown(text))
        } else {
            Problem::NotANumber(shown(text))
        });
    };
    if number.is_finite() {
        return Ok(number);
    }
    if text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(Problem::NumberTooLarge(shown(text)));
    }
    if !number.is_nan() {
        return Ok(number);
    }
    // Go has no sign before it. One NaN for all: another one says that a series has ended.
    if text.starts_with(['+', '-']) { Err(Problem::NotANumber(shown(text))) } else { Ok(f64::NAN) }
}

/// A timestamp of Prometheus' text: whole milliseconds.
pub fn milliseconds(text: &str) -> Result<i64, Problem> {
    let is_whole = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_whole);
    number.ok_or_else(|| Problem::NotATimestamp(shown(text)))
}

/// A timestamp of `OpenMetrics`, which is in seconds, in milliseconds.
pub fn seconds(text: &str) -> Result<i64, Problem> {
    // Rounded, for 1.001 s times a thousand is a little less than 1,001 ms.
    let milliseconds = (value(text)? * 1000.0).round();
    // Not a number is not below anything.
    let is_possible = milliseconds.abs() < i64::MAX as f64;
    if is_possible { Ok(milliseconds as i64) } else { Err(Problem::NotATimestamp(shown(text))) }
}

/// One way to write a bound, for `1`, `1.0` and `1e0` are one: as `OpenMetrics` has it, with a point or an exponent.
/// What is no number stays.
pub fn canonical(text: Cow<'_, str>) -> Cow<'_, str> {
    let Ok(number) = value(&text) else { return text };
    let written = bound_text(number);
    if written == text { text } else { Cow::Owned(written) }
}

/// A bound in that one way: `0.005`, `10.0`, `1e+06`, `+Inf`.
pub fn bound_text(number: f64) -> String {
    // Adding zero makes one zero of both.
    let number = number + 0.0;
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (MIN_PLAIN_EXPONENT..=MAX_PLAIN_EXPONENT).contains(&exponent) {
        // With a point also when it is whole.
        return format!("{number:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_what_go_reads() {
        let read = |text: &str| value(text).unwrap();
        for (text, number) in [("1", 1.0), ("+1.", 1.0), ("-.5", -0.5), ("1E-3", 0.001), ("00", 0.0)] {
            assert_eq!(read(text).to_bits(), f64::to_bits(number), "{text}");
        }
        for text in ["Inf", "+Inf", "inf", "+infinity", "INFINITY"] {
            assert_eq!(read(text).to_bits(), f64::INFINITY.to_bits(), "{text}");
        }
        assert_eq!(read("-Inf").to_bits(), f64::NEG_INFINITY.to_bits());
        assert_eq!(read("NaN").to_bits(), f64::NAN.to_bits());
        assert_eq!(read("nan").to_bits(), f64::NAN.to_bits());
    }

    #[test]
    fn other_numbers_are_refused_with_the_reason() {
        for text in ["", "-", ".", "e5", "1e", "1e+", "true", "-NaN", "+nan", "infin", "1,5", " 1", "1\r", "--1"] {
            assert_eq!(value(text), Err(Problem::NotANumber(shown(text))), "{text}");
        }
        for text in ["0x1p-2", "-0X10", "1_000", "0x_1p4"] {
            assert_eq!(value(text), Err(Problem::NumberStyle(shown(text))), "{text}");
        }
        for text in ["1e400", "-1e309"] {
            assert_eq!(value(text), Err(Problem::NumberTooLarge(shown(text))), "{text}");
        }
    }

    #[test]
    fn timestamps_become_milliseconds() {
        assert_eq!(milliseconds("1520879607789"), Ok(1_520_879_607_789));
        for text in ["", "-1", "+1", "1.5", "1e3", "99999999999999999999"] {
            assert!(milliseconds(text).is_err(), "{text}");
        }
        for (text, time) in [("1520879607.789", 1_520_879_607_789), ("1.001", 1001), ("-2", -2000), ("1e3", 1_000_000)]
        {
            assert_eq!(seconds(text), Ok(time), "{text}");
        }
        for text in ["NaN", "+Inf", "1e30", "-1e16", "1e308", "x"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_bound_is_written_in_one_way() {
        let pairs = [
            ("1", "1.0"),
            ("0", "0.0"),
            ("-1", "-1.0"),
            ("+Inf", "+Inf"),
            ("inf", "+Inf"),
            ("0.25", "0.25"),
            ("1e5", "100000.0"),
            ("1000000", "1e+06"),
            ("123456789", "1.23456789e+08"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("1e-100", "1e-100"),
            ("most", "most"),
        ];
        for (text, expected) in pairs {
            assert_eq!(canonical(text.into()), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(bits: u64) {
            let number = f64::from_bits(bits);
            let read = value(&bound_text(number)).unwrap();
            prop_assert!(read.to_bits() == bits || number.is_nan() && read.is_nan());
        }
    }
}
