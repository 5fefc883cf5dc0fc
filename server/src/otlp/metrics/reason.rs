//! Why a data point is not taken, and what is said about it.

use std::collections::BTreeMap;

/// Largest absolute value that is taken: sums over a day of such numbers are numbers still.
const MAX_VALUE: f64 = 1e300;
/// Longest name of a metric in a message, in characters.
const NAME_CHARS: usize = 100;

/// Why a data point is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Reason {
    /// Neither gauge nor sum nor histogram nor summary.
    #[error("of a kind that is not known: there are gauges, sums, histograms, exponential histograms and summaries")]
    Kind,
    /// Nothing is left of the name.
    #[error("of a metric whose name has no letter or digit of ASCII")]
    Name,
    /// There is no number in it.
    #[error("without a value")]
    NoValue,
    /// Not a number, infinite, or nearly.
    #[error("with a value that is not a number, or larger than 1e300")]
    NotFinite,
    /// Retention would remove it at once.
    #[error("older than samples are kept (`retention.samples_days`)")]
    TooOld,
    /// From the future.
    #[error("more than a day in the future")]
    Future,
    /// Neither delta nor cumulative.
    #[error("without aggregation temporality")]
    Temporality,
    /// A delta of a sum that may fall.
    #[error("a delta of a sum that is not monotonic: send it as cumulative")]
    DeltaNotMonotonic,
    /// A counter that falls.
    #[error("a delta of a monotonic sum that is negative")]
    Negative,
    /// A delta without a time cannot be told from one that is sent again.
    #[error("a delta without a time")]
    DeltaTime,
    /// Time goes on.
    #[error("a delta that is not newer than the one before it")]
    DeltaOrder,
    /// Too many sums to keep.
    #[error("a delta of a new stream, and too many are added up already: send them as cumulative")]
    DeltaRoom,
    /// Bounds, counts or scale make no sense.
    #[error("a histogram whose buckets do not fit their bounds")]
    Buckets,
    /// Each is a series.
    #[error("with more than 512 buckets or quantiles")]
    TooManyBuckets,
    /// More than the store can find again.
    #[error("with name and labels of more than 2500 bytes")]
    Labels,
}

/// The value, if it is one that can be stored.
pub fn finite(value: f64) -> Result<f64, Reason> {
    // False for what is not a number, too.
    if value.abs() <= MAX_VALUE { Ok(value) } else { Err(Reason::NotFinite) }
}

/// Data points that were not taken, by reason.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rejections(BTreeMap<Reason, (u64, String)>);

impl Rejections {
    /// Counts a data point of this metric.
    pub fn add(&mut self, reason: Reason, metric: &str) {
        let first = || (0, metric.chars().take(NAME_CHARS).collect());
        self.0.entry(reason).or_insert_with(first).0 += 1;
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.0.values().map(|(count, _)| count).sum()
    }

    /// For developers: how many for which reason, each with the first metric that it happened to.
    pub fn describe(&self) -> Option<String> {
        let reasons: Vec<String> = self
            .0
            .iter()
            .map(|(reason, (count, first))| match count {
                1 => format!("1 {reason} (`{first}`)"),
                _ => format!("{count} {reason} (`{first}` and maybe others)"),
            })
            .collect();
        (!reasons.is_empty()).then(|| format!("{} data points were rejected: {}", self.total(), reasons.join("; ")))
    }
}
