//! Forms: fields with their labels and what is wrong with them, and how sending went.

use std::pin::Pin;

use leptos::{html, prelude::*, task::spawn_local};

use super::{
    error_panel::problem,
    reactive::{flag, maybe, mounted, part, text, word},
    text::capitalised,
};
use crate::{api::ApiError, browser::dom};

/// What a password has to be like.
pub const PASSWORD_HINT: &str = "At least 12 characters; no common words or patterns alone.";

const ANCHOR: &str = "said";

/// Something that is done, and what is then said of it.
pub type Work = Pin<Box<dyn Future<Output = Result<String, ApiError>>>>;

/// What goes on with a form, or with buttons that do something. Copy it freely.
#[derive(Clone, Copy)]
pub struct Form {
    id: &'static str,
    fields: &'static [&'static str],
    /// Whether something is under way.
    pub busy: RwSignal<bool>,
    /// What went wrong.
    pub problem: RwSignal<Option<ApiError>>,
    /// What went well, in a sentence.
    pub said: RwSignal<String>,
}

impl Form {
    /// A form whose fields have these names; `id` begins the ids of its elements.
    pub fn new(id: &'static str, fields: &'static [&'static str]) -> Self {
        Self {
            id,
            fields,
            busy: RwSignal::new(false),
            problem: RwSignal::new(None),
            said: RwSignal::new(String::new()),
        }
    }

    /// The same, saying what went well at another place.
    #[must_use]
    pub fn saying(self, said: RwSignal<String>) -> Self {
        Self { said, ..self }
    }

    /// Does it, unless something is under way; says how that went. A field that was wrong gets the focus.
    pub fn send(self, work: impl Future<Output = Result<String, ApiError>> + 'static) {
        self.send_boxed(Box::pin(work));
    }

    fn send_boxed(self, work: Work) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        self.said.set(String::new());
        spawn_local(async move {
            let outcome = work.await;
            // The page may be gone by then.
            self.busy.try_set(false);
            match outcome {
                Ok(said) => {
                    self.problem.try_set(None);
                    self.said.try_set(said);
                }
                Err(error) => {
                    if let Some(field) = self.field_of(&error) {
                        dom::focus_soon(self.field_id(field));
                    }
                    self.problem.try_set(Some(error));
                }
            }
        });
    }

    /// Which of the form's fields the error is about.
    fn field_of(self, error: &ApiError) -> Option<&'static str> {
        let named = error.details.get("field")?.as_str()?;
        self.fields.iter().copied().find(|field| *field == named)
    }

    fn field_id(self, field: &str) -> String {
        format!("{}-{field}", self.id)
    }

    fn problem_of(self, field: &'static str) -> Option<String> {
        self.problem.with(|error| {
            error.as_ref().filter(|error| self.field_of(error) == Some(field)).map(|error| capitalised(&error.message))
        })
    }

    /// The problem that is not about one of the fields.
    fn general_problem(self) -> Option<ApiError> {
        self.problem.with(|error| error.clone().filter(|error| self.field_of(error).is_none()))
    }
}

/// A line of text to fill in. It is read through its node when the form is sent: what was typed before the page was
/// hydrated stays.
#[component]
pub fn Field(
    /// The form that it belongs to.
    form: Form,
    /// Its name, also in the server's words about what is wrong.
    name: &'static str,
    /// What people read.
    label: &'static str,
    /// Where its value is read.
    input: NodeRef<html::Input>,
    /// As in `<input type>`; `password` gets a button that shows what was typed.
    #[prop(default = "text")]
    kind: &'static str,
    /// As in `<input autocomplete>`.
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// What stands in it at first.
    #[prop(optional)]
    value: String,
    /// What is asked for.
    #[prop(optional)]
    hint: &'static str,
    /// Whether it may be left empty.
    #[prop(optional)]
    is_optional: bool,
) -> impl IntoView {
    let id = form.field_id(name);
    let help = format!("{id}-help");
    let is_secret = kind == "password";
    let shown = RwSignal::new(false);
    let mounted = mounted();
    let toggle = part(move || {
        let button = || {
            view! {
                <button type="button" class="button" on:click=move |_| shown.update(|shown| *shown = !*shown)>
                    {word(move || if shown.get() { "Hide" } else { "Show" })}
                    <span class="visually-hidden">" password"</span>
                </button>
            }
        };
        (is_secret && mounted.get()).then(button).into_any()
    });
    let wrong = part(move || {
        let line = |message: String| view! { <span class="field-problem">{message}</span> };
        form.problem_of(name).map(line).into_any()
    });
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <div class="field-line">
                <input class="input" id=id name=name type=word(move || if shown.get() { "text" } else { kind })
                    value=value autocomplete=autocomplete autocapitalize="off" spellcheck="false" required=!is_optional
                    aria-describedby=help.clone()
                    aria-invalid=maybe(move || form.problem_of(name).map(|_| "true")) node_ref=input />
                {toggle}
            </div>
            <div class="field-help" id=help>{wrong} <span>{hint}</span></div>
        </div>
    }
    .into_any()
}

/// What went wrong with the form as a whole.
#[component]
pub fn FormProblem(
    /// The form.
    form: Form,
) -> impl IntoView {
    problem(move || form.general_problem())
}

/// The button that sends the form, and how that went.
#[component]
pub fn FormEnd(
    /// The form.
    form: Form,
    /// What the button says.
    label: &'static str,
    /// Whether the form can be sent without JavaScript, too.
    #[prop(optional)]
    is_plain: bool,
) -> impl IntoView {
    let mounted = mounted();
    let disabled = Signal::derive(move || form.busy.get() || !(is_plain || mounted.get()));
    view! {
        <div class="form-end">
            <button class="button button-primary" disabled=disabled aria-busy=flag(move || form.busy.get())>
                {label}
            </button>
            <Said text=form.said />
        </div>
    }
    .into_any()
}

/// What went well, told to those who do not see it, too.
#[component]
pub fn Said(
    /// The sentence.
    text: RwSignal<String>,
    /// Whether it takes a focus that would be lost. One a page.
    #[prop(optional)]
    is_anchor: bool,
) -> impl IntoView {
    let (id, tabindex) = if is_anchor { (Some(ANCHOR), Some("-1")) } else { (None, None) };
    view! { <p class="said" role="status" id=id tabindex=tabindex>{self::text(move || text.get())}</p> }.into_any()
}

/// After what had the focus was taken away: the focus goes to the line that says what was done.
pub fn keep_focus() {
    dom::keep_focus(ANCHOR);
}

/// What was typed into a field.
pub fn typed(input: NodeRef<html::Input>) -> String {
    input.get_untracked().map(|input| input.value()).unwrap_or_default()
}

/// Empties a field.
pub fn clear(input: NodeRef<html::Input>) {
    if let Some(input) = input.try_get_untracked().flatten() {
        input.set_value("");
    }
}
