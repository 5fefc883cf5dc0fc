//! The scraper: asks targets for their metrics at their intervals, as Prometheus does, and stores what they answer with
//! what came of asking (`up`, `scrape_duration_seconds` and others).
//!
//! [`target`] is what is asked, [`fetch`] brings an answer, [`reading`] makes samples of it and says which series have
//! ended, [`pace`] says when. [`scraper`] runs all of that, on one Console of those that share a store. [`own`] stores
//! Console's own metrics, on each of them.

pub mod fetch;
pub mod own;
pub mod pace;
pub mod reading;
pub mod scraper;
pub mod target;

pub use self::{
    fetch::ScrapeError,
    scraper::Scraper,
    target::{Target, Wrong},
};
