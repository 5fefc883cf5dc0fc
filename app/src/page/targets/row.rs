//! One target: two rows of the table where something is to be said.

use leptos::prelude::*;
use uuid::Uuid;

use super::{EDIT, Source, labels};
use crate::{
    api::remove_target,
    component::{
        age::Age,
        badge::Badge,
        icon::IconName,
        me::may,
        number::format_count,
        query::use_href,
        reactive::{part, text},
        time::format_duration_ms,
    },
    model::{Role, ScrapeHealth, ScrapeTarget, UnixMillis},
};

/// A target. It stays when what it shows changes, so that a button keeps the focus.
pub fn row(source: Source, id: Uuid, now: Signal<Option<UnixMillis>>) -> AnyView {
    let target =
        Memo::new(move |before: Option<&Option<ScrapeTarget>>| source.target(id).or_else(|| before.cloned().flatten()));
    let told = move |tell: fn(&ScrapeTarget) -> String| {
        text(move || target.with(|target| target.as_ref().map(tell).unwrap_or_default()))
    };
    let state = part(move || target.with(|target| target.as_ref().map(badge)).into_any());
    let scraped = part(move || {
        let at = target.with(|target| target.as_ref().and_then(|target| target.state.scraped_at));
        at.map_or_else(|| "never".into_any(), |at| view! { <Age at=at.into() now /> }.into_any())
    });
    let problem = Memo::new(move |_| target.with(|target| target.as_ref().and_then(problem)));
    let said = part(move || {
        let line = |(is_error, text): (bool, String)| {
            let kind = if is_error { "target-error" } else { "target-warning" };
            view! {
                <tr class="target-said">
                    <td></td>
                    <td colspan="8"><span class=kind>{text}</span></td>
                </tr>
            }
        };
        problem.get().map(line).into_any()
    });
    let actions = part(move || {
        let is_provisioned = target.with(|target| target.as_ref().is_some_and(|target| target.is_provisioned));
        if is_provisioned {
            return view! { <span class="mark" title="It stands in the configuration.">"configured"</span> }.into_any();
        }
        may(Role::Editor).then(|| buttons(source, id, target)).into_any()
    });
    view! {
        <tbody>
            <tr data-row>
                <td>{state}</td>
                <th scope="row">{told(|target| target.job.clone())}</th>
                <td class="target-address"><span>{told(|target| target.url.clone())}</span></td>
                <td class="target-labels">{told(|target| labels::written(&target.settings.labels))}</td>
                <td>{scraped}</td>
                <td class="number">{told(|target| match target.state.scraped_at {
                    Some(_) => format_duration_ms(target.state.duration_ms),
                    None => "–".to_owned(),
                })}</td>
                <td class="number">{told(|target| match target.state.health {
                    ScrapeHealth::Up => format_count(target.state.samples),
                    _ => "–".to_owned(),
                })}</td>
                <td class="number">{told(|target| format!("{} s", target.settings.interval_seconds))}</td>
                <td class="cell-actions">{actions}</td>
            </tr>
            {said}
        </tbody>
    }
    .into_any()
}

fn badge(target: &ScrapeTarget) -> AnyView {
    if !target.settings.is_enabled {
        return view! { <Badge icon=IconName::Dash label="Paused" /> }.into_any();
    }
    match target.state.health {
        ScrapeHealth::Up => view! { <Badge icon=IconName::Check status="success" label="Up" /> }.into_any(),
        ScrapeHealth::Down => view! { <Badge icon=IconName::Close status="failed" label="Down" /> }.into_any(),
        ScrapeHealth::Unknown => view! { <Badge icon=IconName::Circle label="Not asked yet" /> }.into_any(),
    }
}

/// What is wrong, and whether that is why it failed.
fn problem(target: &ScrapeTarget) -> Option<(bool, String)> {
    if !target.settings.is_enabled {
        return None;
    }
    let error = target.state.error.clone().map(|error| (true, error));
    error.or_else(|| target.state.warning.clone().map(|warning| (false, warning)))
}

fn buttons(source: Source, id: Uuid, target: Memo<Option<ScrapeTarget>>) -> AnyView {
    let href = use_href();
    let url = move || target.with(|target| target.as_ref().map(|target| target.url.clone()).unwrap_or_default());
    let whom = text(move || format!(" {}", url()));
    let remove = move |_| {
        let url = untrack(url);
        let explanation = "It is not asked any more, and its series end. What was stored of them stays.".to_owned();
        source.confirm.ask(format!("Remove {url}?"), explanation, "Remove", move || {
            let url = url.clone();
            async move {
                remove_target(id).await?;
                source.resource.refetch();
                Ok(format!("{url} is removed."))
            }
        });
    };
    view! {
        <a class="button button-small" data-noscroll href=move || href(&[(EDIT, Some(id.to_string()))])>
            "Edit" <span class="visually-hidden">{whom}</span>
        </a>
        <button type="button" class="button button-small" on:click=remove>
            "Remove" <span class="visually-hidden">{whom}</span>
        </button>
    }
    .into_any()
}
