//! Functions of the samples in a range.

use super::{
    Steps,
    number::{mean, quantile, variance},
    rate::{Growth, resets},
    regression::{line, smooth},
    window::{SlidingPeak, SlidingSum, count_steps},
};
use crate::{
    promql::{
        error::Error,
        grid::{Window, Windows},
        limits::Interrupt,
    },
    store::sample::Samples,
};

/// A function of the samples in a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeFunction {
    /// `avg_over_time`
    Avg,
    /// `changes`
    Changes,
    /// `count_over_time`
    Count,
    /// `delta`
    Delta,
    /// `deriv`
    Deriv,
    /// `idelta`
    Idelta,
    /// `increase`
    Increase,
    /// `irate`
    Irate,
    /// `last_over_time`
    Last,
    /// `max_over_time`
    Max,
    /// `min_over_time`
    Min,
    /// `predict_linear`
    PredictLinear,
    /// `present_over_time`
    Present,
    /// `quantile_over_time`
    Quantile,
    /// `rate`
    Rate,
    /// `resets`
    Resets,
    /// `double_exponential_smoothing`, which was `holt_winters`
    Smooth,
    /// `stddev_over_time`
    Stddev,
    /// `stdvar_over_time`
    Stdvar,
    /// `sum_over_time`
    Sum,
}

impl RangeFunction {
    /// The function of this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "avg_over_time" => Self::Avg,
            "changes" => Self::Changes,
            "count_over_time" => Self::Count,
            "delta" => Self::Delta,
            "deriv" => Self::Deriv,
            "idelta" => Self::Idelta,
            "increase" => Self::Increase,
            "irate" => Self::Irate,
            "last_over_time" => Self::Last,
            "max_over_time" => Self::Max,
            "min_over_time" => Self::Min,
            "predict_linear" => Self::PredictLinear,
            "present_over_time" => Self::Present,
            "quantile_over_time" => Self::Quantile,
            "rate" => Self::Rate,
            "resets" => Self::Resets,
            "double_exponential_smoothing" | "holt_winters" => Self::Smooth,
            "stddev_over_time" => Self::Stddev,
            "stdvar_over_time" => Self::Stdvar,
            "sum_over_time" => Self::Sum,
            _ => return None,
        })
    }

    /// Whether what it answers is still what the metric's name says.
    pub fn keeps_name(self) -> bool {
        self == Self::Last
    }

    /// Whether roll-ups answer it as every sample would.
    pub fn answers_from_buckets(self) -> bool {
        match self {
            Self::Avg
            | Self::Count
            | Self::Delta
            | Self::Increase
            | Self::Last
            | Self::Max
            | Self::Min
            | Self::Present
            | Self::Rate
            | Self::Sum => true,
            Self::Changes
            | Self::Deriv
            | Self::Idelta
            | Self::Irate
            | Self::PredictLinear
            | Self::Quantile
            | Self::Resets
            | Self::Smooth
            | Self::Stddev
            | Self::Stdvar => false,
        }
    }
}

/// A function with all that it looks at but the samples.
#[derive(Debug, Clone, Copy)]
pub struct RangeCall<'a> {
    /// Which.
    pub function: RangeFunction,
    /// Which samples each instant sees.
    pub windows: &'a Windows,
    /// Its numbers.
    pub numbers: &'a [Steps],
    /// Ends it early.
    pub interrupt: &'a Interrupt,
}

impl RangeCall<'_> {
    /// Writes the value of each instant that has one. No sample may be the end of a series.
    pub fn of_samples(&self, samples: &Samples, out: &mut [f64]) -> Result<(), Error> {
        let (times, values) = (samples.times.as_slice(), samples.values.as_slice());
        match self.function {
            RangeFunction::Rate | RangeFunction::Increase | RangeFunction::Delta => self.growth(samples, out),
            RangeFunction::Sum => {
                let mut sum = SlidingSum::default();
                self.each(times, out, |window| Some(sum.of(values, &window.samples)))
            }
            RangeFunction::Avg => {
                let mut sum = SlidingSum::default();
                self.each(times, out, |window| {
                    let total = sum.of(values, &window.samples);
                    let mean = if total.is_infinite() {
                        mean(&values[window.samples])
                    } else {
                        total / window.samples.len() as f64
                    };
                    Some(mean)
                })
            }
            RangeFunction::Min => {
                let mut peak = SlidingPeak::default();
                self.each(times, out, |window| Some(peak.of(values, &window.samples, |one, other| one < other)))
            }
            RangeFunction::Max => {
                let mut peak = SlidingPeak::default();
                self.each(times, out, |window| Some(peak.of(values, &window.samples, |one, other| one > other)))
            }
            RangeFunction::Count => self.each(times, out, |window| Some(window.samples.len() as f64)),
            RangeFunction::Present => self.each(times, out, |_| Some(1.0)),
            RangeFunction::Last => self.each(times, out, |window| Some(values[window.samples.end - 1])),
            RangeFunction::Changes => {
                #[expect(clippy::float_cmp, reason = "any change counts")]
                let changes = |one: f64, next: f64| one != next && !(one.is_nan() && next.is_nan());
                self.steps(samples, out, changes)
            }
            RangeFunction::Resets => self.steps(samples, out, |one, next| next < one),
            RangeFunction::Irate | RangeFunction::Idelta => {
                let is_rate = self.function == RangeFunction::Irate;
                self.each(times, out, |window| last_step(times, values, &window, is_rate))
            }
            RangeFunction::Stddev => self.each(times, out, |window| Some(variance(&values[window.samples]).sqrt())),
            RangeFunction::Stdvar => self.each(times, out, |window| Some(variance(&values[window.samples]))),
            RangeFunction::Quantile => {
                let mut sorted = Vec::new();
                self.each(times, out, |window| {
                    sorted.clear();
                    sorted.extend_from_slice(&values[window.samples]);
                    Some(quantile(self.number(0, window.index), &mut sorted))
                })
            }
            RangeFunction::Deriv => self.each(times, out, |window| {
                let at = times[window.samples.start];
                line(&times[window.samples.clone()], &values[window.samples], at).map(|(slope, _)| slope)
            }),
            RangeFunction::PredictLinear => self.each(times, out, |window| {
                let now = self.windows.grid.time(window.index);
                let (slope, value) = line(&times[window.samples.clone()], &values[window.samples], now)?;
                Some(slope * self.number(0, window.index) + value)
            }),
            RangeFunction::Smooth => self.each(times, out, |window| {
                let (level, trend) = (self.number(0, window.index), self.number(1, window.index));
                smooth(&values[window.samples], level, trend)
            }),
        }
    }

    fn number(&self, which: usize, index: usize) -> f64 {
        self.numbers.get(which).map_or(f64::NAN, |steps| steps.at(index))
    }

    #[inline]
    fn each(
        &self,
        times: &[i64],
        out: &mut [f64],
        mut function: impl FnMut(Window) -> Option<f64>,
    ) -> Result<(), Error> {
        self.windows.slide(times, 1, self.interrupt, |window| {
            let index = window.index;
            if let Some(value) = function(window) {
                out[index] = value;
            }
        })
    }

    fn steps(&self, samples: &Samples, out: &mut [f64], holds: impl Fn(f64, f64) -> bool) -> Result<(), Error> {
        let counts = count_steps(&samples.values, holds);
        self.each(&samples.times, out, |window| {
            Some(f64::from(counts[window.samples.end - 1] - counts[window.samples.start]))
        })
    }

    fn growth(&self, samples: &Samples, out: &mut [f64]) -> Result<(), Error> {
        let (times, values) = (samples.times.as_slice(), samples.values.as_slice());
        let is_counter = self.function != RangeFunction::Delta;
        let is_rate = self.function == RangeFunction::Rate;
        let seconds = self.windows.range as f64 / 1000.0;
        let resets = if is_counter { resets(values) } else { Vec::new() };
        let mut first_reset = 0;
        self.each(times, out, |window| {
            let (first, last) = (window.samples.start, window.samples.end - 1);
            let mut growth = values[last] - values[first];
            // Nearly always there are none.
            while first_reset < resets.len() && resets[first_reset].0 <= first {
                first_reset += 1;
            }
            for (at, lost) in &resets[first_reset..] {
                if *at > last {
                    break;
                }
                growth += lost;
            }
            let growth = Growth {
                first_time: times[first],
                last_time: times[last],
                first: values[first],
                by: growth,
                count: window.samples.len() as u64,
            };
            let grown = growth.in_window(window.after, window.to, is_counter)?;
            Some(if is_rate { grown / seconds } else { grown })
        })
    }
}

/// From the last but one sample to the last.
fn last_step(times: &[i64], values: &[f64], window: &Window, is_rate: bool) -> Option<f64> {
    if window.samples.len() < 2 {
        return None;
    }
    let last = window.samples.end - 1;
    let (from, to) = (values[last - 1], values[last]);
    if !is_rate {
        return Some(to - from);
    }
    // A counter that began anew has grown by what it shows.
    let grown = if to < from { to } else { to - from };
    Some(grown / ((times[last] - times[last - 1]) as f64 / 1000.0))
}
