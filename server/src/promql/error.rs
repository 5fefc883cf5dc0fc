//! Why a query has no answer.

use crate::store::StoreError;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no query, or its parts do not fit together.
    #[error("{0}")]
    Bad(String),
    /// It is a query, but one that is not answered here.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// The series do not allow what is asked of them, or there are too many of them.
    #[error("{0}")]
    Execution(String),
    /// Stored samples cannot be read.
    #[error("samples could not be read: {0}")]
    Store(#[from] StoreError),
    /// Nobody waits for the answer any more.
    #[error("the query was canceled")]
    Canceled,
    /// It took too long.
    #[error("the query timed out")]
    Timeout,
}

/// The kinds of errors that Prometheus' HTTP API tells apart (<https://prometheus.io/docs/prometheus/latest/querying/api/>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The query has to be changed.
    BadData,
    /// It failed while it was answered.
    Execution,
    /// It was given up.
    Canceled,
    /// It took too long.
    Timeout,
}

impl ErrorKind {
    /// What Prometheus calls it, in `errorType`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadData => "bad_data",
            Self::Execution => "execution",
            Self::Canceled => "canceled",
            Self::Timeout => "timeout",
        }
    }
}

impl Error {
    /// Of which kind it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Bad(_) | Self::Unsupported(_) => ErrorKind::BadData,
            Self::Execution(_) | Self::Store(_) => ErrorKind::Execution,
            Self::Canceled => ErrorKind::Canceled,
            Self::Timeout => ErrorKind::Timeout,
        }
    }
}
