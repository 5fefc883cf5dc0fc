//! Operators between two vectors.

use std::vec::IntoIter;

use foldhash::HashMap;

use super::{
    arithmetic::Operation,
    error::Error,
    grid::Grid,
    operator::{BoxOperator, Merged, Operator, Row, Run, release_next, same_labels, without_name},
    plan::{Grouping, Many, Matching, SetOperation},
};
use crate::store::sample::{Labels, STALE, is_stale};

/// Yields what an operator makes of the values of series that match. The side that has one series for each match is held,
/// the other is read as it comes.
pub struct MatchOperator<'p> {
    operation: Operation,
    one: BoxOperator<'p>,
    many: BoxOperator<'p>,
    matching: &'p Matching,
    grid: Grid,
    /// No two results can have the same labels, nor two series of the many side the same match where that is an error.
    is_unique: bool,
    ones: Option<Ones>,
    results: Option<IntoIter<Row>>,
}

/// The side that has one series for each match.
#[derive(Default)]
struct Ones {
    matches: HashMap<Labels, OneMatch>,
    /// Instants at which there are two for a match, and what to say about the first of them.
    conflict: Option<(Vec<bool>, String)>,
}

#[derive(Default)]
struct OneMatch {
    /// Nearly always one; several if they have no value at the same instant.
    rows: Vec<Row>,
    /// Instants at which series of the many side were matched: for each set of labels that a result may have only once.
    taken: HashMap<Labels, Vec<bool>>,
}

impl<'p> MatchOperator<'p> {
    /// Between two sides.
    pub fn new(
        operation: Operation,
        left: BoxOperator<'p>,
        right: BoxOperator<'p>,
        matching: &'p Matching,
        grid: Grid,
        is_unique: bool,
    ) -> Self {
        let (one, many) = if matching.many == Many::Right { (left, right) } else { (right, left) };
        Self { operation, one, many, matching, grid, is_unique, ones: None, results: None }
    }

    fn read_ones(&mut self, run: &mut Run<'_>) -> Result<Ones, Error> {
        let mut ones = Ones::default();
        while let Some(row) = self.one.next(run)? {
            run.hold(row.values.len())?;
            let key = self.matching.grouping.key(&row.labels);
            let known = ones.matches.entry(key).or_default();
            for other in &known.rows {
                let both = |index: usize| !is_stale(row.values[index]) && !is_stale(other.values[index]);
                if (0..self.grid.count).any(both) {
                    let side = if self.matching.many == Many::Right { "left" } else { "right" };
                    let (conflicts, _) = ones.conflict.get_or_insert_with(|| {
                        let key = self.matching.grouping.key(&row.labels);
                        let mut both = [row.labels.to_string(), other.labels.to_string()];
                        both.sort_unstable();
                        let message = format!(
                            "found duplicate series for the match group {key} on the {side} hand-side of the operation: \
                             [{}];many-to-many matching not allowed: matching labels must be unique on one side",
                            both.join(", ")
                        );
                        (vec![false; self.grid.count], message)
                    });
                    conflicts.iter_mut().enumerate().for_each(|(index, conflict)| *conflict |= both(index));
                }
            }
            known.rows.push(row);
        }
        Ok(ones)
    }

    /// What a series of the many side makes with one that it matches.
    fn pair(&self, many: &Row, one: &Row, run: &mut Run<'_>) -> Result<Row, Error> {
        let mut values = run.blank(self.grid.count)?;
        for (out, (many, one)) in values.iter_mut().zip(many.values.iter().zip(&one.values)) {
            if !is_stale(*many) && !is_stale(*one) {
                let (left, right) = if self.matching.many == Many::Right { (*one, *many) } else { (*many, *one) };
                *out = self.operation.apply(left, right, left).unwrap_or(STALE);
            }
        }
        Ok(Row { labels: self.labels(&many.labels, &one.labels), values })
    }

    fn labels(&self, many: &Labels, one: &Labels) -> Labels {
        let labels = if self.operation.keeps_name() { many.clone() } else { without_name(many.clone()) };
        let labels = match (&self.matching.many, &self.matching.grouping) {
            (Many::None, Grouping::By(_)) => self.matching.grouping.key(&labels),
            (Many::None, Grouping::Without(names)) if !names.is_empty() => {
                labels.only(|name| !names.iter().any(|other| other == name))
            }
            _ => labels,
        };
        self.matching.include.iter().fold(labels, |labels, name| labels.with(name, one.get(name)))
    }

    /// The results of the next series of the many side that has any.
    fn next_pairs(&mut self, ones: &mut Ones, run: &mut Run<'_>) -> Result<Option<Vec<Row>>, Error> {
        let Some(many) = self.many.next(run)? else { return Ok(None) };
        if let Some((conflicts, message)) = &ones.conflict {
            let has_both = |(value, conflict): (&f64, &bool)| *conflict && !is_stale(*value);
            if many.values.iter().zip(conflicts).any(has_both) {
                return Err(Error::Execution(message.clone()));
            }
        }
        let Some(found) = ones.matches.get_mut(&self.matching.grouping.key(&many.labels)) else {
            return Ok(Some(Vec::new()));
        };
        let mut pairs = Vec::with_capacity(found.rows.len());
        for one in &found.rows {
            let pair = self.pair(&many, one, run)?;
            if !self.is_unique {
                let is_one_to_one = self.matching.many == Many::None;
                let labels = if is_one_to_one { Labels::default() } else { pair.labels.clone() };
                let taken = found.taken.entry(labels).or_default();
                if taken.is_empty() {
                    run.hold(self.grid.count / size_of::<f64>())?;
                    taken.resize(self.grid.count, false);
                }
                take(taken, &many.values, &one.values, is_one_to_one)?;
            }
            if !pair.is_empty() {
                pairs.push(pair);
            }
        }
        Ok(Some(pairs))
    }

    fn merge_all(&mut self, ones: &mut Ones, run: &mut Run<'_>) -> Result<IntoIter<Row>, Error> {
        let mut merged = Merged::default();
        while let Some(pairs) = self.next_pairs(ones, run)? {
            for pair in pairs {
                if !merged.add(pair, run)? {
                    return Err(same_labels());
                }
            }
        }
        Ok(merged.into_rows())
    }
}

/// Notes at which instants two series match, even if a filter then leaves nothing; a second match is an error.
fn take(taken: &mut [bool], many: &[f64], one: &[f64], is_one_to_one: bool) -> Result<(), Error> {
    for (is_taken, (many, one)) in taken.iter_mut().zip(many.iter().zip(one)) {
        let is_match = !is_stale(*many) && !is_stale(*one);
        if is_match && *is_taken {
            let reason = if is_one_to_one {
                "many-to-one matching must be explicit (group_left/group_right)"
            } else {
                "grouping labels must ensure unique matches"
            };
            return Err(Error::Execution(format!("multiple matches for labels: {reason}")));
        }
        *is_taken |= is_match;
    }
    Ok(())
}

impl Operator for MatchOperator<'_> {
    fn next(&mut self, run: &mut Run<'_>) -> Result<Option<Row>, Error> {
        let mut ones = match self.ones.take() {
            Some(ones) => ones,
            None => self.read_ones(run)?,
        };
        let next = if self.is_unique { self.next_unique(&mut ones, run) } else { self.next_merged(&mut ones, run) };
        self.ones = Some(ones);
        next
    }
}

impl MatchOperator<'_> {
    fn next_unique(&mut self, ones: &mut Ones, run: &mut Run<'_>) -> Result<Option<Row>, Error> {
        while let Some(mut pairs) = self.next_pairs(ones, run)? {
            if pairs.len() <= 1 {
                match pairs.pop() {
                    None => continue,
                    found => return Ok(found),
                }
            }
            // Several only with series that follow each other in time: they make one.
            let mut merged = Merged::default();
            for pair in pairs {
                if !merged.add(pair, run)? {
                    return Err(same_labels());
                }
            }
            return Ok(release_next(&mut merged.into_rows(), run));
        }
        Ok(None)
    }

    fn next_merged(&mut self, ones: &mut Ones, run: &mut Run<'_>) -> Result<Option<Row>, Error> {
        if self.results.is_none() {
            self.results = Some(self.merge_all(ones, run)?);
        }
        Ok(self.results.as_mut().and_then(|rows| release_next(rows, run)))
    }
}

/// Yields series of one vector that have a match in another or have none, or those of both.
pub struct SetOperator<'p> {
    operation: SetOperation,
    left: BoxOperator<'p>,
    right: BoxOperator<'p>,
    grouping: &'p Grouping,
    grid: Grid,
    present: Option<Present>,
    both: Option<IntoIter<Row>>,
}

/// At which instants there is any series for a match.
type Present = HashMap<Labels, Vec<bool>>;

impl<'p> SetOperator<'p> {
    /// Between two sides.
    pub fn new(
        operation: SetOperation,
        left: BoxOperator<'p>,
        right: BoxOperator<'p>,
        grouping: &'p Grouping,
        grid: Grid,
    ) -> Self {
        Self { operation, left, right, grouping, grid, present: None, both: None }
    }

    fn note(&self, row: &Row, present: &mut Present, run: &mut Run<'_>) -> Result<(), Error> {
        let noted = present.entry(self.grouping.key(&row.labels)).or_default();
        if noted.is_empty() {
            run.hold(self.grid.count / size_of::<f64>())?;
            noted.resize(self.grid.count, false);
        }
        noted.iter_mut().zip(&row.values).for_each(|(noted, value)| *noted |= !is_stale(*value));
        Ok(())
    }

    /// Leaves values at instants at which there is a match, or at which there is none.
    fn mask(&self, row: &mut Row, present: &Present, wants_match: bool) {
        match present.get(&self.grouping.key(&row.labels)) {
            Some(noted) => {
                for (value, noted) in row.values.iter_mut().zip(noted) {
                    if *noted != wants_match {
                        *value = STALE;
                    }
                }
            }
            None if wants_match => row.values.fill(STALE),
            None => {}
        }
    }

    fn read_both(&mut self, run: &mut Run<'_>) -> Result<IntoIter<Row>, Error> {
        let (mut merged, mut present) = (Merged::default(), Present::default());
        while let Some(row) = self.left.next(run)? {
            self.note(&row, &mut present, run)?;
            if !merged.add(row, run)? {
                return Err(same_labels());
            }
        }
        while let Some(mut row) = self.right.next(run)? {
            self.mask(&mut row, &present, false);
            if !row.is_empty() && !merged.add(row, run)? {
                return Err(same_labels());
            }
        }
        Ok(merged.into_rows())
    }
}

impl Operator for SetOperator<'_> {
    fn next(&mut self, run: &mut Run<'_>) -> Result<Option<Row>, Error> {
        if self.operation == SetOperation::Or {
            if self.both.is_none() {
                self.both = Some(self.read_both(run)?);
            }
            return Ok(self.both.as_mut().and_then(|rows| release_next(rows, run)));
        }
        let present = if let Some(present) = self.present.take() {
            present
        } else {
            let mut present = Present::default();
            while let Some(row) = self.right.next(run)? {
                self.note(&row, &mut present, run)?;
            }
            present
        };
        let mut found = None;
        while let Some(mut row) = self.left.next(run)? {
            self.mask(&mut row, &present, self.operation == SetOperation::And);
            if !row.is_empty() {
                found = Some(row);
                break;
            }
        }
        self.present = Some(present);
        Ok(found)
    }
}
