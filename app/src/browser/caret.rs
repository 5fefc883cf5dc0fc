//! Where one writes in a field of several lines. The browser counts in UTF-16, a text here in bytes.

use leptos::web_sys::HtmlTextAreaElement;

/// Where the cursor is, in bytes; none while a part of the text is selected.
pub fn place(field: &HtmlTextAreaElement) -> Option<usize> {
    #[cfg(feature = "hydrate")]
    {
        let (start, end) = (field.selection_start().ok()??, field.selection_end().ok()??);
        (start == end).then(|| to_bytes(&field.value(), start))
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = field;
        None
    }
}

/// Puts a text into the field, with the cursor so many bytes after its beginning.
pub fn write(field: &HtmlTextAreaElement, text: &str, caret: usize) {
    #[cfg(feature = "hydrate")]
    {
        field.set_value(text);
        let units = to_units(text, caret);
        // Refused only for places that are not in the text.
        let _ = field.set_selection_range(units, units);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (field, text, caret);
}

#[cfg(any(feature = "hydrate", test))]
fn to_bytes(text: &str, units: u32) -> usize {
    let mut left = units as usize;
    let found = text.char_indices().find(|(_, c)| {
        let is_here = left == 0;
        left = left.saturating_sub(c.len_utf16());
        is_here
    });
    found.map_or(text.len(), |(at, _)| at)
}

#[cfg(any(feature = "hydrate", test))]
fn to_units(text: &str, bytes: usize) -> u32 {
    let before = text.char_indices().take_while(|(at, _)| *at < bytes);
    before.map(|(_, c)| c.len_utf16() as u32).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_both_ways() {
        let text = "aé😀b";
        for (bytes, units) in [(0, 0), (1, 1), (3, 2), (7, 4), (8, 5)] {
            assert_eq!((to_bytes(text, units), to_units(text, bytes)), (bytes, units));
        }
        assert_eq!(to_bytes(text, 99), text.len());
    }
}
