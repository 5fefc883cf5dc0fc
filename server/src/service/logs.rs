//! Log records: pages of history.

use app::{
    api::{ApiError, LogPort, Scope},
    model::{LogId, LogPage, LogQuery, UnixNanos},
};
use async_trait::async_trait;

use super::{Services, read_cursor, store_failed, write_cursor};
use crate::store::{LogSelection, log::LogMatcher};

/// Matches are counted up to here.
const COUNT_BOUND: u64 = 10_000;
/// Longest name of a service, in bytes.
const MAX_SERVICE_BYTES: usize = 256;

#[async_trait]
impl LogPort for Services {
    async fn list(&self, scope: Scope, query: LogQuery) -> Result<LogPage, ApiError> {
        if query.limit > LogQuery::MAX_LIMIT {
            return Err(ApiError::invalid("limit", format!("1 to {}", LogQuery::MAX_LIMIT)));
        }
        if query.filter.service.as_ref().is_some_and(|service| service.len() > MAX_SERVICE_BYTES) {
            return Err(ApiError::invalid("service", format!("at most {MAX_SERVICE_BYTES} bytes")));
        }
        let matcher = LogMatcher::new(&query.filter).map_err(|error| ApiError::invalid("search", error.to_string()))?;
        let before = query.cursor.as_deref().map(read_cursor).transpose()?;
        let range = query.range.resolve(self.clock.now_millis());
        // What is committed after this is for the live stream; what was before is for the page.
        let last_id = self.stores.logs.head(scope.tenant).await.map_err(store_failed)?;
        let limit = if query.limit == 0 { LogQuery::DEFAULT_LIMIT } else { query.limit };
        // A relative range is open to the future: emitters' clocks may run ahead of ours.
        let to = if query.range.is_relative() { UnixNanos(i64::MAX) } else { range.to.to_nanos() };
        let selection = LogSelection {
            matcher,
            from: range.from.to_nanos(),
            to,
            before: before.map(|(time, id)| (UnixNanos(time), LogId(id as i64))),
            limit: limit as usize,
            count_bound: COUNT_BOUND,
        };
        let mut slice = self.stores.logs.search(scope.tenant, selection).await.map_err(store_failed)?;
        let last = slice.records.last().filter(|_| slice.has_more);
        let next_cursor = last.map(|record| write_cursor(record.timestamp.0, record.id.0 as u128));
        slice.records.retain(|record| record.id <= last_id);
        Ok(LogPage {
            logs: slice.records,
            next_cursor,
            last_id,
            matched: slice.matched,
            matched_is_partial: slice.matched_is_partial,
            services: slice.services,
            any_stored: last_id.0 > 0,
        })
    }
}
