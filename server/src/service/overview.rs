//! The overview page: read from roll-ups only, so its cost does not grow with what is stored.

use std::time::Instant;

use app::{
    api::{ApiError, OverviewPort, Scope},
    model::{
        ChartData, Kpi, Overview, OverviewQuery, PipelineFilter, PipelineStatus, PipelineSummary, PipelineTrace,
        RangeSpec, Severity, StatusLevel, TenantId, TimeRange, UnixMillis, UnixNanos,
        overview::{ChartSeries, Grid, StatusReason, Unit},
    },
};
use async_trait::async_trait;

use super::{
    Services,
    figures::{
        Point, SeriesPoints, by_slice, grid, mean_by_slice, newest, points, rate_by_slice, resolution, slice_seconds,
    },
    status::{self, Evidence},
    store_failed,
};
use crate::{
    collect::names,
    store::{Rollup, RollupRange, RollupResolution, StoreResult, sample::Resolution},
};

/// Endpoints that the page shows.
const MAX_ENDPOINTS: usize = 100;
/// Pipelines that the page shows.
const MAX_PIPELINES: u32 = 8;
/// What charts and cards show of the host.
const HOST: [&str; 5] = [names::CPU, names::MEMORY, names::STORE_BYTES, names::NETWORK_IO, names::DISK_IO];
/// The first of them have cards, which compare them with the period before.
const COMPARED: usize = 3;
/// Up to this length of a range every sample is read, beyond it summaries.
const RAW_UP_TO_MS: i64 = 6 * HOUR_MS;
const HOUR_MS: i64 = 3_600_000;
/// The minutes that the banner judges.
const VERDICT_MS: i64 = 300_000;
/// How long a failed pipeline stays in the banner.
const FAILED_PIPELINE_S: u32 = 3600;

/// The courses of one range.
struct Courses {
    p50: Vec<Option<f64>>,
    p95: Vec<Option<f64>>,
    p99: Vec<Option<f64>>,
    rps: Vec<Option<f64>>,
    /// 2xx, 3xx, 4xx, 5xx a second.
    by_class: [Vec<Option<f64>>; 4],
    error_percent: Vec<Option<f64>>,
    cpu: Vec<Option<f64>>,
    memory: Vec<Option<f64>>,
    store_bytes: Vec<Option<f64>>,
    received: Vec<Option<f64>>,
    sent: Vec<Option<f64>>,
    read: Vec<Option<f64>>,
    written: Vec<Option<f64>>,
    /// All requests of the range.
    total: Rollup,
}

impl Courses {
    /// Requests a second over the measured part of the range.
    fn mean_rps(&self) -> Option<f64> {
        let measured: Vec<f64> = self.rps.iter().flatten().copied().collect();
        (!measured.is_empty()).then(|| measured.iter().sum::<f64>() / measured.len() as f64)
    }

    fn total_p95(&self) -> Option<f64> {
        self.total.sketch.quantile(0.95)
    }

    fn total_errors(&self) -> Option<f64> {
        (self.total.requests > 0).then(|| self.total.error_percent())
    }
}

impl Services {
    /// `of_host` names the samples that are read; the courses of others stay empty.
    async fn courses(
        &self,
        scope: Scope,
        range: TimeRange,
        now: UnixMillis,
        of_host: &[&str],
    ) -> StoreResult<(Grid, Courses)> {
        let grid = grid(range);
        let resolution = resolution(grid);
        let rows_range =
            RollupRange { resolution, from: resolution.floor(grid.from.to_nanos()), to: grid.to().to_nanos() };
        let rows = self.stores.endpoints.totals(scope.tenant, rows_range).await?;
        let mut total = Rollup::default();
        for (_, rollup) in &rows {
            total.merge(rollup);
        }
        let samples = self.host_samples(scope, grid, range, of_host).await?;
        let slices = by_slice(grid, resolution, &rows);
        let percentile = |q: f64| -> Vec<Option<f64>> {
            slices.iter().map(|slice| slice.as_ref().and_then(|rollup| rollup.sketch.quantile(q))).collect()
        };
        let cpu = samples.mean(grid, names::CPU, 100.0);
        // A slice without requests but with a sample of the host is a zero, not a gap: Console was running.
        let per_second = |count: &dyn Fn(&Rollup) -> u64| -> Vec<Option<f64>> {
            let rate = |(index, slice): (usize, &Option<Rollup>)| match slice {
                Some(rollup) => Some(count(rollup) as f64 / slice_seconds(grid, resolution, index, now)),
                None => cpu[index].map(|_| 0.0),
            };
            slices.iter().enumerate().map(rate).collect()
        };
        let courses = Courses {
            p50: percentile(0.5),
            p95: percentile(0.95),
            p99: percentile(0.99),
            rps: per_second(&|rollup| rollup.requests),
            by_class: std::array::from_fn(|class| per_second(&|rollup: &Rollup| rollup.by_class[class])),
            error_percent: slices.iter().map(|slice| slice.as_ref().map(Rollup::error_percent)).collect(),
            memory: samples.mean(grid, names::MEMORY, 100.0),
            store_bytes: samples.mean(grid, names::STORE_BYTES, 1.0),
            received: samples.rate(grid, names::NETWORK_IO, "receive"),
            sent: samples.rate(grid, names::NETWORK_IO, "transmit"),
            read: samples.rate(grid, names::DISK_IO, "read"),
            written: samples.rate(grid, names::DISK_IO, "write"),
            cpu,
            total,
        };
        Ok((grid, courses))
    }

    async fn host_samples(
        &self,
        scope: Scope,
        grid: Grid,
        range: TimeRange,
        names: &[&str],
    ) -> StoreResult<HostSamples> {
        let (tenant, step_ms) = (scope.tenant, grid.step_ms);
        let (resolution, interval_ms) = match range.duration_ms() {
            ..=RAW_UP_TO_MS => (Resolution::Raw, self.config.ingest.host_interval_seconds as i64 * 1000),
            _ if step_ms < HOUR_MS => (Resolution::FiveMinutes, Resolution::FiveMinutes.millis()),
            _ => (Resolution::Hour, Resolution::Hour.millis()),
        };
        // One point more before the range, so that rates begin with it.
        let (from, to) = (UnixNanos(grid.from.to_nanos().0 - interval_ms * 1_000_000), grid.to().to_nanos());
        let series = points(&*self.stores.metrics, tenant, names, (from, to), resolution).await?;
        Ok(HostSamples { series, interval_ms })
    }

    async fn latest_pipelines(&self, scope: Scope) -> StoreResult<Vec<PipelineTrace>> {
        self.stores.pipelines.list(scope.tenant, &PipelineFilter::default(), None, None, MAX_PIPELINES).await
    }

    /// How things are, why, and what that is judged by.
    async fn verdict(&self, scope: Scope, now: UnixMillis) -> StoreResult<(Evidence, StatusLevel, Vec<StatusReason>)> {
        let begun = Instant::now();
        let evidence = self.evidence(scope, now).await?;
        let (status, reasons) = status::judge(&evidence);
        let outcome = match status {
            StatusLevel::Operational => "operational",
            StatusLevel::Degraded => "degraded",
            StatusLevel::Down => "down",
        };
        self.metrics.analysed(outcome, begun.elapsed());
        Ok((evidence, status, reasons))
    }

    async fn evidence(&self, scope: Scope, now: UnixMillis) -> StoreResult<Evidence> {
        let range = TimeRange { from: UnixMillis(now.0 - VERDICT_MS), to: now };
        let minutes = RollupRange {
            resolution: RollupResolution::Minute,
            from: RollupResolution::Minute.floor(range.from.to_nanos()),
            to: range.to.to_nanos(),
        };
        let failed = PipelineFilter { status: Some(PipelineStatus::Failed), ..PipelineFilter::default() };
        let recently = RangeSpec::Last(FAILED_PIPELINE_S).resolve(now);
        let failed = self.stores.pipelines.list(scope.tenant, &failed, Some(recently), None, 2).await?;
        let from = range.from.to_nanos();
        let wanted = [names::CPU, names::MEMORY, names::STORE_BYTES, names::FILESYSTEM];
        let until = UnixNanos(range.to.to_nanos().0 + 1);
        let latest = points(&*self.stores.metrics, scope.tenant, &wanted, (from, until), Resolution::Raw).await?;
        let percent = |name: &str| {
            let of_name = latest.iter().filter(|series| series.labels.name() == name);
            of_name.filter_map(|series| Some(series.points.last()?.value * 100.0)).reduce(f64::max)
        };
        let fullest = latest
            .iter()
            .filter(|series| series.labels.name() == names::FILESYSTEM)
            .filter_map(|series| Some((series.labels.get("mountpoint").to_owned(), series.points.last()?.value)))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        Ok(Evidence {
            endpoints: self.stores.endpoints.by_endpoint(scope.tenant, &[minutes]).await?,
            cpu_percent: percent(names::CPU),
            memory_percent: percent(names::MEMORY),
            store_bytes: percent(names::STORE_BYTES).map(|hundredfold| hundredfold / 100.0),
            disk: fullest.map(|(mount, share)| (mount, share * 100.0)),
            failed_pipelines: failed.into_iter().map(describe_failure).collect(),
            ingest_fails: self.ingest.figures().is_failing.load(std::sync::atomic::Ordering::Relaxed),
            store_is_down: false,
        })
    }

    /// Remembers since when the verdict is what it is.
    fn since(&self, tenant: TenantId, level: StatusLevel, now: UnixMillis) -> Option<UnixMillis> {
        let mut all = self.status_since.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let current = all.entry(tenant).or_default();
        if current.0 != level {
            *current = (level, Some(now));
        }
        current.1
    }
}

fn describe_failure(trace: PipelineTrace) -> (uuid::Uuid, String, String) {
    let name = trace.api_name.or(trace.git_project).unwrap_or(trace.trigger_type);
    (trace.id, name, trace.error_summary.unwrap_or_else(|| "no error was given".to_owned()))
}

/// Samples of the host over a range.
struct HostSamples {
    series: Vec<SeriesPoints>,
    interval_ms: i64,
}

impl HostSamples {
    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a SeriesPoints> {
        self.series.iter().filter(move |series| series.labels.name() == name)
    }

    /// Mean course of the one series with this name.
    fn mean(&self, grid: Grid, name: &str, scale: f64) -> Vec<Option<f64>> {
        let points: Vec<Point> = self.named(name).flat_map(|series| series.points.iter().copied()).collect();
        mean_by_slice(grid, &points).into_iter().map(|value| value.map(|value| value * scale)).collect()
    }

    /// Growth a second of all series with this name and direction.
    fn rate(&self, grid: Grid, name: &str, direction: &str) -> Vec<Option<f64>> {
        let counters: Vec<&SeriesPoints> =
            self.named(name).filter(|series| series.labels.get("direction") == direction).collect();
        rate_by_slice(grid, &counters, self.interval_ms)
    }
}

/// `newest_of` has the newest samples, where the range reaches to the present: the courses' last values are means.
fn kpis(now: &Courses, before: &Courses, newest_of: Option<&Evidence>) -> Vec<Kpi> {
    let kpi = |key: &str, label: &str, unit, value, before, severity, sparkline: &[Option<f64>], href: &str| Kpi {
        key: key.to_owned(),
        label: label.to_owned(),
        value,
        unit,
        before,
        severity,
        sparkline: sparkline.to_vec(),
        href: href.to_owned(),
    };
    let p95 = now.total_p95();
    let errors = now.total_errors();
    let sample = |pick: fn(&Evidence) -> Option<f64>, course: &[Option<f64>]| {
        newest_of.and_then(pick).or_else(|| newest(course))
    };
    let cpu = sample(|evidence| evidence.cpu_percent, &now.cpu);
    let memory = sample(|evidence| evidence.memory_percent, &now.memory);
    let store = sample(|evidence| evidence.store_bytes, &now.store_bytes);
    vec![
        kpi(
            "api_p95",
            "API p95",
            Unit::Milliseconds,
            p95,
            before.total_p95(),
            status::P95_MS.judge(p95),
            &now.p95,
            "#latency",
        ),
        kpi(
            "error_rate",
            "Error rate",
            Unit::Percent,
            errors,
            before.total_errors(),
            status::ERROR_PERCENT.judge(errors),
            &now.error_percent,
            "/monitoring/logs?level=error",
        ),
        kpi("rps", "Requests", Unit::PerSecond, now.mean_rps(), before.mean_rps(), Severity::Ok, &now.rps, "#requests"),
        kpi("cpu", "CPU", Unit::Percent, cpu, newest(&before.cpu), status::USE_PERCENT.judge(cpu), &now.cpu, "#host"),
        kpi(
            "memory",
            "Memory",
            Unit::Percent,
            memory,
            newest(&before.memory),
            status::USE_PERCENT.judge(memory),
            &now.memory,
            "#host",
        ),
        kpi("store", "Store", Unit::Bytes, store, newest(&before.store_bytes), Severity::Ok, &now.store_bytes, "#io"),
    ]
}

fn charts(now: &Courses, before: Option<&Courses>) -> Vec<ChartData> {
    type Pick = fn(&Courses) -> &Vec<Option<f64>>;
    let series = |key: &str, label: &str, pick: Pick| ChartSeries {
        key: key.to_owned(),
        label: label.to_owned(),
        values: pick(now).clone(),
        before: before.map(|before| pick(before).clone()).unwrap_or_default(),
    };
    let chart = |key: &str, title: &str, unit, subtitle: &str, series| ChartData {
        key: key.to_owned(),
        title: title.to_owned(),
        unit,
        subtitle: subtitle.to_owned(),
        series,
    };
    vec![
        chart(
            "latency",
            "Latency",
            Unit::Milliseconds,
            "ms",
            vec![
                series("p50", "p50", |courses| &courses.p50),
                series("p95", "p95", |courses| &courses.p95),
                series("p99", "p99", |courses| &courses.p99),
            ],
        ),
        chart(
            "requests",
            "Requests",
            Unit::PerSecond,
            "/s by status",
            vec![
                series("2xx", "2xx", |courses| &courses.by_class[0]),
                series("3xx", "3xx", |courses| &courses.by_class[1]),
                series("4xx", "4xx", |courses| &courses.by_class[2]),
                series("5xx", "5xx", |courses| &courses.by_class[3]),
            ],
        ),
        chart(
            "host",
            "CPU and memory",
            Unit::Percent,
            "%",
            vec![series("cpu", "cpu", |courses| &courses.cpu), series("memory", "memory", |courses| &courses.memory)],
        ),
        chart(
            "io",
            "Network and disk",
            Unit::BytesPerSecond,
            "/s",
            vec![
                series("received", "in", |courses| &courses.received),
                series("sent", "out", |courses| &courses.sent),
                series("read", "read", |courses| &courses.read),
                series("written", "write", |courses| &courses.written),
            ],
        ),
    ]
}

#[async_trait]
impl OverviewPort for Services {
    async fn overview(&self, scope: Scope, query: OverviewQuery) -> Result<Overview, ApiError> {
        let now = self.clock.now_millis();
        let range = query.range.resolve(now);
        let compared = query.compare.of(range);
        let ((grid, courses), (_, before), endpoints, pipelines, (evidence, status, reasons)) = tokio::try_join!(
            self.courses(scope, range, now, &HOST),
            self.courses(scope, compared, now, if query.overlay { &HOST } else { &HOST[..COMPARED] }),
            self.first_endpoints(scope, range, now, MAX_ENDPOINTS),
            self.latest_pipelines(scope),
            self.verdict(scope, now),
        )
        .map_err(store_failed)?;
        let mut kpis = kpis(&courses, &before, query.range.is_relative().then_some(&evidence));
        for kpi in &mut kpis {
            if kpi.href.starts_with('#') {
                kpi.href.insert_str(0, "/monitoring");
            }
        }
        Ok(Overview {
            now,
            range,
            status,
            since: self.since(scope.tenant, status, now),
            reasons,
            kpis,
            grid,
            charts: charts(&courses, query.overlay.then_some(&before)),
            endpoints,
            pipelines: pipelines.iter().map(PipelineTrace::summary).collect::<Vec<PipelineSummary>>(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            is_new: evidence.cpu_percent.is_none() && courses.cpu.iter().all(Option::is_none),
        })
    }
}
