//! The list of targets with its filters.

use leptos::prelude::*;

use super::{EDIT, NEW, Source, row::row};
use crate::{
    component::{
        age::use_now,
        choice::use_choice,
        empty::{Empty, EmptyKind},
        form::Said,
        me::may,
        number::format_count,
        panel::Panel,
        query::{use_href, use_query_param},
        reactive::{part, text},
        search_box::SearchBox,
        snippet::Snippet,
        tabs::{Tab, Tabs},
    },
    model::{Role, ScrapeHealth, ScrapeTarget},
};

/// `?health=down`: only those.
const HEALTH: &str = "health";
/// `?search=node`: only those whose job, address or labels say so.
const SEARCH: &str = "search";
/// Targets that are drawn; one page of the configuration may hold more than anybody reads.
const MOST_ROWS: usize = 500;

/// How many targets are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counts {
    all: usize,
    up: usize,
    down: usize,
}

impl Counts {
    fn of(targets: &[ScrapeTarget]) -> Self {
        let count = |health| targets.iter().filter(|target| is_in(target, health)).count();
        Self { all: targets.len(), up: count(ScrapeHealth::Up), down: count(ScrapeHealth::Down) }
    }
}

/// Whether a target that is asked is in a state.
fn is_in(target: &ScrapeTarget, health: ScrapeHealth) -> bool {
    target.settings.is_enabled && target.state.health == health
}

/// Whether a target has all the words.
fn matches(target: &ScrapeTarget, search: &str) -> bool {
    let labels = target.settings.labels.iter().map(|(name, value)| format!("{name}={value}"));
    let told = [target.job.clone(), target.instance.clone(), target.url.clone()].into_iter().chain(labels);
    let told = told.collect::<Vec<_>>().join(" ").to_lowercase();
    search.split_whitespace().all(|word| told.contains(&word.to_lowercase()))
}

/// The list, kept current.
#[component]
pub fn Targets(source: Source) -> impl IntoView {
    let (health, set_health) = use_choice(HEALTH);
    let (search, set_search) = use_query_param(SEARCH);
    let counts = Memo::new(move |_| {
        source.latest.with(|latest| latest.as_ref().map(|latest| Counts::of(&latest.targets)).unwrap_or_default())
    });
    let shown = Memo::new(move |_| {
        let health = match health.get().as_deref() {
            Some("up") => Some(ScrapeHealth::Up),
            Some("down") => Some(ScrapeHealth::Down),
            _ => None,
        };
        let search = search.get().unwrap_or_default();
        let is_shown =
            |target: &&ScrapeTarget| health.is_none_or(|health| is_in(target, health)) && matches(target, &search);
        source.latest.with(|latest| {
            let all = latest.as_ref().map_or(&[][..], |latest| &latest.targets);
            let mut shown: Vec<&ScrapeTarget> = all.iter().filter(is_shown).collect();
            // What is wrong comes first; otherwise they stay in their order.
            shown.sort_by_key(|target| !is_in(target, ScrapeHealth::Down));
            shown.into_iter().map(|target| target.id).collect::<Vec<_>>()
        })
    });
    let clear = Callback::new(move |()| {
        set_health.set(None);
        set_search.set(None);
    });
    let now = use_now();
    let is_none = Memo::new(move |_| counts.with(|counts| counts.all == 0));
    let is_empty = Memo::new(move |_| shown.with(Vec::is_empty));
    let content = part(move || {
        if is_none.get() {
            return never();
        }
        if is_empty.get() {
            return view! { <Empty kind=EmptyKind::Filters(clear) what="targets" /> }.into_any();
        }
        table(source, shown, now)
    });
    let subtitle = text(move || {
        let Counts { all, down, .. } = counts.get();
        match (all, down) {
            (0, _) => String::new(),
            (1, 0) => "1 target".to_owned(),
            (all, 0) => format!("{} targets", format_count(all as u64)),
            (all, down) => format!("{} of {} down", format_count(down as u64), format_count(all as u64)),
        }
    });
    let add = move || {
        let href = use_href();
        let link = may(Role::Editor).then(|| {
            view! { <a class="button" data-noscroll href=move || href(&[(EDIT, Some(NEW.to_owned()))])>"Add target"</a> }
        });
        view! { <Said text=source.said is_anchor=true /> {link} }.into_any()
    };
    view! {
        <Panel title="Scrape targets" subtitle actions=add>
            <div class="targets-filters">
                <SearchBox
                    value=Signal::derive(move || search.get().unwrap_or_default())
                    set=Callback::new(move |text: String| set_search.set(Some(text)))
                    label="Search targets"
                    help="Words of job, address or labels"
                    is_main=true
                />
                <HealthTabs health />
            </div>
            {content}
        </Panel>
    }
    .into_any()
}

#[component]
fn HealthTabs(health: Memo<Option<String>>) -> impl IntoView {
    let href = use_href();
    let tabs = Signal::derive(move || {
        let chosen = health.get();
        let tab = |label: &'static str, key: Option<&str>| Tab {
            label,
            href: href(&[(HEALTH, key.map(str::to_owned))]),
            selected: chosen.as_deref() == key,
        };
        vec![tab("All", None), tab("Up", Some("up")), tab("Down", Some("down"))]
    });
    view! { <Tabs label="State" tabs /> }.into_any()
}

fn table(source: Source, shown: Memo<Vec<uuid::Uuid>>, now: Signal<Option<crate::model::UnixMillis>>) -> AnyView {
    let left_out = Memo::new(move |_| shown.with(|shown| shown.len().saturating_sub(MOST_ROWS)));
    let more = part(move || {
        let count = left_out.get();
        let line = || view! { <p class="panel-note">{format!("{count} more: search for what you look for.")}</p> };
        (count > 0).then(line).into_any()
    });
    view! {
        <div class="table-scroll" role="region" aria-label="Table: Targets" tabindex="0">
            <table class="table targets-table" aria-label="Targets">
                <thead>
                    <tr>
                        <th scope="col">"State"</th>
                        <th scope="col">"Job"</th>
                        <th scope="col">"Target"</th>
                        <th scope="col">"Labels"</th>
                        <th scope="col">"Last scrape"</th>
                        <th scope="col" class="number">"Took"</th>
                        <th scope="col" class="number">"Samples"</th>
                        <th scope="col" class="number">"Every"</th>
                        <td></td>
                    </tr>
                </thead>
                <For
                    each=move || shown.with(|shown| shown.iter().take(MOST_ROWS).copied().collect::<Vec<_>>())
                    key=|id| *id
                    children=move |id| row(source, id, now)
                />
            </table>
        </div>
        {more}
    }
    .into_any()
}

/// No target yet: how to begin.
fn never() -> AnyView {
    const CONFIGURED: &str = "[[scrape.jobs]]\njob = \"node\"\nurls = [\"http://127.0.0.1:9100/metrics\"]";
    view! {
        <div class="empty">
            <p class="empty-title">"Nothing is scraped yet"</p>
            <p>"Console asks programs for their metrics, as Prometheus does: whatever shows them at an address, such as \
                node_exporter or a program with a Prometheus client."</p>
            <p>"Add a target here, or name it in the configuration:"</p>
            <Snippet what="configuration" text=Signal::stored(CONFIGURED.to_owned()) />
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(job: &str, health: ScrapeHealth) -> ScrapeTarget {
        let mut target = ScrapeTarget {
            id: uuid::Uuid::nil(),
            job: job.to_owned(),
            url: "http://10.0.0.5:9100/metrics".to_owned(),
            instance: "10.0.0.5:9100".to_owned(),
            settings: crate::model::ScrapeSettings::default(),
            is_provisioned: false,
            state: crate::model::ScrapeState::default(),
        };
        target.settings.labels = [("zone".to_owned(), "Eu-West".to_owned())].into();
        target.state.health = health;
        target
    }

    #[test]
    fn one_that_is_paused_is_neither_up_nor_down() {
        let mut all = [ScrapeHealth::Up, ScrapeHealth::Down, ScrapeHealth::Unknown].map(|health| target("x", health));
        assert_eq!(Counts::of(&all), Counts { all: 3, up: 1, down: 1 });
        all[1].settings.is_enabled = false;
        assert_eq!(Counts::of(&all), Counts { all: 3, up: 1, down: 0 });
    }

    #[test]
    fn all_words_are_looked_for() {
        let node = target("node", ScrapeHealth::Up);
        for search in ["", "NODE", "9100 zone=eu", "10.0.0.5 node"] {
            assert!(matches(&node, search), "{search}");
        }
        assert!(!matches(&node, "node redis"));
    }
}
