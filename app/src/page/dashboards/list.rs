//! The list of dashboards.

use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::{LIST, board::open_for_changes, import::ImportForm};
use crate::{
    api::{ApiError, add_dashboard, list_dashboards},
    component::{
        age::{Age, use_now},
        awaited::Awaited,
        choice::use_choice,
        error_panel::{ErrorPanel, problem},
        form::Form,
        icon::{Icon, IconName},
        me::may,
        panel::Panel,
        query::{use_href, use_page_href, use_query_param},
        reactive::{flag, part, text},
        search_box::SearchBox,
        skeleton::{Loading, SkeletonLines},
    },
    model::{Dashboard, DashboardList, DashboardSource, DashboardSummary, PanelRow, Role, UnixMillis},
};

/// `?find=host`: dashboards that are looked for.
const FIND: &str = "find";
/// `?import`: whether the form that imports is open.
const IMPORT: &str = "import";

/// The page of dashboards.
#[component]
pub fn DashboardsPage() -> impl IntoView {
    let resource = Resource::new(|| (), |()| list_dashboards());
    let pending = RwSignal::new(false);
    let (import, set_import) = use_choice(IMPORT);
    let form = Form::new("dashboards", &[]);
    let navigate = use_navigate();
    let page_href = use_page_href();
    let new = move |_| {
        let (navigate, page_href) = (navigate.clone(), page_href.clone());
        form.send(async move {
            let rows = vec![PanelRow::default()];
            let made =
                add_dashboard(Dashboard { title: "New dashboard".to_owned(), rows, ..Dashboard::default() }).await?;
            open_for_changes(&made.id, made.revision, made.dashboard);
            navigate(&untrack(|| page_href(&format!("{LIST}/{}", made.id))), NavigateOptions::default());
            Ok(String::new())
        });
    };
    let new = StoredValue::new(new);
    let href = use_href();
    let actions = move || {
        let href = href.clone();
        may(Role::Editor).then(|| {
            view! {
                <a class="button" data-noscroll href=move || href(&[(IMPORT, Some("1".to_owned()))])>"Import"</a>
                <button type="button" class="button button-primary" disabled=move || form.busy.get()
                    aria-busy=flag(move || form.busy.get()) on:click=move |event| new.with_value(|new| new(event))>
                    <Icon name=IconName::Plus /> "New dashboard"
                </button>
            }
        })
    };
    view! {
        <div class="dashboards-page" aria-busy=flag(move || pending.get())>
            {part(move || (import.get().is_some() && may(Role::Editor)).then(|| view! { <ImportForm close=move || set_import.set(None) /> }).into_any())}
            <Panel title="Dashboards" actions>
                {problem(move || form.problem.get())}
                <Awaited fallback=|| view! { <Loading what="dashboards" /> <SkeletonLines lines=6 /> } pending>
                    {Suspend::new(async move {
                        match resource.await {
                            Ok(list) => view! { <Dashboards list /> }.into_any(),
                            Err(error) => {
                                view! { <ErrorPanel what="the dashboards" error retry=move |()| resource.refetch() /> }.into_any()
                            }
                        }
                    })}
                </Awaited>
            </Panel>
        </div>
    }
    .into_any()
}

/// Whether all words are in its title or description.
fn matches(one: &DashboardSummary, search: &str) -> bool {
    let text = format!("{} {}", one.title, one.description).to_lowercase();
    search.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

#[component]
fn Dashboards(list: DashboardList) -> impl IntoView {
    let (find, set_find) = use_query_param(FIND);
    let now = use_now();
    let href = use_page_href();
    let problems = list.problems.clone();
    let all = StoredValue::new(list.dashboards);
    let row = move |one: &DashboardSummary| {
        let (href, address) = (href.clone(), format!("{LIST}/{}", one.id));
        let from = match one.source {
            DashboardSource::Stored => one.changed_by.clone().unwrap_or_default(),
            DashboardSource::Provisioned => "a file".to_owned(),
            DashboardSource::Shipped => "Console".to_owned(),
        };
        let changed = one.changed_at.map(|at| {
            let at = UnixMillis(at.timestamp_millis());
            view! { <Age at now /> }
        });
        view! {
            <tr data-row="">
                <th scope="row"><a href=text(move || href(&address))>{one.title.clone()}</a></th>
                <td class="dashboards-for">{one.description.clone()}</td>
                <td class="number">{one.panels}</td>
                <td>{from}</td>
                <td>{changed}</td>
            </tr>
        }
    };
    let rows = part(move || {
        let search = find.get().unwrap_or_default();
        let found = all.with_value(|all| all.iter().filter(|one| matches(one, &search)).map(&row).collect_view());
        if found.is_empty() {
            return view! { <tr><td colspan="5" class="panel-note">"No dashboard has these words."</td></tr> }
                .into_any();
        }
        found.into_any()
    });
    let problems = (!problems.is_empty()).then(|| {
        let line =
            |problem: String| view! { <p class="problem"><Icon name=IconName::Warning /> <span>{problem}</span></p> };
        view! { <div class="dashboards-problems" role="status">{problems.into_iter().map(line).collect_view()}</div> }
    });
    view! {
        <div class="dashboards-find">
            <SearchBox value=Signal::derive(move || find.get().unwrap_or_default()) set=Callback::new(move |text: String| set_find.set(Some(text)))
                label="Find a dashboard" help="Words of title or purpose" is_main=true />
        </div>
        {problems}
        <div class="table-scroll" role="region" aria-label="Table: dashboards" tabindex="0">
            <table class="table dashboards-table" aria-label="Dashboards">
                <thead><tr>
                    <th scope="col">"Title"</th><th scope="col">"What it is for"</th><th scope="col" class="number">"Panels"</th>
                    <th scope="col">"By"</th><th scope="col">"Changed"</th>
                </tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// Reads a document that was exported.
pub fn read(text: &str) -> Result<Dashboard, ApiError> {
    serde_json::from_str(text).map_err(|error| ApiError::invalid("document", format!("this is no dashboard: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_are_looked_for() {
        let one = DashboardSummary {
            id: "hosts".into(),
            title: "Hosts".into(),
            description: "What is full".into(),
            source: DashboardSource::Shipped,
            panels: 3,
            changed_at: None,
            changed_by: None,
        };
        assert!(matches(&one, "") && matches(&one, "FULL host") && !matches(&one, "full empty"));
        assert_eq!(read("{}").unwrap(), Dashboard::default());
        assert_eq!(read("7").unwrap_err().details["field"], "document");
    }
}
