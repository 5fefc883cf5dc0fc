//! Who calls whom: spans of callers and callees find each other as they arrive.
//!
//! The two ends of a call come from different processes, often seconds apart. Whichever comes first is remembered for a
//! while: a bounded number of them, in memory. What is called and sends no spans itself (databases, caches, other
//! people's services) is told by the caller's span alone.

use std::{
    borrow::Borrow,
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use app::model::{NodeKind, SpanId, SpanKind, SpanStatus, TenantId, TraceId, UnixNanos};

use foldhash::{HashMap, HashSet, HashSetExt};

use super::NewSpan;
use crate::store::sketch::Sketch;

/// Ends that are remembered at most, of each side.
const MAX_REMEMBERED: usize = 100_000;
/// How long an end waits for the other.
const PATIENCE_NS: i64 = 60_000_000_000;

/// What a caller's span says of the one that it calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// What it is.
    pub kind: NodeKind,
    /// Its name.
    pub name: Arc<str>,
}

/// A caller and a callee.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeKey {
    /// The service that calls.
    pub caller: Arc<str>,
    /// What it calls.
    pub callee: Arc<str>,
    /// What that is.
    pub kind: NodeKind,
}

/// A call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Between whom.
    pub edge: EdgeKey,
    /// When it began.
    pub start: UnixNanos,
    /// How long it took for the caller, in nanoseconds.
    pub duration_ns: i64,
    /// Whether it failed.
    pub is_error: bool,
}

/// Spans in a slice of time: how many, how many of them failed, how long they took.
#[derive(Debug, Clone, Default)]
pub struct SpanSlice {
    /// How many.
    pub spans: i64,
    /// Those that failed.
    pub errors: i64,
    /// Durations in milliseconds.
    pub sketch: Sketch,
}

impl SpanSlice {
    /// Counts one.
    pub fn add(&mut self, duration_ns: i64, is_error: bool) {
        self.spans += 1;
        self.errors += i64::from(is_error);
        self.sketch.add(duration_ns as f64 / 1e6);
    }
}

type Key = (TraceId, SpanId);

/// One end of a call.
#[derive(Debug, Clone)]
struct End {
    service: Arc<str>,
    start: UnixNanos,
    duration_ns: i64,
    is_error: bool,
    /// Of a caller: what it says of the callee.
    peer: Option<Peer>,
}

impl End {
    fn of(span: &NewSpan) -> Self {
        Self {
            service: span.service.clone(),
            start: span.start,
            duration_ns: span.duration_ns,
            is_error: span.status == SpanStatus::Error,
            peer: span.peer.clone(),
        }
    }

    /// A call that is told by the caller alone.
    fn alone(&self) -> Option<Call> {
        let peer = self.peer.as_ref()?;
        let edge = EdgeKey { caller: self.service.clone(), callee: peer.name.clone(), kind: peer.kind };
        Some(Call { edge, start: self.start, duration_ns: self.duration_ns, is_error: self.is_error })
    }
}

/// Ends that wait for others.
#[derive(Debug, Default)]
pub struct Pairing {
    /// Callers whose callee was not seen yet.
    callers: HashMap<Key, End>,
    /// When each of them came, the oldest first. Those that were found meanwhile are still listed.
    callers_by_age: VecDeque<(UnixNanos, Key)>,
    /// Callees, by the span that called them.
    callees: HashMap<Key, Vec<End>>,
    callees_by_age: VecDeque<(UnixNanos, Key)>,
}

/// What a commit's spans tell, and what is to be remembered once the commit has succeeded.
#[derive(Debug, Default)]
pub struct Paired {
    /// Calls that are known now.
    pub calls: Vec<Call>,
    callers: Vec<(Key, End)>,
    callees: Vec<(Key, End)>,
    found_callers: Vec<Key>,
    found_callees: Vec<Key>,
    /// Callers at the old end that have waited long enough.
    given_up: usize,
}

impl Pairing {
    /// Pairs new spans with each other and with those before. Nothing changes until [`remember`](Self::remember).
    pub fn pair(&self, spans: &[impl Borrow<NewSpan>], now: UnixNanos) -> Paired {
        let mut paired = Paired::default();
        let spans = || spans.iter().map(Borrow::borrow);
        let here: HashMap<Key, &NewSpan> = spans().map(|span| (key(span), span)).collect();
        let mut found: HashSet<Key> = HashSet::new();
        for span in spans().filter(|span| matches!(span.kind, SpanKind::Server | SpanKind::Consumer)) {
            let Some(parent) = span.parent else { continue };
            let parent = (span.trace_id, parent);
            if let Some(caller) = here.get(&parent) {
                paired.calls.extend(call(&End::of(caller), is_caller(caller), &End::of(span)));
                found.insert(parent);
            } else if let Some(caller) = self.callers.get(&parent) {
                paired.calls.extend(call(caller, true, &End::of(span)));
                paired.found_callers.push(parent);
            } else {
                paired.callees.push((parent, End::of(span)));
            }
        }
        for span in spans() {
            let key = key(span);
            let waiting = self.callees.get(&key);
            if let Some(callees) = waiting {
                let caller = End::of(span);
                paired.calls.extend(callees.iter().filter_map(|callee| call(&caller, is_caller(span), callee)));
                paired.found_callees.push(key);
            }
            if !is_caller(span) || waiting.is_some() || found.contains(&key) {
                continue;
            }
            let end = End::of(span);
            match &span.peer {
                // These never send spans: there is nobody to wait for.
                Some(Peer { kind: NodeKind::Database | NodeKind::Cache, .. }) => paired.calls.extend(end.alone()),
                _ => paired.callers.push((key, end)),
            }
        }
        let too_many = (self.callers_by_age.len() + paired.callers.len()).saturating_sub(MAX_REMEMBERED);
        let is_over = |at: usize, came: UnixNanos| at < too_many || now.0.saturating_sub(came.0) > PATIENCE_NS;
        let found: HashSet<&Key> = paired.found_callers.iter().collect();
        for (at, (came, key)) in self.callers_by_age.iter().enumerate() {
            if !is_over(at, *came) {
                break;
            }
            paired.given_up += 1;
            if !found.contains(key) {
                paired.calls.extend(self.callers.get(key).and_then(End::alone));
            }
        }
        paired
    }

    /// Takes over what a commit told, once it has succeeded.
    pub fn remember(&mut self, paired: Paired, now: UnixNanos) {
        for key in paired.found_callers {
            self.callers.remove(&key);
        }
        for key in paired.found_callees {
            self.callees.remove(&key);
        }
        for _ in 0..paired.given_up {
            if let Some((_, key)) = self.callers_by_age.pop_front() {
                self.callers.remove(&key);
            }
        }
        for (key, end) in paired.callers {
            if self.callers.insert(key, end).is_none() {
                self.callers_by_age.push_back((now, key));
            }
        }
        for (key, end) in paired.callees {
            self.callees.entry(key).or_default().push(end);
            self.callees_by_age.push_back((now, key));
        }
        while let Some((came, key)) = self.callees_by_age.front().copied() {
            let is_over = now.0.saturating_sub(came.0) > PATIENCE_NS || self.callees_by_age.len() > MAX_REMEMBERED;
            if !is_over {
                break;
            }
            self.callees_by_age.pop_front();
            self.callees.remove(&key);
        }
    }
}

/// The pairings of all tenants.
#[derive(Debug, Default)]
pub struct Pairings(Mutex<HashMap<TenantId, Pairing>>);

impl Pairings {
    /// Pairs a tenant's new spans; nothing changes until [`remember`](Self::remember).
    pub fn pair(&self, tenant: TenantId, spans: &[impl Borrow<NewSpan>], now: UnixNanos) -> Paired {
        self.lock().entry(tenant).or_default().pair(spans, now)
    }

    /// Takes over what a commit told, once it has succeeded.
    pub fn remember(&self, tenant: TenantId, paired: Paired, now: UnixNanos) {
        self.lock().entry(tenant).or_default().remember(paired, now);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Pairing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(span: &NewSpan) -> Key {
    (span.trace_id, span.span_id)
}

fn is_caller(span: &NewSpan) -> bool {
    matches!(span.kind, SpanKind::Client | SpanKind::Producer)
}

/// A call between two services; within one it is none. The caller's span measures it when it is a client's.
fn call(caller: &End, is_client: bool, callee: &End) -> Option<Call> {
    if caller.service == callee.service {
        return None;
    }
    let edge = EdgeKey { caller: caller.service.clone(), callee: callee.service.clone(), kind: NodeKind::Service };
    let measured = if is_client { caller } else { callee };
    let is_error = callee.is_error || (is_client && caller.is_error);
    Some(Call { edge, start: measured.start, duration_ns: measured.duration_ns, is_error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::span::block::tests::span;

    const NOW: UnixNanos = UnixNanos(1_790_000_000_000_000_000);

    fn client(id: u8) -> NewSpan {
        NewSpan { kind: SpanKind::Client, service: "shop".into(), duration_ns: 5000, ..span(1, id) }
    }

    fn server(id: u8, parent: u8) -> NewSpan {
        NewSpan { service: "stock".into(), parent: Some(SpanId([0, 0, 0, 0, 0, 0, 0, parent])), ..span(1, id) }
    }

    fn told(calls: &[Call]) -> Vec<(String, NodeKind, i64)> {
        let tell =
            |call: &Call| (format!("{} → {}", call.edge.caller, call.edge.callee), call.edge.kind, call.duration_ns);
        calls.iter().map(tell).collect()
    }

    /// Pairs and remembers.
    fn take(pairing: &mut Pairing, spans: &[NewSpan], now: UnixNanos) -> Vec<(String, NodeKind, i64)> {
        let paired = pairing.pair(spans, now);
        let calls = told(&paired.calls);
        pairing.remember(paired, now);
        calls
    }

    #[test]
    fn the_ends_of_a_call_find_each_other_in_any_order() {
        let one = [("shop → stock".to_owned(), NodeKind::Service, 5000)];
        let both = [client(1), server(2, 1)];
        assert_eq!(take(&mut Pairing::default(), &both, NOW), one);
        for order in [[&both[0], &both[1]], [&both[1], &both[0]]] {
            let mut pairing = Pairing::default();
            assert_eq!(take(&mut pairing, &[order[0].clone()], NOW), []);
            assert_eq!(take(&mut pairing, &[order[1].clone()], NOW), one);
            // Both were found: nothing is left to wait.
            let later = UnixNanos(NOW.0 + 2 * PATIENCE_NS);
            assert_eq!(take(&mut pairing, &[], later), []);
            assert!(pairing.callers.is_empty() && pairing.callees.is_empty());
        }
    }

    #[test]
    fn a_commit_that_fails_tells_the_same_again() {
        let mut pairing = Pairing::default();
        take(&mut pairing, &[client(1)], NOW);
        let first = told(&pairing.pair(&[server(2, 1)], NOW).calls);
        assert_eq!(first, told(&pairing.pair(&[server(2, 1)], NOW).calls));
        assert_eq!(first.len(), 1);
    }

    #[test]
    fn what_sends_no_spans_is_told_by_the_caller() {
        let peer = |kind, name: &str| Some(Peer { kind, name: name.into() });
        let mut pairing = Pairing::default();
        let database = NewSpan { peer: peer(NodeKind::Database, "postgresql shop"), ..client(1) };
        assert_eq!(take(&mut pairing, &[database], NOW), [("shop → postgresql shop".into(), NodeKind::Database, 5000)]);
        let other = NewSpan { peer: peer(NodeKind::External, "api.example.com"), ..client(3) };
        assert_eq!(take(&mut pairing, &[other], NOW), []);
        let later = UnixNanos(NOW.0 + PATIENCE_NS + 1);
        assert_eq!(take(&mut pairing, &[], later), [("shop → api.example.com".into(), NodeKind::External, 5000)]);
        assert!(pairing.callers.is_empty());
    }

    #[test]
    fn calls_inside_a_service_are_none_and_what_waits_is_bounded() {
        let mut pairing = Pairing::default();
        let inside = NewSpan { service: "shop".into(), ..server(2, 1) };
        assert_eq!(take(&mut pairing, &[client(1), inside], NOW), []);
        let many: Vec<NewSpan> = (0..MAX_REMEMBERED as u64 + 500)
            .flat_map(|n| {
                let ids = [SpanId((n * 2 + 9).to_be_bytes()), SpanId((n * 2 + 10).to_be_bytes())];
                [NewSpan { span_id: ids[0], ..client(0) }, NewSpan { parent: Some(ids[1]), ..server(0, 0) }]
            })
            .collect();
        for part in many.chunks(9000) {
            take(&mut pairing, part, NOW);
        }
        assert!(pairing.callers.len() <= MAX_REMEMBERED && pairing.callees.len() <= MAX_REMEMBERED);
    }
}
