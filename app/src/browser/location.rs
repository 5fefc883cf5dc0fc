//! Leaving the page, and loading it anew.

use super::{clock, storage};

const RELOADED_AT: &str = "reloaded-at";
const RARELY_MS: i64 = 60_000;

/// Loads the page at another address.
pub fn go(url: &str) {
    #[cfg(feature = "hydrate")]
    if let Err(error) = leptos::prelude::window().location().assign(url) {
        leptos::logging::warn!("{url}: {error:?}");
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = url;
}

/// Loads the page anew.
pub fn reload() {
    #[cfg(feature = "hydrate")]
    if let Err(error) = leptos::prelude::window().location().reload() {
        leptos::logging::warn!("reload: {error:?}");
    }
}

/// Loads the page anew, at most once a minute: a reason that stays must not make it a loop. Where this tab cannot
/// remember when it last did so, it does not.
pub fn reload_rarely() {
    let now = clock::now();
    let last = storage::get_for_tab(RELOADED_AT).and_then(|at| at.parse::<i64>().ok());
    let is_due = last.is_none_or(|last| (now.0 - last).abs() >= RARELY_MS);
    if is_due && storage::set_for_tab(RELOADED_AT, &now.0.to_string()) {
        reload();
    }
}
