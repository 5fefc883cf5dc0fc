//! Draws a chart as SVG, the same on the server and in the browser.
//!
//! plotters writes colours as literal attributes. So that one drawing serves every theme, it is given marker colours
//! that stand for design tokens; `style/chart.css` maps them. It also rounds to whole units, so it draws at
//! [`SCALE`] units a pixel.

use plotters::{
    backend::SVGBackend,
    drawing::{DrawingArea, IntoDrawingArea},
    element::{Circle, PathElement, Polygon, Rectangle, Text},
    style::{
        Color, IntoFont, RGBColor, ShapeStyle, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::{
    ChartStyle, Threshold,
    scale::{Axis, Plot, runs},
    stack::{Stacked, extent, stack, stacked_extent},
    tint::Tint,
};
use crate::{
    component::{
        number::format_unit,
        time::{Zone, format_axis},
    },
    model::overview::{ChartSeries, Grid, Unit},
};

/// Drawing units a pixel.
const SCALE: f64 = 10.0;
const GRID: RGBColor = RGBColor(0, 0, 0xE1);
const LABEL: RGBColor = RGBColor(0, 0, 0xE2);
/// A threshold: worth a look, and act now.
const LIMITS: [RGBColor; 2] = [RGBColor(0, 0, 0xC3), RGBColor(0, 0, 0xC6)];
/// Share of its slice that a bar takes.
const BAR_SHARE: f64 = 0.8;
/// plotters divides the size of text by this when it writes SVG.
const TEXT_FACTOR: f64 = 1.24;
const TEXT_PX: f64 = 11.0;

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type DrawError = plotters::drawing::DrawingAreaErrorKind<std::io::Error>;

/// What is drawn.
pub struct Drawing<'a> {
    /// Size.
    pub plot: Plot,
    /// Instants of the points.
    pub grid: Grid,
    /// Unit of the values.
    pub unit: Unit,
    /// The lines that are shown, with their colours.
    pub lines: Vec<(Tint, &'a ChartSeries)>,
    /// How they are drawn.
    pub style: ChartStyle,
    /// Limits that are marked.
    pub thresholds: Vec<Threshold>,
    /// Whether the compared period is drawn too.
    pub overlay: bool,
    /// Zone of the time labels.
    pub zone: Zone,
    /// How far that zone is ahead of UTC.
    pub offset_ms: i64,
}

impl Drawing<'_> {
    /// The value axis.
    pub fn axis(&self) -> Axis {
        let now = self.lines.iter().map(|(_, series)| series.values.as_slice());
        let (mut min, mut max) = match self.style {
            ChartStyle::Line => {
                let before = self.lines.iter().filter(|_| self.overlay).map(|(_, series)| series.before.as_slice());
                extent(now.chain(before))
            }
            ChartStyle::Area | ChartStyle::Bar => stacked_extent(&self.stacked()),
        };
        for threshold in &self.thresholds {
            (min, max) = (min.min(threshold.value), max.max(threshold.value));
        }
        Axis::of(min, max, self.unit)
    }

    /// Where each line lies on those before it.
    pub fn stacked(&self) -> Vec<Stacked> {
        stack(self.lines.iter().map(|(_, series)| series.values.as_slice()))
    }

    /// Whether there is anything to read off the value axis.
    fn has_values(&self) -> bool {
        self.lines.iter().any(|(_, series)| series.values.iter().chain(&series.before).any(Option::is_some))
    }

    /// The drawing as an `svg` element.
    pub fn to_svg(&self) -> String {
        let mut svg = String::new();
        let size = ((self.plot.width * SCALE) as u32, (self.plot.height * SCALE) as u32);
        // Drawing into a string cannot fail; were it to, an unfinished chart is better than none.
        let _ = self.draw(&SVGBackend::with_string(&mut svg, size).into_drawing_area());
        let body = svg.find('>').map_or("", |end| &svg[end + 1..]);
        format!(
            r#"<svg viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true" focusable="false">{body}"#,
            size.0, size.1
        )
    }

    fn draw(&self, area: &Area<'_>) -> Result<(), DrawError> {
        let axis = self.axis();
        self.draw_value_axis(area, axis)?;
        self.draw_time_axis(area)?;
        match self.style {
            ChartStyle::Line => self.draw_lines(area, axis)?,
            ChartStyle::Area | ChartStyle::Bar => self.draw_stacked(area, axis)?,
        }
        for threshold in &self.thresholds {
            let y = self.plot.y_of(threshold.value, axis);
            let line = vec![units(Plot::LEFT, y), units(self.plot.right(), y)];
            area.draw(&PathElement::new(line, stroke(LIMITS[usize::from(threshold.is_critical)], 1.0)))?;
        }
        area.present()
    }

    fn draw_lines(&self, area: &Area<'_>, axis: Axis) -> Result<(), DrawError> {
        for (tint, series) in &self.lines {
            if self.overlay {
                self.draw_line(area, &series.before, tint.before_marker(), axis)?;
            }
        }
        for (tint, series) in &self.lines {
            self.draw_line(area, &series.values, tint.marker(), axis)?;
        }
        Ok(())
    }

    fn draw_stacked(&self, area: &Area<'_>, axis: Axis) -> Result<(), DrawError> {
        for ((tint, _), stacked) in self.lines.iter().zip(self.stacked()) {
            if self.style == ChartStyle::Bar {
                self.draw_bars(area, &stacked, *tint, axis)?;
            } else {
                self.draw_area(area, &stacked, *tint, axis)?;
            }
        }
        Ok(())
    }

    fn draw_area(&self, area: &Area<'_>, stacked: &Stacked, tint: Tint, axis: Axis) -> Result<(), DrawError> {
        let ends: Vec<Option<f64>> = stacked.iter().map(|span| span.map(|(_, end)| end)).collect();
        let point =
            |(index, value): (usize, f64)| units(self.plot.x_of(index, self.grid.len), self.plot.y_of(value, axis));
        for run in runs(&ends) {
            let base = run.iter().rev().filter_map(|(index, _)| Some((*index, stacked[*index]?.0)));
            let outline: Vec<(i32, i32)> = run.iter().copied().chain(base).map(point).collect();
            area.draw(&Polygon::new(outline, tint.area_marker().filled()))?;
        }
        self.draw_line(area, &ends, tint.marker(), axis)
    }

    fn draw_bars(&self, area: &Area<'_>, stacked: &Stacked, tint: Tint, axis: Axis) -> Result<(), DrawError> {
        let half = (self.plot.right() - Plot::LEFT) / self.grid.len.max(1) as f64 * BAR_SHARE / 2.0;
        for (index, span) in stacked.iter().enumerate() {
            let Some((start, end)) = *span else { continue };
            let x = self.plot.x_of(index, self.grid.len);
            let corners = [units(x - half, self.plot.y_of(start, axis)), units(x + half, self.plot.y_of(end, axis))];
            area.draw(&Rectangle::new(corners, tint.marker().filled()))?;
        }
        Ok(())
    }

    fn draw_value_axis(&self, area: &Area<'_>, axis: Axis) -> Result<(), DrawError> {
        let plot = self.plot;
        for value in axis.ticks() {
            let y = plot.y_of(value, axis);
            let line = vec![units(Plot::LEFT, y), units(plot.right(), y)];
            area.draw(&PathElement::new(line, stroke(GRID, 1.0)))?;
            if !self.has_values() {
                continue;
            }
            let at = units(Plot::LEFT - 8.0, y);
            area.draw(&Text::new(tick_label(value, axis.step(), self.unit), at, label(HPos::Right, VPos::Center)))?;
        }
        Ok(())
    }

    fn draw_time_axis(&self, area: &Area<'_>) -> Result<(), DrawError> {
        let plot = self.plot;
        let ticks = plot.time_ticks(self.grid, self.offset_ms);
        for at in ticks.at {
            let x = plot.x_of_instant(at, self.grid);
            let mark = vec![units(x, plot.bottom()), units(x, plot.bottom() + 4.0)];
            area.draw(&PathElement::new(mark, stroke(GRID, 1.0)))?;
            // A label at the very edge is moved inside, so that it is not cut.
            let anchor = if x > plot.right() - 18.0 { HPos::Right } else { HPos::Center };
            let text = format_axis(at, self.zone, ticks.step_ms);
            area.draw(&Text::new(text, units(x, plot.bottom() + 8.0), label(anchor, VPos::Top)))?;
        }
        Ok(())
    }

    fn draw_line(&self, area: &Area<'_>, values: &[Option<f64>], color: RGBColor, axis: Axis) -> Result<(), DrawError> {
        let point =
            |(index, value): (usize, f64)| units(self.plot.x_of(index, self.grid.len), self.plot.y_of(value, axis));
        for run in runs(values) {
            match run.as_slice() {
                [single] => area.draw(&Circle::new(point(*single), (1.5 * SCALE) as i32, color.filled()))?,
                _ => {
                    area.draw(&PathElement::new(run.into_iter().map(point).collect::<Vec<_>>(), stroke(color, 1.5)))?;
                }
            }
        }
        Ok(())
    }
}

fn units(x: f64, y: f64) -> (i32, i32) {
    ((x * SCALE).round() as i32, (y * SCALE).round() as i32)
}

fn stroke(color: RGBColor, width_px: f64) -> ShapeStyle {
    color.stroke_width((width_px * SCALE) as u32)
}

fn label(h_pos: HPos, v_pos: VPos) -> TextStyle<'static> {
    ("monospace", TEXT_PX * TEXT_FACTOR * SCALE).into_font().color(&LABEL).pos(Pos::new(h_pos, v_pos))
}

/// A short label of a value axis with a label each step; the unit stands beside the title unless it depends on the size.
fn tick_label(value: f64, step: f64, unit: Unit) -> String {
    let (mut number, name) = format_unit(value, unit);
    let percent = if unit == Unit::Ratio { 100.0 } else { 1.0 };
    let is_scaled = matches!(unit, Unit::Bytes | Unit::BytesPerSecond | Unit::Seconds);
    // Small steps need all their digits, or labels that are evenly spaced do not look it.
    if let Some(places) = places_of(step * percent).filter(|_| !is_scaled) {
        number = format!("{:.places$}", value * percent).trim_end_matches('0').trim_end_matches('.').replace('-', "−");
    }
    match unit {
        Unit::Bytes | Unit::BytesPerSecond if value.abs() > 0.0 => format!("{number} {}", name.trim_end_matches("/s")),
        Unit::Milliseconds if name == "s" => format!("{number} s"),
        Unit::Seconds if value.abs() > 0.0 => format!("{number} {name}"),
        Unit::Ratio => format!("{number} %"),
        _ => number,
    }
}

/// How many places behind the point a small step has; none of one that has few anyway, or too many.
fn places_of(step: f64) -> Option<usize> {
    (1e-6..0.1).contains(&step).then(|| (1.0 - step.log10().floor()) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UnixMillis;

    fn drawing(series: &ChartSeries, overlay: bool) -> String {
        Drawing {
            plot: Plot::DEFAULT,
            grid: Grid { from: UnixMillis(0), step_ms: 60_000, len: series.values.len() },
            unit: Unit::Milliseconds,
            lines: vec![(Tint::Orange, series)],
            style: ChartStyle::Line,
            thresholds: Vec::new(),
            overlay,
            zone: Zone::Utc,
            offset_ms: 0,
        }
        .to_svg()
    }

    fn series() -> ChartSeries {
        ChartSeries {
            key: "p95".into(),
            label: "p95".into(),
            values: vec![Some(1.0), Some(2.0), None, Some(4.0), None, Some(3.0), Some(3.0)],
            before: vec![Some(100.0); 7],
        }
    }

    #[test]
    fn a_line_breaks_at_gaps_and_a_lonely_point_is_a_dot() {
        let svg = drawing(&series(), false);
        assert_eq!(svg.matches("#0000F3").count(), 3, "{svg}");
        assert_eq!(svg.matches("<circle").count(), 1);
    }

    #[test]
    fn the_compared_period_is_drawn_only_on_demand_and_stretches_the_axis() {
        assert!(!drawing(&series(), false).contains("#0000A3"));
        let with_overlay = drawing(&series(), true);
        assert!(with_overlay.contains("#0000A3") && with_overlay.contains(">\n100\n<"));
    }

    #[test]
    fn areas_and_bars_lie_on_one_another() {
        let (one, other) = (series(), series());
        let drawing = |style| Drawing {
            plot: Plot::DEFAULT,
            grid: Grid { from: UnixMillis(0), step_ms: 60_000, len: 7 },
            unit: Unit::Number,
            lines: vec![(Tint::Orange, &one), (Tint::Blue, &other)],
            style,
            thresholds: vec![Threshold { value: 20.0, is_critical: true }],
            overlay: false,
            zone: Zone::Utc,
            offset_ms: 0,
        };
        let areas = drawing(ChartStyle::Area).to_svg();
        assert_eq!((areas.matches("#0000B3").count(), areas.matches("#0000B5").count()), (3, 3), "{areas}");
        assert!(areas.contains("#0000C6"), "the threshold");
        assert!(drawing(ChartStyle::Line).axis().top >= 20.0, "a threshold is never beyond the axis");
        let bars = drawing(ChartStyle::Bar).to_svg();
        assert_eq!((bars.matches("#0000F3").count(), bars.matches("#0000F5").count()), (5, 5), "{bars}");
        assert!(drawing(ChartStyle::Bar).stacked()[1][3] == Some((4.0, 8.0)));
    }

    #[test]
    fn a_drawing_keeps_to_the_content_security_policy() {
        let svg = drawing(&series(), true);
        assert!(!svg.contains("style=") && svg.starts_with("<svg viewBox=") && svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn labels_of_sizes_carry_their_unit() {
        assert_eq!(tick_label(2_500_000.0, 5e5, Unit::BytesPerSecond), "2.5 MB");
        assert_eq!(tick_label(750.0, 250.0, Unit::Milliseconds), "750");
        assert_eq!(tick_label(20_000.0, 5000.0, Unit::Milliseconds), "20 s");
        assert_eq!(tick_label(0.0, 10.0, Unit::Bytes), "0");
    }

    #[test]
    fn labels_of_small_steps_are_as_even_as_the_steps() {
        let labels = |top, unit| {
            let axis = Axis::of(0.0, top, unit);
            axis.ticks().into_iter().map(|value| tick_label(value, axis.step(), unit)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(labels(0.1, Unit::PerSecond), "0 0.025 0.05 0.075 0.1");
        assert_eq!(labels(0.0055, Unit::Number), "0 0.002 0.004 0.006");
        assert_eq!(labels(0.000_08, Unit::Ratio), "0 % 0.002 % 0.004 % 0.006 % 0.008 %");
        assert_eq!(labels(0.9, Unit::Number), "0 0.25 0.5 0.75 1");
        assert_eq!(tick_label(-0.025, 0.025, Unit::Number), "−0.025");
    }
}
