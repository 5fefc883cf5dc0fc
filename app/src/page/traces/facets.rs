//! What the matching traces have in common; each is a way to narrow the list.

use leptos::prelude::*;

use super::{
    service::{ServiceMark, tint},
    state::{SERVICE, STATUS, STATUSES},
};
use crate::{
    component::{
        choice::use_choice,
        icon::{Icon, IconName},
        number::format_count,
        query::use_href,
        reactive::{maybe, text},
    },
    model::{TracePage, span::ServiceCount},
};

/// Services that are listed unless one that follows is chosen.
const MOST: usize = 30;

/// Counts by status and by service.
#[component]
pub fn Facets(
    /// The answer.
    page: TracePage,
) -> impl IntoView {
    let good = page.matched.saturating_sub(page.matched_errors);
    let more = if page.matched_is_partial { "+" } else { "" };
    let status = move |(key, has_errors): (&'static str, bool)| {
        let (label, count, icon) = if has_errors {
            ("With errors", page.matched_errors, IconName::Close)
        } else {
            ("Without errors", good, IconName::Check)
        };
        let name =
            view! { <span class="facet-status" data-errors=has_errors.to_string()><Icon name=icon />{label}</span> };
        let count = format!("{}{more}", format_count(count));
        view! { <Facet param=STATUS value=key.to_owned() name=name.into_any() count errors=0 /> }
    };
    let total: usize = page.services.len();
    let services = shown(page.services, use_choice(SERVICE).0.get_untracked());
    let rest = total.saturating_sub(services.len());
    let service = move |one: ServiceCount| {
        let tint = tint(&one.service);
        let name = view! { <ServiceMark name=one.service.clone() tint /> };
        let count = format!("{}{more}", format_count(one.traces));
        view! { <Facet param=SERVICE value=one.service name=name.into_any() count errors=one.errors /> }
    };
    view! {
        <aside class="facets" aria-label="Narrow the list">
            <section class="facet-group" aria-labelledby="facet-status">
                <h2 id="facet-status">"Status"</h2>
                <ul>{STATUSES.map(status).collect_view()}</ul>
            </section>
            <section class="facet-group" aria-labelledby="facet-services">
                <h2 id="facet-services">"Services"</h2>
                <ul>{services.into_iter().map(service).collect_view()}</ul>
                {(rest > 0).then(|| view! { <p class="muted">{format!("and {rest} more")}</p> })}
            </section>
        </aside>
    }
    .into_any()
}

/// The services with the most traces, and the one that is chosen in any case.
fn shown(mut services: Vec<ServiceCount>, chosen: Option<String>) -> Vec<ServiceCount> {
    let chosen = chosen.and_then(|chosen| {
        let at = services.iter().position(|one| one.service == chosen)?;
        (at >= MOST).then(|| services[at].clone())
    });
    services.truncate(MOST);
    services.extend(chosen);
    services
}

/// One value of a parameter: a link that narrows to it, and back.
#[component]
fn Facet(param: &'static str, value: String, name: AnyView, count: String, errors: u64) -> impl IntoView {
    let (chosen, _) = use_choice(param);
    let href = use_href();
    let wanted = value.clone();
    let is_chosen = Memo::new(move |_| chosen.with(|chosen| chosen.as_ref() == Some(&wanted)));
    let target = text(move || href(&[(param, (!is_chosen.get()).then(|| value.clone()))]));
    let failed = (errors > 0).then(|| {
        let label = format!("{} with errors", format_count(errors));
        view! {
            <span class="error-count" title=label.clone()>
                <Icon name=IconName::Close />
                {format_count(errors)}
                <span class="visually-hidden">" with errors"</span>
            </span>
        }
    });
    view! {
        <li>
            <a class="facet" data-noscroll href=target aria-current=maybe(move || is_chosen.get().then_some("true"))>
                {name}
                {failed}
                <span class="facet-count">{count}</span>
            </a>
        </li>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_service_is_listed_even_among_many() {
        let all: Vec<ServiceCount> =
            (0..50).map(|n| ServiceCount { service: format!("s{n}"), traces: 50 - n, errors: 0 }).collect();
        assert_eq!(shown(all.clone(), None).len(), MOST);
        assert_eq!(shown(all.clone(), Some("s3".into())).len(), MOST);
        assert_eq!(shown(all, Some("s45".into())).last().unwrap().service, "s45");
    }
}
