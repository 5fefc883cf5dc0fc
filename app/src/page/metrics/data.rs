//! The page's questions to the server, and when they are asked again.

use leptos::prelude::*;

use super::{builder::Built, state::Explorer};
use crate::{
    api::{ApiError, list_metrics, load_metric_labels, query_metrics},
    browser::geometry,
    component::refresh::{points_for, refresh},
    model::{MetricAnswer, MetricAnswers, MetricLabels, MetricLabelsQuery, MetricList, MetricListQuery, MetricQuery},
};

/// Points of a course before the page is measured.
const POINTS: u32 = 300;
/// An answer with its question: by the time it is here, the address may ask another one.
type Asked<Q, A> = Resource<Result<(Q, A), ApiError>>;

/// The questions and their answers. Copy it freely.
#[derive(Clone, Copy)]
pub struct Source {
    /// The queries' answers.
    pub answers: Asked<MetricQuery, MetricAnswers>,
    /// Metrics that are found.
    pub metrics: Resource<Result<MetricList, ApiError>>,
    /// Labels of the metric of the query that clicks change.
    pub labels: Resource<Option<Result<MetricLabels, ApiError>>>,
    /// What clicks have made of that query; none for one that was written by hand.
    pub built: Memo<Option<Built>>,
    /// The newest good answers: a failed refresh does not take what is on screen.
    pub latest: Memo<Option<(MetricQuery, MetricAnswers)>>,
    /// Points of a course: what the pixels show.
    points: RwSignal<u32>,
}

impl Source {
    /// Asks, and asks again when there is news and somebody looks.
    pub fn new(state: Explorer) -> Self {
        let points = RwSignal::new(POINTS);
        let question = Memo::new(move |_| state.question(points.get()));
        let answers = Resource::new(
            move || question.get(),
            |query| async move { query_metrics(query.clone()).await.map(|answers| (query, answers)) },
        );
        let listed = Memo::new(move |_| MetricListQuery {
            search: state.find.get().unwrap_or_default(),
            range: state.range.get(),
            limit: state.list_limit(),
        });
        let metrics = Resource::new(move || listed.get(), list_metrics);
        let built = Memo::new(move |_| state.queries.with(|queries| Built::read(&queries.rows[queries.at].text)));
        let labelled = Memo::new(move |_| {
            let built = built.get()?;
            let metric = built.series_name();
            let values = if state.label.with(Option::is_some) { MetricLabelsQuery::MOST_VALUES } else { 0 };
            Some(MetricLabelsQuery { metric, tests: built.tests, range: state.range.get(), values })
        });
        let labels = Resource::new(
            move || labelled.get(),
            |query| async move {
                match query {
                    Some(query) => Some(load_metric_labels(query).await),
                    None => None,
                }
            },
        );
        let latest = Memo::new(move |before: Option<&Option<(MetricQuery, MetricAnswers)>>| match answers.get() {
            Some(Ok(answered)) => Some(answered),
            Some(Err(_)) | None => before.cloned().flatten(),
        });
        let source = Self { answers, metrics, labels, built, latest, points };
        refresh(state.range, state.paused.into(), Callback::new(move |()| answers.refetch()));
        source
    }

    /// Asks for as many points as a chart of this width shows.
    pub fn measure(self, page: &leptos::web_sys::HtmlElement) {
        let points = self.points;
        geometry::watch_size(page, move |width, _| {
            let wanted = points_for(width);
            if width > 0.0 && points.get_untracked() != wanted {
                points.set(wanted);
            }
        });
    }

    /// The newest answer to one of the queries, as long as it is still the one that is asked.
    pub fn answer(self, at: usize) -> Memo<Option<MetricAnswer>> {
        let latest = self.latest;
        Memo::new(move |_| latest.with(|latest| latest.as_ref()?.1.answers.get(at).cloned()))
    }
}
