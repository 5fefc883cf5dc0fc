//! Arrow keys in tables whose cells are links.

use leptos::ev;

/// Moves the focus to the next link in the direction of an arrow key, over cells that have none.
pub fn follow_arrows(event: &ev::KeyboardEvent) {
    #[cfg(feature = "hydrate")]
    if let Some(link) = imp::next(event) {
        event.prevent_default();
        // Focus is a convenience: where it is refused, the reader loses only that.
        let _ = link.focus();
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = event;
}

#[cfg(feature = "hydrate")]
mod imp {
    use leptos::{
        ev::KeyboardEvent,
        web_sys::{Element, HtmlElement},
    };
    use wasm_bindgen::JsCast;

    pub fn next(event: &KeyboardEvent) -> Option<HtmlElement> {
        if event.ctrl_key() || event.alt_key() || event.meta_key() {
            return None;
        }
        let step: fn(&Element) -> Option<Element> = match event.key().as_str() {
            "ArrowRight" | "ArrowDown" => Element::next_element_sibling,
            "ArrowLeft" | "ArrowUp" => Element::previous_element_sibling,
            _ => return None,
        };
        let cell = event.target()?.dyn_into::<Element>().ok()?.closest("td").ok()??;
        let is_across = matches!(event.key().as_str(), "ArrowRight" | "ArrowLeft");
        if is_across {
            return std::iter::successors(step(&cell), step).find_map(|cell| link_in(&cell));
        }
        let column = std::iter::successors(Some(cell.clone()), Element::previous_element_sibling).count();
        let row = cell.parent_element()?;
        let selector = format!(":scope > :nth-child({column})");
        std::iter::successors(step(&row), step).find_map(|row| link_in(&row.query_selector(&selector).ok()??))
    }

    fn link_in(cell: &Element) -> Option<HtmlElement> {
        cell.query_selector("a").ok()??.dyn_into().ok()
    }
}
