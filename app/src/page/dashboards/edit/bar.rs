//! What is done with a dashboard as a whole.

use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::super::{
    LIST,
    board::{Board, changes_were_stored, open_for_changes},
    layout::Layout,
};
use crate::{
    api::{add_dashboard, change_dashboard, remove_dashboard},
    component::{
        error_panel::problem,
        form::{Form, Said, keep_focus},
        icon::{Icon, IconName},
        me::may,
        query::use_page_href,
        reactive::{flag, part, text},
    },
    model::{Dashboard, DashboardChange, DashboardSource, Role},
};

/// Buttons at the top of a dashboard.
#[component]
pub fn EditBar(board: Board) -> impl IntoView {
    let form = Form::new("dashboard", &[]).saying(board.said);
    let navigate = use_navigate();
    let page_href = use_page_href();
    // With the chosen time.
    let go =
        Callback::new(move |address: String| navigate(&untrack(|| page_href(&address)), NavigateOptions::default()));
    let source = Memo::new(move |_| board.latest.with(|latest| latest.as_ref().map(|view| view.entry.source)));
    let export = text(move || format!("/api/v1/dashboards/{}/export", board.id.get()));
    let is_edited = Memo::new(move |_| board.is_edited());
    let reading = move || {
        let is_stored = source.get() == Some(DashboardSource::Stored);
        let edit = is_stored.then(|| {
            view! { <button type="button" class="button" on:click=move |_| board.edit()>"Edit"</button> }
        });
        let remove = is_stored.then(|| {
            view! { <button type="button" class="button" on:click=move |_| ask_to_remove(board, go)>"Remove"</button> }
        });
        let copy = view! {
            <button type="button" class="button" disabled=move || form.busy.get() on:click=move |_| copy(board, form, go)>
                <Icon name=IconName::Copy /> "Make a copy"
            </button>
        };
        let may_edit = may(Role::Editor);
        view! {
            {may_edit.then_some(edit)}
            {may_edit.then_some(copy)}
            <a class="button" href=export download="" rel="external"><Icon name=IconName::Download /> "Export"</a>
            {may_edit.then_some(remove)}
        }
        .into_any()
    };
    let changing = move || {
        view! {
            <button type="button" class="button button-primary" disabled=move || form.busy.get()
                aria-busy=flag(move || form.busy.get()) on:click=move |_| save(board, form)>"Save"</button>
            <button type="button" class="button" on:click=move |_| {
                form.problem.set(None);
                board.end();
                board.said.set("Nothing was changed.".to_owned());
                keep_focus();
            }>"Discard"</button>
            // Where it cannot be saved, the work is not lost.
            {part(move || form.problem.with(Option::is_some).then(|| view! {
                <button type="button" class="button" disabled=move || form.busy.get() on:click=move |_| {
                    copy(board, form, go);
                }>"Save as a copy"</button>
            }).into_any())}
        }
        .into_any()
    };
    view! {
        <div class="board-bar" data-edited=move || is_edited.get().then_some("")>
            <Said text=board.said is_anchor=true />
            {problem(move || form.problem.get())}
            <div class="board-actions">{part(move || if is_edited.get() { changing() } else { reading() })}</div>
        </div>
    }
    .into_any()
}

fn save(board: Board, form: Form) {
    board.take_typed();
    let Some(dashboard) = board.draft.with_untracked(|draft| draft.as_ref().map(Layout::dashboard)) else { return };
    let change = DashboardChange { revision: board.held.with_value(|held| held.revision), dashboard };
    let id = board.id.get_untracked();
    form.send(async move {
        let stored = change_dashboard(id.clone(), change.clone()).await?;
        changes_were_stored(&id, stored.revision, &change.dashboard);
        // The page may be gone by then, or show another one.
        if board.id.try_get_untracked() == Some(id) {
            // What was stored is here before the draft goes: nothing flickers back.
            board.saved.set(Some((stored.revision, change.dashboard)));
            board.held.update_value(|held| held.revision = stored.revision);
            board.loaded.refetch();
            keep_focus();
        }
        Ok("Saved.".to_owned())
    });
}

/// Makes another dashboard of what is shown, changes included.
fn copy(board: Board, form: Form, go: Callback<String>) {
    board.take_typed();
    let shown = board.layout.with_untracked(|layout| layout.as_ref().map(Layout::dashboard));
    let Some(dashboard) = shown else { return };
    let title: String = format!("{} (copy)", dashboard.title).chars().take(Dashboard::LONGEST_TITLE).collect();
    form.send(async move {
        let made = add_dashboard(Dashboard { title, ..dashboard }).await?;
        open_for_changes(&made.id, made.revision, made.dashboard);
        go.run(format!("{LIST}/{}", made.id));
        Ok(String::new())
    });
}

fn ask_to_remove(board: Board, go: Callback<String>) {
    let title =
        board.layout.with_untracked(|layout| layout.as_ref().map(|layout| layout.title.clone())).unwrap_or_default();
    let explanation = "It is gone for everybody. What its panels show stays.".to_owned();
    board.confirm.get_value().ask(format!("Remove {title}?"), explanation, "Remove", move || {
        let id = board.id.get_untracked();
        async move {
            remove_dashboard(id).await?;
            go.run(LIST.to_owned());
            Ok(String::new())
        }
    });
}
