//! `PromQL` queries: fetched, answered on a thread of their own, within limits of time, samples and memory.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use app::model::TenantId;
use tokio::{runtime::Handle, time::Instant};

use super::Services;
use crate::{
    promql::{self, Answer, Error, Interrupt, Limits, Params, Query},
    store::{
        MetricStore, SeriesBatches, StoreResult,
        sample::{Resolution, Selection, Series, SeriesStream},
    },
};

/// Ranges shorter than this are answered from samples, in milliseconds: there are few, and they show everything.
const ROLLUPS_FROM: i64 = 6 * 3_600_000;
const DAY_MILLIS: i64 = 86_400_000;
/// How much further back a query may reach without being answered from roll-ups, in milliseconds.
const SOME_HOURS: i64 = 2 * 3_600_000;

/// A query as it is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// The query.
    pub text: String,
    /// The first instant, in milliseconds since the Unix epoch.
    pub start: i64,
    /// The last; the same for an instant query.
    pub end: i64,
    /// From one instant to the next, in milliseconds; 0 for an instant query.
    pub step: i64,
    /// How far back the last sample of a series counts, in milliseconds.
    pub lookback: Option<i64>,
    /// How long the answer may take.
    pub timeout: Option<Duration>,
}

/// An answer, and what it was made of.
#[derive(Debug)]
pub struct Answered {
    /// The answer.
    pub answer: Answer,
    /// How fine the figures are that were read, the finest first.
    pub resolutions: Vec<Resolution>,
    /// How long it took, with waiting for a turn.
    pub took: Duration,
}

/// Ends a query when nobody waits for it any more.
struct Waiting(Arc<Interrupt>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Services {
    /// Answers a query about a tenant's series.
    pub async fn query(&self, tenant: TenantId, question: Question) -> Result<Answered, Error> {
        let begun = Instant::now();
        let limits = &self.config.metrics;
        let most = Duration::from_secs(limits.query_timeout_seconds);
        let deadline = begun + question.timeout.map_or(most, |timeout| timeout.min(most));
        let query = self.parse(&question)?;
        let turn = tokio::time::timeout_at(deadline, self.querying.clone().acquire_owned()).await;
        let turn = turn.map_err(|_| Error::Timeout)?.map_err(|_| Error::Canceled)?;
        let interrupt = Arc::new(Interrupt::default());
        let waiting = Waiting(interrupt.clone());
        let limits = Limits { samples: limits.query_samples, points: limits.query_points };
        let metrics = self.stores.metrics.clone();
        let resolutions = query.resolutions();
        let evaluation = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let source = |at: usize| stream(metrics.clone(), tenant, query.selections()[at].clone());
            query.evaluate(&source, limits, &interrupt)
        });
        tokio::pin!(evaluation);
        let evaluated = if let Ok(evaluated) = tokio::time::timeout_at(deadline, &mut evaluation).await {
            evaluated
        } else {
            waiting.0.time_out();
            evaluation.await
        };
        let answer = evaluated.map_err(|_| Error::Execution("the query ended early".to_owned()))??;
        Ok(Answered { answer, resolutions, took: begun.elapsed() })
    }

    /// A query that is evaluated from roll-ups where they answer as samples do and the range is long, or where it reaches
    /// back to when samples are not kept any more.
    fn parse(&self, question: &Question) -> Result<Query, Error> {
        let kept = i64::from(self.config.retention.samples_days) * DAY_MILLIS;
        // What lies around the end of retention is there for some hours still.
        let oldest = self.clock.now_millis().0.saturating_sub(kept) - SOME_HOURS;
        let query = Query::parse(&question.text, Self::query_params(question, Resolution::Raw))?;
        let is_gone = |of: &Selection| of.resolution == Resolution::Raw && of.after < oldest;
        if query.selections().iter().any(is_gone) {
            return Query::parse(&question.text, Self::query_params(question, Resolution::FiveMinutes));
        }
        Ok(query)
    }

    fn query_params(question: &Question, finest: Resolution) -> Params {
        let Question { start, end, step, .. } = *question;
        let params = if step > 0 { Params::range(start, end, step) } else { Params { end, ..Params::instant(start) } };
        Params {
            lookback: question.lookback.unwrap_or(promql::LOOKBACK),
            coarsest: Resolution::Hour,
            finest,
            rollups_from: ROLLUPS_FROM,
            ..params
        }
    }
}

/// The series of a selection, for a thread that may be blocked. Nothing is read before the first is asked for.
fn stream(metrics: Arc<dyn MetricStore>, tenant: TenantId, selection: Selection) -> SeriesStream {
    let runtime = Handle::current();
    let mut state = Opening::Closed(metrics, selection);
    let mut ready = VecDeque::new();
    Box::new(std::iter::from_fn(move || {
        if let Some(series) = ready.pop_front() {
            return Some(Ok(series));
        }
        match runtime.block_on(next(&mut state, tenant)) {
            Ok(Some(series)) => {
                ready.extend(series);
                ready.pop_front().map(Ok)
            }
            Ok(None) => None,
            Err(error) => {
                state = Opening::Ended;
                Some(Err(error))
            }
        }
    }))
}

/// How far a selection has been read.
enum Opening {
    Closed(Arc<dyn MetricStore>, Selection),
    Open(Box<dyn SeriesBatches>),
    Ended,
}

async fn next(state: &mut Opening, tenant: TenantId) -> StoreResult<Option<Vec<Series>>> {
    if let Opening::Closed(metrics, selection) = state {
        *state = Opening::Open(metrics.select(tenant, selection).await?);
    }
    let Opening::Open(batches) = state else { return Ok(None) };
    let series = batches.next().await?;
    if series.is_none() {
        // Whatever it holds of the store is given back now.
        *state = Opening::Ended;
    }
    Ok(series)
}
