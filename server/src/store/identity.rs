//! The domain of people, sessions, keys and the audit record: what its store must do.

use app::model::{ApiKey, AuditEntry, Member, Role, SessionInfo, Tenant, TenantId};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::StoreResult;

/// SHA-256 of a secret with 256 random bits: nothing that can be guessed, so nothing that needs salt or stretching.
pub type SecretHash = [u8; 32];

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub id: Uuid,
    /// Address, in lower case.
    pub email: String,
    /// Name.
    pub name: String,
    /// argon2 in PHC form; none before a password is chosen.
    pub password_hash: Option<String>,
    /// Whether they may not sign in.
    pub is_disabled: bool,
    /// Since when they exist.
    pub created_at: DateTime<Utc>,
}

/// A session to be opened.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its name.
    pub id: Uuid,
    /// Of the token in the cookie.
    pub token_hash: SecretHash,
    /// Whose.
    pub user: Uuid,
    /// What it looks at.
    pub tenant: TenantId,
    /// Where it comes from.
    pub address: String,
    /// What the browser calls itself.
    pub user_agent: String,
    /// Now.
    pub created_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// An open session of a user who may still sign in and is still a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its name.
    pub id: Uuid,
    /// Whose.
    pub user: Uuid,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// What it looks at.
    pub tenant: TenantId,
    /// The tenant's name.
    pub tenant_name: String,
    /// What they may do there.
    pub role: Role,
    /// When it was last used, within a few minutes.
    pub last_used_at: DateTime<Utc>,
}

/// A link that signs in once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInLink {
    /// Whom it signs in; none for the first administrator, who is to be made.
    pub user: Option<Uuid>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What is shown of it.
    pub key: ApiKey,
    /// Of its secret.
    pub secret_hash: SecretHash,
}

/// Something to be recorded.
#[derive(Debug, Clone)]
pub struct NewAudit {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// What.
    pub action: &'static str,
    /// To whom or what.
    pub subject: String,
    /// From where.
    pub address: String,
    /// More about it; never a secret.
    pub details: Map<String, Value>,
}

/// People, what they may do, and what they did.
///
/// Users stand above tenants: the methods about a user or a session as such take no tenant.
#[async_trait]
pub trait IdentityStore: Send + Sync {
    /// All tenants, by name.
    async fn tenants(&self) -> StoreResult<Vec<Tenant>>;
    /// Makes a tenant; none when the name is taken.
    async fn add_tenant(&self, name: &str, now: DateTime<Utc>) -> StoreResult<Option<TenantId>>;

    /// Whether anybody exists.
    async fn has_users(&self) -> StoreResult<bool>;
    /// Makes a user and their first membership, both or neither; false when the address is taken.
    async fn add_user(&self, user: &User, tenant: TenantId, role: Role) -> StoreResult<bool>;
    /// The user with this address, which is in lower case.
    async fn user_by_email(&self, email: &str) -> StoreResult<Option<User>>;
    /// The user with this id.
    async fn user(&self, id: Uuid) -> StoreResult<Option<User>>;
    /// Changes the name.
    async fn set_name(&self, id: Uuid, name: &str) -> StoreResult<()>;
    /// Changes the password's hash, or takes it away, and ends links and sessions but for `keep`, all or nothing. With
    /// `only_if`, only if the hash before is this one; false when it is not. Says how many sessions ended.
    async fn set_password(
        &self,
        id: Uuid,
        password_hash: Option<&str>,
        only_if: Option<&str>,
        keep: Option<Uuid>,
    ) -> StoreResult<Option<u64>>;
    /// Lets a user in or keeps them out; keeping out closes their sessions. False when there is no such user.
    async fn set_disabled(&self, id: Uuid, is_disabled: bool) -> StoreResult<bool>;
    /// Gives a role in a tenant, or takes it (`None`). False, and nothing is done, when no admin who may sign in would be
    /// left there.
    async fn set_role(&self, id: Uuid, tenant: TenantId, role: Option<Role>) -> StoreResult<bool>;
    /// The members of a tenant by address, from after `after`, at most `limit`.
    async fn members(&self, tenant: TenantId, after: Option<&str>, limit: u32) -> StoreResult<Vec<Member>>;
    /// Where a user is a member, by name.
    async fn tenants_of(&self, id: Uuid) -> StoreResult<Vec<(Tenant, Role)>>;

    /// Opens a session, unless the user may not sign in, or their password's hash is not `checked` any more; says whether.
    async fn open_session(&self, session: &NewSession, checked: Option<&str>) -> StoreResult<bool>;
    /// The session with this token, if it has not ended by `now`, was used after `idle_since`, its user is not disabled
    /// and still a member of its tenant.
    async fn session(
        &self,
        token_hash: &SecretHash,
        now: DateTime<Utc>,
        idle_since: DateTime<Utc>,
    ) -> StoreResult<Option<Session>>;
    /// Notes that a session was used.
    async fn touch_session(&self, id: Uuid, now: DateTime<Utc>) -> StoreResult<()>;
    /// Lets a session look at another tenant, of which its user is a member; false when they are not.
    async fn switch_session(&self, id: Uuid, tenant: TenantId) -> StoreResult<bool>;
    /// The sessions of a user that have not ended, the latest used first.
    async fn sessions_of(&self, user: Uuid, now: DateTime<Utc>) -> StoreResult<Vec<SessionInfo>>;
    /// Closes one session of a user, or all but `keep`; says which.
    async fn close_sessions(&self, user: Uuid, only: Option<Uuid>, keep: Option<Uuid>) -> StoreResult<Vec<Uuid>>;
    /// Removes sessions and links that ended before now, or sessions that were not used since.
    async fn remove_ended(&self, now: DateTime<Utc>, idle_since: DateTime<Utc>) -> StoreResult<u64>;

    /// Stores a sign-in link; earlier ones for the same user, or for the first administrator, end.
    async fn add_link(
        &self,
        token_hash: &SecretHash,
        user: Option<Uuid>,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> StoreResult<()>;
    /// Whether a link would work now.
    async fn peek_link(&self, token_hash: &SecretHash, now: DateTime<Utc>) -> StoreResult<Option<SignInLink>>;
    /// Uses a link up; of two who try at once, one gets it.
    async fn use_link(&self, token_hash: &SecretHash, now: DateTime<Utc>) -> StoreResult<Option<SignInLink>>;

    /// Makes a key.
    async fn add_key(&self, tenant: TenantId, key: &NewKey) -> StoreResult<()>;
    /// The keys of a tenant, the newest first, at most 1,000.
    async fn keys(&self, tenant: TenantId) -> StoreResult<Vec<ApiKey>>;
    /// Revokes a key; false when there is no such key or it was revoked before.
    async fn revoke_key(&self, tenant: TenantId, id: Uuid, now: DateTime<Utc>) -> StoreResult<bool>;
    /// The key with this secret, if it is neither revoked nor ended.
    async fn key_by_secret(
        &self,
        secret_hash: &SecretHash,
        now: DateTime<Utc>,
    ) -> StoreResult<Option<(TenantId, ApiKey)>>;
    /// Notes that a key was used.
    async fn touch_key(&self, id: Uuid, now: DateTime<Utc>) -> StoreResult<()>;

    /// Records what was done.
    async fn record(&self, tenant: TenantId, entry: &NewAudit) -> StoreResult<()>;
    /// What was done in a tenant, the newest first, from before `before`, at most `limit`.
    async fn audit(&self, tenant: TenantId, before: Option<i64>, limit: u32) -> StoreResult<Vec<AuditEntry>>;
}
