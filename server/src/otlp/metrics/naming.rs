//! Names as Prometheus has them: of metrics, with their unit and kind at the end, and of labels.
//!
//! After <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>, and where that leaves a
//! choice, as Prometheus itself chooses when it takes OTLP.

/// What decides about the end of a metric's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value that goes up and down; without a unit (`1`) it is a ratio.
    Gauge,
    /// A monotonic sum: its name ends in `_total`.
    Counter,
    /// A sum that goes up and down, a histogram, a summary.
    Other,
}

/// Units that are written out, by their UCUM code.
const UNITS: [(&str, &str); 29] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("µs", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("kBy", "kilobytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("bit", "bits"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("%", "percent"),
    ("1", ""),
];

/// Units after a slash.
const PER_UNITS: [(&str, &str); 9] = [
    ("ms", "millisecond"),
    ("s", "second"),
    ("m", "minute"),
    ("min", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

/// The name of a metric: `[a-zA-Z_:][a-zA-Z0-9_:]*`, with its unit and, for a counter, `_total` at the end, each once.
/// None if the given name has no letter or digit that Prometheus knows.
pub fn metric_name(name: &str, unit: &str, kind: Kind) -> Option<String> {
    let mut full = sanitize(name, |c| c.is_ascii_alphanumeric() || c == ':');
    if !full.contains(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    if full.starts_with(|c: char| c.is_ascii_digit()) {
        full.insert(0, '_');
    }
    if kind == Kind::Counter && full.ends_with("_total") {
        full.truncate(full.len() - "_total".len());
    }
    let unit = unit_suffix(unit, kind);
    if !unit.is_empty() && !has_words(&full, &unit) {
        append(&mut full, &unit);
    }
    if kind == Kind::Counter && full != "total" {
        append(&mut full, "total");
    }
    Some(full)
}

/// The name of a label: `[a-zA-Z_][a-zA-Z0-9_]*`. One that would begin with a digit begins with `key_`.
pub fn label_name(key: &str) -> String {
    let name = sanitize(key, |c| c.is_ascii_alphanumeric());
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("key_{name}") } else { name }
}

/// Each run of other characters, and of `_`, becomes one `_`.
fn sanitize(text: &str, is_known: impl Fn(char) -> bool) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if is_known(c) {
            clean.push(c);
        } else if !clean.ends_with('_') {
            clean.push('_');
        }
    }
    clean
}

fn append(name: &mut String, suffix: &str) {
    if !name.ends_with('_') {
        name.push('_');
    }
    name.push_str(suffix);
}

/// Whether the words of `part` stand in `name`, one after the other.
fn has_words(name: &str, part: &str) -> bool {
    let words: Vec<&str> = name.split(['_', ':']).collect();
    let wanted: Vec<&str> = part.split('_').collect();
    words.windows(wanted.len()).any(|window| window == wanted)
}

/// The unit in words, e.g. `meters_per_second`; empty for none.
fn unit_suffix(unit: &str, kind: Kind) -> String {
    let unit = without_annotations(unit);
    let unit = unit.trim();
    if unit == "1" {
        return if kind == Kind::Gauge { "ratio".to_owned() } else { String::new() };
    }
    let (main, per) = unit.split_once('/').map_or((unit, ""), |(main, per)| (main.trim(), per.trim()));
    let mut words = in_words(main, &UNITS);
    let per = in_words(per, &PER_UNITS);
    if !per.is_empty() {
        words.push_str(if words.is_empty() { "per_" } else { "_per_" });
        words.push_str(&per);
    }
    words
}

/// What is in braces counts something: `{request}` is no unit.
fn without_annotations(unit: &str) -> String {
    let mut plain = String::with_capacity(unit.len());
    let mut is_inside = false;
    for c in unit.chars() {
        match c {
            '{' => is_inside = true,
            '}' => is_inside = false,
            _ if !is_inside => plain.push(c),
            _ => {}
        }
    }
    plain
}

fn in_words(unit: &str, table: &[(&str, &str)]) -> String {
    let known = table.iter().find(|(code, _)| *code == unit).map(|(_, words)| (*words).to_owned());
    known.unwrap_or_else(|| sanitize(unit, |c| c.is_ascii_alphanumeric()).trim_matches('_').to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_metric_is_named_with_its_unit_and_its_kind() {
        for (name, unit, kind, expected) in [
            ("http.server.request.duration", "s", Kind::Other, "http_server_request_duration_seconds"),
            ("http.server.duration", "ms", Kind::Other, "http_server_duration_milliseconds"),
            ("http.server.active_requests", "{request}", Kind::Other, "http_server_active_requests"),
            ("system.network.io", "By", Kind::Counter, "system_network_io_bytes_total"),
            ("system.memory.limit", "MiBy", Kind::Gauge, "system_memory_limit_mebibytes"),
            ("system.cpu.utilization", "1", Kind::Gauge, "system_cpu_utilization_ratio"),
            ("jobs.done", "1", Kind::Counter, "jobs_done_total"),
            ("queue.size", "1", Kind::Other, "queue_size"),
            ("wind.speed", "m/s", Kind::Gauge, "wind_speed_meters_per_second"),
            ("packets", "{packet}/s", Kind::Gauge, "packets_per_second"),
            ("room.temperature", "Cel", Kind::Gauge, "room_temperature_celsius"),
            ("disk.used", "%", Kind::Gauge, "disk_used_percent"),
            ("parcels", "crates", Kind::Gauge, "parcels_crates"),
            ("queue.length", "", Kind::Gauge, "queue_length"),
        ] {
            assert_eq!(metric_name(name, unit, kind).as_deref(), Some(expected), "{name} {unit}");
        }
    }

    #[test]
    fn nothing_is_added_that_is_there() {
        for (name, unit, kind, expected) in [
            ("requests_total", "", Kind::Counter, "requests_total"),
            ("request_seconds_total", "s", Kind::Counter, "request_seconds_total"),
            ("request_total", "s", Kind::Counter, "request_seconds_total"),
            ("total", "1", Kind::Counter, "total"),
            ("up.seconds", "s", Kind::Gauge, "up_seconds"),
            ("seconds.since.start", "s", Kind::Gauge, "seconds_since_start"),
            ("speed.meters.per.second", "m/s", Kind::Gauge, "speed_meters_per_second"),
            ("cache.hit.ratio", "1", Kind::Gauge, "cache_hit_ratio"),
            ("requests_total", "", Kind::Gauge, "requests_total"),
        ] {
            assert_eq!(metric_name(name, unit, kind).as_deref(), Some(expected), "{name} {unit}");
        }
    }

    #[test]
    fn what_prometheus_cannot_have_in_a_name_is_replaced() {
        let named = |name| metric_name(name, "", Kind::Gauge);
        assert_eq!(named("a--b..c__d").as_deref(), Some("a_b_c_d"));
        assert_eq!(named("job:rate:5m").as_deref(), Some("job:rate:5m"));
        assert_eq!(named("5xx").as_deref(), Some("_5xx"));
        assert_eq!(named("températures").as_deref(), Some("temp_ratures"));
        assert_eq!((named(""), named("…")), (None, None));
        assert_eq!(metric_name("sent.", "By", Kind::Counter).as_deref(), Some("sent_bytes_total"));
        for (key, expected) in
            [("http.method", "http_method"), ("5xx", "key_5xx"), ("__name__", "_name_"), ("a:b", "a_b")]
        {
            assert_eq!(label_name(key), expected);
        }
    }

    proptest! {
        #[test]
        fn any_name_becomes_one_that_prometheus_knows(name in "\\PC{0,30}", unit in "\\PC{0,10}") {
            for kind in [Kind::Gauge, Kind::Counter, Kind::Other] {
                if let Some(made) = metric_name(&name, &unit, kind) {
                    prop_assert!(made.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte)));
                    prop_assert!(!made.is_empty() && !made.as_bytes()[0].is_ascii_digit() && !made.contains("__"));
                }
            }
            let label = label_name(&name);
            prop_assert!(label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        }
    }
}
