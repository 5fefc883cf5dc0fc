//! What stands in the row of a span, as markup: a trace is scrolled through by thousands of rows. Plain data.

use super::{axis::Window, context::Tick};
use crate::{
    component::{
        icon::IconName,
        markup::Markup,
        number::format_count,
        time::format_duration_ms,
        waterfall::{LabelPlace, label_place, percent},
    },
    model::{SpanKind, span::OutlineRow},
};

/// Width of a level of the indentation, and the most that are drawn.
const INDENT_PX: u16 = 12;
const MOST_INDENTS: u16 = 24;
/// Log lines that are marked on one bar.
const MOST_TICKS: usize = 40;
/// A bar of this share of the lane is wider than two pixels, whatever the lane's width.
const NARROW: f64 = 0.02;
const HIDDEN: (&str, &str) = ("aria-hidden", "true");

/// A span, as its row shows it.
#[derive(Debug, Clone, Copy)]
pub struct SpanLine<'a> {
    /// Where it belongs and when it was.
    pub row: OutlineRow,
    /// The service.
    pub service: &'a str,
    /// The operation.
    pub name: &'a str,
    /// The colour of the service.
    pub tint: &'a str,
    /// Whether it is the one that is looked at.
    pub is_selected: bool,
    /// Whether what is under it shows.
    pub is_expanded: bool,
}

impl SpanLine<'_> {
    /// The line: the name, and the lane with what [`lane`] made.
    pub fn html(&self, lane: &Markup) -> String {
        let mut markup = Markup::default();
        markup.element("div", &[("class", "span-line"), ("data-service-tint", self.tint)], |line| {
            line.element("div", &[("class", "span-name")], |name| self.add_name(name));
            line.element("svg", &[("class", "span-lane"), ("height", "27")], |svg| svg.add(lane));
        });
        markup.into_html()
    }

    fn add_name(&self, markup: &mut Markup) {
        let indent = indent_px(self.row.depth);
        markup.empty("svg", &[("class", "span-indent"), ("width", &indent), ("height", "27"), HIDDEN]);
        self.add_fold_button(markup);
        let title = format!("{} {}", self.service, self.name);
        let mut attributes = vec![
            ("type", "button"),
            ("class", "span-open"),
            ("data-row-open", ""),
            ("tabindex", "-1"),
            ("title", title.as_str()),
        ];
        if self.is_selected {
            attributes.push(("aria-current", "true"));
        }
        markup.element("button", &attributes, |open| {
            open.empty("i", &[("class", "span-mark"), HIDDEN]);
            open.texted("span", &[("class", "span-service")], self.service);
            open.texted("span", &[("class", "span-operation")], self.name);
            add_marks(open, &self.row);
        });
    }

    fn add_fold_button(&self, markup: &mut Markup) {
        let below = self.row.descendants;
        if below == 0 {
            return markup.empty("span", &[("class", "span-fold")]);
        }
        let count = format_count(below.into());
        let label = format!("{count} span{} under this one", if below == 1 { "" } else { "s" });
        let attributes = [
            ("type", "button"),
            ("class", "span-fold"),
            ("tabindex", "-1"),
            ("aria-label", &label),
            ("title", &label),
            ("aria-expanded", if self.is_expanded { "true" } else { "false" }),
        ];
        markup.element("button", &attributes, |fold| {
            IconName::ChevronRight.add_to(fold);
            // Shown while they are hidden.
            fold.texted("span", &[("class", "span-hidden")], &count);
        });
    }
}

/// Width in pixels of the guides before a row of this depth, one for every level.
pub fn indent_px(depth: u16) -> String {
    (depth.min(MOST_INDENTS) * INDENT_PX).to_string()
}

/// What is to know of a span at a glance, each with its word.
fn add_marks(markup: &mut Markup, row: &OutlineRow) {
    let with_icon = [
        (row.is_error, "span-bad", IconName::Close, "failed"),
        (row.is_orphan, "span-odd", IconName::Link, "its parent has not arrived"),
        (row.is_skewed, "span-odd", IconName::Warning, "lies outside its parent in time"),
    ];
    for (_, class, icon, words) in with_icon.into_iter().filter(|mark| mark.0) {
        markup.element("span", &[("class", class), ("title", words)], |mark| {
            icon.add_to(mark);
            mark.texted("span", &[("class", "visually-hidden")], words);
        });
    }
    let is_outgoing = match row.kind {
        SpanKind::Client | SpanKind::Producer => true,
        SpanKind::Internal | SpanKind::Server | SpanKind::Consumer => false,
    };
    for (_, words) in
        [(row.is_critical, "on the critical path"), (is_outgoing, "outgoing")].iter().filter(|mark| mark.0)
    {
        markup.texted("span", &[("class", "visually-hidden")], words);
    }
}

/// What stands in the lane of a span: the bar, what marks it, its duration, and a stroke for each of its log lines.
pub fn lane(row: &OutlineRow, window: Window, ticks: &[Tick]) -> Markup {
    let mut markup = Markup::default();
    add_bar(&mut markup, row, window);
    let places = ticks.iter().map(|(at_ns, level)| (window.share(*at_ns), level));
    for (share, level) in places.filter(|(share, _)| (0.0..=1.0).contains(share)).take(MOST_TICKS) {
        let x = percent(share);
        let attributes =
            [("class", "span-tick"), ("data-level", level.key()), ("x1", &x), ("x2", &x), ("y1", "3"), ("y2", "12")];
        markup.empty("line", &attributes);
    }
    markup
}

fn add_bar(markup: &mut Markup, row: &OutlineRow, window: Window) {
    let (start, end) = (window.share(row.offset_ns), window.share(row.offset_ns.saturating_add(row.duration_ns)));
    if end < 0.0 || start > 1.0 {
        return;
    }
    let (start, end) = (start.clamp(0.0, 1.0), end.clamp(0.0, 1.0));
    let (left, width) = (percent(start), percent(end - start));
    let mut bar = |class: &str, x: &str, width: &str, y: &str, height: &str| {
        markup.empty("rect", &[("class", class), ("x", x), ("width", width), ("y", y), ("height", height)]);
    };
    bar("span-bar", &left, &width, "8", "12");
    if end - start < NARROW {
        // What took no time is two pixels wide.
        bar("span-bar", &percent(start.min(0.997)), "2", "8", "12");
    }
    if row.is_error {
        bar("span-bar-bad", &left, &width, "17", "3");
    }
    if row.is_critical {
        bar("span-critical", &left, &width, "22", "2");
    }
    let (x, dx, anchor, class) = match label_place(start, end) {
        LabelPlace::Behind => (end, "6", "start", "span-label"),
        LabelPlace::Before => (start, "-6", "end", "span-label"),
        LabelPlace::Inside => (start, "6", "start", "span-label inside"),
    };
    let attributes = [("class", class), ("x", &percent(x)), ("dx", dx), ("y", "18"), ("text-anchor", anchor)];
    markup.texted("text", &attributes, &format_duration_ms(row.duration_ns as f64 / 1e6));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Level, SpanId};

    fn row() -> OutlineRow {
        OutlineRow {
            span_id: SpanId([1; 8]),
            depth: 2,
            descendants: 0,
            service: 0,
            name: 0,
            offset_ns: 250,
            duration_ns: 500,
            self_ns: 500,
            kind: SpanKind::Client,
            is_error: false,
            is_critical: false,
            is_orphan: false,
            is_skewed: false,
        }
    }

    fn html(row: OutlineRow, name: &str) -> String {
        let line = SpanLine { row, service: "shop", name, tint: "3", is_selected: true, is_expanded: false };
        line.html(&lane(&row, Window::whole(1000), &[]))
    }

    #[test]
    fn what_a_sender_calls_its_span_stays_text() {
        let html = html(row(), "</button><img src=x onerror=\"alert(1)\">");
        assert!(!html.contains("<img") && html.contains("&lt;/button&gt;&lt;img"), "{html}");
        assert!(
            html.contains(r#"title="shop &lt;/button&gt;&lt;img src=x onerror=&quot;alert(1)&quot;&gt;""#),
            "{html}"
        );
    }

    #[test]
    fn a_row_says_in_words_what_it_marks() {
        let marked = OutlineRow { is_error: true, is_orphan: true, is_skewed: true, is_critical: true, ..row() };
        let html = html(marked, "GET /");
        for words in ["failed", "its parent has not arrived", "lies outside its parent", "critical path", "outgoing"] {
            assert!(html.contains(words), "{words}: {html}");
        }
        assert!(html.contains("span-bar-bad") && html.contains("span-critical"), "{html}");
    }

    #[test]
    fn what_has_spans_under_it_folds() {
        assert!(!html(row(), "a").contains("<button type=\"button\" class=\"span-fold\""));
        let html = html(OutlineRow { descendants: 1200, ..row() }, "a");
        assert!(html.contains(r#"aria-label="1,200 spans under this one""#), "{html}");
        assert!(html.contains(r#"aria-expanded="false""#), "{html}");
    }

    #[test]
    fn a_bar_lies_where_its_span_was() {
        let html = |window| lane(&row(), window, &[]).into_html();
        let bar = html(Window::whole(1000));
        assert!(bar.contains(r#"x="25.000%" width="50.000%""#) && bar.contains(r#"x="75.000%" dx="6""#), "{bar}");
        assert_eq!(html(Window { from_ns: 800, to_ns: 1000 }), "");
    }

    #[test]
    fn of_the_log_lines_those_in_the_window_are_marked() {
        let ticks = [(100, Level::Info), (600, Level::Error)];
        let html = lane(&row(), Window { from_ns: 500, to_ns: 1000 }, &ticks).into_html();
        assert_eq!(html.matches("span-tick").count(), 1, "{html}");
        assert!(html.contains(r#"data-level="error" x1="20.000%""#), "{html}");
    }
}
