//! A long list of which only the rows near the visible part are in the document.
//!
//! Rows have one height, measured; a row that is expanded is higher by a measured amount. Rows that are not drawn are
//! replaced by padding, so that the scroll bar is honest.

use std::{collections::HashMap, hash::Hash};

use leptos::{html, prelude::*};

use crate::browser::geometry::{self, Viewport};

/// Rows that the server draws, and the browser until it has measured.
const FIRST_ROWS: usize = 60;
/// Rows drawn beyond each edge of the visible part.
const OVERSCAN: usize = 16;
/// The drawn part moves in steps of so many rows, so that most scroll events change nothing.
const STEP: usize = 8;
/// Until the first row is measured.
const ROW_PX: f64 = 24.0;
/// Nearer to the end than this, the list asks for more.
const NEAR_END_PX: f64 = 600.0;

/// Heights of expanded rows beyond that of a row, in pixels.
pub type Expanded<K> = RwSignal<HashMap<K, f64>>;

/// What decides which rows are drawn.
#[derive(Debug, Clone, PartialEq)]
struct Layout {
    count: usize,
    row_px: f64,
    /// Index and additional height of expanded rows, by index.
    extras: Vec<(usize, f64)>,
}

/// The drawn part of the list.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    first: usize,
    end: usize,
    before_px: f64,
    after_px: f64,
}

impl Layout {
    /// Distance of a row's upper edge from the top of the list.
    fn top_of(&self, index: usize) -> f64 {
        let extra: f64 = self.extras.iter().take_while(|(at, _)| *at < index).map(|(_, height)| height).sum();
        index as f64 * self.row_px + extra
    }

    /// The row at this distance from the top of the list.
    fn index_at(&self, distance_px: f64) -> usize {
        let mut above = 0.0;
        for (at, height) in &self.extras {
            let top = *at as f64 * self.row_px + above;
            if distance_px < top + self.row_px {
                break;
            }
            if distance_px < top + self.row_px + height {
                return *at;
            }
            above += height;
        }
        (((distance_px - above).max(0.0) / self.row_px) as usize).min(self.count)
    }

    fn span(&self, viewport: Viewport) -> Span {
        let (first, end) = if viewport.height_px > 0.0 {
            let first = self.index_at(viewport.scroll_px).saturating_sub(OVERSCAN) / STEP * STEP;
            let last = self.index_at(viewport.scroll_px + viewport.height_px) + OVERSCAN;
            (first, (last / STEP + 1) * STEP)
        } else {
            (0, FIRST_ROWS)
        };
        let end = end.min(self.count);
        let first = first.min(end);
        let total = self.top_of(self.count);
        Span { first, end, before_px: self.top_of(first), after_px: (total - self.top_of(end)).max(0.0) }
    }
}

/// What the list is made of. Functions read signals: the list follows them.
pub struct Rows<T: 'static, K: 'static> {
    /// How many rows there are.
    pub count: Signal<usize>,
    /// The row at an index.
    pub row: Callback<usize, Option<T>>,
    /// What tells rows apart.
    pub key: fn(&T) -> K,
    /// Where the row with this key is.
    pub index_of: Callback<K, Option<usize>>,
    /// Which rows are expanded, and by how much.
    pub expanded: Expanded<K>,
}

impl<T, K> Clone for Rows<T, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, K> Copy for Rows<T, K> {}

/// The list, in a scrolling box. `view` draws a row as an `li` whose first child is the part of fixed height.
#[component]
pub fn VirtualList<T, K, V, N>(
    /// What it is a list of, for screen readers.
    label: &'static str,
    /// What the box is, where HTML has no word for it.
    #[prop(optional)]
    role: Option<&'static str>,
    /// Its rows.
    rows: Rows<T, K>,
    /// Draws a row; its first parameter is the row's index.
    view: V,
    /// The scrolling box, for those who scroll it.
    scroller: NodeRef<html::Div>,
    /// Whether the reader has scrolled away from the top.
    is_away: RwSignal<bool>,
    /// Runs when the end comes near.
    near_end: Callback<()>,
    /// What follows the last row.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: Fn(Signal<usize>, T) -> N + Clone + Send + 'static,
    N: IntoView + 'static,
{
    let list = NodeRef::<html::Ol>::new();
    let viewport = RwSignal::new(Viewport::default());
    let row_px = RwSignal::new(ROW_PX);
    let Rows { count, row, key, index_of, expanded } = rows;

    let span = Memo::new(move |_| {
        let mut extras: Vec<(usize, f64)> = expanded.with(|expanded| {
            expanded.iter().filter_map(|(key, height)| Some((index_of.run(*key)?, *height))).collect()
        });
        extras.sort_unstable_by_key(|(index, _)| *index);
        Layout { count: count.get(), row_px: row_px.get(), extras }.span(viewport.get())
    });
    let drawn = move || {
        let Span { first, end, .. } = span.get();
        (first..end).filter_map(|index| row.run(index)).collect::<Vec<T>>()
    };

    let measure = move || {
        let Some(element) = scroller.get_untracked() else { return };
        if let Some(height) = geometry::height_of(&element, "li > :first-child") {
            let known = row_px.get_untracked();
            if (height - known).abs() > 0.1 {
                row_px.set(height);
            }
        }
        viewport.set(geometry::viewport(&element));
    };
    let on_scroll = move |_| {
        let Some(element) = scroller.get_untracked() else { return };
        let now = geometry::viewport(&element);
        viewport.set(now);
        let away_now = now.scroll_px > row_px.get_untracked() / 2.0;
        if is_away.get_untracked() != away_now {
            is_away.set(away_now);
        }
        if now.content_px - now.scroll_px - now.height_px < NEAR_END_PX {
            near_end.run(());
        }
    };
    Effect::new(move |_| {
        if let Some(element) = scroller.get() {
            geometry::watch_height(&element, move |_| measure());
        }
    });
    Effect::new(move |_| {
        let Span { before_px, after_px, .. } = span.get();
        if let Some(list) = list.get() {
            geometry::set_vertical_padding(&list, before_px, after_px);
        }
    });

    view! {
        <div class="virtual-list" tabindex="0" node_ref=scroller role=role aria-label=label aria-live="off" on:scroll=on_scroll>
            <ol node_ref=list role="list">
                <ForEnumerate
                    each=drawn
                    key=move |row| key(row)
                    children=move |index, row| {
                        let index = Signal::derive(move || span.with(|span| span.first) + index.get());
                        view(index, row)
                    }
                />
            </ol>
            {children.map(|children| children())}
        </div>
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole numbers")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn layout(count: usize, extras: &[(usize, f64)]) -> Layout {
        Layout { count, row_px: 20.0, extras: extras.to_vec() }
    }

    fn at(scroll_px: f64, height_px: f64) -> Viewport {
        Viewport { scroll_px, height_px, content_px: 0.0 }
    }

    #[test]
    fn before_it_is_measured_the_first_rows_are_drawn() {
        let span = layout(1000, &[]).span(Viewport::default());
        assert_eq!((span.first, span.end, span.before_px), (0, 60, 0.0));
        assert_eq!(layout(7, &[]).span(Viewport::default()).end, 7);
    }

    #[test]
    fn only_rows_near_the_visible_part_are_drawn() {
        let span = layout(10_000, &[]).span(at(100_000.0, 600.0));
        assert!(span.first <= 5000 - OVERSCAN && span.end >= 5030 + OVERSCAN, "{span:?}");
        assert!(span.end - span.first < 100, "{span:?}");
        assert_eq!(span.before_px, span.first as f64 * 20.0);
        assert_eq!(span.after_px, (10_000 - span.end) as f64 * 20.0);
    }

    #[test]
    fn an_expanded_row_moves_what_follows_it() {
        let layout = layout(100, &[(3, 100.0), (10, 50.0)]);
        assert_eq!((layout.top_of(3), layout.top_of(4), layout.top_of(11)), (60.0, 180.0, 370.0));
        let rows = [0.0, 79.0, 81.0, 179.0, 180.0, 369.0, 370.0].map(|distance| layout.index_at(distance));
        assert_eq!(rows, [0, 3, 3, 3, 4, 10, 11]);
    }

    #[test]
    fn scrolled_beyond_its_end_the_list_still_draws() {
        let span = layout(10, &[]).span(at(9_000.0, 500.0));
        assert_eq!((span.end, span.after_px), (10, 0.0));
    }

    proptest! {
        #[test]
        fn padding_and_rows_always_add_up(
            count in 0usize..5000, scroll in 0.0..200_000.0, height in 1.0..2000.0,
            extras in prop::collection::btree_map(0usize..5000, 1.0..500.0, 0..5),
        ) {
            let extras: Vec<(usize, f64)> = extras.into_iter().filter(|(at, _)| *at < count).collect();
            let layout = layout(count, &extras);
            let span = layout.span(at(scroll, height));
            prop_assert!(span.first <= span.end && span.end <= count);
            let rows_px = layout.top_of(span.end) - layout.top_of(span.first);
            prop_assert!((span.before_px + rows_px + span.after_px - layout.top_of(count)).abs() < 0.01);
            let shown = layout.index_at(scroll);
            prop_assert!(shown >= count || (span.first <= shown && shown < span.end));
        }
    }
}
