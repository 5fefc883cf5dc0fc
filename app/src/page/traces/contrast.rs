//! What sets the listed traces apart from the rest: values that they have more often.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::state::{ATTRIBUTE, CONTRAST, MAX, MIN, OPERATION, SERVICE, TraceListState, WITHIN};
use crate::{
    api::{ApiError, contrast_traces},
    component::{
        error_panel::ErrorPanel,
        number::format_count,
        panel::Panel,
        query::{get_all, use_href, with, with_all},
        range::{range_label, range_value},
        skeleton::{Loading, SkeletonLines},
        time::use_zone,
    },
    model::{AttributeFilter, AttributeOp, ContrastQuery, ContrastValue, TraceContrast},
};

/// The answer; none while nobody asks.
pub type ContrastAnswer = Resource<Option<Result<TraceContrast, ApiError>>>;

/// Asks whenever the address says that the comparison is open.
pub fn use_contrast(state: TraceListState) -> ContrastAnswer {
    let question = Memo::new(move |_| {
        let query = state.query.get();
        state.is_contrasted.get().then(|| ContrastQuery { within: state.within.get().unwrap_or(query.range), query })
    });
    Resource::new(
        move || question.get(),
        |question| async move {
            match question {
                Some(question) => Some(contrast_traces(question).await),
                None => None,
            }
        },
    )
}

/// A line that offers the comparison, or the comparison.
#[component]
pub fn Contrast(
    /// What the list shows.
    state: TraceListState,
    /// The answer, owned by the page.
    answer: ContrastAnswer,
) -> impl IntoView {
    let href = use_href();
    let (open, close) = (href.clone(), href.clone());
    let back = move || {
        let range = state.within.get().unwrap_or_default();
        href(&[("range", range_value(range)), (WITHIN, None), (MIN, None), (MAX, None)])
    };
    let zone = use_zone();
    let picked = move || {
        let within = state.within.get()?;
        let label = range_label(within, zone.get());
        Some(view! { <a data-noscroll href=back.clone()>{format!("Back to {label}")}</a> })
    };
    let body = move || match answer.get() {
        None | Some(None) => ().into_any(),
        Some(Some(Ok(contrast))) => view! { <Values contrast /> }.into_any(),
        Some(Some(Err(error))) => {
            view! { <ErrorPanel what="the comparison" error retry=move |()| answer.refetch() /> }.into_any()
        }
    };
    let offer = move || {
        let open = open.clone();
        view! {
            <div class="contrast-offer">
                {picked.clone()}
                <a data-noscroll href=move || open(&[(CONTRAST, Some("1".to_owned()))])>"What sets these traces apart?"</a>
            </div>
        }
        .into_any()
    };
    let panel = move || {
        let close = close.clone();
        let actions = move || {
            let close = close.clone();
            view! { <a data-noscroll href=move || close(&[(CONTRAST, None)])>"Close"</a> }
        };
        view! {
            <Panel title="What sets these traces apart" class="contrast" actions>
                <Transition fallback=|| {
                    view! { <Loading what="the comparison" /> <SkeletonLines lines=6 /> }
                }>{body}</Transition>
            </Panel>
        }
        .into_any()
    };
    let is_narrowed = move || state.within.get().is_some() || state.query.with(|query| !query.filter.is_empty());
    move || match (state.is_contrasted.get(), is_narrowed()) {
        (true, _) => panel(),
        (false, true) => offer(),
        (false, false) => ().into_any(),
    }
}

#[component]
fn Values(contrast: TraceContrast) -> impl IntoView {
    if contrast.selected == 0 || contrast.rest == 0 {
        let side = if contrast.selected == 0 { "No trace is selected" } else { "There are no other traces" };
        return view! {
            <p class="contrast-none">{format!("{side}: pick a part of the map above, or set a filter.")}</p>
        }
        .into_any();
    }
    let sides = format!(
        "{} of these beside {} others of the same time. A share is that of traces with a span that has the value.",
        format_count(contrast.selected.into()),
        format_count(contrast.rest.into())
    );
    if contrast.values.is_empty() {
        return view! { <p class="contrast-none">"Nothing: their attributes are those of the others. " {sides}</p> }
            .into_any();
    }
    let rows: Vec<_> = contrast.values.iter().map(|value| (value.clone(), contrast.shares(value))).collect();
    view! {
        <p class="contrast-sides">{sides}</p>
        <div class="table-scroll contrast-scroll">
            <table class="table contrast-table">
                <caption class="visually-hidden">"Values that these traces have more often than the others"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Attribute"</th>
                        <th scope="col">"Value"</th>
                        <th scope="col" class="number">"These"</th>
                        <th scope="col" class="number">"Others"</th>
                        <th scope="col"><span class="visually-hidden">"Shares"</span></th>
                    </tr>
                </thead>
                <tbody>{rows.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row((value, (selected, rest)): (ContrastValue, (f64, f64))) -> AnyView {
    let location = use_location();
    let (key, shown) = (value.key.clone(), value.value.clone());
    // A closure, not a signal: the row goes when the address changes.
    let target = move || format!("?{}", location.search.with(|search| narrowed(search, &value)));
    view! {
        <tr>
            <td class="contrast-key">{key}</td>
            <td class="contrast-value"><a data-noscroll href=target title=shown.clone()>{shown.clone()}</a></td>
            <td class="number">{percent(selected)}</td>
            <td class="number muted">{percent(rest)}</td>
            <td class="contrast-bars">
                <svg viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true" focusable="false">
                    <rect class="contrast-these" width=format!("{:.2}", selected * 100.0) height="5" />
                    <rect class="contrast-others" y="7" width=format!("{:.2}", rest * 100.0) height="5" />
                </svg>
            </td>
        </tr>
    }
    .into_any()
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0 %".to_owned(),
        small if small < 1.0 => "< 1 %".to_owned(),
        share => format!("{share:.0} %"),
    }
}

/// The query of the list narrowed to a value.
fn narrowed(search: &str, value: &ContrastValue) -> String {
    match value.key.as_str() {
        "service" => with(search, SERVICE, Some(&value.value)),
        "operation" => with(search, OPERATION, Some(&value.value)),
        _ => {
            let filter =
                AttributeFilter { key: value.key.clone(), op: AttributeOp::Equals, value: value.value.clone() };
            let mut all = get_all(search, ATTRIBUTE);
            let condition = filter.to_string();
            if !all.contains(&condition) {
                all.push(condition);
            }
            with_all(search, ATTRIBUTE, &all)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_narrows_the_list() {
        let value =
            |key: &str, value: &str| ContrastValue { key: key.into(), value: value.into(), selected: 2, rest: 1 };
        assert_eq!(narrowed("range=6h", &value("service", "orders")), "range=6h&service=orders");
        assert_eq!(narrowed("operation=a", &value("operation", "GET /x")), "operation=GET%20%2Fx");
        let once = narrowed("range=6h", &value("user.id", "7"));
        assert_eq!(once, "range=6h&attribute=user.id%20%3D%207");
        assert_eq!(narrowed(&once, &value("user.id", "7")), once);
        assert_eq!(narrowed(&once, &value("region", "eu")), format!("{once}&attribute=region%20%3D%20eu"));
    }

    #[test]
    fn shares_are_told_shortly() {
        assert_eq!([0.0, 0.004, 0.126, 1.0].map(percent), ["0 %", "< 1 %", "13 %", "100 %"]);
    }
}
