//! Which samples a selector needs, and whether roll-ups will do.

use std::time::{Duration, SystemTime};

use promql_parser::{
    label::MatchOp,
    parser::{AtModifier, Offset, VectorSelector},
};

use super::{Planner, Rollup};
use crate::{
    promql::{
        error::Error,
        grid::{Grid, Windows},
    },
    store::sample::{Comparison, Matcher, NAME, Resolution, Selection, bucket::bucket_end},
};

/// Longest time and duration in milliseconds, about a million years: sums of many stay in range.
const MOST_MILLIS: i64 = 1 << 55;

/// What is to be done with the samples of a selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// The last one before an instant.
    Last,
    /// A function that roll-ups answer as well.
    RolledUp,
    /// Something that needs every sample.
    EverySample,
}

/// A duration in milliseconds.
pub fn millis(duration: Duration) -> Result<i64, Error> {
    let millis = i64::try_from(duration.as_millis()).ok().filter(|millis| *millis <= MOST_MILLIS);
    millis.ok_or_else(|| Error::Bad("a duration of the query is out of range".to_owned()))
}

/// The matchers of a selector as the store takes them.
pub fn matchers(selector: &VectorSelector) -> Result<Vec<Matcher>, Error> {
    if !selector.matchers.or_matchers.is_empty() {
        return Err(Error::Unsupported("`or` between label matchers".to_owned()));
    }
    let name = selector.name.iter().map(|name| Matcher {
        label: NAME.to_owned(),
        comparison: Comparison::Equal,
        value: name.clone(),
    });
    let others = selector.matchers.matchers.iter().map(|matcher| {
        // The parser may have had to escape a brace: its own expression is taken, without the anchors around it.
        let inner = |regex: &str| {
            let anchored = regex.strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$"));
            anchored.unwrap_or(regex).to_owned()
        };
        let (comparison, value) = match &matcher.op {
            MatchOp::Equal => (Comparison::Equal, matcher.value.clone()),
            MatchOp::NotEqual => (Comparison::NotEqual, matcher.value.clone()),
            MatchOp::Re(regex) => (Comparison::Like, inner(regex.as_str())),
            MatchOp::NotRe(regex) => (Comparison::NotLike, inner(regex.as_str())),
        };
        Matcher { label: matcher.name.clone(), comparison, value }
    });
    Ok(name.chain(others).collect())
}

/// Whether matchers allow for one metric only.
pub fn have_one_name(matchers: &[Matcher]) -> bool {
    matchers.iter().any(|matcher| matcher.label == NAME && matcher.comparison == Comparison::Equal)
}

impl Planner<'_> {
    /// What a selector or subquery sees from the instants of a grid.
    pub(super) fn windows(
        &self,
        grid: Grid,
        at: Option<&AtModifier>,
        offset: Option<&Offset>,
        range: i64,
    ) -> Result<Windows, Error> {
        let offset = match offset {
            None => 0,
            Some(Offset::Pos(duration)) => millis(*duration)?,
            Some(Offset::Neg(duration)) => -millis(*duration)?,
        };
        let at = match at {
            None => None,
            Some(AtModifier::Start) => Some(self.params.start),
            Some(AtModifier::End) => Some(self.params.end),
            Some(AtModifier::At(time)) => Some(match time.duration_since(SystemTime::UNIX_EPOCH) {
                Ok(since) => millis(since)?,
                Err(error) => -millis(error.duration())?,
            }),
        };
        Ok(Windows { grid, at, offset, range })
    }

    /// Notes which samples a selector needs. Windows are made longer if roll-ups are all there is and buckets are longer
    /// than they are.
    pub(super) fn select(
        &mut self,
        selector: &VectorSelector,
        windows: &mut Windows,
        used: Use,
    ) -> Result<(usize, Rollup), Error> {
        let matchers = matchers(selector)?;
        let rollup = self.rollup(windows, used);
        let length = rollup.resolution.millis();
        if !rollup.is_exact {
            windows.range = windows.range.max(match used {
                Use::Last => length,
                // Two buckets, as most need two samples.
                Use::EverySample => 2 * length,
                Use::RolledUp => 0,
            });
            let minutes = length / 60_000;
            self.infos.insert(format!(
                "only roll-ups of {minutes} minutes are left of some of the samples: the result is an approximation"
            ));
        }
        let after = (windows.to(0) - windows.range).div_euclid(length) * length;
        let to = bucket_end(windows.last_to(), length);
        let selection = Selection { matchers, after, to, resolution: rollup.resolution };
        let known = self.selections.iter().position(|known| *known == selection);
        let index = known.unwrap_or_else(|| {
            self.selections.push(selection);
            self.selections.len() - 1
        });
        Ok((index, rollup))
    }

    /// The coarsest figures that answer as every sample would; else the finest that there are.
    fn rollup(&self, windows: &Windows, used: Use) -> Rollup {
        let (finest, coarsest) = (self.params.finest, self.params.coarsest.max(self.params.finest));
        let span = windows.last_to() - windows.to(0) + windows.range;
        let answers = |resolution: &Resolution| {
            let is_wanted = span >= self.params.rollups_from || finest > Resolution::Raw;
            let is_allowed = (finest..=coarsest).contains(resolution);
            is_wanted && is_allowed && used != Use::EverySample && windows.is_aligned(resolution.millis())
        };
        match Resolution::ROLLED_UP.into_iter().rev().find(answers) {
            Some(resolution) => Rollup { resolution, is_exact: true },
            None => Rollup { resolution: finest, is_exact: finest == Resolution::Raw },
        }
    }
}
