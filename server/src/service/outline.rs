//! A trace's spans as a tree laid flat, with what can be told from how they lie: self times, the critical path, what is
//! missing and whose clock is off.

use std::collections::HashMap;

use app::model::{
    Span, SpanId, SpanStatus, UnixNanos,
    span::{OutlineRow, TraceFaults, TraceOutline},
};

/// A whole outline.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outline {
    services: Vec<String>,
    names: Vec<String>,
    rows: Vec<OutlineRow>,
    /// What to know when reading it.
    pub faults: TraceFaults,
}

impl Outline {
    /// The outline of spans, each of which occurs once, in order of their start.
    pub fn of(spans: &[Span], trace_start: UnixNanos) -> Self {
        let tree = Tree::of(spans);
        let mut outline = Self::default();
        let (mut services, mut names) = (HashMap::new(), HashMap::new());
        let critical = tree.critical(spans);
        // (span, depth); the last is the next.
        let mut stack: Vec<(usize, u16)> = tree.roots.iter().rev().map(|root| (*root, 0)).collect();
        // Rows whose descendants are still being written.
        let mut open: Vec<usize> = Vec::new();
        while let Some((at, depth)) = stack.pop() {
            let span = &spans[at];
            open.retain(|row| outline.rows[*row].depth < depth);
            for row in &open {
                outline.rows[*row].descendants += 1;
            }
            open.push(outline.rows.len());
            let parent = tree.parent[at];
            let row = OutlineRow {
                span_id: span.span_id,
                depth,
                descendants: 0,
                service: index_of(&mut services, &mut outline.services, &span.service) as u16,
                name: index_of(&mut names, &mut outline.names, &span.name),
                offset_ns: span.start.0.saturating_sub(trace_start.0),
                duration_ns: span.duration_ns,
                self_ns: self_time(span, tree.children(at).map(|child| &spans[child])),
                kind: span.kind,
                is_error: span.status == SpanStatus::Error,
                is_critical: critical[at],
                is_orphan: span.parent_span_id.is_some() && parent.is_none(),
                is_skewed: parent.is_some_and(|parent| is_outside(span, &spans[parent])),
            };
            outline.faults.orphans += u32::from(row.is_orphan);
            outline.faults.skewed += u32::from(row.is_skewed);
            outline.rows.push(row);
            stack.extend(tree.children(at).rev().map(|child| (child, depth.saturating_add(1))));
        }
        outline
    }

    /// Its rows with their services and names.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &str, &OutlineRow)> {
        let name = |row: &OutlineRow| (row.service as usize, row.name as usize);
        self.rows.iter().map(move |row| {
            let (service, name) = name(row);
            (self.services[service].as_str(), self.names[name].as_str(), row)
        })
    }

    /// A window of it.
    pub fn window(&self, offset: u32, rows: u32) -> TraceOutline {
        let from = (offset as usize).min(self.rows.len());
        let to = from.saturating_add(rows as usize).min(self.rows.len());
        TraceOutline {
            services: self.services.clone(),
            names: self.names.clone(),
            rows: self.rows[from..to].to_vec(),
            offset: from as u32,
            total: self.rows.len() as u32,
        }
    }

    /// Bytes that it keeps in memory, about.
    pub fn size(&self) -> usize {
        self.rows.len() * size_of::<OutlineRow>() + self.names.iter().map(String::len).sum::<usize>() + 1024
    }
}

fn index_of<'a>(index: &mut HashMap<&'a str, u32>, texts: &mut Vec<String>, text: &'a str) -> u32 {
    *index.entry(text).or_insert_with(|| {
        texts.push(text.to_owned());
        texts.len() as u32 - 1
    })
}

/// Whether a span begins before the one it is part of, or after its end.
fn is_outside(span: &Span, parent: &Span) -> bool {
    span.start < parent.start || span.start > parent.end()
}

/// How much of a span none of its children was busy.
fn self_time<'a>(span: &Span, children: impl Iterator<Item = &'a Span>) -> i64 {
    let (mut busy, mut until) = (0, span.start.0);
    // Children come in order of their start.
    for child in children {
        let (from, to) = (child.start.0.max(until), child.end().0.min(span.end().0));
        if to > from {
            busy += to - from;
            until = to;
        }
    }
    (span.duration_ns - busy).max(0)
}

/// Who is whose child.
struct Tree {
    parent: Vec<Option<usize>>,
    /// Children one after the other, and where those of each begin.
    order: Vec<usize>,
    begins: Vec<usize>,
    roots: Vec<usize>,
}

impl Tree {
    fn of(spans: &[Span]) -> Self {
        let places: HashMap<SpanId, usize> = spans.iter().enumerate().map(|(at, span)| (span.span_id, at)).collect();
        let place = |span: &Span| span.parent_span_id.and_then(|parent| places.get(&parent).copied());
        let mut parent: Vec<Option<usize>> = spans.iter().map(place).collect();
        cut_circles(&mut parent);
        let mut begins = vec![0; spans.len() + 1];
        for parent in parent.iter().flatten() {
            begins[*parent + 1] += 1;
        }
        for at in 0..spans.len() {
            begins[at + 1] += begins[at];
        }
        let (mut order, mut next) = (vec![0; begins[spans.len()]], begins.clone());
        for (at, parent) in parent.iter().enumerate() {
            if let Some(parent) = *parent {
                order[next[parent]] = at;
                next[parent] += 1;
            }
        }
        let roots = (0..spans.len()).filter(|at| parent[*at].is_none()).collect();
        Self { parent, order, begins, roots }
    }

    fn children(&self, at: usize) -> impl DoubleEndedIterator<Item = usize> + '_ {
        self.order[self.begins[at]..self.begins[at + 1]].iter().copied()
    }

    /// The spans without which the trace would have been shorter: from the end of the longest root backwards, always in
    /// the child that ended last.
    fn critical(&self, spans: &[Span]) -> Vec<bool> {
        let mut critical = vec![false; spans.len()];
        let Some(root) = self.roots.iter().copied().max_by_key(|root| spans[*root].end()) else { return critical };
        let mut stack = vec![(root, spans[root].end())];
        while let Some((at, until)) = stack.pop() {
            critical[at] = true;
            let mut until = until.min(spans[at].end());
            let mut children: Vec<usize> = self.children(at).collect();
            children.sort_by_key(|child| std::cmp::Reverse(spans[*child].end()));
            for child in children {
                // A child that was not waited for does not make its parent longer.
                if spans[child].end() <= until && spans[child].start >= spans[at].start {
                    stack.push((child, until));
                    until = spans[child].start;
                }
            }
        }
        critical
    }
}

/// Spans that name each other as parents: the first of them becomes a root.
fn cut_circles(parent: &mut [Option<usize>]) {
    const UNSEEN: usize = usize::MAX;
    // By which walk each was seen first.
    let mut seen = vec![UNSEEN; parent.len()];
    for start in 0..parent.len() {
        let mut at = start;
        while seen[at] == UNSEEN {
            seen[at] = start;
            match parent[at] {
                Some(next) if seen[next] == start => {
                    parent[at] = None;
                    break;
                }
                Some(next) => at = next,
                None => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use app::model::{SpanKind, TraceId};
    use proptest::prelude::*;

    use super::*;

    fn span(id: u8, parent: u8, start: i64, duration: i64) -> Span {
        let id_of = |id: u8| SpanId([0, 0, 0, 0, 0, 0, 1, id]);
        Span {
            trace_id: TraceId([1; 16]),
            span_id: id_of(id),
            parent_span_id: (parent > 0).then(|| id_of(parent)),
            name: format!("n{}", id % 3),
            kind: SpanKind::Internal,
            service: "s".into(),
            start: UnixNanos(start),
            duration_ns: duration,
            status: SpanStatus::Unset,
            status_message: String::new(),
            attributes: serde_json::Map::new(),
            resource: serde_json::Map::new(),
            scope: String::new(),
            events: Vec::new(),
            links: Vec::new(),
        }
    }

    fn outline(mut spans: Vec<Span>) -> Outline {
        spans.sort_by_key(|span| (span.start, span.span_id));
        Outline::of(&spans, spans.iter().map(|span| span.start).min().unwrap_or_default())
    }

    fn ids(outline: &Outline, wanted: impl Fn(&OutlineRow) -> bool) -> Vec<u8> {
        outline.rows.iter().filter(|row| wanted(row)).map(|row| row.span_id.0[7]).collect()
    }

    #[test]
    fn children_follow_their_parent_in_order_of_time() {
        let outline = outline(vec![span(1, 0, 0, 100), span(2, 1, 50, 40), span(3, 1, 10, 30), span(4, 3, 12, 5)]);
        assert_eq!(ids(&outline, |_| true), [1, 3, 4, 2]);
        let told: Vec<_> = outline.rows.iter().map(|row| (row.depth, row.descendants, row.self_ns)).collect();
        assert_eq!(told, [(0, 3, 30), (1, 1, 25), (2, 0, 5), (1, 0, 40)]);
        assert_eq!(outline.names.len(), 3);
    }

    #[test]
    fn the_critical_path_leaves_out_what_ran_beside_it() {
        // 2 and 3 run side by side; 3 ends later. 5 goes on after its parent has ended.
        let outline = outline(vec![
            span(1, 0, 0, 100),
            span(2, 1, 10, 20),
            span(3, 1, 10, 50),
            span(4, 1, 65, 30),
            span(5, 1, 90, 500),
        ]);
        assert_eq!(ids(&outline, |row| row.is_critical), [1, 3, 4]);
    }

    #[test]
    fn what_is_missing_or_off_is_told() {
        let outline = outline(vec![span(1, 0, 100, 10), span(2, 1, 50, 5), span(3, 9, 105, 1), span(4, 1, 200, 1)]);
        assert_eq!(ids(&outline, |row| row.is_orphan), [3]);
        assert_eq!(ids(&outline, |row| row.is_skewed), [2, 4]);
        assert_eq!((outline.faults.orphans, outline.faults.skewed), (1, 2));
    }

    #[test]
    fn a_window_is_a_part() {
        let outline = outline((1..=100).map(|id| span(id, u8::from(id > 1), i64::from(id), 1)).collect());
        let window = outline.window(90, 50);
        assert_eq!((window.rows.len(), window.offset, window.total), (10, 90, 100));
        assert_eq!(outline.window(500, 5).rows.len(), 0);
    }

    proptest! {
        #[test]
        fn every_span_has_one_row_whatever_its_parents(parents in proptest::collection::vec(0..40_u8, 1..40), starts in proptest::collection::vec(any::<i32>(), 40)) {
            let spans = parents.iter().enumerate().map(|(at, parent)| span(at as u8 + 1, *parent, i64::from(starts[at]), 7));
            let outline = outline(spans.collect());
            let mut found = ids(&outline, |_| true);
            found.sort_unstable();
            prop_assert_eq!(found, (1..=parents.len() as u8).collect::<Vec<_>>());
            for (at, row) in outline.rows.iter().enumerate() {
                let below = outline.rows[at + 1..].iter().take_while(|below| below.depth > row.depth).count();
                prop_assert_eq!(row.descendants as usize, below);
            }
        }
    }
}
