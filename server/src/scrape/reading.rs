//! From an answer to samples: labels of the target are added, what the answer no longer has is marked as ended.

use std::borrow::Cow;

use app::model::{TenantId, UnixNanos};
use foldhash::{HashMap, HashMapExt, HashSet};

use crate::{
    exposition::{About, Event, Format, LabelText, Limits, ParseError, Parser, Sample},
    series::{self, MAX_BYTES, MAX_LABELS, MAX_NAME_BYTES},
    store::{
        Exemplar, Metadata, NewExemplar, NewMetrics, NewSample,
        sample::{Labels, NAME, STALE},
    },
    telemetry::Redactor,
};

/// How far into the future a time may lie that a target says, in milliseconds.
const FUTURE_MILLIS: i64 = 10 * 60 * 1000;
/// Longest help of a metric that is kept, in bytes.
const HELP_BYTES: usize = 2048;

/// How the series of a target are called, and what is taken of them.
#[derive(Clone)]
pub struct Terms {
    /// Whose they are.
    pub tenant: TenantId,
    /// The labels that all of them get.
    pub labels: Vec<(String, String)>,
    /// Whether a label of the target's own wins.
    pub honor_labels: bool,
    /// Whether times that the target says are believed.
    pub honor_timestamps: bool,
    /// Samples of one answer.
    pub samples: usize,
    /// Takes secrets out of labels.
    pub redactor: Redactor,
}

impl Terms {
    fn limits(&self) -> Limits {
        Limits { samples: self.samples, labels: MAX_LABELS, name_bytes: MAX_NAME_BYTES, value_bytes: MAX_BYTES }
    }

    /// The labels of a series as it is stored.
    fn labels_of(&self, text: &LabelText<'_>) -> Result<Labels, String> {
        let own = text.labels(&self.limits()).map_err(|error| error.problem.to_string())?;
        let mut pairs: Vec<(Cow<'_, str>, &str)> = Vec::with_capacity(own.len() + self.labels.len());
        for (name, value) in own.iter() {
            let is_taken = |name: &str| self.labels.iter().any(|(other, _)| other == name);
            let name = if name == NAME || self.honor_labels || !is_taken(name) {
                Cow::Borrowed(name)
            } else {
                let mut moved = format!("exported_{name}");
                while is_taken(&moved) || !own.get(&moved).is_empty() {
                    moved.insert_str(0, "exported_");
                }
                Cow::Owned(moved)
            };
            pairs.push((name, value));
        }
        for (name, value) in &self.labels {
            if !(self.honor_labels && text.pairs().any(|(other, _)| other == *name)) {
                pairs.push((Cow::Borrowed(name), value));
            }
        }
        let read = series::read(pairs.iter().map(|(name, value)| (&**name, *value)), &self.redactor);
        read.map_err(|error| error.to_string())
    }
}

/// The times of an answer, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// When the target was asked.
    pub asked: i64,
    /// Older samples are not taken.
    pub oldest: i64,
}

/// What an answer holds.
#[derive(Debug, Default)]
pub struct Read {
    /// What is stored of it, and the ends of series that it no longer has.
    pub metrics: NewMetrics,
    /// What it says of metrics; only when there are new series.
    pub metadata: Vec<Metadata>,
    /// Samples of the answer, whether they are stored or not.
    pub samples: u64,
    /// Series that were not in the answer before.
    pub added: u64,
    /// Samples that are not stored, and why the first of them is not.
    pub refused: Option<(u64, String)>,
}

impl Read {
    fn refuse(&mut self, why: impl FnOnce() -> String) {
        self.refused.get_or_insert_with(|| (0, why())).0 += 1;
    }
}

/// The series of a target, by the text that names them.
#[derive(Debug, Default)]
pub struct KnownSeries {
    known: HashMap<Box<str>, Known>,
    answers: u64,
}

#[derive(Debug)]
struct Known {
    /// None for one that cannot be stored.
    labels: Option<Labels>,
    /// The last answer that had it.
    seen: u64,
    /// Whether the target says when its samples were taken.
    has_own_time: bool,
    /// Whether it is to be marked as ended when it is missing.
    is_alive: bool,
}

impl KnownSeries {
    /// Reads an answer. After an error nothing of it is stored, and [`end_all`](Self::end_all) is due.
    pub fn read(&mut self, body: &[u8], format: Format, terms: &Terms, times: Times) -> Result<Read, ParseError> {
        self.answers += 1;
        let mut read = Read::default();
        let mut said: HashMap<String, Said> = HashMap::new();
        for event in Parser::new(body, format, terms.limits())? {
            match event? {
                Event::Sample(sample) => self.sample(&sample, terms, times, &mut read),
                Event::Metadata(metadata) => {
                    let said = said.entry(metadata.family.into_owned()).or_default();
                    match metadata.about {
                        About::Kind(kind) => said.kind = kind.as_str(),
                        About::Help(help) => said.help = help.into_owned(),
                        About::Unit(unit) => unit.clone_into(&mut said.unit),
                    }
                }
            }
        }
        let (answer, time) = (self.answers, UnixNanos(times.asked * 1_000_000));
        self.known.retain(|_, known| {
            if known.seen == answer {
                // What says its own times says with them, too, when it ends.
                known.is_alive = !known.has_own_time;
                return true;
            }
            if known.is_alive
                && let Some(series) = known.labels.take()
            {
                read.metrics.samples.push(NewSample { tenant: terms.tenant, series, time, value: STALE });
            }
            false
        });
        if read.added > 0 {
            let stored = self.known.values().filter_map(|known| known.labels.as_ref());
            let names: HashSet<&str> = stored.map(Labels::name).collect();
            // What is said of nothing that there is would be kept for ever.
            let said = said.into_iter().filter(|(family, _)| Self::has_family(&names, family));
            let described = said.filter_map(|(name, said)| {
                let Said { kind, help, unit } = said;
                Metadata::new(name, if kind.is_empty() { "unknown" } else { kind }, help, unit, HELP_BYTES)
            });
            read.metadata = described.collect();
        }
        Ok(read)
    }

    fn sample(&mut self, sample: &Sample<'_>, terms: &Terms, times: Times, read: &mut Read) {
        read.samples += 1;
        let text = sample.series.text();
        let own_time = sample.timestamp_ms.filter(|_| terms.honor_timestamps);
        if !self.known.contains_key(text) {
            let labels = terms.labels_of(&sample.series);
            if labels.is_ok() {
                read.added += 1;
            }
            let labels = labels.map_err(|why| read.refuse(|| why)).ok();
            self.known.insert(text.into(), Known { labels, seen: 0, has_own_time: true, is_alive: false });
        }
        let Some(known) = self.known.get_mut(text) else { return };
        let is_twice = known.seen == self.answers && own_time.is_none();
        known.seen = self.answers;
        let Some(series) = known.labels.clone() else { return };
        if is_twice {
            return read.refuse(|| format!("{series} is there twice"));
        }
        let millis = own_time.unwrap_or(times.asked);
        if millis < times.oldest {
            return read.refuse(|| format!("a sample of {series} is older than samples are kept"));
        }
        if millis > times.asked.saturating_add(FUTURE_MILLIS) {
            return read.refuse(|| format!("a sample of {series} is more than ten minutes in the future"));
        }
        known.has_own_time = own_time.is_some();
        let (tenant, time) = (terms.tenant, UnixNanos(millis * 1_000_000));
        if let Some(exemplar) = &sample.exemplar
            && let Ok(labels) = exemplar.labels(&terms.limits())
            && exemplar.value.is_finite()
        {
            let at = exemplar.timestamp_ms.filter(|at| (times.oldest..=times.asked + FUTURE_MILLIS).contains(at));
            let at = UnixNanos(at.unwrap_or(millis) * 1_000_000);
            let exemplar = Exemplar::from_labels(labels.iter(), exemplar.value, at, &terms.redactor);
            read.metrics.exemplars.push(NewExemplar { tenant, series: series.clone(), exemplar });
        }
        read.metrics.samples.push(NewSample { tenant, series, time, value: sample.value });
    }

    /// How many series are remembered.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether the answer that was read last has samples of a family.
    fn has_family(names: &HashSet<&str>, family: &str) -> bool {
        const SUFFIXES: [&str; 7] = ["", "_total", "_bucket", "_count", "_sum", "_info", "_created"];
        SUFFIXES.iter().any(|suffix| names.contains(format!("{family}{suffix}").as_str()))
    }

    /// The target has failed, or is asked no more: all of its series end now.
    pub fn end_all(&mut self, tenant: TenantId, asked: i64) -> Vec<NewSample> {
        let time = UnixNanos(asked * 1_000_000);
        let mut ends = Vec::new();
        // One that comes back the same is known still.
        self.known.retain(|_, known| {
            let was_alive = std::mem::take(&mut known.is_alive);
            if was_alive && let Some(series) = known.labels.clone() {
                ends.push(NewSample { tenant, series, time, value: STALE });
            }
            was_alive
        });
        ends
    }
}

#[derive(Debug, Default)]
struct Said {
    kind: &'static str,
    help: String,
    unit: String,
}

/// What is told of a scrape, as series of the target.
pub fn report(terms: &Terms, asked: i64, figures: &[(&str, f64)]) -> Vec<NewSample> {
    let (tenant, time) = (terms.tenant, UnixNanos(asked * 1_000_000));
    let sample = |(name, value): &(&str, f64)| {
        let others = terms.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let series = Labels::new(others.chain([(NAME, *name)]));
        NewSample { tenant, series, time, value: *value }
    };
    figures.iter().map(sample).collect()
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
