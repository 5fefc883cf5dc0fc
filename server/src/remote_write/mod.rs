//! Remote write of Prometheus, 1.0 and 2.0: what Prometheus, Grafana Alloy, vmagent, Telegraf and the Collector send.
//!
//! Native histograms become classic ones. What is wrong with one series does not keep the others from being stored.

mod histogram;
mod known;
#[cfg(test)]
mod tests;
pub mod wire;

use std::{collections::HashSet, ops::Range, sync::Arc};

use app::model::{SpanId, TenantId, TraceId, UnixNanos};
use prost::{Message, bytes::Bytes};
use xxhash_rust::xxh3::Xxh3;

pub use self::known::KnownSeries;
use self::wire::{Histogram, Label, MetricType, Request, Sample, TimeSeries, WriteRequest};
use crate::{
    otlp::{Shaped, WireError, check_protobuf},
    series::{self, SeriesError},
    store::{
        Exemplar, Metadata, NewExemplar, NewMetrics, NewSample,
        sample::{Labels, is_stale},
    },
    telemetry::Redactor,
};

/// How far into the future a sender's clock may be.
const FUTURE_NANOS: i64 = 24 * 3600 * 1_000_000_000;
/// Labels of an exemplar may have so many bytes: eight times what `OpenMetrics` lets one have.
const EXEMPLAR_BYTES: usize = 1024;
/// What the histograms of a request may unfold to, in bytes.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// Metrics that one request may describe.
const MOST_METADATA: usize = 10_000;
/// Longest help of a metric that is kept, in bytes.
const HELP_BYTES: usize = 2048;

/// Which messages a sender speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `prometheus.WriteRequest`
    One,
    /// `io.prometheus.write.v2.Request`
    Two,
}

impl Version {
    /// Of a `Content-Type`; one that names no message is of version 1. None for another one.
    pub fn of(content_type: &str) -> Option<Self> {
        let mut parts = content_type.split(';').map(str::trim);
        if !matches!(parts.next(), Some("" | "application/x-protobuf")) {
            return None;
        }
        let message = parts.find_map(|part| part.split_once('=').filter(|(name, _)| name.trim() == "proto"));
        match message.map(|(_, name)| name.trim()) {
            None | Some("prometheus.WriteRequest") => Some(Self::One),
            Some("io.prometheus.write.v2.Request") => Some(Self::Two),
            Some(_) => None,
        }
    }
}

/// On what terms a request is read.
pub struct WriteTerms {
    /// Whose the samples are.
    pub tenant: TenantId,
    /// When the request arrived.
    pub arrived: UnixNanos,
    /// Older samples are not taken.
    pub oldest: UnixNanos,
    /// Takes secrets out of labels.
    pub redactor: Redactor,
    /// Series that were sent before.
    pub known: Arc<KnownSeries>,
}

/// What a request holds.
#[derive(Debug, Default)]
pub struct ReadWrite {
    /// What can be stored.
    pub metrics: NewMetrics,
    /// What is said of metrics.
    pub metadata: Vec<Metadata>,
    /// How many floats, native histograms and exemplars that are.
    pub written: Written,
    /// Which of the samples are parts of a native histogram, histogram by histogram.
    pub unfolded: Vec<Range<usize>>,
    /// How many samples are refused, and why the first of them is.
    pub refused: Option<(u64, String)>,
}

/// What the answer to version 2 says.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Floats.
    pub samples: u64,
    /// Native histograms.
    pub histograms: u64,
    /// Exemplars.
    pub exemplars: u64,
}

impl Written {
    /// What is written if samples and exemplars of some series are not; a histogram is if all of its parts are.
    #[must_use]
    pub fn without(self, read: &ReadWrite, refused: &HashSet<Labels>) -> Self {
        let samples = &read.metrics.samples;
        let count = |samples: &[NewSample]| samples.iter().filter(|one| refused.contains(&one.series)).count() as u64;
        let of_histograms: Vec<u64> = read.unfolded.iter().map(|parts| count(&samples[parts.clone()])).collect();
        let floats = count(samples) - of_histograms.iter().sum::<u64>();
        let histograms = of_histograms.iter().filter(|parts| **parts > 0).count() as u64;
        let exemplars = read.metrics.exemplars.iter().filter(|one| refused.contains(&one.series)).count() as u64;
        Self {
            samples: self.samples - floats,
            histograms: self.histograms - histograms,
            exemplars: self.exemplars - exemplars,
        }
    }
}

/// Reads a request, which has been unpacked.
pub fn read(bytes: Bytes, version: Version, terms: &WriteTerms) -> Result<ReadWrite, WireError> {
    let mut reader = Reader { terms, read: ReadWrite::default(), bytes: 0 };
    match version {
        Version::One => {
            check_protobuf(&bytes, WriteRequest::shape())?;
            reader.first(WriteRequest::decode(bytes).map_err(broken)?)?;
        }
        Version::Two => {
            check_protobuf(&bytes, Request::shape())?;
            reader.second(Request::decode(bytes).map_err(broken)?)?;
        }
    }
    Ok(reader.read)
}

fn broken(error: impl std::fmt::Display) -> WireError {
    WireError::Message(error.to_string())
}

/// What both versions have of a series.
struct Sent<'a> {
    labels: Result<Labels, SeriesError>,
    samples: Vec<Sample>,
    histograms: Vec<Histogram>,
    exemplars: Vec<SentExemplar<'a>>,
}

/// Labels, value, and milliseconds since the Unix epoch.
type SentExemplar<'a> = (Vec<(&'a str, &'a str)>, f64, i64);

struct Reader<'a> {
    terms: &'a WriteTerms,
    read: ReadWrite,
    /// What the samples take in memory, about.
    bytes: usize,
}

impl Reader<'_> {
    fn first(&mut self, request: WriteRequest) -> Result<(), WireError> {
        for one in request.timeseries {
            let TimeSeries { labels, samples, exemplars, histograms } = TimeSeries::decode(one).map_err(broken)?;
            let labels = self.labels_of(&labels)?;
            let exemplars = exemplars.iter().map(|exemplar| {
                let pairs = exemplar.labels.iter().map(|label| (label.name.as_str(), label.value.as_str()));
                (pairs.collect(), exemplar.value, exemplar.timestamp)
            });
            let exemplars = exemplars.collect();
            self.series(Sent { labels, samples, histograms, exemplars })?;
        }
        for one in request.metadata {
            self.metadata(one.family, one.kind, one.help, one.unit);
        }
        Ok(())
    }

    fn second(&mut self, request: Request) -> Result<(), WireError> {
        let Request { symbols, timeseries } = request;
        let symbol = |at: u32| symbols.get(at as usize).map(String::as_str);
        let no_symbol = || broken("a series points to a symbol that is not there");
        for one in timeseries {
            let pairs = pairs_of(&symbols, &one.labels_refs).ok_or_else(no_symbol)?;
            let labels = self.known_or_read(&pairs);
            if let Some(metadata) = one.metadata
                && let Ok(labels) = &labels
            {
                let text = |at| symbol(at).map(str::to_owned).ok_or_else(no_symbol);
                let family = family_of(labels.name(), metadata.kind).to_owned();
                self.metadata(family, metadata.kind, text(metadata.help_ref)?, text(metadata.unit_ref)?);
            }
            let exemplars = one.exemplars.iter().filter_map(|exemplar| {
                Some((pairs_of(&symbols, &exemplar.labels_refs)?, exemplar.value, exemplar.timestamp))
            });
            let exemplars = exemplars.collect();
            self.series(Sent { labels, samples: one.samples, histograms: one.histograms, exemplars })?;
        }
        Ok(())
    }

    /// The labels of a series of version 1, which are not read if it was sent before.
    fn labels_of(&self, sent: &[Bytes]) -> Result<Result<Labels, SeriesError>, WireError> {
        let mut hash = Xxh3::new();
        for label in sent {
            hash.update(&label.len().to_le_bytes());
            hash.update(label);
        }
        let key = (self.terms.tenant, hash.digest128());
        if let Some(known) = self.terms.known.get(key) {
            return Ok(Ok(known));
        }
        let labels: Vec<Label> =
            sent.iter().map(|label| Label::decode(label.clone())).collect::<Result<_, _>>().map_err(broken)?;
        let pairs = labels.iter().map(|label| (label.name.as_str(), label.value.as_str()));
        Ok(series::read(pairs, &self.terms.redactor).inspect(|labels| self.terms.known.learn(key, labels)))
    }

    /// The labels of a series of version 2.
    fn known_or_read(&self, pairs: &[(&str, &str)]) -> Result<Labels, SeriesError> {
        let mut hash = Xxh3::new();
        for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
            hash.update(&text.len().to_le_bytes());
            hash.update(text.as_bytes());
        }
        // Not the same bytes as those of version 1, so not the same key.
        let key = (self.terms.tenant, !hash.digest128());
        if let Some(known) = self.terms.known.get(key) {
            return Ok(known);
        }
        series::read(pairs.iter().copied(), &self.terms.redactor).inspect(|labels| self.terms.known.learn(key, labels))
    }

    fn series(&mut self, sent: Sent<'_>) -> Result<(), WireError> {
        let Sent { labels, samples, histograms, exemplars } = sent;
        let tenant = self.terms.tenant;
        let series = match labels {
            Ok(series) => series,
            Err(error) => {
                self.refuse((samples.len() + histograms.len()) as u64, || error.to_string());
                return Ok(());
            }
        };
        for Sample { value, timestamp } in samples {
            let Some(time) = self.time(timestamp, &series) else { continue };
            self.read.written.samples += 1;
            self.read.metrics.samples.push(NewSample { tenant, series: series.clone(), time, value });
        }
        for histogram in histograms {
            self.histogram(&series, &histogram)?;
        }
        for (labels, value, timestamp) in exemplars {
            // One that cannot be kept is left out: the numbers are right without it.
            if let Some(exemplar) = self.exemplar(&labels, value, timestamp) {
                self.read.written.exemplars += 1;
                self.read.metrics.exemplars.push(NewExemplar { tenant, series: series.clone(), exemplar });
            }
        }
        Ok(())
    }

    fn histogram(&mut self, series: &Labels, histogram: &Histogram) -> Result<(), WireError> {
        let Some(time) = self.time(histogram.timestamp, series) else { return Ok(()) };
        // The end of a histogram: of which of its buckets cannot be told, they end as time goes by.
        if is_stale(histogram.sum) {
            self.read.written.histograms += 1;
            return Ok(());
        }
        let Some(parts) = histogram::parts(histogram) else {
            self.refuse(1, || format!("the buckets of a native histogram of {series} do not fit each other"));
            return Ok(());
        };
        self.read.written.histograms += 1;
        let tenant = self.terms.tenant;
        let first = self.read.metrics.samples.len();
        for (suffix, label, value) in parts {
            let name = format!("{}{suffix}", series.name());
            let mut part = series.with(crate::store::sample::NAME, &name);
            if let Some((label, text)) = &label {
                part = part.with(label, text);
            }
            let sample = NewSample { tenant, series: part, time, value };
            // One histogram becomes dozens of series with labels of their own.
            self.bytes += sample.size();
            self.read.metrics.samples.push(sample);
        }
        self.read.unfolded.push(first..self.read.metrics.samples.len());
        if self.bytes > MOST_BYTES { Err(WireError::TooManyParts) } else { Ok(()) }
    }

    fn exemplar(&self, labels: &[(&str, &str)], value: f64, timestamp: i64) -> Option<Exemplar> {
        let bytes: usize = labels.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > EXEMPLAR_BYTES || !value.is_finite() {
            return None;
        }
        Some(Exemplar::from_labels(labels.iter().copied(), value, self.in_time(timestamp).ok()?, &self.terms.redactor))
    }

    /// The time of a sample; one that is not taken is counted.
    fn time(&mut self, millis: i64, series: &Labels) -> Option<UnixNanos> {
        match self.in_time(millis) {
            Ok(time) => Some(time),
            Err(why) => {
                self.refuse(1, || format!("a sample of {series} is {why}"));
                None
            }
        }
    }

    fn in_time(&self, millis: i64) -> Result<UnixNanos, &'static str> {
        let time = UnixNanos(millis.saturating_mul(1_000_000));
        if time < self.terms.oldest {
            Err("older than samples are kept (`retention.samples_days`)")
        } else if time.0 > self.terms.arrived.0.saturating_add(FUTURE_NANOS) {
            Err("more than a day in the future")
        } else {
            Ok(time)
        }
    }

    fn refuse(&mut self, samples: u64, why: impl FnOnce() -> String) {
        let refused = self.read.refused.get_or_insert_with(|| (0, why()));
        refused.0 += samples;
    }

    fn metadata(&mut self, name: String, kind: i32, help: String, unit: String) {
        let kind = MetricType::try_from(kind).unwrap_or(MetricType::Unknown);
        if self.read.metadata.len() >= MOST_METADATA {
            return;
        }
        self.read.metadata.extend(Metadata::new(name, kind.name(), help, unit, HELP_BYTES));
    }
}

/// The labels that places among symbols mean.
fn pairs_of<'a>(symbols: &'a [String], refs: &[u32]) -> Option<Vec<(&'a str, &'a str)>> {
    let symbol = |at: u32| symbols.get(at as usize).map(String::as_str);
    let (pairs, rest) = refs.as_chunks::<2>();
    let pair = |[name, value]: &[u32; 2]| Some((symbol(*name)?, symbol(*value)?));
    rest.is_empty().then(|| pairs.iter().map(pair).collect()).flatten()
}

/// The family of a series: a histogram's and a summary's series have names of their own.
fn family_of(name: &str, kind: i32) -> &str {
    let suffixes: &[&str] = match MetricType::try_from(kind) {
        Ok(MetricType::Histogram | MetricType::GaugeHistogram | MetricType::Summary) => &["_bucket", "_count", "_sum"],
        _ => &[],
    };
    suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

impl Exemplar {
    /// An exemplar as Prometheus has it, where trace and span are labels.
    pub fn from_labels<'a>(
        labels: impl Iterator<Item = (&'a str, &'a str)>,
        value: f64,
        time: UnixNanos,
        redactor: &Redactor,
    ) -> Self {
        let mut exemplar =
            Self { time, value, trace_id: None, span_id: None, labels: std::collections::BTreeMap::new() };
        for (name, text) in labels {
            match name {
                "trace_id" | "traceID" | "traceId" if exemplar.trace_id.is_none() => {
                    exemplar.trace_id = text.parse::<TraceId>().ok();
                }
                "span_id" | "spanID" | "spanId" if exemplar.span_id.is_none() => {
                    exemplar.span_id = text.parse::<SpanId>().ok();
                }
                _ if redactor.is_secret_key(name) => {}
                _ => {
                    exemplar.labels.insert(name.to_owned(), redactor.text(text).into_owned());
                }
            }
        }
        // A span is named inside its trace only.
        exemplar.span_id = exemplar.span_id.filter(|_| exemplar.trace_id.is_some());
        exemplar
    }
}
