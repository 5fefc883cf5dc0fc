//! What a dashboard's page knows: the address, the newest answer, and what is being changed.

use std::collections::HashMap;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::layout::Layout;
use crate::{
    api::{ApiError, load_dashboard},
    browser::{geometry, storage},
    component::{
        confirm::Confirm,
        me::may,
        query::use_query_params,
        range::use_range,
        refresh::{points_for, refresh},
    },
    model::{Dashboard, DashboardChange, DashboardQuery, DashboardView, RangeSpec, Role, VariableValue},
};

/// `?var=job:api&var=job:web`: what was chosen of variables.
const VAR: &str = "var";
/// What belongs to a draft and is not shown.
#[derive(Debug, Default)]
pub struct Held {
    /// The revision that is being changed.
    pub revision: i64,
    /// What stands in the fields of queries and was not run, by panel and place.
    pub typed: HashMap<(u32, usize), String>,
}

/// What is said while something is changed.
const CHANGING: &str = "Changes are stored when you save.";
/// Points of a course before the page is measured: those of two charts side by side on a usual screen.
const POINTS: u32 = 300;

/// The page. Copy it freely.
#[derive(Clone, Copy)]
pub struct Board {
    /// Which dashboard.
    pub id: Memo<String>,
    /// Over which range.
    pub range: Memo<RangeSpec>,
    /// The newest answer.
    pub loaded: Resource<Result<DashboardView, ApiError>>,
    /// The newest good answer: a failed refresh does not take what is on screen.
    pub latest: Memo<Option<DashboardView>>,
    /// What is being changed.
    pub draft: RwSignal<Option<Layout>>,
    /// What was stored and as which revision: when that is here, it is not being changed any more.
    pub saved: RwSignal<Option<(i64, Dashboard)>>,
    /// What belongs to the draft and is not shown.
    pub held: StoredValue<Held>,
    /// What is shown.
    pub layout: Memo<Option<Layout>>,
    /// The panel whose form is open.
    pub open: RwSignal<Option<u32>>,
    /// Instants of courses.
    pub points: RwSignal<u32>,
    /// The page's question.
    pub confirm: StoredValue<Confirm>,
    /// What was done, in a sentence.
    pub said: RwSignal<String>,
    chosen: Memo<Vec<String>>,
    set_chosen: StoredValue<SignalSetter<Vec<String>>>,
}

/// The dashboard with this id is changed when its page is opened.
pub fn open_for_changes(id: &str, revision: i64, dashboard: Dashboard) {
    keep_changes(id, Some(&DashboardChange { revision, dashboard }));
}

/// Changes were stored: they are not kept any more, also if nobody waited for the answer. What was changed meanwhile is
/// changed from there.
pub fn changes_were_stored(id: &str, revision: i64, sent: &Dashboard) {
    let rest = kept_changes(id).filter(|kept| kept.dashboard != *sent);
    keep_changes(id, rest.map(|kept| DashboardChange { revision, ..kept }).as_ref());
}

/// What is being changed in this tab.
fn kept_changes(id: &str) -> Option<DashboardChange> {
    storage::get_for_tab(&draft_key(id)).and_then(|text| serde_json::from_str(&text).ok())
}

fn keep_changes(id: &str, change: Option<&DashboardChange>) {
    let text = change.and_then(|change| serde_json::to_string(change).ok()).unwrap_or_default();
    storage::set_for_tab(&draft_key(id), &text);
}

/// Where a tab remembers what is being changed.
fn draft_key(id: &str) -> String {
    format!("console.dashboard.{id}")
}

/// What an address says of variables.
fn values(chosen: &[String]) -> Vec<VariableValue> {
    let mut all: Vec<VariableValue> = Vec::new();
    for (name, value) in chosen.iter().filter_map(|one| one.split_once(':')) {
        match all.iter_mut().find(|known| known.name == name) {
            Some(known) => known.values.push(value.to_owned()),
            None => all.push(VariableValue { name: name.to_owned(), values: vec![value.to_owned()] }),
        }
    }
    all
}

/// The same with other values of one variable.
fn with_values(chosen: &[String], name: &str, values: &[String]) -> Vec<String> {
    let others = chosen.iter().filter(|one| one.split_once(':').is_none_or(|(other, _)| other != name)).cloned();
    others.chain(values.iter().map(|value| format!("{name}:{value}"))).collect()
}

/// The page's state.
pub fn use_board() -> Board {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let (range, _) = use_range();
    let (chosen, set_chosen) = use_query_params(VAR);
    let points = RwSignal::new(POINTS);
    let question = Memo::new(move |_| DashboardQuery {
        id: id.get(),
        range: range.get(),
        points: points.get(),
        values: chosen.with(|chosen| values(chosen)),
    });
    let loaded = Resource::new(move || question.get(), load_dashboard);
    let latest = Memo::new(move |before: Option<&Option<DashboardView>>| match loaded.get() {
        // Of another dashboard nothing is shown: what was loaded before is there until the next one is.
        Some(Ok(view)) => Some(view).filter(|view| view.entry.id == id.get()),
        Some(Err(_)) | None => before.cloned().flatten().filter(|view| view.entry.id == id.get()),
    });
    let draft = RwSignal::new(None::<Layout>);
    let stored = Memo::new(move |_| {
        latest.with(|latest| latest.as_ref().map(|view| Layout::of(&view.entry.id, &view.entry.dashboard)))
    });
    let layout = Memo::new(move |_| draft.get().or_else(|| stored.get()));
    let said = RwSignal::new(String::new());
    let board = Board {
        id,
        range,
        loaded,
        latest,
        draft,
        saved: RwSignal::new(None),
        held: StoredValue::new(Held::default()),
        layout,
        open: RwSignal::new(None),
        points,
        confirm: StoredValue::new(Confirm::new(said)),
        said,
        chosen,
        set_chosen: StoredValue::new(set_chosen),
    };
    if may(Role::Editor) {
        board.remember_draft();
    }
    refresh(range, Signal::stored(false), Callback::new(move |()| loaded.refetch()));
    board
}

impl Board {
    /// What is being changed outlives a click on a link and the page's being loaded anew.
    fn remember_draft(self) {
        let Self { id, draft, held, .. } = self;
        Effect::new(move |before: Option<String>| {
            let id = id.get();
            if before.as_ref() == Some(&id) {
                draft.with(|draft| {
                    let change = draft.as_ref().map(|draft| DashboardChange {
                        revision: held.with_value(|held| held.revision),
                        dashboard: draft.dashboard(),
                    });
                    keep_changes(&id, change.as_ref());
                });
            } else {
                let kept = kept_changes(&id).map(|DashboardChange { revision, dashboard }| {
                    held.update_value(|held| held.revision = revision);
                    Layout::of(&id, &dashboard)
                });
                self.open.set(None);
                self.saved.set(None);
                held.update_value(|held| held.typed.clear());
                self.said.set(if kept.is_some() { CHANGING.to_owned() } else { String::new() });
                draft.set(kept);
            }
            draft.track();
            id
        });
        Effect::new(move |_| {
            let here = self.latest.with(|latest| latest.as_ref().map(|view| view.entry.revision));
            let Some((saved, sent)) = self.saved.get().filter(|(saved, _)| here >= Some(*saved)) else { return };
            self.saved.set(None);
            let is_all = draft.with_untracked(|draft| draft.as_ref().is_some_and(|draft| draft.dashboard() == sent));
            if is_all && held.with_value(|held| held.typed.is_empty()) {
                self.end();
            } else {
                // What was changed meanwhile is changed from there.
                held.update_value(|held| held.revision = saved);
                self.said.set(CHANGING.to_owned());
            }
        });
    }

    /// Asks for as many points as charts of half this width show.
    pub fn measure(self, page: &leptos::web_sys::HtmlElement) {
        let points = self.points;
        geometry::watch_size(page, move |width, _| {
            let chart = if width < 700.0 { width } else { width / 2.0 };
            let wanted = points_for(chart);
            if width > 0.0 && points.get_untracked() != wanted {
                points.set(wanted);
            }
        });
    }

    /// Whether it is being changed.
    pub fn is_edited(self) -> bool {
        self.draft.with(Option::is_some)
    }

    /// Begins to change it.
    pub fn edit(self) {
        self.said.set(CHANGING.to_owned());
        let revision = self.latest.with_untracked(|latest| latest.as_ref().map_or(0, |view| view.entry.revision));
        self.held.update_value(|held| held.revision = revision);
        self.draft.set(self.layout.get_untracked());
    }

    /// Changes it no more; what was changed is gone, or stored.
    pub fn end(self) {
        self.open.set(None);
        self.held.update_value(|held| held.typed.clear());
        self.draft.set(None);
    }

    /// Changes something.
    pub fn change(self, change: impl FnOnce(&mut Layout)) {
        self.draft.update(|draft| {
            if let Some(draft) = draft {
                change(draft);
            }
        });
    }

    /// Whether there is room for one more panel; if there is none, it is said.
    pub fn has_room(self) -> bool {
        let panels = self.draft.with_untracked(|draft| draft.as_ref().map_or(0, Layout::panel_count));
        if panels >= Dashboard::MOST_PANELS {
            self.said.set(format!("A dashboard has room for {} panels.", Dashboard::MOST_PANELS));
        }
        panels < Dashboard::MOST_PANELS
    }

    /// What stands in the fields of queries is what is asked, and stored.
    pub fn take_typed(self) {
        let typed = self.held.try_update_value(|held| std::mem::take(&mut held.typed)).unwrap_or_default();
        let is_news = |draft: &Layout| {
            typed.iter().any(|((key, at), text)| {
                draft.panel(*key).and_then(|panel| panel.queries.get(*at)).is_some_and(|query| query.text != *text)
            })
        };
        if self.draft.with_untracked(|draft| draft.as_ref().is_some_and(is_news)) {
            self.change(|draft| {
                for ((key, at), text) in typed {
                    if let Some(query) = draft.panel_mut(key).and_then(|panel| panel.queries.get_mut(at)) {
                        query.text = text;
                    }
                }
            });
        }
    }

    /// What the address says of a variable.
    pub fn chosen_of(self, name: &str) -> Option<Vec<String>> {
        let all = self.chosen.with_untracked(|chosen| values(chosen));
        all.into_iter().find(|value| value.name == name).map(|value| value.values)
    }

    /// Chooses values of a variable; none for what is chosen at first.
    pub fn choose(self, name: &str, values: &[String]) {
        self.set_chosen.get_value().set(self.chosen.with_untracked(|chosen| with_values(chosen, name, values)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_variables_stand_in_the_address() {
        let chosen = ["job:a", "host:x:9100", "job:b", "nothing"].map(str::to_owned);
        let known = values(&chosen);
        assert_eq!((known[0].name.as_str(), known[0].values.join(",")), ("job", "a,b".to_owned()));
        assert_eq!((known[1].name.as_str(), known[1].values.join(",")), ("host", "x:9100".to_owned()));
        assert_eq!(with_values(&chosen, "job", &["c".to_owned()]), ["host:x:9100", "nothing", "job:c"]);
        assert_eq!(with_values(&chosen, "job", &[]), ["host:x:9100", "nothing"]);
    }
}
