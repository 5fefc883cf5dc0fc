//! Blocks of many series: how figures are put together, and cut into blocks.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{
    Bucket, Resolution, Samples,
    block::{decode, decode_buckets, encode, encode_buckets},
    index::SERIES_A_METRIC,
};
use crate::store::StoreResult;

/// Figures that a block holds at most, but for the last series: few enough that one series is unpacked quickly, enough
/// to pack well.
const MOST_FIGURES: usize = 16_384;
/// A block does not reach over more series numbers than this: whoever looks for the blocks of a series looks back so far.
pub const REACH: i64 = 256 * SERIES_A_METRIC;

/// What blocks hold of a series: samples or buckets.
pub trait Figures: Sized + Send + Sync + 'static {
    /// What the stored form of this resolution is.
    fn decode(block: &[u8], is_wanted: impl Fn(i64) -> bool) -> StoreResult<Vec<(i64, Self)>>;
    /// The stored form.
    fn encode(series: &[(i64, Self)]) -> StoreResult<Vec<u8>>;
    /// How many.
    fn count(&self) -> usize;
    /// When the first and the last are, in milliseconds; none of nothing.
    fn bounds(&self) -> Option<(i64, i64)>;
    /// How much one takes in a block, in samples.
    const WEIGHT: usize;
    /// Puts together what is of one series, in the order in which it was stored.
    fn together(parts: Vec<Self>) -> Self;
}

/// Of two samples at the same time the one that was stored first stays.
impl Figures for Samples {
    const WEIGHT: usize = 1;

    fn decode(block: &[u8], is_wanted: impl Fn(i64) -> bool) -> StoreResult<Vec<(i64, Self)>> {
        decode(block, is_wanted)
    }

    fn encode(series: &[(i64, Self)]) -> StoreResult<Vec<u8>> {
        encode(series.iter().map(|(id, samples)| (*id, samples)))
    }

    fn count(&self) -> usize {
        self.len()
    }

    fn bounds(&self) -> Option<(i64, i64)> {
        Some((*self.times.first()?, *self.times.last()?))
    }

    fn together(parts: Vec<Self>) -> Self {
        let mut parts = parts.into_iter();
        let mut all = parts.next().unwrap_or_default();
        for part in parts {
            all.times.extend(part.times);
            all.values.extend(part.values);
        }
        all.sort();
        all
    }
}

/// Of two buckets that end at the same time the one that has seen more samples stays.
impl Figures for Vec<Bucket> {
    const WEIGHT: usize = 8;

    fn decode(block: &[u8], is_wanted: impl Fn(i64) -> bool) -> StoreResult<Vec<(i64, Self)>> {
        decode_buckets(block, is_wanted)
    }

    fn encode(series: &[(i64, Self)]) -> StoreResult<Vec<u8>> {
        encode_buckets(series.iter().map(|(id, buckets)| (*id, buckets.as_slice())))
    }

    fn count(&self) -> usize {
        self.len()
    }

    fn bounds(&self) -> Option<(i64, i64)> {
        Some((self.first()?.end, self.last()?.end))
    }

    fn together(parts: Vec<Self>) -> Self {
        let mut all = parts.concat();
        if !all.is_sorted_by(|one, next| one.end < next.end) {
            // The first of each end stays: one that was stored later comes before others that have seen as much.
            all.reverse();
            all.sort_by_key(|bucket| (bucket.end, Reverse(bucket.count)));
            all.dedup_by_key(|bucket| bucket.end);
        }
        all
    }
}

/// How long the windows of a resolution are, in milliseconds: a block holds nothing from two of them.
pub fn window_millis(resolution: Resolution) -> i64 {
    const HOUR: i64 = 3_600_000;
    match resolution {
        Resolution::Raw => 2 * HOUR,
        Resolution::FiveMinutes => 24 * HOUR,
        Resolution::Hour => 16 * 24 * HOUR,
    }
}

/// A block on its way to the store.
#[derive(Debug)]
pub struct NewBlock {
    /// Number of its first series.
    pub first_series: i64,
    /// Number of its last one.
    pub last_series: i64,
    /// How many figures.
    pub samples: usize,
    /// When the first is, in milliseconds.
    pub min_time: i64,
    /// When the last is.
    pub max_time: i64,
    /// What is stored.
    pub payload: Vec<u8>,
}

/// Packs series, by ascending number, none without figures, into blocks.
pub fn pack<F: Figures>(series: impl IntoIterator<Item = (i64, F)>) -> StoreResult<Vec<NewBlock>> {
    let mut blocks = Vec::new();
    let mut open: Vec<(i64, F)> = Vec::new();
    let mut figures = 0;
    for (id, one) in series {
        let weight = one.count() * F::WEIGHT;
        let is_full = figures + weight > MOST_FIGURES || open.first().is_some_and(|(first, _)| id - first >= REACH);
        if is_full && !open.is_empty() {
            blocks.push(block(&open)?);
            open.clear();
            figures = 0;
        }
        figures += weight;
        open.push((id, one));
    }
    if !open.is_empty() {
        blocks.push(block(&open)?);
    }
    Ok(blocks)
}

fn block<F: Figures>(series: &[(i64, F)]) -> StoreResult<NewBlock> {
    let bounds = || series.iter().filter_map(|(_, figures)| figures.bounds());
    Ok(NewBlock {
        first_series: series.first().map_or(0, |(id, _)| *id),
        last_series: series.last().map_or(0, |(id, _)| *id),
        samples: series.iter().map(|(_, figures)| figures.count()).sum(),
        min_time: bounds().map(|(first, _)| first).min().unwrap_or_default(),
        max_time: bounds().map(|(_, last)| last).max().unwrap_or_default(),
        payload: F::encode(series)?,
    })
}

/// Puts together what several blocks, in the order in which they were stored, hold of the wanted series.
pub fn together<F: Figures>(
    blocks: &[impl AsRef<[u8]>],
    is_wanted: impl Fn(i64) -> bool,
) -> StoreResult<BTreeMap<i64, F>> {
    let mut parts: BTreeMap<i64, Vec<F>> = BTreeMap::new();
    for block in blocks {
        for (id, figures) in F::decode(block.as_ref(), &is_wanted)? {
            parts.entry(id).or_default().push(figures);
        }
    }
    Ok(parts.into_iter().map(|(id, parts)| (id, F::together(parts))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sample::bucket::roll_up;

    fn samples(from: i64, count: i64) -> Samples {
        (from..from + count).map(|at| (at * 1000, at as f64)).collect()
    }

    #[test]
    fn blocks_are_cut_by_figures_and_by_reach() {
        let many = (0..40).map(|id| (id, samples(0, 1000)));
        let blocks = pack(many).unwrap();
        assert_eq!(blocks.iter().map(|block| block.samples).collect::<Vec<_>>(), [16_000, 16_000, 8000]);
        assert_eq!((blocks[1].first_series, blocks[1].last_series), (16, 31));

        let far = [(0, samples(0, 1)), (REACH - 1, samples(0, 1)), (REACH, samples(0, 1))];
        assert_eq!(pack(far).unwrap().len(), 2);
        assert_eq!(pack([(7, samples(0, 50_000))]).unwrap().len(), 1, "a series is not cut");
    }

    #[test]
    fn first_samples_and_last_buckets_stay() {
        let (early, late): (Samples, Samples) =
            ([(5, 1.0), (7, 2.0)].into_iter().collect(), [(5, 9.0), (6, 3.0)].into_iter().collect());
        let blocks = [Samples::encode(&[(1, early.clone())]).unwrap(), Samples::encode(&[(1, late)]).unwrap()];
        let all: BTreeMap<i64, Samples> = together(&blocks, |_| true).unwrap();
        assert_eq!(all[&1].iter().collect::<Vec<_>>(), [(5, 1.0), (6, 3.0), (7, 2.0)]);

        let blocks = [&early, &all[&1]].map(|samples| Vec::encode(&[(1, roll_up(samples, 300_000))]).unwrap());
        let buckets: BTreeMap<i64, Vec<Bucket>> = together(&blocks, |_| true).unwrap();
        assert_eq!(buckets[&1].iter().map(|bucket| bucket.count).collect::<Vec<_>>(), [3]);
        let fewer = [&blocks[1], &blocks[0]];
        let buckets: BTreeMap<i64, Vec<Bucket>> = together(&fewer, |_| true).unwrap();
        assert_eq!(buckets[&1][0].count, 3, "what is left of old samples does not take the place of all of them");
    }
}
