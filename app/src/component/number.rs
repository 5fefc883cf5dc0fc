//! Numbers as people read them. A thin number with few digits; the unit is a separate word.

use crate::model::overview::Unit;

/// A value as number and unit, e.g. `("1,904", "ms")`, `("2.4", "GB")`.
pub fn format_unit(value: f64, unit: Unit) -> (String, &'static str) {
    match unit {
        Unit::Milliseconds if value.abs() >= 10_000.0 => (significant(value / 1000.0), "s"),
        Unit::Milliseconds => (significant(value), "ms"),
        Unit::Percent => (significant(value), "%"),
        Unit::PerSecond => (compact(value), "/s"),
        Unit::Bytes => scaled(value, ["B", "kB", "MB", "GB", "TB"]),
        Unit::BytesPerSecond => scaled(value, ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"]),
        Unit::Number => (compact(value), ""),
        Unit::Seconds => seconds(value),
        Unit::Ratio => (compact(value * 100.0), "%"),
    }
}

/// The unit's name on its own: beside the title of a chart.
pub fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Milliseconds => "ms",
        Unit::Percent | Unit::Ratio => "%",
        Unit::PerSecond => "/s",
        Unit::Bytes => "bytes",
        Unit::BytesPerSecond => "bytes/s",
        Unit::Number | Unit::Seconds => "",
    }
}

/// A number of any size in few letters: `0.0004`, `3.8`, `1,904`, `12.3 k`, `4.1 M`, `2e21`.
pub fn compact(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || size == 0.0 || (0.005..9_999.5).contains(&size) {
        return significant(value);
    }
    let sign = if value < 0.0 { "−" } else { "" };
    if !(1e-6..1e15).contains(&size) {
        return format!("{sign}{size:.1e}");
    }
    if size < 0.005 {
        // Two digits that matter, wherever they begin.
        let places = (1.0 - size.log10().floor()) as usize;
        let text = format!("{size:.places$}");
        return format!("{sign}{}", text.trim_end_matches('0'));
    }
    let (number, name) = scaled(size, ["", "k", "M", "G", "T"]);
    let digits = if number.len() < 3 { precise(size, name) } else { number };
    format!("{sign}{digits} {name}")
}

/// With one more digit than [`significant`] has.
fn precise(size: f64, name: &str) -> String {
    let factor = match name {
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        _ => 1.0,
    };
    let text = format!("{:.1}", size / factor);
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A length of time as people say it.
fn seconds(value: f64) -> (String, &'static str) {
    let (factor, name) = match value.abs() {
        0.0 => (1.0, "s"),
        size if size < 1e-6 => (1e9, "ns"),
        size if size < 1e-3 => (1e6, "µs"),
        size if size < 1.0 => (1e3, "ms"),
        size if size < 120.0 => (1.0, "s"),
        size if size < 7200.0 => (1.0 / 60.0, "min"),
        size if size < 172_800.0 => (1.0 / 3600.0, "h"),
        _ => (1.0 / 86_400.0, "d"),
    };
    (significant(value * factor), name)
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
    fn numbers_of_any_size_are_short() {
        let shown: Vec<String> =
            [0.0, 0.000_42, 0.5, 1903.7, 12_345.0, 4_100_000.0, 2e21, -0.001, 250_000.0].map(compact).into();
        assert_eq!(shown, ["0", "0.00042", "0.5", "1,904", "12.3 k", "4.1 M", "2.0e21", "−0.001", "250 k"]);
    }

    #[test]
    fn lengths_of_time_are_said_as_people_say_them() {
        for (value, number, unit) in
            [(0.25, "250", "ms"), (0.000_25, "250", "µs"), (90.0, "90", "s"), (600.0, "10", "min"), (0.0, "0", "s")]
        {
            assert_eq!(format_unit(value, Unit::Seconds), (number.to_owned(), unit));
        }
        assert_eq!(format_unit(0.123, Unit::Ratio), ("12".to_owned(), "%"));
    }

    #[test]
    fn a_unit_is_chosen_by_size() {
        assert_eq!(format_unit(412.0, Unit::Milliseconds), ("412".to_owned(), "ms"));
        assert_eq!(format_unit(12_400.0, Unit::Milliseconds), ("12".to_owned(), "s"));
        assert_eq!(format_unit(2_400_000_000.0, Unit::Bytes), ("2.4".to_owned(), "GB"));
        assert_eq!(format_unit(999_700.0, Unit::BytesPerSecond), ("1".to_owned(), "MB/s"));
    }
}
