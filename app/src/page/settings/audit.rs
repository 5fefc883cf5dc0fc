//! What was done in the tenant, by whom.

use leptos::prelude::*;
use serde_json::{Map, Value};

use super::{Table, answered, for_admins};
use crate::{
    api::list_audit,
    component::{
        age::Moment,
        error_panel::problem,
        form::{Form, Said, keep_focus},
        icon::{Icon, IconName},
        panel::Panel,
        reactive::part,
    },
    model::{self, AuditEntry},
};

/// The page of the audit record.
#[component]
pub fn AuditPage() -> impl IntoView {
    for_admins(|| answered("the audit record", Resource::new(|| (), |()| list_audit(None)), draw))
}

fn draw(page: model::AuditPage) -> AnyView {
    if page.entries.is_empty() {
        return view! { <div class="panel empty"><p class="empty-title">"Nothing was done here yet."</p></div> }
            .into_any();
    }
    let shown = RwSignal::new(page.entries);
    let next = RwSignal::new(page.next);
    let more = Form::new("older", &[]);
    let load_more = move |_| {
        let before = next.get_untracked();
        more.send(async move {
            let page = list_audit(before).await?;
            let count = page.entries.len();
            shown.try_update(|shown| shown.extend(page.entries));
            next.try_set(page.next);
            keep_focus();
            Ok(format!("{count} older entr{} shown.", if count == 1 { "y is" } else { "ies are" }))
        });
    };
    let has_more = Memo::new(move |_| next.with(Option::is_some));
    let button = move || view! { <button type="button" class="button" on:click=load_more>"Show older"</button> };
    view! {
        <div class="settings">
            <Panel title="Audit" actions=move || view! {
                <Said text=more.said is_anchor=true />
                {export("/api/v1/audit/export?format=csv", "Export as CSV")}
                {export("/api/v1/audit/export?format=json", "Export as JSON")}
            }>
                <Table name="Audit" titles=&["Time", "Who", "What", "About", "From", "Details"]>
                            <For each=move || shown.get() key=|entry| entry.id children=row />
                        </Table>
                <div class="more">
                    {part(move || has_more.get().then(button).into_any())}
                    {problem(move || more.problem.get())}
                </div>
            </Panel>
        </div>
    }
    .into_any()
}

fn export(href: &'static str, label: &'static str) -> AnyView {
    view! { <a class="button" href=href download rel="external"><Icon name=IconName::Download />{label}</a> }.into_any()
}

fn row(entry: AuditEntry) -> AnyView {
    view! {
        <tr>
            <td><Moment at=entry.at /></td>
            <td>{entry.actor}</td>
            <td>{entry.action}</td>
            <td class="cell-wide">{entry.subject}</td>
            <td>{entry.address}</td>
            <td class="cell-wide muted">{compact(&entry.details)}</td>
        </tr>
    }
    .into_any()
}

/// `role=admin expires_in_days=30`
fn compact(details: &Map<String, Value>) -> String {
    let pair = |(key, value): (&String, &Value)| match value {
        Value::String(text) => format!("{key}={text}"),
        other => format!("{key}={other}"),
    };
    details.iter().map(pair).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn details_are_pairs() {
        let details = json!({ "days": 30, "role": "admin", "scopes": ["read"] });
        assert_eq!(super::compact(details.as_object().unwrap()), r#"days=30 role=admin scopes=["read"]"#);
        assert_eq!(super::compact(&serde_json::Map::new()), "");
    }
}
