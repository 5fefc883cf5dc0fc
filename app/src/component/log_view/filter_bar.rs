//! The controls above log lines.

use leptos::prelude::*;

use super::state::LogState;
use crate::{
    api::ApiError,
    browser::keys,
    component::{
        icon::{Icon, IconName},
        number::format_count,
        search_box::SearchBox,
    },
    model::{Level, LogPage},
};

const SEARCH_HELP: &str = "Every word must begin a word of the message or of its fields. \
    A \"quoted phrase\" must stand there as it is.";

/// The newest page of a view, for choices and counts.
pub type LoadedPage<Q> = Resource<Result<(Q, LogPage), ApiError>>;

/// Level, service, text, trace and pause.
#[component]
pub fn LogFilterBar<Q: Clone + Send + Sync + 'static>(
    /// What is shown.
    state: LogState,
    /// Choices and counts.
    page: LoadedPage<Q>,
    /// How many matching lines have come since the page was loaded.
    arrived: Signal<u64>,
    /// Whether lines can come live at all.
    can_tail: Signal<bool>,
    /// Whether `/` leads to the search box here.
    #[prop(optional)]
    is_main: bool,
    /// Further buttons.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let level = Memo::new(move |_| state.filter.with(|filter| filter.level));
    let search = Memo::new(move |_| state.filter.with(|filter| filter.search.clone()).unwrap_or_default());
    view! {
        <div class="log-filters" role="search" aria-label="Log lines">
            <select
                aria-label="Level"
                on:change:target=move |event| state.set_level(event.target().value().parse().ok())
            >
                <option value="" selected=move || level.get().is_none()>"Level: all"</option>
                {Level::ALL
                    .into_iter()
                    .skip(1)
                    .map(|choice| {
                        let label = if choice == Level::Fatal {
                            choice.key().to_owned()
                        } else {
                            format!("≥ {choice}")
                        };
                        view! {
                            <option value=choice.key() selected=move || level.get() == Some(choice)>{label}</option>
                        }
                    })
                    .collect_view()}
            </select>
            <ServiceSelect state page />
            <SearchBox
                value=search
                set=Callback::new(move |text: String| state.set_search(&text))
                label="Search log lines"
                help=SEARCH_HELP
                is_main
            />
            <TraceChip state page arrived />
            <div class="log-filter-end">
                {children.map(|children| children())}
                <PauseButton state can_tail />
            </div>
        </div>
    }
}

#[component]
fn ServiceSelect<Q: Clone + Send + Sync + 'static>(state: LogState, page: LoadedPage<Q>) -> impl IntoView {
    let service = Memo::new(move |_| state.filter.with(|filter| filter.service.clone()));
    let options = move || {
        let loaded = page.get();
        let mut services = loaded.and_then(Result::ok).map(|(_, page)| page.services).unwrap_or_default();
        let chosen = service.get();
        if let Some(chosen) = chosen.as_ref().filter(|chosen| !services.contains(chosen)) {
            services.push(chosen.clone());
        }
        let option = |name: String| {
            let is_chosen = chosen.as_ref() == Some(&name);
            view! { <option value=name.clone() selected=is_chosen>{name.clone()}</option> }
        };
        let is_all = chosen.is_none();
        view! {
            <option value="" selected=is_all>"Service: all"</option>
            {services.into_iter().map(option).collect_view()}
        }
    };
    view! {
        <select aria-label="Service" on:change:target=move |event| state.set_service(Some(event.target().value()))>
            <Transition>{options}</Transition>
        </select>
    }
}

/// The trace that the view is narrowed to, how many lines match, and the way back.
#[component]
fn TraceChip<Q: Clone + Send + Sync + 'static>(
    state: LogState,
    page: LoadedPage<Q>,
    arrived: Signal<u64>,
) -> impl IntoView {
    let trace_id = Memo::new(move |_| state.filter.with(|filter| filter.trace_id));
    let count = move || {
        let (_, page) = page.get()?.ok()?;
        Some(match_label(page.matched + arrived.get(), page.matched_is_partial))
    };
    let clear = move |click: leptos::ev::MouseEvent| {
        state.clear_trace();
        keys::keep_focus(&click);
    };
    let chip = move || {
        let short = trace_id.get()?.short();
        Some(view! {
            <span class="chip">
                "trace_id = "
                <b>{format!("{short}…")}</b>
                <button
                    type="button"
                    class="icon-button"
                    aria-label="Clear trace filter"
                    title="Clear trace filter"
                    on:click=clear
                >
                    <Icon name=IconName::Close />
                </button>
            </span>
        })
    };
    let has_filter = move || state.filter.with(|filter| !filter.is_empty());
    view! {
        {chip}
        <span class="log-matched" role="status">
            <Transition>{move || has_filter().then(count)}</Transition>
        </span>
    }
}

/// `12 match`, `10,000+ match`.
fn match_label(matched: u64, is_partial: bool) -> String {
    format!("{}{} match", format_count(matched), if is_partial { "+" } else { "" })
}

#[component]
fn PauseButton(state: LogState, can_tail: Signal<bool>) -> impl IntoView {
    let content = move || {
        if state.paused.get() {
            view! { <Icon name=IconName::Play /> "Resume" }
        } else {
            view! { <Icon name=IconName::Pause /> "Pause" }
        }
    };
    view! {
        <button
            type="button"
            class="button pause-button"
            disabled=move || !can_tail.get()
            on:click=move |_| state.set_paused(!state.paused.get_untracked())
        >
            {content}
        </button>
    }
}

#[cfg(test)]
mod tests {
    use super::match_label;

    #[test]
    fn a_bounded_count_says_so() {
        assert_eq!(match_label(12, false), "12 match");
        assert_eq!(match_label(10_000, true), "10,000+ match");
    }
}
