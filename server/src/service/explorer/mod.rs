//! Metrics as people explore them: which there are, what their labels are, and what queries answer.

mod answers;
pub(super) mod instants;
mod names;
mod problem;

use app::{
    api::{ApiError, MetricPort, Scope},
    model::{
        Dashboard, LabelValue, LabelValuesQuery, MetricAnswers, MetricLabels, MetricLabelsQuery, MetricList,
        MetricListQuery, MetricQuery, QueryProblem,
    },
};
use async_trait::async_trait;

use super::{Services, store_failed};
use crate::{
    promql::{Params, Query},
    store::sample::{Comparison, Matcher, NAME},
};

/// Metric families whose descriptions are read.
const MOST_DESCRIBED: usize = 20_000;

#[async_trait]
impl MetricPort for Services {
    async fn metrics(&self, scope: Scope, query: MetricListQuery) -> Result<MetricList, ApiError> {
        let since = query.range.resolve(self.clock.now_millis()).from.0;
        let metrics = &self.stores.metrics;
        let series = metrics.series_names(scope.tenant, since).await.map_err(store_failed)?;
        // Whatever has samples is known to have existed; only where nothing has is it asked whether anything ever had.
        let is_new =
            series.is_empty() && metrics.series_names(scope.tenant, i64::MIN).await.map_err(store_failed)?.is_empty();
        let described = metrics.metadata(scope.tenant, None, MOST_DESCRIBED).await.map_err(store_failed)?;
        let families = names::families(&series, described);
        let limit = if query.limit == 0 { MetricListQuery::SOME } else { query.limit.min(MetricListQuery::MOST) };
        let in_range = families.len() as u64;
        let (found, matching) = names::search(families, &query.search, limit as usize);
        let refused = self.series_refusal(scope.tenant);
        Ok(MetricList { metrics: found, matching, in_range, is_new, refused })
    }

    async fn labels(&self, scope: Scope, query: MetricLabelsQuery) -> Result<MetricLabels, ApiError> {
        if query.metric.is_empty() {
            return Err(ApiError::invalid("metric", "a metric is needed"));
        }
        let since = query.range.resolve(self.clock.now_millis()).from.0;
        let name = Matcher { label: NAME.to_owned(), comparison: Comparison::Equal, value: query.metric };
        let found = self.stores.metrics.series(scope.tenant, &[name], since).await.map_err(store_failed)?;
        let values = match query.values {
            0 => MetricLabelsQuery::SOME_VALUES,
            some => some.min(MetricLabelsQuery::MOST_VALUES),
        };
        // A metric may have as many series as a tenant.
        let counted = tokio::task::spawn_blocking(move || names::labels(&found, &query.tests, values as usize));
        counted.await.map_err(|_| ApiError::internal())
    }

    async fn label_values(&self, scope: Scope, query: LabelValuesQuery) -> Result<Vec<LabelValue>, ApiError> {
        let matcher = |label: &str, comparison, value: &str| Matcher {
            label: label.to_owned(),
            comparison,
            value: value.to_owned(),
        };
        let mut matchers = vec![matcher(&query.label, Comparison::NotEqual, "")];
        if !query.metric.is_empty() {
            matchers.push(matcher(NAME, Comparison::Equal, &query.metric));
        }
        // What is left of others are roll-ups: they would have to be read into memory for this alone.
        let since = self.oldest_sample(self.clock.now()).to_millis().0;
        let found = self.stores.metrics.series(scope.tenant, &matchers, since).await.map_err(store_failed)?;
        let found = tokio::task::spawn_blocking(move || names::values(&found, &query.label, &query.search));
        found.await.map_err(|_| ApiError::internal())
    }

    async fn answer(&self, scope: Scope, query: MetricQuery) -> Result<MetricAnswers, ApiError> {
        if query.texts.len() > MetricQuery::MOST {
            return Err(ApiError::invalid("texts", format!("at most {} queries at once", MetricQuery::MOST)));
        }
        if query.values.len() > Dashboard::MOST_VARIABLES {
            return Err(ApiError::invalid("values", format!("at most {} variables", Dashboard::MOST_VARIABLES)));
        }
        Ok(self.answer_queries(scope.tenant, query).await)
    }

    async fn check(&self, text: String) -> Result<Option<QueryProblem>, ApiError> {
        let check = move || {
            let error = Query::parse(&text, Params::range(0, 60_000, 60_000)).err()?;
            Some(problem::of(&text, error))
        };
        tokio::task::spawn_blocking(check).await.map_err(|_| ApiError::internal())
    }
}
