//! The query interface of Prometheus (<https://prometheus.io/docs/prometheus/latest/querying/api/>), under a prefix of its
//! own: a Prometheus data source of Grafana and `promtool query` work with it.

mod json;
mod params;

use std::collections::{BTreeMap, BTreeSet};

use app::{api::ApiError, model::UnixNanos};
use axum::{
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use foldhash::{HashSet, HashSetExt};
use serde::Serialize;
use serde_json::{Value as Json, json};

use self::params::Asked;
use super::{guard::InScope, rest::Shared};
use crate::{
    promql::{self, Error, ErrorKind, Query},
    service::{Services, promql::Question},
    store::{
        StoreError,
        sample::{Labels, Matcher},
    },
};

/// Names and values that one answer lists at most.
const MOST_NAMES: usize = 100_000;
/// Exemplars of one series that are shown at most.
const MOST_EXEMPLARS: usize = 1000;

/// What is said instead of an answer.
pub struct Refusal(StatusCode, &'static str, String);

impl Refusal {
    /// The store, or what stands before it, cannot answer now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, "internal", message.into())
    }

    fn bad(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, "bad_data", message.into())
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::BadData => StatusCode::BAD_REQUEST,
            ErrorKind::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::Canceled | ErrorKind::Timeout => StatusCode::SERVICE_UNAVAILABLE,
        };
        match error {
            Error::Store(error) => error.into(),
            other => Self(status, other.kind().as_str(), other.to_string()),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Matcher(_) => Self::bad(error.to_string()),
            StoreError::TooMuch(_) => Self(StatusCode::UNPROCESSABLE_ENTITY, "execution", error.to_string()),
            other => {
                tracing::error!(error = %other, "the store failed");
                Self(StatusCode::INTERNAL_SERVER_ERROR, "internal", ApiError::internal().message)
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, kind, error) = self;
        let body = json!({ "status": "error", "errorType": kind, "error": error }).to_string();
        (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

/// An answer as JSON.
pub struct Answer(String);

impl Answer {
    /// What was asked for.
    pub fn of(data: &impl Serialize) -> Self {
        let data = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
        Self(format!(r#"{{"status":"success","data":{data}}}"#))
    }

    fn with_warnings(data: &impl Serialize, warnings: &[&str]) -> Self {
        if warnings.is_empty() {
            return Self::of(data);
        }
        Self(json!({ "status": "success", "data": data, "warnings": warnings }).to_string())
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

/// What is said of an answer that is longer than was asked for.
const CUT: &str = "results truncated due to limit";

/// What a route answers.
pub type Answered = Result<Answer, Refusal>;

async fn answer(services: &Services, scope: app::api::Scope, asked: &Asked, question: Question) -> Answered {
    let wants_statistics = asked.text("stats").is_some();
    let limit = asked.number("limit")?.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let mut answered = services.query(scope.tenant, question).await?;
    if answered.answer.value.truncate(limit) {
        answered.answer.warnings.push(CUT.to_owned());
    }
    Ok(Answer(json::answer(&answered, wants_statistics)))
}

/// Query one instant (Prometheus)
///
/// `query`, `time` (now if it is left out), `timeout`, `lookback_delta`, `limit`, `stats`; in the query string or as a form.
#[utoipa::path(get, path = "/prometheus/api/v1/query", tag = "promql", params(
    ("query" = String, Query, description = "The expression."),
    ("time" = Option<String>, Query, description = "RFC 3339, or seconds since the Unix epoch."),
    ("timeout" = Option<String>, Query, description = "How long the answer may take: `10s`."),
    ("lookback_delta" = Option<String>, Query, description = "How far back the last sample of a series counts."),
    ("limit" = Option<u32>, Query, description = "How many series at most."),
    ("stats" = Option<String>, Query, description = "Anything: the answer says how much was read and how long it took."),
), responses(
    (status = 200, description = "`{status, data: {resultType, result}}`, with `infos` and `warnings`.", body = Json),
    (status = 400, description = "The query has to be changed: `{status, errorType, error}`.", body = Json),
    (status = 422, description = "It cannot be answered as it is.", body = Json),
    (status = 503, description = "It took too long.", body = Json),
))]
pub async fn query(State(services): Shared, InScope(scope): InScope, asked: Asked) -> Answered {
    let time = asked.time("time")?.unwrap_or_else(|| services.clock.now_millis().0);
    let question = asked.question(time, time, 0)?;
    answer(&services, scope, &asked, question).await
}

/// Query one instant, as a form (Prometheus)
///
/// As with GET.
#[utoipa::path(post, path = "/prometheus/api/v1/query", tag = "promql", request_body(
    content = String, content_type = "application/x-www-form-urlencoded",
), responses((status = 200, description = "As with GET.", body = Json)))]
pub async fn query_form(services: Shared, scope: InScope, asked: Asked) -> Answered {
    query(services, scope, asked).await
}

/// Query a range (Prometheus)
///
/// `query`, `start`, `end`, `step`, `timeout`, `lookback_delta`, `limit`, `stats`. Long ranges are answered from roll-ups where these
/// answer as samples do: where start, step, ranges and offsets are multiples of five minutes or of an hour. `infos` says so.
#[utoipa::path(get, path = "/prometheus/api/v1/query_range", tag = "promql", params(
    ("query" = String, Query, description = "The expression."),
    ("start" = String, Query, description = "RFC 3339, or seconds since the Unix epoch."),
    ("end" = String, Query, description = "The same; it is part of the range."),
    ("step" = String, Query, description = "`30s`, or seconds."),
    ("timeout" = Option<String>, Query, description = "How long the answer may take: `10s`."),
    ("lookback_delta" = Option<String>, Query, description = "How far back the last sample of a series counts."),
    ("limit" = Option<u32>, Query, description = "How many series at most."),
    ("stats" = Option<String>, Query, description = "Anything: the answer says how much was read and how long it took."),
), responses(
    (status = 200, description = "`{status, data: {resultType, result}}`, with `infos` and `warnings`.", body = Json),
    (status = 400, description = "The query has to be changed: `{status, errorType, error}`.", body = Json),
    (status = 422, description = "It cannot be answered as it is.", body = Json),
    (status = 503, description = "It took too long.", body = Json),
))]
pub async fn query_range(State(services): Shared, InScope(scope): InScope, asked: Asked) -> Answered {
    let (start, end) = (asked.needed_time("start")?, asked.needed_time("end")?);
    if end < start {
        return Err(Refusal::bad("invalid parameter \"end\": it lies before the start"));
    }
    let step = asked.duration("step")?.filter(|step| *step > 0);
    let step = step.ok_or_else(|| Refusal::bad("invalid parameter \"step\": a positive duration is needed"))?;
    let question = asked.question(start, end, step)?;
    answer(&services, scope, &asked, question).await
}

/// Query a range, as a form (Prometheus)
///
/// As with GET.
#[utoipa::path(post, path = "/prometheus/api/v1/query_range", tag = "promql", request_body(
    content = String, content_type = "application/x-www-form-urlencoded",
), responses((status = 200, description = "As with GET.", body = Json)))]
pub async fn query_range_form(services: Shared, scope: InScope, asked: Asked) -> Answered {
    query_range(services, scope, asked).await
}

/// The series that any of the selectors in `match[]` chooses, those that several choose several times; all, where there is
/// none and that is allowed.
async fn series_of(
    services: &Services,
    scope: app::api::Scope,
    asked: &Asked,
    may_be_all: bool,
) -> Result<Vec<Labels>, Refusal> {
    let mut selectors: Vec<Vec<Matcher>> = asked.all("match[]").map(promql::selector).collect::<Result<_, _>>()?;
    if selectors.is_empty() {
        if !may_be_all {
            return Err(Refusal::bad("no match[] parameter provided"));
        }
        selectors.push(Vec::new());
    }
    let since = asked.time("start")?.unwrap_or(i64::MIN);
    let mut found = Vec::new();
    for matchers in selectors {
        found.extend(services.stores.metrics.series(scope.tenant, &matchers, since).await?);
    }
    Ok(found)
}

/// The texts of these series, each once and in order: found on a thread of its own, as there may be as many series as a
/// tenant has room for.
async fn texts_of<T>(found: Vec<Labels>, texts: T) -> Result<Vec<String>, Refusal>
where
    T: for<'a> Fn(&'a Labels, &mut HashSet<&'a str>) + Send + 'static,
{
    let gather = move || {
        let mut all = HashSet::new();
        for labels in &found {
            texts(labels, &mut all);
        }
        let mut all: Vec<String> = all.into_iter().map(str::to_owned).collect();
        all.sort_unstable();
        all
    };
    Ok(tokio::task::spawn_blocking(gather).await.map_err(StoreError::from)?)
}

/// An answer of so many things at most, which says when there are more.
fn list<T: Serialize>(mut all: Vec<T>, asked: &Asked) -> Answered {
    let limit = asked.number("limit")?.filter(|limit| *limit > 0).unwrap_or(MOST_NAMES).min(MOST_NAMES);
    let is_cut = all.len() > limit;
    all.truncate(limit);
    Ok(Answer::with_warnings(&all, if is_cut { &[CUT] } else { &[] }))
}

/// Find series (Prometheus)
///
/// `match[]`, at least one; `start`: by whole days; `limit`.
#[utoipa::path(get, path = "/prometheus/api/v1/series", tag = "promql", params(
    ("match[]" = Vec<String>, Query, description = "Selectors: series of any of them."),
    ("start" = Option<String>, Query, description = "Series without samples since that day are left out."),
    ("end" = Option<String>, Query, description = "Not looked at."),
    ("limit" = Option<u32>, Query, description = "How many at most."),
), responses((status = 200, description = "Labels of each.", body = Json)))]
pub async fn series(State(services): Shared, InScope(scope): InScope, asked: Asked) -> Answered {
    let found: BTreeSet<Labels> = series_of(&services, scope, &asked, false).await?.into_iter().collect();
    let labels = found.iter().map(|labels| labels.iter().collect::<BTreeMap<_, _>>());
    list(labels.collect(), &asked)
}

/// Find series, as a form (Prometheus)
///
/// As with GET.
#[utoipa::path(post, path = "/prometheus/api/v1/series", tag = "promql", request_body(
    content = String, content_type = "application/x-www-form-urlencoded",
), responses((status = 200, description = "As with GET.", body = Json)))]
pub async fn series_form(services: Shared, scope: InScope, asked: Asked) -> Answered {
    series(services, scope, asked).await
}

/// Names of labels (Prometheus)
///
/// `match[]`, `start`, `limit`.
#[utoipa::path(get, path = "/prometheus/api/v1/labels", tag = "promql", params(
    ("match[]" = Option<Vec<String>>, Query, description = "Selectors: labels of series of any of them."),
    ("start" = Option<String>, Query, description = "Series without samples since that day are left out."),
    ("end" = Option<String>, Query, description = "Not looked at."),
    ("limit" = Option<u32>, Query, description = "How many at most."),
), responses((status = 200, description = "The names.", body = Json)))]
pub async fn labels(State(services): Shared, InScope(scope): InScope, asked: Asked) -> Answered {
    let found = series_of(&services, scope, &asked, true).await?;
    list(texts_of(found, |labels, all| all.extend(labels.iter().map(|(name, _)| name))).await?, &asked)
}

/// Names of labels, as a form (Prometheus)
///
/// As with GET.
#[utoipa::path(post, path = "/prometheus/api/v1/labels", tag = "promql", request_body(
    content = String, content_type = "application/x-www-form-urlencoded",
), responses((status = 200, description = "As with GET.", body = Json)))]
pub async fn labels_form(services: Shared, scope: InScope, asked: Asked) -> Answered {
    labels(services, scope, asked).await
}

/// Values of a label (Prometheus)
///
/// `match[]`, `start`, `limit`.
#[utoipa::path(get, path = "/prometheus/api/v1/label/{name}/values", tag = "promql", params(
    ("name" = String, Path, description = "The label; `__name__` for the metrics."),
    ("match[]" = Option<Vec<String>>, Query, description = "Selectors: values of series of any of them."),
    ("start" = Option<String>, Query, description = "Series without samples since that day are left out."),
    ("end" = Option<String>, Query, description = "Not looked at."),
    ("limit" = Option<u32>, Query, description = "How many at most."),
), responses((status = 200, description = "The values.", body = Json)))]
pub async fn label_values(
    State(services): Shared,
    InScope(scope): InScope,
    Path(name): Path<String>,
    asked: Asked,
) -> Answered {
    let found = series_of(&services, scope, &asked, true).await?;
    let values = texts_of(found, move |labels, all| {
        all.extend(Some(labels.get(&name)).filter(|value| !value.is_empty()));
    });
    list(values.await?, &asked)
}

/// What is said of metrics (Prometheus)
///
/// `metric`, `limit`.
#[utoipa::path(get, path = "/prometheus/api/v1/metadata", tag = "promql", params(
    ("metric" = Option<String>, Query, description = "Of this metric only."),
    ("limit" = Option<u32>, Query, description = "How many metrics at most."),
    ("limit_per_metric" = Option<u32>, Query, description = "There is one of each metric."),
), responses((status = 200, description = "Type, help and unit by metric.", body = Json)))]
pub async fn metadata(State(services): Shared, InScope(scope): InScope, asked: Asked) -> Answered {
    let limit = asked.number("limit")?.unwrap_or(MOST_NAMES).min(MOST_NAMES);
    let all = services.stores.metrics.metadata(scope.tenant, asked.text("metric"), limit).await?;
    let entry =
        |one: crate::store::Metadata| (one.name, json!([{ "type": one.kind, "help": one.help, "unit": one.unit }]));
    Ok(Answer::of(&all.into_iter().map(entry).collect::<BTreeMap<String, Json>>()))
}

/// Exemplars (Prometheus)
///
/// `query`: those of all series that it selects, between `start` and `end`.
#[utoipa::path(get, path = "/prometheus/api/v1/query_exemplars", tag = "promql", params(
    ("query" = String, Query, description = "The expression."),
    ("start" = Option<String>, Query, description = "RFC 3339, or seconds since the Unix epoch."),
    ("end" = Option<String>, Query, description = "The same."),
), responses((status = 200, description = "Exemplars by series.", body = Json)))]
pub async fn exemplars(State(services): Shared, InScope(scope): InScope, asked: Asked) -> Answered {
    let text = asked.text("query").unwrap_or_default();
    let query = Query::parse(text, promql::Params::instant(0))?;
    let nanos = |millis: i64| UnixNanos(millis.saturating_mul(1_000_000));
    let from = nanos(asked.time("start")?.unwrap_or(0));
    // The end is part of the range.
    let to = nanos(asked.time("end")?.unwrap_or(i64::MAX).saturating_add(1));
    let mut all = BTreeMap::new();
    for selection in query.selections() {
        let found = services.stores.metrics.exemplars(scope.tenant, &selection.matchers, from, to, MOST_EXEMPLARS);
        for one in found.await? {
            all.insert(one.series, one.exemplars);
        }
    }
    Ok(Answer(json::exemplars(&all)))
}

/// Exemplars, as a form (Prometheus)
///
/// As with GET.
#[utoipa::path(post, path = "/prometheus/api/v1/query_exemplars", tag = "promql", request_body(
    content = String, content_type = "application/x-www-form-urlencoded",
), responses((status = 200, description = "As with GET.", body = Json)))]
pub async fn exemplars_form(services: Shared, scope: InScope, asked: Asked) -> Answered {
    exemplars(services, scope, asked).await
}

/// Which program answers (Prometheus)
///
/// `version` is that of Prometheus whose interface this is: Grafana asks for it to know what it may use.
#[utoipa::path(get, path = "/prometheus/api/v1/status/buildinfo", tag = "promql", responses(
    (status = 200, description = "`application` and `revision` say which Console this is.", body = Json),
))]
pub async fn build_info() -> Answer {
    let info = json!({
        "version": "3.0.0", "revision": env!("CARGO_PKG_VERSION"), "branch": "", "buildUser": "", "buildDate": "",
        "goVersion": "", "application": "Console",
    });
    Answer::of(&info)
}

/// Rules (Prometheus)
///
/// There are none: Console's alerts are elsewhere.
#[utoipa::path(get, path = "/prometheus/api/v1/rules", tag = "promql", responses(
    (status = 200, description = "No groups.", body = Json),
))]
pub async fn rules() -> Answer {
    Answer::of(&json!({ "groups": [] }))
}

/// Alerts (Prometheus)
///
/// There are none: Console's alerts are elsewhere.
#[utoipa::path(get, path = "/prometheus/api/v1/alerts", tag = "promql", responses(
    (status = 200, description = "No alerts.", body = Json),
))]
pub async fn alerts() -> Answer {
    Answer::of(&json!({ "alerts": [] }))
}
