//! Title, description and variables.

use leptos::prelude::*;

use super::{super::board::Board, variables::VariableForms};

/// The form of a dashboard as a whole.
#[component]
pub fn DashboardForm(board: Board) -> impl IntoView {
    let (title, description) = board
        .draft
        .with_untracked(|draft| draft.as_ref().map(|draft| (draft.title.clone(), draft.description.clone())))
        .unwrap_or_default();
    view! {
        <section class="panel board-form" aria-label="The dashboard">
            <div class="form form-wide">
                <div class="field">
                    <label for="dashboard-title">"Title"</label>
                    <input class="input" id="dashboard-title" value=title autocomplete="off"
                        on:input:target=move |event| {
                            let title = event.target().value();
                            board.change(|draft| draft.title = title);
                        } />
                </div>
                <div class="field">
                    <label for="dashboard-description">"What it is for"</label>
                    <input class="input" id="dashboard-description" value=description autocomplete="off"
                        on:input:target=move |event| {
                            let description = event.target().value();
                            board.change(|draft| draft.description = description);
                        } />
                </div>
            </div>
            <VariableForms board />
        </section>
    }
    .into_any()
}
