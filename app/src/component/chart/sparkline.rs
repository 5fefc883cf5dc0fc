//! A course without axes, the size of a word.

use std::fmt::Write as _;

use leptos::prelude::*;

use super::scale::{largest, runs};
use crate::component::reactive::text;

const WIDTH: f64 = 100.0;
const HEIGHT: f64 = 24.0;

/// A small line with the area below it. Decoration: the number beside it says what matters.
#[component]
pub fn Sparkline(
    /// The course, oldest first; gaps are none.
    #[prop(into)]
    values: Signal<Vec<Option<f64>>>,
) -> impl IntoView {
    let paths = Memo::new(move |_| values.with(|values| paths(values)));
    view! {
        <svg class="sparkline" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true" focusable="false">
            <path class="sparkline-area" d=text(move || paths.get().1) />
            <path class="sparkline-line" d=text(move || paths.get().0) />
        </svg>
    }
}

/// The path of the line and that of the area below it.
fn paths(values: &[Option<f64>]) -> (String, String) {
    let smallest = values.iter().flatten().copied().filter(|value| value.is_finite()).fold(f64::INFINITY, f64::min);
    let largest = largest(std::iter::once(values));
    // A course far from zero would be a flat line at the top; one that nearly stands still should not look wild.
    let floor =
        if smallest > largest * 0.8 { (smallest - (largest - smallest).max(largest * 0.05)).max(0.0) } else { 0.0 };
    let span = if largest > floor { largest - floor } else { 1.0 };
    let last = values.len().saturating_sub(1).max(1) as f64;
    let x = |index: usize| index as f64 / last * WIDTH;
    let y = |value: f64| HEIGHT - 1.0 - (value - floor) / span * (HEIGHT - 3.0);
    let (mut line, mut area) = (String::new(), String::new());
    for run in runs(values) {
        let (Some((first, _)), Some((end, _))) = (run.first(), run.last()) else { continue };
        let start = line.len();
        for (at, (index, value)) in run.iter().enumerate() {
            // Writing into a string cannot fail.
            let _ = write!(line, "{}{:.1} {:.1}", if at == 0 { 'M' } else { 'L' }, x(*index), y(*value));
        }
        let _ = write!(area, "{}L{:.1} {HEIGHT}L{:.1} {HEIGHT}Z", &line[start..], x(*end), x(*first));
    }
    (line, area)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_spans_the_width_and_breaks_at_gaps() {
        let (line, area) = paths(&[Some(0.0), Some(10.0), None, Some(5.0), Some(5.0)]);
        assert_eq!(line, "M0.0 23.0L25.0 2.0M75.0 12.5L100.0 12.5");
        assert_eq!(area.matches('Z').count(), 2);
    }

    #[test]
    fn nothing_measured_draws_nothing() {
        assert_eq!(paths(&[]), (String::new(), String::new()));
        assert_eq!(paths(&[None, None]), (String::new(), String::new()));
    }

    #[test]
    fn a_course_that_stands_still_is_a_flat_line_inside() {
        let (line, _) = paths(&[Some(100.0), Some(100.0)]);
        assert!(line.starts_with("M0.0 ") && !line.contains("NaN"), "{line}");
    }
}
