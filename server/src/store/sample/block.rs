//! The stored form of samples of many series.
//!
//! A block is a version byte, the series with the number of samples of each, timelines, and values. Series that are
//! scraped together have their times in common: a timeline stands in the block once, as its first time and the changes
//! of its steps, which are mostly nothing. A series whose samples are all alike is one value; whole numbers are told by
//! their steps; other values are kept as they are. Steps and values of all series are a column each, compressed with
//! [`pco`]. Values come back bit by bit: a NaN says by its bits whether it marks the end of a series. Roll-ups are
//! stored as a series for each of their figures.

use foldhash::{HashMap, HashMapExt};
use pco::{ChunkConfig, data_types::Number, standalone};

use super::{Bucket, Samples};
use crate::store::{
    StoreResult,
    column::{Reader, damaged, put_bytes, put_varint, unzigzag, zigzag},
};

const VERSION: u8 = 1;
/// Half of the gain of slower levels at a third of their time.
const PCO_LEVEL: usize = 4;
/// No block has more samples: a guard against damaged counts.
const MAX_SAMPLES: usize = 1 << 24;
/// Whole numbers up to here are told exactly by a float.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// How the values of a series are told.
const ALIKE: u8 = 0;
const WHOLE: u8 = 1;
const ANY: u8 = 2;

fn kind_of(values: &[f64]) -> u8 {
    let first = values[0].to_bits();
    if values.iter().all(|value| value.to_bits() == first) {
        ALIKE
    } else if values.iter().all(|value| {
        value.abs() < MAX_WHOLE && value.trunc().to_bits() == value.to_bits() && value.to_bits() != (-0.0_f64).to_bits()
    }) {
        WHOLE
    } else {
        ANY
    }
}

/// The block of these series, by ascending number, none without samples.
pub fn encode<'a>(series: impl Iterator<Item = (i64, &'a Samples)> + Clone) -> StoreResult<Vec<u8>> {
    let mut head = Vec::new();
    put_varint(&mut head, series.clone().count() as u64);
    let mut last = 0;
    for (id, samples) in series.clone() {
        put_varint(&mut head, zigzag(id.wrapping_sub(last)));
        put_varint(&mut head, samples.len() as u64);
        last = id;
    }

    let (mut lines, mut steps) = (Vec::new(), Vec::new());
    let mut known: HashMap<&[i64], u64> = HashMap::new();
    let mut last_begin = 0;
    for (_, Samples { times, .. }) in series.clone() {
        let next = known.len() as u64;
        let line = *known.entry(times).or_insert(next);
        // How many lines ago; zero for a new one.
        put_varint(&mut lines, next - line);
        if line == next {
            let Some((begin, rest)) = times.split_first() else { return Err(damaged("a series without samples")) };
            put_varint(&mut lines, zigzag(begin.wrapping_sub(last_begin)));
            last_begin = *begin;
            let (mut time, mut step) = (*begin, 0);
            for next in rest {
                let new_step = next.wrapping_sub(time);
                steps.push(new_step.wrapping_sub(step));
                (time, step) = (*next, new_step);
            }
        }
    }

    let (mut kinds, mut whole, mut any) = (Vec::new(), Vec::new(), Vec::new());
    for (_, Samples { values, .. }) in series {
        let kind = kind_of(values);
        kinds.push(kind);
        match kind {
            ALIKE => kinds.extend(values[0].to_le_bytes()),
            WHOLE => {
                let mut value = values[0] as i64;
                put_varint(&mut kinds, zigzag(value));
                whole.extend(values[1..].iter().map(|next| {
                    let step = *next as i64 - value;
                    value = *next as i64;
                    step
                }));
            }
            _ => any.extend_from_slice(values),
        }
    }
    let mut block = vec![VERSION];
    for part in [head, lines, kinds, pack(&steps)?, pack(&whole)?, pack(&any)?] {
        put_bytes(&mut block, &part);
    }
    Ok(block)
}

fn pack<T: Number>(column: &[T]) -> StoreResult<Vec<u8>> {
    if column.is_empty() {
        return Ok(Vec::new());
    }
    let config = ChunkConfig::default().with_compression_level(PCO_LEVEL);
    standalone::simple_compress(column, &config).map_err(|error| damaged(&error.to_string()))
}

/// Unpacks so many numbers.
fn unpack<T: Number + Default>(packed: &[u8], count: usize) -> StoreResult<Vec<T>> {
    if count > MAX_SAMPLES {
        return Err(damaged("a number of samples"));
    }
    let mut column = vec![T::default(); count];
    if count > 0 {
        let progress =
            standalone::simple_decompress_into(packed, &mut column).map_err(|error| damaged(&error.to_string()))?;
        if progress.n_processed != count {
            return Err(damaged("a number of samples"));
        }
    }
    Ok(column)
}

/// The samples of a block's series of which somebody wants to know, by ascending number.
pub fn decode(block: &[u8], is_wanted: impl Fn(i64) -> bool) -> StoreResult<Vec<(i64, Samples)>> {
    let mut input = Reader::new(block);
    if input.array::<1>()?[0] != VERSION {
        return Err(damaged("unknown version of a block of samples"));
    }
    let (mut head, mut lines, mut kinds) =
        (Reader::new(input.bytes()?), Reader::new(input.bytes()?), Reader::new(input.bytes()?));
    let count = head.count()?;
    let mut all = Vec::with_capacity(count);
    let (mut id, mut total) = (0_i64, 0);
    for _ in 0..count {
        id = id.wrapping_add(unzigzag(head.varint()?));
        let samples = head.varint()? as usize;
        total += samples;
        if samples == 0 || samples > MAX_SAMPLES || total > MAX_SAMPLES {
            return Err(damaged("a number of samples"));
        }
        all.push((id, samples));
    }
    if !all.iter().any(|(id, _)| is_wanted(*id)) {
        return Ok(Vec::new());
    }

    // Where each timeline begins among the steps.
    let mut timelines: Vec<(i64, usize, usize)> = Vec::new();
    let (mut line_of, mut begin, mut step_count) = (Vec::with_capacity(count), 0_i64, 0);
    for (_, samples) in &all {
        let ago = lines.varint()? as usize;
        if ago == 0 {
            begin = begin.wrapping_add(unzigzag(lines.varint()?));
            timelines.push((begin, step_count, *samples));
            step_count += samples - 1;
        }
        let line = timelines.len().checked_sub(ago.max(1)).ok_or_else(|| damaged("a timeline"))?;
        if timelines[line].2 != *samples {
            return Err(damaged("a timeline's length"));
        }
        line_of.push(line);
    }
    let mut told = Vec::with_capacity(count);
    let (mut whole_count, mut any_count) = (0, 0);
    for (_, samples) in &all {
        told.push(match kinds.array::<1>()?[0] {
            ALIKE => Told::Alike(f64::from_le_bytes(kinds.array()?)),
            WHOLE => {
                whole_count += samples - 1;
                Told::Whole(unzigzag(kinds.varint()?), whole_count - (samples - 1))
            }
            ANY => {
                any_count += samples;
                Told::Any(any_count - samples)
            }
            _ => return Err(damaged("a kind of values")),
        });
    }
    let steps: Vec<i64> = unpack(input.bytes()?, step_count)?;
    let whole: Vec<i64> = unpack(input.bytes()?, whole_count)?;
    let any: Vec<f64> = unpack(input.bytes()?, any_count)?;

    let wanted = all.into_iter().zip(line_of).zip(told).filter(|(((id, _), _), _)| is_wanted(*id));
    let samples = wanted.map(|(((id, samples), line), told)| {
        let (begin, first_step, _) = timelines[line];
        let values = match told {
            Told::Alike(value) => vec![value; samples],
            Told::Whole(first, from) => {
                summed(first, &whole[from..from + samples - 1]).map(|value| value as f64).collect()
            }
            Told::Any(from) => any[from..from + samples].to_vec(),
        };
        let mut step = 0_i64;
        let steps = steps[first_step..first_step + samples - 1].iter().map(|change| {
            step = step.wrapping_add(*change);
            step
        });
        let mut time = begin;
        let later = steps.map(|step| {
            time = time.wrapping_add(step);
            time
        });
        (id, Samples { times: std::iter::once(begin).chain(later).collect(), values })
    });
    Ok(samples.collect())
}

/// How a series' values are told: all alike, by a first whole number and where its steps begin, or where they begin.
enum Told {
    Alike(f64),
    Whole(i64, usize),
    Any(usize),
}

/// A number and what it becomes by steps.
fn summed(first: i64, steps: &[i64]) -> impl Iterator<Item = i64> {
    let sums = steps.iter().scan(first, |sum, step| {
        *sum = sum.wrapping_add(*step);
        Some(*sum)
    });
    std::iter::once(first).chain(sums)
}

/// A bucket is told by so many series of figures, of which those that others tell are left out.
const COLUMNS: i64 = 16;

/// A figure of a bucket as a number.
type Figure = fn(&Bucket) -> f64;

/// The figures of buckets that are columns, in their order. Which they are may not change: blocks are stored.
const FIGURES: [Figure; 10] = [
    |bucket| bucket.count as f64,
    |bucket| (bucket.first_time - bucket.end) as f64,
    |bucket| (bucket.last_time - bucket.end) as f64,
    |bucket| f64::from(u8::from(bucket.has_ended)),
    |bucket| bucket.first,
    |bucket| bucket.last,
    |bucket| bucket.sum,
    |bucket| bucket.min,
    |bucket| bucket.max,
    |bucket| bucket.lost,
];

/// What the last three are for a counter that does not begin anew: then they are not told.
const AS_EXPECTED: [(usize, Figure); 3] = [(7, |bucket| bucket.first), (8, |bucket| bucket.last), (9, |_| 0.0)];

/// The block of these series' buckets, by ascending number, none without buckets.
pub fn encode_buckets<'a>(series: impl Iterator<Item = (i64, &'a [Bucket])>) -> StoreResult<Vec<u8>> {
    let mut columns: Vec<(i64, Samples)> = Vec::new();
    for (id, buckets) in series {
        for (at, figure) in FIGURES.into_iter().enumerate() {
            let expected = AS_EXPECTED.iter().find(|(of, _)| *of == at).map(|(_, expected)| expected);
            let is_expected = |bucket: &Bucket| {
                expected.is_some_and(|expected| expected(bucket).to_bits() == figure(bucket).to_bits())
            };
            if !buckets.iter().all(is_expected) {
                let column = buckets.iter().map(|bucket| (bucket.end, figure(bucket))).collect();
                columns.push((id * COLUMNS + at as i64, column));
            }
        }
    }
    encode(columns.iter().map(|(id, column)| (*id, column)))
}

/// The buckets of a block's series of which somebody wants to know, by ascending number.
pub fn decode_buckets(block: &[u8], is_wanted: impl Fn(i64) -> bool) -> StoreResult<Vec<(i64, Vec<Bucket>)>> {
    let columns = decode(block, |column| is_wanted(column.div_euclid(COLUMNS)))?;
    let mut all = Vec::new();
    for columns in columns.chunk_by(|one, other| one.0.div_euclid(COLUMNS) == other.0.div_euclid(COLUMNS)) {
        let mut told: [Option<&Samples>; FIGURES.len()] = [None; FIGURES.len()];
        for (column, samples) in columns {
            let at = told.get_mut(column.rem_euclid(COLUMNS) as usize).ok_or_else(|| damaged("a figure of buckets"))?;
            *at = Some(samples);
        }
        let count = columns[0].1.len();
        if told[..7].iter().any(Option::is_none) || told.iter().flatten().any(|column| column.len() != count) {
            return Err(damaged("the figures of buckets"));
        }
        let buckets = (0..count).map(|at| {
            let figure = |column: usize| told[column].map(|samples| samples.values[at]);
            let known = |column: usize| figure(column).unwrap_or(f64::NAN);
            let (end, first, last) = (columns[0].1.times[at], known(4), known(5));
            Bucket {
                end,
                count: known(0) as u64,
                first_time: end.wrapping_add(known(1) as i64),
                last_time: end.wrapping_add(known(2) as i64),
                has_ended: known(3) != 0.0,
                first,
                last,
                sum: known(6),
                min: figure(7).unwrap_or(first),
                max: figure(8).unwrap_or(last),
                lost: figure(9).unwrap_or(0.0),
            }
        });
        all.push((columns[0].0.div_euclid(COLUMNS), buckets.collect()));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::sample::bucket::roll_up;

    fn any_value() -> impl Strategy<Value = f64> {
        prop_oneof![
            4 => (0_i32..50).prop_map(f64::from),
            2 => any::<f64>(),
            1 => any::<u64>().prop_map(f64::from_bits),
            1 => prop::sample::select(vec![0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, 9e15, 1e16, -3.0]),
        ]
    }

    fn any_samples() -> impl Strategy<Value = Samples> {
        let regular = (any::<i32>(), 1_i64..20_000, prop::collection::vec(any_value(), 1..60)).prop_map(
            |(begin, step, values)| Samples {
                times: (0..values.len() as i64).map(|n| i64::from(begin) + n * step).collect(),
                values,
            },
        );
        let odd = prop::collection::btree_map(any::<i64>(), any_value(), 1..20)
            .prop_map(|all| Samples { times: all.keys().copied().collect(), values: all.into_values().collect() });
        prop_oneof![3 => regular, 1 => odd]
    }

    /// With values by their bits.
    fn bits(all: &[(i64, Samples)]) -> Vec<(i64, &[i64], Vec<u64>)> {
        all.iter()
            .map(|(id, samples)| {
                (*id, samples.times.as_slice(), samples.values.iter().map(|value| value.to_bits()).collect())
            })
            .collect()
    }

    proptest! {
        #[test]
        fn samples_come_back_bit_by_bit(
            all in prop::collection::btree_map(any::<i64>(), any_samples(), 0..20),
            wanted in any::<prop::sample::Selector>(),
        ) {
            let all: Vec<(i64, Samples)> = all.into_iter().collect();
            let block = encode(all.iter().map(|(id, samples)| (*id, samples))).unwrap();
            let decoded = decode(&block, |_| true).unwrap();
            prop_assert_eq!(bits(&decoded), bits(&all));
            if !all.is_empty() {
                let (id, _) = wanted.select(&all);
                let one: Vec<_> = all.iter().filter(|(other, _)| other == id).cloned().collect();
                let decoded = decode(&block, |other| other == *id).unwrap();
                prop_assert_eq!(bits(&decoded), bits(&one));
            }
        }

        #[test]
        fn damage_is_an_error_and_never_a_panic(
            all in prop::collection::btree_map(any::<i64>(), any_samples(), 1..6),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut block = encode(all.iter().map(|(id, samples)| (*id, samples))).unwrap();
            let at = at.index(block.len());
            let _either = decode(&block[..at], |_| true);
            block[at] = byte;
            let _either = decode(&block, |_| true);
        }
    }

    proptest! {
        #[test]
        fn buckets_come_back_bit_by_bit(all in prop::collection::btree_map(-1000_i64..1000, any_samples(), 0..8)) {
            let buckets: Vec<(i64, Vec<Bucket>)> = all
                .iter()
                .map(|(id, samples)| {
                    let near: Samples = samples.iter().map(|(time, value)| (time >> 24, value)).collect();
                    (*id, roll_up(&near, 300_000))
                })
                .collect();
            let block = encode_buckets(buckets.iter().map(|(id, buckets)| (*id, buckets.as_slice()))).unwrap();
            let told = |all: &[(i64, Vec<Bucket>)]| format!("{all:?}");
            prop_assert_eq!(told(&decode_buckets(&block, |_| true).unwrap()), told(&buckets));
        }
    }

    #[test]
    fn what_is_scraped_together_tells_its_times_once() {
        let series = |n: i64| Samples {
            times: (0..720).map(|at| 1_790_000_000_000 + at * 10_000).collect(),
            values: (0..720).map(|at| (at * n) as f64).collect(),
        };
        let all: Vec<(i64, Samples)> = (0..20).map(|n| (n, series(n))).collect();
        let block = encode(all.iter().map(|(id, samples)| (*id, samples))).unwrap();
        assert!(block.len() < 2000, "{}", block.len());
    }
}
