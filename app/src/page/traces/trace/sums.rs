//! Sums over the spans of a trace, by service or by operation: plain data.

use std::{cmp::Reverse, collections::HashMap};

use super::tree::Tree;

/// What spans are put together by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Their service.
    Service,
    /// Their service and name.
    Operation,
}

impl By {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Service, Self::Operation];

    /// As the address carries it.
    pub fn key(self) -> Option<&'static str> {
        match self {
            Self::Service => None,
            Self::Operation => Some("operation"),
        }
    }

    /// What people read.
    pub fn label(self) -> &'static str {
        match self {
            Self::Service => "By service",
            Self::Operation => "By operation",
        }
    }
}

/// In which order sums are listed, the largest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By time of their own.
    OwnTime,
    /// By number.
    Spans,
    /// By failures.
    Errors,
    /// By time in all.
    Total,
    /// By average duration.
    Average,
    /// By the longest one.
    Longest,
}

impl Order {
    /// Every order, as the columns stand.
    pub const ALL: [Self; 6] = [Self::Spans, Self::Errors, Self::Total, Self::OwnTime, Self::Average, Self::Longest];

    /// As the address carries it.
    pub fn key(self) -> Option<&'static str> {
        match self {
            Self::OwnTime => None,
            Self::Spans => Some("spans"),
            Self::Errors => Some("errors"),
            Self::Total => Some("total"),
            Self::Average => Some("average"),
            Self::Longest => Some("longest"),
        }
    }

    /// What people read.
    pub fn label(self) -> &'static str {
        match self {
            Self::OwnTime => "Self time",
            Self::Spans => "Spans",
            Self::Errors => "Errors",
            Self::Total => "Total",
            Self::Average => "Average",
            Self::Longest => "Longest",
        }
    }
}

/// Spans that were put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// Their service.
    pub service: String,
    /// Its colour.
    pub tint: &'static str,
    /// Their name, where they have one in common.
    pub name: Option<String>,
    /// How many there are.
    pub spans: u64,
    /// How many of them failed.
    pub errors: u64,
    /// How long they took together.
    pub total_ns: i64,
    /// How much of that none of those under them was busy.
    pub own_ns: i64,
    /// How long the longest took.
    pub longest_ns: i64,
}

impl Sum {
    /// How long one of them took on average.
    pub fn average_ns(&self) -> i64 {
        self.total_ns / self.spans.max(1) as i64
    }

    fn rank(&self, order: Order) -> i64 {
        match order {
            Order::OwnTime => self.own_ns,
            Order::Spans => self.spans as i64,
            Order::Errors => self.errors as i64,
            Order::Total => self.total_ns,
            Order::Average => self.average_ns(),
            Order::Longest => self.longest_ns,
        }
    }
}

/// The sums of all loaded rows, the largest first.
pub fn sums(tree: &Tree, by: By, order: Order) -> Vec<Sum> {
    let mut at: HashMap<(u16, u32), usize> = HashMap::new();
    let mut sums: Vec<Sum> = Vec::new();
    for row in tree.rows() {
        let name = if by == By::Operation { row.name } else { 0 };
        let place = *at.entry((row.service, name)).or_insert_with(|| {
            sums.push(Sum {
                service: tree.service(row).to_owned(),
                tint: tree.tint(row),
                name: (by == By::Operation).then(|| tree.name(row).to_owned()),
                spans: 0,
                errors: 0,
                total_ns: 0,
                own_ns: 0,
                longest_ns: 0,
            });
            sums.len() - 1
        });
        let sum = &mut sums[place];
        sum.spans += 1;
        sum.errors += u64::from(row.is_error);
        sum.total_ns = sum.total_ns.saturating_add(row.duration_ns);
        sum.own_ns = sum.own_ns.saturating_add(row.self_ns);
        sum.longest_ns = sum.longest_ns.max(row.duration_ns);
    }
    sums.sort_by_cached_key(|sum| (Reverse(sum.rank(order)), sum.service.clone(), sum.name.clone()));
    sums
}

#[cfg(test)]
mod tests {
    use super::{super::tree::tests::outline, *};

    #[test]
    fn spans_are_summed_by_service_and_by_operation() {
        let mut outline = outline(&[0, 1, 1, 1]);
        for (row, (service, name, duration_ns)) in
            outline.rows.iter_mut().zip([(0, 0, 100), (1, 0, 10), (1, 1, 30), (1, 1, 50)])
        {
            (row.service, row.name, row.duration_ns) = (service, name, duration_ns);
        }
        outline.rows[3].is_error = true;
        let tree = Tree::new(outline);
        let services = sums(&tree, By::Service, Order::Spans);
        assert_eq!((services[0].service.as_str(), services[0].spans, services[0].errors), ("orders", 3, 1));
        assert_eq!((services[0].total_ns, services[0].average_ns(), services[0].longest_ns), (90, 30, 50));
        let operations = sums(&tree, By::Operation, Order::Total);
        let names: Vec<Option<&str>> = operations.iter().map(|sum| sum.name.as_deref()).collect();
        assert_eq!(names, [Some("GET /"), Some("SELECT"), Some("GET /")]);
        assert_eq!(sums(&tree, By::Operation, Order::Errors)[0].name.as_deref(), Some("SELECT"));
        assert!(sums(&Tree::default(), By::Service, Order::OwnTime).is_empty());
    }
}
