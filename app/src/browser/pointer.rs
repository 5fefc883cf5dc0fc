//! The pointer.

use leptos::ev::{MouseEvent, PointerEvent};

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

/// Where the pointer is in the element that listens, as shares of its width and height from the upper left corner;
/// beside the element they lie below 0 or above 1.
pub fn place_in(event: &MouseEvent) -> Option<(f64, f64)> {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;
        let target = event.current_target()?.dyn_into::<web_sys::Element>().ok()?;
        let edges = target.get_bounding_client_rect();
        let share = |at: i32, start: f64, length: f64| (length > 0.0).then(|| (f64::from(at) - start) / length);
        Some((
            share(event.client_x(), edges.left(), edges.width())?,
            share(event.client_y(), edges.top(), edges.height())?,
        ))
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = event;
        None
    }
}
