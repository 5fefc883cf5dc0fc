//! From stored figures to slices of a grid: pure arithmetic.

use app::model::{TenantId, TimeRange, UnixMillis, UnixNanos, overview::Grid};

use crate::store::{
    MetricStore, Rollup, RollupRange, RollupResolution, StoreResult, collect,
    sample::{Comparison, Data, Labels, Matcher, NAME, Resolution, Selection, Series, is_stale},
};

/// Lengths that a slice may have, in milliseconds.
const STEPS_MS: [i64; 16] = [
    5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000,
    10_800_000, 21_600_000, 43_200_000, 86_400_000,
];
/// Points of a chart: what its pixels can show.
const MAX_POINTS: i64 = 120;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Slices of a small chart and of a heatmap.
const FEW_POINTS: i64 = 48;
/// Samples further apart than this do not belong to one course.
const MAX_GAP_MS: i64 = 60_000;

/// The grid of a range: slices of a round length, aligned to it.
pub fn grid(range: TimeRange) -> Grid {
    let duration = range.duration_ms();
    let smallest = if duration >= HOUR_MS { 60_000 } else { 0 };
    let longest = duration.div_euclid(MAX_POINTS);
    let fits = |step: &&i64| **step >= smallest && **step >= longest;
    let step_ms = STEPS_MS.iter().find(fits).copied().unwrap_or_else(|| {
        let day = STEPS_MS[STEPS_MS.len() - 1];
        longest.div_euclid(day).max(1) * day + day
    });
    let from = range.from.0.div_euclid(step_ms) * step_ms;
    let len = (range.to.0 - from).max(1) as u64;
    Grid { from: UnixMillis(from), step_ms, len: len.div_ceil(step_ms as u64) as usize }
}

/// A grid of few slices, for small charts and heatmaps: none is shorter than a minute, nor than `shortest_ms`.
pub fn few(range: TimeRange, shortest_ms: i64) -> Grid {
    let wanted = range.duration_ms().div_euclid(FEW_POINTS).max(shortest_ms).max(60_000);
    let step_ms = STEPS_MS.iter().find(|step| **step >= wanted).copied();
    let step_ms = step_ms.unwrap_or_else(|| wanted.div_euclid(DAY_MS) * DAY_MS + DAY_MS);
    let from = range.from.0.div_euclid(step_ms) * step_ms;
    let len = (range.to.0 - from).max(1) as u64;
    Grid { from: UnixMillis(from), step_ms, len: len.div_ceil(step_ms as u64) as usize }
}

/// The coarsest roll-ups that the slices of a grid can be made of.
pub fn resolution(grid: Grid) -> RollupResolution {
    match grid.step_ms {
        step if step % DAY_MS == 0 => RollupResolution::Day,
        step if step % HOUR_MS == 0 => RollupResolution::Hour,
        _ => RollupResolution::Minute,
    }
}

/// The roll-ups that the slices of a grid are made of.
pub fn rows_of(grid: Grid) -> RollupRange {
    let resolution = resolution(grid);
    RollupRange { resolution, from: resolution.floor(grid.from.to_nanos()), to: grid.to().to_nanos() }
}

/// The roll-ups that cover a range with as few rows as can be. Long ranges are widened to whole hours. Of a range that
/// reaches to the present the last hour or day is read as one row: it holds nothing of the future.
pub fn cover(range: TimeRange, now: UnixMillis) -> Vec<RollupRange> {
    let is_long = range.duration_ms() > 48 * HOUR_MS;
    let finest = if is_long { RollupResolution::Hour } else { RollupResolution::Minute };
    let coarsest = if is_long { RollupResolution::Day } else { RollupResolution::Hour };
    let from = finest.floor(range.from.to_nanos());
    let to = ceil(if range.to >= now { coarsest } else { finest }, range.to.to_nanos());
    let (inner_from, inner_to) = (ceil(coarsest, from), coarsest.floor(to));
    if inner_from >= inner_to {
        return vec![RollupRange { resolution: finest, from, to }];
    }
    let all = [
        RollupRange { resolution: finest, from, to: inner_from },
        RollupRange { resolution: coarsest, from: inner_from, to: inner_to },
        RollupRange { resolution: finest, from: inner_to, to },
    ];
    all.into_iter().filter(|part| part.from < part.to).collect()
}

fn ceil(resolution: RollupResolution, time: UnixNanos) -> UnixNanos {
    let floor = resolution.floor(time);
    if floor == time { time } else { UnixNanos(floor.0 + resolution.nanos()) }
}

/// Roll-ups by slice of the grid. Where a slice is shorter than a roll-up, each slice shows the roll-up it lies in.
pub fn by_slice(grid: Grid, resolution: RollupResolution, rows: &[(UnixNanos, Rollup)]) -> Vec<Option<Rollup>> {
    let mut slices: Vec<Option<Rollup>> = vec![None; grid.len];
    let row_ms = resolution.seconds() * 1000;
    for (start, rollup) in rows {
        let start = start.to_millis().0;
        if row_ms <= grid.step_ms {
            let Some(index) = grid.index_of(UnixMillis(start.max(grid.from.0))) else { continue };
            slices[index].get_or_insert_with(Rollup::default).merge(rollup);
            continue;
        }
        for (index, slice) in slices.iter_mut().enumerate() {
            if (start..start + row_ms).contains(&grid.at(index).0) {
                *slice = Some(rollup.clone());
            }
        }
    }
    slices
}

/// Seconds that the figures of a slice stand for: a slice, or the row it shows, that is not over yet counts as far
/// as it has come.
pub fn slice_seconds(grid: Grid, resolution: RollupResolution, index: usize, now: UnixMillis) -> f64 {
    let length_ms = grid.step_ms.max(resolution.seconds() * 1000);
    let start = grid.at(index).0.div_euclid(length_ms) * length_ms;
    let elapsed = (now.0 - start).clamp(1000, length_ms);
    elapsed as f64 / 1000.0
}

/// Samples that one question of a page reads at most.
const MOST_SAMPLES: usize = 2_000_000;

/// A sample, or a roll-up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When; the beginning of a roll-up.
    pub time: UnixNanos,
    /// The value; the mean of a roll-up.
    pub value: f64,
    /// The value; the last one of a roll-up. Rates of counters need it.
    pub last: f64,
    /// By how much a counter grew within a roll-up. Zero for a sample.
    pub growth: f64,
}

/// A series with its points, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesPoints {
    /// Which series.
    pub labels: Labels,
    /// Its points.
    pub points: Vec<Point>,
}

impl SeriesPoints {
    fn of(Series { labels, data }: Series, resolution: Resolution) -> Self {
        let time = |millis: i64| UnixNanos(millis * 1_000_000);
        let points = match data {
            Data::Samples(samples) => {
                let values = samples.iter().filter(|(_, value)| !is_stale(*value));
                values.map(|(at, value)| Point { time: time(at), value, last: value, growth: 0.0 }).collect()
            }
            Data::Buckets(buckets) => {
                let rolled = buckets.into_iter().filter(|bucket| bucket.count > 0);
                let point = rolled.map(|bucket| Point {
                    time: time(bucket.end - resolution.millis()),
                    value: bucket.sum / bucket.count as f64,
                    last: bucket.last,
                    growth: bucket.increase(),
                });
                point.collect()
            }
        };
        Self { labels, points }
    }
}

/// Points of all series with one of these names, from one time up to before another.
pub async fn points(
    metrics: &dyn MetricStore,
    tenant: TenantId,
    names: &[&str],
    range: (UnixNanos, UnixNanos),
    resolution: Resolution,
) -> StoreResult<Vec<SeriesPoints>> {
    let (after, to) = (range.0.to_millis().0 - 1, range.1.to_millis().0 - 1);
    let mut all = Vec::new();
    for name in names {
        let name = Matcher { label: NAME.to_owned(), comparison: Comparison::Equal, value: (*name).to_owned() };
        let selection = Selection { matchers: vec![name], after, to, resolution };
        let series = collect(metrics.select(tenant, &selection).await?, MOST_SAMPLES).await?;
        all.extend(series.into_iter().map(|one| SeriesPoints::of(one, resolution)));
    }
    Ok(all)
}

/// Mean of the points in each slice.
pub fn mean_by_slice(grid: Grid, points: &[Point]) -> Vec<Option<f64>> {
    let mut sums = vec![(0.0, 0_u32); grid.len];
    for point in points {
        if let Some(index) = grid.index_of(point.time.to_millis()) {
            sums[index].0 += point.value;
            sums[index].1 += 1;
        }
    }
    sums.into_iter().map(|(sum, count)| (count > 0).then(|| sum / f64::from(count))).collect()
}

/// Growth a second of counters in each slice, summed over the series. A counter that falls began anew at zero.
///
/// `interval_ms` is the usual distance of the points.
pub fn rate_by_slice(grid: Grid, series: &[&SeriesPoints], interval_ms: i64) -> Vec<Option<f64>> {
    let mut total: Vec<Option<f64>> = vec![None; grid.len];
    for one in series {
        let mut sums = vec![(0.0, 0.0); grid.len];
        // Before the first summary there is nothing to compare with, but it knows its own growth.
        if let Some(first) = one.points.first().filter(|first| first.growth > 0.0)
            && let Some(index) = grid.index_of(first.time.to_millis())
        {
            sums[index] = (first.growth, interval_ms as f64 / 1000.0);
        }
        for pair in one.points.windows(2) {
            let elapsed_ms = (pair[1].time.0 - pair[0].time.0) / 1_000_000;
            let Some(index) = grid.index_of(pair[1].time.to_millis()) else { continue };
            if elapsed_ms <= 0 {
                continue;
            }
            if elapsed_ms > MAX_GAP_MS.max(interval_ms * 3) {
                // What a summary after a gap began with is not known, but it knows its own growth, too.
                if pair[1].growth > 0.0 {
                    sums[index].0 += pair[1].growth;
                    sums[index].1 += interval_ms as f64 / 1000.0;
                }
                continue;
            }
            let grown = pair[1].last - pair[0].last;
            sums[index].0 += if grown >= 0.0 { grown } else { pair[1].last };
            sums[index].1 += elapsed_ms as f64 / 1000.0;
        }
        for (slice, (grown, seconds)) in total.iter_mut().zip(sums) {
            if seconds > 0.0 {
                *slice = Some(slice.unwrap_or(0.0) + grown / seconds);
            }
        }
    }
    total
}

/// The newest value that is there.
pub fn newest(values: &[Option<f64>]) -> Option<f64> {
    values.iter().rev().find_map(|value| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_NS: i64 = 60_000_000_000;

    fn range(from_ms: i64, length_ms: i64) -> TimeRange {
        TimeRange { from: UnixMillis(from_ms), to: UnixMillis(from_ms + length_ms) }
    }

    #[test]
    fn every_preset_gets_a_grid_that_fits_the_pixels() {
        for seconds in app::model::RangeSpec::PRESETS {
            let range = range(1_790_000_123_456, i64::from(seconds) * 1000);
            let grid = grid(range);
            assert!((30..=MAX_POINTS as usize + 1).contains(&grid.len), "{seconds}: {grid:?}");
            assert!(grid.from <= range.from && grid.to() >= range.to);
            assert!(grid.to().0 - range.to.0 < grid.step_ms);
        }
    }

    #[test]
    fn a_range_is_covered_without_gap_or_overlap() {
        for (from, length) in
            [(1_790_000_123_456, 300_000), (1_790_000_123_456, 7 * HOUR_MS), (1_790_000_123_456, 720 * HOUR_MS)]
        {
            let range = range(from, length);
            for now in [range.to, UnixMillis(range.to.0 + DAY_MS)] {
                let parts = cover(range, now);
                assert!(parts.windows(2).all(|pair| pair[0].to == pair[1].from));
                assert!(
                    parts[0].from.0 <= from * 1_000_000 && parts[parts.len() - 1].to.0 >= (from + length) * 1_000_000
                );
                let rows: i64 = parts.iter().map(|part| (part.to.0 - part.from.0) / part.resolution.nanos()).sum();
                assert!(rows <= 130, "{rows} rows for {length} ms");
            }
        }
    }

    #[test]
    fn the_present_is_read_as_one_row() {
        let now = UnixMillis(1_790_000_123_456);
        let rows = |length_ms, now| {
            let parts = cover(
                TimeRange { from: UnixMillis(1_790_000_123_456 - length_ms), ..range(0, 1_790_000_123_456) },
                now,
            );
            parts.iter().map(|part| (part.to.0 - part.from.0) / part.resolution.nanos()).sum::<i64>()
        };
        assert!(rows(30 * DAY_MS, now) < rows(30 * DAY_MS, UnixMillis(now.0 + DAY_MS)));
        assert!(rows(30 * DAY_MS, now) <= 55);
    }

    #[test]
    fn a_small_chart_has_few_slices_of_whole_roll_ups() {
        for seconds in app::model::RangeSpec::PRESETS {
            for shortest in [0, HOUR_MS] {
                let range = range(1_790_000_123_456, i64::from(seconds) * 1000);
                let grid = few(range, shortest);
                assert!(grid.len <= FEW_POINTS as usize + 1, "{seconds}: {grid:?}");
                assert!(grid.from <= range.from && grid.to() >= range.to && grid.step_ms >= shortest);
                assert_eq!(grid.step_ms % (resolution(grid).seconds() * 1000), 0);
            }
        }
    }

    #[test]
    fn short_slices_show_the_minute_they_lie_in() {
        let grid = grid(range(0, 300_000));
        assert_eq!(grid.step_ms, 5_000);
        let mut rollup = Rollup::default();
        rollup.add(200, 10.0);
        let slices = by_slice(grid, RollupResolution::Minute, &[(UnixNanos(MINUTE_NS), rollup)]);
        assert!(slices[..12].iter().all(Option::is_none));
        assert!(slices[12..24].iter().all(Option::is_some));
        assert!(slices[24..].iter().all(Option::is_none));
    }

    #[test]
    fn a_slice_that_is_not_over_counts_as_far_as_it_has_come() {
        let grid = grid(range(0, HOUR_MS));
        let seconds = |now| slice_seconds(grid, RollupResolution::Minute, 59, UnixMillis(now));
        assert!((seconds(HOUR_MS - 30_000) - 30.0).abs() < 1e-9);
        assert!((seconds(HOUR_MS * 2) - 60.0).abs() < 1e-9);
    }

    #[test]
    fn rates_of_counters_survive_a_restart_and_skip_gaps() {
        let point = |seconds: i64, last: f64| Point {
            time: UnixNanos(seconds * 1_000_000_000),
            value: last,
            last,
            growth: 0.0,
        };
        let series = SeriesPoints {
            labels: Labels::named("x", &[]),
            points: vec![point(0, 100.0), point(5, 150.0), point(10, 20.0), point(200, 1_000_000.0)],
        };
        let grid = Grid { from: UnixMillis(0), step_ms: 5_000, len: 60 };
        let rates = rate_by_slice(grid, &[&series], 5_000);
        assert_eq!((rates[1], rates[2], rates[40]), (Some(10.0), Some(4.0), None));
    }

    #[test]
    fn a_summary_after_a_gap_knows_its_own_growth() {
        let point = |seconds: i64, last: f64, growth: f64| Point {
            time: UnixNanos(seconds * 1_000_000_000),
            value: last,
            last,
            growth,
        };
        let points = vec![point(55, 100.0, 50.0), point(655, 900.0, 120.0), point(715, 1500.0, 580.0)];
        let series = SeriesPoints { labels: Labels::named("x", &[]), points };
        let grid = Grid { from: UnixMillis(0), step_ms: 60_000, len: 12 };
        let rates = rate_by_slice(grid, &[&series], 60_000);
        assert_eq!((rates[5], rates[10], rates[11]), (None, Some(2.0), Some(10.0)));
    }
}
