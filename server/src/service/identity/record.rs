//! What was done, for the audit record.

use app::{
    api::{Actor, ApiError},
    model::TenantId,
};
use serde_json::{Map, Value};

use super::Identity;
use crate::{
    service::store_failed,
    store::{StoreResult, identity::NewAudit},
};

/// Everything that is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Somebody signed in.
    SessionOpen,
    /// Somebody was not let in.
    SessionRefused,
    /// Somebody signed out, or ended a session of theirs.
    SessionClose,
    /// Somebody looks at another tenant.
    SessionTenant,
    /// Somebody became a member.
    UserAdd,
    /// A member's role changed.
    UserRole,
    /// A member left.
    UserRemove,
    /// Somebody is kept out.
    UserDisable,
    /// Somebody is let in again.
    UserEnable,
    /// A sign-in link was made.
    UserLink,
    /// Somebody chose a password.
    UserPassword,
    /// Somebody changed their name.
    UserName,
    /// A key was made.
    KeyAdd,
    /// A key was ended.
    KeyRevoke,
    /// A tenant was made.
    TenantAdd,
    /// A target to scrape was added.
    TargetAdd,
    /// A target to scrape was changed.
    TargetChange,
    /// A target to scrape was removed.
    TargetRemove,
    /// A dashboard was made.
    DashboardAdd,
    /// A dashboard was changed.
    DashboardChange,
    /// A dashboard was removed.
    DashboardRemove,
}

impl Action {
    /// As it is stored and shown.
    pub fn key(self) -> &'static str {
        match self {
            Self::SessionOpen => "session.open",
            Self::SessionRefused => "session.refused",
            Self::SessionClose => "session.close",
            Self::SessionTenant => "session.tenant",
            Self::UserAdd => "user.add",
            Self::UserRole => "user.role",
            Self::UserRemove => "user.remove",
            Self::UserDisable => "user.disable",
            Self::UserEnable => "user.enable",
            Self::UserLink => "user.link",
            Self::UserPassword => "user.password",
            Self::UserName => "user.name",
            Self::KeyAdd => "key.add",
            Self::KeyRevoke => "key.revoke",
            Self::TenantAdd => "tenant.add",
            Self::TargetAdd => "target.add",
            Self::TargetChange => "target.change",
            Self::TargetRemove => "target.remove",
            Self::DashboardAdd => "dashboard.add",
            Self::DashboardChange => "dashboard.change",
            Self::DashboardRemove => "dashboard.remove",
        }
    }
}

impl Identity {
    /// Records that an actor did something in their tenant.
    pub(super) async fn record(
        &self,
        actor: &Actor,
        action: Action,
        subject: &str,
        details: Map<String, Value>,
    ) -> StoreResult<()> {
        self.record_in(actor.scope.tenant, &actor.name, &actor.address, action, subject, details).await
    }

    /// Records that somebody did something elsewhere in Console.
    pub async fn note(
        &self,
        actor: &Actor,
        action: Action,
        subject: &str,
        details: Map<String, Value>,
    ) -> Result<(), ApiError> {
        self.record(actor, action, subject, details).await.map_err(store_failed)
    }

    /// Records that somebody did something in a tenant.
    pub(super) async fn record_in(
        &self,
        tenant: TenantId,
        actor: &str,
        address: &str,
        action: Action,
        subject: &str,
        details: Map<String, Value>,
    ) -> StoreResult<()> {
        let entry = NewAudit {
            at: self.clock.now_utc(),
            actor: actor.to_owned(),
            action: action.key(),
            subject: subject.to_owned(),
            address: address.to_owned(),
            details,
        };
        self.store.record(tenant, &entry).await
    }
}
