//! Who looks, where they may go from here, and the way out.

use leptos::prelude::*;

use super::{place::Place, settings::SettingsPage};
use crate::{
    browser::{dom, storage},
    component::{
        icon::{Icon, IconName},
        me::{role_label, use_me},
        query::use_page_href,
        reactive::text,
    },
    live::use_live,
    model::{Me, Tenant},
};

const MENU_ID: &str = "user-menu";

/// The button and the menu of who is signed in.
#[component]
pub fn UserMenu(
    /// Where the reader is.
    place: Memo<Place>,
) -> impl IntoView {
    let Some(me) = use_me() else { return ().into_any() };
    let href = use_page_href();
    let link = move |path: &'static str, label: &'static str| {
        let href = href.clone();
        view! {
            <li>
                <a class="menu-link" href=text(move || href(path)) on:click=|_| dom::hide_popover(MENU_ID)>
                    {label}
                </a>
            </li>
        }
    };
    let live = use_live();
    let has_account = me.person.is_some();
    let has_choice = me.tenants.len() > 1;
    let tenant = has_choice.then(|| view! { <span class="user-tenant ellipsis">{me.tenant.name.clone()}</span> });
    let first = SettingsPage::first(Some(&me));
    view! {
        <button type="button" class="button user-button" popovertarget=MENU_ID title="User menu">
            <Icon name=IconName::Person />
            <span class="visually-hidden">"User menu "</span>
            {tenant}
        </button>
        <div class="menu" id=MENU_ID popover="auto" role="group" aria-label="User menu">
            <Card me=me.clone() />
            <ul class="menu-links">
                {has_account.then(|| link(SettingsPage::Account.path(), "Account"))}
                {link(first.path(), "Settings")}
                {link(Place::Docs.path(), "REST interface")}
            </ul>
            {has_choice.then(|| view! { <TenantForm current=me.tenant tenants=me.tenants place /> })}
            {has_account.then(|| view! {
                <form class="menu-foot" method="post" action="/logout" on:submit=move |_| {
                    live.close();
                    // What was begun is of nobody else's business.
                    storage::forget_tab();
                }>
                    <button class="button">"Sign out"</button>
                </form>
            })}
        </div>
    }
    .into_any()
}

/// Who it is, and what they may do where.
#[component]
fn Card(me: Me) -> impl IntoView {
    let who = me.person.map_or_else(
        || view! { <p class="muted">"Sign-in is turned off."</p> }.into_any(),
        |person| {
            view! {
                <p class="user-name">{person.name}</p>
                <p class="mono ellipsis" title=person.email.clone()>{person.email.clone()}</p>
            }
            .into_any()
        },
    );
    view! {
        <div class="user-card">
            {who}
            <p class="muted">{format!("{} in {}", role_label(me.role), me.tenant.name)}</p>
        </div>
    }
    .into_any()
}

/// Goes to another tenant: a form, so that it works before the page is hydrated.
#[component]
fn TenantForm(current: Tenant, tenants: Vec<Tenant>, place: Memo<Place>) -> impl IntoView {
    let option = |tenant: Tenant| {
        let is_current = tenant.id == current.id;
        view! { <option value=tenant.id.0.to_string() selected=is_current>{tenant.name}</option> }
    };
    // What is below a section may not exist there.
    let next = text(move || match place.get() {
        below @ Place::Pipeline(_) => below.section().path().to_owned(),
        other => other.path().to_owned(),
    });
    let live = use_live();
    view! {
        <form class="menu-form" method="post" action="/session/tenant" on:submit=move |_| live.close()>
            <label for="tenant">"Switch to"</label>
            <select class="input" id="tenant" name="tenant">{tenants.into_iter().map(option).collect_view()}</select>
            <input type="hidden" name="next" value=next />
            <button class="button">"Switch"</button>
        </form>
    }
    .into_any()
}
