//! The way in: a bounded queue and one writer that groups what waits into one commit.
//!
//! `submit` answers when the records are on disk. A full queue is refused at once: memory is bounded, nothing is
//! dropped in silence.

mod writer;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use app::model::TenantId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, mpsc, oneshot};
pub use writer::Writer;

use crate::store::{EndpointDelta, NewMetrics, log::NewLogRecord, span::NewSpan};

/// Submissions that may wait; their bytes are bounded separately.
const MAX_SUBMISSIONS: usize = 65_536;
/// The unit in which bytes of the queue are counted.
const PERMIT_BYTES: usize = 256;
/// How long `submit` waits for a commit before it gives up; the records may still be stored later.
const PATIENCE: Duration = Duration::from_secs(5);

/// What one caller hands in: stored together.
#[derive(Debug, Default)]
pub struct Submission {
    /// Log records by tenant.
    pub logs: Vec<(TenantId, NewLogRecord)>,
    /// Spans by tenant.
    pub spans: Vec<(TenantId, NewSpan)>,
    /// Samples and exemplars.
    pub metrics: NewMetrics,
    /// Endpoint figures.
    pub endpoints: Vec<EndpointDelta>,
}

impl Submission {
    fn records(&self) -> usize {
        self.logs.len() + self.spans.len() + self.metrics.len() + self.endpoints.len()
    }

    fn size_bytes(&self) -> usize {
        let logs: usize = self.logs.iter().map(|(_, record)| record.size()).sum();
        let spans: usize = self.spans.iter().map(|(_, span)| span.size()).sum();
        logs + spans + self.metrics.size() + self.endpoints.len() * 1024
    }
}

/// Why records were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// Too much waits already.
    #[error("the ingest queue is full (`ingest.queue_bytes`); try again in a second")]
    Full,
    /// More comes of one request than is kept in memory for it.
    #[error("in memory the request would be larger than `ingest.otlp_unpacked_bytes`; send it in parts")]
    TooLarge,
    /// The store did not commit in time, or refused.
    #[error("the store does not accept records right now; try again in a few seconds")]
    Unavailable,
}

/// Figures of the way in.
#[derive(Debug, Default)]
pub struct IngestFigures {
    /// Records committed since the start.
    pub committed: AtomicU64,
    /// Commits made.
    pub commits: AtomicU64,
    /// Commits that failed and were tried again.
    pub retries: AtomicU64,
    /// Records refused because the queue was full.
    pub refused_full: AtomicU64,
    /// Records given up because the store refused them for good.
    pub refused_store: AtomicU64,
    /// Records that were not taken for what they are: too old, without a name and so on.
    pub refused_invalid: AtomicU64,
    /// Whether the last attempt to commit failed.
    pub is_failing: AtomicBool,
}

struct Queued {
    submission: Submission,
    /// Bytes of the queue that it takes; given back when it is committed.
    _permit: OwnedSemaphorePermit,
    ack: Option<oneshot::Sender<Result<(), IngestError>>>,
}

/// Hands records to the writer. Cheap to clone.
#[derive(Clone)]
pub struct IngestQueue {
    sender: mpsc::Sender<Queued>,
    space: Arc<Semaphore>,
    permits: usize,
    /// Held by what is larger than the queue, while it waits.
    large: Arc<Semaphore>,
    figures: Arc<IngestFigures>,
}

impl IngestQueue {
    /// A queue that holds so many bytes, and the end that a [`Writer`] reads.
    pub fn new(queue_bytes: usize) -> (Self, QueueEnd) {
        let (sender, receiver) = mpsc::channel(MAX_SUBMISSIONS);
        let permits = (queue_bytes / PERMIT_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        let queue = Self {
            sender,
            space: Arc::new(Semaphore::new(permits)),
            permits,
            large: Arc::new(Semaphore::new(1)),
            figures: Arc::new(IngestFigures::default()),
        };
        (queue, QueueEnd(receiver))
    }

    /// Figures of the way in.
    pub fn figures(&self) -> &IngestFigures {
        &self.figures
    }

    /// Share of the queue that is taken, in percent.
    pub fn fill_percent(&self) -> f64 {
        100.0 - self.space.available_permits() as f64 * 100.0 / self.permits as f64
    }

    /// Stores the records; they are on disk when this answers with `Ok`.
    pub async fn submit(&self, submission: Submission) -> Result<(), IngestError> {
        if submission.records() == 0 {
            return Ok(());
        }
        let records = submission.records() as u64;
        let permits = permits(&submission);
        let mut patience = PATIENCE;
        let permit = if permits > self.permits {
            // A request may be larger than the queue: it waits until it has the queue to itself. Only one does.
            let _turn = self.large.clone().try_acquire_owned().map_err(|_| self.refuse(records))?;
            patience *= permits.div_ceil(self.permits) as u32;
            let all = self.space.clone().acquire_many_owned(self.permits as u32);
            match tokio::time::timeout(PATIENCE, all).await {
                Ok(Ok(permit)) => permit,
                Ok(Err(_)) => return Err(IngestError::Unavailable),
                Err(_) => return Err(self.refuse(records)),
            }
        } else {
            self.space_for(records, permits)?
        };
        let (ack, acknowledged) = oneshot::channel();
        self.enqueue(records, Queued { submission, _permit: permit, ack: Some(ack) })?;
        match tokio::time::timeout(patience, acknowledged).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Err(IngestError::Unavailable),
        }
    }

    /// Stores the records some time soon, without an answer; refused when the queue is full.
    pub fn offer(&self, submission: Submission) -> Result<(), IngestError> {
        let records = submission.records() as u64;
        if records == 0 {
            return Ok(());
        }
        let permit = self.space_for(records, permits(&submission))?;
        self.enqueue(records, Queued { submission, _permit: permit, ack: None })
    }

    fn space_for(&self, records: u64, permits: usize) -> Result<OwnedSemaphorePermit, IngestError> {
        let permits = u32::try_from(permits).unwrap_or(u32::MAX);
        self.space.clone().try_acquire_many_owned(permits).map_err(|error| match error {
            TryAcquireError::NoPermits => self.refuse(records),
            TryAcquireError::Closed => IngestError::Unavailable,
        })
    }

    fn enqueue(&self, records: u64, queued: Queued) -> Result<(), IngestError> {
        self.sender.try_send(queued).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => self.refuse(records),
            mpsc::error::TrySendError::Closed(_) => IngestError::Unavailable,
        })
    }

    fn refuse(&self, records: u64) -> IngestError {
        self.figures.refused_full.fetch_add(records, Ordering::Relaxed);
        IngestError::Full
    }
}

/// Parts of the queue that a submission takes.
fn permits(submission: &Submission) -> usize {
    submission.size_bytes().div_ceil(PERMIT_BYTES)
}

/// The reading end of the queue.
pub struct QueueEnd(mpsc::Receiver<Queued>);
