//! What waits for an answer and says so.

use leptos::prelude::*;

/// A [`Transition`] that tells `pending` while it waits for a newer answer.
///
/// In the browser only: on the server the telling would come from another thread than the one that draws the page, and
/// a signal that is read while somebody writes it counts as disposed there. A page from the server waits for nothing.
#[component]
pub fn Awaited<View>(
    /// Drawn until the first answer.
    #[prop(into)]
    fallback: ViewFnOnce,
    /// Whether it waits.
    pending: RwSignal<bool>,
    /// What reads the answer.
    children: TypedChildren<View>,
) -> impl IntoView
where
    View: IntoView + Send + 'static,
{
    let transition = TransitionProps::builder().fallback(fallback).children(children);
    #[cfg(not(feature = "ssr"))]
    let transition = transition.set_pending(pending);
    #[cfg(feature = "ssr")]
    let _ = pending;
    Transition(transition.build())
}
