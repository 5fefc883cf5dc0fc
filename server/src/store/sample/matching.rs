//! Whether matchers hold for a series.

use regex::{Regex, RegexBuilder};

use super::{Comparison, Labels, Matcher, NAME};
use crate::store::{StoreError, StoreResult};

/// A regular expression may take so many bytes compiled.
const MOST_REGEX_BYTES: usize = 256 << 10;

/// Matchers made ready.
#[derive(Debug)]
pub struct Matching(Vec<(String, Test)>);

#[derive(Debug)]
enum Test {
    Is(String),
    IsNot(String),
    Like(Regex),
    NotLike(Regex),
}

impl Test {
    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Is(wanted) => value == wanted,
            Self::IsNot(unwanted) => value != unwanted,
            Self::Like(wanted) => wanted.is_match(value),
            Self::NotLike(unwanted) => !unwanted.is_match(value),
        }
    }
}

impl Matching {
    /// Compiles; an error says which regular expression is not one, or is too large.
    pub fn new(matchers: &[Matcher]) -> StoreResult<Self> {
        let ready = matchers.iter().map(|Matcher { label, comparison, value }| {
            let test = match comparison {
                Comparison::Equal => Test::Is(value.clone()),
                Comparison::NotEqual => Test::IsNot(value.clone()),
                Comparison::Like => Test::Like(whole(value)?),
                Comparison::NotLike => Test::NotLike(whole(value)?),
            };
            Ok((label.clone(), test))
        });
        ready.collect::<StoreResult<_>>().map(Self)
    }

    /// Whether all hold for a series.
    pub fn holds(&self, labels: &Labels) -> bool {
        self.0.iter().all(|(label, test)| test.holds(labels.get(label)))
    }

    /// Whether all that ask for one label hold for this value of it.
    pub fn holds_for(&self, label: &str, value: &str) -> bool {
        self.0.iter().filter(|(of, _)| of == label).all(|(_, test)| test.holds(value))
    }
}

/// The one metric that these ask for by name, when they do.
pub fn name_of(matchers: &[Matcher]) -> Option<&str> {
    let is_name = |matcher: &&Matcher| matcher.label == NAME && matcher.comparison == Comparison::Equal;
    matchers.iter().find(is_name).map(|matcher| matcher.value.as_str())
}

/// An expression for the whole of a value, of which a dot matches everything, as Prometheus has it.
fn whole(expression: &str) -> StoreResult<Regex> {
    let build = |text: &str| {
        let built = RegexBuilder::new(text).size_limit(MOST_REGEX_BYTES).build();
        built.map_err(|error| StoreError::Matcher(error.to_string()))
    };
    // By itself first: a parenthesis too many must not close ours.
    build(expression)?;
    build(&format!("^(?s:{expression})$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_of_the_whole_value_and_no_label_is_an_empty_one() {
        let labels = Labels::new([(NAME, "up"), ("job", "api")]);
        let holds = |label: &str, comparison, value: &str| {
            let matcher = Matcher { label: label.into(), comparison, value: value.into() };
            Matching::new(&[matcher]).unwrap().holds(&labels)
        };
        assert!(holds("job", Comparison::Like, "a.i|x") && !holds("job", Comparison::Like, "a"));
        assert!(holds("job", Comparison::NotLike, "a") && !holds("job", Comparison::NotLike, "a.*"));
        assert!(holds("zone", Comparison::Equal, "") && holds("zone", Comparison::Like, ".*"));
        assert!(!holds("zone", Comparison::NotEqual, "") && holds("job", Comparison::NotEqual, ""));
        assert!(
            Matching::new(&[Matcher { label: "a".into(), comparison: Comparison::Like, value: "a)|(b".into() }])
                .is_err()
        );
    }
}
