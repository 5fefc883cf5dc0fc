//! Answers as Prometheus writes them: numbers as texts, times in seconds.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{Value as Json, json};

use crate::{
    promql::Value,
    service::promql::Answered,
    store::{
        Exemplar,
        sample::{Labels, Resolution},
    },
};

/// An answer to a query.
pub fn answer(answered: &Answered, with_statistics: bool) -> String {
    let answer = &answered.answer;
    let mut out = String::with_capacity(256);
    out.push_str(r#"{"status":"success","data":{"resultType":""#);
    out.push_str(answer.value.kind());
    out.push_str(r#"","result":"#);
    match &answer.value {
        Value::Scalar(time, value) => put_point(&mut out, *time, *value),
        Value::String(time, text) => {
            out.push('[');
            put_time(&mut out, *time);
            let _infallible = write!(out, ",{}]", Json::from(text.as_str()));
        }
        Value::Vector(all) => put_all(&mut out, all, |out, series| {
            put_labels(out, &series.labels);
            out.push_str(r#","value":"#);
            put_point(out, series.time, series.value);
        }),
        Value::Matrix(all) => put_all(&mut out, all, |out, series| {
            put_labels(out, &series.labels);
            out.push_str(r#","values":["#);
            for (at, (time, value)) in series.points.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                put_point(out, *time, *value);
            }
            out.push(']');
        }),
    }
    if with_statistics {
        let statistics = json!({
            "timings": { "evalTotalTime": answered.took.as_secs_f64() },
            "samples": { "totalQueryableSamples": answer.samples_read },
        });
        let _infallible = write!(out, r#","stats":{statistics}"#);
    }
    out.push('}');
    let rolled_up = answered.resolutions.iter().filter_map(|resolution| match resolution {
        Resolution::Raw => None,
        Resolution::FiveMinutes => Some("answered from roll-ups of 5 minutes".to_owned()),
        Resolution::Hour => Some("answered from roll-ups of 1 hour".to_owned()),
    });
    let infos: Vec<String> = answer.infos.iter().cloned().chain(rolled_up).collect();
    for (name, texts) in [("warnings", &answer.warnings), ("infos", &infos)] {
        if !texts.is_empty() {
            let _infallible = write!(out, r#","{name}":{}"#, json!(texts));
        }
    }
    out.push('}');
    out
}

fn put_all<T>(out: &mut String, all: &[T], put: impl Fn(&mut String, &T)) {
    out.push('[');
    for (at, one) in all.iter().enumerate() {
        out.push_str(if at > 0 { ",{" } else { "{" });
        put(out, one);
        out.push('}');
    }
    out.push(']');
}

fn put_labels(out: &mut String, labels: &Labels) {
    let labels: BTreeMap<&str, &str> = labels.iter().collect();
    let _infallible = write!(out, r#""metric":{}"#, json!(labels));
}

fn put_point(out: &mut String, time: i64, value: f64) {
    out.push('[');
    put_time(out, time);
    out.push_str(",\"");
    put_value(out, value);
    out.push_str("\"]");
}

/// Milliseconds as seconds, with a fraction where there is one.
fn put_time(out: &mut String, millis: i64) {
    let (sign, size) = (if millis < 0 { "-" } else { "" }, millis.unsigned_abs());
    let (seconds, rest) = (size / 1000, size % 1000);
    let _infallible = if rest == 0 { write!(out, "{sign}{seconds}") } else { write!(out, "{sign}{seconds}.{rest:03}") };
}

/// A number as Go writes the shortest form of it: with an exponent of two digits where it is very small or very large.
fn put_value(out: &mut String, value: f64) {
    let size = value.abs();
    let _infallible = if value.is_nan() {
        write!(out, "NaN")
    } else if value.is_infinite() {
        write!(out, "{}Inf", if value > 0.0 { '+' } else { '-' })
    } else if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
        write!(out, "{digits}e{sign}{exponent:0>2}")
    } else {
        write!(out, "{value}")
    };
}

/// Exemplars by series.
pub fn exemplars(all: &BTreeMap<Labels, Vec<Exemplar>>) -> String {
    let text = |exemplar: &Exemplar| {
        let mut labels: BTreeMap<&str, String> =
            exemplar.labels.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        labels.extend(exemplar.trace_id.map(|id| ("trace_id", id.to_string())));
        labels.extend(exemplar.span_id.map(|id| ("span_id", id.to_string())));
        let mut value = String::new();
        put_value(&mut value, exemplar.value);
        let seconds = exemplar.time.to_millis().0 as f64 / 1000.0;
        json!({ "labels": labels, "value": value, "timestamp": seconds })
    };
    let series = all.iter().map(|(labels, exemplars)| {
        let labels: BTreeMap<&str, &str> = labels.iter().collect();
        json!({ "seriesLabels": labels, "exemplars": exemplars.iter().map(text).collect::<Vec<_>>() })
    });
    json!({ "status": "success", "data": series.collect::<Vec<_>>() }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_written_as_prometheus_writes_them() {
        let told = |value: f64| {
            let mut out = String::new();
            put_value(&mut out, value);
            out
        };
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e-7, "1.5e-07"),
            (-2e300, "-2e+300"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(told(value), text);
        }
        let time = |millis: i64| {
            let mut out = String::new();
            put_time(&mut out, millis);
            out
        };
        assert_eq!([1000, 1005, -1500, 0].map(time), ["1", "1.005", "-1.500", "0"]);
    }
}
