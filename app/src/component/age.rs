//! How long ago something was, kept current.

use std::time::Duration;

use leptos::prelude::*;

use super::{
    reactive::{text, word},
    time::{format_date_time, relative_age, use_zone},
};
use crate::{browser::clock, model::UnixMillis};

/// How often ages are counted anew.
const REFRESH: Duration = Duration::from_secs(5);

/// The browser's clock, refreshed every five seconds; none on the server and before the page is mounted.
pub fn use_now() -> Signal<Option<UnixMillis>> {
    let now = RwSignal::new(None);
    Effect::new(move |_| {
        now.set(Some(clock::now()));
        if let Ok(timer) = set_interval_with_handle(move || now.set(Some(clock::now())), REFRESH) {
            on_cleanup(move || timer.clear());
        }
    });
    now.into()
}

/// A date and a time of day, for what is to come or what has to be exact.
#[component]
pub fn Moment(
    /// When it is.
    #[prop(into)]
    at: UnixMillis,
) -> impl IntoView {
    let zone = use_zone();
    let iso = at.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    view! {
        <time datetime=iso title=word(move || zone.get().label())>
            {text(move || format_date_time(at, zone.get()))}
        </time>
    }
    .into_any()
}

/// An age; the date until the page is mounted.
#[component]
pub fn Age(
    /// When it was.
    at: UnixMillis,
    /// The clock, from [`use_now`].
    now: Signal<Option<UnixMillis>>,
) -> impl IntoView {
    let zone = use_zone();
    let date = move || format_date_time(at, zone.get());
    let text = move || now.get().map_or_else(date, |now| relative_age(at, now));
    let iso = at.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    view! { <time datetime=iso title=date>{text}</time> }
}
