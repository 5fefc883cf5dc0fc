//! Rows of long lists. What all rows share is done for the drawn ones at once: a row that followed it by itself would be
//! slow to draw, and a list draws rows while it is scrolled.

use leptos::{ev, web_sys::HtmlElement};

/// How a row is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowMarks {
    /// It is the one that is looked at.
    pub is_selected: bool,
    /// The search finds it.
    pub is_match: bool,
    /// Whether what is under it shows.
    pub is_expanded: bool,
}

/// Tells screen readers where the rows of a list stand, of which `first` is drawn first, among `count`; and lets the Tab
/// key reach one of them.
pub fn number(list: &HtmlElement, first: usize, count: usize) {
    #[cfg(feature = "hydrate")]
    {
        let count = count.to_string();
        for (index, row) in (first + 1..).zip(imp::children(list)) {
            imp::set(&row, "aria-posinset", Some(&index.to_string()));
            imp::set(&row, "aria-setsize", Some(&count));
        }
        imp::settle_tab_stop(list, first == 0);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (list, first, count);
}

/// Lets the Tab key come back to the row that has just got the focus, and to no other row of the list.
pub fn keep_tab_stop(list: &HtmlElement, focused: &ev::FocusEvent) {
    #[cfg(feature = "hydrate")]
    if let Some(row) = imp::row_of(focused).filter(|row| imp::children(list).any(|other| other == *row)) {
        imp::set_tab_stop(list, &row);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (list, focused);
}

/// The same for the row with this id. If it is not drawn, it comes with the stop when it is.
pub fn set_tab_stop(list: &HtmlElement, id: &str) {
    #[cfg(feature = "hydrate")]
    match imp::children(list).find(|row| row.id() == id) {
        Some(row) => imp::set_tab_stop(list, &row),
        None => imp::let_go(list, None),
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (list, id);
}

/// The id of the row in which something happened.
pub fn id_of(event: &ev::Event) -> Option<String> {
    #[cfg(feature = "hydrate")]
    return Some(imp::row_of(event)?.id());
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = event;
        None
    }
}

/// Whether something happened in what the selector finds.
pub fn is_in(event: &ev::Event, selector: &str) -> bool {
    #[cfg(feature = "hydrate")]
    return imp::closest(event, selector).is_some();
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = (event, selector);
        false
    }
}

/// Draws a part of the drawn rows anew: what the selector finds, with the markup for a row's id.
pub fn redraw(list: &HtmlElement, selector: &str, html: impl Fn(&str) -> Option<String>) {
    #[cfg(feature = "hydrate")]
    for row in imp::children(list) {
        if let Some(html) = html(&row.id())
            && let Ok(Some(part)) = row.query_selector(selector)
        {
            part.set_inner_html(&html);
        }
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (list, selector, html);
}

/// Marks the drawn rows that have marks, by their ids.
pub fn mark(list: &HtmlElement, marks: impl Fn(&str) -> Option<RowMarks>) {
    #[cfg(feature = "hydrate")]
    for row in imp::children(list) {
        let Some(marks) = marks(&row.id()) else { continue };
        imp::set(&row, "data-selected", marks.is_selected.then_some(""));
        imp::set(&row, "data-match", marks.is_match.then_some(""));
        let within = |selector| row.query_selector(selector).ok().flatten();
        if let Some(open) = within("[data-row-open]") {
            imp::set(&open, "aria-current", marks.is_selected.then_some("true"));
        }
        if let Some(fold) = within("[aria-expanded]") {
            imp::set(&fold, "aria-expanded", Some(if marks.is_expanded { "true" } else { "false" }));
        }
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (list, marks);
}

#[cfg(feature = "hydrate")]
mod imp {
    use wasm_bindgen::JsCast;
    use web_sys::{Element, Event, HtmlElement};

    pub fn children(list: &HtmlElement) -> impl Iterator<Item = Element> + use<> {
        let children = list.children();
        (0..children.length()).filter_map(move |at| children.item(at))
    }

    /// Sets an attribute, or takes it away.
    pub fn set(element: &Element, name: &str, value: Option<&str>) {
        // The names are constant and valid: none can be refused.
        let _ = match value {
            Some(value) => element.set_attribute(name, value),
            None => element.remove_attribute(name),
        };
    }

    pub fn closest(event: &Event, selector: &str) -> Option<Element> {
        event.target()?.dyn_into::<Element>().ok()?.closest(selector).ok()?
    }

    pub fn row_of(event: &Event) -> Option<Element> {
        closest(event, "[data-row]")
    }

    /// Says which row was given the stop, and did not come with it.
    const GIVEN: &str = "data-tab-stop";

    /// Gives a row the stop.
    pub fn set_tab_stop(list: &HtmlElement, row: &Element) {
        let_go(list, Some(row));
        set(row, GIVEN, Some(""));
        set(row, "tabindex", Some("0"));
    }

    /// Takes the stop from all rows but one.
    pub fn let_go(list: &HtmlElement, kept: Option<&Element>) {
        for other in children(list).filter(|other| Some(other) != kept) {
            if other.get_attribute("tabindex").as_deref() == Some("0") {
                set(&other, "tabindex", Some("-1"));
                set(&other, GIVEN, None);
            }
        }
    }

    /// Of several rows that came with a stop keeps the one that was given it, else the first. Where the one with the stop
    /// has gone, the first row of all takes it.
    pub fn settle_tab_stop(list: &HtmlElement, has_first_row: bool) {
        let stops = || children(list).filter(|row| row.get_attribute("tabindex").as_deref() == Some("0"));
        let kept = stops().find(|row| row.has_attribute(GIVEN)).or_else(|| stops().next());
        let first = || children(list).find(|row| has_first_row && row.has_attribute("tabindex"));
        if let Some(row) = kept.or_else(first) {
            let_go(list, Some(&row));
            set(&row, "tabindex", Some("0"));
        }
    }
}
