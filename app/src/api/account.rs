//! Server functions of one's own account.

use leptos::prelude::*;
use uuid::Uuid;

use super::{ApiError, json::Json};
use crate::model::{Account, Welcome};

/// One's own account and sessions.
#[server(prefix = "/fn", endpoint = "account", input = Json, output = Json)]
pub async fn load_account() -> Result<Account, ApiError> {
    let asked = super::asked::<LoadAccount>()?;
    asked.tell(asked.console.identity.account(&asked.actor).await)
}

/// Changes one's own name.
#[server(prefix = "/fn", endpoint = "account/name", input = Json, output = Json)]
pub async fn change_name(name: String) -> Result<(), ApiError> {
    let asked = super::asked::<ChangeName>()?;
    asked.tell(asked.console.identity.change_name(&asked.actor, name).await)
}

/// Changes one's own password and signs out everywhere else.
#[server(prefix = "/fn", endpoint = "account/password", input = Json, output = Json)]
pub async fn change_password(current: String, new: String) -> Result<(), ApiError> {
    let asked = super::asked::<ChangePassword>()?;
    asked.tell(asked.console.identity.change_password(&asked.actor, current, new).await)
}

/// Signs out one of one's own sessions.
#[server(prefix = "/fn", endpoint = "account/sessions/close", input = Json, output = Json)]
pub async fn close_session(id: Uuid) -> Result<u64, ApiError> {
    let asked = super::asked::<CloseSession>()?;
    asked.tell(asked.console.identity.close_sessions(&asked.actor, Some(id)).await)
}

/// Signs out everywhere else, and says how many sessions ended.
#[server(prefix = "/fn", endpoint = "account/sessions/close-others", input = Json, output = Json)]
pub async fn close_other_sessions() -> Result<u64, ApiError> {
    let asked = super::asked::<CloseOtherSessions>()?;
    asked.tell(asked.console.identity.close_sessions(&asked.actor, None).await)
}

/// What a sign-in link is for; not found when it was used or has ended. Asked by whoever has the link.
#[server(prefix = "/fn", endpoint = "welcome", input = Json, output = Json)]
pub async fn load_welcome(token: String) -> Result<Welcome, ApiError> {
    let (console, set_status) = super::visited()?;
    super::tell(set_status.as_ref(), console.identity.welcome(&token).await)
}
