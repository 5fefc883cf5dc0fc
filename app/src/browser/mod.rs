//! The only home of browser-only code: one small file a topic. Every function does nothing on the server, so that
//! pages need no conditional compilation.

pub mod clock;
pub mod event_stream;
pub mod files;
pub mod geometry;
pub mod storage;
pub mod dom;
pub mod keys;
