//! Targets that are scraped, on either engine.

use app::model::{ScrapeSettings, ScrapeState, TenantId, UnixMillis};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use super::SqlStore;
use crate::{
    config::{ScrapeSecrets, Secret},
    store::{Kept, NotedState, ScrapeStore, StoreResult, StoredTarget},
};

/// A state of which nothing was noted for so long is of a target that there is no more.
const FORGET_AFTER_MILLIS: i64 = 7 * 86_400_000;

#[derive(sqlx::FromRow)]
struct TargetRow {
    id: Uuid,
    tenant: i64,
    job: String,
    url: String,
    settings: Json<ScrapeSettings>,
    secret: Option<String>,
    key_pem: Option<String>,
    created_at: DateTime<Utc>,
}

impl From<TargetRow> for StoredTarget {
    fn from(row: TargetRow) -> Self {
        let TargetRow { id, tenant, job, url, settings, secret, key_pem, created_at } = row;
        let secrets = ScrapeSecrets { secret: secret.map(Secret::new), key_pem: key_pem.map(Secret::new) };
        Self { id, tenant: TenantId(tenant), job, url, settings: settings.0, secrets, created_at }
    }
}

fn exposed(secret: Option<&Secret>) -> Option<&str> {
    secret.map(Secret::expose)
}

#[async_trait]
impl ScrapeStore for SqlStore {
    async fn scrape_targets(&self, tenant: Option<TenantId>) -> StoreResult<Vec<StoredTarget>> {
        let rows: Vec<TargetRow> = sqlx::query_as(
            "SELECT id, tenant, job, url, settings, secret, key_pem, created_at FROM scrape_targets
             WHERE $1 OR tenant = $2 ORDER BY tenant, job, url",
        )
        .bind(tenant.is_none())
        .bind(tenant.map_or(0, |tenant| tenant.0))
        .fetch_all(&self.reader)
        .await?;
        Ok(rows.into_iter().map(StoredTarget::from).collect())
    }

    async fn scrape_target(&self, tenant: TenantId, id: Uuid) -> StoreResult<Option<StoredTarget>> {
        let row: Option<TargetRow> = sqlx::query_as(
            "SELECT id, tenant, job, url, settings, secret, key_pem, created_at FROM scrape_targets
             WHERE tenant = $1 AND id = $2",
        )
        .bind(tenant.0)
        .bind(id)
        .fetch_optional(&self.reader)
        .await?;
        Ok(row.map(StoredTarget::from))
    }

    async fn add_scrape_target(&self, target: &StoredTarget, most: usize) -> StoreResult<Kept> {
        if let Kept::Exists(id) = self.same_target(target).await? {
            return Ok(Kept::Exists(id));
        }
        let mut tx = self.begin_write().await?;
        let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM scrape_targets WHERE tenant = $1")
            .bind(target.tenant.0)
            .fetch_one(&mut *tx)
            .await?;
        if count >= most as i64 {
            return Ok(Kept::Full);
        }
        let done = sqlx::query(
            "INSERT INTO scrape_targets (id, tenant, job, url, settings, secret, key_pem, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, job, url) DO NOTHING",
        )
        .bind(target.id)
        .bind(target.tenant.0)
        .bind(&target.job)
        .bind(&target.url)
        .bind(Json(&target.settings))
        .bind(exposed(target.secrets.secret.as_ref()))
        .bind(exposed(target.secrets.key_pem.as_ref()))
        .bind(target.created_at)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        if done.rows_affected() == 1 { Ok(Kept::Stored) } else { self.same_target(target).await }
    }

    async fn change_scrape_target(&self, target: &StoredTarget) -> StoreResult<Kept> {
        let done = sqlx::query(
            "UPDATE scrape_targets SET job = $3, url = $4, settings = $5, secret = $6, key_pem = $7
             WHERE tenant = $2 AND id = $1 AND NOT EXISTS (
                 SELECT 1 FROM scrape_targets WHERE tenant = $2 AND job = $3 AND url = $4 AND id <> $1)",
        )
        .bind(target.id)
        .bind(target.tenant.0)
        .bind(&target.job)
        .bind(&target.url)
        .bind(Json(&target.settings))
        .bind(exposed(target.secrets.secret.as_ref()))
        .bind(exposed(target.secrets.key_pem.as_ref()))
        .execute(&self.writer)
        .await?;
        if done.rows_affected() == 1 { Ok(Kept::Stored) } else { self.same_target(target).await }
    }

    async fn remove_scrape_target(&self, tenant: TenantId, id: Uuid) -> StoreResult<bool> {
        let mut tx = self.begin_write().await?;
        let done = sqlx::query("DELETE FROM scrape_targets WHERE tenant = $1 AND id = $2")
            .bind(tenant.0)
            .bind(id)
            .execute(&mut *tx)
            .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("DELETE FROM scrape_states WHERE target = $1").bind(id).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn scrape_states(&self, tenant: Option<TenantId>) -> StoreResult<Vec<NotedState>> {
        let rows: Vec<(Uuid, i64, Json<ScrapeState>)> =
            sqlx::query_as("SELECT target, tenant, state FROM scrape_states WHERE $1 OR tenant = $2")
                .bind(tenant.is_none())
                .bind(tenant.map_or(0, |tenant| tenant.0))
                .fetch_all(&self.reader)
                .await?;
        let noted = |(target, tenant, Json(state))| NotedState { tenant: TenantId(tenant), target, state };
        Ok(rows.into_iter().map(noted).collect())
    }

    async fn note_scrape_states(&self, states: &[NotedState], now: UnixMillis) -> StoreResult<()> {
        let mut tx = self.begin_write().await?;
        for noted in states {
            sqlx::query(
                "INSERT INTO scrape_states (target, tenant, noted_at, state) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (target) DO UPDATE SET noted_at = excluded.noted_at, state = excluded.state",
            )
            .bind(noted.target)
            .bind(noted.tenant.0)
            .bind(now.0)
            .bind(Json(&noted.state))
            .execute(&mut *tx)
            .await?;
        }
        sqlx::query("DELETE FROM scrape_states WHERE noted_at < $1")
            .bind(now.0 - FORGET_AFTER_MILLIS)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

impl SqlStore {
    /// The target with this one's job and address, or none: then there is no such one to change.
    async fn same_target(&self, target: &StoredTarget) -> StoreResult<Kept> {
        let row: Option<(Uuid,)> =
            sqlx::query_as("SELECT id FROM scrape_targets WHERE tenant = $1 AND job = $2 AND url = $3 AND id <> $4")
                .bind(target.tenant.0)
                .bind(&target.job)
                .bind(&target.url)
                .bind(target.id)
                .fetch_optional(&self.reader)
                .await?;
        Ok(row.map_or(Kept::Gone, |(id,)| Kept::Exists(id)))
    }
}
