//! The audit record, paged and as a file.

use app::{
    api::{Actor, ApiError, IdentityPort},
    model::{AuditEntry, AuditPage},
};
use axum::{
    Json,
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use futures::{Stream, stream};
use std::sync::Arc;

use super::{
    error::{ErrorBody, Failure},
    guard::By,
    query::Params,
};
use crate::service::Services;

/// Entries that are read from the store at once for a file.
const EXPORT_PAGE: u32 = 1000;

/// What was done
///
/// Entries of the audit record of the tenant, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(
    ("limit" = Option<u32>, Query, description = "Entries on a page, 1 to 1000; 100 by default.", minimum = 1),
    ("cursor" = Option<i64>, Query, description = "`next` of the page before."),
), responses(
    (status = 200, description = "A page.", body = AuditPage),
    (status = 422, description = "A parameter is wrong.", body = ErrorBody),
))]
pub async fn list(
    State(services): State<Arc<Services>>,
    By(actor): By,
    params: Params,
) -> Result<Json<AuditPage>, Failure> {
    let params = params.only(&["limit", "cursor"])?;
    let limit = match params.limit()? {
        0 => 100,
        limit => limit,
    };
    Ok(Json(services.identity.audit(&actor, params.number("cursor")?, limit).await?))
}

#[derive(Clone, Copy)]
enum Format {
    Csv,
    Json,
}

/// The audit record as a file
///
/// All entries of the tenant, newest first: CSV, or a JSON object on each line.
#[utoipa::path(get, path = "/api/v1/audit/export", tag = "audit", params(
    ("format" = Option<String>, Query, description = "`csv` (by default) or `json`."),
), responses(
    (status = 200, description = "The file.", content((String = "text/csv"), (String = "application/x-ndjson"))),
    (status = 422, description = "A parameter is wrong.", body = ErrorBody),
))]
pub async fn export(State(services): State<Arc<Services>>, By(actor): By, params: Params) -> Result<Response, Failure> {
    let params = params.only(&["format"])?;
    let (format, kind, name) = match params.text("format").as_deref() {
        None | Some("csv") => (Format::Csv, "text/csv; charset=utf-8", "console-audit.csv"),
        Some("json") => (Format::Json, "application/x-ndjson", "console-audit.ndjson"),
        Some(_) => return Err(ApiError::invalid("format", "expected csv or json").into()),
    };
    // The first page is read before the answer begins, so that a failure still has a status.
    let first = services.identity.audit(&actor, None, EXPORT_PAGE).await?;
    let body = Body::from_stream(pages(services, actor, first, format));
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, body).into_response())
}

/// Page after page, written as the reader takes them.
fn pages(
    services: Arc<Services>,
    actor: Actor,
    first: AuditPage,
    format: Format,
) -> impl Stream<Item = Result<String, std::io::Error>> {
    let heading = match format {
        Format::Csv => "at,actor,action,subject,address,details\r\n",
        Format::Json => "",
    };
    stream::try_unfold((Some(first), heading), move |(page, heading)| {
        let (services, actor) = (services.clone(), actor.clone());
        async move {
            let Some(AuditPage { entries, next }) = page else { return Ok(None) };
            let mut text = heading.to_owned();
            for entry in &entries {
                write_entry(&mut text, entry, format);
            }
            let following = match next {
                Some(before) => {
                    let read = services.identity.audit(&actor, Some(before), EXPORT_PAGE).await;
                    Some(read.map_err(std::io::Error::other)?)
                }
                None => None,
            };
            Ok(Some((text, (following, ""))))
        }
    })
}

fn write_entry(text: &mut String, entry: &AuditEntry, format: Format) {
    match format {
        Format::Json => text.push_str(&serde_json::to_string(entry).unwrap_or_default()),
        Format::Csv => {
            let details = serde_json::to_string(&entry.details).unwrap_or_default();
            let at = entry.at.to_rfc3339();
            let fields = [&at, &entry.actor, &entry.action, &entry.subject, &entry.address, &details];
            text.push_str(&fields.map(|field| csv_field(field)).join(","));
            text.push('\r');
        }
    }
    text.push('\n');
}

/// A field that neither ends early nor is taken for a formula by a spreadsheet.
fn csv_field(field: &str) -> String {
    let is_formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guard = if is_formula { "'" } else { "" };
    format!("\"{guard}{}\"", field.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_stays_a_field() {
        assert_eq!(csv_field(r#"a "b", c"#), r#""a ""b"", c""#);
        assert_eq!(csv_field("=1+1"), "\"'=1+1\"");
    }
}
