//! Targets that are scraped: how each of them fares, and a form that adds and changes them.

mod edit;
mod labels;
mod list;
mod row;

use leptos::prelude::*;
use uuid::Uuid;

use self::{edit::EditTarget, list::Targets};
use crate::{
    api::{ApiError, list_targets},
    component::{
        choice::use_choice,
        confirm::{Confirm, ConfirmDialog},
        error_panel::ErrorPanel,
        me::may,
        reactive::part,
        refresh::on_news,
        skeleton::{Loading, SkeletonLines},
    },
    model::{Role, ScrapeTarget, ScrapeTargets},
};

/// `?edit=new` or the id of a target: whose form is open.
const EDIT: &str = "edit";
/// What [`EDIT`] says for a target that is added.
const NEW: &str = "new";

/// The targets as they are known. Copy it freely.
#[derive(Clone, Copy)]
struct Source {
    resource: Resource<Result<ScrapeTargets, ApiError>>,
    /// The newest good answer: a failed refresh does not take what is on screen.
    latest: Memo<Option<ScrapeTargets>>,
    confirm: Confirm,
    said: RwSignal<String>,
    edit: Memo<Option<String>>,
    set_edit: SignalSetter<Option<String>>,
}

impl Source {
    fn new() -> Self {
        let resource = Resource::new(|| (), |()| list_targets());
        let latest = Memo::new(move |before: Option<&Option<ScrapeTargets>>| match resource.get() {
            Some(Ok(targets)) => Some(targets),
            Some(Err(_)) | None => before.cloned().flatten(),
        });
        on_news(|| true, || true, move || resource.refetch());
        let (edit, set_edit) = use_choice(EDIT);
        let said = RwSignal::new(String::new());
        Self { resource, latest, confirm: Confirm::new(said), said, edit, set_edit }
    }

    /// Of the newest answer.
    fn target(self, id: Uuid) -> Option<ScrapeTarget> {
        let found = |targets: &ScrapeTargets| targets.targets.iter().find(|target| target.id == id).cloned();
        self.latest.with(|latest| latest.as_ref().and_then(found))
    }
}

/// The page of targets. What is filtered and edited is in its address.
#[component]
pub fn TargetsPage() -> impl IntoView {
    let source = Source::new();
    let has_answer = Memo::new(move |_| source.latest.with(Option::is_some));
    let drawn = part(move || {
        // A newer answer changes rows, not the page.
        let answer = (!has_answer.get()).then(|| source.resource.get()).flatten();
        match answer {
            _ if has_answer.get() => view! { <Editing source /> <Targets source /> }.into_any(),
            Some(Err(error)) => {
                view! { <ErrorPanel what="the targets" error retry=move |()| source.resource.refetch() /> }.into_any()
            }
            _ => ().into_any(),
        }
    });
    view! {
        <div class="targets-page">
            <Transition fallback=|| {
                view! { <div class="panel"><Loading what="the targets" /> <SkeletonLines lines=8 /></div> }
            }>{drawn}</Transition>
            <ConfirmDialog confirm=source.confirm />
        </div>
    }
    .into_any()
}

/// The form of the target that the address names, for those who may change it.
#[component]
fn Editing(source: Source) -> impl IntoView {
    let form = part(move || {
        let Some(edit) = source.edit.get().filter(|_| may(Role::Editor)) else { return ().into_any() };
        if edit == NEW {
            return view! { <EditTarget source target=None /> }.into_any();
        }
        let found = edit.parse().ok().and_then(|id| untrack(|| source.target(id)));
        match found.filter(|target| !target.is_provisioned) {
            Some(target) => view! { <EditTarget source target=Some(target) /> }.into_any(),
            None => view! {
                <div class="panel empty"><p class="empty-title">"There is no such target to change."</p></div>
            }
            .into_any(),
        }
    });
    view! { {form} }.into_any()
}
