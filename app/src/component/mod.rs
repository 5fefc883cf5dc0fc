//! Parts without a domain: what pages are made of.

pub mod badge;
pub mod copy;
pub mod empty;
pub mod error_panel;
pub mod frame;
pub mod icon;
pub mod log_view;
pub mod number;
pub mod panel;
pub mod query;
pub mod range;
pub mod skeleton;
pub mod tabs;
pub mod time;
pub mod virtual_list;
