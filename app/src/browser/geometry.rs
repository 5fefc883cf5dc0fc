//! Sizes and positions of elements. Geometry is set through the CSS object model: the content security policy admits
//! no `style` attribute.

use leptos::web_sys::HtmlElement;

/// How far an element is scrolled, and how high the part of it that shows is, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Viewport {
    /// Distance from the top of the content.
    pub scroll_px: f64,
    /// Height of what shows.
    pub height_px: f64,
    /// Height of everything in it.
    pub content_px: f64,
}

#[cfg(feature = "hydrate")]
mod imp {
    use leptos::web_sys::HtmlElement;
    use wasm_bindgen::{JsCast, closure::Closure};
    use web_sys::ResizeObserver;

    use super::Viewport;

    /// Where the element is scrolled to.
    pub fn viewport(element: &HtmlElement) -> Viewport {
        Viewport {
            scroll_px: element.scroll_top().into(),
            height_px: element.client_height().into(),
            content_px: element.scroll_height().into(),
        }
    }

    /// Scrolls the element to its top.
    pub fn scroll_to_top(element: &HtmlElement) {
        element.set_scroll_top(0);
    }

    /// Scrolls the element so that what lies there shows: not at all when it does, else to the middle.
    pub fn scroll_to_show(element: &HtmlElement, top_px: f64, height_px: f64) {
        let Viewport { scroll_px, height_px: shown_px, .. } = viewport(element);
        if top_px < scroll_px || top_px + height_px > scroll_px + shown_px {
            element.set_scroll_top((top_px - (shown_px - height_px) / 2.0).max(0.0) as i32);
        }
    }

    /// Whether the page itself is scrolled away from its top.
    pub fn is_page_scrolled() -> bool {
        leptos::prelude::window().scroll_y().is_ok_and(|scrolled_px| scrolled_px > 8.0)
    }

    /// The first descendant that the selector finds.
    pub fn first_within(element: &HtmlElement, selector: &str) -> Option<HtmlElement> {
        element.query_selector(selector).ok()??.dyn_into().ok()
    }

    /// Height of the first descendant that the selector finds.
    pub fn height_of(element: &HtmlElement, selector: &str) -> Option<f64> {
        let found = element.query_selector(selector).ok()??;
        Some(found.get_bounding_client_rect().height()).filter(|height| *height > 0.0)
    }

    /// Makes room for rows that are not drawn.
    pub fn set_vertical_padding(element: &HtmlElement, before_px: f64, after_px: f64) {
        let style = element.style();
        // A refused property leaves the list usable, only its scroll bar is wrong.
        let _ = style.set_property("padding-top", &format!("{before_px}px"));
        let _ = style.set_property("padding-bottom", &format!("{after_px}px"));
    }

    /// Calls `changed` with the element's width and height now and whenever one changes. The result takes that back.
    pub fn observe_size(element: &HtmlElement, changed: impl Fn(f64, f64) + 'static) -> Box<dyn FnOnce()> {
        let observed = element.clone();
        let callback = Closure::<dyn Fn()>::new(move || {
            let size = observed.get_bounding_client_rect();
            changed(size.width(), size.height());
        });
        let observer = ResizeObserver::new(callback.as_ref().unchecked_ref()).ok();
        if let Some(observer) = &observer {
            observer.observe(element);
        }
        Box::new(move || {
            if let Some(observer) = observer {
                observer.disconnect();
            }
            drop(callback);
        })
    }
}

#[cfg(not(feature = "hydrate"))]
mod imp {
    use super::{HtmlElement, Viewport};

    /// Nothing on the server.
    pub fn viewport(_element: &HtmlElement) -> Viewport {
        Viewport::default()
    }

    /// Nothing on the server.
    pub fn scroll_to_top(_element: &HtmlElement) {}

    /// Nothing on the server.
    pub fn scroll_to_show(_element: &HtmlElement, _top_px: f64, _height_px: f64) {}

    /// Nothing on the server.
    pub fn is_page_scrolled() -> bool {
        false
    }

    /// Nothing on the server.
    pub fn first_within(_element: &HtmlElement, _selector: &str) -> Option<HtmlElement> {
        None
    }

    /// Nothing on the server.
    pub fn height_of(_element: &HtmlElement, _selector: &str) -> Option<f64> {
        None
    }

    /// Nothing on the server.
    pub fn set_vertical_padding(_element: &HtmlElement, _before_px: f64, _after_px: f64) {}

    /// Nothing on the server.
    pub fn observe_size(_element: &HtmlElement, _changed: impl Fn(f64, f64) + 'static) -> Box<dyn FnOnce()> {
        Box::new(|| ())
    }
}

use imp::observe_size;
pub use imp::{
    first_within, height_of, is_page_scrolled, scroll_to_show, scroll_to_top, set_vertical_padding, viewport,
};

/// Calls `changed` with the element's height, now and whenever it changes, until the current owner is cleaned up.
pub fn watch_height(element: &HtmlElement, changed: impl Fn(f64) + 'static) {
    watch_size(element, move |_, height| changed(height));
}

/// Calls `changed` with the element's width and height, now and whenever one changes, until the current owner is
/// cleaned up.
pub fn watch_size(element: &HtmlElement, changed: impl Fn(f64, f64) + 'static) {
    let stop = send_wrapper::SendWrapper::new(observe_size(element, changed));
    leptos::prelude::on_cleanup(move || stop.take()());
}
