//! Parts without a domain: what pages are made of.

pub mod age;
pub mod badge;
pub mod chart;
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
pub mod reactive;
pub mod search_box;
pub mod skeleton;
pub mod step_strip;
pub mod tabs;
pub mod time;
pub mod virtual_list;
pub mod waterfall;
