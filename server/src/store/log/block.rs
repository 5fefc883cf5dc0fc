//! The stored form of a run of log records with consecutive ids.
//!
//! A payload is a version byte and two zstd frames: the narrow columns (times, levels, services, trace and span
//! ids), and the texts (messages, attributes). A search that the narrow columns decide never unpacks the texts.
//! Integers are LEB128 varints, times are zigzag deltas, services and trace ids are indexes into dictionaries.

use std::collections::HashMap;

use app::model::{Level, LogId, LogRecord, SpanId, TraceId, UnixNanos};
use serde::{Deserialize, Serialize};

use super::{
    NewLogRecord,
    words::{each_stored_prefix, each_word},
};
use crate::store::{
    StoreError, StoreResult,
    bloom::BloomBuilder,
    column::{Reader, damaged, pack, put_bytes, put_varint, unpack, unzigzag, zigzag},
};

const VERSION: u8 = 1;

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
    let mut narrow = Vec::with_capacity(records.len() * 8);
    let mut text = Vec::with_capacity(records.iter().map(NewLogRecord::size).sum());
    let mut bloom = BloomBuilder::default();
    let mut summary = SummaryBuilder::default();
    let mut scratch = String::new();

    put_varint(&mut narrow, records.len() as u64);
    let mut previous = 0;
    for record in records {
        put_varint(&mut narrow, zigzag(record.timestamp.0.wrapping_sub(previous)));
        previous = record.timestamp.0;
    }
    narrow.extend(records.iter().map(|record| record.level as u8));

    let services: Vec<usize> = records.iter().map(|record| summary.add(&record.service, record.level)).collect();
    put_varint(&mut narrow, summary.counts.len() as u64);
    for (service, _) in &summary.counts {
        put_bytes(&mut narrow, service.as_bytes());
    }
    for service in &services {
        put_varint(&mut narrow, *service as u64);
    }

    put_traces(&mut narrow, records, &mut bloom);
    for record in records {
        narrow.push(u8::from(record.span_id.is_some()));
    }
    records.iter().filter_map(|record| record.span_id).for_each(|span| narrow.extend(span.0));

    for record in records {
        put_varint(&mut text, record.message.len() as u64);
    }
    for record in records {
        put_varint(&mut text, record.attributes.len() as u64);
    }
    for record in records {
        text.extend(record.message.as_bytes());
        add_words(&record.message, &mut scratch, &mut bloom);
    }
    for record in records {
        text.extend(record.attributes.as_bytes());
        add_words(&record.attributes, &mut scratch, &mut bloom);
    }

    let mut payload = vec![VERSION];
    put_bytes(&mut payload, &pack(&narrow)?);
    put_bytes(&mut payload, &pack(&text)?);
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

fn put_traces(narrow: &mut Vec<u8>, records: &[NewLogRecord], bloom: &mut BloomBuilder) {
    let mut order: Vec<TraceId> = Vec::new();
    let mut index: HashMap<TraceId, u64> = HashMap::new();
    let references: Vec<u64> = records
        .iter()
        .map(|record| {
            record.trace_id.map_or(0, |trace| {
                *index.entry(trace).or_insert_with(|| {
                    order.push(trace);
                    order.len() as u64
                })
            })
        })
        .collect();
    put_varint(narrow, order.len() as u64);
    for trace in order {
        bloom.add(&trace.0);
        narrow.extend(trace.0);
    }
    for reference in references {
        put_varint(narrow, reference);
    }
}

fn add_words(text: &str, scratch: &mut String, bloom: &mut BloomBuilder) {
    each_word(text, scratch, |word| each_stored_prefix(word, |prefix| bloom.add(prefix.as_bytes())));
}

/// The narrow columns of a block, and its texts still packed.
pub struct NarrowBlock {
    /// Times.
    pub times: Vec<UnixNanos>,
    /// Levels.
    pub levels: Vec<Level>,
    services: Vec<String>,
    service_of: Vec<usize>,
    traces: Vec<TraceId>,
    trace_of: Vec<usize>,
    spans: Vec<Option<SpanId>>,
    packed_text: Vec<u8>,
}

impl NarrowBlock {
    /// How many records.
    pub fn record_count(&self) -> usize {
        self.times.len()
    }

    /// The service of a record.
    pub fn service(&self, index: usize) -> &str {
        &self.services[self.service_of[index]]
    }

    /// The trace of a record.
    pub fn trace_id(&self, index: usize) -> Option<TraceId> {
        self.trace_of[index].checked_sub(1).map(|trace| self.traces[trace])
    }

    /// The span of a record.
    pub fn span_id(&self, index: usize) -> Option<SpanId> {
        self.spans[index]
    }

    /// A record without its texts, which come from [`decode_text`].
    pub fn record(&self, index: usize, first_id: LogId, message: &str, attributes: &str) -> StoreResult<LogRecord> {
        let attributes = if attributes.is_empty() {
            serde_json::Map::new()
        } else {
            serde_json::from_str(attributes).map_err(|error| damaged(&format!("attributes: {error}")))?
        };
        Ok(LogRecord {
            id: LogId(first_id.0 + index as i64),
            timestamp: self.times[index],
            level: self.levels[index],
            service: self.service(index).to_owned(),
            message: message.to_owned(),
            trace_id: self.trace_id(index),
            span_id: self.spans[index],
            attributes,
        })
    }
}

/// Unpacks the narrow columns.
pub fn decode(payload: &[u8]) -> StoreResult<NarrowBlock> {
    let Some((&VERSION, rest)) = payload.split_first() else {
        return Err(damaged("unknown version of a log block"));
    };
    let mut outer = Reader::new(rest);
    let narrow = unpack(outer.bytes()?)?;
    let packed_text = outer.bytes()?.to_vec();

    let mut input = Reader::new(&narrow);
    let count = input.count()?;
    let mut time = 0_i64;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        time = time.wrapping_add(unzigzag(input.varint()?));
        times.push(UnixNanos(time));
    }
    let levels = input.take(count)?.iter().map(|level| level_of(*level)).collect::<StoreResult<_>>()?;
    let service_count = input.count()?;
    let services = (0..service_count).map(|_| input.text().map(str::to_owned)).collect::<StoreResult<Vec<_>>>()?;
    let service_of = input.indexes(count, service_count)?;
    let trace_count = input.count()?;
    let traces = (0..trace_count).map(|_| Ok(TraceId(input.array::<16>()?))).collect::<StoreResult<Vec<_>>>()?;
    let trace_of = input.indexes(count, trace_count + 1)?;
    let present = input.take(count)?.to_vec();
    let spans = present
        .into_iter()
        .map(|present| if present == 0 { Ok(None) } else { Ok(Some(SpanId(input.array::<8>()?))) })
        .collect::<StoreResult<_>>()?;
    Ok(NarrowBlock { times, levels, services, service_of, traces, trace_of, spans, packed_text })
}

/// The texts of a block.
pub struct TextBlock {
    bytes: Vec<u8>,
    /// Ends of messages, then of attributes.
    ends: Vec<usize>,
    start: usize,
    records: usize,
}

impl TextBlock {
    fn slice(&self, index: usize) -> &str {
        let from = if index == 0 { self.start } else { self.ends[index - 1] };
        std::str::from_utf8(&self.bytes[from..self.ends[index]]).unwrap_or_default()
    }

    /// How many records.
    pub fn records(&self) -> usize {
        self.records
    }

    /// All texts, one after the other.
    pub fn joined(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Whose text has the byte at this place of [`joined`](Self::joined), and where that text ends.
    pub fn text_at(&self, place: usize) -> (usize, usize) {
        let text = self.ends.partition_point(|end| *end <= self.start + place);
        (text % self.records, self.ends[text] - self.start)
    }

    /// The message of a record.
    pub fn message(&self, index: usize) -> &str {
        self.slice(index)
    }

    /// The attributes of a record as JSON text; empty for none.
    pub fn attributes(&self, index: usize) -> &str {
        self.slice(self.records + index)
    }
}

/// Unpacks the texts.
pub fn decode_text(block: &NarrowBlock) -> StoreResult<TextBlock> {
    let bytes = unpack(&block.packed_text)?;
    let records = block.record_count();
    let mut input = Reader::new(&bytes);
    let mut lengths = Vec::with_capacity(records * 2);
    for _ in 0..records * 2 {
        lengths.push(input.varint()? as usize);
    }
    let start = bytes.len() - input.left();
    let mut end = start;
    let mut ends = Vec::with_capacity(lengths.len());
    for length in lengths {
        end = end.checked_add(length).filter(|end| *end <= bytes.len()).ok_or_else(|| damaged("a text's length"))?;
        ends.push(end);
    }
    Ok(TextBlock { bytes, ends, start, records })
}

/// Unpacks whole records in the order of ids, as they came in.
pub fn decode_new(payload: &[u8]) -> StoreResult<Vec<NewLogRecord>> {
    let block = decode(payload)?;
    let text = decode_text(&block)?;
    let records = (0..block.record_count()).map(|index| NewLogRecord {
        timestamp: block.times[index],
        level: block.levels[index],
        service: block.service(index).to_owned(),
        message: text.message(index).to_owned(),
        trace_id: block.trace_id(index),
        span_id: block.spans[index],
        attributes: text.attributes(index).to_owned(),
    });
    Ok(records.collect())
}

fn level_of(byte: u8) -> StoreResult<Level> {
    Level::ALL.get(usize::from(byte)).copied().ok_or_else(|| damaged("a level"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::{bloom::BloomView, log::LogMatcher};

    fn record() -> impl Strategy<Value = NewLogRecord> {
        (
            any::<i64>(),
            0..6_usize,
            "[a-z]{1,8}",
            "\\PC{0,40}",
            proptest::option::of(any::<[u8; 16]>()),
            proptest::option::of(any::<[u8; 8]>()),
            proptest::bool::ANY,
        )
            .prop_map(|(time, level, service, message, trace, span, fields)| NewLogRecord {
                timestamp: UnixNanos(time),
                level: Level::ALL[level],
                service,
                message,
                trace_id: trace.map(TraceId),
                span_id: span.map(SpanId),
                attributes: if fields { r#"{"user":"u4411","n":3}"#.into() } else { String::new() },
            })
    }

    proptest! {
        #[test]
        fn records_survive_packing(records in proptest::collection::vec(record(), 1..60)) {
            let block = encode(&records).unwrap();
            prop_assert_eq!(decode_new(&block.payload).unwrap(), records.clone());
            prop_assert_eq!(block.summary.count(None, Level::Trace), records.len() as u64);
            for record in &records {
                let filter = app::model::LogFilter {
                    trace_id: record.trace_id,
                    search: record
                        .message
                        .split(|c: char| !c.is_alphanumeric())
                        .next()
                        .filter(|word| !word.is_empty())
                        .map(str::to_owned),
                    ..Default::default()
                };
                let matcher = LogMatcher::new(&filter).unwrap();
                prop_assert!(matcher.may_match(BloomView(&block.filter)));
            }
        }

        #[test]
        fn damage_is_an_error_and_never_a_panic(records in proptest::collection::vec(record(), 1..20), at in any::<usize>(), byte in any::<u8>()) {
            let mut payload = encode(&records).unwrap().payload;
            let at = at % payload.len();
            payload[at] = byte;
            let _either = decode_new(&payload);
            let _short = decode_new(&payload[..at]);
        }
    }

    #[test]
    fn ordinary_lines_take_few_bytes() {
        let records: Vec<_> = (0..8192_i64)
            .map(|n| NewLogRecord {
                timestamp: UnixNanos(1_790_000_000_000_000_000 + n * 1_000_000),
                level: Level::Info,
                service: "gateway".into(),
                message: format!("GET /v1/orders/{} 200 {} ms", n * 7919 % 10_000, n % 97),
                trace_id: None,
                span_id: None,
                attributes: String::new(),
            })
            .collect();
        let block = encode(&records).unwrap();
        let size = (block.payload.len() + block.filter.len()) / records.len();
        assert!(size < 30, "{size} bytes a record");
    }
}
