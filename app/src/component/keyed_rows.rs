//! Rows in the document, by key. What keeps its place among the others is not touched when others come or go, wherever they
//! do: a row that is taken out and put back is laid out anew and loses the focus and the selection in it, which leptos' own
//! list does to all rows when several come before them. A row that changes its place takes along those that it passes.

use std::{collections::HashMap, hash::Hash};

use leptos::{
    prelude::*,
    reactive::owner::Owner,
    tachys::{
        html::attribute::{Attribute, any_attribute::AnyAttribute},
        hydration::Cursor,
        reactive_graph::{OwnedView, OwnedViewState},
        renderer::{CastFrom, Rndr, types},
        view::{Mountable, Position, PositionState, Render, RenderHtml, add_attr::AddAnyAttr, any_view::AnyViewState},
    },
};

/// Draws a row, given its place among the drawn rows.
type Draw = Box<dyn Fn(usize) -> AnyView + Send>;
type Row = OwnedView<AnyView>;
type RowState = OwnedViewState<AnyViewState>;

/// Rows as they should be. They have no parts that are loaded later.
pub struct KeyedRows<K> {
    keys: Vec<K>,
    draw: Draw,
    /// What rows belong to; each has an owner of its own under it.
    parent: Owner,
    /// On the server, which draws all of them at once.
    drawn: Vec<Row>,
}

/// The rows that are in the document.
pub struct KeyedRowsState<K> {
    keys: Vec<K>,
    rows: Vec<RowState>,
    /// Stands after the last row.
    marker: types::Placeholder,
}

/// Where a row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// It is drawn.
    New,
    /// It was at this place, and stays before the rows that follow it.
    Stays(usize),
    /// It was at this place, and changes places with others.
    Moves(usize),
}

/// Where the rows of `new` come from when those of `old` are there. Of equal keys in either, one counts as the same row.
fn sources<K: Eq + Hash>(old: &[K], new: &[K]) -> Vec<Source> {
    let mut places: HashMap<&K, usize> = old.iter().zip(0..).collect();
    let mut next = old.len();
    let mut source = |key| match places.remove(key) {
        None => Source::New,
        Some(at) if at < next => {
            next = at;
            Source::Stays(at)
        }
        Some(at) => Source::Moves(at),
    };
    let mut sources: Vec<Source> = new.iter().rev().map(&mut source).collect();
    sources.reverse();
    sources
}

impl<K> KeyedRows<K> {
    /// Rows with these keys. `draw` is asked for those that are not there yet.
    pub fn new(parent: &Owner, keys: Vec<K>, draw: impl Fn(usize) -> AnyView + Send + 'static) -> Self {
        let mut rows = Self { keys, draw: Box::new(draw), parent: parent.clone(), drawn: Vec::new() };
        if cfg!(feature = "ssr") {
            rows.drawn = (0..rows.keys.len()).map(|place| rows.row(place)).collect();
        }
        rows
    }

    fn row(&self, place: usize) -> Row {
        let owner = self.parent.with(Owner::new);
        let view = owner.with(|| (self.draw)(place));
        OwnedView::new_with_owner(view, owner)
    }
}

impl<K: Eq + Hash + 'static> Render for KeyedRows<K> {
    type State = KeyedRowsState<K>;

    fn build(self) -> Self::State {
        let rows = (0..self.keys.len()).map(|place| self.row(place).build()).collect();
        KeyedRowsState { keys: self.keys, rows, marker: Rndr::create_placeholder() }
    }

    fn rebuild(self, state: &mut Self::State) {
        let sources = sources(&state.keys, &self.keys);
        let mut old: Vec<Option<RowState>> = state.rows.drain(..).map(Some).collect();
        let mut kept: Vec<Option<RowState>> = Vec::with_capacity(sources.len());
        for source in &sources {
            kept.push(match source {
                Source::New => None,
                Source::Stays(at) | Source::Moves(at) => old[*at].take(),
            });
        }
        for mut gone in old.into_iter().flatten() {
            gone.unmount();
        }
        let parent = Rndr::get_parent(state.marker.as_ref()).and_then(types::Element::cast_from);
        // From the last row to the first: each has its place before one that is there already.
        let mut rows: Vec<RowState> = Vec::with_capacity(sources.len());
        for (place, (source, row)) in sources.iter().zip(kept).enumerate().rev() {
            let mut row = row.unwrap_or_else(|| self.row(place).build());
            let is_there = matches!(source, Source::Stays(_));
            if let Some(parent) = parent.as_ref().filter(|_| !is_there) {
                let marker = Some(state.marker.as_ref());
                match rows.last() {
                    Some(next) => next.insert_before_this_or_marker(parent, &mut row, marker),
                    None => row.mount(parent, marker),
                }
            }
            rows.push(row);
        }
        rows.reverse();
        state.rows = rows;
        state.keys = self.keys;
    }
}

impl<K: Eq + Hash + Send + 'static> AddAnyAttr for KeyedRows<K> {
    type Output<A: Attribute> = Self;

    /// Rows have the attributes that they are drawn with.
    fn add_any_attr<A: Attribute>(self, _attribute: A) -> Self::Output<A> {
        self
    }
}

impl<K: Eq + Hash + Send + 'static> RenderHtml for KeyedRows<K> {
    type AsyncOutput = Self;
    type Owned = Self;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {}

    async fn resolve(self) -> Self {
        self
    }

    fn to_html_with_buf(
        self,
        buf: &mut String,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    ) {
        for row in self.drawn {
            row.to_html_with_buf(buf, position, escape, mark_branches, extra_attrs.clone());
            *position = Position::NextChild;
        }
        buf.push_str("<!>");
    }

    fn hydrate<const FROM_SERVER: bool>(self, cursor: &Cursor, position: &PositionState) -> Self::State {
        // All rows are drawn before the first finds its elements, as on the server: what rows number must agree.
        let drawn: Vec<Row> = (0..self.keys.len()).map(|place| self.row(place)).collect();
        let rows = drawn.into_iter().map(|row| row.hydrate::<FROM_SERVER>(cursor, position)).collect();
        let marker = cursor.next_placeholder(position);
        position.set(Position::NextChild);
        KeyedRowsState { keys: self.keys, rows, marker }
    }

    fn into_owned(self) -> Self {
        self
    }
}

impl<K> Mountable for KeyedRowsState<K> {
    fn unmount(&mut self) {
        for row in &mut self.rows {
            row.unmount();
        }
        self.marker.unmount();
    }

    fn mount(&mut self, parent: &types::Element, before: Option<&types::Node>) {
        for row in &mut self.rows {
            row.mount(parent, before);
        }
        self.marker.mount(parent, before);
    }

    fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
        self.rows.first().is_some_and(|first| first.insert_before_this(child)) || self.marker.insert_before_this(child)
    }

    fn elements(&self) -> Vec<types::Element> {
        self.rows.iter().flat_map(Mountable::elements).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Source::*, *};

    #[test]
    fn rows_stay_when_several_come_before_them() {
        assert_eq!(sources(&[5, 6, 7], &[2, 3, 4, 5, 6, 7]), [New, New, New, Stays(0), Stays(1), Stays(2)]);
        assert_eq!(sources(&[1, 2, 3, 4], &[3, 4, 5]), [Stays(2), Stays(3), New]);
        assert_eq!(sources(&[1, 2, 3], &[2, 9, 3]), [Stays(1), New, Stays(2)]);
    }

    #[test]
    fn a_row_that_changes_its_place_moves() {
        assert_eq!(sources(&[1, 2, 3], &[3, 1, 2]), [Moves(2), Stays(0), Stays(1)]);
    }

    #[test]
    fn of_equal_keys_one_is_the_row_that_was_there() {
        assert_eq!(sources(&[1, 1], &[1]), [Stays(1)]);
        assert_eq!(sources(&[1], &[1, 1]), [New, Stays(0)]);
    }

    proptest! {
        #[test]
        fn every_row_comes_from_its_like_and_those_that_stay_keep_their_order(
            old in prop::collection::vec(0u8..30, 0..20), new in prop::collection::vec(0u8..30, 0..20),
        ) {
            let sources = sources(&old, &new);
            prop_assert_eq!(sources.len(), new.len());
            let mut last = None;
            let mut used = std::collections::HashSet::new();
            for (key, source) in new.iter().zip(sources) {
                if let Stays(at) | Moves(at) = source {
                    prop_assert_eq!(old[at], *key);
                    prop_assert!(used.insert(at), "{} twice", at);
                }
                if let Stays(at) = source {
                    prop_assert!(last < Some(at));
                    last = Some(at);
                }
            }
            for (at, key) in old.iter().enumerate() {
                prop_assert!(!new.contains(key) || old.iter().rposition(|other| other == key) != Some(at) || used.contains(&at));
            }
        }
    }
}
