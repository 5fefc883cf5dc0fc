//! The stored form of a run of log records with consecutive ids.
//!
//! A payload is a version byte, the number of records, and parts that are packed each by itself: times; levels and
//! services; which record is of which trace and has a span; the ids of traces and spans; the
//! [`messages`](super::messages); the [`attributes`](crate::store::attributes), which are packed by key; and, if there are
//! any, attributes that are no objects or too different from others, as texts. A search unpacks the narrow ones, and of
//! the texts what it asks for. Integers are LEB128 varints, times are zigzag deltas, services are indexes into a
//! dictionary, and of a trace it is told how many traces ago it was first seen.
//!
//! Version 1, which is still read, had all narrow columns in one frame and all texts in another.

use std::{borrow::Cow, cell::OnceCell, collections::HashMap};

use app::model::{Level, SpanId, TraceId, UnixNanos};
use serde::{Deserialize, Serialize};

use super::{
    NewLogRecord,
    messages::{self, Messages},
    texts::BlockTexts,
    words::{each_stored_prefix, each_word},
};
use crate::store::{
    StoreError, StoreResult,
    attributes::{Attributes, AttributesBuilder, OpenAttributes},
    bloom::BloomBuilder,
    column::{Reader, damaged, put_bytes, put_varint, restore, store, store_values, unpack, unzigzag, zigzag},
    texts::{Texts, put_texts},
};

const VERSION: u8 = 2;
const VERSION_1: u8 = 1;

/// Counts of a block by service and level, in the order of [`Level::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BlockSummary(pub Vec<(String, [u32; 6])>);

impl BlockSummary {
    /// The stored form.
    pub fn to_bytes(&self) -> StoreResult<Vec<u8>> {
        postcard::to_stdvec(self).map_err(|error| StoreError::Damaged(error.to_string()))
    }

    /// From the stored form.
    pub fn from_bytes(bytes: &[u8]) -> StoreResult<Self> {
        postcard::from_bytes(bytes).map_err(|error| StoreError::Damaged(format!("a block summary: {error}")))
    }

    /// Records of one service, or of all, at this level or above.
    pub fn count(&self, service: Option<&str>, level: Level) -> u64 {
        let of = self.0.iter().filter(|(name, _)| service.is_none_or(|wanted| wanted == name));
        of.flat_map(|(_, counts)| &counts[level as usize..]).map(|count| u64::from(*count)).sum()
    }
}

/// A block ready to be stored.
#[derive(Debug, Clone)]
pub struct Block {
    /// How many records.
    pub records: usize,
    /// Earliest time.
    pub min_time: UnixNanos,
    /// Latest time.
    pub max_time: UnixNanos,
    /// A bit for each level that occurs.
    pub levels: i64,
    /// Counts by service and level.
    pub summary: BlockSummary,
    /// Bloom filter over beginnings of words and trace ids.
    pub filter: Vec<u8>,
    /// The records.
    pub payload: Vec<u8>,
}

/// Packs records in the order of their ids.
pub fn encode(records: &[NewLogRecord]) -> StoreResult<Block> {
    let mut bloom = BloomBuilder::default();
    let mut summary = SummaryBuilder::default();
    let mut payload = vec![VERSION];
    put_varint(&mut payload, records.len() as u64);

    let mut times = Vec::with_capacity(records.len() * 5);
    let mut previous = 0;
    for record in records {
        put_varint(&mut times, zigzag(record.timestamp.0.wrapping_sub(previous)));
        previous = record.timestamp.0;
    }
    put_bytes(&mut payload, &store_values(&times)?);

    let services: Vec<usize> = records.iter().map(|record| summary.add(&record.service, record.level)).collect();
    let mut origins: Vec<u8> = records.iter().map(|record| record.level as u8).collect();
    put_varint(&mut origins, summary.counts.len() as u64);
    put_texts(&mut origins, summary.counts.iter().map(|(service, _)| service.as_str()));
    for service in &services {
        put_varint(&mut origins, *service as u64);
    }
    put_bytes(&mut payload, &store_values(&origins)?);

    let (references, ids) = put_ids(records, &mut bloom);
    put_bytes(&mut payload, &store_values(&references)?);
    put_bytes(&mut payload, &store(&ids)?);

    let mut scratch = String::new();
    let mut teach = |text: &str| {
        each_word(text, &mut scratch, |word| each_stored_prefix(word, |prefix| bloom.add(prefix.as_bytes())));
    };
    let texts: Vec<&str> = records.iter().map(|record| record.message.as_str()).collect();
    for message in &texts {
        teach(message);
    }
    put_bytes(&mut payload, &messages::encode(&texts)?);

    let mut attributes = AttributesBuilder::default();
    let odd: Vec<&str> = records
        .iter()
        .enumerate()
        .map(|(at, record)| if attributes.add(at, &record.attributes) { "" } else { record.attributes.as_str() })
        .collect();
    for odd in &odd {
        teach(odd);
    }
    for (key, values) in attributes.contents() {
        teach(key);
        // As it stands in the text that is searched.
        teach(&serde_json::to_string(key).unwrap_or_default());
        values.for_each(|value| teach(value.as_written()));
    }
    put_bytes(&mut payload, &attributes.build(records.len())?);
    if odd.iter().any(|odd| !odd.is_empty()) {
        let mut texts = Vec::new();
        put_texts(&mut texts, odd.into_iter());
        put_bytes(&mut payload, &store(&texts)?);
    }
    Ok(Block {
        records: records.len(),
        min_time: records.iter().map(|record| record.timestamp).min().unwrap_or_default(),
        max_time: records.iter().map(|record| record.timestamp).max().unwrap_or_default(),
        levels: records.iter().fold(0, |mask, record| mask | 1 << record.level as i64),
        summary: BlockSummary(summary.counts),
        filter: bloom.build(),
        payload,
    })
}

#[derive(Default)]
struct SummaryBuilder {
    counts: Vec<(String, [u32; 6])>,
    index: HashMap<String, usize>,
}

impl SummaryBuilder {
    /// Counts a record and returns the index of its service.
    fn add(&mut self, service: &str, level: Level) -> usize {
        let index = self.index.get(service).copied().unwrap_or_else(|| {
            self.counts.push((service.to_owned(), [0; 6]));
            self.index.insert(service.to_owned(), self.counts.len() - 1);
            self.counts.len() - 1
        });
        self.counts[index].1[level as usize] += 1;
        index
    }
}

/// No trace; one that was not seen before in the block; otherwise how many traces ago it was first seen, and this.
const NO_TRACE: u64 = 0;
const NEXT_TRACE: u64 = 1;
const FIRST_DISTANCE: u64 = 2;

/// Which trace a record is of and whether it has a span; and the ids of these, each trace once.
fn put_ids(records: &[NewLogRecord], bloom: &mut BloomBuilder) -> (Vec<u8>, Vec<u8>) {
    let (mut references, mut ids) = (Vec::with_capacity(records.len() * 2), Vec::new());
    let mut seen: HashMap<TraceId, u64> = HashMap::new();
    for record in records {
        let told = match record.trace_id {
            None => NO_TRACE,
            Some(trace) => {
                let next = seen.len() as u64;
                if let Some(number) = seen.get(&trace) {
                    next - number - 1 + FIRST_DISTANCE
                } else {
                    seen.insert(trace, next);
                    bloom.add(&trace.0);
                    ids.extend(trace.0);
                    NEXT_TRACE
                }
            }
        };
        put_varint(&mut references, told);
    }
    for record in records {
        references.push(u8::from(record.span_id.is_some()));
    }
    records.iter().filter_map(|record| record.span_id).for_each(|span| ids.extend(span.0));
    (references, ids)
}

/// The narrow columns of a block, and its texts still packed.
pub struct LogBlock<'a> {
    /// Times.
    pub times: Vec<UnixNanos>,
    /// Levels.
    pub levels: Vec<Level>,
    services: Vec<String>,
    service_of: Vec<u32>,
    packed_ids: Option<(&'a [u8], &'a [u8])>,
    ids: OnceCell<Ids<'a>>,
    texts: PackedTexts<'a>,
}

/// Which traces and spans records are of.
struct Ids<'a> {
    /// Of a record the number of its trace and one, and so of its span; zero for none.
    of: Vec<(u32, u32)>,
    /// How many traces there are.
    traces: usize,
    /// The ids of traces, then those of spans.
    bytes: Cow<'a, [u8]>,
}

impl<'a> Ids<'a> {
    /// Of so many records, from what [`put_ids`] wrote.
    fn read((references, ids): (&[u8], &'a [u8]), count: usize) -> StoreResult<Self> {
        let references = restore(references)?;
        let mut input = Reader::new(&references);
        let mut trace_of = Vec::with_capacity(count);
        let mut traces = 0_u32;
        for _ in 0..count {
            trace_of.push(match input.varint()? {
                NO_TRACE => 0,
                NEXT_TRACE => {
                    traces += 1;
                    traces
                }
                told => u32::try_from(told - FIRST_DISTANCE)
                    .ok()
                    .and_then(|ago| traces.checked_sub(ago))
                    .filter(|number| *number > 0)
                    .ok_or_else(|| damaged("a trace that was not seen before"))?,
            });
        }
        Self::new(trace_of, traces as usize, input.take(count)?, restore(ids)?)
    }

    fn new(trace_of: Vec<u32>, traces: usize, has_span: &[u8], bytes: Cow<'a, [u8]>) -> StoreResult<Self> {
        let mut spans = 0;
        let of: Vec<(u32, u32)> = trace_of
            .into_iter()
            .zip(has_span)
            .map(|(trace, has_span)| {
                let has_span = u32::from(*has_span != 0);
                spans += has_span;
                (trace, spans * has_span)
            })
            .collect();
        if bytes.len() < traces * size_of::<TraceId>() + spans as usize * size_of::<SpanId>() {
            return Err(damaged("too few ids"));
        }
        Ok(Self { of, traces, bytes })
    }

    fn get(&self, index: usize) -> StoreResult<(Option<TraceId>, Option<SpanId>)> {
        let (trace, span) = self.of[index];
        let from = |at: usize| Reader::new(self.bytes.get(at..).unwrap_or_default());
        let trace = trace.checked_sub(1).map(|trace| from(trace as usize * size_of::<TraceId>()).array());
        let begin = self.traces * size_of::<TraceId>();
        let span = span.checked_sub(1).map(|span| from(begin + span as usize * size_of::<SpanId>()).array());
        Ok((trace.transpose()?.map(TraceId), span.transpose()?.map(SpanId)))
    }
}

/// Texts as they are stored.
enum PackedTexts<'a> {
    /// Messages, then attributes, in one frame.
    Joined(&'a [u8]),
    Columns {
        messages: &'a [u8],
        attributes: &'a [u8],
        /// Attributes that have no columns.
        odd: Option<&'a [u8]>,
    },
}

impl<'a> LogBlock<'a> {
    /// Unpacks the narrow columns of a payload.
    pub fn read(payload: &'a [u8]) -> StoreResult<Self> {
        let (version, rest) = payload.split_first().ok_or_else(|| damaged("a log block without a version"))?;
        match *version {
            VERSION => Self::read_columns(rest),
            VERSION_1 => Self::read_version_1(rest),
            _ => Err(damaged("unknown version of a log block")),
        }
    }

    fn read_columns(parts: &'a [u8]) -> StoreResult<Self> {
        let mut parts = Reader::new(parts);
        let count = parts.varint()? as usize;
        let times = restore(parts.bytes()?)?;
        let times = read_times(&mut Reader::new(&times), count)?;
        let origins = restore(parts.bytes()?)?.into_owned();
        let mut input = Reader::new(&origins);
        let levels = read_levels(&mut input, count)?;
        let service_count = input.count()?;
        let begin = origins.len() - input.left();
        let services = Texts::read(origins, begin, service_count)?;
        let service_of = Reader::new(services.rest()).indexes(count, service_count)?;

        let packed_ids = Some((parts.bytes()?, parts.bytes()?));
        let (messages, attributes) = (parts.bytes()?, parts.bytes()?);
        let odd = if parts.left() > 0 { Some(parts.bytes()?) } else { None };
        if parts.left() > 0 {
            return Err(damaged("it has a part too many"));
        }
        Ok(Self {
            times,
            levels,
            services: (0..service_count).map(|at| services.get(at).to_owned()).collect(),
            service_of,
            packed_ids,
            ids: OnceCell::new(),
            texts: PackedTexts::Columns { messages, attributes, odd },
        })
    }

    fn read_version_1(parts: &'a [u8]) -> StoreResult<Self> {
        let mut outer = Reader::new(parts);
        let narrow = unpack(outer.bytes()?)?;
        let texts = PackedTexts::Joined(outer.bytes()?);

        let mut input = Reader::new(&narrow);
        let count = input.count()?;
        let times = read_times(&mut input, count)?;
        let levels = read_levels(&mut input, count)?;
        let service_count = input.count()?;
        let services = (0..service_count).map(|_| input.text().map(str::to_owned)).collect::<StoreResult<Vec<_>>>()?;
        let service_of = input.indexes(count, service_count)?;
        let trace_count = input.count()?;
        let mut ids = input.take(trace_count.saturating_mul(size_of::<TraceId>()))?.to_vec();
        let trace_of = input.indexes(count, trace_count + 1)?;
        let has_span = input.take(count)?;
        ids.extend(input.take(input.left())?);
        let ids = OnceCell::from(Ids::new(trace_of, trace_count, has_span, Cow::Owned(ids))?);
        Ok(Self { times, levels, services, service_of, packed_ids: None, ids, texts })
    }

    /// How many records.
    pub fn records(&self) -> usize {
        self.times.len()
    }

    /// The service of a record.
    pub fn service(&self, index: usize) -> &str {
        &self.services[self.service_number(index)]
    }

    /// Trace and span of a record. Those of all are unpacked when they are first asked for.
    pub fn ids(&self, index: usize) -> StoreResult<(Option<TraceId>, Option<SpanId>)> {
        let ids = match (self.ids.get(), self.packed_ids) {
            (Some(ids), _) => ids,
            (None, Some(packed)) => {
                let ids = Ids::read(packed, self.records())?;
                self.ids.get_or_init(|| ids)
            }
            (None, None) => return Err(damaged("a block without ids")),
        };
        ids.get(index)
    }

    /// The number of a record's service among those of [`services`](Self::services).
    pub fn service_number(&self, index: usize) -> usize {
        self.service_of[index] as usize
    }

    /// The services of the records.
    pub fn services(&self) -> &[String] {
        &self.services
    }

    /// Unpacks messages and attributes of a version that has them in one frame.
    pub fn joined(&self) -> StoreResult<Option<(Messages, StoredAttributes)>> {
        let PackedTexts::Joined(packed) = self.texts else { return Ok(None) };
        let records = self.records();
        let (messages, attributes) = Texts::read(unpack(packed)?, 0, records * 2)?.split_at(records);
        Ok(Some((Messages::whole(messages), StoredAttributes::Texts(attributes))))
    }

    /// Unpacks the messages.
    pub fn messages(&self) -> StoreResult<Messages> {
        match self.texts {
            PackedTexts::Joined(_) => Err(damaged("its texts are not in columns")),
            PackedTexts::Columns { messages, .. } => Messages::read(messages, self.records()),
        }
    }

    /// Unpacks the attributes.
    pub fn attributes(&self) -> StoreResult<StoredAttributes> {
        let PackedTexts::Columns { attributes, odd, .. } = self.texts else {
            return Err(damaged("its texts are not in columns"));
        };
        let attributes = Attributes::read(attributes, self.records())?;
        if attributes.has_odd() != odd.is_some() {
            return Err(damaged("a part is missing"));
        }
        let odd = odd.map(|odd| Texts::read(restore(odd)?.into_owned(), 0, self.records())).transpose()?;
        Ok(StoredAttributes::Columns(attributes.open()?, odd))
    }
}

/// Attributes of a block's records.
pub enum StoredAttributes {
    /// JSON texts, empty for none.
    Texts(Texts),
    /// Columns, and a text for each record that has none of them.
    Columns(OpenAttributes, Option<Texts>),
}

impl StoredAttributes {
    /// The attributes of a record as a JSON text, empty for none.
    pub fn write(&self, index: usize, out: &mut String) {
        match self {
            Self::Texts(texts) => out.push_str(texts.get(index)),
            Self::Columns(columns, odd) => {
                columns.write(index, out);
                if let Some(odd) = odd.as_ref().filter(|_| out.is_empty()) {
                    out.push_str(odd.get(index));
                }
            }
        }
    }

    /// Bytes of what is unpacked.
    pub fn size(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.size(),
            Self::Columns(columns, odd) => columns.size() + odd.as_ref().map_or(0, Texts::size),
        }
    }
}

fn read_times(input: &mut Reader<'_>, count: usize) -> StoreResult<Vec<UnixNanos>> {
    if count > input.left() {
        return Err(damaged("a number of records"));
    }
    let mut time = 0_i64;
    let mut next = || -> StoreResult<UnixNanos> {
        time = time.wrapping_add(unzigzag(input.varint()?));
        Ok(UnixNanos(time))
    };
    (0..count).map(|_| next()).collect()
}

fn read_levels(input: &mut Reader<'_>, count: usize) -> StoreResult<Vec<Level>> {
    let level_of = |byte: &u8| Level::ALL.get(usize::from(*byte)).copied().ok_or_else(|| damaged("a level"));
    input.take(count)?.iter().map(level_of).collect()
}

/// Unpacks whole records in the order of ids, as they came in.
pub fn decode_new(payload: &[u8]) -> StoreResult<Vec<NewLogRecord>> {
    let block = LogBlock::read(payload)?;
    let mut texts = BlockTexts::new(&block);
    let mut record = |index: usize| {
        let (trace_id, span_id) = block.ids(index)?;
        let (mut message, mut json) = (String::new(), String::new());
        texts.messages()?.write(index, &mut message);
        texts.attributes()?.write(index, &mut json);
        Ok(NewLogRecord {
            timestamp: block.times[index],
            level: block.levels[index],
            service: block.service(index).to_owned(),
            message,
            trace_id,
            span_id,
            attributes: json,
        })
    };
    (0..block.records()).map(&mut record).collect()
}

#[cfg(test)]
pub(super) mod tests;
