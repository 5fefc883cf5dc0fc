//! The pages of the settings, and the links between them.

use leptos::prelude::*;
use leptos_router::components::Redirect;

use super::place::Place;
use crate::{
    component::{
        me::use_me,
        query::use_page_href,
        tabs::{Tab, Tabs},
    },
    model::{Me, Role, TenantId},
};

/// A page of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsPage {
    /// One's own name, password and sessions.
    Account,
    /// The members of the tenant.
    Users,
    /// The keys of programs.
    Keys,
    /// Where one is a member.
    Tenants,
    /// What was done.
    Audit,
    /// What is taken out before it is stored.
    Redaction,
    /// How Console is set up.
    Configuration,
}

impl SettingsPage {
    /// Every page, in the order of the links.
    pub const ALL: [Self; 7] =
        [Self::Account, Self::Users, Self::Keys, Self::Tenants, Self::Audit, Self::Redaction, Self::Configuration];

    /// Its address.
    pub fn path(self) -> &'static str {
        match self {
            Self::Account => "/settings/account",
            Self::Users => "/settings/users",
            Self::Keys => "/settings/keys",
            Self::Tenants => "/settings/tenants",
            Self::Audit => "/settings/audit",
            Self::Redaction => "/settings/redaction",
            Self::Configuration => "/settings/configuration",
        }
    }

    /// What people read in links.
    pub fn label(self) -> &'static str {
        match self {
            Self::Account => "Account",
            Self::Users => "Users",
            Self::Keys => "Keys",
            Self::Tenants => "Tenants",
            Self::Audit => "Audit",
            Self::Redaction => "Redaction",
            Self::Configuration => "Configuration",
        }
    }

    /// The pages that somebody may see.
    pub fn seen_by(me: &Me) -> impl Iterator<Item = Self> {
        let (has_account, is_admin) = (me.person.is_some(), me.may(Role::Admin));
        Self::ALL.into_iter().filter(move |page| match page {
            Self::Account => has_account,
            Self::Tenants | Self::Redaction => true,
            Self::Users | Self::Keys | Self::Audit => is_admin,
            Self::Configuration => is_admin && me.tenant.id == TenantId::DEFAULT,
        })
    }

    /// The page that the settings begin with.
    pub fn first(me: Option<&Me>) -> Self {
        let has_account = me.is_none_or(|me| me.person.is_some());
        if has_account { Self::Account } else { Self::Configuration }
    }
}

/// Leads to the page that the settings begin with.
#[component]
pub fn SettingsHome() -> impl IntoView {
    view! { <Redirect path=SettingsPage::first(use_me().as_ref()).path() /> }
}

/// Links between the pages of the settings.
#[component]
pub fn SettingsTabs(
    /// Where the reader is.
    place: Memo<Place>,
) -> impl IntoView {
    let pages: Vec<SettingsPage> = use_me().map(|me| SettingsPage::seen_by(&me).collect()).unwrap_or_default();
    let href = use_page_href();
    let tabs = Signal::derive(move || {
        let here = place.get();
        let tab = |page: &SettingsPage| Tab {
            label: page.label(),
            href: href(page.path()),
            selected: here == Place::Settings(*page),
        };
        pages.iter().map(tab).collect::<Vec<_>>()
    });
    view! { <div class="settings-tabs"><Tabs label="Settings" tabs /></div> }.into_any()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{Person, Tenant};

    fn me(role: Role, is_person: bool) -> Me {
        let tenant = Tenant { id: TenantId::DEFAULT, name: "default".to_owned() };
        let person = Person { id: Uuid::from_u128(1), email: "ana@example.com".to_owned(), name: "Ana".to_owned() };
        Me { person: is_person.then_some(person), role, tenant: tenant.clone(), tenants: vec![tenant] }
    }

    #[test]
    fn each_role_sees_what_it_may_use() {
        let seen = |me: &Me| SettingsPage::seen_by(me).map(SettingsPage::label).collect::<Vec<_>>();
        assert_eq!(seen(&me(Role::Viewer, true)), ["Account", "Tenants", "Redaction"]);
        assert_eq!(seen(&me(Role::Editor, true)), ["Account", "Tenants", "Redaction"]);
        assert_eq!(seen(&me(Role::Admin, true)).len(), SettingsPage::ALL.len());
    }

    #[test]
    fn where_sign_in_is_turned_off_there_is_no_account() {
        let nobody = me(Role::Admin, false);
        assert!(!SettingsPage::seen_by(&nobody).any(|page| page == SettingsPage::Account));
        assert_eq!(SettingsPage::first(Some(&nobody)), SettingsPage::Configuration);
        assert_eq!(SettingsPage::first(Some(&me(Role::Viewer, true))), SettingsPage::Account);
    }
}
