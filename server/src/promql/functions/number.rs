//! Sums without rounding errors that matter, and quantiles.

/// A sum that carries what was rounded off, after Neumaier (ZAMM 54, 1974).
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    /// Adds a number.
    #[inline]
    pub fn add(&mut self, value: f64) {
        let (sum, lost) = two_sum(self.sum, value);
        self.sum = sum;
        self.lost += lost;
    }

    /// Adds another sum.
    #[inline]
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        let (sum, lost) = two_sum(self.sum, other.sum);
        Self { sum, lost: self.lost + other.lost + lost }
    }

    /// What was added, together.
    #[inline]
    pub fn total(self) -> f64 {
        total(self.sum, self.lost)
    }
}

impl FromIterator<f64> for Sum {
    fn from_iter<T: IntoIterator<Item = f64>>(values: T) -> Self {
        let mut sum = Self::default();
        for value in values {
            sum.add(value);
        }
        sum
    }
}

/// The sum of two numbers, and what is rounded off (Knuth). Without a branch, so that many can be added at once.
#[inline]
pub fn two_sum(one: f64, other: f64) -> (f64, f64) {
    let sum = one + other;
    let back = sum - one;
    (sum, (one - (sum - back)) + (other - back))
}

/// A sum with what was lost. Of an infinite sum nothing is lost but sense.
#[inline]
pub fn total(sum: f64, lost: f64) -> f64 {
    if sum.is_finite() { sum + lost } else { sum }
}

/// Numbers are made so much smaller before they are averaged that their sum stays finite. A power of two: nothing but the
/// least of numbers loses a bit.
pub const SCALE: f64 = 1.0 / (1_u64 << 40) as f64;

/// The mean of numbers; NaN of none.
pub fn mean(values: &[f64]) -> f64 {
    let sum: Sum = values.iter().copied().collect();
    let total = sum.total();
    if total.is_infinite() {
        let scaled: Sum = values.iter().map(|value| value * SCALE).collect();
        return scaled.total() / values.len() as f64 / SCALE;
    }
    total / values.len() as f64
}

/// The variance of numbers, after Welford (Technometrics 4, 1962).
pub fn variance(values: &[f64]) -> f64 {
    let (mut mean, mut squares) = (Sum::default(), Sum::default());
    for (index, value) in values.iter().enumerate() {
        let distance = value - mean.total();
        mean.add(distance / (index + 1) as f64);
        squares.add(distance * (value - mean.total()));
    }
    squares.total() / values.len() as f64
}

/// Where NaN is less than every number.
pub fn nan_first(one: f64, other: f64) -> std::cmp::Ordering {
    one.partial_cmp(&other).unwrap_or_else(|| other.is_nan().cmp(&one.is_nan()))
}

/// A quantile of numbers, which are sorted for it, between those next to it: infinite for one below 0 or above 1, NaN of
/// none.
pub fn quantile(quantile: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || quantile.is_nan() {
        return f64::NAN;
    }
    if quantile < 0.0 {
        return f64::NEG_INFINITY;
    }
    if quantile > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(|one, other| nan_first(*one, *other));
    let rank = quantile * (values.len() - 1) as f64;
    let lower = rank.floor() as usize;
    let upper = (lower + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_keeps_what_a_plain_one_loses() {
        let sum: Sum = [1.0, 1e100, 1.0, -1e100].into_iter().collect();
        assert!((sum.total() - 2.0).abs() < f64::EPSILON);
        let infinite: Sum = [1.0, f64::INFINITY, 1.0].into_iter().collect();
        assert!(infinite.total().is_infinite());
        let none: Sum = [f64::INFINITY, f64::NEG_INFINITY].into_iter().collect();
        assert!(none.total().is_nan());
    }

    #[test]
    fn a_mean_of_great_numbers_is_finite() {
        assert!((mean(&[f64::MAX, f64::MAX, f64::MAX]) / f64::MAX - 1.0).abs() < 1e-12);
        assert!(mean(&[f64::INFINITY, 1.0]).is_infinite());
    }

    #[test]
    fn a_quantile_lies_between_numbers() {
        assert!((quantile(0.5, &mut [3.0, 1.0, 2.0, 4.0]) - 2.5).abs() < 1e-12);
        assert!(quantile(1.1, &mut [1.0]).is_infinite());
        assert!(quantile(0.0, &mut [1.0, f64::NAN]).is_nan());
    }
}
