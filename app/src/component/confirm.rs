//! A question before something is taken away.

use std::sync::Arc;

use leptos::{attr::custom::custom_attribute, prelude::*};

use super::{
    error_panel::problem,
    form::{Form, Work, keep_focus},
    icon::{Icon, IconName},
    reactive::{flag, text, word},
};
use crate::{api::ApiError, browser::dom};

const ID: &str = "confirm";

/// What is asked.
#[derive(Clone)]
struct Question {
    title: String,
    explanation: String,
    action: &'static str,
    work: Arc<dyn Fn() -> Work + Send + Sync>,
}

/// The page's question. Copy it freely.
#[derive(Clone, Copy)]
pub struct Confirm {
    question: RwSignal<Option<Question>>,
    form: Form,
}

impl Confirm {
    /// No question yet. What was done is said in `said`.
    pub fn new(said: RwSignal<String>) -> Self {
        Self { question: RwSignal::new(None), form: Form::new(ID, &[]).saying(said) }
    }

    /// Asks; `work` is done after a yes. A failure is shown beside the question.
    pub fn ask<F>(
        self,
        title: String,
        explanation: String,
        action: &'static str,
        work: impl Fn() -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<String, ApiError>> + 'static,
    {
        let work = Arc::new(move || Box::pin(work()) as Work);
        self.form.problem.set(None);
        self.question.set(Some(Question { title, explanation, action, work }));
        dom::open_dialog(ID);
    }

    fn agree(self) {
        let Some(question) = self.question.get_untracked() else { return };
        self.form.send(async move {
            let said = (question.work)().await?;
            dom::close_dialog(ID);
            keep_focus();
            Ok(said)
        });
    }
}

/// The dialog with the question. One a page.
#[component]
pub fn ConfirmDialog(
    /// The question.
    confirm: Confirm,
) -> impl IntoView {
    let question = confirm.question;
    let of_question = move |read: fn(&Question) -> String| {
        text(move || question.with(|question| question.as_ref().map(read).unwrap_or_default()))
    };
    let action = word(move || question.with(|question| question.as_ref().map_or("", |question| question.action)));
    let form = confirm.form;
    view! {
        <dialog class="dialog" id=ID aria-labelledby="confirm-title" aria-describedby="confirm-text"
            {..custom_attribute("closedby", "any")}>
            <form class="dialog-head" method="dialog">
                <h2 id="confirm-title">{of_question(|question| question.title.clone())}</h2>
                <button class="icon-button" aria-label="Close"><Icon name=IconName::Close /></button>
            </form>
            <div class="dialog-body">
                <p id="confirm-text">{of_question(|question| question.explanation.clone())}</p>
                {problem(move || form.problem.get())}
            </div>
            <form class="dialog-foot" method="dialog">
                <button class="button" autofocus>"Cancel"</button>
                <button type="button" class="button button-danger" disabled=form.busy
                    aria-busy=flag(move || form.busy.get()) on:click=move |_| confirm.agree()>
                    {action}
                </button>
            </form>
        </dialog>
    }
    .into_any()
}
