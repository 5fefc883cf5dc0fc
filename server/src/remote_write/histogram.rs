//! Native histograms as classic ones: the same series that an exponential histogram of OTLP becomes.

use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogramDataPoint, HistogramDataPoint, exponential_histogram_data_point::Buckets,
};

use super::wire::{BucketSpan, Count, Histogram, ZeroCount};
use crate::otlp::metrics::{Part, explicit_parts, exponential_parts};

/// Buckets between the first and the last that are looked at: more than any scale with a meaning has.
const MOST_BUCKETS: usize = 16_384;
/// The schema of histograms with bounds of their own.
const CUSTOM: i32 = -53;

/// The series of a histogram: what their names and labels have besides those of the histogram, and their values. None if
/// the histogram makes no sense.
pub fn parts(histogram: &Histogram) -> Option<Vec<Part>> {
    let count = match histogram.count {
        Some(Count::Whole(count)) => count,
        Some(Count::Float(count)) => whole(count)?,
        None => 0,
    };
    let positive = side(&histogram.positive_spans, &histogram.positive_deltas, &histogram.positive_counts)?;
    if histogram.schema == CUSTOM {
        return custom(histogram, count, positive);
    }
    if !(-4..=8).contains(&histogram.schema) {
        return None;
    }
    let zero_count = match histogram.zero_count {
        Some(ZeroCount::Whole(count)) => count,
        Some(ZeroCount::Float(count)) => whole(count)?,
        None => 0,
    };
    let negative = side(&histogram.negative_spans, &histogram.negative_deltas, &histogram.negative_counts)?;
    // Bucket `i` ends at base^i here, and begins there in OTLP.
    let buckets = |(first, counts): (i64, Vec<u64>)| {
        Some(Buckets { offset: i32::try_from(first - 1).ok()?, bucket_counts: counts })
    };
    let point = ExponentialHistogramDataPoint {
        count,
        sum: Some(histogram.sum),
        scale: histogram.schema,
        zero_count,
        zero_threshold: histogram.zero_threshold,
        positive: Some(buckets(positive)?),
        negative: Some(buckets(negative)?),
        ..ExponentialHistogramDataPoint::default()
    };
    exponential_parts(point)
}

fn custom(histogram: &Histogram, count: u64, (first, counts): (i64, Vec<u64>)) -> Option<Vec<Part>> {
    let bounds = histogram.custom_values.clone();
    let mut bucket_counts = vec![0_u64; bounds.len() + 1];
    for (at, count) in (first..).zip(counts) {
        *bucket_counts.get_mut(usize::try_from(at).ok()?)? = count;
    }
    let point = HistogramDataPoint {
        count,
        sum: Some(histogram.sum),
        bucket_counts,
        explicit_bounds: bounds,
        ..HistogramDataPoint::default()
    };
    explicit_parts(point)
}

/// Counts of buckets from the first one on.
fn side(spans: &[BucketSpan], deltas: &[i64], counts: &[f64]) -> Option<(i64, Vec<u64>)> {
    let mut last = 0_i64;
    let from_deltas = deltas.iter().map(|delta| {
        last = last.checked_add(*delta)?;
        u64::try_from(last).ok()
    });
    let known: Vec<u64> = from_deltas.chain(counts.iter().map(|count| whole(*count))).collect::<Option<_>>()?;
    let mut known = known.into_iter();
    let first = i64::from(spans.first().map_or(0, |span| span.offset));
    let mut dense = Vec::new();
    for (at, span) in spans.iter().enumerate() {
        let gap = if at == 0 { 0 } else { usize::try_from(span.offset).ok()? };
        if dense.len() + gap + span.length as usize > MOST_BUCKETS {
            return None;
        }
        dense.resize(dense.len() + gap, 0);
        for _ in 0..span.length {
            dense.push(known.next()?);
        }
    }
    known.next().is_none().then_some((first, dense))
}

fn whole(count: f64) -> Option<u64> {
    (0.0..1e18).contains(&count).then_some(count.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(histogram: &Histogram) -> Vec<String> {
        let parts = parts(histogram).unwrap();
        let label = |label: Option<(&str, String)>| label.map(|(_, value)| value).unwrap_or_default();
        parts.into_iter().map(|(suffix, le, value)| format!("{suffix} {} {value}", label(le))).collect()
    }

    #[test]
    fn buckets_end_where_theirs_end() {
        // (1, 2] has 3, (2, 4] has 1, (8, 16] has 2.
        let histogram = Histogram {
            count: Some(Count::Whole(7)),
            sum: 40.0,
            zero_threshold: 0.001,
            zero_count: Some(ZeroCount::Whole(1)),
            positive_spans: vec![BucketSpan { offset: 1, length: 2 }, BucketSpan { offset: 1, length: 1 }],
            positive_deltas: vec![3, -2, 1],
            ..Histogram::default()
        };
        assert_eq!(
            told(&histogram),
            [
                "_bucket 0.001 1",
                "_bucket 1.0 1",
                "_bucket 2.0 4",
                "_bucket 4.0 5",
                "_bucket 8.0 5",
                "_bucket 16.0 7",
                "_bucket +Inf 7",
                "_sum  40",
                "_count  7"
            ]
        );
    }

    #[test]
    fn bounds_of_its_own_are_kept() {
        let histogram = Histogram {
            count: Some(Count::Whole(6)),
            sum: 3.0,
            schema: CUSTOM,
            positive_spans: vec![BucketSpan { offset: 0, length: 3 }],
            positive_deltas: vec![1, 1, 1],
            custom_values: vec![0.5, 1.0],
            ..Histogram::default()
        };
        assert_eq!(told(&histogram), ["_bucket 0.5 1", "_bucket 1.0 3", "_bucket +Inf 6", "_sum  3", "_count  6"]);
    }

    #[test]
    fn nonsense_is_refused() {
        let spans = |offset, length| vec![BucketSpan { offset, length }];
        for histogram in [
            Histogram { schema: 9, ..Histogram::default() },
            Histogram { positive_spans: spans(0, u32::MAX), ..Histogram::default() },
            Histogram { positive_spans: spans(0, 1), ..Histogram::default() },
            Histogram { positive_spans: spans(0, 1), positive_deltas: vec![-1], ..Histogram::default() },
            Histogram { positive_spans: spans(i32::MIN, 1), positive_deltas: vec![1], ..Histogram::default() },
            Histogram { positive_deltas: vec![i64::MAX, 1], ..Histogram::default() },
            Histogram { schema: CUSTOM, positive_spans: spans(5, 1), positive_deltas: vec![1], ..Histogram::default() },
        ] {
            assert_eq!(parts(&histogram), None, "{histogram:?}");
        }
    }
}
