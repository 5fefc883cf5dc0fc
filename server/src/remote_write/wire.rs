//! The messages of remote write, with the numbers of their fields. Labels of a series stay as bytes: who sends a series
//! once sends it again, and then they need not be read.
//!
//! <https://prometheus.io/docs/specs/prw/remote_write_spec/>, <https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/>

use prost::{Enumeration, Message, bytes::Bytes};

/// `prometheus.WriteRequest`
#[derive(Clone, PartialEq, Message)]
pub struct WriteRequest {
    /// [`TimeSeries`] each.
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub timeseries: Vec<Bytes>,
    /// What is known of metric families.
    #[prost(message, repeated, tag = "3")]
    pub metadata: Vec<MetricMetadata>,
}

/// `prometheus.TimeSeries`
#[derive(Clone, PartialEq, Message)]
pub struct TimeSeries {
    /// [`Label`] each.
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub labels: Vec<Bytes>,
    /// Floats.
    #[prost(message, repeated, tag = "2")]
    pub samples: Vec<Sample>,
    /// What stands for samples.
    #[prost(message, repeated, tag = "3")]
    pub exemplars: Vec<Exemplar>,
    /// Native histograms.
    #[prost(message, repeated, tag = "4")]
    pub histograms: Vec<Histogram>,
}

/// `prometheus.Label`
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Label {
    /// Name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// `prometheus.Sample`, and `io.prometheus.write.v2.Sample`
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Sample {
    /// The value.
    #[prost(double, tag = "1")]
    pub value: f64,
    /// In milliseconds since the Unix epoch.
    #[prost(int64, tag = "2")]
    pub timestamp: i64,
}

/// `prometheus.Exemplar`
#[derive(Clone, PartialEq, Message)]
pub struct Exemplar {
    /// Labels of its own.
    #[prost(message, repeated, tag = "1")]
    pub labels: Vec<Label>,
    /// The value.
    #[prost(double, tag = "2")]
    pub value: f64,
    /// In milliseconds since the Unix epoch.
    #[prost(int64, tag = "3")]
    pub timestamp: i64,
}

/// `prometheus.MetricMetadata`
#[derive(Clone, PartialEq, Eq, Message)]
pub struct MetricMetadata {
    /// What kind.
    #[prost(enumeration = "MetricType", tag = "1")]
    pub kind: i32,
    /// The family.
    #[prost(string, tag = "2")]
    pub family: String,
    /// What it is.
    #[prost(string, tag = "4")]
    pub help: String,
    /// Its unit.
    #[prost(string, tag = "5")]
    pub unit: String,
}

/// `MetricType` of both versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum MetricType {
    /// Not said.
    Unknown = 0,
    /// A counter.
    Counter = 1,
    /// A gauge.
    Gauge = 2,
    /// A histogram.
    Histogram = 3,
    /// A histogram of gauges.
    GaugeHistogram = 4,
    /// A summary.
    Summary = 5,
    /// Labels only.
    Info = 6,
    /// One of several states.
    StateSet = 7,
}

impl MetricType {
    /// As the interfaces of Prometheus call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
        }
    }
}

/// `prometheus.Histogram`, and `io.prometheus.write.v2.Histogram`
#[derive(Clone, PartialEq, Message)]
pub struct Histogram {
    /// How many values.
    #[prost(oneof = "Count", tags = "1, 2")]
    pub count: Option<Count>,
    /// Their sum.
    #[prost(double, tag = "3")]
    pub sum: f64,
    /// How fine: buckets grow by 2^(2^-schema). -53 for bounds of its own.
    #[prost(sint32, tag = "4")]
    pub schema: i32,
    /// Up to which absolute value a value is zero.
    #[prost(double, tag = "5")]
    pub zero_threshold: f64,
    /// How many are zero.
    #[prost(oneof = "ZeroCount", tags = "6, 7")]
    pub zero_count: Option<ZeroCount>,
    /// Which buckets there are of negative values.
    #[prost(message, repeated, tag = "8")]
    pub negative_spans: Vec<BucketSpan>,
    /// Differences of their counts.
    #[prost(sint64, repeated, tag = "9")]
    pub negative_deltas: Vec<i64>,
    /// Or their counts as floats.
    #[prost(double, repeated, tag = "10")]
    pub negative_counts: Vec<f64>,
    /// Which buckets there are of positive values.
    #[prost(message, repeated, tag = "11")]
    pub positive_spans: Vec<BucketSpan>,
    /// Differences of their counts.
    #[prost(sint64, repeated, tag = "12")]
    pub positive_deltas: Vec<i64>,
    /// Or their counts as floats.
    #[prost(double, repeated, tag = "13")]
    pub positive_counts: Vec<f64>,
    /// In milliseconds since the Unix epoch.
    #[prost(int64, tag = "15")]
    pub timestamp: i64,
    /// Upper bounds of buckets with bounds of their own.
    #[prost(double, repeated, tag = "16")]
    pub custom_values: Vec<f64>,
}

/// How many values a histogram has.
#[derive(Clone, Copy, PartialEq, prost::Oneof)]
pub enum Count {
    /// Counted.
    #[prost(uint64, tag = "1")]
    Whole(u64),
    /// Calculated.
    #[prost(double, tag = "2")]
    Float(f64),
}

/// How many values are zero.
#[derive(Clone, Copy, PartialEq, prost::Oneof)]
pub enum ZeroCount {
    /// Counted.
    #[prost(uint64, tag = "6")]
    Whole(u64),
    /// Calculated.
    #[prost(double, tag = "7")]
    Float(f64),
}

/// Buckets that follow each other.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct BucketSpan {
    /// How many are left out before it; of the first the index.
    #[prost(sint32, tag = "1")]
    pub offset: i32,
    /// How many there are.
    #[prost(uint32, tag = "2")]
    pub length: u32,
}

/// `io.prometheus.write.v2.Request`
#[derive(Clone, PartialEq, Message)]
pub struct Request {
    /// Every text once; the first is empty.
    #[prost(string, repeated, tag = "4")]
    pub symbols: Vec<String>,
    /// The series.
    #[prost(message, repeated, tag = "5")]
    pub timeseries: Vec<TimeSeriesV2>,
}

/// `io.prometheus.write.v2.TimeSeries`
#[derive(Clone, PartialEq, Message)]
pub struct TimeSeriesV2 {
    /// Name and value in turn, as places among the symbols.
    #[prost(uint32, repeated, tag = "1")]
    pub labels_refs: Vec<u32>,
    /// Floats.
    #[prost(message, repeated, tag = "2")]
    pub samples: Vec<Sample>,
    /// Native histograms.
    #[prost(message, repeated, tag = "3")]
    pub histograms: Vec<Histogram>,
    /// What stands for samples.
    #[prost(message, repeated, tag = "4")]
    pub exemplars: Vec<ExemplarV2>,
    /// What is known of the metric.
    #[prost(message, optional, tag = "5")]
    pub metadata: Option<MetadataV2>,
}

/// `io.prometheus.write.v2.Exemplar`
#[derive(Clone, PartialEq, Message)]
pub struct ExemplarV2 {
    /// Name and value in turn, as places among the symbols.
    #[prost(uint32, repeated, tag = "1")]
    pub labels_refs: Vec<u32>,
    /// The value.
    #[prost(double, tag = "2")]
    pub value: f64,
    /// In milliseconds since the Unix epoch.
    #[prost(int64, tag = "3")]
    pub timestamp: i64,
}

/// `io.prometheus.write.v2.Metadata`
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct MetadataV2 {
    /// What kind.
    #[prost(enumeration = "MetricType", tag = "1")]
    pub kind: i32,
    /// What it is, as a place among the symbols.
    #[prost(uint32, tag = "3")]
    pub help_ref: u32,
    /// Its unit, as a place among the symbols.
    #[prost(uint32, tag = "4")]
    pub unit_ref: u32,
}
