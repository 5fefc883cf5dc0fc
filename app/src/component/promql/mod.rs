//! PromQL as people write it: a field that completes it, and what its words tell.

pub mod completion;
pub mod scan;
pub mod unit;
pub mod words;
