//! Server functions of how this Console is set up.

use leptos::prelude::*;

use super::{ApiError, json::Json};
use crate::model::{DocGroup, RedactedSample, RedactionRules, SettingSection};

/// The running configuration.
#[server(prefix = "/fn", endpoint = "settings", input = Json, output = Json)]
pub async fn load_settings() -> Result<Vec<SettingSection>, ApiError> {
    let asked = super::asked::<LoadSettings>()?;
    asked.tell(Ok(asked.console.settings.settings().await))
}

/// What is taken out of records.
#[server(prefix = "/fn", endpoint = "redaction", input = Json, output = Json)]
pub async fn load_redaction() -> Result<RedactionRules, ApiError> {
    let asked = super::asked::<LoadRedaction>()?;
    asked.tell(Ok(asked.console.settings.redaction().await))
}

/// What would be stored of a sample.
#[server(prefix = "/fn", endpoint = "redaction/try", input = Json, output = Json)]
pub async fn try_redaction(sample: String) -> Result<RedactedSample, ApiError> {
    let asked = super::asked::<TryRedaction>()?;
    asked.tell(asked.console.settings.try_redaction(&sample).await)
}

/// The REST interface, described.
#[server(prefix = "/fn", endpoint = "docs", input = Json, output = Json)]
pub async fn load_docs() -> Result<Vec<DocGroup>, ApiError> {
    let asked = super::asked::<LoadDocs>()?;
    // Nothing is waited for, but a server function has to be able to.
    std::future::ready(Ok(asked.console.docs.0.as_ref().clone())).await
}
