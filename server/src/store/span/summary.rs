//! What a trace's row says, and how it changes when spans of the trace arrive.

use std::borrow::Borrow;

use app::model::{SpanStatus, TraceId, UnixNanos};

use foldhash::{HashMap, HashMapExt};

use super::NewSpan;
use crate::store::{StoreResult, column::damaged};

/// A service's part in a trace, by the service's number in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServicePart {
    /// The service.
    pub service: i64,
    /// Its spans.
    pub spans: i64,
    /// Those that failed.
    pub errors: i64,
}

impl ServicePart {
    /// The stored form of a list: ` service.spans.errors` for each, so that ` 7.` finds service 7.
    pub fn write(parts: &[Self]) -> String {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(parts.len() * 8);
        for Self { service, spans, errors } in parts {
            // Writing to a string cannot fail.
            let _ = write!(text, " {service}.{spans}.{errors}");
        }
        text
    }

    /// From the stored form.
    pub fn read(text: &str) -> StoreResult<Vec<Self>> {
        let part = |word: &str| {
            let mut numbers = word.split('.').map(|number| number.parse::<i64>().ok());
            let (service, spans, errors) = (numbers.next()??, numbers.next()??, numbers.next()??);
            Some(Self { service, spans, errors })
        };
        text.split_whitespace().map(|word| part(word).ok_or_else(|| damaged("a trace's services"))).collect()
    }

    /// Adds one list to another.
    pub fn merge(into: &mut Vec<Self>, from: &[Self]) {
        for part in from {
            match into.iter_mut().find(|known| known.service == part.service) {
                Some(known) => {
                    known.spans += part.spans;
                    known.errors += part.errors;
                }
                None => into.push(*part),
            }
        }
    }
}

/// What spans of one trace, which arrived together, add to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceDelta {
    /// The trace.
    pub trace_id: TraceId,
    /// Places of its spans in the list that they came in.
    pub spans: Vec<usize>,
}

/// Groups spans by their trace, in the order in which the traces first occur; a trace's spans by their start.
pub fn group_by_trace(spans: &[impl Borrow<NewSpan>]) -> Vec<TraceDelta> {
    let mut index: HashMap<TraceId, usize> = HashMap::new();
    let mut groups: Vec<TraceDelta> = Vec::new();
    for (at, span) in spans.iter().map(Borrow::borrow).enumerate() {
        let group = *index.entry(span.trace_id).or_insert_with(|| {
            groups.push(TraceDelta { trace_id: span.trace_id, spans: Vec::new() });
            groups.len() - 1
        });
        groups[group].spans.push(at);
    }
    for group in &mut groups {
        group.spans.sort_by_key(|at| {
            let span = spans[*at].borrow();
            (span.start, span.span_id)
        });
    }
    groups
}

/// A trace's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceRow {
    /// The trace.
    pub trace_id: TraceId,
    /// Number of its first span to arrive.
    pub first_seq: i64,
    /// Number of its last one.
    pub last_seq: i64,
    /// When its earliest span began.
    pub start: UnixNanos,
    /// When its latest span ended.
    pub end: UnixNanos,
    /// Number of the operation that it is named after.
    pub operation: i64,
    /// Whether that is its root.
    pub has_root: bool,
    /// Spans.
    pub spans: i64,
    /// Those that failed.
    pub errors: i64,
    /// By service.
    pub services: Vec<ServicePart>,
}

impl TraceRow {
    /// The row that these spans of one trace make alone; none without spans. `operation_of` and `service_of` give the
    /// numbers of a span's operation and service.
    pub fn of(
        spans: &[&NewSpan],
        seqs: (i64, i64),
        operation_of: impl Fn(&NewSpan) -> i64,
        service_of: impl Fn(&NewSpan) -> i64,
    ) -> Option<Self> {
        let earliest = spans.iter().min_by_key(|span| span.start)?;
        let root = spans.iter().filter(|span| span.parent.is_none()).min_by_key(|span| span.start);
        let mut services = Vec::new();
        for span in spans {
            let part = ServicePart { service: service_of(span), spans: 1, errors: i64::from(is_error(span)) };
            ServicePart::merge(&mut services, &[part]);
        }
        Some(Self {
            trace_id: earliest.trace_id,
            first_seq: seqs.0,
            last_seq: seqs.1,
            start: earliest.start,
            end: spans.iter().map(|span| span.end()).max()?,
            operation: operation_of(root.unwrap_or(earliest)),
            has_root: root.is_some(),
            spans: spans.len() as i64,
            errors: spans.iter().filter(|span| is_error(span)).count() as i64,
            services,
        })
    }

    /// Adds spans that arrived later.
    pub fn merge(&mut self, later: &Self) {
        let is_better_name = !self.has_root && (later.has_root || later.start < self.start);
        if is_better_name {
            self.operation = later.operation;
        }
        self.has_root |= later.has_root;
        self.first_seq = self.first_seq.min(later.first_seq);
        self.last_seq = self.last_seq.max(later.last_seq);
        self.start = self.start.min(later.start);
        self.end = self.end.max(later.end);
        self.spans += later.spans;
        self.errors += later.errors;
        ServicePart::merge(&mut self.services, &later.services);
    }

    /// From its start to its end, in nanoseconds.
    pub fn duration_ns(&self) -> i64 {
        self.end.0.saturating_sub(self.start.0).max(0)
    }
}

/// Whether a span failed.
fn is_error(span: &NewSpan) -> bool {
    span.status == SpanStatus::Error
}

#[cfg(test)]
mod tests {
    use app::model::SpanId;

    use super::*;
    use crate::store::span::block::tests::span;

    #[test]
    fn services_are_read_as_they_are_written() {
        let parts =
            vec![ServicePart { service: 7, spans: 3, errors: 1 }, ServicePart { service: 17, spans: 1, errors: 0 }];
        let text = ServicePart::write(&parts);
        assert_eq!(text, " 7.3.1 17.1.0");
        assert_eq!(ServicePart::read(&text).unwrap(), parts);
        assert!(ServicePart::read(" 7.x.1").is_err() && ServicePart::read(" 7").is_err());
    }

    #[test]
    fn a_trace_is_named_after_its_root_whenever_that_arrives() {
        let child = NewSpan { parent: Some(SpanId([1; 8])), start: UnixNanos(50), duration_ns: 20, ..span(1, 2) };
        let root = NewSpan { start: UnixNanos(10), duration_ns: 100, status: SpanStatus::Error, ..span(1, 1) };
        let number = |span: &NewSpan| i64::from(span.span_id.0[7]);
        let row = |spans: &[&NewSpan], seq| TraceRow::of(spans, (seq, seq), number, |_| 4).unwrap();
        let mut first = row(&[&child], 3);
        assert!(!first.has_root && first.operation == 2);
        first.merge(&row(&[&root], 9));
        assert!(first.has_root && first.operation == 1 && first.start == UnixNanos(10) && first.duration_ns() == 100);
        assert_eq!((first.first_seq, first.last_seq, first.spans, first.errors), (3, 9, 2, 1));
        assert_eq!(first.services, [ServicePart { service: 4, spans: 2, errors: 1 }]);
        let again = row(&[&NewSpan { start: UnixNanos(1), ..child.clone() }], 11);
        first.merge(&again);
        assert_eq!((first.operation, first.start), (1, UnixNanos(1)));
    }

    #[test]
    fn spans_are_grouped_by_trace() {
        let spans =
            [NewSpan { start: UnixNanos(5), ..span(1, 1) }, span(2, 2), NewSpan { start: UnixNanos(3), ..span(1, 3) }];
        let groups = group_by_trace(&spans);
        assert_eq!(groups.iter().map(|group| group.spans.clone()).collect::<Vec<_>>(), [vec![2, 0], vec![1]]);
    }
}
