use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, ArrayValue, InstrumentationScope, any_value::Value as Any},
    metrics::v1::{
        ExponentialHistogram, Gauge, Histogram, ScopeMetrics, Sum, Summary, exponential_histogram_data_point::Buckets,
        summary_data_point::ValueAtQuantile,
    },
    resource::v1::Resource,
};
use proptest::prelude::*;

use super::{labels::MAX_SERIES_BYTES, *};
use crate::{
    otlp::{Encoding, decode},
    store::sample::is_stale,
};

const ARRIVED: UnixNanos = UnixNanos(1_790_000_000_000_000_000);
/// What stands in the payloads: 10 s before they arrive.
const TIME: &str = "1789999990000000000";

fn terms() -> MetricTerms {
    MetricTerms {
        tenant: TenantId::DEFAULT,
        arrived: ARRIVED,
        oldest: UnixNanos(ARRIVED.0 - 30 * FUTURE_NANOS),
        redactor: Redactor::default(),
        deltas: Arc::default(),
        portion_bytes: 1 << 20,
    }
}

fn read_whole(request: ExportMetricsServiceRequest, terms: &MetricTerms) -> (NewMetrics, ReadMetrics) {
    let mut metrics = NewMetrics::default();
    let mut take = |portion: NewMetrics| {
        metrics.extend(portion);
        Ok(())
    };
    let read = read_metrics(request, terms, &mut take).unwrap();
    (metrics, read)
}

fn read_all(request: ExportMetricsServiceRequest, terms: &MetricTerms) -> (Vec<NewSample>, ReadMetrics) {
    let (metrics, read) = read_whole(request, terms);
    (metrics.samples, read)
}

/// Labels without the name.
fn others(series: &sample::Labels) -> Labels {
    let others = series.iter().filter(|(name, _)| *name != sample::NAME);
    others.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A sample in the text format of Prometheus, without its time.
fn line(sample: &NewSample) -> String {
    let labels = others(&sample.series).into_iter().map(|(name, value)| format!("{name}={value:?}"));
    format!("{}{{{}}} {}", sample.series.name(), labels.collect::<Vec<_>>().join(","), sample.value)
}

fn samples_with(terms: &MetricTerms, metrics: &str) -> (Vec<NewSample>, ReadMetrics) {
    let json = format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{metrics}]}}]}}]}}"#);
    read_all(decode(json.as_bytes(), Encoding::Json).unwrap(), terms)
}

fn lines_with(terms: &MetricTerms, metrics: &str) -> (Vec<String>, ReadMetrics) {
    let (samples, read) = samples_with(terms, metrics);
    (samples.iter().map(line).collect(), read)
}

/// What becomes of metrics of a resource without attributes; all of it must be taken.
fn lines(metrics: &str) -> Vec<String> {
    let (lines, read) = lines_with(&terms(), metrics);
    assert_eq!(read.message(), None);
    lines
}

/// Why metrics are refused; nothing of them must be taken.
fn refusal(metrics: &str) -> (u64, String) {
    let (lines, read) = lines_with(&terms(), metrics);
    assert_eq!(lines, Vec::<String>::new());
    (read.rejected(), read.message().unwrap())
}

fn number(name: &str, kind: &str, rest: &str, point: &str) -> String {
    format!(
        r#"{{"name":"{name}","{kind}":{{{rest}"dataPoints":[{{"timeUnixNano":"{TIME}",
            "startTimeUnixNano":"1789999980000000000",{point}}}]}}}}"#
    )
}

#[test]
fn a_resource_is_known_by_job_and_instance_and_described_by_target_info() {
    let json = format!(
        r#"{{"resourceMetrics":[{{"resource":{{"attributes":[
            {{"key":"service.name","value":{{"stringValue":"checkout"}}}},
            {{"key":"service.namespace","value":{{"stringValue":"shop"}}}},
            {{"key":"service.instance.id","value":{{"stringValue":"web-1"}}}},
            {{"key":"service.version","value":{{"stringValue":"2.1.0"}}}},
            {{"key":"process.pid","value":{{"intValue":"7"}}}}]}},
          "scopeMetrics":[{{"scope":{{"name":"orders","version":"1.0"}},"metrics":[
            {{"name":"queue.length","gauge":{{"dataPoints":[{{"timeUnixNano":"{TIME}","asInt":"5","attributes":[
              {{"key":"queue.name","value":{{"stringValue":"mail"}}}},{{"key":"job","value":{{"stringValue":"x"}}}}]}}]}}}}
          ]}}]}}]}}"#
    );
    let (samples, read) = read_all(decode(json.as_bytes(), Encoding::Json).unwrap(), &terms());
    assert_eq!(
        samples.iter().map(line).collect::<Vec<_>>(),
        [
            r#"queue_length{exported_job="x",instance="web-1",job="shop/checkout",otel_scope_name="orders",otel_scope_version="1.0",queue_name="mail"} 5"#,
            r#"target_info{instance="web-1",job="shop/checkout",process_pid="7",service_version="2.1.0"} 1"#,
        ]
    );
    assert!(samples.iter().all(|sample| sample.time.0.to_string() == TIME && sample.tenant == TenantId::DEFAULT));
    assert_eq!(read.message(), None);
}

/// Value, trace and labels of the exemplars that samples carry, after the sample's line.
fn exemplars(metrics: &str) -> Vec<(String, f64, String)> {
    let json = format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{metrics}]}}]}}]}}"#);
    let (metrics, read) = read_whole(decode(json.as_bytes(), Encoding::Json).unwrap(), &terms());
    assert_eq!(read.rejected(), 0);
    let of = |NewExemplar { series, exemplar, .. }: &NewExemplar| {
        let trace = exemplar.trace_id.map(|id| id.to_string()).unwrap_or_default();
        let span = exemplar.span_id.map(|id| id.to_string()).unwrap_or_default();
        let sample = metrics.samples.iter().find(|sample| sample.series == *series)?;
        Some((line(sample), exemplar.value, format!("{trace}/{span} {:?}", exemplar.labels)))
    };
    metrics.exemplars.iter().filter_map(of).collect()
}

#[test]
fn exemplars_go_to_the_bucket_in_which_they_lie_and_to_counters() {
    let exemplar = |value: &str, seconds: u32| {
        format!(
            r#"{{"timeUnixNano":"17899999{seconds}000000000","asDouble":{value},
                "traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174",
                "filteredAttributes":[{{"key":"user.tier","value":{{"stringValue":"gold"}}}},
                                      {{"key":"password","value":{{"stringValue":"hunter2"}}}}]}}"#
        )
    };
    let of_trace =
        r#"5b8efff798038103d269b633813fc60c/eee19b7ec3c1b174 {"password": "[redacted]", "user_tier": "gold"}"#
            .to_owned();
    let point = |exemplars: &[String]| {
        let exemplars = exemplars.join(",");
        let buckets = r#""count":"6","sum":9,"bucketCounts":["1","2","3"],"explicitBounds":[1,5]"#;
        number("d", "histogram", r#""aggregationTemporality":2,"#, &format!(r#"{buckets},"exemplars":[{exemplars}]"#))
    };
    // Of two in one bucket the newer; the bound belongs to its bucket; beyond all bounds is `+Inf`.
    let read = exemplars(&point(&[exemplar("4.5", 85), exemplar("5", 88), exemplar("2", 86), exemplar("700", 87)]));
    assert_eq!(
        read,
        [
            (r#"d_bucket{le="5.0"} 3"#.to_owned(), 5.0, of_trace.clone()),
            (r#"d_bucket{le="+Inf"} 6"#.to_owned(), 700.0, of_trace.clone()),
        ]
    );
    let counter = r#""aggregationTemporality":2,"isMonotonic":true,"#;
    let one = exemplars(&number("a", "sum", counter, &format!(r#""asInt":7,"exemplars":[{}]"#, exemplar("1", 85))));
    assert_eq!(one, [("a_total{} 7".to_owned(), 1.0, of_trace)]);
    // What cannot be kept is left out, and the sample is there all the same.
    let bare =
        r#""asInt":7,"exemplars":[{"asDouble":1e301},{"timeUnixNano":"1"},{"asInt":"3","spanId":"eee19b7ec3c1b174"}]"#;
    assert_eq!(exemplars(&number("a", "sum", counter, bare)), [("a_total{} 7".to_owned(), 3.0, "/ {}".to_owned())]);
}

#[test]
fn gauges_and_sums_become_gauges_and_counters() {
    assert_eq!(lines(&number("a", "gauge", "", r#""asDouble":1.5"#)), ["a{} 1.5"]);
    assert_eq!(lines(&number("a", "sum", r#""aggregationTemporality":2,"#, r#""asInt":"-3""#)), ["a{} -3"]);
    let counter = r#""aggregationTemporality":2,"isMonotonic":true,"#;
    assert_eq!(lines(&number("a", "sum", counter, r#""asInt":7"#)), ["a_total{} 7"]);
    let without_time = r#"{"name":"a","unit":"1","gauge":{"dataPoints":[{"asInt":"1"}]}}"#;
    let json = format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{without_time}]}}]}}]}}"#);
    let (samples, _) = read_all(decode(json.as_bytes(), Encoding::Json).unwrap(), &terms());
    assert_eq!((line(&samples[0]).as_str(), samples[0].time), ("a_ratio{} 1", ARRIVED));
}

#[test]
fn attributes_become_labels_without_secrets_and_two_of_one_name_are_joined() {
    let point = r#""asInt":"1","attributes":[
        {"key":"b.c","value":{"stringValue":"second"}},{"key":"b-c","value":{"stringValue":"first"}},
        {"key":"ok","value":{"boolValue":true}},{"key":"n","value":{"doubleValue":1.5}},
        {"key":"list","value":{"arrayValue":{"values":[{"stringValue":"x"},{"intValue":"2"}]}}},
        {"key":"empty","value":{"stringValue":""}},{"key":"db.password","value":{"stringValue":"hunter2"}},
        {"key":"gen_ai.token.type","value":{"stringValue":"input"}}]"#;
    assert_eq!(
        lines(&number("a", "gauge", "", point)),
        [
            r#"a{b_c="first;second",db_password="[redacted]",gen_ai_token_type="input",list="[\"x\",2]",n="1.5",ok="true"} 1"#
        ]
    );
}

#[test]
fn an_explicit_histogram_has_cumulative_buckets() {
    let point = r#""count":"6","sum":4.5,"bucketCounts":["1","2","0","3"],"explicitBounds":[0.005,1,10],
        "attributes":[{"key":"le","value":{"stringValue":"mine"}}]"#;
    let histogram = number("latency", "histogram", r#""aggregationTemporality":2,"#, point);
    let histogram = histogram.replacen('{', r#"{"unit":"s","#, 1);
    assert_eq!(
        lines(&histogram),
        [
            r#"latency_seconds_bucket{exported_le="mine",le="0.005"} 1"#,
            r#"latency_seconds_bucket{exported_le="mine",le="1.0"} 3"#,
            r#"latency_seconds_bucket{exported_le="mine",le="10.0"} 3"#,
            r#"latency_seconds_bucket{exported_le="mine",le="+Inf"} 6"#,
            r#"latency_seconds_sum{exported_le="mine"} 4.5"#,
            r#"latency_seconds_count{exported_le="mine"} 6"#,
        ]
    );
    let without = number("h", "histogram", r#""aggregationTemporality":2,"#, r#""count":"4","sum":2"#);
    assert_eq!(lines(&without), [r#"h_bucket{le="+Inf"} 4"#, "h_sum{} 2", "h_count{} 4"]);
    let negative = r#""count":"1","sum":-2,"bucketCounts":["1","0"],"explicitBounds":[-1]"#;
    let negative = number("h", "histogram", r#""aggregationTemporality":2,"#, negative);
    assert_eq!(lines(&negative), [r#"h_bucket{le="-1.0"} 1"#, r#"h_bucket{le="+Inf"} 1"#, "h_count{} 1"]);
}

#[test]
fn an_exponential_histogram_becomes_a_classic_one() {
    let point =
        r#""count":"9","sum":20,"scale":1,"zeroCount":"1","positive":{"offset":0,"bucketCounts":["3","0","5"]}"#;
    assert_eq!(
        lines(&number("h", "exponentialHistogram", r#""aggregationTemporality":2,"#, point)),
        [
            r#"h_bucket{le="0.0"} 1"#,
            r#"h_bucket{le="1.0"} 1"#,
            r#"h_bucket{le="1.4142135623730951"} 4"#,
            r#"h_bucket{le="2.0"} 4"#,
            r#"h_bucket{le="2.8284271247461903"} 9"#,
            r#"h_bucket{le="+Inf"} 9"#,
            "h_sum{} 20",
            "h_count{} 9",
        ]
    );
}

#[test]
fn a_summary_has_its_quantiles_and_none_for_those_without_a_value() {
    let point = r#""count":"3","sum":1.5,"quantileValues":[
        {"quantile":0.5,"value":0.4},{"quantile":0.99,"value":0.9},{"quantile":1,"value":"NaN"}]"#;
    assert_eq!(
        lines(&number("rpc", "summary", "", point)),
        ["rpc_sum{} 1.5", "rpc_count{} 3", r#"rpc{quantile="0.5"} 0.4"#, r#"rpc{quantile="0.99"} 0.9"#]
    );
}

#[test]
fn deltas_are_added_up() {
    let terms = terms();
    let counter = |time: u64, value: f64| {
        let point = format!(r#""asDouble":{value}"#);
        let rest = r#""aggregationTemporality":1,"isMonotonic":true,"#;
        number("a", "sum", rest, &point).replace(TIME, &(1_789_999_990_000_000_000 + time).to_string())
    };
    assert_eq!(lines_with(&terms, &counter(0, 5.0)).0, ["a_total{} 5"]);
    assert_eq!(lines_with(&terms, &counter(1, 2.5)).0, ["a_total{} 7.5"]);
    assert_eq!(lines_with(&terms, &counter(1, 2.5)).0, ["a_total{} 7.5"], "sent again");
    let (none, read) = lines_with(&terms, &counter(0, 1.0));
    assert_eq!((none.len(), read.rejected()), (0, 1));
    for (time, expected) in [(0, "2"), (1, "4")] {
        let point = r#""count":"2","bucketCounts":["1","1"],"explicitBounds":[1]"#;
        let histogram = number("h", "histogram", r#""aggregationTemporality":1,"#, point);
        let histogram = histogram.replace(TIME, &(1_789_999_990_000_000_000_u64 + time).to_string());
        let (lines, _) = lines_with(&terms, &histogram);
        assert_eq!(lines.last().unwrap(), &format!("h_count{{}} {expected}"));
        assert_eq!(lines[1], format!(r#"h_bucket{{le="+Inf"}} {expected}"#));
    }
}

#[test]
fn what_is_not_taken_is_counted_and_explained() {
    let bad = [
        (r#"{"name":"odd","wavelet":{"dataPoints":[]}}"#.to_owned(), "kind that is not known"),
        (number("…", "gauge", "", r#""asInt":"1""#), "name has no letter"),
        (number("a", "gauge", "", r#""flags":0"#), "without a value"),
        (
            number("a", "sum", r#""aggregationTemporality":1,"isMonotonic":true,"#, r#""asDouble":1e301"#),
            "not a number",
        ),
        (number("a", "gauge", "", r#""asInt":"1""#).replace(TIME, "1700000000000000000"), "samples_days"),
        (number("a", "gauge", "", r#""asInt":"1""#).replace(TIME, "18446744073709551615"), "future"),
        (number("a", "sum", "", r#""asInt":"1""#), "without aggregation temporality"),
        (number("a", "sum", r#""aggregationTemporality":1,"#, r#""asInt":"1""#), "not monotonic"),
        (number("a", "sum", r#""aggregationTemporality":1,"isMonotonic":true,"#, r#""asInt":"-1""#), "negative"),
        (
            number("a", "sum", r#""aggregationTemporality":1,"isMonotonic":true,"#, r#""asInt":"1""#)
                .replace(TIME, "0"),
            "without a time",
        ),
        (number("a", "histogram", r#""aggregationTemporality":2,"#, r#""bucketCounts":["1","2"]"#), "do not fit"),
        (number(&"a".repeat(3000), "gauge", "", r#""asInt":"1""#), "2500 bytes"),
    ];
    for (metric, expected) in bad {
        let (rejected, message) = refusal(&metric);
        assert!(rejected == 1 && message.contains(expected), "{rejected} {message}");
    }
}

#[test]
fn a_point_without_a_value_ends_its_series() {
    let ended = |kind: &str, rest: &str, more: &str| {
        let (samples, read) = samples_with(&terms(), &number("a", kind, rest, &format!(r#""flags":1{more}"#)));
        assert_eq!((read.rejected(), read.message()), (0, None));
        assert!(samples.iter().all(|sample| is_stale(sample.value)));
        samples.iter().map(|sample| line(sample).replace(" NaN", "")).collect::<Vec<_>>()
    };
    assert_eq!(ended("gauge", "", ""), ["a{}"]);
    let histogram = ended("histogram", r#""aggregationTemporality":2,"#, r#","explicitBounds":[0.5]"#);
    assert_eq!(histogram, [r#"a_bucket{le="0.5"}"#, r#"a_bucket{le="+Inf"}"#, "a_sum{}", "a_count{}"]);
    let exponential = ended("exponentialHistogram", r#""aggregationTemporality":2,"#, "");
    assert_eq!(exponential, [r#"a_bucket{le="+Inf"}"#, "a_sum{}", "a_count{}"]);
    let summary = ended("summary", "", r#","quantileValues":[{"quantile":0.5}]"#);
    assert_eq!(summary, [r#"a{quantile="0.5"}"#, "a_sum{}", "a_count{}"]);
}

#[test]
fn what_is_not_a_number_is_taken_as_it_is_but_in_deltas() {
    let read = |value: f64, data: fn(Vec<NumberDataPoint>) -> Data| {
        let time_unix_nano = ARRIVED.0 as u64;
        let point = NumberDataPoint { time_unix_nano, value: Some(Number::AsDouble(value)), ..Default::default() };
        let metrics = vec![Metric { name: "a".into(), data: Some(data(vec![point])), ..Default::default() }];
        let scope_metrics = vec![ScopeMetrics { metrics, ..Default::default() }];
        let resource_metrics = vec![ResourceMetrics { scope_metrics, ..Default::default() }];
        read_all(ExportMetricsServiceRequest { resource_metrics }, &terms())
    };
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let (samples, read_of_gauge) = read(value, |data_points| Data::Gauge(Gauge { data_points }));
        assert_eq!((samples[0].value.to_bits(), read_of_gauge.rejected()), (value.to_bits(), 0));
        let delta = |data_points| Data::Sum(Sum { data_points, aggregation_temporality: 1, is_monotonic: true });
        let (samples, read_of_delta) = read(value, delta);
        assert_eq!((samples.len(), read_of_delta.rejected()), (0, 1));
    }
}

#[test]
fn too_many_attributes_are_left_out_and_target_info_stays_small() {
    let many = |prefix: &str| {
        let attribute = |n| format!(r#"{{"key":"{prefix}{n:03}","value":{{"intValue":"{n}"}}}}"#);
        (0..200).map(attribute).collect::<Vec<_>>().join(",")
    };
    let json = format!(
        r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{},
            {{"key":"command","value":{{"stringValue":"{}"}}}},{{"key":"service.name","value":{{"stringValue":"z"}}}}]}},
            "scopeMetrics":[{{"metrics":[{{"name":"a","gauge":{{"dataPoints":[{{"asInt":"1","attributes":[{}]}}]}}}}]}}]}}]}}"#,
        many("r"),
        "x".repeat(5000),
        many("k"),
    );
    let (samples, read) = read_all(decode(json.as_bytes(), Encoding::Json).unwrap(), &terms());
    assert_eq!(samples[0].series.len(), 1 + 128 + 1);
    let info = &samples[1].series;
    assert_eq!((info.get("job"), info.get("command")), ("z", ""));
    assert!(fits("target_info", &others(info)));
    assert_eq!((read.rejected(), read.cut.attributes), (0, 73 + 72 + 1));
}

#[test]
fn samples_are_handed_on_in_portions_until_nobody_takes_them() {
    let points = vec![r#"{"asInt":"1"}"#; 1000].join(",");
    let json = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"a","gauge":{{"dataPoints":[{points}]}}}}]}}]}}]}}"#
    );
    let request: ExportMetricsServiceRequest = decode(json.as_bytes(), Encoding::Json).unwrap();
    let terms = MetricTerms { portion_bytes: 20_000, ..terms() };
    let (mut portions, mut samples) = (0, 0);
    let mut take = |portion: NewMetrics| {
        assert!(portion.size() < 21_000);
        (portions, samples) = (portions + 1, samples + portion.len());
        if portions == 3 { Err(Stopped) } else { Ok(()) }
    };
    assert_eq!(read_metrics(request.clone(), &terms, &mut take).unwrap_err(), Stopped);
    assert!(portions == 3 && samples < 1000);
    assert_eq!(read_all(request, &terms).0.len(), 1000);
}

fn any_attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let text = "\\PC{0,8}".prop_map(Any::StringValue);
    let value = prop_oneof![
        text.clone(),
        any::<f64>().prop_map(Any::DoubleValue),
        any::<i64>().prop_map(Any::IntValue),
        text.prop_map(|text| Any::ArrayValue(ArrayValue { values: vec![AnyValue { value: Some(text) }] })),
    ];
    let value = prop::option::of(value).prop_map(|value| Some(AnyValue { value }));
    let pair = ("(le|job|quantile|\\PC{0,6})", value);
    prop::collection::vec(pair.prop_map(|(key, value)| KeyValue { key, value, ..KeyValue::default() }), 0..5)
}

prop_compose! {
    fn any_metric()(
        kind in 0..6,
        name in "\\PC{0,12}",
        unit in "\\PC{0,5}",
        attributes in any_attributes(),
        flags in 0..3_u32,
        time_unix_nano in prop_oneof![Just(ARRIVED.0 as u64), Just(ARRIVED.0 as u64 - 5), any::<u64>()],
        start_time_unix_nano in any::<u64>(),
        float in any::<f64>(),
        value in prop::option::of(any::<i64>().prop_map(Number::AsInt)),
        count in any::<u64>(),
        sum in any::<Option<f64>>(),
        bucket_counts in prop::collection::vec(any::<u64>(), 0..6),
        explicit_bounds in prop::collection::vec(any::<f64>(), 0..6),
        scale in any::<i32>(),
        offset in any::<i32>(),
        aggregation_temporality in -1..4,
        is_monotonic in any::<bool>(),
    ) -> Metric {
        let buckets = |offset| Some(Buckets { offset, bucket_counts: bucket_counts.clone() });
        let number = NumberDataPoint {
            attributes: attributes.clone(),
            flags,
            time_unix_nano,
            start_time_unix_nano,
            value: value.or(is_monotonic.then_some(Number::AsDouble(float))),
            ..Default::default()
        };
        let exponential = ExponentialHistogramDataPoint {
            attributes: attributes.clone(),
            flags,
            time_unix_nano,
            count,
            sum,
            scale,
            zero_count: count,
            zero_threshold: float,
            positive: buckets(offset),
            negative: buckets(-(offset / 2)),
            ..Default::default()
        };
        let quantile = |bound: &f64| ValueAtQuantile { quantile: *bound, value: *bound };
        let summary = SummaryDataPoint {
            attributes: attributes.clone(),
            flags,
            time_unix_nano,
            count,
            sum: float,
            quantile_values: explicit_bounds.iter().map(quantile).collect(),
            ..Default::default()
        };
        let explicit = HistogramDataPoint {
            attributes,
            flags,
            time_unix_nano,
            count,
            sum,
            bucket_counts,
            explicit_bounds,
            ..Default::default()
        };
        let data = match kind {
            0 => None,
            1 => Some(Data::Gauge(Gauge { data_points: vec![number] })),
            2 => Some(Data::Sum(Sum { data_points: vec![number], aggregation_temporality, is_monotonic })),
            3 => Some(Data::Histogram(Histogram { data_points: vec![explicit], aggregation_temporality })),
            4 => {
                let data_points = vec![exponential];
                Some(Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality }))
            }
            _ => Some(Data::Summary(Summary { data_points: vec![summary] })),
        };
        Metric { name, unit, data, ..Default::default() }
    }
}

proptest! {
    #[test]
    fn any_message_is_read_and_every_series_is_one_that_prometheus_and_the_store_know(
        metrics in prop::collection::vec(any_metric(), 0..12),
        attributes in any_attributes(),
        scope in "\\PC{0,6}",
    ) {
        let scope = Some(InstrumentationScope { name: scope, ..Default::default() });
        let resource = Some(Resource { attributes, ..Default::default() });
        let scope_metrics = vec![ScopeMetrics { scope, metrics, ..Default::default() }];
        let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, ..Default::default() }];
        let request = ExportMetricsServiceRequest { resource_metrics };
        let (samples, read) = read_all(request, &terms());
        prop_assert_eq!(read.rejected() > 0, read.message().is_some_and(|message| message.contains("rejected")));
        for NewSample { series, time, .. } in samples {
            prop_assert!(time.0 > 0);
            let is_name = |name: &str| !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit());
            prop_assert!(is_name(series.name()) && series.iter().all(|(name, _)| is_name(name)));
            prop_assert!(serde_json::to_string(&others(&series)).unwrap().len() < MAX_SERIES_BYTES + 100);
        }
    }
}
