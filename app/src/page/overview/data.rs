//! The page's one question to the server, and when it is asked again.

use std::time::Duration;

use leptos::prelude::*;

use super::state::use_overview_query;
use crate::{
    api::{ApiError, load_overview},
    browser::{clock, dom},
    live::use_live,
    model::{Overview, OverviewQuery, RangeSpec, UnixMillis},
};

/// Up to this length of the range every tick brings new points.
const SHORT_RANGE_S: u32 = 6 * 3600;
/// How often a longer range is asked for again.
const LONG_RANGE_EVERY_MS: i64 = 60_000;
/// Changes of pipelines come in bursts: one question answers all of them.
const BURST: Duration = Duration::from_millis(400);

/// The question and its answers.
#[derive(Clone, Copy)]
pub struct OverviewSource {
    resource: Resource<Result<Overview, ApiError>>,
}

/// The newest good answer: a failed refresh does not take what is on screen.
#[derive(Clone, Copy)]
pub struct Latest(Memo<Option<Overview>>);

/// Asks for the overview, and again when there is news and somebody looks.
pub fn use_overview() -> OverviewSource {
    let query = use_overview_query();
    let resource = Resource::new(move || query.get(), load_overview);
    let asked_at = StoredValue::new(None::<UnixMillis>);
    let is_planned = StoredValue::new(false);
    let missed_news = StoredValue::new(false);

    let ask = move || {
        if dom::is_hidden() {
            missed_news.set_value(true);
        } else {
            missed_news.set_value(false);
            asked_at.set_value(Some(clock::now()));
            resource.refetch();
        }
    };

    let live = use_live();
    Effect::new(move |_| {
        if live.tick.get().is_some() && is_due(query.get_untracked(), asked_at.get_value(), clock::now()) {
            ask();
        }
    });
    Effect::new(move |before: Option<u64>| {
        let version = live.pipelines_version.get();
        if before.is_some_and(|before| before != version) && !is_planned.get_value() {
            is_planned.set_value(true);
            set_timeout(
                move || {
                    // The page may be gone by then.
                    if is_planned.try_set_value(false).is_none() {
                        ask();
                    }
                },
                BURST,
            );
        }
        version
    });
    Effect::new(move |_| {
        dom::on_visibility_change(move || {
            if missed_news.get_value() {
                ask();
            }
        });
    });
    OverviewSource { resource }
}

/// Whether a tick brings anything new for this question.
fn is_due(query: OverviewQuery, asked_at: Option<UnixMillis>, now: UnixMillis) -> bool {
    match query.range {
        RangeSpec::Last(seconds) if seconds <= SHORT_RANGE_S => true,
        RangeSpec::Last(_) => asked_at.is_none_or(|asked_at| now.0 - asked_at.0 >= LONG_RANGE_EVERY_MS),
        // What lies in the past does not change.
        RangeSpec::Fixed(_, to) => {
            to > now && asked_at.is_none_or(|asked_at| now.0 - asked_at.0 >= LONG_RANGE_EVERY_MS)
        }
    }
}

impl OverviewSource {
    /// Waits for the first answer.
    pub async fn await_first(self) {
        drop(self.resource.await);
    }

    /// Asks again.
    pub fn refetch(self) {
        self.resource.refetch();
    }

    /// The newest good answer.
    pub fn latest(self) -> Latest {
        let resource = self.resource;
        Latest(Memo::new(move |before: Option<&Option<Overview>>| match resource.get() {
            Some(Ok(overview)) => Some(overview),
            Some(Err(_)) | None => before.cloned().flatten(),
        }))
    }

    /// Why the newest answer is none.
    pub fn error(self) -> Memo<Option<ApiError>> {
        let resource = self.resource;
        Memo::new(move |before: Option<&Option<ApiError>>| match resource.get() {
            Some(answer) => answer.err(),
            None => before.cloned().flatten(),
        })
    }
}

impl Latest {
    /// Whether there was any good answer.
    pub fn is_known(self) -> Memo<bool> {
        let latest = self.0;
        Memo::new(move |_| latest.with(Option::is_some))
    }

    /// A part of the newest good answer; `otherwise` before there is one.
    pub fn pick<T>(self, otherwise: T, part: impl Fn(&Overview) -> T + Send + Sync + 'static) -> Memo<T>
    where
        T: Clone + PartialEq + Send + Sync + 'static,
    {
        let latest = self.0;
        Memo::new(move |_| latest.with(|latest| latest.as_ref().map_or_else(|| otherwise.clone(), &part)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ranges_follow_every_tick_and_long_ones_every_minute() {
        let now = UnixMillis(1_000_000_000);
        let due = |range, asked_ago_ms: Option<i64>| {
            let query = OverviewQuery { range, ..OverviewQuery::default() };
            is_due(query, asked_ago_ms.map(|ago| UnixMillis(now.0 - ago)), now)
        };
        assert!(due(RangeSpec::Last(SHORT_RANGE_S), Some(10)));
        assert!(!due(RangeSpec::Last(SHORT_RANGE_S + 1), Some(59_000)));
        assert!(due(RangeSpec::Last(SHORT_RANGE_S + 1), Some(60_000)));
        assert!(due(RangeSpec::Last(SHORT_RANGE_S + 1), None));
        assert!(!due(RangeSpec::Fixed(UnixMillis(0), UnixMillis(5_000)), None), "the past stays as it is");
        assert!(due(RangeSpec::Fixed(UnixMillis(0), UnixMillis(now.0 + 5_000)), None));
    }
}
