//! Server functions of metrics.

use leptos::prelude::*;

use super::{ApiError, json::Json};
use crate::model::{
    LabelValue, LabelValuesQuery, MetricAnswers, MetricLabels, MetricLabelsQuery, MetricList, MetricListQuery,
    MetricQuery, QueryProblem,
};

/// Metrics that match words.
#[server(prefix = "/fn", endpoint = "metrics", input = Json, output = Json)]
pub async fn list_metrics(query: MetricListQuery) -> Result<MetricList, ApiError> {
    let asked = super::asked::<ListMetrics>()?;
    asked.tell(asked.console.metrics.metrics(asked.actor.scope, query).await)
}

/// The labels of a metric, with values and how many series have them.
#[server(prefix = "/fn", endpoint = "metrics/labels", input = Json, output = Json)]
pub async fn load_metric_labels(query: MetricLabelsQuery) -> Result<MetricLabels, ApiError> {
    let asked = super::asked::<LoadMetricLabels>()?;
    asked.tell(asked.console.metrics.labels(asked.actor.scope, query).await)
}

/// Values of a label.
#[server(prefix = "/fn", endpoint = "metrics/values", input = Json, output = Json)]
pub async fn find_label_values(query: LabelValuesQuery) -> Result<Vec<LabelValue>, ApiError> {
    let asked = super::asked::<FindLabelValues>()?;
    asked.tell(asked.console.metrics.label_values(asked.actor.scope, query).await)
}

/// Answers queries.
#[server(prefix = "/fn", endpoint = "metrics/query", input = Json, output = Json)]
pub async fn query_metrics(query: MetricQuery) -> Result<MetricAnswers, ApiError> {
    let asked = super::asked::<QueryMetrics>()?;
    asked.tell(asked.console.metrics.answer(asked.actor.scope, query).await)
}

/// What is wrong with the text of a query; nothing is read.
#[server(prefix = "/fn", endpoint = "metrics/check", input = Json, output = Json)]
pub async fn check_query(text: String) -> Result<Option<QueryProblem>, ApiError> {
    let asked = super::asked::<CheckQuery>()?;
    asked.tell(asked.console.metrics.check(text).await)
}
