//! The stored form of a run of spans.
//!
//! A payload is a version byte, the number of spans, and three parts: the narrow columns (traces, ids, times, kinds, and
//! indexes into dictionaries of names, services, resources and scopes) as a zstd frame, the [`attributes`](crate::store::attributes),
//! each column packed by itself, and the texts (events, links, messages) as a zstd frame. The spans of a trace lie
//! together; a parent in the same block is told by its distance.
//!
//! Version 1, which is still read, had no columns of attributes: they were texts.

use std::{
    borrow::{Borrow, Cow},
    io::Read,
    ops::Range,
    sync::Arc,
};

use app::model::{Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus, TraceId, UnixNanos};
use foldhash::{HashMap, HashMapExt};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Map;

use super::{NewSpan, group_by_trace, matcher::attribute_key};
use crate::store::{
    StoreError, StoreResult,
    attributes::{Attributes, AttributesBuilder, JsonValue, members},
    bloom::{BloomBuilder, BloomView},
    column::{Reader, damaged, pack, put_bytes, put_varint, unpack, unpacked_bytes, unzigzag, zigzag},
};

const VERSION: u8 = 2;
const VERSION_1: u8 = 1;
/// How a parent is told: there is none; it is written out; otherwise it is in the block, at a distance.
const NO_PARENT: u64 = 0;
const PARENT_ELSEWHERE: u64 = 1;
const FIRST_DISTANCE: u64 = 2;
/// Texts of a span: attributes that have no columns, events, links, message.
const TEXTS: usize = 4;
/// Longest head of the narrow columns, and longest entry of a trace there, in bytes.
const NARROW_HEAD: usize = 20;
const TRACE_ENTRY: usize = 26;

/// Spans of a block by service: how many, and how many of them failed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BlockSummary(pub Vec<(String, u32, u32)>);

impl BlockSummary {
    /// The stored form.
    pub fn to_bytes(&self) -> StoreResult<Vec<u8>> {
        postcard::to_stdvec(self).map_err(|error| StoreError::Damaged(error.to_string()))
    }

    /// From the stored form.
    pub fn from_bytes(bytes: &[u8]) -> StoreResult<Self> {
        postcard::from_bytes(bytes).map_err(|error| damaged(&format!("its summary: {error}")))
    }
}

/// A block ready to be stored.
#[derive(Debug, Clone)]
pub struct Block {
    /// How many spans.
    pub spans: usize,
    /// Earliest start.
    pub min_time: UnixNanos,
    /// Latest start.
    pub max_time: UnixNanos,
    /// By service.
    pub summary: BlockSummary,
    /// Bloom filter over traces, spans, operations and attributes.
    pub filter: Vec<u8>,
    /// The spans.
    pub payload: Vec<u8>,
}

/// What the filter holds of a span.
fn span_key(trace: TraceId, span: SpanId) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(&trace.0);
    key[16..].copy_from_slice(&span.0);
    key
}

/// Whether a block with this filter may hold spans of the trace.
pub fn may_hold_trace(filter: &[u8], trace: TraceId) -> bool {
    BloomView(filter).may_contain(&trace.0)
}

/// Whether a block with this filter may hold the span.
pub fn may_hold_span(filter: &[u8], trace: TraceId, span: SpanId) -> bool {
    BloomView(filter).may_contain(&span_key(trace, span))
}

/// A dictionary of texts in the order in which they first occur.
#[derive(Default)]
struct Dictionary<'a> {
    index: HashMap<&'a str, usize>,
    texts: Vec<&'a str>,
}

impl<'a> Dictionary<'a> {
    fn add(&mut self, text: &'a str) -> u64 {
        let index = *self.index.entry(text).or_insert_with(|| {
            self.texts.push(text);
            self.texts.len() - 1
        });
        index as u64
    }

    fn write(&self, out: &mut Vec<u8>) {
        put_varint(out, self.texts.len() as u64);
        for text in &self.texts {
            put_bytes(out, text.as_bytes());
        }
    }
}

/// Packs spans. Within the block they are put in another order.
pub fn encode(spans: &[impl Borrow<NewSpan>]) -> StoreResult<Block> {
    let mut bloom = BloomBuilder::default();
    let groups = group_by_trace(spans);
    let order: Vec<&NewSpan> = groups.iter().flat_map(|group| &group.spans).map(|at| spans[*at].borrow()).collect();
    let mut narrow = Vec::with_capacity(spans.len() * 32);

    put_varint(&mut narrow, order.len() as u64);
    put_varint(&mut narrow, groups.len() as u64);
    for group in &groups {
        bloom.add(&group.trace_id.0);
        narrow.extend(group.trace_id.0);
        put_varint(&mut narrow, group.spans.len() as u64);
    }
    for span in &order {
        bloom.add(&span_key(span.trace_id, span.span_id));
        narrow.extend(span.span_id.0);
    }
    put_parents(&mut narrow, &order);
    let mut previous = 0;
    for span in &order {
        put_varint(&mut narrow, zigzag(span.start.0.wrapping_sub(previous)));
        previous = span.start.0;
    }
    for span in &order {
        put_varint(&mut narrow, span.duration_ns.max(0) as u64);
    }
    narrow.extend(order.iter().map(|span| span.kind as u8 * 4 + span.status as u8));
    let mut attributes = AttributesBuilder::default();
    put_dictionaries(&mut narrow, &order, &mut attributes, &mut bloom);
    let odd: Vec<&str> = order
        .iter()
        .enumerate()
        .map(|(at, span)| if attributes.add(at, &span.attributes) { "" } else { span.attributes.as_str() })
        .collect();
    for odd in odd.iter().filter(|odd| !odd.is_empty()) {
        teach(&mut bloom, members(odd));
    }
    for (key, values) in attributes.contents() {
        bloom.add(key.as_bytes());
        values.for_each(|value| bloom.add(&attribute_key(key, &value.text())));
    }

    let mut payload = vec![VERSION];
    put_varint(&mut payload, order.len() as u64);
    put_bytes(&mut payload, &pack(&narrow)?);
    put_bytes(&mut payload, &attributes.build(order.len())?);
    put_bytes(&mut payload, &pack(&texts_of(&order, &odd))?);
    Ok(Block {
        spans: order.len(),
        min_time: order.iter().map(|span| span.start).min().unwrap_or_default(),
        max_time: order.iter().map(|span| span.start).max().unwrap_or_default(),
        summary: summary_of(&order),
        filter: bloom.build(),
        payload,
    })
}

/// Tells the filter of each member of an object.
fn teach(bloom: &mut BloomBuilder, members: Vec<(Cow<'_, str>, JsonValue<'_>)>) {
    for (key, value) in members {
        bloom.add(key.as_bytes());
        bloom.add(&attribute_key(&key, &value.text()));
    }
}

fn put_parents(narrow: &mut Vec<u8>, order: &[&NewSpan]) {
    let places: HashMap<(TraceId, SpanId), usize> =
        order.iter().enumerate().map(|(at, span)| ((span.trace_id, span.span_id), at)).collect();
    let mut elsewhere = Vec::new();
    for (at, span) in order.iter().enumerate() {
        let told = match span.parent {
            None => NO_PARENT,
            Some(parent) => {
                if let Some(place) = places.get(&(span.trace_id, parent)) {
                    zigzag(at as i64 - *place as i64) + FIRST_DISTANCE
                } else {
                    elsewhere.extend(parent.0);
                    PARENT_ELSEWHERE
                }
            }
        };
        put_varint(narrow, told);
    }
    put_bytes(narrow, &elsewhere);
}

/// Names, services, resources and scopes; the filter learns operations and what resources say.
fn put_dictionaries(
    narrow: &mut Vec<u8>,
    order: &[&NewSpan],
    attributes: &mut AttributesBuilder<'_>,
    bloom: &mut BloomBuilder,
) {
    let mut columns: [(Dictionary<'_>, Vec<u64>); 4] = Default::default();
    for span in order {
        let texts: [&str; 4] = [&span.name, &span.service, &span.resource, &span.scope];
        for ((dictionary, indexes), text) in columns.iter_mut().zip(texts) {
            indexes.push(dictionary.add(text));
        }
    }
    let [(names, _), _, (resources, _), _] = &columns;
    for name in &names.texts {
        bloom.add(&attribute_key("name", name));
    }
    for resource in &resources.texts {
        attributes.add_resource(resource);
        teach(bloom, members(resource));
    }
    for (dictionary, indexes) in &columns {
        dictionary.write(narrow);
        for index in indexes {
            put_varint(narrow, *index);
        }
    }
}

fn texts_of(order: &[&NewSpan], odd: &[&str]) -> Vec<u8> {
    let texts = || {
        let events = order.iter().map(|span| span.events.as_str());
        let links = order.iter().map(|span| span.links.as_str());
        let messages = order.iter().map(|span| span.status_message.as_str());
        odd.iter().copied().chain(events).chain(links).chain(messages)
    };
    let bytes: usize = texts().map(str::len).sum();
    let mut out = Vec::with_capacity(bytes + order.len() * TEXTS * 2);
    texts().for_each(|text| put_varint(&mut out, text.len() as u64));
    texts().for_each(|text| out.extend(text.as_bytes()));
    out
}

fn summary_of(order: &[&NewSpan]) -> BlockSummary {
    let mut index: HashMap<&str, usize> = HashMap::new();
    let mut summary = BlockSummary::default();
    for span in order {
        let at = *index.entry(&span.service).or_insert_with(|| {
            summary.0.push((span.service.to_string(), 0, 0));
            summary.0.len() - 1
        });
        summary.0[at].1 += 1;
        summary.0[at].2 += u32::from(span.status == SpanStatus::Error);
    }
    summary
}

/// The parts of a payload, still packed.
struct Stored<'a> {
    /// Not known of version 1.
    spans: Option<usize>,
    narrow: &'a [u8],
    /// Not there in version 1.
    attributes: Option<&'a [u8]>,
    texts: &'a [u8],
}

impl<'a> Stored<'a> {
    fn read(payload: &'a [u8]) -> StoreResult<Self> {
        let (version, rest) = payload.split_first().ok_or_else(|| damaged("a block of spans without a version"))?;
        let mut parts = Reader::new(rest);
        match *version {
            VERSION => {
                let (spans, narrow) = (parts.varint()? as usize, parts.bytes()?);
                // Each has an id of eight bytes there.
                if spans > unpacked_bytes(narrow)? / 8 {
                    return Err(damaged("a number of spans"));
                }
                Ok(Self { spans: Some(spans), narrow, attributes: Some(parts.bytes()?), texts: parts.bytes()? })
            }
            VERSION_1 => Ok(Self { spans: None, narrow: parts.bytes()?, attributes: None, texts: parts.bytes()? }),
            _ => Err(damaged("unknown version of a block of spans")),
        }
    }
}

/// What of a block a search can often do with: its attributes, and its traces without anything else of the narrow
/// columns.
pub struct Glance<'a> {
    /// How many spans.
    pub spans: usize,
    /// Their attributes.
    pub attributes: Attributes<'a>,
    narrow: &'a [u8],
}

impl<'a> Glance<'a> {
    /// Of a payload; none if it is of the first version.
    pub fn read(payload: &'a [u8]) -> StoreResult<Option<Self>> {
        let Stored { spans: Some(spans), narrow, attributes: Some(attributes), .. } = Stored::read(payload)? else {
            return Ok(None);
        };
        Ok(Some(Self { spans, attributes: Attributes::read(attributes, spans)?, narrow }))
    }

    /// The traces of spans at these places, which ascend; each once.
    pub fn traces_at(&self, places: impl Iterator<Item = usize>) -> StoreResult<Vec<TraceId>> {
        // Traces stand first: the rest of the frame is not unpacked.
        let unpacked =
            zstd::stream::read::Decoder::with_buffer(self.narrow).map_err(|error| damaged(&error.to_string()));
        let mut unpacked = unpacked?;
        let mut head = Vec::new();
        let mut more = |bytes: usize, head: &mut Vec<u8>| {
            let read = unpacked.by_ref().take(bytes as u64).read_to_end(head);
            read.map_err(|error| damaged(&error.to_string()))
        };
        more(NARROW_HEAD, &mut head)?;
        let mut input = Reader::new(&head);
        let (spans, traces) = (input.varint()? as usize, input.varint()? as usize);
        let begin = head.len() - input.left();
        if spans != self.spans || traces > spans {
            return Err(damaged("a number of spans"));
        }
        more(traces * TRACE_ENTRY, &mut head)?;
        let mut input = Reader::new(&head[begin..]);
        let mut found = Vec::new();
        let mut places = places.peekable();
        let mut end = 0;
        for _ in 0..traces {
            let id = TraceId(input.array::<16>()?);
            end += input.varint()? as usize;
            let mut has_one = false;
            while places.next_if(|place| *place < end).is_some() {
                has_one = true;
            }
            if has_one {
                found.push(id);
            }
        }
        Ok(found)
    }
}

/// The narrow columns of a block, and the rest still packed.
pub struct NarrowBlock {
    traces: Vec<TraceId>,
    trace_of: Vec<u32>,
    ids: Vec<SpanId>,
    parents: Vec<Option<SpanId>>,
    starts: Vec<UnixNanos>,
    durations: Vec<i64>,
    kinds: Vec<(SpanKind, SpanStatus)>,
    names: Column,
    services: Column,
    resources: Column,
    scopes: Column,
    packed_attributes: Option<Vec<u8>>,
    packed_text: Vec<u8>,
}

/// Indexes into a dictionary.
struct Column {
    texts: Vec<Arc<str>>,
    index: Vec<u32>,
}

impl Column {
    fn read(input: &mut Reader<'_>, count: usize) -> StoreResult<Self> {
        let texts = (0..input.count()?).map(|_| input.text().map(Arc::from)).collect::<StoreResult<Vec<_>>>()?;
        let index = input.indexes(count, texts.len())?;
        Ok(Self { texts, index })
    }

    fn get(&self, at: usize) -> &Arc<str> {
        &self.texts[self.index[at] as usize]
    }
}

/// Unpacks the narrow columns.
pub fn decode(payload: &[u8]) -> StoreResult<NarrowBlock> {
    let stored = Stored::read(payload)?;
    let narrow = unpack(stored.narrow)?;
    let mut input = Reader::new(&narrow);
    let count = input.count()?;
    if stored.spans.is_some_and(|spans| spans != count) {
        return Err(damaged("a number of spans"));
    }
    let (mut traces, mut trace_of) = (Vec::new(), Vec::with_capacity(count));
    for trace in 0..input.count()? {
        traces.push(TraceId(input.array::<16>()?));
        let spans = input.varint()? as usize;
        if spans > count - trace_of.len() {
            return Err(damaged("a trace has too many spans"));
        }
        trace_of.resize(trace_of.len() + spans, trace as u32);
    }
    if trace_of.len() != count {
        return Err(damaged("spans without a trace"));
    }
    let ids = (0..count).map(|_| input.array::<8>().map(SpanId)).collect::<StoreResult<Vec<_>>>()?;
    let parents = read_parents(&mut input, &ids)?;
    let mut time = 0_i64;
    let mut starts = Vec::with_capacity(count);
    for _ in 0..count {
        time = time.wrapping_add(unzigzag(input.varint()?));
        starts.push(UnixNanos(time));
    }
    let durations = (0..count)
        .map(|_| i64::try_from(input.varint()?).map_err(|_| damaged("a duration")))
        .collect::<StoreResult<_>>()?;
    let kinds = input.take(count)?.iter().map(|byte| kind_of(*byte)).collect::<StoreResult<_>>()?;
    let names = Column::read(&mut input, count)?;
    let services = Column::read(&mut input, count)?;
    let resources = Column::read(&mut input, count)?;
    let scopes = Column::read(&mut input, count)?;
    Ok(NarrowBlock {
        traces,
        trace_of,
        ids,
        parents,
        starts,
        durations,
        kinds,
        names,
        services,
        resources,
        scopes,
        packed_attributes: stored.attributes.map(<[u8]>::to_vec),
        packed_text: stored.texts.to_vec(),
    })
}

fn read_parents(input: &mut Reader<'_>, ids: &[SpanId]) -> StoreResult<Vec<Option<SpanId>>> {
    let told = (0..ids.len()).map(|_| input.varint()).collect::<StoreResult<Vec<_>>>()?;
    let mut elsewhere = Reader::new(input.bytes()?);
    let parent = |(at, told): (usize, u64)| match told {
        NO_PARENT => Ok(None),
        PARENT_ELSEWHERE => elsewhere.array::<8>().map(|id| Some(SpanId(id))),
        distance => {
            let place = (at as i64).checked_sub(unzigzag(distance - FIRST_DISTANCE));
            let parent = place.and_then(|place| ids.get(usize::try_from(place).ok()?));
            parent.copied().map(Some).ok_or_else(|| damaged("a parent is nowhere"))
        }
    };
    told.into_iter().enumerate().map(parent).collect()
}

fn kind_of(byte: u8) -> StoreResult<(SpanKind, SpanStatus)> {
    let kind = SpanKind::ALL.get(usize::from(byte / 4)).copied();
    let status = SpanStatus::ALL.get(usize::from(byte % 4)).copied();
    kind.zip(status).ok_or_else(|| damaged("a kind of span"))
}

/// The texts of a block.
pub struct TextBlock {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    start: usize,
    spans: usize,
}

impl TextBlock {
    fn slice(&self, column: usize, at: usize) -> &str {
        let index = column * self.spans + at;
        let from = if index == 0 { self.start } else { self.ends[index - 1] };
        std::str::from_utf8(&self.bytes[from..self.ends[index]]).unwrap_or_default()
    }

    /// Attributes of a span that have no columns; empty for none. In version 1 all of them are here.
    pub fn odd_attributes(&self, at: usize) -> &str {
        self.slice(0, at)
    }

    /// Events as JSON text; empty for none.
    pub fn events(&self, at: usize) -> &str {
        self.slice(1, at)
    }

    /// Links as JSON text; empty for none.
    pub fn links(&self, at: usize) -> &str {
        self.slice(2, at)
    }

    /// What is said of the status.
    pub fn status_message(&self, at: usize) -> &str {
        self.slice(3, at)
    }
}

impl NarrowBlock {
    /// How many spans.
    pub fn span_count(&self) -> usize {
        self.ids.len()
    }

    /// The trace of a span.
    pub fn trace_id(&self, at: usize) -> TraceId {
        self.traces[self.trace_of[at] as usize]
    }

    /// The id of a span.
    pub fn span_id(&self, at: usize) -> SpanId {
        self.ids[at]
    }

    /// When a span began.
    pub fn start(&self, at: usize) -> UnixNanos {
        self.starts[at]
    }

    /// The name of a span.
    pub fn name(&self, at: usize) -> &str {
        self.names.get(at)
    }

    /// The service of a span.
    pub fn service(&self, at: usize) -> &str {
        self.services.get(at)
    }

    /// The resource of a span as JSON text; empty for none.
    pub fn resource(&self, at: usize) -> &str {
        self.resources.get(at)
    }

    /// Which of the block's resources a span has.
    pub fn resource_number(&self, at: usize) -> usize {
        self.resources.index[at] as usize
    }

    /// The block's resources as JSON texts.
    pub fn resource_texts(&self) -> impl Iterator<Item = &str> {
        self.resources.texts.iter().map(|text| &**text)
    }

    /// Places of a trace's spans: they lie together.
    pub fn of_trace(&self, trace: TraceId) -> Range<usize> {
        let Some(wanted) = self.traces.iter().position(|known| *known == trace) else { return 0..0 };
        let wanted = wanted as u32;
        self.trace_of.partition_point(|of| *of < wanted)..self.trace_of.partition_point(|of| *of <= wanted)
    }

    /// Unpacks the texts.
    pub fn texts(&self) -> StoreResult<TextBlock> {
        let bytes = unpack(&self.packed_text)?;
        let spans = self.span_count();
        let mut input = Reader::new(&bytes);
        let lengths = (0..spans * TEXTS).map(|_| input.varint()).collect::<StoreResult<Vec<_>>>()?;
        let start = bytes.len() - input.left();
        let mut end = start;
        let mut ends = Vec::with_capacity(lengths.len());
        for length in lengths {
            let next = usize::try_from(length).ok().and_then(|length| end.checked_add(length));
            end = next.filter(|end| *end <= bytes.len()).ok_or_else(|| damaged("a text's length"))?;
            ends.push(end);
        }
        Ok(TextBlock { bytes, ends, start, spans })
    }

    /// The section of attributes, for [`Attributes::read`].
    pub fn attributes(&self) -> StoreResult<Cow<'_, [u8]>> {
        if let Some(section) = &self.packed_attributes {
            return Ok(Cow::Borrowed(section));
        }
        let texts = self.texts()?;
        let mut builder = AttributesBuilder::default();
        for at in 0..self.span_count() {
            builder.add(at, texts.odd_attributes(at));
        }
        self.resource_texts().for_each(|resource| builder.add_resource(resource));
        builder.build(self.span_count()).map(Cow::Owned)
    }

    /// How long a span took, in nanoseconds.
    pub fn duration_ns(&self, at: usize) -> i64 {
        self.durations[at]
    }

    /// A span's part between services, and how it ended.
    pub fn kind_and_status(&self, at: usize) -> (SpanKind, SpanStatus) {
        self.kinds[at]
    }

    /// A span without attributes, events, links and message.
    pub fn head(&self, at: usize) -> Span {
        let (kind, status) = self.kinds[at];
        Span {
            trace_id: self.trace_id(at),
            span_id: self.ids[at],
            parent_span_id: self.parents[at],
            name: self.name(at).to_owned(),
            kind,
            service: self.service(at).to_owned(),
            start: self.starts[at],
            duration_ns: self.durations[at],
            status,
            status_message: String::new(),
            attributes: Map::new(),
            resource: Map::new(),
            scope: String::new(),
            events: Vec::new(),
            links: Vec::new(),
        }
    }

    /// Whole spans.
    pub fn spans(&self, places: Range<usize>) -> StoreResult<Vec<Span>> {
        let texts = self.texts()?;
        let section = self.attributes()?;
        let attributes = Attributes::read(&section, self.span_count())?.objects(places.clone())?;
        let span = |(at, attributes): (usize, String)| {
            let attributes = if attributes.is_empty() { texts.odd_attributes(at) } else { &attributes };
            Ok(Span {
                status_message: texts.status_message(at).to_owned(),
                attributes: from_json(attributes)?,
                resource: from_json(self.resource(at))?,
                scope: self.scopes.get(at).to_string(),
                events: from_json::<Vec<SpanEvent>>(texts.events(at))?,
                links: from_json::<Vec<SpanLink>>(texts.links(at))?,
                ..self.head(at)
            })
        };
        places.zip(attributes).map(span).collect()
    }
}

fn from_json<T: Default + DeserializeOwned>(text: &str) -> StoreResult<T> {
    if text.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_str(text).map_err(|error| damaged(&format!("a span's fields: {error}")))
}

/// Unpacks whole spans as they came in.
pub fn decode_new(payload: &[u8]) -> StoreResult<Vec<NewSpan>> {
    let block = decode(payload)?;
    let texts = block.texts()?;
    let section = block.attributes()?;
    let attributes = Attributes::read(&section, block.span_count())?.objects(0..block.span_count())?;
    let spans = attributes.into_iter().enumerate().map(|(at, attributes)| NewSpan {
        trace_id: block.trace_id(at),
        span_id: block.ids[at],
        parent: block.parents[at],
        name: block.name(at).to_owned(),
        kind: block.kinds[at].0,
        service: block.services.get(at).clone(),
        start: block.starts[at],
        duration_ns: block.durations[at],
        status: block.kinds[at].1,
        status_message: texts.status_message(at).to_owned(),
        attributes: if attributes.is_empty() { texts.odd_attributes(at).to_owned() } else { attributes },
        resource: block.resources.get(at).clone(),
        scope: block.scopes.get(at).clone(),
        events: texts.events(at).to_owned(),
        links: texts.links(at).to_owned(),
        http: None,
        peer: None,
    });
    Ok(spans.collect())
}

#[cfg(test)]
pub(super) mod tests;
