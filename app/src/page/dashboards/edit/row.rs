//! The heading of a row, and what can be done with it.

use leptos::prelude::*;

use super::{
    super::{board::Board, layout::Step},
    icon_button,
};
use crate::{
    browser::dom,
    component::{
        form::keep_focus,
        icon::{Icon, IconName},
        reactive::part,
    },
    model::{Panel, PanelQuery, RowHeight},
};

/// The heading of a row; while the dashboard is changed, its form.
#[component]
pub fn RowHead(board: Board, key: u32) -> impl IntoView {
    let title = Memo::new(move |_| {
        board.layout.with(|layout| {
            layout.as_ref().and_then(|layout| layout.row(key)).map(|row| row.title.clone()).unwrap_or_default()
        })
    });
    let is_edited = Memo::new(move |_| board.is_edited());
    part(move || {
        if is_edited.get() {
            return view! { <RowTools board key /> }.into_any();
        }
        // Read here: a title that is typed must not take its own field away.
        let title = title.get();
        (!title.is_empty()).then(|| view! { <h2 class="board-row-title">{title}</h2> }).into_any()
    })
}

#[component]
fn RowTools(board: Board, key: u32) -> impl IntoView {
    let (title, height) = board
        .layout
        .with_untracked(|layout| {
            layout.as_ref().and_then(|layout| layout.row(key)).map(|row| (row.title.clone(), row.height))
        })
        .unwrap_or_default();
    let option = |of: RowHeight| view! { <option value=of.key() selected=of == height>{of.key()}</option> };
    let add = move |_| {
        let mut added = None;
        board.take_typed();
        if board.has_room() {
            let panel = Panel { queries: vec![PanelQuery::default()], ..Panel::default() };
            board.change(|draft| added = Some(draft.add_panel(key, panel)));
        }
        if let Some(added) = added {
            board.open.set(Some(added));
            dom::focus_soon(format!("panel-{added}-title"));
        }
    };
    let remove = move || {
        board.change(|draft| draft.remove_row(key));
        board.said.set("The row is taken away. Nothing is stored before you save.".to_owned());
        keep_focus();
    };
    view! {
        <div class="board-row-tools">
            <input class="input" aria-label="Title of the row" placeholder="Row without a title" value=title autocomplete="off"
                on:input:target=move |event| {
                    let title = event.target().value();
                    board.change(|draft| if let Some(row) = draft.row_mut(key) { row.title = title });
                } />
            <select class="input" aria-label="Height of the row" on:change:target=move |event| {
                let height = RowHeight::from_key(&event.target().value()).unwrap_or_default();
                board.change(|draft| if let Some(row) = draft.row_mut(key) { row.height = height });
            }>{RowHeight::ALL.map(option).collect_view()}</select>
            {icon_button(IconName::ChevronUp, || "Move the row up".to_owned(), move || board.change(|draft| draft.move_row(key, Step::Back)))}
            {icon_button(IconName::ChevronDown, || "Move the row down".to_owned(), move || board.change(|draft| draft.move_row(key, Step::On)))}
            <button type="button" class="button button-small" on:click=add><Icon name=IconName::Plus /> "Add panel"</button>
            <button type="button" class="button button-small" on:click=move |_| remove()>"Remove row"</button>
        </div>
    }
    .into_any()
}
