//! Series that were sent before, by the bytes that say which they are.

use std::sync::{PoisonError, RwLock};

use app::model::TenantId;
use foldhash::HashMap;

use crate::store::sample::Labels;

/// What is remembered may take so many bytes, about; beyond them remembering begins anew.
const MOST_BYTES: usize = 128 * 1024 * 1024;

/// A series as a sender says it: whose, and a hash of 128 bits of what it says.
pub type SentSeries = (TenantId, u128);

/// The labels of series that were sent before.
#[derive(Debug, Default)]
pub struct KnownSeries(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    series: HashMap<SentSeries, Labels>,
    bytes: usize,
}

impl KnownSeries {
    /// The labels of one that was sent before.
    pub fn get(&self, sent: SentSeries) -> Option<Labels> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).series.get(&sent).cloned()
    }

    /// Remembers one.
    pub fn learn(&self, sent: SentSeries, labels: &Labels) {
        const BESIDES: usize = 64;
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.bytes >= MOST_BYTES {
            *known = Known::default();
        }
        let texts = labels.iter().map(|(name, value)| BESIDES + name.len() + value.len());
        known.bytes += BESIDES + texts.sum::<usize>();
        known.series.insert(sent, labels.clone());
    }
}
