//! Server functions of people, keys, tenants and the audit record.

use leptos::prelude::*;
use uuid::Uuid;

use super::{ApiError, json::Json};
use crate::model::{ApiKey, AuditPage, CreatedKey, Invitation, KeyRequest, MemberPage, Role, TenantList};

/// Entries of the audit record on one page.
#[cfg(feature = "ssr")]
const AUDIT_PAGE: u32 = 100;

/// A page of the tenant's members.
#[server(prefix = "/fn", endpoint = "users", input = Json, output = Json)]
pub async fn list_users(after: Option<String>) -> Result<MemberPage, ApiError> {
    let asked = super::asked::<ListUsers>()?;
    asked.tell(asked.console.identity.users(&asked.actor, after).await)
}

/// Makes somebody a member.
#[server(prefix = "/fn", endpoint = "users/add", input = Json, output = Json)]
pub async fn add_user(email: String, name: String, role: Role) -> Result<Invitation, ApiError> {
    let asked = super::asked::<AddUser>()?;
    asked.tell(asked.console.identity.add_user(&asked.actor, email, name, role).await)
}

/// Changes what a member may do.
#[server(prefix = "/fn", endpoint = "users/role", input = Json, output = Json)]
pub async fn set_user_role(id: Uuid, role: Role) -> Result<(), ApiError> {
    let asked = super::asked::<SetUserRole>()?;
    asked.tell(asked.console.identity.set_user_role(&asked.actor, id, role).await)
}

/// Takes a member out of the tenant.
#[server(prefix = "/fn", endpoint = "users/remove", input = Json, output = Json)]
pub async fn remove_user(id: Uuid) -> Result<(), ApiError> {
    let asked = super::asked::<RemoveUser>()?;
    asked.tell(asked.console.identity.remove_user(&asked.actor, id).await)
}

/// Keeps somebody out, or lets them in again.
#[server(prefix = "/fn", endpoint = "users/disable", input = Json, output = Json)]
pub async fn set_user_disabled(id: Uuid, is_disabled: bool) -> Result<(), ApiError> {
    let asked = super::asked::<SetUserDisabled>()?;
    asked.tell(asked.console.identity.set_user_disabled(&asked.actor, id, is_disabled).await)
}

/// A link with which a member chooses a new password.
#[server(prefix = "/fn", endpoint = "users/reset", input = Json, output = Json)]
pub async fn reset_user(id: Uuid) -> Result<Invitation, ApiError> {
    let asked = super::asked::<ResetUser>()?;
    asked.tell(asked.console.identity.reset_user(&asked.actor, id).await)
}

/// The tenant's keys.
#[server(prefix = "/fn", endpoint = "keys", input = Json, output = Json)]
pub async fn list_keys() -> Result<Vec<ApiKey>, ApiError> {
    let asked = super::asked::<ListKeys>()?;
    asked.tell(asked.console.identity.keys(&asked.actor).await)
}

/// Makes a key.
#[server(prefix = "/fn", endpoint = "keys/add", input = Json, output = Json)]
pub async fn add_key(request: KeyRequest) -> Result<CreatedKey, ApiError> {
    let asked = super::asked::<AddKey>()?;
    asked.tell(asked.console.identity.add_key(&asked.actor, request).await)
}

/// Ends a key.
#[server(prefix = "/fn", endpoint = "keys/revoke", input = Json, output = Json)]
pub async fn revoke_key(id: Uuid) -> Result<(), ApiError> {
    let asked = super::asked::<RevokeKey>()?;
    asked.tell(asked.console.identity.revoke_key(&asked.actor, id).await)
}

/// Where one is a member.
#[server(prefix = "/fn", endpoint = "tenants", input = Json, output = Json)]
pub async fn list_tenants() -> Result<TenantList, ApiError> {
    let asked = super::asked::<ListTenants>()?;
    asked.tell(asked.console.identity.tenants(&asked.actor).await)
}

/// Makes a tenant.
#[server(prefix = "/fn", endpoint = "tenants/add", input = Json, output = Json)]
pub async fn add_tenant(name: String) -> Result<(), ApiError> {
    let asked = super::asked::<AddTenant>()?;
    asked.tell(asked.console.identity.add_tenant(&asked.actor, name).await)
}

/// What was done in the tenant, the newest first.
#[server(prefix = "/fn", endpoint = "audit", input = Json, output = Json)]
pub async fn list_audit(before: Option<i64>) -> Result<AuditPage, ApiError> {
    let asked = super::asked::<ListAudit>()?;
    asked.tell(asked.console.identity.audit(&asked.actor, before, AUDIT_PAGE).await)
}
