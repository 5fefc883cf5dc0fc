//! Times as people read them, in UTC or in the browser's zone.

use chrono::{DateTime, Timelike, Utc};
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

/// The zone's wall clock in a `strftime` format.
pub fn format_wall(at: UnixMillis, zone: Zone, format: &str) -> String {
    wall_clock(at, zone).format(format).to_string()
}

/// `14:38:20.114`
pub fn format_time(at: UnixMillis, zone: Zone) -> String {
    let time = wall_clock(at, zone);
    let millis = time.timestamp_subsec_millis();
    format!("{:02}:{:02}:{:02}.{millis:03}", time.hour(), time.minute(), time.second())
}

/// `14:38:20`
pub fn format_clock(at: UnixMillis, zone: Zone) -> String {
    wall_clock(at, zone).format("%H:%M:%S").to_string()
}

/// `2026-11-21 14:38:20`
pub fn format_date_time(at: UnixMillis, zone: Zone) -> String {
    wall_clock(at, zone).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// `2026-11-21T14:38`: the value of a `datetime-local` input.
pub fn format_input(at: UnixMillis, zone: Zone) -> String {
    wall_clock(at, zone).format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Reads the value of a `datetime-local` input.
pub fn parse_input(text: &str, zone: Zone) -> Option<UnixMillis> {
    let time = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"]
        .into_iter()
        .find_map(|format| chrono::NaiveDateTime::parse_from_str(text, format).ok())?;
    let wall = time.and_utc().timestamp_millis();
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
    let format = match tick_ms {
        ms if ms >= 86_400_000 => "%b %-d",
        ms if ms >= 60_000 => "%H:%M",
        _ => "%H:%M:%S",
    };
    let time = wall_clock(at, zone);
    let is_midnight = time.time() == chrono::NaiveTime::MIN;
    time.format(if is_midnight { "%b %-d" } else { format }).to_string()
}

/// A duration: `0.42 ms`, `412 ms`, `1.93 s`, `2 m 14 s`, `3 h 05 m`, `2 d 4 h`.
pub fn format_duration_ms(ms: f64) -> String {
    if !ms.is_finite() {
        return "–".to_owned();
    }
    let ms = ms.max(0.0);
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
        assert_eq!(format_clock(AT, Zone::Utc), "14:38:20");
    }

    #[test]
    fn an_input_survives_its_text_form() {
        let whole = UnixMillis(AT.0 - 114);
        assert_eq!(parse_input(&format_input(whole, Zone::Utc), Zone::Utc), Some(whole));
        assert_eq!(parse_input("2026-11-21T14:38", Zone::Utc), Some(UnixMillis(whole.0 - 20_000)));
        assert_eq!(parse_input("yesterday", Zone::Utc), None);
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
