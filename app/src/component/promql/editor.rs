//! A field for a query, which completes what is typed and says what is wrong with it.
//!
//! It is a field of text with suggestions: `Enter` runs what stands there, `Shift` and `Enter` begin a line. Arrows choose a
//! suggestion, `Tab` takes it or the first one, `Enter` a chosen one, `Esc` puts them away.

use std::time::Duration;

use leptos::{ev::KeyboardEvent, html, prelude::*, task::spawn_local};

use super::{
    completion::{Choice, Context, complete, context},
    offer::{asks_server, choices},
};
use crate::{
    api::check_query,
    browser::{caret, dom, event_stream::after_delay},
    component::reactive::{flag, maybe, part, text as text_of},
    model::{QueryProblem, RangeSpec},
};

/// How long typing may pause before the server is asked for names.
const NAMES_PAUSE: Duration = Duration::from_millis(120);
/// And for what is wrong: who is in the midst of a word knows that it is not whole.
const CHECK_PAUSE: Duration = Duration::from_millis(600);

/// What goes on in a field. Copy it freely.
#[derive(Clone, Copy)]
struct Editor {
    id: StoredValue<String>,
    draft: RwSignal<String>,
    known: RwSignal<String>,
    wrong: RwSignal<Option<QueryProblem>>,
    choices: RwSignal<Vec<Choice>>,
    chosen: RwSignal<Option<usize>>,
    context: StoredValue<Option<Context>>,
    /// Counts what was typed: an answer to what stood there before comes too late.
    typed: StoredValue<u32>,
    field: NodeRef<html::Textarea>,
    range: Signal<RangeSpec>,
    draft_changed: Callback<String>,
    asked_as: Option<Callback<String, String>>,
}

impl Editor {
    fn option_id(self, at: usize) -> String {
        self.id.with_value(|id| format!("{id}-option-{at}"))
    }

    fn close(self) {
        self.typed.update_value(|typed| *typed += 1);
        self.choices.set(Vec::new());
        self.chosen.set(None);
    }

    fn is_open(self) -> bool {
        self.choices.with(|choices| !choices.is_empty())
    }

    /// Takes note of what stands there now.
    fn changed(self) {
        let Some(field) = self.field.get_untracked() else { return };
        let text = field.value();
        self.draft.set(text.clone());
        self.draft_changed.run(text.clone());
        self.wrong.set(None);
        self.check_soon(text);
    }

    /// Offers what can stand at the cursor.
    fn offer(self) {
        let Some(field) = self.field.get_untracked() else { return };
        let Some(cursor) = caret::place(&field) else { return self.close() };
        self.close();
        let context = context(&field.value(), cursor);
        self.context.set_value(Some(context.clone()));
        if !asks_server(&context) {
            self.choices.set(context.known());
            return;
        }
        let typed = self.typed.get_value();
        let range = self.range.get_untracked();
        after_delay(NAMES_PAUSE, move || {
            if self.typed.try_get_value() != Some(typed) {
                return;
            }
            spawn_local(async move {
                let found = choices(&context, range).await;
                if self.typed.try_get_value() == Some(typed) {
                    self.choices.set(found);
                }
            });
        });
    }

    fn check_soon(self, text: String) {
        after_delay(CHECK_PAUSE, move || {
            let is_still = move |text: &str| self.draft.try_with_untracked(|draft| draft == text) == Some(true);
            // What was run is answered with what is wrong.
            if text.trim().is_empty() || !is_still(&text) || self.known.with_untracked(|known| *known == text) {
                return;
            }
            spawn_local(async move {
                let asked = self.asked_as.map_or_else(|| text.clone(), |asked_as| asked_as.run(text.clone()));
                let is_same = asked == text;
                let found = check_query(asked).await.ok().flatten();
                // A place in what is asked is none in what stands here.
                let found = found.map(|found| QueryProblem { at: found.at.filter(|_| is_same), ..found });
                if is_still(&text) {
                    self.wrong.set(found);
                }
            });
        });
    }

    /// Puts a choice in place.
    fn take(self, at: usize) {
        let choice = self.choices.with_untracked(|choices| choices.get(at).cloned());
        let place = self.context.with_value(|context| context.as_ref().map(|context| context.place.clone()));
        let (Some(choice), Some(place), Some(field)) = (choice, place, self.field.get_untracked()) else { return };
        let before = field.value();
        if before.get(place.clone()).is_none() {
            return self.close();
        }
        let (text, caret) = complete(&before, &place, &choice.text);
        caret::write(&field, &text, caret);
        self.close();
        self.changed();
    }

    fn choose(self, at: usize) {
        self.chosen.set(Some(at));
        dom::reveal(&self.option_id(at));
    }

    /// Whether the key was meant for the suggestions.
    fn pressed(self, event: &KeyboardEvent) -> bool {
        let count = self.choices.with_untracked(Vec::len);
        let chosen = self.chosen.get_untracked();
        match event.key().as_str() {
            " " if event.ctrl_key() => self.offer(),
            _ if count == 0 => return false,
            "ArrowDown" => self.choose(chosen.map_or(0, |at| (at + 1) % count)),
            "ArrowUp" => self.choose(chosen.map_or(count - 1, |at| (at + count - 1) % count)),
            "Tab" if !event.shift_key() => self.take(chosen.unwrap_or(0)),
            "Enter" if !event.shift_key() && chosen.is_some() => self.take(chosen.unwrap_or(0)),
            "Escape" => self.close(),
            _ => return false,
        }
        true
    }
}

/// A field for a query.
#[component]
pub fn PromqlEditor(
    /// Id of the field; begins those of its parts.
    id: String,
    /// Its name, for people.
    label: String,
    /// The parameter of a form that is sent without JavaScript.
    name: &'static str,
    /// The query that is asked.
    #[prop(into)]
    value: Signal<String>,
    /// The range over which names are looked for.
    #[prop(into)]
    range: Signal<RangeSpec>,
    /// What is wrong with the query that is asked.
    #[prop(into)]
    problem: Signal<Option<QueryProblem>>,
    /// Takes note of what stands in the field.
    on_draft: Callback<String>,
    /// Asks what stands in the field.
    run: Callback<()>,
    /// What is asked of what stands in the field, where that is not the same.
    #[prop(optional)]
    asked_as: Option<Callback<String, String>>,
) -> impl IntoView {
    let initial = value.get_untracked();
    let editor = Editor {
        id: StoredValue::new(id.clone()),
        draft: RwSignal::new(initial.clone()),
        known: RwSignal::new(initial.clone()),
        wrong: RwSignal::new(None),
        choices: RwSignal::new(Vec::new()),
        chosen: RwSignal::new(None),
        context: StoredValue::new(None),
        typed: StoredValue::new(0),
        field: NodeRef::new(),
        range,
        draft_changed: on_draft,
        asked_as,
    };
    // What the address says wins, unless it was run from here: then more may have been typed since.
    Effect::new(move |_| {
        let said = value.get();
        if editor.known.with_untracked(|known| *known == said) {
            return;
        }
        editor.known.set(said.clone());
        let is_here = editor.draft.with_untracked(|draft| draft.trim() == said);
        if let Some(field) = editor.field.get_untracked().filter(|_| !is_here) {
            field.set_value(&said);
            editor.close();
            editor.draft.set(said.clone());
            editor.wrong.set(None);
            on_draft.run(said);
        }
    });
    let on_keydown = move |event: KeyboardEvent| {
        if event.is_composing() {
            return;
        }
        let is_used = editor.pressed(&event);
        let runs = !is_used && event.key() == "Enter" && !event.shift_key();
        if runs {
            editor.close();
            run.run(());
        }
        if is_used || runs {
            event.prevent_default();
            event.stop_propagation();
        }
    };
    let shown_problem = Memo::new(move |_| {
        let is_asked = editor.draft.with(|draft| value.with(|value| draft.trim() == value));
        if is_asked { problem.get() } else { editor.wrong.get() }
    });
    let (list_id, problem_id) = (format!("{id}-list"), format!("{id}-problem"));
    let lines = text_of(move || editor.draft.with(|draft| draft.lines().count().clamp(1, 8)).to_string());
    let described = {
        let problem_id = problem_id.clone();
        Signal::derive(move || shown_problem.with(Option::is_some).then(|| problem_id.clone()))
    };
    let said = text_of(move || match editor.choices.with(Vec::len) {
        0 => String::new(),
        1 => "1 suggestion".to_owned(),
        count => format!("{count} suggestions"),
    });
    let active = Signal::derive(move || editor.chosen.get().map(|at| editor.option_id(at)));
    view! {
        <div class="promql">
            <div class="promql-box">
                <textarea class="input promql-field" id=id name=name rows=lines node_ref=editor.field aria-label=label
                    autocomplete="off" autocapitalize="off" spellcheck="false"
                    placeholder="A metric or an expression…"
                    aria-autocomplete="list" aria-controls=list_id.clone() aria-activedescendant=active
                    aria-invalid=maybe(move || shown_problem.with(Option::is_some).then_some("true"))
                    aria-describedby=described
                    on:input=move |_| {
                        editor.changed();
                        editor.offer();
                    }
                    on:click=move |_| editor.close()
                    on:blur=move |_| editor.close()
                    on:keydown=on_keydown inner_html=escape(&initial)></textarea>
                <ul class="promql-choices" role="listbox" id=list_id aria-label="Suggestions"
                    hidden=move || !editor.is_open()>
                    {part(move || editor.choices.get().into_iter().enumerate().map(|(at, choice)| option(editor, at, choice)).collect_view().into_any())}
                </ul>
            </div>
            <p class="visually-hidden" role="status">{said}</p>
            {part(move || shown_problem.get().map(|found| shown(&problem_id, &found, &editor.draft.get())).into_any())}
        </div>
    }
    .into_any()
}

/// As text of a document. A field without text has no node in it: one would be a blank.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn option(editor: Editor, at: usize, choice: Choice) -> AnyView {
    let selected = flag(move || editor.chosen.get() == Some(at));
    view! {
        // The field keeps the focus.
        <li class="promql-choice" role="option" id=editor.option_id(at) aria-selected=selected
            on:pointerdown=move |event| event.prevent_default() on:mousedown=move |event| event.prevent_default()
            on:click=move |_| editor.take(at)>
            <span class="promql-choice-name">{choice.label}</span>
            <span class="promql-choice-kind">{choice.kind}</span>
            <span class="promql-choice-help">{choice.help}</span>
        </li>
    }
    .into_any()
}

/// What is wrong, and where if that is known.
fn shown(id: &str, found: &QueryProblem, text: &str) -> AnyView {
    let place = found.at.map(|at| {
        let (before, after) = around(text, at as usize);
        let is_end = after.is_empty();
        view! {
            <code class="promql-place">{before}<mark>{if is_end { "▏".to_owned() } else { after }}</mark></code>
        }
    });
    view! {
        <p class="promql-problem" id=id.to_owned() role="alert">
            <span>{crate::component::text::capitalised(&found.message)}</span>
            {place}
        </p>
    }
    .into_any()
}

/// A few characters before a place, and after it.
fn around(text: &str, at: usize) -> (String, String) {
    const BEFORE: usize = 24;
    const AFTER: usize = 16;
    let chars: Vec<char> = text.chars().collect();
    let at = at.min(chars.len());
    let begin = at.saturating_sub(BEFORE);
    let mut before: String = chars[begin..at].iter().collect();
    if begin > 0 {
        before.insert(0, '…');
    }
    (before, chars[at..].iter().take(AFTER).collect())
}

#[cfg(test)]
mod tests {
    use super::around;

    #[test]
    fn a_place_is_shown_with_what_is_around_it() {
        assert_eq!(around("up{job=}", 7), ("up{job=".to_owned(), "}".to_owned()));
        let (before, after) = around(&"é".repeat(100), 50);
        assert_eq!((before.chars().count(), after.chars().count()), (25, 16));
        assert_eq!(around("up", 99), ("up".to_owned(), String::new()));
    }
}
