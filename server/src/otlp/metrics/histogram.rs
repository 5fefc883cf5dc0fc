//! Distributions: explicit and exponential histograms, added up and shown as Prometheus' classic buckets.

use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogramDataPoint, HistogramDataPoint, exponential_histogram_data_point::Buckets,
};

use super::reason::{Reason, finite};

/// Buckets of an explicit histogram, or quantiles of a summary, that are taken: each becomes a series.
pub const MAX_BUCKETS: usize = 512;
/// Buckets that an exponential histogram is shown with at most, besides the edges of its ranges.
const SHOWN_BUCKETS: usize = 64;
/// Buckets that are kept of an exponential histogram that is added up: the default of the SDKs.
const KEPT_BUCKETS: usize = 160;
/// Scales that are known. A coarser one could tell numbers below 1 from others, and no more; a finer one is no use to
/// 64-bit numbers.
const SCALES: std::ops::RangeInclusive<i32> = -11..=20;

/// A distribution as classic buckets: what `_bucket`, `_sum` and `_count` say.
#[derive(Debug, Clone, PartialEq)]
pub struct Classic {
    /// Upper bounds, growing, each with how many values lie at or below it. The bound `+Inf` is left out: it has `count`.
    pub buckets: Vec<(f64, u64)>,
    /// All values.
    pub count: u64,
    /// Their sum; none where it is not known, or not monotonic because values are negative.
    pub sum: Option<f64>,
}

/// A histogram with bounds of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Explicit {
    bounds: Vec<f64>,
    /// One more than there are bounds.
    counts: Vec<u64>,
    sum: Option<f64>,
}

impl Explicit {
    /// Reads a data point. Without buckets there is one that holds everything.
    pub fn read(point: HistogramDataPoint) -> Result<Self, Reason> {
        let HistogramDataPoint { explicit_bounds: bounds, bucket_counts: mut counts, count, sum, .. } = point;
        if bounds.len() >= MAX_BUCKETS {
            return Err(Reason::TooManyBuckets);
        }
        if counts.is_empty() && bounds.is_empty() {
            counts.push(count);
        }
        let grow = bounds.windows(2).all(|pair| pair[0] < pair[1]);
        if counts.len() != bounds.len() + 1 || !grow || bounds.iter().any(|bound| !bound.is_finite()) {
            return Err(Reason::Buckets);
        }
        // What no bucket counts lies beyond the bounds as far as anybody knows.
        let missing = count.saturating_sub(total(&counts));
        if let Some(last) = counts.last_mut() {
            *last = last.saturating_add(missing);
        }
        Ok(Self { bounds, counts, sum: sum.map(finite).transpose()? })
    }

    /// Adds what another has counted; no, if their bounds differ.
    pub fn add(&mut self, other: &Self) -> bool {
        if self.bounds != other.bounds {
            return false;
        }
        add_counts(&mut self.counts, &other.counts);
        self.sum = self.sum.zip(other.sum).map(|(sum, more)| sum + more);
        true
    }

    /// As classic buckets.
    pub fn classic(&self) -> Classic {
        let mut count: u64 = 0;
        let mut cumulate = |of: &u64| {
            count = count.saturating_add(*of);
            count
        };
        let buckets = self.bounds.iter().zip(&self.counts).map(|(bound, of)| (*bound, cumulate(of))).collect();
        let count = total(&self.counts);
        let has_negative = self.bounds.iter().zip(&self.counts).any(|(bound, of)| *bound < 0.0 && *of > 0);
        Classic { buckets, count, sum: self.sum.filter(|_| !has_negative) }
    }

    /// Numbers that it keeps.
    pub fn cells(&self) -> usize {
        self.bounds.len() + self.counts.len() + 1
    }

    /// Whether its sum is a number that can be kept.
    pub fn is_sound(&self) -> bool {
        self.sum.is_none_or(|sum| finite(sum).is_ok())
    }
}

/// One side of an exponential histogram: counts from the index `first` on, without zeros at either end.
#[derive(Debug, Clone, PartialEq, Default)]
struct Side {
    first: i64,
    counts: Vec<u64>,
}

impl Side {
    fn read(buckets: Option<Buckets>) -> Self {
        let Buckets { offset, bucket_counts: counts } = buckets.unwrap_or_default();
        let Some(begin) = counts.iter().position(|count| *count > 0) else { return Self::default() };
        let end = counts.iter().rposition(|count| *count > 0).unwrap_or(begin);
        Self { first: i64::from(offset) + begin as i64, counts: counts[begin..=end].to_vec() }
    }

    fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    fn last(&self) -> i64 {
        self.first + self.counts.len() as i64 - 1
    }

    /// Merges each 2^`steps` neighbours: what a scale that is coarser by so many has.
    fn coarsen(&mut self, steps: u32) {
        let steps = steps.min(63);
        if self.is_empty() || steps == 0 {
            return;
        }
        let first = self.first >> steps;
        let mut counts = vec![0_u64; ((self.last() >> steps) - first + 1) as usize];
        for (index, count) in (self.first..).zip(&self.counts) {
            let sum = &mut counts[((index >> steps) - first) as usize];
            *sum = sum.saturating_add(*count);
        }
        *self = Self { first, counts };
    }

    /// Buckets that both sides together need.
    fn span_with(&self, other: &Self, steps: u32) -> usize {
        let sides = [self, other].into_iter().filter(|side| !side.is_empty());
        let ends = sides.map(|side| (side.first >> steps, side.last() >> steps));
        let all = ends.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
        all.map_or(0, |(first, last)| (last - first + 1) as usize)
    }

    fn add(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            *self = other.clone();
            return;
        }
        let (first, last) = (self.first.min(other.first), self.last().max(other.last()));
        let mut counts = vec![0; (last - first + 1) as usize];
        for side in [&*self, other] {
            add_counts(&mut counts[(side.first - first) as usize..], &side.counts);
        }
        *self = Self { first, counts };
    }
}

/// An exponential histogram. Bucket `i` holds what is greater than `base^i` and at most `base^(i+1)`, where `base` is
/// 2 to the power of 2^-scale. Bounds of a scale are bounds of every finer one, too.
#[derive(Debug, Clone, PartialEq)]
pub struct Exponential {
    scale: i32,
    zero_threshold: f64,
    zero_count: u64,
    positive: Side,
    /// By absolute value.
    negative: Side,
    /// Values that no bucket counts.
    elsewhere: u64,
    sum: Option<f64>,
}

impl Exponential {
    /// Reads a data point.
    pub fn read(point: ExponentialHistogramDataPoint) -> Result<Self, Reason> {
        let (positive, negative) = (Side::read(point.positive), Side::read(point.negative));
        let zero_threshold = finite(point.zero_threshold)?;
        if point.scale < *SCALES.start() || zero_threshold < 0.0 {
            return Err(Reason::Buckets);
        }
        let counted = total(&positive.counts).saturating_add(total(&negative.counts)).saturating_add(point.zero_count);
        let mut read = Self {
            scale: point.scale,
            zero_threshold,
            zero_count: point.zero_count,
            positive,
            negative,
            elsewhere: point.count.saturating_sub(counted),
            sum: point.sum.map(finite).transpose()?,
        };
        read.coarsen(i64::from(point.scale).saturating_sub(i64::from(*SCALES.end())).clamp(0, 63) as u32);
        read.scale = read.scale.min(*SCALES.end());
        // Indices beyond what numbers can be; it also bounds how far a side can reach.
        for side in [&read.positive, &read.negative].into_iter().filter(|side| !side.is_empty()) {
            if read.power(side.last()).is_infinite() || read.power(side.first + 1) == 0.0 {
                return Err(Reason::Buckets);
            }
        }
        read.fit(KEPT_BUCKETS);
        Ok(read)
    }

    /// Adds what another has counted, at the coarser of their scales or one that is coarser still.
    pub fn add(&mut self, mut other: Self) {
        let scale = self.scale.min(other.scale);
        self.reduce(scale);
        other.reduce(scale);
        let needed =
            |steps| self.positive.span_with(&other.positive, steps) + self.negative.span_with(&other.negative, steps);
        let steps = (0..63).find(|steps| needed(*steps) <= KEPT_BUCKETS).unwrap_or(63);
        self.reduce(scale - steps as i32);
        other.reduce(scale - steps as i32);
        self.positive.add(&other.positive);
        self.negative.add(&other.negative);
        self.zero_threshold = self.zero_threshold.max(other.zero_threshold);
        self.zero_count = self.zero_count.saturating_add(other.zero_count);
        self.elsewhere = self.elsewhere.saturating_add(other.elsewhere);
        self.sum = self.sum.zip(other.sum).map(|(sum, more)| sum + more);
    }

    /// As classic buckets, at most [`SHOWN_BUCKETS`] and the edges of the ranges: merging neighbours doubles their width.
    /// Values that span a factor of 1,000 are told apart to 9 %, of a factor of a million to 17 %.
    pub fn classic(&self) -> Classic {
        let mut shown = self.clone();
        shown.fit(SHOWN_BUCKETS);
        let mut bounds: Vec<(f64, u64)> = Vec::with_capacity(SHOWN_BUCKETS + 3);
        if !shown.negative.is_empty() {
            bounds.push((-shown.power(shown.negative.last() + 1), 0));
            bounds.extend((shown.negative.first..).zip(&shown.negative.counts).map(|(i, of)| (-shown.power(i), *of)));
        }
        if shown.zero_count > 0 || !shown.negative.is_empty() {
            bounds.push((shown.zero_threshold, shown.zero_count));
        }
        if !shown.positive.is_empty() {
            // Where the first bucket begins: else it would seem to begin at zero.
            bounds.push((shown.power(shown.positive.first), 0));
            bounds
                .extend((shown.positive.first..).zip(&shown.positive.counts).map(|(i, of)| (shown.power(i + 1), *of)));
        }
        let count = bounds.iter().fold(shown.elsewhere, |sum, (_, of)| sum.saturating_add(*of));
        bounds.retain(|(bound, _)| bound.is_finite());
        bounds.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut buckets: Vec<(f64, u64)> = Vec::with_capacity(bounds.len());
        let mut cumulated: u64 = 0;
        for (bound, of) in bounds {
            // Adding zero makes one zero of both.
            let bound = bound + 0.0;
            cumulated = cumulated.saturating_add(of);
            match buckets.last_mut() {
                Some(last) if last.0.total_cmp(&bound).is_eq() => last.1 = cumulated,
                _ => buckets.push((bound, cumulated)),
            }
        }
        Classic { buckets, count, sum: self.sum.filter(|_| self.negative.is_empty()) }
    }

    /// Numbers that it keeps.
    pub fn cells(&self) -> usize {
        self.positive.counts.len() + self.negative.counts.len() + 8
    }

    /// Whether its sum is a number that can be kept.
    pub fn is_sound(&self) -> bool {
        self.sum.is_none_or(|sum| finite(sum).is_ok())
    }

    /// `base^index`. The exponent is exact, so the same bound is the same number at every scale that has it.
    fn power(&self, index: i64) -> f64 {
        (index as f64 * 2_f64.powi(-self.scale)).exp2()
    }

    fn reduce(&mut self, scale: i32) {
        self.coarsen((self.scale - scale).max(0).unsigned_abs());
        self.scale = self.scale.min(scale);
    }

    fn coarsen(&mut self, steps: u32) {
        self.positive.coarsen(steps);
        self.negative.coarsen(steps);
    }

    /// Merges neighbours until there are at most so many buckets.
    fn fit(&mut self, buckets: usize) {
        while self.positive.counts.len() + self.negative.counts.len() > buckets {
            self.reduce(self.scale - 1);
        }
    }
}

fn total(counts: &[u64]) -> u64 {
    counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
}

fn add_counts(to: &mut [u64], from: &[u64]) {
    for (sum, more) in to.iter_mut().zip(from) {
        *sum = sum.saturating_add(*more);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point(scale: i32, offset: i32, counts: &[u64]) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            count: counts.iter().sum(),
            scale,
            positive: Some(Buckets { offset, bucket_counts: counts.to_vec() }),
            ..ExponentialHistogramDataPoint::default()
        }
    }

    fn of_values(scale: i32, values: &[f64]) -> Exponential {
        let index = |value: f64| (value.abs().log2() * 2_f64.powi(scale)).ceil() as i32 - 1;
        let mut all: Option<Exponential> = None;
        for value in values {
            let buckets = Some(Buckets { offset: index(*value), bucket_counts: vec![1] });
            let (positive, negative) = if *value > 0.0 { (buckets, None) } else { (None, buckets) };
            let point = ExponentialHistogramDataPoint { count: 1, scale, positive, negative, ..point(scale, 0, &[]) };
            let one = Exponential::read(point).unwrap();
            match &mut all {
                Some(all) => all.add(one),
                None => all = Some(one),
            }
        }
        all.unwrap()
    }

    #[test]
    fn an_exponential_histogram_is_shown_with_its_bounds() {
        // Base 2: (1, 2], (2, 4], (4, 8].
        let classic = Exponential::read(point(0, 0, &[3, 0, 5])).unwrap().classic();
        assert_eq!(classic.buckets, [(1.0, 0), (2.0, 3), (4.0, 3), (8.0, 8)]);
        assert_eq!(classic.count, 8);
        // Base 4, below 1: (1/16, 1/4], (1/4, 1].
        let classic = Exponential::read(point(-1, -2, &[1, 2])).unwrap().classic();
        assert_eq!(classic.buckets, [(0.0625, 0), (0.25, 1), (1.0, 3)]);
    }

    #[test]
    fn all_three_ranges_are_shown_in_order() {
        let point = ExponentialHistogramDataPoint {
            count: 13,
            sum: Some(-3.0),
            zero_count: 4,
            zero_threshold: 0.5,
            negative: Some(Buckets { offset: 0, bucket_counts: vec![1, 2] }),
            ..point(0, 1, &[6])
        };
        let classic = Exponential::read(point).unwrap().classic();
        let expected = [(-4.0, 0), (-2.0, 2), (-1.0, 3), (0.5, 7), (2.0, 7), (4.0, 13)];
        assert_eq!((classic.buckets.as_slice(), classic.count), (expected.as_slice(), 13));
        assert_eq!(classic.sum, None, "a sum with negative values is no counter");
    }

    #[test]
    fn many_buckets_are_merged_to_a_coarser_scale_whose_bounds_are_among_the_finer_ones() {
        let fine = Exponential::read(point(3, -40, &[1; 150])).unwrap();
        let classic = fine.classic();
        assert!(classic.buckets.len() <= SHOWN_BUCKETS + 3, "{}", classic.buckets.len());
        assert_eq!(classic.count, 150);
        for (bound, below) in classic.buckets {
            let at_or_below = (-40_i32..110).filter(|index| fine.power(i64::from(*index) + 1) <= bound).count();
            assert_eq!(below, at_or_below as u64, "{bound}");
        }
    }

    #[test]
    fn histograms_of_different_scales_are_added_at_the_coarser_one() {
        let mut sum = Exponential::read(point(1, 0, &[1, 1, 1, 1])).unwrap();
        sum.add(Exponential::read(point(0, 1, &[10])).unwrap());
        assert_eq!(sum.classic().buckets, [(1.0, 0), (2.0, 2), (4.0, 14)]);
        let apart = of_values(20, &[1e-300, 1e300, -5.0]);
        assert!(apart.cells() < KEPT_BUCKETS + 9);
        assert_eq!(apart.classic().count, 3);
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        for bad in [point(-12, 0, &[1]), point(0, i32::MAX, &[1]), point(0, i32::MIN, &[1])] {
            assert_eq!(Exponential::read(bad), Err(Reason::Buckets));
        }
        let nan = ExponentialHistogramDataPoint { zero_threshold: f64::NAN, ..point(0, 0, &[1]) };
        assert_eq!(Exponential::read(nan), Err(Reason::NotFinite));
        let explicit = |bounds: &[f64], counts: &[u64]| {
            let (explicit_bounds, bucket_counts) = (bounds.to_vec(), counts.to_vec());
            Explicit::read(HistogramDataPoint { explicit_bounds, bucket_counts, ..HistogramDataPoint::default() })
        };
        for bad in [
            explicit(&[1.0], &[1]),
            explicit(&[2.0, 1.0], &[1, 1, 1]),
            explicit(&[1.0, 1.0], &[1, 1, 1]),
            explicit(&[f64::NAN], &[1, 1]),
            explicit(&[1.0, f64::INFINITY], &[1, 1, 1]),
        ] {
            assert_eq!(bad, Err(Reason::Buckets));
        }
        let many: Vec<f64> = (0..600).map(f64::from).collect();
        assert_eq!(explicit(&many, &[1; 601]), Err(Reason::TooManyBuckets));
    }

    proptest! {
        #[test]
        fn every_value_is_counted_within_the_bounds_of_its_bucket(
            values in prop::collection::vec(prop_oneof![1e-9..1e9_f64, -1e9..-1e-9_f64], 1..80),
            scale in -2..20_i32,
        ) {
            let classic = of_values(scale, &values).classic();
            prop_assert_eq!(classic.count, values.len() as u64);
            prop_assert!(classic.buckets.len() <= SHOWN_BUCKETS + 3);
            for (bound, below) in classic.buckets {
                // A value that lies on a bound may be on either side of it: numbers are rounded.
                let surely = values.iter().filter(|value| **value < bound - bound.abs() * 1e-9).count();
                let perhaps = values.iter().filter(|value| **value <= bound + bound.abs() * 1e-9).count();
                prop_assert!((surely..=perhaps).contains(&(below as usize)), "{bound}: {below} of {surely}..={perhaps}");
            }
        }

        #[test]
        fn any_histogram_is_read_or_refused(
            scale in any::<i32>(),
            offset in any::<i32>(),
            below in any::<i32>(),
            zero_count in any::<u64>(),
            count in any::<u64>(),
            counts in prop::collection::vec(any::<u64>(), 0..200),
            zero_threshold in any::<f64>(),
            sum in any::<Option<f64>>(),
        ) {
            let negative = Some(Buckets { offset: below, bucket_counts: counts.iter().rev().copied().collect() });
            let mut point = point(scale, offset, &[]);
            point.positive = Some(Buckets { offset, bucket_counts: counts });
            let point = ExponentialHistogramDataPoint { negative, zero_count, count, zero_threshold, sum, ..point };
            if let Ok(mut read) = Exponential::read(point) {
                read.add(read.clone());
                let classic = read.classic();
                prop_assert!(classic.buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
                prop_assert!(classic.buckets.len() <= SHOWN_BUCKETS + 3);
            }
        }
    }
}
