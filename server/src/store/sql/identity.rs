//! People, sessions, keys and the audit record, on either engine.

use app::model::{ApiKey, AuditEntry, Member, Role, SessionInfo, Tenant, TenantId};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::types::Json;
use uuid::Uuid;

use super::SqlStore;
use crate::store::{
    StoreError, StoreResult,
    identity::{IdentityStore, NewAudit, NewKey, NewSession, SecretHash, Session, SignInLink, User},
};

/// Keys of a tenant that are listed at most.
const MAX_KEYS: i64 = 1000;

#[derive(sqlx::FromRow)]
struct UserRow {
    id: Uuid,
    email: String,
    name: String,
    password_hash: Option<String>,
    is_disabled: bool,
    created_at: DateTime<Utc>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        let UserRow { id, email, name, password_hash, is_disabled, created_at } = row;
        Self { id, email, name, password_hash, is_disabled, created_at }
    }
}

#[derive(sqlx::FromRow)]
struct MemberRow {
    id: Uuid,
    email: String,
    name: String,
    role: String,
    is_disabled: bool,
    has_password: bool,
    created_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct SessionRow {
    id: Uuid,
    user_id: Uuid,
    email: String,
    name: String,
    tenant: i64,
    tenant_name: String,
    role: String,
    last_used_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct SessionInfoRow {
    id: Uuid,
    address: String,
    user_agent: String,
    created_at: DateTime<Utc>,
    last_used_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: Uuid,
    tenant: i64,
    name: String,
    prefix: String,
    can_ingest: bool,
    can_read: bool,
    created_by: String,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

impl From<KeyRow> for ApiKey {
    fn from(row: KeyRow) -> Self {
        let KeyRow { id, name, prefix, can_ingest, can_read, created_by, created_at, .. } = row;
        let KeyRow { expires_at, last_used_at, revoked_at, .. } = row;
        Self { id, name, prefix, can_ingest, can_read, created_by, created_at, expires_at, last_used_at, revoked_at }
    }
}

#[derive(sqlx::FromRow)]
struct AuditRow {
    id: i64,
    at: DateTime<Utc>,
    actor: String,
    action: String,
    subject: String,
    address: String,
    details: Json<Map<String, Value>>,
}

fn role_of(text: &str) -> StoreResult<Role> {
    text.parse().map_err(|error| StoreError::Damaged(format!("a role: {error}")))
}

const USER: &str = "SELECT id, email, name, password_hash, is_disabled, created_at FROM users WHERE id = $1";
const USER_BY_EMAIL: &str =
    "SELECT id, email, name, password_hash, is_disabled, created_at FROM users WHERE email = $1";

const COUNT_ADMINS: &str = "SELECT COUNT(*) FROM memberships m JOIN users u ON u.id = m.user_id
     WHERE m.tenant = $1 AND m.role = 'admin' AND NOT u.is_disabled";

#[async_trait]
impl IdentityStore for SqlStore {
    async fn tenants(&self) -> StoreResult<Vec<Tenant>> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, name FROM tenants ORDER BY name").fetch_all(&self.reader).await?;
        Ok(rows.into_iter().map(|(id, name)| Tenant { id: TenantId(id), name }).collect())
    }

    async fn add_tenant(&self, name: &str, now: DateTime<Utc>) -> StoreResult<Option<TenantId>> {
        // The numbers are given here: `default` was, so an engine's own counter would begin with it again.
        let row: Option<(i64,)> = sqlx::query_as(
            "INSERT INTO tenants (id, name, created_at) SELECT MAX(id) + 1, $1, $2 FROM tenants WHERE TRUE
             ON CONFLICT (name) DO NOTHING RETURNING id",
        )
        .bind(name)
        .bind(now)
        .fetch_optional(&self.writer)
        .await?;
        Ok(row.map(|(id,)| TenantId(id)))
    }

    async fn has_users(&self) -> StoreResult<bool> {
        let row: Option<(i32,)> = sqlx::query_as("SELECT 1 FROM users LIMIT 1").fetch_optional(&self.reader).await?;
        Ok(row.is_some())
    }

    async fn add_user(&self, user: &User, tenant: TenantId, role: Role) -> StoreResult<bool> {
        let mut tx = self.begin_write().await?;
        let done = sqlx::query(
            "INSERT INTO users (id, email, name, password_hash, is_disabled, created_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (email) DO NOTHING",
        )
        .bind(user.id)
        .bind(&user.email)
        .bind(&user.name)
        .bind(&user.password_hash)
        .bind(user.is_disabled)
        .bind(user.created_at)
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("INSERT INTO memberships (user_id, tenant, role) VALUES ($1, $2, $3)")
            .bind(user.id)
            .bind(tenant.0)
            .bind(role.key())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn user_by_email(&self, email: &str) -> StoreResult<Option<User>> {
        let row: Option<UserRow> = sqlx::query_as(USER_BY_EMAIL).bind(email).fetch_optional(&self.reader).await?;
        Ok(row.map(User::from))
    }

    async fn user(&self, id: Uuid) -> StoreResult<Option<User>> {
        let row: Option<UserRow> = sqlx::query_as(USER).bind(id).fetch_optional(&self.reader).await?;
        Ok(row.map(User::from))
    }

    async fn set_name(&self, id: Uuid, name: &str) -> StoreResult<()> {
        sqlx::query("UPDATE users SET name = $2 WHERE id = $1").bind(id).bind(name).execute(&self.writer).await?;
        Ok(())
    }

    async fn set_password(
        &self,
        id: Uuid,
        password_hash: Option<&str>,
        only_if: Option<&str>,
        keep: Option<Uuid>,
    ) -> StoreResult<Option<u64>> {
        let mut tx = self.begin_write().await?;
        let done = sqlx::query("UPDATE users SET password_hash = $2 WHERE id = $1 AND ($3 OR password_hash = $4)")
            .bind(id)
            .bind(password_hash)
            .bind(only_if.is_none())
            .bind(only_if.unwrap_or_default())
            .execute(&mut *tx)
            .await?;
        if done.rows_affected() == 0 {
            return Ok(None);
        }
        sqlx::query("DELETE FROM sign_in_links WHERE user_id = $1").bind(id).execute(&mut *tx).await?;
        let ended = sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND id <> $2")
            .bind(id)
            .bind(keep.unwrap_or(Uuid::nil()))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Some(ended.rows_affected()))
    }

    async fn set_disabled(&self, id: Uuid, is_disabled: bool) -> StoreResult<bool> {
        let mut tx = self.begin_write().await?;
        let done = sqlx::query("UPDATE users SET is_disabled = $2 WHERE id = $1")
            .bind(id)
            .bind(is_disabled)
            .execute(&mut *tx)
            .await?;
        if is_disabled {
            sqlx::query("DELETE FROM sessions WHERE user_id = $1").bind(id).execute(&mut *tx).await?;
            sqlx::query("DELETE FROM sign_in_links WHERE user_id = $1").bind(id).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    async fn set_role(&self, id: Uuid, tenant: TenantId, role: Option<Role>) -> StoreResult<bool> {
        let mut tx = self.begin_write().await?;
        // Two who take each other's role away wait for one another here.
        sqlx::query("UPDATE memberships SET role = role WHERE tenant = $1 AND role = 'admin'")
            .bind(tenant.0)
            .execute(&mut *tx)
            .await?;
        let (before,): (i64,) = sqlx::query_as(COUNT_ADMINS).bind(tenant.0).fetch_one(&mut *tx).await?;
        let query = match role {
            Some(role) => sqlx::query(
                "INSERT INTO memberships (user_id, tenant, role) VALUES ($1, $2, $3)
                 ON CONFLICT (user_id, tenant) DO UPDATE SET role = excluded.role",
            )
            .bind(id)
            .bind(tenant.0)
            .bind(role.key()),
            None => sqlx::query("DELETE FROM memberships WHERE user_id = $1 AND tenant = $2").bind(id).bind(tenant.0),
        };
        query.execute(&mut *tx).await?;
        let (after,): (i64,) = sqlx::query_as(COUNT_ADMINS).bind(tenant.0).fetch_one(&mut *tx).await?;
        if before > 0 && after == 0 {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn members(&self, tenant: TenantId, after: Option<&str>, limit: u32) -> StoreResult<Vec<Member>> {
        let rows: Vec<MemberRow> = sqlx::query_as(
            "SELECT u.id, u.email, u.name, m.role, u.is_disabled, u.password_hash IS NOT NULL AS has_password,
                    u.created_at
             FROM memberships m JOIN users u ON u.id = m.user_id
             WHERE m.tenant = $1 AND u.email > $2 ORDER BY u.email LIMIT $3",
        )
        .bind(tenant.0)
        .bind(after.unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter()
            .map(|row| {
                let role = role_of(&row.role)?;
                let MemberRow { id, email, name, is_disabled, has_password, created_at, .. } = row;
                Ok(Member { id, email, name, role, is_disabled, has_password, created_at })
            })
            .collect()
    }

    async fn tenants_of(&self, id: Uuid) -> StoreResult<Vec<(Tenant, Role)>> {
        let rows: Vec<(i64, String, String)> = sqlx::query_as(
            "SELECT t.id, t.name, m.role FROM memberships m JOIN tenants t ON t.id = m.tenant
             WHERE m.user_id = $1 ORDER BY t.name",
        )
        .bind(id)
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter().map(|(id, name, role)| Ok((Tenant { id: TenantId(id), name }, role_of(&role)?))).collect()
    }

    async fn open_session(&self, session: &NewSession, checked: Option<&str>) -> StoreResult<bool> {
        let done = sqlx::query(
            "INSERT INTO sessions (id, token_hash, user_id, tenant, address, user_agent, created_at, last_used_at,
                                   expires_at)
             SELECT $1, $2, id, $4, $5, $6, $7, $7, $8 FROM users
             WHERE id = $3 AND NOT is_disabled AND ($9 OR password_hash = $10)",
        )
        .bind(session.id)
        .bind(session.token_hash.as_slice())
        .bind(session.user)
        .bind(session.tenant.0)
        .bind(&session.address)
        .bind(&session.user_agent)
        .bind(session.created_at)
        .bind(session.expires_at)
        .bind(checked.is_none())
        .bind(checked.unwrap_or_default())
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn session(
        &self,
        token_hash: &SecretHash,
        now: DateTime<Utc>,
        idle_since: DateTime<Utc>,
    ) -> StoreResult<Option<Session>> {
        let row: Option<SessionRow> = sqlx::query_as(
            "SELECT s.id, s.user_id, u.email, u.name, s.tenant, t.name AS tenant_name, m.role, s.last_used_at
             FROM sessions s
             JOIN users u ON u.id = s.user_id
             JOIN memberships m ON m.user_id = s.user_id AND m.tenant = s.tenant
             JOIN tenants t ON t.id = s.tenant
             WHERE s.token_hash = $1 AND s.expires_at > $2 AND s.last_used_at > $3 AND NOT u.is_disabled",
        )
        .bind(token_hash.as_slice())
        .bind(now)
        .bind(idle_since)
        .fetch_optional(&self.reader)
        .await?;
        row.map(|row| {
            let role = role_of(&row.role)?;
            let SessionRow { id, user_id, email, name, tenant, tenant_name, last_used_at, .. } = row;
            Ok(Session { id, user: user_id, email, name, tenant: TenantId(tenant), tenant_name, role, last_used_at })
        })
        .transpose()
    }

    async fn touch_session(&self, id: Uuid, now: DateTime<Utc>) -> StoreResult<()> {
        sqlx::query("UPDATE sessions SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2")
            .bind(id)
            .bind(now)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    async fn switch_session(&self, id: Uuid, tenant: TenantId) -> StoreResult<bool> {
        let done = sqlx::query(
            "UPDATE sessions SET tenant = $2 WHERE id = $1
                AND EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = sessions.user_id AND m.tenant = $2)",
        )
        .bind(id)
        .bind(tenant.0)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn sessions_of(&self, user: Uuid, now: DateTime<Utc>) -> StoreResult<Vec<SessionInfo>> {
        let rows: Vec<SessionInfoRow> = sqlx::query_as(
            "SELECT id, address, user_agent, created_at, last_used_at, expires_at FROM sessions
             WHERE user_id = $1 AND expires_at > $2 ORDER BY last_used_at DESC, id LIMIT 200",
        )
        .bind(user)
        .bind(now)
        .fetch_all(&self.reader)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let SessionInfoRow { id, address, user_agent, created_at, last_used_at, expires_at } = row;
                SessionInfo { id, address, user_agent, created_at, last_used_at, expires_at }
            })
            .collect())
    }

    async fn close_sessions(&self, user: Uuid, only: Option<Uuid>, keep: Option<Uuid>) -> StoreResult<Vec<Uuid>> {
        let rows: Vec<(Uuid,)> =
            sqlx::query_as("DELETE FROM sessions WHERE user_id = $1 AND ($2 OR id = $3) AND id <> $4 RETURNING id")
                .bind(user)
                .bind(only.is_none())
                .bind(only.unwrap_or(Uuid::nil()))
                .bind(keep.unwrap_or(Uuid::nil()))
                .fetch_all(&self.writer)
                .await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    async fn remove_ended(&self, now: DateTime<Utc>, idle_since: DateTime<Utc>) -> StoreResult<u64> {
        let sessions = sqlx::query("DELETE FROM sessions WHERE expires_at <= $1 OR last_used_at <= $2")
            .bind(now)
            .bind(idle_since)
            .execute(&self.writer)
            .await?;
        let links =
            sqlx::query("DELETE FROM sign_in_links WHERE expires_at <= $1").bind(now).execute(&self.writer).await?;
        Ok(sessions.rows_affected() + links.rows_affected())
    }

    async fn add_link(
        &self,
        token_hash: &SecretHash,
        user: Option<Uuid>,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> StoreResult<()> {
        let mut tx = self.begin_write().await?;
        sqlx::query("DELETE FROM sign_in_links WHERE COALESCE(user_id, $2) = $1")
            .bind(user.unwrap_or(Uuid::nil()))
            .bind(Uuid::nil())
            .execute(&mut *tx)
            .await?;
        sqlx::query("INSERT INTO sign_in_links (token_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)")
            .bind(token_hash.as_slice())
            .bind(user)
            .bind(now)
            .bind(expires_at)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn peek_link(&self, token_hash: &SecretHash, now: DateTime<Utc>) -> StoreResult<Option<SignInLink>> {
        let row: Option<(Option<Uuid>, DateTime<Utc>)> =
            sqlx::query_as("SELECT user_id, expires_at FROM sign_in_links WHERE token_hash = $1 AND expires_at > $2")
                .bind(token_hash.as_slice())
                .bind(now)
                .fetch_optional(&self.reader)
                .await?;
        Ok(row.map(|(user, expires_at)| SignInLink { user, expires_at }))
    }

    async fn use_link(&self, token_hash: &SecretHash, now: DateTime<Utc>) -> StoreResult<Option<SignInLink>> {
        let row: Option<(Option<Uuid>, DateTime<Utc>)> = sqlx::query_as(
            "DELETE FROM sign_in_links WHERE token_hash = $1 AND expires_at > $2 RETURNING user_id, expires_at",
        )
        .bind(token_hash.as_slice())
        .bind(now)
        .fetch_optional(&self.writer)
        .await?;
        Ok(row.map(|(user, expires_at)| SignInLink { user, expires_at }))
    }

    async fn add_key(&self, tenant: TenantId, new: &NewKey) -> StoreResult<()> {
        let key = &new.key;
        sqlx::query(
            "INSERT INTO api_keys (id, tenant, name, prefix, secret_hash, can_ingest, can_read, created_by, created_at,
                                   expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(key.id)
        .bind(tenant.0)
        .bind(&key.name)
        .bind(&key.prefix)
        .bind(new.secret_hash.as_slice())
        .bind(key.can_ingest)
        .bind(key.can_read)
        .bind(&key.created_by)
        .bind(key.created_at)
        .bind(key.expires_at)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    async fn keys(&self, tenant: TenantId) -> StoreResult<Vec<ApiKey>> {
        let rows: Vec<KeyRow> = sqlx::query_as(
            "SELECT id, tenant, name, prefix, can_ingest, can_read, created_by, created_at, expires_at, last_used_at,
                    revoked_at
             FROM api_keys WHERE tenant = $1 ORDER BY created_at DESC, id LIMIT $2",
        )
        .bind(tenant.0)
        .bind(MAX_KEYS)
        .fetch_all(&self.reader)
        .await?;
        Ok(rows.into_iter().map(ApiKey::from).collect())
    }

    async fn revoke_key(&self, tenant: TenantId, id: Uuid, now: DateTime<Utc>) -> StoreResult<bool> {
        let done =
            sqlx::query("UPDATE api_keys SET revoked_at = $3 WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL")
                .bind(tenant.0)
                .bind(id)
                .bind(now)
                .execute(&self.writer)
                .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn key_by_secret(
        &self,
        secret_hash: &SecretHash,
        now: DateTime<Utc>,
    ) -> StoreResult<Option<(TenantId, ApiKey)>> {
        let row: Option<KeyRow> = sqlx::query_as(
            "SELECT id, tenant, name, prefix, can_ingest, can_read, created_by, created_at, expires_at, last_used_at,
                    revoked_at
             FROM api_keys
             WHERE secret_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
        )
        .bind(secret_hash.as_slice())
        .bind(now)
        .fetch_optional(&self.reader)
        .await?;
        Ok(row.map(|row| (TenantId(row.tenant), row.into())))
    }

    async fn touch_key(&self, id: Uuid, now: DateTime<Utc>) -> StoreResult<()> {
        sqlx::query("UPDATE api_keys SET last_used_at = $2 WHERE id = $1")
            .bind(id)
            .bind(now)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    async fn record(&self, tenant: TenantId, entry: &NewAudit) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO audit (tenant, at, actor, action, subject, address, details)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(tenant.0)
        .bind(entry.at)
        .bind(&entry.actor)
        .bind(entry.action)
        .bind(&entry.subject)
        .bind(&entry.address)
        .bind(Json(&entry.details))
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    async fn audit(&self, tenant: TenantId, before: Option<i64>, limit: u32) -> StoreResult<Vec<AuditEntry>> {
        let rows: Vec<AuditRow> = sqlx::query_as(
            "SELECT id, at, actor, action, subject, address, details FROM audit
             WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        )
        .bind(tenant.0)
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let AuditRow { id, at, actor, action, subject, address, details } = row;
                AuditEntry { id, at, actor, action, subject, address, details: details.0 }
            })
            .collect())
    }
}
