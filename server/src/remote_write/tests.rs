use proptest::prelude::*;

use super::{
    wire::{ExemplarV2, MetadataV2, MetricMetadata, TimeSeriesV2},
    *,
};
use crate::store::sample::STALE;

const NOW: i64 = 1_790_000_000_000;

fn terms() -> WriteTerms {
    WriteTerms {
        tenant: TenantId::DEFAULT,
        arrived: UnixNanos(NOW * 1_000_000),
        oldest: UnixNanos((NOW - 30 * 86_400_000) * 1_000_000),
        redactor: Redactor::default(),
        known: Arc::default(),
    }
}

fn label(name: &str, value: &str) -> Label {
    Label { name: name.to_owned(), value: value.to_owned() }
}

fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> TimeSeries {
    let labels = labels.iter().map(|(name, value)| label(name, value).encode_to_vec().into());
    let samples = samples.iter().map(|(timestamp, value)| Sample { value: *value, timestamp: *timestamp });
    TimeSeries { labels: labels.collect(), samples: samples.collect(), ..TimeSeries::default() }
}

fn request(series: &[TimeSeries]) -> WriteRequest {
    let timeseries = series.iter().map(|one| one.encode_to_vec().into()).collect();
    WriteRequest { timeseries, metadata: Vec::new() }
}

fn told(metrics: &NewMetrics) -> Vec<String> {
    let millis = |time: UnixNanos| time.0 / 1_000_000 - NOW;
    metrics.samples.iter().map(|one| format!("{} {} {}", one.series, millis(one.time), one.value)).collect()
}

#[test]
fn messages_are_told_apart_by_content_type() {
    assert_eq!(Version::of(""), Some(Version::One));
    assert_eq!(Version::of("application/x-protobuf"), Some(Version::One));
    assert_eq!(Version::of("application/x-protobuf;proto=prometheus.WriteRequest"), Some(Version::One));
    assert_eq!(Version::of("application/x-protobuf; proto=io.prometheus.write.v2.Request"), Some(Version::Two));
    assert_eq!(Version::of("application/x-protobuf;proto=other"), None);
    assert_eq!(Version::of("application/json"), None);
}

#[test]
fn what_can_be_stored_is_and_the_rest_is_counted() {
    let terms = terms();
    let mut request = request(&[
        series(&[("__name__", "up"), ("job", "a")], &[(NOW, 1.0), (NOW + 10, f64::INFINITY)]),
        series(&[("job", "a")], &[(NOW, 1.0), (NOW, 2.0)]),
        series(&[("__name__", "up"), ("job", "b")], &[(NOW - 31 * 86_400_000, 1.0), (NOW + 2 * 86_400_000, 1.0)]),
        series(&[("__name__", "up"), ("job", "c")], &[(NOW, STALE)]),
    ]);
    request.metadata = vec![MetricMetadata {
        kind: MetricType::Gauge as i32,
        family: "up".to_owned(),
        help: "x".repeat(HELP_BYTES + 5),
        unit: String::new(),
    }];
    for round in ["first", "again, when the series are known"] {
        let read = read(request.encode_to_vec().into(), Version::One, &terms).unwrap();
        assert_eq!(
            told(&read.metrics),
            [r#"up{job="a"} 0 1"#, r#"up{job="a"} 10 inf"#, r#"up{job="c"} 0 NaN"#],
            "{round}"
        );
        assert!(is_stale(read.metrics.samples[2].value), "the end of a series stays one");
        assert_eq!(read.written, Written { samples: 3, histograms: 0, exemplars: 0 });
        assert_eq!(read.refused, Some((4, SeriesError::NoName.to_string())));
        assert_eq!((read.metadata[0].kind.as_str(), read.metadata[0].help.len()), ("gauge", HELP_BYTES));
    }
}

#[test]
fn version_two_says_the_same_with_symbols() {
    let symbols =
        ["", "__name__", "d_bucket", "le", "0.5", "trace_id", "4bf92f3577b34da6a3ce929d0e0e4736", "How long."];
    let exemplars = vec![ExemplarV2 { labels_refs: vec![5, 6], value: 0.25, timestamp: NOW }];
    let one = TimeSeriesV2 {
        labels_refs: vec![1, 2, 3, 4],
        samples: vec![Sample { value: 3.0, timestamp: NOW }],
        exemplars,
        metadata: Some(MetadataV2 { kind: MetricType::Histogram as i32, help_ref: 7, unit_ref: 0 }),
        ..TimeSeriesV2::default()
    };
    let request = |one: &TimeSeriesV2| {
        let symbols = symbols.map(str::to_owned).to_vec();
        Bytes::from(Request { symbols, timeseries: vec![one.clone()] }.encode_to_vec())
    };
    let terms = terms();
    for _ in 0..2 {
        let found = read(request(&one), Version::Two, &terms).unwrap();
        assert_eq!(told(&found.metrics), [r#"d_bucket{le="0.5"} 0 3"#]);
        let trace = found.metrics.exemplars[0].exemplar.trace_id.map(|id| id.to_string());
        assert_eq!(trace.as_deref(), Some(symbols[6]));
        assert_eq!((found.metadata[0].name.as_str(), found.metadata[0].help.as_str()), ("d", "How long."));
        assert_eq!(found.written, Written { samples: 1, histograms: 0, exemplars: 1 });
    }
    for labels_refs in [vec![1, 2, 3], vec![1, 99]] {
        let bad = TimeSeriesV2 { labels_refs, ..one.clone() };
        assert!(matches!(read(request(&bad), Version::Two, &terms), Err(WireError::Message(_))));
    }
}

#[test]
fn native_histograms_become_classic_ones() {
    let histogram = Histogram {
        count: Some(wire::Count::Whole(1)),
        sum: 1.5,
        positive_spans: vec![wire::BucketSpan { offset: 1, length: 1 }],
        positive_deltas: vec![1],
        timestamp: NOW,
        ..Histogram::default()
    };
    let ended = Histogram { sum: STALE, ..histogram.clone() };
    let broken = Histogram { schema: 99, ..histogram.clone() };
    let one = TimeSeries { histograms: vec![histogram, ended, broken], ..series(&[("__name__", "d")], &[]) };
    let found = read(request(&[one]).encode_to_vec().into(), Version::One, &terms()).unwrap();
    assert_eq!(
        told(&found.metrics),
        [
            r#"d_bucket{le="1.0"} 0 0"#,
            r#"d_bucket{le="2.0"} 0 1"#,
            r#"d_bucket{le="+Inf"} 0 1"#,
            "d_sum 0 1.5",
            "d_count 0 1"
        ]
    );
    assert_eq!((found.written.histograms, found.refused.map(|(count, _)| count)), (2, Some(1)));
}

#[test]
fn what_would_unfold_to_too_much_is_refused() {
    let terms = terms();
    let too_much = |request: Result<ReadWrite, WireError>| assert!(matches!(request, Err(WireError::TooManyParts)));
    // Empty series of two bytes each.
    let empty = WriteRequest { timeseries: vec![Bytes::new(); 4_000_000], metadata: Vec::new() };
    too_much(read(empty.encode_to_vec().into(), Version::One, &terms));
    let empty = Request { symbols: Vec::new(), timeseries: vec![TimeSeriesV2::default(); 2_000_000] };
    too_much(read(empty.encode_to_vec().into(), Version::Two, &terms));
    // A few bytes that become dozens of series, with as many labels as there may be.
    let spans = [0, 40, 40, 40].map(|offset| wire::BucketSpan { offset, length: 20 }).to_vec();
    let histogram =
        Histogram { positive_spans: spans, positive_deltas: vec![1; 80], timestamp: NOW, ..Histogram::default() };
    let labels: Vec<(String, String)> = (0..100).map(|n| (format!("label_{n}"), "x".repeat(100))).collect();
    let labels = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let labels: Vec<(&str, &str)> = labels.chain([("__name__", "d")]).collect();
    let one = TimeSeries { histograms: vec![histogram; 200], ..series(&labels, &[]) };
    too_much(read(request(&[one]).encode_to_vec().into(), Version::One, &terms));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let terms = terms();
        let _either = read(bytes.clone().into(), Version::One, &terms);
        let _either = read(bytes.into(), Version::Two, &terms);
    }
}
