//! Filters of blocks, remembered: searches and commits ask the same ones again and again.

use std::{collections::HashMap, sync::Arc};

use app::model::TenantId;

use super::{
    Db,
    blob::{self, Column},
};
use crate::store::StoreResult;

/// What is remembered of each kind, in bytes: the filters of some ten million records.
const REMEMBERED_BYTES: u64 = 32 << 20;
/// What remembering one takes besides.
const ENTRY_BYTES: usize = 320;
/// Filters that are read at once, each some ten kilobytes.
pub(super) const FILTERS_A_READ: usize = 32;

type Connection = <Db as sqlx::Database>::Connection;

/// Where a block is, and what it holds: the numbers of its first and last record.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub(super) struct BlockPlace {
    pub id: i64,
    pub first: i64,
    pub last: i64,
}

/// A block's content. Numbers of records are given once, while a row's id may be given again after the row was removed.
type Key = (TenantId, i64, i64);

/// The filters of logs or of spans.
pub(super) struct Filters {
    column: Column,
    known: moka::sync::Cache<Key, Arc<[u8]>>,
}

impl Filters {
    /// None is known yet.
    pub fn new(column: Column) -> Self {
        let size = |_: &Key, filter: &Arc<[u8]>| u32::try_from(filter.len() + ENTRY_BYTES).unwrap_or(u32::MAX);
        Self { column, known: moka::sync::Cache::builder().weigher(size).max_capacity(REMEMBERED_BYTES).build() }
    }

    /// The filters of those of the blocks that are there, by row.
    pub async fn of(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        blocks: &[BlockPlace],
    ) -> StoreResult<HashMap<i64, Arc<[u8]>>> {
        let mut found = HashMap::with_capacity(blocks.len());
        let mut unknown = Vec::new();
        for block in blocks {
            match self.known.get(&(tenant, block.first, block.last)) {
                Some(filter) => {
                    found.insert(block.id, filter);
                }
                None => unknown.push(*block),
            }
        }
        for blocks in unknown.chunks(FILTERS_A_READ) {
            let ids: Vec<i64> = blocks.iter().map(|block| block.id).collect();
            let mut read = blob::read(&mut *connection, self.column, &ids).await?;
            for block in blocks {
                let Some(filter) = read.remove(&block.id) else { continue };
                let filter: Arc<[u8]> = filter.into();
                self.known.insert((tenant, block.first, block.last), filter.clone());
                found.insert(block.id, filter);
            }
        }
        Ok(found)
    }

    /// The filter of one block.
    pub async fn of_one(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        block: BlockPlace,
    ) -> StoreResult<Arc<[u8]>> {
        self.of(connection, tenant, &[block]).await?.remove(&block.id).ok_or_else(|| blob::missing(block.id))
    }
}
