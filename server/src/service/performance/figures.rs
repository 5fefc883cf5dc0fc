//! From roll-ups to what the page shows: pure arithmetic.

use std::collections::HashMap;

use app::model::{
    Call, CallSample, ChartData, EndpointBefore, EndpointName, EndpointStats, Hotspot, TimeRange, TopError,
    overview::{ChartSeries, Grid, Unit},
    performance::{DurationCell, Durations, EndpointSlice},
};

use crate::{
    service::figures::slice_seconds,
    store::{EndpointKey, Rollup, RollupResolution, span::FoundCall},
};

/// Limits of durations: 1, 2 and 5 times powers of ten, from a tenth of a millisecond to a thousand seconds.
const DURATION_POWERS: std::ops::RangeInclusive<i32> = -1..=6;

pub fn name_of(key: EndpointKey) -> EndpointName {
    EndpointName { service: key.service, method: key.method, route: key.route }
}

pub fn key_of(name: EndpointName) -> EndpointKey {
    EndpointKey { service: name.service, method: name.method, route: name.route }
}

/// What a roll-up of a range says, without a small chart.
pub fn stats(name: EndpointName, rollup: &Rollup, range: TimeRange, target_ms: f64) -> EndpointStats {
    let quantile = |q: f64| rollup.sketch.quantile(q).unwrap_or(0.0);
    let mean_ms = rollup.mean_ms().unwrap_or(0.0);
    let requests_per_hour = rollup.requests as f64 / (range.duration_s() / 3600.0);
    EndpointStats {
        service: name.service,
        method: name.method,
        route: name.route,
        requests: rollup.requests,
        rps: rollup.requests as f64 / range.duration_s(),
        mean_ms,
        p50_ms: quantile(0.5),
        p95_ms: quantile(0.95),
        p99_ms: quantile(0.99),
        errors: rollup.errors(),
        error_rate: rollup.error_percent(),
        time_lost_s_per_h: EndpointStats::time_lost_s(requests_per_hour, mean_ms, target_ms),
        sparkline: Vec::new(),
    }
}

/// What a roll-up of the compared range says; none without requests.
pub fn before(rollup: &Rollup, range: TimeRange) -> Option<EndpointBefore> {
    let quantile = |q: f64| rollup.sketch.quantile(q).unwrap_or(0.0);
    (rollup.requests > 0).then(|| EndpointBefore {
        requests: rollup.requests,
        rps: rollup.requests as f64 / range.duration_s(),
        p50_ms: quantile(0.5),
        p95_ms: quantile(0.95),
        p99_ms: quantile(0.99),
        error_rate: rollup.error_percent(),
    })
}

/// What a slice of the heatmap shows.
pub fn slice(rollup: &Rollup) -> EndpointSlice {
    EndpointSlice {
        requests: rollup.requests,
        errors: rollup.errors(),
        p95_ms: rollup.sketch.quantile(0.95).unwrap_or(0.0),
    }
}

/// How long requests took, slice by slice.
pub fn durations(grid: Grid, slices: &[Option<Rollup>]) -> Durations {
    let all: Vec<f64> = DURATION_POWERS.flat_map(|power| [1.0, 2.0, 5.0].map(|one| one * 10_f64.powi(power))).collect();
    // Below the first limit and from the last one on there are rows, too: 0 to the first, the last to twice itself.
    let counted: Vec<Vec<u64>> = slices
        .iter()
        .map(|slice| {
            let Some(rollup) = slice else { return Vec::new() };
            let below = rollup.sketch.counts_below(&all);
            let ends = below.iter().copied().chain([rollup.sketch.count()]);
            let starts = std::iter::once(0).chain(below.iter().copied());
            ends.zip(starts).map(|(end, start)| end.saturating_sub(start)).collect()
        })
        .collect();
    let is_used = |row: usize| counted.iter().any(|counts| counts.get(row).is_some_and(|count| *count > 0));
    let used: Vec<usize> = (0..=all.len()).filter(|row| is_used(*row)).collect();
    let (Some(first), Some(last)) = (used.first().copied(), used.last().copied()) else {
        return Durations { grid, row_ms: Vec::new(), cells: Vec::new() };
    };
    let limit = |at: usize| match at {
        0 => 0.0,
        at => all.get(at - 1).copied().unwrap_or_else(|| all[all.len() - 1] * 10.0),
    };
    let cells = counted.iter().enumerate().flat_map(|(column, counts)| {
        let filled = counts.iter().enumerate().filter(|(_, requests)| **requests > 0);
        filled.map(move |(row, requests)| DurationCell {
            column: column as u16,
            row: (row - first) as u16,
            requests: *requests,
        })
    });
    Durations { grid, row_ms: (first..=last + 1).map(limit).collect(), cells: cells.collect() }
}

/// The charts of an endpoint.
pub fn charts(
    grid: Grid,
    resolution: RollupResolution,
    slices: &[Option<Rollup>],
    before: &[Option<Rollup>],
    now: app::model::UnixMillis,
) -> Vec<ChartData> {
    let percentile = |slices: &[Option<Rollup>], q: f64| -> Vec<Option<f64>> {
        slices.iter().map(|slice| slice.as_ref().and_then(|rollup| rollup.sketch.quantile(q))).collect()
    };
    let rate = |slices: &[Option<Rollup>], class: usize, is_past: bool| -> Vec<Option<f64>> {
        let whole = grid.step_ms.max(resolution.seconds() * 1000) as f64 / 1000.0;
        let seconds = |index| if is_past { whole } else { slice_seconds(grid, resolution, index, now) };
        let one = |(index, slice): (usize, &Option<Rollup>)| {
            slice.as_ref().map(|rollup| rollup.by_class[class] as f64 / seconds(index))
        };
        slices.iter().enumerate().map(one).collect()
    };
    let latency = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)].map(|(key, q)| ChartSeries {
        key: key.to_owned(),
        label: key.to_owned(),
        values: percentile(slices, q),
        before: percentile(before, q),
    });
    let requests = ["2xx", "3xx", "4xx", "5xx"].iter().enumerate().map(|(class, key)| ChartSeries {
        key: (*key).to_owned(),
        label: (*key).to_owned(),
        values: rate(slices, class, false),
        before: rate(before, class, true),
    });
    let chart = |key: &str, title: &str, unit, subtitle: &str, series| ChartData {
        key: key.to_owned(),
        title: title.to_owned(),
        unit,
        subtitle: subtitle.to_owned(),
        series,
    };
    vec![
        chart("endpoint-latency", "Latency", Unit::Milliseconds, "ms", latency.to_vec()),
        chart("endpoint-requests", "Requests", Unit::PerSecond, "/s by status", requests.collect()),
    ]
}

/// Those that say most of a cell: failed ones first, then the slowest.
pub fn sample(mut found: Vec<FoundCall>, is_partial: bool) -> CallSample {
    found.sort_by_key(|call| (!call.is_error, std::cmp::Reverse(call.duration_ns)));
    let is_partial = is_partial || found.len() > CallSample::MAX;
    let calls = found.into_iter().take(CallSample::MAX).map(|call| Call {
        trace_id: call.trace_id,
        span_id: call.span_id,
        start: call.start,
        duration_ms: call.duration_ns as f64 / 1e6,
        status: call.status,
        is_error: call.is_error,
    });
    CallSample { calls: calls.collect(), is_partial }
}

/// What goes wrong at each endpoint, the most frequent first. The requests come newest first.
pub fn top_errors(found: Vec<FoundCall>) -> HashMap<EndpointKey, Vec<TopError>> {
    let mut by_endpoint: HashMap<EndpointKey, HashMap<(u16, String), TopError>> = HashMap::new();
    for call in found {
        let errors = by_endpoint.entry(call.endpoint).or_default();
        let error = errors.entry((call.status, call.error.clone())).or_insert_with(|| TopError {
            error: call.error,
            status: call.status,
            count: 0,
            trace_id: call.trace_id,
            last_seen: call.start.to_millis(),
            operation: call.name,
        });
        error.count += 1;
    }
    let listed = by_endpoint.into_iter().map(|(endpoint, errors)| {
        let mut errors: Vec<TopError> = errors.into_values().collect();
        errors.sort_by(|a, b| {
            b.count.cmp(&a.count).then(b.last_seen.cmp(&a.last_seen)).then_with(|| a.error.cmp(&b.error))
        });
        errors.truncate(Hotspot::MAX_ERRORS);
        (endpoint, errors)
    });
    listed.collect()
}

#[cfg(test)]
mod tests {
    use app::model::{SpanId, TraceId, UnixMillis, UnixNanos};

    use super::*;

    fn rollup(durations: &[f64]) -> Rollup {
        let mut rollup = Rollup::default();
        for duration in durations {
            rollup.add(200, *duration);
        }
        rollup
    }

    #[test]
    fn impact_is_what_requests_take_beyond_the_target() {
        let range = TimeRange { from: UnixMillis(0), to: UnixMillis(1_800_000) };
        let stats = |target| stats(EndpointName::default(), &rollup(&[100.0, 300.0]), range, target);
        assert!((stats(100.0).time_lost_s_per_h - 0.4).abs() < 1e-9, "two in half an hour, 100 ms too long each");
        assert!(stats(500.0).time_lost_s_per_h.abs() < 1e-9);
        assert!((stats(500.0).mean_ms - 200.0).abs() < 1e-9);
    }

    #[test]
    fn durations_fall_into_rows_between_round_limits() {
        let grid = Grid { from: UnixMillis(0), step_ms: 60_000, len: 3 };
        let slices = [Some(rollup(&[3.0, 3.1, 40.0])), None, Some(rollup(&[1.5]))];
        let found = durations(grid, &slices);
        assert_eq!(found.row_ms, [1.0, 2.0, 5.0, 10.0, 20.0, 50.0]);
        let cells: Vec<_> = found.cells.iter().map(|cell| (cell.column, cell.row, cell.requests)).collect();
        assert_eq!(cells, [(0, 1, 2), (0, 4, 1), (2, 0, 1)]);
        assert!(durations(grid, &[None, None]).cells.is_empty());
    }

    #[test]
    fn very_short_and_very_long_ones_have_rows_too() {
        let grid = Grid { from: UnixMillis(0), step_ms: 60_000, len: 1 };
        let found = durations(grid, &[Some(rollup(&[0.01, 90_000_000.0]))]);
        assert_eq!(found.cells.iter().map(|cell| cell.requests).sum::<u64>(), 2);
        assert_eq!(found.row_ms.len(), usize::from(found.cells[1].row) + 2);
        assert!(found.row_ms.windows(2).all(|pair| pair[0] < pair[1]));
    }

    fn call(id: u8, status: u16, error: &str, duration_ms: i64) -> FoundCall {
        FoundCall {
            trace_id: TraceId([id; 16]),
            span_id: SpanId([id; 8]),
            name: "GET /".into(),
            endpoint: EndpointKey { service: "shop".into(), method: "GET".into(), route: "/".into() },
            start: UnixNanos(i64::from(id) * 1_000_000),
            duration_ns: duration_ms * 1_000_000,
            status,
            is_error: status >= 500,
            error: error.into(),
        }
    }

    #[test]
    fn errors_are_counted_by_what_went_wrong_with_the_newest_trace() {
        let found = vec![call(4, 500, "deadlock", 1), call(3, 503, "timeout", 1), call(2, 500, "deadlock", 1)];
        let errors = top_errors(found).into_values().next().unwrap();
        let told: Vec<_> = errors.iter().map(|one| (one.error.as_str(), one.count, one.trace_id.0[0])).collect();
        assert_eq!(told, [("deadlock", 2, 4), ("timeout", 1, 3)]);
    }

    #[test]
    fn a_sample_has_failed_ones_first_and_then_the_slowest() {
        let found = vec![call(1, 200, "", 5), call(2, 200, "", 90), call(3, 500, "", 1)];
        let sample = sample(found, false);
        assert_eq!(sample.calls.iter().map(|call| call.trace_id.0[0]).collect::<Vec<_>>(), [3, 2, 1]);
        assert!(!sample.is_partial);
    }
}
