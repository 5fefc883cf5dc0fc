//! Queries that are made by clicks: written from what was chosen, and read back as long as nobody changed them by hand.

use crate::{
    component::promql::{
        scan::{Kind, Token, escaped, tokens, unquoted},
        words::is_metric,
    },
    model::{LabelTest, MetricKind, MetricSummary, RangeSpec, UnixMillis},
};

const HOUR_MS: i64 = 3_600_000;
/// The quantiles of a histogram that are shown together.
const QUANTILES: [(&str, &str); 3] = [("0.5", "p50"), ("0.95", "p95"), ("0.99", "p99")];
/// What a regular expression takes for something else.
const META: &str = r"\.+*?()|[]{}^$";

/// What is shown of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Its values.
    Value,
    /// How much it grows a second.
    Rate,
    /// Quantiles of a histogram.
    Quantiles,
    /// The mean of what a histogram or summary has measured.
    Mean,
    /// How often it has measured a second.
    Calls,
    /// How many measurements of each size.
    Buckets,
}

impl Shape {
    /// What a metric of this shape can be shown as instead.
    pub fn choices(self) -> &'static [Self] {
        match self {
            Self::Value | Self::Rate => &[Self::Value, Self::Rate],
            _ => &[Self::Quantiles, Self::Mean, Self::Calls, Self::Buckets],
        }
    }

    /// What people read.
    pub fn label(self) -> &'static str {
        match self {
            Self::Value => "Value",
            Self::Rate | Self::Calls => "Per second",
            Self::Quantiles => "Quantiles",
            Self::Mean => "Mean",
            Self::Buckets => "Buckets",
        }
    }
}

/// A query that was made by clicks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The metric; of a histogram the family.
    pub metric: String,
    /// What of it.
    pub shape: Shape,
    /// Which series.
    pub tests: Vec<LabelTest>,
    /// One result for each value of these labels.
    pub by: Vec<String>,
    /// Over which length of time rates are taken.
    pub window: String,
}

/// A length of time for rates over a range: at least as long as the step of its points, so that nothing falls between.
pub fn window(range: RangeSpec) -> String {
    let hours = range.resolve(UnixMillis(0)).duration_ms() / HOUR_MS;
    let window = match hours {
        0..=24 => "5m",
        25..=168 => "1h",
        169..=744 => "6h",
        _ => "7d",
    };
    window.to_owned()
}

impl Built {
    /// What a metric shows at first.
    pub fn new(metric: &MetricSummary, range: RangeSpec) -> Self {
        let shape = match metric.kind {
            MetricKind::Counter => Shape::Rate,
            MetricKind::Histogram => Shape::Quantiles,
            MetricKind::Gauge | MetricKind::Summary | MetricKind::Unknown => Shape::Value,
        };
        Self { metric: metric.name.clone(), shape, tests: Vec::new(), by: Vec::new(), window: window(range) }
    }

    /// The name of the series that have all labels which can be chosen.
    pub fn series_name(&self) -> String {
        match self.shape {
            Shape::Value | Shape::Rate => self.metric.clone(),
            _ => format!("{}_count", self.metric),
        }
    }

    /// The query.
    pub fn write(&self) -> String {
        let grouped = |with_le: bool| {
            let le = with_le.then_some("le");
            let labels: Vec<&str> = self.by.iter().map(String::as_str).chain(le).collect();
            if labels.is_empty() { String::new() } else { format!(" by ({}) ", labels.join(", ")) }
        };
        let sum = |ending: &str, with_le: bool| {
            let selector = selector(&format!("{}{ending}", self.metric), &self.tests);
            format!("sum{}(rate({selector}[{}]))", grouped(with_le), self.window)
        };
        match self.shape {
            Shape::Value if self.by.is_empty() => selector(&self.metric, &self.tests),
            Shape::Value => format!("avg{}({})", grouped(false), selector(&self.metric, &self.tests)),
            Shape::Rate => sum("", false),
            Shape::Calls => sum("_count", false),
            Shape::Mean => format!("{} / {}", sum("_sum", false), sum("_count", false)),
            Shape::Buckets => Self { by: Vec::new(), ..self.clone() }.buckets(),
            Shape::Quantiles => {
                let quantile = |(share, name): (&str, &str)| {
                    let quantile = format!("histogram_quantile({share}, {})", sum("_bucket", true));
                    format!("label_replace({quantile}, \"quantile\", \"{name}\", \"\", \"\")")
                };
                QUANTILES.map(quantile).join("\nor ")
            }
        }
    }

    fn buckets(&self) -> String {
        format!("sum by (le) (rate({}[{}]))", selector(&format!("{}_bucket", self.metric), &self.tests), self.window)
    }

    /// What a query was made of; none for one that was written by hand.
    pub fn read(text: &str) -> Option<Self> {
        let all = tokens(text.trim());
        let (name, tests) = read_selector(&all)?;
        let window = all.iter().position(|token| token.kind == Kind::Open('[')).and_then(|at| all.get(at + 1));
        let window = window.map_or_else(|| "5m".to_owned(), |token| token.text.to_owned());
        let by = read_group(&all);
        let family = |ending: &str| name.strip_suffix(ending).map(str::to_owned);
        let candidates = [
            Some((name.clone(), Shape::Value)),
            family("_bucket").map(|metric| (metric, Shape::Quantiles)),
            family("_bucket").map(|metric| (metric, Shape::Buckets)),
            family("_sum").map(|metric| (metric, Shape::Mean)),
            family("_count").map(|metric| (metric, Shape::Calls)),
            Some((name.clone(), Shape::Rate)),
        ];
        let made = candidates.into_iter().flatten().map(|(metric, shape)| Self {
            metric,
            shape,
            tests: tests.clone(),
            by: by.clone(),
            window: window.clone(),
        });
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = squeezed(text);
        made.into_iter().find(|built| squeezed(&built.write()) == text)
    }

    /// Lets a value in or out, or takes that back.
    #[must_use]
    pub fn toggled(&self, label: &str, value: &str, is_not: bool) -> Self {
        let mut built = self.clone();
        let at = built.tests.iter().position(|test| test.label == label);
        match at.map(|at| (at, &mut built.tests[at])) {
            Some((at, test)) if test.is_not == is_not => {
                if let Some(known) = test.values.iter().position(|known| known == value) {
                    test.values.remove(known);
                } else {
                    test.values.push(value.to_owned());
                }
                if test.values.is_empty() {
                    built.tests.remove(at);
                }
            }
            Some((_, test)) => *test = LabelTest { label: label.to_owned(), is_not, values: vec![value.to_owned()] },
            None => built.tests.push(LabelTest { label: label.to_owned(), is_not, values: vec![value.to_owned()] }),
        }
        built
    }

    /// Whether a value is let in (`Some(false)`) or kept out (`Some(true)`).
    pub fn chosen(&self, label: &str, value: &str) -> Option<bool> {
        let test = self.tests.iter().find(|test| test.label == label)?;
        test.values.iter().any(|known| known == value).then_some(test.is_not)
    }

    /// Groups by a label, or no more.
    #[must_use]
    pub fn grouped(&self, label: &str) -> Self {
        let mut built = self.clone();
        match built.by.iter().position(|known| known == label) {
            Some(at) => drop(built.by.remove(at)),
            None => built.by.push(label.to_owned()),
        }
        built
    }
}

/// Whether a name needs no quotes.
pub fn is_plain(name: &str, is_metric: bool) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_' || (is_metric && c == ':');
    name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit())
}

fn selector(name: &str, tests: &[LabelTest]) -> String {
    let tests: Vec<String> = tests.iter().map(matcher).collect();
    let tests = tests.join(", ");
    match (is_plain(name, true), tests.is_empty()) {
        (true, true) => name.to_owned(),
        (true, false) => format!("{name}{{{tests}}}"),
        (false, true) => format!("{{__name__=\"{}\"}}", escaped(name)),
        (false, false) => format!("{{__name__=\"{}\", {tests}}}", escaped(name)),
    }
}

fn matcher(test: &LabelTest) -> String {
    let LabelTest { label, is_not, values } = test;
    match values.as_slice() {
        [one] => format!("{label}{}\"{}\"", if *is_not { "!=" } else { "=" }, escaped(one)),
        all => {
            let all: Vec<String> = all.iter().map(|value| literal(value)).collect();
            format!("{label}{}\"{}\"", if *is_not { "!~" } else { "=~" }, escaped(&all.join("|")))
        }
    }
}

/// A regular expression for exactly this.
fn literal(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if META.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The values of which a regular expression is one or the other.
fn alternatives(expression: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut chars = expression.chars();
    while let Some(c) = chars.next() {
        match c {
            '|' => all.push(String::new()),
            '\\' => all.last_mut().into_iter().for_each(|last| last.extend(chars.next())),
            c => all.last_mut().into_iter().for_each(|last| last.push(c)),
        }
    }
    all
}

/// The name and the tests of the first selector.
fn read_selector(all: &[Token<'_>]) -> Option<(String, Vec<LabelTest>)> {
    let is_call = |at: usize| all.get(at + 1).is_some_and(|next| next.text == "(");
    let is_label = |at: usize| {
        let open = all[..at].iter().rposition(|token| token.kind == Kind::Open('('));
        open.is_some_and(|open| open > 0 && all[open - 1].text == "by") && !is_closed(&all[..at])
    };
    let begins = |at: usize, token: &Token<'_>| {
        token.kind == Kind::Open('{')
            || (token.kind == Kind::Word && is_metric(token.text) && !is_call(at) && !is_label(at))
    };
    let at = all.iter().enumerate().find(|(at, token)| begins(*at, token))?.0;
    let (mut name, open) = match all[at].kind {
        Kind::Word => (Some(all[at].text.to_owned()), at + 1),
        _ => (None, at),
    };
    let mut tests = Vec::new();
    if all.get(open).is_some_and(|token| token.text == "{") {
        let inside = all[open + 1..].iter().take_while(|token| token.kind != Kind::Close('}'));
        let inside: Vec<Token<'_>> = inside.copied().collect();
        for part in inside.split(|token| token.text == ",") {
            let [label, sign, value] = part else { return None };
            let (label, value) = (label.text.to_owned(), unquoted(value.text));
            let (is_not, values) = match sign.text {
                "=" if label == "__name__" => {
                    name = Some(value);
                    continue;
                }
                "=" | "!=" => (sign.text == "!=", vec![value]),
                "=~" | "!~" => (sign.text == "!~", alternatives(&value)),
                _ => return None,
            };
            tests.push(LabelTest { label, is_not, values });
        }
    }
    Some((name?, tests))
}

/// Whether the bracket that was opened last is closed.
fn is_closed(before: &[Token<'_>]) -> bool {
    let last = |kind| before.iter().rposition(|token| token.kind == kind);
    last(Kind::Close(')')) > last(Kind::Open('('))
}

/// The labels of the first group, without that of buckets.
fn read_group(all: &[Token<'_>]) -> Vec<String> {
    let Some(by) = all.iter().position(|token| token.text == "by") else { return Vec::new() };
    let inside = all[by + 1..].iter().take_while(|token| token.kind != Kind::Close(')'));
    let labels = inside.filter(|token| token.kind == Kind::Word && token.text != "le");
    labels.map(|token| token.text.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHAPES: [Shape; 6] = [Shape::Value, Shape::Rate, Shape::Quantiles, Shape::Mean, Shape::Calls, Shape::Buckets];

    fn metric(name: &str, kind: MetricKind) -> MetricSummary {
        MetricSummary { name: name.into(), kind, help: String::new(), unit: String::new(), series: 1 }
    }

    #[test]
    fn a_click_makes_a_sensible_query() {
        let query = |name, kind| Built::new(&metric(name, kind), RangeSpec::default()).write();
        assert_eq!(query("temp", MetricKind::Gauge), "temp");
        assert_eq!(query("http_total", MetricKind::Counter), "sum(rate(http_total[5m]))");
        assert!(query("rpc", MetricKind::Histogram).starts_with(
            "label_replace(histogram_quantile(0.5, sum by (le) (rate(rpc_bucket[5m]))), \"quantile\", \"p50\", \"\", \"\")\nor "
        ));
        assert_eq!(query("odd.name", MetricKind::Unknown), "{__name__=\"odd.name\"}");
        let week = Built::new(&metric("a_total", MetricKind::Counter), RangeSpec::Last(7 * 86_400));
        assert_eq!(week.write(), "sum(rate(a_total[1h]))");
    }

    #[test]
    fn clicks_change_the_query() {
        let built = Built::new(&metric("a_total", MetricKind::Counter), RangeSpec::default());
        let one = built.toggled("job", "x", false).grouped("zone");
        assert_eq!(one.write(), "sum by (zone) (rate(a_total{job=\"x\"}[5m]))");
        let two = one.toggled("job", "y.z", false);
        assert_eq!(two.write(), "sum by (zone) (rate(a_total{job=~\"x|y\\\\.z\"}[5m]))");
        assert_eq!(two.chosen("job", "y.z"), Some(false));
        let out = two.toggled("job", "x", true);
        assert_eq!(out.write(), "sum by (zone) (rate(a_total{job!=\"x\"}[5m]))");
        assert_eq!(out.toggled("job", "x", true).grouped("zone"), built);
    }

    #[test]
    fn what_was_written_by_hand_is_left_alone() {
        for text in [
            "",
            "a_total + 1",
            "sum(rate(a_total[5m])) > 3",
            "max by (job) (a)",
            "rate(a[5m])",
            "a{job=~\"x.*\"}",
            "a offset 5m",
            "sum by (job) (rate(a[5m] offset 1h))",
            "{job=\"x\"}",
            "a{job=\"x\"",
        ] {
            assert_eq!(Built::read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_was_made_is_read_back(
            name in "[a-z_:][a-z_:0-9]{0,8}x",
            shape in prop::sample::select(&SHAPES[..]),
            tests in prop::collection::btree_map("[a-z]{1,4}q", (any::<bool>(), prop::collection::btree_set("[ -~é]{1,6}", 1..4)), 0..3),
            by in prop::collection::btree_set("[a-z]{1,4}z", 0..3),
        ) {
            let tests = tests.into_iter().map(|(label, (is_not, values))| {
                LabelTest { label, is_not, values: values.into_iter().collect() }
            });
            let by = if shape == Shape::Buckets { Vec::new() } else { by.into_iter().collect() };
            let built = Built { metric: name, shape, tests: tests.collect(), by, window: "5m".into() };
            let window = if shape == Shape::Value { "5m" } else { "1h" };
            let built = Built { window: window.into(), ..built };
            let read = Built::read(&built.write());
            prop_assert_eq!(read.as_ref().map(Built::write), Some(built.write()));
            prop_assert_eq!(read, Some(built));
        }
    }
}
