//! Times as people read them, in UTC or in the browser's zone.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use leptos::prelude::*;

use crate::{
    browser::{clock, storage},
    model::UnixMillis,
};

/// In which zone times are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zone {
    /// Coordinated Universal Time: what the server renders and what a new reader sees.
    #[default]
    Utc,
    /// The browser's zone.
    Local,
}

impl Zone {
    /// What people read.
    pub fn label(self) -> &'static str {
        match self {
            Self::Utc => "UTC",
            Self::Local => "local",
        }
    }
}

const STORAGE_KEY: &str = "tz";

#[derive(Clone, Copy)]
struct ZoneSetting(RwSignal<Zone>);

/// Makes the zone that all pages share. It begins as UTC, as on the server, and takes the reader's choice after
/// the page is mounted.
pub fn provide_zone() {
    let zone = RwSignal::new(Zone::Utc);
    provide_context(ZoneSetting(zone));
    Effect::new(move |_| {
        if storage::get(STORAGE_KEY).as_deref() == Some("local") {
            zone.set(Zone::Local);
        }
    });
}

/// The zone in which times are shown.
pub fn use_zone() -> Signal<Zone> {
    use_context::<ZoneSetting>().map_or_else(|| Signal::stored(Zone::Utc), |setting| setting.0.into())
}

/// Changes the zone and remembers it in this browser.
pub fn use_set_zone() -> Callback<Zone> {
    let setting = use_context::<ZoneSetting>();
    Callback::new(move |zone| {
        storage::set(STORAGE_KEY, if zone == Zone::Local { "local" } else { "utc" });
        if let Some(setting) = setting {
            setting.0.set(zone);
        }
    })
}

/// The instant as if the zone's wall clock were UTC, so that one formatter serves both zones.
fn wall_clock(at: UnixMillis, zone: Zone) -> DateTime<Utc> {
    match zone {
        Zone::Utc => at.to_utc(),
        Zone::Local => UnixMillis(at.0 + clock::local_offset_ms(at)).to_utc(),
    }
}

/// How much of an instant is shown. Spelled out by hand: the formats of chrono would be a part of every download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeFormat {
    /// `14:38`
    Minute,
    /// `14:38:20`
    Second,
    /// `Nov 21`
    Day,
    /// `Nov 21 14:38`
    DayMinute,
}

/// The zone's wall clock.
pub fn format_wall(at: UnixMillis, zone: Zone, format: TimeFormat) -> String {
    let time = wall_clock(at, zone);
    let minute = || format!("{:02}:{:02}", time.hour(), time.minute());
    match format {
        TimeFormat::Minute => minute(),
        TimeFormat::Second => format!("{}:{:02}", minute(), time.second()),
        TimeFormat::Day => day(time),
        TimeFormat::DayMinute => format!("{} {}", day(time), minute()),
    }
}

fn day(time: DateTime<Utc>) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    format!("{} {}", MONTHS[time.month0() as usize % MONTHS.len()], time.day())
}

/// `14:38:20.114`
pub fn format_time(at: UnixMillis, zone: Zone) -> String {
    format!("{}.{:03}", format_clock(at, zone), wall_clock(at, zone).timestamp_subsec_millis())
}

/// `14:38:20`
pub fn format_clock(at: UnixMillis, zone: Zone) -> String {
    format_wall(at, zone, TimeFormat::Second)
}

/// `2026-11-21 14:38:20`
pub fn format_date_time(at: UnixMillis, zone: Zone) -> String {
    format!("{} {}", iso_date(at, zone), format_clock(at, zone))
}

/// `2026-11-21T14:38:20`: the value of a `datetime-local` input.
pub fn format_input(at: UnixMillis, zone: Zone) -> String {
    format!("{}T{}", iso_date(at, zone), format_clock(at, zone))
}

fn iso_date(at: UnixMillis, zone: Zone) -> String {
    let time = wall_clock(at, zone);
    format!("{:04}-{:02}-{:02}", time.year(), time.month(), time.day())
}

/// Reads the value of a `datetime-local` input.
pub fn parse_input(text: &str, zone: Zone) -> Option<UnixMillis> {
    let (date, time) = text.split_once('T')?;
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (date.next()?.parse().ok()?, date.next()?.parse().ok()?, date.next()?.parse().ok()?);
    let mut time = time.splitn(3, ':');
    let (hour, minute) = (time.next()?.parse().ok()?, time.next()?.parse().ok()?);
    // Browsers leave out seconds that are zero, and some add fractions.
    let second = time.next().map_or(Some(0), |second| second.split('.').next()?.parse().ok())?;
    let wall = NaiveDate::from_ymd_opt(year, month, day)?.and_hms_opt(hour, minute, second)?;
    let wall = wall.and_utc().timestamp_millis();
    Some(match zone {
        Zone::Utc => UnixMillis(wall),
        // The offset at the wall clock's reading differs from the right one only within hours of a change.
        Zone::Local => {
            UnixMillis(wall - clock::local_offset_ms(UnixMillis(wall - clock::local_offset_ms(UnixMillis(wall)))))
        }
    })
}

/// A label of a time axis, as fine as the distance between labels asks for.
pub fn format_axis(at: UnixMillis, zone: Zone, tick_ms: i64) -> String {
    let is_midnight = wall_clock(at, zone).num_seconds_from_midnight() == 0;
    let format = match tick_ms {
        _ if is_midnight => TimeFormat::Day,
        ms if ms >= 86_400_000 => TimeFormat::Day,
        ms if ms >= 60_000 => TimeFormat::Minute,
        _ => TimeFormat::Second,
    };
    format_wall(at, zone, format)
}

/// A duration: `0.42 ms`, `412 ms`, `1.93 s`, `2 m 14 s`, `3 h 05 m`, `2 d 4 h`.
pub fn format_duration_ms(ms: f64) -> String {
    if !ms.is_finite() {
        return "–".to_owned();
    }
    let ms = ms.max(0.0);
    if ms > 0.0 && ms < 0.005 {
        return "< 0.01 ms".to_owned();
    }
    if ms < 9.95 {
        let text = format!("{ms:.2}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        return format!("{text} ms");
    }
    if ms < 999.5 {
        return format!("{ms:.0} ms");
    }
    if ms < 9_995.0 {
        return format!("{:.2} s", ms / 1000.0);
    }
    if ms < 59_950.0 {
        return format!("{:.1} s", ms / 1000.0);
    }
    let seconds = (ms / 1000.0).round() as u64;
    match seconds {
        s if s < 3600 => format!("{} m {:02} s", s / 60, s % 60),
        s if s < 86_400 => format!("{} h {:02} m", s / 3600, s % 3600 / 60),
        s => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
    }
}

/// A duration that was measured in whole milliseconds, of which none need have passed: `< 1 ms`, `412 ms`.
pub fn format_whole_ms(ms: i64) -> String {
    if ms == 0 { "< 1 ms".to_owned() } else { format_duration_ms(ms as f64) }
}

/// How long ago `at` was: `now`, `12 s ago`, `4 m ago`, `3 h ago`, `2 d ago`.
pub fn relative_age(at: UnixMillis, now: UnixMillis) -> String {
    match (now.0 - at.0) / 1000 {
        ..5 => "now".to_owned(),
        s @ ..60 => format!("{s} s ago"),
        s @ ..3600 => format!("{} m ago", s / 60),
        s @ ..86_400 => format!("{} h ago", s / 3600),
        s => format!("{} d ago", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: UnixMillis = UnixMillis(1_795_271_900_114);

    #[test]
    fn times_are_shown_in_utc() {
        assert_eq!(format_date_time(AT, Zone::Utc), "2026-11-21 14:38:20");
        assert_eq!(format_time(AT, Zone::Utc), "14:38:20.114");
        assert_eq!(format_wall(AT, Zone::Utc, TimeFormat::Minute), "14:38");
        assert_eq!(format_wall(AT, Zone::Utc, TimeFormat::DayMinute), "Nov 21 14:38");
    }

    #[test]
    fn an_input_survives_its_text_form() {
        let whole = UnixMillis(AT.0 - 114);
        assert_eq!(parse_input(&format_input(whole, Zone::Utc), Zone::Utc), Some(whole));
        assert_eq!(parse_input("2026-11-21T14:38", Zone::Utc), Some(UnixMillis(whole.0 - 20_000)));
        for text in ["yesterday", "2026-11-21", "2026-13-21T14:38", "2026-11-21T25:00", "2026-11-21T14:38:xx"] {
            assert_eq!(parse_input(text, Zone::Utc), None, "{text}");
        }
    }

    #[test]
    fn axis_labels_are_as_fine_as_their_distance() {
        assert_eq!(format_axis(AT, Zone::Utc, 600_000), "14:38");
        assert_eq!(format_axis(AT, Zone::Utc, 10_000), "14:38:20");
        assert_eq!(format_axis(AT, Zone::Utc, 86_400_000), "Nov 21");
        let midnight = UnixMillis(AT.0 - AT.0 % 86_400_000);
        assert_eq!(format_axis(midnight, Zone::Utc, 3_600_000), "Nov 21");
    }

    #[test]
    fn durations_name_at_most_two_units() {
        let shown: Vec<String> = [0.0, 0.42, 3.0, 412.4, 1930.0, 41_000.0, 134_000.0, 11_100_000.0, 187_200_000.0]
            .into_iter()
            .map(format_duration_ms)
            .collect();
        assert_eq!(shown, ["0 ms", "0.42 ms", "3 ms", "412 ms", "1.93 s", "41.0 s", "2 m 14 s", "3 h 05 m", "2 d 4 h"]);
    }

    #[test]
    fn ages_are_rough() {
        let ago = |seconds: i64| relative_age(UnixMillis(AT.0 - seconds * 1000), AT);
        assert_eq!(ago(-3), "now");
        assert_eq!(ago(12), "12 s ago");
        assert_eq!(ago(250), "4 m ago");
        assert_eq!(ago(7300), "2 h ago");
        assert_eq!(ago(200_000), "2 d ago");
    }
}
