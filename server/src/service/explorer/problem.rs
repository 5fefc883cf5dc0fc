//! What is said of a query that has no answer.

use app::{api::ApiError, model::QueryProblem};

use crate::{promql::Error, store::StoreError};

/// For people. What fails inside is logged here and not told.
pub fn of(text: &str, error: Error) -> QueryProblem {
    let message = match error {
        Error::Store(StoreError::Matcher(why)) => why,
        Error::Store(error @ StoreError::TooMuch(_)) => error.to_string(),
        Error::Store(error) => {
            tracing::error!(%error, "the store failed");
            ApiError::internal().message
        }
        other => other.to_string(),
    };
    QueryProblem { at: place(text, &message), message }
}

/// Where in the query it is, where the parser says so: after how many characters.
fn place(text: &str, message: &str) -> Option<u32> {
    let after = |word: &str| {
        let rest = &message[message.find(word)? + word.len()..];
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<usize>().ok().filter(|number| *number > 0)
    };
    let (line, column) = (after("line ")?, after("column ")?);
    let before: usize = text.split_inclusive('\n').take(line - 1).map(|line| line.chars().count()).sum();
    let at = before + column - 1;
    (at <= text.chars().count()).then(|| u32::try_from(at).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::{Params, Query};

    #[test]
    fn a_place_is_told_in_characters() {
        assert_eq!(place("sum(\nup", "Parsing error at line 2 column 2. Repair"), Some(6));
        assert_eq!(place("up", "Parsing error at line 9 column 9."), None);
        assert_eq!(place("up", "the query is too long"), None);
    }

    #[test]
    fn texts_that_are_no_queries_have_problems() {
        for text in ["sum(", "rate(up)", "nope(up)", "up{", "up{job=}", "sum(rate(up[5m])", "up up", "rate(up[5x])", "foo bar("] {
            let error = Query::parse(text, Params::instant(0)).unwrap_err();
            let problem = of(text, error);
            println!("{text}: {problem:?}");
            assert!(!problem.message.is_empty());
        }
    }
}
