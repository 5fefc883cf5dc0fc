//! Icons: strokes on a 16 by 16 grid, drawn in the colour of the text beside them. All are decoration; what they
//! mean is said in words.

use leptos::prelude::*;

use super::markup::Markup;

/// Which picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IconName {
    /// Four panels.
    Overview,
    /// Two boxes joined by a line.
    Pipelines,
    /// Bars, each beginning later.
    Traces,
    /// Nodes and the way between them.
    Map,
    /// Bars of different height: endpoints and how they do.
    Endpoints,
    /// Lines of text.
    Logs,
    /// Rings around a point.
    Target,
    /// A course between two axes.
    Metrics,
    /// Three panels, one of them wide.
    Dashboard,
    /// A plus.
    Plus,
    /// A magnifying glass.
    Search,
    /// Two arrows that pass one another.
    Compare,
    /// A half-filled disc.
    Contrast,
    /// The sun.
    Sun,
    /// The moon.
    Moon,
    /// A question mark.
    Help,
    /// A downward arrow head.
    ChevronDown,
    /// A cross.
    Close,
    /// A tick.
    Check,
    /// A filled dot.
    Dot,
    /// A hollow dot.
    Circle,
    /// A dash.
    Dash,
    /// A triangle with an exclamation mark.
    Warning,
    /// An arrow to the upper right.
    Open,
    /// A magnifying glass with a minus.
    ZoomOut,
    /// Two links of a chain.
    Link,
    /// Two sheets.
    Copy,
    /// Two bars.
    Pause,
    /// A triangle that points right.
    Play,
    /// A funnel.
    Filter,
    /// An arrow into a tray.
    Download,
    /// A right arrow head.
    ChevronRight,
    /// A left arrow head.
    ChevronLeft,
    /// An upward arrow head.
    ChevronUp,
    /// Two sliders.
    Settings,
    /// Head and shoulders.
    Person,
}

impl IconName {
    /// Adds the icon to markup: what [`Icon`] draws.
    pub fn add_to(self, markup: &mut Markup) {
        let attributes = [
            ("class", "icon"),
            ("viewBox", "0 0 16 16"),
            ("width", "16"),
            ("height", "16"),
            ("aria-hidden", "true"),
            ("focusable", "false"),
        ];
        let path = [("d", self.path()), ("fill", self.fill()), ("stroke", "currentColor"), ("stroke-width", "1.4")];
        markup.element("svg", &attributes, |svg| svg.empty("path", &path));
    }

    fn fill(self) -> &'static str {
        if matches!(self, Self::Dot) { "currentColor" } else { "none" }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Overview => "M2.5 2.5h4.5v6h-4.5zM9 2.5h4.5v3h-4.5zM9 7.5h4.5v6h-4.5zM2.5 10.5h4.5v3h-4.5z",
            Self::Pipelines => "M2 3.5h5v4H2zM9 8.5h5v4H9zM4.5 7.5v3H9",
            Self::Traces => "M2 3h7M4.5 6.3h7M6.5 9.6h4M8.5 13H14",
            Self::Map => "M2 2.5h4v4H2zM10 2.5h4v4h-4zM6 9.5h4v4H6zM6 4.5h4M4 6.5v3.5l2 1.5M12 6.5v3.5l-2 1.5",
            Self::Endpoints => "M2.5 13.5v-4M6.2 13.5v-8M9.8 13.5v-6M13.5 13.5v-11",
            Self::Logs => "M2.5 3h11M2.5 6.3h8M2.5 9.6h11M2.5 13h6",
            Self::Target => {
                "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1v3M8 12v3M1 8h3M12 8h3"
            }
            Self::Metrics => "M2.5 2.5v11h11M4.5 10.5l3-4 2.500 2.500 3.500-5.500",
            Self::Dashboard => "M2.5 2.5h11v4h-11zM2.5 9h4.500v4.500h-4.500zM9.500 9h4v4.500h-4z",
            Self::Plus => "M8 3.5v9M3.5 8h9",
            Self::Search => "M11 7a4 4 0 1 1-8 0 4 4 0 0 1 8 0zM10 10l3.5 3.5",
            Self::Compare => "M2 5.5h11.5M10.5 2.5l3 3-3 3M14 10.5H2.5M5.5 7.5l-3 3 3 3",
            Self::Contrast => "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11",
            Self::Sun => {
                "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1v2M8 13v2M1 8h2M13 8h2M3 3l1.4 1.4M11.6 11.6L13 13M3 13l1.4-1.4M11.6 4.4L13 3"
            }
            Self::Moon => "M13 9.6A5.6 5.6 0 0 1 6.4 3a5.6 5.6 0 1 0 6.6 6.6z",
            Self::Help => "M5.5 6a2.5 2.5 0 1 1 3.6 2.2C8.3 8.6 8 9 8 10M8 12v1.2",
            Self::ChevronDown => "M4 6l4 4 4-4",
            Self::Close => "M4 4l8 8M12 4l-8 8",
            Self::Check => "M3 8.5l3.2 3.2L13 5",
            Self::Dot | Self::Circle => "M8 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z",
            Self::Dash => "M4 8h8",
            Self::Warning => "M8 2.5l6 11H2zM8 6.5v3.5M8 11.5v.8",
            Self::Open => "M6 3.5h6.5V10M12.5 3.5l-9 9",
            Self::Copy => "M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1",
            Self::Pause => "M5.5 3.5v9M10.5 3.5v9",
            Self::Play => "M5 3l8 5-8 5z",
            Self::Filter => "M2.5 3h11L9.5 8v5l-3-1.5V8z",
            Self::Download => "M8 2.5v7M5 7l3 3 3-3M2.5 11v2.5h11V11",
            Self::ChevronRight => "M6 4l4 4-4 4",
            Self::ChevronLeft => "M10 4L6 8l4 4",
            Self::ChevronUp => "M4 10l4-4 4 4",
            Self::Settings => "M2 4.5h6.5M11.5 4.5H14M8.5 3h3v3h-3zM2 11.5h2.5M7.5 11.5H14M4.5 10h3v3h-3z",
            Self::Person => {
                "M8 2.5a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.4zM2.5 13.5c.5-2.5 2.5-3.7 5.5-3.7s5 1.200 5.5 3.7"
            }
            Self::ZoomOut => "M11 7a4 4 0 1 1-8 0 4 4 0 0 1 8 0zM10 10l3.5 3.5M5.2 7h3.6",
            Self::Link => {
                "M7 9a2.6 2.6 0 0 0 3.7 0l2-2A2.6 2.6 0 0 0 9 3.300l-.8.8M9 7a2.6 2.6 0 0 0-3.7 0l-2 2A2.6 2.6 0 0 0 7 12.7l.8-.8"
            }
        }
    }
}

/// An icon.
#[component]
pub fn Icon(
    /// Which picture.
    name: IconName,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
            <path d=name.path() fill=name.fill() stroke="currentColor" stroke-width="1.4" />
        </svg>
    }
}
