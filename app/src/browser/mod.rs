//! The only home of browser-only code: one small file a topic. Every function does nothing on the server, so that
//! pages need no conditional compilation.

pub mod caret;
pub mod cells;
pub mod clock;
pub mod dom;
pub mod event_stream;
pub mod files;
pub mod fold;
pub mod geometry;
pub mod http;
pub mod keys;
pub mod location;
pub mod pointer;
pub mod rows;
pub mod storage;
