//! A long list of which only the rows near the visible part are in the document.
//!
//! Rows have one height, measured; a row that is expanded is higher by a measured amount. Rows that are not drawn are
//! replaced by padding, so that the scroll bar is honest.

use std::{collections::HashMap, hash::Hash};

use leptos::{html, prelude::*, reactive::owner::Owner};

use super::keyed_rows::KeyedRows;
use crate::browser::{
    clock,
    geometry::{self, Viewport},
    rows,
};

/// Rows that the server draws, and the browser until it has measured.
const FIRST_ROWS: usize = 60;
/// Rows drawn beyond each edge of the visible part.
const OVERSCAN: usize = 16;
/// The drawn part moves in steps of so many rows, so that most scroll events change nothing.
const STEP: usize = 8;
/// Rows added in one frame: a jump to elsewhere must not stop the page, so what shows comes first and the rest after it.
/// It begins with so many,
const FIRST_ROWS_A_FRAME: usize = 8;
/// and goes by how long frames take, within these limits.
const ROWS_A_FRAME: (usize, usize) = (4, 16);
/// After frames this short, in milliseconds,
const SHORT_FRAME_MS: i64 = 20;
/// the next may have a row more. After frames this long it has half as many.
const LONG_FRAME_MS: i64 = 40;
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

/// Neighbouring rows, by index.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stretch {
    first: usize,
    end: usize,
}

/// What should be drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Target {
    rows: Stretch,
    /// The part of it that shows.
    visible: Stretch,
}

impl Stretch {
    fn within(self, limits: Self) -> Self {
        let first = self.first.clamp(limits.first, limits.end);
        Self { first, end: self.end.clamp(first, limits.end) }
    }

    fn is_empty(self) -> bool {
        self.first >= self.end
    }
}

impl Target {
    /// What is drawn in the next frame, when this much is drawn now and at most so many rows are added.
    fn approach(self, drawn: Stretch, most: usize) -> Stretch {
        let nothing_here = Stretch { first: self.visible.first, end: self.visible.first };
        let is_elsewhere =
            drawn.within(self.visible).is_empty() && !self.visible.is_empty() && drawn.end != self.visible.first;
        if is_elsewhere && drawn.end - drawn.first > most {
            // Taking away so much is work enough for a frame.
            return nothing_here;
        }
        let mut next = if is_elsewhere { nothing_here } else { drawn.within(self.rows) };
        let mut left = most;
        for goal in [self.visible, self.rows] {
            let below = goal.end.saturating_sub(next.end).min(left);
            let above = next.first.saturating_sub(goal.first).min(left - below);
            next = Stretch { first: next.first - above, end: next.end + below };
            left -= below + above;
        }
        next
    }
}

impl Layout {
    fn of<K: Copy + Eq + Hash + Send + Sync + 'static>(
        count: usize,
        row_px: f64,
        expanded: Expanded<K>,
        index_of: Callback<K, Option<usize>>,
    ) -> Self {
        let mut extras: Vec<(usize, f64)> = expanded.with(|expanded| {
            expanded.iter().filter_map(|(key, height)| Some((index_of.run(*key)?, *height))).collect()
        });
        extras.sort_unstable_by_key(|(index, _)| *index);
        Self { count, row_px, extras }
    }

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

    fn target(&self, viewport: Viewport) -> Target {
        let all = Stretch { first: 0, end: self.count };
        if viewport.height_px <= 0.0 {
            let rows = Stretch { first: 0, end: FIRST_ROWS }.within(all);
            return Target { rows, visible: rows };
        }
        let visible = Stretch {
            first: self.index_at(viewport.scroll_px),
            end: self.index_at(viewport.scroll_px + viewport.height_px) + 1,
        };
        let first = visible.first.saturating_sub(OVERSCAN) / STEP * STEP;
        let end = ((visible.end + OVERSCAN) / STEP + 1) * STEP;
        Target { rows: Stretch { first, end }.within(all), visible: visible.within(all) }
    }

    /// Room before and after these rows, in pixels.
    fn padding(&self, Stretch { first, end }: Stretch) -> (f64, f64) {
        (self.top_of(first), (self.top_of(self.count) - self.top_of(end)).max(0.0))
    }
}

/// How many rows are added in a frame, after so many were and it took so long.
fn paced(rows: usize, frame_ms: i64) -> usize {
    let (fewest, most) = ROWS_A_FRAME;
    match frame_ms {
        ..=SHORT_FRAME_MS => (rows + 1).min(most),
        LONG_FRAME_MS.. => (rows / 2).max(fewest),
        _ => rows,
    }
}

/// When a list draws: once a frame at most, as many rows as frames have time for.
#[derive(Clone, Copy)]
struct Frames {
    /// Rows that the next frame may add.
    rows: StoredValue<usize>,
    is_asked_for: StoredValue<bool>,
    /// When the frame before was, and whether it left rows for the next: only then the time between is what it took.
    last_ms: StoredValue<i64>,
    goes_on: StoredValue<bool>,
}

impl Frames {
    fn new() -> Self {
        Self {
            rows: StoredValue::new(FIRST_ROWS_A_FRAME),
            is_asked_for: StoredValue::new(false),
            last_ms: StoredValue::new(0),
            goes_on: StoredValue::new(false),
        }
    }

    /// Says that the frame that has been drawn left rows for the next.
    fn go_on(self) {
        self.goes_on.set_value(true);
    }

    /// Asks for a frame, unless one is on its way.
    fn ask(self, then: impl FnOnce() + 'static) {
        if self.is_asked_for.get_value() {
            return;
        }
        self.is_asked_for.set_value(true);
        request_animation_frame(move || {
            // The list may be gone by then.
            if self.is_asked_for.try_set_value(false).is_some() {
                return;
            }
            let now_ms = clock::now().0;
            if self.goes_on.get_value() {
                self.rows.update_value(|rows| *rows = paced(*rows, now_ms - self.last_ms.get_value()));
            }
            self.last_ms.set_value(now_ms);
            self.goes_on.set_value(false);
            then();
        });
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

/// The list, in a scrolling box. `view` draws a row as an `li` whose first child is the part of fixed height, and which
/// says its place in `aria-posinset` and `aria-setsize`; the list keeps both true. Of rows with a `tabindex` the Tab key
/// reaches one: the first row of all should say `0`, others `-1`.
#[component]
pub fn VirtualList<T, K, V, N>(
    /// What it is a list of, for screen readers.
    label: &'static str,
    /// What the box is, where HTML has no word for it.
    #[prop(optional)]
    role: Option<&'static str>,
    /// Its rows.
    rows: Rows<T, K>,
    /// Draws a row; its first parameter is the row's index when it is drawn.
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
    V: Fn(usize, T) -> N + Clone + Send + 'static,
    N: IntoView + 'static,
{
    let list = NodeRef::<html::Ol>::new();
    let viewport = RwSignal::new(Viewport::default());
    let row_px = RwSignal::new(ROW_PX);
    let Rows { count, row, key, index_of, expanded } = rows;

    let layout = Memo::new(move |_| Layout::of(count.get(), row_px.get(), expanded, index_of));
    let target = Memo::new(move |_| layout.with(|layout| layout.target(viewport.get())));
    let (frame, frames) = (RwSignal::new(0_u32), Frames::new());
    let drawn = Memo::new(move |before: Option<&Stretch>| {
        frame.track();
        let target = target.get();
        before.map_or(target.rows, |drawn| target.approach(*drawn, frames.rows.get_value()))
    });
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
    let is_scrolled = StoredValue::new(false);
    let look = move || {
        let Some(Some(element)) = scroller.try_get_untracked() else { return };
        let now = geometry::viewport(&element);
        viewport.set(now);
        let away_now = now.scroll_px > row_px.get_untracked() / 2.0;
        if is_away.get_untracked() != away_now {
            is_away.set(away_now);
        }
        // A list that is short has its end near: who only looks on has not asked for more.
        let was_scrolled = is_scrolled.get_value();
        is_scrolled.set_value(false);
        if was_scrolled && now.content_px - now.scroll_px - now.height_px < NEAR_END_PX {
            near_end.run(());
        }
    };
    let is_numbered = StoredValue::new(true);
    let ask_for_frame = move || {
        frames.ask(move || {
            if !is_numbered.get_value()
                && let Some(list) = list.get_untracked()
            {
                // Before the list is looked at: what is drawn now is what stands there.
                rows::number(&list, drawn.get_untracked().first, count.get_untracked());
                is_numbered.set_value(true);
            }
            look();
            frame.update(|frame| *frame = frame.wrapping_add(1));
        });
    };
    let owner = Owner::current().unwrap_or_default();
    let drawn_rows = move || {
        // What is drawn is numbered once it is there.
        is_numbered.set_value(false);
        if list.get_untracked().is_some() {
            ask_for_frame();
        }
        let Stretch { first, end } = drawn.get();
        let rows: Vec<(usize, T)> = (first..end).filter_map(|index| Some((index, row.run(index)?))).collect();
        let keys = rows.iter().map(|(_, row)| key(row)).collect();
        let view = view.clone();
        KeyedRows::new(&owner, keys, move |place| {
            let (index, row) = rows[place].clone();
            view(index, row).into_any()
        })
    };
    let on_scroll = move |_| {
        is_scrolled.set_value(true);
        ask_for_frame();
    };
    Effect::new(move |_| {
        if drawn.get() != target.get().rows {
            frames.go_on();
            ask_for_frame();
        }
    });
    Effect::new(move |_| {
        if let Some(element) = scroller.get() {
            geometry::watch_height(&element, move |_| measure());
        }
    });
    Effect::new(move |_| {
        let (before_px, after_px) = layout.with(|layout| layout.padding(drawn.get()));
        if let Some(list) = list.get() {
            geometry::set_vertical_padding(&list, before_px, after_px);
        }
    });

    let on_focus = move |focused| {
        if let Some(list) = list.get_untracked() {
            rows::keep_tab_stop(&list, &focused);
        }
    };

    view! {
        <div class="virtual-list" tabindex="0" node_ref=scroller role=role aria-label=label aria-live="off" on:scroll=on_scroll>
            <ol node_ref=list role="list" on:focusin=on_focus>
                {drawn_rows}
            </ol>
            {children.map(|children| children())}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn layout(count: usize, extras: &[(usize, f64)]) -> Layout {
        Layout { count, row_px: 20.0, extras: extras.to_vec() }
    }

    fn at(scroll_px: f64, height_px: f64) -> Viewport {
        Viewport { scroll_px, height_px, content_px: 0.0 }
    }

    /// What is drawn in the end, from nothing.
    fn rows(layout: &Layout, viewport: Viewport) -> Stretch {
        layout.target(viewport).rows
    }

    #[test]
    fn before_it_is_measured_the_first_rows_are_drawn() {
        assert_eq!(rows(&layout(1000, &[]), Viewport::default()), Stretch { first: 0, end: 60 });
        assert_eq!(rows(&layout(7, &[]), Viewport::default()).end, 7);
    }

    #[test]
    fn only_rows_near_the_visible_part_are_drawn() {
        let layout = layout(10_000, &[]);
        let rows = rows(&layout, at(100_000.0, 600.0));
        assert!(rows.first <= 5000 - OVERSCAN && rows.end >= 5030 + OVERSCAN, "{rows:?}");
        assert!(rows.end - rows.first < 100, "{rows:?}");
        let padding = (rows.first as f64 * 20.0, (10_000 - rows.end) as f64 * 20.0);
        assert_eq!(layout.padding(rows), padding);
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
        let layout = layout(10, &[]);
        let rows = rows(&layout, at(9_000.0, 500.0));
        assert_eq!((rows.end, layout.padding(rows).1), (10, 0.0));
    }

    #[test]
    fn after_a_jump_what_shows_is_drawn_first() {
        let layout = layout(10_000, &[]);
        let target = layout.target(at(100_000.0, 600.0));
        let jumped = target.approach(Stretch { first: 0, end: 60 }, 8);
        assert_eq!(jumped, Stretch { first: 5000, end: 5000 });
        assert_eq!(target.approach(jumped, 8), Stretch { first: 5000, end: 5008 });
        let scrolled = target.approach(Stretch { first: 4960, end: 5016 }, 8);
        assert_eq!(scrolled, Stretch { first: target.rows.first, end: 5024 });
    }

    #[test]
    fn rows_show_while_the_list_is_scrolled() {
        let layout = layout(10_000, &[]);
        let mut drawn = Stretch { first: 0, end: 60 };
        for frame in 0..100 {
            let target = layout.target(at(100_000.0 + f64::from(frame) * 60.0, 600.0));
            drawn = target.approach(drawn, 8);
            assert!(frame == 0 || !drawn.within(target.visible).is_empty(), "{drawn:?} of {target:?}");
        }
    }

    #[test]
    fn how_many_rows_come_at_once_goes_by_what_a_frame_takes() {
        let (fewest, most) = ROWS_A_FRAME;
        assert_eq!([paced(8, 16), paced(8, 33), paced(8, 60)], [9, 8, 4]);
        assert_eq!([paced(most, 16), paced(fewest, 60)], [most, fewest]);
    }

    proptest! {
        #[test]
        fn frame_by_frame_all_rows_come_a_few_at_a_time(
            count in 0usize..5000, scroll in 0.0..200_000.0, height in 1.0..2000.0,
            first in 0usize..6000, drawn in 0usize..100, most in 1usize..50,
        ) {
            let target = layout(count, &[]).target(at(scroll, height));
            let mut drawn = Stretch { first, end: first + drawn };
            for _ in 0..=(target.rows.end - target.rows.first) / most + 2 {
                let next = target.approach(drawn, most);
                prop_assert_eq!(next.within(target.rows), next);
                let kept = next.within(drawn);
                let added = (next.end - next.first) - (kept.end - kept.first);
                prop_assert!(added <= most, "{:?} after {:?}", next, drawn);
                drawn = next;
            }
            prop_assert_eq!(drawn, target.rows);
        }

        #[test]
        fn padding_and_rows_always_add_up(
            count in 0usize..5000, scroll in 0.0..200_000.0, height in 1.0..2000.0,
            extras in prop::collection::btree_map(0usize..5000, 1.0..500.0, 0..5),
        ) {
            let extras: Vec<(usize, f64)> = extras.into_iter().filter(|(at, _)| *at < count).collect();
            let layout = layout(count, &extras);
            let rows = rows(&layout, at(scroll, height));
            prop_assert!(rows.first <= rows.end && rows.end <= count);
            let (before_px, after_px) = layout.padding(rows);
            let rows_px = layout.top_of(rows.end) - layout.top_of(rows.first);
            prop_assert!((before_px + rows_px + after_px - layout.top_of(count)).abs() < 0.01);
            let shown = layout.index_at(scroll);
            prop_assert!(shown >= count || (rows.first <= shown && shown < rows.end));
        }
    }
}
