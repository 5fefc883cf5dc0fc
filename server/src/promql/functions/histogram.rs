//! Functions of classic histograms: counters with a label `le`, each of which counts what is not greater than that.

use foldhash::HashMap;

use super::Steps;
use crate::{
    promql::{
        error::Error,
        grid::Grid,
        operator::{BoxOperator, Operator, Row, Run, without_name},
    },
    store::sample::{Labels, is_stale},
};

/// The label that says how far a bucket goes.
const LE: &str = "le";
/// Counts that differ by a smaller share than this are the same: they were computed.
const TOLERANCE: f64 = 1e-12;

/// A function of classic histograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistogramFunction {
    /// `histogram_quantile`
    Quantile,
    /// `histogram_fraction`
    Fraction,
}

impl HistogramFunction {
    /// The function of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "histogram_quantile" => Some(Self::Quantile),
            "histogram_fraction" => Some(Self::Fraction),
            _ => None,
        }
    }
}

/// Yields what a function makes of histograms.
pub struct HistogramOperator<'p> {
    function: HistogramFunction,
    of: BoxOperator<'p>,
    numbers: Vec<Steps>,
    grid: Grid,
    histograms: Option<std::vec::IntoIter<Histogram>>,
}

/// The buckets of a histogram, each with how far it goes.
struct Histogram {
    labels: Labels,
    buckets: Vec<(f64, Vec<f64>)>,
}

/// How far a bucket goes, and how much was counted up to there.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    to: f64,
    count: f64,
}

impl<'p> HistogramOperator<'p> {
    /// A function with its numbers.
    pub fn new(function: HistogramFunction, of: BoxOperator<'p>, numbers: Vec<Steps>, grid: Grid) -> Self {
        Self { function, of, numbers, grid, histograms: None }
    }

    fn read(&mut self, run: &mut Run<'_>) -> Result<Vec<Histogram>, Error> {
        if let (HistogramFunction::Quantile, [quantile]) = (self.function, self.numbers.as_slice()) {
            run.check_quantiles(quantile);
        }
        let mut histograms: Vec<Histogram> = Vec::new();
        let mut places: HashMap<Labels, usize> = HashMap::default();
        while let Some(row) = self.of.next(run)? {
            let le = row.labels.get(LE);
            let Some(to) = parse_bound(le) else {
                let name = row.labels.name();
                run.warn(format!(
                    "bucket label \"le\" is missing or has a malformed value of {le:?} for metric name {name:?}"
                ));
                continue;
            };
            run.hold(row.values.len())?;
            // Histograms of different names are different histograms, though their results have no name.
            let labels = row.labels.only(|name| name != LE);
            let place = *places.entry(labels).or_insert_with_key(|labels| {
                histograms.push(Histogram { labels: labels.clone(), buckets: Vec::new() });
                histograms.len() - 1
            });
            histograms[place].buckets.push((to, row.values));
        }
        for histogram in &mut histograms {
            histogram.buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        }
        Ok(histograms)
    }

    fn evaluate(&self, histogram: &Histogram, run: &mut Run<'_>) -> Result<Vec<f64>, Error> {
        let mut out = run.blank(self.grid.count)?;
        let mut buckets: Vec<Bucket> = Vec::new();
        let mut was_mended = false;
        for (index, out) in out.iter_mut().enumerate() {
            run.interrupt.check_sometimes(index)?;
            buckets.clear();
            for (to, values) in &histogram.buckets {
                let count = values[index];
                match buckets.last_mut() {
                    _ if is_stale(count) => {}
                    Some(last) if last.to.total_cmp(to).is_eq() => last.count += count,
                    _ => buckets.push(Bucket { to: *to, count }),
                }
            }
            let number = |which: usize| self.numbers.get(which).map_or(f64::NAN, |steps| steps.at(index));
            if buckets.is_empty() {
                continue;
            }
            *out = match self.function {
                HistogramFunction::Quantile => quantile(number(0), &mut buckets, &mut was_mended),
                HistogramFunction::Fraction => fraction(number(0), number(1), &buckets),
            };
        }
        if was_mended {
            run.infos.insert(format!(
                "input to histogram_quantile needed to be fixed for monotonicity: {}",
                histogram.labels
            ));
        }
        Ok(out)
    }
}

impl Operator for HistogramOperator<'_> {
    fn next(&mut self, run: &mut Run<'_>) -> Result<Option<Row>, Error> {
        if self.histograms.is_none() {
            self.histograms = Some(self.read(run)?.into_iter());
        }
        let next = self.histograms.as_mut().and_then(Iterator::next);
        let Some(histogram) = next else { return Ok(None) };
        let values = self.evaluate(&histogram, run)?;
        run.release(histogram.buckets.len() * self.grid.count);
        Ok(Some(Row { labels: without_name(histogram.labels), values }))
    }
}

fn parse_bound(text: &str) -> Option<f64> {
    text.parse().ok().filter(|bound: &f64| !bound.is_nan())
}

/// The value that a share of what was counted does not exceed, taken to lie evenly within its bucket. The lowest bucket
/// begins at zero if it ends above; of the highest nothing is known but where it begins.
fn quantile(quantile: f64, buckets: &mut [Bucket], was_mended: &mut bool) -> f64 {
    if quantile.is_nan() {
        return f64::NAN;
    }
    if quantile < 0.0 {
        return f64::NEG_INFINITY;
    }
    if quantile > 1.0 {
        return f64::INFINITY;
    }
    let [.., second_last, last] = &*buckets else { return f64::NAN };
    if last.to != f64::INFINITY {
        return f64::NAN;
    }
    let highest_begin = second_last.to;
    *was_mended |= mend(buckets);
    let all = buckets.last().map_or(0.0, |last| last.count);
    if all == 0.0 || all.is_nan() {
        return f64::NAN;
    }
    let rank = quantile * all;
    let highest = buckets.len() - 1;
    let at = buckets[..highest].partition_point(|bucket| bucket.count < rank);
    let bucket = buckets[at];
    if at == highest {
        return highest_begin;
    }
    let Some(before) = at.checked_sub(1).map(|before| buckets[before]) else {
        return if bucket.to <= 0.0 { bucket.to } else { bucket.to * (rank / bucket.count) };
    };
    before.to + (bucket.to - before.to) * ((rank - before.count) / (bucket.count - before.count))
}

/// Makes counts grow from bucket to bucket, which they may not when they were not read at once, and says whether that was
/// needed for more than rounding.
fn mend(buckets: &mut [Bucket]) -> bool {
    let mut was_mended = false;
    let Some(mut highest) = buckets.first().map(|first| first.count) else { return false };
    for bucket in buckets.iter_mut().skip(1) {
        let is_rounding = (bucket.count - highest).abs() < TOLERANCE * (bucket.count.abs() + highest.abs());
        if is_rounding || bucket.count < highest {
            was_mended |= !is_rounding;
            bucket.count = highest;
        } else {
            highest = bucket.count;
        }
    }
    was_mended
}

/// The share of what was counted that lies between two values.
fn fraction(lower: f64, upper: f64, buckets: &[Bucket]) -> f64 {
    let Some(last) = buckets.last() else { return f64::NAN };
    if last.to != f64::INFINITY || last.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (count_up_to(upper, buckets) - count_up_to(lower, buckets)) / last.count
}

/// How much was counted up to a value, taken to lie evenly within buckets.
fn count_up_to(value: f64, buckets: &[Bucket]) -> f64 {
    let mut before = Bucket { to: f64::NEG_INFINITY, count: 0.0 };
    for (at, bucket) in buckets.iter().enumerate() {
        if at == 0 && bucket.to > 0.0 {
            before.to = 0.0;
        }
        if value < bucket.to {
            let width = bucket.to - before.to;
            // Buckets without an end hold nothing between two values.
            return if value <= before.to || bucket.to.is_infinite() {
                before.count
            } else if width.is_infinite() {
                bucket.count
            } else {
                before.count + (bucket.count - before.count) * ((value - before.to) / width)
            };
        }
        before = *bucket;
    }
    before.count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets() -> Vec<Bucket> {
        [(1.0, 2.0), (2.0, 6.0), (f64::INFINITY, 8.0)].map(|(to, count)| Bucket { to, count }).to_vec()
    }

    #[test]
    fn a_quantile_lies_within_its_bucket() {
        let of = |share| quantile(share, &mut buckets(), &mut false);
        for (share, expected) in [(0.0, 0.0), (0.125, 0.5), (0.5, 1.5), (0.9, 2.0)] {
            assert!((of(share) - expected).abs() < 1e-12);
        }
        assert!(of(1.1).is_infinite());
    }

    #[test]
    fn a_fraction_is_a_share_of_buckets() {
        let of = |lower, upper| fraction(lower, upper, &buckets());
        assert!((of(0.5, 1.5) - 3.0 / 8.0).abs() < 1e-12);
        assert!((of(f64::NEG_INFINITY, f64::INFINITY) - 1.0).abs() < 1e-12);
        assert!(of(2.0, 1.0).abs() < 1e-12);
    }
}
