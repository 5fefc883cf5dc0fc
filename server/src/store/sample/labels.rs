//! What a series is called.

use std::{fmt, sync::Arc};

/// The label that holds a metric's name.
pub const NAME: &str = "__name__";

/// The labels of a series by name, each name once, none with an empty value. The metric's name is the label
/// [`NAME`]. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

impl Labels {
    /// Of pairs in any order. Of two with one name the last stays; a label without a value is no label.
    pub fn new<N: Into<Arc<str>>, V: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut all: Vec<(Arc<str>, Arc<str>)> =
            pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        // Later ones first among those of one name; sorting keeps that order.
        all.reverse();
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all.dedup_by(|(one, _), (other, _)| one == other);
        all.retain(|(_, value)| !value.is_empty());
        Self(all.into())
    }

    /// Of a metric's name and other labels.
    pub fn named<'a>(name: &'a str, others: &[(&'a str, &'a str)]) -> Self {
        Self::new(others.iter().copied().chain([(NAME, name)]))
    }

    /// The value of a label; empty when it is not there, as Prometheus has it.
    pub fn get(&self, name: &str) -> &str {
        self.0.binary_search_by(|(other, _)| (**other).cmp(name)).map_or("", |at| &self.0[at].1)
    }

    /// The metric's name, empty for a series without one.
    pub fn name(&self) -> &str {
        self.get(NAME)
    }

    /// All of them by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that are wanted by name.
    #[must_use]
    pub fn only(&self, is_wanted: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(name, _)| is_wanted(name)).cloned().collect())
    }

    /// The same with a label set, or taken away by an empty value.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let pairs = self.0.iter().cloned();
        Self::new(pairs.chain([(Arc::from(name), Arc::from(value))]))
    }
}

/// As PromQL writes a series: `name{label="value"}`.
impl fmt::Display for Labels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())?;
        let mut others = self.iter().filter(|(name, _)| *name != NAME).peekable();
        if others.peek().is_none() && !self.name().is_empty() {
            return Ok(());
        }
        formatter.write_str("{")?;
        for (at, (name, value)) in others.enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(formatter, "{comma}{name}={value:?}")?;
        }
        formatter.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_lie_by_name_each_once_with_a_value() {
        let labels = Labels::new([("b", "2"), (NAME, "up"), ("a", "1"), ("b", "3"), ("c", "")]);
        assert_eq!(labels.to_string(), "up{a=\"1\", b=\"3\"}");
        assert_eq!((labels.get("b"), labels.get("c"), labels.name()), ("3", "", "up"));
        assert_eq!(labels.with("b", "").with("d", "4").to_string(), "up{a=\"1\", d=\"4\"}");
        assert_eq!(labels.only(|name| name == NAME).to_string(), "up");
        assert_eq!(Labels::default().to_string(), "{}");
    }
}
