//! What this browser remembers. Where storage is refused (private windows), it remembers nothing.

/// The remembered value.
pub fn get(key: &str) -> Option<String> {
    #[cfg(feature = "hydrate")]
    {
        storage()?.get_item(key).ok()?
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = key;
        None
    }
}

/// Remembers a value.
pub fn set(key: &str, value: &str) {
    #[cfg(feature = "hydrate")]
    if let Some(storage) = storage() {
        // A full or refused storage costs only the memory of a preference.
        let _ = storage.set_item(key, value);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (key, value);
}

/// What this tab remembers, also when its page is loaded anew.
pub fn get_for_tab(key: &str) -> Option<String> {
    #[cfg(feature = "hydrate")]
    {
        tab_storage()?.get_item(key).ok()?
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = key;
        None
    }
}

/// Remembers a value for this tab. Says whether that worked.
pub fn set_for_tab(key: &str, value: &str) -> bool {
    #[cfg(feature = "hydrate")]
    {
        tab_storage().is_some_and(|storage| storage.set_item(key, value).is_ok())
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = (key, value);
        false
    }
}

/// This tab remembers nothing any more.
pub fn forget_tab() {
    #[cfg(feature = "hydrate")]
    if let Some(storage) = tab_storage() {
        let _ = storage.clear();
    }
}

#[cfg(feature = "hydrate")]
fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok()?
}

#[cfg(feature = "hydrate")]
fn tab_storage() -> Option<web_sys::Storage> {
    web_sys::window()?.session_storage().ok()?
}
