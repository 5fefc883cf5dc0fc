//! Bodies, read within limits of size and time.

use std::time::Duration;

use app::api::{ApiError, ErrorCode};
use axum::body::Body;
use futures::StreamExt;

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
