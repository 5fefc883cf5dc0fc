//! Where one is signed in.

use leptos::prelude::*;
use uuid::Uuid;

use super::{
    super::{Table, done_but, row_button},
    device::device,
};
use crate::{
    api::{ApiError, close_other_sessions, close_session, load_account},
    component::{
        age::{Age, Moment, use_now},
        confirm::{Confirm, ConfirmDialog},
        error_panel::problem,
        form::{Form, Said, keep_focus},
        panel::Panel,
        reactive::part,
    },
    model::{SessionInfo, UnixMillis},
};

/// The list of sessions, kept current. Copy it freely.
#[derive(Clone, Copy)]
pub struct Sessions {
    shown: RwSignal<Vec<SessionInfo>>,
    current: Uuid,
    actions: Form,
    /// Which session the last action was about.
    about: RwSignal<Option<Uuid>>,
    confirm: Confirm,
}

impl Sessions {
    /// These, of which `current` is this browser's.
    pub fn new(sessions: Vec<SessionInfo>, current: Uuid) -> Self {
        let actions = Form::new("sessions", &[]);
        Self {
            shown: RwSignal::new(sessions),
            current,
            actions,
            about: RwSignal::new(None),
            confirm: Confirm::new(actions.said),
        }
    }

    /// Asks for them again, after something was done.
    pub async fn refresh(self) -> Result<(), ApiError> {
        let account = load_account().await.map_err(done_but)?;
        self.shown.try_set(account.sessions);
        Ok(())
    }

    fn close(self, id: Uuid) {
        self.about.set(Some(id));
        self.actions.send(async move {
            close_session(id).await?;
            self.refresh().await?;
            keep_focus();
            Ok("The session has ended.".to_owned())
        });
    }

    fn close_others(self) {
        let work = move || async move {
            let closed = close_other_sessions().await?;
            self.refresh().await?;
            Ok(format!("{closed} session{} ended.", if closed == 1 { " has" } else { "s have" }))
        };
        let title = "Sign out everywhere else?".to_owned();
        let explanation = "All browsers but this one have to sign in again.".to_owned();
        self.confirm.ask(title, explanation, "Sign out everywhere else", work);
    }

    /// The table.
    pub fn draw(self) -> AnyView {
        let now = use_now();
        let has_others = Memo::new(move |_| self.shown.with(|shown| shown.len() > 1));
        let others = move || {
            view! {
                <button type="button" class="button" on:click=move |_| self.close_others()>
                    "Sign out everywhere else"
                </button>
            }
        };
        view! {
            <Panel title="Sessions" actions=move || view! {
                <Said text=self.actions.said is_anchor=true />
                {part(move || has_others.get().then(others).into_any())}
            }>
                <Table name="Sessions" titles=&["Device", "Address", "Signed in", "Last used", "Ends at the latest", ""]>
                            <For
                                each=move || self.shown.get()
                                key=|session| (session.id, session.last_used_at)
                                children=move |session| self.row(session, now)
                            />
                        </Table>
            </Panel>
            <ConfirmDialog confirm=self.confirm />
        }
        .into_any()
    }

    fn row(self, session: SessionInfo, now: Signal<Option<UnixMillis>>) -> AnyView {
        let id = session.id;
        let name = device(&session.user_agent);
        let action = if id == self.current {
            view! { <span class="mark">"This browser"</span> }.into_any()
        } else {
            let whom = format!("{name}, {}", session.address);
            view! {
                {row_button("Sign out".into(), &whom, Callback::new(move |()| self.close(id)))}
                {problem(move || self.actions.problem.get().filter(|_| self.about.get() == Some(id)))}
            }
            .into_any()
        };
        view! {
            <tr>
                <td title=session.user_agent>{name}</td>
                <td>{session.address}</td>
                <td><Age at=session.created_at.into() now /></td>
                <td><Age at=session.last_used_at.into() now /></td>
                <td><Moment at=session.expires_at /></td>
                <td class="cell-actions">{action}</td>
            </tr>
        }
        .into_any()
    }
}
