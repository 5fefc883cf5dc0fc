//! Instants, ranges and how a page names them in its address.

use std::{fmt, str::FromStr};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Nanoseconds since the Unix epoch: the time of high-volume rows. JSON: RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct UnixNanos(pub i64);

impl UnixNanos {
    /// As a calendar time in UTC.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_nanos(self.0)
    }

    /// Rounded down to milliseconds.
    pub fn to_millis(self) -> UnixMillis {
        UnixMillis(self.0.div_euclid(1_000_000))
    }
}

impl From<DateTime<Utc>> for UnixNanos {
    /// Times beyond the years 1677 to 2262 become the nearest one that fits.
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_nanos_opt().unwrap_or(if time.timestamp() < 0 { i64::MIN } else { i64::MAX }))
    }
}

impl Serialize for UnixNanos {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl<'de> Deserialize<'de> for UnixNanos {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let time = DateTime::parse_from_rfc3339(&text).map_err(de::Error::custom)?;
        Ok(time.with_timezone(&Utc).into())
    }
}

/// Milliseconds since the Unix epoch: the time of charts and ranges. JSON: a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// As nanoseconds; times that do not fit become the nearest one that does.
    pub fn to_nanos(self) -> UnixNanos {
        UnixNanos(self.0.saturating_mul(1_000_000))
    }

    /// As a calendar time in UTC; out of range becomes the epoch.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }
}

impl From<DateTime<Utc>> for UnixMillis {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_millis())
    }
}

/// A half-open stretch of time: `from` is inside, `to` is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeRange {
    /// First instant inside.
    pub from: UnixMillis,
    /// First instant after.
    pub to: UnixMillis,
}

impl TimeRange {
    /// Length in milliseconds, at least one.
    pub fn duration_ms(&self) -> i64 {
        (self.to.0 - self.from.0).max(1)
    }

    /// Length in seconds.
    pub fn duration_s(&self) -> f64 {
        self.duration_ms() as f64 / 1000.0
    }

    /// The range of the same length that lies `offset_ms` earlier.
    #[must_use]
    pub fn earlier(&self, offset_ms: i64) -> Self {
        Self { from: UnixMillis(self.from.0 - offset_ms), to: UnixMillis(self.to.0 - offset_ms) }
    }
}

const MINUTE_S: u32 = 60;
const HOUR_S: u32 = 3600;
const DAY_S: u32 = 86_400;

/// A time range as people choose it: the last so many seconds, or from here to there.
///
/// Text form, used in addresses: `15m`, `6h`, `30d`, or `<from ms>-<to ms>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RangeSpec {
    /// The last `n` seconds, moving with the clock.
    Last(u32),
    /// A fixed range.
    Fixed(UnixMillis, UnixMillis),
}

impl Default for RangeSpec {
    fn default() -> Self {
        Self::Last(HOUR_S)
    }
}

impl RangeSpec {
    /// The presets of the range picker, shortest first, in seconds.
    pub const PRESETS: [u32; 8] =
        [5 * MINUTE_S, 15 * MINUTE_S, HOUR_S, 3 * HOUR_S, 6 * HOUR_S, DAY_S, 7 * DAY_S, 30 * DAY_S];
    /// The longest range that a query may span, in milliseconds: 400 days.
    pub const LONGEST_MS: i64 = 400 * DAY_S as i64 * 1000;

    /// The range at the instant `now`.
    pub fn resolve(self, now: UnixMillis) -> TimeRange {
        match self {
            Self::Last(seconds) => TimeRange { from: UnixMillis(now.0 - i64::from(seconds) * 1000), to: now },
            Self::Fixed(from, to) => TimeRange { from, to },
        }
    }

    /// Whether the range moves with the clock.
    pub fn is_relative(self) -> bool {
        matches!(self, Self::Last(_))
    }

    /// What people read: `Last 15 minutes`; a fixed range is for the page to format in its time zone.
    pub fn label(self) -> String {
        match self {
            Self::Last(seconds) => {
                let (count, unit) = match seconds {
                    s if s % DAY_S == 0 => (s / DAY_S, "day"),
                    s if s % HOUR_S == 0 => (s / HOUR_S, "hour"),
                    s if s % MINUTE_S == 0 => (s / MINUTE_S, "minute"),
                    s => (s, "second"),
                };
                format!("Last {count} {unit}{}", if count == 1 { "" } else { "s" })
            }
            Self::Fixed(..) => "Custom range".to_owned(),
        }
    }
}

impl fmt::Display for RangeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Last(s) if s % DAY_S == 0 => write!(f, "{}d", s / DAY_S),
            Self::Last(s) if s % HOUR_S == 0 => write!(f, "{}h", s / HOUR_S),
            Self::Last(s) if s % MINUTE_S == 0 => write!(f, "{}m", s / MINUTE_S),
            Self::Last(s) => write!(f, "{s}s"),
            Self::Fixed(from, to) => write!(f, "{}-{}", from.0, to.0),
        }
    }
}

/// A text that names no time range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a length such as 15m, 6h or 30d, or <from>-<to> in epoch milliseconds, at most 400 days long")]
pub struct ParseRangeError;

impl FromStr for RangeSpec {
    type Err = ParseRangeError;

    fn from_str(text: &str) -> Result<Self, ParseRangeError> {
        if let Some((from, to)) = text.split_once('-') {
            let from: i64 = from.parse().map_err(|_| ParseRangeError)?;
            let to: i64 = to.parse().map_err(|_| ParseRangeError)?;
            let fits = from >= 0 && from < to && to - from <= Self::LONGEST_MS;
            return if fits { Ok(Self::Fixed(UnixMillis(from), UnixMillis(to))) } else { Err(ParseRangeError) };
        }
        let (at, unit) = text.char_indices().last().ok_or(ParseRangeError)?;
        let scale = match unit {
            's' => 1,
            'm' => MINUTE_S,
            'h' => HOUR_S,
            'd' => DAY_S,
            _ => return Err(ParseRangeError),
        };
        let count: u32 = text[..at].parse().map_err(|_| ParseRangeError)?;
        let seconds = count.checked_mul(scale).ok_or(ParseRangeError)?;
        let fits = seconds > 0 && i64::from(seconds) * 1000 <= Self::LONGEST_MS;
        if fits { Ok(Self::Last(seconds)) } else { Err(ParseRangeError) }
    }
}

impl Serialize for RangeSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RangeSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// What the chosen range is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// The range of the same length that ends where this one begins.
    #[default]
    Previous,
    /// The same hours one day earlier.
    Yesterday,
    /// The same hours seven days earlier.
    LastWeek,
}

impl Compare {
    /// Every choice, in the order of the menu.
    pub const ALL: [Self; 3] = [Self::Previous, Self::Yesterday, Self::LastWeek];

    /// The range to compare `range` with.
    pub fn of(self, range: TimeRange) -> TimeRange {
        match self {
            Self::Previous => range.earlier(range.duration_ms()),
            Self::Yesterday => range.earlier(i64::from(DAY_S) * 1000),
            Self::LastWeek => range.earlier(i64::from(DAY_S) * 7000),
        }
    }

    /// The name used in addresses.
    pub fn key(self) -> &'static str {
        match self {
            Self::Previous => "previous",
            Self::Yesterday => "yesterday",
            Self::LastWeek => "last_week",
        }
    }

    /// What people read after "vs".
    pub fn label(self) -> &'static str {
        match self {
            Self::Previous => "period before",
            Self::Yesterday => "yesterday",
            Self::LastWeek => "last week",
        }
    }

    /// The choice with this [`key`](Self::key).
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|compare| compare.key() == key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_read_from_addresses() {
        assert_eq!("15m".parse(), Ok(RangeSpec::Last(900)));
        assert_eq!("30d".parse(), Ok(RangeSpec::Last(2_592_000)));
        assert_eq!("1000-2000".parse(), Ok(RangeSpec::Fixed(UnixMillis(1000), UnixMillis(2000))));
        for text in ["", "m", "0m", "-5m", "15", "2000-1000", "9999d", "1h-2h", "99999999999h", "5é"] {
            assert_eq!(text.parse::<RangeSpec>(), Err(ParseRangeError), "{text}");
        }
    }

    #[test]
    fn every_preset_has_a_readable_label() {
        let labels: Vec<String> = RangeSpec::PRESETS.into_iter().map(|s| RangeSpec::Last(s).label()).collect();
        assert_eq!(labels[0], "Last 5 minutes");
        assert_eq!(labels[2], "Last 1 hour");
        assert_eq!(labels[7], "Last 30 days");
    }

    #[test]
    fn a_range_is_compared_with_one_of_the_same_length() {
        let range = TimeRange { from: UnixMillis(1_000_000), to: UnixMillis(1_600_000) };
        for compare in Compare::ALL {
            assert_eq!(compare.of(range).duration_ms(), range.duration_ms());
            assert_eq!(Compare::from_key(compare.key()), Some(compare));
        }
        assert_eq!(Compare::Previous.of(range).to, range.from);
    }

    proptest! {
        #[test]
        fn a_range_survives_its_text_form(seconds in 1u32..34_560_000, from in 0i64..4_000_000_000_000, length in 1i64..1_000_000_000) {
            for spec in [RangeSpec::Last(seconds), RangeSpec::Fixed(UnixMillis(from), UnixMillis(from + length))] {
                prop_assert_eq!(spec.to_string().parse(), Ok(spec));
            }
        }

        #[test]
        fn nanoseconds_survive_json(nanos in 0i64..4_000_000_000_000_000_000) {
            let json = serde_json::to_string(&UnixNanos(nanos)).unwrap();
            prop_assert_eq!(serde_json::from_str::<UnixNanos>(&json).unwrap(), UnixNanos(nanos));
        }
    }
}
