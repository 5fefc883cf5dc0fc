//! Series that were sent before, by the bytes that say which they are.

use std::sync::{PoisonError, RwLock};

use app::model::TenantId;
use foldhash::HashMap;

use crate::store::sample::Labels;

/// Series that are remembered; beyond them remembering begins anew.
const MOST_SERIES: usize = 300_000;

/// A series as a sender says it: whose, and a hash of 128 bits of what it says.
pub type SentSeries = (TenantId, u128);

/// The labels of series that were sent before.
#[derive(Debug, Default)]
pub struct KnownSeries(RwLock<HashMap<SentSeries, Labels>>);

impl KnownSeries {
    /// The labels of one that was sent before.
    pub fn get(&self, sent: SentSeries) -> Option<Labels> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&sent).cloned()
    }

    /// Remembers one.
    pub fn learn(&self, sent: SentSeries, labels: &Labels) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_SERIES {
            known.clear();
        }
        known.insert(sent, labels.clone());
    }
}
