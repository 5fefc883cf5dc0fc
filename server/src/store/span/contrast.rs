//! Counts which attribute values one set of traces has more often than another.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use app::model::{ContrastValue, TraceContrast, TraceId};
use serde_json::{Map, Value};

use super::{NarrowBlock, matcher::text_of};
use crate::store::StoreResult;

/// Values that are counted at most; what comes after is not looked at.
const MAX_PAIRS: usize = 100_000;
/// A longer value, in bytes, is a text and not what traces have in common.
const MAX_VALUE: usize = 200;
/// So many traces of the selection have a value that is told: one alone has a thousand values of its own.
const FEWEST: u32 = 2;
/// A smaller difference of the shares is chance.
const LEAST_DIFFERENCE: f64 = 0.02;

/// The traces of both sides, and what was counted of them so far.
pub struct Contrast {
    /// Of each trace: its number, and whether it is of the selection.
    traces: HashMap<TraceId, (u32, bool)>,
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
        let texts = block.texts()?;
        for at in 0..block.span_count() {
            let Some(trace) = self.traces.get(&block.trace_id(at)).copied() else { continue };
            self.count(trace, "service", block.service(at).to_owned());
            self.count(trace, "operation", block.name(at).to_owned());
            for json in [texts.attributes(at), block.resource(at)] {
                // Fields that cannot be read have nothing to tell here.
                let fields: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
                for (key, value) in &fields {
                    self.count(trace, key, text_of(value));
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, (trace, is_selected): (u32, bool), key: &str, value: String) {
        if value.len() > MAX_VALUE {
            return;
        }
        let next = self.counts.len();
        let pair = match self.pairs.entry((key.to_owned(), value)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(_) if next >= MAX_PAIRS => return,
            Entry::Vacant(place) => {
                self.counts.push((0, 0));
                *place.insert(next as u32)
            }
        };
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
