//! Samples of one series.

/// The bits of the value that says that a series has ended, as Prometheus has it. Any other NaN is a value.
const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The value that says that a series has ended.
pub const STALE: f64 = f64::from_bits(STALE_BITS);

/// Whether a value says that the series has ended.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_BITS
}

/// Samples of a series, oldest first, no two at the same time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Samples {
    /// When, in milliseconds since the Unix epoch.
    pub times: Vec<i64>,
    /// What, as many.
    pub values: Vec<f64>,
}

impl Samples {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// All of them: when and what.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i64, f64)> + ExactSizeIterator + Clone {
        self.times.iter().copied().zip(self.values.iter().copied())
    }

    /// Adds one that is later than all others, or that [`Self::sort`] puts in its place.
    pub fn push(&mut self, time: i64, value: f64) {
        self.times.push(time);
        self.values.push(value);
    }

    /// Adds others of any time. Of two at the same time the one that was there first stays.
    pub fn merge(&mut self, other: &Self) {
        let follows = |last: &i64| other.times.first().is_none_or(|first| first > last);
        let is_sorted = self.times.last().is_none_or(follows);
        self.times.extend_from_slice(&other.times);
        self.values.extend_from_slice(&other.values);
        if !is_sorted {
            self.sort();
        }
    }

    /// Puts them in order; of those at the same time the first stays.
    pub fn sort(&mut self) {
        if self.times.is_sorted_by(|one, next| one < next) {
            return;
        }
        let mut order: Vec<usize> = (0..self.times.len()).collect();
        order.sort_by_key(|at| self.times[*at]);
        order.dedup_by_key(|at| self.times[*at]);
        self.values = order.iter().map(|at| self.values[*at]).collect();
        self.times = order.iter().map(|at| self.times[*at]).collect();
    }

    /// Leaves those after one time and up to another, which is among them.
    pub fn retain(&mut self, after: i64, to: i64) {
        let end = self.times.partition_point(|time| *time <= to);
        let begin = self.times.partition_point(|time| *time <= after).min(end);
        self.times.truncate(end);
        self.values.truncate(end);
        self.times.drain(..begin);
        self.values.drain(..begin);
    }
}

impl FromIterator<(i64, f64)> for Samples {
    fn from_iter<T: IntoIterator<Item = (i64, f64)>>(pairs: T) -> Self {
        let (times, values) = pairs.into_iter().unzip();
        Self { times, values }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn any_samples() -> impl Strategy<Value = Samples> {
        prop::collection::btree_map(0_i64..200, 0..9_i32, 0..40)
            .prop_map(|all| all.into_iter().map(|(time, value)| (time, f64::from(value))).collect())
    }

    proptest! {
        #[test]
        fn merging_keeps_what_was_there_first(one in any_samples(), other in any_samples()) {
            let mut merged = one.clone();
            merged.merge(&other);
            prop_assert!(merged.times.is_sorted_by(|one, next| one < next));
            for (time, value) in one.iter() {
                let at = merged.times.binary_search(&time).unwrap();
                prop_assert_eq!(merged.values[at].to_bits(), value.to_bits());
            }
            let both: BTreeSet<i64> = one.times.iter().chain(&other.times).copied().collect();
            prop_assert_eq!(merged.times.len(), both.len());
        }
    }

    #[test]
    fn a_range_is_left() {
        let mut samples: Samples = [(10, 1.0), (20, 2.0), (30, 3.0)].into_iter().collect();
        samples.retain(10, 20);
        assert_eq!((samples.times.as_slice(), samples.values.as_slice()), (&[20][..], &[2.0][..]));
        samples.retain(50, 40);
        assert!(samples.is_empty());
    }

    #[test]
    fn only_one_nan_ends_a_series() {
        assert!(is_stale(STALE) && STALE.is_nan());
        assert!(!is_stale(f64::NAN));
    }
}
