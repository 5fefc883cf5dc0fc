//! Mergeable quantile sketches: `DDSketch` with 1 % relative error
//! (Masson et al., VLDB 2019, <https://arxiv.org/abs/1908.10693>).

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use sketches_ddsketch::{Config, DDSketch};

use super::{StoreError, StoreResult};

/// Durations in milliseconds, summarised so that percentiles of any union can be told.
#[derive(Clone, Serialize, Deserialize)]
pub struct Sketch(DDSketch);

/// Durations below a microsecond count as zero.
const SMALLEST_MS: f64 = 0.001;
/// At 1 % error this covers a microsecond to several days.
const MAX_BINS: u32 = 2048;

impl Default for Sketch {
    fn default() -> Self {
        Self(DDSketch::new(configuration()))
    }
}

impl Sketch {
    /// Adds one duration.
    pub fn add(&mut self, duration_ms: f64) {
        self.0.add(duration_ms);
    }

    /// Adds all of another sketch.
    pub fn merge(&mut self, other: &Self) {
        // Both were made with the same configuration, the only thing that can differ.
        let _same_configuration = self.0.merge(&other.0);
    }

    /// The duration below which the share `q` (0 to 1) lies; none when empty.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.0.quantile(q).ok().flatten()
    }

    /// How many durations lie below each of the limits, which ascend.
    pub fn counts_below(&self, limits: &[f64]) -> Vec<u64> {
        let count = self.count();
        let of_rank = |rank: u64| self.quantile(rank as f64 / (count - 1).max(1) as f64).unwrap_or(f64::INFINITY);
        let mut below = 0;
        let below_limit = |limit: &f64| {
            // Where the durations, in their order, reach the limit; not before they reached the limit before.
            let mut end = count;
            while below < end {
                let middle = u64::midpoint(below, end);
                if of_rank(middle) < *limit { below = middle + 1 } else { end = middle }
            }
            below
        };
        limits.iter().map(below_limit).collect()
    }

    /// Sum of all durations.
    pub fn sum(&self) -> f64 {
        self.0.sum().unwrap_or(0.0)
    }

    /// How many durations.
    pub fn count(&self) -> u64 {
        self.0.count() as u64
    }

    /// The stored form: the bins as postcard writes them, without the configuration, which is always the same, and
    /// with runs of zeros told by their length: few durations leave most bins empty.
    pub fn to_bytes(&self) -> StoreResult<Vec<u8>> {
        let whole = serialised(self)?;
        let configuration = &*CONFIGURATION;
        let Some(rest) = whole.strip_prefix(configuration.as_slice()) else {
            return Err(StoreError::Damaged("a sketch of another configuration".into()));
        };
        let mut out = vec![VERSION];
        let mut left = rest;
        while let Some((&byte, after)) = left.split_first() {
            out.push(byte);
            left = after;
            if byte == 0 {
                let run = left.iter().take(usize::from(u8::MAX)).take_while(|byte| **byte == 0).count();
                out.push(run as u8);
                left = &left[run..];
            }
        }
        Ok(out)
    }

    /// From the stored form.
    pub fn from_bytes(bytes: &[u8]) -> StoreResult<Self> {
        let damaged = |what: &dyn std::fmt::Display| StoreError::Damaged(format!("a sketch: {what}"));
        let Some((&VERSION, rest)) = bytes.split_first() else {
            // As it was written before there were versions; its first byte is another.
            return postcard::from_bytes(bytes).map_err(|error| damaged(&error));
        };
        let mut whole = CONFIGURATION.clone();
        let mut left = rest.iter();
        while let Some(&byte) = left.next() {
            whole.push(byte);
            if byte == 0 {
                let run = left.next().ok_or_else(|| damaged(&"a run of zeros has no length"))?;
                whole.resize(whole.len() + usize::from(*run), 0);
            }
            if whole.len() > LONGEST {
                return Err(damaged(&"it is too long"));
            }
        }
        postcard::from_bytes(&whole).map_err(|error| damaged(&error))
    }
}

/// The first byte of the stored form.
const VERSION: u8 = 1;
/// Bytes of a sketch with all its bins, each as long as can be.
const LONGEST: usize = 2 * 10 * (MAX_BINS as usize + 128) + 256;

/// How each sketch begins when it is serialised as it is.
static CONFIGURATION: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let whole = serialised(&Sketch::default()).unwrap_or_default();
    let length = postcard::to_stdvec(&configuration()).unwrap_or_default().len();
    whole[..length.min(whole.len())].to_vec()
});

fn serialised(sketch: &Sketch) -> StoreResult<Vec<u8>> {
    postcard::to_stdvec(sketch).map_err(|error| StoreError::Damaged(error.to_string()))
}

fn configuration() -> Config {
    Config::new(0.01, MAX_BINS, SMALLEST_MS)
}

impl std::fmt::Debug for Sketch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sketch").field("count", &self.count()).field("sum", &self.sum()).finish()
    }
}

impl PartialEq for Sketch {
    /// Equal when count, sum and the usual percentiles are.
    fn eq(&self, other: &Self) -> bool {
        self.count() == other.count() && [0.5, 0.95, 0.99].iter().all(|q| self.quantile(*q) == other.quantile(*q))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> Sketch {
        let mut sketch = Sketch::default();
        for value in values {
            sketch.add(*value);
        }
        sketch
    }

    proptest! {
        #[test]
        fn percentiles_are_within_one_percent_and_merging_loses_nothing(
            mut values in proptest::collection::vec(0.01f64..100_000.0, 1..300), split in 0usize..300,
        ) {
            let split = split.min(values.len());
            let mut merged = of(&values[..split]);
            merged.merge(&of(&values[split..]));
            let stored = Sketch::from_bytes(&merged.to_bytes().unwrap()).unwrap();
            prop_assert_eq!(&stored, &of(&values));

            values.sort_by(f64::total_cmp);
            for q in [0.5, 0.95, 0.99] {
                let exact = values[((values.len() - 1) as f64 * q) as usize];
                let told = stored.quantile(q).unwrap();
                prop_assert!((told - exact).abs() <= exact * 0.011, "{q}: {told} instead of {exact}");
            }
        }
    }

    #[test]
    fn durations_are_counted_between_limits() {
        let sketch = of(&[1.0, 2.0, 2.1, 40.0, 900.0]);
        assert_eq!(sketch.counts_below(&[0.5, 1.5, 30.0, 50.0, 1000.0]), [0, 1, 3, 4, 5]);
        assert_eq!(of(&[7.0]).counts_below(&[5.0, 10.0]), [0, 1]);
        assert_eq!(Sketch::default().counts_below(&[5.0]), [0]);
    }

    #[test]
    fn an_empty_sketch_has_no_percentile_and_damage_is_an_error() {
        assert_eq!(Sketch::default().quantile(0.5), None);
        for damage in [&[][..], &[1, 2, 3], &[1, 0], &[9, 9], &[1, 0, 255].repeat(40_000)] {
            assert!(Sketch::from_bytes(damage).is_err(), "{:?}", &damage[..damage.len().min(4)]);
        }
    }

    #[test]
    fn a_few_durations_take_few_bytes_and_the_older_form_is_still_read() {
        let few = of(&[3.0, 80.0, 4000.0]);
        let stored = few.to_bytes().unwrap();
        assert!(stored.len() < 70, "{} bytes", stored.len());
        let older = postcard::to_stdvec(&few).unwrap();
        assert_ne!(older[0], VERSION);
        assert_eq!(Sketch::from_bytes(&older).unwrap(), few);
    }
}
