//! The controls of the waterfall.

use leptos::prelude::*;

use super::{axis::Window, context::TraceContext, tree::Tree};
use crate::component::{
    icon::{Icon, IconName},
    number::format_count,
    reactive::{flag, part, text},
    search_box::SearchBox,
};

const FIND_HELP: &str = "Text in the name or the service of a span; n and N lead from one to the next";
/// Levels that have a button.
const LEVELS: u16 = 4;

/// Search, errors, levels, marks and zoom.
#[component]
pub fn Toolbar(
    /// The trace.
    context: TraceContext,
) -> impl IntoView {
    let state = context.state;
    let toggle = |label: &'static str, pressed: Signal<bool>, act: Callback<()>| {
        view! {
            <button type="button" class="button button-small" aria-pressed=flag(move || pressed.get())
                on:click=move |_| act.run(())>
                {label}
            </button>
        }
    };
    let (has_ticks, has_lines) = context.known.with_value(|known| (!known.ticks.is_empty(), !known.logs.is_empty()));
    view! {
        <div class="trace-tools" role="search" aria-label="This trace">
            <SearchBox
                value=state.find
                set=Callback::new(move |text| state.set_find(text))
                label="Find spans"
                help=FIND_HELP
                is_main=true
            />
            <MatchSteps context />
            <ErrorSteps context />
            <Levels context />
            <div class="segmented" role="group" aria-label="Show">
                {toggle("Critical path", Signal::derive(move || state.marks.get().critical), Callback::new(move |()| state.toggle_critical()))}
                {has_ticks.then(|| toggle("Log marks", Signal::derive(move || state.marks.get().ticks), Callback::new(move |()| state.toggle_ticks())))}
                {has_lines.then(|| toggle("Log lines", Signal::derive(move || state.marks.get().lines), Callback::new(move |()| state.toggle_lines())))}
            </div>
            <Zoom context />
        </div>
    }
    .into_any()
}

/// Two buttons that lead from one to the next.
fn steps(what: &'static str, keys: [&'static str; 2], step: Callback<bool>, disabled: Signal<bool>) -> AnyView {
    let button = move |forward: bool, word: &'static str, key: &'static str, icon: IconName| {
        let label = format!("{word} {what}");
        view! {
            <button type="button" class="icon-button step-button" aria-label=label.clone() title=format!("{label} ({key})")
                disabled=disabled on:click=move |_| step.run(forward)>
                <Icon name=icon />
            </button>
        }
    };
    view! {
        {button(false, "Previous", keys[1], IconName::ChevronLeft)}
        {button(true, "Next", keys[0], IconName::ChevronRight)}
    }
    .into_any()
}

#[component]
fn MatchSteps(context: TraceContext) -> impl IntoView {
    let count = Memo::new(move |_| context.matches.with(Vec::len));
    let place = move || {
        let selected = context.selected.get();
        let at = context.matches.with(|matches| selected.and_then(|row| matches.binary_search(&row).ok()));
        match (at, count.get()) {
            (_, 0) => "no match".to_owned(),
            (Some(at), count) => format!("{} of {}", format_count(at as u64 + 1), format_count(count as u64)),
            (None, 1) => "1 match".to_owned(),
            (None, count) => format!("{} matches", format_count(count as u64)),
        }
    };
    let is_searching = Memo::new(move |_| context.state.find.with(|text| !text.trim().is_empty()));
    let step = Callback::new(move |forward| {
        context.step_match(forward);
    });
    let none = Signal::derive(move || count.get() == 0);
    view! {
        <span class="trace-steps">
            <span class="muted" role="status">{text(move || if is_searching.get() { place() } else { String::new() })}</span>
            {part(move || is_searching.get().then(|| steps("match", ["n", "N"], step, none)).into_any())}
        </span>
    }
    .into_any()
}

#[component]
fn ErrorSteps(context: TraceContext) -> impl IntoView {
    let count = Memo::new(move |_| context.tree.with(|tree| tree.errors().len()));
    let step = Callback::new(move |forward| {
        context.step_error(forward);
    });
    let none = Signal::derive(|| false);
    let content = move || {
        let label = match count.get() {
            0 => return ().into_any(),
            1 => "1 error".to_owned(),
            count => format!("{} errors", format_count(count as u64)),
        };
        view! {
            <span class="trace-steps">
                <span class="error-count"><Icon name=IconName::Close />{label}</span>
                {steps("error", ["e", "E"], step, none)}
            </span>
        }
        .into_any()
    };
    part(content)
}

/// Folds everything from a level on.
#[component]
fn Levels(context: TraceContext) -> impl IntoView {
    let levels = Memo::new(move |_| context.tree.with(Tree::levels));
    let button = move |level: Option<u16>| {
        let (shown, label) = match level {
            Some(1) => ("1".to_owned(), "Show 1 level".to_owned()),
            Some(level) => (level.to_string(), format!("Show {level} levels")),
            None => ("All".to_owned(), "Unfold all".to_owned()),
        };
        view! {
            <button type="button" class="button button-small" aria-label=label.clone() title=label
                on:click=move |_| context.tree.update(|tree| tree.set_level(level))>
                {shown}
            </button>
        }
    };
    let content = move || {
        let levels = levels.get();
        if levels < 2 {
            return ().into_any();
        }
        view! {
            <div class="segmented" role="group" aria-label="Levels">
                <span class="segmented-label" aria-hidden="true">"Levels"</span>
                {(1..levels.min(LEVELS + 1)).map(Some).chain([None]).map(button).collect_view()}
            </div>
        }
        .into_any()
    };
    part(content)
}

/// The stretch of time that is looked at.
#[component]
fn Zoom(context: TraceContext) -> impl IntoView {
    let whole = Window::whole(context.duration_ns);
    let is_whole = Memo::new(move |_| context.window.get() == whole);
    let has_span = Memo::new(move |_| context.selected.get().is_some());
    let now = move || context.window.get_untracked();
    let move_by = move |share: f64| context.zoom_to(now().moved(share, context.duration_ns));
    let tool = |label: &'static str, icon: IconName, act: Callback<()>| {
        view! {
            <button type="button" class="icon-button step-button" aria-label=label title=label disabled=is_whole
                on:click=move |_| act.run(())>
                <Icon name=icon />
            </button>
        }
    };
    view! {
        <div class="segmented trace-zoom" role="group" aria-label="Zoom">
            <button type="button" class="button button-small" title="Zoom to the selected span (z)"
                disabled=move || !has_span.get() on:click=move |_| { context.zoom_to_selected(); }>
                "Zoom to span"
            </button>
            {tool("Earlier", IconName::ChevronLeft, Callback::new(move |()| move_by(-0.5)))}
            {tool("Later", IconName::ChevronRight, Callback::new(move |()| move_by(0.5)))}
            {tool("Zoom out", IconName::ZoomOut, Callback::new(move |()| context.zoom_to(now().scaled(2.0))))}
            <button type="button" class="button button-small" title="Show the whole trace (0)" disabled=is_whole
                on:click=move |_| context.zoom_to(whole)>
                "Whole trace"
            </button>
        </div>
    }
    .into_any()
}
