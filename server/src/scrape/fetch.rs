//! One answer of a target, within bounds of time and memory.

use std::{sync::Arc, time::Duration};

use app::model::ScrapeAuth;
use reqwest::{Client, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Target;
use crate::{
    exposition::{ACCEPT, Format, FormatError, ParseError},
    ingest::IngestError,
    outgoing::{Reach, told},
};

/// The unit in which memory for answers is counted.
const PERMIT_BYTES: usize = 64 * 1024;

/// Why a scrape failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScrapeError {
    /// It took too long.
    #[error("no complete answer within {0} s")]
    Timeout(u32),
    /// It could not be asked.
    #[error("{0}")]
    Unreachable(String),
    /// It answers with something else than success.
    #[error("the target answers with status {0}")]
    Status(StatusCode),
    /// The answer is too large.
    #[error("the answer is larger than {0} bytes (`scrape.body_bytes`)")]
    TooLarge(usize),
    /// The answer is in no format that is read.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The answer is not what it says it is.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// What the target says cannot be stored.
    #[error("what it answered could not be stored: {0}")]
    Store(#[from] IngestError),
    /// Console itself failed.
    #[error("something failed inside Console; its log has the details")]
    Internal,
}

/// Memory that all answers that are read at once share.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Semaphore>);

impl Memory {
    /// So many bytes.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / PERMIT_BYTES).clamp(1, Semaphore::MAX_PERMITS))))
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Without its compression.
    pub body: Vec<u8>,
    /// What it is.
    pub format: Format,
    /// Given back when the answer is read.
    _room: Room,
}

/// Asks a target once.
pub async fn fetch(
    client: &Client,
    reach: &Reach,
    target: &Target,
    most_bytes: usize,
    memory: &Memory,
) -> Result<Answer, ScrapeError> {
    let seconds = target.settings.timeout_seconds;
    let answer = ask(client, reach, target, most_bytes, memory);
    let answer = tokio::time::timeout(Duration::from_secs(seconds.into()), answer).await;
    answer.unwrap_or(Err(ScrapeError::Timeout(seconds)))
}

async fn ask(
    client: &Client,
    reach: &Reach,
    target: &Target,
    most_bytes: usize,
    memory: &Memory,
) -> Result<Answer, ScrapeError> {
    reach.check_url(&target.url).map_err(|error| ScrapeError::Unreachable(error.to_string()))?;
    let mut request = client
        .get(target.asked_url())
        .header(header::ACCEPT, ACCEPT)
        .header("X-Prometheus-Scrape-Timeout-Seconds", target.settings.timeout_seconds);
    if !target.settings.tls.server_name.is_empty() {
        request = request.header(header::HOST, target.instance_of_url());
    }
    let secret = target.secrets.secret.as_ref().map_or("", |secret| secret.expose());
    request = match &target.settings.auth {
        ScrapeAuth::None => request,
        ScrapeAuth::Basic { username } => request.basic_auth(username, Some(secret)),
        ScrapeAuth::Bearer => request.bearer_auth(secret),
    };
    let failed = |error: reqwest::Error| ScrapeError::Unreachable(told(&error));
    let mut response = request.send().await.map_err(failed)?;
    if response.status() != StatusCode::OK {
        return Err(ScrapeError::Status(response.status()));
    }
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let format = Format::of(kind)?;
    if response.content_length().is_some_and(|bytes| bytes > most_bytes as u64) {
        return Err(ScrapeError::TooLarge(most_bytes));
    }
    let mut body = Vec::new();
    let mut room = Room::default();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        let bytes = body.len() + chunk.len();
        if bytes > most_bytes {
            return Err(ScrapeError::TooLarge(most_bytes));
        }
        room.grow(memory, bytes).await;
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { body, format, _room: room })
}

/// Memory that an answer takes.
#[derive(Debug, Default)]
struct Room {
    permits: usize,
    held: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// Waits until there is memory for so many bytes.
    async fn grow(&mut self, memory: &Memory, bytes: usize) {
        let wanted = bytes.div_ceil(PERMIT_BYTES);
        let more = wanted.saturating_sub(self.permits) as u32;
        if more == 0 {
            return;
        }
        // It is never closed.
        if let Ok(permit) = memory.0.clone().acquire_many_owned(more).await {
            match &mut self.held {
                Some(held) => held.merge(permit),
                None => self.held = Some(permit),
            }
            self.permits = wanted;
        }
    }
}

impl Target {
    /// Host and port of the address, whatever the labels say.
    fn instance_of_url(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}
