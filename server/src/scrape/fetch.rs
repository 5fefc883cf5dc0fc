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
/// Answers up to this size need no memory of the others: what large ones do never keeps them waiting.
const SMALL_BYTES: usize = 256 * 1024;

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
    /// Others are read at the same time.
    #[error("too much is read of all targets at once (`scrape.memory_bytes`)")]
    Crowded,
    /// The answer is in no format that is read.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The answer is not what it says it is.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// More is remembered of the tenant's targets than there is room for.
    #[error("the targets have more series than there is room for (`ingest.series_per_tenant`)")]
    TooManySeries,
    /// What the target says cannot be stored.
    #[error("what it answered could not be stored: {0}")]
    Store(#[from] IngestError),
    /// Console itself failed.
    #[error("something failed inside Console; its log has the details")]
    Internal,
}

/// Memory that all answers that are read at once share.
#[derive(Debug, Clone)]
pub struct Memory {
    free: Arc<Semaphore>,
    permits: usize,
}

impl Memory {
    /// So many bytes.
    pub fn new(bytes: usize) -> Self {
        let permits = (bytes / PERMIT_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(permits)), permits }
    }
}

/// How large an answer may be, and how large it will be as far as can be told, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Larger ones are not read.
    pub most: usize,
    /// Somewhat more than the last one had.
    pub expected: usize,
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
    limits: Limits,
    memory: &Memory,
) -> Result<Answer, ScrapeError> {
    let seconds = target.settings.timeout_seconds;
    let answer = ask(client, reach, target, limits, memory);
    let answer = tokio::time::timeout(Duration::from_secs(seconds.into()), answer).await;
    answer.unwrap_or(Err(ScrapeError::Timeout(seconds)))
}

async fn ask(
    client: &Client,
    reach: &Reach,
    target: &Target,
    limits: Limits,
    memory: &Memory,
) -> Result<Answer, ScrapeError> {
    let url = target.asked_url();
    for url in [&target.url, &url] {
        reach.check_url(url).map_err(|error| ScrapeError::Unreachable(error.to_string()))?;
    }
    let mut request = client
        .get(url)
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
    let again = request.try_clone();
    let mut response = match (request.send().await, again) {
        (Ok(response), _) => response,
        // A connection that was kept from the last time was closed meanwhile, as programs do after some seconds.
        (Err(error), Some(again)) if !error.is_connect() && !error.is_timeout() && !error.is_redirect() => {
            again.send().await.map_err(failed)?
        }
        (Err(error), _) => return Err(failed(error)),
    };
    if response.status() != StatusCode::OK {
        return Err(ScrapeError::Status(response.status()));
    }
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let format = Format::of(kind)?;
    if response.content_length().is_some_and(|bytes| bytes > limits.most as u64) {
        return Err(ScrapeError::TooLarge(limits.most));
    }
    let expected = response.content_length().map_or(limits.expected, |bytes| bytes as usize).min(limits.most);
    let mut room = Room::reserve(memory, expected).await;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        let bytes = body.len() + chunk.len();
        if bytes > limits.most {
            return Err(ScrapeError::TooLarge(limits.most));
        }
        room.grow(memory, bytes)?;
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
    /// Waits until there is memory for so many bytes. Only before anything is read: who waits holds nothing.
    async fn reserve(memory: &Memory, bytes: usize) -> Self {
        let permits = permits(bytes).min(memory.permits);
        // It is never closed.
        let held = match permits {
            0 => None,
            permits => memory.free.clone().acquire_many_owned(permits as u32).await.ok(),
        };
        Self { permits, held }
    }

    /// More memory than was reserved, if there is some.
    fn grow(&mut self, memory: &Memory, bytes: usize) -> Result<(), ScrapeError> {
        let more = permits(bytes).saturating_sub(self.permits);
        if more == 0 {
            return Ok(());
        }
        let permit = memory.free.clone().try_acquire_many_owned(more as u32).map_err(|_| ScrapeError::Crowded)?;
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        self.permits += more;
        Ok(())
    }
}

/// What is counted of so many bytes: small answers are not.
fn permits(bytes: usize) -> usize {
    if bytes <= SMALL_BYTES { 0 } else { bytes.div_ceil(PERMIT_BYTES) }
}

impl Target {
    /// Host and port of the address, whatever the labels say.
    fn instance_of_url(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}
