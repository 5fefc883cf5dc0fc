//! Pipeline traces and webhook deliveries, on either engine.

use app::model::{
    PipelineFilter, PipelineStatus, PipelineTrace, TenantId, TimeRange, TraceId,
    pipeline::{PipelineStats, Step},
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use super::{Db, SqlStore};
use crate::store::{
    Claim, DeliveryKey, PipelineChoices, PipelineCursor, PipelineStore, StoreError, StoreResult, StoredPipeline,
};

const STATE_PROCESSING: &str = "processing";
const STATE_DONE: &str = "done";
const STATE_FAILED: &str = "failed";

/// What a search looks at, in lower case as far as the engine can: in some databases that is ASCII only.
macro_rules! searched {
    () => {
        "LOWER(COALESCE(git_commit_message, '') || ' ' || COALESCE(git_author, '') || ' ' ||
               COALESCE(git_branch, '') || ' ' || COALESCE(git_project, '') || ' ' || COALESCE(api_name, '') || ' ' ||
               COALESCE(api_id, '') || ' ' || COALESCE(git_commit_sha, '') || ' ' || COALESCE(error_summary, ''))"
    };
}

/// The part of a statement that every reading of pipeline traces shares: parameters $1 to $10.
macro_rules! matching {
    ($head:expr, $tail:literal) => {
        concat!(
            $head,
            " WHERE tenant = $1
                AND (CAST($2 AS TEXT) IS NULL OR status = $2)
                AND (CAST($3 AS TEXT) IS NULL OR environment = $3)
                AND (CAST($4 AS TEXT) IS NULL OR tenant_id = $4)
                AND (CAST($5 AS TEXT) IS NULL OR trigger_type = $5)
                AND created_at >= $8 AND created_at < $9
                AND (CAST($6 AS TEXT) IS NULL OR id = $7 OR ",
            searched!(),
            " LIKE $6 ESCAPE '\\' OR ",
            searched!(),
            " LIKE $10 ESCAPE '\\') ",
            $tail
        )
    };
}

/// Reading whole rows.
macro_rules! columns {
    () => {
        "SELECT id, trigger_type, trigger_source, git_commit_sha, git_commit_message, git_branch, git_author, \
         git_author_email, git_project, git_files_changed, tenant_id, api_id, api_name, environment, created_at, \
         completed_at, total_duration_ms, status, error_summary, steps, project_url FROM pipeline_traces"
    };
}

const GET: &str = concat!(columns!(), " WHERE tenant = $1 AND id = $2");

const LIST: &str =
    matching!(columns!(), "AND (created_at, id) < ($11, $12) ORDER BY created_at DESC, id DESC LIMIT $13");

const STATS: &str = matching!(
    "SELECT status, COUNT(*), COUNT(total_duration_ms), CAST(COALESCE(SUM(total_duration_ms), 0) AS BIGINT) \
     FROM pipeline_traces",
    "GROUP BY status"
);

const INSERT: &str = "INSERT INTO pipeline_traces (tenant, id, trigger_type, trigger_source, git_commit_sha, \
     git_commit_message, git_branch, git_author, git_author_email, git_project, git_files_changed, tenant_id, api_id, \
     api_name, environment, created_at, completed_at, total_duration_ms, status, error_summary, steps, project_url) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)";

const UPDATE: &str = "UPDATE pipeline_traces SET trigger_type = $3, trigger_source = $4, git_commit_sha = $5, \
     git_commit_message = $6, git_branch = $7, git_author = $8, git_author_email = $9, git_project = $10, \
     git_files_changed = $11, tenant_id = $12, api_id = $13, api_name = $14, environment = $15, created_at = $16, \
     completed_at = $17, total_duration_ms = $18, status = $19, error_summary = $20, steps = $21, project_url = $22 \
     WHERE tenant = $1 AND id = $2";

#[derive(sqlx::FromRow)]
struct PipelineRow {
    id: Uuid,
    trigger_type: String,
    trigger_source: String,
    git_commit_sha: Option<String>,
    git_commit_message: Option<String>,
    git_branch: Option<String>,
    git_author: Option<String>,
    git_author_email: Option<String>,
    git_project: Option<String>,
    git_files_changed: Json<Vec<String>>,
    tenant_id: Option<String>,
    api_id: Option<String>,
    api_name: Option<String>,
    environment: Option<String>,
    created_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
    total_duration_ms: Option<i64>,
    status: String,
    error_summary: Option<String>,
    steps: Json<Vec<Step>>,
    project_url: Option<String>,
}

impl TryFrom<PipelineRow> for StoredPipeline {
    type Error = StoreError;

    fn try_from(row: PipelineRow) -> Result<Self, StoreError> {
        let status =
            row.status.parse().map_err(|error| StoreError::Damaged(format!("a pipeline's status: {error}")))?;
        let trace = PipelineTrace {
            id: row.id,
            trigger_type: row.trigger_type,
            trigger_source: row.trigger_source,
            git_commit_sha: row.git_commit_sha,
            git_commit_message: row.git_commit_message,
            git_branch: row.git_branch,
            git_author: row.git_author,
            git_author_email: row.git_author_email,
            git_project: row.git_project,
            git_files_changed: row.git_files_changed.0,
            tenant_id: row.tenant_id,
            api_id: row.api_id,
            api_name: row.api_name,
            environment: row.environment,
            created_at: row.created_at,
            completed_at: row.completed_at,
            total_duration_ms: row.total_duration_ms,
            status,
            error_summary: row.error_summary,
            steps: row.steps.0,
        };
        Ok(Self { trace, project_url: row.project_url })
    }
}

type Query<'q> = sqlx::query::Query<'q, Db, <Db as sqlx::Database>::Arguments>;

/// Binds a trace to [`INSERT`] or [`UPDATE`].
fn write<'q>(sql: &'static str, tenant: TenantId, pipeline: &'q StoredPipeline) -> Query<'q> {
    let trace = &pipeline.trace;
    sqlx::query(sql)
        .bind(tenant.0)
        .bind(trace.id)
        .bind(&trace.trigger_type)
        .bind(&trace.trigger_source)
        .bind(&trace.git_commit_sha)
        .bind(&trace.git_commit_message)
        .bind(&trace.git_branch)
        .bind(&trace.git_author)
        .bind(&trace.git_author_email)
        .bind(&trace.git_project)
        .bind(Json(&trace.git_files_changed))
        .bind(&trace.tenant_id)
        .bind(&trace.api_id)
        .bind(&trace.api_name)
        .bind(&trace.environment)
        .bind(trace.created_at)
        .bind(trace.completed_at)
        .bind(trace.total_duration_ms)
        .bind(trace.status.key())
        .bind(&trace.error_summary)
        .bind(Json(&trace.steps))
        .bind(&pipeline.project_url)
}

/// The values of parameters $2 to $10 of a filtered statement.
struct Conditions {
    /// All letters in lower case, and only those of ASCII.
    like: Option<[String; 2]>,
    id: Uuid,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl Conditions {
    fn new(filter: &PipelineFilter, range: Option<TimeRange>) -> Self {
        let search = filter.search.as_deref().map(str::trim).filter(|search| !search.is_empty());
        let like = search.map(|search| {
            let escaped = search.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            [escaped.to_lowercase(), escaped.to_ascii_lowercase()].map(|text| format!("%{text}%"))
        });
        let id = search.and_then(|search| search.parse::<TraceId>().ok()).map_or(Uuid::nil(), |id| id.as_uuid());
        Self {
            like,
            id,
            from: range.map_or(DateTime::UNIX_EPOCH, |range| range.from.to_utc()),
            to: range.map_or(far_future(), |range| range.to.to_utc()),
        }
    }
}

/// Later than anything stored, and four digits of year on both engines.
fn far_future() -> DateTime<Utc> {
    DateTime::from_timestamp(253_370_764_800, 0).unwrap_or(DateTime::UNIX_EPOCH)
}

macro_rules! bind_conditions {
    ($query:expr, $tenant:expr, $filter:expr, $conditions:expr) => {
        $query
            .bind($tenant.0)
            .bind($filter.status.map(PipelineStatus::key))
            .bind($filter.environment.as_deref())
            .bind($filter.tenant_id.as_deref())
            .bind($filter.trigger_type.as_deref())
            .bind($conditions.like.as_ref().map(|like| like[0].as_str()))
            .bind($conditions.id)
            .bind($conditions.from)
            .bind($conditions.to)
            .bind($conditions.like.as_ref().map(|like| like[1].as_str()))
    };
}

#[async_trait]
impl PipelineStore for SqlStore {
    async fn begin(
        &self,
        tenant: TenantId,
        pipeline: &StoredPipeline,
        delivery: Option<DeliveryKey<'_>>,
        stale_before: DateTime<Utc>,
    ) -> StoreResult<Claim> {
        let mut tx = self.begin_write().await?;
        if let Some(delivery) = delivery {
            let claimed: Option<(Uuid,)> = sqlx::query_as(
                "INSERT INTO webhook_deliveries (tenant, source, delivery_key, trace_id, state, received_at)
                 VALUES ($1, $2, $3, $4, 'processing', $5)
                 ON CONFLICT (tenant, source, delivery_key) DO UPDATE
                    SET trace_id = excluded.trace_id, state = excluded.state, received_at = excluded.received_at
                    WHERE webhook_deliveries.state = 'failed'
                       OR (webhook_deliveries.state = 'processing' AND webhook_deliveries.received_at < $6)
                 RETURNING trace_id",
            )
            .bind(tenant.0)
            .bind(delivery.source)
            .bind(delivery.key)
            .bind(pipeline.trace.id)
            .bind(pipeline.trace.created_at)
            .bind(stale_before)
            .fetch_optional(&mut *tx)
            .await?;
            if claimed.is_none() {
                let first: (Uuid,) = sqlx::query_as(
                    "SELECT trace_id FROM webhook_deliveries WHERE tenant = $1 AND source = $2 AND delivery_key = $3",
                )
                .bind(tenant.0)
                .bind(delivery.source)
                .bind(delivery.key)
                .fetch_one(&mut *tx)
                .await?;
                return Ok(Claim::Duplicate(first.0));
            }
        }
        write(INSERT, tenant, pipeline).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(Claim::New)
    }

    async fn save(
        &self,
        tenant: TenantId,
        pipeline: &StoredPipeline,
        delivery: Option<(DeliveryKey<'_>, bool)>,
    ) -> StoreResult<()> {
        let mut tx = self.begin_write().await?;
        write(UPDATE, tenant, pipeline).execute(&mut *tx).await?;
        if let Some((delivery, well)) = delivery {
            sqlx::query(
                "UPDATE webhook_deliveries SET state = $4
                 WHERE tenant = $1 AND source = $2 AND delivery_key = $3 AND trace_id = $5 AND state = $6",
            )
            .bind(tenant.0)
            .bind(delivery.source)
            .bind(delivery.key)
            .bind(if well { STATE_DONE } else { STATE_FAILED })
            .bind(pipeline.trace.id)
            .bind(STATE_PROCESSING)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn end_interrupted(&self, stale_before: DateTime<Utc>, now: DateTime<Utc>) -> StoreResult<u64> {
        let mut tx = self.begin_write().await?;
        let ended = sqlx::query(
            "UPDATE pipeline_traces SET status = 'failed', completed_at = $2, error_summary = $3
             WHERE status = 'in_progress' AND created_at < $1",
        )
        .bind(stale_before)
        .bind(now)
        .bind("interrupted: Console stopped before it was done")
        .execute(&mut *tx)
        .await?;
        sqlx::query("UPDATE webhook_deliveries SET state = $2 WHERE state = $3 AND received_at < $1")
            .bind(stale_before)
            .bind(STATE_FAILED)
            .bind(STATE_PROCESSING)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(ended.rows_affected())
    }

    async fn insert(&self, tenant: TenantId, pipelines: &[StoredPipeline]) -> StoreResult<()> {
        let mut tx = self.begin_write().await?;
        for pipeline in pipelines {
            write(INSERT, tenant, pipeline).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn list(
        &self,
        tenant: TenantId,
        filter: &PipelineFilter,
        range: Option<TimeRange>,
        after: Option<PipelineCursor>,
        limit: u32,
    ) -> StoreResult<Vec<PipelineTrace>> {
        let conditions = Conditions::new(filter, range);
        let after = after.unwrap_or(PipelineCursor { created_at: far_future(), id: Uuid::max() });
        let rows: Vec<PipelineRow> = bind_conditions!(sqlx::query_as(LIST), tenant, filter, conditions)
            .bind(after.created_at)
            .bind(after.id)
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        rows.into_iter().map(|row| StoredPipeline::try_from(row).map(|stored| stored.trace)).collect()
    }

    async fn stats(
        &self,
        tenant: TenantId,
        filter: &PipelineFilter,
        range: Option<TimeRange>,
    ) -> StoreResult<PipelineStats> {
        let conditions = Conditions::new(filter, range);
        let rows: Vec<(String, i64, i64, i64)> =
            bind_conditions!(sqlx::query_as(STATS), tenant, filter, conditions).fetch_all(&self.reader).await?;
        let mut stats = PipelineStats {
            by_status: PipelineStatus::ALL.iter().map(|status| (status.key().to_owned(), 0)).collect(),
            ..PipelineStats::default()
        };
        let (mut ended, mut duration_ms) = (0, 0);
        for (status, count, with_duration, sum_ms) in rows {
            stats.total += count as u64;
            stats.by_status.insert(status, count as u64);
            ended += with_duration;
            duration_ms += sum_ms;
        }
        if ended > 0 {
            stats.avg_duration_ms = Some(duration_ms as f64 / ended as f64);
        }
        let of = |status: PipelineStatus| stats.by_status.get(status.key()).copied().unwrap_or(0);
        let judged = of(PipelineStatus::Success) + of(PipelineStatus::Failed);
        if judged > 0 {
            stats.success_rate = Some(of(PipelineStatus::Success) as f64 * 100.0 / judged as f64);
        }
        Ok(stats)
    }

    async fn get(&self, tenant: TenantId, id: Uuid) -> StoreResult<Option<StoredPipeline>> {
        let row: Option<PipelineRow> = sqlx::query_as(GET).bind(tenant.0).bind(id).fetch_optional(&self.reader).await?;
        row.map(StoredPipeline::try_from).transpose()
    }

    async fn neighbours(&self, tenant: TenantId, trace: &PipelineTrace) -> StoreResult<(Option<Uuid>, Option<Uuid>)> {
        let newer: Option<(Uuid,)> = sqlx::query_as(
            "SELECT id FROM pipeline_traces WHERE tenant = $1 AND (created_at, id) > ($2, $3)
             ORDER BY created_at, id LIMIT 1",
        )
        .bind(tenant.0)
        .bind(trace.created_at)
        .bind(trace.id)
        .fetch_optional(&self.reader)
        .await?;
        let older: Option<(Uuid,)> = sqlx::query_as(
            "SELECT id FROM pipeline_traces WHERE tenant = $1 AND (created_at, id) < ($2, $3)
             ORDER BY created_at DESC, id DESC LIMIT 1",
        )
        .bind(tenant.0)
        .bind(trace.created_at)
        .bind(trace.id)
        .fetch_optional(&self.reader)
        .await?;
        Ok((newer.map(|row| row.0), older.map(|row| row.0)))
    }

    async fn choices(&self, tenant: TenantId) -> StoreResult<PipelineChoices> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT * FROM (SELECT DISTINCT 'environment', environment FROM pipeline_traces
                            WHERE tenant = $1 AND environment IS NOT NULL ORDER BY 2 LIMIT 200) e
             UNION ALL
             SELECT * FROM (SELECT DISTINCT 'tenant', tenant_id FROM pipeline_traces
                            WHERE tenant = $1 AND tenant_id IS NOT NULL ORDER BY 2 LIMIT 200) t
             UNION ALL
             SELECT * FROM (SELECT DISTINCT 'trigger', trigger_type FROM pipeline_traces
                            WHERE tenant = $1 ORDER BY 2 LIMIT 200) g",
        )
        .bind(tenant.0)
        .fetch_all(&self.reader)
        .await?;
        let mut choices = PipelineChoices::default();
        for (kind, value) in rows {
            match kind.as_str() {
                "environment" => choices.environments.push(value),
                "tenant" => choices.tenants.push(value),
                _ => choices.trigger_types.push(value),
            }
        }
        Ok(choices)
    }

    async fn count_source(&self, tenant: TenantId, trigger_source: &str) -> StoreResult<u64> {
        let (count,): (i64,) =
            sqlx::query_as("SELECT COUNT(*) FROM pipeline_traces WHERE tenant = $1 AND trigger_source = $2")
                .bind(tenant.0)
                .bind(trigger_source)
                .fetch_one(&self.reader)
                .await?;
        Ok(count as u64)
    }

    async fn remove_source(&self, tenant: TenantId, trigger_source: &str) -> StoreResult<u64> {
        let done = sqlx::query("DELETE FROM pipeline_traces WHERE tenant = $1 AND trigger_source = $2")
            .bind(tenant.0)
            .bind(trigger_source)
            .execute(&self.writer)
            .await?;
        Ok(done.rows_affected())
    }
}
