//! Counts which attribute values one set of traces has more often than another.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use app::model::{ContrastValue, TraceContrast, TraceId};
use serde_json::{Map, Value};

use super::{NarrowBlock, matcher::text_of};
use crate::store::{StoreResult, attributes::Attributes};

/// Values that are counted at most; what comes after is not looked at.
const MAX_PAIRS: usize = 100_000;
/// A longer value, in bytes, is a text and not what traces have in common.
const MAX_VALUE: usize = 200;
/// So many traces of the selection have a value that is told: one alone has a thousand values of its own.
const FEWEST: u32 = 2;
/// A smaller difference of the shares is chance.
const LEAST_DIFFERENCE: f64 = 0.02;

/// The number of a trace, and whether it is of the selection.
type Member = (u32, bool);

/// The traces of both sides, and what was counted of them so far.
pub struct Contrast {
    traces: HashMap<TraceId, Member>,
    pairs: HashMap<(String, String), u32>,
    /// Which value which trace has: each counts once however many of its spans have it.
    seen: HashSet<(u32, u32)>,
    /// By value: traces of the selection, of the rest.
    counts: Vec<(u32, u32)>,
}

impl Contrast {
    /// Compares these with those.
    pub fn new(selected: &[TraceId], rest: &[TraceId]) -> Self {
        let sides = selected.iter().map(|id| (*id, true)).chain(rest.iter().map(|id| (*id, false)));
        let traces = sides.zip(0..).map(|((id, is_selected), number)| (id, (number, is_selected))).collect();
        Self { traces, pairs: HashMap::new(), seen: HashSet::new(), counts: Vec::new() }
    }

    /// Counts the spans of a block.
    pub fn add(&mut self, block: &NarrowBlock) -> StoreResult<()> {
        let of_trace = |at: usize| self.traces.get(&block.trace_id(at)).map(|trace| (at, *trace));
        let members: Vec<(usize, Member)> = (0..block.span_count()).filter_map(of_trace).collect();
        if members.is_empty() {
            return Ok(());
        }
        let section = block.attributes()?;
        let attributes = Attributes::read(&section, block.span_count())?;
        if attributes.has_odd() {
            let texts = block.texts()?;
            for (at, member) in &members {
                let odd: Map<String, Value> = serde_json::from_str(texts.odd_attributes(*at)).unwrap_or_default();
                for (key, value) in &odd {
                    let pair = self.pair(key, text_of(value));
                    self.see(*member, pair);
                }
            }
        }
        for column in attributes.all() {
            let (key, column) = column?;
            let mut pairs: Vec<Option<Option<u32>>> = vec![None; column.values()];
            for (at, member) in &members {
                let Some(number) = column.number(*at) else { continue };
                let pair =
                    pairs[number].get_or_insert_with(|| self.pair(key, column.value(number).text().into_owned()));
                self.see(*member, *pair);
            }
        }
        // Fields that cannot be read have nothing to tell here.
        let fields = |json| serde_json::from_str::<Map<String, Value>>(json).unwrap_or_default();
        let resources: Vec<Vec<Option<u32>>> = block
            .resource_texts()
            .map(|json| fields(json).iter().map(|(key, value)| self.pair(key, text_of(value))).collect())
            .collect();
        for (at, member) in members {
            for (key, value) in [("service", block.service(at)), ("operation", block.name(at))] {
                let pair = self.pair(key, value.to_owned());
                self.see(member, pair);
            }
            for pair in &resources[block.resource_number(at)] {
                self.see(member, *pair);
            }
        }
        Ok(())
    }

    /// The number of a value; none for one that is not counted.
    fn pair(&mut self, key: &str, value: String) -> Option<u32> {
        if value.len() > MAX_VALUE {
            return None;
        }
        let next = self.counts.len();
        match self.pairs.entry((key.to_owned(), value)) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(_) if next >= MAX_PAIRS => None,
            Entry::Vacant(place) => {
                self.counts.push((0, 0));
                Some(*place.insert(next as u32))
            }
        }
    }

    fn see(&mut self, (trace, is_selected): Member, pair: Option<u32>) {
        let Some(pair) = pair else { return };
        if self.seen.insert((trace, pair)) {
            let count = &mut self.counts[pair as usize];
            if is_selected { count.0 += 1 } else { count.1 += 1 }
        }
    }

    /// What the selection has more often, the largest difference first.
    pub fn finish(self) -> TraceContrast {
        let selected = self.traces.values().filter(|(_, is_selected)| *is_selected).count() as u32;
        let mut found = TraceContrast { selected, rest: self.traces.len() as u32 - selected, values: Vec::new() };
        let counts = self.counts;
        let mut values: Vec<(f64, ContrastValue)> = self
            .pairs
            .into_iter()
            .filter_map(|((key, value), pair)| {
                let (selected, rest) = counts[pair as usize];
                let value = ContrastValue { key, value, selected, rest };
                let (selected, rest) = found.shares(&value);
                let difference = selected - rest;
                (value.selected >= FEWEST && difference >= LEAST_DIFFERENCE).then_some((difference, value))
            })
            .collect();
        values.sort_by(|(a, one), (b, other)| {
            b.total_cmp(a).then_with(|| (&one.key, &one.value).cmp(&(&other.key, &other.value)))
        });
        found.values = values.into_iter().map(|(_, value)| value).take(TraceContrast::MAX_VALUES).collect();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::span::{
        NewSpan,
        block::{decode, encode, tests::span},
    };

    fn with(trace: u8, id: u8, attributes: &str) -> NewSpan {
        NewSpan { attributes: attributes.to_owned(), ..span(trace, id) }
    }

    #[test]
    fn a_value_counts_once_a_trace_and_the_most_telling_comes_first() {
        let spans = [
            with(1, 1, r#"{"region":"eu","version":7,"id":"a"}"#),
            with(1, 2, r#"{"region":"eu","version":7}"#),
            with(2, 1, r#"{"region":"eu","version":7}"#),
            with(3, 1, r#"{"region":"eu","version":6}"#),
            with(4, 1, r#"{"region":"us","version":6}"#),
            with(9, 1, r#"{"region":"mars"}"#),
        ];
        let ids = |traces: &[u8]| traces.iter().map(|trace| TraceId([*trace; 16])).collect::<Vec<_>>();
        let mut contrast = Contrast::new(&ids(&[1, 2]), &ids(&[3, 4]));
        let block = decode(&encode(&spans).unwrap().payload).unwrap();
        contrast.add(&block).unwrap();
        // The rest of a trace may lie in another block.
        contrast.add(&block).unwrap();
        let found = contrast.finish();
        assert_eq!((found.selected, found.rest), (2, 2));
        let value = |key: &str, value: &str, selected, rest| ContrastValue {
            key: key.to_owned(),
            value: value.to_owned(),
            selected,
            rest,
        };
        assert_eq!(found.values, [value("version", "7", 2, 0), value("region", "eu", 2, 1)]);
        assert_eq!(found.shares(&found.values[1]), (1.0, 0.5));
    }

    #[test]
    fn nothing_to_compare_is_no_difference() {
        assert_eq!(Contrast::new(&[], &[]).finish(), TraceContrast::default());
    }
}
