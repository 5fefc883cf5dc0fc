//! Vector selectors, and functions of ranges.

use super::{MatrixReader, Operator, Row, Run};
use crate::{
    promql::{
        error::Error,
        functions::{
            Steps,
            range::{RangeCall, RangeFunction},
            rolled::{lasts_of, samples_of},
        },
        grid::Windows,
        plan::{Instants, Matrix, Rollup},
    },
    store::sample::{Data, Labels, NAME, Samples, Series, SeriesStream, is_stale},
};

/// Yields the last sample before each instant.
pub struct InstantOperator<'p> {
    instants: &'p Instants,
    stream: Option<SeriesStream>,
}

impl<'p> InstantOperator<'p> {
    /// For a vector selector.
    pub fn new(instants: &'p Instants) -> Self {
        Self { instants, stream: None }
    }

    fn samples(&self, data: Data) -> Samples {
        let wants_time = self.instants.wants_time;
        let mut samples = match data {
            Data::Samples(samples) => samples,
            Data::Buckets(buckets) if self.instants.rollup.is_exact => return lasts_of(&buckets, wants_time),
            Data::Buckets(buckets) => samples_of(&buckets),
        };
        if wants_time {
            for (value, time) in samples.values.iter_mut().zip(&samples.times) {
                if !is_stale(*value) {
                    *value = *time as f64 / 1000.0;
                }
            }
        }
        samples
    }
}

impl Operator for InstantOperator<'_> {
    fn next(&mut self, run: &mut Run<'_>) -> Result<Option<Row>, Error> {
        let windows = &self.instants.windows;
        let mut stream = self.stream.take().unwrap_or_else(|| run.open(self.instants.selection));
        let found = loop {
            let Some(series) = stream.next().transpose()? else { break None };
            let Series { labels, data } = series;
            run.read(figures(&data))?;
            let samples = self.samples(data);
            let mut values = run.blank(windows.grid.count)?;
            if pick(&samples, windows, &mut values) {
                break Some(Row { labels, values });
            }
        };
        self.stream = Some(stream);
        Ok(found)
    }
}

/// Writes the last value before each instant, and says whether there is any.
fn pick(samples: &Samples, windows: &Windows, out: &mut [f64]) -> bool {
    let (times, values) = (samples.times.as_slice(), samples.values.as_slice());
    let mut end = 0;
    let mut has_any = false;
    for (index, out) in out.iter_mut().enumerate() {
        let to = windows.to(index);
        while end < times.len() && times[end] <= to {
            end += 1;
        }
        if end > 0 && times[end - 1] > to - windows.range {
            // The end of a series is no value, which is what its value says.
            *out = values[end - 1];
            has_any |= !is_stale(*out);
        }
    }
    has_any
}

/// How many samples or roll-ups there are.
pub fn figures(data: &Data) -> usize {
    match data {
        Data::Samples(samples) => samples.len(),
        Data::Buckets(buckets) => buckets.len(),
    }
}

/// Leaves samples that are values.
pub fn drop_ends(samples: &mut Samples) {
    if !samples.values.iter().any(|value| is_stale(*value)) {
        return;
    }
    let values = std::mem::take(&mut samples.values);
    let times = std::mem::take(&mut samples.times);
    for (time, value) in times.into_iter().zip(values) {
        if !is_stale(value) {
            samples.push(time, value);
        }
    }
}

/// Yields what a function makes of ranges.
pub struct RangeOperator<'p> {
    function: RangeFunction,
    windows: &'p Windows,
    rollup: Option<Rollup>,
    reader: MatrixReader<'p>,
    numbers: Vec<Steps>,
}

impl<'p> RangeOperator<'p> {
    /// For a function and its numbers, which are checked.
    pub fn new(
        function: RangeFunction,
        of: &'p Matrix,
        reader: MatrixReader<'p>,
        numbers: Vec<Steps>,
        run: &mut Run<'_>,
    ) -> Result<Self, Error> {
        match (function, numbers.as_slice()) {
            (RangeFunction::Quantile, [quantile]) => run.check_quantiles(quantile),
            (RangeFunction::Smooth, [level, trend]) => {
                for (numbers, told, short) in [(level, "smoothing", "sf"), (trend, "trend", "tf")] {
                    if let Some(number) = numbers.find(|number| number <= 0.0 || number >= 1.0) {
                        return Err(Error::Execution(format!(
                            "invalid {told} factor. Expected: 0 < {short} < 1, got: {number}"
                        )));
                    }
                }
            }
            _ => {}
        }
        let rollup = match of {
            Matrix::Selector { rollup, .. } => Some(*rollup),
            Matrix::Subquery { .. } => None,
        };
        Ok(Self { function, windows: of.windows(), rollup, reader, numbers })
    }

    fn values(&self, data: Data, run: &mut Run<'_>) -> Result<Vec<f64>, Error> {
        let call = RangeCall {
            function: self.function,
            windows: self.windows,
            numbers: &self.numbers,
            interrupt: run.interrupt,
        };
        let mut out = run.blank(self.windows.grid.count)?;
        match (data, self.rollup) {
            (Data::Samples(samples), _) => call.of_samples(&samples, &mut out)?,
            (Data::Buckets(buckets), Some(rollup)) if self.function.answers_from_buckets() => {
                call.of_buckets(&buckets, rollup.length(), &mut out)?;
            }
            (Data::Buckets(buckets), _) => {
                let mut samples = samples_of(&buckets);
                drop_ends(&mut samples);
                call.of_samples(&samples, &mut out)?;
            }
        }
        Ok(out)
    }
}

impl Operator for RangeOperator<'_> {
    fn next(&mut self, run: &mut Run<'_>) -> Result<Option<Row>, Error> {
        while let Some((labels, data)) = self.reader.next(run)? {
            let values = self.values(data, run)?;
            let labels = if self.function.keeps_name() { labels } else { without_name(labels) };
            let row = Row { labels, values };
            if !row.is_empty() {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }
}

/// Labels without the metric's name.
pub fn without_name(labels: Labels) -> Labels {
    // Labels are in order of their names, and few sort before this one: cheap to find.
    if labels.name().is_empty() { labels } else { labels.only(|name| name != NAME) }
}
