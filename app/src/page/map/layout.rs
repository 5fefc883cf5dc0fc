//! Where nodes and edges of the map lie: callers to the left of what they call, few crossings, the same for the same map.

use crate::model::{MapEdge, ServiceMap};

/// Width of a node and height, and the room between them, in units of the drawing.
pub const NODE: (f64, f64) = (224.0, 52.0);
const GAP: (f64, f64) = (196.0, 22.0);
const MARGIN: f64 = 12.0;
/// Between a label and the end of its edge.
const LABEL_GAP: (f64, f64) = (12.0, 7.0);
/// Turns of ordering the columns by their neighbours.
const SWEEPS: usize = 6;

/// A place for each node and a path for each edge.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Layout {
    /// Upper left corners of the nodes, in their order.
    pub nodes: Vec<(f64, f64)>,
    /// Paths of the edges, in their order.
    pub edges: Vec<Path>,
    /// Size of the whole.
    pub size: (f64, f64),
}

/// The way of an edge.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// As SVG writes it.
    pub d: String,
    /// Where its label stands.
    pub label: (f64, f64),
    /// Which side of that place the label is on, as SVG writes it.
    pub anchor: &'static str,
}

/// Lays out a map.
pub fn layout(map: &ServiceMap) -> Layout {
    let columns = order(columns(map), map);
    let tallest = columns.iter().map(Vec::len).max().unwrap_or_default();
    let height = |rows: usize| rows as f64 * (NODE.1 + GAP.1) - GAP.1;
    let mut nodes = vec![(0.0, 0.0); map.nodes.len()];
    for (at, column) in columns.iter().enumerate() {
        let top = MARGIN + (height(tallest) - height(column.len())) / 2.0;
        for (row, node) in column.iter().enumerate() {
            nodes[*node] = (MARGIN + at as f64 * (NODE.0 + GAP.0), top + row as f64 * (NODE.1 + GAP.1));
        }
    }
    let (mut leaving, mut arriving) = (vec![0_usize; nodes.len()], vec![0_usize; nodes.len()]);
    for edge in &map.edges {
        leaving[edge.from as usize] += 1;
        arriving[edge.to as usize] += 1;
    }
    // A label stands where the edge is alone.
    let end = |edge: &MapEdge| match (leaving[edge.from as usize], arriving[edge.to as usize]) {
        (_, 1) => End::Callee,
        (1, _) => End::Caller,
        _ => End::Neither,
    };
    let edges = map.edges.iter().map(|edge| path(&nodes, edge, end(edge))).collect();
    let width = columns.len() as f64 * (NODE.0 + GAP.0) - GAP.0;
    Layout { nodes, edges, size: (width.max(0.0) + 2.0 * MARGIN, height(tallest).max(0.0) + 2.0 * MARGIN) }
}

/// Nodes by column: each to the right of all that call it, but for calls that go round in circles.
fn columns(map: &ServiceMap) -> Vec<Vec<usize>> {
    let count = map.nodes.len();
    let mut callees: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut callers = vec![0_usize; count];
    for edge in map.edges.iter().filter(|edge| edge.from != edge.to) {
        callees[edge.from as usize].push(edge.to as usize);
        callers[edge.to as usize] += 1;
    }
    let mut column = vec![0_usize; count];
    let mut is_placed = vec![false; count];
    let mut ready: Vec<usize> = (0..count).filter(|node| callers[*node] == 0).collect();
    for _ in 0..count {
        // In a circle nobody is first: the busiest caller is.
        let next = ready.pop().or_else(|| {
            (0..count)
                .filter(|node| !is_placed[*node])
                .max_by_key(|node| (callees[*node].len(), std::cmp::Reverse(*node)))
        });
        let Some(node) = next else { break };
        if std::mem::replace(&mut is_placed[node], true) {
            continue;
        }
        for callee in &callees[node] {
            if is_placed[*callee] {
                continue;
            }
            column[*callee] = column[*callee].max(column[node] + 1);
            callers[*callee] = callers[*callee].saturating_sub(1);
            if callers[*callee] == 0 {
                ready.push(*callee);
            }
        }
    }
    let last = column.iter().copied().max().map_or(0, |last| last + 1);
    let mut columns = vec![Vec::new(); last];
    for (node, column) in column.into_iter().enumerate() {
        columns[column].push(node);
    }
    columns.retain(|column| !column.is_empty());
    columns
}

/// Puts the nodes of each column near their neighbours in the columns beside it (barycentres, Sugiyama et al., 1981).
fn order(mut columns: Vec<Vec<usize>>, map: &ServiceMap) -> Vec<Vec<usize>> {
    let mut neighbours: Vec<Vec<usize>> = vec![Vec::new(); map.nodes.len()];
    for edge in &map.edges {
        neighbours[edge.from as usize].push(edge.to as usize);
        neighbours[edge.to as usize].push(edge.from as usize);
    }
    let mut row = vec![0.0; map.nodes.len()];
    let number = |column: &[usize], row: &mut [f64]| {
        // Rows are counted from the middle: columns are centred.
        let middle = (column.len() as f64 - 1.0) / 2.0;
        for (at, node) in column.iter().enumerate() {
            row[*node] = at as f64 - middle;
        }
    };
    for column in &columns {
        number(column, &mut row);
    }
    for sweep in 0..SWEEPS {
        let places: Vec<usize> = (0..columns.len()).collect();
        let places: Vec<usize> = if sweep % 2 == 0 { places } else { places.into_iter().rev().collect() };
        for place in places {
            let mean = |node: usize, row: &[f64]| {
                let near = &neighbours[node];
                if near.is_empty() {
                    row[node]
                } else {
                    near.iter().map(|one| row[*one]).sum::<f64>() / near.len() as f64
                }
            };
            let mut column: Vec<(f64, usize)> = columns[place].iter().map(|node| (mean(*node, &row), *node)).collect();
            column.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            columns[place] = column.into_iter().map(|(_, node)| node).collect();
            number(&columns[place], &mut row);
        }
    }
    columns
}

/// Which end of an edge has no other edge.
#[derive(Clone, Copy)]
enum End {
    Caller,
    Callee,
    Neither,
}

/// A curve from the right side of the caller to the left side of the callee; around below when it leads back.
fn path(nodes: &[(f64, f64)], edge: &MapEdge, alone: End) -> Path {
    let (from, to) = (nodes[edge.from as usize], nodes[edge.to as usize]);
    let (x1, y1) = (from.0 + NODE.0, from.1 + NODE.1 / 2.0);
    let (x2, y2) = (to.0, to.1 + NODE.1 / 2.0);
    if x2 > x1 {
        let bend = GAP.0 / 2.0;
        return Path {
            d: format!("M{x1:.1} {y1:.1}C{:.1} {y1:.1} {:.1} {y2:.1} {x2:.1} {y2:.1}", x1 + bend, x2 - bend),
            label: match alone {
                End::Caller => (x1 + LABEL_GAP.0, y1 - LABEL_GAP.1),
                End::Callee => (x2 - LABEL_GAP.0, y2 - LABEL_GAP.1),
                End::Neither => (x1.midpoint(x2), y1.midpoint(y2) - LABEL_GAP.1),
            },
            anchor: match alone {
                End::Caller => "start",
                End::Callee => "end",
                End::Neither => "middle",
            },
        };
    }
    let below = y1.max(y2) + NODE.1;
    Path {
        d: format!("M{x1:.1} {y1:.1}C{:.1} {below:.1} {:.1} {below:.1} {x2:.1} {y2:.1}", x1 + 40.0, x2 - 40.0),
        label: (x1.midpoint(x2), below - 10.0),
        anchor: "middle",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{CallFigures, MapNode, NodeKind};

    fn map(nodes: usize, edges: &[(u32, u32)]) -> ServiceMap {
        let figures = CallFigures::default();
        ServiceMap {
            nodes: (0..nodes).map(|n| MapNode { name: format!("n{n}"), kind: NodeKind::Service, figures }).collect(),
            edges: edges.iter().map(|(from, to)| MapEdge { from: *from, to: *to, figures }).collect(),
            ..ServiceMap::default()
        }
    }

    #[test]
    fn callers_stand_left_of_what_they_call() {
        let map = map(4, &[(0, 1), (1, 2), (0, 2), (1, 3)]);
        let found = layout(&map);
        for edge in &map.edges {
            assert!(found.nodes[edge.from as usize].0 < found.nodes[edge.to as usize].0, "{edge:?}");
        }
        assert_eq!(columns(&map), [vec![0], vec![1], vec![2, 3]]);
    }

    #[test]
    fn nodes_stand_beside_their_neighbours() {
        // Without ordering the two edges would cross.
        let map = map(4, &[(0, 3), (1, 2)]);
        let found = order(columns(&map), &map);
        let row = |node: usize| found.iter().find_map(|column| column.iter().position(|one| *one == node)).unwrap();
        assert_eq!((row(0) < row(1)), (row(3) < row(2)));
    }

    proptest! {
        #[test]
        fn every_node_has_a_place_of_its_own(
            nodes in 0..40_usize, edges in proptest::collection::vec((0..40_u32, 0..40_u32), 0..80),
        ) {
            let edges: Vec<_> =
                edges.into_iter().filter(|(a, b)| (*a.max(b) as usize) < nodes).collect();
            let map = map(nodes, &edges);
            let found = layout(&map);
            prop_assert_eq!(found.nodes.len(), nodes);
            prop_assert_eq!(found.edges.len(), edges.len());
            let mut places: Vec<_> = found.nodes.iter().map(|(x, y)| (*x as i64, *y as i64)).collect();
            places.sort_unstable();
            places.dedup();
            prop_assert_eq!(places.len(), nodes);
            prop_assert!(found.nodes.iter().all(|(x, y)| x + NODE.0 <= found.size.0 && y + NODE.1 <= found.size.1));
        }
    }
}
