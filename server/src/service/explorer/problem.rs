//! What is said of a query that has no answer.

use app::{
    api::ApiError,
    component::promql::scan::{Kind, Token, tokens},
    model::QueryProblem,
};

use crate::{
    promql::{Error, Params, Query},
    store::StoreError,
};

/// Pieces of a query that are looked at to find where it goes wrong.
const MOST_PIECES: usize = 120;
/// What the parser says of a text of which it cannot make sense.
const NO_QUERY: &str = "invalid promql query";

/// For people. What fails inside is logged here and not told.
pub fn of(text: &str, error: Error) -> QueryProblem {
    let is_of_text = matches!(error, Error::Bad(_) | Error::Unsupported(_));
    let message = match error {
        Error::Store(StoreError::Matcher(why)) => why,
        Error::Store(error @ StoreError::TooMuch(_)) => error.to_string(),
        Error::Store(error) => {
            tracing::error!(%error, "the store failed");
            ApiError::internal().message
        }
        other => other.to_string(),
    };
    let at = if is_of_text { place(text, &message) } else { None };
    let at = at.map(|at| text[..at].chars().count() as u32);
    let message = message.strip_prefix("parse error: ").unwrap_or(&message).to_owned();
    let message = if message == NO_QUERY { "this is no PromQL".to_owned() } else { message };
    QueryProblem { message, at }
}

/// Where in the query it is, in bytes, as far as what the parser says allows to tell.
fn place(text: &str, message: &str) -> Option<usize> {
    let pieces = tokens(text);
    if message.contains("unclosed left parenthesis") {
        return unclosed(&pieces);
    }
    if message.contains("unexpected end") {
        return Some(text.trim_end().len());
    }
    let end_of = |what: &str| message.split_once(what).map(|(_, word)| word.trim());
    let word = message.split('\'').nth(1).or_else(|| end_of("syntax:"));
    if let Some(word) = word.filter(|word| !word.is_empty()) {
        return pieces.iter().find(|piece| piece.text == word).map(|piece| piece.at);
    }
    if !message.contains(NO_QUERY) || pieces.len() > MOST_PIECES {
        return None;
    }
    // What could still become a query is one up to the piece with which it cannot any more.
    let makes_sense = |end: usize| {
        let error = Query::parse(&text[..end], Params::instant(0)).err().map(|error| error.to_string());
        error.is_none_or(|error| !error.contains(NO_QUERY))
    };
    let last = pieces.iter().rposition(|piece| makes_sense(piece.end()));
    let next = last.map_or(0, |last| last + 1);
    // A sign with nothing behind it: that is missing at the end.
    if next + 1 == pieces.len() && pieces[next].kind == Kind::Sign {
        return Some(text.trim_end().len());
    }
    pieces.get(next).map(|piece| piece.at)
}

/// The bracket that is opened last and never closed.
fn unclosed(pieces: &[Token<'_>]) -> Option<usize> {
    let mut open = Vec::new();
    for piece in pieces {
        match piece.kind {
            Kind::Open('(') => open.push(piece.at),
            Kind::Close(')') => drop(open.pop()),
            _ => {}
        }
    }
    open.pop()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, at, words) in [
            ("sum(", Some(3), "unclosed left parenthesis"),
            ("sum(rate(é_x[5m]))", Some(9), "unexpected character"),
            ("rate(up)", Some(0), "expected type"),
            ("1 + nope(up)", Some(4), "unknown function"),
            ("up{", Some(3), "unexpected end"),
            ("up{job=}", Some(7), "no PromQL"),
            ("up up", Some(3), "no PromQL"),
            ("up +", Some(4), "no PromQL"),
            ("rate(up[5x])", Some(8), "duration"),
        ] {
            let problem = of(text, Query::parse(text, Params::instant(0)).unwrap_err());
            assert_eq!(problem.at, at, "{text}: {problem:?}");
            assert!(problem.message.contains(words), "{text}: {problem:?}");
        }
    }

    #[test]
    fn what_fails_inside_is_not_told() {
        let problem = of("up", Error::Store(StoreError::TooMuch(5)));
        assert!(problem.at.is_none() && !problem.message.is_empty());
        assert!(of("up", Error::Timeout).message.contains("timed out"));
    }
}
