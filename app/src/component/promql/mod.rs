//! PromQL as people write it: a field that completes it, and what its words tell.

pub mod completion;
mod editor;
mod offer;
pub mod scan;
pub mod series;
pub mod unit;
pub mod values;
pub mod words;

pub use editor::PromqlEditor;
