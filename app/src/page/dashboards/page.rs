//! A dashboard, to be read and to be changed.

use leptos::{html, prelude::*};

use super::{
    LIST,
    board::{Board, use_board},
    edit::{DashboardForm, EditBar, RowHead},
    layout::Row,
    panel::BoardPanel,
    variables::VariableBar,
};
use crate::{
    api::{ApiError, ErrorCode},
    component::{
        awaited::Awaited,
        chart::provide_crosshair,
        confirm::ConfirmDialog,
        error_panel::ErrorPanel,
        icon::{Icon, IconName},
        me::may,
        query::use_page_href,
        reactive::{flag, maybe, part, text},
        skeleton::{Loading, SkeletonLines},
    },
    model::{Dashboard, DashboardSource, Role, RowHeight},
};

/// The page of a dashboard. What is chosen is in its address.
#[component]
pub fn DashboardPage() -> impl IntoView {
    provide_crosshair();
    let board = use_board();
    let page = NodeRef::<html::Div>::new();
    Effect::new(move |_| {
        if let Some(page) = page.get() {
            board.measure(&page);
        }
    });
    let pending = RwSignal::new(false);
    view! {
        <div class="board" node_ref=page aria-busy=flag(move || pending.get())>
            <Awaited fallback=Skeleton pending>
                // Built once and fed by memos from then on: what is written, switched or focused survives a refresh.
                {Suspend::new(async move {
                    drop(board.loaded.await);
                    view! {
                        <Failure board />
                        <Head board />
                        <Rows board />
                    }
                })}
            </Awaited>
            <ConfirmDialog confirm=board.confirm.get_value() />
        </div>
    }
    .into_any()
}

/// Why the newest answer is none.
#[component]
fn Failure(board: Board) -> impl IntoView {
    let error = Memo::new(move |before: Option<&Option<ApiError>>| match board.loaded.get() {
        Some(answer) => answer.err(),
        None => before.cloned().flatten(),
    });
    let href = use_page_href();
    part(move || {
        let Some(error) = error.get() else { return ().into_any() };
        if error.code == ErrorCode::NotFound {
            return view! {
                <div class="panel empty">
                    <p class="empty-title">"There is no such dashboard"</p>
                    <p>"It was removed, or it is another tenant's."</p>
                    <a class="button" href=href(LIST)>"All dashboards"</a>
                </div>
            }
            .into_any();
        }
        view! { <ErrorPanel what="the dashboard" error retry=move |()| board.loaded.refetch() /> }.into_any()
    })
}

/// Its title, what can be done with it, and what can be chosen.
#[component]
fn Head(board: Board) -> impl IntoView {
    let has_layout = Memo::new(move |_| board.layout.with(Option::is_some));
    let title = text(move || {
        board.layout.with(|layout| layout.as_ref().map(|layout| layout.title.clone()).unwrap_or_default())
    });
    let description = Memo::new(move |_| {
        board.layout.with(|layout| layout.as_ref().map(|layout| layout.description.clone()).unwrap_or_default())
    });
    let mark = move || {
        let source = board.latest.with(|latest| latest.as_ref().map(|view| view.entry.source));
        let mark = match source {
            Some(DashboardSource::Shipped) => "comes with Console",
            Some(DashboardSource::Provisioned) => "from a file",
            Some(DashboardSource::Stored) | None => return ().into_any(),
        };
        view! { <span class="mark" title="It cannot be changed here. A copy can.">{mark}</span> }.into_any()
    };
    let is_edited = Memo::new(move |_| board.is_edited());
    part(move || {
        if !has_layout.get() {
            return ().into_any();
        }
        view! {
            <header class="board-head">
                <div class="board-title">
                    <h1>{title}</h1> {part(mark)}
                    <p class="panel-sub">{text(move || description.get())}</p>
                </div>
                <EditBar board />
            </header>
            {part(move || {
                // Its fields are another dashboard's then.
                board.id.track();
                is_edited.get().then(|| view! { <DashboardForm board /> }).into_any()
            })}
            <VariableBar board />
        }
        .into_any()
    })
}

/// All rows.
#[component]
fn Rows(board: Board) -> impl IntoView {
    let keys = Memo::new(move |_| {
        board.layout.with(|layout| layout.iter().flat_map(|layout| &layout.rows).map(|row| row.key).collect::<Vec<_>>())
    });
    let is_edited = Memo::new(move |_| board.is_edited());
    let add = move |_| {
        board.take_typed();
        board.change(|draft| {
            if draft.rows.len() < Dashboard::MOST_ROWS {
                draft.add_row();
            } else {
                board.said.set(format!("A dashboard has room for {} rows.", Dashboard::MOST_ROWS));
            }
        });
    };
    let is_empty =
        Memo::new(move |_| board.layout.with(|layout| layout.as_ref().is_some_and(|layout| layout.panel_count() == 0)));
    let end = part(move || {
        if is_edited.get() {
            return view! { <button type="button" class="button board-add" on:click=add><Icon name=IconName::Plus /> "Add row"</button> }
                .into_any();
        }
        let can_edit = may(Role::Editor);
        is_empty
            .get()
            .then(|| view! {
                <div class="panel empty">
                    <p class="empty-title">"This dashboard has no panels yet"</p>
                    {can_edit.then(|| view! { <button type="button" class="button" on:click=move |_| board.edit()>"Edit it"</button> })}
                </div>
            })
            .into_any()
    });
    view! {
        <For each=move || keys.get() key=|key| *key let(key)>
            <BoardRow board key />
        </For>
        {end}
    }
    .into_any()
}

#[component]
fn BoardRow(board: Board, key: u32) -> impl IntoView {
    let row = move |read: fn(&Row) -> Vec<u32>| {
        board.layout.with(|layout| layout.as_ref().and_then(|layout| layout.row(key)).map(read).unwrap_or_default())
    };
    let panels = Memo::new(move |_| row(|row| row.panels.iter().map(|(key, _)| *key).collect()));
    let height = maybe(move || {
        let height =
            board.layout.with(|layout| layout.as_ref().and_then(|layout| layout.row(key)).map(|row| row.height));
        height.map(RowHeight::key)
    });
    view! {
        <section class="board-row">
            <RowHead board key />
            <div class="board-panels" data-height=height>
                <For each=move || panels.get() key=|key| *key let(key)>
                    <BoardPanel board key />
                </For>
            </div>
        </section>
    }
    .into_any()
}

/// The layout while the first answer is on its way.
#[component]
fn Skeleton() -> impl IntoView {
    view! {
        <Loading what="the dashboard" />
        <div class="panel"><SkeletonLines lines=8 /></div>
        <div class="panel"><SkeletonLines lines=8 /></div>
    }
}
