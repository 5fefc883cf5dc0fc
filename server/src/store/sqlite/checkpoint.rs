//! Moves what has been committed from the write-ahead log into the database, beside the commits: a commit that did it itself
//! would make all who wait for it wait for the copying too.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sqlx::{Pool, Sqlite, sqlite::SqliteConnectOptions, sqlite::SqlitePoolOptions};
use tokio::sync::Notify;

use crate::store::{ACQUIRE_TIMEOUT, StoreResult};

/// So many bytes are worth copying: as much as SQLite takes together when nobody says otherwise.
const BYTES: usize = 4 << 20;
/// Pages in the log beyond which a commit copies the rest after all, so that the log begins anew: 64 MiB.
pub(super) const MOST_PAGES: &str = "16384";

/// Copies on a connection of its own.
pub(super) struct Checkpointer {
    pool: Pool<Sqlite>,
    /// About so many bytes have been written since a copy was asked for.
    written: AtomicUsize,
    wanted: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

impl Checkpointer {
    /// Starts it; it ends when it is closed or dropped.
    pub(super) async fn start(options: SqliteConnectOptions) -> StoreResult<Self> {
        let pool = SqlitePoolOptions::new()
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(Duration::from_mins(10))
            .max_connections(1)
            .connect_with(options.pragma("cache_size", "-500"))
            .await?;
        let wanted = Arc::new(Notify::new());
        let task = tokio::spawn(run(pool.clone(), Arc::clone(&wanted)));
        Ok(Self { pool, written: AtomicUsize::new(0), wanted, task })
    }

    /// Says that a commit has written about so many bytes.
    pub(super) fn wrote(&self, bytes: usize) {
        if self.written.fetch_add(bytes, Ordering::Relaxed) + bytes >= BYTES {
            self.written.store(0, Ordering::Relaxed);
            self.wanted.notify_one();
        }
    }

    /// Ends it, with its connection.
    pub(super) async fn close(&self) {
        self.task.abort();
        self.pool.close().await;
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(pool: Pool<Sqlite>, wanted: Arc<Notify>) {
    loop {
        wanted.notified().await;
        // It waits for nobody. Where it fails, the log grows until a commit copies it, and says what is wrong.
        if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&pool).await {
            tracing::debug!(%error, "the write-ahead log was not copied");
        }
    }
}
