//! Roll-ups: what is left of a series' samples of five minutes or an hour.

use super::{Samples, samples::is_stale};

/// How fine stored figures are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resolution {
    /// Every sample.
    Raw,
    /// Roll-ups of five minutes.
    FiveMinutes,
    /// Roll-ups of an hour.
    Hour,
}

impl Resolution {
    /// All roll-ups.
    pub const ROLLED_UP: [Self; 2] = [Self::FiveMinutes, Self::Hour];

    /// How long a bucket is, in milliseconds; one for samples themselves.
    pub fn millis(self) -> i64 {
        match self {
            Self::Raw => 1,
            Self::FiveMinutes => 300_000,
            Self::Hour => 3_600_000,
        }
    }
}

/// What is left of the samples in the time after `end - length` and up to `end`, which is among them, as PromQL cuts
/// ranges. It answers what the samples would for every range made of whole buckets: instants, rates and increases with
/// counters that began anew, and everything over time that needs no single sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Where it ends, in milliseconds: a multiple of its length.
    pub end: i64,
    /// How many samples, without those that end the series; none when there was nothing but an end.
    pub count: u64,
    /// When the first was, in milliseconds.
    pub first_time: i64,
    /// When the last was.
    pub last_time: i64,
    /// The first.
    pub first: f64,
    /// The last.
    pub last: f64,
    /// The least; NaN only when all are.
    pub min: f64,
    /// The greatest; NaN only when all are.
    pub max: f64,
    /// All together.
    pub sum: f64,
    /// What a counter lost between the first and the last as it began anew at zero: the values before those that are below
    /// them.
    pub lost: f64,
    /// Whether the series had ended when the bucket did.
    pub has_ended: bool,
}

impl Bucket {
    /// One that nothing is in yet.
    fn ending_at(end: i64) -> Self {
        let nan = f64::NAN;
        Self {
            end,
            count: 0,
            first_time: end,
            last_time: end,
            first: nan,
            last: nan,
            min: nan,
            max: nan,
            sum: 0.0,
            lost: 0.0,
            has_ended: false,
        }
    }

    /// Adds the next sample.
    fn add(&mut self, time: i64, value: f64) {
        self.has_ended = is_stale(value);
        if self.has_ended {
            return;
        }
        if self.count == 0 {
            (self.first_time, self.first) = (time, value);
        } else {
            self.lost += lost(self.last, value);
        }
        self.count += 1;
        (self.last_time, self.last) = (time, value);
        // `min` and `max` of floats pass a NaN over.
        (self.min, self.max) = (self.min.min(value), self.max.max(value));
        self.sum += value;
    }

    /// By how much a counter grew from the first to the last.
    pub fn increase(&self) -> f64 {
        self.last - self.first + self.lost
    }

    /// Adds what follows.
    pub fn join(&mut self, next: &Self) {
        if next.count > 0 {
            if self.count == 0 {
                (self.first_time, self.first) = (next.first_time, next.first);
                self.lost = next.lost;
            } else {
                self.lost += lost(self.last, next.first) + next.lost;
            }
            self.count += next.count;
            (self.last_time, self.last) = (next.last_time, next.last);
            (self.min, self.max) = (self.min.min(next.min), self.max.max(next.max));
            self.sum += next.sum;
        }
        self.has_ended = next.has_ended;
    }
}

/// What a counter lost from one sample to the next.
fn lost(from: f64, to: f64) -> f64 {
    if to < from { from } else { 0.0 }
}

/// The end of the bucket that a time is in.
pub fn bucket_end(time: i64, length: i64) -> i64 {
    -((-time).div_euclid(length)) * length
}

/// Sums samples up into buckets of this length in milliseconds, oldest first. Buckets without samples are left out.
pub fn roll_up(samples: &Samples, length: i64) -> Vec<Bucket> {
    let mut buckets: Vec<Bucket> = Vec::new();
    for (time, value) in samples.iter() {
        let end = bucket_end(time, length);
        match buckets.last_mut() {
            Some(bucket) if bucket.end == end => bucket.add(time, value),
            _ => {
                let mut bucket = Bucket::ending_at(end);
                bucket.add(time, value);
                buckets.push(bucket);
            }
        }
    }
    buckets
}

/// Joins buckets, oldest first, into longer ones of this length in milliseconds.
pub fn join(buckets: &[Bucket], length: i64) -> Vec<Bucket> {
    let mut longer: Vec<Bucket> = Vec::new();
    for bucket in buckets {
        let end = bucket_end(bucket.end, length);
        match longer.last_mut() {
            Some(last) if last.end == end => last.join(bucket),
            _ => {
                let mut first = Bucket::ending_at(end);
                first.join(bucket);
                longer.push(first);
            }
        }
    }
    longer
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::sample::samples::STALE;

    #[test]
    fn a_bucket_ends_with_the_sample_at_its_end() {
        assert_eq!([-1, 0, 1, 300, 301].map(|time| bucket_end(time, 300)), [0, 0, 300, 300, 600]);
        let samples: Samples = [(300, 1.0), (301, 2.0), (600, 7.0)].into_iter().collect();
        let ends =
            roll_up(&samples, 300).iter().map(|bucket| (bucket.end, bucket.count, bucket.last)).collect::<Vec<_>>();
        assert_eq!(ends, [(300, 1, 1.0), (600, 2, 7.0)]);
    }

    #[test]
    fn a_counter_that_begins_anew_has_grown_by_what_it_shows() {
        let samples: Samples = [(1, 10.0), (2, 15.0), (3, 2.0), (4, 5.0)].into_iter().collect();
        let bucket = roll_up(&samples, 300)[0];
        assert_eq!((bucket.increase(), bucket.lost, bucket.first, bucket.last), (10.0, 15.0, 10.0, 5.0));
    }

    #[test]
    fn an_end_is_no_value() {
        let samples: Samples = [(1, 4.0), (2, STALE), (301, STALE)].into_iter().collect();
        let buckets = roll_up(&samples, 300);
        assert_eq!((buckets[0].count, buckets[0].last, buckets[0].has_ended), (1, 4.0, true));
        assert_eq!((buckets[1].count, buckets[1].has_ended), (0, true));
    }

    #[test]
    fn a_nan_among_values_is_neither_least_nor_greatest() {
        let samples: Samples = [(1, f64::NAN), (2, 3.0), (3, f64::NAN)].into_iter().collect();
        let bucket = roll_up(&samples, 300)[0];
        assert_eq!((bucket.min, bucket.max, bucket.count), (3.0, 3.0, 3));
        assert!(bucket.sum.is_nan());
    }

    proptest! {
        #[test]
        fn joined_buckets_are_those_of_the_samples(
            all in prop::collection::btree_map(0_i64..5000, prop_oneof![9 => (0..50_i32).prop_map(f64::from), 1 => Just(STALE)], 0..200),
        ) {
            let samples: Samples = all.into_iter().collect();
            let told = |buckets: Vec<Bucket>| format!("{buckets:?}");
            prop_assert_eq!(told(join(&roll_up(&samples, 100), 1200)), told(roll_up(&samples, 1200)));
        }
    }
}
