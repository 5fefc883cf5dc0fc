//! Draws a chart as SVG, the same on the server and in the browser.
//!
//! plotters writes colours as literal attributes. So that one drawing serves every theme, it is given marker colours
//! that stand for design tokens; `style/chart.css` maps them. It also rounds to whole units, so it draws at
//! [`SCALE`] units a pixel.

use plotters::{
    backend::SVGBackend,
    drawing::{DrawingArea, IntoDrawingArea},
    element::{Circle, PathElement, Text},
    style::{
        Color, IntoFont, RGBColor, ShapeStyle, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::{
    scale::{Plot, largest, runs, value_ticks},
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
    /// Whether the compared period is drawn too.
    pub overlay: bool,
    /// Zone of the time labels.
    pub zone: Zone,
    /// How far that zone is ahead of UTC.
    pub offset_ms: i64,
}

impl Drawing<'_> {
    /// End of the value axis.
    pub fn top(&self) -> f64 {
        let now = self.lines.iter().map(|(_, series)| series.values.as_slice());
        let before = self.lines.iter().filter(|_| self.overlay).map(|(_, series)| series.before.as_slice());
        value_ticks(largest(now.chain(before)), self.unit).pop().unwrap_or(1.0)
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
        let top = self.top();
        self.draw_value_axis(area, top)?;
        self.draw_time_axis(area)?;
        for (tint, series) in &self.lines {
            if self.overlay {
                self.draw_line(area, &series.before, tint.before_marker(), top)?;
            }
        }
        for (tint, series) in &self.lines {
            self.draw_line(area, &series.values, tint.marker(), top)?;
        }
        area.present()
    }

    fn draw_value_axis(&self, area: &Area<'_>, top: f64) -> Result<(), DrawError> {
        let plot = self.plot;
        for value in value_ticks(top, self.unit) {
            let y = plot.y_of(value, top);
            let line = vec![units(Plot::LEFT, y), units(plot.right(), y)];
            area.draw(&PathElement::new(line, stroke(GRID, 1.0)))?;
            if !self.has_values() {
                continue;
            }
            let at = units(Plot::LEFT - 8.0, y);
            area.draw(&Text::new(tick_label(value, self.unit), at, label(HPos::Right, VPos::Center)))?;
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

    fn draw_line(&self, area: &Area<'_>, values: &[Option<f64>], color: RGBColor, top: f64) -> Result<(), DrawError> {
        let point =
            |(index, value): (usize, f64)| units(self.plot.x_of(index, self.grid.len), self.plot.y_of(value, top));
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

/// A short label of a value axis; the unit stands beside the title unless it depends on the size.
fn tick_label(value: f64, unit: Unit) -> String {
    let (number, name) = format_unit(value, unit);
    match unit {
        Unit::Bytes | Unit::BytesPerSecond if value > 0.0 => format!("{number} {}", name.trim_end_matches("/s")),
        Unit::Milliseconds if name == "s" => format!("{number} s"),
        _ => number,
    }
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
    fn a_drawing_keeps_to_the_content_security_policy() {
        let svg = drawing(&series(), true);
        assert!(!svg.contains("style=") && svg.starts_with("<svg viewBox=") && svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn labels_of_sizes_carry_their_unit() {
        assert_eq!(tick_label(2_500_000.0, Unit::BytesPerSecond), "2.5 MB");
        assert_eq!(tick_label(750.0, Unit::Milliseconds), "750");
        assert_eq!(tick_label(20_000.0, Unit::Milliseconds), "20 s");
        assert_eq!(tick_label(0.0, Unit::Bytes), "0");
    }
}
