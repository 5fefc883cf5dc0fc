//! Values that lie on one another.

/// Where a line lies at each slice: from what is below it to its own end; none where it has no value.
pub type Stacked = Vec<Option<(f64, f64)>>;

/// Each line on those before it; what is below zero goes down from there.
pub fn stack<'a>(lines: impl Iterator<Item = &'a [Option<f64>]>) -> Vec<Stacked> {
    let mut up: Vec<f64> = Vec::new();
    let mut down: Vec<f64> = Vec::new();
    let place = |values: &[Option<f64>]| {
        let len = values.len().max(up.len());
        up.resize(len, 0.0);
        down.resize(len, 0.0);
        let at = |(index, value): (usize, &Option<f64>)| {
            let value = value.filter(|value| value.is_finite())?;
            let base = if value < 0.0 { &mut down[index] } else { &mut up[index] };
            let start = *base;
            *base += value;
            Some((start, *base))
        };
        values.iter().enumerate().map(at).collect()
    };
    lines.map(place).collect()
}

/// The least and the greatest end of stacked lines.
pub fn stacked_extent(lines: &[Stacked]) -> (f64, f64) {
    let ends = lines.iter().flatten().flatten().map(|(_, end)| *end);
    ends.fold((0.0, 0.0), |(min, max), end| (f64::min(min, end), f64::max(max, end)))
}

/// The least and the greatest of all values, with zero.
pub fn extent<'a>(lines: impl Iterator<Item = &'a [Option<f64>]>) -> (f64, f64) {
    let values = lines.flatten().flatten().copied().filter(|value| value.is_finite());
    values.fold((0.0, 0.0), |(min, max), value| (f64::min(min, value), f64::max(max, value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lie_on_one_another_and_what_is_negative_below() {
        let lines = [vec![Some(1.0), None, Some(-1.0)], vec![Some(2.0), Some(3.0), Some(-2.0)]];
        let stacked = stack(lines.iter().map(Vec::as_slice));
        assert_eq!(stacked[0], [Some((0.0, 1.0)), None, Some((0.0, -1.0))]);
        assert_eq!(stacked[1], [Some((1.0, 3.0)), Some((0.0, 3.0)), Some((-1.0, -3.0))]);
        assert!(stacked_extent(&stacked) == (-3.0, 3.0));
        assert!(extent(lines.iter().map(Vec::as_slice)) == (-2.0, 3.0));
    }
}
