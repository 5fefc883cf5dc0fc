//! How people get in and out: passwords, links, the first administrator.

use std::net::IpAddr;

use app::{
    api::{Actor, ApiError, ErrorCode},
    model::{Person, Role, TenantId, Welcome},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{Action, Identity, NewSecret, details, hash_secret, normal_email, normal_name};
use crate::{
    service::store_failed,
    store::{
        StoreResult,
        identity::{NewSession, User},
    },
};

/// How long a link for somebody to sign in with is valid.
const LINK_LASTS: TimeDelta = TimeDelta::minutes(15);
/// How long an administrator's link for somebody else is valid: it has to reach them first.
const INVITATION_LASTS: TimeDelta = TimeDelta::hours(48);
/// Longest description of a browser that is kept.
const MAX_AGENT: usize = 300;

/// A session that was just opened.
#[derive(Debug)]
pub struct OpenedSession {
    /// For the browser's cookie.
    pub token: NewSecret,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// Whose it is.
    pub person: Person,
}

/// How the first administrator gets in.
#[derive(Debug)]
pub enum FirstSignIn {
    /// Somebody exists already.
    NotNeeded,
    /// With the address and the password that the environment gave.
    Provisioned(String),
    /// With a link: its path and query.
    Link(String),
}

/// What somebody who signs in with a link says of themselves.
#[derive(Debug, Clone, Default)]
pub struct Introduction {
    /// Address; only the first administrator is asked.
    pub email: String,
    /// Name.
    pub name: String,
    /// New password.
    pub password: String,
}

fn wrong() -> ApiError {
    ApiError::new(ErrorCode::Unauthorized, "That e-mail address and password do not go together.")
}

fn no_such_link() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "This link was used already, or has ended.")
}

impl Identity {
    /// Opens a session for somebody who knows their password. Whether the address or the password was wrong, or the
    /// user may not sign in, shows neither in the answer nor in the time that it takes.
    pub async fn sign_in(
        &self,
        email: &str,
        password: String,
        address: IpAddr,
        agent: &str,
    ) -> Result<OpenedSession, ApiError> {
        self.limits.sign_in(address, &email.trim().to_lowercase())?;
        let email = normal_email(email).unwrap_or_default();
        let user = self.store.user_by_email(&email).await.map_err(store_failed)?;
        // People type passwords into the wrong field: what is nobody's address is not recorded.
        let known = user.as_ref().map_or("(unknown)", |_| email.as_str());
        // The same questions for everybody, whether they exist or not.
        let home = self.home(user.as_ref().map_or(Uuid::nil(), |user| user.id)).await?;
        let hash = user.as_ref().and_then(|user| user.password_hash.clone());
        let is_right = self.passwords.verify(password, hash).await?;
        let let_in = user.clone().filter(|user| is_right && !user.is_disabled);
        let opened = match let_in.zip(home) {
            Some((user, tenant)) => self.open(user, tenant, address, agent, "password").await?,
            None => None,
        };
        let Some(opened) = opened else {
            let (place, tenant) = (address.to_string(), home.unwrap_or(TenantId::DEFAULT));
            self.record_in(tenant, known, &place, Action::SessionRefused, known, details([]))
                .await
                .map_err(store_failed)?;
            return Err(wrong());
        };
        Ok(opened)
    }

    /// Where somebody arrives who signs in: `default` if they are a member there.
    async fn home(&self, user: Uuid) -> Result<Option<TenantId>, ApiError> {
        let roles = self.store.tenants_of(user).await.map_err(store_failed)?;
        let tenants = roles.iter().map(|(tenant, _)| tenant.id);
        Ok(tenants.clone().find(|id| *id == TenantId::DEFAULT).or_else(|| tenants.clone().next()))
    }

    async fn open(
        &self,
        user: User,
        tenant: TenantId,
        address: IpAddr,
        agent: &str,
        with: &str,
    ) -> Result<Option<OpenedSession>, ApiError> {
        let now = self.clock.now_utc();
        let token = NewSecret::token();
        let expires_at = now + TimeDelta::days(i64::from(self.settings.absolute_days));
        let session = NewSession {
            id: Uuid::new_v4(),
            token_hash: token.hash(),
            user: user.id,
            tenant,
            address: address.to_string(),
            user_agent: agent.chars().filter(|c| !c.is_control()).take(MAX_AGENT).collect(),
            created_at: now,
            expires_at,
        };
        let place = address.to_string();
        // While the password was checked it may have been changed, or the user disabled.
        if !self.store.open_session(&session, user.password_hash.as_deref()).await.map_err(store_failed)? {
            return Ok(None);
        }
        let how = details([("with", json!(with))]);
        let recorded = self.record_in(tenant, &user.email, &place, Action::SessionOpen, &user.email, how);
        recorded.await.map_err(store_failed)?;
        let person = Person { id: user.id, email: user.email, name: user.name };
        Ok(Some(OpenedSession { token, expires_at, person }))
    }

    /// Signs out the session that asks.
    pub async fn sign_out(&self, actor: &Actor) -> Result<(), ApiError> {
        let Some(session) = actor.session else { return Ok(()) };
        let closed = async {
            self.store.close_sessions(session.user, Some(session.id), None).await?;
            self.record(actor, Action::SessionClose, &actor.name, details([("sessions", json!(1))])).await
        };
        closed.await.map_err(store_failed)?;
        self.forget_all();
        Ok(())
    }

    /// Lets the session that asks look at another tenant; not found when its user is no member there.
    pub async fn switch_tenant(&self, actor: &Actor, tenant: TenantId) -> Result<(), ApiError> {
        let missing = || ApiError::not_found("tenant");
        let session = actor.session.ok_or_else(missing)?;
        if !self.store.switch_session(session.id, tenant).await.map_err(store_failed)? {
            return Err(missing());
        }
        let recorded =
            self.record_in(tenant, &actor.name, &actor.address, Action::SessionTenant, &actor.name, details([]));
        recorded.await.map_err(store_failed)?;
        self.forget_all();
        Ok(())
    }

    /// Makes a link that signs somebody in once, for an administrator to hand over.
    pub(super) async fn make_invitation(&self, user: Uuid) -> StoreResult<(String, DateTime<Utc>)> {
        self.make_link(Some(user), INVITATION_LASTS).await
    }

    async fn make_link(&self, user: Option<Uuid>, lasts: TimeDelta) -> StoreResult<(String, DateTime<Utc>)> {
        let token = NewSecret::token();
        let now = self.clock.now_utc();
        self.store.add_link(&token.hash(), user, now, now + lasts).await?;
        Ok((format!("/welcome?token={}", token.expose()), now + lasts))
    }

    /// What a link is for.
    pub async fn look_at_link(&self, token: &str) -> Result<Welcome, ApiError> {
        let now = self.clock.now_utc();
        let link = self.store.peek_link(&hash_secret(token), now).await.map_err(store_failed)?;
        let link = link.ok_or_else(no_such_link)?;
        let Some(id) = link.user else {
            return Ok(Welcome { is_first: true, email: None, name: None, expires_at: link.expires_at });
        };
        let user = self.store.user(id).await.map_err(store_failed)?.ok_or_else(no_such_link)?;
        Ok(Welcome { is_first: false, email: Some(user.email), name: Some(user.name), expires_at: link.expires_at })
    }

    /// Signs in with a link, and sets name and password. The link is used up only when all of that is accepted.
    pub async fn use_link(
        &self,
        token: &str,
        said: Introduction,
        address: IpAddr,
        agent: &str,
    ) -> Result<OpenedSession, ApiError> {
        self.limits.link(address)?;
        let hash = hash_secret(token);
        let now = self.clock.now_utc();
        let link = self.store.peek_link(&hash, now).await.map_err(store_failed)?.ok_or_else(no_such_link)?;
        let known = match link.user {
            Some(id) => Some(self.store.user(id).await.map_err(store_failed)?.ok_or_else(no_such_link)?),
            None => None,
        };
        let email = match &known {
            Some(user) => user.email.clone(),
            None => normal_email(&said.email)?,
        };
        let name = normal_name(&said.name)?;
        let password_hash = self.passwords.choose(said.password, vec![email.clone(), name.clone()]).await?;
        if self.store.use_link(&hash, now).await.map_err(store_failed)?.is_none() {
            return Err(no_such_link());
        }
        let user = match known {
            Some(user) => {
                self.store.set_name(user.id, &name).await.map_err(store_failed)?;
                // Whoever knew the old password is out.
                let set = self.store.set_password(user.id, Some(&password_hash), None, None).await;
                let ended = set.map_err(store_failed)?.unwrap_or_default();
                self.forget_all();
                let tenant = self.home(user.id).await?.unwrap_or(TenantId::DEFAULT);
                let more = details([("with", json!("link")), ("sessions_closed", json!(ended))]);
                let place = address.to_string();
                self.record_in(tenant, &email, &place, Action::UserPassword, &email, more)
                    .await
                    .map_err(store_failed)?;
                User { name, password_hash: Some(password_hash), ..user }
            }
            None => self.add_first(email, name, password_hash, &address.to_string()).await?,
        };
        if user.is_disabled {
            return Err(no_such_link());
        }
        let tenant = self.home(user.id).await?.ok_or_else(no_such_link)?;
        self.open(user, tenant, address, agent, "link").await?.ok_or_else(no_such_link)
    }

    async fn add_first(
        &self,
        email: String,
        name: String,
        password_hash: String,
        address: &str,
    ) -> Result<User, ApiError> {
        let user = User {
            id: Uuid::new_v4(),
            email,
            name,
            password_hash: Some(password_hash),
            is_disabled: false,
            created_at: self.clock.now_utc(),
        };
        // A link from before the first user existed makes nobody any more.
        let is_first = !self.store.has_users().await.map_err(store_failed)?
            && self.store.add_user(&user, TenantId::DEFAULT, Role::Admin).await.map_err(store_failed)?;
        if !is_first {
            return Err(no_such_link());
        }
        let more = details([("role", json!(Role::Admin)), ("first", json!(true))]);
        self.record_in(TenantId::DEFAULT, &user.email, address, Action::UserAdd, &user.email, more)
            .await
            .map_err(store_failed)?;
        Ok(user)
    }

    /// At the first start: provisions the administrator whom the environment names, or makes the link for one.
    pub async fn first_sign_in(&self) -> Result<FirstSignIn, ApiError> {
        if !self.settings.enabled || self.store.has_users().await.map_err(store_failed)? {
            return Ok(FirstSignIn::NotNeeded);
        }
        let given = self.settings.admin_email.as_ref().zip(self.settings.admin_password.as_ref());
        let Some((email, password)) = given else {
            let (link, _) = self.make_link(None, LINK_LASTS).await.map_err(store_failed)?;
            return Ok(FirstSignIn::Link(link));
        };
        let email = normal_email(email)?;
        let hash = self.passwords.choose(password.expose().to_owned(), vec![email.clone()]).await?;
        let name = email.split('@').next().unwrap_or_default().to_owned();
        self.add_first(email.clone(), name, hash, "").await?;
        Ok(FirstSignIn::Provisioned(email))
    }
}
