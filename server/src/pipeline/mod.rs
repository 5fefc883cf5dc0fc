//! Pipeline traces: who may deliver an event, what it says, which target it touches, and the steps it takes.

pub mod demo;
pub mod gitlab;
pub mod steps;
pub mod target;
