//! `label_replace` and `label_join`.

use std::{sync::Arc, vec::IntoIter};

use foldhash::HashSet;
use regex::Regex;

use super::{BoxOperator, Merged, Operator, Row, Run, release_next, same_labels};
use crate::{promql::error::Error, store::sample::Labels};

/// How a label is changed.
pub trait Relabel {
    /// Which.
    fn target(&self) -> &Arc<str>;

    /// What it becomes; nothing if labels stay as they are.
    fn value(&self, labels: &Labels) -> Option<String>;
}

/// A label is made from another one.
pub struct Replace<'p> {
    /// The label.
    pub target: &'p Arc<str>,
    /// What it becomes, with `$1`.
    pub replacement: &'p str,
    /// The other.
    pub source: &'p str,
    /// What the other must be.
    pub pattern: &'p Regex,
}

impl Relabel for Replace<'_> {
    fn target(&self) -> &Arc<str> {
        self.target
    }

    fn value(&self, labels: &Labels) -> Option<String> {
        let captures = self.pattern.captures(labels.get(self.source))?;
        let mut value = String::new();
        captures.expand(self.replacement, &mut value);
        Some(value)
    }
}

/// A label is made from others.
pub struct Join<'p> {
    /// The label.
    pub target: &'p Arc<str>,
    /// What stands between.
    pub separator: &'p str,
    /// The others.
    pub sources: &'p [String],
}

impl Relabel for Join<'_> {
    fn target(&self) -> &Arc<str> {
        self.target
    }

    fn value(&self, labels: &Labels) -> Option<String> {
        let values: Vec<&str> = self.sources.iter().map(|source| labels.get(source)).collect();
        Some(values.join(self.separator))
    }
}

/// Yields series with another label. Series that did not have it before still differ by what they differed by, so they are
/// yielded as they come. Those that had it are held: two may have become one.
pub struct LabelOperator<'p, R> {
    of: BoxOperator<'p>,
    relabel: R,
    yielded: HashSet<Labels>,
    held: Merged,
    rest: Option<IntoIter<Row>>,
}

impl<'p, R: Relabel> LabelOperator<'p, R> {
    /// Of these series.
    pub fn new(of: BoxOperator<'p>, relabel: R) -> Self {
        Self { of, relabel, yielded: HashSet::default(), held: Merged::default(), rest: None }
    }
}

impl<R: Relabel> Operator for LabelOperator<'_, R> {
    fn next(&mut self, run: &mut Run<'_>) -> Result<Option<Row>, Error> {
        if let Some(rest) = &mut self.rest {
            return Ok(release_next(rest, run));
        }
        let target = self.relabel.target().clone();
        while let Some(mut row) = self.of.next(run)? {
            let had_it = !row.labels.get(&target).is_empty();
            if let Some(value) = self.relabel.value(&row.labels) {
                row.labels = row.labels.with(&target, &value);
            }
            if !had_it {
                self.yielded.insert(row.labels.clone());
                return Ok(Some(row));
            }
            if !self.held.add(row, run)? {
                return Err(same_labels());
            }
        }
        let mut rest = std::mem::take(&mut self.held).into_rows();
        if rest.as_slice().iter().any(|row| self.yielded.contains(&row.labels)) {
            return Err(same_labels());
        }
        let next = release_next(&mut rest, run);
        self.rest = Some(rest);
        Ok(next)
    }
}
