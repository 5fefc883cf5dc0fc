//! The pointer.

use leptos::ev::PointerEvent;

/// Sends the pointer's further events to the element under it, even when a drag leaves the element.
pub fn capture(event: &PointerEvent) {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;
        let target = event.current_target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        if let Some(target) = target {
            // Refused only for a pointer that is gone already.
            let _ = target.set_pointer_capture(event.pointer_id());
        }
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = event;
}
