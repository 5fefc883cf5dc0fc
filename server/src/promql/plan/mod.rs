//! What is to be computed: an expression after its types were checked, with the instants at which each part of it is
//! evaluated. Times never depend on samples, so all of them are known before any sample is read.

mod build;
mod function;
mod guard;
mod select;

use std::sync::Arc;

use regex::Regex;

pub use self::{build::Planner, guard::parse_text, select::matchers};
use super::{
    aggregate::Aggregation,
    arithmetic::Operation,
    functions::{histogram::HistogramFunction, instant::InstantFunction, range::RangeFunction},
    grid::{Grid, Windows},
};
use crate::store::sample::{Labels, NAME, Resolution};

/// A whole query.
#[derive(Debug)]
pub enum Plan {
    /// Answers a vector, or a matrix when there are several instants.
    Vector(Vector),
    /// Answers a number, or a matrix of one series.
    Scalar(Scalar),
    /// Answers its text.
    String(String),
    /// Answers samples as they are.
    Matrix(Matrix),
}

/// What has one value an instant.
#[derive(Debug)]
pub enum Scalar {
    /// Always the same.
    Number(f64),
    /// The instant in seconds.
    Time(Grid),
    /// The value of the only series of a vector.
    Only(Box<Vector>, Grid),
    /// The opposite.
    Negative(Box<Self>),
    /// Of two.
    Binary(Operation, Box<Self>, Box<Self>),
}

/// A vector selector.
#[derive(Debug)]
pub struct Instants {
    /// Which selection has its samples.
    pub selection: usize,
    /// Where they are looked for.
    pub windows: Windows,
    /// Their times are wanted instead of their values.
    pub wants_time: bool,
    /// How roll-ups are read.
    pub rollup: Rollup,
    /// Its matchers allow for one metric only.
    pub has_one_name: bool,
}

/// How a selector reads roll-ups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rollup {
    /// Which.
    pub resolution: Resolution,
    /// Windows are made of whole buckets that hold all that is asked of them.
    pub is_exact: bool,
}

impl Rollup {
    /// How long a bucket is in milliseconds. Should the store have roll-ups only where samples were asked for, they are
    /// taken for the shortest.
    pub fn length(self) -> i64 {
        self.resolution.millis().max(Resolution::FiveMinutes.millis())
    }
}

/// Samples that a function of ranges looks at.
#[derive(Debug)]
pub enum Matrix {
    /// Of series.
    Selector {
        /// Which selection has them.
        selection: usize,
        /// Which of them.
        windows: Windows,
        /// How roll-ups are read.
        rollup: Rollup,
        /// The matchers allow for one metric only.
        has_one_name: bool,
    },
    /// Of an expression that is evaluated at other instants.
    Subquery {
        /// Which.
        of: Box<Vector>,
        /// When.
        grid: Grid,
        /// Which of its values.
        windows: Windows,
    },
}

impl Matrix {
    /// Which samples each instant sees.
    pub fn windows(&self) -> &Windows {
        match self {
            Self::Selector { windows, .. } | Self::Subquery { windows, .. } => windows,
        }
    }

    fn has_one_name(&self) -> bool {
        match self {
            Self::Selector { has_one_name, .. } => *has_one_name,
            Self::Subquery { of, .. } => of.has_one_name(),
        }
    }
}

/// Which labels count.
#[derive(Debug, Clone)]
pub enum Grouping {
    /// These: `by`, `on`.
    By(Vec<String>),
    /// All but these and the metric's name: `without`, `ignoring`.
    Without(Vec<String>),
}

impl Grouping {
    /// The labels that count.
    pub fn key(&self, labels: &Labels) -> Labels {
        match self {
            Self::By(names) if names.is_empty() => Labels::default(),
            Self::By(names) => labels.only(|name| names.iter().any(|other| other == name)),
            Self::Without(names) => labels.only(|name| name != NAME && !names.iter().any(|other| other == name)),
        }
    }

    fn has_name(&self) -> bool {
        matches!(self, Self::By(names) if names.iter().any(|name| name == NAME))
    }
}

/// How series of two vectors find each other.
#[derive(Debug)]
pub struct Matching {
    /// By which labels.
    pub grouping: Grouping,
    /// Which side may have several series for one of the other.
    pub many: Many,
    /// Labels that are taken over from the side that has one.
    pub include: Vec<String>,
}

/// Which side of a match may have several series for one of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Many {
    /// Neither.
    None,
    /// `group_left`
    Left,
    /// `group_right`
    Right,
}

/// A set operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetOperation {
    /// Series that have a match.
    And,
    /// Series that have none.
    Unless,
    /// Series, and those of the other side that have none.
    Or,
}

/// How series are sorted.
#[derive(Debug)]
pub enum Order {
    /// By value.
    Value,
    /// By labels, compared as people count.
    Labels(Vec<String>),
}

/// What has a value a series at each instant.
#[derive(Debug)]
pub enum Vector {
    /// A vector selector.
    Instants(Instants),
    /// A function of ranges.
    Range(RangeFunction, Matrix, Vec<Scalar>),
    /// One for instants without any value in the range; with these labels.
    AbsentOverTime(Matrix, Labels),
    /// One for instants without any value; with these labels.
    Absent(Box<Self>, Labels, Grid),
    /// A function of values.
    Instant(InstantFunction, Box<Self>, Vec<Scalar>, Grid),
    /// A value without labels.
    Single(Scalar, Grid),
    /// A label is made from another.
    LabelReplace {
        /// Of these series.
        of: Box<Self>,
        /// The label.
        target: Arc<str>,
        /// What it becomes, with `$1`.
        replacement: String,
        /// The other.
        source: String,
        /// What the other must be.
        pattern: Regex,
    },
    /// A label is made from others.
    LabelJoin {
        /// Of these series.
        of: Box<Self>,
        /// The label.
        target: Arc<str>,
        /// What stands between.
        separator: String,
        /// The others.
        sources: Vec<String>,
    },
    /// Series in order, which shows at single instants only.
    Sort {
        /// Of these series.
        of: Box<Self>,
        /// By what.
        order: Order,
        /// The greatest first.
        is_descending: bool,
    },
    /// A function of classic histograms.
    Histogram(HistogramFunction, Box<Self>, Vec<Scalar>, Grid),
    /// An aggregation.
    Aggregate(Aggregation, Box<Self>, Grouping, Grid),
    /// With a number. The number is on the left if so said.
    WithScalar {
        /// How.
        operation: Operation,
        /// These series.
        vector: Box<Self>,
        /// The number.
        scalar: Scalar,
        /// Where it stands.
        is_scalar_left: bool,
    },
    /// With another vector.
    Match {
        /// How.
        operation: Operation,
        /// One side.
        left: Box<Self>,
        /// The other.
        right: Box<Self>,
        /// Which series with which.
        matching: Matching,
        /// When.
        grid: Grid,
    },
    /// With another vector, as sets of series.
    Set {
        /// How.
        operation: SetOperation,
        /// One side.
        left: Box<Self>,
        /// The other.
        right: Box<Self>,
        /// Which series are the same.
        grouping: Grouping,
        /// When.
        grid: Grid,
    },
    /// One and the same at each instant, evaluated once.
    Repeat(Box<Self>, Grid),
}

impl Vector {
    /// Whether all series have the same metric's name, or none: then two of them still differ without it.
    pub fn has_one_name(&self) -> bool {
        match self {
            Self::Instants(instants) => instants.has_one_name,
            Self::Range(function, of, _) => !function.keeps_name() || of.has_one_name(),
            Self::Instant(..)
            | Self::Single(..)
            | Self::Histogram(..)
            | Self::Absent(..)
            | Self::AbsentOverTime(..) => true,
            Self::LabelReplace { of, target, .. } | Self::LabelJoin { of, target, .. } => {
                &**target != NAME && of.has_one_name()
            }
            Self::Sort { of, .. } | Self::Repeat(of, _) => of.has_one_name(),
            Self::Aggregate(Aggregation::CountValues(label), _, _, _) if &**label == NAME => false,
            Self::Aggregate(aggregation, of, grouping, _) => {
                !(aggregation.selects() || grouping.has_name()) || of.has_one_name()
            }
            Self::WithScalar { operation, vector, .. } => !operation.keeps_name() || vector.has_one_name(),
            Self::Match { operation, left, right, matching, .. } => {
                let many = if matching.many == Many::Right { right } else { left };
                !matching.include.iter().any(|name| name == NAME) && (!operation.keeps_name() || many.has_one_name())
            }
            Self::Set { operation, left, .. } => *operation != SetOperation::Or && left.has_one_name(),
        }
    }

    /// Whether series lose names that told them apart.
    pub fn loses_names(&self) -> bool {
        match self {
            Self::Range(function, of, _) => !function.keeps_name() && !of.has_one_name(),
            Self::Instant(_, of, ..) | Self::Histogram(_, of, ..) => !of.has_one_name(),
            Self::WithScalar { operation, vector, .. } => !operation.keeps_name() && !vector.has_one_name(),
            _ => false,
        }
    }

    /// Whether two series of a match can have neither results with the same labels nor the same match where they must not.
    pub fn is_unique_match(&self) -> bool {
        let Self::Match { operation, left, right, matching, .. } = self else { return false };
        let differ = |many: &Self| operation.keeps_name() || many.has_one_name();
        match (matching.many, &matching.grouping) {
            (Many::None, Grouping::Without(names)) => names.is_empty() && left.has_one_name(),
            (Many::None, Grouping::By(_)) => false,
            (Many::Left, _) => matching.include.is_empty() && differ(left),
            (Many::Right, _) => matching.include.is_empty() && differ(right),
        }
    }

    /// Whether the order of the series is one that was asked for.
    pub fn is_ordered(&self) -> bool {
        match self {
            Self::Sort { .. } => true,
            Self::Aggregate(aggregation, ..) => aggregation.selects(),
            Self::Instant(_, of, ..)
            | Self::LabelReplace { of, .. }
            | Self::LabelJoin { of, .. }
            | Self::Repeat(of, _) => of.is_ordered(),
            Self::WithScalar { vector, .. } => vector.is_ordered(),
            _ => false,
        }
    }
}
