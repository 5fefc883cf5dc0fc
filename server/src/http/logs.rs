//! Log records over REST: pages, counts, patterns, and what surrounds a record.

use std::sync::Arc;

use app::{
    api::{ApiError, LogPort},
    model::{Level, LogContext, LogContextQuery, LogId, LogPage, LogPatterns, LogQuery, LogSummary, LogViewQuery},
};
use axum::{
    Json,
    extract::{Path, State},
};

use super::{
    error::{ErrorBody, Failure},
    guard::InScope,
    query::Params,
};
use crate::service::Services;

type Shared = State<Arc<Services>>;

const LIST_PARAMS: [&str; 8] = ["level", "service", "search", "trace_id", "from", "to", "limit", "cursor"];
const VIEW_PARAMS: [&str; 6] = ["level", "service", "search", "trace_id", "from", "to"];

fn view_query(params: Params, services: &Services) -> Result<LogViewQuery, Failure> {
    let params = params.only(&VIEW_PARAMS)?;
    let range = params.range(services.clock.now_millis())?.unwrap_or_default();
    Ok(LogViewQuery { filter: params.log_filter()?, range })
}

/// Log records
///
/// Newest first. `search` has words (`timeout`), phrases (`"lock wait"`), fields (`service:orders`, `http.status:>=500`,
/// `user:*`), regular expressions (`/dead\w+/`), and `-` before what must not be.
#[utoipa::path(get, path = "/api/monitoring/logs", tag = "logs", params(
    ("level" = Option<Level>, Query, description = "This level or a more serious one."),
    ("service" = Option<String>, Query, description = "From this service."),
    ("search" = Option<String>, Query, description = "What the records must say.", example = "timeout -service:cron"),
    ("trace_id" = Option<String>, Query, description = "Of this trace: 32 hexadecimal digits."),
    ("from" = Option<String>, Query, description = "RFC 3339 or epoch milliseconds.", example = "2026-01-01T00:00:00Z"),
    ("to" = Option<String>, Query, description = "RFC 3339 or epoch milliseconds."),
    ("limit" = Option<u32>, Query, description = "Records on a page.", minimum = 1),
    ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before."),
), responses(
    (status = 200, description = "A page. With `searched_to` it ended early, and `next_cursor` goes on.", body = LogPage),
    (status = 422, description = "A parameter is wrong; `details.field` says which.", body = ErrorBody),
))]
pub async fn list(State(services): Shared, InScope(scope): InScope, params: Params) -> Result<Json<LogPage>, Failure> {
    let params = params.only(&LIST_PARAMS)?;
    let query = LogQuery {
        filter: params.log_filter()?,
        range: params.range(services.clock.now_millis())?.unwrap_or_default(),
        limit: params.limit()?,
        cursor: params.text("cursor"),
    };
    Ok(Json(LogPort::list(&*services, scope, query).await?))
}

/// Counts of log records
///
/// Over time by level, by level, by service, and by attribute.
#[utoipa::path(get, path = "/api/monitoring/logs/summary", tag = "logs", params(
    ("level" = Option<Level>, Query, description = "This level or a more serious one."),
    ("service" = Option<String>, Query, description = "From this service."),
    ("search" = Option<String>, Query, description = "What the records must say, in the language of the list."),
    ("trace_id" = Option<String>, Query, description = "Of this trace: 32 hexadecimal digits."),
    ("from" = Option<String>, Query, description = "RFC 3339 or epoch milliseconds.", example = "2026-01-01T00:00:00Z"),
    ("to" = Option<String>, Query, description = "RFC 3339 or epoch milliseconds."),
), responses(
    (status = 200, description = "The counts.", body = LogSummary),
    (status = 422, description = "A parameter is wrong; `details.field` says which.", body = ErrorBody),
))]
pub async fn summary(
    State(services): Shared,
    InScope(scope): InScope,
    params: Params,
) -> Result<Json<LogSummary>, Failure> {
    let query = view_query(params, &services)?;
    Ok(Json(services.summary(scope, query).await?))
}

/// Patterns of log records
///
/// What their messages have in common, once numbers and ids are taken out.
#[utoipa::path(get, path = "/api/monitoring/logs/patterns", tag = "logs", params(
    ("level" = Option<Level>, Query, description = "This level or a more serious one."),
    ("service" = Option<String>, Query, description = "From this service."),
    ("search" = Option<String>, Query, description = "What the records must say, in the language of the list."),
    ("trace_id" = Option<String>, Query, description = "Of this trace: 32 hexadecimal digits."),
    ("from" = Option<String>, Query, description = "RFC 3339 or epoch milliseconds.", example = "2026-01-01T00:00:00Z"),
    ("to" = Option<String>, Query, description = "RFC 3339 or epoch milliseconds."),
), responses(
    (status = 200, description = "The patterns, the most frequent first.", body = LogPatterns),
    (status = 422, description = "A parameter is wrong; `details.field` says which.", body = ErrorBody),
))]
pub async fn patterns(
    State(services): Shared,
    InScope(scope): InScope,
    params: Params,
) -> Result<Json<LogPatterns>, Failure> {
    let query = view_query(params, &services)?;
    Ok(Json(services.patterns(scope, query).await?))
}

/// One log record
///
/// With what its service wrote before and after it.
#[utoipa::path(get, path = "/api/monitoring/logs/{log_id}", tag = "logs", params(
    ("log_id" = i64, Path, description = "The record's `id`."),
    ("lines" = Option<u32>, Query, description = "Records on each side; 5 by default.", minimum = 1, maximum = 200),
), responses(
    (status = 200, description = "The record.", body = LogContext),
    (status = 404, description = "No such record.", body = ErrorBody),
    (status = 422, description = "A parameter is wrong; `details.field` says which.", body = ErrorBody),
))]
pub async fn context(
    State(services): Shared,
    InScope(scope): InScope,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<LogContext>, Failure> {
    let id = id.parse().map(LogId).map_err(|_| ApiError::not_found("log record"))?;
    let lines = params.only(&["lines"])?.number::<u32>("lines")?.unwrap_or(LogContext::DEFAULT_LINES);
    Ok(Json(services.context(scope, LogContextQuery { id, lines }).await?))
}
