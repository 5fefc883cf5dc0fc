//! What changes in a view, in few types.
//!
//! A view compiles anew for every type of closure in it, and the browser downloads each copy. Text and attributes as
//! signals, and parts of a view behind one boxed closure, are compiled once.

use leptos::prelude::*;

/// A part of a view that changes.
pub type Part = Box<dyn FnMut() -> AnyView + Send>;

/// Text that changes, for the content of an element or for an attribute.
pub fn text(value: impl Fn() -> String + Send + Sync + 'static) -> Signal<String> {
    Signal::derive(value)
}

/// A word out of a fixed set that changes.
pub fn word(value: impl Fn() -> &'static str + Send + Sync + 'static) -> Signal<&'static str> {
    Signal::derive(value)
}

/// An attribute that comes and goes.
pub fn maybe(value: impl Fn() -> Option<&'static str> + Send + Sync + 'static) -> Signal<Option<&'static str>> {
    Signal::derive(value)
}

/// `true` or `false`, as ARIA writes it.
pub fn flag(value: impl Fn() -> bool + Send + Sync + 'static) -> Signal<&'static str> {
    Signal::derive(move || if value() { "true" } else { "false" })
}

/// Whether the page is hydrated: not on the server nor in the first view, so that both draw the same.
pub fn mounted() -> ReadSignal<bool> {
    let (mounted, set_mounted) = signal(false);
    Effect::new(move |_| set_mounted.set(true));
    mounted
}

/// A part of a view that changes.
pub fn part(view: impl FnMut() -> AnyView + Send + 'static) -> Part {
    Box::new(view)
}
