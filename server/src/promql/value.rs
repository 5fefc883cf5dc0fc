//! What a query answers.

use crate::store::sample::Labels;

/// A series of a vector.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSeries {
    /// Which.
    pub labels: Labels,
    /// When it was asked for, in milliseconds since the Unix epoch.
    pub time: i64,
    /// Its value.
    pub value: f64,
}

/// A series of a matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSeries {
    /// Which.
    pub labels: Labels,
    /// When, in milliseconds since the Unix epoch, and what; oldest first.
    pub points: Vec<(i64, f64)>,
}

/// What a query answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number, and when it was asked for in milliseconds.
    Scalar(i64, f64),
    /// A text, and when it was asked for in milliseconds.
    String(i64, String),
    /// A value a series: in the order that the query asked for, or by labels.
    Vector(Vec<VectorSeries>),
    /// Several values a series, by labels.
    Matrix(Vec<MatrixSeries>),
}

impl Value {
    /// Leaves so many series at most; says whether there were more.
    pub fn truncate(&mut self, limit: usize) -> bool {
        let before = self.series();
        match self {
            Self::Scalar(..) | Self::String(..) => {}
            Self::Vector(series) => series.truncate(limit),
            Self::Matrix(series) => series.truncate(limit),
        }
        self.series() < before
    }

    fn series(&self) -> usize {
        match self {
            Self::Scalar(..) | Self::String(..) => 0,
            Self::Vector(series) => series.len(),
            Self::Matrix(series) => series.len(),
        }
    }

    /// What Prometheus calls it, in `resultType`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Scalar(..) => "scalar",
            Self::String(..) => "string",
            Self::Vector(_) => "vector",
            Self::Matrix(_) => "matrix",
        }
    }
}

/// An answer with what is to be said about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The answer.
    pub value: Value,
    /// What is probably wrong with it.
    pub warnings: Vec<String>,
    /// What is good to know about it.
    pub infos: Vec<String>,
    /// How many samples and roll-ups were read.
    pub samples_read: u64,
}
