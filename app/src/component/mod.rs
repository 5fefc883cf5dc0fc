//! Parts without a domain: what pages are made of.

pub mod age;
pub mod badge;
pub mod chart;
pub mod confirm;
pub mod copy;
pub mod empty;
pub mod error_panel;
pub mod form;
pub mod frame;
pub mod icon;
pub mod log_view;
pub mod me;
pub mod number;
pub mod panel;
pub mod query;
pub mod range;
pub mod reactive;
pub mod search_box;
pub mod skeleton;
pub mod snippet;
pub mod step_strip;
pub mod tabs;
pub mod text;
pub mod time;
pub mod virtual_list;
pub mod waterfall;
