//! The map of services: who calls whom, how often, and how that goes. Read from roll-ups only.

use std::collections::BTreeMap;

use app::{
    api::{ApiError, MapPort, Scope},
    model::{CallFigures, MapEdge, MapEndpoint, MapNode, MapQuery, NodeKind, ServiceMap},
};
use async_trait::async_trait;

use super::{Services, figures::cover, store_failed};
use crate::store::{EndpointKey, Rollup, span::EdgeKey};

/// A node while it is counted: the requests that it answered, and the calls to it and from it.
#[derive(Default)]
struct Counted {
    answered: Rollup,
    called: Rollup,
    calls: u64,
    endpoints: Vec<MapEndpoint>,
}

#[async_trait]
impl MapPort for Services {
    async fn map(&self, scope: Scope, query: MapQuery) -> Result<ServiceMap, ApiError> {
        let now = self.clock.now_millis();
        let range = query.range.resolve(now);
        let ranges = cover(range, now);
        let (edges, any_stored) = self.stores.spans.edges(scope.tenant, &ranges).await.map_err(store_failed)?;
        let endpoints = self.stores.endpoints.by_endpoint(scope.tenant, &ranges).await.map_err(store_failed)?;
        let seconds = range.duration_ms() as f64 / 1000.0;
        Ok(ServiceMap { seconds, any_stored, ..map_of(edges, endpoints) })
    }
}

fn map_of(edges: Vec<(EdgeKey, Rollup)>, endpoints: Vec<(EndpointKey, Rollup)>) -> ServiceMap {
    let mut nodes: BTreeMap<(String, NodeKind), Counted> = BTreeMap::new();
    for (edge, rollup) in &edges {
        let caller = nodes.entry((edge.caller.to_string(), NodeKind::Service)).or_default();
        caller.calls += rollup.requests;
        let callee = nodes.entry((edge.callee.to_string(), edge.kind)).or_default();
        callee.calls += rollup.requests;
        callee.called.merge(rollup);
    }
    for (endpoint, rollup) in endpoints.into_iter().filter(|(_, rollup)| rollup.requests > 0) {
        let node = nodes.entry((endpoint.service, NodeKind::Service)).or_default();
        node.calls += rollup.requests;
        node.answered.merge(&rollup);
        let name = format!("{} {}", endpoint.method, endpoint.route);
        node.endpoints.push(MapEndpoint { node: 0, name, figures: figures(&rollup) });
    }
    let is_partial = nodes.len() > ServiceMap::MAX_NODES;
    let mut nodes: Vec<((String, NodeKind), Counted)> = nodes.into_iter().collect();
    if is_partial {
        nodes.sort_by_key(|(_, counted)| std::cmp::Reverse(counted.calls));
        nodes.truncate(ServiceMap::MAX_NODES);
        nodes.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    let place = |name: &str, kind: NodeKind| {
        nodes.iter().position(|((known, of), _)| known == name && *of == kind).map(|place| place as u32)
    };
    let told = edges.iter().filter_map(|(edge, rollup)| {
        let (from, to) = (place(&edge.caller, NodeKind::Service)?, place(&edge.callee, edge.kind)?);
        Some(MapEdge { from, to, figures: figures(rollup) })
    });
    let edges = told.collect();
    let mut map = ServiceMap { edges, is_partial, ..ServiceMap::default() };
    for (place, ((name, kind), mut counted)) in nodes.into_iter().enumerate() {
        // A service whose requests are no HTTP is known by the calls to it.
        let own = if counted.answered.requests > 0 { &counted.answered } else { &counted.called };
        map.nodes.push(MapNode { name, kind, figures: figures(own) });
        counted.endpoints.sort_by(|a, b| b.figures.calls.cmp(&a.figures.calls).then_with(|| a.name.cmp(&b.name)));
        let endpoints = counted.endpoints.into_iter().take(ServiceMap::MAX_ENDPOINTS);
        map.endpoints.extend(endpoints.map(|endpoint| MapEndpoint { node: place as u32, ..endpoint }));
    }
    map
}

fn figures(rollup: &Rollup) -> CallFigures {
    let quantile = |q| rollup.sketch.quantile(q).unwrap_or_default();
    CallFigures { calls: rollup.requests, errors: rollup.errors(), p50_ms: quantile(0.5), p95_ms: quantile(0.95) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollup(status: u16, count: u32) -> Rollup {
        let mut rollup = Rollup::default();
        (0..count).for_each(|_| rollup.add(status, 10.0));
        rollup
    }

    fn edge(caller: &str, callee: &str, kind: NodeKind) -> EdgeKey {
        EdgeKey { caller: caller.into(), callee: callee.into(), kind }
    }

    fn endpoint(service: &str, route: &str) -> EndpointKey {
        EndpointKey { service: service.into(), method: "GET".into(), route: route.into() }
    }

    #[test]
    fn a_node_shows_what_it_answered_or_else_the_calls_to_it() {
        let edges = vec![
            (edge("shop", "stock", NodeKind::Service), rollup(200, 3)),
            (edge("stock", "postgresql shop", NodeKind::Database), rollup(500, 2)),
        ];
        let endpoints = vec![(endpoint("shop", "/"), rollup(200, 7)), (endpoint("shop", "/unused"), rollup(200, 0))];
        let map = map_of(edges, endpoints);
        let nodes: Vec<_> = map.nodes.iter().map(|node| (node.name.as_str(), node.kind, node.figures.calls)).collect();
        let expected = [
            ("postgresql shop", NodeKind::Database, 2),
            ("shop", NodeKind::Service, 7),
            ("stock", NodeKind::Service, 3),
        ];
        assert_eq!(nodes, expected);
        let edges: Vec<_> = map.edges.iter().map(|edge| (edge.from, edge.to, edge.figures.errors)).collect();
        assert_eq!(edges, [(1, 2, 0), (2, 0, 2)]);
        assert_eq!(map.endpoints.iter().map(|one| (one.node, one.name.as_str())).collect::<Vec<_>>(), [(1, "GET /")]);
    }

    #[test]
    fn too_many_nodes_leave_out_those_with_the_fewest_calls() {
        let edges = (0..ServiceMap::MAX_NODES as u32 + 5)
            .map(|n| (edge("hub", &format!("leaf-{n:03}"), NodeKind::External), rollup(200, n + 1)))
            .collect();
        let map = map_of(edges, Vec::new());
        assert!(map.is_partial);
        assert_eq!(map.nodes.len(), ServiceMap::MAX_NODES);
        assert!(map.nodes.iter().all(|node| node.name != "leaf-000"));
        assert!(map.edges.iter().all(|edge| (edge.to as usize) < map.nodes.len()));
    }
}
