//! `details` that close when somebody turns to something else.

use leptos::ev::{FocusEvent, KeyboardEvent};

/// Closes the `details` that is listened to when the focus goes elsewhere.
pub fn left(event: &FocusEvent) {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;
        let Some(details) = event.current_target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()) else {
            return;
        };
        let to = event.related_target().and_then(|target| target.dyn_into::<web_sys::Node>().ok());
        if !details.contains(to.as_ref()) {
            // The name is constant and valid.
            let _ = details.remove_attribute("open");
        }
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = event;
}

/// Closes it on `Esc`; the focus goes to what opened it.
pub fn pressed(event: &KeyboardEvent) {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;
        let details = event.current_target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let Some(details) = details.filter(|details| event.key() == "Escape" && details.has_attribute("open")) else {
            return;
        };
        event.prevent_default();
        let _ = details.remove_attribute("open");
        if let Ok(Some(summary)) = details.query_selector("summary")
            && let Some(summary) = summary.dyn_ref::<web_sys::HtmlElement>()
        {
            let _ = summary.focus();
        }
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = event;
}
