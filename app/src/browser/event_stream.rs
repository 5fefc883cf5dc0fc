//! The browser's `EventSource`, one for the tab, with its messages handed over once per animation frame.

/// What happens on the stream.
pub enum StreamEvent {
    /// It stands.
    Open,
    /// It broke and the browser tries again by itself.
    Retrying,
    /// It broke for good.
    GaveUp,
    /// Messages, name and data, in the order of their arrival.
    Messages(Vec<(&'static str, String)>),
}

#[cfg(feature = "hydrate")]
mod imp {
    use std::{
        cell::{Cell, RefCell},
        rc::Rc,
        time::Duration,
    };

    use leptos::prelude::{
        TimeoutHandle, document, request_animation_frame, set_timeout, set_timeout_with_handle, window,
    };
    use wasm_bindgen::{JsCast, closure::Closure};
    use web_sys::{Event, EventSource, MessageEvent};

    use super::StreamEvent;

    /// More messages than this are handed over at once: a tab in the background draws no frames.
    const MOST_BUFFERED: usize = 2000;
    /// Instead of a frame while the tab is hidden.
    const HIDDEN_PAUSE: Duration = Duration::from_millis(250);

    thread_local! {
        static STREAM: RefCell<Option<Stream>> = const { RefCell::new(None) };
        /// Runs on until the one after it stands, so that nothing falls between them.
        static FORMER: RefCell<Option<Stream>> = const { RefCell::new(None) };
    }

    struct Stream {
        source: EventSource,
        // The browser calls these as long as the source lives.
        _on_open: Closure<dyn FnMut(Event)>,
        _on_error: Closure<dyn FnMut(Event)>,
        _on_message: Vec<Closure<dyn FnMut(MessageEvent)>>,
        closed: Rc<Cell<bool>>,
    }

    impl Drop for Stream {
        fn drop(&mut self) {
            self.closed.set(true);
            self.source.set_onopen(None);
            self.source.set_onerror(None);
            self.source.close();
        }
    }

    struct Buffer {
        messages: RefCell<Vec<(&'static str, String)>>,
        scheduled: Cell<bool>,
        closed: Rc<Cell<bool>>,
        handler: Box<dyn Fn(StreamEvent)>,
    }

    impl Buffer {
        fn push(self: &Rc<Self>, name: &'static str, data: String) {
            self.messages.borrow_mut().push((name, data));
            if self.messages.borrow().len() >= MOST_BUFFERED {
                self.flush();
            } else if !self.scheduled.replace(true) {
                let buffer = Rc::clone(self);
                let flush = move || {
                    buffer.scheduled.set(false);
                    buffer.flush();
                };
                if document().hidden() {
                    set_timeout(flush, HIDDEN_PAUSE);
                } else {
                    request_animation_frame(flush);
                }
            }
        }

        fn flush(&self) {
            let messages = self.messages.take();
            if !messages.is_empty() && !self.closed.get() {
                (self.handler)(StreamEvent::Messages(messages));
            }
        }
    }

    /// Opens the stream in place of the one before, which goes on until [`close_former`]. A closed stream says nothing
    /// more.
    pub fn open(url: &str, names: &[&'static str], handler: impl Fn(StreamEvent) + 'static) {
        FORMER.set(STREAM.take());
        let Ok(source) = EventSource::new(url) else {
            handler(StreamEvent::GaveUp);
            return;
        };
        let closed = Rc::new(Cell::new(false));
        let buffer = Rc::new(Buffer {
            messages: RefCell::default(),
            scheduled: Cell::new(false),
            closed: Rc::clone(&closed),
            handler: Box::new(handler),
        });

        let on_open = {
            let buffer = Rc::clone(&buffer);
            Closure::<dyn FnMut(Event)>::new(move |_| (buffer.handler)(StreamEvent::Open))
        };
        source.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        let on_error = {
            let buffer = Rc::clone(&buffer);
            let source = source.clone();
            Closure::<dyn FnMut(Event)>::new(move |_| {
                let gave_up = source.ready_state() == EventSource::CLOSED;
                (buffer.handler)(if gave_up { StreamEvent::GaveUp } else { StreamEvent::Retrying });
            })
        };
        source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        let on_message = names.iter().map(|name| {
            let buffer = Rc::clone(&buffer);
            let name = *name;
            let listener = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                buffer.push(name, event.data().as_string().unwrap_or_default());
            });
            let added = source.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref());
            if let Err(error) = added {
                leptos::logging::warn!("live stream: {error:?}");
            }
            listener
        });
        let on_message = on_message.collect();
        let stream = Stream { source, _on_open: on_open, _on_error: on_error, _on_message: on_message, closed };
        STREAM.set(Some(stream));
    }

    /// Closes the stream before this one.
    pub fn close_former() {
        FORMER.set(None);
    }

    /// Closes the stream, if there is one.
    pub fn close() {
        close_former();
        STREAM.set(None);
    }

    /// Runs `action` later; the handle takes that back.
    pub fn after_delay(delay: Duration, action: impl FnOnce() + 'static) -> Option<TimeoutHandle> {
        set_timeout_with_handle(action, delay).ok()
    }

    /// Runs `action` whenever the page is left, also when it may come back from the browser's cache.
    pub fn on_page_hide(action: impl Fn() + 'static) {
        listen("pagehide", move |_| action());
    }

    /// Runs `action` whenever the page comes back from the browser's cache.
    pub fn on_page_restore(action: impl Fn() + 'static) {
        listen("pageshow", move |event| {
            // `PageTransitionEvent.persisted`: false on an ordinary load.
            let persisted = js_sys::Reflect::get(&event, &"persisted".into());
            if persisted.is_ok_and(|value| value.is_truthy()) {
                action();
            }
        });
    }

    /// Runs `action` whenever the tab is hidden (false) or seen again (true).
    pub fn on_visibility(action: impl Fn(bool) + 'static) {
        listen("visibilitychange", move |_| action(!document().hidden()));
    }

    /// Listens as long as the page lives.
    fn listen(name: &str, action: impl Fn(Event) + 'static) {
        let listener = Closure::<dyn Fn(Event)>::new(action).into_js_value();
        if let Err(error) = window().add_event_listener_with_callback(name, listener.unchecked_ref()) {
            leptos::logging::warn!("{name}: {error:?}");
        }
    }
}

#[cfg(not(feature = "hydrate"))]
mod imp {
    use std::time::Duration;

    use leptos::prelude::TimeoutHandle;

    use super::StreamEvent;

    /// Does nothing on the server.
    pub fn open(_url: &str, _names: &[&'static str], _handler: impl Fn(StreamEvent) + 'static) {}

    /// Does nothing on the server.
    pub fn close_former() {}

    /// Does nothing on the server.
    pub fn close() {}

    /// Does nothing on the server.
    pub fn after_delay(_delay: Duration, _action: impl FnOnce() + 'static) -> Option<TimeoutHandle> {
        None
    }

    /// Does nothing on the server.
    pub fn on_page_hide(_action: impl Fn() + 'static) {}

    /// Does nothing on the server.
    pub fn on_page_restore(_action: impl Fn() + 'static) {}

    /// Does nothing on the server.
    pub fn on_visibility(_action: impl Fn(bool) + 'static) {}
}

pub use imp::{after_delay, close, close_former, on_page_hide, on_page_restore, on_visibility, open};
