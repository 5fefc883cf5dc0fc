//! When what is shown over a range is asked for again, and how fine.

use leptos::prelude::*;

use crate::{
    browser::{clock, dom},
    live::use_live,
    model::{RangeSpec, UnixMillis},
};

/// Up to this length of the range every tick may bring new points.
const SHORT_RANGE_S: u32 = 6 * 3600;
/// How often a short range is asked for again.
const SHORT_RANGE_EVERY_MS: i64 = 10_000;
/// How often a longer range is asked for again.
const LONG_RANGE_EVERY_MS: i64 = 60_000;

/// Asks again when there is news and somebody looks, until the current owner is cleaned up.
pub fn refresh(range: Memo<RangeSpec>, is_paused: Signal<bool>, ask_again: Callback<()>) {
    let asked_at = StoredValue::new(None::<UnixMillis>);
    on_news(
        move || is_paused.try_get_untracked() == Some(false),
        move || is_due(range.get_untracked(), asked_at.get_value(), clock::now()),
        move || {
            asked_at.set_value(Some(clock::now()));
            ask_again.run(());
        },
    );
}

/// Asks again at every tick that is wanted and due, while somebody looks; somebody who did not is shown the newest when they
/// do. Until the current owner is cleaned up.
pub fn on_news(
    is_wanted: impl Fn() -> bool + Copy + 'static,
    is_due: impl Fn() -> bool + 'static,
    ask: impl Fn() + Copy + 'static,
) {
    let missed = StoredValue::new(false);
    let ask = move || {
        missed.set_value(dom::is_hidden());
        if !dom::is_hidden() {
            ask();
        }
    };
    let live = use_live();
    Effect::new(move |_| {
        if live.tick.get().is_some() && is_wanted() && is_due() {
            ask();
        }
    });
    Effect::new(move |_| {
        dom::on_visibility_change(move || {
            if missed.try_get_value() == Some(true) && is_wanted() {
                ask();
            }
        });
    });
}

/// How many points a chart of this width shows.
pub fn points_for(width_px: f64) -> u32 {
    match width_px {
        width if width < 500.0 => 150,
        width if width < 1400.0 => 300,
        _ => 600,
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
    fn a_wide_chart_shows_more_points() {
        assert_eq!([390.0, 1200.0, 2500.0].map(points_for), [150, 300, 600]);
    }
}
