//! `console user`, `console key`, `console tenant`: on the store itself, whether the server runs or not.

use std::sync::Arc;

use app::{
    api::{Actor, ApiError, IdentityPort, Scope},
    model::{Invitation, KeyRequest, Role, Tenant, TenantId},
};
use clap::{Args, Subcommand, ValueEnum};

use super::CliError;
use crate::{
    clock::{Clock, SystemClock},
    config::Config,
    service::identity::Identity,
    store::Stores,
};

/// `console user …`
#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Make somebody a member, and print a link for them to sign in with
    Add {
        /// E-mail address
        email: String,
        /// Name; the address without its domain by default
        #[arg(long)]
        name: Option<String>,
        /// What they may do
        #[arg(long, value_enum, default_value_t = RoleName::Viewer)]
        role: RoleName,
        #[command(flatten)]
        tenant: InTenant,
    },
    /// Show the members
    List {
        #[command(flatten)]
        tenant: InTenant,
    },
    /// Change what a member may do
    Role {
        /// E-mail address
        email: String,
        /// What they may do
        #[arg(value_enum)]
        role: RoleName,
        #[command(flatten)]
        tenant: InTenant,
    },
    /// Keep somebody out, everywhere, and end their sessions
    Disable {
        /// E-mail address
        email: String,
    },
    /// Let somebody in again
    Enable {
        /// E-mail address
        email: String,
    },
    /// Print a link with which somebody chooses a new password
    Reset {
        /// E-mail address
        email: String,
    },
}

/// `console key …`
#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key and print its secret, once
    Add {
        /// What people will call it
        name: String,
        /// It may send data
        #[arg(long)]
        ingest: bool,
        /// It may read data
        #[arg(long)]
        read: bool,
        /// Days until it ends; never without
        #[arg(long)]
        days: Option<u32>,
        #[command(flatten)]
        tenant: InTenant,
    },
    /// Show the keys
    List {
        #[command(flatten)]
        tenant: InTenant,
    },
    /// End a key
    Revoke {
        /// How its secret begins, as `list` shows it, or its id
        key: String,
        #[command(flatten)]
        tenant: InTenant,
    },
}

/// `console tenant …`
#[derive(Debug, Subcommand)]
pub(super) enum TenantCommand {
    /// Make a tenant
    Add {
        /// Its name
        name: String,
        /// E-mail address of a user who becomes its administrator
        #[arg(long)]
        admin: Option<String>,
    },
    /// Show the tenants
    List,
}

#[derive(Debug, Args)]
pub(super) struct InTenant {
    /// Name of the tenant
    #[arg(long, default_value = Tenant::DEFAULT_NAME)]
    tenant: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum RoleName {
    Viewer,
    Editor,
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Self::Viewer,
            RoleName::Editor => Self::Editor,
            RoleName::Admin => Self::Admin,
        }
    }
}

/// The store, and the use cases over it.
struct Desk {
    stores: Stores,
    identity: Identity,
    base: String,
}

impl Desk {
    async fn open(config: &Config) -> Result<Self, CliError> {
        let stores = Stores::open(&config.store).await?;
        let identity = Identity::new(stores.identity.clone(), Arc::new(SystemClock), config.auth.clone());
        Ok(Self { stores, identity, base: config.server.public_url(config.server.addr) })
    }

    fn actor(tenant: TenantId) -> Actor {
        Actor {
            scope: Scope { tenant, role: Role::Admin },
            session: None,
            name: "command line".to_owned(),
            address: String::new(),
        }
    }

    /// Who acts in the tenant of this name.
    async fn in_tenant(&self, name: &str) -> Result<Actor, CliError> {
        let tenants = self.stores.identity.tenants().await?;
        let tenant = tenants.into_iter().find(|tenant| tenant.name == name);
        let tenant = tenant.ok_or_else(|| ApiError::not_found(&format!("tenant as {name}")))?;
        Ok(Self::actor(tenant.id))
    }

    /// A user by address, and who acts in one of their tenants.
    async fn user(&self, email: &str) -> Result<(uuid::Uuid, Actor), CliError> {
        let email = email.trim().to_lowercase();
        let missing = || ApiError::not_found(&format!("user as {email}"));
        let user = self.stores.identity.user_by_email(&email).await?.ok_or_else(missing)?;
        let roles = self.stores.identity.tenants_of(user.id).await?;
        let (tenant, _) = roles.into_iter().next().ok_or_else(missing)?;
        Ok((user.id, Self::actor(tenant.id)))
    }

    fn print_link(&self, invitation: &Invitation) {
        match &invitation.link {
            Some(link) => {
                println!("{} signs in with this link, once, until {}:", invitation.email, invitation.expires_at);
                println!("  {}{link}", self.base);
            }
            None => println!("{} could sign in before and is a member now.", invitation.email),
        }
    }

    async fn close(self) {
        self.stores.admin.close().await;
    }
}

/// Runs `console user …`.
pub(super) async fn user(config: &Config, command: UserCommand) -> Result<(), CliError> {
    let desk = Desk::open(config).await?;
    match command {
        UserCommand::Add { email, name, role, tenant } => {
            let actor = desk.in_tenant(&tenant.tenant).await?;
            let name = name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned());
            let invitation = desk.identity.add_user(&actor, email, name, role.into()).await?;
            desk.print_link(&invitation);
        }
        UserCommand::List { tenant } => {
            let actor = desk.in_tenant(&tenant.tenant).await?;
            let mut after = None;
            loop {
                let page = desk.identity.users(&actor, after).await?;
                for member in &page.members {
                    let state = match (member.is_disabled, member.has_password) {
                        (true, _) => "disabled",
                        (false, false) => "invited",
                        (false, true) => "active",
                    };
                    println!("{}\t{}\t{}\t{state}", member.email, member.role, member.name);
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        UserCommand::Role { email, role, tenant } => {
            let (id, _) = desk.user(&email).await?;
            let actor = desk.in_tenant(&tenant.tenant).await?;
            desk.identity.set_user_role(&actor, id, role.into()).await?;
            println!("{email} is {} in {}.", Role::from(role), tenant.tenant);
        }
        UserCommand::Disable { email } => {
            let (id, actor) = desk.user(&email).await?;
            desk.identity.set_user_disabled(&actor, id, true).await?;
            println!("{email} is kept out.");
        }
        UserCommand::Enable { email } => {
            let (id, actor) = desk.user(&email).await?;
            desk.identity.set_user_disabled(&actor, id, false).await?;
            println!("{email} may sign in.");
        }
        UserCommand::Reset { email } => {
            let (id, actor) = desk.user(&email).await?;
            desk.print_link(&desk.identity.reset_user(&actor, id).await?);
        }
    }
    desk.close().await;
    Ok(())
}

/// Runs `console key …`.
pub(super) async fn key(config: &Config, command: KeyCommand) -> Result<(), CliError> {
    let desk = Desk::open(config).await?;
    match command {
        KeyCommand::Add { name, ingest, read, days, tenant } => {
            let actor = desk.in_tenant(&tenant.tenant).await?;
            let request = KeyRequest { name, can_ingest: ingest, can_read: read, expires_in_days: days };
            let created = desk.identity.add_key(&actor, request).await?;
            // The secret alone on standard output, for scripts.
            eprintln!("The secret of {}; it is not shown again:", created.key.name);
            println!("{}", created.secret);
        }
        KeyCommand::List { tenant } => {
            let actor = desk.in_tenant(&tenant.tenant).await?;
            let now = SystemClock.now_utc();
            for key in desk.identity.keys(&actor).await? {
                let scopes = match (key.can_ingest, key.can_read) {
                    (true, true) => "ingest,read",
                    (true, false) => "ingest",
                    (false, _) => "read",
                };
                let state = match (key.revoked_at, key.expires_at) {
                    (Some(_), _) => "revoked",
                    (None, Some(end)) if end <= now => "expired",
                    _ => "active",
                };
                println!("{}\t{scopes}\t{}\t{state}", key.prefix, key.name);
            }
        }
        KeyCommand::Revoke { key, tenant } => {
            let actor = desk.in_tenant(&tenant.tenant).await?;
            let keys = desk.identity.keys(&actor).await?;
            let named = keys.iter().filter(|known| known.prefix == key || known.id.to_string() == key);
            let mut named = named.filter(|known| known.revoked_at.is_none());
            let found = named.next().ok_or_else(|| ApiError::not_found("key that could be revoked"))?;
            desk.identity.revoke_key(&actor, found.id).await?;
            println!("{} ({}) is revoked.", found.name, found.prefix);
        }
    }
    desk.close().await;
    Ok(())
}

/// Runs `console tenant …`.
pub(super) async fn tenant(config: &Config, command: TenantCommand) -> Result<(), CliError> {
    let desk = Desk::open(config).await?;
    match command {
        TenantCommand::Add { name, admin } => {
            let admin = match &admin {
                Some(email) => Some(desk.user(email).await?.0),
                None => None,
            };
            desk.identity.make_tenant(&Desk::actor(TenantId::DEFAULT), name, admin).await?;
            println!("Made.");
        }
        TenantCommand::List => {
            for tenant in desk.stores.identity.tenants().await? {
                println!("{}", tenant.name);
            }
        }
    }
    desk.close().await;
    Ok(())
}
