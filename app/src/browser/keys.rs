//! The keyboard: one listener on the window, and the moves over a page's rows.

/// What has the keyboard's focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// A field in which text is typed or chosen.
    Field,
    /// Something that has its own idea of `Enter`: a link, a button.
    Control,
    /// Anything else.
    Page,
}

/// A pressed key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPress {
    /// As in `KeyboardEvent.key`: `k`, `?`, `Enter`.
    pub key: String,
    /// Control, or Command on a Mac.
    pub command: bool,
    /// What has the focus.
    pub focus: Focus,
    /// A dialog or a menu is open and gets the keys first.
    pub in_overlay: bool,
}

/// Calls `then` for every pressed key until the owner is cleaned up; true means that the key was used.
pub fn on_key(then: impl Fn(KeyPress) -> bool + 'static) {
    #[cfg(feature = "hydrate")]
    {
        use leptos::{ev, prelude::*};
        let handle = window_event_listener(ev::keydown, move |event| {
            if event.is_composing() || event.default_prevented() || event.alt_key() {
                return;
            }
            let active = active();
            let is = |selector: &str| active.as_ref().is_some_and(|active| active.matches(selector).unwrap_or(false));
            let focus = if is("input:not([type=checkbox],[type=radio]), textarea, select, [contenteditable=true]") {
                Focus::Field
            } else if is("a, button, summary, input, [role=button], [role=option]") {
                Focus::Control
            } else {
                Focus::Page
            };
            let press = KeyPress {
                key: event.key(),
                command: event.ctrl_key() || event.meta_key(),
                focus,
                in_overlay: exists("dialog[open], [popover]:popover-open"),
            };
            if then(press) {
                event.prevent_default();
            }
        });
        on_cleanup(move || handle.remove());
    }
    #[cfg(not(feature = "hydrate"))]
    drop(then);
}

/// Moves the focus to the page's own search, the element with `data-search`; false if the page has none.
pub fn focus_search() -> bool {
    #[cfg(feature = "hydrate")]
    {
        let Some(input) = find("[data-search]") else { return false };
        // The field exists, so it takes the focus, and its text is there to be typed over.
        let _ = input.focus();
        if let Some(input) = wasm_bindgen::JsCast::dyn_ref::<web_sys::HtmlInputElement>(&input) {
            input.select();
        }
        true
    }
    #[cfg(not(feature = "hydrate"))]
    false
}

/// After a click on a button that goes away with what it did: whoever works by keyboard goes on at the search. A finger
/// would get a keyboard on the screen that it did not ask for.
pub fn keep_focus(click: &leptos::ev::MouseEvent) {
    #[cfg(feature = "hydrate")]
    if click.detail() == 0 {
        focus_search();
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = click;
}

/// Moves the focus by `step` rows among the elements with `data-row`; false if there are none.
pub fn move_row(step: i32) -> bool {
    #[cfg(feature = "hydrate")]
    {
        let rows = rows();
        let Some(last) = rows.len().checked_sub(1) else { return false };
        let current = current_row().and_then(|row| rows.iter().position(|other| *other == row));
        let next = match current {
            Some(at) => at.saturating_add_signed(step as isize).min(last),
            None if step > 0 => 0,
            None => last,
        };
        let row = &rows[next];
        if !row.has_attribute("tabindex") {
            row.set_tab_index(-1);
        }
        // As above.
        let _ = row.focus();
        let options = web_sys::ScrollIntoViewOptions::new();
        options.set_block(web_sys::ScrollLogicalPosition::Nearest);
        row.scroll_into_view_with_scroll_into_view_options(&options);
        true
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = step;
        false
    }
}

/// Opens the focused row: clicks what it marks with `data-row-open`, else its first link or button.
pub fn open_row() -> bool {
    #[cfg(feature = "hydrate")]
    {
        let Some(row) = current_row() else { return false };
        let inside = |selector: &str| row.query_selector(selector).ok().flatten();
        let target = inside("[data-row-open]").or_else(|| inside("a[href]")).or_else(|| inside("button"));
        match target.and_then(|target| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(target).ok()) {
            Some(target) => target.click(),
            None => row.click(),
        }
        true
    }
    #[cfg(not(feature = "hydrate"))]
    false
}

#[cfg(feature = "hydrate")]
fn active() -> Option<web_sys::Element> {
    web_sys::window()?.document()?.active_element()
}

#[cfg(feature = "hydrate")]
fn find(selector: &str) -> Option<web_sys::HtmlElement> {
    let found = web_sys::window()?.document()?.query_selector(selector).ok()??;
    wasm_bindgen::JsCast::dyn_into(found).ok()
}

#[cfg(feature = "hydrate")]
fn exists(selector: &str) -> bool {
    find(selector).is_some()
}

#[cfg(feature = "hydrate")]
fn current_row() -> Option<web_sys::HtmlElement> {
    let row = active()?.closest("[data-row]").ok()??;
    wasm_bindgen::JsCast::dyn_into(row).ok()
}

#[cfg(feature = "hydrate")]
fn rows() -> Vec<web_sys::HtmlElement> {
    let Some(list) = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.query_selector_all("[data-row]").ok())
    else {
        return Vec::new();
    };
    (0..list.length())
        .filter_map(|at| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(list.item(at)?).ok())
        .collect()
}
