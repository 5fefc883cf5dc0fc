//! Parts without a domain: what pages are made of.

pub mod badge;
pub mod empty;
pub mod error_panel;
pub mod icon;
pub mod number;
pub mod panel;
pub mod query;
pub mod range;
pub mod skeleton;
pub mod tabs;
pub mod time;
