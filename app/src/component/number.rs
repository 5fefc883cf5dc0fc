//! Numbers as people read them. A thin number with few digits; the unit is a separate word.

use crate::model::overview::Unit;

/// A value as number and unit, e.g. `("1,904", "ms")`, `("2.4", "GB")`.
pub fn format_unit(value: f64, unit: Unit) -> (String, &'static str) {
    match unit {
        Unit::Milliseconds if value.abs() >= 10_000.0 => (significant(value / 1000.0), "s"),
        Unit::Milliseconds => (significant(value), "ms"),
        Unit::Percent => (significant(value), "%"),
        Unit::PerSecond => (significant(value), "/s"),
        Unit::Bytes => scaled(value, ["B", "kB", "MB", "GB", "TB"]),
        Unit::BytesPerSecond => scaled(value, ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"]),
    }
}

/// The unit's name on its own: beside the title of a chart.
pub fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Milliseconds => "ms",
        Unit::Percent => "%",
        Unit::PerSecond => "/s",
        Unit::Bytes => "bytes",
        Unit::BytesPerSecond => "bytes/s",
    }
}

/// A whole number with groups of three digits: `1,234`.
pub fn format_count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Two or three digits that matter: `0.04`, `3.8`, `34`, `1,904`.
pub fn significant(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let size = value.abs();
    let text = if size >= 99.95 {
        let whole = format_count(value.abs().round() as u64);
        return if value < 0.0 { format!("−{whole}") } else { whole };
    } else if size >= 9.95 {
        format!("{size:.0}")
    } else if size >= 0.995 {
        format!("{size:.1}")
    } else if size >= 0.005 {
        format!("{size:.2}")
    } else {
        return "0".to_owned();
    };
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text };
    if value < 0.0 { format!("−{text}") } else { text }
}

/// The same for an amount: what has happened is not nothing, however little.
pub fn amount(value: f64) -> String {
    if value > 0.0 && value < 0.005 { "< 0.01".to_owned() } else { significant(value) }
}

fn scaled(value: f64, units: [&'static str; 5]) -> (String, &'static str) {
    let mut value = value;
    let mut at = 0;
    while value.abs() >= 999.5 && at + 1 < units.len() {
        value /= 1000.0;
        at += 1;
    }
    (significant(value), units[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_groups_of_three_digits() {
        assert_eq!(format_count(0), "0");
        assert_eq!(format_count(999), "999");
        assert_eq!(format_count(1_234), "1,234");
        assert_eq!(format_count(1_234_567), "1,234,567");
    }

    #[test]
    fn values_keep_the_digits_that_matter() {
        let shown = |value| significant(value);
        assert_eq!(shown(0.0), "0");
        assert_eq!(shown(0.042), "0.04");
        assert_eq!(shown(3.84), "3.8");
        assert_eq!(shown(4.0), "4");
        assert_eq!(shown(34.2), "34");
        assert_eq!(shown(99.96), "100");
        assert_eq!(shown(1903.7), "1,904");
        assert_eq!(shown(-2.5), "−2.5");
        assert_eq!(shown(f64::NAN), "–");
    }

    #[test]
    fn a_unit_is_chosen_by_size() {
        assert_eq!(format_unit(412.0, Unit::Milliseconds), ("412".to_owned(), "ms"));
        assert_eq!(format_unit(12_400.0, Unit::Milliseconds), ("12".to_owned(), "s"));
        assert_eq!(format_unit(2_400_000_000.0, Unit::Bytes), ("2.4".to_owned(), "GB"));
        assert_eq!(format_unit(999_700.0, Unit::BytesPerSecond), ("1".to_owned(), "MB/s"));
    }
}
