//! What can stand where the cursor is in a PromQL text, and what is put there.

use std::ops::Range;

use super::{
    scan::{Kind, Token, escaped, is_of_word, tokens, unquoted},
    words::{
        AFTER_AGGREGATION, AFTER_VALUE, AGGREGATIONS, BEFORE_LABELS, DURATIONS, FUNCTIONS, Known, is_among, is_metric,
    },
};

/// What can stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A metric, a function or an aggregation.
    Value,
    /// What goes on after a value; after an aggregation.
    After {
        /// Whether that is an aggregation.
        aggregation: bool,
    },
    /// The name of a label of a metric, if it is known which.
    Label {
        /// The metric; empty if nobody knows.
        metric: String,
    },
    /// A value of a label.
    LabelValue {
        /// The metric; empty if nobody knows.
        metric: String,
        /// The label.
        label: String,
        /// Whether the cursor stands in quotes.
        in_quotes: bool,
    },
    /// A length of time.
    Duration,
    /// Nothing that could be told.
    Nothing,
}

/// Where the cursor is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// What can stand there.
    pub wanted: Wanted,
    /// The beginning of it that stands there already.
    pub typed: String,
    /// What a choice replaces, in bytes.
    pub place: Range<usize>,
}

/// One choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What is put in place.
    pub text: String,
    /// What people read.
    pub label: String,
    /// What kind it is: `counter`, `function`, `12 series`.
    pub kind: String,
    /// What is said of it.
    pub help: String,
}

/// Where the cursor, in bytes, is in a text.
pub fn context(text: &str, cursor: usize) -> Context {
    let cursor = (0..=cursor.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let before = tokens(&text[..cursor]);
    let nothing = Context { wanted: Wanted::Nothing, typed: String::new(), place: cursor..cursor };
    let last = before.last().copied();
    // The word in which or at the end of which the cursor stands.
    let under = last.filter(|token| token.end() == cursor && matches!(token.kind, Kind::Word | Kind::Number));
    let open_text = last.filter(|token| token.kind == Kind::Text(false));
    if last.is_some_and(|token| token.kind == Kind::Comment && token.end() == cursor) {
        return nothing;
    }
    let settled = &before[..before.len() - usize::from(under.is_some() || open_text.is_some())];
    let wanted = wanted(text, settled, under, open_text.is_some());
    let (typed, place) = match (under, open_text) {
        (Some(word), _) => {
            let rest = text[cursor..].find(|c| !is_of_word(c)).unwrap_or(text.len() - cursor);
            (word.text.to_owned(), word.at..cursor + rest)
        }
        (None, Some(open)) if matches!(wanted, Wanted::LabelValue { .. }) => {
            // Up to the closing quote, if there is one on this line before anything that ends a selector.
            let quote = open.text.chars().next().unwrap_or('"');
            let rest = &text[cursor..];
            let line = rest.find(['\n', '}', ',']).map_or(rest, |end| &rest[..end]);
            let len = line.find(quote).map_or(0, |at| at + 1);
            (unquoted(open.text), open.at..cursor + len)
        }
        _ => (String::new(), cursor..cursor),
    };
    if wanted == Wanted::Nothing { nothing } else { Context { wanted, typed, place } }
}

fn wanted(text: &str, settled: &[Token<'_>], under: Option<Token<'_>>, in_quotes: bool) -> Wanted {
    let mut open: Vec<usize> = Vec::new();
    for (at, token) in settled.iter().enumerate() {
        match token.kind {
            Kind::Open(_) => open.push(at),
            Kind::Close(_) => drop(open.pop()),
            _ => {}
        }
    }
    let innermost = open.last().map(|at| (*at, settled[*at].kind));
    let word_before = |at: usize| at.checked_sub(1).map(|at| settled[at]).filter(|token| token.kind == Kind::Word);
    let last = settled.last();
    match innermost {
        Some((at, Kind::Open('{'))) => {
            let metric = word_before(at).map_or_else(|| named_inside(&settled[at..]), |word| word.text.to_owned());
            match last {
                Some(token) if token.kind == Kind::Sign && token.text != "," => {
                    let label = settled[..settled.len() - 1].last().filter(|token| token.kind == Kind::Word);
                    let Some(label) = label.map(|label| label.text.to_owned()) else { return Wanted::Nothing };
                    Wanted::LabelValue { metric, label, in_quotes }
                }
                Some(token) if !in_quotes && (token.text == "," || token.text == "{") => Wanted::Label { metric },
                _ => Wanted::Nothing,
            }
        }
        _ if in_quotes => Wanted::Nothing,
        Some((at, Kind::Open('['))) => {
            if at + 1 == settled.len() {
                Wanted::Duration
            } else {
                Wanted::Nothing
            }
        }
        Some((at, Kind::Open('('))) if word_before(at).is_some_and(|word| BEFORE_LABELS.contains(&word.text)) => {
            if last.is_some_and(|token| token.text == "," || token.text == "(") {
                Wanted::Label { metric: any_metric(text).unwrap_or_default() }
            } else {
                Wanted::Nothing
            }
        }
        _ => expression(settled, under),
    }
}

/// Outside of selectors.
fn expression(settled: &[Token<'_>], under: Option<Token<'_>>) -> Wanted {
    let Some(last) = settled.last() else { return value(under) };
    match last.kind {
        Kind::Word if last.text == "offset" => Wanted::Duration,
        Kind::Word if is_among(&AGGREGATIONS, last.text) => Wanted::After { aggregation: true },
        Kind::Word if ["and", "or", "unless", "bool"].contains(&last.text) => value(under),
        Kind::Word if !is_metric(last.text) => Wanted::Nothing,
        Kind::Close(')') if closes_labels(settled) => value(under),
        Kind::Word | Kind::Number | Kind::Close(_) => {
            if under.is_some_and(|word| word.kind == Kind::Number) {
                Wanted::Nothing
            } else {
                Wanted::After { aggregation: false }
            }
        }
        Kind::Text(_) | Kind::Comment => Wanted::Nothing,
        Kind::Sign if last.text == "@" => Wanted::Nothing,
        Kind::Sign | Kind::Open(_) => value(under),
    }
}

fn value(under: Option<Token<'_>>) -> Wanted {
    if under.is_some_and(|word| word.kind == Kind::Number) { Wanted::Nothing } else { Wanted::Value }
}

/// Whether the bracket that was closed last held the labels of a group.
fn closes_labels(settled: &[Token<'_>]) -> bool {
    let open = settled.iter().rposition(|token| token.kind == Kind::Open('('));
    let before = open.and_then(|at| at.checked_sub(1)).map(|at| settled[at].text);
    before.is_some_and(|word| BEFORE_LABELS.contains(&word))
}

/// The metric that the matchers of a selector name.
fn named_inside(selector: &[Token<'_>]) -> String {
    let named = selector.windows(3).find(|three| three[0].text == "__name__" && three[1].text == "=");
    named.map(|three| unquoted(three[2].text)).unwrap_or_default()
}

/// The first metric of a text.
pub fn any_metric(text: &str) -> Option<String> {
    let mut depth = 0_usize;
    let all = tokens(text);
    for (at, token) in all.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| all[at].text).unwrap_or_default();
        match token.kind {
            Kind::Open('{' | '[') => depth += 1,
            Kind::Open(_) if depth > 0 || BEFORE_LABELS.contains(&before) => depth += 1,
            Kind::Close(_) => depth = depth.saturating_sub(1),
            Kind::Word
                if depth == 0 && is_metric(token.text) && all.get(at + 1).is_none_or(|next| next.text != "(") =>
            {
                return Some(token.text.to_owned());
            }
            _ => {}
        }
    }
    None
}

impl Context {
    /// The choices that need no server, best first.
    pub fn known(&self) -> Vec<Choice> {
        let lists: &[(&[Known], &str)] = match self.wanted {
            Wanted::Value => &[(&FUNCTIONS, "function"), (&AGGREGATIONS, "aggregation")],
            Wanted::After { aggregation: true } => &[(&AFTER_AGGREGATION, "keyword")],
            Wanted::After { aggregation: false } => &[(&AFTER_VALUE, "keyword")],
            Wanted::Duration => &[(&DURATIONS, "duration")],
            Wanted::Label { .. } | Wanted::LabelValue { .. } | Wanted::Nothing => &[],
        };
        // A list of everything in the way of who goes on by themselves is of no use.
        let needs_beginning = matches!(self.wanted, Wanted::Value | Wanted::After { aggregation: false });
        if needs_beginning && self.typed.is_empty() {
            return Vec::new();
        }
        let typed = self.typed.to_lowercase();
        let all = lists.iter().flat_map(|(known, kind)| known.iter().map(move |(name, help)| (*name, *help, *kind)));
        let mut found: Vec<_> = all.filter(|(name, ..)| name.starts_with(&typed)).collect();
        found.sort_unstable();
        let text = |name: &str, kind: &str| match kind {
            "function" | "aggregation" => format!("{name}("),
            "duration" => name.to_owned(),
            _ => format!("{name} "),
        };
        let choice = |(name, help, kind): (&str, &str, &str)| Choice {
            text: text(name, kind),
            label: name.to_owned(),
            kind: kind.to_owned(),
            help: help.to_owned(),
        };
        found.into_iter().map(choice).collect()
    }

    /// What is put in place for a value of a label.
    pub fn value_text(value: &str) -> String {
        format!("\"{}\"", escaped(value))
    }
}

/// The text with a choice in place, and where the cursor is then, in bytes.
pub fn complete(text: &str, place: &Range<usize>, choice: &str) -> (String, usize) {
    let (before, after) = (&text[..place.start], &text[place.end..]);
    // What stands there already is not written twice.
    let last = choice.chars().next_back().filter(|last| "( ".contains(*last) && after.starts_with(*last));
    let written = last.map_or(choice, |last| &choice[..choice.len() - last.len_utf8()]);
    let caret = before.len() + choice.len();
    (format!("{before}{written}{after}"), caret)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The context at `|`.
    fn at(text: &str) -> Context {
        let cursor = text.find('|').unwrap();
        context(&text.replacen('|', "", 1), cursor)
    }

    fn label(metric: &str) -> Wanted {
        Wanted::Label { metric: metric.into() }
    }

    fn label_value(metric: &str, label: &str, in_quotes: bool) -> Wanted {
        Wanted::LabelValue { metric: metric.into(), label: label.into(), in_quotes }
    }

    #[test]
    fn where_a_value_can_stand_metrics_and_functions_are_offered() {
        for text in
            ["|", "ra|", "rate(|", "rate(ht|", "up + |", "sum by (job) (|", "sum by (job) (ra|", "a or b|", "-|"]
        {
            assert_eq!(at(text).wanted, Wanted::Value, "{text}");
        }
        assert_eq!(at("sum by (job) |").wanted, Wanted::Value);
        assert_eq!((at("rate(ht|tp_x[5m])").place, at("rate(ht|tp_x[5m])").typed.as_str()), (5..11, "ht"));
    }

    #[test]
    fn inside_of_braces_labels_and_their_values_are_offered() {
        assert_eq!(at("up{|").wanted, label("up"));
        assert_eq!(at("up{jo|}").wanted, label("up"));
        assert_eq!(at("rate(up{job=\"a\", |}[5m])").wanted, label("up"));
        assert_eq!(at("{__name__=\"up\", |}").wanted, label("up"));
        assert_eq!(at("up{job=|}").wanted, label_value("up", "job", false));
        assert_eq!(at("up{job=~\"a|").wanted, label_value("up", "job", true));
        let context = at("up{job=\"a|bc\"}");
        assert_eq!(
            (context.wanted, context.typed.as_str(), context.place),
            (label_value("up", "job", true), "a", 7..12)
        );
        assert_eq!(at("up{job=\"a\"|}").wanted, Wanted::Nothing);
        assert_eq!(at("up{job |}").wanted, Wanted::Nothing);
    }

    #[test]
    fn groups_are_made_of_the_labels_of_the_metric() {
        assert_eq!(at("sum by (|) (rate(http_total{code=\"5\"}[5m]))").wanted, label("http_total"));
        assert_eq!(at("sum(rate(http_total[5m])) by (job, |)").wanted, label("http_total"));
        assert_eq!(at("sum by (|").wanted, label(""));
    }

    #[test]
    fn ranges_offsets_and_what_follows_a_value_are_offered() {
        for text in ["rate(x[|", "rate(x[5|m])", "x offset |"] {
            assert_eq!(at(text).wanted, Wanted::Duration, "{text}");
        }
        assert_eq!(at("sum |").wanted, Wanted::After { aggregation: true });
        for text in ["up |", "up o|", "rate(x[5m]) an|", "up{a=\"b\"} |"] {
            assert_eq!(at(text).wanted, Wanted::After { aggregation: false }, "{text}");
        }
        for text in ["up # no|", "\"text|", "up + 1|", "label_replace(up, \"a|"] {
            assert_eq!(at(text).wanted, Wanted::Nothing, "{text}");
        }
    }

    #[test]
    fn a_choice_takes_the_place_of_the_word() {
        let done = |text: &str, choice: &str| {
            let context = at(text);
            let (text, caret) = complete(&text.replacen('|', "", 1), &context.place, choice);
            format!("{}|{}", &text[..caret], &text[caret..])
        };
        assert_eq!(done("sum(ra|)", "rate("), "sum(rate(|)");
        assert_eq!(done("ra|(x)", "rate("), "rate(|x)");
        assert_eq!(done("up{job=\"a|\"}", &Context::value_text("a\"b")), "up{job=\"a\\\"b\"|}");
        assert_eq!(done("up{job=|}", &Context::value_text("x")), "up{job=\"x\"|}");
        assert_eq!(done("x[5|m]", "15m"), "x[15m|]");
    }

    #[test]
    fn known_words_are_offered_by_their_beginning() {
        let known: Vec<String> = at("hist|").known().into_iter().map(|choice| choice.text).collect();
        assert_eq!(known, ["histogram_quantile("]);
        assert!(at("|").known().is_empty());
        assert_eq!(at("sum |").known().len(), 2);
    }

    proptest! {
        #[test]
        fn any_place_of_any_text_has_a_context_inside(text in "[a-z{}()\\[\\]\"=,~! é#0-9\n]*", cursor in 0_usize..60) {
            let context = context(&text, cursor);
            prop_assert!(text.get(context.place.clone()).is_some());
            let (done, caret) = complete(&text, &context.place, "sum(");
            prop_assert!(done.is_char_boundary(caret));
        }
    }
}
