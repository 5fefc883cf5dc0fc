//! Metrics, as samples of Prometheus' data model.
//!
//! After <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>. Exponential histograms
//! become classic ones with at most 64 buckets. Deltas of monotonic sums and histograms are added up (see [`delta`]).
//! `_created` and attributes of scopes are not kept.

mod delta;
mod exemplar;
mod histogram;
mod labels;
mod naming;
mod reason;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use app::model::{TenantId, UnixNanos};
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::KeyValue,
    metrics::v1::{
        AggregationTemporality, DataPointFlags, Exemplar as SentExemplar, ExponentialHistogramDataPoint,
        HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, SummaryDataPoint, metric::Data,
        number_data_point::Value as Number,
    },
};

pub use self::{
    delta::DeltaStreams,
    naming::{Kind, label_name, metric_name},
};
use self::{
    delta::{Amount, Delta, stream_id},
    histogram::{Classic, Explicit, Exponential, MAX_BUCKETS},
    labels::{Labels, ResourceLabels, fits, point_labels},
    reason::{Reason, Rejections, finite},
};
use crate::{
    exposition::bound_text,
    otlp::attributes::Cut,
    store::{
        Exemplar, Metadata, NewExemplar, NewMetrics, NewSample,
        sample::{self, STALE},
    },
    telemetry::Redactor,
};

/// How far into the future a sender's clock may be.
const FUTURE_NANOS: i64 = 24 * 3600 * 1_000_000_000;

/// Metrics that one request may describe.
const MOST_METADATA: usize = 10_000;
/// Longest description of a metric that is kept, in bytes.
const HELP_BYTES: usize = 2048;

/// On what terms metrics are read.
pub struct MetricTerms {
    /// Whose they are.
    pub tenant: TenantId,
    /// When the request arrived: the time of data points without one.
    pub arrived: UnixNanos,
    /// Older data points are not taken.
    pub oldest: UnixNanos,
    /// Takes secrets out of labels.
    pub redactor: Redactor,
    /// Adds up deltas.
    pub deltas: Arc<DeltaStreams>,
    /// Samples are handed on in portions of about so many bytes.
    pub portion_bytes: usize,
}

/// What was read, and what was not.
#[derive(Debug, Default)]
pub struct ReadMetrics {
    /// What was too much.
    pub cut: Cut,
    /// What is said of metrics.
    pub metadata: Vec<Metadata>,
    rejections: Rejections,
}

impl ReadMetrics {
    /// Data points that were not taken.
    pub fn rejected(&self) -> u64 {
        self.rejections.total()
    }

    /// What the sender should know; none if all is as it was sent.
    pub fn message(&self) -> Option<String> {
        let parts: Vec<String> = [self.rejections.describe(), self.cut.warning()].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(". "))
    }
}

/// Whoever takes the samples takes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the samples are not taken any more")]
pub struct Stopped;

/// Reads a request and hands on its samples, portion by portion: one data point may become hundreds of samples, so all
/// of them together would have no bound.
pub fn read_metrics(
    request: ExportMetricsServiceRequest,
    terms: &MetricTerms,
    take: &mut dyn FnMut(NewMetrics) -> Result<(), Stopped>,
) -> Result<ReadMetrics, Stopped> {
    let mut reader =
        Reader { terms, take, read: ReadMetrics::default(), metrics: NewMetrics::default(), bytes: 0, newest: None };
    for resource in request.resource_metrics {
        reader.resource(resource)?;
    }
    reader.hand_on()?;
    Ok(reader.read)
}

/// One series of a data point: what its name and labels have besides those of the data point, and its value.
pub type Part = (&'static str, Option<(&'static str, String)>, f64);

/// What the data points of a metric have in common.
struct Family<'a> {
    name: String,
    common: &'a Labels,
    temporality: AggregationTemporality,
    is_monotonic: bool,
}

/// What the kinds of data points have in common.
struct Head {
    attributes: Vec<KeyValue>,
    flags: u32,
    start: u64,
    time: u64,
    exemplars: Vec<SentExemplar>,
}

impl Head {
    fn is_without_value(&self) -> bool {
        self.flags & DataPointFlags::NoRecordedValueMask as u32 != 0
    }
}

macro_rules! head {
    ($point:expr) => {
        Head { exemplars: std::mem::take(&mut $point.exemplars), ..head!(plain $point) }
    };
    (plain $point:expr) => {
        Head {
            attributes: std::mem::take(&mut $point.attributes),
            flags: $point.flags,
            start: $point.start_time_unix_nano,
            time: $point.time_unix_nano,
            exemplars: Vec::new(),
        }
    };
}

struct Reader<'a> {
    terms: &'a MetricTerms,
    take: &'a mut dyn FnMut(NewMetrics) -> Result<(), Stopped>,
    read: ReadMetrics,
    metrics: NewMetrics,
    bytes: usize,
    /// Time of the newest sample of the resource.
    newest: Option<UnixNanos>,
}

impl Reader<'_> {
    fn resource(&mut self, ResourceMetrics { resource, scope_metrics, .. }: ResourceMetrics) -> Result<(), Stopped> {
        let attributes = resource.map(|resource| resource.attributes).unwrap_or_default();
        let labels = ResourceLabels::read(attributes, &self.terms.redactor, &mut self.read.cut);
        self.newest = None;
        for scope in scope_metrics {
            let common = labels.with_scope(scope.scope.as_ref(), &self.terms.redactor);
            for metric in scope.metrics {
                self.metric(metric, &common)?;
            }
        }
        if let Some(time) = self.newest.filter(|_| !labels.info.is_empty()) {
            let series = series("target_info", labels.info);
            self.push(NewSample { tenant: self.terms.tenant, series, time, value: 1.0 }, None);
        }
        Ok(())
    }

    fn metric(&mut self, metric: Metric, common: &Labels) -> Result<(), Stopped> {
        let Metric { name, description, unit, data, .. } = metric;
        let Some(data) = data else {
            self.read.rejections.add(Reason::Kind, &name);
            return Ok(());
        };
        let (kind, temporality, is_monotonic) = match &data {
            Data::Gauge(_) => (Kind::Gauge, AggregationTemporality::Cumulative as i32, false),
            Data::Summary(_) => (Kind::Other, AggregationTemporality::Cumulative as i32, true),
            Data::Sum(sum) if sum.is_monotonic => (Kind::Counter, sum.aggregation_temporality, true),
            Data::Sum(sum) => (Kind::Other, sum.aggregation_temporality, false),
            Data::Histogram(histogram) => (Kind::Other, histogram.aggregation_temporality, true),
            Data::ExponentialHistogram(histogram) => (Kind::Other, histogram.aggregation_temporality, true),
        };
        let temporality = AggregationTemporality::try_from(temporality).unwrap_or_default();
        // Without a name every data point is refused, and counted.
        let series_name = metric_name(&name, &unit, kind).unwrap_or_default();
        if self.read.metadata.len() < MOST_METADATA {
            let kind = kind_of(&data);
            self.read.metadata.extend(Metadata::new(series_name.clone(), kind, description, unit, HELP_BYTES));
        }
        let family = Family { name: series_name, common, temporality, is_monotonic };
        match data {
            Data::Gauge(gauge) => self.points(gauge.data_points, &family, &name, Self::number),
            Data::Sum(sum) => self.points(sum.data_points, &family, &name, Self::number),
            Data::Histogram(histogram) => self.points(histogram.data_points, &family, &name, Self::histogram),
            Data::ExponentialHistogram(histogram) => {
                self.points(histogram.data_points, &family, &name, Self::exponential)
            }
            Data::Summary(summary) => self.points(summary.data_points, &family, &name, Self::summary),
        }
    }

    fn points<P>(
        &mut self,
        points: Vec<P>,
        family: &Family<'_>,
        metric: &str,
        read: impl Fn(&mut Self, P, &Family<'_>) -> Result<(), Reason>,
    ) -> Result<(), Stopped> {
        for point in points {
            let taken = if family.name.is_empty() { Err(Reason::Name) } else { read(self, point, family) };
            if let Err(reason) = taken {
                self.read.rejections.add(reason, metric);
            }
            if self.bytes >= self.terms.portion_bytes {
                self.hand_on()?;
            }
        }
        Ok(())
    }

    fn number(&mut self, mut point: NumberDataPoint, family: &Family<'_>) -> Result<(), Reason> {
        let head = head!(point);
        if head.is_without_value() {
            return self.end(head, family, None, vec![("", None, STALE)]);
        }
        // What is not a number is taken as it is; deltas of that kind could not be added up and are refused there.
        let value = match point.value.ok_or(Reason::NoValue)? {
            Number::AsDouble(value) => value,
            Number::AsInt(value) => value as f64,
        };
        self.point(head, family, None, Amount::Number(value), |amount| match amount {
            Amount::Number(value) => vec![("", None, value)],
            Amount::Explicit(_) | Amount::Exponential(_) => Vec::new(),
        })
    }

    fn histogram(&mut self, mut point: HistogramDataPoint, family: &Family<'_>) -> Result<(), Reason> {
        let head = head!(point);
        if head.is_without_value() {
            return self.end(head, family, Some("le"), ended_histogram(&point.explicit_bounds));
        }
        self.point(head, family, Some("le"), Amount::Explicit(Explicit::read(point)?), distribution)
    }

    fn exponential(&mut self, mut point: ExponentialHistogramDataPoint, family: &Family<'_>) -> Result<(), Reason> {
        let head = head!(point);
        if head.is_without_value() {
            // Which buckets it had cannot be told; they end as time goes by.
            return self.end(head, family, Some("le"), ended_histogram(&[]));
        }
        self.point(head, family, Some("le"), Amount::Exponential(Exponential::read(point)?), distribution)
    }

    /// A quantile without observations has no value: it is left out.
    fn summary(&mut self, mut point: SummaryDataPoint, family: &Family<'_>) -> Result<(), Reason> {
        let head = head!(plain point);
        if head.is_without_value() {
            let quantiles = point.quantile_values.iter().take(MAX_BUCKETS).map(|one| one.quantile);
            let quantiles = quantiles.map(|quantile| ("", Some(("quantile", bound_text(quantile))), STALE));
            let ended = quantiles.chain([("_sum", None, STALE), ("_count", None, STALE)]).collect();
            return self.end(head, family, Some("quantile"), ended);
        }
        if point.quantile_values.len() > MAX_BUCKETS {
            return Err(Reason::TooManyBuckets);
        }
        let mut parts: Vec<Part> = vec![("_sum", None, finite(point.sum)?), ("_count", None, point.count as f64)];
        for quantile in point.quantile_values.iter().filter(|quantile| !quantile.value.is_nan()) {
            let label = ("quantile", bound_text(finite(quantile.quantile)?));
            parts.push(("", Some(label), finite(quantile.value)?));
        }
        let time = self.time(head.time)?;
        let labels = self.labels(head.attributes, family, Some("quantile"))?;
        self.push_parts(&family.name, &labels, time, parts, Vec::new());
        Ok(())
    }

    /// Takes a data point that may be a delta; `parts` says which series it becomes.
    fn point(
        &mut self,
        head: Head,
        family: &Family<'_>,
        reserved: Option<&str>,
        amount: Amount,
        parts: impl Fn(Amount) -> Vec<Part>,
    ) -> Result<(), Reason> {
        let time = self.time(head.time)?;
        let is_delta = match family.temporality {
            AggregationTemporality::Cumulative => false,
            AggregationTemporality::Unspecified => return Err(Reason::Temporality),
            AggregationTemporality::Delta if !family.is_monotonic => return Err(Reason::DeltaNotMonotonic),
            AggregationTemporality::Delta if head.time == 0 => return Err(Reason::DeltaTime),
            AggregationTemporality::Delta if matches!(amount, Amount::Number(value) if value < 0.0) => {
                return Err(Reason::Negative);
            }
            AggregationTemporality::Delta => true,
        };
        let labels = self.labels(head.attributes, family, reserved)?;
        let amount = if is_delta {
            let stream = stream_id(&family.name, &labels);
            let delta = Delta { start: head.start, time, amount };
            self.terms.deltas.add(self.terms.tenant, stream, delta, self.terms.arrived)?
        } else {
            amount
        };
        let exemplars = self.exemplars(head.exemplars, time);
        self.push_parts(&family.name, &labels, time, parts(amount), exemplars);
        Ok(())
    }

    /// Takes the end of series, as a data point without a value tells it: their last values hold no longer.
    fn end(&mut self, head: Head, family: &Family<'_>, reserved: Option<&str>, ended: Vec<Part>) -> Result<(), Reason> {
        let time = self.time(head.time)?;
        let labels = self.labels(head.attributes, family, reserved)?;
        self.push_parts(&family.name, &labels, time, ended, Vec::new());
        Ok(())
    }

    fn time(&self, nanos: u64) -> Result<UnixNanos, Reason> {
        let time = if nanos == 0 { self.terms.arrived } else { UnixNanos(i64::try_from(nanos).unwrap_or(i64::MAX)) };
        if time < self.terms.oldest {
            Err(Reason::TooOld)
        } else if time.0 > self.terms.arrived.0.saturating_add(FUTURE_NANOS) {
            Err(Reason::Future)
        } else {
            Ok(time)
        }
    }

    fn labels(
        &mut self,
        attributes: Vec<KeyValue>,
        family: &Family<'_>,
        reserved: Option<&str>,
    ) -> Result<Labels, Reason> {
        let labels = point_labels(attributes, family.common, reserved, &self.terms.redactor, &mut self.read.cut);
        if fits(&family.name, &labels) { Ok(labels) } else { Err(Reason::Labels) }
    }

    /// The exemplars of a data point. One that cannot be kept is left out: the numbers are right without it.
    fn exemplars(&mut self, sent: Vec<SentExemplar>, of_point: UnixNanos) -> Vec<Exemplar> {
        let mut cut = self.read.cut;
        let time = |nanos| if nanos == 0 { Some(of_point) } else { self.time(nanos).ok() };
        let read =
            sent.into_iter().filter_map(|one| exemplar::read(one, time, &self.terms.redactor, &mut cut)).collect();
        self.read.cut = cut;
        read
    }

    fn push_parts(&mut self, name: &str, labels: &Labels, time: UnixNanos, parts: Vec<Part>, exemplars: Vec<Exemplar>) {
        let exemplars = exemplar::assign(exemplars, &parts);
        for ((suffix, label, value), exemplar) in parts.into_iter().zip(exemplars) {
            let mut labels = labels.clone();
            labels.extend(label.map(|(name, value)| (name.to_owned(), value)));
            let series = series(&format!("{name}{suffix}"), labels);
            self.push(NewSample { tenant: self.terms.tenant, series, time, value }, exemplar);
        }
        self.newest = self.newest.max(Some(time));
    }

    fn push(&mut self, sample: NewSample, exemplar: Option<Exemplar>) {
        if let Some(exemplar) = exemplar {
            let exemplar = NewExemplar { tenant: sample.tenant, series: sample.series.clone(), exemplar };
            self.bytes += exemplar.size();
            self.metrics.exemplars.push(exemplar);
        }
        self.bytes += sample.size();
        self.metrics.samples.push(sample);
    }

    fn hand_on(&mut self) -> Result<(), Stopped> {
        self.bytes = 0;
        let metrics = std::mem::take(&mut self.metrics);
        if metrics.is_empty() { Ok(()) } else { (self.take)(metrics) }
    }
}

/// A series with this name.
fn series(name: &str, labels: Labels) -> sample::Labels {
    let name = (sample::NAME.to_owned(), name.to_owned());
    sample::Labels::new(labels.into_iter().chain([name]))
}

/// The series of a histogram with bounds of its own; none if it makes no sense.
pub fn explicit_parts(point: HistogramDataPoint) -> Option<Vec<Part>> {
    Explicit::read(point).ok().map(|histogram| distribution(Amount::Explicit(histogram)))
}

/// The series of an exponential histogram; none if it makes no sense.
pub fn exponential_parts(point: ExponentialHistogramDataPoint) -> Option<Vec<Part>> {
    Exponential::read(point).ok().map(|histogram| distribution(Amount::Exponential(histogram)))
}

/// The series of a histogram.
fn distribution(amount: Amount) -> Vec<Part> {
    let Classic { buckets, count, sum } = match amount {
        Amount::Explicit(histogram) => histogram.classic(),
        Amount::Exponential(histogram) => histogram.classic(),
        Amount::Number(_) => return Vec::new(),
    };
    let bucket = |le: String, count: u64| ("_bucket", Some(("le", le)), count as f64);
    let mut parts: Vec<Part> = buckets.into_iter().map(|(bound, below)| bucket(bound_text(bound), below)).collect();
    parts.push(bucket("+Inf".to_owned(), count));
    parts.extend(sum.map(|sum| ("_sum", None, sum)));
    parts.push(("_count", None, count as f64));
    parts
}

/// The series of a histogram that has ended.
fn ended_histogram(bounds: &[f64]) -> Vec<Part> {
    let bounds = bounds.iter().take(MAX_BUCKETS).copied().chain([f64::INFINITY]);
    let buckets = bounds.map(|bound| ("_bucket", Some(("le", bound_text(bound))), STALE));
    buckets.chain([("_sum", None, STALE), ("_count", None, STALE)]).collect()
}

/// What Prometheus calls a metric of this kind.
fn kind_of(data: &Data) -> &'static str {
    match data {
        Data::Sum(sum) if sum.is_monotonic => "counter",
        Data::Gauge(_) | Data::Sum(_) => "gauge",
        Data::Histogram(_) | Data::ExponentialHistogram(_) => "histogram",
        Data::Summary(_) => "summary",
    }
}
