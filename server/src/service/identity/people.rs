//! Accounts, members, keys, tenants and the audit record, as pages and the command line use them.

use app::{
    api::{Actor, ApiError, ErrorCode, IdentityPort},
    model::{
        Account, ApiKey, AuditPage, CreatedKey, Invitation, KeyRequest, MemberPage, Person, Role, TenantId, TenantList,
        TenantMembership, Welcome,
    },
};
use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::{Action, Identity, NewSecret, admins, details, normal_email, normal_name};
use crate::{
    service::store_failed,
    store::identity::{NewKey, User},
};

/// Members on one page.
const MEMBERS_PAGE: u32 = 100;
/// Entries of the audit record on one page at most.
const AUDIT_PAGE: u32 = 1000;
/// Days that a key lives at most, unless for ever.
const LONGEST_KEY_DAYS: u32 = 3650;

fn no_such_user() -> ApiError {
    ApiError::not_found("user")
}

fn last_admin() -> ApiError {
    ApiError::new(ErrorCode::Conflict, "They are the last administrator here who can sign in.")
}

impl Identity {
    /// A member of the actor's tenant, with what they may do there.
    async fn member(&self, actor: &Actor, id: Uuid) -> Result<(User, Role), ApiError> {
        let roles = self.store.tenants_of(id).await.map_err(store_failed)?;
        let here = roles.iter().find(|(tenant, _)| tenant.id == actor.scope.tenant).map(|(_, role)| *role);
        let user = self.store.user(id).await.map_err(store_failed)?;
        user.zip(here).ok_or_else(no_such_user)
    }

    /// Oneself is not changed from the page of users: one could lock oneself out.
    fn not_oneself(actor: &Actor, id: Uuid) -> Result<(), ApiError> {
        if actor.session.is_some_and(|session| session.user == id) {
            return Err(ApiError::new(ErrorCode::Conflict, "This is you; another administrator has to do it."));
        }
        Ok(())
    }

    /// What concerns somebody everywhere is for those who administer them everywhere.
    async fn administers_everywhere(&self, actor: &Actor, id: Uuid) -> Result<(), ApiError> {
        let Some(session) = actor.session else { return Ok(()) };
        let own = admins(&self.store.tenants_of(session.user).await.map_err(store_failed)?);
        let theirs = self.store.tenants_of(id).await.map_err(store_failed)?;
        if theirs.iter().all(|(tenant, _)| own.contains(&tenant.id)) {
            return Ok(());
        }
        let message = "They belong to other tenants too; only somebody who administers all of these can do this.";
        Err(ApiError::new(ErrorCode::Forbidden, message))
    }

    /// Makes a tenant, with an administrator or without.
    pub async fn make_tenant(&self, actor: &Actor, name: String, admin: Option<Uuid>) -> Result<(), ApiError> {
        let name = normal_name(&name)?;
        let made = self.store.add_tenant(&name, self.clock.now_utc()).await.map_err(store_failed)?;
        let tenant = made.ok_or_else(|| ApiError::new(ErrorCode::Conflict, "A tenant of this name exists already."))?;
        if let Some(admin) = admin {
            self.store.set_role(admin, tenant, Some(Role::Admin)).await.map_err(store_failed)?;
        }
        self.done(actor, Action::TenantAdd, &name, details([])).await
    }

    async fn done(
        &self,
        actor: &Actor,
        action: Action,
        subject: &str,
        more: serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), ApiError> {
        self.forget_all();
        self.record(actor, action, subject, more).await.map_err(store_failed)
    }
}

#[async_trait]
impl IdentityPort for Identity {
    async fn welcome(&self, token: &str) -> Result<Welcome, ApiError> {
        self.look_at_link(token).await
    }

    async fn account(&self, actor: &Actor) -> Result<Account, ApiError> {
        let session = actor.session.ok_or_else(no_such_user)?;
        let user = self.store.user(session.user).await.map_err(store_failed)?.ok_or_else(no_such_user)?;
        let sessions = self.store.sessions_of(session.user, self.clock.now_utc()).await.map_err(store_failed)?;
        let idle_since = self.idle_since();
        let sessions = sessions.into_iter().filter(|session| session.last_used_at > idle_since).collect();
        let person = Person { id: user.id, email: user.email, name: user.name };
        Ok(Account { person, sessions, current: session.id })
    }

    async fn change_name(&self, actor: &Actor, name: String) -> Result<(), ApiError> {
        let session = actor.session.ok_or_else(no_such_user)?;
        let name = normal_name(&name)?;
        let user = self.store.user(session.user).await.map_err(store_failed)?.ok_or_else(no_such_user)?;
        self.store.set_name(user.id, &name).await.map_err(store_failed)?;
        self.done(actor, Action::UserName, &user.email, details([("name", json!(name))])).await
    }

    async fn change_password(&self, actor: &Actor, current: String, new: String) -> Result<(), ApiError> {
        let session = actor.session.ok_or_else(no_such_user)?;
        let user = self.store.user(session.user).await.map_err(store_failed)?.ok_or_else(no_such_user)?;
        // A browser that was left open must not be a place to guess at leisure.
        let address = actor.address.parse().unwrap_or(std::net::IpAddr::from([0, 0, 0, 0]));
        self.limits.sign_in(address, &user.email)?;
        if !self.passwords.verify(current, user.password_hash.clone()).await? {
            return Err(ApiError::invalid("current", "This is not your present password."));
        }
        let chosen = self.passwords.choose(new, vec![user.email.clone(), user.name.clone()]).await;
        let hash = chosen.map_err(|error| match error.code {
            ErrorCode::Invalid => ApiError::invalid("new", error.message),
            _ => error,
        })?;
        let before = user.password_hash.as_deref();
        let set =
            self.store.set_password(user.id, Some(&hash), before, Some(session.id)).await.map_err(store_failed)?;
        let closed = set.ok_or_else(|| ApiError::new(ErrorCode::Conflict, "The password was changed elsewhere."))?;
        let more = details([("sessions_closed", json!(closed))]);
        self.done(actor, Action::UserPassword, &user.email, more).await
    }

    async fn close_sessions(&self, actor: &Actor, only: Option<Uuid>) -> Result<u64, ApiError> {
        let session = actor.session.ok_or_else(no_such_user)?;
        let keep = only.is_none().then_some(session.id);
        let closed = self.store.close_sessions(session.user, only, keep).await.map_err(store_failed)?;
        if only.is_some() && closed.is_empty() {
            return Err(ApiError::not_found("session"));
        }
        let more = details([("sessions", json!(closed.len()))]);
        self.done(actor, Action::SessionClose, &actor.name, more).await?;
        Ok(closed.len() as u64)
    }

    async fn users(&self, actor: &Actor, after: Option<String>) -> Result<MemberPage, ApiError> {
        let tenant = actor.scope.tenant;
        let found = self.store.members(tenant, after.as_deref(), MEMBERS_PAGE + 1).await;
        let mut members = found.map_err(store_failed)?;
        let has_more = members.len() > MEMBERS_PAGE as usize;
        members.truncate(MEMBERS_PAGE as usize);
        let next = members.last().filter(|_| has_more).map(|last| last.email.clone());
        Ok(MemberPage { members, next })
    }

    async fn add_user(&self, actor: &Actor, email: String, name: String, role: Role) -> Result<Invitation, ApiError> {
        let (email, name) = (normal_email(&email)?, normal_name(&name)?);
        let now = self.clock.now_utc();
        let taken = || ApiError::new(ErrorCode::Conflict, "This address belongs to a member already.");
        let not_here = || {
            let message = "This address belongs to somebody in another tenant; an administrator of both adds them.";
            ApiError::new(ErrorCode::Conflict, message)
        };
        if let Some(user) = self.store.user_by_email(&email).await.map_err(store_failed)? {
            let roles = self.store.tenants_of(user.id).await.map_err(store_failed)?;
            if roles.iter().any(|(tenant, _)| tenant.id == actor.scope.tenant) {
                return Err(taken());
            }
            if roles.is_empty() && actor.scope.tenant != TenantId::DEFAULT {
                return Err(not_here());
            }
            self.administers_everywhere(actor, user.id).await.map_err(|_| not_here())?;
            // Whoever chose the password so far, an administrator of the other tenant perhaps, must not come in with it.
            self.store.set_password(user.id, None, None, None).await.map_err(store_failed)?;
            self.store.set_role(user.id, actor.scope.tenant, Some(role)).await.map_err(store_failed)?;
            let (link, expires_at) = self.make_invitation(user.id).await.map_err(store_failed)?;
            self.done(actor, Action::UserAdd, &email, details([("role", json!(role))])).await?;
            return Ok(Invitation { email, link: Some(link), expires_at });
        }
        let id = Uuid::new_v4();
        let user = User { id, email, name, password_hash: None, is_disabled: false, created_at: now };
        if !self.store.add_user(&user, actor.scope.tenant, role).await.map_err(store_failed)? {
            return Err(taken());
        }
        let (link, expires_at) = self.make_invitation(id).await.map_err(store_failed)?;
        self.done(actor, Action::UserAdd, &user.email, details([("role", json!(role))])).await?;
        Ok(Invitation { email: user.email, link: Some(link), expires_at })
    }

    async fn set_user_role(&self, actor: &Actor, id: Uuid, role: Role) -> Result<(), ApiError> {
        Self::not_oneself(actor, id)?;
        let (user, _) = self.member(actor, id).await?;
        if !self.store.set_role(id, actor.scope.tenant, Some(role)).await.map_err(store_failed)? {
            return Err(last_admin());
        }
        self.done(actor, Action::UserRole, &user.email, details([("role", json!(role))])).await
    }

    async fn remove_user(&self, actor: &Actor, id: Uuid) -> Result<(), ApiError> {
        Self::not_oneself(actor, id)?;
        let (user, _) = self.member(actor, id).await?;
        if !self.store.set_role(id, actor.scope.tenant, None).await.map_err(store_failed)? {
            return Err(last_admin());
        }
        self.done(actor, Action::UserRemove, &user.email, details([])).await
    }

    async fn set_user_disabled(&self, actor: &Actor, id: Uuid, is_disabled: bool) -> Result<(), ApiError> {
        Self::not_oneself(actor, id)?;
        let (user, _) = self.member(actor, id).await?;
        self.administers_everywhere(actor, id).await?;
        self.store.set_disabled(id, is_disabled).await.map_err(store_failed)?;
        let action = if is_disabled { Action::UserDisable } else { Action::UserEnable };
        self.done(actor, action, &user.email, details([])).await
    }

    async fn reset_user(&self, actor: &Actor, id: Uuid) -> Result<Invitation, ApiError> {
        let (user, _) = self.member(actor, id).await?;
        self.administers_everywhere(actor, id).await?;
        if user.is_disabled {
            return Err(ApiError::new(ErrorCode::Conflict, "They are disabled; enable them first."));
        }
        let (link, expires_at) = self.make_invitation(id).await.map_err(store_failed)?;
        self.done(actor, Action::UserLink, &user.email, details([])).await?;
        Ok(Invitation { email: user.email, link: Some(link), expires_at })
    }

    async fn keys(&self, actor: &Actor) -> Result<Vec<ApiKey>, ApiError> {
        self.store.keys(actor.scope.tenant).await.map_err(store_failed)
    }

    async fn add_key(&self, actor: &Actor, request: KeyRequest) -> Result<CreatedKey, ApiError> {
        let name = normal_name(&request.name)?;
        if !request.can_ingest && !request.can_read {
            return Err(ApiError::invalid("scopes", "A key that may neither send nor read is of no use."));
        }
        if request.expires_in_days.is_some_and(|days| !(1..=LONGEST_KEY_DAYS).contains(&days)) {
            let message = format!("A key lives 1 to {LONGEST_KEY_DAYS} days, or for ever.");
            return Err(ApiError::invalid("expires_in_days", message));
        }
        let secret = NewSecret::key();
        let now = self.clock.now_utc();
        let key = ApiKey {
            id: Uuid::new_v4(),
            name,
            prefix: secret.shown(),
            can_ingest: request.can_ingest,
            can_read: request.can_read,
            created_by: actor.name.clone(),
            created_at: now,
            expires_at: request.expires_in_days.map(|days| now + TimeDelta::days(i64::from(days))),
            last_used_at: None,
            revoked_at: None,
        };
        let new = NewKey { key: key.clone(), secret_hash: secret.hash() };
        self.store.add_key(actor.scope.tenant, &new).await.map_err(store_failed)?;
        let more = details([
            ("prefix", json!(key.prefix)),
            ("can_ingest", json!(key.can_ingest)),
            ("can_read", json!(key.can_read)),
        ]);
        self.done(actor, Action::KeyAdd, &key.name, more).await?;
        Ok(CreatedKey { key, secret: secret.expose().to_owned() })
    }

    async fn revoke_key(&self, actor: &Actor, id: Uuid) -> Result<(), ApiError> {
        let tenant = actor.scope.tenant;
        let keys = self.store.keys(tenant).await.map_err(store_failed)?;
        let is_revoked = self.store.revoke_key(tenant, id, self.clock.now_utc()).await.map_err(store_failed)?;
        if !is_revoked {
            return Err(ApiError::not_found("key that could be revoked"));
        }
        let key = keys.into_iter().find(|key| key.id == id);
        let (name, prefix) = key.map_or_else(|| (id.to_string(), String::new()), |key| (key.name, key.prefix));
        self.done(actor, Action::KeyRevoke, &name, details([("prefix", json!(prefix))])).await
    }

    async fn tenants(&self, actor: &Actor) -> Result<TenantList, ApiError> {
        let Some(session) = actor.session else {
            let tenants = self.store.tenants().await.map_err(store_failed)?;
            let here = tenants.into_iter().filter(|tenant| tenant.id == actor.scope.tenant);
            let memberships = here.map(|tenant| TenantMembership { tenant, role: actor.scope.role }).collect();
            return Ok(TenantList { memberships, can_add: false });
        };
        let roles = self.store.tenants_of(session.user).await.map_err(store_failed)?;
        let can_add = admins(&roles).contains(&TenantId::DEFAULT);
        let memberships = roles.into_iter().map(|(tenant, role)| TenantMembership { tenant, role }).collect();
        Ok(TenantList { memberships, can_add })
    }

    async fn add_tenant(&self, actor: &Actor, name: String) -> Result<(), ApiError> {
        let forbidden = || {
            let message = "Tenants are made by administrators of the tenant `default`.";
            ApiError::new(ErrorCode::Forbidden, message)
        };
        let session = actor.session.ok_or_else(forbidden)?;
        let roles = self.store.tenants_of(session.user).await.map_err(store_failed)?;
        if !admins(&roles).contains(&TenantId::DEFAULT) {
            return Err(forbidden());
        }
        self.make_tenant(actor, name, Some(session.user)).await
    }

    async fn audit(&self, actor: &Actor, before: Option<i64>, limit: u32) -> Result<AuditPage, ApiError> {
        let limit = limit.clamp(1, AUDIT_PAGE);
        let found = self.store.audit(actor.scope.tenant, before, limit + 1).await;
        let mut entries = found.map_err(store_failed)?;
        let has_more = entries.len() > limit as usize;
        entries.truncate(limit as usize);
        let next = entries.last().filter(|_| has_more).map(|last| last.id);
        Ok(AuditPage { entries, next })
    }
}
