//! The keys with which programs send and read.

mod add;

use leptos::prelude::*;
use uuid::Uuid;

use self::add::{AddKey, Made};
use super::{Table, answered, done_but, for_admins, row_button};
use crate::{
    api::{ApiError, list_keys, revoke_key},
    component::{
        age::{Age, Moment, use_now},
        badge::Badge,
        confirm::{Confirm, ConfirmDialog},
        form::Said,
        icon::IconName,
        panel::Panel,
        reactive::part,
    },
    model::{ApiKey, CreatedKey, UnixMillis},
};

/// The page of keys.
#[component]
pub fn KeysPage() -> impl IntoView {
    for_admins(|| answered("the keys", Resource::new(|| (), |()| list_keys()), draw))
}

/// The list of keys, kept current. Copy it freely.
#[derive(Clone, Copy)]
struct Keys {
    shown: RwSignal<Vec<ApiKey>>,
    /// The key that was made last, with its secret.
    made: RwSignal<Option<CreatedKey>>,
    said: RwSignal<String>,
    confirm: Confirm,
}

impl Keys {
    /// Asks for them again, after something was done.
    async fn refresh(self) -> Result<(), ApiError> {
        let keys = list_keys().await.map_err(done_but)?;
        self.shown.try_set(keys);
        Ok(())
    }

    fn revoke(self, id: Uuid, name: String) {
        let title = format!("Revoke {name}?");
        let explanation = "Programs that use it are refused from now on. This cannot be undone.".to_owned();
        self.confirm.ask(title, explanation, "Revoke", move || {
            let name = name.clone();
            async move {
                revoke_key(id).await?;
                self.made.try_update(|made| made.take_if(|made| made.key.id == id));
                self.refresh().await?;
                Ok(format!("{name} is revoked."))
            }
        });
    }
}

fn draw(keys: Vec<ApiKey>) -> AnyView {
    let said = RwSignal::new(String::new());
    let keys = Keys { shown: RwSignal::new(keys), made: RwSignal::new(None), said, confirm: Confirm::new(said) };
    let now = use_now();
    let is_empty = Memo::new(move |_| keys.shown.with(Vec::is_empty));
    let content = move || {
        if is_empty.get() {
            return view! {
                <div class="empty">
                    <p class="empty-title">"No keys yet. A program needs one to send or to read."</p>
                </div>
            }
            .into_any();
        }
        view! {
            <Table name="Keys" titles=&["Name", "Begins with", "May", "State", "Made by", "Made", "Expires", "Last used", ""]>
                        <For
                            each=move || keys.shown.get()
                            key=|key| (key.id, key.revoked_at, key.last_used_at)
                            children=move |key| row(keys, key, now)
                        />
                    </Table>
        }
        .into_any()
    };
    view! {
        <div class="settings">
            <AddKey keys />
            {part(move || keys.made.get().map(|made| view! { <Made made /> }).into_any())}
            <Panel title="Keys" actions=move || view! { <Said text=keys.said is_anchor=true /> }>{part(content)}</Panel>
            <ConfirmDialog confirm=keys.confirm />
        </div>
    }
    .into_any()
}

fn row(keys: Keys, key: ApiKey, now: Signal<Option<UnixMillis>>) -> AnyView {
    let ApiKey { id, name, prefix, can_ingest, can_read, created_by, created_at, expires_at, last_used_at, revoked_at } =
        key;
    let standing = move || standing(revoked_at.is_some(), expires_at.map(UnixMillis::from), now.get());
    let state = part(move || match standing() {
        Standing::Unknown => view! { "–" }.into_any(),
        Standing::Active => view! { <Badge icon=IconName::Check status="success" label="Active" /> }.into_any(),
        Standing::Expired => view! { <Badge icon=IconName::Dash label="Expired" /> }.into_any(),
        Standing::Revoked => view! { <Badge icon=IconName::Close status="failed" label="Revoked" /> }.into_any(),
    });
    let scope = |may: bool, word: &'static str| may.then(|| view! { <span class="mark">{word}</span> });
    let expires = expires_at.map_or_else(|| "never".into_any(), |at| view! { <Moment at /> }.into_any());
    let used = last_used_at.map_or_else(|| "never".into_any(), |at| view! { <Age at=at.into() now /> }.into_any());
    let revoke = revoked_at.is_none().then(|| {
        let whom = name.clone();
        let act = Callback::new(move |()| keys.revoke(id, whom.clone()));
        row_button("Revoke".into(), &name, act)
    });
    view! {
        <tr>
            <th scope="row">{name.clone()}</th>
            <td>{prefix}"…"</td>
            <td>{scope(can_ingest, "send")} " " {scope(can_read, "read")}</td>
            <td>{state}</td>
            <td>{created_by}</td>
            <td><Age at=created_at.into() now /></td>
            <td>{expires}</td>
            <td>{used}</td>
            <td class="cell-actions">{revoke}</td>
        </tr>
    }
    .into_any()
}

/// Whether a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It ends some time, and the page does not know the time yet.
    Unknown,
    Active,
    Expired,
    Revoked,
}

fn standing(is_revoked: bool, expires_at: Option<UnixMillis>, now: Option<UnixMillis>) -> Standing {
    match (expires_at, now) {
        _ if is_revoked => Standing::Revoked,
        (Some(_), None) => Standing::Unknown,
        (Some(end), Some(now)) if end <= now => Standing::Expired,
        (None, _) | (Some(_), Some(_)) => Standing::Active,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_works_until_it_is_revoked_or_ends() {
        let at = |ms| Some(UnixMillis(ms));
        assert_eq!(standing(false, None, None), Standing::Active);
        assert_eq!(standing(false, at(10), None), Standing::Unknown);
        assert_eq!(standing(false, at(10), at(9)), Standing::Active);
        assert_eq!(standing(false, at(10), at(10)), Standing::Expired);
        assert_eq!(standing(true, at(10), at(9)), Standing::Revoked);
    }
}
