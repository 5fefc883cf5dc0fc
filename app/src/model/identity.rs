//! Who may do what: people, roles, sessions, keys, and the record of what they did.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::TenantId;

/// What a person may do in a tenant; each role may do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Changes what is watched.
    Editor,
    /// Decides who may do what.
    Admin,
}

impl Role {
    /// From the least to the most.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Editor, Self::Admin];

    /// As it is written in addresses, JSON and the store.
    pub fn key(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.key() == text).ok_or(UnknownRole)
    }
}

/// A text that is no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected viewer, editor or admin")]
pub struct UnknownRole;

/// A tenant and its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// What people call it.
    pub name: String,
}

impl Tenant {
    /// The name of the tenant that is always there.
    pub const DEFAULT_NAME: &'static str = "default";
}

/// A person in the eyes of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub id: Uuid,
    /// Address, in lower case.
    pub email: String,
    /// Name.
    pub name: String,
    /// What they may do in this tenant.
    pub role: Role,
    /// Whether they may not sign in.
    pub is_disabled: bool,
    /// Whether they have chosen a password.
    pub has_password: bool,
    /// Since when they exist.
    pub created_at: DateTime<Utc>,
}

/// A person who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Person {
    /// Who.
    pub id: Uuid,
    /// Address.
    pub email: String,
    /// Name.
    pub name: String,
}

/// Who asks, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Me {
    /// Who; nobody in particular for a key, and where sign-in is turned off.
    pub person: Option<Person>,
    /// What they may do in the tenant that they look at.
    pub role: Role,
    /// The tenant that they look at.
    pub tenant: Tenant,
    /// Where they may look, by name.
    pub tenants: Vec<Tenant>,
}

impl Me {
    /// Whether they may do what this role may.
    pub fn may(&self, role: Role) -> bool {
        self.role >= role
    }
}

/// A browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// Its name: not the token.
    pub id: Uuid,
    /// Where it signed in from.
    pub address: String,
    /// What the browser calls itself.
    pub user_agent: String,
    /// When it signed in.
    pub created_at: DateTime<Utc>,
    /// When it last asked for something, within a few minutes.
    pub last_used_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// The page of one's own account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Who.
    pub person: Person,
    /// Where they are signed in, the latest used first.
    pub sessions: Vec<SessionInfo>,
    /// Which of these sessions asks.
    pub current: Uuid,
}

/// A user who was added, and how they get in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Address.
    pub email: String,
    /// Path and query of a link that signs in once; none for somebody who could sign in before.
    pub link: Option<String>,
    /// When the link ends.
    pub expires_at: DateTime<Utc>,
}

/// What a sign-in link is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Whether it makes the first administrator, who is asked for an address, too.
    pub is_first: bool,
    /// Whose it is.
    pub email: Option<String>,
    /// What they are called so far.
    pub name: Option<String>,
    /// When the link ends.
    pub expires_at: DateTime<Utc>,
}

/// A page of the members of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberPage {
    /// By address.
    pub members: Vec<Member>,
    /// The address to go on after, when there are more.
    pub next: Option<String>,
}

/// What a key is to be like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRequest {
    /// What people will call it.
    pub name: String,
    /// Whether it may send.
    pub can_ingest: bool,
    /// Whether it may read.
    pub can_read: bool,
    /// Days until it ends by itself; never without.
    pub expires_in_days: Option<u32>,
}

/// A key that was just made: the only time that its secret is seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedKey {
    /// The key.
    pub key: ApiKey,
    /// What a program sends as `X-API-Key`.
    pub secret: String,
}

/// A tenant as one of its members sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantMembership {
    /// The tenant.
    pub tenant: Tenant,
    /// What the member may do there.
    pub role: Role,
}

/// The page of tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantList {
    /// Where the reader is a member, by name.
    pub memberships: Vec<TenantMembership>,
    /// Whether the reader may make another.
    pub can_add: bool,
}

/// A program's key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// How its secret begins.
    pub prefix: String,
    /// Whether it may send.
    pub can_ingest: bool,
    /// Whether it may read.
    pub can_read: bool,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, within a few minutes.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Its place.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who: an e-mail address, `key:name`, or `command line`.
    pub actor: String,
    /// What, e.g. `session.open`.
    pub action: String,
    /// To whom or what.
    pub subject: String,
    /// From where.
    pub address: String,
    /// More about it.
    #[cfg_attr(feature = "ssr", schema(value_type = Object))]
    pub details: serde_json::Map<String, serde_json::Value>,
}

/// A page of the audit record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct AuditPage {
    /// The newest first.
    pub entries: Vec<AuditEntry>,
    /// What to go on before, when there are more.
    pub next: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_ordered_and_read_back() {
        assert!(Role::Viewer < Role::Editor && Role::Editor < Role::Admin);
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert_eq!("root".parse::<Role>(), Err(UnknownRole));
    }
}
