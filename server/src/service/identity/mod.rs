//! Who asks: from a session's token or a key's secret to a [`Caller`], and how sessions begin and end.

mod limits;
mod password;
mod people;
mod record;
mod secret;
mod sign_in;

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use app::{
    api::{Actor, ApiError, Scope, SessionRef},
    model::{Me, Person, Role, Tenant, TenantId},
};
use chrono::{DateTime, TimeDelta, Utc};
use moka::sync::Cache;
use tokio::sync::broadcast::{self, error::RecvError};
use uuid::Uuid;

use self::password::Passwords;
pub use self::{
    limits::Limits,
    record::Action,
    secret::{NewSecret, hash as hash_secret},
    sign_in::{FirstSignIn, Introduction, OpenedSession},
};
use super::{Services, store_failed};
use crate::{
    clock::SharedClock,
    config::AuthConfig,
    store::{
        StoreResult,
        identity::{IdentityStore, SecretHash},
    },
};

/// How long what was looked up is believed: the command line changes things without telling the server.
const BELIEVED_FOR: Duration = Duration::from_secs(5);
/// Those who watch Console that are remembered.
const SCRAPERS: u64 = 16;
/// Sessions and keys that are remembered.
const REMEMBERED: u64 = 10_000;
/// How precisely it is noted when a session or a key was last used.
const USE_NOTED_EVERY: TimeDelta = TimeDelta::minutes(5);
/// How often an open stream asks whether its session still stands.
const STILL_THERE_EVERY: Duration = Duration::from_secs(10);

/// What a request shows to say who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Credential {
    /// Nothing.
    None,
    /// A session's token.
    Session(SecretHash),
    /// A key's secret.
    Key(SecretHash),
}

/// What kind of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerKind {
    /// A person with a session.
    Person,
    /// A program with a key.
    Key {
        /// Which.
        id: Uuid,
        /// Whether it may send.
        can_ingest: bool,
        /// Whether it may read.
        can_read: bool,
    },
    /// Anybody, where sign-in is turned off.
    Anybody,
    /// A program on this machine, which may send without a key.
    LocalSender,
}

/// Who asks, as far as the store knows them.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What they showed.
    pub credential: Credential,
    /// What kind of caller.
    pub kind: CallerKind,
    /// What they may do where.
    pub scope: Scope,
    /// Their session.
    pub session: Option<SessionRef>,
    /// As the audit record names them.
    pub name: String,
    /// As pages show them.
    pub me: Me,
}

impl Caller {
    /// Who acts from where.
    pub fn actor(&self, address: IpAddr) -> Actor {
        let Self { scope, session, name, .. } = self;
        Actor { scope: *scope, session: *session, name: name.clone(), address: address.to_string() }
    }

    /// Whoever comes where sign-in is turned off.
    fn anybody() -> Self {
        Self::unnamed(CallerKind::Anybody, Role::Admin, "anybody")
    }

    /// A program on this machine, which may send without a key.
    pub fn local_sender() -> Self {
        Self::unnamed(CallerKind::LocalSender, Role::Viewer, "local program")
    }

    fn unnamed(kind: CallerKind, role: Role, name: &str) -> Self {
        let tenant = Tenant { id: TenantId::DEFAULT, name: Tenant::DEFAULT_NAME.to_owned() };
        Self {
            credential: Credential::None,
            kind,
            scope: Scope { tenant: TenantId::DEFAULT, role },
            session: None,
            name: name.to_owned(),
            me: Me { person: None, role, tenant: tenant.clone(), tenants: vec![tenant] },
        }
    }
}

/// Sessions, keys and their limits.
pub struct Identity {
    store: Arc<dyn IdentityStore>,
    clock: SharedClock,
    settings: AuthConfig,
    /// How often who may ask.
    pub limits: Limits,
    passwords: Passwords,
    known: Cache<Credential, Arc<Caller>>,
    /// Those who watch Console: they are let in while the store cannot be asked, too.
    scrapers: Cache<Credential, Arc<Caller>>,
    anybody: Arc<Caller>,
    /// Tells open streams that sessions, roles or keys have changed.
    changed: broadcast::Sender<()>,
    /// Counts these changes: what was looked up before one is not remembered after it.
    generation: AtomicU64,
}

impl Identity {
    /// Begins with nobody.
    pub fn new(store: Arc<dyn IdentityStore>, clock: SharedClock, settings: AuthConfig) -> Self {
        Self {
            limits: Limits::new(&settings),
            passwords: Passwords::default(),
            known: Cache::builder().max_capacity(REMEMBERED).time_to_live(BELIEVED_FOR).build(),
            scrapers: Cache::builder().max_capacity(SCRAPERS).build(),
            anybody: Arc::new(Caller::anybody()),
            changed: broadcast::channel(16).0,
            generation: AtomicU64::new(0),
            store,
            clock,
            settings,
        }
    }

    /// Who shows this; nobody when it is nothing, unknown or no longer valid.
    pub async fn caller(&self, credential: Credential) -> Result<Option<Arc<Caller>>, ApiError> {
        if let Some(caller) = self.known.get(&credential) {
            return Ok(Some(caller));
        }
        let generation = self.generation.load(Ordering::SeqCst);
        let found = match credential {
            Credential::None => return Ok((!self.settings.enabled).then(|| self.anybody.clone())),
            Credential::Session(hash) => self.look_up_session(hash).await,
            Credential::Key(hash) => self.look_up_key(hash).await,
        };
        let found = found.map_err(store_failed)?.map(Arc::new);
        if found.is_none() {
            self.scrapers.invalidate(&credential);
        }
        if let Some(caller) = &found {
            self.known.insert(credential, caller.clone());
            if self.generation.load(Ordering::SeqCst) != generation {
                self.known.invalidate(&credential);
            }
        }
        match credential {
            // A cookie from before sign-in was turned off is no reason to keep anybody out.
            Credential::Session(_) if found.is_none() && !self.settings.enabled => Ok(Some(self.anybody.clone())),
            _ => Ok(found),
        }
    }

    /// Remembers one who was let in to watch Console.
    pub fn remember_scraper(&self, caller: Arc<Caller>) {
        self.scrapers.insert(caller.credential, caller);
    }

    /// One who watched Console before, for when the store cannot say who shows this.
    pub fn scraper(&self, shown: &Credential) -> Option<Arc<Caller>> {
        self.scrapers.get(shown)
    }

    /// Resolves when a caller is no longer who they were: signed out, in another tenant, with another role, revoked.
    pub fn gone(self: Arc<Self>, caller: Arc<Caller>) -> impl Future<Output = ()> + Send {
        // Listens from here on, not from the first time that somebody waits.
        let mut changes = self.changed.subscribe();
        async move {
            loop {
                match self.caller(caller.credential).await {
                    Ok(Some(now)) if now.scope == caller.scope && now.kind == caller.kind => {}
                    // While the store cannot be reached nobody can be signed out either.
                    Err(_) => {}
                    Ok(_) => return,
                }
                let changed = tokio::time::timeout(STILL_THERE_EVERY, changes.recv()).await;
                if matches!(changed, Ok(Err(RecvError::Closed))) {
                    return;
                }
            }
        }
    }

    /// What was believed of anybody may be wrong from here on.
    fn forget_all(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.known.invalidate_all();
        self.scrapers.invalidate_all();
        let _nobody_listens = self.changed.send(());
    }

    /// The latest use that is too long ago.
    pub fn idle_since(&self) -> DateTime<Utc> {
        self.clock.now_utc() - TimeDelta::hours(i64::from(self.settings.idle_hours))
    }

    async fn look_up_session(&self, hash: SecretHash) -> StoreResult<Option<Caller>> {
        let now = self.clock.now_utc();
        let Some(session) = self.store.session(&hash, now, self.idle_since()).await? else { return Ok(None) };
        if session.last_used_at + USE_NOTED_EVERY < now {
            noted(self.store.touch_session(session.id, now).await);
        }
        let tenants = self.store.tenants_of(session.user).await?.into_iter().map(|(tenant, _)| tenant).collect();
        let person = Person { id: session.user, email: session.email.clone(), name: session.name };
        let tenant = Tenant { id: session.tenant, name: session.tenant_name };
        Ok(Some(Caller {
            credential: Credential::Session(hash),
            kind: CallerKind::Person,
            scope: Scope { tenant: session.tenant, role: session.role },
            session: Some(SessionRef { id: session.id, user: session.user }),
            name: session.email,
            me: Me { person: Some(person), role: session.role, tenant, tenants },
        }))
    }

    async fn look_up_key(&self, hash: SecretHash) -> StoreResult<Option<Caller>> {
        let now = self.clock.now_utc();
        let Some((tenant, key)) = self.store.key_by_secret(&hash, now).await? else { return Ok(None) };
        if key.last_used_at.is_none_or(|used| used + USE_NOTED_EVERY < now) {
            noted(self.store.touch_key(key.id, now).await);
        }
        let tenants = self.store.tenants().await?;
        let Some(tenant) = tenants.into_iter().find(|known| known.id == tenant) else { return Ok(None) };
        Ok(Some(Caller {
            credential: Credential::Key(hash),
            kind: CallerKind::Key { id: key.id, can_ingest: key.can_ingest, can_read: key.can_read },
            scope: Scope { tenant: tenant.id, role: Role::Viewer },
            session: None,
            name: format!("key:{}", key.name),
            me: Me { person: None, role: Role::Viewer, tenants: vec![tenant.clone()], tenant },
        }))
    }
}

impl Services {
    /// Removes sessions and links that have ended, and forgets old tries. Run now and then.
    pub async fn tidy_identity(&self) -> StoreResult<u64> {
        self.identity.limits.forget();
        self.stores.identity.remove_ended(self.clock.now_utc(), self.identity.idle_since()).await
    }
}

/// When something was last used is good to know; that it cannot be written keeps nobody out.
fn noted(outcome: StoreResult<()>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "the last use of a session or key could not be noted");
    }
}

/// An address as it is stored and compared.
fn normal_email(email: &str) -> Result<String, ApiError> {
    let email = email.trim().to_lowercase();
    let is_address = email.len() <= 254
        && !email.chars().any(|c| c.is_whitespace() || c.is_control())
        && email
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    if is_address { Ok(email) } else { Err(ApiError::invalid("email", "This is no e-mail address.")) }
}

/// A name as it is stored.
fn normal_name(name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(ApiError::invalid("name", "A name has 1 to 100 characters, none of them a control character."));
    }
    Ok(name.to_owned())
}

/// Details of an audit entry.
fn details<const N: usize>(pairs: [(&str, serde_json::Value); N]) -> serde_json::Map<String, serde_json::Value> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Those of `roles` who administer.
fn admins(roles: &[(Tenant, Role)]) -> BTreeSet<TenantId> {
    roles.iter().filter(|(_, role)| *role == Role::Admin).map(|(tenant, _)| tenant.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_in_lower_case() {
        assert_eq!(normal_email(" Ines@Example.COM ").unwrap(), "ines@example.com");
        for bad in ["", "ines", "@example.com", "ines@", "a@b@c", "i nes@example.com", "ines@exa\nmple.com"] {
            assert!(normal_email(bad).is_err(), "{bad}");
        }
    }
}
