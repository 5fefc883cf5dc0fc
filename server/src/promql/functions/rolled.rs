//! Functions of ranges on roll-ups.

use super::{
    range::{RangeCall, RangeFunction},
    rate::Growth,
};
use crate::{
    promql::{error::Error, grid::Window},
    store::sample::{Bucket, STALE, Samples},
};

impl RangeCall<'_> {
    /// Writes the value of each instant that has one from buckets of a length in milliseconds. It is exact for windows made
    /// of whole buckets; others are made longer until they are, and sums are scaled back.
    pub fn of_buckets(&self, buckets: &[Bucket], length: i64, out: &mut [f64]) -> Result<(), Error> {
        let ends: Vec<i64> = buckets.iter().map(|bucket| bucket.end).collect();
        self.windows.slide(&ends, length, self.interrupt, |window| {
            let mut all = buckets[window.samples.start];
            for next in &buckets[window.samples.start + 1..window.samples.end] {
                all.join(next);
            }
            if let Some(value) = self.of_bucket(&all, &window) {
                out[window.index] = value;
            }
        })
    }

    fn of_bucket(&self, all: &Bucket, window: &Window) -> Option<f64> {
        if all.count == 0 {
            return None;
        }
        let range = self.windows.range as f64;
        let share = range / (window.to - window.after) as f64;
        let grown = |by, is_counter| {
            let (first_time, last_time) = (all.first_time, all.last_time);
            let growth = Growth { first_time, last_time, first: all.first, by, count: all.count };
            growth.in_window(window.after, window.to, is_counter).map(|grown| grown * share)
        };
        match self.function {
            RangeFunction::Rate => grown(all.increase(), true).map(|grown| grown / (range / 1000.0)),
            RangeFunction::Increase => grown(all.increase(), true),
            RangeFunction::Delta => grown(all.last - all.first, false),
            RangeFunction::Sum => Some(all.sum * share),
            RangeFunction::Count => Some(all.count as f64 * share),
            RangeFunction::Avg => Some(all.sum / all.count as f64),
            RangeFunction::Min => Some(all.min),
            RangeFunction::Max => Some(all.max),
            RangeFunction::Present => Some(1.0),
            _ => Some(all.last),
        }
    }
}

/// What can be said of single samples: the first and the last of each bucket, and where the series ended.
pub fn samples_of(buckets: &[Bucket]) -> Samples {
    let mut samples = Samples::default();
    for bucket in buckets {
        if bucket.count > 0 {
            samples.push(bucket.first_time, bucket.first);
        }
        if bucket.count > 1 {
            samples.push(bucket.last_time, bucket.last);
        }
        if bucket.has_ended && samples.times.last().is_none_or(|last| *last < bucket.end) {
            samples.push(bucket.end, STALE);
        }
    }
    samples
}

/// The last value of each bucket, or when it was in seconds, or that the series had ended; at the bucket's end.
pub fn lasts_of(buckets: &[Bucket], wants_time: bool) -> Samples {
    let last = |bucket: &Bucket| match bucket {
        bucket if bucket.has_ended => STALE,
        bucket if wants_time => bucket.last_time as f64 / 1000.0,
        bucket => bucket.last,
    };
    buckets.iter().map(|bucket| (bucket.end, last(bucket))).collect()
}
