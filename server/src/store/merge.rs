//! Which small blocks are merged into a larger one.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use super::StoreError;

/// A block with this many records is not merged any more.
pub const FULL_BLOCK_RECORDS: i64 = 8192;
/// So many neighbours of the same size class are merged into one.
const BLOCKS_A_MERGE: usize = 8;
/// Records further apart are not merged into one block: retention removes whole blocks.
const LONGEST_MERGED_NANOS: i64 = 86_400_000_000_000;
/// Blocks looked at for merging in one go.
pub const COMPACTION_WINDOW: i64 = 512;

/// Blocks that could not be read: they stay as they are, and others are merged around them.
#[derive(Debug, Default)]
pub struct Unreadable(Mutex<HashSet<i64>>);

impl Unreadable {
    /// Leaves them out.
    pub fn leave_out(&self, blocks: &mut Vec<SmallBlock>) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.retain(|block| !known.contains(&block.id));
    }

    /// Remembers one, when damage is why it could not be read.
    pub fn learn(&self, (block, error): (i64, StoreError)) -> StoreError {
        if matches!(error, StoreError::Damaged(_)) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(block);
        }
        error
    }
}

/// A block that may be merged.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SmallBlock {
    /// Its row.
    pub id: i64,
    /// Number of its first record.
    pub first_id: i64,
    /// Number of its last one.
    pub last_id: i64,
    /// How many.
    pub records: i64,
    /// Earliest time, in nanoseconds.
    pub min_time: i64,
    /// Latest time, in nanoseconds.
    pub max_time: i64,
}

/// The first run of neighbours worth merging, as long as can be.
///
/// Either the outcome is a full block, or there are enough of them and none holds more than half of the records: so a
/// record is packed anew only when its block at least doubles.
pub fn choose_run(blocks: &[SmallBlock]) -> Option<&[SmallBlock]> {
    for start in 0..blocks.len() {
        let (mut records, mut largest, mut best) = (0, 0, None);
        let (mut from, mut to) = (i64::MAX, i64::MIN);
        for end in start..blocks.len() {
            let follows = end == start || blocks[end].first_id == blocks[end - 1].last_id + 1;
            (from, to) = (from.min(blocks[end].min_time), to.max(blocks[end].max_time));
            if !follows || records + blocks[end].records > FULL_BLOCK_RECORDS || to - from > LONGEST_MERGED_NANOS {
                break;
            }
            records += blocks[end].records;
            largest = largest.max(blocks[end].records);
            let count = end - start + 1;
            let doubles = count >= BLOCKS_A_MERGE && largest * 2 <= records;
            let fills = count > 1 && records > FULL_BLOCK_RECORDS / 2;
            if doubles || fills {
                best = Some(&blocks[start..=end]);
            }
        }
        if best.is_some() {
            return best;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(sizes: &[i64]) -> Vec<SmallBlock> {
        let mut next = 1;
        let mut all = Vec::new();
        for (id, records) in sizes.iter().enumerate() {
            let last_id = next + records - 1;
            let (min_time, max_time) = (next * 1_000_000_000, last_id * 1_000_000_000);
            all.push(SmallBlock { id: id as i64, first_id: next, last_id, records: *records, min_time, max_time });
            next += records;
        }
        all
    }

    #[test]
    fn neighbours_of_one_size_are_merged_once_there_are_enough() {
        assert!(choose_run(&blocks(&[1; 7])).is_none());
        assert_eq!(choose_run(&blocks(&[1; 8])).map(<[_]>::len), Some(8));
        assert!(choose_run(&blocks(&[4000])).is_none());
        assert_eq!(choose_run(&blocks(&[4000, 4000, 4000])).map(<[_]>::len), Some(2));
    }

    #[test]
    fn what_lies_days_apart_stays_apart() {
        let mut all = blocks(&[1; 8]);
        for (day, block) in all.iter_mut().enumerate() {
            (block.min_time, block.max_time) = (day as i64 * LONGEST_MERGED_NANOS, day as i64 * LONGEST_MERGED_NANOS);
        }
        assert!(choose_run(&all).is_none());
    }

    #[test]
    fn a_large_block_is_not_packed_again_for_a_few_small_ones() {
        let all = blocks(&[1, 1, 1, 1, 2000, 1, 1, 1, 1]);
        assert!(choose_run(&all).is_none());
        let more = blocks(&[1, 1, 1, 1, 1, 1, 1, 1, 2000]);
        assert_eq!(choose_run(&more).map(<[_]>::len), Some(8));
    }

    #[test]
    fn a_hole_in_the_ids_ends_a_run() {
        let mut all = blocks(&[1; 8]);
        for block in &mut all[4..] {
            block.first_id += 5;
            block.last_id += 5;
        }
        assert!(choose_run(&all).is_none());
    }
}
