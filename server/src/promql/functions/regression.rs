//! Lines through samples, and smoothing.

use super::number::Sum;

/// A line through samples by least squares: how steep it is a second, and its value at a time in milliseconds. Nothing
/// of fewer than two samples.
pub fn line(times: &[i64], values: &[f64], at: i64) -> Option<(f64, f64)> {
    let first = *values.first()?;
    if values.len() < 2 {
        return None;
    }
    #[expect(clippy::float_cmp, reason = "only what is quite level needs no line")]
    let is_level = values.iter().all(|value| *value == first);
    if is_level {
        return Some(if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) });
    }
    let (mut x_sum, mut y_sum, mut product_sum, mut square_sum) =
        (Sum::default(), Sum::default(), Sum::default(), Sum::default());
    for (time, value) in times.iter().zip(values) {
        let x = (time - at) as f64 / 1000.0;
        x_sum.add(x);
        y_sum.add(*value);
        product_sum.add(x * value);
        square_sum.add(x * x);
    }
    let count = values.len() as f64;
    let (x_sum, y_sum) = (x_sum.total(), y_sum.total());
    let covariance = product_sum.total() - x_sum * y_sum / count;
    let variance = square_sum.total() - x_sum * x_sum / count;
    let slope = covariance / variance;
    Some((slope, y_sum / count - slope * x_sum / count))
}

/// The last of smoothed samples, after Holt: `level` and `trend` say how much the newest weigh. Nothing of fewer than two
/// samples.
pub fn smooth(values: &[f64], level: f64, trend: f64) -> Option<f64> {
    let [first, second, ..] = values else { return None };
    let mut slope = second - first;
    let mut smoothed = *first;
    for (index, value) in values.iter().enumerate().skip(1) {
        let next = level * value + (1.0 - level) * (smoothed + slope);
        // The trend of the last value is of no use any more.
        if index + 1 < values.len() {
            slope = trend * (next - smoothed) + (1.0 - trend) * slope;
        }
        smoothed = next;
    }
    Some(smoothed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_through_points_on_it() {
        let (slope, value) = line(&[0, 1000, 2000], &[1.0, 3.0, 5.0], 4000).unwrap();
        assert!((slope - 2.0).abs() < 1e-12 && (value - 9.0).abs() < 1e-12);
        assert!(line(&[0], &[1.0], 0).is_none());
    }

    #[test]
    fn smoothing_follows_a_trend() {
        let values: Vec<f64> = (0..20).map(f64::from).collect();
        assert!((smooth(&values, 0.5, 0.5).unwrap() - 19.0).abs() < 1e-9);
    }
}
