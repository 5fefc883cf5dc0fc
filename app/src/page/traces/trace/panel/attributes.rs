//! Attributes, each with what it can do.

use leptos::prelude::*;
use serde_json::{Map, Value};

use super::super::super::state::traces_href;
use crate::{
    component::{
        copy::CopyButton,
        icon::{Icon, IconName},
        number::format_count,
        query::use_page_href,
    },
    model::{AttributeFilter, AttributeOp, TraceFilter},
};

/// Characters of a value that are shown.
const LONGEST: usize = 2000;

/// A table of attributes.
#[component]
pub fn Attributes(
    /// Names and values.
    values: Map<String, Value>,
    /// What is said when there are none.
    none: &'static str,
) -> impl IntoView {
    if values.is_empty() {
        return view! { <p class="muted span-none">{none}</p> }.into_any();
    }
    let row = |(key, value): (String, Value)| {
        let shown = text_of(&value);
        let with = find(&key, AttributeOp::Equals, &shown);
        let without = find(&key, AttributeOp::Differs, &shown);
        let name = key.clone();
        view! {
            <div class="attribute">
                <dt title=key.clone()>{key.clone()}</dt>
                <dd>
                    <span class="attribute-value">{shortened(&shown)}</span>
                    <span class="attribute-tools">
                        <CopyButton what=format!("value of {name}") text=shown />
                        {with.map(|href| link(href, IconName::Filter, format!("Find traces with this {key}")))}
                        {without.map(|href| link(href, IconName::Dash, format!("Find traces with another {key}")))}
                    </span>
                </dd>
            </div>
        }
    };
    view! { <dl class="attributes">{values.into_iter().map(row).collect_view()}</dl> }.into_any()
}

fn link(target: String, icon: IconName, label: String) -> AnyView {
    let href = use_page_href();
    // Not tracked: what changes the address closes the panel.
    let href = untrack(|| href(&target));
    view! {
        <a class="icon-button" href=href aria-label=label.clone() title=label.clone()>
            <Icon name=icon />
        </a>
    }
    .into_any()
}

/// The beginning of a very long value: whoever wants all of it copies it.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}… ({} bytes in all)", &text[..at], format_count(text.len() as u64)),
        None => text.to_owned(),
    }
}

/// A value as people read it and as conditions compare it: text as it is, all else as JSON.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The list of traces with this condition; none where a condition cannot say it.
fn find(key: &str, op: AttributeOp, value: &str) -> Option<String> {
    let filter = AttributeFilter { key: key.to_owned(), op, value: value.to_owned() };
    let is_sayable = filter.to_string().parse::<AttributeFilter>().is_ok_and(|read| read == filter);
    is_sayable.then(|| traces_href(&TraceFilter { attributes: vec![filter], ..TraceFilter::default() }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_shown_as_they_are_compared() {
        assert_eq!(
            [json!("a b"), json!(200), json!(true), json!(["x"])].map(|v| text_of(&v)),
            ["a b", "200", "true", "[\"x\"]"]
        );
    }

    #[test]
    fn a_very_long_value_is_shortened() {
        assert_eq!(shortened("short"), "short");
        let long = shortened(&"é".repeat(3000));
        assert!(long.ends_with("é… (6,000 bytes in all)"), "{long}");
    }

    #[test]
    fn a_value_leads_to_the_traces_with_it_where_that_can_be_said() {
        assert_eq!(
            find("http.route", AttributeOp::Differs, "/x").as_deref(),
            Some("/monitoring/traces?attribute=http.route%20%21%3D%20%2Fx")
        );
        for (key, value) in [("a b", "1"), ("a", ""), ("a", " padded ")] {
            assert_eq!(find(key, AttributeOp::Equals, value), None, "{key} {value}");
        }
    }
}
