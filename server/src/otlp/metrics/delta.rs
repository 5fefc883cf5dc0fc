//! Deltas are added up: what is stored is cumulative, as Prometheus wants it.
//!
//! The sums live in this process. After a restart, or after an hour without a word from a stream, its sum begins anew,
//! which `rate()` takes for the restart of a counter. Several processes behind one address would each add up a part:
//! there senders should be told to send cumulative (`OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`), or be sent to
//! the same process always.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use app::model::{TenantId, UnixNanos};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::{
    histogram::{Explicit, Exponential},
    labels::Labels,
    reason::{Reason, finite},
};

/// Bytes that the sums of one tenant may take, about: some 100,000 counters, or 30,000 histograms.
const TENANT_BYTES: usize = 16 * 1024 * 1024;
/// What a stream takes besides its numbers.
const STREAM_BYTES: usize = 168;
/// A stream that was silent for so long makes room for others.
const IDLE_NANOS: i64 = 3600 * 1_000_000_000;
/// Between two looks for silent streams.
const SWEEP_NANOS: i64 = 60 * 1_000_000_000;

/// What a data point counts, or what has been counted so far.
#[derive(Debug, Clone, PartialEq)]
pub enum Amount {
    /// Of a sum.
    Number(f64),
    /// Of a histogram.
    Explicit(Explicit),
    /// Of an exponential histogram.
    Exponential(Exponential),
}

impl Amount {
    /// The sum of both. Where they cannot be added, because kind or bounds have changed, counting begins anew.
    fn plus(&self, more: &Self) -> Self {
        let mut sum = self.clone();
        let is_added = match (&mut sum, more) {
            (Self::Number(sum), Self::Number(more)) => {
                *sum += more;
                true
            }
            (Self::Explicit(sum), Self::Explicit(more)) => sum.add(more),
            (Self::Exponential(sum), Self::Exponential(more)) => {
                sum.add(more.clone());
                true
            }
            _ => false,
        };
        if is_added { sum } else { more.clone() }
    }

    fn bytes(&self) -> usize {
        let cells = match self {
            Self::Number(_) => 0,
            Self::Explicit(histogram) => histogram.cells(),
            Self::Exponential(histogram) => histogram.cells(),
        };
        STREAM_BYTES + cells * 8
    }

    fn is_sound(&self) -> bool {
        match self {
            Self::Number(sum) => finite(*sum).is_ok(),
            Self::Explicit(histogram) => histogram.is_sound(),
            Self::Exponential(histogram) => histogram.is_sound(),
        }
    }

    /// Tells this amount from others.
    fn fingerprint(&self) -> u64 {
        xxh3_64(format!("{self:?}").as_bytes())
    }
}

/// A delta on its way in.
#[derive(Debug)]
pub struct Delta {
    /// When it began, in nanoseconds since the Unix epoch; 0 for unknown.
    pub start: u64,
    /// When it ended.
    pub time: UnixNanos,
    /// What was counted in between.
    pub amount: Amount,
}

struct Stream {
    start: u64,
    time: UnixNanos,
    fingerprint: u64,
    seen: UnixNanos,
    total: Amount,
}

#[derive(Default)]
struct Tenant {
    streams: HashMap<u128, Stream>,
    bytes: usize,
    next_sweep: UnixNanos,
}

impl Tenant {
    fn sweep(&mut self, now: UnixNanos) {
        if now < self.next_sweep {
            return;
        }
        self.next_sweep = UnixNanos(now.0.saturating_add(SWEEP_NANOS));
        self.streams.retain(|_, stream| now.0.saturating_sub(stream.seen.0) < IDLE_NANOS);
        self.bytes = self.streams.values().map(|stream| stream.total.bytes()).sum();
    }
}

/// The sums of all streams of deltas, by tenant.
pub struct DeltaStreams {
    tenants: Mutex<HashMap<TenantId, Tenant>>,
    tenant_bytes: usize,
}

impl Default for DeltaStreams {
    fn default() -> Self {
        Self::with_bytes(TENANT_BYTES)
    }
}

impl DeltaStreams {
    /// With room for so many bytes a tenant.
    pub fn with_bytes(tenant_bytes: usize) -> Self {
        Self { tenants: Mutex::default(), tenant_bytes }
    }

    /// Adds a delta to its stream and says what has been counted so far. The delta that was the last one already adds
    /// nothing: its sender has not had our answer.
    pub fn add(&self, tenant: TenantId, stream: u128, delta: Delta, now: UnixNanos) -> Result<Amount, Reason> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let tenant = tenants.entry(tenant).or_default();
        let fingerprint = delta.amount.fingerprint();
        let known = tenant.streams.get(&stream);
        if let Some(known) = known.filter(|known| delta.time <= known.time) {
            let is_again = (delta.start, delta.time, fingerprint) == (known.start, known.time, known.fingerprint);
            return if is_again { Ok(known.total.clone()) } else { Err(Reason::DeltaOrder) };
        }
        let total = known.map_or_else(|| delta.amount.clone(), |known| known.total.plus(&delta.amount));
        if !total.is_sound() {
            return Err(Reason::NotFinite);
        }
        let before = known.map_or(0, |known| known.total.bytes());
        let grows_by = total.bytes().saturating_sub(before);
        if tenant.bytes + grows_by > self.tenant_bytes && grows_by > 0 {
            tenant.sweep(now);
            if tenant.bytes + grows_by > self.tenant_bytes {
                return Err(Reason::DeltaRoom);
            }
        }
        let next = Stream { start: delta.start, time: delta.time, fingerprint, seen: now, total: total.clone() };
        let replaced = tenant.streams.insert(stream, next).map_or(0, |stream| stream.total.bytes());
        tenant.bytes = tenant.bytes + total.bytes() - replaced;
        Ok(total)
    }
}

/// Names a stream of data points: a metric with its labels.
pub fn stream_id(name: &str, labels: &Labels) -> u128 {
    let mut text = String::with_capacity(256);
    // Names hold no byte 0, and what follows one says where it ends.
    for part in std::iter::once(name).chain(labels.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()])) {
        text.push_str(&part.len().to_string());
        text.push('\0');
        text.push_str(part);
    }
    xxh3_128(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixNanos = UnixNanos(1_790_000_000_000_000_000);
    const OURS: TenantId = TenantId::DEFAULT;

    fn delta(start: u64, time: i64, amount: f64) -> Delta {
        Delta { start, time: UnixNanos(time), amount: Amount::Number(amount) }
    }

    fn later(hours: i64) -> UnixNanos {
        UnixNanos(NOW.0 + hours * IDLE_NANOS)
    }

    #[test]
    fn deltas_add_up_and_one_that_is_sent_again_does_not() {
        let streams = DeltaStreams::default();
        let add = |delta| streams.add(OURS, 1, delta, NOW);
        assert_eq!(add(delta(0, 10, 5.0)), Ok(Amount::Number(5.0)));
        assert_eq!(add(delta(10, 20, 3.0)), Ok(Amount::Number(8.0)));
        assert_eq!(add(delta(10, 20, 3.0)), Ok(Amount::Number(8.0)), "the answer was lost");
        assert_eq!(add(delta(10, 20, 4.0)), Err(Reason::DeltaOrder), "another sender of the same name");
        assert_eq!(add(delta(0, 10, 5.0)), Err(Reason::DeltaOrder));
        assert_eq!(add(delta(30, 40, 1.0)), Ok(Amount::Number(9.0)), "what was lost on the way is not known");
        assert_eq!(streams.add(TenantId(2), 1, delta(0, 10, 1.0), NOW), Ok(Amount::Number(1.0)));
        assert_eq!(add(delta(40, 50, 2e300)), Err(Reason::NotFinite));
        assert_eq!(add(delta(40, 50, 1.0)), Ok(Amount::Number(10.0)));
    }

    #[test]
    fn a_stream_that_changes_its_kind_begins_anew() {
        let streams = DeltaStreams::default();
        streams.add(OURS, 1, delta(0, 10, 5.0), NOW).unwrap();
        let histogram = Explicit::read(opentelemetry_proto::tonic::metrics::v1::HistogramDataPoint::default()).unwrap();
        let amount = Amount::Explicit(histogram);
        let changed = Delta { start: 10, time: UnixNanos(20), amount: amount.clone() };
        assert_eq!(streams.add(OURS, 1, changed, NOW), Ok(amount));
    }

    #[test]
    fn there_is_room_for_so_many_streams_and_the_silent_ones_make_place() {
        let streams = DeltaStreams::with_bytes(3 * STREAM_BYTES);
        let add = |stream, time, now| streams.add(OURS, stream, delta(0, time, 1.0), now);
        for stream in 0..3 {
            add(stream, 10, NOW).unwrap();
        }
        assert_eq!(add(3, 10, NOW), Err(Reason::DeltaRoom));
        assert_eq!(streams.add(TenantId(2), 1, delta(0, 10, 1.0), NOW), Ok(Amount::Number(1.0)), "each has its own");
        add(0, 20, later(1)).unwrap();
        assert_eq!(add(3, 10, later(1)), Ok(Amount::Number(1.0)));
        assert_eq!(add(0, 30, later(1)), Ok(Amount::Number(3.0)), "who speaks is kept");
        assert_eq!(add(1, 20, later(1)), Ok(Amount::Number(1.0)), "who was silent begins anew");
    }

    #[test]
    fn streams_are_told_apart_by_every_label() {
        let id = |labels: &[(&str, &str)]| {
            stream_id("m", &labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        assert_eq!(id(&[("a", "1"), ("b", "2")]), id(&[("b", "2"), ("a", "1")]));
        assert_ne!(id(&[("a", "1")]), id(&[("a", "12")]));
        assert_ne!(id(&[("a", "1\u{0}1")]), id(&[("a", "1"), ("1", "")]));
    }
}
