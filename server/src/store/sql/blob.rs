//! Large columns of blocks, read for several blocks in one statement, on either engine.

use std::collections::HashMap;

use sqlx::QueryBuilder;

use super::Db;
use crate::store::{StoreError, StoreResult, bulk};

type Connection = <Db as sqlx::Database>::Connection;

/// A column of the blocks of logs or spans.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    table: &'static str,
    name: &'static str,
}

pub(super) const LOG_FILTERS: Column = Column { table: "log_blocks", name: "filter" };
pub(super) const LOG_PAYLOADS: Column = Column { table: "log_blocks", name: "payload" };
pub(super) const SPAN_FILTERS: Column = Column { table: "span_blocks", name: "filter" };
pub(super) const SPAN_PAYLOADS: Column = Column { table: "span_blocks", name: "payload" };

/// That column of those of the blocks that are there, by block.
pub(super) async fn read(
    connection: &mut Connection,
    Column { table, name }: Column,
    blocks: &[i64],
) -> StoreResult<HashMap<i64, Vec<u8>>> {
    let mut read = HashMap::with_capacity(blocks.len());
    for blocks in bulk::parts(blocks) {
        let mut query = QueryBuilder::<Db>::new(format!("SELECT b.id, b.{name} FROM ("));
        query.push_values(blocks, |mut row, block| {
            row.push_bind(*block);
        });
        // A cross join: SQLite must go from the ids to the blocks, not through all blocks.
        query.push(format!(") AS k CROSS JOIN {table} b WHERE b.id = k.column1"));
        let rows: Vec<(i64, Vec<u8>)> = query.build_query_as().fetch_all(&mut *connection).await?;
        read.extend(rows);
    }
    Ok(read)
}

/// That column of one block.
pub(super) async fn read_one(connection: &mut Connection, column: Column, block: i64) -> StoreResult<Vec<u8>> {
    read(connection, column, &[block]).await?.remove(&block).ok_or_else(|| missing(block))
}

/// Says that a block is not there, which was there a moment ago.
pub(super) fn missing(block: i64) -> StoreError {
    StoreError::Gone(block)
}
