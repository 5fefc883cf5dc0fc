//! A choice that lives in the address: one value, or all.

use leptos::prelude::*;

use super::query::{History, use_query_param_with};

/// A parameter that is chosen, not typed: going back undoes the choice.
pub fn use_choice(name: &'static str) -> (Memo<Option<String>>, SignalSetter<Option<String>>) {
    use_query_param_with(name, History::Push)
}

/// One value, or all. A value that the address has is always among the options.
#[component]
pub fn Choice(
    /// What is chosen.
    label: &'static str,
    /// The parameter.
    name: &'static str,
    /// Values, and what people read; read inside a boundary that waits for them.
    options: Callback<(), Vec<(String, String)>>,
    /// What no choice means.
    #[prop(default = "all")]
    all: &'static str,
    /// What people read for a value that is not among the options; else the value itself.
    #[prop(optional)]
    unknown: Option<&'static str>,
) -> impl IntoView {
    let (value, set_value) = use_choice(name);
    let content = move || {
        let mut options = options.run(());
        let chosen = value.get();
        if let Some(chosen) = chosen.as_ref().filter(|chosen| !options.iter().any(|(value, _)| value == *chosen)) {
            options.push((chosen.clone(), unknown.map_or_else(|| chosen.clone(), str::to_owned)));
        }
        let option = |(value, shown): (String, String)| {
            let is_chosen = chosen.as_ref() == Some(&value);
            view! { <option value=value selected=is_chosen>{shown}</option> }
        };
        let is_all = chosen.is_none();
        view! {
            <option value="" selected=is_all>{format!("{label}: {all}")}</option>
            {options.into_iter().map(option).collect_view()}
        }
    };
    view! {
        <select
            class="input"
            aria-label=label
            data-chosen=move || value.get().map(|_| "")
            on:change:target=move |event| set_value.set(Some(event.target().value()))
        >
            <Transition>{content}</Transition>
        </select>
    }
}
