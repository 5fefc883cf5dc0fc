//! Where one is a member.

use leptos::{html, prelude::*};

use super::{Table, answered, done_but};
use crate::{
    api::{add_tenant, list_tenants},
    component::{
        form::{Field, Form, FormEnd, FormProblem, clear, typed},
        frame::SettingsPage,
        me::{role_label, use_me},
        panel::Panel,
    },
    live::use_live,
    model::{TenantId, TenantList, TenantMembership},
};

/// The page of tenants.
#[component]
pub fn TenantsPage() -> impl IntoView {
    answered("the tenants", Resource::new(|| (), |()| list_tenants()), draw)
}

fn draw(list: TenantList) -> AnyView {
    let current = use_me().map(|me| me.tenant.id);
    let shown = RwSignal::new(list.memberships);
    view! {
        <div class="settings">
            {list.can_add.then(|| view! { <AddTenant shown /> })}
            <Panel title="Tenants">
                <Table name="Tenants" titles=&["Name", "Your role", ""]>
                            <For
                                each=move || shown.get()
                                key=|membership| (membership.tenant.id, membership.role)
                                children=move |membership| row(membership, current)
                            />
                        </Table>
            </Panel>
        </div>
    }
    .into_any()
}

fn row(membership: TenantMembership, current: Option<TenantId>) -> AnyView {
    let TenantMembership { tenant, role } = membership;
    let name = tenant.name;
    let action = if current == Some(tenant.id) {
        view! { <span class="mark">"Current"</span> }.into_any()
    } else {
        let whom = format!(" to {name}");
        let live = use_live();
        view! {
            <form method="post" action="/session/tenant" on:submit=move |_| live.close()>
                <input type="hidden" name="tenant" value=tenant.id.0.to_string() />
                <input type="hidden" name="next" value=SettingsPage::Tenants.path() />
                <button class="button button-small">"Switch"<span class="visually-hidden">{whom}</span></button>
            </form>
        }
        .into_any()
    };
    view! {
        <tr>
            <th scope="row">{name}</th>
            <td>{role_label(role)}</td>
            <td class="cell-actions">{action}</td>
        </tr>
    }
    .into_any()
}

#[component]
fn AddTenant(shown: RwSignal<Vec<TenantMembership>>) -> impl IntoView {
    let form = Form::new("add-tenant", &["name"]);
    let name = NodeRef::<html::Input>::new();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let called = typed(name);
        form.send(async move {
            add_tenant(called.clone()).await?;
            clear(name);
            let list = list_tenants().await.map_err(done_but)?;
            shown.try_set(list.memberships);
            Ok(format!("There is a tenant {called} now, and you are its admin."))
        });
    };
    view! {
        <Panel title="Add a tenant">
            <form class="form form-wide" method="post" on:submit=submit>
                <Field form name="name" label="Name" input=name hint="Its data, users and keys are apart from all others'." />
                <FormProblem form />
                <FormEnd form label="Add tenant" />
            </form>
        </Panel>
    }
    .into_any()
}
