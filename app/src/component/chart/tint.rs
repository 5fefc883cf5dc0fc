//! Colours of lines, by what they mean: the same series has the same colour in every chart.

use plotters::style::RGBColor;

/// A colour of a line; `style/chart.css` maps it to a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tint {
    /// The accent: what is normal.
    Accent,
    /// Green.
    Green,
    /// Orange.
    Orange,
    /// Violet.
    Violet,
    /// Blue.
    Blue,
    /// Red: errors, and nothing else.
    Red,
    /// Pink.
    Pink,
    /// Olive.
    Olive,
}

impl Tint {
    /// Colours for series that have none of their own.
    const SPARE: [Self; 7] =
        [Self::Accent, Self::Violet, Self::Orange, Self::Green, Self::Blue, Self::Pink, Self::Olive];

    /// The colour of the series with this key at this place of its chart.
    pub fn of(key: &str, place: usize) -> Self {
        match key {
            "p50" | "2xx" | "cpu" => Self::Accent,
            "p95" => Self::Orange,
            "p99" | "3xx" => Self::Violet,
            "4xx" => Self::Blue,
            "5xx" | "errors" => Self::Red,
            "memory" => Self::Green,
            _ => Self::SPARE[place % Self::SPARE.len()],
        }
    }

    /// The name in the style sheet.
    pub fn key(self) -> &'static str {
        match self {
            Self::Accent => "accent",
            Self::Green => "green",
            Self::Orange => "orange",
            Self::Violet => "violet",
            Self::Blue => "blue",
            Self::Red => "red",
            Self::Pink => "pink",
            Self::Olive => "olive",
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::Accent => 1,
            Self::Green => 2,
            Self::Orange => 3,
            Self::Violet => 4,
            Self::Blue => 5,
            Self::Red => 6,
            Self::Pink => 7,
            Self::Olive => 8,
        }
    }

    /// Stands for this colour in a drawing.
    pub fn marker(self) -> RGBColor {
        RGBColor(0, 0, 0xF0 + self.number())
    }

    /// Stands for this colour, thin, in a drawing: for areas.
    pub fn area_marker(self) -> RGBColor {
        RGBColor(0, 0, 0xB0 + self.number())
    }

    /// Stands for this colour, dimmed and dashed, in a drawing.
    pub fn before_marker(self) -> RGBColor {
        RGBColor(0, 0, 0xA0 + self.number())
    }
}
