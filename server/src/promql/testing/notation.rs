//! How scripts write times, series and samples.

use promql_parser::parser::Expr;

use crate::{
    promql::plan::parse_text,
    store::sample::{Labels, NAME, STALE},
};

/// A duration or a time in milliseconds: `5m`, `1h30m`, or a number of seconds.
pub fn parse_time(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok((seconds * 1000.0).round() as i64);
    }
    let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];
    let mut rest = text;
    let mut total = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(|| format!("no duration: {text}"))?;
        let (number, behind) = rest.split_at(end);
        let number: i64 = number.parse().map_err(|_| format!("no duration: {text}"))?;
        let unit =
            units.iter().find(|(unit, _)| behind.starts_with(unit) && !(*unit == "m" && behind.starts_with("ms")));
        let (unit, millis) = unit.ok_or_else(|| format!("no duration: {text}"))?;
        total += number * millis;
        rest = &behind[unit.len()..];
    }
    Ok(total)
}

/// Splits a line into the labels of a series and what follows.
pub fn parse_series(line: &str) -> Result<(Labels, &str), String> {
    let space = line.find(char::is_whitespace).unwrap_or(line.len());
    let end = match line.find('{') {
        Some(brace) if brace <= space => brace + closing_brace(&line[brace..]).ok_or("a brace is not closed")? + 1,
        _ => space,
    };
    let (text, rest) = line.split_at(end);
    Ok((parse_labels(text)?, rest.trim()))
}

fn closing_brace(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(_) if c == '\\' => is_escaped = true,
            Some(open) if open == c => quote = None,
            None if c == '}' => return Some(at),
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            _ => {}
        }
    }
    None
}

fn parse_labels(text: &str) -> Result<Labels, String> {
    if text == "{}" {
        return Ok(Labels::default());
    }
    let parsed = parse_text(text).map_err(|error| format!("{text}: {error}"))?;
    let Expr::VectorSelector(selector) = parsed else { return Err(format!("no series: {text}")) };
    let name = selector.name.into_iter().map(|name| (NAME.to_owned(), name));
    let others = selector.matchers.matchers.into_iter().map(|matcher| (matcher.name, matcher.value));
    Ok(Labels::new(name.chain(others)))
}

/// Values one after the other; nothing for those that are left out.
pub fn parse_values(text: &str) -> Result<Vec<Option<f64>>, String> {
    if text.contains("{{") {
        return Err("native histograms are not supported".to_owned());
    }
    let mut values = Vec::new();
    for token in text.split_whitespace() {
        let (head, times) = match token.rsplit_once('x') {
            Some((head, times)) => (head, Some(times.parse::<usize>().map_err(|_| format!("no values: {token}"))?)),
            None => (token, None),
        };
        match head {
            "_" => values.extend(vec![None; times.unwrap_or(1)]),
            "stale" => values.extend(vec![Some(STALE); times.map_or(1, |times| times + 1)]),
            _ => {
                let (start, step) = parse_progression(head)?;
                values.extend((0..=times.unwrap_or(0)).map(|index| Some(start + step * index as f64)));
            }
        }
    }
    Ok(values)
}

fn parse_progression(text: &str) -> Result<(f64, f64), String> {
    if let Ok(start) = parse_number(text) {
        return Ok((start, 0.0));
    }
    let signs = text.char_indices().skip(1).filter(|(_, c)| matches!(c, '+' | '-'));
    let mut splits = signs.filter_map(|(at, _)| {
        let (start, step) = text.split_at(at);
        Some((parse_number(start).ok()?, parse_number(step).ok()?))
    });
    splits.next().ok_or_else(|| format!("no values: {text}"))
}

/// A number as PromQL writes it.
pub fn parse_number(text: &str) -> Result<f64, String> {
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).map(|number| number as f64).map_err(|error| error.to_string());
    }
    text.parse().map_err(|_| format!("no number: {text}"))
}
