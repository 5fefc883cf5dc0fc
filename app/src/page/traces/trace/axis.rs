//! The time axis of a trace and the part of it that is looked at: plain data.

use std::{fmt, str::FromStr};

use crate::component::waterfall::nice_step;

/// About so many distances between the lines of the axis.
const TICKS: f64 = 5.0;
/// Nothing shorter is zoomed into, in nanoseconds.
const SHORTEST_NS: i64 = 10;

/// A stretch of a trace, in nanoseconds after its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Where it begins.
    pub from_ns: i64,
    /// Where it ends.
    pub to_ns: i64,
}

impl Window {
    /// A whole trace.
    pub fn whole(duration_ns: i64) -> Self {
        Self { from_ns: 0, to_ns: duration_ns.max(1) }
    }

    /// The part of it that lies in a trace of this length; none when that is nothing or all.
    pub fn within(self, duration_ns: i64) -> Option<Self> {
        let whole = Self::whole(duration_ns);
        let part = Self { from_ns: self.from_ns.max(0), to_ns: self.to_ns.min(whole.to_ns) };
        (part.length_ns() >= SHORTEST_NS.min(whole.to_ns) && part != whole).then_some(part)
    }

    /// How long it is.
    pub fn length_ns(self) -> i64 {
        self.to_ns - self.from_ns
    }

    /// Where an instant lies in it: 0 at its beginning, 1 at its end.
    pub fn share(self, at_ns: i64) -> f64 {
        (at_ns - self.from_ns) as f64 / self.length_ns().max(1) as f64
    }

    /// The instant at a share.
    pub fn instant(self, share: f64) -> i64 {
        self.from_ns + (share.clamp(0.0, 1.0) * self.length_ns() as f64) as i64
    }

    /// The stretch between two shares, in either order.
    pub fn between(self, one: f64, other: f64) -> Self {
        let (one, other) = (self.instant(one), self.instant(other));
        Self { from_ns: one.min(other), to_ns: one.max(other) }
    }

    /// Around a span, with room on both sides.
    pub fn around(offset_ns: i64, duration_ns: i64) -> Self {
        let room = (duration_ns / 20).max(SHORTEST_NS);
        Self {
            from_ns: offset_ns.saturating_sub(room),
            to_ns: offset_ns.saturating_add(duration_ns).saturating_add(room),
        }
    }

    /// Around the same middle, so many times as long.
    pub fn scaled(self, factor: f64) -> Self {
        let middle = self.from_ns + self.length_ns() / 2;
        let half = (self.length_ns() as f64 * factor / 2.0) as i64;
        Self { from_ns: middle.saturating_sub(half), to_ns: middle.saturating_add(half) }
    }

    /// As long, later by a share of its length, but not beyond the trace.
    pub fn moved(self, share: f64, duration_ns: i64) -> Self {
        let by = (self.length_ns() as f64 * share) as i64;
        let by = by.clamp(-self.from_ns, (Self::whole(duration_ns).to_ns - self.to_ns).max(-self.from_ns));
        Self { from_ns: self.from_ns + by, to_ns: self.to_ns + by }
    }

    /// Lines of the axis, in nanoseconds after the start of the trace, round ones.
    pub fn ticks(self) -> Vec<i64> {
        let step = nice_step(self.length_ns() as f64 / 1e6 / TICKS) * 1e6;
        let first = (self.from_ns as f64 / step).ceil();
        let ticks = (0..64).map(|at| ((first + f64::from(at)) * step).round() as i64);
        // The last line would carry its label beyond the edge.
        ticks.take_while(|tick| self.share(*tick) < 0.95).collect()
    }
}

/// As the address has it: `1200000-5300000`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from_ns, self.to_ns)
    }
}

impl FromStr for Window {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (from, to) = text.split_once('-').ok_or(())?;
        let (from_ns, to_ns) = (from.parse().map_err(|_| ())?, to.parse().map_err(|_| ())?);
        if 0 <= from_ns && from_ns < to_ns { Ok(Self { from_ns, to_ns }) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_survives_the_address() {
        let window = Window { from_ns: 1_200_000, to_ns: 5_300_000 };
        assert_eq!(window.to_string().parse(), Ok(window));
        for text in ["", "5", "5-5", "9-5", "-3-5", "a-b"] {
            assert_eq!(text.parse::<Window>(), Err(()), "{text}");
        }
    }

    #[test]
    fn a_window_stays_inside_the_trace() {
        let part = |from_ns, to_ns| Window { from_ns, to_ns }.within(1000);
        assert_eq!(part(100, 5000), Some(Window { from_ns: 100, to_ns: 1000 }));
        assert_eq!(part(0, 1000), None);
        assert_eq!(part(2000, 3000), None);
        let moved = Window { from_ns: 100, to_ns: 300 };
        assert_eq!(moved.moved(0.5, 1000), Window { from_ns: 200, to_ns: 400 });
        assert_eq!(moved.moved(-9.0, 1000), Window { from_ns: 0, to_ns: 200 });
        assert_eq!(moved.moved(9.0, 1000), Window { from_ns: 800, to_ns: 1000 });
    }

    #[test]
    fn zooming_keeps_the_middle() {
        let window = Window { from_ns: 400, to_ns: 600 };
        assert_eq!(window.scaled(2.0), Window { from_ns: 300, to_ns: 700 });
        assert_eq!(window.between(0.75, 0.25), Window { from_ns: 450, to_ns: 550 });
        assert_eq!(Window::around(400, 800), Window { from_ns: 360, to_ns: 1240 });
    }

    #[test]
    fn lines_of_the_axis_are_round_wherever_it_begins() {
        assert_eq!(Window::whole(1_931_000_000).ticks(), [0, 500_000_000, 1_000_000_000, 1_500_000_000]);
        let part = Window { from_ns: 610_000_000, to_ns: 710_000_000 };
        assert_eq!(part.ticks(), [620_000_000, 640_000_000, 660_000_000, 680_000_000, 700_000_000]);
        assert!(Window::whole(0).ticks().len() < 64);
    }
}
