//! Selectors by themselves, as lists of series and labels take them.

use promql_parser::parser::Expr;

use super::{
    error::Error,
    plan::{matchers, parse_text},
};
use crate::store::sample::Matcher;

/// The matchers of a selector: `up`, `{job="api"}`.
pub fn selector(text: &str) -> Result<Vec<Matcher>, Error> {
    match parse_text(text)? {
        Expr::VectorSelector(selector) if selector.offset.is_none() && selector.at.is_none() => matchers(&selector),
        _ => Err(Error::Bad(format!("{text:?} is no series selector"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_selectors_are_taken() {
        assert_eq!(selector("up").unwrap().len(), 1);
        assert_eq!(selector(r#"up{job="api", zone!~"a.*"}"#).unwrap().len(), 3);
        for text in ["up[5m]", "up offset 5m", "rate(up[5m])", "1", "", "up{"] {
            assert!(selector(text).is_err(), "{text}");
        }
    }
}
