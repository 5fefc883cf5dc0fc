//! A trace beside another one: which to choose, and what differs.

use std::collections::BTreeMap;

use app::model::{
    TraceId, TraceSummary,
    comparison::{ComparedOperation, OperationSum, PeerChoice, TraceComparison},
};

use super::outline::Outline;

/// Those worth a comparison, each once, out of traces like this one, the newest first.
pub fn choose(trace: TraceId, mut peers: Vec<TraceSummary>) -> Vec<(PeerChoice, TraceSummary)> {
    peers.retain(|peer| peer.trace_id != trace);
    let good = peers.iter().position(|peer| peer.errors == 0);
    let failed = peers.iter().position(|peer| peer.errors > 0);
    let mut by_duration: Vec<usize> = (0..peers.len()).collect();
    by_duration.sort_by_key(|at| peers[*at].duration_ns);
    let typical = by_duration.get(peers.len() / 2).copied();
    let choices = [
        (PeerChoice::Typical, typical),
        (PeerChoice::Good, good),
        (PeerChoice::Failed, failed),
        (PeerChoice::Shortest, by_duration.first().copied()),
        (PeerChoice::Longest, by_duration.last().copied()),
    ];
    let mut chosen: Vec<(PeerChoice, usize)> = Vec::new();
    for (choice, place) in choices {
        let Some(place) = place else { continue };
        if chosen.iter().all(|(_, known)| *known != place) {
            chosen.push((choice, place));
        }
    }
    chosen.into_iter().map(|(choice, place)| (choice, peers[place].clone())).collect()
}

/// Operations of both, those that differ most first, and how many are left out.
pub fn operations(here: &Outline, there: &Outline) -> (Vec<ComparedOperation>, u32) {
    let mut sums: BTreeMap<(String, String), [OperationSum; 2]> = BTreeMap::new();
    for (side, outline) in [here, there].into_iter().enumerate() {
        for (service, name, row) in outline.rows() {
            let sum = &mut sums.entry((service.to_owned(), name.to_owned())).or_default()[side];
            sum.spans += 1;
            sum.errors += u32::from(row.is_error);
            sum.total_ns = sum.total_ns.saturating_add(row.duration_ns);
            sum.self_ns = sum.self_ns.saturating_add(row.self_ns);
        }
    }
    let operation =
        |((service, name), [here, there]): (_, [OperationSum; 2])| ComparedOperation { service, name, here, there };
    let mut operations: Vec<ComparedOperation> = sums.into_iter().map(operation).collect();
    operations.sort_by_key(|operation| std::cmp::Reverse(operation.difference_ns().unsigned_abs()));
    let left_out = operations.len().saturating_sub(TraceComparison::MAX_OPERATIONS);
    operations.truncate(TraceComparison::MAX_OPERATIONS);
    (operations, left_out as u32)
}

#[cfg(test)]
mod tests {
    use app::model::UnixNanos;

    use super::*;

    fn peer(id: u8, duration_ns: i64, errors: u32) -> TraceSummary {
        TraceSummary {
            trace_id: TraceId([id; 16]),
            start: UnixNanos(0),
            duration_ns,
            service: "shop".into(),
            operation: "GET /".into(),
            has_root: true,
            spans: 1,
            errors,
            services: Vec::new(),
        }
    }

    #[test]
    fn each_peer_is_offered_once_and_the_trace_itself_never() {
        let peers = vec![peer(1, 5, 0), peer(2, 30, 1), peer(3, 10, 0), peer(4, 20, 0), peer(5, 90, 0)];
        let chosen = choose(TraceId([1; 16]), peers);
        let chosen: Vec<_> = chosen.into_iter().map(|(choice, peer)| (choice, peer.trace_id.0[0])).collect();
        let expected = [(PeerChoice::Typical, 2), (PeerChoice::Good, 3), (PeerChoice::Longest, 5)];
        assert_eq!(chosen, expected);
        assert_eq!(choose(TraceId([1; 16]), vec![peer(1, 5, 0)]), []);
    }
}
