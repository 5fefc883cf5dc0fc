//! The controls above the list.

use leptos::{html, prelude::*};

use super::state::{STATUS, TraceListState, parse_ms};
use crate::{
    browser::keys,
    component::{
        choice::Choice,
        icon::{Icon, IconName},
        reactive::{maybe, part, text},
        search_box::SearchBox,
        time::format_duration_ms,
    },
    model::{AttributeFilter, TraceFilter},
};

const SEARCH_HELP: &str = "Text in the name, status, attributes or events of a span";
const ATTRIBUTE_PROBLEM: &str = "attribute-problem";
const DURATION_PROBLEM: &str = "duration-problem";

/// Status, operation, duration, attributes and text, and what is chosen.
#[component]
pub fn TraceFilters(
    /// What is shown.
    state: TraceListState,
) -> impl IntoView {
    let search = Memo::new(move |_| state.query.with(|query| query.filter.search.clone()).unwrap_or_default());
    let statuses = || {
        let statuses = [("errors", "with errors"), ("ok", "without errors")];
        statuses.map(|(value, shown)| (value.to_owned(), shown.to_owned())).to_vec()
    };
    view! {
        <div class="trace-filters" role="search" aria-label="Traces">
            <div class="filter-row">
                <Choice label="Status" name=STATUS options=Callback::new(move |()| statuses()) />
                <OperationField state />
                <DurationFields state />
                <SearchBox
                    value=search
                    set=Callback::new(move |text| state.set_search.set(Some(text)))
                    label="Search traces"
                    help=SEARCH_HELP
                    is_main=true
                />
            </div>
            <AttributeForm state />
            <Chips state />
        </div>
    }
    .into_any()
}

#[component]
fn OperationField(state: TraceListState) -> impl IntoView {
    let operation = Memo::new(move |_| state.query.with(|query| query.filter.operation.clone()).unwrap_or_default());
    view! {
        <input class="input filter-operation" type="text" aria-label="Operation" placeholder="Operation: all"
            title="The whole name of a span" autocomplete="off" spellcheck="false"
            value=operation.get_untracked() prop:value=operation
            on:change:target=move |event| state.set_operation(Some(event.target().value().trim().to_owned())) />
    }
}

/// At least and at most so long.
#[component]
fn DurationFields(state: TraceListState) -> impl IntoView {
    let (least, most) = (NodeRef::<html::Input>::new(), NodeRef::<html::Input>::new());
    let wrong = RwSignal::new(None::<&'static str>);
    let known = Memo::new(move |_| state.query.with(|query| (query.filter.min_ms, query.filter.max_ms)));
    let shown = move |ms: Option<f64>| ms.map(|ms| format!("{ms} ms")).unwrap_or_default();
    let take = move |_| {
        let read = |input: NodeRef<html::Input>| {
            let typed = input.get_untracked().map(|input| input.value()).unwrap_or_default();
            let typed = typed.trim();
            if typed.is_empty() { Ok(None) } else { parse_ms(typed).map(Some).ok_or(()) }
        };
        match (read(least), read(most)) {
            (Ok(Some(least)), Ok(Some(most))) if least > most => wrong.set(Some("The least is more than the most")),
            (Ok(least), Ok(most)) => {
                wrong.set(None);
                state.set_durations(least, most);
            }
            _ => wrong.set(Some("Expected a duration such as 250 ms or 1.5 s")),
        }
    };
    let invalid = maybe(move || wrong.get().map(|_| "true"));
    let explained = maybe(move || wrong.get().map(|_| DURATION_PROBLEM));
    let (min_text, max_text) = (text(move || shown(known.get().0)), text(move || shown(known.get().1)));
    view! {
        <div class="filter-durations" role="group" aria-label="Duration">
            <input class="input" type="text" aria-label="At least" placeholder="min" title="Such as 250 ms or 1.5 s"
                autocomplete="off" aria-invalid=invalid aria-describedby=explained node_ref=least
                value=min_text.get_untracked() prop:value=min_text on:change=take />
            <span class="muted" aria-hidden="true">"–"</span>
            <input class="input" type="text" aria-label="At most" placeholder="max" title="Such as 250 ms or 1.5 s"
                autocomplete="off" aria-invalid=invalid aria-describedby=explained node_ref=most
                value=max_text.get_untracked() prop:value=max_text on:change=take />
            {part(move || wrong.get().map(|wrong| view! { <span class="filter-problem" id=DURATION_PROBLEM role="alert">{wrong}</span> }).into_any())}
        </div>
    }
    .into_any()
}

/// Adds a condition on an attribute.
#[component]
fn AttributeForm(state: TraceListState) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let wrong = RwSignal::new(None::<String>);
    let add = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Some(input) = input.get_untracked() else { return };
        let count = state.query.with_untracked(|query| query.filter.attributes.len());
        match input.value().parse::<AttributeFilter>() {
            Ok(_) if count >= TraceFilter::MAX_ATTRIBUTES => {
                wrong.set(Some(format!("At most {} conditions", TraceFilter::MAX_ATTRIBUTES)));
            }
            Ok(filter) => {
                wrong.set(None);
                input.set_value("");
                state.add_attribute(&filter);
            }
            Err(error) => wrong.set(Some(format!("This is no condition: {error}"))),
        }
    };
    let invalid = maybe(move || wrong.with(|wrong| wrong.as_ref().map(|_| "true")));
    let explained = maybe(move || wrong.with(|wrong| wrong.as_ref().map(|_| ATTRIBUTE_PROBLEM)));
    view! {
        <form class="attribute-form" on:submit=add>
            <input class="input" type="text" aria-label="Condition on an attribute" autocomplete="off" spellcheck="false"
                autocapitalize="off" placeholder="http.route = /orders" title="key = value, key != value, key contains text, key exists"
                aria-invalid=invalid aria-describedby=explained node_ref=input />
            <button class="button"><Icon name=IconName::Filter />"Add condition"</button>
            {part(move || wrong.get().map(|wrong| view! { <p class="filter-problem" id=ATTRIBUTE_PROBLEM role="alert">{wrong}</p> }).into_any())}
        </form>
    }
    .into_any()
}

/// What one chip stands for.
#[derive(Debug, Clone, PartialEq)]
enum Chosen {
    Service(String),
    Operation(String),
    Status(bool),
    Duration(Option<f64>, Option<f64>),
    Attribute(AttributeFilter),
}

impl Chosen {
    fn of(filter: &TraceFilter) -> Vec<Self> {
        let mut chosen = Vec::new();
        chosen.extend(filter.service.clone().map(Self::Service));
        chosen.extend(filter.operation.clone().map(Self::Operation));
        chosen.extend(filter.has_errors.map(Self::Status));
        if filter.min_ms.is_some() || filter.max_ms.is_some() {
            chosen.push(Self::Duration(filter.min_ms, filter.max_ms));
        }
        chosen.extend(filter.attributes.iter().cloned().map(Self::Attribute));
        chosen
    }

    fn label(&self) -> String {
        match self {
            Self::Service(service) => format!("service = {service}"),
            Self::Operation(operation) => format!("operation = {operation}"),
            Self::Status(true) => "with errors".to_owned(),
            Self::Status(false) => "without errors".to_owned(),
            Self::Duration(Some(min), Some(max)) => {
                format!("{} – {}", format_duration_ms(*min), format_duration_ms(*max))
            }
            Self::Duration(Some(min), None) => format!("≥ {}", format_duration_ms(*min)),
            Self::Duration(None, max) => format!("≤ {}", format_duration_ms(max.unwrap_or_default())),
            Self::Attribute(filter) => filter.to_string(),
        }
    }

    fn remove(&self, state: TraceListState) {
        match self {
            Self::Service(_) => state.set_service(None),
            Self::Operation(_) => state.set_operation(None),
            Self::Status(_) => state.clear_status(),
            Self::Duration(..) => state.set_durations(None, None),
            Self::Attribute(filter) => state.remove_attribute(filter),
        }
    }
}

/// Every filter that is chosen, each with a way to take it away.
#[component]
fn Chips(state: TraceListState) -> impl IntoView {
    let chosen = Memo::new(move |_| state.query.with(|query| Chosen::of(&query.filter)));
    let chip = move |one: Chosen| {
        let label = one.label();
        let remove = format!("Remove {label}");
        view! {
            <li class="chip">
                <span class="ellipsis" title=label.clone()>{label.clone()}</span>
                <button type="button" class="icon-button" aria-label=remove.clone() title=remove
                    on:click=move |click| {
                        one.remove(state);
                        keys::keep_focus(&click);
                    }>
                    <Icon name=IconName::Close />
                </button>
            </li>
        }
    };
    part(move || {
        let chosen = chosen.get();
        if chosen.is_empty() {
            return ().into_any();
        }
        view! {
            <ul class="chips" aria-label="Chosen filters">
                {chosen.into_iter().map(chip).collect_view()}
                <li>
                    <button type="button" class="link-button"
                        on:click=move |click| {
                            state.clear_filters();
                            keys::keep_focus(&click);
                        }>
                        "Clear all"
                    </button>
                </li>
            </ul>
        }
        .into_any()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_but_the_search_has_a_chip() {
        let filter = TraceFilter {
            service: Some("orders".into()),
            operation: Some("GET /".into()),
            has_errors: Some(true),
            min_ms: Some(250.0),
            max_ms: None,
            attributes: vec!["a = 1".parse().unwrap(), "b exists".parse().unwrap()],
            search: Some("x".into()),
        };
        let labels: Vec<String> = Chosen::of(&filter).iter().map(Chosen::label).collect();
        assert_eq!(labels, ["service = orders", "operation = GET /", "with errors", "≥ 250 ms", "a = 1", "b exists"]);
    }
}
