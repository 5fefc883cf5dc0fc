//! The members of the tenant, and what they may do.

mod add;
mod row;

use leptos::prelude::*;
use uuid::Uuid;

use self::{add::AddUser, row::row};
use super::{Table, answered, done_but, for_admins};
use crate::{
    api::{ApiError, list_users, remove_user, reset_user, set_user_disabled, set_user_role},
    browser::dom,
    component::{
        age::{Moment, use_now},
        confirm::{Confirm, ConfirmDialog},
        error_panel::problem,
        form::{Form, Said, keep_focus},
        me::{role_label, use_me},
        panel::Panel,
        reactive::{part, text},
        snippet::{Snippet, use_origin},
    },
    model::{Invitation, Member, MemberPage, Role},
};

/// The box with a sign-in link.
const LINK_ID: &str = "sign-in-link";

/// The page of the tenant's members.
#[component]
pub fn UsersPage() -> impl IntoView {
    for_admins(|| answered("the users", Resource::new(|| (), |()| list_users(None)), draw))
}

/// The list of members, kept current. Copy it freely.
#[derive(Clone, Copy)]
struct Users {
    shown: RwSignal<Vec<Member>>,
    next: RwSignal<Option<String>>,
    /// The link that was made last.
    link: RwSignal<Option<Invitation>>,
    actions: Form,
    /// Whom the last action in a row was about.
    about: RwSignal<Option<Uuid>>,
    confirm: Confirm,
}

impl Users {
    fn new(page: MemberPage) -> Self {
        let actions = Form::new("users", &[]);
        Self {
            shown: RwSignal::new(page.members),
            next: RwSignal::new(page.next),
            link: RwSignal::new(None),
            actions,
            about: RwSignal::new(None),
            confirm: Confirm::new(actions.said),
        }
    }

    /// Asks for as many as are shown, after something was done.
    async fn refresh(self) -> Result<(), ApiError> {
        let wanted = self.shown.try_with_untracked(Vec::len).unwrap_or_default();
        let mut members = Vec::new();
        let mut after = None;
        loop {
            let page = list_users(after).await.map_err(done_but)?;
            members.extend(page.members);
            after = page.next;
            if after.is_none() || members.len() >= wanted {
                break;
            }
        }
        self.shown.try_set(members);
        self.next.try_set(after);
        Ok(())
    }

    fn load_more(self, more: Form) {
        let after = self.next.get_untracked();
        more.send(async move {
            let page = list_users(after).await?;
            self.shown.try_update(|shown| {
                // Somebody may have been added since.
                let new = page.members.into_iter().filter(|member| !shown.iter().any(|known| known.id == member.id));
                shown.extend(new.collect::<Vec<_>>());
            });
            self.next.try_set(page.next);
            keep_focus();
            Ok(String::new())
        });
    }

    /// Shows a link that was just made.
    fn show_link(self, invitation: Invitation) {
        self.link.try_set(Some(invitation));
        dom::focus_soon(LINK_ID.to_owned());
    }

    fn set_role(self, member: &Member, role: Role) {
        let (id, email) = (member.id, member.email.clone());
        self.about.set(Some(id));
        self.actions.send(async move {
            set_user_role(id, role).await?;
            self.refresh().await?;
            Ok(format!("{email} is now {}.", role_label(role).to_lowercase()))
        });
    }

    fn enable(self, member: &Member) {
        let (id, email) = (member.id, member.email.clone());
        self.about.set(Some(id));
        self.actions.send(async move {
            set_user_disabled(id, false).await?;
            self.refresh().await?;
            Ok(format!("{email} may sign in again."))
        });
    }

    fn disable(self, member: &Member) {
        let (id, email) = (member.id, member.email.clone());
        let title = format!("Disable {email}?");
        let explanation = "They are signed out everywhere and cannot sign in until somebody enables them again.";
        self.confirm.ask(title, explanation.to_owned(), "Disable", move || {
            let email = email.clone();
            async move {
                set_user_disabled(id, true).await?;
                self.refresh().await?;
                Ok(format!("{email} is disabled."))
            }
        });
    }

    fn remove(self, member: &Member) {
        let (id, email) = (member.id, member.email.clone());
        let title = format!("Remove {email}?");
        let explanation = "They lose what they may do in this tenant. What they did stays in the audit record.";
        self.confirm.ask(title, explanation.to_owned(), "Remove", move || {
            let email = email.clone();
            async move {
                remove_user(id).await?;
                self.refresh().await?;
                Ok(format!("{email} is removed."))
            }
        });
    }

    fn reset(self, member: &Member) {
        let (id, email) = (member.id, member.email.clone());
        self.about.set(Some(id));
        self.actions.send(async move {
            self.show_link(reset_user(id).await?);
            self.refresh().await?;
            Ok(format!("There is a sign-in link for {email}."))
        });
    }
}

fn draw(page: MemberPage) -> AnyView {
    let users = Users::new(page);
    let now = use_now();
    // Nobody takes something away from themselves.
    let me = use_me().and_then(|me| me.person).map(|person| person.id);
    let more = Form::new("more-users", &[]);
    let has_more = Memo::new(move |_| users.next.with(Option::is_some));
    let button = move || {
        view! { <button type="button" class="button" on:click=move |_| users.load_more(more)>"Show more"</button> }
    };
    view! {
        <div class="settings">
            <AddUser users />
            {part(move || users.link.get().map(|link| view! { <Link link /> }).into_any())}
            <Panel title="Users" actions=move || view! { <Said text=users.actions.said is_anchor=true /> }>
                <Table name="Users" titles=&["Name", "E-mail", "Role", "State", "Since", ""]>
                            <For
                                each=move || users.shown.get()
                                key=|member| member.id
                                children=move |member| row(users, me == Some(member.id), member, now)
                            />
                        </Table>
                <div class="more">
                    {part(move || has_more.get().then(button).into_any())}
                    {problem(move || more.problem.get())}
                </div>
            </Panel>
            <ConfirmDialog confirm=users.confirm />
        </div>
    }
    .into_any()
}

/// A link that was just made: it is shown only now.
#[component]
fn Link(link: Invitation) -> impl IntoView {
    let Invitation { email, link, expires_at } = link;
    let Some(link) = link else {
        return view! {
            <p class="hint" id=LINK_ID tabindex="-1">
                <strong>{email}</strong> " could sign in before, and needs no link: the same password leads here, too."
            </p>
        }
        .into_any();
    };
    let origin = use_origin();
    let address = text(move || format!("{}{link}", origin.get()));
    view! {
        <section class="panel made" id=LINK_ID tabindex="-1" aria-label="Sign-in link">
            <p>"Give this sign-in link to " <strong>{email}</strong> ", who chooses a password with it:"</p>
            <Snippet what="sign-in link" text=address />
            <p class="hint">"It works once, until " <Moment at=expires_at /> ", and is not shown again."</p>
        </section>
    }
    .into_any()
}
