//! Reading and writing the time range in the address.

use leptos::prelude::*;

use crate::{
    component::query::{History, use_query_param_with},
    model::{Compare, RangeSpec, TimeRange, UnixMillis},
};

/// The chosen time range. Setting it keeps the other parameters and adds an entry to the history.
pub fn use_range() -> (Memo<RangeSpec>, SignalSetter<RangeSpec>) {
    let (text, set_text) = use_query_param_with("range", History::Push);
    let range =
        Memo::new(move |_| text.with(|text| text.as_deref().and_then(|text| text.parse().ok())).unwrap_or_default());
    (range, SignalSetter::map(move |spec| set_text.set(range_value(spec))))
}

/// The range as the address carries it: the default is left out.
pub fn range_value(spec: RangeSpec) -> Option<String> {
    (spec != RangeSpec::default()).then(|| spec.to_string())
}

/// What the range is compared with.
pub fn use_compare() -> Memo<Compare> {
    let (text, _) = use_query_param_with("compare", History::Push);
    Memo::new(move |_| text.with(|text| text.as_deref().and_then(Compare::from_key)).unwrap_or_default())
}

/// Whether charts draw the compared period too.
pub fn use_overlay() -> Memo<bool> {
    let (text, _) = use_query_param_with("overlay", History::Push);
    Memo::new(move |_| text.with(|text| text.as_deref() == Some("1")))
}

/// The next longer preset; a fixed range grows around its middle.
pub fn widen(spec: RangeSpec) -> RangeSpec {
    match spec {
        RangeSpec::Last(seconds) => {
            let longest = RangeSpec::PRESETS[RangeSpec::PRESETS.len() - 1];
            let next = RangeSpec::PRESETS.into_iter().find(|preset| *preset > seconds);
            RangeSpec::Last(next.unwrap_or(longest).max(seconds))
        }
        RangeSpec::Fixed(from, to) => doubled(TimeRange { from, to }),
    }
}

/// What "zoom out" leads to: the next longer preset for a range that ends now, else twice as long around the same
/// middle, but not into the future.
pub fn zoom_out(spec: RangeSpec, now: UnixMillis) -> RangeSpec {
    let RangeSpec::Fixed(from, to) = spec else { return widen(spec) };
    let RangeSpec::Fixed(from, to) = doubled(TimeRange { from, to }) else { return spec };
    let beyond = (to.0 - now.0).max(0);
    RangeSpec::Fixed(UnixMillis((from.0 - beyond).max(0)), UnixMillis(to.0 - beyond))
}

/// Twice as long around the same middle, at most as long as a query may be.
fn doubled(range: TimeRange) -> RangeSpec {
    let half = range.duration_ms() / 2;
    let from = (range.from.0 - half).max(0);
    let to = (range.to.0 + half).min(from + RangeSpec::LONGEST_MS);
    RangeSpec::Fixed(UnixMillis(from), UnixMillis(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widening_takes_the_next_preset_and_stops_at_the_longest() {
        assert_eq!(widen(RangeSpec::Last(3600)), RangeSpec::Last(3 * 3600));
        assert_eq!(widen(RangeSpec::Last(1000)), RangeSpec::Last(3600));
        assert_eq!(widen(RangeSpec::Last(30 * 86_400)), RangeSpec::Last(30 * 86_400));
        assert_eq!(widen(RangeSpec::Last(90 * 86_400)), RangeSpec::Last(90 * 86_400));
    }

    #[test]
    fn zooming_out_doubles_around_the_middle_within_the_limit() {
        let range = |from, to| TimeRange { from: UnixMillis(from), to: UnixMillis(to) };
        assert_eq!(doubled(range(1_000, 3_000)), RangeSpec::Fixed(UnixMillis(0), UnixMillis(4_000)));
        let longest = RangeSpec::LONGEST_MS;
        let RangeSpec::Fixed(from, to) = doubled(range(longest, longest * 2)) else { panic!("fixed") };
        assert!(to.0 - from.0 <= longest);
    }

    #[test]
    fn zooming_out_stays_in_the_past() {
        let now = UnixMillis(100_000);
        assert_eq!(zoom_out(RangeSpec::Last(3600), now), RangeSpec::Last(3 * 3600));
        let fixed = |from, to| RangeSpec::Fixed(UnixMillis(from), UnixMillis(to));
        assert_eq!(zoom_out(fixed(80_000, 100_000), now), fixed(60_000, 100_000));
        assert_eq!(zoom_out(fixed(20_000, 40_000), now), fixed(10_000, 50_000));
    }

    #[test]
    fn the_default_range_is_left_out_of_the_address() {
        assert_eq!(range_value(RangeSpec::default()), None);
        assert_eq!(range_value(RangeSpec::Last(900)).as_deref(), Some("15m"));
    }
}
