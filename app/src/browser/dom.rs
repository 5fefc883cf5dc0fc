//! Small things done to the document.

/// Says that the page is hydrated, for tests: `html[data-hydrated]`.
pub fn mark_hydrated() {
    #[cfg(feature = "hydrate")]
    if let Some(root) = root() {
        // An attribute with a constant, valid name cannot be refused.
        let _ = root.set_attribute("data-hydrated", "");
    }
}

/// Shows that the page has stopped working and has to be loaded again.
pub fn show_broken() {
    #[cfg(feature = "hydrate")]
    if let Ok(Some(notice)) = leptos::prelude::document().query_selector(".broken") {
        let _ = notice.remove_attribute("hidden");
    }
}

/// The path of the address.
pub fn path() -> String {
    #[cfg(feature = "hydrate")]
    return leptos::prelude::window().location().pathname().unwrap_or_default();
    #[cfg(not(feature = "hydrate"))]
    String::new()
}

/// Forces a theme (`dark`, `light`), or follows the system.
pub fn set_theme(theme: Option<&str>) {
    #[cfg(feature = "hydrate")]
    if let Some(root) = root() {
        // As above: the name is constant and valid.
        let _ = match theme {
            Some(theme) => root.set_attribute("data-theme", theme),
            None => root.remove_attribute("data-theme"),
        };
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = theme;
}

/// The address of the page without its query and fragment, e.g. `https://console.example/monitoring`.
pub fn page_address() -> Option<String> {
    #[cfg(feature = "hydrate")]
    {
        let location = web_sys::window()?.location();
        Some(format!("{}{}", location.origin().ok()?, location.pathname().ok()?))
    }
    #[cfg(not(feature = "hydrate"))]
    None
}

/// Scheme, host and port of the page, e.g. `https://console.example`.
pub fn origin() -> Option<String> {
    #[cfg(feature = "hydrate")]
    {
        web_sys::window()?.location().origin().ok()
    }
    #[cfg(not(feature = "hydrate"))]
    None
}

/// Whether the tab cannot be seen.
pub fn is_hidden() -> bool {
    #[cfg(feature = "hydrate")]
    {
        document().is_some_and(|document| document.hidden())
    }
    #[cfg(not(feature = "hydrate"))]
    false
}

/// Calls `then` each time the tab becomes visible or hidden. Lasts as long as the page.
pub fn on_visibility_change(then: impl Fn() + 'static) {
    #[cfg(feature = "hydrate")]
    {
        use leptos::ev;
        let handle = leptos::prelude::window_event_listener(ev::visibilitychange, move |_| then());
        leptos::prelude::on_cleanup(move || handle.remove());
    }
    #[cfg(not(feature = "hydrate"))]
    drop(then);
}

/// Moves the keyboard's focus to the element with this id.
pub fn focus(id: &str) {
    #[cfg(feature = "hydrate")]
    if let Some(element) = element(id) {
        // Focus is a convenience: where it is refused, the reader loses only that.
        let _ = element.focus();
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = id;
}

/// The same after what has just changed is drawn.
pub fn focus_soon(id: String) {
    #[cfg(feature = "hydrate")]
    leptos::prelude::set_timeout(move || focus(&id), std::time::Duration::ZERO);
    #[cfg(not(feature = "hydrate"))]
    drop(id);
}

/// Moves the focus to the element with this id if what had it is gone, after what has just changed is drawn: who works
/// by keyboard is not sent back to the top.
pub fn keep_focus(id: &'static str) {
    #[cfg(feature = "hydrate")]
    leptos::prelude::set_timeout(
        move || {
            let active = document().and_then(|document| document.active_element());
            if active.is_none_or(|active| active.tag_name() == "BODY") {
                focus(id);
            }
        },
        std::time::Duration::ZERO,
    );
    #[cfg(not(feature = "hydrate"))]
    let _ = id;
}

/// Scrolls the element with this id into view.
pub fn reveal(id: &str) {
    #[cfg(feature = "hydrate")]
    if let Some(element) = element(id) {
        let options = web_sys::ScrollIntoViewOptions::new();
        options.set_block(web_sys::ScrollLogicalPosition::Nearest);
        element.scroll_into_view_with_scroll_into_view_options(&options);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = id;
}

/// Opens the `dialog` with this id over the page.
pub fn open_dialog(id: &str) {
    #[cfg(feature = "hydrate")]
    if let Some(dialog) = dialog(id).filter(|dialog| !dialog.open()) {
        // Refused only for a dialog that is open already, which was just excluded.
        let _ = dialog.show_modal();
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = id;
}

/// Closes the `dialog` with this id.
pub fn close_dialog(id: &str) {
    #[cfg(feature = "hydrate")]
    if let Some(dialog) = dialog(id) {
        dialog.close();
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = id;
}

/// Opens or closes the popover with this id, and moves the focus inside when it opens.
pub fn toggle_popover(id: &str) {
    #[cfg(feature = "hydrate")]
    if let Some(popover) = element(id)
        && popover.toggle_popover().unwrap_or(false)
        && let Ok(Some(first)) = popover.query_selector("[aria-current], a, button, input")
        && let Ok(first) = wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(first)
    {
        // As in `focus`.
        let _ = first.focus();
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = id;
}

/// Closes the popover with this id.
pub fn hide_popover(id: &str) {
    #[cfg(feature = "hydrate")]
    if let Some(popover) = element(id) {
        // Refused only when it is closed already.
        let _ = popover.hide_popover();
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = id;
}

#[cfg(feature = "hydrate")]
fn document() -> Option<web_sys::Document> {
    web_sys::window()?.document()
}

#[cfg(feature = "hydrate")]
fn root() -> Option<web_sys::Element> {
    document()?.document_element()
}

#[cfg(feature = "hydrate")]
fn element(id: &str) -> Option<web_sys::HtmlElement> {
    wasm_bindgen::JsCast::dyn_into(document()?.get_element_by_id(id)?).ok()
}

#[cfg(feature = "hydrate")]
fn dialog(id: &str) -> Option<web_sys::HtmlDialogElement> {
    wasm_bindgen::JsCast::dyn_into(document()?.get_element_by_id(id)?).ok()
}
