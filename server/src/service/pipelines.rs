//! Pipeline traces: lists, one, demonstration data.

use app::{
    api::{ApiError, ErrorCode, PipelinePort, Scope},
    model::{
        LogFilter, LogId, PipelineQuery, PipelineTrace, TimeRange, TraceId, UnixNanos,
        pipeline::{PipelineDetail, PipelineList, PipelinePage, PipelineStats},
    },
};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use uuid::Uuid;

use super::{Services, read_cursor, store_failed, write_cursor};
use crate::{
    clock::new_trace_id,
    pipeline::demo,
    store::{LogSelection, PipelineCursor, StoredPipeline, log::LogMatcher},
};

/// Longest text of a filter, in bytes.
const MAX_FILTER_BYTES: usize = 256;
/// Demonstration traces of one request at most.
const MAX_DEMO: u32 = 50;

/// Reads the cursor of a page of pipeline traces.
pub fn parse_pipeline_cursor(text: &str) -> Result<PipelineCursor, ApiError> {
    let (micros, id) = read_cursor(text)?;
    let created_at = DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| ApiError::invalid("cursor", "not a cursor that this server gave out"))?;
    Ok(PipelineCursor { created_at, id: Uuid::from_u128(id) })
}

fn check(query: &PipelineQuery) -> Result<(), ApiError> {
    let filter = &query.filter;
    for (field, text) in [
        ("environment", &filter.environment),
        ("tenant_id", &filter.tenant_id),
        ("trigger_type", &filter.trigger_type),
        ("search", &filter.search),
    ] {
        if text.as_ref().is_some_and(|text| text.len() > MAX_FILTER_BYTES) {
            return Err(ApiError::invalid(field, format!("at most {MAX_FILTER_BYTES} bytes")));
        }
        if text.as_ref().is_some_and(|text| text.contains('\0')) {
            return Err(ApiError::invalid(field, "must not contain a NUL character"));
        }
    }
    if query.limit > PipelineQuery::MAX_LIMIT {
        return Err(ApiError::invalid("limit", format!("1 to {}", PipelineQuery::MAX_LIMIT)));
    }
    Ok(())
}

impl Services {
    fn pipeline_range(&self, query: &PipelineQuery) -> Option<TimeRange> {
        query.range.map(|range| range.resolve(self.clock.now_millis()))
    }

    async fn pipeline_rows(
        &self,
        scope: Scope,
        query: &PipelineQuery,
    ) -> Result<(Vec<PipelineTrace>, Option<String>), ApiError> {
        let limit = if query.limit == 0 { PipelineQuery::DEFAULT_LIMIT } else { query.limit };
        let after = query.cursor.as_deref().map(parse_pipeline_cursor).transpose()?;
        let range = self.pipeline_range(query);
        let rows = self.stores.pipelines.list(scope.tenant, &query.filter, range, after, limit + 1).await;
        let mut rows = rows.map_err(store_failed)?;
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let last = rows.last().filter(|_| has_more);
        let cursor = last.map(|row| write_cursor(row.created_at.timestamp_micros(), row.id.as_u128()));
        Ok((rows, cursor))
    }

    fn announce(&self, scope: Scope, pipeline: &StoredPipeline) {
        self.hub.publish_pipeline(scope.tenant, &pipeline.trace.summary());
    }
}

#[async_trait]
impl PipelinePort for Services {
    async fn list(&self, scope: Scope, query: PipelineQuery) -> Result<PipelinePage, ApiError> {
        check(&query)?;
        let (rows, next_cursor) = self.pipeline_rows(scope, &query).await?;
        let total = self.stats(scope, query).await?.total;
        Ok(PipelinePage { traces: rows.iter().map(PipelineTrace::summary).collect(), total, next_cursor })
    }

    async fn stats(&self, scope: Scope, query: PipelineQuery) -> Result<PipelineStats, ApiError> {
        check(&query)?;
        let range = self.pipeline_range(&query);
        self.stores.pipelines.stats(scope.tenant, &query.filter, range).await.map_err(store_failed)
    }

    async fn get(&self, scope: Scope, id: Uuid) -> Result<PipelineTrace, ApiError> {
        let found = self.stores.pipelines.get(scope.tenant, id).await.map_err(store_failed)?;
        found.map(|stored| stored.trace).ok_or_else(|| ApiError::not_found("pipeline trace"))
    }

    async fn list_page(&self, scope: Scope, query: PipelineQuery) -> Result<PipelineList, ApiError> {
        check(&query)?;
        let (rows, next_cursor) = self.pipeline_rows(scope, &query).await?;
        let range = self.pipeline_range(&query);
        let pipelines = &self.stores.pipelines;
        let stats = pipelines.stats(scope.tenant, &query.filter, range).await.map_err(store_failed)?;
        let choices = pipelines.choices(scope.tenant).await.map_err(store_failed)?;
        let demo_count =
            pipelines.count_source(scope.tenant, PipelineTrace::DEMO_SOURCE).await.map_err(store_failed)?;
        let traces = rows.iter().map(PipelineTrace::summary).collect();
        Ok(PipelineList {
            page: PipelinePage { traces, total: stats.total, next_cursor },
            stats,
            any_stored: !choices.trigger_types.is_empty(),
            environments: choices.environments,
            tenants: choices.tenants,
            trigger_types: choices.trigger_types,
            demo_count,
            demo_enabled: self.config.demo.enabled,
            webhook_configured: self.config.webhooks.gitlab_secret.is_some(),
        })
    }

    async fn detail(&self, scope: Scope, id: Uuid) -> Result<PipelineDetail, ApiError> {
        let pipelines = &self.stores.pipelines;
        let found = pipelines.get(scope.tenant, id).await.map_err(store_failed)?;
        let StoredPipeline { trace, project_url } = found.ok_or_else(|| ApiError::not_found("pipeline trace"))?;
        let (newer, older) = pipelines.neighbours(scope.tenant, &trace).await.map_err(store_failed)?;
        let last_log_id = self.stores.logs.head(scope.tenant).await.map_err(store_failed)?;
        let logs = self.trace_logs(scope, &trace, last_log_id).await?;
        Ok(PipelineDetail { trace, logs, last_log_id, newer, older, project_url })
    }

    async fn create_demo(&self, scope: Scope, count: u32) -> Result<Vec<PipelineTrace>, ApiError> {
        if !self.config.demo.enabled {
            let message = "demonstration data is off; `demo.enabled = true` turns it on";
            return Err(ApiError::new(ErrorCode::Forbidden, message));
        }
        if count == 0 || count > MAX_DEMO {
            return Err(ApiError::invalid("count", format!("1 to {MAX_DEMO}")));
        }
        let now = self.clock.now_utc();
        let mut rng = SmallRng::seed_from_u64(Uuid::new_v4().as_u64_pair().0);
        // The newest began just now, the others are spread over the hour before.
        let made: Vec<StoredPipeline> = (0..count)
            .map(|index| {
                let ago = if index == 0 { 2 } else { rng.random_range(2..3600) };
                demo::trace(&mut rng, new_trace_id().as_uuid(), now - TimeDelta::seconds(ago))
            })
            .collect();
        self.stores.pipelines.insert(scope.tenant, &made).await.map_err(store_failed)?;
        for pipeline in &made {
            let trace = &pipeline.trace;
            tracing::info!(
                trace_id = %TraceId::from(trace.id), status = %trace.status, api = trace.api_name, demonstration = true,
                "demonstration pipeline of {}: {}",
                trace.api_name.as_deref().unwrap_or("no API"),
                trace.status.label().to_lowercase()
            );
            self.announce(scope, pipeline);
        }
        Ok(made.into_iter().map(|pipeline| pipeline.trace).collect())
    }

    async fn remove_demo(&self, scope: Scope) -> Result<u64, ApiError> {
        let removed = self.stores.pipelines.remove_source(scope.tenant, PipelineTrace::DEMO_SOURCE).await;
        let removed = removed.map_err(store_failed)?;
        tracing::info!(removed, "demonstration pipeline traces removed");
        Ok(removed)
    }
}

impl Services {
    /// Log lines of a pipeline trace, oldest first, up to the position `last`.
    async fn trace_logs(
        &self,
        scope: Scope,
        trace: &PipelineTrace,
        last: LogId,
    ) -> Result<Vec<app::model::LogRecord>, ApiError> {
        let filter = LogFilter { trace_id: Some(trace.id.into()), ..LogFilter::default() };
        let matcher = LogMatcher::new(&filter).map_err(|error| ApiError::invalid("trace_id", error.to_string()))?;
        // Emitters' clocks differ a little, and lines may come after the end.
        let from = trace.created_at - TimeDelta::minutes(5);
        let to = trace.completed_at.unwrap_or(self.clock.now_utc()) + TimeDelta::hours(1);
        let selection = LogSelection {
            matcher,
            from: UnixNanos::from(from),
            to: UnixNanos::from(to),
            before: None,
            limit: PipelineDetail::MAX_LOGS as usize,
            count_bound: u64::from(PipelineDetail::MAX_LOGS),
        };
        let mut logs = self.stores.logs.search(scope.tenant, selection).await.map_err(store_failed)?.records;
        logs.retain(|record| record.id <= last);
        logs.reverse();
        Ok(logs)
    }
}
