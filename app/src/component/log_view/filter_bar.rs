//! The controls above log lines.

use leptos::prelude::*;

use super::state::LogState;
use crate::{
    api::ApiError,
    browser::keys,
    component::{
        icon::{Icon, IconName},
        number::format_count,
        reactive::part,
        search_box::SearchBox,
    },
    model::{Level, LogPage, LogSearch},
};

const SEARCH_HELP: &str =
    "word  \"a phrase\"  service:orders  http.status:>=500  user:*  /regular \\w+/  and - before what must not be";

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
    // What can be told without the server; an expression is only known to be wrong once it was tried there.
    let refused = RwSignal::new(None::<String>);
    Effect::new(move |_| {
        let answer = page.get();
        refused.set(answer.and_then(Result::err).filter(is_about_search).map(|error| error.message));
    });
    let problem = Memo::new(move |_| {
        let said = search.with(|search| search.parse::<LogSearch>().err().map(|error| error.to_string()));
        said.or_else(|| refused.get())
    });
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
                check=Callback::new(|text: String| text.parse::<LogSearch>().err().map(|error| error.to_string()))
                problem=Signal::derive(move || problem.get())
            />
            <Chips state />
            <Matched state page arrived />
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

/// Whether an error says what is wrong with the search.
pub fn is_about_search(error: &ApiError) -> bool {
    error.details.get("field").and_then(serde_json::Value::as_str) == Some("search")
}

/// The trace and the fields that the view is narrowed to, each with the way back.
#[component]
fn Chips(state: LogState) -> impl IntoView {
    let trace_id = Memo::new(move |_| state.filter.with(|filter| filter.trace_id));
    let terms = Memo::new(move |_| {
        state.search.with(|search| search.0.iter().filter(|term| term.is_field()).cloned().collect::<Vec<_>>())
    });
    let chip = move |label: String, name: String, remove: Callback<()>| {
        view! {
            <li class="chip">
                <span class="ellipsis" title=label.clone()>{label.clone()}</span>
                <button type="button" class="icon-button" aria-label=name.clone() title=name
                    on:click=move |click: leptos::ev::MouseEvent| {
                        remove.run(());
                        keys::keep_focus(&click);
                    }>
                    <Icon name=IconName::Close />
                </button>
            </li>
        }
    };
    part(move || {
        let (trace_id, terms) = (trace_id.get(), terms.get());
        if trace_id.is_none() && terms.is_empty() {
            return ().into_any();
        }
        let trace = trace_id.map(|id| {
            let clear = Callback::new(move |()| state.clear_trace());
            chip(format!("trace_id = {}…", id.short()), "Clear trace filter".to_owned(), clear)
        });
        let terms = terms.into_iter().map(|term| {
            let label = term.to_string();
            chip(label.clone(), format!("Remove {label}"), Callback::new(move |()| state.remove_term(&term)))
        });
        view! { <ul class="chips" aria-label="Chosen filters">{trace}{terms.collect_view()}</ul> }.into_any()
    })
}

/// How many lines match.
#[component]
fn Matched<Q: Clone + Send + Sync + 'static>(
    state: LogState,
    page: LoadedPage<Q>,
    arrived: Signal<u64>,
) -> impl IntoView {
    let count = move || {
        let (_, page) = page.get()?.ok()?;
        Some(match_label(page.matched + arrived.get(), page.matched_is_partial))
    };
    let has_filter = move || state.filter.with(|filter| !filter.is_empty());
    view! {
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
