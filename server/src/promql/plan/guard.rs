//! Turns a text into an expression, with what keeps a hostile one from doing harm.

use std::panic::{AssertUnwindSafe, catch_unwind};

use promql_parser::parser::{Expr, parse};

use crate::promql::error::Error;

/// Most bytes outside of quotes, so that nothing that is done once a level of an expression overflows the stack.
const MOST_BYTES: usize = 8192;
/// Most bytes in all.
const MOST_BYTES_IN_ALL: usize = 1 << 20;
/// Most expressions within each other.
const DEEPEST: usize = 128;

/// Parses a query.
pub fn parse_text(text: &str) -> Result<Expr, Error> {
    if text.trim().is_empty() {
        return Err(Error::Bad("no expression found in input".to_owned()));
    }
    if text.len() > MOST_BYTES_IN_ALL || bytes_outside_quotes(text) > MOST_BYTES {
        return Err(Error::Bad("the query is too long".to_owned()));
    }
    // The parser panics at durations that are no finite number of seconds, such as `offset inf`.
    let parsed = catch_unwind(AssertUnwindSafe(|| parse(text)))
        .map_err(|_| Error::Bad("a number of the query is out of range".to_owned()))?;
    let expression = parsed.map_err(|message| Error::Bad(describe(text, message)))?;
    if depth(&expression) > DEEPEST {
        return Err(Error::Bad("the query is nested too deeply".to_owned()));
    }
    Ok(expression)
}

fn bytes_outside_quotes(text: &str) -> usize {
    let mut quote = None;
    let mut is_escaped = false;
    let mut count = 0;
    for byte in text.bytes() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(b'"' | b'\'') if byte == b'\\' => is_escaped = true,
            Some(open) if open == byte => quote = None,
            Some(_) => {}
            None => {
                count += 1;
                if matches!(byte, b'"' | b'\'' | b'`') {
                    quote = Some(byte);
                }
            }
        }
    }
    count
}

/// Names of functions and operators of PromQL that the parser does not know: to say that is of more use than that the
/// query is invalid.
const UNKNOWN: [&str; 16] = [
    "limitk",
    "limit_ratio",
    "mad_over_time",
    "first_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
    "info",
    "histogram_quantiles",
    "fill",
    "fill_left",
    "fill_right",
    "smoothed",
    "anchored",
    "step",
];

fn describe(text: &str, message: String) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    match words.into_iter().find(|word| UNKNOWN.contains(word)) {
        Some(word) => format!("parse error: {message}; `{word}` is not supported"),
        None => format!("parse error: {message}"),
    }
}

/// How many expressions lie within each other. Walks without recursion.
fn depth(expression: &Expr) -> usize {
    let mut deepest = 0;
    let mut left = vec![(expression, 1)];
    while let Some((expression, depth)) = left.pop() {
        deepest = deepest.max(depth);
        let mut go = |inner| left.push((inner, depth + 1));
        match expression {
            Expr::Aggregate(aggregate) => {
                go(&aggregate.expr);
                if let Some(parameter) = &aggregate.param {
                    go(parameter);
                }
            }
            Expr::Unary(unary) => go(&unary.expr),
            Expr::Binary(binary) => {
                go(&binary.lhs);
                go(&binary.rhs);
            }
            Expr::Paren(paren) => go(&paren.expr),
            Expr::Subquery(subquery) => go(&subquery.expr),
            Expr::Call(call) => call.args.args.iter().for_each(|argument| go(argument)),
            _ => {}
        }
    }
    deepest
}
