//! The page's questions to the server, and when they are asked again.

use leptos::prelude::*;

use super::{builder::Built, state::Explorer};
use crate::{
    api::{ApiError, list_metrics, load_metric_labels, query_metrics},
    browser::{clock, dom, geometry},
    live::use_live,
    model::{
        MetricAnswer, MetricAnswers, MetricLabels, MetricLabelsQuery, MetricList, MetricListQuery, MetricQuery,
        RangeSpec, UnixMillis,
    },
};

/// Points of a course before the page is measured.
const POINTS: u32 = 300;
/// Up to this length of the range every tick may bring new points.
const SHORT_RANGE_S: u32 = 6 * 3600;
/// How often a short range is asked for again.
const SHORT_RANGE_EVERY_MS: i64 = 10_000;
/// How often a longer range is asked for again.
const LONG_RANGE_EVERY_MS: i64 = 60_000;

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

/// How many points a page of this width shows.
fn points_for(width_px: f64) -> u32 {
    match width_px {
        width if width < 500.0 => 150,
        width if width < 1400.0 => POINTS,
        _ => 2 * POINTS,
    }
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
        source.keep_current(state);
        source
    }

    fn keep_current(self, state: Explorer) {
        let asked_at = StoredValue::new(None::<UnixMillis>);
        let missed = StoredValue::new(false);
        let ask = move || {
            missed.set_value(dom::is_hidden());
            if !dom::is_hidden() {
                asked_at.set_value(Some(clock::now()));
                self.answers.refetch();
            }
        };
        let live = use_live();
        Effect::new(move |_| {
            let has_ticked = live.tick.get().is_some();
            let is_paused = state.paused.get_untracked();
            if has_ticked && !is_paused && is_due(state.range.get_untracked(), asked_at.get_value(), clock::now()) {
                ask();
            }
        });
        Effect::new(move |_| {
            dom::on_visibility_change(move || {
                if missed.try_get_value() == Some(true) && !state.paused.get_untracked() {
                    ask();
                }
            });
        });
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

/// Whether a tick brings anything new for this range.
fn is_due(range: RangeSpec, asked_at: Option<UnixMillis>, now: UnixMillis) -> bool {
    let is_older = |than_ms: i64| asked_at.is_none_or(|asked_at| now.0 - asked_at.0 >= than_ms);
    match range {
        RangeSpec::Last(seconds) if seconds <= SHORT_RANGE_S => is_older(SHORT_RANGE_EVERY_MS),
        RangeSpec::Last(_) => is_older(LONG_RANGE_EVERY_MS),
        // What lies in the past does not change.
        RangeSpec::Fixed(_, to) => to > now && is_older(LONG_RANGE_EVERY_MS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ranges_are_asked_for_more_often_and_the_past_never() {
        let now = UnixMillis(1_000_000_000);
        let due = |range, ago_ms: i64| is_due(range, Some(UnixMillis(now.0 - ago_ms)), now);
        assert!(due(RangeSpec::Last(3600), 10_000) && !due(RangeSpec::Last(3600), 9_000));
        assert!(due(RangeSpec::Last(86_400), 60_000) && !due(RangeSpec::Last(86_400), 59_000));
        assert!(!due(RangeSpec::Fixed(UnixMillis(0), UnixMillis(5)), 1_000_000));
    }

    #[test]
    fn a_wide_page_shows_more_points() {
        assert_eq!([390.0, 1200.0, 2500.0].map(points_for), [150, 300, 600]);
    }
}
