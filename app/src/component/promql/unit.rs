//! The unit of what a query answers, guessed from the names in it.

use super::{
    scan::{Kind, Token, tokens},
    words::is_metric,
};
use crate::model::overview::Unit;

/// A unit, or what becomes one when it is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guess {
    Of(Unit),
    /// The sum of a histogram or summary, a second.
    SumPerSecond(Unit),
}

/// The unit of a query; [`Unit::Number`] where nothing tells another.
pub fn guess(text: &str) -> Unit {
    let all: Vec<Token<'_>> = tokens(text).into_iter().filter(|token| token.kind != Kind::Comment).collect();
    match guess_of(&all) {
        Guess::Of(unit) => unit,
        Guess::SumPerSecond(_) => Unit::Number,
    }
}

fn guess_of(all: &[Token<'_>]) -> Guess {
    let Some((at, sign)) = outermost_sign(all) else { return simple(all) };
    let (left, right) = (guess_of(&all[..at]), guess_of(&all[at + 1..]));
    let is_number = matches!(&all[at + 1..], [token] if token.kind == Kind::Number);
    match sign {
        "/" => match (left, right) {
            (Guess::Of(left), _) if is_number => Guess::Of(left),
            (Guess::SumPerSecond(unit), _) => Guess::Of(unit),
            (Guess::Of(Unit::BytesPerSecond), Guess::Of(Unit::PerSecond)) => Guess::Of(Unit::Bytes),
            (left, right) if left == right => Guess::Of(Unit::Ratio),
            _ => Guess::Of(Unit::Number),
        },
        "*" if all.get(at + 1).is_some_and(|token| token.text == "100") && left == Guess::Of(Unit::Ratio) => {
            Guess::Of(Unit::Percent)
        }
        "*" => Guess::Of(Unit::Number),
        // Whatever is added, compared or filtered is of the same unit.
        _ => {
            if left == Guess::Of(Unit::Number) {
                right
            } else {
                left
            }
        }
    }
}

/// The sign outside of all brackets that is applied last.
fn outermost_sign<'a>(all: &[Token<'a>]) -> Option<(usize, &'a str)> {
    let mut depth = 0_usize;
    let mut found: Option<(usize, &str)> = None;
    for (at, token) in all.iter().enumerate().skip(1) {
        match token.kind {
            Kind::Open(_) => depth += 1,
            Kind::Close(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is_sign = token.kind == Kind::Sign || ["or", "and", "unless"].contains(&token.text);
        // `*` and `/` bind more tightly than the rest; of equals, the last one is applied last.
        let binds = |sign: &str| matches!(sign, "*" | "/");
        if depth == 0 && is_sign && found.is_none_or(|(_, sign)| binds(sign) || !binds(token.text)) {
            found = Some((at, token.text));
        }
    }
    // A bracket at the beginning was not counted.
    let begins_open = all.first().is_some_and(|token| matches!(token.kind, Kind::Open(_)));
    found.filter(|_| !begins_open)
}

/// Without signs outside of brackets.
fn simple(all: &[Token<'_>]) -> Guess {
    if let [first, inner @ .., last] = all
        && first.kind == Kind::Open('(')
        && last.kind == Kind::Close(')')
    {
        return guess_of(inner);
    }
    let has = |words: &[&str]| all.iter().any(|token| token.kind == Kind::Word && words.contains(&token.text));
    if has(&["count", "count_over_time", "changes", "resets", "count_values", "absent", "group"]) {
        return Guess::Of(Unit::Number);
    }
    let is_name = |token: &&Token<'_>| token.kind == Kind::Word && is_metric(token.text) && token.text.contains('_');
    let name = all.iter().find(is_name).map(|token| token.text).unwrap_or_default();
    if has(&["histogram_quantile"]) {
        return Guess::Of(of_name(name.trim_end_matches("_bucket")));
    }
    let base = name.trim_end_matches("_sum");
    let is_rate = has(&["rate", "irate", "deriv", "idelta"]);
    match of_name(base) {
        unit if is_rate && base != name => Guess::SumPerSecond(unit),
        Unit::Bytes if is_rate => Guess::Of(Unit::BytesPerSecond),
        Unit::Number if is_rate => Guess::Of(Unit::PerSecond),
        _ if is_rate => Guess::Of(Unit::Number),
        unit => Guess::Of(unit),
    }
}

/// The unit that the name of a metric ends with.
fn of_name(name: &str) -> Unit {
    let name = name.trim_end_matches("_total");
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    match () {
        () if ends(&["_timestamp_seconds", "_time_seconds"]) && name.contains("start") => Unit::Number,
        () if ends(&["_timestamp_seconds"]) => Unit::Number,
        () if ends(&["_milliseconds", "_ms", "_millis"]) => Unit::Milliseconds,
        () if ends(&["_seconds"]) => Unit::Seconds,
        () if ends(&["_bytes", "_octets", "_size"]) && !ends(&["queue_size", "pool_size"]) => Unit::Bytes,
        () if ends(&["_ratio"]) => Unit::Ratio,
        () if ends(&["_percent", "_pct", "_percentage"]) => Unit::Percent,
        () => Unit::Number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_units() {
        for (text, unit) in [
            ("up", Unit::Number),
            ("node_load1", Unit::Number),
            ("process_resident_memory_bytes", Unit::Bytes),
            ("sum by (job) (rate(http_requests_total{code=\"500\"}[5m]))", Unit::PerSecond),
            ("rate(node_network_receive_bytes_total[5m])", Unit::BytesPerSecond),
            ("rate(process_cpu_seconds_total[5m])", Unit::Number),
            ("increase(http_requests_total[1h])", Unit::Number),
            ("histogram_quantile(0.95, sum by (le) (rate(rpc_duration_seconds_bucket[5m])))", Unit::Seconds),
            ("rate(rpc_duration_seconds_sum[5m]) / rate(rpc_duration_seconds_count[5m])", Unit::Seconds),
            ("process_start_time_seconds", Unit::Number),
            ("count(up)", Unit::Number),
            ("disk_used_ratio > 0.9", Unit::Ratio),
            ("cpu_percent", Unit::Percent),
            ("", Unit::Number),
        ] {
            assert_eq!(guess(text), unit, "{text}");
        }
    }

    #[test]
    fn what_is_divided_by_its_like_is_a_ratio() {
        let errors = "sum(rate(a_total{code=\"5\"}[5m])) / sum(rate(a_total[5m]))";
        assert_eq!(guess(errors), Unit::Ratio);
        assert_eq!(guess(&format!("{errors} * 100")), Unit::Percent);
        assert_eq!(guess("free_bytes / size_bytes"), Unit::Ratio);
        assert_eq!(guess("free_bytes / 1024"), Unit::Bytes);
        assert_eq!(guess("rate(sent_bytes_total[5m]) / rate(requests_total[5m])"), Unit::Bytes);
        assert_eq!(guess("a_seconds - b_seconds"), Unit::Seconds);
    }
}
