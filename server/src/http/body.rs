//! Bodies, read within limits of size and time.

use std::{sync::Arc, time::Duration};

use app::api::{ApiError, ErrorCode};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName},
};
use futures::StreamExt;

use crate::service::Services;

/// How long a sender may take for its body.
pub const BODY_PATIENCE: Duration = Duration::from_secs(30);
/// How long a body waits for its turn to be unpacked.
pub const TURN_PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of a body that is too large that are still read, so that its sender gets to read the answer.
const DISCARDED_BYTES: usize = 64 * 1024 * 1024;

/// The body, if it is not larger than `max_bytes` and arrives in time. `setting` names the limit.
pub async fn read(body: Body, max_bytes: usize, patience: Duration, setting: &str) -> Result<Vec<u8>, ApiError> {
    let read = tokio::time::timeout(patience, read_at_most(body, max_bytes)).await.unwrap_or_else(|_| {
        let seconds = patience.as_secs();
        Err(ApiError::new(ErrorCode::BadRequest, format!("the body did not arrive within {seconds} s")))
    })?;
    read.ok_or_else(|| {
        tracing::warn!(max_bytes, setting, "a body was too large and was refused");
        let message = format!("the body is larger than {max_bytes} bytes (`{setting}`)");
        ApiError::new(ErrorCode::PayloadTooLarge, message)
    })
}

/// The body; none if it is larger.
async fn read_at_most(body: Body, max_bytes: usize) -> Result<Option<Vec<u8>>, ApiError> {
    let mut chunks = body.into_data_stream();
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| ApiError::new(ErrorCode::BadRequest, "the body ended early"))?;
        length += chunk.len();
        if length > DISCARDED_BYTES {
            break;
        }
        if length <= max_bytes {
            bytes.extend_from_slice(&chunk);
        } else {
            bytes = Vec::new();
        }
    }
    Ok((length <= max_bytes).then_some(bytes))
}

/// Reads what a program sends and unpacks it, when it is its turn: `work` gets the body as it was sent, and how many bytes
/// it may unfold to.
pub async fn unpack<T: Send + 'static>(
    services: &Arc<Services>,
    body: Body,
    work: impl FnOnce(Vec<u8>, usize) -> T + Send + 'static,
) -> Result<T, ApiError> {
    let limits = &services.config.ingest;
    let bytes = read(body, limits.otlp_body_bytes, BODY_PATIENCE, "ingest.otlp_body_bytes").await?;
    let unavailable = |message| move || ApiError::new(ErrorCode::Unavailable, message);
    let busy = unavailable("too much is being unpacked already; send it again in a second");
    let turn = tokio::time::timeout(TURN_PATIENCE, services.unpacking.clone().acquire_owned()).await;
    let turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
    let limit = limits.otlp_unpacked_bytes;
    let unpacked = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work(bytes, limit)
    });
    unpacked.await.map_err(|_| unavailable("the body could not be read")())
}

/// The text of a header; empty for none.
pub fn header_text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
